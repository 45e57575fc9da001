/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread that touches the database. The loop posts jobs to it and learns through an eventfd when one is done;
 * neither waits for the other. Jobs are done in the order in which they were posted. */
#pragma once

#include <time.h>

#include "store/job.h"

struct writer;

int writer_new(const char *dir, struct writer **ret) MUST_CHECK;
/* Ends the thread when it has done what was posted, and closes the file. Waits until a moment of CLOCK_MONOTONIC: a thread
 * that hangs in the kernel is left. */
void writer_free(struct writer *writer, const struct timespec *until);

int writer_fd(const struct writer *writer);                     /* readable while a job is there to be taken back */
void writer_post(struct writer *writer, struct store_job *job); /* takes it over */
/* Takes a job back that is done. Waits for one until then, not at all where that is NULL. NULL: there is none. */
struct store_job *writer_take(struct writer *writer, const struct timespec *until);
