/* SPDX-License-Identifier: Apache-2.0 */
/* Between a home and its rules: what rules see of devices, and what devices report to rules. */
#pragma once

#include "config/config.h"

struct home;

/* Makes home->rules, and the observer of its devices. */
int home_rules_new(struct home *home) MUST_CHECK;
/* The rules of a config against the devices of the home, which need not have been started. */
int home_rules_check(struct home *home, const struct config *config, struct problems *problems) MUST_CHECK;
