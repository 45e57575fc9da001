/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trends outlive the process: written once an hour in which a device has reported something, and at a clean stop; read at the
 * start. An hour in which nothing happens is no reason to write to a card: what is on or off goes on as it was. What the node
 * reports of itself each minute is written when the others are. A trend is settled when what was saved of it is in it; until then
 * it is not written, so that nothing is lost. That takes a further reading where a device finds its channels later, or where the
 * wall clock is not known yet at the start.
 */
#include <errno.h>
#include <string.h>

#include "channel/trend_save.h"
#include "home/inside.h"
#include "store/trend_table.h"

#define SAVE_EVERY_US (3600 * USEC_PER_SEC)

/* After a config: most devices know their channels soon, all of them within a minute. */
static const uint64_t looks_us[] = { 2 * USEC_PER_SEC, 10 * USEC_PER_SEC, 60 * USEC_PER_SEC };

/* ---- Writing --------------------------------------------------------------------------------------------- */

static int add_row(struct home *home, const struct device *device, const char *key, struct trend *trend,
                   struct trend_rows *rows)
{
        const struct trend_clock *clock = &home->context.trends.clock;
        unsigned char bytes[TREND_SAVED_MAX];

        if (!trend || !trend->is_settled)
                return 0;
        size_t size = trend_save(trend, clock, clock->now_us, bytes);
        return size > 0 ? trend_rows_add(rows, device->id, key, bytes, size) : 0;
}

static int add_rows(struct home *home, const struct device *device, struct trend_rows *rows)
{
        const struct channels *channels = &device->channels;
        int r = 0;

        for (size_t i = 0; r == 0 && i < channels->count; i++)
                r = add_row(home, device, channels->items[i].row.key, channels->items[i].trend, rows);
        for (const struct waiting_trend *waiting = device->waiting_trends; r == 0 && waiting; waiting = waiting->next)
                r = add_row(home, device, waiting->key, waiting->trend, rows);
        return r;
}

/* Whether a device other than the node itself has reported what no file has. */
static bool are_new(const struct home *home)
{
        for (size_t i = 0; i < home->count; i++) {
                const struct channels *channels = &home->items[i]->channels;
                for (size_t k = 0; strcmp(home->items[i]->id, NODE_ID) != 0 && k < channels->count; k++)
                        if (channels->items[k].is_trend_new)
                                return true;
        }
        return false;
}

static void note_saved(struct home *home)
{
        for (size_t i = 0; i < home->count; i++)
                for (size_t k = 0; k < home->items[i]->channels.count; k++)
                        home->items[i]->channels.items[k].is_trend_new = false;
}

static void trends_save(struct home *home)
{
        struct trend_rows rows = { 0 };
        int r = 0;

        if (!home->context.store || !home->saving.is_read)
                return;
        device_trend_clock(&home->context, loop_now_us(home->context.loop));
        for (size_t i = 0; r == 0 && i < home->count; i++)
                r = add_rows(home, home->items[i], &rows);
        if (r < 0)
                log_error("out of memory: not all trends are saved");
        if (rows.count > 0 && trend_write(home->context.store, &rows) == 0)
                note_saved(home);
        trend_rows_done(&rows);
}

/* ---- Reading --------------------------------------------------------------------------------------------- */

static const struct trend_row *find_row(const struct trend_rows *rows, const char *device, const char *channel)
{
        for (size_t i = 0; i < rows->count; i++)
                if (strcmp(rows->items[i].device, device) == 0 && strcmp(rows->items[i].channel, channel) == 0)
                        return &rows->items[i];
        return NULL;
}

static void settle(struct home *home, struct device *device, struct channel *channel, const struct trend_row *row)
{
        const struct trend_clock *clock = &home->context.trends.clock;

        if (row && !channel->trend && trend_new(channel->kind->type == SCONCE_VALUE_BOOL, &channel->trend) < 0)
                return;
        if (!channel->trend || channel->trend->is_settled)
                return;
        int r = row ? trend_restore(channel->trend, clock, clock->now_us, row->data, row->size) : 0;
        if (r == -EBADMSG)
                device_log(device, LOG_NOTICE, "what was saved of the trend of %s cannot be read: it begins again",
                           channel->row.key);
        channel->trend->is_settled = r != -EAGAIN && r != -ENOMEM;
        home->saving.is_waiting |= r == -EAGAIN;
}

