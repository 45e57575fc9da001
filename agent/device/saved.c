/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device knows at its next start, in this process or in another: the last values of what is written, what its
 * plugin keeps, and four marks. "boot": it has been started in the boot of this id, so power_on is over. "timed": its
 * outputs were on for a limited time, which nobody may count any more. "on_since": from when max_on counts, in the same
 * boot, and since when it is off where on_exit has switched it off. "released": a command has come since the broker is
 * away, so on_offline does not hold it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "device/driven.h"

#define SAVED_KEYS_MAX 64
#define SAVED_TEXT_MAX 4096
#define SAVED_KEY_MAX  255

#define MARK_BOOT     "boot"
#define MARK_TIMED    "timed"
#define MARK_ON_SINCE "on_since"
#define MARK_RELEASED "released"

/* NULL at --check: nothing is known then, and nothing is kept. */
static struct store *store_of(const struct device *device)
{
        return device->context->store;
}

static void put(const struct device *device, enum store_what what, const char *key, const char *text)
{
        if (store_of(device) && store_put(store_of(device), what, device->id, key, text) < 0)
                device_log(device, LOG_ERR, "out of memory: %s is not saved", key);
}

/* ---- Back from an earlier run -------------------------------------------------------------------------- */

void saved_restore_channel(struct device *device, struct channel *channel)
{
        const char *text = store_of(device) ? store_get(store_of(device), STORE_VALUE, device->id, channel->row.key)
                                            : NULL;

        if (text)
                channel_restore(channel, text);
}

static uint64_t restore_on_since(const struct device *device)
{
        const char *text = store_get(store_of(device), STORE_MARK, device->id, MARK_ON_SINCE);
        char *end = NULL;
        uint64_t now_us = device_now_us(device), since_us = text ? strtoull(text, &end, 10) : 0;
        uint64_t off_us = text ? strtoull(end, NULL, 10) : 0;

        if (since_us > now_us || off_us > now_us)
                return 0;
        return off_us > 0 && now_us - off_us >= ON_TIME_REST_US ? 0 : since_us;
}

static void restore_from(const struct store *store, struct device *device)
{
        for (size_t i = 0; i < device->channels.count; i++)
                saved_restore_channel(device, &device->channels.items[i]);
        const char *boot = store_get(store, STORE_MARK, device->id, MARK_BOOT);
        bool is_same_boot = boot && strcmp(boot, clock_boot_id()) == 0;
        device->past.first_start_done = is_same_boot;
        device->past.was_timed = saved_was_timed(store, device->id);
        device->on_time.may_be_saved = store_get(store, STORE_MARK, device->id, MARK_ON_SINCE);
        on_time_restore(device, is_same_boot ? restore_on_since(device) : 0, false);
        hold_restore(device, is_same_boot && store_get(store, STORE_MARK, device->id, MARK_RELEASED));
}

COLD void saved_restore(struct device *device)
{
        const struct driven *driven = device->context->driven;
        struct driven_past past = driven ? driven_past(driven, device->id) : (struct driven_past){ 0 };

        if (store_of(device))
                restore_from(store_of(device), device);
        if (past.is_known) /* it is written before the mark is, and before that goes */
                device->past.was_timed = past.was_for;
        device->past.was_cut_off = past.was_cut_off;
}

void saved_inherit(struct device *device, const struct device *old)
{
        device->past.first_start_done |= old->past.first_start_done;
        device->past.was_timed |= old->past.was_timed || old->output.is_timed;
        device->on_time.may_be_saved |= old->on_time.may_be_saved;
}

void saved_cut_off(struct device *device)
{
        device->past.was_cut_off = true;
}

void saved_keep_timed(struct device *device)
{
        device->past.was_timed |= device->output.is_timed;
}

bool saved_was_timed(const struct store *store, const char *id)
{
        return store_get(store, STORE_MARK, id, MARK_TIMED) != NULL;
}

/* ---- For a later one ----------------------------------------------------------------------------------- */

static void put_kept(const struct device *device, const struct channel *channel)
{
        CLEANUP_FREE char *text = store_of(device) ? channel_kept_text(channel) : NULL;

        if (text)
                put(device, STORE_VALUE, channel->row.key, text);
}

