/* SPDX-License-Identifier: Apache-2.0 */
/*
 * max_on: how long an output has been on, by what is driven. The dark moments of a flash or an effect do not begin the
 * count again: that takes a command that switches off, or a rest (ON_TIME_REST_US), in which the plugin does not want
 * it on either. When the time is over, in a dark moment too, the output is held off (hold.c) until a command that
 * switches it on for good, or such a rest. A restart is none: while it is held off the count stays.
 */
#include "device/device.h"

/* How soon an output that could not be switched off is tried again. */
#define RETRY_US (1 * USEC_PER_SEC)

static bool is_on(const struct device *device)
{
        const struct channel *channel = channels_first_on_off(&device->channels);

        if (device->instance->config->n_outputs > 0)
                return device->output.is_live;
        return channel && channel->now.type == SCONCE_VALUE_BOOL && channel->now.on;
}

static uint64_t passed_us(const struct device *device, uint64_t since_us)
{
        return since_us ? device_now_us(device) - since_us : 0;
}

static bool has_rested(const struct device *device)
{
        return passed_us(device, device->on_time.rest_since_us) >= ON_TIME_REST_US;
}

bool on_time_is_over(const struct device *device)
{
        uint64_t max_on_us = device->shared.output.max_on_us;

        return max_on_us > 0 && !has_rested(device) && passed_us(device, device->on_time.on_since_us) >= max_on_us;
}

uint64_t on_time_left_us(const struct device *device)
{
        uint64_t max_on_us = device->shared.output.max_on_us, on_us = passed_us(device, device->on_time.on_since_us);

        return on_us < max_on_us ? max_on_us - on_us : 0;
}

static void count_from(struct device *device, uint64_t since_us)
{
        if (device->on_time.on_since_us == since_us)
                return;
        device->on_time.on_since_us = since_us;
        saved_on_since(device);
}

/* It was to go on after a dark moment in which the time ran out: its plugin does not know yet. */
static bool is_wanted_too_long(const struct device *device)
{
        return !device->on_time.is_spent && on_time_is_over(device) && host_is_any_wished(device);
}

static void on_due(void *userdata)
{
        struct device *device = userdata;

        if (device->life.phase != DEVICE_RUNNING)
                return;
        if (!is_on(device) && !is_wanted_too_long(device)) {
                device->on_time.is_spent = false;
                count_from(device, 0);
                return;
        }
        device_log(device, LOG_NOTICE, "has been on for max_on: switching it off");
        if (device->shared.output.on_offline == ON_EVENT_ON)
                hold_release(device);
        device->on_time.is_spent = true;
        if (hold_bring(device, false) < 0)
                timer_arm(device->on_time.timer, RETRY_US);
}

static void arm(struct device *device, uint64_t delay_us)
{
        if (device->shared.output.max_on_us == 0)
                return;
        if (!device->on_time.timer &&
            timer_new(device->context->loop, TIMER_EXACT_US, on_due, device, &device->on_time.timer) < 0) {
                device_log(device, LOG_ERR, "out of memory: switching it off, since nobody could later");
                device->on_time.is_spent = true;
                (void)!hold_bring(device, false);
                return;
        }
        timer_arm(device->on_time.timer, delay_us);
}

static void arm_limit(struct device *device)
{
        arm(device, on_time_left_us(device));
}

static void watch_on(struct device *device)
{
        bool goes_on = device->on_time.rest_since_us == 0;

        if (device->on_time.on_since_us == 0 || has_rested(device))
                count_from(device, device_now_us(device));
        device->on_time.rest_since_us = 0;
        if (!goes_on || !device->on_time.timer || !timer_armed(device->on_time.timer))
                arm_limit(device);
}

static void watch_off(struct device *device)
{
        bool is_ended = device->on_time.is_off_meant;

        device->on_time.is_off_meant = false;
        if (is_ended && !device->on_time.is_spent)
                count_from(device, 0);
        if (host_is_any_wished(device)) {
                device->on_time.rest_since_us = 0;
                on_time_end(device);
                if (is_wanted_too_long(device))
                        arm(device, 0);
        } else if (device->on_time.rest_since_us == 0) {
                device->on_time.rest_since_us = device_now_us(device);
                if (device->on_time.on_since_us > 0 || device->on_time.is_spent)
                        arm(device, ON_TIME_REST_US);
                else
                        on_time_end(device);
        }
}

void on_time_watch(struct device *device)
{
        if (!host_may_touch(device) || !device->plugin->has_output)
                return;
        if (is_on(device))
                watch_on(device);
        else
                watch_off(device);
}

void on_time_rearm(struct device *device)
{
        on_time_end(device);
        device->on_time.is_spent &= device->shared.output.max_on_us > 0;
        saved_on_since(device);
        device->on_time.rest_since_us = 0;
        on_time_watch(device);
}

void on_time_forgive(struct device *device)
{
        device->on_time.is_spent = false;
        if (is_on(device))
                return; /* its time is over at this moment */
        on_time_end(device);
        count_from(device, 0);
}

void on_time_take_back(struct device *device, const struct hold_before *before)
{
        device->on_time.is_spent |= before->is_spent;
        count_from(device, before->on_since_us);
        device->on_time.rest_since_us = 0; /* one that was under way begins again */
}

/* Where nothing but the plugin switches it on again, the time after a crash is a rest. */
void on_time_begin(struct device *device)
{
        device->on_time.rest_since_us = 0;
        device->on_time.is_off_meant = false;
        device->on_time.is_spent &= device->shared.output.max_on_us > 0;
        if (!device->plugin->has_output || !on_time_is_over(device))
                return;
        if (channels_first_on_off(&device->channels))
                device->on_time.is_spent = true;
        else
                count_from(device, 0);
}

void on_time_end(struct device *device)
{
        if (device->on_time.timer)
                timer_disarm(device->on_time.timer);
}

void on_time_mean_off(struct device *device, bool is_meant)
{
        device->on_time.is_off_meant = is_meant;
}

void on_time_restore(struct device *device, uint64_t since_us, bool is_spent)
{
        device->on_time.on_since_us = since_us;
        device->on_time.is_spent = is_spent;
}
