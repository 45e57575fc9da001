/* SPDX-License-Identifier: Apache-2.0 */
/* A device's channels as a plugin declares them: kinds with values, choices and units, one for commands alone, an event. */
#pragma once

#include "channel/channels.h"

/* state, level (0 to 100 % in steps of 0.5), temperature (°C), mood (calm, bright), list, hold, press (calm, bright) */
void channel_rows_append(struct channels *channels);
