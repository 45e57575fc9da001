/* SPDX-License-Identifier: Apache-2.0 */
#include "client/payload.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
/* The digits that bring 21.3 back as 21.3. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Kinds whose values are ON and OFF, in all their spellings. */
static const char *const on_off_kinds[] = { "light", "switch" };

/* Kinds whose values are words as they are. Of any other kind a word is what it looks like. */
static const char *const text_kinds[] = { "button", "cover", "select", "text" };

/* Spellings of ON and OFF, beside the numbers 1 and 0. */
static const struct {
        const char *word, *state;
} on_off_words[] = {
        { "on", "ON" }, { "true", "ON" }, { "off", "OFF" }, { "false", "OFF" }, { "toggle", "TOGGLE" },
};

/* The kind that a plain word beside ON and OFF is for. Any other word is left to the node, and so is a number, but for
 * what number_channel() knows. */
static const struct {
        const char *word, *kind;
} plain_words[] = {
        { "open", "cover" }, { "close", "cover" }, { "up", "cover" },
        { "down", "cover" }, { "stop", "cover" },  { "press", "button" },
};

/* Kinds that can be set unless their channel has `writable`. */
static const char *const writable_kinds[] = { "light", "switch", "number", "cover", "button", "select", "duration" };

static bool is_among(const char *const *kinds, size_t count, const char *kind)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(kinds[i], kind) == 0)
                        return true;
        return false;
}
#define IS_AMONG(kinds, kind) is_among(kinds, ARRAY_SIZE(kinds), kind)

/* The `=` of KEY=VALUE; NULL for a plain word. */
static const char *equals_of(const char *word)
{
        size_t length = strspn(word, KEY_CHARACTERS);
        return length > 0 && word[length] == '=' ? word + length : NULL;
}

static const char *kind_of(json_t *channels, const char *key)
{
        const char *kind = json_string_value(json_object_get(json_object_get(channels, key), "kind"));
        return kind ? kind : "";
}

/* A number, true or false in JSON's own grammar; NULL for any other word. */
static json_t *literal_of(const char *word)
{
        CLEANUP_JSON json_t *value = json_loads(word, JSON_DECODE_ANY, NULL);
        return json_is_number(value) || json_is_boolean(value) ? TAKE_PTR(value) : NULL;
}

static const char *state_of(const char *word)
{
        CLEANUP_JSON json_t *literal = literal_of(word);
        double number = json_is_number(literal) ? json_number_value(literal) : -1;

        for (size_t i = 0; i < ARRAY_SIZE(on_off_words); i++)
                if (strcasecmp(on_off_words[i].word, word) == 0)
                        return on_off_words[i].state;
        return number == 1 ? "ON" : number == 0 ? "OFF" : NULL;
}

static json_t *typed(const char *word, const char *kind)
{
        const char *state = IS_AMONG(on_off_kinds, kind) ? state_of(word) : NULL;

        if (state || IS_AMONG(on_off_kinds, kind) || IS_AMONG(text_kinds, kind))
                return json_string(state ? state : word);
        json_t *literal = literal_of(word);
        return literal ? literal : json_string(word);
}

static int no_memory(struct fault *fault)
{
        return fault_set(fault, -ENOMEM, "out of memory");
}

static int object_of_text(const char *word, json_t **ret, struct fault *fault)
{
        json_error_t error;
        json_t *object = json_loads(word, JSON_REJECT_DUPLICATES, &error);

        if (!object)
                return fault_set(fault, -EINVAL, "the value begins like JSON but is not valid: %s (character %d)",
                                 error.text, error.position);
        *ret = object;
        return 0;
}

static int object_of_pairs(char *const *words, size_t count, json_t *channels, json_t **ret, struct fault *fault)
{
        CLEANUP_JSON json_t *object = json_object();

        for (size_t i = 0; i < count; i++) {
                const char *equals = equals_of(words[i]);
                if (!equals)
                        return fault_set(fault, -EINVAL,
                                         "\"%s\" is not KEY=VALUE: a value is one plain word, or KEY=VALUE words only",
                                         words[i]);
                CLEANUP_FREE char *key = strndup(words[i], (size_t)(equals - words[i]));
                if (!key)
                        return no_memory(fault);
                if (json_object_get(object, key))
                        return fault_set(fault, -EINVAL, "%s is given twice", key);
                if (json_object_set_new(object, key, typed(equals + 1, kind_of(channels, key))) < 0)
                        return fault_set(fault, -EINVAL, "%s: the value must be UTF-8 text", key);
        }
        *ret = TAKE_PTR(object);
        return 0;
}

static bool is_writable(json_t *channel, const char *kind)
{
        const json_t *writable = json_object_get(channel, "writable");

        return writable ? json_is_true(writable) : IS_AMONG(writable_kinds, kind);
}

