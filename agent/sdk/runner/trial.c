/* SPDX-License-Identifier: Apache-2.0 */
/* One device of the plugin on the mock host, and what must hold after every call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/types.h"
#include "plugin/loader.h"
#include "sdk/runner/runner.h"

#define ERRNO_MAX     4095
#define LOOP_LIMIT_US 100000 /* meanwhile all other devices wait */

const char *trial_reason(const struct mock_host *host, int r, char text[static 400])
{
        char name[32];

        fault_code_name(r, name);
        (void)snprintf(text, 400, "%s: %s", name, mock_error(host)[0] ? mock_error(host) : strerror(-r));
        return text;
}

/* ---- Making one ---------------------------------------------------------------------------------------- */

static const struct sconce_option *find_row(const struct subject *subject, const char *key)
{
        for (size_t i = 0; i < subject->plugin->n_options; i++)
                if (strcmp(subject->plugin->table.options[i].key, key) == 0)
                        return &subject->plugin->table.options[i];
        return NULL;
}

static struct mock_host *new_host(const struct subject *subject)
{
        struct mock_host *host = mock_host_load(subject->path);

        /* The others are the agent's own, or unknown: the check `configures` has them read. */
        for (size_t i = 0; i < subject->n_settings; i++)
                if (find_row(subject, subject->settings[i].key))
                        mock_option(host, subject->settings[i].key, subject->settings[i].value);
        return host;
}

/* The mock host checks no values, so what is given is checked first. */
static int check_settings(struct subject *subject)
{
        char reason[160];
        int r = 0;

        for (size_t i = 0; i < subject->n_settings && r == 0; i++) {
                const struct sconce_option *row = find_row(subject, subject->settings[i].key);
                if (row && (r = option_check_text(row, subject->settings[i].value, reason)) < 0)
                        complain(subject, "%s: %s", row->key, reason);
        }
        return r;
}

static bool is_given(const struct subject *subject, const char *key)
{
        for (size_t i = 0; i < subject->n_settings; i++)
                if (strcmp(subject->settings[i].key, key) == 0)
                        return true;
        return false;
}

static void add_invented(struct subject *subject, const struct sconce_option *row)
{
        char text[TEXT_SIZE];

        if (subject->n_settings == SETTINGS_MAX)
                return;
        invent_option(row, (unsigned)(row - subject->plugin->table.options), text);
        subject->settings[subject->n_settings++] = (struct setting){ .key = (char *)(uintptr_t)row->key,
                                                                     .value = strdup(text) };
}

static bool is_accepted(const struct subject *subject)
{
        struct mock_host *host = new_host(subject);
        int r = mock_configure(host);

        mock_host_free(host);
        return r == 0;
}

/* "One of line, pwm and led" is not in the table: the first option with which `configure` works is taken. */
static void add_wanted(struct subject *subject)
{
        now_calling(subject, "configure");
        for (size_t i = 0; i < subject->plugin->n_options && !is_accepted(subject); i++) {
                const struct sconce_option *row = &subject->plugin->table.options[i];
                if (row->def || is_given(subject, row->key))
                        continue;
                add_invented(subject, row);
                if (!is_accepted(subject))
                        subject->n_settings--;
        }
}

static int load(struct subject *subject)
{
        struct fault fault = { 0 };

        if (subject->plugin)
                return 0;
        now_calling(subject, "loading it");
        int r = plugin_load(subject->path, &fault, &subject->plugin);
        if (r < 0 && subject->check->run == check_declares)
                complain(subject, "%s", fault.text);
        else if (r < 0)
                give_up_check(subject, "it cannot be loaded");
        if (r < 0)
                return r;
        r = check_settings(subject);
        if (r < 0)
                return r;
        for (size_t i = 0; i < subject->plugin->n_options; i++) {
                const struct sconce_option *row = &subject->plugin->table.options[i];
                if ((row->flags & SCONCE_REQUIRED) && !is_given(subject, row->key))
                        add_invented(subject, row);
        }
        add_wanted(subject);
        return 0;
}

struct mock_host *trial_new(struct subject *subject)
{
        return load(subject) < 0 ? NULL : new_host(subject);
}

struct mock_host *trial_running(struct subject *subject)
{
        struct mock_host *host = trial_new(subject);
        char text[400];

        if (!host)
                return NULL;
        int r = trial_start(subject, host);
        if (r >= 0)
                return host;
        give_up_check(subject, "it does not start: %s", trial_reason(host, r, text));
        trial_end(subject, host);
        return NULL;
}

/* ---- Calling it ---------------------------------------------------------------------------------------- */

static uint64_t limit_us(const struct subject *subject)
{
        static const struct sconce_option row = { .type = SCONCE_TYPE_DURATION };
        const char *deadline = subject->plugin->table.deadline;
        uint64_t limit;
        char reason[160];

        if (!plugin_is_blocking(subject->plugin))
                return LOOP_LIMIT_US;
        return !deadline || option_parse(&row, deadline, reason, &limit) < 0 ? 5000000 : limit;
}

static int after(struct subject *subject, struct mock_host *host, const char *what, int r)
{
        if (r > 0 || r < -ERRNO_MAX)
                complain(subject, "%s returned %d, which is neither 0 nor a negative errno", what, r);
        if (!mock_is_intact(host) && !subject->is_overrun)
                complain(subject, "%s wrote behind the end of the instance", what);
        subject->is_overrun = subject->is_overrun || !mock_is_intact(host);
        subject->timed++;
        subject->slow += mock_longest_call_us(host) > limit_us(subject);
        return r;
}

int trial_start(struct subject *subject, struct mock_host *host)
{
        now_calling(subject, "configure");
        int r = mock_configure(host);
        if (r < 0)
                return after(subject, host, "configure", r);
        now_calling(subject, "start");
        return after(subject, host, "start", mock_start(host));
}

int trial_read(struct subject *subject, struct mock_host *host)
{
        now_calling(subject, "read");
        return after(subject, host, "read", mock_read(host));
}

int trial_command(struct subject *subject, struct mock_host *host, const struct sconce_command *command)
{
        now_calling(subject, "command");
        return after(subject, host, "command", mock_carry_out(host, command));
}

int trial_value(struct subject *subject, struct mock_host *host, const struct sconce_value *value)
{
        return trial_command(subject, host, &(const struct sconce_command){ .count = 1, .values = value });
}

void trial_advance(struct subject *subject, struct mock_host *host, uint64_t us)
{
        now_calling(subject, "a timer's function");
        mock_advance_us(host, us);
        (void)after(subject, host, "a timer's function", 0);
}

void trial_edges(struct subject *subject, struct mock_host *host)
{
        for (const struct sconce_line *line = mock_lines(host); line; line = line->next) {
                if (!line->is_open || line->is_output)
                        continue;
                now_calling(subject, "a line's function");
                mock_edge(host, line->name, !line->active);
                (void)after(subject, host, "a line's function", 0);
        }
}

void trial_stop(struct subject *subject, struct mock_host *host)
{
        now_calling(subject, "stop");
        mock_stop(host);
        (void)after(subject, host, "stop", 0);
        mock_event_log_empty(host);
}

void trial_end(struct subject *subject, struct mock_host *host)
{
        trial_stop(subject, host);
        if (mock_refusal(host)[0])
                complain(subject, "what the agent refuses: %s", mock_refusal(host));
        mock_host_free(host);
}
