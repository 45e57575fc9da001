/* SPDX-License-Identifier: Apache-2.0 */
/* The machine below the agent: its clock, power, disk, buses, and what the service's user may do. */
#pragma once

#include "client/doctor/checkup.h"

void doctor_clock(struct checkup *checkup, struct verdict *verdict);
void doctor_rights(struct checkup *checkup, struct verdict *verdict);
void doctor_pwm(struct checkup *checkup, struct verdict *verdict);
void doctor_onewire(struct checkup *checkup, struct verdict *verdict);
void doctor_power(struct checkup *checkup, struct verdict *verdict);
void doctor_disk(struct checkup *checkup, struct verdict *verdict);
