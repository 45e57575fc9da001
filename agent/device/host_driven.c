/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what is driven (driven.h), before an output is. One that is on for a limited time must not go on
 * unless that is in the record: a crash would leave it on. Others work without it, and the node lists the problem. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "device/driven.h"

#define UNMARKED "it cannot be written down that it is on for a limited time, so it is not switched on"

static struct driven *record_of(const struct device *device)
{
        return device->context->driven;
}

/* `r`: what became of writing it down. */
static int judge(struct device *device, int r, bool on, struct fault *fault)
{
        struct fault why = { 0 };

        if (r == 0 || !on || !output_is_limited(device))
                return 0;
        r = driven_write(record_of(device), &why);
        return r == 0 ? 0
                      : fault_set(fault, r,
                                  "is not switched on for a limited time, since after a crash nobody would know: %s",
                                  why.text);
}

static int note(struct device *device, const struct pin *pin, bool on, struct fault *fault)
{
        const struct driven_output output = {
                .device = device->id,
                .kind = pin_kind(pin),
                .text = pin_text(pin),
                .settings = pin_settings(pin),
                .exit = device_config_on_exit(device->instance->config, &device->shared),
                .is_limited = output_is_limited_by_section(device),
                .is_for = device->output.is_timed,
        };

        return record_of(device) ? judge(device, driven_note(record_of(device), &output), on, fault) : 0;
}

int host_before_open(struct device *device, const struct pin *pin, double level, struct fault *fault)
{
        int r = level > 0 ? device->context->guard->permit(device, fault) : 0;

        return r < 0 ? r : note(device, pin, level != 0, fault);
}

int host_note_section(struct device *device, bool on, struct fault *fault)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;
        int result = 0;

        for (size_t i = 0; i < pins_count(config); i++) {
                const struct pin pin = pin_at(config, i);
                if (pin_is_output(&pin) && pin_is_open(&pin))
                        result = note(device, &pin, on, fault);
        }
        return result;
}

int host_before_on(struct device *device, struct fault *fault)
{
        int r = device->context->guard->permit(device, fault);

        if (r == 0)
                r = host_keep_out(device, fault);
        if (r == 0 && device->is_unmarked)
                return fault_set(fault, -EIO, "%s", UNMARKED);
        if (r < 0 || !record_of(device))
                return r;
        return judge(device, driven_write(record_of(device), NULL), true, fault);
}

/* Until the store has written how it ended (driven_saved()): what that holds may be older than this `for`, or than its end. */
bool host_for_outlives(const struct device *device)
{
        return device->life.is_exiting && !device->life.is_gone;
}

int host_note_timed(struct device *device, bool timed, struct fault *fault)
{
        struct fault why = { 0 };
        int r = timed ? host_keep_none(device, fault) : 0;

        device->is_unmarked = r < 0;
        if (r < 0 || !record_of(device) || (!timed && host_for_outlives(device)))
                return r;
        r = driven_limit(record_of(device), device->id, timed);
        device->is_unmarked = timed && r < 0;
        if (!device->is_unmarked)
                return 0;
        (void)!driven_limit(record_of(device), device->id, device->output.is_timed);
        (void)!driven_write(record_of(device), &why);
        return fault_set(fault, r, UNMARKED ": %s", why.text);
}

void host_note_before_command(struct device *device)
{
        device->is_unmarked = false;
}

int host_note_command(struct device *device, int r)
{
        if (!device->is_unmarked || r < 0)
                return r;
        device->is_unmarked = false;
        (void)!hold_bring(device, false);
        device_set_error(device, "%s", UNMARKED);
        return -EIO;
}

void host_note_released(struct device *device)
{
        if (record_of(device) && !device->output.stays)
                driven_release(record_of(device), device->id, host_for_outlives(device));
}
