/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rule.h"

#include <string.h>

#include "config/dump.h"

const struct sconce_option rule_rows[] = {
        SCONCE_OPTION_LIST(struct rule_settings, when, SCONCE_TYPE_STRING, "when", SCONCE_REQUIRED,
                           "What sets it off: DEVICE.CHANNEL EVENT, DEVICE.CHANNEL = VALUE (or != < > <= "
                           ">=), DEVICE online, "
                           "DEVICE offline; any one of a list"),
        SCONCE_OPTION_LIST(
                struct rule_settings, conditions, SCONCE_TYPE_STRING, "if", 0,
                "What must hold at that moment, written as in when but for events; a comma means and; both take "
                "DEVICE.CHANNEL fault, ok, known or unknown, and DEVICE fault or ok, too"),
        SCONCE_OPTION_LIST(struct rule_settings, then, SCONCE_TYPE_STRING, "then", SCONCE_REQUIRED,
                           "What it does: DEVICE VALUE or DEVICE.CHANNEL VALUE, or a list of them; NODE/DEVICE is a "
                           "device of another node, which takes the broker"),
        SCONCE_OPTION_DURATION(struct rule_settings, delay_us, "delay", 0,
                               "How long it waits before it acts; a new trigger restarts the wait", .max = "7d"),
        SCONCE_OPTION_LIST(struct rule_settings, cancel, SCONCE_TYPE_STRING, "cancel", 0,
                           "What ends the waiting without acting, written as in when"),
        SCONCE_OPTION_BOOL(struct rule_settings, at_start, "at_start", 0,
                           "Whether it acts, once, for what is true already when its devices have started",
                           .def = "no"),
        { 0 },
};

bool section_is_rule(const struct config_section *section)
{
        return section->id && strcmp(section->kind, "rule") == 0;
}

int rule_settings_read(const struct config_section *section, struct option_store *store, struct problems *problems,
                       struct rule_settings *ret)
{
        struct rule_settings settings = { 0 };
        const struct option_target target = { rule_rows, &settings };

        int r = options_read(section, &target, 1, NULL, store, problems);
        if (r == 0)
                *ret = settings;
        return r;
}

void rules_dump(FILE *out, const struct config *config)
{
        const struct option_target target = { rule_rows, NULL };

        for (size_t i = 0; i < config->count; i++) {
                char header[CONFIG_LABEL_MAX];

                if (!section_is_rule(&config->sections[i]))
                        continue;
                (void)snprintf(header, sizeof(header), "rule %s", config->sections[i].id);
                options_dump(out, header, &config->sections[i], &target, 1);
        }
}
