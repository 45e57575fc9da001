/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a device: kept, logged, published as its status and its error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"

static const struct fault *first_fault(const struct device *device)
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
        const struct fault *fault = first_fault(device);

        if (fault)
                return fault->text;
        return device->life.phase == DEVICE_RUNNING ? NULL : "it is starting";
}

void device_publish_status(struct device *device, bool always)
{
        const struct home_sink *sink = &device->context->sink;
        const struct fault *fault = first_fault(device);
        bool online = !device_offline_reason(device);

        if (!fault && device->health.problem.code != 0)
                fault = &device->health.problem;

        /* Its first start is not over: there is nothing to publish yet. */
        if (!always && !device->health.has_published && !online && !fault)
                return;
        if (sink->status && (always || !device->health.has_published || device->health.is_online != online))
                sink->status(sink->userdata, device->id, online);
        if (sink->error && (always || strcmp(device->health.published_error, fault ? fault->text : "") != 0))
                sink->error(sink->userdata, device->id, fault, device->health.since_us);
        bool had_fault = *device->health.published_error, is_first = !device->health.has_published;
        bool is_news = is_first || device->health.is_online != online || had_fault != !!fault;
        if (!is_first && device->health.is_online != online)
                device_trend_status(device, online);
        device->health.is_online = online;
        device->health.has_published = true;
        (void)snprintf(device->health.published_error, sizeof(device->health.published_error), "%s",
                       fault ? fault->text : "");
        if (device->watched && is_news)
                device->context->observer.status(device->context->observer.userdata, device);
}

/* False where there was none and is none. */
static bool take_fault(struct device *device, struct fault *at, const struct fault *fault)
{
        if (!fault && at->code == 0)
                return false;
        if (fault && (at->code != fault->code || strcmp(at->text, fault->text) != 0)) {
                device->health.since_us = device_now_us(device);
                device_log(device, LOG_WARNING, "%s", fault->text);
        }
        *at = fault ? *fault : (struct fault){ 0 };
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
        context->problem(context->userdata, key, device->health.problem.code != 0 ? device->health.problem.text : NULL);
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
        if (device->health.last_error[0])
                (void)fault_set(ret, r, "%s", device->health.last_error);
        else
                (void)fault_set(ret, r, "%s: %s", what, strerror(-r));
}

/* ---- A device that starts ------------------------------------------------------------------------------ */

void health_start(struct device *device)
{
        device->health.faults[DEVICE_FAULT_HEALTH] = device->health.faults[DEVICE_FAULT_READ] = (struct fault){ 0 };
}

void health_begin_broken(struct device *device, int code, const char *text)
{
        device->health.since_us = device->context->loop ? device_now_us(device) : 0;
        (void)fault_set(&device->health.faults[DEVICE_FAULT_LIFE], code, "%s", text);
}

void health_inherit(struct device *device, const struct device *old)
{
        device->health.has_published = old->health.has_published;
        device->health.is_online = old->health.is_online;
        (void)memcpy(device->health.published_error, old->health.published_error,
                     sizeof(device->health.published_error));
        if (device->worker) /* the same thread, which may hang still */
                device->health.faults[DEVICE_FAULT_HANG] = old->health.faults[DEVICE_FAULT_HANG];
}

/* ---- The last error ------------------------------------------------------------------------------------ */

void device_set_error(struct device *device, const char *format, ...)
{
        char text[sizeof(device->health.last_error)];
        va_list arguments;

        /* Through a buffer: the old text may be one of the arguments. */
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        memcpy(device->health.last_error, text, sizeof(text));
}

void device_clear_error(struct device *device)
{
        device->health.last_error[0] = '\0';
}
