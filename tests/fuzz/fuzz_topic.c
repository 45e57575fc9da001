/* SPDX-License-Identifier: Apache-2.0 */
/* Topics that arrive: any text after BASE/NODE/. What was taken apart gives the same topic when it is put together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/topics.h"
#include "fuzz/fuzz.h"

static const char *const words[] = { [TOPIC_SET] = "set", [TOPIC_GET] = "get", [TOPIC_STATUS] = "status" };

static bool is_level(const char *text)
{
        return text[0] != '\0' && strlen(text) <= TOPIC_LEVEL_MAX && !strchr(text, '/');
}

static void check_parts(const char *text, const char *base, const struct topic *topic)
{
        char built[TOPIC_MAX + TOPIC_LEVEL_MAX + 2];

        must(!topic->device || is_level(topic->device));
        must(!topic->channel || is_level(topic->channel));
        must(!topic->channel || (topic->kind == TOPIC_SET && topic->device));
        must(topic->kind != TOPIC_SET || topic->device);
        must(topic->kind != TOPIC_STATUS || !topic->device);
        must(topic_build(built, base, "hall", topic->device, words[topic->kind]) == 0);
        if (topic->channel)
                (void)sprintf(built + strlen(built), "/%s", topic->channel);
        must(same_text(built, text));
}

/* Whatever a device is called: the topic fits or is refused, and is never cut. */
static void check_built(const char *base, const char *device)
{
        char built[TOPIC_MAX], *whole = NULL;
        int r = topic_build(built, base, "hall", device, "state");

        must(asprintf(&whole, "%s/hall/%s/state", base, device) > 0);
        must(r == 0 || r == -ENAMETOOLONG);
        must((r == 0) == (strlen(whole) < TOPIC_MAX));
        must(r < 0 || same_text(built, whole));
        free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const bases[] = { "sconce", "home/sconce" };
        struct input input = input_of(data, size);
        char *text = input_rest(&input);

        for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
                struct topic topic;
                int r = topic_parse(text, bases[i], "hall", &topic);
                must(r == 0 || r == -EINVAL);
                if (r == 0)
                        check_parts(text, bases[i], &topic);
                check_built(bases[i], text);
        }
        free(text);
        return 0;
}
