/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/topics.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LEVELS_MAX = 3 }; /* DEVICE/set/CHANNEL */

/* What follows "PREFIX/" in `text`, NULL where it does not begin so. */
static const char *skip_levels(const char *text, const char *prefix)
{
        size_t length = strlen(prefix);

        if (strncmp(text, prefix, length) != 0 || text[length] != '/')
                return NULL;
        return text + length + 1;
}

struct level {
        const char *text;
        size_t length;
};

/* Cuts at slashes; more levels than fit are -EINVAL. */
static int split(const char *text, struct level levels[static LEVELS_MAX])
{
        int count = 0;

        for (;;) {
                size_t length = strcspn(text, "/");
                if (count == LEVELS_MAX)
                        return -EINVAL;
                levels[count++] = (struct level){ text, length };
                if (text[length] == '\0')
                        return count;
                text += length + 1;
        }
}

static bool level_is(const struct level *level, const char *word)
{
        return strlen(word) == level->length && memcmp(level->text, word, level->length) == 0;
}

/* NULL where the level is empty or too long. */
static const char *copy_level(const struct level *level, char text[static TOPIC_LEVEL_MAX + 1])
{
        if (level->length == 0 || level->length > TOPIC_LEVEL_MAX)
                return NULL;
        memcpy(text, level->text, level->length);
        text[level->length] = '\0';
        return text;
}

/* The shapes of what we subscribe to: `word` stands at level `at` of `count`. */
static const struct shape {
        int count, at;
        const char *word;
        enum topic_kind kind;
} shapes[] = {
        { 1, 0, "status", TOPIC_STATUS }, { 1, 0, "get", TOPIC_GET }, { 2, 1, "get", TOPIC_GET },
        { 2, 1, "set", TOPIC_SET },       { 3, 1, "set", TOPIC_SET },
};

static int fill(const struct shape *shape, const struct level *levels, struct topic *ret)
{
        ret->kind = shape->kind;
        ret->device = ret->channel = NULL;
        if (shape->at == 1 && !(ret->device = copy_level(&levels[0], ret->texts[0])))
                return -EINVAL;
        if (shape->count == 3 && !(ret->channel = copy_level(&levels[2], ret->texts[1])))
                return -EINVAL;
        return 0;
}

int topic_parse(const char *topic, const char *base, const char *node, struct topic *ret)
{
        struct level levels[LEVELS_MAX];
        const char *rest = skip_levels(topic, base);
        int count;

        rest = rest ? skip_levels(rest, node) : NULL;
        count = rest ? split(rest, levels) : -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
                if (shapes[i].count == count && level_is(&levels[shapes[i].at], shapes[i].word))
                        return fill(&shapes[i], levels, ret);
        return -EINVAL;
}

/* Called for each message: printing costs six times as much. */
int topic_build(char topic[static TOPIC_MAX], const char *base, const char *node, const char *device, const char *word)
{
        const char *levels[] = { base, node, device, word };
        size_t at = 0;

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                size_t length = levels[i] ? strlen(levels[i]) : 0;
                if (!levels[i])
                        continue;
                if (at + length + 1 > TOPIC_MAX)
                        return -ENAMETOOLONG;
                memcpy(topic + at, levels[i], length);
                at += length;
                topic[at++] = '/';
        }
        topic[at - 1] = '\0';
        return 0;
}
