/* SPDX-License-Identifier: Apache-2.0 */
#include "device/pin.h"

#include <errno.h>
#include <string.h>

size_t pins_count(const struct device_config *config)
{
        return config ? config->n_lines + config->n_dimmers : 0;
}

struct pin pin_at(const struct device_config *config, size_t index)
{
        if (index < config->n_lines)
                return (struct pin){ .line = config->lines[index].line, .row = config->lines[index].of->row };
        index -= config->n_lines;
        return (struct pin){ .dimmer = config->dimmers[index].dimmer, .row = config->dimmers[index].row };
}

bool pin_is_output(const struct pin *pin)
{
        return pin->dimmer || (pin->row->flags & SCONCE_OUTPUT);
}

bool pin_is_open(const struct pin *pin)
{
        return pin->line ? line_is_open(pin->line) : dimmer_is_open(pin->dimmer);
}

bool pin_same(const struct pin *a, const struct pin *b, const char *default_chip)
{
        if (a->line && b->line)
                return line_same(a->line, b->line, default_chip);
        return a->dimmer && b->dimmer && dimmer_same(a->dimmer, b->dimmer);
}

const char *pin_kind(const struct pin *pin)
{
        return pin->line ? "line" : dimmer_kind(pin->dimmer);
}

const char *pin_text(const struct pin *pin)
{
        return pin->line ? line_text(pin->line) : dimmer_text(pin->dimmer);
}

struct line_settings pin_settings(const struct pin *pin)
{
        return pin->line ? *line_settings(pin->line)
                         : (struct line_settings){ .active_low = dimmer_is_inverted(pin->dimmer) };
}

int pin_parse(const char *kind, const char *text, const struct line_settings *settings, struct pin *ret,
              struct fault *fault)
{
        struct pin pin = { 0 };
        char reason[160];
        int r;

        if (strcmp(kind, "line") == 0)
                r = line_parse(text, reason, &pin.line);
        else
                r = (strcmp(kind, "pwm") == 0 ? dimmer_parse_pwm : dimmer_parse_led)(text, reason, &pin.dimmer);
        if (r < 0)
                return fault_set(fault, -EBADMSG, "%s: %s", text, reason);
        if (pin.line)
                line_set_settings(pin.line, settings);
        else
                dimmer_set_inverted(pin.dimmer, settings->active_low);
        *ret = pin;
        return 0;
}

void pin_done(struct pin *pin)
{
        line_free(pin->line);
        dimmer_free(pin->dimmer);
}

int pin_drive(struct gpio *gpio, const struct pin *pin, bool on, struct fault *fault)
{
        return pin->line ? line_open_output(gpio, pin->line, on, NULL, NULL, fault)
                         : dimmer_open(gpio, pin->dimmer, 0, on, fault);
}

void pin_close(const struct pin *pin)
{
        if (pin->line)
                line_close(pin->line);
        else
                dimmer_close(pin->dimmer);
}
