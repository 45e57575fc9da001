/* SPDX-License-Identifier: Apache-2.0 */
/* What `get`, `set`, `trend` and `history` share: the one device that the first word names. */
#pragma once

#include "client/client.h"

/* Is the first word a device's name? A command's `check`. */
int errand_check(const struct arguments *arguments, struct fault *fault) MUST_CHECK;

/* Finds the device among what is retained and goes on with `then`; ends the run when there is none. */
void errand_find(struct client *client, client_step then);

/* "NODE/DEVICE/WORD" */
#define ERRAND_SUFFIX_MAX 192
const char *errand_suffix(const struct client *client, const char *word, char suffix[static ERRAND_SUFFIX_MAX]);

/* The device's channels in its node's info; NULL: not known. */
json_t *errand_channels(const struct client *client);

/* As far as is known. */
bool errand_node_is_offline(const struct client *client);

/* Whether a request to the device's `get` was refused: the exit code, and why; 0: it is under way. */
int errand_refusal(const struct client *client, int reason, struct fault *ret);
