/* SPDX-License-Identifier: Apache-2.0 */
/* What a device tells: what is wrong with it, its state, its events. */
#include <errno.h>
#include <string.h>

#include "device/device.h"

/* ---- What is wrong with it ----------------------------------------------------------------------------- */

static const struct fault *first_fault(const struct device *device)
{
        for (size_t i = 0; i < DEVICE_FAULTS; i++)
                if (device->faults[i].code != 0)
                        return &device->faults[i];
        return NULL;
}

bool device_has_fault(const struct device *device)
{
        return first_fault(device);
}

const char *device_offline_reason(const struct device *device)
{
        const struct fault *fault = first_fault(device);

        if (fault)
                return fault->text;
        return device->phase == DEVICE_RUNNING ? NULL : "it is starting";
}

void device_publish_status(struct device *device, bool always)
{
        const struct home_sink *sink = &device->context->sink;
        const struct fault *fault = first_fault(device);
        bool online = !device_offline_reason(device);

        if (!fault && device->problem.code != 0)
                fault = &device->problem;

        /* Its first start is not over: there is nothing to tell yet. */
        if (!always && !device->has_published_status && !online && !fault)
                return;
        if (sink->status && (always || !device->has_published_status || device->published_online != online))
                sink->status(sink->userdata, device->id, online);
        if (sink->error && (always || strcmp(device->published_error, fault ? fault->text : "") != 0))
                sink->error(sink->userdata, device->id, fault, device->fault_since_us);
        bool had_fault = *device->published_error, is_first = !device->has_published_status;
        bool is_news = is_first || device->published_online != online || had_fault != !!fault;
        device->published_online = online;
        device->has_published_status = true;
        (void)snprintf(device->published_error, sizeof(device->published_error), "%s", fault ? fault->text : "");
        if (device->watched && is_news)
                device->context->observer.status(device->context->observer.userdata, device);
}

void device_set_fault(struct device *device, enum device_fault kind, const struct fault *fault)
{
        struct fault *at = &device->faults[kind];
        bool was_faulty = first_fault(device);

        if (!fault && at->code == 0)
                return;
        if (fault && (at->code != fault->code || strcmp(at->text, fault->text) != 0)) {
                device->fault_since_us = device_now_us(device);
                device_log(device, LOG_WARNING, "%s", fault->text);
        }
        *at = fault ? *fault : (struct fault){ 0 };
        if (was_faulty && !first_fault(device) && device->phase == DEVICE_RUNNING)
                device_log(device, LOG_NOTICE, "works again");
        device_publish_status(device, false);
}

/* Among the node's problems too, where people look who do not know the device. */
static void list_problem(struct device *device)
{
        const struct device_context *context = device->context;
        char key[DEVICE_ID_MAX + 16];

        (void)snprintf(key, sizeof(key), "device %s", device->id);
        context->problem(context->userdata, key, device->problem.code != 0 ? device->problem.text : NULL);
}

void device_set_problem(struct device *device, const struct fault *fault)
{
        struct fault *at = &device->problem;

        if (!fault && at->code == 0)
                return;
        if (fault && (at->code != fault->code || strcmp(at->text, fault->text) != 0)) {
                device->fault_since_us = device_now_us(device);
                device_log(device, LOG_WARNING, "%s", fault->text);
        }
        *at = fault ? *fault : (struct fault){ 0 };
        list_problem(device);
        device_publish_status(device, false);
}

void device_forget_problem(struct device *device)
{
        if (device->problem.code == 0)
                return;
        device->problem = (struct fault){ 0 };
        list_problem(device);
}

void device_fault_of(struct device *device, int r, const char *what, struct fault *ret)
{
        if (device->said[0])
                (void)fault_set(ret, r, "%s", device->said);
        else
                (void)fault_set(ret, r, "%s: %s", what, strerror(-r));
}

/* ---- What it says -------------------------------------------------------------------------------------- */

static void on_heartbeat(void *userdata)
{
        struct device *device = userdata;

        if (device_offline_reason(device))
                timer_arm(device->heartbeat, device->settings.readings.heartbeat_us);
        else
                device_publish_state(device);
}

static void arm_heartbeat(struct device *device)
{
        uint64_t heartbeat_us = device->settings.readings.heartbeat_us;

        if (device->heartbeat)
                timer_disarm(device->heartbeat);
        if (heartbeat_us == 0 || device->phase == DEVICE_STOPPED)
                return;
        if (!device->heartbeat &&
            timer_new(device->context->loop, TIMER_EXACT_US, on_heartbeat, device, &device->heartbeat) < 0) {
                device_log(device, LOG_ERR, "out of memory: there is no heartbeat");
                return;
        }
        timer_arm(device->heartbeat, heartbeat_us);
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

void device_enter(struct device *device)
{
        if (device->depth++ == 0)
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
        if (device->depth > 1) {
                device->depth--;
                return;
        }
        device->depth = 0;
        if (device->lost.code != 0 && device->phase == DEVICE_RUNNING) {
                const struct fault lost = device->lost;
                device->lost.code = 0;
                device_lost(device, &lost);
        }
        /* A thread's reports come one by one: those of one callback are one state, told when it is over. */
        if (device->changed && (!device->worker || worker_is_idle(device->worker))) {
                device->changed = false;
                device_publish_state(device);
        }
        if (device->info_dirty) {
                device->info_dirty = false;
                if (device->context->sink.info_changed)
                        device->context->sink.info_changed(device->context->sink.userdata);
        }
        leave_last(device->context);
}

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct fault fault;
        bool changed = false;

        int r = channels_report(&device->channels, time_us ? time_us : device_now_us(device), values, count, &changed,
                                &fault);
        if (r < 0) {
                device_log(device, LOG_ERR, "%s", fault.text);
                return r;
        }
        device_enter(device);
        device->reported = true;
        device->changed |= changed;
        /* What `stop` makes of it is published, and is neither to come back nor anybody's reason to act. */
        bool is_last = !host_may_touch(device);
        if (!device->exiting && !is_last)
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
        if (known && device->phase != DEVICE_STOPPED)
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
                device_set_readings(device);
                device->info_dirty = device->changed = true;
        }
        return r;
}