/* What is of no device any more. */
static void forget_gone(struct home *home, const struct trend_rows *rows)
{
        struct trend_rows gone = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < rows->count; i++)
                if (!home_find(home, rows->items[i].device))
                        r = trend_rows_add(&gone, rows->items[i].device, rows->items[i].channel, NULL, 0);
        if (gone.count > 0)
                (void)trend_write(home->context.store, &gone);
        trend_rows_done(&gone);
}

/* What could not be read may be there: nothing is saved over it, and the next look tries again. */
static void on_read(void *userdata, int r, const struct trend_rows *rows)
{
        struct home *home = userdata;

        if (r < 0)
                return;
        home->saving.is_read = true;
        home->saving.is_waiting = false;
        device_trend_clock(&home->context, loop_now_us(home->context.loop));
        for (size_t i = 0; i < home->count; i++) {
                struct device *device = home->items[i];
                for (size_t k = 0; k < device->channels.count; k++) {
                        struct channel *channel = &device->channels.items[k];
                        if (channel_has_trend(channel))
                                settle(home, device, channel, find_row(rows, device->id, channel->row.key));
                }
        }
        forget_gone(home, rows);
}

static void read_all(struct home *home)
{
        if (home->context.store)
                (void)!trend_read(home->context.store, on_read, home);
}

/* ---- When ------------------------------------------------------------------------------------------------ */

static bool is_settled(const struct home *home)
{
        if (!home->saving.is_read)
                return false;
        for (size_t i = 0; i < home->count; i++) {
                const struct channels *channels = &home->items[i]->channels;
                for (size_t k = 0; k < channels->count; k++)
                        if (channels->items[k].trend && !channels->items[k].trend->is_settled)
                                return false;
        }
        return true;
}

/* The last look is for what has gone, too. */
static void on_settle(void *userdata)
{
        struct home *home = userdata;
        size_t n = ++home->saving.n_looks;

        if (n == ARRAY_SIZE(looks_us) || !is_settled(home))
                read_all(home);
        if (n < ARRAY_SIZE(looks_us))
                timer_arm(home->saving.settle, looks_us[n] - looks_us[n - 1]);
}

static void on_save(void *userdata)
{
        struct home *home = userdata;

        if (are_new(home) || store_is_failing(home->context.store))
                trends_save(home);
        if (!is_settled(home))
                read_all(home);
        timer_arm(home->saving.save, SAVE_EVERY_US);
}

void trends_applied(struct home *home)
{
        struct saving *saving = &home->saving;

        if (!home->context.store || !saving->save)
                return;
        if (!timer_armed(saving->save)) { /* the start */
                timer_arm(saving->save, SAVE_EVERY_US);
                read_all(home);
        }
        saving->n_looks = 0;
        timer_arm(saving->settle, looks_us[0]);
}

void home_clock_set(struct home *home)
{
        home->context.trends.look_us = 0;
        device_trend_clock(&home->context, loop_now_us(home->context.loop));
        if (home->saving.is_waiting && home->context.trends.clock.is_known)
                read_all(home);
}

void trends_stop(struct home *home)
{
        struct saving *saving = &home->saving;

        if (!saving->save || !timer_armed(saving->save))
                return;
        timer_disarm(saving->save);
        timer_disarm(saving->settle);
        trends_save(home);
}

int saving_init(struct home *home)
{
        struct saving *saving = &home->saving;
        int r = timer_new(home->context.loop, TIMER_LAZY_US, on_save, home, &saving->save);

        return r < 0 ? r : timer_new(home->context.loop, TIMER_LAZY_US, on_settle, home, &saving->settle);
}

void saving_done(struct home *home)
{
        timer_free(home->saving.save);
        timer_free(home->saving.settle);
}
