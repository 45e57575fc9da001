/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin on the event loop may call. Everything that it opens here is closed here, whatever the plugin
 * does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

#define TIMERS_MAX  64
#define WATCHES_MAX 64

struct device_line {
        struct device *device;
        const struct device_config_line *of;
        sconce_line_fn fn;
        bool driven; /* an output that we have switched on, or tried to */
        bool early;  /* an input that is open already, and that the plugin has yet to open */
        double wish; /* what the plugin wants where a hold does not let it, 0 or 1; NO_WISH: nothing else */
};

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

static void *instance_of(const struct device *device)
{
        return device->instance->config->data;
}

/* ---- Saying things ------------------------------------------------------------------------------------- */

static const char *host_id(struct sconce_device *dev)
{
        return device_of(dev)->id;
}

static int host_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct device *device = device_of(dev);

        return host_may_report(device) ? device_report(device, time_us, values, count) : -EPERM;
}

static int host_event(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type)
{
        struct device *device = device_of(dev);

        return host_may_report(device) ? device_event(device, time_us, channel, event_type) : -EPERM;
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
        char text[sizeof(device->said)];

        /* Through a buffer: the old text may be one of the arguments. */
        (void)vsnprintf(text, sizeof(text), format, arguments);
        memcpy(device->said, text, sizeof(text));
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
        device->timed_now = timed;
        saved_timed(device);
        return 0;
}

/* ---- Lines --------------------------------------------------------------------------------------------- */

int host_lines_init(struct device *device)
{
        const struct device_config *config = device->instance->config;

        device->lines = calloc(config->n_lines + 1, sizeof(*device->lines));
        device->dimmer_wishes = calloc(config->n_dimmers + 1, sizeof(*device->dimmer_wishes));
        if (!device->lines || !device->dimmer_wishes)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_lines; i++)
                device->lines[i] = (struct device_line){ .device = device, .of = &config->lines[i], .wish = NO_WISH };
        host_dimmers_forget_wishes(device);
        return 0;
}

static struct device_line *find_line(const struct device *device, const struct sconce_line *line)
{
        for (size_t i = 0; line && i < device->instance->config->n_lines; i++)
                if (device->lines[i].of->line == line)
                        return &device->lines[i];
        return NULL;
}

static void on_edge(void *userdata, const struct line_edge *edge, const struct fault *fault)
{
        struct device_line *line = userdata;
        struct device *device = line->device;

        if (fault) {
                device_lost(device, fault);
                return;
        }
        if (!line->fn || device->phase != DEVICE_RUNNING)
                return;
        const struct sconce_edge told = {
                .line = line->of->line, .active = edge->active, .lost = edge->lost, .time_us = edge->time_us
        };
        device_enter(device);
        device->said[0] = '\0';
        line->fn(&device->instance->handle, instance_of(device), &told);
        device_leave(device);
}

int host_result(struct device *device, int r, const struct fault *fault)
{
        if (r < 0)
                (void)snprintf(device->said, sizeof(device->said), "%s", fault->text);
        return r;
}

/* A line that this call may open: the device's own, of the right direction. */
static int openable(struct device *device, const struct device_line *line, bool output, struct fault *fault)
{
        if (!host_may_touch(device))
                return fault_set(fault, -EPERM, "lines are opened in start");
        if (!line)
                return fault_set(fault, -EINVAL, "the plugin opened a line that is not its own");
        if (device_config_line_is_output(line->of) != output)
                return fault_set(fault, -EINVAL, "the plugin declares %s as an %s and opened it as the other",
                                 line->of->of->row->key, output ? "input" : "output");
        return 0;
}

/* What a line shows from its request on: the plugin's value, unless a hold or an interlock knows better. */
static int first_level(struct device *device, struct device_line *line, int first_value)
{
        enum hold hold = hold_of(device);

        if (hold == HOLD_NONE)
                return first_value < 0 && device->context->guard->begins_off(device) ? 0 : first_value;
        if (first_value >= 0 && hold_forbids(hold, first_value > 0))
                line->wish = first_value > 0;
        return hold == HOLD_ON;
}

/* One that shows what it was found at is driven so from then on. */
static bool is_driven(struct sconce_line *line, int first_value)
{
        struct fault fault;
        bool active = first_value > 0;

        if (first_value < 0)
                (void)!line_get(line, &active, &fault);
        return active;
}

static int host_line_output(struct sconce_device *dev, struct sconce_line *handle, int first_value)
{
        struct device *device = device_of(dev);
        struct device_line *line = find_line(device, handle);
        struct fault fault = { 0 };

        int r = openable(device, line, true, &fault);
        if (r == 0)
                first_value = first_level(device, line, first_value);
        if (r == 0 && first_value > 0)
                r = device->context->guard->permit(device, &fault);
        if (r == 0)
                r = host_note_line(device, handle, first_value != 0, &fault);
        if (r == 0)
                r = line_open_output(device->context->gpio, handle, first_value < 0 ? -1 : first_value != 0, on_edge,
                                     line, &fault);
        if (r == 0)
                line->driven = is_driven(handle, first_value);
        output_watch(device);
        return host_result(device, r, &fault);
}

