/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client id that stays the same and that nobody can guess. Anybody whom the broker lets in can take the place of a client
 * whose id he knows, again and again; so nobody but the broker learns it.
 */
#pragma once

#include "util/macro.h"

#define CLIENT_ID_SECRET_MAX (16 + 1)

/* 16 hex digits that follow from the private key, and from which it does not follow. -ENOTSUP: a provider's key, which does
 * not leave it; the errno of reading the file. */
int client_id_from_key(const char *key, char ret_secret[static CLIENT_ID_SECRET_MAX]) MUST_CHECK;
/* 16 hex digits of chance. */
int client_id_random(char ret_secret[static CLIENT_ID_SECRET_MAX]) MUST_CHECK;
