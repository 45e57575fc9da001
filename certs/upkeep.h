/* SPDX-License-Identifier: Apache-2.0 */
/* What only the authority's machine can renew, and does by itself: brokers' certificates and the lists of revoked ones, from
 * two thirds of their life on. */
#pragma once

#include "transaction.h"

#define UPKEEP_OWN_S (30 * 86400) /* the life of the certificate that `serve` issues to itself */

bool upkeep_is_due(const X509 *certificate, int64_t now_s);
/* Begins and ends the transaction; tells the broker, or has root tell it. Does nothing where nothing is due. */
int upkeep(struct transaction *transaction, int64_t now_s, struct fault *fault) MUST_CHECK;
