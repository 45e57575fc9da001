/* SPDX-License-Identifier: Apache-2.0 */
/* A person's certificate, key and config for the command `sconce`: in $XDG_CONFIG_HOME/sconce or ~/.config/sconce. */
#pragma once

#include <stdio.h>

#include "enrol/place.h"

struct place_client {
        struct place files;
        char kept[160]; /* the names of files that were there, and lie beside now: "client.conf.before, …" */
};

/* Makes the directory and writes the key beside its place: from then on there is room and right for the rest.
 * place_client_done() it in any case. */
int place_client_begin(struct place_client *client, const char *key_pem, struct fault *fault) MUST_CHECK;
/* Everything else. What is there already is kept as NAME.before. */
int place_client_all(struct place_client *client, const struct place_material *material, struct fault *fault)
        MUST_CHECK;
void place_client_report(const struct place_client *client, const struct place_material *material, FILE *out);
void place_client_done(struct place_client *client);
