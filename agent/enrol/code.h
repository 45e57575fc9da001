/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An invitation's code, the one line that is carried to the new machine: NAME:SECRET@HOST[:PORT]. The secret has 128 random
 * bits. Three things follow from it (HKDF, RFC 5869): the identity and the key of the TLS-PSK listener, which the broker
 * knows, and the key that authenticates request and answer, which it does not: a broker in between can change neither.
 */
#pragma once

#include <stdint.h>

#include "util/fault.h"

#define CODE_SECRET_BYTES 16
#define CODE_NAME_MAX     65 /* with its NUL */
#define CODE_HOST_MAX     256
#define CODE_TEXT_MAX     384
#define CODE_PORT         8885 /* of the listener, where the code names none */

struct code {
        char name[CODE_NAME_MAX]; /* of the node or client that may join */
        unsigned char secret[CODE_SECRET_BYTES];
        char host[CODE_HOST_MAX]; /* without the brackets of an IPv6 address */
        uint16_t port;
};

/* RFC 4648 base32 in lower case: nothing in it is taken for another digit of it. */
#define CODE_DIGITS         "abcdefghijklmnopqrstuvwxyz234567"
#define CODE_IDENTITY_BEGIN "join."
#define CODE_IDENTITY_MAX   22 /* with 16 of the digits, and its NUL; no name has a dot */
#define CODE_PSK_MAX        65 /* 32 bytes as hexadecimal digits, with its NUL */
#define CODE_MAC_BYTES      32

/* What follows from the secret. */
struct code_keys {
        char identity[CODE_IDENTITY_MAX];
        char psk[CODE_PSK_MAX];
        unsigned char mac[CODE_MAC_BYTES];
};

/* Draws the secret. -EIO: there is no randomness. */
int code_draw(struct code *code, struct fault *fault) MUST_CHECK;
void code_text(const struct code *code, char ret[static CODE_TEXT_MAX]);
/* Reads a line as a person has copied it, spaces around it included. -EINVAL with what is wrong; a mistyped secret is
 * recognized by its check digits. */
int code_parse(const char *text, struct code *ret, struct fault *fault) MUST_CHECK;
/* Of an identity that is an invitation's, what follows CODE_IDENTITY_BEGIN; NULL: it is another's. */
const char *code_identity_digits(const char *identity);
int code_derive(const unsigned char secret[static CODE_SECRET_BYTES], struct code_keys *ret, struct fault *fault)
        MUST_CHECK;

/* Wipes both; either may be NULL. */
void code_forget(struct code *code, struct code_keys *keys);
