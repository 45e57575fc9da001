/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/line_hint.h"

#include <string.h>

#include "gpio/header.h"
#include "gpio/line.h"

/* The lines of the simulated chip, and of the largest Raspberry Pi so far. */
#define SIM_LAST_LINE 53
#define PI_LAST_LINE  57

static bool is_sim(const struct sconce_line *line, const char *default_chip)
{
        return strcmp(line->chip ? line->chip : default_chip, "sim") == 0;
}

static bool hint_at_pin(unsigned pin, char hint[static 160])
{
        int gpio = header_gpio_at(pin);

        if (gpio >= 0)
                (void)snprintf(hint, 160, "pins of the header have no names; pin %u of a Raspberry Pi's is GPIO%d", pin,
                               gpio);
        else
                (void)snprintf(hint, 160, "pins of the header have no names, and a Raspberry Pi's pin %u is no GPIO",
                               pin);
        return true;
}

bool line_hint(const struct sconce_line *line, const char *default_chip, char hint[static 160])
{
        unsigned number, last = is_sim(line, default_chip) ? SIM_LAST_LINE : PI_LAST_LINE;
        char right[16];

        if (!line->name) {
                if (line->offset <= SIM_LAST_LINE || !is_sim(line, default_chip))
                        return false;
                (void)snprintf(hint, 160, "the simulated chip has the lines 0 to %d", SIM_LAST_LINE);
                return true;
        }
        if (header_parse_number(line->name, "pin", 3, &number))
                return hint_at_pin(number, hint);
        if (!header_parse_number(line->name, "gpio", 3, &number) && !header_parse_number(line->name, "bcm", 3, &number))
                return false;
        (void)snprintf(right, sizeof(right), "GPIO%u", number);
        if (number > last)
                (void)snprintf(hint, 160, "this line probably does not exist: %s ends at GPIO%u",
                               is_sim(line, default_chip) ? "the simulated chip" : "a Raspberry Pi", last);
        else if (strcmp(line->name, right) != 0)
                (void)snprintf(hint, 160, "a line's name is written as the chip has it: did you mean %s?", right);
        else
                return false;
        return true;
}
