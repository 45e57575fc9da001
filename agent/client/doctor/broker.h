/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker has and grants: the access list, whether the node is there, its devices. */
#pragma once

#include "client/doctor/checkup.h"

void doctor_acl(struct checkup *checkup, struct verdict *verdict);
void doctor_node(struct checkup *checkup, struct verdict *verdict);
void doctor_devices(struct checkup *checkup, struct verdict *verdict);
