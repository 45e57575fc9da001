/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of outputs that this agent drives, a small file of the runtime directory: written before a line or a
 * dimmer is driven for the first time, so that `sconced --outputs-safe` finds it again without a config, and knows
 * without a database that it was on for a limited time. What is released in order leaves it. Another boot's file counts
 * for nothing.
 */
#pragma once

#include "plugin/shared.h"
#include "gpio/dimmer.h"
#include "gpio/gpio.h"

struct driven;

/* One output, as its device is configured when it is driven. */
struct driven_output {
        const char *device;
        const char *kind; /* "line", "pwm", "led" */
        const char *text; /* as in the config */
        struct line_settings settings;
        enum on_event exit;
        bool is_limited; /* by its section: pulse, max_on, a cover */
        bool is_for;     /* just now, by a command */
};

struct driven_options {
        const char *path;                                  /* of the file; NULL: there is no place for it */
        const char *chip, *sim_dir;                        /* where texts lead, as [gpio] says */
        void (*problem)(void *userdata, const char *text); /* for people; NULL: it is over */
        void *userdata;
};

/* Takes over what an earlier run of this boot has left there, as old. */
int driven_new(const struct driven_options *options, struct driven **ret) MUST_CHECK;
/* For --outputs-safe: -ENOENT when there is none of this boot. */
int driven_read(const char *path, struct driven **ret, struct fault *fault) MUST_CHECK;
void driven_free(struct driven *driven);

/* The chip and directory of the run that wrote it. */
const char *driven_chip(const struct driven *driven);
const char *driven_sim_dir(const struct driven *driven);

/* Adds an output, whose texts are copied, and writes. Negative errno: the next change tries to write it again. */
int driven_note(struct driven *driven, const struct driven_output *output) MUST_CHECK;
/* All outputs of a device are on for a limited time by a command, or not any more. */
int driven_limit(struct driven *driven, const char *device, bool is_for) MUST_CHECK;
/* They are let go in order. `keep`: they stay for driven_past(), until driven_saved(). */
void driven_release(struct driven *driven, const char *device, bool keep);
/* All is in the store at an orderly end, so what was let go is forgotten. */
void driven_saved(struct driven *driven);
int driven_write(struct driven *driven, struct fault *fault) MUST_CHECK; /* what is not written yet */
bool driven_is_written(const struct driven *driven);                     /* all of it is */
void driven_report(struct driven *driven);                               /* the problem that there is, again */

/* Of a device that an earlier run has left and that has not been started since. */
struct driven_past {
        bool is_known;    /* there is something; else the store knows best */
        bool was_for;     /* it was on by a command with `for` */
        bool was_cut_off; /* its output is never on for long and was switched off after a crash: it does not come back */
};

struct driven_past driven_past(const struct driven *driven, const char *device);

/* Something that is not to be on for long was left on, and no device has taken it over. */
bool driven_has_left(const struct driven *driven);
/* It is off. Returns how many could not be switched off. */
unsigned driven_settle_left(struct driven *driven, struct gpio *gpio);
/* Brings each output where it belongs and records that. Returns how many could not be brought there. */
unsigned driven_make_safe(struct driven *driven, struct gpio *gpio);

DEFINE_CLEANUP(struct driven, driven_free);
