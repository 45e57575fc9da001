/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of the history. The house's sensors number what they read and raise (tests/plugins/numbers.c), so that it is
 * known what was read when, and what has become of it: delivered to the broker, acknowledged to the agent, on a card
 * that a kill or a power cut leaves whole.
 *
 * What is promised is delivered at least once, in its order and with its own time; what was acknowledged comes again only
 * where the agent died before that was in the file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/house.h"

#define READINGS_KEPT 2048
#define BOOTS_KEPT    256
#define OFFSETS_KEPT  64

struct message;

struct reading {
        uint64_t at_us, acked_us; /* 0: it is not acknowledged */
        uint64_t seq;             /* 0: it was not on `history` yet */
        unsigned number, boot;
        unsigned connection; /* that stood, or was the last one, when it was made: within a turn no time passes */
        bool is_wanted;      /* its device keeps a history, */
        bool is_either;      /* or does not, or not any more */
        bool is_promised;    /* or will be, if the agent lives on */
        bool is_timed;       /* its wall time is in the file */
        bool was_away;       /* no broker was there when it was made, nor is since then */
        bool was_delivered, may_repeat;
};

/* What one sensor reads, or what it raises: on topics of their own, each in its order. */
struct series {
        struct reading items[READINGS_KEPT];
        unsigned made, first; /* the newest one's number; what is before this one is settled */
        unsigned live, kept;  /* the newest on `state` or `event`, and on `history` */
};

/* By how much the wall clock was before the true time, from a moment on. */
struct offset {
        uint64_t from_us;
        int64_t wall_us;
        bool is_trusted;
};

struct history_laws {
        struct series series[2 * SENSORS_MAX]; /* of readings, and beside each one that of its events */
        struct offset offsets[OFFSETS_KEPT];
        unsigned n_offsets, boot;
        char boots[BOOTS_KEPT][37];
        bool is_set;                        /* the clock was, while this process ran */
        uint64_t trusted_us;                /* the clock is right for this process since then; 0: it is not */
        uint64_t began_us;                  /* the process */
        unsigned connection;                /* how many there were */
        uint64_t seq;                       /* the newest in this connection, */
        uint64_t top_seq;                   /* and of all */
        uint64_t disk_bad_us;               /* the card is bad since then, */
        uint64_t disk_well_us;              /* or well again */
        uint32_t under_way[UINT16_MAX + 1]; /* by the id: a series and a number + 1 */
        uint64_t n_delivered, n_again;
};

unsigned history_law_reading(unsigned sensor);
int history_law_event(unsigned sensor); /* -1: none now */

void history_law_boot(void);  /* of the machine */
void history_law_begin(void); /* a process */
void history_law_clock(void); /* the wall clock was set, or goes on otherwise */
void history_law_connected(void);
void history_law_arrived(const struct message *message, int id); /* at the broker */
void history_law_acknowledged(int id);                           /* to the agent */
void history_law_settled(void);                                  /* at any moment: looks whether it is a quiet one */
void history_law_end(bool is_clean);                             /* of the process */
void history_law_over(void);                                     /* the seed is played */
