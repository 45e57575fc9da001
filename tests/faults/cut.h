/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of which each call that changes the disk is held by the kernel until it is decided what comes of it
 * (seccomp's notifications): it happens, it fails, it happens by half, or the program is killed instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum cut_kind {
        CUT_KILL,      /* killed before the call */
        CUT_KILL_HALF, /* killed when half of a write is done */
        CUT_ENOSPC,
        CUT_EIO,
        CUT_FULL,  /* from this call on there is no room, half of the first write has had some */
        CUT_SHORT, /* half of a write is done, and it says so */
        CUT_LIE,   /* half of a write() is done, and it says that all is */
        CUT_KINDS,
};

enum { CUT_CALLS_MAX = 1024 };

struct cut {
        enum cut_kind kind;
        unsigned at; /* the so-many-th call, from 1 on; 0: none, all happen */
};

struct cut_result {
        int status;     /* exit status, or 128 + the signal */
        bool came;      /* the call was there, and it was such a one */
        char call[400]; /* which it was */
        char words[1024];
        unsigned calls;
        const char *names[CUT_CALLS_MAX];
        unsigned char kinds[CUT_CALLS_MAX]; /* of each call the bits of the kinds that it can have, from [1] on */
};

/* NULL: the kernel lets us; otherwise why not. */
const char *cut_why_not(void);

/* Standard output goes nowhere. What it writes to descriptors 0 to 2 counts for nothing. One that runs for a minute is killed. */
void cut_run(const char *const argv[], struct cut cut, struct cut_result *ret);
void cut_run_free(const char *const argv[], struct cut_result *ret); /* without anything of that */
