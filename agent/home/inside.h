/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a node and what they share. Inside agent/home/ only. */
#pragma once

#include "device/device.h"
#include "home/home.h"
#include "home/offline.h"

struct home {
        struct device_context context; /* of all its devices */
        struct loader loader;
        struct rules *rules; /* NULL at --check */
        struct interlock *interlocks;
        struct device **items;
        size_t count;
        struct offline offline;
        struct plugin *node_plugin;
        struct problem_text {
                char *key, *text;
        } * problems;
        size_t n_problems;
        uint64_t started_us;
        uint64_t n_unknown;   /* commands that got no answer, for devices that are not there */
        struct rate refusals; /* answers to commands for devices that are not there */
        struct gets {
                struct rate rate;
                struct timer *timer; /* the next one that waits; NULL: none has waited yet */
                size_t at;           /* whose turn it is */
        } gets;
        void (*ask_facts)(void *userdata, struct node_facts *ret);
        void *facts_userdata;
};

static inline struct home *home_of(const struct device *device)
{
        return CONTAINER_OF(device->context, struct home, context);
}

struct device *home_find(const struct home *home, const char *id);

/* gets.c: what is asked to be read now */
void gets_init(struct home *home);
void gets_done(struct home *home);

/* node.c */
extern const struct sconce_module node_module;
void node_publish_problems(struct device *device);
