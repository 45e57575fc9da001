/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket: so many a second, as many at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate {
        uint64_t per_second;  /* and the bucket's size */
        uint64_t level_micro; /* millionths of a token */
        uint64_t at_us;
};

void rate_init(struct rate *rate, uint64_t per_second, uint64_t now_us);
/* Another speed for the same bucket. */
void rate_set(struct rate *rate, uint64_t per_second);
bool rate_take(struct rate *rate, uint64_t now_us);
/* So many at once; more than the bucket holds take all of it. */
bool rate_take_many(struct rate *rate, uint64_t count, uint64_t now_us);
