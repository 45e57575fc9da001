/* SPDX-License-Identifier: Apache-2.0 */
/* A client id that stays the same and that nobody can guess: anyone who knows it, and whom the broker lets in, can take
 * the client's place. */
#pragma once

#include "util/macro.h"

#define CLIENT_ID_SECRET_MAX (16 + 1)

/* 16 hex digits made from the private key, which they do not reveal. -ENOTSUP: a provider keeps it; the errno of
 * reading the file. */
int client_id_from_key(const char *key, char ret_secret[static CLIENT_ID_SECRET_MAX]) MUST_CHECK;
/* 16 hex digits of chance. */
int client_id_random(char ret_secret[static CLIENT_ID_SECRET_MAX]) MUST_CHECK;
