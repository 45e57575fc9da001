/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin may do with its PWM channels and LEDs. */
#include <errno.h>

#include "device/device.h"

static bool owns(const struct device *device, const struct sconce_dimmer *dimmer)
{
        const struct blueprint *blueprint = device->body->blueprint;

        for (size_t i = 0; dimmer && i < blueprint->n_dimmers; i++)
                if (blueprint->dimmers[i].dimmer == dimmer)
                        return true;
        return false;
}

/* One that closed under our hands: its chip is gone, and so is the device until it is back. */
static int use(struct device *device, struct sconce_dimmer *dimmer, double level)
{
        struct fault fault = { 0 };
        bool was_open = dimmer_is_open(dimmer);

        int r = level > 0 ? interlock_permit(device, &fault) : 0;
        if (r == 0 && level > 0)
                r = host_note_on(device, &fault);
        if (r == 0)
                r = dimmer_set(dimmer, level, &fault);
        interlock_watch(device);
        if (r < 0 && was_open && !dimmer_is_open(dimmer))
                device_lost(device, &fault);
        return host_result(device, r, &fault);
}

int host_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                     double first_level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };
        int r = 0;

        if (first_level == SCONCE_DIMMER_KEEP && interlock_is_member(device))
                first_level = 0;
        if (first_level > 0)
                r = interlock_permit(device, &fault);
        if (!host_may_touch(device))
                r = fault_set(&fault, -EPERM, "dimmers are opened in start");
        else if (!owns(device, dimmer))
                r = fault_set(&fault, -EINVAL, "the plugin opened a dimmer that is not its own");
        else if (r == 0)
                r = host_note_dimmer(device, dimmer, first_level != 0, &fault);
        if (r == 0)
                r = dimmer_open(device->set->options.gpio, dimmer, period_ns, first_level, &fault);
        interlock_watch(device);
        return host_result(device, r, &fault);
}

int host_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        if (owns(device, dimmer))
                return use(device, dimmer, level);
        return host_result(device, fault_set(&fault, -EINVAL, "the plugin used a dimmer that is not its own"),
                           &fault);
}

int host_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        if (owns(device, dimmer) && dimmer_get(dimmer, ret_level) == 0)
                return 0;
        return host_result(device, fault_set(&fault, -ENODEV, "the dimmer is not open"), &fault);
}

int host_dimmers_off(struct device *device)
{
        const struct blueprint *blueprint = device->body->blueprint;
        int result = 0;

        for (size_t i = 0; i < blueprint->n_dimmers; i++) {
                struct sconce_dimmer *dimmer = blueprint->dimmers[i].dimmer;
                if (!dimmer_is_open(dimmer))
                        continue;
                int r = use(device, dimmer, 0);
                if (r < 0) {
                        device_log(device, LOG_ERR, "%s", device->said);
                        result = r;
                }
        }
        return result;
}
