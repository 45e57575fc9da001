/* SPDX-License-Identifier: Apache-2.0 */
/* The trends of a device's channels: their clock, and when what is on or off is known. */
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

void device_trend_inherit(struct device *device, struct device *old)
{
        for (size_t i = 0; i < device->channels.count; i++) {
                struct channel *to = &device->channels.items[i];
                struct channel *from = channels_find(&old->channels, to->row.key);
                if (!from || !from->trend || from->row.kind != to->row.kind)
                        continue;
                trend_free(to->trend);
                to->trend = TAKE_PTR(from->trend);
        }
}

void device_trend_status(struct device *device, bool online)
{
        if (!device->channels.clock)
                return;
        device_trend_clock(device->context, device_now_us(device));
        channels_hold_trends(&device->channels, online);
}
