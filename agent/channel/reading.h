/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a sensor's readings before they are published: filtered, converted, rounded; and published only
 * where they have moved far enough. Per channel; knows no devices.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READING_WINDOW_MAX 99

enum reading_filter { READING_FILTER_NONE, READING_FILTER_MEDIAN, READING_FILTER_AVERAGE };

struct reading_config {
        double delta;              /* < 0: every reading is published, not only what is new */
        uint64_t heartbeat_us;     /* 0: none; the device's, for all channels alike */
        int64_t round;             /* decimals; < 0: as it comes */
        double multiplier, offset; /* reading * multiplier + offset */
        int filter;                /* enum reading_filter */
        int64_t filter_size;       /* readings, up to READING_WINDOW_MAX */
};

/* Of a section without such keys. */
#define READING_CONFIG_INIT                                                                                            \
        {                                                                                                              \
                .delta = -1, .round = -1, .multiplier = 1                                                              \
        }

struct reading {
        struct reading_config config;
        double *window; /* the newest readings, in a ring; NULL until there is one to filter */
        size_t count, next;
        bool is_reported; /* as a number; else as null, or not yet */
        double published;
};

/* Takes over a config; what is in the window stays where its size does. */
void reading_configure(struct reading *reading, const struct reading_config *config);
void reading_done(struct reading *reading);

/* The next reading as it is to be published; not finite where the conversion overflows. */
double reading_refine(struct reading *reading, double raw);
/* There was none: what came before is not mixed with what comes after. */
void reading_gap(struct reading *reading);

/* Whether this is worth publishing after what was published last; `is_known` false: null. */
bool reading_is_news(const struct reading *reading, bool is_known, double number);
void reading_published(struct reading *reading, bool is_known, double number);
