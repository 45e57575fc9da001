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
#include "config/describe.h"
#include "gpio/gpio.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/loop.h"

struct channels;
struct fault;
struct home;
struct result;

/* Where a command wants its answer. All borrowed for the call. */
struct command_meta {
        const char *reply_to;    /* an opaque address (a response topic), NULL: none */
        const void *correlation; /* NULL: none */
        size_t correlation_size;
        const char *asker; /* who sent it, as far as that can be known; need not end; NULL: nobody knows */
        size_t asker_size;
        uint64_t expires_us; /* CLOCK_BOOTTIME; 0: never */
        const char *expires; /* as clock_parse() takes it; NULL: never */
};

/*
 * What goes up: values and times, in the order in which they came about. Called from inside of the functions below: no
 * member may call back into them, or free anything; all pointers are borrowed for the call. Called while nobody listens
 * too: the newest status, error and state are asked for by home_publish_all(). A member may be NULL.
 */
struct home_sink {
        void (*status)(void *userdata, const char *device, bool online);
        /* What is wrong with it; `fault` NULL: nothing any more. */
        void (*error)(void *userdata, const char *device, const struct fault *fault, uint64_t since_us);
        /* All that it is now, as of channels->time_us. */
        void (*state)(void *userdata, const char *device, const struct channels *channels);
        void (*event)(void *userdata, const char *device, const char *channel, const char *event_type,
                      uint64_t time_us);
        /* The answer to a command: `id` is JSON, "" for none, and `meta` says where to; NULL: nowhere else. */
        void (*result)(void *userdata, const char *device, const struct result *result, const char *id,
                       const struct command_meta *meta);
        /* It is not in the config any more. */
        void (*gone)(void *userdata, const char *device);
        /* Devices or channels changed: `info` is to be built and sent again. */
        void (*info_changed)(void *userdata);
        /* The node's buttons. Called before the command's result is published: to be carried out later, from
         * the loop. */
        void (*restart)(void *userdata);
        void (*reload)(void *userdata);
        void *userdata;
};

struct home_options {
        struct loop *loop;
        struct clock *clock;
        struct gpio *gpio;     /* NULL at --check */
        struct store *store;   /* NULL: nothing is saved */
        struct driven *driven; /* where what is driven is written down; NULL: nowhere */
        const char *plugin_dir;
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
};

/* Checks every device section of a config without opening anything: plugin found, options right, no line used
 * twice. Appends to `problems`; negative errno only where it could not be checked. Sections whose header is
 * no good are left to settings_read(). A plugin that is there and refused (a foreign ABI) is no problem of
 * the config: it is logged, and its devices will be offline. `loop`, `clock` and `gpio` are not looked at. */
int home_check(const struct home_options *options, const struct config *config, struct problems *problems) MUST_CHECK;

/* Lines of a config that has passed that will hardly be found, in words; opens nothing either. */
void home_hint(const struct home_options *options, const struct config *config, struct problems *warnings);

int home_new(const struct home_options *options, const struct home_sink *sink, struct home **ret) MUST_CHECK;
void home_free(struct home *devices); /* after home_stop() */

/* Makes the set as the config says: marks what is unchanged (it is not touched), restarts what changed, stops
 * what is gone, starts what is new. A device that fails to start is offline and retried; one whose section is
 * no good (the config has not passed home_check()) is offline with the reason, and the others are not
 * concerned. The config need not outlive the call. */
int home_apply(struct home *devices, const struct config *config) MUST_CHECK;

/* Outputs go to their on_exit, everything is stopped and closed. */
void home_stop(struct home *devices);

/* A command for `device` (or its one `channel`, NULL: the device's own topic) as it came from the broker or a
 * rule. */
void home_command(struct home *devices, const char *device, const char *channel, const void *payload, size_t size,
                  const struct command_meta *meta);
/* Read now and publish, one device or (NULL) all; what is asked for too fast waits its turn. */
void home_get(struct home *devices, const char *device);

void home_publish_all(struct home *devices); /* every status, error and state to the sink */
/* Said while nothing connects, once is enough: from offline_after on outputs are held at their on_offline, before the
 * first home_broker_back() in a boot only those with offline_at_start. Before home_apply(), so that outputs
 * start where they have to be. What was counted in an earlier run of the same boot counts. */
void home_broker_lost(struct home *devices);
void home_broker_back(struct home *devices);
void home_set_offline_after(struct home *devices, uint64_t after_us);
void home_set_facts(struct home *devices, void (*ask)(void *userdata, struct node_facts *ret), void *userdata);

/* A problem for the node's list: "broker", "certificate expired". `text` NULL takes it away. */
void home_problem(struct home *devices, const char *key, const char *text);

/* Problems and devices that do not work, in one line; empty when all is well. */
void home_summary(const struct home *devices, char *text, size_t size);

/* What there is, as `info` describes it. Borrowed: until devices or channels change. */
struct home_device {
        const char *id, *plugin, *name, *area; /* name, area: NULL where there is none */
        const struct channels *channels;
};
struct home_plugin {
        const char *name, *version; /* version: NULL for none */
};
/* The one at *at (first 0), which moves on; false after the last. */
bool home_next_device(const struct home *devices, size_t *at, struct home_device *ret);
bool home_next_plugin(const struct home *devices, size_t *at, struct home_plugin *ret);

/* `sconced --outputs-safe`: every output line of the config to its safe state (off where timed, else on_exit;
 * keep: left alone), without running plugin code. Returns the number of lines that could not be brought
 * there. */
int home_outputs_safe(const struct home_options *options, const struct config *config, unsigned *ret_failed) MUST_CHECK;

/* `sconced --describe [PLUGIN]`: what a plugin (name or path) declares; NULL: all of the directory. */
int home_describe(const char *plugin_dir, const char *plugin, enum describe_form form, FILE *out) MUST_CHECK;
/* In Markdown: one row for each plugin of the directory, with a link to its page. */
int home_describe_list(const char *plugin_dir, FILE *out) MUST_CHECK;
/* The options that plugins share. */
void home_describe_shared(enum describe_form form, FILE *out);
/* The kinds of channels. */
void home_describe_kinds(enum describe_form form, FILE *out);
/* `sconced --dump-config`: the device sections' effective values. */
int home_dump(const char *plugin_dir, const struct config *config, FILE *out) MUST_CHECK;

DEFINE_CLEANUP(struct home, home_free);
