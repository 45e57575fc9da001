/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce/mock.h - a host in memory for one device: what a plugin's unit test runs the plugin against.
 *
 * Lines, timers and the clock are fakes; what the plugin reports and raises is kept for the test. What the agent
 * would refuse is refused with the same errno. It needs <sconce/plugin.h> and CMocka, and nothing of the agent:
 * link with `pkg-config --libs sconce-mock`.
 *
 *         struct mock_host *host = mock_host_load("./lamp.so");
 *         mock_option(host, "line", "GPIO17");
 *         assert_int_equal(mock_start(host), 0);
 *         assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), 0);
 *         assert_true(mock_line(host, "GPIO17")->active);
 *         mock_host_free(host);
 *
 * Everything runs on the test's own thread, blocking plugins too. No pointer here may be NULL but where it
 * says so. A mistake of the test itself (an option that the plugin does not have) fails the test by CMocka's
 * fail_msg(). Texts that functions return are the host's, and valid until the next call.
 */
#pragma once

#include <sconce/plugin.h>

struct mock_host;

/* A fake line, there from mock_option() on. A test may set `active` (what the hardware shows) and `error`;
 * the rest is for looking at. */
struct sconce_line {
        struct sconce_line *next;
        char name[64];
        bool is_open, is_output;
        int first_value; /* of the last sconce_line_output(): 0, 1, SCONCE_LINE_KEEP */
        bool active;     /* as the plugin drives or reads it: logical, active_low is undone */
        unsigned sets;   /* how often the plugin has set it since it was opened */
        int error;       /* what opening and using it fails with: a negative errno, 0: works */
        sconce_line_fn fn;
        bool declared_output; /* its option has SCONCE_OUTPUT */
};

/* A fake PWM channel or LED, as a line otherwise. */
struct sconce_dimmer {
        struct sconce_dimmer *next;
        char name[64];
        bool is_open;
        uint64_t period_ns; /* as sconce_dimmer_open() had it */
        double first_level; /* of the last sconce_dimmer_open(): 0 to 1, SCONCE_DIMMER_KEEP */
        double level;       /* 0 to 1, as the plugin drives it */
        unsigned sets;      /* how often the plugin has set it since it was opened */
        int error;          /* what opening and using it fails with: a negative errno, 0: works */
};

/* ---- The host ------------------------------------------------------------------------------------------ */

/* Loads a plugin's file (with a slash in `path`: dlopen() looks elsewhere for bare names) and makes one
 * device of it. Options have their defaults, the clock stands at 1000 s. Fails the test where the file is no
 * plugin. The caller owns it: mock_host_free(). */
struct mock_host *mock_host_load(const char *path);

/* The same from the table of a plugin that is linked into the test: `&sconce_module`, borrowed for the host's life. */
struct mock_host *mock_host_new(const struct sconce_module *module);

/* Stops the device if it runs, frees it, and unloads the file. NULL: nothing. */
void mock_host_free(struct mock_host *host);

/* What the plugin declares, and the instance that its options fill. Both the host's. */
const struct sconce_plugin *mock_plugin(const struct mock_host *host);
void *mock_instance(const struct mock_host *host);

/* False: the plugin wrote behind the end of its instance. */
bool mock_is_intact(const struct mock_host *host);

/* ---- Before the start ---------------------------------------------------------------------------------- */

/* Sets an option as a config would say it: "GPIO17", "1.5h", "yes". Not checked against the row's bounds: that is the
 * agent's part. A list gets this one item. Fails the test for a key that the plugin does not have. */
void mock_option(struct mock_host *host, const char *key, const char *text);

/* Sets a list of strings; NULL ends the array, which is borrowed for the host's life. */
void mock_option_list(struct mock_host *host, const char *key, const char *const *texts);

/* What sconce_deadline_us() answers; until then it is 5 s for a blocking plugin, 0 for others. */
void mock_deadline_us(struct mock_host *host, uint64_t deadline_us);

/* What sconce_first() answers for the value's channel; until then it is -ENODATA. Texts are borrowed. */
void mock_first(struct mock_host *host, struct sconce_value value);

/* ---- Callbacks, with what the agent does around them --------------------------------------------------- */

/* `configure` alone, once: what `sconced --check` does. Returns what it returned; 0 where there is none. */
int mock_configure(struct mock_host *host);

/* `configure` unless it has run, then `start` with the instance as `configure` left it. Returns what the one
 * that failed returned; then everything that was opened is closed. */
int mock_start(struct mock_host *host);

/* `stop`, if it runs; what it reports and which events it raises is seen afterwards, as the agent publishes it. Lines,
 * dimmers, timers and watches are closed then. Starting again is allowed. */
void mock_stop(struct mock_host *host);

/* `read`, which the plugin must have. Returns what it returned. */
int mock_read(struct mock_host *host);

