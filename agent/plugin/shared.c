/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/shared.h"

#include <stdio.h>
#include <string.h>

#include "channel/kinds.h"

#define DEFAULT_DEADLINE "5s"

const struct sconce_option shared_common_rows[] = {
        SCONCE_OPTION_STRING(struct shared_config, name, "name", SCONCE_RELOADABLE, "What people call the device"),
        SCONCE_OPTION_STRING(struct shared_config, area, "area", SCONCE_RELOADABLE,
                             "The room or place that it belongs to"),
        SCONCE_OPTION_DURATION(struct shared_config, every_us, "every", SCONCE_RELOADABLE, "How often it is read",
                               .min = "10ms", .max = "365d"),
        SCONCE_OPTION_INT(struct shared_config, rate, "rate", SCONCE_RELOADABLE,
                          "How many commands a second it takes, as many at once", .def = "100", .min = "1",
                          .max = "100000"),
        SCONCE_OPTION_BOOL(struct shared_config, history, "history", SCONCE_RELOADABLE,
                           "Whether what it reads while the broker is away is kept and published later"),
        { .key = NULL },
};

static const struct sconce_option deadline_row = SCONCE_OPTION_DURATION(
        struct shared_config, deadline_us, "deadline", SCONCE_RELOADABLE,
        "How long the hardware may take to answer before the device counts as offline", .def = DEFAULT_DEADLINE,
        .min = "10ms", .max = "1h");

static const char *const power_on_choices[] = { "last", "on", "off", "keep", NULL };
static const char *const on_event_choices[] = { "keep", "on", "off", NULL };

const struct sconce_option shared_output_rows[] = {
        SCONCE_OPTION_ENUM(struct shared_config, output.power_on, "power_on", SCONCE_RELOADABLE,
                           "What it is at its first start after a boot; keep: what the hardware shows", .def = "last",
                           .choices = power_on_choices),
        SCONCE_OPTION_ENUM(struct shared_config, output.on_exit, "on_exit", SCONCE_RELOADABLE,
                           "What it becomes when the agent stops; by default keep, off for an output that is timed",
                           .choices = on_event_choices),
        SCONCE_OPTION_ENUM(struct shared_config, output.on_offline, "on_offline", SCONCE_RELOADABLE,
                           "What it becomes when the broker has been away for offline_after", .def = "keep",
                           .choices = on_event_choices),
        SCONCE_OPTION_BOOL(struct shared_config, output.offline_at_start, "offline_at_start", SCONCE_RELOADABLE,
                           "Whether on_offline counts before the first connection too", .def = "no"),
        SCONCE_OPTION_DURATION(struct shared_config, output.max_on_us, "max_on", SCONCE_RELOADABLE,
                               "How long it may stay on before it is switched off", .min = "10ms", .max = "365d"),
        { .key = NULL },
};

/* For what is switched on and off. A cover has a dead time of its own between its two outputs: a plugin with
 * options of these names keeps them. */
const struct sconce_option shared_interlock_rows[] = {
        SCONCE_OPTION_STRING(struct shared_config, output.interlock, "interlock", 0,
                             "Group of outputs of which one at most is on"),
        SCONCE_OPTION_DURATION(struct shared_config, output.dead_time_us, "dead_time", 0,
                               "How long all of the group are off between one and another", .def = "500ms",
                               .min = "10ms", .max = "1h"),
        { .key = NULL },
};

static const char *const bias_choices[] = {
        [LINE_BIAS_AS_IS] = "as-is",
        [LINE_BIAS_DISABLED] = "disabled",
        [LINE_BIAS_PULL_UP] = "pull-up",
        [LINE_BIAS_PULL_DOWN] = "pull-down",
        NULL,
};
static const char *const drive_choices[] = {
        [LINE_DRIVE_PUSH_PULL] = "push-pull",
        [LINE_DRIVE_OPEN_DRAIN] = "open-drain",
        [LINE_DRIVE_OPEN_SOURCE] = "open-source",
        NULL,
};

