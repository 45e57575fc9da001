/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device needs of its surroundings. The owner of the devices fills it before the first one is made and keeps it longer
 * than the last; a member that changes later has its one writer named.
 */
#pragma once

#include "channel/command.h"
#include "device/answers.h"
#include "device/observer.h"
#include "device/output_guard.h"
#include "device/sink.h"

/* Whether outputs are held at their on_offline. */
struct offline_hold {
        bool is_seen; /* there was a broker in this boot */
        bool is_over; /* it has been away for offline_after */
};

struct device_context {
        /* NULL at --check: nothing is opened then, and nothing kept. */
        struct loop *loop;
        struct clock *clock;
        struct gpio *gpio;
        struct store *store;   /* NULL: nothing is saved */
        struct driven *driven; /* where what is driven is written down; NULL: nowhere */

        struct loader *loader;
        struct duplicates *duplicates;
        struct device_observer observer; /* without its members at --check */
        struct command_limits limits;
        const char *default_chip; /* to tell two spellings of one line apart */
        struct home_sink sink;
        const struct output_guard *guard;
        /* For the node's list of problems; `text` NULL takes it away. */
        void (*problem)(void *userdata, const char *key, const char *text);
        void *userdata;

        struct offline_hold offline; /* the owner's */
        struct answers answers;      /* answers.c */
        uint64_t next_serial;        /* create.c: of instances */
        uint64_t n_dropped;          /* requests.c: commands that came too fast to be answered */
        unsigned n_inside;           /* publish.c: devices that something is being done for just now */
};
