/* SPDX-License-Identifier: Apache-2.0 */
/* Safe mode, for people: which devices are left out. device/starts.h decides. */
#include "home/inside.h"
#include "device/starts.h"
#include "util/text.h"

void left_out_list(struct home *home)
{
        char list[192] = "", text[320];
        bool is_any = false;

        for (size_t i = 0; i < home->count; i++) {
                if (!home->items[i]->is_left_out)
                        continue;
                text_list_add(list, sizeof(list), home->items[i]->id);
                is_any = true;
        }
        (void)snprintf(text, sizeof(text), "%s: left out, since the agent has died %d times in a row while starting it",
                       list, STARTS_DEATHS_MAX);
        home_problem(home, "safe mode", is_any ? text : NULL);
}
