/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is to Home Assistant: components, most of them entities, one or more for each of its channels. A light
 * takes its brightness and effects along, a cover its position.
 */
#pragma once

#include "channel/channels.h"

struct component {
        enum platform platform;
        const struct channel *channel;
        const char *choice; /* PLATFORM_TRIGGER: which of the event's types */
};

/* In the order of the channels. */
void components_each(const struct channels *channels, void (*visit)(void *userdata, const struct component *component),
                     void *userdata);
/* The device's one entity, beside which there are at most triggers. */
bool components_are_one(const struct channels *channels);

/* The word in "platform". */
const char *platform_word(enum platform platform);

/* What names it within its device for ever: "light.state", "device_automation.press.single". Two platforms of one channel
 * are two components, so that one of them can go while the other comes. */
void component_put_key(const struct component *component, struct json_text *out);

/* The channels that a light or cover of its own topic has beside `state`; NULL: none. */
const struct channel *component_brightness(const struct channels *channels);
const struct channel *component_effect(const struct channels *channels);
const struct channel *component_position(const struct channels *channels);
/* A light whose commands and state are the device's own JSON. */
bool component_is_json_light(const struct component *component);
/* A cover or valve whose commands are the device's own. */
bool component_is_main_cover(const struct component *component);
