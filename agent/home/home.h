/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of one node: made from config sections and plugins, started, fed with commands, reloaded. Knows
 * nothing of MQTT: values go out through struct home_sink, and commands come in through home_command().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "device/sink.h"
#include "gpio/gpio.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/loop.h"

struct command_cause;
struct home;
struct spent;
struct starts;

struct home_options {
        struct loop *loop;
        struct clock *clock;
        struct gpio *gpio;     /* NULL at --check */
        struct store *store;   /* NULL: nothing is saved */
        struct driven *driven; /* where what is driven is written down; NULL: nowhere */
        struct starts *starts; /* where is marked what starts; NULL: nowhere, so no device is ever left out */
        struct spent *spent;   /* where is marked which waits of rules are over; NULL: nowhere but in the store */
        const char *plugin_dir;
        const char *node; /* its name, where a config is checked: what rules may not call another's. NULL: not known */
        size_t max_payload_bytes;
        unsigned max_depth;
        const char *default_chip; /* to tell two spellings of one line apart */
        uint64_t offline_after_us;
};

/* What the node itself reports; asked when `node` is read. */
struct node_facts {
        long certificate_days;
        bool has_certificate;
        unsigned queue; /* messages in flight or waiting */
        uint64_t dropped;
        char dropped_by[256]; /* by reason, one a line: "age: 3"; "": nothing */
        bool has_oldest;
        double oldest_s; /* how old the oldest reading is that waits */
};

/* Checks every device section without opening anything: plugin found, options right, no line used twice. Appends to
 * `problems`; negative errno only where it could not be checked. Sections with an invalid header are left to
 * settings_read(). A plugin that is refused (a foreign ABI) is no problem of the config: it is logged, and its
 * devices will be offline. `loop`, `clock`, `gpio` and `store` are not used;
 * `starts` is: a plugin's `configure` runs here too. */
int home_check(const struct home_options *options, const struct config *config, struct problems *problems) MUST_CHECK;

/* Lines of a config that has passed that will hardly be found, in words; opens nothing either. */
void home_hint(const struct home_options *options, const struct config *config, struct problems *warnings);

int home_new(const struct home_options *options, const struct home_sink *sink, struct home **ret) MUST_CHECK;
void home_free(struct home *home); /* after home_stop() */

/* Makes the devices of a config: those that are unchanged are not touched, changed ones restart, gone ones stop, new
 * ones start. A device that fails to start is offline and retried; one whose section is invalid (the config has not
 * passed home_check()) is offline with the reason, and the others go on. So is one that `starts` leaves out. The config need not outlive the call. */
int home_apply(struct home *home, const struct config *config) MUST_CHECK;

/* What is off at the end, or as it is, whatever follows is stopped. True: there is more, for which it matters whether another
 * run follows. */
bool home_begin_stop(struct home *home);
/* Before home_stop(): another run follows at once, and what it can go on with need not be switched off. */
void home_will_restart(struct home *home);
/* Outputs go to their on_exit, everything is stopped and closed. */
void home_stop(struct home *home);

/* A command for `device` (or its one `channel`, NULL: the device's own topic) as it came from the broker. */
void home_command(struct home *home, const char *device, const char *channel, const void *payload, size_t size,
                  const struct command_meta *meta);
/* What became of a command that home_sink.command_other() has taken on. */
void home_command_over(struct home *home, const struct command_cause *cause, const struct result *result);
/* Read now and publish, one device or (NULL) all; what is asked for too fast waits its turn. */
void home_get(struct home *home, const char *device);

/* Answers a `get` that asks for trends (trend_is_request()), of one device or (NULL) all, a message each. */
void home_trend(struct home *home, const char *device, const void *payload, size_t size,
                const struct command_meta *meta);
void home_clock_set(struct home *home); /* the wall clock has jumped */

/* Status, error and state to the sink, of the device at *at (first 0), which moves on; false after the last. */
bool home_publish_next(struct home *home, size_t *at);
/* While nothing connects, once is enough: from offline_after on outputs are held at their on_offline, before the
 * first home_broker_back() in a boot only those with offline_at_start. Before home_apply(), so that outputs start
 * where they have to be. What was counted in an earlier run of the same boot counts. */
void home_broker_lost(struct home *home);
void home_broker_back(struct home *home);
void home_set_offline_after(struct home *home, uint64_t after_us);
void home_set_facts(struct home *home, void (*ask)(void *userdata, struct node_facts *ret), void *userdata);

/* Whether what that device reads is kept while the broker is away; not the node itself. */
bool home_keeps_history(const struct home *home, const char *device);

/* A problem for the node's list: "broker", "certificate expired". `text` NULL takes it away. */
void home_problem(struct home *home, const char *key, const char *text);

/* Problems and devices that do not work, in one line; empty when all is well. */
void home_summary(const struct home *home, char *text, size_t size);

/* What there is, as `info` describes it. Borrowed: until devices or channels change. */
struct home_device {
        const char *id, *plugin, *name, *area; /* name, area: NULL where there is none */
        const struct channels *channels;
        const char *version; /* of its plugin; NULL: none */
        bool is_online;      /* it works: its channels are all there */
};
struct home_plugin {
        const char *name, *version; /* version: NULL for none */
};
/* The one at *at (first 0), which moves on; false after the last. */
bool home_next_device(const struct home *home, size_t *at, struct home_device *ret);
bool home_next_plugin(const struct home *home, size_t *at, struct home_plugin *ret);

/* `sconced --outputs-safe`: every output of the config to its safe state (off where timed, else on_exit; keep: left
 * alone), without running plugin code. `ret_failed`: how many outputs or sections could not be brought there. */
int home_outputs_safe(const struct home_options *options, const struct config *config, unsigned *ret_failed) MUST_CHECK;

DEFINE_CLEANUP(struct home, home_free);
