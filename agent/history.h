/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices read and raise, until the broker has acknowledged it. It goes straight out while the broker does so, and is kept
 * in memory until then. What cannot go out, what was unacknowledged when the connection ended or for too long, and what is
 * unacknowledged at a stop goes to the outbox. After a connection all states are out, and then the outbox, oldest first, beside
 * what happens meanwhile.
 */
#pragma once

#include "broker_link.h"
#include "store/outbox.h"

struct history;

struct history_options {
        struct loop *loop;
        struct clock *clock;
        struct store *store; /* closed after history_stop(), freed before the history */
        struct home *home;
        struct history_settings settings;
};

int history_new(const struct history_options *options, struct history **ret) MUST_CHECK;
/* The one that is used from now on; NULL: none. */
void history_set_link(struct history *history, struct broker_link *link);
void history_configure(struct history *history, const struct history_settings *settings);
/* The clean end: all that is unacknowledged goes to the file with store_close(), which is called next. */
void history_stop(struct history *history);
void history_free(struct history *history);

/* A state or event that is being sent (publisher->stamp_us, after_time). False: it is not one for the history, and is to be
 * published as any other. */
bool history_take(struct history *history, const struct publisher *publisher, const char *device,
                  enum device_topic topic);
/* True: it was one of the history's, and is kept for another time. */
bool history_acknowledged(struct history *history, int id, int reason);
void history_connected(struct history *history); /* all states are on their way */
void history_lost(struct history *history);      /* the connection ended */
void history_time_is_known(struct history *history);

/* queue, dropped, and what belongs to them. */
void history_facts(const struct history *history, struct node_facts *ret);

DEFINE_CLEANUP(struct history, history_free);
