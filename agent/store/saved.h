/* SPDX-License-Identifier: Apache-2.0 */
/* The table `saved`: the rows of rows.h in the file. On the thread that has the database. */
#pragma once

#include "store/database.h"
#include "store/rows.h"

/* All rows. `ret` is empty before, and after a failure. */
int saved_read(struct database *database, struct rows *ret, struct database_news *news, struct fault *fault) MUST_CHECK;
/* All of the rows, or none. Nothing is written to a file that is new by that (news): it is to hold all there is, at once. */
int saved_write(struct database *database, const struct rows *rows, struct database_news *news, struct fault *fault)
        MUST_CHECK;
/* Reads the file of a directory as it is; no file is no rows. */
int saved_peek(const char *dir, struct rows *ret, struct fault *fault) MUST_CHECK;
