/* SPDX-License-Identifier: Apache-2.0 */
/* The temporary directory of one test program, and the few things that tests do with files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

void workdir_make(void);
void workdir_remove(void);

/* A path in the temporary directory; kept until workdir_remove(). */
const char *work_path(const char *format, ...) PRINTF_LIKE(1, 2);
const char *build_path(const char *name);  /* of what was built: "sconced", "plugins" */
const char *source_path(const char *name); /* of the source tree: "etc/mosquitto/sconce.conf" */
const char *keep_text(char *text);         /* freed by workdir_remove() */
const char *format_text(const char *format, ...) PRINTF_LIKE(1, 2); /* the same */

void make_dir(const char *path);
void write_file(const char *path, const char *format, ...) PRINTF_LIKE(2, 3); /* replaces; mode 0600 */
char *read_file(const char *path);                                            /* free() it; NULL: cannot be read */
