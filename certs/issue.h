/* SPDX-License-Identifier: Apache-2.0 */
/* Issues what a name is to have: its key, its certificate, and what is packed of them. */
#pragma once

#include "transaction.h"

#define PASSWORD_MAX 32

struct issued {
        int64_t not_after_s;
        char url[320];               /* a node's broker; "": none exists yet */
        char password[PASSWORD_MAX]; /* of a client's .p12 */
};

/* Records the name as in force, too. */
int issue(struct transaction *transaction, const struct name *name, struct issued *ret, struct fault *fault) MUST_CHECK;
/* What renews itself has its key where it is used, and short certificates. */
#define RENEWING_DAYS 90

/* As issue(), for a key of which only the public half is here: what was packed for the name before goes.
 * The caller frees the certificate. */
int issue_for(struct transaction *transaction, const struct name *name, EVP_PKEY *key,
              char ret_serial[static SERIAL_MAX], struct bytes *ret_pem, struct fault *fault) MUST_CHECK;
/* The first broker in force: whose certificate the shipped drop-in names. -ENOENT, without a fault: there is none. */
int first_broker(struct registry *registry, char ret[static NAME_MAX_BYTES], struct fault *fault) MUST_CHECK;
/* broker.crt and broker.key lead to the first broker's. */
int link_broker(struct transaction *transaction, struct fault *fault) MUST_CHECK;
