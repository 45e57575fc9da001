/* SPDX-License-Identifier: Apache-2.0 */
/* Who the node is to the broker: its name, its client id, and what proves them. */
#pragma once

#include "bus/client_id.h"
#include "bus/tls.h"
#include "config/builtin.h"
#include "store/store.h"

struct broker_identity {
        char *node;      /* [node] name, else the certificate's CN, else the host name */
        char *client_id; /* from broker_identity_choose_id() on */
        char *password;
};

/* Reads the password's file and, where the name comes from it, the certificate. */
int broker_identity_init(struct broker_identity *identity, const struct settings *settings, struct fault *fault)
        MUST_CHECK;
/* The secret part of the client id as it was when its key was first read: a renewed key in the same file changes nothing until
 * the next start. */
struct broker_secret {
        char *key; /* its file; NULL: none yet */
        char text[CLIENT_ID_SECRET_MAX];
};

/* By [broker] client_id; the store keeps the id where no key gives one. */
int broker_identity_choose_id(struct broker_identity *identity, const struct settings *settings, struct store *store,
                              struct broker_secret *secret) MUST_CHECK;
void broker_secret_done(struct broker_secret *secret);
void broker_identity_done(struct broker_identity *identity);

/* True when the password file holds another one by now; false, with a warning, while it cannot be read. */
bool broker_identity_has_new_password(const struct broker_identity *identity, const struct settings *settings);
/* True when the certificate in use gives the node another name: a reconnect may have loaded it. `tls` may be NULL. */
bool broker_identity_has_new_name(const struct broker_identity *identity, const struct settings *settings,
                                  const struct tls *tls);
/* What the node is called as far as config and certificate show without its key; free() it. NULL: they do not. */
char *broker_identity_likely_node(const struct settings *settings);
/* True when other nodes' certificates are likely to have the same name, with the reason. */
bool broker_identity_is_doubtful(const char *cn, struct fault *fault);
