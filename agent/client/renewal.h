/* SPDX-License-Identifier: Apache-2.0 */
/* What a run does for the user's own certificate when its work is done: at most once a day it takes what is to be trusted, and
 * in the last third of the certificate's life it renews it. Silent, unless a person has to do something. */
#pragma once

#include "bus/session.h"
#include "util/loop.h"

struct renewal;

/* Before the pair is read: puts right what a crash has left. */
void client_renewal_recover(const struct tls_options *tls);

/* NULL: there is nothing to do, now or ever. Else `done` is called once, from the loop, within seconds; free it afterwards. */
struct renewal *client_renewal_begin(struct loop *loop, struct session *session, void (*done)(void *userdata),
                                     void *userdata);
void client_renewal_free(struct renewal *renewal);

/* What the session reports. */
void client_renewal_subscribed(struct renewal *renewal, int id, int reason);
void client_renewal_acknowledged(struct renewal *renewal, int id, int reason);
void client_renewal_received(struct renewal *renewal, const struct session_message *message);
void client_renewal_lost(struct renewal *renewal);
