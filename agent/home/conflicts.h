/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and dimmers that two options of a config name. Inside agent/home/ only. */
#pragma once

#include "config/config.h"
#include "util/macro.h"

struct home;

/* A problem for each line and dimmer that an earlier option names too; two of one device count as well. -ENOMEM. */
int conflicts_check(const struct home *home, const struct config *config, struct problems *problems) MUST_CHECK;
