/* SPDX-License-Identifier: Apache-2.0 */
/* What was done to a house and when, and the edges of its lines: all that the judge sees. Times are CLOCK_MONOTONIC
 * in µs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX

enum row_kind {
        ROW_START,   /* of the process, until its devices are there */
        ROW_STOP,    /* from SIGTERM to the end */
        ROW_KILL,    /* from SIGKILL until --outputs-safe has ended */
        ROW_SAFE,    /* --outputs-safe alone */
        ROW_COMMAND, /* from the sending until its result came, or is no longer waited for */
        ROW_TOUCH,   /* a hand on a button: from the press until the line answered */
        ROW_RELOAD,  /* from SIGHUP until the log reports it; `outputs` are those that it restarts */
        ROW_LOST,    /* from the broker's death until somebody starts it again */
        ROW_BACK,    /* from there until the node is online */
        ROW_CHIP,    /* the chip is away; until its devices are there again */
        ROW_STATE,   /* the settled house: `on` is the state topic's word, `line` the line's level */
};

enum word { WORD_OFF, WORD_ON, WORD_TOGGLE, WORD_FOR, WORD_FLASH, WORD_MOVE, WORD_STOP };

struct row {
        enum row_kind kind;
        uint64_t from_us, to_us;
        uint64_t outputs;   /* a bit for each that it is about */
        enum word word;     /* of a command */
        uint64_t length_us; /* `for`, flash */
        bool is_accepted;   /* a result with ok came */
        bool is_answered;   /* a result came; a hand: the line answered */
        bool is_silent;     /* a loss that nobody reports: the broker stands still */
        bool on, line;
};

struct edge {
        uint64_t at_us;
        unsigned line;
        bool level;
};

struct record {
        struct row *rows;
        size_t n_rows;
        struct edge *edges;
        size_t n_edges;
};

struct row *record_add(struct record *record, const struct row *row); /* valid until the next one */
void record_add_edge(struct record *record, uint64_t at_us, unsigned line, bool level);
int record_read_edges(struct record *record, const char *path); /* the simulated chip's file; 0 or -errno */
void record_done(struct record *record);

const char *row_name(enum row_kind kind);
const char *word_name(enum word word);
