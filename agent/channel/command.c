/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel/convert.h"
#include "util/suggest.h"

/* More keys and elements than any command can have. */
#define JSON_ITEMS_MAX (4 * COMMAND_VALUES_MAX)

struct parse {
        const struct channels *channels;
        struct command *command;
        struct result *result;
        bool is_dark; /* it asks a light for brightness 0 */
};

/* ---- Brightness 0 -------------------------------------------------------------------------------------- */

/* A light that is asked for brightness 0 is to be off, also where its brightness begins above that: senders of
 * levels have no other word for it. */
static bool is_dark(const struct parse *parse, const struct channel *channel, const struct given *given)
{
        double number;

        return strcmp(channel->row.key, "brightness") == 0 && channel->row.kind == SCONCE_NUMBER &&
               channels_are_light(parse->channels) && given_number(given, &number) && number == 0;
}

static int too_many(struct parse *parse)
{
        return refuse(parse->result, RESULT_RANGE, "more than %d values at once", COMMAND_VALUES_MAX);
}

/* The state that was asked for besides must not be another. */
static int darken(struct parse *parse)
{
        const struct channel *light = channels_first_of(parse->channels, SCONCE_LIGHT);
        const struct command *command = parse->command;

        for (size_t i = 0; i < command->count; i++) {
                if (strcmp(command->values[i].channel, light->row.key) != 0)
                        continue;
                if (command->values[i].on || command->toggles & (1U << i))
                        return refuse(parse->result, RESULT_RANGE,
                                      "brightness: 0 means OFF, and %s asks for something else", light->row.key);
                return 0;
        }
        if (command->count >= COMMAND_VALUES_MAX)
                return too_many(parse);
        parse->command->values[parse->command->count++] = SCONCE_BOOL(light->row.key, false);
        return 0;
}

static int convert(struct parse *parse, const struct channel *channel, const struct given *given)
{
        struct command *command = parse->command;

        if (!channel_is_writable(channel))
                return refuse(parse->result, RESULT_READ_ONLY, "%s can only be read", channel->row.key);
        if (is_dark(parse, channel, given)) {
                parse->is_dark = true;
                return 0;
        }
        if (command->count >= COMMAND_VALUES_MAX)
                return too_many(parse);
        struct sconce_value *value = &command->values[command->count];
        *value = (struct sconce_value){ .channel = channel->row.key, .type = channel->kind->type };
        int r = channel->kind->convert(&channel->row, given, value, parse->result);
        if (r < 0)
                return r;
        if (r == CONVERT_TOGGLE)
                command->toggles |= 1U << command->count;
        command->count++;
        return 0;
}

/* ---- Plain payloads ------------------------------------------------------------------------------------ */

/* What people call the words' channels, for messages. */
static const struct {
        const char *what;
        struct channel *(*find)(const struct channels *channels);
        enum sconce_kind kind; /* where `find` is NULL */
} targets[] = {
        [WORD_ON] = { "switched on or off", channels_first_on_off, 0 },
        [WORD_OFF] = { "switched on or off", channels_first_on_off, 0 },
        [WORD_TOGGLE] = { "switched on or off", channels_first_on_off, 0 },
        [WORD_OPEN] = { "opened or closed", NULL, SCONCE_COVER },
        [WORD_CLOSE] = { "opened or closed", NULL, SCONCE_COVER },
        [WORD_STOP] = { "opened or closed", NULL, SCONCE_COVER },
        [WORD_PRESS] = { "pressed", NULL, SCONCE_BUTTON },
};

/* The channel that a word goes to; NULL: the device has none such. */
static const struct channel *target_of(const struct channels *channels, enum word word)
{
        return targets[word].find ? targets[word].find(channels) : channels_first_of(channels, targets[word].kind);
}

static bool anything_is_writable(const struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++)
                if (channel_is_writable(&channels->items[i]))
                        return true;
        return false;
}

static bool begins_on_off(const struct channels *channels)
{
        const struct channel *on_off = channels_first_on_off(channels);
        return on_off && on_off == &channels->items[0];
}

static int plain_number(struct parse *parse, const struct given *given, double number)
{
        const struct channel *channel = channels_first_number(parse->channels);

        if ((number == 0 || number == 1) && begins_on_off(parse->channels))
                channel = &parse->channels->items[0];
        if (!channel)
                return refuse(parse->result, RESULT_TYPE, "this device takes no number");
        return convert(parse, channel, given);
}

static int unknown_word(struct parse *parse, const char *text)
{
        struct suggestion near = { .wanted = text };
        char hint[SUGGESTION_MAX];

        for (const struct word_text *row = word_texts; row->text; row++)
                if (target_of(parse->channels, row->word))
                        suggestion_offer(&near, row->text);
        return refuse(parse->result, RESULT_MALFORMED,
                      "\"%.40s\" is no command: send a word like ON, a number, or a JSON object%s", text,
                      suggestion_text(&near, hint));
}

