/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/backoff.h"

#include "util/macro.h"

void backoff_init(struct backoff *backoff, uint64_t first_us, uint64_t max_us)
{
        backoff->first_us = MAX(first_us, 1U);
        backoff->max_us = MAX(max_us, backoff->first_us);
        backoff_reset(backoff);
}

void backoff_reset(struct backoff *backoff)
{
        backoff->bound_us = backoff->first_us;
}

uint64_t backoff_next(struct backoff *backoff, uint64_t random)
{
        uint64_t wait_us = random % (backoff->bound_us + 1);

        backoff->bound_us = backoff->bound_us > backoff->max_us / 2 ? backoff->max_us : backoff->bound_us * 2;
        return wait_us;
}
