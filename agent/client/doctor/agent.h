/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's own program finds out: its config, and who uses the GPIO lines. */
#pragma once

#include "client/doctor/checkup.h"

void doctor_config(struct checkup *checkup, struct verdict *verdict);
void doctor_lines(struct checkup *checkup, struct verdict *verdict);
