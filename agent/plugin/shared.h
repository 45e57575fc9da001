/* SPDX-License-Identifier: Apache-2.0 */
/* The options that the agent adds to every device's section: its own rows, and companions for each LINE of a plugin. */
#pragma once

#include <sconce/plugin.h>

#include "plugin/reading_options.h"
#include "gpio/gpio.h"

enum power_on { POWER_ON_LAST, POWER_ON_ON, POWER_ON_OFF, POWER_ON_KEEP };
enum on_event { ON_EVENT_KEEP, ON_EVENT_ON, ON_EVENT_OFF };

struct output_config {
        int power_on;   /* enum power_on */
        int on_exit;    /* enum on_event; -1: not written */
        int on_offline; /* enum on_event */
        bool offline_at_start;
        uint64_t max_on_us;    /* 0: no limit */
        const char *interlock; /* its group; NULL: none */
        uint64_t dead_time_us;
};

struct shared_config {
        const char *name, *area; /* NULL: none */
        uint64_t every_us;       /* 0: not by timer */
        int64_t rate;            /* commands a second */
        bool history;            /* what is read while the broker is away is kept for it */
        uint64_t deadline_us;    /* blocking devices */
        struct output_config output;
        struct reading_config readings;     /* of all channels that measure */
        struct reading_overrides overrides; /* of single ones */
};

extern const struct sconce_option shared_common_rows[], shared_output_rows[], shared_interlock_rows[];

#define SHARED_COMMON_MAX 8

/* What a device's section may set beside the plugin's own rows. Each table ends with an empty row. */
struct shared_tables {
        struct sconce_option common[SHARED_COMMON_MAX]; /* with the plugin's own defaults of `every` and `deadline` */
        const struct sconce_option *output;             /* NULL: the plugin has no output */
        const struct sconce_option *readings;           /* NULL: it measures nothing */
        const struct sconce_option *interlock;          /* NULL: it is no switch, or has an interlock of its own */
};

void shared_common_init(const struct sconce_plugin *plugin, struct sconce_option common[static SHARED_COMMON_MAX]);

/* The companions of one LINE row: keys made from the row's own, filling a struct line_settings. */
#define LINE_COMPANIONS_MAX 4
struct line_companions {
        struct sconce_option rows[LINE_COMPANIONS_MAX];
        char keys[LINE_COMPANIONS_MAX - 1][96];
        char needs[160];
};
void line_companions_init(const struct sconce_plugin *plugin, const struct sconce_option *line_row,
                          struct line_companions *ret);

/* True for a key that the agent's own tables use in some device's section. */
bool shared_key_is_taken(const char *key);
