/* SPDX-License-Identifier: Apache-2.0 */
/* What a device needs of its surroundings, and the ops by which it asks and informs those above it. */
#pragma once

#include "channel/cause.h"
#include "channel/command.h"
#include "device/answers.h"
#include "device/sink.h"

struct device;
struct starts;
struct waiting;

/*
 * Rules follow what happens to a device. Called while the device is at work: what follows is to be done later, from the
 * loop. The first four are called for a device that is watched (device->watched) alone: others cost nothing.
 */
struct device_observer {
        void (*started)(void *userdata, const struct device *device); /* it starts */
        /* What its plugin has reported; `time_us` 0: now. */
        void (*reported)(void *userdata, const struct device *device, uint64_t time_us,
                         const struct sconce_value *values, size_t count);
        void (*event)(void *userdata, const struct device *device, uint64_t time_us, const char *channel,
                      const char *event_type);
        void (*status)(void *userdata, const struct device *device); /* online, offline, a fault that comes or goes */
        void (*moment_over)(void *userdata);                         /* no device is at work any more */
        /* What became of a command that device_act() was given. */
        void (*result)(void *userdata, const struct command_cause *cause, const struct result *result);
        void *userdata;
};

/* What the guard keeps of a device; nobody else writes it. */
struct guarded {
        bool is_wanted;           /* to be on when the guard lets it, at the next start or after a reload */
        uint64_t resume_until_us; /* is_wanted until then; 0: for good */
        struct waiting *waiting;  /* the command that is held back */
        bool is_dark;             /* its outputs have been switched off while it does not run */
        bool is_not_dark;         /* they could not be, which is logged */
};

/* The interlock may keep a device's outputs off for the sake of others. */
struct output_guard {
        /* 0: it may have the command now; 1: the command is kept until then, or takes back another; else refused. */
        int (*command)(struct device *device, const struct sconce_command *command);
        /* How long such a command would have to wait at least. */
        uint64_t (*wait_us)(const struct device *device, const struct sconce_command *command);
        /* Before an output of the device goes on: -EBUSY while it may not. */
        int (*permit)(struct device *device, struct fault *fault);
        /* After its outputs have gone on (one of them) or off (all). */
        void (*turned)(struct device *device);
        /* Whether an output whose first value its plugin leaves open is to begin off. */
        bool (*begins_off)(const struct device *device);
        /* What output_first() answers: one that is to be on may be off at first, and on later. */
        void (*first)(struct device *device, struct sconce_value *first);
        /* It does not run, and what an earlier run has left on is to go off before another one goes on. */
        void (*idle)(struct device *device);
        void (*started)(struct device *device);
        void (*stopped)(struct device *device); /* what it waited for is wanted again at its next start */
        void (*inherit)(struct device *device, const struct device *old);
        void (*forget)(struct device *device); /* what waits */
};

/* Whether outputs are held at their on_offline. */
struct offline_hold {
        bool is_seen; /* there was a broker in this boot */
        bool is_over; /* it has been away for offline_after */
};

/* trend.c: the clock that their trends go by, and when to look at the wall clock again; 0: at the next report. */
struct device_trends {
        struct trend_clock clock;
        uint64_t look_us;
};

/* Filled by the owner of the devices before it makes one. A member that changes later has its writer named. */
struct device_context {
        /* NULL at --check: nothing is opened then, and nothing kept. */
        struct loop *loop;
        struct pool *pool; /* for blocking devices; NULL: there has been none. The owner's, made by create.c */
        struct clock *clock;
        struct gpio *gpio;
        struct store *store;   /* NULL: nothing is saved */
        struct driven *driven; /* where what is driven is written down; NULL: nowhere */
        struct starts *starts; /* where is marked what starts; NULL: nowhere */

        struct loader *loader;
        struct duplicates *duplicates;
        struct device_observer observer; /* without its members at --check */
        struct command_limits limits;
        const char *default_chip; /* to tell two spellings of one line apart */
        struct home_sink sink;
        const struct output_guard *guard;
        /* For the node's list of problems; `text` NULL takes it away. */
        void (*problem)(void *userdata, const char *key, const char *text);
        void (*running)(void *userdata); /* one more runs, and has what it wants */
        void *userdata;

        struct offline_hold offline; /* the owner's */
        bool is_restarting;          /* the owner's: it stops, and another run follows at once */
        struct answers answers;      /* answers.c */
        struct device_trends trends; /* trend.c */
        uint64_t next_serial;        /* create.c: of instances */
        uint64_t n_dropped;          /* requests.c: commands that came too fast to be answered */
        unsigned depth;              /* requests.c: of the rule whose command is being carried out; 0: of none */
        unsigned n_inside;           /* publish.c: devices that something is being done for just now */
};
