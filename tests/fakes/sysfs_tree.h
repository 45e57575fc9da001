/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PWM channels and LEDs as the kernel of a Raspberry Pi shows them in /sys, in a directory of a test's: with
 * the links, the list of triggers, and what nobody here reads. What is written is there to be read, but
 * nothing happens by itself: a channel that is exported does not appear.
 */
#pragma once

#include <stdint.h>

/* class/leds/NAME with a trigger that is at work, as ACT has. */
void sysfs_tree_led(const char *root, const char *name, unsigned max_brightness);
/* class/pwm/pwmchip0 with two channels, of which 1 is exported, at rest. */
void sysfs_tree_pwm(const char *root);

/* The number in an attribute, "class/leds/ACT/brightness"; fails the test where there is none. */
uint64_t sysfs_tree_number(const char *root, const char *attribute);
/* The first line of one, up to size - 1 bytes. */
void sysfs_tree_text(const char *root, const char *attribute, char *text, unsigned size);
