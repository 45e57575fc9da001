/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has a level between dark and full: a channel of a kernel PWM chip (/sys/class/pwm) or a kernel LED
 * (/sys/class/leds). Like a line, a dimmer is first a text from the config, then opened with its first level.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gpio/gpio.h"

struct sconce_dimmer;

#define DIMMER_KEEP (-1.0) /* as first level: what it shows already */

/* "CHIP:CHANNEL" (pwmchip0:1; CHIP may also be a part of its path, 1-0040), or a LED's name. Opens nothing. */
int dimmer_parse_pwm(const char *text, char reason[static 160], struct sconce_dimmer **ret) MUST_CHECK;
int dimmer_parse_led(const char *text, char reason[static 160], struct sconce_dimmer **ret) MUST_CHECK;
void dimmer_free(struct sconce_dimmer *dimmer);              /* closes it too */
const char *dimmer_text(const struct sconce_dimmer *dimmer); /* as written */
/* Before it is opened: dark is the full duty. */
void dimmer_set_inverted(struct sconce_dimmer *dimmer, bool inverted);
bool dimmer_is_inverted(const struct sconce_dimmer *dimmer);
const char *dimmer_kind(const struct sconce_dimmer *dimmer); /* "pwm" or "led" */
bool dimmer_same(const struct sconce_dimmer *a, const struct sconce_dimmer *b);

/* Shows first_level (0 to 1, or DIMMER_KEEP) from the start. period_ns is a PWM's; 0: 1 ms. -ENOENT no such thing,
 * -EACCES, -EBUSY, -EEXIST when another of our devices has it, -ERANGE. A PWM channel that we have exported may not be
 * ours to write yet (udev comes after the kernel): it stays exported, and a later attempt finds it. */
int dimmer_open(struct gpio *gpio, struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level,
                struct fault *fault) MUST_CHECK;
/* A level above 0 is never rounded down to dark. -ENODEV: it is gone, and closed. */
int dimmer_set(struct sconce_dimmer *dimmer, double level, struct fault *fault) MUST_CHECK;
int dimmer_get(const struct sconce_dimmer *dimmer, double *ret_level) MUST_CHECK; /* what was last set */
/* Dark, it is given back to the kernel; lit, it is left as it is (giving it back would switch it off on some
 * chips), and so is an inverted one (giving it back would switch it on). */
void dimmer_close(struct sconce_dimmer *dimmer);
bool dimmer_is_open(const struct sconce_dimmer *dimmer);

DEFINE_CLEANUP(struct sconce_dimmer, dimmer_free);
#define CLEANUP_DIMMER CLEANUP(dimmer_freep)
