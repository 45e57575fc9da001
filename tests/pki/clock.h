/* SPDX-License-Identifier: Apache-2.0 */
/* This program's wall clock, which sconce-pki goes by as well: it runs in a child of this program (program.h). */
#pragma once

#include <stdint.h>

/* It goes forward by so much at once; 0 puts it right again. */
void clock_go(int64_t seconds);
