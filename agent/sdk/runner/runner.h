/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-plugin-test: does a plugin keep the rules?
 *
 * Each check runs in a child process of its own, which loads the plugin, makes one device of it on the mock
 * host, and tells through a pipe what it is about to call and what it found. So a plugin that crashes, hangs,
 * or ends the process is a result like others, and the checks after it still run. Options go through the
 * agent's own loader and option engine; lines, time and failures are the mock host's.
 */
#pragma once

#include <limits.h>
#include <sconce/mock.h>

#include "plugin/plugin.h"

#define SETTINGS_MAX 64

/* An option, as a config would say it. */
struct setting {
        char *key, *value;
};

struct subject {
        char path[PATH_MAX]; /* absolute */
        struct setting settings[SETTINGS_MAX];
        size_t n_settings;
        unsigned limit_s; /* for one call */
        unsigned seed;
        bool verbose, allow_untested;
        const struct check *only; /* NULL: all */
        char token[20];           /* what a check says at its end */

        /* In a child only. */
        const struct check *check;
        int out;
        struct plugin *plugin;
        unsigned short random[3];
        bool is_overrun;      /* and has been told */
        unsigned slow, timed; /* calls of one kind: how many overstayed, how many there were */
};

struct check {
        const char *name;
        void (*run)(struct subject *subject);
};

/* Skipped: there is nothing to check. Untested: there is, and it could not be. */
enum outcome { OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_SKIPPED, OUTCOME_UNTESTED };

/* ---- child.c ------------------------------------------------------------------------------------------- */

/* Runs one check in a child, prints its line and what it found. */
enum outcome child_run(struct subject *subject, const struct check *check);

/* From within the check: what is called next, what is wrong, why there is nothing (more) to check, why it cannot
 * be checked here. */
void now_calling(struct subject *subject, const char *what);
void complain(struct subject *subject, const char *format, ...) PRINTF_LIKE(2, 3);
void skip_check(struct subject *subject, const char *format, ...) PRINTF_LIKE(2, 3);
void give_up_check(struct subject *subject, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- trial.c: one device on the mock host -------------------------------------------------------------- */

/* A host with the plugin and its options; a complaint and NULL where it cannot be. mock_host_free() it. */
struct mock_host *trial_new(struct subject *subject);
/* trial_new() and a start that works; where it does not, gives the check up. */
struct mock_host *trial_running(struct subject *subject);
/* Calls, with what must hold after each: a result that is 0 or a negative errno, an instance that is intact.
 */
int trial_start(struct subject *subject, struct mock_host *host);
int trial_read(struct subject *subject, struct mock_host *host);
int trial_command(struct subject *subject, struct mock_host *host, const struct sconce_command *command);
void trial_advance(struct subject *subject, struct mock_host *host, uint64_t us);
void trial_edges(struct subject *subject, struct mock_host *host); /* one on each open input */
void trial_stop(struct subject *subject, struct mock_host *host);
/* Stops, frees, and complains of what the agent would have refused. */
void trial_end(struct subject *subject, struct mock_host *host);
/* "ENOENT: there is no zone": what the callback that returned `r` says. */
const char *trial_reason(const struct mock_host *host, int r, char text[static 400]);

/* ---- invent.c: values ---------------------------------------------------------------------------------- */

#define TEXT_SIZE 128

/* A value that the row takes. `index` tells lines apart. */
void invent_option(const struct sconce_option *row, unsigned index, char text[static TEXT_SIZE]);
/* The nth value for a row: boundaries, defaults, choices when `good`, else what is out of range or of another
 * type. False: no more. */
bool option_sample(const struct sconce_option *row, bool good, unsigned nth, char text[static TEXT_SIZE]);

/* Whether the option engine takes it; the reason otherwise. */
int option_check_text(const struct sconce_option *row, const char *text, char reason[static 160]);

bool channel_row_is_writable(const struct sconce_channel *row);
/* The nth value at the edges of what the channel takes; false: no more. */
bool channel_sample(const struct sconce_channel *row, unsigned nth, struct sconce_value *ret);
/* Any value that it takes. */
struct sconce_value channel_random(struct subject *subject, const struct sconce_channel *row);
unsigned random_below(struct subject *subject, unsigned end);

/* ---- The checks ---------------------------------------------------------------------------------------- */

void check_declares(struct subject *subject);
void check_configures(struct subject *subject);
void check_options(struct subject *subject);
void check_starts(struct subject *subject);
void check_reads(struct subject *subject);
void check_commands(struct subject *subject);
void check_lives(struct subject *subject);
void check_failures(struct subject *subject);
void check_deadlines(struct subject *subject);
