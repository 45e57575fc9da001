/* SPDX-License-Identifier: Apache-2.0 */
/* One who asks the signer for certificates, with a code or a certificate, in whatever words a test wants: also in those that no
 * honest machine has. What it makes lives as long as the program. */
#pragma once

#include <openssl/x509.h>

#include "enrol/code.h"
#include "enrol/message.h"
#include "system/client.h"

struct asker {
        const char *request, *answer; /* topics */
        struct code_keys keys;        /* of a code */
        EVP_PKEY *own;                /* of a certificate; NULL: it has a code */
        const char *serial;           /* of that certificate */
        struct client *client;        /* by which it asks; NULL: none yet */
};

struct asker *asker_of_code(const char *code);
struct asker *asker_of_cert(const char *identity, EVP_PKEY *own, X509 *certificate);
/* With the certificate at BASE.crt and BASE.key. */
struct asker *asker_of_file(const char *identity, const char *base);

/* By the door for codes. */
struct client *asker_at_door(const struct asker *asker, unsigned port);
/* Through this client, which may be another one's. */
void asker_use(struct asker *asker, struct client *client);

EVP_PKEY *asker_key(void); /* a new one */

/* A signing request; NULL and false leave a thing out. */
struct csr {
        EVP_PKEY *key, *by; /* `by` NULL: by the key itself */
        const char *cn, *sans;
        bool wants_all; /* an authority's extensions, and a server's */
};
const char *csr_text(const struct csr *csr);
/* The CSR in a request of ours, as who hears it may take it. */
const char *csr_heard(const char *payload, size_t size);

/* A request's body with this CSR. `serial` NULL: a join. */
const char *asker_body(const char *csr, const char *serial);
/* Under its code's key, or signed with its own. */
const char *asker_sealed(const struct asker *asker, const char *body);
/* What an answer says, NULL where it is not by the signer; the object lives as long as the program. */
const json_t *asker_opened(const struct asker *asker, const struct message *answer);

/* Waits for the next one, which must be by the signer. */
const json_t *asker_answer(struct asker *asker);
/* Sends it, and waits. */
const json_t *asker_ask(struct asker *asker, const char *payload);
/* A member of it. */
const char *said(const json_t *answer, const char *what);
X509 *said_certificate(const json_t *answer);
