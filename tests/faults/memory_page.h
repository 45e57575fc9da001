/* SPDX-License-Identifier: Apache-2.0 */
/* What a test and the process under tests/preload/memory.c share. Other members than `in_use` may be touched at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct memory_page {
        _Atomic uint64_t count;    /* allocations so far */
        _Atomic uint64_t fail_at;  /* the number of the one that fails; 0: none */
        _Atomic uint64_t failed;   /* 1: it has */
        _Atomic uint64_t asked;    /* 1: `in_use` is wanted */
        _Atomic uint64_t answered; /* how often it has been given */
        uint64_t in_use;           /* bytes: mallinfo2().uordblks */
};
