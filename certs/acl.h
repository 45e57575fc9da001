/* SPDX-License-Identifier: Apache-2.0 */
/* mosquitto's access list: one block for each name in force, nothing for any other. */
#pragma once

#include "registry.h"

/* By which 'sconce-pki serve' is known to the broker: no name has a dot. */
#define SIGNER_IDENTITY "sconce-pki.signer"

/* The whole list, which the caller frees. `loan` is a block of lines: rights for the time of one run, beside those of the names;
 * NULL: none. */
int acl_text(struct registry *registry, const char *loan, char **ret, struct fault *fault) MUST_CHECK;
/* mosquitto's psk_file: a line for each invitation that is open. The caller frees it. */
int psk_text(struct registry *registry, char **ret, struct fault *fault) MUST_CHECK;
