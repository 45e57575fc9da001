/* SPDX-License-Identifier: Apache-2.0 */
/* The files of [tls]: our certificate with its key, and the revocation list. */
#pragma once

#include "client/doctor/checkup.h"

void doctor_certificate(struct checkup *checkup, struct verdict *verdict);
void doctor_crl(struct checkup *checkup, struct verdict *verdict);
