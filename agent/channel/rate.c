/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/rate.h"

#include "util/macro.h"

#define TOKEN 1000000ULL

void rate_init(struct rate *rate, uint64_t per_second, uint64_t now_us)
{
        *rate = (struct rate){ .per_second = per_second, .level_micro = per_second * TOKEN, .at_us = now_us };
}

void rate_set(struct rate *rate, uint64_t per_second)
{
        rate->per_second = per_second;
        rate->level_micro = MIN(rate->level_micro, per_second * TOKEN);
}

bool rate_take(struct rate *rate, uint64_t now_us)
{
        return rate_take_many(rate, 1, now_us);
}

bool rate_take_many(struct rate *rate, uint64_t count, uint64_t now_us)
{
        uint64_t full = rate->per_second * TOKEN;
        uint64_t wanted = MIN(count, rate->per_second) * TOKEN;
        uint64_t passed_us = MIN(now_us - rate->at_us, USEC_PER_SEC); /* a second fills it */

        rate->at_us = now_us;
        rate->level_micro = MIN(rate->level_micro + passed_us * rate->per_second, full);
        if (rate->level_micro < wanted)
                return false;
        rate->level_micro -= wanted;
        return true;
}
