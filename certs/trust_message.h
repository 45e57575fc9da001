/* SPDX-License-Identifier: Apache-2.0 */
/* What every machine of the home is to trust: the authorities and the lists of revoked certificates that are in force, signed
 * by every authority in force, so that who knows one of them can tell. */
#pragma once

#include "transaction.h"

/* The message for sconce-pki/trust, of what lies in DIR; the caller frees it. */
int trust_message(struct transaction *transaction, char **ret, struct fault *fault) MUST_CHECK;
