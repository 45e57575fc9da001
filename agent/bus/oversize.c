/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/oversize.h"

#include <string.h>

#include "util/macro.h"

/* One message's time stamps and the like differ from try to try. */
#define SIMILAR_BYTES 64

void oversize_begin(struct oversize *o)
{
        memset(o->sent, 0, sizeof(o->sent));
        o->has_sent = false;
}

void oversize_sent(struct oversize *o, int id, size_t size)
{
        size_t least = 0;

        if (size < OVERSIZE_LEAST)
                return;
        for (size_t i = 0; i < OVERSIZE_WATCHED; i++) {
                if (o->sent[i].id == 0) {
                        least = i;
                        break;
                }
                if (o->sent[i].size < o->sent[least].size)
                        least = i;
        }
        if (o->sent[least].id != 0 && o->sent[least].size >= size)
                return;
        o->has_sent = true;
        o->sent[least].id = id;
        o->sent[least].size = size;
}

void oversize_acknowledged(struct oversize *o, int id)
{
        for (size_t i = 0; o->has_sent && i < OVERSIZE_WATCHED; i++)
                if (o->sent[i].id == id) {
                        o->sent[i].id = 0;
                        o->sent[i].size = 0;
                }
}

static size_t largest(const struct oversize *o)
{
        size_t size = 0;

        for (size_t i = 0; i < OVERSIZE_WATCHED; i++)
                size = MAX(size, o->sent[i].size);
        return size;
}

static bool is_similar(size_t a, size_t b)
{
        return MAX(a, b) - MIN(a, b) <= SIMILAR_BYTES;
}

bool oversize_closed(struct oversize *o, bool certain, uint64_t now_us)
{
        size_t size = largest(o);

        if (size < OVERSIZE_LEAST) {
                o->times = 0;
                return false;
        }
        o->times = o->times > 0 && is_similar(size, o->suspect) ? o->times + 1 : 1;
        o->suspect = o->times > 1 ? MIN(o->suspect, size) : size;
        if (!certain && o->times < 2)
                return false;
        o->limit = o->suspect;
        o->until_us = now_us + OVERSIZE_FORGET_US;
        o->times = 0;
        return true;
}

bool oversize_forbids(struct oversize *o, size_t size, uint64_t now_us)
{
        if (o->limit > 0 && now_us >= o->until_us)
                o->limit = 0;
        return o->limit > 0 && size >= o->limit;
}
