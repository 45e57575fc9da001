/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce trend DEVICE`: asks the node what a device was like, and draws it. */
#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "client/chart.h"
#include "client/errand.h"
#include "client/shown.h"
#include "client/table.h"

enum { WIDTH_WITHOUT_TERMINAL = 80, BUCKETS_MAX = 1024 };

static int trend_check(const struct arguments *arguments, struct fault *fault)
{
        if (arguments->day && arguments->week)
                return fault_set(fault, -EINVAL, "--24h and --7d are one or the other");
        return errand_check(arguments, fault);
}

/* ---- Drawing --------------------------------------------------------------------------------------------- */

static int terminal_width(FILE *out)
{
        struct winsize size = { 0 };

        return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_WITHOUT_TERMINAL;
}

/* The plain C locale, where it is named: where nothing is, main() takes UTF-8. */
static bool wants_plain_locale(void)
{
        static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *locale = getenv(names[i]);
                if (locale && *locale)
                        return strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
        }
        return false;
}

static bool is_plain(const struct client *client)
{
        return client->arguments->ascii || wants_plain_locale() || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

/* "2026-11-22T13:00:00Z", in seconds since 1970. */
static bool read_start(const char *text, int64_t *ret)
{
        struct tm utc = { 0 };
        const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) : NULL;

        if (!end || *end)
                return false;
        *ret = timegm(&utc);
        return true;
}

static struct chart_bucket bucket_of(const json_t *channel, size_t index, uint32_t step_s)
{
        const json_t *known_s = json_array_get(json_object_get(channel, "known_s"), index);
        const json_t *on = json_array_get(json_object_get(channel, "on"), index);
        const json_t *mean = json_array_get(json_object_get(channel, "mean"), index);

        return (struct chart_bucket){
                .is_known = json_is_number(on) || json_is_number(mean),
                .on = json_number_value(on),
                .known_s = json_is_number(known_s) ? json_number_value(known_s) : step_s, /* of an earlier version */
                .mean = json_number_value(mean),
                .min = json_number_value(json_array_get(json_object_get(channel, "min"), index)),
                .max = json_number_value(json_array_get(json_object_get(channel, "max"), index)),
                .count = json_number_value(json_array_get(json_object_get(channel, "count"), index)),
        };
}

static int draw_channel(struct client *client, const json_t *answer, const char *key, const json_t *channel)
{
        const struct view_name *name = &client->errand.name;
        const char *unit = json_string_value(json_object_get(channel, "unit"));
        struct chart_bucket buckets[BUCKETS_MAX];
        CLEANUP_FREE char *title = NULL, *shown = NULL, *shown_unit = NULL;
        const json_t *array = json_object_get(channel, "on");
        struct chart chart = { .is_share = array != NULL, .is_ascii = is_plain(client), .buckets = buckets };

        chart.count = MIN(json_array_size(array ? array : json_object_get(channel, "mean")), BUCKETS_MAX);
        chart.step_s = (uint32_t)MIN(MAX(json_integer_value(json_object_get(answer, "step_s")), 1), 86400);
        for (size_t i = 0; i < chart.count; i++)
                buckets[i] = bucket_of(channel, i, chart.step_s);
        chart.has_start = read_start(json_string_value(json_object_get(answer, "start")), &chart.start_s);
        chart.width = terminal_width(client->out);
        if (asprintf(&title, "%s/%s %s%s%s, the last %s", name->node, name->device, key, unit ? " in " : "",
                     unit ? unit : "", client->arguments->week ? "7 days" : "24 hours") < 0)
                return -ENOMEM;
        shown = shown_text(title, strlen(title));
        shown_unit = shown_text(unit ? unit : "", unit ? strlen(unit) : 0);
        chart.title = shown;
        chart.unit = shown_unit;
        return shown && shown_unit ? chart_print(client->out, &chart) : -ENOMEM;
}

static int draw_all(struct client *client, const json_t *answer)
{
        json_t *channels = json_object_get(answer, "channels"), *channel;
        const char *key, *between = "";
        int r = 0;

        json_object_foreach(channels, key, channel)
        {
                fputs(between, client->out);
                if (r == 0)
                        r = draw_channel(client, answer, key, channel);
                between = "\n";
        }
        return r;
}

static void show(struct client *client, json_t *answer)
{
        const struct view_name *name = &client->errand.name;
        int r = 0;

        if (client->arguments->json) {
                (void)json_object_set_new(answer, "node", json_string(name->node));
                r = table_json(client->out, answer, false);
        } else if (json_object_size(json_object_get(answer, "channels")) == 0) {
                client_fail(client, EXIT_REFUSED, "%s/%s has no channel that is a number, or on or off", name->node,
                            name->device);
                return;
        } else {
                r = draw_all(client, answer);
        }
        if (r < 0)
                client_cannot_write(client, -r);
        else
                client_end(client, 0);
}

/* ---- The answer ------------------------------------------------------------------------------------------ */

static void on_message(struct client *client, const struct session_message *message)
{
        const struct view_name *name = &client->errand.name;
        const char *token = client->settings.token;

        if (message->retain || strcmp(message->topic, client->reply_topic) != 0 ||
            message->correlation_size != strlen(token) ||
            memcmp(message->correlation, token, message->correlation_size) != 0)
                return;
        CLEANUP_JSON json_t *answer = view_json(message->payload, message->size);
        const char *text = json_string_value(json_object_get(answer, "message"));
        const char *code = json_string_value(json_object_get(answer, "code"));
        if (json_is_true(json_object_get(answer, "ok")))
                show(client, answer);
        else
                client_fail(client, EXIT_REFUSED, "%s/%s: %s (%s)", name->node, name->device, text ? text : "refused",
                            code ? code : "no code");
}

static void on_acknowledged(struct client *client, int id, int reason)
{
        struct fault fault = { 0 };

        if (id != client->errand.publish_id)
                return;
        int exit_code = errand_refusal(client, reason, &fault);
        if (exit_code != 0)
                client_fail(client, exit_code, "%s", fault.text);
}

static void on_late(struct client *client)
{
        const struct view_name *name = &client->errand.name;

        client_fail(client, EXIT_NO_ANSWER,
                    "no answer from %s/%s within %.20s, though the node counts as online; a node of an earlier version "
                    "keeps no trends",
                    name->node, name->device, client->arguments->timeout ? client->arguments->timeout : "5s");
}

/* ---- The request ----------------------------------------------------------------------------------------- */

static void send_request(struct client *client, const char *payload)
{
        const char *token = client->settings.token;
        char suffix[ERRAND_SUFFIX_MAX];
        struct session_message message = { .payload = payload,
                                           .size = strlen(payload),
                                           .qos = 1,
                                           .response_topic = client->reply_topic,
                                           .correlation = token,
                                           .correlation_size = strlen(token) };

        client->on_message = on_message;
        client->on_acknowledged = on_acknowledged;
        client_publish(client, &message, errand_suffix(client, "get", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
}

static void ask(struct client *client)
{
        const struct arguments *arguments = client->arguments;
        CLEANUP_JSON json_t *request = json_pack("{s:s, s:s*}", "trend", arguments->week ? "7d" : "24h", "channel",
                                                 arguments->channel);
        CLEANUP_FREE char *payload = request ? json_dumps(request, JSON_COMPACT) : NULL;

        if (errand_node_is_offline(client))
                client_fail(client, EXIT_NO_ANSWER, "node %s is offline, and trends are kept there",
                            client->errand.name.node);
        else if (session_version(client->session) != SESSION_VERSION_5)
                client_fail(client, EXIT_NO_ANSWER, "trends need MQTT 5, and the broker speaks 3.1.1");
        else if (!payload)
                client_fail(client, EXIT_REFUSED, "out of memory, or the channel's name is not UTF-8");
        else
                send_request(client, payload);
}

static void trend_connected(struct client *client)
{
        errand_find(client, ask);
}

const struct client_command command_trend = {
        .name = "trend",
        .words = "DEVICE",
        .summary = "Draws what a device was like in the last day or week",
        .text = "Each node keeps what its numbers, and what is on or off, were like: 24 hours by 5 minutes, 7 days by\n"
                "the hour. A band reaches from the minimum to the maximum; for what is on or off bars show its share\n"
                "of the time. --json prints the numbers (docs/topics.md).\n\n"
                "Examples:\n"
                "  sconce trend cellar\n"
                "  sconce trend hall/cellar --channel temperature --7d\n"
                "  sconce trend pump --ascii\n"
                "  sconce trend cellar --json\n",
        .min = 1,
        .max = 1,
        .check = trend_check,
        .connected = trend_connected,
};