/* `command` with one value, with several, or as given (flags too). Not checked against the channel table:
 * send what the agent would let through. Returns what it returned. */
int mock_command(struct mock_host *host, struct sconce_value value);
int mock_commands(struct mock_host *host, const struct sconce_value *values, size_t count);
int mock_carry_out(struct mock_host *host, const struct sconce_command *command);

/* One value from the agent itself (on_exit, max_on): with SCONCE_COMMAND_NOW. Returns what it returned. */
int mock_command_now(struct mock_host *host, struct sconce_value value);

/* The longest that a callback took since this was last asked, in microseconds of real time. */
uint64_t mock_longest_call_us(struct mock_host *host);

/* ---- Time ---------------------------------------------------------------------------------------------- */

/* Moves the fake clock on by so many microseconds; timers that fall due fire at their time, in order. */
void mock_advance_us(struct mock_host *host, uint64_t by_us);

/* The loop is busy elsewhere: time goes by, and timers that fall due wait for the next mock_advance_us(). */
void mock_stall_us(struct mock_host *host, uint64_t by_us);

/* The fake clock, as sconce_now_us(). */
uint64_t mock_now(const struct mock_host *host);

/* How many timers are armed. */
unsigned mock_timers_armed(const struct mock_host *host);

/* ---- Lines and descriptors ----------------------------------------------------------------------------- */

/* The line, the dimmer that an option named so. Fails the test where none did. */
struct sconce_line *mock_line(struct mock_host *host, const char *name);
struct sconce_dimmer *mock_dimmer(struct mock_host *host, const char *name);

/* All lines, the one that was named last first; NULL: none. */
struct sconce_line *mock_lines(struct mock_host *host);

/* The hardware changes an input: sets `active`, and calls the plugin when it has opened the line for that. */
void mock_edge(struct mock_host *host, const char *name, bool active);

/* The same of an edge that comes late (time_us, on the fake clock) or after others that were lost. */
void mock_edge_at(struct mock_host *host, const char *name, bool active, uint64_t time_us, uint32_t lost);

/* A watched descriptor is ready (`events` as in epoll(7)). False: nobody watches it. */
bool mock_ready(struct mock_host *host, int fd, uint32_t events);

/* ---- What the plugin has reported ---------------------------------------------------------------------- */

/* The channel's latest value. NULL: nothing was reported yet. */
const struct sconce_value *mock_value(const struct mock_host *host, const char *channel);

/* The time of the last report, in microseconds of CLOCK_BOOTTIME; 0: now. */
uint64_t mock_value_time_us(const struct mock_host *host);

/* How many reports were taken. */
unsigned mock_reports(const struct mock_host *host);

/* The last event as "channel type"; "": none. How many there were; the time of the last one, 0: now. */
const char *mock_event(const struct mock_host *host);
unsigned mock_events(const struct mock_host *host);
uint64_t mock_event_time_us(const struct mock_host *host);

/* The types of all events since the log was emptied, "single double". */
const char *mock_event_log(const struct mock_host *host);
void mock_event_log_empty(struct mock_host *host);

/* A channel that was added, as the last call had it. NULL: none of that key. */
const struct sconce_channel *mock_channel(const struct mock_host *host, const char *key);

/* Every channel in turn, declared ones first. NULL: no more. */
const struct sconce_channel *mock_channel_at(const struct mock_host *host, size_t index);

/* The last of sconce_health(): 0 or a negative errno. */
int mock_health(const struct mock_host *host);

/* The last of sconce_problem(); "": nothing is wrong. */
const char *mock_problem(const struct mock_host *host);

/* sconce_error() of the last callback; "": nothing. */
const char *mock_error(const struct mock_host *host);

/* The last of sconce_timed(). */
bool mock_is_timed(const struct mock_host *host);

/* What the plugin saved under `key`. NULL: nothing. */
const char *mock_saved(const struct mock_host *host, const char *key);

/* Saves it as an earlier run may have; `text` NULL forgets it. */
void mock_save_text(struct mock_host *host, const char *key, const char *text);

/* ---- Failures ------------------------------------------------------------------------------------------ */

/* Makes the nth call (1: the next) of a service that can fail do so once, with a negative errno: lines, dimmers,
 * timers, descriptors, saved state, reports and events. nth 0: none. */
void mock_fail_call(struct mock_host *host, unsigned nth, int error);

/* How many such calls there were so far. */
unsigned mock_calls(const struct mock_host *host);

/* The last call that the agent would have refused as a mistake of the plugin, in a sentence: a report of a
 * channel that is not there or of the wrong type, a timer from before the stop, a line in a blocking plugin.
 * "": none. A good test ends with assert_string_equal(mock_refusal(host), ""). */
const char *mock_refusal(const struct mock_host *host);
