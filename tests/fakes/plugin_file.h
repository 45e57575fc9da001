/* SPDX-License-Identifier: Apache-2.0 */
/* Where the plugins are that belong to the test program which runs. */
#pragma once

/* The directory that the program was built in: for build/tests/unit/test_x it is "build", as an absolute
 * path. */
const char *build_dir(void);

/* Its plugins/NAME.so; valid until the next call. */
const char *plugin_file(const char *name);
