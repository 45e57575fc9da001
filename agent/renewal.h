/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renews the node's certificate by itself, and takes over the authorities and revocation lists that the signer publishes.
 *
 *   away -> waiting -> under way
 *     ^        ^___________|        back-off after a failure, which changes nothing
 *     |____ the connection is lost
 *
 * It is time when two thirds of the certificate's life are over, or when a younger authority is in force than the one that
 * signed it. Where that cannot work nobody hears of it until the certificate has 14 days left.
 */
#pragma once

#include "bus/session.h"
#include "util/clock.h"

struct renewal;

struct renewal_options {
        struct loop *loop;
        struct clock *clock;
        /* For the node's list, as home_problem() takes it. */
        void (*problem)(void *userdata, const char *key, const char *text);
        void (*renewed)(void *userdata); /* the certificate is another */
        void *userdata;
};

/* Before the pair is read for the first time: puts right what a crash has left. */
void renewal_recover(const struct tls_options *tls);

int renewal_new(const struct renewal_options *options, struct renewal **ret) MUST_CHECK;
void renewal_free(struct renewal *renewal);

/* A connection stands; the session lives until renewal_lost(). */
void renewal_connected(struct renewal *renewal, struct session *session);
void renewal_lost(struct renewal *renewal);
/* What the session reports. True: it was for us. */
bool renewal_subscribed(struct renewal *renewal, int id, int reason);
bool renewal_acknowledged(struct renewal *renewal, int id, int reason);
bool renewal_received(struct renewal *renewal, const struct session_message *message);

/* The clock was set, or somebody has mended something: looks again, and tries at once where it is time. */
void renewal_look_now(struct renewal *renewal);

DEFINE_CLEANUP(struct renewal, renewal_free);
