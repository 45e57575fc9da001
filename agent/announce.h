/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announces the devices to Home Assistant: one retained message each (discovery/), when a connection begins, when devices
 * change, and when Home Assistant has started. What was announced is remembered in the store, so that what is gone is
 * withdrawn, also what went while nothing ran.
 */
#pragma once

#include "broker_link.h"

struct announce;

struct announce_options {
        struct loop *loop;
        struct store *store;
        const struct home *home;
        struct broker_link *link;
};

int announce_new(const struct announce_options *options, struct announce **ret) MUST_CHECK;
void announce_free(struct announce *announce);

/* A connection begins: everything is to be announced again. */
void announce_begin(struct announce *announce);
/* Announces what is new since the last time, as far as there is room now. */
void announce_go_on(struct announce *announce);
/* Home Assistant has started: everything once more, after a time of our own, and then all states. */
void announce_birth(struct announce *announce);
/* A device works, or does not any more: what it has lost is certain only while it works. */
void announce_status(struct announce *announce);

DEFINE_CLEANUP(struct announce, announce_free);