void saved_values(struct device *device)
{
        for (size_t i = 0; i < device->channels.count; i++)
                if (channel_keep(&device->channels.items[i]))
                        put_kept(device, &device->channels.items[i]);
}

/* What an earlier boot has left would count as this one's from now on. */
static void begin_boot(struct device *device)
{
        if (!device->past.first_start_done)
                saved_released(device);
        device->past.first_start_done = true;
}

void saved_off(struct device *device)
{
        begin_boot(device);
        put(device, STORE_MARK, MARK_BOOT, clock_boot_id());
        for (size_t i = 0; i < device->channels.count; i++) {
                struct channel *channel = &device->channels.items[i];
                const struct sconce_value off = SCONCE_BOOL(channel->row.key, false);
                if (channel_is_on_off(channel) && channel_keep_as(channel, &off))
                        put_kept(device, channel);
        }
}

void saved_started(struct device *device)
{
        bool is_written = device->plugin->has_output;

        begin_boot(device);
        device->past = (struct device_past){ .first_start_done = true };
        for (size_t i = 0; i < device->channels.count; i++)
                is_written |= channel_is_writable(&device->channels.items[i]);
        if (is_written && device->section)
                put(device, STORE_MARK, MARK_BOOT, clock_boot_id());
}

/* At once: an output that nobody switches off after a crash is what must not be forgotten. */
void saved_timed(struct device *device)
{
        bool timed = device->output.is_timed || device->past.was_timed;

        /* At its end the output goes off by itself, and its last value is to come back off. */
        if (device->life.is_exiting && !timed)
                return;
        if (!store_of(device) || timed == saved_was_timed(store_of(device), device->id))
                return;
        put(device, STORE_MARK, MARK_TIMED, timed ? "yes" : NULL);
        if (timed)
                store_flush(store_of(device));
}

void saved_on_since(struct device *device)
{
        bool counts = device->shared.output.max_on_us > 0 && device->on_time.on_since_us > 0;
        bool goes_off = device->output.exit_hold == HOLD_OFF && !device->on_time.is_spent;
        char text[48];

        if (counts && goes_off)
                (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, device->on_time.on_since_us,
                               device_now_us(device));
        else if (counts)
                (void)snprintf(text, sizeof(text), "%" PRIu64, device->on_time.on_since_us);
        device->on_time.may_be_saved |= counts;
        if (device->on_time.may_be_saved)
                put(device, STORE_MARK, MARK_ON_SINCE, counts ? text : NULL);
}

void saved_released(struct device *device)
{
        put(device, STORE_MARK, MARK_RELEASED, device->hold.is_released ? "yes" : NULL);
}

/* ---- What plugins keep --------------------------------------------------------------------------------- */

/* By plugin: another one under the same id would not understand it. */
static int full_key(const struct device *device, const char *key, char **ret)
{
        if (!key || !*key || strlen(key) > SAVED_KEY_MAX)
                return -EINVAL;
        return asprintf(ret, "%s.%s", device->plugin->table.name, key) < 0 ? -ENOMEM : 0;
}

int host_save(struct sconce_device *dev, const char *key, const char *text)
{
        const struct device *device = device_of(dev);
        CLEANUP_FREE char *full = NULL;
        struct store *store = store_of(device);

        if (text && strlen(text) > SAVED_TEXT_MAX)
                return -E2BIG;
        int r = full_key(device, key, &full);
        if (r < 0 || !store)
                return r;
        bool is_there = store_get(store, STORE_SAVED, device->id, full);
        if (text && !is_there && store_count(store, STORE_SAVED, device->id) >= SAVED_KEYS_MAX)
                return -ENOSPC;
        /* What is not true any more must not be found after a crash. */
        if (!text && is_there)
                store_flush(store);
        return store_put(store, STORE_SAVED, device->id, full, text);
}

int host_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        const struct device *device = device_of(dev);
        CLEANUP_FREE char *full = NULL;
        const char *saved = NULL;

        int r = full_key(device, key, &full);
        if (r < 0)
                return r;
        if (store_of(device))
                saved = store_get(store_of(device), STORE_SAVED, device->id, full);
        if (!saved)
                return -ENODATA;
        size_t length = strlen(saved);
        if (length >= size)
                return -ENOSPC;
        memcpy(text, saved, length + 1);
        return (int)length;
}
