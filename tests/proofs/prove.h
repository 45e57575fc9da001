/* SPDX-License-Identifier: Apache-2.0 */
/* What the proofs are written with: values that cbmc chooses freely, and what it takes for given or has to prove. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without a body each call is any value of its type. */
bool nondet_bool(void);
char nondet_char(void);
unsigned nondet_unsigned(void);
uint64_t nondet_us(void);

/* Of the checker's own: __CPROVER_assert() needs a literal as its second argument. */
void __CPROVER_assume(__CPROVER_bool condition);
void __CPROVER_assert(__CPROVER_bool condition, const char *what);
#define ASSUME(condition)      __CPROVER_assume(condition)
#define PROVE(condition, what) __CPROVER_assert(condition, what)

/* Bytes of any outside text, its NUL included. LENGTH is what make proofs gives with -D. */
#ifndef LENGTH
#define LENGTH 48
#endif

/* Any text of at most `length` bytes: what stands behind its NUL is any bytes too. */
static inline void any_text(char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                text[i] = nondet_char();
        text[length] = '\0';
}
