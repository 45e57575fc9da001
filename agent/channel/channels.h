/* SPDX-License-Identifier: Apache-2.0 */
/* A device's channels with their latest values, typed by their kind; what a plugin reports is checked first. */
#pragma once

#include <sconce/plugin.h>

#include "channel/kinds.h"
#include "channel/reading.h"
#include "channel/trend.h"
#include "channel/value.h"
#include "config/options.h"
#include "util/fault.h"
#include "util/json.h"

struct channel {
        struct sconce_channel row;
        const struct kind *kind;
        struct value now;
        struct value kept;      /* the last known value: what a start of the device brings back */
        struct reading reading; /* SENSOR */
        struct trend *trend;    /* NULL: nothing of it has been known, or it has none */
        bool is_trend_new; /* something was reported that was not so before; the owner of the trends takes it back */
};

struct channels {
        struct channel *items;
        size_t count;
        uint64_t time_us;                /* of the newest report; 0: none yet */
        const struct trend_clock *clock; /* for their trends; NULL: none are kept */
};

/* Checks a row that a plugin declares or adds: key, kind, flags, choices, bounds. */
int channel_check(const struct sconce_channel *row, struct fault *fault) MUST_CHECK;

void channels_done(struct channels *channels);
/* Appends a checked row, whose texts live as long as the channels. */
int channels_append(struct channels *channels, const struct sconce_channel *row) MUST_CHECK;
/* Copies all texts of a row into `store`. */
int channel_copy_row(const struct sconce_channel *row, struct option_store *store, struct sconce_channel *ret)
        MUST_CHECK;

struct channel *channels_find(const struct channels *channels, const char *key);
bool channel_is_on_off(const struct channel *channel); /* and written */
bool channel_is_writable(const struct channel *channel);
bool channel_has_state(const struct channel *channel);
bool channels_have_state(const struct channels *channels);
/* The first channel that commands write with a value of this kind of use; NULL: none. */
struct channel *channels_first_on_off(const struct channels *channels);
struct channel *channels_first_number(const struct channels *channels);
struct channel *channels_first_of(const struct channels *channels, enum sconce_kind kind);
bool channels_are_light(const struct channels *channels);

/* All values are taken, or none; readings are refined. `ret_changed`: there is something to publish. */
int channels_report(struct channels *channels, uint64_t time_us, const struct sconce_value *values, size_t count,
                    bool *ret_changed, struct fault *fault) MUST_CHECK;
/* Numbers, and what is on or off. */
bool channel_has_trend(const struct channel *channel);
/* What is on or off is not known from now on; or it is again as it last was. */
void channels_hold_trends(struct channels *channels, bool is_known);
/* Up to now: before they are read. */
void channels_catch_up_trends(struct channels *channels);
/* The state has been published as it is. */
void channels_published(struct channels *channels);
/* Takes over what it now is; true when that is new. Only what is written is kept. */
bool channel_keep(struct channel *channel);
/* The same of another value than it now is. */
bool channel_keep_as(struct channel *channel, const struct sconce_value *value);
/* As if it had been kept, of an earlier run: the text that channel_kept_text() gave. What does not fit the
 * channel any more (another kind, out of range, no choice) is not taken. */
void channel_restore(struct channel *channel, const char *text);
char *channel_kept_text(const struct channel *channel); /* free() it; NULL: out of memory */
/* The kept value, for sconce_first(); -ENODATA. */
int channel_kept(const struct channel *channel, struct sconce_value *ret) MUST_CHECK;

/* What it is now, as JSON. */
void channel_write_value(const struct channel *channel, struct json_text *out);
