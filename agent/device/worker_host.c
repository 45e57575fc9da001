/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin on a thread may call: reports, as posts that the loop takes. The rest is the loop's: -EXDEV. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/channels.h"
#include "device/worker.h"
#include "util/log.h"

static struct instance *instance_of(struct sconce_device *handle)
{
        return CONTAINER_OF(handle, struct instance, handle);
}

static struct post *new_post(struct instance *instance, enum post_kind kind, uint64_t time_us)
{
        struct post *post = calloc(1, sizeof(*post));

        if (!post)
                return NULL;
        post->kind = kind;
        post->time_us = time_us ? time_us : worker_clock_us(instance->worker);
        return post;
}

static const char *keep_text(struct post *post, const char *text)
{
        const char *copy = text ? option_store_strdup(&post->store, text) : NULL;

        post->is_short |= text && !copy;
        return copy;
}

static int send(struct instance *instance, struct post *post)
{
        if (post->is_short) {
                post_free(post);
                return -ENOMEM;
        }
        worker_send(instance->worker, instance, post);
        return 0;
}

static int worker_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct instance *instance = instance_of(dev);
        struct post *post = new_post(instance, POST_REPORT, time_us);

        if (!post)
                return -ENOMEM;
        post->values = option_store_alloc(&post->store, (count + 1) * sizeof(*values));
        post->count = post->values ? count : 0;
        post->is_short = !post->values;
        for (size_t i = 0; i < post->count; i++) {
                post->values[i] = values[i];
                post->values[i].channel = keep_text(post, values[i].channel);
                if (values[i].type == SCONCE_VALUE_TEXT)
                        post->values[i].text = keep_text(post, values[i].text);
        }
        return send(instance, post);
}

static int worker_event(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type)
{
        struct instance *instance = instance_of(dev);
        struct post *post = new_post(instance, POST_EVENT, time_us);

        if (!post)
                return -ENOMEM;
        post->channel = keep_text(post, channel);
        post->text = keep_text(post, event_type);
        return send(instance, post);
}

static int post_fault(struct instance *instance, enum post_kind kind, int error, const char *reason)
{
        if (error > 0)
                return -EINVAL;
        struct post *post = new_post(instance, kind, 0);
        if (!post)
                return -ENOMEM;
        post->error = error;
        post->text = keep_text(post, reason);
        return send(instance, post);
}

static int worker_health(struct sconce_device *dev, int error, const char *reason)
{
        return post_fault(instance_of(dev), POST_HEALTH, error, reason);
}

static int worker_problem(struct sconce_device *dev, int error, const char *text)
{
        return post_fault(instance_of(dev), POST_PROBLEM, error, text);
}

static struct log_about about(const struct instance *instance)
{
        return (struct log_about){ .device = instance->id, .plugin = instance->calls.name };
}

static int worker_channel_add(struct sconce_device *dev, const struct sconce_channel *channel, size_t channel_size)
{
        struct instance *instance = instance_of(dev);
        struct sconce_channel row = { 0 };
        struct fault fault;

        memcpy(&row, channel, MIN(channel_size, sizeof(row)));
        if (channel_check(&row, &fault) < 0) {
                const struct log_about log = about(instance);
                log_write(LOG_ERR, &log, "%s", fault.text);
                return -EINVAL;
        }
        struct post *post = new_post(instance, POST_CHANNEL, 0);
        if (!post)
                return -ENOMEM;
        post->is_short = channel_copy_row(&row, &post->store, &post->row) < 0;
        return send(instance, post);
}

static void PRINTF_LIKE(2, 0) worker_error(struct sconce_device *dev, const char *format, va_list arguments)
{
        struct job_item *item = worker_current(instance_of(dev)->worker);
        char text[sizeof(((struct fault *)0)->text)];

        (void)vsnprintf(text, sizeof(text), format, arguments);
        free(item->last_error);
        item->last_error = strdup(text);
}

static void PRINTF_LIKE(3, 0) worker_log(struct sconce_device *dev, int level, const char *format, va_list arguments)
{
        const struct log_about log = about(instance_of(dev));

        log_writev(level, &log, format, arguments);
}

static uint64_t worker_now_us(struct sconce_device *dev)
{
        return worker_clock_us(instance_of(dev)->worker);
}

static uint64_t worker_host_deadline_us(struct sconce_device *dev)
{
        return worker_deadline_us(instance_of(dev)->worker);
}

static const char *worker_id(struct sconce_device *dev)
{
        return instance_of(dev)->id;
}

/* What belongs to the event loop. A blocking plugin that asks has a bug, which the errno names. */
#define REFUSE(name, ...)                                                                                              \
        static int refuse_##name(__VA_ARGS__)                                                                          \
        {                                                                                                              \
                return -EXDEV;                                                                                         \
        }                                                                                                              \
        _Static_assert(1, "a semicolon follows")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
REFUSE(first, struct sconce_device *dev, const char *channel, struct sconce_value *ret);
REFUSE(timed, struct sconce_device *dev, bool timed);
REFUSE(line_output, struct sconce_device *dev, struct sconce_line *line, int first_value);
REFUSE(line_input, struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn);
REFUSE(line_set, struct sconce_device *dev, struct sconce_line *line, bool active);
REFUSE(line_get, struct sconce_device *dev, struct sconce_line *line, bool *ret_active);
REFUSE(dimmer_open, struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns, double level);
REFUSE(dimmer_set, struct sconce_device *dev, struct sconce_dimmer *dimmer, double level);
REFUSE(dimmer_get, struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level);
REFUSE(timer_new, struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret);
REFUSE(timer_arm, struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us);
REFUSE(timer_disarm, struct sconce_device *dev, struct sconce_timer *timer);
REFUSE(fd_watch, struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
       struct sconce_watch **ret);
REFUSE(fd_unwatch, struct sconce_device *dev, struct sconce_watch *watch);
REFUSE(save, struct sconce_device *dev, const char *key, const char *text);
REFUSE(load, struct sconce_device *dev, const char *key, char *text, size_t size);
#pragma GCC diagnostic pop

const struct sconce_host worker_host = {
        .size = sizeof(struct sconce_host),
        .id = worker_id,
        .report = worker_report,
        .event = worker_event,
        .health = worker_health,
        .problem = worker_problem,
        .error = worker_error,
        .log = worker_log,
        .now_us = worker_now_us,
        .channel_add = worker_channel_add,
        .first = refuse_first,
        .timed = refuse_timed,
        .line_output = refuse_line_output,
        .line_input = refuse_line_input,
        .line_set = refuse_line_set,
        .line_get = refuse_line_get,
        .dimmer_open = refuse_dimmer_open,
        .dimmer_set = refuse_dimmer_set,
        .timer_new = refuse_timer_new,
        .timer_arm = refuse_timer_arm,
        .timer_disarm = refuse_timer_disarm,
        .fd_watch = refuse_fd_watch,
        .fd_unwatch = refuse_fd_unwatch,
        .save = refuse_save,
        .load = refuse_load,
        .dimmer_get = refuse_dimmer_get,
        .deadline_us = worker_host_deadline_us,
};
