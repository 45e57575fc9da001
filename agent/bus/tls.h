/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of a session: our own SSL_CTX, names always verified, the reason of a failed handshake in words
 * (docs/tls.md). */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/fault.h"
#include "util/tls_options.h"

struct tls;

/* Reads the files and builds the context; the fault names the file and what to do. -EACCES: a key that others
 * can read or that we cannot, -ENOENT, -EINVAL. The files are read again when they change, at the next
 * connect; while what is there cannot be used, what was read before stays in use, with a warning. */
int tls_new(const struct tls_options *options, struct tls **ret, struct fault *fault) MUST_CHECK;
void tls_free(struct tls *tls);
/* Reads the files again if they have changed: true when they have, and are used from the next connect on. */
bool tls_refresh(struct tls *tls);

/* Days until our own certificate ends, negative when it has. false without a certificate. */
bool tls_certificate_days(const struct tls *tls, long *ret_days);
/* The CN of our certificate, NULL without one: the default node name. */
const char *tls_certificate_name(const struct tls *tls);

/* "sha256//…" as the option takes it; -EINVAL. For the check of a config. */
int tls_pin_parse(const char *text, unsigned char ret_digest[static 32]) MUST_CHECK;

/* ---- For the transport --------------------------------------------------------------------------------- */

#define TLS_NAMES_MAX 256

/* What is known of one handshake; the context's callbacks fill it. */
struct tls_handshake {
        SSL *ssl; /* libmosquitto's, from the handshake's start until it closes its socket */
        bool done;
        bool eof;                      /* the broker hung up */
        int io_error;                  /* errno of the socket, 0: none */
        int alert_received;            /* the broker's; -1: none */
        unsigned long error;           /* OpenSSL's packed code of what libmosquitto logged; 0: none */
        const char *version;           /* "TLSv1.3"; NULL before it is done */
        const char *server_name, *crl; /* what is checked against */
        bool own_absent;               /* we have no certificate */
        bool is_leaf_alone;            /* the broker sent no other certificate than its own */
        int own_validity;              /* by our clock: -1 not yet, 0 valid, 1 expired */
        /* Why the broker's certificate was refused. */
        int verify_error;            /* X509_V_ERR_…; 0: it was not */
        int verify_depth;            /* 0: the broker's own; above: a CA's */
        char subject[TLS_NAMES_MAX]; /* of the certificate in question: "CN=broker.lan" */
        char issuer[TLS_NAMES_MAX];
        char names[TLS_NAMES_MAX]; /* its subjectAltNames: "localhost, 127.0.0.1"; "" for none */
        char date[32];             /* when it expired or will be valid */
};

/* Prepares the context for one attempt at `host`, the only one at a time: re-reads changed files, sets the name to
 * verify. */
int tls_begin(struct tls *tls, const char *host, struct tls_handshake *handshake, SSL_CTX **ret, struct fault *fault)
        MUST_CHECK;
/* The broker has accepted us: nothing more is watched. */
void tls_settled(struct tls_handshake *handshake);
void tls_end(struct tls *tls);

/* A line of libmosquitto's log, the only place where it reports OpenSSL's errors. */
void tls_note_log(struct tls_handshake *handshake, const char *line);

/* One sentence for people; false when the connection did not end because of TLS. */
bool tls_reason(const struct tls_handshake *handshake, struct fault *fault);

/* A key by file or by a provider's URI. */
int tls_key_load(const char *key, EVP_PKEY **ret, struct fault *fault) MUST_CHECK;
bool tls_key_is_uri(const char *key);
/* For messages: the key's name, without the PIN that a URI may hold. */
#define TLS_KEY_SHOWN_MAX 256
const char *tls_key_show(const char *key, char shown[static TLS_KEY_SHOWN_MAX]);
/* What the context must ask of OpenSSL's providers for such a key; NULL: nothing. */
const char *tls_key_properties(const char *key);
/* A key that is in the TPM: by handle, or a file that only this machine's TPM can use. Everything but the private key's own
 * operations stays with OpenSSL's code. */
#define TLS_TPM_PROPERTIES "?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes"
/* OpenSSL's provider for it, for the life of the process. -ENOENT: it is not installed. */
int tls_tpm_load(struct fault *fault) MUST_CHECK;

DEFINE_CLEANUP(struct tls, tls_free);
#define CLEANUP_TLS CLEANUP(tls_freep)
