/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce history DEVICE`: what its node remembers of it, and then what comes, each with the time at which it was so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/errand.h"
#include "client/shown.h"
#include "client/table.h"

/* What the node keeps in the finer buckets. */
#define DAY_US (24 * 3600 * USEC_PER_SEC)

#define TIME_MAX   40
#define STEP_MAX_S 86400

/* ---- One line -------------------------------------------------------------------------------------------------- */

/* "2026-11-22T19:30:00.123Z", with or without a fraction; false: it is none. */
static bool read_time(const char *text, time_t *ret)
{
        struct tm utc = { 0 };

        if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &utc))
                return false;
        *ret = timegm(&utc);
        return true;
}

static bool is_too_old(const struct client *client, const char *time_text)
{
        time_t at;

        return read_time(time_text, &at) && at < time(NULL) - (time_t)(client->arguments->since_us / USEC_PER_SEC);
}

static void local_time(const char *text, char local[static TIME_MAX])
{
        struct tm broken_down;
        time_t at;

        (void)snprintf(local, TIME_MAX, "%s", "time unknown");
        if (read_time(text, &at) && localtime_r(&at, &broken_down))
                (void)strftime(local, TIME_MAX, "%Y-%m-%d %H:%M:%S", &broken_down);
}

static int text_line(FILE *out, const char *time_text, json_t *values)
{
        char local[TIME_MAX];
        const char *key;
        const json_t *value;

        local_time(time_text, local);
        fprintf(out, "%-19s", local);
        json_object_foreach(values, key, value)
        {
                CLEANUP_FREE char *shown_key = shown_text(key, strlen(key)), *text = table_text(value);
                if (!shown_key || !text)
                        return -ENOMEM;
                fprintf(out, "  %s=%s", shown_key, text);
        }
        return fputc('\n', out) < 0 ? -EIO : 0;
}

/* RFC 4180: in quotes, which are doubled inside. */
static void put_quoted(FILE *out, const char *text)
{
        (void)fputc('"', out);
        for (; *text; text++) {
                if (*text == '"')
                        (void)fputc('"', out);
                (void)fputc(*text, out);
        }
        (void)fputc('"', out);
}

/* Only what is a time and nothing besides: it stands without quotes. */
static const char *csv_time(const char *text)
{
        return text && strlen(text) < TIME_MAX && text[strspn(text, "0123456789-:.TZ")] == '\0' ? text : "";
}

static int csv_lines(FILE *out, const char *time_text, const char *word, json_t *values)
{
        const char *key;
        const json_t *value;

        json_object_foreach(values, key, value)
        {
                CLEANUP_FREE char *shown_key = shown_text(key, strlen(key)), *text = table_text(value);
                if (!shown_key || !text)
                        return -ENOMEM;
                fprintf(out, "%s,%s,", csv_time(time_text), word);
                put_quoted(out, shown_key);
                (void)fputc(',', out);
                put_quoted(out, text);
                (void)fputc('\n', out);
        }
        return ferror(out) ? -EIO : 0;
}

static int json_line(FILE *out, const char *time_text, const char *word, json_t *values)
{
        CLEANUP_JSON json_t *line = json_pack("{s:s?, s:O}", "time", time_text, word, values);

        return line ? table_json(out, line, false) : -ENOMEM;
}

static void print(struct client *client, const char *time_text, const char *word, json_t *values)
{
        const struct arguments *arguments = client->arguments;
        int r = arguments->json  ? json_line(client->out, time_text, word, values)
                : arguments->csv ? csv_lines(client->out, time_text, word, values)
                                 : text_line(client->out, time_text, values);

        if (r == 0 && fflush(client->out) == 0)
                return;
        client_cannot_write(client, errno);
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

static void print_bucket(struct client *client, json_t *channels, time_t at, size_t index)
{
        CLEANUP_JSON json_t *values = json_object();
        char text[TIME_MAX];
        struct tm utc;
        const char *key;
        const json_t *channel;

        json_object_foreach(channels, key, channel) put_bucket(values, key, channel, index);
        if (json_object_size(values) == 0 || !gmtime_r(&at, &utc))
                return;
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        if (!is_too_old(client, text))
                print(client, text, "trend", values);
}

static void print_trend(struct client *client, const json_t *answer)
{
        json_t *channels = json_object_get(answer, "channels");
        time_t start, step = (time_t)MIN(MAX(json_integer_value(json_object_get(answer, "step_s")), 1), STEP_MAX_S);

        if (!read_time(json_string_value(json_object_get(answer, "start")), &start))
                return;
        for (size_t i = 0; i < count_buckets(channels) && !client->ending; i++)
                print_bucket(client, channels, start + (time_t)i * step, i);
}

static void on_answer(struct client *client, const struct session_message *message)
{
        CLEANUP_JSON json_t *answer = json_loadb(message->payload, message->size, JSON_REJECT_DUPLICATES, NULL);

        timer_disarm(client->deadline);
        if (json_is_true(json_object_get(answer, "ok")))
                print_trend(client, answer);
        else if (client->arguments->follow)
                shown_say("the node has no trend of it: following");
        else
                client_fail(client, EXIT_REFUSED, "the node has no trend of it: `--follow` shows what comes");
        if (!client->arguments->follow)
                client_end(client, 0);
}

/* ---- What comes ------------------------------------------------------------------------------------------------ */

/* "state" and "event" as they happen, "history" what was kept while the broker was away. */
static void print_message(struct client *client, const struct session_message *message, const char *word)
{
        CLEANUP_JSON json_t *json = json_loadb(message->payload, message->size, JSON_REJECT_DUPLICATES, NULL);
        json_t *values = json;
        const char *time_text = json_string_value(json_object_get(json, "time"));
        CLEANUP_FREE char *time_copy = time_text ? strdup(time_text) : NULL;

        if (strcmp(word, "history") == 0) {
                word = json_object_get(json, "event") ? "event" : "state";
                values = json_object_get(json, word);
        }
        if (!json_is_object(values) || is_too_old(client, time_copy))
                return;
        (void)json_object_del(values, "time");
        print(client, time_copy, word, values);
}

static void on_message(struct client *client, const struct session_message *message)
{
        static const char *const words[] = { "state", "event", "history" };
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

static void on_late(struct client *client)
{
        const char *why = errand_node_is_offline(client) ? "its node is offline" : "its node did not answer in time";

        if (client->arguments->follow)
                shown_say("%s: following", why);
        else
                client_fail(client, EXIT_NO_ANSWER, "%s", why);
}

static void follow(struct client *client)
{
        static const char *const words[] = { "state", "event", "history" };
        char suffix[ERRAND_SUFFIX_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                client_subscribe(client, errand_suffix(client, words[i], suffix), 1, NULL);
}

static void ask(struct client *client)
{
        const char *payload = client->arguments->since_us > DAY_US ? "{\"trend\":\"7d\"}" : "{\"trend\":\"24h\"}";
        struct session_message message = {
                .payload = payload, .size = strlen(payload), .qos = 1, .response_topic = client->reply_topic
        };
        char suffix[ERRAND_SUFFIX_MAX];

        client->on_message = on_message;
        if (client->arguments->csv)
                fputs("time,what,channel,value\n", client->out);
        if (client->arguments->follow)
                follow(client);
        client_publish(client, &message, errand_suffix(client, "get", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
}

/* Again after a lost connection: the past has been printed. */
static void history_connected(struct client *client)
{
        if (client->errand.publish_id > 0)
                follow(client);
        else
                errand_find(client, ask);
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
