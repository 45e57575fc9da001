/* SPDX-License-Identifier: Apache-2.0 */
/* Which of our messages are too large for a broker. With MQTT 5 it reports that; with 3.1.1 it closes the connection,
 * each time. When the same large message was on its way twice then, those of its size are left out for a while. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERSIZE_WATCHED   8   /* of the largest that are not acknowledged */
#define OVERSIZE_LEAST     256 /* no broker is as small as that */
#define OVERSIZE_FORGET_US (3600 * 1000000ULL)

/* Zeroed knows nothing. */
struct oversize {
        struct {
                int id; /* 0: free */
                size_t size;
        } sent[OVERSIZE_WATCHED];
        bool has_sent; /* any of these, in this connection */
        size_t suspect;
        unsigned times; /* in a row that it was on its way when the connection was closed */
        size_t limit;   /* 0: none */
        uint64_t until_us;
};

void oversize_begin(struct oversize *oversize); /* a new connection */
void oversize_sent(struct oversize *oversize, int id, size_t size);
void oversize_acknowledged(struct oversize *oversize, int id);
/* The broker has closed the connection; `certain`: it reported that it was for a message's size. True: messages of
 * oversize->limit bytes or more are left out from now on. */
bool oversize_closed(struct oversize *oversize, bool certain, uint64_t now_us);
/* Any message is left out. */
static inline bool oversize_is_limited(const struct oversize *oversize)
{
        return oversize->limit > 0;
}
bool oversize_forbids(struct oversize *oversize, size_t size, uint64_t now_us);
