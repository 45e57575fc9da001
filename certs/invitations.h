/* SPDX-License-Identifier: Apache-2.0 */
/* Invitations in the registry: who may join, until when, and what became of it. As registry.h in errors and transactions. */
#pragma once

#include "enrol/code.h"
#include "registry.h"

#define INVITATION_TRIES 5 /* so many wrong ones kill it */

enum invitation_state {
        INVITATION_OPEN,
        INVITATION_USED,
        INVITATION_KILLED, /* by wrong tries */
        INVITATION_EXPIRED,
};

struct invitation {
        char identity[CODE_IDENTITY_MAX];
        char name[NAME_MAX_BYTES];
        char psk[CODE_PSK_MAX];
        unsigned char mac[CODE_MAC_BYTES];
        char url[320]; /* of the broker that the joiner is to use; "": none was known */
        int64_t expires_s, used_s;
        unsigned tries;
        char serial[SERIAL_MAX]; /* of the certificate that came of it; "" */
};

enum invitation_state invitation_state(const struct invitation *invitation, int64_t now_s);

/* Another one of the same name, open or not, goes. */
int invitations_put(struct registry *registry, const struct invitation *invitation, struct fault *fault) MUST_CHECK;
/* -ENOENT, without a fault: there is none. */
int invitations_find(struct registry *registry, const char *identity, struct invitation *ret, struct fault *fault)
        MUST_CHECK;
int invitations_of(struct registry *registry, const char *name, struct invitation *ret, struct fault *fault) MUST_CHECK;
int invitations_each(struct registry *registry, int (*each)(void *userdata, const struct invitation *invitation),
                     void *userdata, struct fault *fault) MUST_CHECK;
int invitations_remove(struct registry *registry, const char *name, struct fault *fault) MUST_CHECK;