/* A bare payload for the device as a whole finds its channel by what it is. */
static int plain_for_device(struct parse *parse, const struct given *given)
{
        double number;

        if (!anything_is_writable(parse->channels))
                return refuse(parse->result, RESULT_READ_ONLY, "this device can only be read");
        if (given_number(given, &number))
                return plain_number(parse, given, number);

        enum word word = word_find(given->text);
        if (word == WORD_NONE)
                return unknown_word(parse, given->text);
        const struct channel *channel = target_of(parse->channels, word);
        if (!channel)
                return refuse(parse->result, RESULT_TYPE, "this device cannot be %s", targets[word].what);
        return convert(parse, channel, given);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static struct given given_json(const json_t *json)
{
        switch (json_typeof(json)) {
        case JSON_STRING:
                return (struct given){ .type = GIVEN_TEXT, .text = json_string_value(json) };
        case JSON_INTEGER:
        case JSON_REAL:
                return (struct given){ .type = GIVEN_NUMBER, .number = json_number_value(json) };
        case JSON_TRUE:
        case JSON_FALSE:
                return (struct given){ .type = GIVEN_BOOL, .on = json_is_true(json) };
        default:
                return (struct given){ .type = GIVEN_OTHER };
        }
}

static bool is_id(const json_t *json)
{
        switch (json_typeof(json)) {
        case JSON_STRING:
        case JSON_INTEGER:
        case JSON_REAL:
                return true;
        default:
                return false;
        }
}

int command_take_id(const json_t *json, char id[static COMMAND_ID_TEXT], struct result *result)
{
        struct json_text text = { 0 };

        if (!is_id(json))
                return refuse(result, RESULT_TYPE, "id takes a text or a number");
        size_t length = json_string_length(json); /* of a number: 0 */
        if (length > COMMAND_ID_MAX)
                return refuse(result, RESULT_RANGE, "id has %zu bytes; at most %d are allowed", length, COMMAND_ID_MAX);
        if (json_is_string(json))
                json_put_string(&text, json_string_value(json));
        else if (json_is_integer(json))
                json_put_integer(&text, json_integer_value(json));
        else
                json_put_number(&text, json_real_value(json));
        if (!text.failed && text.size < COMMAND_ID_TEXT) {
                memcpy(id, text.data, text.size);
                id[text.size] = '\0';
        }
        json_text_done(&text);
        return 0;
}

static int take_id(struct parse *parse, const json_t *json)
{
        return command_take_id(json, parse->command->id, parse->result);
}

static int take_expires(struct parse *parse, const json_t *json)
{
        if (!json_is_string(json))
                return refuse(parse->result, RESULT_TYPE, "expires takes a time like " COMMAND_EXPIRES_EXAMPLE);
        parse->command->expires = json_string_value(json);
        return 0;
}

/* Keys of the command itself, which no channel can have. */
static const struct {
        const char *key;
        int (*take)(struct parse *parse, const json_t *json);
} own_keys[] = { { "id", take_id }, { "expires", take_expires } };

static bool is_own_key(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(own_keys); i++)
                if (strcmp(own_keys[i].key, key) == 0)
                        return true;
        return false;
}

/* Home Assistant's light schema: keys that change nothing for a light without them. The others of the schema
 * are refused with a sentence that fits. */
static const struct {
        const char *key;
        bool is_harmless;
} light_keys[] = {
        { "transition", true }, { "color_mode", true }, { "brightness", false }, { "flash", false },
        { "effect", false },    { "color", false },     { "color_temp", false }, { "white", false },
};

static int unknown_key(struct parse *parse, const char *key)
{
        struct suggestion near = { .wanted = key };
        char hint[SUGGESTION_MAX];

        for (size_t i = 0; channels_are_light(parse->channels) && i < ARRAY_SIZE(light_keys); i++) {
                if (strcmp(light_keys[i].key, key) != 0)
                        continue;
                if (light_keys[i].is_harmless)
                        return 0;
                return refuse(parse->result, RESULT_UNKNOWN_KEY, "this light has no %s", key);
        }
        for (size_t i = 0; i < parse->channels->count; i++)
                suggestion_offer(&near, parse->channels->items[i].row.key);
        return refuse(parse->result, RESULT_UNKNOWN_KEY, "unknown key \"%.60s\"%s", key, suggestion_text(&near, hint));
}

static int take_key(struct parse *parse, const char *key, const json_t *json)
{
        const struct channel *channel = channels_find(parse->channels, key);

        if (is_own_key(key))
                return 0;
        if (!channel)
                return unknown_key(parse, key);
        const struct given given = given_json(json);
        return convert(parse, channel, &given);
}

static int take_object(struct parse *parse, json_t *object)
{
        const char *key;
        json_t *value;
        int r = 0;

        /* These first: a refusal carries the id too. */
        for (size_t i = 0; i < ARRAY_SIZE(own_keys); i++) {
                const json_t *own = json_object_get(object, own_keys[i].key);
                if (own && (r = own_keys[i].take(parse, own)) < 0)
                        return r;
        }
        json_object_foreach(object, key, value) if ((r = take_key(parse, key, value)) < 0) return r;
        if (parse->command->count == 0 && !parse->is_dark)
                return refuse(parse->result, RESULT_MALFORMED, "the object names nothing to do");
        return 0;
}

