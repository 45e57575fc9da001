/* SPDX-License-Identifier: Apache-2.0 */
/* CMocka 2 has a range for each sign and deprecates the old word for it; CMocka 1 has that word alone. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#ifndef assert_uint_in_range
#define assert_uint_in_range assert_in_range
#endif
