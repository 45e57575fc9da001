/* SPDX-License-Identifier: Apache-2.0 */
/* `info`: what the node is, from the home's typed descriptions, as JSON. */
#pragma once

#include "home/home.h"
#include "util/json.h"

struct info {
        struct clock *clock;
        uint64_t started_us;
        const char *config_sha256;
        const struct home *home;
};

/* {"version":…,"started":…,"config":…,"devices":…,"plugins":…} */
void info_write(const struct info *info, struct json_text *out);
/* Its parts: {"kitchen":{"plugin":"lamp",…},…}; {"state":{"kind":"light"},…}; {"lamp":"0.1.0",…} */
void info_write_devices(const struct home *home, struct json_text *out);
void info_write_channels(const struct channels *channels, struct json_text *out);
void info_write_plugins(const struct home *home, struct json_text *out);
