/* SPDX-License-Identifier: Apache-2.0 */
/* What a device publishes: its state, its events, its channels. */
#include <errno.h>
#include <string.h>

#include "device/device.h"

/* ---- State --------------------------------------------------------------------------------------------- */

static void on_heartbeat(void *userdata)
{
        struct device *device = userdata;

        if (device_offline_reason(device))
                timer_arm(device->publishing.heartbeat, device->shared.readings.heartbeat_us);
        else
                device_publish_state(device);
}

static void arm_heartbeat(struct device *device)
{
        uint64_t heartbeat_us = device->shared.readings.heartbeat_us;

        if (device->publishing.heartbeat)
                timer_disarm(device->publishing.heartbeat);
        if (heartbeat_us == 0 || device->life.phase == DEVICE_STOPPED)
                return;
        if (!device->publishing.heartbeat &&
            timer_new(device->context->loop, TIMER_EXACT_US, on_heartbeat, device, &device->publishing.heartbeat) < 0) {
                device_log(device, LOG_ERR, "out of memory: there is no heartbeat");
                return;
        }
        timer_arm(device->publishing.heartbeat, heartbeat_us);
}

void device_publish_state(struct device *device)
{
        const struct home_sink *sink = &device->context->sink;

        if (!channels_have_state(&device->channels))
                return;
        channels_published(&device->channels);
        if (sink->state)
                sink->state(sink->userdata, device->id, &device->channels);
        arm_heartbeat(device);
}

void device_publish_now(struct device *device)
{
        device->publishing.is_state_due = false;
        device_publish_state(device);
}

void device_publish_due(struct device *device)
{
        if (device->publishing.is_state_due)
                device_publish_now(device);
}

void device_state_due(struct device *device)
{
        device->publishing.is_state_due = true;
}

void device_forget_state(struct device *device)
{
        device->publishing.is_state_due = false;
}

void publishing_start(struct device *device)
{
        device->publishing.has_reported = false;
}

void publishing_stop(struct device *device)
{
        if (device->publishing.heartbeat)
                timer_disarm(device->publishing.heartbeat);
}

/* ---- Around callbacks ---------------------------------------------------------------------------------- */

void device_enter(struct device *device)
{
        if (device->publishing.depth++ == 0)
                device->context->n_inside++;
}

/* The outermost of all. */
static void leave_last(struct device_context *context)
{
        if (context->n_inside > 0 && --context->n_inside == 0 && context->observer.moment_over)
                context->observer.moment_over(context->observer.userdata);
}

void device_leave(struct device *device)
{
        if (device->publishing.depth > 1) {
                device->publishing.depth--;
                return;
        }
        device->publishing.depth = 0;
        device_take_loss(device);
        /* A thread's reports come one by one: those of one callback are one state, published when it is over. */
        if (!device->worker || worker_is_idle(device->worker))
                device_publish_due(device);
        if (device->publishing.is_info_due) {
                device->publishing.is_info_due = false;
                if (device->context->sink.info_changed)
                        device->context->sink.info_changed(device->context->sink.userdata);
        }
        leave_last(device->context);
}

/* ---- What its plugin reports --------------------------------------------------------------------------- */

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        uint64_t now_us = device_now_us(device);
        struct fault fault;
        bool changed = false;

        device_trend_clock(device->context, now_us);
        int r = channels_report(&device->channels, time_us ? time_us : now_us, values, count, &changed, &fault);
        if (r < 0) {
                device_log(device, LOG_ERR, "%s", fault.text);
                return r;
        }
        device_enter(device);
        device->publishing.has_reported = true;
        device->publishing.is_state_due |= changed;
        /* What `stop` makes of it is published, and is neither to come back nor anybody's reason to act. */
        bool is_last = !host_may_touch(device);
        if (!device->life.is_exiting && !is_last)
                saved_values(device);
        if (device->watched && !is_last)
                device->context->observer.reported(device->context->observer.userdata, device, time_us, values, count);
        on_time_watch(device);
        device_leave(device);
        return 0;
}

static bool is_choice(const struct sconce_channel *row, const char *text)
{
        for (const char *const *choice = row->choices; choice && *choice; choice++)
                if (strcmp(*choice, text) == 0)
                        return true;
        return false;
}

int device_event(struct device *device, uint64_t time_us, const char *key, const char *event_type)
{
        const struct channel *channel = key ? channels_find(&device->channels, key) : NULL;
        const struct home_sink *sink = &device->context->sink;

        if (!channel || channel->row.kind != SCONCE_EVENT || !event_type || !is_choice(&channel->row, event_type)) {
                device_log(device, LOG_ERR, "the plugin raised an event that it does not declare: %.60s %.60s",
                           key ? key : "", event_type ? event_type : "");
                return -EINVAL;
        }
        if (sink->event)
                sink->event(sink->userdata, device->id, key, event_type, time_us ? time_us : device_now_us(device));
        if (device->watched && host_may_touch(device))
                device->context->observer.event(device->context->observer.userdata, device, time_us, key, event_type);
        return 0;
}

/* A copy of our own of a row that is in order. */
static int take_row(struct device *device, const struct sconce_channel *row, struct sconce_channel *ret)
{
        const struct channel taken = { .row = *row, .kind = kind_get(row->kind) };
        struct fault fault;

        int r = channel_check(row, &fault);
        if (r == 0 && channel_is_writable(&taken) && !device->instance->calls.command)
                r = fault_set(&fault, -EINVAL, "channel \"%s\" is written and there is no command function", row->key);
        if (r < 0) {
                device_log(device, LOG_ERR, "%s", fault.text);
                return r;
        }
        return channel_copy_row(row, &device->instance->config->store, ret);
}

int device_channel_add(struct device *device, const struct sconce_channel *row)
{
        struct channel *known = row->key ? channels_find(&device->channels, row->key) : NULL;
        struct sconce_channel copy;

        if (known && known->row.kind != row->kind)
                return -EEXIST;
        if (known && device->life.phase != DEVICE_STOPPED)
                return 0;
        int r = take_row(device, row, &copy);
        if (r < 0)
                return r;
        if (known) { /* in `configure`: what the options make of a row of the table */
                known->row = copy;
                return 0;
        }
        r = channels_append(&device->channels, &copy);
        if (r == 0) {
                saved_restore_channel(device, channels_find(&device->channels, copy.key));
                device_trend_adopt(device, channels_find(&device->channels, copy.key));
                device_set_readings(device);
                /* In `configure` there is nothing to publish yet. */
                device->publishing.is_info_due |= device->life.phase != DEVICE_STOPPED;
                device->publishing.is_state_due |= device->life.phase != DEVICE_STOPPED;
        }
        return r;
}
