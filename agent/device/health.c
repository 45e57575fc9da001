/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a device: kept, logged, published as its status and its error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

static const struct kept_fault *first_fault(const struct device *device)
{
        for (size_t i = 0; i < DEVICE_FAULTS; i++)
                if (device->health.faults[i].code != 0)
                        return &device->health.faults[i];
        return NULL;
}

bool device_has_fault(const struct device *device)
{
        return first_fault(device);
}

const char *device_offline_reason(const struct device *device)
{
        const struct kept_fault *fault = first_fault(device);

        if (fault)
                return kept_fault_text(fault);
        return device->life.phase == DEVICE_RUNNING ? NULL : "it is starting";
}

/* What its error is, now; false: none. */
static bool current_error(const struct device *device, struct fault *ret)
{
        const struct kept_fault *fault = first_fault(device);

        if (!fault && device->health.problem.code == 0)
                return false;
        kept_fault_get(fault ? fault : &device->health.problem, ret);
        return true;
}

/* Returns whether there was one. */
static bool publish_error(struct device *device, const struct fault *fault, bool always)
{
        struct device_health *health = &device->health;
        const struct home_sink *sink = &device->context->sink;
        bool had_fault = health->published.code != 0;

        if (sink->error && (always || strcmp(kept_fault_text(&health->published), fault ? fault->text : "") != 0))
                sink->error(sink->userdata, device->id, fault, health->since_us);
        return had_fault;
}

void device_publish_status(struct device *device, bool always)
{
        struct device_health *health = &device->health;
        const struct home_sink *sink = &device->context->sink;
        struct fault error;
        const struct fault *fault = current_error(device, &error) ? &error : NULL;
        bool online = !device_offline_reason(device);

        /* Its first start is not over: there is nothing to publish yet. */
        if (!always && !health->has_published && !online && !fault)
                return;
        bool is_first = !health->has_published, is_other = health->is_online != online;
        if (sink->status && (always || is_first || is_other))
                sink->status(sink->userdata, device->id, online);
        bool had_fault = publish_error(device, fault, always);
        if (!is_first && is_other)
                device_trend_status(device, online);
        health->is_online = online;
        health->has_published = true;
        kept_fault_set(&health->published, fault);
        if (device->watched && (is_first || is_other || had_fault != !!fault))
                device->context->observer.status(device->context->observer.userdata, device);
}

/* False where there was none and is none. */
static bool take_fault(struct device *device, struct kept_fault *at, const struct fault *fault)
{
        if (!fault && at->code == 0)
                return false;
        if (fault && (at->code != fault->code || strcmp(kept_fault_text(at), fault->text) != 0)) {
                device->health.since_us = device_now_us(device);
                device_log(device, LOG_WARNING, "%s", fault->text);
        }
        kept_fault_set(at, fault);
        return true;
}

void device_set_fault(struct device *device, enum device_fault kind, const struct fault *fault)
{
        bool was_faulty = first_fault(device);

        if (!take_fault(device, &device->health.faults[kind], fault))
                return;
        if (was_faulty && !first_fault(device) && device->life.phase == DEVICE_RUNNING)
                device_log(device, LOG_NOTICE, "works again");
        device_publish_status(device, false);
}

/* Among the node's problems too, where people look who do not know the device. */
static void list_problem(struct device *device)
{
        const struct device_context *context = device->context;
        char key[DEVICE_ID_MAX + 16];

        (void)snprintf(key, sizeof(key), "device %s", device->id);
        context->problem(context->userdata, key,
                         device->health.problem.code != 0 ? kept_fault_text(&device->health.problem) : NULL);
}

void device_set_problem(struct device *device, const struct fault *fault)
{
        if (!take_fault(device, &device->health.problem, fault))
                return;
        list_problem(device);
        device_publish_status(device, false);
}

void device_forget_problem(struct device *device)
{
        if (take_fault(device, &device->health.problem, NULL))
                list_problem(device);
}

void device_fault_of(struct device *device, int r, const char *what, struct fault *ret)
{
        if (device->health.last_error)
                (void)fault_set(ret, r, "%s", device->health.last_error);
        else
                (void)fault_set(ret, r, "%s: %s", what, strerror(-r));
}

/* ---- A device that starts ------------------------------------------------------------------------------ */

void health_start(struct device *device)
{
        kept_fault_set(&device->health.faults[DEVICE_FAULT_HEALTH], NULL);
        kept_fault_set(&device->health.faults[DEVICE_FAULT_READ], NULL);
}

void health_begin_broken(struct device *device, int code, const char *text)
{
        struct fault fault;

        (void)fault_set(&fault, code, "%s", text);
        device->health.since_us = device->context->loop ? device_now_us(device) : 0;
        kept_fault_set(&device->health.faults[DEVICE_FAULT_LIFE], &fault);
}

static void inherit(struct kept_fault *to, const struct kept_fault *from)
{
        struct fault fault;

        kept_fault_get(from, &fault);
        kept_fault_set(to, &fault);
}

void health_inherit(struct device *device, const struct device *old)
{
        device->health.has_published = old->health.has_published;
        device->health.is_online = old->health.is_online;
        inherit(&device->health.published, &old->health.published);
        if (device->worker) /* the same thread, which may hang still */
                inherit(&device->health.faults[DEVICE_FAULT_HANG], &old->health.faults[DEVICE_FAULT_HANG]);
}

void health_done(struct device *device)
{
        struct device_health *health = &device->health;

        for (size_t i = 0; i < DEVICE_FAULTS; i++)
                kept_fault_set(&health->faults[i], NULL);
        kept_fault_set(&health->problem, NULL);
        kept_fault_set(&health->published, NULL);
        device_clear_error(device);
}

/* ---- The last error ------------------------------------------------------------------------------------ */

void device_set_error(struct device *device, const char *format, ...)
{
        char text[sizeof(((struct fault *)0)->text)];
        va_list arguments;

        /* Through a buffer: the old text may be one of the arguments. */
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        device_clear_error(device);
        device->health.last_error = *text ? strdup(text) : NULL;
}

void device_clear_error(struct device *device)
{
        if (device->health.last_error)
                free(TAKE_PTR(device->health.last_error));
}
