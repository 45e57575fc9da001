/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that the agent lives in: time, chance, what waits to happen, and the trace. All of it is memory that the
 * agent's processes share, so that one of them may end anywhere (SIGKILL, a power cut) and the next one finds the world
 * where it was.
 *
 * Nothing here depends on the machine: no real time, no address, no hash of either. A seed is played again to the byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/broker.h"
#include "sim/disk.h"
#include "sim/fd_store.h"
#include "sim/house.h"
#include "sim/laws.h"
#include "sim/lines.h"
#include "stress/dice.h"
#include "util/macro.h"

#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

/* The true time at the beginning: 2031-03-01T00:00:00Z, later than any build of ours. */
#define WORLD_BEGAN_US ((int64_t)1930089600 * (int64_t)USEC_PER_SEC)

/* What waits to happen outside the agent. */
enum event_kind {
        EVENT_MOVE,  /* the dice's next one */
        EVENT_HAND,  /* an input changes its level */
        EVENT_UP,    /* a message of the node's reaches the broker */
        EVENT_ACK,   /* its acknowledgement reaches the node */
        EVENT_DOWN,  /* a message of the broker's reaches the node */
        EVENT_LOST,  /* the node notices that the connection is gone */
        EVENT_CLOSE, /* the broker notices that the node is gone */
        EVENT_FLAP,  /* a new connection is lost at once */
        EVENT_MEND,  /* the broker or the way to it works again */
        EVENT_TIME,  /* a server gives the machine the time */
        EVENT_STORE, /* a line leaves systemd's store */
};

struct event {
        uint64_t at_us, order;
        enum event_kind kind;
        unsigned connection; /* of those that come over the network */
        int number;          /* a message's id, an offset with its level, or one alone */
        struct message *message;
};

/* How a process of the agent ended. */
enum life_end {
        LIFE_STOPPED,
        LIFE_RESTART,
        LIFE_BAD_CONFIG,
        LIFE_KILLED,
        LIFE_CUT,
        LIFE_OVER,
        LIFE_VIOLATED,
        LIFE_FAILED
};

#define EVENTS_MAX    8192
#define ARENA_SIZE    ((size_t)32 * 1024 * 1024)
#define ARENA_CLASSES 20

struct world {
        uint64_t seed, end_us;
        unsigned days, n_devices; /* 0: as the dice want */
        struct dice dice;         /* what is done */
        struct dice noise;        /* how late timers, messages and the disk are */
        uint64_t hash;            /* of the trace */
        unsigned step;
        uint64_t n_edges, n_messages, n_lives;
        char dir[64]; /* of the files that outlive a process */

        uint64_t now_us, boot_us; /* true time; when this boot began */
        int64_t wall_us;          /* what the wall clock adds to it */
        bool is_synchronised;
        char boot_id[37];

        struct event events[EVENTS_MAX];
        size_t n_events;
        uint64_t order;

        struct house house;
        struct lines lines;
        struct stored_lines stored;
        struct broker broker;
        struct disk disk;
        struct laws laws;

        size_t arena_used;
        void *arena_free[ARENA_CLASSES];
        _Alignas(16) unsigned char arena[ARENA_SIZE];
};

extern struct world *world;

struct world *world_new(uint64_t seed, unsigned days, unsigned n_devices);
void world_free(struct world *made);

/* Memory that outlives the process. */
void *world_alloc(size_t size);
void world_release(void *memory, size_t size);

uint64_t noise_between(uint64_t least, uint64_t most);
bool noise_chance(unsigned percent);

struct event *world_later(enum event_kind kind, uint64_t after_us);
uint64_t world_next_us(void);         /* UINT64_MAX: nothing waits */
bool world_take(struct event *ret);   /* what is due now */
void world_drop(unsigned connection); /* what was on its way to the node over it */
void world_happen(const struct event *event);
void world_pass_until(uint64_t until_us); /* nobody is there to hear */
void world_boot(void);                    /* the machine starts again */

/* Another program's law: each message that reaches the broker; NULL: none. */
extern void (*world_hears)(const struct message *message);

/* One line of the trace. */
void trace(const char *format, ...) PRINTF_LIKE(1, 2);
/* A law is broken: prints where and how to see it again, and ends the process. */
_Noreturn void violated(const char *law, const char *format, ...) PRINTF_LIKE(2, 3);
extern bool world_shows; /* the trace, on stdout */
