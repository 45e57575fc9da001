/* SPDX-License-Identifier: Apache-2.0 */
/* The houses that sconced has in the benchmarks, by name; each has the lamp `kitchen` on GPIO17. */
#pragma once

/* The sections; kept. Ends the program with 2 where there is none of that name. */
const char *house_config(const char *name);
