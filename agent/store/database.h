/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: SQLite with a write-ahead log, each write on the disk before it counts as written. Used by one thread.
 *
 * A damaged file is renamed to sconce.db.damaged and a new one begun. One that cannot be used for another reason (no
 * room, no right, locked, written by a later version) is left as it is.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "store/rows.h"
#include "util/fault.h"

struct database {
        char *dir, *path;
        sqlite3 *sqlite; /* NULL: not open */
        sqlite3_stmt *put, *forget;
        dev_t device; /* to notice that the file is not ours any more */
        ino_t inode;
};

struct database_news {
        bool is_new;        /* the file was created: everything is to be written */
        struct fault aside; /* a damaged one was set aside, in words */
};

int database_init(struct database *database, const char *dir) MUST_CHECK;
void database_done(struct database *database);

/* Opens the file, or makes one. */
int database_open(struct database *database, struct database_news *news, struct fault *fault) MUST_CHECK;
/* Reads all rows of an open file, or of one that may only be read. */
int database_read(struct database *database, struct database_news *news, struct rows *ret, struct fault *fault)
        MUST_CHECK;
/* All of the rows in one transaction, or none. Opens the file where it is not open, was removed or replaced; where that
 * makes a new one (news), nothing is written yet. */
int database_write(struct database *database, const struct rows *rows, struct database_news *news, struct fault *fault)
        MUST_CHECK;

/* Reads the file of a directory without making, changing or setting aside anything; no file is no rows. */
int database_peek(const char *dir, struct rows *ret, struct fault *fault) MUST_CHECK;