static int host_line_input(struct sconce_device *dev, struct sconce_line *handle, sconce_line_fn fn)
{
        struct device *device = device_of(dev);
        struct device_line *line = find_line(device, handle);
        struct fault fault = { 0 };

        int r = openable(device, line, false, &fault);
        if (r == 0) {
                line->fn = fn;
                if (line->early) {
                        line->early = false;
                        return 0;
                }
                r = line_open_input(device->context->gpio, handle, on_edge, line, &fault);
        }
        return host_result(device, r, &fault);
}

/* ---- The first values of inputs ------------------------------------------------------------------------ */

static void on_first(void *userdata)
{
        device_input_debounced(((struct device_line *)userdata)->device);
}

static bool has_debounce(const struct device_line *line)
{
        return !device_config_line_is_output(line->of) && line_debounce_us(line->of->line) > 0;
}

bool host_inputs_are_settled(const struct device *device)
{
        for (size_t i = 0; i < device->instance->config->n_lines; i++)
                if (device->lines[i].early && !line_is_settled(device->lines[i].of->line))
                        return false;
        return true;
}

int host_open_inputs(struct device *device)
{
        struct fault fault = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < device->instance->config->n_lines; i++) {
                struct device_line *line = &device->lines[i];
                if (!has_debounce(line))
                        continue;
                line->fn = NULL;
                r = line_open_input(device->context->gpio, line->of->line, on_edge, line, &fault);
                if (r < 0)
                        break;
                line->early = true;
                line_on_first(line->of->line, on_first);
        }
        return host_result(device, r, &fault);
}

/* ---- Levels of lines ----------------------------------------------------------------------------------- */

static int open_line(struct device *device, const struct sconce_line *handle, struct fault *fault)
{
        if (!find_line(device, handle))
                return fault_set(fault, -EINVAL, "the plugin used a line that is not its own");
        if (!line_is_open(handle))
                return fault_set(fault, -ENODEV, "%s is not open", line_text(handle));
        return 0;
}

/* A line that closed under our hands: its chip is gone, and so is the device until it is back. */
static int use_result(struct device *device, const struct sconce_line *handle, int r, const struct fault *fault)
{
        if (r < 0 && find_line(device, handle) && !line_is_open(handle))
                device_lost(device, fault);
        return host_result(device, r, fault);
}

static int drive_line(struct device *device, struct device_line *line, bool active, struct fault *fault)
{
        int r = active ? device->context->guard->permit(device, fault) : 0;

        if (r == 0 && active)
                r = host_note_on(device, fault);
        if (r < 0)
                return r;
        r = line_set(line->of->line, active, fault);
        line->driven = active || (line->driven && r < 0);
        return r;
}

/* Where a hold does not let the plugin it is not told so: it goes on with its work, and what it wanted last
 * comes when the hold is over. */
static int host_line_set(struct sconce_device *dev, struct sconce_line *handle, bool active)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = open_line(device, handle, &fault);
        if (r == 0) {
                struct device_line *line = find_line(device, handle);
                bool is_held = hold_forbids(hold_of(device), active);
                line->wish = is_held ? (double)active : NO_WISH;
                if (!is_held)
                        r = drive_line(device, line, active, &fault);
        }
        output_watch(device);
        return use_result(device, handle, r, &fault);
}

static int host_line_get(struct sconce_device *dev, struct sconce_line *handle, bool *ret_active)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = open_line(device, handle, &fault);
        if (r == 0)
                r = line_get(handle, ret_active, &fault);
        return use_result(device, handle, r, &fault);
}

bool host_is_any_on(const struct device *device)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;
        double level;

        for (size_t i = 0; config && device->lines && i < config->n_lines; i++)
                if (device->lines[i].driven && line_is_open(config->lines[i].line))
                        return true;
        for (size_t i = 0; config && i < config->n_dimmers; i++)
                if (dimmer_get(config->dimmers[i].dimmer, &level) == 0 && level > 0)
                        return true;
        return false;
}

bool host_is_any_wished(const struct device *device)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;

        for (size_t i = 0; config && device->lines && i < config->n_lines; i++)
                if (device->lines[i].wish > 0)
                        return true;
        for (size_t i = 0; config && device->dimmer_wishes && i < config->n_dimmers; i++)
                if (device->dimmer_wishes[i] > 0)
                        return true;
        return false;
}

static int drive_open_line(struct device *device, struct device_line *line, bool active)
{
        struct fault fault = { 0 };

        if (!device_config_line_is_output(line->of) || !line_is_open(line->of->line))
                return 0;
        int r = drive_line(device, line, active, &fault);
        if (r < 0)
                device_log(device, LOG_ERR, "%s", fault.text);
        return use_result(device, line->of->line, r, &fault);
}

