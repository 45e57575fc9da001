/* SPDX-License-Identifier: Apache-2.0 */
/* The 40-pin header of a Raspberry Pi: people count its pins, the config its GPIO lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The GPIO number at a pin (1 to 40); -1: a supply or ground, or no such pin. */
int header_gpio_at(unsigned pin);
/* The pin of a GPIO number; 0: it is not on the header. */
unsigned header_pin_of(unsigned gpio);
/* Whether a chip of that label is a Raspberry Pi's, or the simulated one: offset N is then GPIO N. */
bool header_is_on(const char *label);
/* "GPIO 22", "gpio-22": the number after such a word, of so many digits at most; false: it is something else. */
bool header_parse_number(const char *text, const char *word, size_t max_digits, unsigned *ret);
/* "pin 11", "pin11", "PIN_11": the pin that is meant; 0: it is nothing of that kind. */
unsigned header_parse_pin(const char *text);
