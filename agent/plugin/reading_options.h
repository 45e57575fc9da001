/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of readings: `delta = 0.5` for all channels of a device, `temperature_delta = 0.2` for one. Which
 * channels there are may be known only when the device runs; so the keys of the section decide.
 */
#pragma once

#include "config/options.h"
#include "channel/reading.h"

#define READING_OVERRIDES_MAX 64

/* What a section sets for one channel alone. */
struct reading_override {
        char channel[64];
        struct reading_config config;
};

struct reading_overrides {
        struct reading_override *items; /* in an option store */
        size_t count;
};

/* For all channels; they fill a struct reading_config. */
extern const struct sconce_option reading_rows[];

/* Finds the channels that the section (NULL: none) has keys of, CHANNEL_delta and so on, unknown to `targets`, and
 * appends a table for each, whose texts live in `store`. Returns the new number of targets; -E2BIG, -ENOMEM. */
int reading_overrides_find(const struct config_section *section, struct option_store *store,
                           struct option_target *targets, size_t n_targets, struct reading_overrides *ret) MUST_CHECK;
/* After the section has been read: what is not set for a channel is as for all. */
void reading_overrides_inherit(const struct config_section *section, const struct reading_config *all,
                               struct reading_overrides *overrides);
/* What holds for a channel. */
const struct reading_config *reading_overrides_get(const struct reading_overrides *overrides, const char *channel,
                                                   const struct reading_config *all);
