/* SPDX-License-Identifier: Apache-2.0 */
/* The trends of a device's channels: their clock, and when what is on or off is known. */
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "util/boot.h"

/* A clock that is steered, or called synchronised without a jump, is noticed within this. */
#define LOOK_EVERY_US (60 * USEC_PER_SEC)

void device_trend_clock(struct device_context *context, uint64_t now_us)
{
        struct device_trends *trends = &context->trends;

        trends->clock.now_us = now_us;
        if (now_us < trends->look_us || !context->clock)
                return;
        trends->look_us = now_us + LOOK_EVERY_US;
        trends->clock.boot = clock_boot_id();
        trends->clock.is_known |= clock_offset(context->clock, &trends->clock.offset_us);
}

void device_trend_begin(struct device *device)
{
        if (device->context->loop) /* none at --check */
                device->channels.clock = &device->context->trends.clock;
}

static void waiting_trend_free(struct waiting_trend *waiting)
{
        trend_free(waiting->trend);
        free(waiting);
}

/* Takes over the trend of a channel that is not there yet. Without memory it begins again. */
static void wait_with(struct device *device, const struct channel *from, struct trend *trend)
{
        size_t size = strlen(from->row.key) + 1;
        struct waiting_trend *waiting = malloc(sizeof(*waiting) + size);

        if (!waiting) {
                trend_free(trend);
                return;
        }
        *waiting = (struct waiting_trend){ .next = device->waiting_trends, .trend = trend, .kind = from->row.kind };
        memcpy(waiting->key, from->row.key, size);
        device->waiting_trends = waiting;
}

void device_trend_adopt(struct device *device, struct channel *channel)
{
        for (struct waiting_trend **at = &device->waiting_trends; *at; at = &(*at)->next) {
                struct waiting_trend *waiting = *at;
                if (strcmp(waiting->key, channel->row.key) != 0)
                        continue;
                *at = waiting->next;
                if (waiting->kind == channel->row.kind) {
                        trend_free(channel->trend);
                        channel->trend = TAKE_PTR(waiting->trend);
                }
                waiting_trend_free(waiting);
                return;
        }
}

/* Many a device knows its channels only when it has started. */
void device_trend_inherit(struct device *device, struct device *old)
{
        device_trend_done(device);
        device->waiting_trends = TAKE_PTR(old->waiting_trends);
        for (size_t i = 0; i < old->channels.count; i++) {
                struct channel *from = &old->channels.items[i];
                if (from->trend)
                        wait_with(device, from, TAKE_PTR(from->trend));
        }
        for (size_t i = 0; i < device->channels.count; i++)
                device_trend_adopt(device, &device->channels.items[i]);
}

void device_trend_done(struct device *device)
{
        struct waiting_trend *waiting;

        while ((waiting = device->waiting_trends)) {
                device->waiting_trends = waiting->next;
                waiting_trend_free(waiting);
        }
}

void device_trend_status(struct device *device, bool online)
{
        if (!device->channels.clock)
                return;
        device_trend_clock(device->context, device_now_us(device));
        channels_hold_trends(&device->channels, online);
}
