/* SPDX-License-Identifier: Apache-2.0 */
#include "client/payload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
/* The digits that bring 21.3 back as 21.3. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* What kinds of channel make of a word. A kind that is not here, or not known: what the word looks like. */
static const struct {
        const char *kind;
        bool is_on_off; /* ON and OFF in all their spellings */
} text_kinds[] = {
        { "light", true },  { "switch", true },  { "button", false },
        { "cover", false }, { "select", false }, { "text", false },
};

/* What people and machines say for ON and OFF. */
static const struct {
        const char *word, *state;
} on_off_words[] = {
        { "on", "ON" }, { "1", "ON" },      { "true", "ON" },       { "off", "OFF" },
        { "0", "OFF" }, { "false", "OFF" }, { "toggle", "TOGGLE" },
};

/* Which channel a plain word is for: the first of these kinds. 1 may be a level as well as ON, so that there
 * the device's very first channel decides. */
static const struct {
        const char *word; /* NULL: any number */
        const char *kinds[2];
        bool first_channel;
} plain_words[] = {
        { "on", { "light", "switch" }, false },
        { "off", { "light", "switch" }, false },
        { "true", { "light", "switch" }, true },
        { "false", { "light", "switch" }, true },
        { "1", { "light", "switch" }, true },
        { "0", { "light", "switch" }, true },
        { "toggle", { "light", "switch" }, false },
        { "open", { "cover" }, false },
        { "close", { "cover" }, false },
        { "stop", { "cover" }, false },
        { "press", { "button" }, false },
        { NULL, { "number", "duration" }, false },
};

/* The `=` of KEY=VALUE; NULL for a plain word. */
static const char *equals_of(const char *word)
{
        size_t length = strspn(word, KEY_CHARACTERS);
        return length > 0 && word[length] == '=' ? word + length : NULL;
}

static const char *state_of(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(on_off_words); i++)
                if (strcasecmp(on_off_words[i].word, word) == 0)
                        return on_off_words[i].state;
        return NULL;
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

static json_t *typed(const char *word, const char *kind)
{
        for (size_t i = 0; i < ARRAY_SIZE(text_kinds); i++) {
                if (strcmp(text_kinds[i].kind, kind) == 0) {
                        const char *state = text_kinds[i].is_on_off ? state_of(word) : NULL;
                        return json_string(state ? state : word);
                }
        }
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
                return fault_set(fault, -EINVAL, "the value begins like JSON but is none: %s (character %d)",
                                 error.text, error.position);
        *ret = object;
        return 0;
}

static int object_of_pairs(char *const *words, size_t count, json_t *channels, json_t **ret,
                           struct fault *fault)
{
        CLEANUP_JSON json_t *object = json_object();

        for (size_t i = 0; i < count; i++) {
                const char *equals = equals_of(words[i]);
                if (!equals)
                        return fault_set(
                                fault, -EINVAL,
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

static bool takes(size_t row, const char *kind)
{
        for (size_t i = 0; i < ARRAY_SIZE(plain_words[row].kinds) && plain_words[row].kinds[i]; i++)
                if (strcmp(plain_words[row].kinds[i], kind) == 0)
                        return true;
        return false;
}

/* The key of the channel that a row of plain_words is about; NULL: the device has none. */
static const char *channel_of_row(size_t row, json_t *channels)
{
        const char *key;
        json_t *channel;

        json_object_foreach (channels, key, channel) {
                if (takes(row, kind_of(channels, key)))
                        return key;
                if (plain_words[row].first_channel)
                        break;
        }
        return NULL;
}

static const char *channel_of_plain(json_t *channels, const char *word)
{
        CLEANUP_JSON json_t *literal = literal_of(word);

        for (size_t i = 0; i < ARRAY_SIZE(plain_words); i++) {
                bool is_it = plain_words[i].word ? strcasecmp(plain_words[i].word, word) == 0
                                                 : json_is_number(literal);
                const char *key = is_it ? channel_of_row(i, channels) : NULL;
                if (key)
                        return key;
        }
        return NULL;
}

static int object_of_plain(const char *word, json_t *channels, json_t **ret, struct fault *fault)
{
        const char *key = channel_of_plain(channels, word);

        if (!key)
                return fault_set(
                        fault, -EINVAL,
                        "the broker speaks MQTT 3.1.1, where a command must be JSON to be answered, and no channel "
                        "for \"%s\" is known: write KEY=VALUE",
                        word);
        *ret = json_pack("{s:o}", key, typed(word, kind_of(channels, key)));
        return *ret ? 0 : no_memory(fault);
}

static int object_of(char *const *words, size_t count, json_t *channels, json_t **ret, struct fault *fault)
{
        if (words[0][0] == '{' && count == 1)
                return object_of_text(words[0], ret, fault);
        if (count == 1 && !equals_of(words[0]))
                return object_of_plain(words[0], channels, ret, fault);
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

int payload_make(char *const *words, size_t count, json_t *channels, const char *id, char **ret,
                 struct fault *fault)
{
        CLEANUP_JSON json_t *object = NULL;
        char *text;

        if (is_plain(words, count) && !id) {
                text = strdup(words[0]);
        } else {
                int r = object_of(words, count, channels, &object, fault);
                if (r < 0)
                        return r;
                if (id && !json_object_get(object, "id") &&
                    json_object_set_new(object, "id", json_string(id)) < 0)
                        return no_memory(fault);
                text = json_dumps(object, DUMP_FLAGS);
        }
        if (!text)
                return no_memory(fault);
        *ret = text;
        return 0;
}
