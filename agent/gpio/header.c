/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/header.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gpio/chip_ops.h"
#include "util/macro.h"

#define PINS 40
#define NONE (-1)

/* Pins 1 and 2, 3 and 4, as they lie side by side; the same on every board with 40 pins. */
static const int8_t gpios[PINS] = {
        NONE, NONE, /* 3.3 V, 5 V */
        2,    NONE, /* 5 V */
        3,    NONE, /* ground */
        4,    14,   /**/
        NONE, 15,   /* ground */
        17,   18,   /**/
        27,   NONE, /* ground */
        22,   23,   /**/
        NONE, 24,   /* 3.3 V */
        10,   NONE, /* ground */
        9,    25,   /**/
        11,   8,    /**/
        NONE, 7,    /* ground */
        0,    1,    /* of the boards that are put on */
        5,    NONE, /* ground */
        6,    12,   /**/
        13,   NONE, /* ground */
        19,   16,   /**/
        26,   20,   /**/
        NONE, 21,   /* ground */
};

int header_gpio_at(unsigned pin)
{
        return pin >= 1 && pin <= PINS ? gpios[pin - 1] : NONE;
}

unsigned header_pin_of(unsigned gpio)
{
        for (unsigned pin = 1; pin <= PINS; pin++)
                if (gpios[pin - 1] == (int)gpio)
                        return pin;
        return 0;
}

bool header_is_on(const char *label)
{
        static const char *const labels[] = { "pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1", SIM_CHIP_LABEL };

        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                if (strcmp(label, labels[i]) == 0)
                        return true;
        return false;
}

bool header_parse_number(const char *text, const char *word, size_t max_digits, unsigned *ret)
{
        if (strncasecmp(text, word, strlen(word)) != 0)
                return false;
        text += strlen(word);
        text += strspn(text, " _-#.");
        if (!isdigit((unsigned char)*text) || strlen(text) > max_digits || text[strspn(text, "0123456789")] != '\0')
                return false;
        *ret = (unsigned)strtoul(text, NULL, 10);
        return true;
}

unsigned header_parse_pin(const char *text)
{
        unsigned pin;

        return header_parse_number(text, "pin", 2, &pin) && pin <= PINS ? pin : 0;
}
