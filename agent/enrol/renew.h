/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One try to renew our certificate, over a connection that stands:
 *
 *   subscribing -> asking -> proving -> swapped
 *
 * It asks the signer, writes what it gets beside, proves it by a connection of its own, and has it replace the old pair.
 * What goes wrong on the way changes nothing. A key that is a file is made again; one that a chip keeps stays.
 */
#pragma once

#include "bus/session.h"
#include "util/loop.h"

struct renew;

struct renew_setup {
        struct loop *loop;
        struct session *session; /* connected over TLS, see renew_may_begin(); freed after the try */
        uint64_t limit_us;       /* for the answer, and once more for the proof */
        /* Called once, from the loop, where it may be freed. NULL: it is done, and the files are new. */
        void (*ended)(void *userdata, const struct fault *why);
        void *userdata;
};

/* Over a plain connection there is nobody to prove a certificate to. */
bool renew_may_begin(const struct session *session);
/* Begins. The fault is a whole sentence: why renewing does not work here. */
int renew_new(const struct renew_setup *setup, struct renew **ret, struct fault *fault) MUST_CHECK;
/* Also before it has ended, when the connection is lost: nothing has changed. */
void renew_free(struct renew *renew);

/* What the session reports. True: it was for us. */
bool renew_subscribed(struct renew *renew, int id, int reason);
bool renew_acknowledged(struct renew *renew, int id, int reason);
bool renew_received(struct renew *renew, const struct session_message *message);

DEFINE_CLEANUP(struct renew, renew_free);
