/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of rules for devices of other nodes: they go out at once or not at all, and say so to the rule. */
#pragma once

#include "home/home.h"
#include "sender.h"

/* So many of them wait for the broker's answer. */
#define OTHER_NODES_MAX 64

/* How long such a command is wanted. */
#define OTHER_NODES_EXPIRY_S 5

/* Rules and nodes are called by ids. */
#define OTHER_NODES_NAME_MAX 65

struct sent_command {
        int id; /* of its message */
        char rule[OTHER_NODES_NAME_MAX], node[OTHER_NODES_NAME_MAX];
        size_t action;
};

struct other_nodes {
        struct sender *sender; /* borrowed, like all that follows */
        struct home *home;
        const char *base;
        struct sent_command *sent; /* OTHER_NODES_MAX; NULL: none was sent yet */
        size_t count;
};

/* Whether a command would go out. */
bool other_nodes_are_reached(const struct other_nodes *others);
/* As home_sink.command_other(). */
int other_nodes_command(struct other_nodes *others, const struct distant_command *command, struct result *result);
/* False: the message is none of these. */
bool other_nodes_acknowledged(struct other_nodes *others, int id, int reason);
void other_nodes_lost(struct other_nodes *others); /* the connection has ended */
void other_nodes_done(struct other_nodes *others);
