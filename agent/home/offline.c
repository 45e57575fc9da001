/* SPDX-License-Identifier: Apache-2.0 */
#include "home/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

#define MARK_BROKER "broker" /* "BOOT seen|unseen SINCE_US" of no device */

static uint64_t now_us(const struct home *set)
{
        return loop_now_us(set->options.loop);
}

/* ---- What outlives the process ------------------------------------------------------------------------- */

static void keep(struct home *set)
{
        const struct offline *offline = &set->offline;
        struct store *store = set->options.store;
        char text[128];

        (void)snprintf(text, sizeof(text), "%s %s %" PRIu64, clock_boot_id(), offline->is_seen ? "seen" : "unseen",
                       offline->since_us);
        if (!store)
                return;
        if (store_put(store, STORE_MARK, "", MARK_BROKER, text) < 0)
                log_error("out of memory: that the broker is away is not saved");
        store_flush(store);
}

/* Of another boot it says nothing; a moment that is to come is none. */
static void restore(struct home *set)
{
        const char *text = set->options.store ? store_get(set->options.store, STORE_MARK, "", MARK_BROKER) : NULL;
        char boot[64], seen[8];
        uint64_t since_us;

        if (!text || sscanf(text, "%63s %7s %" SCNu64, boot, seen, &since_us) != 3 ||
            strcmp(boot, clock_boot_id()) != 0)
                return;
        set->offline.is_seen = strcmp(seen, "seen") == 0;
        set->offline.since_us = since_us <= now_us(set) ? since_us : 0;
}

/* ---- Counting ------------------------------------------------------------------------------------------ */

static void settle_all(struct home *set)
{
        for (size_t i = 0; i < set->count; i++)
                hold_settle(set->items[i], "on_offline");
}

static void on_over(void *userdata)
{
        struct home *set = userdata;

        set->offline.is_over = true;
        log_notice("no broker for %" PRIu64 " s: outputs go to their on_offline",
                   (uint64_t)((now_us(set) - set->offline.since_us) / USEC_PER_SEC));
        settle_all(set);
}

static void count(struct home *set)
{
        struct offline *offline = &set->offline;
        uint64_t away_us = now_us(set) - offline->since_us;

        if (away_us >= offline->after_us) {
                timer_disarm(offline->timer);
                on_over(set);
        } else {
                timer_arm(offline->timer, offline->after_us - away_us);
        }
}

void home_broker_lost(struct home *set)
{
        struct offline *offline = &set->offline;

        if (offline->is_over || timer_armed(offline->timer))
                return;
        if (offline->since_us == 0)
                offline->since_us = now_us(set);
        keep(set);
        count(set);
}

void home_broker_back(struct home *set)
{
        struct offline *offline = &set->offline;

        timer_disarm(offline->timer);
        offline->is_over = false;
        offline->is_seen = true;
        offline->since_us = 0;
        keep(set);
        for (size_t i = 0; i < set->count; i++)
                hold_forget_release(set->items[i]);
        settle_all(set);
}

void home_set_offline_after(struct home *set, uint64_t after_us)
{
        struct offline *offline = &set->offline;

        offline->after_us = after_us;
        if (!offline->is_over && timer_armed(offline->timer))
                count(set);
}

int offline_init(struct home *set)
{
        set->offline.after_us = set->options.offline_after_us;
        restore(set);
        return timer_new(set->options.loop, TIMER_EXACT_US, on_over, set, &set->offline.timer);
}

void offline_done(struct home *set)
{
        timer_free(TAKE_PTR(set->offline.timer));
}
