/* SPDX-License-Identifier: Apache-2.0 */
/* Programs run by a unit test. */
#pragma once

/* Runs argv[0] (a path) to its end, with `env` ("NAME=value", NULL-terminated; may be NULL) added to ours:
 * all that it printed, on both outputs; free() it. *ret_status is its exit status, 128 + the signal that
 * ended it. */
char *output_of(const char *const argv[], const char *const env[], int *ret_status);
