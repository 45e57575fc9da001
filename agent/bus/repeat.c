/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/repeat.h"

#include <string.h>

#include "util/text.h"

/* The text's own slot, else the one that has been silent for longest. */
static struct repeat_text *find_slot(struct repeat *repeat, uint64_t hash)
{
        struct repeat_text *oldest = &repeat->texts[0];

        for (size_t i = 0; i < REPEAT_TEXTS; i++) {
                struct repeat_text *slot = &repeat->texts[i];
                if (slot->times > 0 && slot->hash == hash)
                        return slot;
                if (slot->reported_us < oldest->reported_us)
                        oldest = slot;
        }
        *oldest = (struct repeat_text){ .hash = hash };
        return oldest;
}

bool repeat_due(struct repeat *repeat, const char *text, uint64_t now_us, unsigned *ret_times)
{
        struct repeat_text *slot = find_slot(repeat, text_hash(HASH_BEGIN, text));

        *ret_times = ++slot->times;
        if (slot->times > 1 && now_us - slot->reported_us < REPEAT_INTERVAL_US)
                return false;
        slot->reported_us = now_us;
        return true;
}

void repeat_reset(struct repeat *repeat)
{
        memset(repeat, 0, sizeof(*repeat));
}
