/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a broker has been away for so long that outputs are held at their on_offline: one state for all devices,
 * which find it in their context. The moment of the loss is kept in the store, and that there was a broker in this
 * boot: an agent that is killed and comes back goes on counting.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"

#define MARK_BROKER "broker" /* "BOOT seen|unseen SINCE_US" of no device */

static uint64_t now_us(const struct home *home)
{
        return loop_now_us(home->context.loop);
}

/* ---- What outlives the process ------------------------------------------------------------------------- */

static void keep(struct home *home)
{
        const struct offline *offline = &home->offline;
        struct store *store = home->context.store;
        char text[128];

        (void)snprintf(text, sizeof(text), "%s %s %" PRIu64, clock_boot_id(),
                       home->context.offline.is_seen ? "seen" : "unseen", offline->since_us);
        if (!store)
                return;
        if (store_put(store, STORE_MARK, "", MARK_BROKER, text) < 0)
                log_error("out of memory: that the broker is away is not saved");
        store_flush(store);
}

/* Of another boot it says nothing; a moment that is to come is none. */
static void restore(struct home *home)
{
        const char *text = home->context.store ? store_get(home->context.store, STORE_MARK, "", MARK_BROKER) : NULL;
        char boot[64], seen[8];
        uint64_t since_us;

        if (!text || sscanf(text, "%63s %7s %" SCNu64, boot, seen, &since_us) != 3 ||
            strcmp(boot, clock_boot_id()) != 0)
                return;
        home->context.offline.is_seen = strcmp(seen, "seen") == 0;
        home->offline.since_us = since_us <= now_us(home) ? since_us : 0;
}

/* ---- Counting ------------------------------------------------------------------------------------------ */

static void settle_all(struct home *home)
{
        for (size_t i = 0; i < home->count; i++)
                hold_settle(home->items[i], "on_offline");
}

static void on_over(void *userdata)
{
        struct home *home = userdata;

        home->context.offline.is_over = true;
        log_notice("no broker for %" PRIu64 " s: outputs go to their on_offline",
                   (uint64_t)((now_us(home) - home->offline.since_us) / USEC_PER_SEC));
        settle_all(home);
}

static void count(struct home *home)
{
        struct offline *offline = &home->offline;
        uint64_t away_us = now_us(home) - offline->since_us;

        if (away_us >= offline->after_us) {
                timer_disarm(offline->timer);
                on_over(home);
        } else {
                timer_arm(offline->timer, offline->after_us - away_us);
        }
}

void home_broker_lost(struct home *home)
{
        struct offline *offline = &home->offline;

        if (home->context.offline.is_over || timer_armed(offline->timer))
                return;
        if (offline->since_us == 0)
                offline->since_us = now_us(home);
        keep(home);
        count(home);
}

void home_broker_back(struct home *home)
{
        struct offline *offline = &home->offline;

        timer_disarm(offline->timer);
        home->context.offline.is_over = false;
        home->context.offline.is_seen = true;
        offline->since_us = 0;
        keep(home);
        for (size_t i = 0; i < home->count; i++)
                hold_forget_release(home->items[i]);
        settle_all(home);
}

void home_set_offline_after(struct home *home, uint64_t after_us)
{
        struct offline *offline = &home->offline;

        offline->after_us = after_us;
        if (!home->context.offline.is_over && timer_armed(offline->timer))
                count(home);
}

int offline_init(struct home *home, uint64_t after_us)
{
        home->offline.after_us = after_us;
        restore(home);
        return timer_new(home->context.loop, TIMER_EXACT_US, on_over, home, &home->offline.timer);
}
