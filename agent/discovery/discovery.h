/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Home Assistant's device discovery: one JSON message for each device, made from what its channels are, and nothing else.
 * No plugin knows of it, and it knows no MQTT beside the names of topics.
 */
#pragma once

#include "discovery/device.h"

/* The components that it has, and those of `before` (what this gave earlier; NULL: nothing) that it has no more, each with a
 * blank before and behind it: " light.state number.speed ". Nothing where there are none. */
void discovery_keys(const struct channels *channels, const char *before, struct json_text *out);

enum discovery {
        DISCOVERY_WHOLE,
        DISCOVERY_REMOVES, /* some of `before` is gone, and written so that it is removed: to be sent again later, without */
        DISCOVERY_EMPTY, /* there is no component to speak of */
};

/* The message; `before` as above. */
enum discovery discovery_write(const struct discovery_device *device, const char *before, struct json_text *out);