/* The first channel that is set by a bare number. NULL: there is none, or it cannot be known: a duration may be one
 * that only goes with a command, as in "on for 5 s", which a node of an earlier version does not report. */
static const char *number_channel(json_t *channels)
{
        const char *key;
        json_t *channel;

        json_object_foreach(channels, key, channel)
        {
                const char *kind = kind_of(channels, key);
                bool is_number = strcmp(kind, "number") == 0 || strcmp(kind, "sensor") == 0;

                if (!is_writable(channel, kind) || json_is_true(json_object_get(channel, "command_only")))
                        continue;
                if (is_number)
                        return key;
                if (strcmp(kind, "duration") == 0)
                        return NULL;
        }
        return NULL;
}

/* 0 and 1 are OFF and ON where the device's very first channel can be that. */
static const char *number_or_state_channel(json_t *channels, const json_t *number)
{
        const char *first = json_object_iter_key(json_object_iter(channels));
        double value = json_number_value(number);

        if ((value == 0 || value == 1) && first && IS_AMONG(on_off_kinds, kind_of(channels, first)) &&
            is_writable(json_object_get(channels, first), kind_of(channels, first)))
                return first;
        return number_channel(channels);
}

static bool is_for_kind(const char *word, const char *kind)
{
        for (size_t i = 0; i < ARRAY_SIZE(on_off_words); i++)
                if (strcasecmp(on_off_words[i].word, word) == 0)
                        return IS_AMONG(on_off_kinds, kind);
        for (size_t i = 0; i < ARRAY_SIZE(plain_words); i++)
                if (strcasecmp(plain_words[i].word, word) == 0)
                        return strcmp(plain_words[i].kind, kind) == 0;
        return false;
}

/* The channel that the node would choose: the first that can be set so; NULL: that is left to the node. */
static const char *channel_of_plain(json_t *channels, const char *word)
{
        CLEANUP_JSON json_t *literal = literal_of(word);
        const char *key;
        json_t *channel;

        if (json_is_number(literal))
                return number_or_state_channel(channels, literal);
        json_object_foreach(channels, key, channel)
        {
                const char *kind = kind_of(channels, key);
                if (is_for_kind(word, kind) && is_writable(channel, kind))
                        return key;
        }
        return NULL;
}

static int object_of(char *const *words, size_t count, json_t *channels, json_t **ret, struct fault *fault)
{
        if (words[0][0] == '{' && count == 1)
                return object_of_text(words[0], ret, fault);
        return object_of_pairs(words, count, channels, ret, fault);
}

static bool is_plain(char *const *words, size_t count)
{
        return count == 1 && words[0][0] != '{' && !equals_of(words[0]);
}

int payload_check(char *const *words, size_t count, struct fault *fault)
{
        CLEANUP_JSON json_t *object = NULL;

        if (is_plain(words, count)) {
                if (strspn(words[0], " \t\r\n") == strlen(words[0]))
                        return fault_set(fault, -EINVAL, "the value is empty");
                return 0;
        }
        return object_of(words, count, NULL, &object, fault);
}

/* The object for a plain word, or with NULL the word as it is: there its channel is the node's to choose. */
static json_t *object_of_plain(const char *word, json_t *channels)
{
        const char *key = channel_of_plain(channels, word);

        if (key)
                return json_pack("{s:o}", key, typed(word, kind_of(channels, key)));
        /* A button's own name presses it: the node's `restart`. */
        return strcmp(kind_of(channels, word), "button") == 0 ? json_pack("{s:s}", word, "PRESS") : NULL;
}

static int add_mark(json_t *object, const char *key, const char *mark)
{
        if (!mark || json_object_get(object, key))
                return 0;
        return json_object_set_new(object, key, json_string(mark)) < 0 ? -ENOMEM : 0;
}

static int text_of(json_t *object, const struct payload_marks *marks, char **ret)
{
        if (marks && (add_mark(object, "id", marks->id) < 0 || add_mark(object, "expires", marks->expires) < 0))
                return -ENOMEM;
        *ret = json_dumps(object, DUMP_FLAGS);
        return *ret ? 0 : -ENOMEM;
}

int payload_make(char *const *words, size_t count, json_t *channels, const struct payload_marks *marks, char **ret,
                 struct fault *fault)
{
        CLEANUP_JSON json_t *object = NULL;
        int r = 0;

        if (is_plain(words, count))
                object = marks ? object_of_plain(words[0], channels) : NULL;
        else
                r = object_of(words, count, channels, &object, fault);
        if (r < 0)
                return r;
        if (object)
                return text_of(object, marks, ret) < 0 ? no_memory(fault) : 0;
        *ret = strdup(words[0]);
        return *ret ? 0 : no_memory(fault);
}
