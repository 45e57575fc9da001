/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of channel means for commands, reports and JSON: one row for each kind of the public header. */
#pragma once

#include <sconce/plugin.h>

struct given;
struct json_text;
struct result;
struct value;

/* What Home Assistant calls an entity of the kind. */
enum platform {
        PLATFORM_BINARY_SENSOR = 1,
        PLATFORM_BUTTON,
        PLATFORM_COVER,
        PLATFORM_EVENT,
        PLATFORM_FAN, /* a switch or cover whose class asks for it, as the valve */
        PLATFORM_LIGHT,
        PLATFORM_NUMBER,
        PLATFORM_SELECT,
        PLATFORM_SENSOR,
        PLATFORM_SWITCH,
        PLATFORM_TEXT,
        PLATFORM_TRIGGER, /* no entity: what an automation of a device begins with */
        PLATFORM_VALVE,
};

struct kind {
        const char *name; /* in info: "binary_sensor" */
        enum sconce_value_type type;
        bool written;   /* takes commands, unless the row has a flag against it */
        bool has_state; /* stands in the state */
        bool has_choices;
        bool is_on_off;   /* what ON, OFF and TOGGLE to the device as a whole are for */
        bool is_measured; /* its reports are refined: filter, conversion, delta */
        /* What a command gives, as a value: see convert.h. */
        int (*convert)(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                       struct result *result);
        void (*write)(const struct value *value, struct json_text *out); /* as JSON, where it is known */
        enum platform platform, platform_shown;                          /* while it takes commands, and while not */
};

/* NULL for a number that is no kind. */
const struct kind *kind_get(enum sconce_kind kind);