int host_force(struct device *device, bool on)
{
        const struct device_config *config = device->instance->config;
        int result = host_dimmers_force(device, on ? 1 : 0);

        for (size_t i = 0; i < config->n_lines; i++)
                result = MIN(result, drive_open_line(device, &device->lines[i], on));
        output_watch(device);
        return result;
}

void host_grant_wishes(struct device *device)
{
        const struct device_config *config = device->instance->config;

        host_dimmers_grant_wishes(device);
        for (size_t i = 0; i < config->n_lines; i++) {
                double wish = device->lines[i].wish;
                device->lines[i].wish = NO_WISH;
                if (wish >= 0)
                        (void)drive_open_line(device, &device->lines[i], wish > 0);
        }
        output_watch(device);
}

/* ---- Timers -------------------------------------------------------------------------------------------- */

static void on_timer(void *userdata)
{
        struct sconce_timer *timer = userdata;
        struct device *device = timer->device;

        if (device->phase != DEVICE_RUNNING)
                return;
        device_enter(device);
        device->said[0] = '\0';
        timer->fn(&device->instance->handle, instance_of(device), timer->userdata);
        device_leave(device);
}

static size_t count_timers(const struct device *device)
{
        size_t count = 0;

        for (const struct sconce_timer *timer = device->timers; timer; timer = timer->next)
                count++;
        return count;
}

static int host_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret)
{
        struct device *device = device_of(dev);

        if (!host_may_touch(device))
                return -EPERM;
        if (!fn)
                return -EINVAL;
        if (count_timers(device) >= TIMERS_MAX)
                return -ENOSPC;
        CLEANUP_FREE struct sconce_timer *timer = calloc(1, sizeof(*timer));
        if (!timer)
                return -ENOMEM;
        timer->device = device;
        timer->fn = fn;
        timer->userdata = userdata;
        int r = timer_new(device->context->loop, TIMER_EXACT_US, on_timer, timer, &timer->timer);
        if (r < 0)
                return r;
        timer->next = device->timers;
        device->timers = timer;
        *ret = TAKE_PTR(timer);
        return 0;
}

static bool owns_timer(const struct device *device, const struct sconce_timer *timer)
{
        for (const struct sconce_timer *own = device->timers; own; own = own->next)
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
        if (device->phase != DEVICE_RUNNING)
                return 0;
        device_enter(device);
        device->said[0] = '\0';
        /* May unwatch itself. */
        watch->fn(&device->instance->handle, instance_of(device), events, watch->userdata);
        device_leave(device);
        return 0;
}

static size_t count_watches(const struct device *device)
{
        size_t count = 0;

        for (const struct sconce_watch *watch = device->watches; watch; watch = watch->next)
                count++;
        return count;
}

static int host_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                         struct sconce_watch **ret)
{
        struct device *device = device_of(dev);

        if (!host_may_touch(device))
                return -EPERM;
        if (!fn)
                return -EINVAL;
        if (count_watches(device) >= WATCHES_MAX)
                return -ENOSPC;
        CLEANUP_FREE struct sconce_watch *watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->device = device;
        watch->fn = fn;
        watch->userdata = userdata;
        int r = sd_event_add_io(device->context->loop->event, &watch->source, fd, events, on_ready, watch);
        if (r < 0)
                return r;
        watch->next = device->watches;
        device->watches = watch;
        *ret = TAKE_PTR(watch);
        return 0;
}

static int host_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        struct device *device = device_of(dev);

        for (struct sconce_watch **at = &device->watches; *at; at = &(*at)->next) {
                if (*at != watch)
                        continue;
                *at = watch->next;
                sd_event_source_disable_unref(watch->source);
                free(watch);
                return 0;
        }
        return -EINVAL;
}

/* ---- Saved state --------------------------------------------------------------------------------------- */

static int host_save(struct sconce_device *dev, const char *key, const char *text)
{
        return saved_put(device_of(dev), key, text);
}

static int host_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        return saved_get(device_of(dev), key, text, size);
}

/* In `configure` of a blocking device, whose thread there is not yet. */
static uint64_t host_deadline_us(struct sconce_device *dev)
{
        const struct device *device = device_of(dev);

        return plugin_is_blocking(device->plugin) ? device->settings.deadline_us : 0;
}

/* ---- The table ----------------------------------------------------------------------------------------- */

void host_close_all(struct device *device)
{
        const struct device_config *config = device->instance->config;

        for (size_t i = 0; i < config->n_lines; i++) {
                device->lines[i].early = false;
                if (line_is_open(config->lines[i].line))
                        line_close(config->lines[i].line);
                device->lines[i].wish = NO_WISH;
        }
        for (size_t i = 0; i < config->n_dimmers; i++)
                dimmer_close(config->dimmers[i].dimmer);
        host_dimmers_forget_wishes(device);
        output_watch(device);
        while (device->timers) {
                struct sconce_timer *timer = device->timers;
                device->timers = timer->next;
                timer_free(timer->timer);
                free(timer);
        }
        while (device->watches)
                (void)host_fd_unwatch(&device->instance->handle, device->watches);
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
