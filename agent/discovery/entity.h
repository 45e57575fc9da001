/* SPDX-License-Identifier: Apache-2.0 */
/* One component as Home Assistant's MQTT integration takes it: the keys of its platform. */
#pragma once

#include "discovery/component.h"
#include "discovery/device.h"

struct entity {
        const struct discovery_device *device;
        const struct component *component;
        bool is_alone; /* the device's one entity: called as the device is */
        struct json_text *out;
};

/* {"p":"switch",…} */
void entity_write(const struct entity *entity);
