/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros that every file may want. */
#pragma once

#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that has `pointer` as its member. */
#define CONTAINER_OF(pointer, type, member)                                                                            \
        ((type *)(void *)((char *)(1 ? (pointer) : &((type *)0)->member) - offsetof(type, member)))

/* One of the two is evaluated twice: no calls that do something, or that give something else the second time. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define PRINTF_LIKE(format_at, arguments_at) __attribute__((format(printf, format_at, arguments_at)))
/* Seldom called, in a file that is made to be fast: small instead. */
#define COLD       __attribute__((cold))
#define MUST_CHECK __attribute__((warn_unused_result))

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC  1000000ULL
#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_SEC  1000000000ULL
