/* SPDX-License-Identifier: Apache-2.0 */
#include "client/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/shown.h"
#include "client/table.h"

enum { KEY_MAX = 150 };

bool moment_time(const char *text, time_t *ret)
{
        struct tm utc = { 0 };

        if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &utc))
                return false;
        *ret = timegm(&utc);
        return true;
}

/* ---- For people ------------------------------------------------------------------------------------------------ */

static void local_time(const char *text, char local[static MOMENT_TIME_MAX])
{
        struct tm broken_down;
        time_t at;

        (void)snprintf(local, MOMENT_TIME_MAX, "%s", "time unknown");
        if (moment_time(text, &at) && localtime_r(&at, &broken_down))
                (void)strftime(local, MOMENT_TIME_MAX, "%Y-%m-%d %H:%M:%S", &broken_down);
}

/* Of "temperature_min" and "temperature_max" that of temperature. */
static const json_t *channel_of(const json_t *channels, const char *key)
{
        const json_t *channel = json_object_get(channels, key);
        size_t length = strlen(key);
        char base[KEY_MAX];

        if (channel || length < 4 || length >= sizeof(base) ||
            (strcmp(key + length - 4, "_min") != 0 && strcmp(key + length - 4, "_max") != 0))
                return channel;
        (void)snprintf(base, sizeof(base), "%.*s", (int)(length - 4), key);
        return json_object_get(channels, base);
}

/* With its unit; a share of on-time in percent. free() it. */
static char *people_text(const json_t *value, const json_t *channel)
{
        const char *unit = json_string_value(json_object_get(channel, "unit"));
        CLEANUP_FREE char *text = json_is_null(value) ? strdup("?") : table_text(value);
        CLEANUP_FREE char *shown_unit = shown_text(unit ? unit : "", unit ? strlen(unit) : 0);
        char *whole = NULL;
        int r;

        if (!text || !shown_unit)
                return NULL;
        if (json_is_number(value) && json_object_get(channel, "on"))
                r = asprintf(&whole, "%.3g %%", json_number_value(value) * 100);
        else
                r = asprintf(&whole, "%s%s%s", text, *shown_unit ? " " : "", shown_unit);
        return r < 0 ? NULL : whole;
}

static int text_line(FILE *out, const struct moment *moment)
{
        char local[MOMENT_TIME_MAX];
        const char *key;
        const json_t *value;

        local_time(moment->time, local);
        fprintf(out, "%-19s", local);
        json_object_foreach(moment->values, key, value)
        {
                CLEANUP_FREE char *shown_key = shown_text(key, strlen(key));
                CLEANUP_FREE char *text = people_text(value, channel_of(moment->channels, key));
                if (!shown_key || !text)
                        return -ENOMEM;
                fprintf(out, "  %s=%s", shown_key, text);
        }
        return fputc('\n', out) < 0 ? -EIO : 0;
}

/* ---- For programs ---------------------------------------------------------------------------------------------- */

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
        return text && strlen(text) < MOMENT_TIME_MAX && text[strspn(text, "0123456789-:.TZ")] == '\0' ? text : "";
}

static int csv_lines(FILE *out, const struct moment *moment)
{
        const char *key;
        const json_t *value;

        json_object_foreach(moment->values, key, value)
        {
                CLEANUP_FREE char *shown_key = shown_text(key, strlen(key)), *text = table_text(value);
                if (!shown_key || !text)
                        return -ENOMEM;
                fprintf(out, "%s,%s,", csv_time(moment->time), moment->word);
                put_quoted(out, shown_key);
                (void)fputc(',', out);
                put_quoted(out, text);
                (void)fputc('\n', out);
        }
        return ferror(out) ? -EIO : 0;
}

static int json_line(FILE *out, const struct moment *moment)
{
        CLEANUP_JSON json_t *line = json_pack("{s:s?, s:O}", "time", moment->time, moment->word, moment->values);

        return line ? table_json(out, line, false) : -ENOMEM;
}

void moment_print(struct client *client, const struct moment *moment)
{
        const struct arguments *arguments = client->arguments;
        int r = arguments->json  ? json_line(client->out, moment)
                : arguments->csv ? csv_lines(client->out, moment)
                                 : text_line(client->out, moment);

        if (r == 0 && fflush(client->out) == 0)
                return;
        client_cannot_write(client, errno);
}
