/* SPDX-License-Identifier: Apache-2.0 */
/* A job for the store that does nothing: when it is done, so is what was asked of the file before it. */
#pragma once

#include "store/store.h"

void idle_job_post(struct store *store);
unsigned idle_jobs_done(void); /* since the program began */
