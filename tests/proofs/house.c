/* SPDX-License-Identifier: Apache-2.0 */
#include "house.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct home home;
struct device devices[DEVICES];
struct sconce_line lines[DEVICES];
uint64_t now_us = BEGIN_US;
bool lines_may_fail;

static struct loop loop;
static struct device *items[DEVICES];
static struct instance instances[DEVICES];
static struct device_config configs[DEVICES];
static struct device_config_line config_lines[DEVICES];
static struct device_pin pins[DEVICES];
static struct channel channels[DEVICES];

/* ---- The loop ------------------------------------------------------------------------------------------ */

uint64_t loop_now_us(const struct loop *its)
{
        (void)its;
        return now_us;
}

void timer_arm(struct timer *timer, uint64_t delay_us)
{
        timer->is_armed = true;
        timer->due_us = now_us + delay_us;
}

void timer_disarm(struct timer *timer)
{
        timer->is_armed = false;
}

bool timer_armed(const struct timer *timer)
{
        return timer->is_armed;
}

/* ---- Lines --------------------------------------------------------------------------------------------- */

static unsigned number_of(const struct sconce_line *line)
{
        for (unsigned i = 1; i < DEVICES; i++)
                if (line == &lines[i])
                        return i;
        return 0;
}

/* One that fails may have been driven all the same, or not. */
int line_set(struct sconce_line *line, bool active, struct fault *fault)
{
        bool has_failed = lines_may_fail && nondet_bool();
        bool was_on = line->is_on;

        (void)fault;
        if (!has_failed || nondet_bool()) {
                line->is_on = active;
                line_seen(number_of(line), was_on);
        }
        return has_failed ? -EIO : 0;
}

bool line_is_open(const struct sconce_line *line)
{
        (void)line;
        return true;
}

/* The service manager may not give it back. */
int line_keep(struct sconce_line *line, const char *device)
{
        (void)line, (void)device;
        return lines_may_fail && nondet_bool() ? -EIO : 0;
}

const char *line_text(const struct sconce_line *line)
{
        (void)line;
        return "GPIO0";
}

/* ---- What is published, logged, saved ------------------------------------------------------------------- */

int fault_set(struct fault *fault, int code, const char *format, ...)
{
        (void)fault, (void)format;
        return code;
}

void log_write(int level, const struct log_about *about, const char *format, ...)
{
        (void)level, (void)about, (void)format;
}

void device_set_error(struct device *device, const char *format, ...)
{
        (void)device, (void)format;
}

void device_clear_error(struct device *device)
{
        (void)device;
}

int host_result(struct device *device, int r, const struct fault *fault)
{
        (void)device, (void)fault;
        return r;
}

void device_enter(struct device *device)
{
        device->publishing.depth++;
}

void device_leave(struct device *device)
{
        device->publishing.depth--;
}

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        (void)time_us, (void)count;
        device->channels.items[0].now.on = values[0].on;
        return 0;
}

void saved_on_since(struct device *device)
{
        (void)device;
}

void saved_released(struct device *device)
{
        (void)device;
}

void saved_off(struct device *device)
{
        (void)device;
}

struct start_mark *start_mark_enter(struct start_mark *mark)
{
        return mark;
}

/* ---- The plugin ---------------------------------------------------------------------------------------- */

/* It does what it is asked, or refuses, or waits and does it later by itself (min_off, a delay). */
static int plugin_command(struct sconce_device *dev, void *data, const struct sconce_command *command)
{
        struct device *device = device_of(dev);

        (void)data;
        if (nondet_bool())
                return nondet_bool() ? 0 : -EBUSY;
        int r = host_line_set(dev, device->pins[0].pin.line, command->values[0].on);
        if (r == 0) {
                device->channels.items[0].now.type = SCONCE_VALUE_BOOL;
                device->channels.items[0].now.on = command->values[0].on;
        }
        return r;
}

static const struct sconce_option line_row = { .key = "line", .type = SCONCE_TYPE_LINE, .flags = SCONCE_OUTPUT };
static const struct plugin_line plugin_line = { .row = &line_row };
static const struct plugin plugin = { .has_output = true };
static const char *const ids[] = { "a", "b", "c" };

static void make_device(unsigned at)
{
        struct device *device = &devices[at];

        config_lines[at] = (struct device_config_line){ .line = &lines[at], .of = &plugin_line };
        configs[at].plugin = &plugin;
        configs[at].lines = &config_lines[at];
        configs[at].n_lines = configs[at].n_outputs = 1;
        instances[at].device = device;
        instances[at].config = &configs[at];
        instances[at].calls.command = plugin_command;
        channels[at].row.key = "state";
        channels[at].row.kind = SCONCE_SWITCH;
        channels[at].kind = kind_get(SCONCE_SWITCH);
        pins[at] = (struct device_pin){ .device = device, .pin = pin_at(&configs[at], 0), .wish = -1 };
        strcpy(device->id, ids[at]);
        device->context = &home.context;
        device->plugin = &plugin;
        device->instance = &instances[at];
        device->channels.items = &channels[at];
        device->channels.count = 1;
        device->pins = &pins[at];
        device->life.phase = DEVICE_RUNNING;
        device->shared.output.on_exit = -1;
        items[at] = device;
}

void house_init(void)
{
        home.context.loop = &loop;
        home.context.guard = &interlock_guard;
        home.items = items;
        home.count = DEVICES;
        for (unsigned i = 0; i < DEVICES; i++)
                make_device(i);
}

void house_command(unsigned at, bool on, uint32_t flags, uint64_t wanted_until_us)
{
        struct device *device = &devices[at];
        const struct sconce_value value = SCONCE_BOOL("state", on);
        const struct sconce_command command = { .count = 1, .values = &value, .flags = flags };

        device->requests.wanted_until_us = wanted_until_us;
        (void)device_run_callback(device, JOB_COMMAND, &command);
        device->requests.wanted_until_us = 0;
}
