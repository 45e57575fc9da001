/* SPDX-License-Identifier: Apache-2.0 */
/* Why a connection did not come about or ended, in one sentence for people, with what to do where that is known. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/fault.h"

struct tls_handshake;

/* What is known when a connection is over. */
struct transport_end {
        int os_error;                    /* positive errno; 0: none */
        int connack;                     /* the reason code of the broker's CONNACK; -1: there was none */
        int disconnect;                  /* the reason code of the broker's DISCONNECT (MQTT 5); -1: there was none */
        bool mqtt5;                      /* spoken, or tried */
        bool connected;                  /* the TCP connection stood */
        bool silent;                     /* no answer to the keepalive */
        unsigned unacknowledged;         /* what we had published, and was neither accepted nor refused */
        const struct tls_handshake *tls; /* NULL for a plain connection */
        const char *client_id;           /* NULL: is nobody's business */
};

/* Fills code (negative errno) and text: "connection refused: is the broker running there?". Never empty. */
void reason_describe(const struct transport_end *end, struct fault *fault);

/* A look-up that failed: an EAI_… code. */
void reason_lookup(const char *host, int error, int errno_value, struct fault *fault);

/* The broker speaks no MQTT 5, or seems not to: try 3.1.1. `ret_certain`: it has reported so. */
bool reason_wants_311(const struct transport_end *end, bool *ret_certain);
/* A connection that stood was closed without a word. */
bool reason_is_hang_up(const struct transport_end *end);
bool reason_is_taken_over(const struct transport_end *end);

/* "not authorized" for the codes of SUBACK and PUBACK. */
const char *reason_code_text(int code);
/* What to do about a code; NULL: the access list decides it. */
const char *reason_code_advice(int code);