static const struct sconce_option active_low_row = SCONCE_OPTION_BOOL(struct line_settings, active_low, "active_low", 0,
                                                                      "Whether a low level means on", .def = "no");
static const struct sconce_option bias_row = SCONCE_OPTION_ENUM(
        struct line_settings, bias, "bias", 0, "The line's pull resistor", .def = "as-is", .choices = bias_choices);
static const struct sconce_option drive_row = SCONCE_OPTION_ENUM(struct line_settings, drive, "drive", 0,
                                                                 "How the line is driven", .def = "push-pull",
                                                                 .choices = drive_choices);
static const struct sconce_option debounce_row = SCONCE_OPTION_DURATION(
        struct line_settings, debounce_us, "debounce", 0, "How long a level must stay before it counts", .def = "0ms",
        .max = "10s");

/* What is switched or moved is no reading: when the broker is back, what it is by then counts. A button beside readings
 * (a counter's reset) does not make an output. */
static bool is_output(const struct sconce_plugin *plugin)
{
        for (const struct sconce_channel *row = plugin->channels; row && row->key; row++) {
                const struct kind *kind = kind_get(row->kind);
                if (kind && kind->written && kind->has_state)
                        return true;
        }
        return false;
}

void shared_common_init(const struct sconce_plugin *plugin, struct sconce_option common[static SHARED_COMMON_MAX])
{
        size_t count = ARRAY_SIZE(shared_common_rows) - 1;

        memcpy(common, shared_common_rows, sizeof(shared_common_rows));
        for (size_t i = 0; i < count; i++) {
                if (strcmp(common[i].key, "every") == 0)
                        common[i].def = plugin->every;
                if (strcmp(common[i].key, "history") == 0)
                        common[i].def = is_output(plugin) ? "no" : "yes";
        }
        if (plugin->flags & SCONCE_BLOCKING) {
                common[count] = deadline_row;
                if (plugin->deadline)
                        common[count].def = plugin->deadline;
        }
}

/* What a line that is not given cannot have; a PWM channel in the place of "line" can be inverted. */
static void set_needs(const struct sconce_plugin *plugin, const struct sconce_option *line_row,
                      struct line_companions *ret)
{
        size_t used = (size_t)snprintf(ret->needs, sizeof(ret->needs), "%s", line_row->key);

        for (size_t i = 0; i < ARRAY_SIZE(ret->keys); i++)
                ret->rows[i].needs = line_row->key;
        if (strcmp(line_row->key, "line") != 0)
                return;
        for (const struct sconce_option *row = plugin->options; row->key && used < sizeof(ret->needs); row++)
                if (row->type == SCONCE_TYPE_PWM)
                        used += (size_t)snprintf(ret->needs + used, sizeof(ret->needs) - used, " %s", row->key);
        ret->rows[0].needs = ret->needs;
}

void line_companions_init(const struct sconce_plugin *plugin, const struct sconce_option *line_row,
                          struct line_companions *ret)
{
        bool output = line_row->flags & SCONCE_OUTPUT;

        *ret = (struct line_companions){ .rows = { active_low_row, bias_row, output ? drive_row : debounce_row } };
        if (!(line_row->flags & SCONCE_REQUIRED))
                set_needs(plugin, line_row, ret);
        if (line_row->bias)
                ret->rows[1].def = line_row->bias;
        if (line_row->debounce && !output)
                ret->rows[2].def = line_row->debounce;
        if (strcmp(line_row->key, "line") == 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(ret->keys); i++) {
                (void)snprintf(ret->keys[i], sizeof(ret->keys[i]), "%.63s_%s", line_row->key, ret->rows[i].key);
                ret->rows[i].key = ret->keys[i];
        }
}

bool shared_key_is_taken(const char *key)
{
        return strcmp(key, deadline_row.key) == 0 || option_row_find(shared_common_rows, key) ||
               option_row_find(shared_output_rows, key) || option_row_find(reading_rows, key);
}
