/* SPDX-License-Identifier: Apache-2.0 */
/* The table `trend`: one block of bytes a channel, whose meaning is not known here. */
#pragma once

#include "store/store.h"

struct trend_row {
        char *device, *channel;
        void *data; /* NULL: to be deleted from the file */
        size_t size;
};

struct trend_rows {
        struct trend_row *items;
        size_t count;
};

/* Appends a copy; `data` NULL deletes what the file has for that channel. */
int trend_rows_add(struct trend_rows *rows, const char *device, const char *channel, const void *data, size_t size)
        MUST_CHECK;
void trend_rows_done(struct trend_rows *rows);

/* Has them written in one transaction, and takes them over, also where it fails: -ENOTSUP without a file. How it
 * ended is not reported: what went wrong is, by the store, and the next write brings what this one did not. */
int trend_write(struct store *store, struct trend_rows *rows);

/* 0; negative: they could not be read, and there are no rows, whatever the file has. The rows are valid until it returns. */
typedef void trend_read_done(void *userdata, int r, const struct trend_rows *rows);

/* Has all of them read. `done` is called once from the loop, and not any more when the store is freed before. Not called
 * where this fails: -ENOTSUP without a file. */
int trend_read(struct store *store, trend_read_done *done, void *userdata) MUST_CHECK;
