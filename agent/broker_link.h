/* SPDX-License-Identifier: Apache-2.0 */
/* The home's link to its broker: an uplink is made when there is a broker and all that it needs (the password's file),
 * tried again until then, and replaced when a reload changes the broker or what proves who we are. */
#pragma once

#include "config/builtin.h"
#include "uplink.h"

struct broker_link;

struct broker_link_options {
        struct loop *loop;
        struct clock *clock;
        struct store *store;
        struct home *home;       /* hears when the broker comes and goes */
        const char *config_path; /* where a broker can be written down */
        /* For the node's list, as home_problem() takes it. */
        void (*problem)(void *userdata, const char *key, const char *text);
        void (*begun)(void *userdata); /* a connection stands */
        /* Then, and when something was lost on the way: `info` is published before all states. */
        void (*connected)(void *userdata);
        void (*published)(void *userdata); /* all states are on their way; may be NULL */
        void (*room)(void *userdata);      /* what waited for room goes on, before the states */
        void (*birth)(void *userdata);     /* Home Assistant has started */
        /* As in struct uplink_handlers; may be NULL. */
        bool (*message)(void *userdata, const struct session_message *message);
        bool (*subscribed)(void *userdata, int id, int reason);
        void (*lost)(
                void *userdata); /* no connection stands (any more): what was unacknowledged is lost. May be NULL */
        bool (*acknowledged)(void *userdata, int id, int reason); /* as in struct uplink_handlers */
        void *userdata;
};

/* Takes over the settings, which are empty afterwards, unless it fails. Nothing connects yet. */
int broker_link_new(const struct broker_link_options *options, struct settings *settings, struct broker_link **ret)
        MUST_CHECK;
void broker_link_start(struct broker_link *link);
/* After a reload; takes over the settings. `is_changed`: [broker] or [tls] is another. */
void broker_link_reload(struct broker_link *link, struct settings *settings, bool is_changed);
/* An attempt at once where no connection stands: what it failed for may be mended. */
void broker_link_retry_now(struct broker_link *link);

/* Every status, error and state, as fast as the broker takes them. */
void broker_link_publish_all(struct broker_link *link);

/* The beginning of the end: nothing new is begun, and losses are not reported. */
void broker_link_freeze(struct broker_link *link);
/* Publishes `offline` and disconnects; `done` is called once, within two seconds. After broker_link_freeze(). */
void broker_link_stop(struct broker_link *link, void (*done)(void *userdata), void *userdata);
void broker_link_free(struct broker_link *link);

/* False: no broker is written down, and nobody waits for what is read. */
bool broker_link_is_wanted(const struct broker_link *link);
/* NULL: there is none, or no link yet. Valid until the next turn of the loop. */
struct uplink *broker_link_uplink(const struct broker_link *link);
/* The same, while a connection stands. */
struct uplink *broker_link_connected(const struct broker_link *link);

DEFINE_CLEANUP(struct broker_link, broker_link_free);
