/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with channels of every kind, and what must hold of every command that is made for one. */
#pragma once

#include "channel/command.h"

/* What people and programs call them, for the first word of an input. */
extern const char *const device_names[];
extern const size_t n_devices;

/* The channels of one of them, made once. */
struct channels *device_channels(size_t device);

/* What command_parse() gave for these channels. */
void check_command(const struct channels *channels, int r, const struct command *command, const struct result *result);
