/* SPDX-License-Identifier: Apache-2.0 */
/* Owning locals free themselves: a cleanup attribute on the declaration, NULL or -1 at birth, TAKE_* to hand over. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Defines `NAMEp`, which frees the pointer that a local of type `type *` holds. The free function takes NULL. */
#define DEFINE_CLEANUP(type, function)                                                                                 \
        static inline __attribute__((unused)) void function##p(type **p)                                               \
        {                                                                                                              \
                if (*p)                                                                                                \
                        function(*p);                                                                                  \
        }                                                                                                              \
        struct cleanup_needs_a_semicolon

static inline void cleanup_freep(void *p)
{
        /* void ** would not accept a char **: the local's address comes as void * and is read as a pointer. */
        void *owned;
        __builtin_memcpy(&owned, p, sizeof(owned));
        free(owned);
}

static inline void cleanup_closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

DEFINE_CLEANUP(FILE, fclose);

#define CLEANUP_FREE  CLEANUP(cleanup_freep)
#define CLEANUP_CLOSE CLEANUP(cleanup_closep)
#define CLEANUP_FILE  CLEANUP(fclosep)

#define TAKE_PTR(pointer)                                                                                              \
        __extension__({                                                                                                \
                __typeof__(pointer) *take_at = &(pointer);                                                             \
                __typeof__(pointer) take_value = *take_at;                                                             \
                *take_at = NULL;                                                                                       \
                take_value;                                                                                            \
        })

static inline int take_fd(int *fd)
{
        int taken = *fd;
        *fd = -1;
        return taken;
}

#define TAKE_FD(fd) take_fd(&(fd))
