/* SPDX-License-Identifier: Apache-2.0 */
/* A line or a dimmer that a section names, so that what holds for both is written once. One of the two is set. */
#pragma once

#include "plugin/device_config.h"

struct pin {
        struct sconce_line *line;
        struct sconce_dimmer *dimmer;
        const struct sconce_option *row; /* of its plugin; NULL: of pin_parse() */
};

/* All that a device has: its lines, then its dimmers. `config` NULL: none. */
size_t pins_count(const struct device_config *config);
struct pin pin_at(const struct device_config *config, size_t index);
bool pin_is_output(const struct pin *pin); /* all dimmers are */
bool pin_is_open(const struct pin *pin);
bool pin_same(const struct pin *a, const struct pin *b, const char *default_chip);

/* What leads to it again: "line", "pwm" or "led", its text as in the config, and its settings. */
const char *pin_kind(const struct pin *pin);
const char *pin_text(const struct pin *pin);
struct line_settings pin_settings(const struct pin *pin);
int pin_parse(const char *kind, const char *text, const struct line_settings *settings, struct pin *ret,
              struct fault *fault) MUST_CHECK;
void pin_done(struct pin *pin); /* of one that was parsed: closes it too */

/* Opens an output without its plugin, which would know how bright: on is full. */
int pin_drive(struct gpio *gpio, const struct pin *pin, bool on, struct fault *fault) MUST_CHECK;
void pin_close(const struct pin *pin);
