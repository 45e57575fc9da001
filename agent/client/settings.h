/* SPDX-License-Identifier: Apache-2.0 */
/* The client's config: which broker, as whom. */
#pragma once

#include "bus/session.h"
#include "config/builtin.h"

struct client_settings {
        struct settings config;
        char *password;
        char *name;      /* of the certificate, else of the user: the broker's access list knows us by it */
        char *client_id; /* unlike any other's: two runs must not push each other out */
        /* Random, of this run alone: the client id's end, the topic that answers come to, and what they must carry. The
         * broker's log shows the first, so that the others are not made of it. */
        char run[17], reply[33], token[33];
        struct session_options session;
};

/* Reads FILE, or where it is NULL the first there is of ~/.config/sconce/client.conf and
 * /etc/sconce/client.conf, and writes all that is wrong with it to stderr: any error is one of the config.
 * *ret comes zeroed, stays where it is (it points into itself), and needs client_settings_done() in any case. */
int client_settings_read(const char *file, struct client_settings *ret) MUST_CHECK;
/* The two steps behind it, for a config that was read elsewhere: what the session wants, and an id made of NAME. */
int client_settings_fill(struct client_settings *settings, struct fault *fault) MUST_CHECK;
int client_settings_identify(struct client_settings *settings, const char *name) MUST_CHECK;

/* The file that is there, the user's own before the machine's. free() it; NULL: neither, and it is on stderr. */
char *client_settings_find(void) MUST_CHECK;

void client_settings_done(struct client_settings *settings);
