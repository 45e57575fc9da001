/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/classes.h"

#include <string.h>

#include "util/text.h"

static const char *const contact_classes[] = {
        "battery",
        "battery_charging",
        "carbon_monoxide",
        "cold",
        "connectivity",
        "door",
        "garage_door",
        "gas",
        "heat",
        "leak",
        "light",
        "lock",
        "moisture",
        "motion",
        "moving",
        "occupancy",
        "opening",
        "plug",
        "power",
        "presence",
        "problem",
        "running",
        "safety",
        "smoke",
        "sound",
        "tamper",
        "update",
        "vibration",
        "window",
};

void classes_put_contact(struct draft *draft, const struct tree_node *map)
{
        const struct tree_node *node = tree_get(map, "device_class");
        char shown[TEXT_SHOWN_MAX];

        if (tree_is_null(node) || node->kind != TREE_TEXT)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(contact_classes); i++) {
                if (strcmp(node->text, contact_classes[i]) == 0) {
                        draft_put(draft, "device_class", "%s", contact_classes[i]);
                        return;
                }
        }
        import_note(draft->import, node->line, "device_class: a contact cannot be %s: left out",
                    text_show(node->text, shown));
}
