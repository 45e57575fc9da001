/* SPDX-License-Identifier: Apache-2.0 */
/* Another program's words: what it prints, and how it ends. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

/* Runs argv[0] to its end; its output and errors are in `text`, cut where they are longer. Its exit status, or a
 * negative errno. */
int program_read(const char *const argv[], char *text, size_t size) MUST_CHECK;
