/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the broker: its name, its port, TLS, and whether it lets us in. */
#pragma once

#include "client/doctor/checkup.h"

void doctor_name(struct checkup *checkup, struct verdict *verdict);
void doctor_tcp(struct checkup *checkup, struct verdict *verdict);
void doctor_tls(struct checkup *checkup, struct verdict *verdict);
void doctor_login(struct checkup *checkup, struct verdict *verdict);
