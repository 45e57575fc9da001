/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock host's inside. It is installed as a library for other people's tests: so it needs the public
 * headers and CMocka alone, and every name in it begins with mock_.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

/* As the agent has them. */
#define MOCK_TIMERS_MAX   64
#define MOCK_WATCHES_MAX  64
#define MOCK_SAVED_MAX    64
#define MOCK_SAVED_KEY    255
#define MOCK_SAVED_TEXT   4096
#define MOCK_CHANNELS_MAX 256
#define MOCK_FIRST_MAX    32

/* Behind the instance: a plugin that writes there is found out. */
#define MOCK_GUARD_SIZE 64
#define MOCK_GUARD_BYTE 0xa5

struct sconce_timer {
        struct sconce_timer *next;
        sconce_timer_fn fn;
        void *userdata;
        bool is_armed;
        uint64_t due_us;
};

struct sconce_watch {
        struct sconce_watch *next;
        int fd;
        sconce_watch_fn fn;
        void *userdata;
};

struct mock_known {
        struct sconce_value value;
        char *channel, *text;
};

struct mock_saved {
        struct mock_saved *next;
        char *key, *text;
};

struct mock_host {
        struct sconce_device device; /* first: what the plugin holds */
        const struct sconce_module *module;
        struct sconce_plugin table; /* a copy: the plugin's may be older and shorter, or newer and longer */
        const struct sconce_plugin *plugin;
        void *handle, *instance, *pristine;
        char **texts; /* that options and channels point to */
        size_t n_texts;
        bool is_configured, is_configuring, is_running;
        uint64_t now_us, deadline_us;
        unsigned n_calls, fail_at;
        int fail_with;

        struct sconce_line *lines;
        struct sconce_dimmer *dimmers;
        struct sconce_timer *timers;
        struct sconce_watch *watches;
        struct sconce_value first[MOCK_FIRST_MAX];
        size_t n_first;

        struct sconce_channel *channels; /* of the table, then those that were added */
        size_t n_channels, n_declared;
        bool was_added[MOCK_CHANNELS_MAX];
        struct mock_known *values;
        size_t n_values;
        uint64_t value_time_us;
        unsigned n_reports, n_events;
        char event[128], *event_log, error[320], refusal[200];
        uint64_t event_time_us;
        int health;
        char problem[320];
        bool is_timed;
        struct mock_saved *saved;
        uint64_t longest_call_us;
};

static inline struct mock_host *mock_host_of(struct sconce_device *dev)
{
        return (struct mock_host *)(void *)dev;
}

/* A copy that lives as long as the host. */
char *mock_keep_text(struct mock_host *host, const char *text);

/* Around every callback; mock_leave() gives `r` back. */
uint64_t mock_enter(struct mock_host *host);
int mock_leave(struct mock_host *host, uint64_t entered_us, int r);

/* Before every service that can fail: what it is to fail with, 0: let it work. `on_loop`: a service that only
 * plugins on the event loop have. */
int mock_gate(struct mock_host *host, bool on_loop);
/* What the agent would refuse and log: keeps the sentence and returns `r`. */
int mock_refuse(struct mock_host *host, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

extern const struct sconce_host mock_services;

/* ---- channels.c, options.c, loop.c --------------------------------------------------------------------- */

void mock_channels_init(struct mock_host *host);
void mock_channels_done(struct mock_host *host);
struct sconce_channel *mock_channels_find(const struct mock_host *host, const char *key);
void mock_fill_defaults(struct mock_host *host);
/* Closes all that the plugin has opened through the host. */
void mock_close_all(struct mock_host *host);

/* ---- The services, by the file that has them ----------------------------------------------------------- */

int mock_service_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count);
int mock_service_event(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type);
int mock_service_channel_add(struct sconce_device *dev, const struct sconce_channel *channel, size_t channel_size);

int mock_service_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value);
int mock_service_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn);
int mock_service_line_set(struct sconce_device *dev, struct sconce_line *line, bool active);
int mock_service_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active);

int mock_service_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                             double first_level);
int mock_service_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level);
int mock_service_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level);

int mock_service_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret);
int mock_service_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us);
int mock_service_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer);
int mock_service_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                          struct sconce_watch **ret);
int mock_service_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch);

int mock_service_save(struct sconce_device *dev, const char *key, const char *text);
int mock_service_load(struct sconce_device *dev, const char *key, char *text, size_t size);
