/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of a config against the devices of the same config, before anything runs. */
#pragma once

#include "config/config.h"
#include "rule/home.h"

/* The devices need not have been started. Appends to `problems`; -ENOMEM. */
int rules_check(const struct rule_home *home, const struct config *config, struct problems *problems) MUST_CHECK;
