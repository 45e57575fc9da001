/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's own sections, [node] [broker] [tls] [gpio] [homeassistant] [history], as structs; and what holds across sections. */
#pragma once

#include <stdio.h>

#include "config/config.h"
#include "config/describe.h"
#include "config/options.h"
#include "util/fault.h"
#include "util/tls_options.h"

enum settings_for {
        SETTINGS_DAEMON, /* sconced: all sections; devices' contents are device/'s business */
        SETTINGS_CLIENT, /* sconce: [broker] and [tls] alone */
};

enum broker_client_id { CLIENT_ID_PRIVATE, CLIENT_ID_NODE, CLIENT_ID_RANDOM };

struct node_settings {
        const char *name; /* NULL: the certificate's CN, else the host name */
        int clock;        /* 0 auto, 1 trusted: enum clock_mode */
        uint64_t max_payload_bytes;
        int64_t max_depth;
        uint64_t save_after_us;
};

struct broker_settings {
        struct sconce_list urls; /* of const char *; none: there is no broker yet, wait for one to be configured */
        int version;             /* 0 auto, 1 5, 2 3.1.1: enum session_version */
        const char *base;
        int client_id;        /* enum broker_client_id */
        const char *user;     /* NULL: none */
        const char *password; /* NULL: none, or in password_file: see settings_password() */
        const char *password_file;
        bool envelope;
        uint64_t offline_after_us, keepalive_us, connect_timeout_us, handshake_timeout_us;
};

struct gpio_settings {
        const char *chip;
        const char *sim_dir;
};

struct homeassistant_settings {
        bool enabled; /* never together with an envelope, which it cannot read */
        const char *prefix;
        const char *birth_topic, *birth_payload;
};

/* What is kept for a broker that is away. */
struct history_settings {
        uint64_t flush_us;
        int64_t max_count;
        uint64_t max_bytes, max_age_us;
};

struct settings {
        struct node_settings node;
        struct broker_settings broker;
        struct tls_options tls;
        struct gpio_settings gpio;
        struct homeassistant_settings homeassistant;
        struct history_settings history;
        struct problems warnings; /* valid, but worth a line in the log */
        struct option_store store;
};

/* Reads the daemon's sections and checks all section headers: unknown and reserved names, ids, one id twice.
 * -EINVAL when anything was added to `problems`, -ENOMEM; *ret is untouched then. */
int settings_read(const struct config *config, enum settings_for whom, struct problems *problems, struct settings *ret)
        MUST_CHECK;
/* [gpio] alone, for what has to reach the lines though the rest is wrong. A value that is wrong itself is added
 * to `problems` and left NULL. -ENOMEM is the only error. */
int settings_read_gpio(const struct config *config, struct problems *problems, struct settings *ret) MUST_CHECK;
void settings_done(struct settings *settings);

/* The password as written or from the password file, for the caller to free; NULL without one. -EACCES:
 * others can read the file; -EINVAL: not one line of text; the errno of reading it. */
int settings_password(const struct settings *settings, char **ret, struct fault *fault) MUST_CHECK;

/* The rows of the daemon's sections, each under its heading. */
void settings_describe(FILE *out, enum describe_form form);
/* Those of one section, [rule NAME] being "rule"; false: the daemon has none of that kind. */
bool settings_describe_one(FILE *out, const char *kind, enum describe_form form);

/* The daemon's sections for --dump-config: see options_dump(). */
void settings_dump(FILE *out, const struct config *config);
