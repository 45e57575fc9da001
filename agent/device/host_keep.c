/* SPDX-License-Identifier: Apache-2.0 */
/* Which outputs outlive the process: those that stay as they are at an exit. */
#include <string.h>

#include "device/device.h"

static bool is_kept(const struct device *device)
{
        return device_config_on_exit(device->instance->config, &device->shared) == ON_EVENT_KEEP &&
               !output_is_limited(device);
}

static int keep(struct device *device, bool is_kept, struct fault *fault)
{
        const struct device_config *config = device->pins ? device->instance->config : NULL;
        int result = 0;

        for (size_t i = 0; i < pins_count(config); i++) {
                const struct pin *pin = &device->pins[i].pin;
                int r = pin->line && pin_is_output(pin) ? line_keep(pin->line, is_kept ? device->id : NULL) : 0;
                if (r < 0)
                        result = fault_set(fault, r, "%s cannot be taken back from the service manager: %s",
                                           line_text(pin->line), strerror(-r));
        }
        return result;
}

int host_keep(struct device *device, struct fault *fault)
{
        return keep(device, is_kept(device), fault);
}

int host_keep_out(struct device *device, struct fault *fault)
{
        return output_is_limited(device) ? keep(device, false, fault) : 0;
}

int host_keep_none(struct device *device, struct fault *fault)
{
        return keep(device, false, fault);
}

bool host_found(const struct device *device, bool *ret_on)
{
        const struct sconce_line *only = NULL;

        if (device->instance->config->n_outputs != 1)
                return false;
        for (size_t i = 0; i < pins_count(device->instance->config); i++)
                if (pin_is_output(&device->pins[i].pin))
                        only = device->pins[i].pin.line;
        return only && line_found(device->context->gpio, only, device->id, ret_on);
}
