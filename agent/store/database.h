/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: SQLite with a write-ahead log, each write on the disk before it counts as written. Used by one thread. What
 * is in its tables is the business of saved.c, outbox_table.c and trend_table.c.
 *
 * A damaged file is renamed to sconce.db.damaged and a new one begun. One that cannot be used for another reason (no
 * room, no right, locked, written by a later version) is left as it is.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "util/cleanup.h"
#include "util/fault.h"

struct database {
        char *dir, *path;
        sqlite3 *sqlite; /* NULL: not open */
        dev_t device;    /* to notice that the file is not ours any more */
        ino_t inode;
        unsigned n_opened; /* how often it was: what was counted in it before may be of another one */
};

struct database_news {
        bool is_new;        /* the file was created: what was in it before is not there */
        struct fault aside; /* a damaged one was set aside, in words */
};

/* What is done with the tables: SQLITE_OK, or SQLite's code. Done again from its beginning when the file turns out to be
 * damaged and a new one is begun. */
struct database_work {
        int (*run)(struct database *database, void *userdata);
        void *userdata;
};

int database_init(struct database *database, const char *dir) MUST_CHECK;
void database_done(struct database *database);

/* Opens the file, or makes one. */
int database_open(struct database *database, struct database_news *news, struct fault *fault) MUST_CHECK;
/* Reads from an open file, or from one that may only be read. */
int database_read(struct database *database, const struct database_work *work, struct database_news *news,
                  struct fault *fault) MUST_CHECK;
/* All of the work in one transaction, or none. Opens the file where it is not open, was removed or replaced. */
int database_write(struct database *database, const struct database_work *work, struct database_news *news,
                   struct fault *fault) MUST_CHECK;

/* Reads the file of a directory without making, changing or setting aside anything; no file: nothing is read. */
int database_peek(const char *dir, const struct database_work *work, struct fault *fault) MUST_CHECK;

/* Lets go of the memory that is needed to use it fast. */
void database_rest(struct database *database);

/* For what is done again and again: compiled once for as long as the file stays open, and owned by the database. Borrowed
 * until statement_rest(), by which it lets go of the file; one user at a time. SQLITE_OK, or SQLite's code. */
int database_statement(struct database *database, const char *sql, sqlite3_stmt **ret) MUST_CHECK;
void statement_rest(sqlite3_stmt *statement);

DEFINE_CLEANUP(sqlite3_stmt, statement_rest);
#define CLEANUP_BORROWED_STATEMENT CLEANUP(statement_restp)

/* For what is done once. */
DEFINE_CLEANUP(sqlite3_stmt, sqlite3_finalize);
#define CLEANUP_STATEMENT CLEANUP(sqlite3_finalizep)
