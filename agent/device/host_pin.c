/* SPDX-License-Identifier: Apache-2.0 */
/* All lines and dimmers of a device. Where a hold does not let the plugin have its way it is not refused: the level
 * that it wanted last is kept as a wish, which comes true when the hold ends. */
#include <errno.h>
#include <stdlib.h>

#include "device/device.h"

#define NO_WISH (-1.0)

/* A blocking device has none. */
static size_t count_of(const struct device *device)
{
        return device->pins ? pins_count(device->instance->config) : 0;
}

int host_pins_init(struct device *device)
{
        const struct device_config *config = device->instance->config;

        device->pins = calloc(pins_count(config) + 1, sizeof(*device->pins));
        if (!device->pins)
                return -ENOMEM;
        for (size_t i = 0; i < count_of(device); i++)
                device->pins[i] = (struct device_pin){ .device = device, .pin = pin_at(config, i), .wish = NO_WISH };
        return 0;
}

void host_pins_close(struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++) {
                struct device_pin *at = &device->pins[i];
                if (pin_is_open(&at->pin))
                        pin_close(&at->pin);
                at->is_early = false;
                at->wish = NO_WISH;
        }
}

struct device_pin *host_pin_of(const struct device *device, const void *handle)
{
        for (size_t i = 0; handle && i < count_of(device); i++)
                if (device->pins[i].pin.line == handle || device->pins[i].pin.dimmer == handle)
                        return &device->pins[i];
        return NULL;
}

static bool forbids(enum hold hold, bool on)
{
        return hold != HOLD_NONE && on != (hold == HOLD_ON);
}

double host_first_level(struct device_pin *at, double level)
{
        enum hold hold = hold_of(at->device);
        bool is_kept = level < 0;

        if (hold == HOLD_NONE)
                return is_kept && at->device->context->guard->begins_off(at->device) ? 0 : level;
        if (forbids(hold, level > 0))
                at->wish = level; /* as it is found: none */
        if (hold == HOLD_OFF)
                return 0;
        return level > 0 ? level : 1;
}

bool host_is_held(struct device_pin *at, double level)
{
        bool is_held = forbids(hold_of(at->device), level > 0);

        at->wish = is_held ? level : NO_WISH;
        return is_held;
}

bool host_is_any_wished(const struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                if (device->pins[i].wish > 0)
                        return true;
        return false;
}

/* A line as far as it was driven: what it shows may be somebody else's doing. */
static bool is_on(const struct device_pin *at)
{
        double level;

        if (at->pin.line)
                return at->is_driven && line_is_open(at->pin.line);
        return dimmer_get(at->pin.dimmer, &level) == 0 && level > 0;
}

bool host_is_any_on(const struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                if (is_on(&device->pins[i]))
                        return true;
        return false;
}

static int force(struct device_pin *at, double level)
{
        return at->pin.line ? host_line_force(at, level > 0) : host_dimmer_force(at, level);
}

/* All of them in order, dimmers before lines. */
static struct device_pin *dimmers_first(const struct device *device, size_t i)
{
        return &device->pins[(i + device->instance->config->n_lines) % count_of(device)];
}

int host_force(struct device *device, bool on)
{
        int result = 0;

        for (size_t i = 0; i < count_of(device); i++) {
                int r = force(dimmers_first(device, i), on);
                result = MIN(result, r);
        }
        output_watch(device);
        return result;
}

int host_quench(struct device *device, struct fault *fault)
{
        int result = 0;

        for (size_t i = 0; i < count_of(device); i++) {
                const struct pin *pin = &device->pins[i].pin;
                if (!pin_is_output(pin))
                        continue;
                int r = pin_drive(device->context->gpio, pin, false, fault);
                if (r == 0)
                        pin_close(pin);
                result = MIN(result, r);
        }
        return result;
}

void host_drop_wishes(struct device *device)
{
        for (size_t i = 0; i < count_of(device); i++)
                device->pins[i].wish = NO_WISH;
}

bool host_grant_wishes(struct device *device)
{
        bool is_any = false;

        for (size_t i = 0; i < count_of(device); i++) {
                struct device_pin *at = dimmers_first(device, i);
                double wish = at->wish;
                at->wish = NO_WISH;
                is_any |= wish >= 0;
                if (wish >= 0)
                        (void)!force(at, wish);
        }
        output_watch(device);
        return is_any;
}
