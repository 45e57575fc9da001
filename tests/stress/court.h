/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the judge's laws look things up in: for each output the times at which it went on and off, as people see it
 * (active_low taken off), and the rows that concern it.
 *
 * The dead process's lines stay as they are until the next process opens the chip, which is when they fall to their
 * pulls: from SIGKILL until --outputs-safe has ended no law of times counts.
 */
#pragma once

#include "stress/judge.h"
#include "util/macro.h"

/* A gap's beginning is for the agent the turn of its loop, for the record the edge that it makes in that turn. */
#define GAP_SLACK_US (5 * USEC_PER_MSEC)
/* Devices of a chip that has come back are tried again by their own timers, the last in the config last of all or
 * not. */
#define CHIP_BACK_US (300 * USEC_PER_MSEC)

struct span {
        uint64_t on_us, off_us; /* NEVER: still on */
};

struct court {
        const struct house *house;
        const struct record *record;
        const struct noise *noise;
        struct verdict *verdict;
        struct span *spans[HOUSE_OUTPUTS_MAX];
        size_t n_spans[HOUSE_OUTPUTS_MAX];
        uint64_t end_us; /* of the record */
};

void court_open(struct court *court);
void court_close(struct court *court);
void court_accuse(struct court *court, enum law law, uint64_t at_us, const char *format, ...) PRINTF_LIKE(4, 5);

/* `at_us` plus what is allowed beyond, counted since `since_us`. */
uint64_t court_with_slack(const struct court *court, uint64_t since_us, uint64_t at_us);
/* How much shorter than it should be a gap may look that begins with this edge. */
uint64_t court_gap_slack(const struct court *court, uint64_t begin_us);
bool court_is_on(const struct court *court, size_t i, uint64_t at_us);
bool court_has_edge(const struct court *court, size_t i, bool on, uint64_t from_us, uint64_t to_us);

#define FOR_EACH_ROW(row, court)                                                                                       \
        for (const struct row *row = (court)->record->rows; row < (court)->record->rows + (court)->record->n_rows;     \
             row++)
#define IS_ACTION (1U << ROW_COMMAND | 1U << ROW_TOUCH)

/* Kinds are a bit each. The row of these at that time, or that ended at most so long before. */
bool row_covers(const struct row *row, uint64_t at_us, uint64_t after_us);
const struct row *court_row_at(const struct court *court, unsigned kinds, uint64_t at_us, uint64_t after_us);
/* One that begins in the time, and concerns the output. */
const struct row *court_row_within(const struct court *court, unsigned kinds, size_t i, uint64_t from_us,
                                   uint64_t to_us);
/* Whether the process is between its start's end and the next stop or kill; a chip that is away drives nothing
 * either. */
bool court_is_up(const struct court *court, uint64_t at_us);
/* The agent's own affairs at that time: whatever an output does then is not a plugin's or a timer's doing. */
bool court_is_upheaval(const struct court *court, size_t i, uint64_t at_us);

/* When on_offline acts: the earliest and the latest time of a loss. */
uint64_t court_offline_from(const struct row *lost);
uint64_t court_offline_to(const struct court *court, const struct row *lost);
bool court_is_offline_time(const struct court *court, uint64_t at_us);
