/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread that touches the database. The loop hands it one set of rows at a time and hears through an
 * eventfd how that ended; neither ever waits for the other. Its first job, by itself, is to read everything.
 */
#pragma once

#include <time.h>

#include "store/database.h"

struct writer;

struct writer_result {
        struct rows rows;   /* what was read, or what was to be written */
        struct fault fault; /* code 0: it is done */
        struct database_news news;
};

int writer_new(const char *dir, struct writer **ret) MUST_CHECK;
/* Ends the thread and closes the file; waits for that until a moment of CLOCK_MONOTONIC. A thread that hangs
 * in the kernel then is left to itself. */
void writer_free(struct writer *writer, const struct timespec *until);

int writer_fd(const struct writer *writer); /* readable when a result is there */
/* Takes the rows over. Only after the last result has been taken. */
void writer_post(struct writer *writer, struct rows *rows);
bool writer_take(struct writer *writer, struct writer_result *ret);
/* Waits for a result until then; false: there is none. */
bool writer_wait(struct writer *writer, const struct timespec *until);
void writer_result_done(struct writer_result *result);
