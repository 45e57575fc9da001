/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of one node: BASE/NODE/… built and taken apart. The base may have several levels. Pure functions. */
#pragma once

#include "util/macro.h"

enum {
        TOPIC_MAX = 512,      /* of what we build, with its NUL */
        TOPIC_LEVEL_MAX = 64, /* of a device or channel in what arrives */
};

enum topic_kind {
        TOPIC_SET,    /* BASE/NODE/DEVICE/set, or …/set/CHANNEL */
        TOPIC_GET,    /* BASE/NODE/DEVICE/get, or BASE/NODE/get */
        TOPIC_STATUS, /* BASE/NODE/status: our own */
};

struct topic {
        enum topic_kind kind;
        const char *device;  /* NULL: the whole node */
        const char *channel; /* NULL: none */
        char texts[2][TOPIC_LEVEL_MAX + 1];
};

/* -EINVAL for any other topic, base or node, or an overlong level. `ret` points into itself: it cannot be copied. */
int topic_parse(const char *topic, const char *base, const char *node, struct topic *ret) MUST_CHECK;

/* BASE/NODE/DEVICE/WORD, or BASE/NODE/WORD where device is NULL. -ENAMETOOLONG. */
int topic_build(char topic[static TOPIC_MAX], const char *base, const char *node, const char *device, const char *word)
        MUST_CHECK;
