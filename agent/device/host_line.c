/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin may do with its lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

struct device_line {
        struct device *device;
        size_t index; /* among the device's lines */
        const struct device_config_line *of;
        sconce_line_fn fn;
        bool driven; /* an output that we have switched on, or tried to */
        bool early;  /* an input that is open already, and that the plugin has yet to open */
};

static double *wish_of(const struct device_line *line)
{
        return line ? &line->device->wishes[line->index] : NULL;
}

int host_lines_init(struct device *device)
{
        const struct device_config *config = device->instance->config;

        device->lines = calloc(config->n_lines + 1, sizeof(*device->lines));
        if (!device->lines)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_lines; i++)
                device->lines[i] = (struct device_line){ .device = device, .index = i, .of = &config->lines[i] };
        return host_wishes_init(device);
}

void host_lines_close(struct device *device)
{
        const struct device_config *config = device->instance->config;

        for (size_t i = 0; i < config->n_lines; i++) {
                device->lines[i].early = false;
                if (line_is_open(config->lines[i].line))
                        line_close(config->lines[i].line);
        }
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
        if (!line->fn || device->life.phase != DEVICE_RUNNING)
                return;
        const struct sconce_edge seen = {
                .line = line->of->line, .active = edge->active, .lost = edge->lost, .time_us = edge->time_us
        };
        device_enter(device);
        device_clear_error(device);
        line->fn(&device->instance->handle, device->instance->config->data, &seen);
        device_leave(device);
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

/* One that shows what it was found at is driven so from then on. */
static bool is_driven(struct sconce_line *line, int first_value)
{
        struct fault fault;
        bool active = first_value > 0;

        if (first_value < 0)
                (void)!line_get(line, &active, &fault);
        return active;
}

int host_line_output(struct sconce_device *dev, struct sconce_line *handle, int first_value)
{
        struct device *device = device_of(dev);
        struct device_line *line = find_line(device, handle);
        struct fault fault = { 0 };

        int r = openable(device, line, true, &fault);
        if (r == 0)
                first_value = (int)host_first_level(device, wish_of(line), first_value < 0 ? -1 : first_value != 0);
        if (r == 0)
                r = host_before_open(device, &(struct pin){ .line = handle }, first_value, &fault);
        if (r == 0)
                r = line_open_output(device->context->gpio, handle, first_value < 0 ? -1 : first_value != 0, on_edge,
                                     line, &fault);
        if (r == 0)
                line->driven = is_driven(handle, first_value);
        output_watch(device);
        return host_result(device, r, &fault);
}

int host_line_input(struct sconce_device *dev, struct sconce_line *handle, sconce_line_fn fn)
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
        return !device_config_line_is_output(line->of) && line_settings(line->of->line)->debounce_us > 0;
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
        int r = active ? host_before_on(device, fault) : 0;

        if (r < 0)
                return r;
        r = line_set(line->of->line, active, fault);
        line->driven = active || (line->driven && r < 0);
        return r;
}

int host_line_set(struct sconce_device *dev, struct sconce_line *handle, bool active)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = open_line(device, handle, &fault);
        if (r == 0) {
                struct device_line *line = find_line(device, handle);
                if (!host_is_held(device, wish_of(line), active))
                        r = drive_line(device, line, active, &fault);
        }
        output_watch(device);
        return use_result(device, handle, r, &fault);
}

int host_line_get(struct sconce_device *dev, struct sconce_line *handle, bool *ret_active)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = open_line(device, handle, &fault);
        if (r == 0)
                r = line_get(handle, ret_active, &fault);
        return use_result(device, handle, r, &fault);
}

bool host_line_is_driven(const struct device *device, size_t index)
{
        return device->lines[index].driven && line_is_open(device->lines[index].of->line);
}

int host_line_force(struct device *device, size_t index, bool on)
{
        struct device_line *line = &device->lines[index];
        struct fault fault = { 0 };

        if (!device_config_line_is_output(line->of) || !line_is_open(line->of->line))
                return 0;
        int r = drive_line(device, line, on, &fault);
        if (r < 0)
                device_log(device, LOG_ERR, "%s", fault.text);
        return use_result(device, line->of->line, r, &fault);
}
