/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/debounce.h"

#include <errno.h>

struct debounce {
        struct loop *loop;
        struct timer *timer;
        uint64_t stable_us;
        const struct debounce_ops *ops;
        void *userdata;
        bool has_level; /* the first one has settled */
        bool level;     /* settled */
        bool candidate; /* since the last edge */
        bool is_asked_again;
        uint64_t edge_us;
};

/* What the timer of a busy loop has yet to hear of is delivered after one more round. */
#define SETTLE_US (1 * USEC_PER_MSEC)

static void wait_from(struct debounce *debounce, uint64_t edge_us)
{
        uint64_t now_us = loop_now_us(debounce->loop);
        uint64_t waited_us = now_us > edge_us ? now_us - edge_us : 0;

        debounce->edge_us = edge_us;
        debounce->is_asked_again = false;
        timer_arm(debounce->timer, debounce->stable_us > waited_us ? debounce->stable_us - waited_us : 0);
}

static bool is_news(const struct debounce *debounce, bool level)
{
        return !debounce->has_level || level != debounce->level;
}

/* The callback may free it. */
static void settle(struct debounce *debounce, bool level, uint64_t time_us)
{
        bool is_first = !debounce->has_level;

        debounce->has_level = true;
        debounce->level = level;
        if (is_first)
                debounce->ops->first(debounce->userdata, level);
        else
                debounce->ops->settled(debounce->userdata, level, time_us);
}

static void on_time(void *userdata)
{
        struct debounce *debounce = userdata;
        int now = debounce->ops->look(debounce->userdata);

        /* It moved and its edge is still on its way, and knows better when; or was lost in a full queue. */
        if (now >= 0 && now != (int)debounce->candidate) {
                if (!debounce->is_asked_again) {
                        debounce->is_asked_again = true;
                        timer_arm(debounce->timer, SETTLE_US);
                        return;
                }
                debounce->candidate = now;
                wait_from(debounce, loop_now_us(debounce->loop));
                return;
        }
        if (!is_news(debounce, debounce->candidate))
                return;
        settle(debounce, debounce->candidate, debounce->edge_us + debounce->stable_us);
}

int debounce_new(struct loop *loop, uint64_t stable_us, const struct debounce_ops *ops, void *userdata,
                 struct debounce **ret)
{
        CLEANUP_DEBOUNCE struct debounce *debounce = calloc(1, sizeof(*debounce));

        if (!debounce)
                return -ENOMEM;
        debounce->loop = loop;
        debounce->stable_us = stable_us;
        debounce->ops = ops;
        debounce->userdata = userdata;
        int r = timer_new(loop, TIMER_EXACT_US, on_time, debounce, &debounce->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(debounce);
        return 0;
}

void debounce_free(struct debounce *debounce)
{
        if (!debounce)
                return;
        timer_free(debounce->timer);
        free(debounce);
}

void debounce_start(struct debounce *debounce, bool high)
{
        debounce->has_level = false;
        debounce->level = debounce->candidate = high;
        wait_from(debounce, loop_now_us(debounce->loop));
}

void debounce_edge(struct debounce *debounce, bool high, uint64_t time_us)
{
        bool was = debounce->candidate;
        uint64_t settled_us = debounce->edge_us + debounce->stable_us;
        /* In a busy loop the timer has not fired, but the level had been stable: the timestamps prove it. */
        bool settled = is_news(debounce, was) && high != was && time_us > settled_us;

        debounce->candidate = high;
        wait_from(debounce, time_us);
        if (settled) /* last: it may free this */
                settle(debounce, was, settled_us);
}

bool debounce_level(const struct debounce *debounce)
{
        return debounce->level;
}
