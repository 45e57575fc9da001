/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs of a device, lines and dimmers alike, where a hold does not let the plugin have its way. The plugin is not
 * refused: it goes on with its work, and the level that it wanted last is kept as a wish, which comes true when the hold
 * ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/device.h"

#define NO_WISH (-1.0)

/* A blocking device has none. */
static size_t count_of(const struct device *device)
{
        return device->wishes ? pins_count(device->instance->config) : 0;
}

int host_wishes_init(struct device *device)
{
        device->wishes = calloc(pins_count(device->instance->config) + 1, sizeof(*device->wishes));
        if (!device->wishes)
                return -ENOMEM;
        host_wishes_forget(device);
        return 0;
}

void host_wishes_forget(struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                device->wishes[i] = NO_WISH;
}

static bool forbids(enum hold hold, bool on)
{
        return hold != HOLD_NONE && on != (hold == HOLD_ON);
}

double host_first_level(struct device *device, double *wish, double level)
{
        enum hold hold = hold_of(device);
        bool is_kept = level < 0;

        if (hold == HOLD_NONE)
                return is_kept && device->context->guard->begins_off(device) ? 0 : level;
        if (!is_kept && forbids(hold, level > 0))
                *wish = level;
        if (hold == HOLD_OFF)
                return 0;
        return level > 0 ? level : 1;
}

bool host_is_held(struct device *device, double *wish, double level)
{
        bool is_held = forbids(hold_of(device), level > 0);

        *wish = is_held ? level : NO_WISH;
        return is_held;
}

bool host_is_any_wished(const struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                if (device->wishes[i] > 0)
                        return true;
        return false;
}

static bool is_on(const struct device *device, size_t index)
{
        const struct device_config *config = device->instance->config;
        double level;

        if (index < config->n_lines)
                return host_line_is_driven(device, index);
        return dimmer_get(config->dimmers[index - config->n_lines].dimmer, &level) == 0 && level > 0;
}

bool host_is_any_on(const struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                if (is_on(device, i))
                        return true;
        return false;
}

static int force(struct device *device, size_t index, double level)
{
        size_t n_lines = device->instance->config->n_lines;

        return index < n_lines ? host_line_force(device, index, level > 0)
                               : host_dimmer_force(device, index - n_lines, level);
}

/* All of them in order, dimmers before lines. */
static size_t dimmers_first(const struct device *device, size_t i)
{
        return (i + device->instance->config->n_lines) % count_of(device);
}

int host_force(struct device *device, bool on)
{
        int result = 0;

        for (size_t i = 0; i < count_of(device); i++)
                result = MIN(result, force(device, dimmers_first(device, i), on));
        output_watch(device);
        return result;
}

void host_grant_wishes(struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++) {
                size_t at = dimmers_first(device, i);
                double wish = device->wishes[at];
                device->wishes[at] = NO_WISH;
                if (wish >= 0)
                        (void)!force(device, at, wish);
        }
        output_watch(device);
}
