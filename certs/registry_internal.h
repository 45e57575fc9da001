/* SPDX-License-Identifier: Apache-2.0 */
/* For the files that have tables of their own in the registry: its connection, and SQLite's errors as faults. */
#pragma once

#include <sqlite3.h>

#include "registry.h"
#include "util/cleanup.h"

struct registry {
        sqlite3 *sqlite;
        char *path;
};

DEFINE_CLEANUP(sqlite3_stmt, sqlite3_finalize);
#define CLEANUP_STATEMENT CLEANUP(sqlite3_finalizep)

int registry_fail(struct registry *registry, int code, struct fault *fault);
/*
 * The registry is the signer's to write, and of what stands there root's commands make lists that the broker goes by: a line, a
 * wildcard or a blank too many in a name would be rights for anyone. 0, or -EBADMSG with the words of `what` it should be.
 */
int registry_check(struct registry *registry, bool is_one, const char *what, const char *text, struct fault *fault)
        MUST_CHECK;
int registry_prepare(struct registry *registry, const char *sql, sqlite3_stmt **ret, struct fault *fault) MUST_CHECK;
/* 1: a row, 0: the end. */
int registry_step(struct registry *registry, sqlite3_stmt *statement, struct fault *fault) MUST_CHECK;
/* A statement that gives no rows; `text` is its ?1. */
int registry_run(struct registry *registry, const char *sql, const char *text, struct fault *fault) MUST_CHECK;
/* Borrowed until the statement is done. */
void registry_bind_text(sqlite3_stmt *statement, int at, const char *text);
const char *registry_text(sqlite3_stmt *statement, int column);
