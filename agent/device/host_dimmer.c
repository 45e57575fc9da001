/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin may do with its PWM channels and LEDs. */
#include <errno.h>

#include "device/device.h"

/* Where the wish for a dimmer of this device stands; NULL: it is not the device's. */
static double *wish_of(const struct device *device, const struct sconce_dimmer *dimmer)
{
        const struct device_config *config = device->instance->config;

        for (size_t i = 0; dimmer && i < config->n_dimmers; i++)
                if (config->dimmers[i].dimmer == dimmer)
                        return &device->dimmer_wishes[i];
        return NULL;
}

/* One that closed under our hands: its chip is gone, and so is the device until it is back. */
static int use(struct device *device, struct sconce_dimmer *dimmer, double level)
{
        struct fault fault = { 0 };
        bool was_open = dimmer_is_open(dimmer);

        int r = level > 0 ? device->context->guard->permit(device, &fault) : 0;
        if (r == 0 && level > 0)
                r = host_note_on(device, &fault);
        if (r == 0)
                r = dimmer_set(dimmer, level, &fault);
        output_watch(device);
        if (r < 0 && was_open && !dimmer_is_open(dimmer))
                device_lost(device, &fault);
        return host_result(device, r, &fault);
}

/* As first_level() of a line. */
static double first_level(struct device *device, double *wish, double level)
{
        enum hold hold = hold_of(device);

        if (hold == HOLD_NONE)
                return level == SCONCE_DIMMER_KEEP && device->context->guard->begins_off(device) ? 0 : level;
        if (level != SCONCE_DIMMER_KEEP && hold_forbids(hold, level > 0))
                *wish = level;
        if (hold == HOLD_OFF)
                return 0;
        return level > 0 ? level : 1;
}

int host_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns, double level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };
        double *wish = wish_of(device, dimmer);
        int r = 0;

        if (!host_may_touch(device))
                r = fault_set(&fault, -EPERM, "dimmers are opened in start");
        else if (!wish)
                r = fault_set(&fault, -EINVAL, "the plugin opened a dimmer that is not its own");
        else
                level = first_level(device, wish, level);
        if (r == 0 && level > 0)
                r = device->context->guard->permit(device, &fault);
        if (r == 0)
                r = host_note_dimmer(device, dimmer, level != 0, &fault);
        if (r == 0)
                r = dimmer_open(device->context->gpio, dimmer, period_ns, level, &fault);
        output_watch(device);
        return host_result(device, r, &fault);
}

int host_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        struct device *device = device_of(dev);
        double *wish = wish_of(device, dimmer);
        struct fault fault = { 0 };

        if (wish) {
                bool is_held = dimmer_is_open(dimmer) && hold_forbids(hold_of(device), level > 0);
                *wish = is_held ? level : NO_WISH;
                if (!is_held)
                        return use(device, dimmer, level);
                output_watch(device);
                return 0;
        }
        return host_result(device, fault_set(&fault, -EINVAL, "the plugin used a dimmer that is not its own"), &fault);
}

int host_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level)
{
        struct device *device = device_of(dev);
        struct fault fault = { 0 };

        if (wish_of(device, dimmer) && dimmer_get(dimmer, ret_level) == 0)
                return 0;
        return host_result(device, fault_set(&fault, -ENODEV, "the dimmer is not open"), &fault);
}

static int use_open(struct device *device, struct sconce_dimmer *dimmer, double level)
{
        int r = dimmer_is_open(dimmer) ? use(device, dimmer, level) : 0;

        if (r < 0)
                device_log(device, LOG_ERR, "%s", device->said);
        return r;
}

int host_dimmers_force(struct device *device, double level)
{
        const struct device_config *config = device->instance->config;
        int result = 0;

        for (size_t i = 0; i < config->n_dimmers; i++)
                result = MIN(result, use_open(device, config->dimmers[i].dimmer, level));
        return result;
}

void host_dimmers_forget_wishes(struct device *device)
{
        for (size_t i = 0; i < device->instance->config->n_dimmers; i++)
                device->dimmer_wishes[i] = NO_WISH;
}

void host_dimmers_grant_wishes(struct device *device)
{
        const struct device_config *config = device->instance->config;

        for (size_t i = 0; i < config->n_dimmers; i++) {
                double wish = device->dimmer_wishes[i];
                device->dimmer_wishes[i] = NO_WISH;
                if (wish >= 0)
                        (void)use_open(device, config->dimmers[i].dimmer, wish);
        }
}
