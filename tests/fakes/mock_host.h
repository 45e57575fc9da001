/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for one device, in memory: what a plugin's unit test runs it against. Lines, timers and the clock
 * are fakes; whatever the plugin reports, raises or says is kept for the test to look at. Needs nothing but
 * the public header and CMocka.
 *
 *         struct mock_host *host = mock_host_load("build/plugins/lamp.so");
 *         mock_option(host, "line", "GPIO17");
 *         assert_int_equal(mock_start(host), 0);
 *         mock_command(host, SCONCE_BOOL("state", true));
 *         assert_true(mock_line(host, "GPIO17")->active);
 *         mock_host_free(host);
 */
#pragma once

#include <sconce/plugin.h>

struct mock_host;

/* A fake line, there from mock_option() on. */
struct sconce_line {
        struct sconce_line *next;
        char name[64];
        bool is_open, is_output;
        int first_value; /* of the last sconce_line_output() */
        bool active;     /* as the plugin drives or reads it */
        unsigned sets;   /* how often the plugin has set it since it was opened */
        int error;       /* what opening and using it fails with, 0: works */
        sconce_line_fn fn;
};

/* A fake PWM channel or LED, there from mock_option() on. */
struct sconce_dimmer {
        struct sconce_dimmer *next;
        char name[64];
        bool is_open;
        uint64_t period_ns;
        double first_level; /* of the last sconce_dimmer_open() */
        double level;       /* 0 to 1, as the plugin drives it */
        unsigned sets;      /* how often the plugin has set it since it was opened */
        int error;          /* what opening and using it fails with, 0: works */
};

/* From a plugin's file, or from its table in the same program. Options have their defaults. Fails the test
 * where it cannot. */
struct mock_host *mock_host_load(const char *path);
struct mock_host *mock_host_new(const struct sconce_module *module);
void mock_host_free(struct mock_host *host); /* stops it first */

const struct sconce_plugin *mock_plugin(const struct mock_host *host);
void *mock_instance(const struct mock_host *host);

/* Sets an option before the start, as a config would say it; lists of one. */
void mock_option(struct mock_host *host, const char *key, const char *text);
/* What sconce_first() is to answer for the value's channel. */
void mock_first(struct mock_host *host, struct sconce_value value);

/* The callbacks, with what the agent does around them. After a failed start everything that was opened is
 * closed. */
int mock_start(struct mock_host *host); /* configure, then start */
void mock_stop(struct mock_host *host);
int mock_read(struct mock_host *host);
int mock_command(struct mock_host *host, struct sconce_value value);
int mock_commands(struct mock_host *host, const struct sconce_value *values, size_t count);
/* From the agent itself: SCONCE_COMMAND_NOW. */
int mock_command_now(struct mock_host *host, struct sconce_value value);

/* The fake clock, and timers that fall due. */
void mock_advance_us(struct mock_host *host, uint64_t by_us);
/* The loop is busy elsewhere: time goes by, and timers that fall due wait for the next mock_advance_us(). */
void mock_stall_us(struct mock_host *host, uint64_t by_us);
uint64_t mock_now(const struct mock_host *host);
unsigned mock_timers_armed(const struct mock_host *host);

/* Lines by the name that the option gave them. */
struct sconce_line *mock_line(struct mock_host *host, const char *name);
struct sconce_dimmer *mock_dimmer(struct mock_host *host, const char *name);
void mock_edge(struct mock_host *host, const char *name, bool active);
/* One that comes late, or after others that were lost. */
void mock_edge_at(struct mock_host *host, const char *name, bool active, uint64_t time_us, uint32_t lost);
/* A watched descriptor is ready; false: nobody watches it. */
bool mock_ready(struct mock_host *host, int fd, uint32_t events);

/* What the plugin has said. NULL: nothing about that channel yet. */
const struct sconce_value *mock_value(const struct mock_host *host, const char *channel);
uint64_t mock_value_time_us(const struct mock_host *host); /* of the last report; as given, 0: now */
unsigned mock_reports(const struct mock_host *host);
const char *mock_event(const struct mock_host *host); /* the last one, "channel type"; "": none */
unsigned mock_events(const struct mock_host *host);
uint64_t mock_event_time_us(const struct mock_host *host); /* of the last one; as given, 0: now */
const char *
mock_event_log(const struct mock_host *host); /* "single double": the types since the log was emptied */
void mock_event_log_empty(struct mock_host *host);
/* A channel that was added, as the last call had it. NULL: none of that key. */
const struct sconce_channel *mock_channel(const struct mock_host *host, const char *key);
int mock_health(const struct mock_host *host);
bool mock_is_timed(const struct mock_host *host); /* what sconce_timed() last said */
const char *mock_error(const struct mock_host *host); /* sconce_error() of the last callback; "": nothing */
const char *mock_saved(const struct mock_host *host, const char *key);
void mock_save_text(struct mock_host *host, const char *key,
                    const char *text); /* as an earlier run may have */
