/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce history DEVICE`: what its node remembers of it, and then what comes, each with the time at which it was so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/errand.h"
#include "client/moment.h"
#include "client/shown.h"
#include "util/text.h"

/* What the node keeps in the finer buckets. */
#define DAY_US (24 * 3600 * USEC_PER_SEC)

#define STEP_MAX_S 86400

static bool is_too_old(const struct client *client, time_t at)
{
        return at < time(NULL) - (time_t)(client->arguments->since_us / USEC_PER_SEC);
}

/* With --follow there is something to wait for yet. */
static void PRINTF_LIKE(3, 4) go_without(struct client *client, int exit_code, const char *format, ...)
{
        struct fault fault = { 0 };
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(fault.text, sizeof(fault.text), format, arguments);
        va_end(arguments);
        timer_disarm(client->deadline);
        if (client->arguments->follow)
                shown_say("%s: following", fault.text);
        else
                client_fail(client, exit_code, "%s", fault.text);
}

/* ---- What the node remembers ----------------------------------------------------------------------------------- */

/* What a channel was like in one bucket, under its name; nothing where nothing was read. */
static void put_bucket(json_t *values, const char *key, const json_t *channel, size_t at)
{
        json_t *mean = json_array_get(json_object_get(channel, "mean"), at);
        json_t *on = json_array_get(json_object_get(channel, "on"), at);
        json_t *value = json_is_number(mean) ? mean : on;
        char name[160];

        if (!json_is_number(value))
                return;
        (void)json_object_set(values, key, value);
        if (value != mean)
                return;
        (void)snprintf(name, sizeof(name), "%.150s_min", key);
        (void)json_object_set(values, name, json_array_get(json_object_get(channel, "min"), at));
        (void)snprintf(name, sizeof(name), "%.150s_max", key);
        (void)json_object_set(values, name, json_array_get(json_object_get(channel, "max"), at));
}

static size_t count_buckets(json_t *channels)
{
        const char *key;
        const json_t *channel;
        size_t count = 0;

        json_object_foreach(channels, key, channel)
        {
                count = MAX(count, json_array_size(json_object_get(channel, "mean")));
                count = MAX(count, json_array_size(json_object_get(channel, "on")));
        }
        return count;
}

/* False: there is nothing to print. A bucket counts by its end. */
static bool print_bucket(struct client *client, json_t *channels, time_t at, time_t step, size_t index)
{
        CLEANUP_JSON json_t *values = json_object();
        char text[MOMENT_TIME_MAX];
        struct tm utc;
        const char *key;
        const json_t *channel;

        if (is_too_old(client, at + step))
                return false;
        json_object_foreach(channels, key, channel) put_bucket(values, key, channel, index);
        if (json_object_size(values) == 0 || !gmtime_r(&at, &utc))
                return false;
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        moment_print(client, &(struct moment){ text, "trend", values, channels });
        return true;
}

static void print_trend(struct client *client, const json_t *answer)
{
        const struct view_name *name = &client->errand.name;
        json_t *channels = json_object_get(answer, "channels");
        time_t start, step = (time_t)MIN(MAX(json_integer_value(json_object_get(answer, "step_s")), 1), STEP_MAX_S);
        size_t n_printed = 0;

        if (json_object_size(channels) == 0) {
                go_without(client, EXIT_REFUSED, "%s/%s has no channel that is a number, or on or off", name->node,
                           name->device);
                return;
        }
        if (!moment_time(json_string_value(json_object_get(answer, "start")), &start)) {
                go_without(client, EXIT_NO_ANSWER,
                           "the clock of node %s is not right yet: what it remembers has no times", name->node);
                return;
        }
        for (size_t i = 0; i < count_buckets(channels) && !client->ending; i++)
                n_printed += print_bucket(client, channels, start + (time_t)i * step, step, i);
        if (n_printed == 0)
                shown_say("nothing is known of that time");
        if (!client->arguments->follow)
                client_end(client, 0);
}

static void on_answer(struct client *client, const struct session_message *message)
{
        const struct view_name *name = &client->errand.name;
        CLEANUP_JSON json_t *answer = view_json(message->payload, message->size);
        const char *text = json_string_value(json_object_get(answer, "message"));
        const char *code = json_string_value(json_object_get(answer, "code"));

        timer_disarm(client->deadline);
        if (json_is_true(json_object_get(answer, "ok")))
                print_trend(client, answer);
        else
                go_without(client, EXIT_REFUSED, "%s/%s: %s (%s)", name->node, name->device, text ? text : "refused",
                           code ? code : "no code");
}

/* ---- What comes ------------------------------------------------------------------------------------------------ */

/* "state" and "event" as they happen, "history" what was kept while the broker was away. */
static const char *const words[] = { "state", "event", "history" };
enum { WORD_HISTORY = 2 };

static bool has_printed(const struct printed *printed, uint64_t hash)
{
        for (size_t i = 0; i < PRINTED_MAX; i++)
                if (printed->hashes[i] == hash)
                        return true;
        return false;
}

/*
 * The same moment comes twice where a broker was away: its newest as `state` and in its turn on `history`, what was on
 * its way again. Of each kind the last ones are known, so that a long history does not push out what `state` has shown.
 * Without a time nobody knows whether it is the same.
 */
static bool is_news(struct client *client, const struct moment *moment, bool is_late)
{
        struct printed *printed = &client->printed[is_late];
        CLEANUP_FREE char *text = json_dumps(moment->values, JSON_COMPACT | JSON_SORT_KEYS);

        if (!moment->time || !text)
                return true;
        uint64_t hash = text_hash(text_hash(text_hash(HASH_BEGIN, moment->word), moment->time), text);
        if (has_printed(&client->printed[0], hash) || has_printed(&client->printed[1], hash))
                return false;
        printed->hashes[printed->next++ % PRINTED_MAX] = hash;
        return true;
}

/* What a device publishes before its first reading. */
static bool is_empty(const struct moment *moment)
{
        const char *key;
        const json_t *value;

        json_object_foreach(moment->values, key, value)
        {
                if (!json_is_null(value))
                        return false;
        }
        return !moment->time;
}

static void print_message(struct client *client, const struct session_message *message, const char *word)
{
        bool is_late = word == words[WORD_HISTORY];
        CLEANUP_JSON json_t *json = view_json(message->payload, message->size);
        json_t *values = json;
        const char *time_text = json_string_value(json_object_get(json, "time"));
        CLEANUP_FREE char *time_copy = time_text ? strdup(time_text) : NULL;
        time_t at;

        if (is_late) {
                word = json_object_get(json, "event") ? "event" : "state";
                values = json_object_get(json, word);
        }
        if (!json_is_object(values) || (moment_time(time_copy, &at) && is_too_old(client, at)))
                return;
        (void)json_object_del(values, "time");
        const struct moment moment = { time_copy, word, values, errand_channels(client) };
        if (!is_empty(&moment) && is_news(client, &moment, is_late))
                moment_print(client, &moment);
}

static void on_message(struct client *client, const struct session_message *message)
{
        char suffix[ERRAND_SUFFIX_MAX];

        if (strcmp(message->topic, client->reply_topic) == 0) {
                on_answer(client, message);
                return;
        }
        for (size_t i = 0; client->arguments->follow && !message->retain && i < ARRAY_SIZE(words); i++)
                if (client_is_topic(client, message->topic, errand_suffix(client, words[i], suffix)))
                        print_message(client, message, words[i]);
}

/* ---- The command ----------------------------------------------------------------------------------------------- */

static void on_acknowledged(struct client *client, int id, int reason)
{
        struct fault fault = { 0 };

        if (id != client->errand.publish_id)
                return;
        int exit_code = errand_refusal(client, reason, &fault);
        if (exit_code != 0)
                go_without(client, exit_code, "%s", fault.text);
}

static void on_late(struct client *client)
{
        go_without(client, EXIT_NO_ANSWER, "no answer from %s/%s in time, though the node counts as online",
                   client->errand.name.node, client->errand.name.device);
}

static void follow(struct client *client)
{
        char suffix[ERRAND_SUFFIX_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                client_subscribe(client, errand_suffix(client, words[i], suffix), 1, NULL);
}

static void send_request(struct client *client)
{
        const char *payload = client->arguments->since_us > DAY_US ? "{\"trend\":\"7d\"}" : "{\"trend\":\"24h\"}";
        struct session_message message = {
                .payload = payload, .size = strlen(payload), .qos = 1, .response_topic = client->reply_topic
        };
        char suffix[ERRAND_SUFFIX_MAX];

        client->on_acknowledged = on_acknowledged;
        client_publish(client, &message, errand_suffix(client, "get", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
}

static void ask(struct client *client)
{
        client->on_message = on_message;
        client->errand.has_asked = true;
        if (client->arguments->csv &&
            (fputs("time,what,channel,value\n", client->out) < 0 || fflush(client->out) < 0)) {
                client_cannot_write(client, errno);
                return;
        }
        if (client->arguments->follow)
                follow(client);
        if (errand_node_is_offline(client))
                go_without(client, EXIT_NO_ANSWER, "node %s is offline, and what it remembers is kept there",
                           client->errand.name.node);
        else if (session_version(client->session) != SESSION_VERSION_5)
                go_without(client, EXIT_NO_ANSWER,
                           "what it remembers is asked for with MQTT 5, and the broker speaks 3.1.1");
        else
                send_request(client);
}

/* Again after a lost connection: the past has been printed. */
static void history_connected(struct client *client)
{
        if (client->errand.has_asked) {
                shown_say("the broker is back; what was published meanwhile is missing here");
                follow(client);
        } else {
                errand_find(client, ask);
        }
}

static int history_check(const struct arguments *arguments, struct fault *fault)
{
        if (arguments->json && arguments->csv)
                return fault_set(fault, -EINVAL, "--json and --csv: one of them");
        return errand_check(arguments, fault);
}

const struct client_command command_history = {
        .name = "history",
        .words = "DEVICE",
        .summary = "Prints what a device was like, and with --follow what comes",
        .text = "Its node remembers a day in steps of 5 minutes, and a week in hours: mean, lowest and highest value "
                "of each\n"
                "number, the share of time that something was on. --since is how far back (24h). With --follow "
                "readings and\n"
                "events are printed as they come, until Ctrl-C, and what the node has kept while the broker was away "
                "with\n"
                "the times at which it was read.\n\n"
                "Examples:\n"
                "  sconce history cellar\n"
                "  sconce history hall/cellar --since 7d --csv >cellar.csv\n"
                "  sconce history cellar --since 2h --follow\n"
                "  sconce history cellar --follow --json | jq -c .state\n",
        .min = 1,
        .max = 1,
        .check = history_check,
        .connected = history_connected,
};
