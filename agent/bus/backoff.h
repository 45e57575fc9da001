/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next try. The bound doubles with each failure, the wait is anything below it: a house
 * full of nodes does not come back to a restarted broker in the same instant. */
#pragma once

#include <stdint.h>

struct backoff {
        uint64_t first_us, max_us;
        uint64_t bound_us;
};

void backoff_init(struct backoff *backoff, uint64_t first_us, uint64_t max_us);
void backoff_reset(struct backoff *backoff);
/* `random` is any number, all its bits random. */
uint64_t backoff_next(struct backoff *backoff, uint64_t random);
