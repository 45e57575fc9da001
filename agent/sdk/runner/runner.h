/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-plugin-test: does a plugin keep the rules?
 *
 * Each check runs in a child process of its own, which loads the plugin, makes one device of it on the mock host, and
 * reports through a pipe what it is about to call and what it found. So a plugin that crashes, hangs, or ends the
 * process is a result like others, and the checks after it still run. Options go through the agent's own loader and
 * option engine; lines, time and failures are the mock host's.
 */
#pragma once

#include <limits.h>
#include <sconce/mock.h>

#include "plugin/plugin.h"

#define SETTINGS_MAX 64

/* An option, as in a config. */
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
        char token[20];           /* of the record at a check's end */

        /* In a child only. */
        const struct check *check;
        int out;
        struct plugin *plugin;
        unsigned short random[3];
        bool is_overrun;      /* and has been reported */
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

/* From within the check, one line of text to the parent: what is called next, what is wrong, why there is nothing
 * (more) to check, why it cannot be checked here. */
enum record { RECORD_CALL = 'C', RECORD_FINDING = 'F', RECORD_SKIP = 'S', RECORD_UNTESTED = 'U', RECORD_END = 'E' };
void child_record(const struct subject *subject, enum record record, const char *format, ...) PRINTF_LIKE(3, 4);

#define now_calling(subject, what)  child_record(subject, RECORD_CALL, "%s", what)
#define complain(subject, ...)      child_record(subject, RECORD_FINDING, __VA_ARGS__)
#define skip_check(subject, ...)    child_record(subject, RECORD_SKIP, __VA_ARGS__)
#define give_up_check(subject, ...) child_record(subject, RECORD_UNTESTED, __VA_ARGS__)

/* How many entries a directory of /proc/self has: threads, descriptors. 0 where it cannot be read. */
size_t count_entries(const char *path);

/* ---- trial.c: one device on the mock host -------------------------------------------------------------- */

/* A host with the plugin and its options; a complaint and NULL where it cannot be. mock_host_free() it. */
struct mock_host *trial_new(struct subject *subject);
/* trial_new() and a start that works; where it does not, gives the check up. */
struct mock_host *trial_running(struct subject *subject);
/* Calls, with what must hold after each: a result that is 0 or a negative errno, an intact instance. */
int trial_start(struct subject *subject, struct mock_host *host);
int trial_read(struct subject *subject, struct mock_host *host);
int trial_command(struct subject *subject, struct mock_host *host, const struct sconce_command *command);
int trial_value(struct subject *subject, struct mock_host *host, const struct sconce_value *value);
void trial_advance(struct subject *subject, struct mock_host *host, uint64_t us);
void trial_edges(struct subject *subject, struct mock_host *host); /* one on each open input */
void trial_stop(struct subject *subject, struct mock_host *host);
/* Stops, frees, and complains of what the agent would have refused. */
void trial_end(struct subject *subject, struct mock_host *host);
/* "ENOENT: there is no zone": the error of the callback that returned `r`. */
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
