/* SPDX-License-Identifier: Apache-2.0 */
/* `sconced --lines`: what there is, in the words that a config takes. */
#include <errno.h>

#include "gpio/chips.h"

static void print_line(struct chip *chip, unsigned offset, const struct line_info *info, FILE *out)
{
        char place[GPIO_NAME_SIZE + 16];

        (void)snprintf(place, sizeof(place), "%s:%u", chip->name, offset);
        (void)fprintf(out, "%-13s %-20s %-20s %-9s %-6s %s\n", place, chip->label[0] ? chip->label : "-",
                      info->name[0] ? info->name : "-", info->output ? "output" : "input",
                      info->active_low ? "low" : "high",
                      info->consumer[0] ? info->consumer
                      : info->used      ? "the kernel"
                                        : "-");
}

static void print_chip(struct chip *chip, FILE *out)
{
        struct line_info info;

        for (unsigned offset = 0; offset < chip->n_lines; offset++)
                if (chip->ops->line_info(chip, offset, &info) == 0)
                        print_line(chip, offset, &info, out);
}

int gpio_print_lines(struct gpio *gpio, FILE *out, struct fault *fault)
{
        struct fault opening = { .code = 0 };
        int opened = chips_open_all(gpio, &opening);

        if (!gpio->chips && opened == 0)
                return fault_set(fault, -ENOENT,
                                 "this machine has no GPIO chip that the kernel knows; `chip = sim` in "
                                 "[gpio] simulates one");
        if (gpio->chips)
                (void)fprintf(out, "%-13s %-20s %-20s %-9s %-6s %s\n", "CHIP:OFFSET", "CHIP'S LABEL", "NAME",
                              "DIRECTION", "ACTIVE", "USED BY");
        for (struct chip *chip = gpio->chips; chip; chip = chip->next)
                print_chip(chip, out);
        chips_trim(gpio);
        return opened < 0 ? fault_set(fault, opened, "%s", opening.text) : 0;
}
