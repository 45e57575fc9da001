/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin declares, and what the option engine makes of it. */
#include <string.h>

#include "plugin/device_config.h"
#include "sdk/runner/runner.h"

/* ---- declares ------------------------------------------------------------------------------------------ */

/* One sentence: it begins somehow and has no full stop. */
static void check_sentence(struct subject *subject, const char *of, const char *key, const char *text)
{
        if (!text || !*text)
                complain(subject, "%s%s has no help", of, key);
        else if (text[strlen(text) - 1] == '.')
                complain(subject, "%s%s: its help ends with a full stop", of, key);
        else if (strchr(text, '\n'))
                complain(subject, "%s%s: its help has more than one line", of, key);
}

static void check_option_rows(struct subject *subject)
{
        const struct sconce_option *rows = subject->plugin->table.options;

        for (size_t i = 0; i < subject->plugin->n_options; i++) {
                check_sentence(subject, "option ", rows[i].key, rows[i].help);
                if ((rows[i].flags & SCONCE_REQUIRED) && rows[i].def)
                        complain(subject, "option %s is required and has a default", rows[i].key);
                if (rows[i].type == SCONCE_TYPE_ENUM && (!rows[i].choices || !rows[i].choices[0]))
                        complain(subject, "option %s has no choices", rows[i].key);
                for (size_t k = 0; k < i; k++)
                        if (rows[i].offset == rows[k].offset)
                                complain(subject, "options %s and %s fill the same field", rows[k].key, rows[i].key);
        }
}

void check_declares(struct subject *subject)
{
        struct mock_host *host = trial_new(subject);

        if (!host)
                return;
        const struct sconce_plugin *table = &subject->plugin->table;
        check_sentence(subject, "", "the plugin's summary", table->summary);
        check_option_rows(subject);
        for (size_t i = 0; i < subject->plugin->n_channels; i++)
                check_sentence(subject, "channel ", table->channels[i].key, table->channels[i].help);
        mock_host_free(host);
}

/* ---- configures ---------------------------------------------------------------------------------------- */

/* The settings as a section of a config. */
static void check_section(struct subject *subject)
{
        struct config_entry entries[SETTINGS_MAX];
        struct config_section section = {
                .kind = (char *)(uintptr_t)subject->plugin->table.name,
                .id = (char *)(uintptr_t) "test",
                .entries = entries,
                .count = subject->n_settings,
        };
        struct problems problems = { 0 };
        struct device_config *config = NULL;

        for (size_t i = 0; i < subject->n_settings; i++)
                entries[i] = (struct config_entry){ .key = subject->settings[i].key,
                                                    .values = &subject->settings[i].value,
                                                    .count = 1 };
        int r = device_config_new(subject->plugin, &section, &problems, &config);
        for (size_t i = 0; i < problems.count; i++)
                complain(subject, "%s", problems.items[i]);
        if (r < 0 && problems.count == 0)
                complain(subject, "its section cannot be read: %s", strerror(-r));
        problems_done(&problems);
        device_config_free(config);
}

void check_configures(struct subject *subject)
{
        struct mock_host *host = trial_new(subject);
        char text[400];

        if (!host)
                return;
        check_section(subject);
        unsigned before = mock_calls(host);
        now_calling(subject, "configure");
        int r = mock_configure(host);
        if (r > 0)
                complain(subject, "configure returned %d, which is neither 0 nor a negative errno", r);
        if (r < 0)
                complain(subject, "configure refuses the options: %s; give it others as KEY=VALUE",
                         trial_reason(host, r, text));
        if (mock_calls(host) != before)
                complain(subject, "configure opens or reports something, which `sconced --check` must not");
        trial_end(subject, host);
}

/* ---- options ------------------------------------------------------------------------------------------- */

/* A device with this one option changed: it may refuse it, and must survive. */
static void survive(struct subject *subject, const struct sconce_option *row, const char *text)
{
        struct mock_host *host = trial_new(subject);

        mock_option(host, row->key, text);
        (void)trial_start(subject, host);
        trial_advance(subject, host, 1000000);
        trial_end(subject, host);
}

void check_options(struct subject *subject)
{
        struct mock_host *host = trial_new(subject);
        char text[TEXT_SIZE], reason[160];

        if (!host)
                return;
        mock_host_free(host);
        if (subject->plugin->n_options == 0)
                skip_check(subject, "it has no options");
        for (size_t i = 0; i < subject->plugin->n_options; i++) {
                const struct sconce_option *row = &subject->plugin->table.options[i];
                for (unsigned nth = 0; option_sample(row, false, nth, text); nth++)
                        if (option_check_text(row, text, reason) == 0)
                                complain(subject, "option %s takes \"%s\", which it must not", row->key, text);
                for (unsigned nth = 0; option_sample(row, true, nth, text); nth++) {
                        if (option_check_text(row, text, reason) < 0)
                                complain(subject, "option %s does not take \"%s\": %s", row->key, text, reason);
                        else
                                survive(subject, row, text);
                }
        }
}
