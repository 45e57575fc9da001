/* SPDX-License-Identifier: Apache-2.0 */
/* From a config to the options of each part; what the running agent and the one-shot modes have in common. */
#pragma once

#include "config/builtin.h"
#include "home/home.h"
#include "device/driven.h"
#include "gpio/gpio.h"
#include "store/store.h"
#include "uplink.h"

/* Loads and checks everything, devices too, opening no hardware and no network. Problems and warnings are logged. 0: it is
 * right, and the caller owns both; SETUP_BAD_CONFIG: something is wrong; negative errno: it could not be checked. */
enum { SETUP_BAD_CONFIG = 1 };
int setup_read(const char *config_path, const char *plugin_dir, struct config **ret_config,
               struct settings *ret_settings) MUST_CHECK;

/* As much as can be read, and of the settings [gpio] alone: for whoever has to reach the lines whatever else is wrong. 0, or
 * 1 when something was wrong, which has been logged; -ENOMEM. */
int setup_read_gpio(const char *config_path, struct config **ret_config, struct settings *ret_settings) MUST_CHECK;

/* True when a section of the daemon's own says the same in both. */
bool setup_same_section(const struct config *a, const struct config *b, const char *kind);

int setup_gpio(struct loop *loop, const struct settings *settings, struct gpio **ret) MUST_CHECK;
/* All but the running parts (loop, clock, gpio). The result borrows from the settings. */
void setup_devices_options(const struct settings *settings, const char *plugin_dir, struct home_options *ret);

/* Whether a certificate's name, which is to name the node, is likely to be that of other nodes' certificates too. */
bool setup_name_is_doubtful(const char *cn, struct fault *fault);

/* Who we are to the broker. */
struct broker_identity {
        char *node;      /* [node] name, else the certificate's CN, else the host name */
        char *client_id; /* NULL: sconce-NODE */
        char *password;
        struct tls_options tls; /* borrows from the settings */
};
int broker_identity_init(struct broker_identity *identity, const struct settings *settings, struct fault *fault)
        MUST_CHECK;
/* As [broker] client_id says; the store keeps what no key gives. */
int broker_identity_choose_id(struct broker_identity *identity, const struct settings *settings, struct store *store)
        MUST_CHECK;
/* Whether the password file says something else by now; while it cannot be read it does not, with a warning. */
bool broker_identity_has_new_password(const struct broker_identity *identity, const struct settings *settings);
/* Whether the certificate in use names the node otherwise: it may have come into use by a reconnect. `tls` may be NULL. */
bool broker_identity_has_new_name(const struct broker_identity *identity, const struct settings *settings,
                                  const struct tls *tls);
void broker_identity_done(struct broker_identity *identity);
void setup_uplink_options(const struct settings *settings, const struct broker_identity *identity,
                          struct uplink_options *ret);

/* Where what outlives the process is kept: as systemd says, else /var/lib/sconce. free() it; NULL: out of memory. */
char *setup_state_dir(void);

/* Where it is written down what the agent with this config drives (device/driven.h): in the runtime directory that systemd gives,
 * else in /run/sconce, else, where that is not ours to write, in the state directory. free() it; NULL: nowhere. */
char *setup_driven_path(const char *config_path);
/* What an agent with this config has left behind in this boot; -ENOENT: nothing. */
int setup_driven_read(const char *config_path, struct driven **ret, struct fault *fault) MUST_CHECK;

uint64_t setup_monotonic_us(void); /* for sd_notify */