static int load_json(struct parse *parse, const char *text, size_t size)
{
        json_error_t error;

        /* Seen without parsing it: thousands of keys would take their time, and cannot be right. */
        if (json_shape(text, size).items > JSON_ITEMS_MAX)
                return refuse(parse->result, RESULT_RANGE, "more than %d values at once", COMMAND_VALUES_MAX);
        parse->command->json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (parse->command->json)
                return 0;
        return command_refuse_json(&error, parse->result);
}

/* ---- The payload --------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int command_refuse_json(const json_error_t *error, struct result *result)
{
        if (!*error->text || json_error_code(error) == json_error_out_of_memory)
                return refuse(result, RESULT_FAILED, "out of memory");
        return refuse(result, RESULT_MALFORMED, "not JSON: %.200s", error->text);
}

int command_check_bytes(const struct command_limits *limits, const char *text, size_t size, struct result *result)
{
        if (size > limits->max_bytes)
                return refuse(result, RESULT_TOO_LARGE, "%zu bytes are too many; at most %zu are allowed", size,
                              limits->max_bytes);
        if (!utf8_is_valid(text, size))
                return refuse(result, RESULT_MALFORMED, "not UTF-8 text%s",
                              memchr(text, '\0', size) ? ": it has a NUL byte in it" : "");
        if (json_shape(text, size).depth > limits->max_depth)
                return refuse(result, RESULT_DEPTH, "nested too deep; at most %u levels are allowed",
                              limits->max_depth);
        return 0;
}

/* Finds the channel that a topic ends with. */
static int topic_channel(struct parse *parse, const char *key, const struct channel **ret)
{
        struct suggestion near = { .wanted = key };
        char hint[SUGGESTION_MAX];

        *ret = channels_find(parse->channels, key);
        if (*ret)
                return 0;
        for (size_t i = 0; i < parse->channels->count; i++)
                suggestion_offer(&near, parse->channels->items[i].row.key);
        return refuse(parse->result, RESULT_UNKNOWN_CHANNEL, "there is no channel \"%.60s\"%s", key,
                      suggestion_text(&near, hint));
}

static int parse_json(struct parse *parse, const struct channel *channel, const char *text, size_t size)
{
        int r = load_json(parse, text, size);

        if (r < 0)
                return r;
        json_t *json = parse->command->json;
        if (channel) {
                const struct given given = given_json(json);
                return convert(parse, channel, &given);
        }
        if (json_is_object(json))
                return take_object(parse, json);
        if (!json_is_string(json))
                return refuse(parse->result, RESULT_TYPE, "a command is a word, a number or a JSON object");
        const struct given given = { .type = GIVEN_TEXT, .text = json_string_value(json) };
        return plain_for_device(parse, &given);
}

static int parse_plain(struct parse *parse, const struct channel *channel, const char *text, size_t size)
{
        parse->command->text = strndup(text, size);
        if (!parse->command->text)
                return refuse(parse->result, RESULT_FAILED, "out of memory");
        const struct given given = { .type = GIVEN_TEXT, .text = parse->command->text };
        return channel ? convert(parse, channel, &given) : plain_for_device(parse, &given);
}

int command_parse(const struct channels *channels, const char *channel_key, const void *payload, size_t size,
                  const struct command_limits *limits, struct command *ret, struct result *result)
{
        struct parse parse = { .channels = channels, .command = ret, .result = result };
        const struct channel *channel = NULL;
        const char *text = payload ? payload : ""; /* empty ones may come as NULL */

        ret->count = 0;
        ret->toggles = 0;
        ret->id[0] = '\0';
        ret->expires = NULL;
        ret->json = NULL;
        ret->text = NULL;
        result->code = RESULT_OK;
        int r = command_check_bytes(limits, text, size, result);
        if (r < 0)
                return r;
        if (channel_key && (r = topic_channel(&parse, channel_key, &channel)) < 0)
                return r;
        while (size > 0 && is_space(text[0]))
                text++, size--;
        while (size > 0 && is_space(text[size - 1]))
                size--;
        if (size == 0)
                return 1;
        bool is_json = text[0] == '{' || text[0] == '[' || text[0] == '"';
        r = is_json ? parse_json(&parse, channel, text, size) : parse_plain(&parse, channel, text, size);
        if (r == 0 && parse.is_dark)
                r = darken(&parse);
        if (r < 0)
                ret->count = ret->toggles = 0; /* whole or not at all */
        return r;
}

void command_done(struct command *command)
{
        json_decref(command->json);
        free(command->text);
        command->json = NULL;
        command->text = NULL;
}

void command_resolve(struct command *command, const struct channels *channels)
{
        for (size_t i = 0; i < command->count; i++) {
                if (!(command->toggles & (1U << i)))
                        continue;
                const struct channel *channel = channels_find(channels, command->values[i].channel);
                command->values[i].on = !(channel && channel->now.type == SCONCE_VALUE_BOOL && channel->now.on);
        }
        command->toggles = 0;
}
