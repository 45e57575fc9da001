/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/court.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* offline_after is kept to the second. */
#define OFFLINE_ROUND_US USEC_PER_SEC
/* A link that stands still is noticed within the keepalive. */
#define SILENT_US (5 * USEC_PER_SEC)
/* A node that is stopped or killed so soon may not have noticed the loss, and counts from its next start. */
#define UNNOTICED_US (300 * USEC_PER_MSEC)

void court_accuse(struct court *court, enum law law, uint64_t at_us, const char *format, ...)
{
        struct verdict *verdict = court->verdict;
        va_list arguments;

        verdict->by_law[law]++;
        if (verdict->count++ >= VIOLATIONS_MAX)
                return;
        struct violation *violation = &verdict->violations[verdict->count - 1];
        violation->law = law;
        violation->at_us = at_us;
        va_start(arguments, format);
        (void)vsnprintf(violation->text, sizeof(violation->text), format, arguments);
        va_end(arguments);
}

uint64_t court_with_slack(const struct court *court, uint64_t since_us, uint64_t at_us)
{
        return at_us + SLACK_US + noise_between(court->noise, since_us, at_us + SLACK_US);
}

uint64_t court_gap_slack(const struct court *court, uint64_t begin_us)
{
        return GAP_SLACK_US + noise_between(court->noise, begin_us - MIN(begin_us, 10 * GAP_SLACK_US), begin_us);
}

/* ---- Levels ------------------------------------------------------------------------------------------------------ */

static void add_change(struct court *court, size_t i, bool on, uint64_t at_us)
{
        size_t n = court->n_spans[i];
        bool was_on = n > 0 && court->spans[i][n - 1].off_us == NEVER;

        if (on == was_on)
                return;
        if (!on) {
                court->spans[i][n - 1].off_us = at_us;
                return;
        }
        court->spans[i] = reallocarray(court->spans[i], n + 1, sizeof(*court->spans[i]));
        if (!court->spans[i])
                abort();
        court->spans[i][n] = (struct span){ at_us, NEVER };
        court->n_spans[i]++;
}

static void read_levels(struct court *court)
{
        const struct record *record = court->record;

        for (size_t k = 0; k < record->n_edges; k++) {
                const struct edge *edge = &record->edges[k];
                court->end_us = MAX(court->end_us, edge->at_us);
                for (size_t i = 0; i < court->house->count; i++)
                        if (court->house->outputs[i].line == edge->line)
                                add_change(court, i, edge->level != court->house->outputs[i].active_low, edge->at_us);
        }
        for (size_t k = 0; k < record->n_rows; k++)
                if (record->rows[k].to_us != NEVER)
                        court->end_us = MAX(court->end_us, record->rows[k].to_us);
}

bool court_is_on(const struct court *court, size_t i, uint64_t at_us)
{
        for (size_t k = 0; k < court->n_spans[i]; k++)
                if (court->spans[i][k].on_us <= at_us && at_us < court->spans[i][k].off_us)
                        return true;
        return false;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

bool row_covers(const struct row *row, uint64_t at_us, uint64_t after_us)
{
        return row->from_us <= at_us && (row->to_us == NEVER || at_us <= row->to_us + after_us);
}

const struct row *court_row_at(const struct court *court, unsigned kinds, uint64_t at_us, uint64_t after_us)
{
        FOR_EACH_ROW(row, court)
        if (kinds & 1U << row->kind && row_covers(row, at_us, after_us))
                return row;
        return NULL;
}

const struct row *court_row_within(const struct court *court, unsigned kinds, size_t i, uint64_t from_us,
                                   uint64_t to_us)
{
        FOR_EACH_ROW(row, court)
        if (kinds & 1U << row->kind && row->outputs & 1ULL << i && from_us < row->from_us && row->from_us <= to_us)
                return row;
        return NULL;
}

#define IS_RUNNING_ROW (1U << ROW_START | 1U << ROW_STOP | 1U << ROW_KILL | 1U << ROW_CHIP)

bool court_is_up(const struct court *court, uint64_t at_us)
{
        const struct row *last = NULL;

        FOR_EACH_ROW(row, court)
        if (IS_RUNNING_ROW & 1U << row->kind && row->from_us <= at_us && (!last || row->from_us > last->from_us))
                last = row;
        return last && (last->kind == ROW_START || last->kind == ROW_CHIP) && last->to_us != NEVER &&
               last->to_us <= at_us;
}

bool court_is_upheaval(const struct court *court, size_t i, uint64_t at_us)
{
        if (court_row_at(court, 1U << ROW_CHIP, at_us, CHIP_BACK_US) || !court_is_up(court, at_us))
                return true;
        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_RELOAD && row->outputs & 1ULL << i && row_covers(row, at_us, SLACK_US))
                return true;
        return false;
}

uint64_t court_offline_from(const struct row *lost)
{
        return lost->from_us + OFFLINE_AFTER_US - GAP_SLACK_US;
}

/* From when the node counts. */
static uint64_t noticed_from(const struct court *court, const struct row *lost)
{
        bool is_cut_off = false;

        FOR_EACH_ROW(row, court)
        {
                if ((row->kind == ROW_KILL || row->kind == ROW_STOP) && row->from_us >= lost->from_us &&
                    row->from_us <=
                            lost->from_us + UNNOTICED_US + noise_between(court->noise, lost->from_us, row->from_us))
                        is_cut_off = true;
                if (is_cut_off && row->kind == ROW_START && row->from_us > lost->from_us)
                        return row->to_us;
        }
        return lost->from_us;
}

uint64_t court_offline_to(const struct court *court, const struct row *lost)
{
        uint64_t from_us = noticed_from(court, lost);

        return court_with_slack(court, from_us,
                                from_us + OFFLINE_AFTER_US + OFFLINE_ROUND_US + (lost->is_silent ? SILENT_US : 0));
}

bool court_is_offline_time(const struct court *court, uint64_t at_us)
{
        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_LOST && at_us >= court_offline_from(row) &&
            (row->to_us == NEVER || at_us <= MAX(row->to_us, court_offline_to(court, row))))
                return true;
        return false;
}

bool court_has_edge(const struct court *court, size_t i, bool on, uint64_t from_us, uint64_t to_us)
{
        for (size_t k = 0; k < court->n_spans[i]; k++) {
                uint64_t at_us = on ? court->spans[i][k].on_us : court->spans[i][k].off_us;
                if (from_us <= at_us && at_us <= to_us)
                        return true;
        }
        return false;
}

void court_open(struct court *court)
{
        read_levels(court);
}

void court_close(struct court *court)
{
        for (size_t i = 0; i < HOUSE_OUTPUTS_MAX; i++)
                free(court->spans[i]);
}
