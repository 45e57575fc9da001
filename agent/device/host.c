/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin on the event loop may call; lines and dimmers have files of their own. Everything that it opens through
 * its host is closed by it, whatever the plugin does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

#define OPENED_MAX 64 /* of each */

struct sconce_timer {
        struct sconce_timer *next;
        struct device *device;
        struct timer *timer;
        sconce_timer_fn fn;
        void *userdata;
};

struct sconce_watch {
        struct sconce_watch *next;
        struct device *device;
        sd_event_source *source;
        sconce_watch_fn fn;
        void *userdata;
};

/* ---- What it reports ------------------------------------------------------------------------------------ */

static const char *host_id(struct sconce_device *dev)
{
        return device_of(dev)->id;
}

/* A report is also taken from `stop`. */
static bool may_report(const struct device *device)
{
        return device->life.phase == DEVICE_STARTING || device->life.phase == DEVICE_RUNNING ||
               device->life.phase == DEVICE_STOPPING;
}

static int host_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct device *device = device_of(dev);

        return may_report(device) ? device_report(device, time_us, values, count) : -EPERM;
}

static int host_event(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type)
{
        struct device *device = device_of(dev);

        return may_report(device) ? device_event(device, time_us, channel, event_type) : -EPERM;
}

static int take_fault(const struct device *device, int error, const char *text, struct fault *ret)
{
        if (!host_may_touch(device))
                return -EPERM;
        if (error > 0)
                return -EINVAL;
        if (error < 0)
                (void)fault_set(ret, error, "%s", text ? text : strerror(-error));
        return 0;
}

static int host_health(struct sconce_device *dev, int error, const char *reason)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = take_fault(device, error, reason, &fault);
        if (r == 0)
                device_set_fault(device, DEVICE_FAULT_HEALTH, error < 0 ? &fault : NULL);
        return r;
}

static int host_problem(struct sconce_device *dev, int error, const char *text)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = take_fault(device, error, text, &fault);
        if (r == 0)
                device_set_problem(device, error < 0 ? &fault : NULL);
        return r;
}

static void PRINTF_LIKE(2, 0) host_error(struct sconce_device *dev, const char *format, va_list arguments)
{
        struct device *device = device_of(dev);
        char text[sizeof(((struct fault *)0)->text)];

        (void)vsnprintf(text, sizeof(text), format, arguments);
        device_set_error(device, "%s", text);
}

int host_result(struct device *device, int r, const struct fault *fault)
{
        if (r < 0)
                device_set_error(device, "%s", fault->text);
        return r;
}

static void PRINTF_LIKE(3, 0) host_log(struct sconce_device *dev, int level, const char *format, va_list arguments)
{
        const struct log_about about = device_about(device_of(dev));

        log_writev(level, &about, format, arguments);
}

static uint64_t host_now_us(struct sconce_device *dev)
{
        const struct device *device = device_of(dev);

        return device->context->loop ? device_now_us(device) : 0;
}

static int host_channel_add(struct sconce_device *dev, const struct sconce_channel *channel, size_t channel_size)
{
        struct sconce_channel row = { 0 };

        memcpy(&row, channel, MIN(channel_size, sizeof(row)));
        return device_channel_add(device_of(dev), &row);
}

static int host_first(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value)
{
        struct device *device = device_of(dev);

        return host_may_touch(device) ? output_first(device, channel, ret_value) : -EPERM;
}

static int host_timed(struct sconce_device *dev, bool timed)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        if (!host_may_touch(device))
                return -EPERM;
        int r = host_note_timed(device, timed, &fault);
        if (r < 0)
                return host_result(device, r, &fault);
        output_set_timed(device, timed);
        if (timed || host_for_outlives(device)) /* --outputs-safe has to be able to take the line */
                return 0;
        return host_result(device, host_keep(device, &fault), &fault);
}

/* Whether one more timer or watch may be opened. */
static int check_open(const struct device *device, bool has_fn, unsigned count)
{
        if (!host_may_touch(device))
                return -EPERM;
        if (!has_fn)
                return -EINVAL;
        return count < OPENED_MAX ? 0 : -ENOSPC;
}

/* ---- Timers -------------------------------------------------------------------------------------------- */

static void on_timer(void *userdata)
{
        struct sconce_timer *timer = userdata;
        struct device *device = timer->device;

        if (device->life.phase != DEVICE_RUNNING)
                return;
        device_enter(device);
        device_clear_error(device);
        timer->fn(&device->instance->handle, device->instance->config->data, timer->userdata);
        device_leave(device);
}

