/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin may do with its PWM channels and LEDs. */
#include <errno.h>

#include "device/device.h"

/* One that closed under our hands: its chip is gone, and so is the device until it is back. */
static int use(struct device *device, struct sconce_dimmer *dimmer, double level)
{
        struct fault fault = { 0 };
        bool was_open = dimmer_is_open(dimmer);

        int r = level > 0 ? host_before_on(device, &fault) : 0;
        if (r == 0)
                r = dimmer_set(dimmer, level, &fault);
        output_watch(device);
        if (r < 0 && was_open && !dimmer_is_open(dimmer))
                device_lost(device, &fault);
        return host_result(device, r, &fault);
}

int host_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns, double level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };
        struct device_pin *at = host_pin_of(device, dimmer);
        int r = 0;

        if (!host_may_touch(device))
                r = fault_set(&fault, -EPERM, "dimmers are opened in start");
        else if (!at)
                r = fault_set(&fault, -EINVAL, "the plugin opened a dimmer that is not its own");
        else
                level = host_first_level(at, level);
        if (r == 0)
                r = host_before_open(device, &at->pin, level, &fault);
        if (r == 0)
                r = dimmer_open(device->context->gpio, dimmer, period_ns, level, &fault);
        output_watch(device);
        return host_result(device, r, &fault);
}

int host_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        struct device *device = device_of(dev);
        struct device_pin *at = host_pin_of(device, dimmer);
        struct fault fault = { 0 };

        if (!at)
                return host_result(device, fault_set(&fault, -EINVAL, "the plugin used a dimmer that is not its own"),
                                   &fault);
        if (!dimmer_is_open(dimmer) || !host_is_held(at, level))
                return use(device, dimmer, level);
        output_watch(device);
        return 0;
}

int host_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        if (host_pin_of(device, dimmer) && dimmer_get(dimmer, ret_level) == 0)
                return 0;
        return host_result(device, fault_set(&fault, -ENODEV, "the dimmer is not open"), &fault);
}

int host_dimmer_force(struct device_pin *at, double level)
{
        int r = dimmer_is_open(at->pin.dimmer) ? use(at->device, at->pin.dimmer, level) : 0;

        if (r < 0) {
                struct fault fault;
                device_fault_of(at->device, r, "the dimmer cannot be set", &fault);
                device_log(at->device, LOG_ERR, "%s", fault.text);
        }
        return r;
}
