/* SPDX-License-Identifier: Apache-2.0 */
/* From a config to the options of each part; what the running agent and the one-shot modes have in common. */
#pragma once

#include "broker_identity.h"
#include "config/builtin.h"
#include "home/home.h"
#include "home/spent.h"
#include "device/driven.h"
#include "device/starts.h"
#include "gpio/gpio.h"
#include "store/store.h"
#include "uplink.h"

/* Loads and checks everything, devices too, without hardware or network; logs problems and warnings. 0: the caller owns
 * both; SETUP_BAD_CONFIG: something is wrong; negative errno: it could not be checked. `starts`: of an agent that runs. */
enum { SETUP_BAD_CONFIG = 1 };
int setup_read(const char *config_path, const char *plugin_dir, struct starts *starts, struct config **ret_config,
               struct settings *ret_settings) MUST_CHECK;

/* As much as can be read, and of the settings [gpio] alone: other sections may be wrong. 0, or 1 when something was
 * wrong, which has been logged; -ENOMEM. */
int setup_read_gpio(const char *config_path, struct config **ret_config, struct settings *ret_settings) MUST_CHECK;

/* True when a section of the daemon's own is the same in both. */
bool setup_same_section(const struct config *a, const struct config *b, const char *kind);

/* Why a reload does not suffice, logged and in one line: a section whose parts live as long as the process. "": none. */
#define SETUP_REASON_MAX 128
void setup_restart_reason(const struct config *running, const struct config *config,
                          char text[static SETUP_REASON_MAX]);

/* `store` NULL: outputs end with the process. */
int setup_gpio(struct loop *loop, const struct gpio_settings *settings, const struct fd_store *store, struct gpio **ret)
        MUST_CHECK;
/* All but the running parts (loop, clock, gpio). The result borrows from the settings. */
void setup_devices_options(const struct settings *settings, const char *plugin_dir, struct home_options *ret);

void setup_uplink_options(const struct settings *settings, const struct broker_identity *identity,
                          struct uplink_options *ret);

/* Opens what outlives the process, and logs how the run before ended. `parts` gives loop and handler alone. */
int setup_store(const struct settings *settings, const struct store_options *parts, struct store **ret) MUST_CHECK;
/* Where what outlives the process is kept: as systemd gives it, else /var/lib/sconce. free() it; NULL: no memory. */
char *setup_state_dir(void);

/* The record of what this config drives (device/driven.h): in systemd's runtime directory, else in /run/sconce, else,
 * where that cannot be written, in the state directory. `parts` gives the handler alone. */
int setup_driven(const char *config_path, const struct settings *settings, const struct driven_options *parts,
                 struct driven **ret) MUST_CHECK;
/* What an agent with this config has left behind in this boot; -ENOENT: nothing. */
int setup_driven_read(const char *config_path, struct driven **ret, struct fault *fault) MUST_CHECK;

/* Which devices start (device/starts.h), beside that record. NULL: there is no place for it, which is logged. */
struct starts *setup_starts(const char *config_path);

/* Which waits of rules are over (home/spent.h), beside it too. NULL: there is no place for it, which is logged. */
struct spent *setup_spent(const char *config_path);
