/* SPDX-License-Identifier: Apache-2.0 */
/* The host's table, what all services have in common, and those that need no file of their own. */
#include "sdk/mock/host.h"

#include <stdio.h>

/* ---- The gate ------------------------------------------------------------------------------------------ */

int mock_gate(struct mock_host *host, bool on_loop)
{
        host->n_calls++;
        if (host->fail_at > 0 && --host->fail_at == 0)
                return host->fail_with;
        if (host->is_configuring)
                return mock_refuse(host, -EPERM, "configure opened or reported something (EPERM)");
        if (on_loop && (host->plugin->flags & SCONCE_BLOCKING))
                return mock_refuse(host, -EXDEV,
                                   "a blocking plugin used a line, a dimmer, a timer, a descriptor or saved "
                                   "state (EXDEV)");
        return 0;
}

int mock_refuse(struct mock_host *host, int r, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(host->refusal, sizeof(host->refusal), format, arguments);
        va_end(arguments);
        return r;
}

void mock_fail_call(struct mock_host *host, unsigned nth, int error)
{
        host->fail_at = nth;
        host->fail_with = error;
}

unsigned mock_calls(const struct mock_host *host)
{
        return host->n_calls;
}

const char *mock_refusal(const struct mock_host *host)
{
        return host->refusal;
}

/* ---- Services ------------------------------------------------------------------------------------------ */

static const char *service_id(struct sconce_device *dev)
{
        (void)dev;
        return "mock";
}

static int service_health(struct sconce_device *dev, int error, const char *reason)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, false);

        (void)reason;
        if (r < 0)
                return r;
        if (error > 0)
                return mock_refuse(host, -EINVAL, "health %d is neither 0 nor a negative errno", error);
        host->health = error;
        return 0;
}

static int service_problem(struct sconce_device *dev, int error, const char *text)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, false);

        if (r < 0)
                return r;
        if (error > 0)
                return mock_refuse(host, -EINVAL, "problem %d is neither 0 nor a negative errno", error);
        (void)snprintf(host->problem, sizeof(host->problem), "%s", error == 0 ? "" : text ? text : strerror(-error));
        return 0;
}

static void __attribute__((format(printf, 2, 0)))
service_error(struct sconce_device *dev, const char *format, va_list arguments)
{
        struct mock_host *host = mock_host_of(dev);
        char text[sizeof(host->error)];

        /* Through a buffer: the old text may be one of the arguments. */
        (void)vsnprintf(text, sizeof(text), format, arguments);
        memcpy(host->error, text, sizeof(text));
}

static void __attribute__((format(printf, 3, 0)))
service_log(struct sconce_device *dev, int level, const char *format, va_list arguments)
{
        (void)dev;
        (void)printf("<%d>", level);
        (void)vprintf(format, arguments);
        (void)printf("\n");
}

static uint64_t service_now_us(struct sconce_device *dev)
{
        return mock_host_of(dev)->now_us;
}

void mock_deadline_us(struct mock_host *host, uint64_t deadline_us)
{
        host->deadline_us = deadline_us;
}

static uint64_t service_deadline_us(struct sconce_device *dev)
{
        return mock_host_of(dev)->deadline_us;
}

static size_t find_first(const struct mock_host *host, const char *channel)
{
        size_t at = 0;

        while (at < host->n_first && strcmp(host->first[at].channel, channel) != 0)
                at++;
        return at;
}

void mock_first(struct mock_host *host, struct sconce_value value)
{
        size_t at = find_first(host, value.channel);

        assert_true(at < MOCK_FIRST_MAX);
        host->first[at] = value;
        host->n_first += at == host->n_first;
}

static int service_first(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value)
{
        struct mock_host *host = mock_host_of(dev);
        size_t at = find_first(host, channel);
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        if (at == host->n_first)
                return -ENODATA;
        *ret_value = host->first[at];
        return 0;
}

static int service_timed(struct sconce_device *dev, bool timed)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, true);

        if (r == 0)
                host->is_timed = timed;
        return r;
}

int mock_health(const struct mock_host *host)
{
        return host->health;
}

const char *mock_problem(const struct mock_host *host)
{
        return host->problem;
}

const char *mock_error(const struct mock_host *host)
{
        return host->error;
}

bool mock_is_timed(const struct mock_host *host)
{
        return host->is_timed;
}

/* ---- The table ----------------------------------------------------------------------------------------- */

const struct sconce_host mock_services = {
        .size = sizeof(struct sconce_host),
        .id = service_id,
        .report = mock_service_report,
        .event = mock_service_event,
        .health = service_health,
        .problem = service_problem,
        .error = service_error,
        .log = service_log,
        .now_us = service_now_us,
        .channel_add = mock_service_channel_add,
        .first = service_first,
        .timed = service_timed,
        .line_output = mock_service_line_output,
        .line_input = mock_service_line_input,
        .line_set = mock_service_line_set,
        .line_get = mock_service_line_get,
        .dimmer_open = mock_service_dimmer_open,
        .dimmer_set = mock_service_dimmer_set,
        .timer_new = mock_service_timer_new,
        .timer_arm = mock_service_timer_arm,
        .timer_disarm = mock_service_timer_disarm,
        .fd_watch = mock_service_fd_watch,
        .fd_unwatch = mock_service_fd_unwatch,
        .save = mock_service_save,
        .load = mock_service_load,
        .dimmer_get = mock_service_dimmer_get,
        .deadline_us = service_deadline_us,
};
