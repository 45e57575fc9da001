/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin may do with its lines. */
#include <errno.h>

#include "device/device.h"

static void on_edge(void *userdata, const struct line_edge *edge, const struct fault *fault)
{
        const struct device_pin *at = userdata;
        struct device *device = at->device;

        if (fault) {
                device_lost(device, fault);
                return;
        }
        if (!at->fn) /* its start waits for another input */
                return;
        const struct sconce_edge seen = {
                .line = at->pin.line, .active = edge->active, .lost = edge->lost, .time_us = edge->time_us
        };
        device_enter(device);
        device_clear_error(device);
        at->fn(&device->instance->handle, device->instance->config->data, &seen);
        device_leave(device);
}

/* A line that this call may open: the device's own, of the right direction. */
static int openable(struct device *device, const struct device_pin *at, bool output, struct fault *fault)
{
        if (!host_may_touch(device))
                return fault_set(fault, -EPERM, "lines are opened in start");
        if (!at)
                return fault_set(fault, -EINVAL, "the plugin opened a line that is not its own");
        if (pin_is_output(&at->pin) != output)
                return fault_set(fault, -EINVAL, "the plugin declares %s as an %s and opened it as the other",
                                 at->pin.row->key, output ? "input" : "output");
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
        struct device_pin *at = host_pin_of(device, handle);
        struct fault fault = { 0 };

        int r = openable(device, at, true, &fault);
        if (r == 0)
                first_value = (int)host_first_level(at, first_value < 0 ? -1 : first_value != 0);
        if (r == 0)
                r = host_before_open(device, &at->pin, first_value, &fault);
        if (r == 0)
                r = host_keep(device, &fault);
        if (r == 0)
                r = line_open_output(device->context->gpio, handle, first_value < 0 ? -1 : first_value != 0, on_edge,
                                     at, &fault);
        if (r == 0)
                at->is_driven = is_driven(handle, first_value);
        output_watch(device);
        return host_result(device, r, &fault);
}

int host_line_input(struct sconce_device *dev, struct sconce_line *handle, sconce_line_fn fn)
{
        struct device *device = device_of(dev);
        struct device_pin *at = host_pin_of(device, handle);
        struct fault fault = { 0 };

        int r = openable(device, at, false, &fault);
        if (r == 0) {
                at->fn = fn;
                if (at->is_early) {
                        at->is_early = false;
                        return 0;
                }
                r = line_open_input(device->context->gpio, handle, on_edge, at, &fault);
        }
        return host_result(device, r, &fault);
}

/* ---- The first values of inputs ------------------------------------------------------------------------ */

static void on_first(void *userdata)
{
        device_input_debounced(((struct device_pin *)userdata)->device);
}

static bool has_debounce(const struct pin *pin)
{
        return !pin_is_output(pin) && line_settings(pin->line)->debounce_us > 0;
}

bool host_inputs_are_settled(const struct device *device)
{
        for (size_t i = 0; i < device->instance->config->n_lines; i++)
                if (device->pins[i].is_early && !line_is_settled(device->pins[i].pin.line))
                        return false;
        return true;
}

int host_open_inputs(struct device *device)
{
        struct fault fault = { 0 };
        int r = 0;

        for (size_t i = 0; i < device->instance->config->n_lines; i++) {
                struct device_pin *at = &device->pins[i];
                if (!has_debounce(&at->pin))
                        continue;
                at->fn = NULL;
                r = line_open_input(device->context->gpio, at->pin.line, on_edge, at, &fault);
                if (r < 0)
                        break;
                at->is_early = true;
                line_on_first(at->pin.line, on_first);
        }
        return host_result(device, r, &fault);
}

/* ---- Levels of lines ----------------------------------------------------------------------------------- */

static int open_line(struct device *device, const struct sconce_line *handle, struct fault *fault)
{
        if (!host_pin_of(device, handle))
                return fault_set(fault, -EINVAL, "the plugin used a line that is not its own");
        if (!line_is_open(handle))
                return fault_set(fault, -ENODEV, "%s is not open", line_text(handle));
        return 0;
}

/* A line that closed under our hands: its chip is gone, and so is the device until it is back. */
static int use_result(struct device *device, const struct sconce_line *handle, int r, const struct fault *fault)
{
        if (r < 0 && host_pin_of(device, handle) && !line_is_open(handle))
                device_lost(device, fault);
        return host_result(device, r, fault);
}

static int drive_line(struct device_pin *at, bool active, struct fault *fault)
{
        int r = active ? host_before_on(at->device, fault) : 0;

        if (r < 0)
                return r;
        r = line_set(at->pin.line, active, fault);
        at->is_driven = active || (at->is_driven && r < 0);
        return r;
}

int host_line_set(struct sconce_device *dev, struct sconce_line *handle, bool active)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        int r = open_line(device, handle, &fault);
        if (r == 0) {
                struct device_pin *at = host_pin_of(device, handle);
                if (!host_is_held(at, active))
                        r = drive_line(at, active, &fault);
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

int host_line_force(struct device_pin *at, bool on)
{
        struct fault fault = { 0 };

        if (!pin_is_output(&at->pin) || !line_is_open(at->pin.line))
                return 0;
        int r = drive_line(at, on, &fault);
        if (r < 0)
                device_log(at->device, LOG_ERR, "%s", fault.text);
        return use_result(at->device, at->pin.line, r, &fault);
}
