/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce watch [NODE[/DEVICE]]`: every message as it comes, until Ctrl-C. */
#include "client/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/shown.h"
#include "client/table.h"

#define TIME_MAX 40

/* ---- One line ------------------------------------------------------------------------------------------------ */

/* A retained message is of an unknown time. */
static void text_time(const struct session_message *message, const struct timespec *now, char text[static TIME_MAX])
{
        struct tm local;
        char seconds[16];

        (void)localtime_r(&now->tv_sec, &local);
        (void)strftime(seconds, sizeof(seconds), "%H:%M:%S", &local);
        if (message->retain)
                (void)snprintf(text, TIME_MAX, "retained");
        else
                (void)snprintf(text, TIME_MAX, "%s.%03ld", seconds, now->tv_nsec / 1000000);
}

static int text_line(FILE *out, const struct session_message *message, const struct timespec *now)
{
        CLEANUP_FREE char *topic = shown_text(message->topic, strlen(message->topic));
        CLEANUP_FREE char *payload = shown_text(message->payload, message->size);
        char time[TIME_MAX];

        if (!topic || !payload)
                return -ENOMEM;
        text_time(message, now, time);
        return fprintf(out, "%-12s  %-32s  %s\n", time, topic, payload) < 0 ? -EIO : 0;
}

static json_t *payload_value(const struct session_message *message)
{
        size_t size = 0;
        json_t *value = json_loadb(message->payload, message->size, JSON_REJECT_DUPLICATES, NULL);
        if (value)
                return value;
        CLEANUP_FREE char *text = shown_utf8(message->payload, message->size, &size);
        return text ? json_stringn(text, size) : NULL;
}

static int json_line(FILE *out, const struct session_message *message, const struct timespec *now)
{
        struct tm utc;
        char seconds[24], time[TIME_MAX];
        size_t size = 0;
        CLEANUP_FREE char *topic = shown_utf8(message->topic, strlen(message->topic), &size);

        (void)gmtime_r(&now->tv_sec, &utc);
        (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
        (void)snprintf(time, sizeof(time), "%s.%03ldZ", seconds, now->tv_nsec / 1000000);
        CLEANUP_JSON json_t *line = json_pack("{s:s, s:s, s:b, s:o}", "time", time, "topic", topic ? topic : "",
                                              "retain", message->retain, "payload", payload_value(message));
        return line ? table_json(out, line, false) : -ENOMEM;
}

int watch_line(FILE *out, const struct session_message *message, const struct timespec *now, bool as_json)
{
        return as_json ? json_line(out, message, now) : text_line(out, message, now);
}

/* ---- The command --------------------------------------------------------------------------------------------- */

static void on_message(struct client *client, const struct session_message *message)
{
        struct timespec now;

        timer_disarm(client->deadline);
        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (watch_line(client->out, message, &now, client->arguments->json) == 0 && fflush(client->out) == 0)
                return;
        client_cannot_write(client, errno);
}

static int watch_check(const struct arguments *arguments, struct fault *fault)
{
        struct view_name name;
        return arguments->count == 0 ? 0 : view_name_read(arguments->words[0], &name, fault);
}

/* What is retained comes at once: the name is wrong, or nothing is retained under it. */
static void on_nothing_yet(struct client *client)
{
        shown_say("nothing has come from %s so far: `sconce list` shows what there is; watching on",
                  client->arguments->words[0]);
}

/* One word may be a node or a device on any node: both are watched rather than asked for. */
static void watch_connected(struct client *client)
{
        const char *word = client->arguments->count > 0 ? client->arguments->words[0] : "+";
        char suffix[2 * NAME_MAX_BYTES + 8];

        client->on_message = on_message;
        (void)snprintf(suffix, sizeof(suffix), "%s/#", word);
        client_subscribe(client, suffix, 0, NULL);
        if (client->arguments->count > 0)
                client_wait(client, on_nothing_yet);
        if (client->arguments->count == 0 || strchr(word, '/'))
                return;
        (void)snprintf(suffix, sizeof(suffix), "+/%s/#", word);
        client_subscribe(client, suffix, 0, NULL);
}

const struct client_command command_watch = {
        .name = "watch",
        .words = "[NODE[/DEVICE]]",
        .summary = "Prints every topic and payload as it comes, until Ctrl-C",
        .text = "One word is a node's name or a device's. What the broker had stored is marked `retained`.\n"
                "Control characters in a payload are shown as \\xNN. With --json each message is one line: an object "
                "with\n"
                "time, topic, retain and payload, which is a string unless it is a JSON object or array itself.\n\n"
                "Examples:\n"
                "  sconce watch\n"
                "  sconce watch hall\n"
                "  sconce watch hall/door\n"
                "  sconce watch --json | jq -c 'select(.topic | endswith(\"/event\"))'\n",
        .max = 1,
        .endless = true,
        .check = watch_check,
        .connected = watch_connected,
};
