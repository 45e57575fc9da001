/* SPDX-License-Identifier: Apache-2.0 */
/* `sconced --lines`: what there is, in the words that a config takes, and the pins of a Raspberry Pi's header. */
#include <errno.h>

#include "gpio/chips.h"
#include "gpio/header.h"
#include "util/text.h"

/* The first column, where a chip is a Raspberry Pi's. */
#define PIN_COLUMN "%-4s"

static void print_pin(const struct chip *chip, unsigned offset, FILE *out)
{
        unsigned number = header_is_on(chip->label) ? header_pin_of(offset) : 0;
        char pin[16] = "-";

        if (number > 0)
                (void)snprintf(pin, sizeof(pin), "%u", number);
        (void)fprintf(out, PIN_COLUMN, pin);
}

static void print_line(struct chip *chip, unsigned offset, const struct line_info *info, FILE *out)
{
        char place[GPIO_NAME_SIZE + 16], name[GPIO_NAME_SIZE], consumer[GPIO_NAME_SIZE];

        /* Any program may call itself anything. */
        (void)snprintf(name, sizeof(name), "%s", info->name);
        (void)snprintf(consumer, sizeof(consumer), "%s", info->consumer);
        text_defang(name);
        text_defang(consumer);
        (void)snprintf(place, sizeof(place), "%s:%u", chip->name, offset);
        (void)fprintf(out, "%-13s %-20s %-20s %-9s %-6s %s\n", place, chip->label[0] ? chip->label : "-",
                      name[0] ? name : "-", info->output ? "output" : "input", info->active_low ? "low" : "high",
                      consumer[0]  ? consumer
                      : info->used ? "the kernel"
                                   : "-");
}

static void print_chip(struct chip *chip, bool has_pins, FILE *out)
{
        struct line_info info;

        for (unsigned offset = 0; offset < chip->n_lines; offset++) {
                if (chip->ops->line_info(chip, offset, &info) != 0)
                        continue;
                if (has_pins)
                        print_pin(chip, offset, out);
                print_line(chip, offset, &info, out);
        }
}

static bool is_any_on_header(const struct gpio *gpio)
{
        for (const struct chip *chip = gpio->chips; chip; chip = chip->next)
                if (header_is_on(chip->label))
                        return true;
        return false;
}

static void print_heading(bool has_pins, FILE *out)
{
        if (has_pins)
                (void)fprintf(out, PIN_COLUMN, "PIN");
        (void)fprintf(out, "%-13s %-20s %-20s %-9s %-6s %s\n", "CHIP:OFFSET", "CHIP'S LABEL", "NAME", "DIRECTION",
                      "ACTIVE", "USED BY");
}

int gpio_print_lines(struct gpio *gpio, FILE *out, struct fault *fault)
{
        struct fault opening = { .code = 0 };
        int opened = chips_open_all(gpio, &opening);

        if (!gpio->chips && opened == 0)
                return fault_set(fault, -ENOENT,
                                 "this machine has no GPIO chip that the kernel knows; `chip = sim` in "
                                 "[gpio] simulates one");
        bool has_pins = is_any_on_header(gpio);
        if (gpio->chips)
                print_heading(has_pins, out);
        for (struct chip *chip = gpio->chips; chip; chip = chip->next)
                print_chip(chip, has_pins, out);
        chips_trim(gpio);
        return opened < 0 ? fault_set(fault, opened, "%s", opening.text) : 0;
}
