/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread that touches the database. The loop hands it one set of rows at a time and learns through an eventfd
 * how that ended; neither waits for the other. Its first job, by itself, is to read everything. */
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
/* Ends the thread and closes the file, waiting until a moment of CLOCK_MONOTONIC: one hung in the kernel is left. */
void writer_free(struct writer *writer, const struct timespec *until);

int writer_fd(const struct writer *writer); /* readable when a result is there */
/* Takes the rows over. Only after the last result has been taken. */
void writer_post(struct writer *writer, struct rows *rows);
/* Waits for a result until then, not at all where it is NULL; false: there is none. */
bool writer_take(struct writer *writer, const struct timespec *until, struct writer_result *ret);
void writer_result_done(struct writer_result *result);