static int host_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret)
{
        struct device *device = device_of(dev);

        int r = check_open(device, fn, device->host.n_timers);
        if (r < 0)
                return r;
        CLEANUP_FREE struct sconce_timer *timer = calloc(1, sizeof(*timer));
        if (!timer)
                return -ENOMEM;
        timer->device = device;
        timer->fn = fn;
        timer->userdata = userdata;
        r = timer_new(device->context->loop, TIMER_EXACT_US, on_timer, timer, &timer->timer);
        if (r < 0)
                return r;
        timer->next = device->host.timers;
        device->host.timers = timer;
        device->host.n_timers++;
        *ret = TAKE_PTR(timer);
        return 0;
}

static bool owns_timer(const struct device *device, const struct sconce_timer *timer)
{
        for (const struct sconce_timer *own = device->host.timers; own; own = own->next)
                if (own == timer)
                        return true;
        return false;
}

static int host_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us)
{
        if (!owns_timer(device_of(dev), timer))
                return -EINVAL;
        timer_arm(timer->timer, delay_us);
        return 0;
}

static int host_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer)
{
        if (!owns_timer(device_of(dev), timer))
                return -EINVAL;
        timer_disarm(timer->timer);
        return 0;
}

/* ---- Descriptors --------------------------------------------------------------------------------------- */

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct sconce_watch *watch = userdata;
        struct device *device = watch->device;

        (void)source;
        (void)fd;
        if (device->life.phase != DEVICE_RUNNING)
                return 0;
        device_enter(device);
        device_clear_error(device);
        /* May unwatch itself. */
        watch->fn(&device->instance->handle, device->instance->config->data, events, watch->userdata);
        device_leave(device);
        return 0;
}

static int host_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                         struct sconce_watch **ret)
{
        struct device *device = device_of(dev);

        int r = check_open(device, fn, device->host.n_watches);
        if (r < 0)
                return r;
        CLEANUP_FREE struct sconce_watch *watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->device = device;
        watch->fn = fn;
        watch->userdata = userdata;
        r = sd_event_add_io(device->context->loop->event, &watch->source, fd, events, on_ready, watch);
        if (r < 0)
                return r;
        watch->next = device->host.watches;
        device->host.watches = watch;
        device->host.n_watches++;
        *ret = TAKE_PTR(watch);
        return 0;
}

static int host_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        struct device *device = device_of(dev);

        for (struct sconce_watch **at = &device->host.watches; *at; at = &(*at)->next) {
                if (*at != watch)
                        continue;
                *at = watch->next;
                device->host.n_watches--;
                sd_event_source_disable_unref(watch->source);
                free(watch);
                return 0;
        }
        return -EINVAL;
}

/* ---- The table ----------------------------------------------------------------------------------------- */

/* In `configure` of a blocking device, whose thread there is not yet. */
static uint64_t host_deadline_us(struct sconce_device *dev)
{
        const struct device *device = device_of(dev);

        return plugin_is_blocking(device->plugin) ? device->shared.deadline_us : 0;
}

void host_close_all(struct device *device)
{
        host_pins_close(device);
        output_watch(device);
        while (device->host.timers) {
                struct sconce_timer *timer = device->host.timers;
                device->host.timers = timer->next;
                timer_free(timer->timer);
                free(timer);
        }
        device->host.n_timers = 0;
        while (device->host.watches)
                (void)host_fd_unwatch(&device->instance->handle, device->host.watches);
}

const struct sconce_host device_host = {
        .size = sizeof(struct sconce_host),
        .id = host_id,
        .report = host_report,
        .event = host_event,
        .health = host_health,
        .error = host_error,
        .log = host_log,
        .now_us = host_now_us,
        .channel_add = host_channel_add,
        .first = host_first,
        .timed = host_timed,
        .line_output = host_line_output,
        .line_input = host_line_input,
        .line_set = host_line_set,
        .line_get = host_line_get,
        .dimmer_open = host_dimmer_open,
        .dimmer_set = host_dimmer_set,
        .timer_new = host_timer_new,
        .timer_arm = host_timer_arm,
        .timer_disarm = host_timer_disarm,
        .fd_watch = host_fd_watch,
        .fd_unwatch = host_fd_unwatch,
        .save = host_save,
        .load = host_load,
        .dimmer_get = host_dimmer_get,
        .deadline_us = host_deadline_us,
        .problem = host_problem,
};
