/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate and its key as files, replaced so that a crash at any moment leaves a pair that matches: the new ones are
 * written beside as CERT.next and KEY.next, proven where that is wanted, and renamed, the certificate first. A key that is
 * no file (pkcs11:, handle:) stays; only the certificate is new then.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"
#include "util/fault.h"

struct pair;

/* Whether `path` is a file of its own that we may replace: no link to elsewhere, in a directory where we can write. */
int pair_may_replace(const char *path, struct fault *fault) MUST_CHECK;

/* Begins a replacement, one at a time for all programs: -EBUSY. What an earlier one has left is dropped. */
int pair_new(const char *cert, const char *key, struct pair **ret, struct fault *fault) MUST_CHECK;
/* Drops what was written and not swapped. */
void pair_free(struct pair *pair);

bool pair_keeps_key(const struct pair *pair);
/* Writes both beside, and reads them back. `key_pem` counts for nothing where the key stays. */
int pair_write(struct pair *pair, const char *cert_pem, const char *key_pem, struct fault *fault) MUST_CHECK;
/* What was written, to be proven. */
const char *pair_next_cert(const struct pair *pair);
const char *pair_next_key(const struct pair *pair);
/* On failure the old pair is in place; where not even that can be written, pair_recover() has what it needs. */
int pair_swap(struct pair *pair, struct fault *fault) MUST_CHECK;

/* Whether the files belong together; false also where one cannot be read. */
bool pair_matches(const char *cert, const char *key);
/* At a start, before the pair is read: finishes a swap that a crash cut short, and drops what was never proven. Nothing to do
 * is 0, as is a pair that another program is replacing. */
int pair_recover(const char *cert, const char *key, struct fault *fault) MUST_CHECK;

DEFINE_CLEANUP(struct pair, pair_free);
#define CLEANUP_PAIR CLEANUP(pair_freep)
