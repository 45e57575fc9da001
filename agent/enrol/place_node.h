/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's certificates, key and first config, and its service. The certificates' directory belongs to the agent's user, who
 * renews what is in it.
 */
#pragma once

#include <stdio.h>

#include "enrol/place.h"

struct place_node {
        struct place files; /* of ROOT/etc/sconce */
        const char *root;
        bool has_user; /* sconce */
        /* Of the config, once place_node_all() has been called. */
        bool is_kept, is_named, names_this; /* sconce.conf is there; some file names a broker; this one */
        const char *target;                 /* where one is written: below the directory */
};

/* ROOT goes before every path; "" for none. Makes the directories and writes the key beside its place: from then on there is
 * room and right for the rest. place_node_done() it in any case. */
int place_node_begin(struct place_node *node, const char *root, const char *key_pem, struct fault *fault) MUST_CHECK;
/* Everything else; and a config with the broker's address where no file names one. */
int place_node_all(struct place_node *node, const struct place_material *material, struct fault *fault) MUST_CHECK;
/* What was done and what was not, in sentences. */
void place_node_report(const struct place_node *node, const struct place_material *material, FILE *out);
/* Starts the service, or says why it does not. */
int place_node_start(const struct place_node *node, FILE *out, struct fault *fault) MUST_CHECK;
void place_node_done(struct place_node *node);
