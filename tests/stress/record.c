/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"
#include "util/macro.h"

static const char *const row_names[] = {
        [ROW_START] = "start",      [ROW_STOP] = "stop",      [ROW_KILL] = "kill",     [ROW_SAFE] = "outputs-safe",
        [ROW_COMMAND] = "command",  [ROW_TOUCH] = "touch",    [ROW_RELOAD] = "reload", [ROW_LOST] = "broker lost",
        [ROW_BACK] = "broker back", [ROW_CHIP] = "chip away", [ROW_STATE] = "state",
};

static const char *const word_names[] = {
        [WORD_OFF] = "OFF",     [WORD_ON] = "ON",     [WORD_TOGGLE] = "TOGGLE", [WORD_FOR] = "for",
        [WORD_FLASH] = "flash", [WORD_MOVE] = "move", [WORD_STOP] = "STOP",
};

const char *row_name(enum row_kind kind)
{
        return row_names[kind];
}

const char *word_name(enum word word)
{
        return word_names[word];
}

/* Room for one more in an array that has doubled at each power of two. */
static void *grown(void *array, size_t count, size_t size)
{
        if (count > 0 && (count & (count - 1)) != 0)
                return array;
        array = reallocarray(array, count ? 2 * count : 1, size);
        if (!array)
                abort();
        return array;
}

struct row *record_add(struct record *record, const struct row *row)
{
        record->rows = grown(record->rows, record->n_rows, sizeof(*record->rows));
        record->rows[record->n_rows] = *row;
        return &record->rows[record->n_rows++];
}

void record_add_edge(struct record *record, uint64_t at_us, unsigned line, bool level)
{
        record->edges = grown(record->edges, record->n_edges, sizeof(*record->edges));
        record->edges[record->n_edges++] = (struct edge){ at_us, line, level };
}

int record_read_edges(struct record *record, const char *path)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");
        CLEANUP_FREE char *text = NULL;
        size_t size = 0;
        uint64_t at_ns;
        unsigned line, level;

        if (!file)
                return -errno;
        while (getline(&text, &size, file) > 0)
                if (sscanf(text, "%" SCNu64 " %u %u", &at_ns, &line, &level) == 3)
                        record_add_edge(record, at_ns / NSEC_PER_USEC, line, level == 1);
        return 0;
}

void record_done(struct record *record)
{
        free(record->rows);
        free(record->edges);
        *record = (struct record){ 0 };
}
