/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/module.h"

#include <string.h>

const struct tree_node *module_find(const struct tree_node *modules, const char *name)
{
        for (size_t i = 0; modules && modules->kind == TREE_LIST && i < modules->count; i++) {
                const struct tree_node *known = tree_get(modules->items[i].node, "name");
                if (known && known->kind == TREE_TEXT && strcmp(known->text, name) == 0)
                        return modules->items[i].node;
        }
        return NULL;
}

bool module_address(struct draft *draft, const struct tree_node *module, unsigned usual, unsigned *ret_bus,
                    unsigned *ret_address)
{
        *ret_bus = 1;
        *ret_address = usual;
        return draft_unsigned(draft, module, "i2c_bus_num", 255, ret_bus) &&
               draft_unsigned(draft, module, "chip_addr", 0x7f, ret_address);
}
