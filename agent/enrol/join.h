/* SPDX-License-Identifier: Apache-2.0 */
/* What `sconce-pki join` and `sconce join` do alike: the code, the key, what becomes of the answer. */
#pragma once

#include "enrol/exchange.h"
#include "enrol/place.h"
#include "util/url.h"

/* WORD, or where it is "-" the first line of standard input, which no shell's history keeps. */
int join_code(const char *word, struct code *ret, struct fault *fault) MUST_CHECK;

struct join_key {
        EVP_PKEY *key;
        char *pem; /* as it is to be kept */
};

/* In the TPM: the PEM text is then of no use to another machine. -ENODEV: there is none; -ENOENT: a package is missing. */
int join_key_new(bool is_in_tpm, struct join_key *ret, struct fault *fault) MUST_CHECK;
void join_key_done(struct join_key *key);

/* Points into code and answer; `url` has the room for a broker's address where the answer has none that is one: then the broker is the
 * one that the code was carried to. */
struct place_material join_material(const struct code *code, const struct answer *answer,
                                    char url[static URL_TEXT_MAX]);
