/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/trend_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/suggest.h"

/* A request is short: what has the word further on is a payload of another kind. */
#define LOOK_BYTES 4096

bool trend_is_request(const void *payload, size_t size)
{
        static const char word[] = "\"trend\"";
        const char *text = payload;

        while (size > 0 && (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r'))
                text++, size--;
        return size > 0 && *text == '{' && memmem(text, MIN(size, LOOK_BYTES), word, strlen(word));
}

/* ---- Keys ------------------------------------------------------------------------------------------------ */

static int take_id(const json_t *json, struct trend_request *ret, struct result *result)
{
        return command_take_id(json, ret->id, result);
}

static int take_span(const json_t *json, struct trend_request *ret, struct result *result)
{
        if (!json_is_string(json))
                return refuse(result, RESULT_TYPE, "trend takes a text: \"24h\" or \"7d\"");
        if (trend_span_from_name(json_string_value(json), &ret->span) < 0)
                return refuse(result, RESULT_RANGE, "trend: \"%.40s\" is not kept; \"24h\" and \"7d\" are",
                              json_string_value(json));
        return 0;
}

static int take_channel(const json_t *json, struct trend_request *ret, struct result *result)
{
        if (!json_is_string(json))
                return refuse(result, RESULT_TYPE, "channel takes a text: the key of one");
        if (json_string_length(json) == 0 || json_string_length(json) >= sizeof(ret->channel))
                return refuse(result, RESULT_UNKNOWN_CHANNEL, "there is no channel \"%.60s\"", json_string_value(json));
        (void)snprintf(ret->channel, sizeof(ret->channel), "%s", json_string_value(json));
        return 0;
}

/* In this order: a refusal carries the id too. */
static const struct {
        const char *key;
        int (*take)(const json_t *json, struct trend_request *ret, struct result *result);
} keys[] = { { "id", take_id }, { "trend", take_span }, { "channel", take_channel } };

static int refuse_unknown_key(const json_t *object, struct result *result)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
                struct suggestion near = { .wanted = key };
                char hint[SUGGESTION_MAX];
                bool is_known = false;

                for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                        is_known |= strcmp(keys[i].key, key) == 0;
                        suggestion_offer(&near, keys[i].key);
                }
                if (!is_known)
                        return refuse(result, RESULT_UNKNOWN_KEY, "unknown key \"%.60s\"%s", key,
                                      suggestion_text(&near, hint));
        }
        return 0;
}

static int take_object(const json_t *object, struct trend_request *ret, struct result *result)
{
        if (!json_object_get(object, "trend"))
                return refuse(result, RESULT_MALFORMED, "the object has no key trend: \"24h\" or \"7d\"");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const json_t *value = json_object_get(object, keys[i].key);
                int r = value ? keys[i].take(value, ret, result) : 0;
                if (r < 0)
                        return r;
        }
        return refuse_unknown_key(object, result);
}

/* ---- The whole ------------------------------------------------------------------------------------------- */

int trend_request_parse(const void *payload, size_t size, const struct command_limits *limits,
                        struct trend_request *ret, struct result *result)
{
        json_error_t error;

        *ret = (struct trend_request){ 0 };
        *result = (struct result){ .code = RESULT_OK };
        int r = command_check_bytes(limits, payload, size, result);
        if (r < 0)
                return r;
        json_t *json = json_loadb(payload, size, JSON_REJECT_DUPLICATES, &error);
        if (!json)
                return command_refuse_json(&error, result);
        r = take_object(json, ret, result);
        json_decref(json);
        return r;
}

bool trend_request_wants(const struct trend_request *request, const struct channel *channel)
{
        return channel_has_trend(channel) && (!*request->channel || strcmp(channel->row.key, request->channel) == 0);
}

int trend_request_check(const struct trend_request *request, const struct channels *channels, struct result *result)
{
        struct suggestion near = { .wanted = request->channel };
        char hint[SUGGESTION_MAX];

        if (!*request->channel)
                return 0;
        const struct channel *channel = channels_find(channels, request->channel);
        if (channel && channel_has_trend(channel))
                return 0;
        if (channel)
                return refuse(result, RESULT_TYPE, "%s is neither a number nor on or off: it has no trend",
                              request->channel);
        for (size_t i = 0; i < channels->count; i++)
                if (channel_has_trend(&channels->items[i]))
                        suggestion_offer(&near, channels->items[i].row.key);
        return refuse(result, RESULT_UNKNOWN_CHANNEL, "there is no channel \"%.60s\"%s", request->channel,
                      suggestion_text(&near, hint));
}
