/* SPDX-License-Identifier: Apache-2.0 */
#include "home/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void waiting_free(struct waiting *waiting)
{
        for (size_t i = 0; waiting && i < waiting->command.count; i++)
                free(waiting->texts[i]);
        free(waiting);
}

int waiting_new(const struct sconce_command *command, uint64_t until_us, struct waiting **ret)
{
        struct waiting *waiting = calloc(1, sizeof(*waiting));

        if (!waiting)
                return -ENOMEM;
        waiting->command = (struct sconce_command){ .values = waiting->values, .flags = command->flags };
        waiting->until_us = until_us;
        for (size_t i = 0; i < command->count && i < COMMAND_VALUES_MAX; i++) {
                waiting->values[i] = command->values[i];
                waiting->command.count++;
                if (command->values[i].type != SCONCE_VALUE_TEXT)
                        continue;
                waiting->values[i].text = waiting->texts[i] = strdup(command->values[i].text);
                if (!waiting->texts[i]) {
                        waiting_free(waiting);
                        return -ENOMEM;
                }
        }
        *ret = waiting;
        return 0;
}
