/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin reports and raises, refused where the agent would refuse it. */
#include "sdk/mock/host.h"

#include <math.h>
#include <stdio.h>

/* The type of each kind's reports; NONE: it has no state. */
static const enum sconce_value_type types[] = {
        [SCONCE_LIGHT] = SCONCE_VALUE_BOOL,         [SCONCE_SWITCH] = SCONCE_VALUE_BOOL,
        [SCONCE_BINARY_SENSOR] = SCONCE_VALUE_BOOL, [SCONCE_SENSOR] = SCONCE_VALUE_NUMBER,
        [SCONCE_NUMBER] = SCONCE_VALUE_NUMBER,      [SCONCE_COVER] = SCONCE_VALUE_TEXT,
        [SCONCE_BUTTON] = SCONCE_VALUE_NONE,        [SCONCE_EVENT] = SCONCE_VALUE_NONE,
        [SCONCE_SELECT] = SCONCE_VALUE_TEXT,        [SCONCE_TEXT] = SCONCE_VALUE_TEXT,
        [SCONCE_TEXT_LIST] = SCONCE_VALUE_TEXT,     [SCONCE_DURATION] = SCONCE_VALUE_NUMBER,
};
#define N_KINDS (sizeof(types) / sizeof(types[0]))

/* ---- The rows ------------------------------------------------------------------------------------------ */

struct sconce_channel *mock_channels_find(const struct mock_host *host, const char *key)
{
        for (size_t i = 0; i < host->n_channels; i++)
                if (strcmp(host->channels[i].key, key) == 0)
                        return &host->channels[i];
        return NULL;
}

static void copy_row(struct sconce_channel *to, const void *row, size_t size)
{
        memset(to, 0, sizeof(*to));
        memcpy(to, row, size < sizeof(*to) ? size : sizeof(*to));
}

void mock_channels_init(struct mock_host *host)
{
        const size_t stride = host->module->channel_size;
        const char *row = (const void *)host->plugin->channels;

        host->channels = calloc(MOCK_CHANNELS_MAX, sizeof(*host->channels));
        assert_non_null(host->channels);
        for (; row && *(const char *const *)(const void *)row; row += stride) {
                assert_true(host->n_channels < MOCK_CHANNELS_MAX);
                copy_row(&host->channels[host->n_channels++], row, stride);
        }
        host->n_declared = host->n_channels;
}

void mock_channels_done(struct mock_host *host)
{
        for (size_t i = 0; i < host->n_values; i++) {
                free(host->values[i].channel);
                free(host->values[i].text);
        }
        free(host->values);
        free(host->channels);
        free(host->event_log);
}

/* The host's own copy: the plugin's row may be on its stack. */
static void take_row(struct mock_host *host, struct sconce_channel *to, const struct sconce_channel *row)
{
        const char **const texts[] = { &to->key, &to->unit, &to->device_class, &to->help, &to->name };

        *to = *row;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (*texts[i])
                        *texts[i] = mock_keep_text(host, *texts[i]);
        host->was_added[to - host->channels] = true;
}

int mock_service_channel_add(struct sconce_device *dev, const struct sconce_channel *channel, size_t channel_size)
{
        struct mock_host *host = mock_host_of(dev);
        struct sconce_channel row;

        copy_row(&row, channel, channel_size);
        if (!row.key || (size_t)row.kind >= N_KINDS || row.kind == 0)
                return mock_refuse(host, -EINVAL, "an invalid channel was added: %s",
                                   row.key ? row.key : "it has no key");
        struct sconce_channel *known = mock_channels_find(host, row.key);
        if (known && known->kind != row.kind)
                return mock_refuse(host, -EEXIST, "channel \"%s\" was added as another kind", row.key);
        if (known && !host->is_configuring)
                return 0;
        if (!known) {
                assert_true(host->n_channels < MOCK_CHANNELS_MAX);
                known = &host->channels[host->n_channels++];
        }
        take_row(host, known, &row);
        return 0;
}

const struct sconce_channel *mock_channel(const struct mock_host *host, const char *key)
{
        const struct sconce_channel *row = mock_channels_find(host, key);

        return row && host->was_added[row - host->channels] ? row : NULL;
}

const struct sconce_channel *mock_channel_at(const struct mock_host *host, size_t index)
{
        return index < host->n_channels ? &host->channels[index] : NULL;
}

/* ---- Reports ------------------------------------------------------------------------------------------- */

static struct mock_known *find_value(const struct mock_host *host, const char *channel)
{
        for (size_t i = 0; i < host->n_values; i++)
                if (strcmp(host->values[i].channel, channel) == 0)
                        return &host->values[i];
        return NULL;
}

