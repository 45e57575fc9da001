/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which outputs this agent drives, in a small file of the runtime directory: written before a line or a dimmer is driven for
 * the first time, so that `sconced --outputs-safe` needs no config to find it again, and no database to know that it
 * was on for a limited time. A line that is let go in order leaves it. Another boot's file counts for nothing.
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
        const char *path;           /* of the file; NULL: there is no place for it */
        const char *chip, *sim_dir; /* where texts lead, as [gpio] says */
        /* In words for people; NULL: it is over. */
        void (*trouble)(void *userdata, const char *text);
        void *userdata;
};

/* What an earlier run of this boot has left there is taken over, as old. */
int driven_new(const struct driven_options *options, struct driven **ret) MUST_CHECK;
/* For --outputs-safe: -ENOENT when there is none of this boot. */
int driven_read(const char *path, struct driven **ret, struct fault *fault) MUST_CHECK;
void driven_free(struct driven *driven);

/* The chip and directory of the run that wrote it. */
const char *driven_chip(const struct driven *driven);
const char *driven_sim_dir(const struct driven *driven);

/* Writes down an output, whose texts are copied. It counts also when that could not be written: then the negative errno,
 * and the next change tries again. */
int driven_note(struct driven *driven, const struct driven_output *output) MUST_CHECK;
/* All outputs of a device: on for a limited time by a command, or not any more. */
int driven_limit(struct driven *driven, const char *device, bool is_for) MUST_CHECK;
void driven_release(struct driven *driven, const char *device);
/* Tries again what could not be written. */
int driven_write(struct driven *driven, struct fault *fault) MUST_CHECK;
void driven_report(struct driven *driven); /* the trouble that there is, again */

/* What an earlier run has left of a device that has not been started since: it was on by a command with `for`; */
bool driven_was_for(const struct driven *driven, const char *device);
/* its output, which is never on for long, was switched off after a crash: it does not come back. */
bool driven_was_cut_off(const struct driven *driven, const char *device);

/* Brings each output where it belongs, and writes that down. Returns how many could not be brought there. */
unsigned driven_make_safe(struct driven *driven, struct gpio *gpio);

DEFINE_CLEANUP(struct driven, driven_free);
