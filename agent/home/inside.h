/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a node and what they share. Inside agent/home/ only. */
#pragma once

#include "device/device.h"
#include "home/home.h"

struct trend_ask;
#define TRENDS_WAITING_MAX 16

struct home {
        struct device_context context; /* of all its devices */
        struct loader loader;
        const char *name;    /* the node's, at --check; NULL: it is not known */
        struct rules *rules; /* NULL at --check */
        struct spent *spent; /* NULL: there is none */
        struct interlock *interlocks;
        struct device **items;
        size_t count;
        uint32_t *places; /* index.c */
        size_t n_places;
        bool is_applying; /* home_apply() is at its devices */
        struct offline {
                uint64_t after_us;
                uint64_t since_us; /* no broker since then; 0: there is one, or nobody has counted yet */
                struct timer *timer;
        } offline;
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
        struct trends {
                struct trend_ask *waiting[TRENDS_WAITING_MAX]; /* the first is being answered */
                size_t count;
                struct timer *timer; /* the next one that waits; NULL: none has waited yet */
        } trends;
        struct saving { /* trends_saved.c */
                struct timer *save, *settle;
                size_t n_looks;  /* for what was not there at the start, since the last config */
                bool is_read;    /* what was saved is known: it can be written over */
                bool is_waiting; /* some of it, for the wall clock */
        } saving;
        void (*ask_facts)(void *userdata, struct node_facts *ret);
        void *facts_userdata;
};

static inline struct home *home_of(const struct device *device)
{
        return CONTAINER_OF(device->context, struct home, context);
}

/* index.c: the last of the items is a new one, -ENOMEM; they have moved */
struct device *home_find(const struct home *home, const char *id);
int index_add(struct home *home) MUST_CHECK;
void index_renew(struct home *home);

/* conflicts.c: a problem for each line and dimmer that an earlier option names too, also of the same device; -ENOMEM */
int conflicts_check(const struct home *home, const struct config *config, struct problems *problems) MUST_CHECK;

/* offline.c: whether outputs are held at their on_offline */
int offline_init(struct home *home, uint64_t after_us) MUST_CHECK;

/* rules.c: makes home->rules and the observer of its devices; checks rules, whose devices need not be started */
int home_rules_new(struct home *home) MUST_CHECK;
int home_rules_apply(struct home *home, const struct config *config) MUST_CHECK;
int home_rules_check(struct home *home, const struct config *config, struct problems *problems) MUST_CHECK;

/* gets.c: what is asked to be read now */
void gets_init(struct home *home);

/* trends.c: requests for them */
void trends_done(struct home *home);

/* left_out.c: lists those that the agent has died of among the node's problems, or none any more */
void left_out_list(struct home *home);

/* trends_saved.c */
int saving_init(struct home *home) MUST_CHECK;
void saving_done(struct home *home);
void trends_applied(struct home *home); /* after each config */
void trends_stop(struct home *home);    /* a clean stop, before the devices': some lose their channels by it */

/* node.c */
#define NODE_ID "node"
extern const struct sconce_module node_module;
void node_publish_problems(struct device *device);

/* problems.c: one a line */
#define PROBLEMS_MAX 4096
void home_list_problems(const struct home *home, char text[static PROBLEMS_MAX]);