/* Well-formed UTF-8, as far as a plugin's mistakes go: lead bytes with as many continuations. */
static bool is_utf8(const char *text)
{
        const unsigned char *at = (const unsigned char *)text;

        while (*at) {
                int more = *at < 0x80                  ? 0
                           : *at >= 0xc2 && *at < 0xe0 ? 1
                           : (*at & 0xf0) == 0xe0      ? 2
                           : *at >= 0xf0 && *at < 0xf5 ? 3
                                                       : -1;
                if (more < 0)
                        return false;
                for (at++; more > 0; more--, at++)
                        if ((*at & 0xc0) != 0x80)
                                return false;
        }
        return true;
}

static int check_report(struct mock_host *host, const struct sconce_value *value)
{
        const struct sconce_channel *row = value->channel ? mock_channels_find(host, value->channel) : NULL;
        const enum sconce_value_type type = row && (size_t)row->kind < N_KINDS ? types[row->kind] : SCONCE_VALUE_NONE;

        if (type == SCONCE_VALUE_NONE || (row->flags & SCONCE_COMMAND_ONLY))
                return mock_refuse(host, -EINVAL, "\"%s\" was reported, which is not a channel with a state",
                                   value->channel ? value->channel : "");
        if (value->type == SCONCE_VALUE_NONE)
                return 0;
        if (value->type != type)
                return mock_refuse(host, -EINVAL, "\"%s\" was reported with the wrong type", value->channel);
        if (type == SCONCE_VALUE_NUMBER && !isfinite(value->number))
                return mock_refuse(host, -EINVAL, "\"%s\" was reported as a number that is not finite", value->channel);
        if (type == SCONCE_VALUE_TEXT && (!value->text || !is_utf8(value->text)))
                return mock_refuse(host, -EILSEQ, "\"%s\" was reported as text that is not UTF-8", value->channel);
        return 0;
}

static struct mock_known *add_value(struct mock_host *host, const char *channel)
{
        struct mock_known *values = realloc(host->values, (host->n_values + 1) * sizeof(*values));

        assert_non_null(values);
        host->values = values;
        struct mock_known *known = &values[host->n_values++];
        *known = (struct mock_known){ .channel = strdup(channel) };
        assert_non_null(known->channel);
        return known;
}

static void take_value(struct mock_host *host, const struct sconce_value *value)
{
        struct mock_known *known = find_value(host, value->channel);

        if (!known)
                known = add_value(host, value->channel);
        char *text = value->type == SCONCE_VALUE_TEXT ? strdup(value->text) : NULL;
        free(known->text);
        known->text = text;
        known->value = *value;
        known->value.channel = known->channel;
        known->value.text = text;
}

int mock_service_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, false);

        for (size_t i = 0; r == 0 && i < count; i++)
                r = check_report(host, &values[i]);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                take_value(host, &values[i]);
        host->value_time_us = time_us;
        host->n_reports++;
        return 0;
}

const struct sconce_value *mock_value(const struct mock_host *host, const char *channel)
{
        const struct mock_known *known = find_value(host, channel);

        return known ? &known->value : NULL;
}

uint64_t mock_value_time_us(const struct mock_host *host)
{
        return host->value_time_us;
}

unsigned mock_reports(const struct mock_host *host)
{
        return host->n_reports;
}

/* ---- Events -------------------------------------------------------------------------------------------- */

static bool has_choice(const struct sconce_channel *row, const char *choice)
{
        for (size_t i = 0; choice && row->choices && row->choices[i]; i++)
                if (strcmp(row->choices[i], choice) == 0)
                        return true;
        return false;
}

static void log_event(struct mock_host *host, const char *event_type)
{
        size_t used = host->event_log ? strlen(host->event_log) : 0;
        char *log = realloc(host->event_log, used + strlen(event_type) + 2);

        assert_non_null(log);
        host->event_log = log;
        (void)sprintf(log + used, "%s%s", used ? " " : "", event_type);
}

int mock_service_event(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type)
{
        struct mock_host *host = mock_host_of(dev);
        const struct sconce_channel *row = channel ? mock_channels_find(host, channel) : NULL;
        int r = mock_gate(host, false);

        if (r < 0)
                return r;
        if (!row || row->kind != SCONCE_EVENT || !has_choice(row, event_type))
                return mock_refuse(host, -EINVAL, "an event was raised that is not declared: \"%s %s\"",
                                   channel ? channel : "", event_type ? event_type : "");
        log_event(host, event_type);
        (void)snprintf(host->event, sizeof(host->event), "%s %s", channel, event_type);
        host->event_time_us = time_us;
        host->n_events++;
        return 0;
}

const char *mock_event(const struct mock_host *host)
{
        return host->event;
}

unsigned mock_events(const struct mock_host *host)
{
        return host->n_events;
}

uint64_t mock_event_time_us(const struct mock_host *host)
{
        return host->event_time_us;
}

const char *mock_event_log(const struct mock_host *host)
{
        return host->event_log ? host->event_log : "";
}

void mock_event_log_empty(struct mock_host *host)
{
        free(host->event_log);
        host->event_log = NULL;
}
