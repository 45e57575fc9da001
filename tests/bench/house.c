/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/house.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/workdir.h"
#include "util/macro.h"

static const struct house {
        const char *name;
        unsigned lamps, contacts; /* beside the kitchen's */
        unsigned meters;          /* sensors, read once an hour */
        unsigned blocking;        /* sensors in threads of their own, read once an hour */
        unsigned rules;
        bool has_trigger; /* one that has the meters read themselves */
} houses[] = {
        { .name = "lamp" },
        { .name = "20", .lamps = 9, .contacts = 5, .meters = 5 },
        { .name = "rules10", .lamps = 9, .contacts = 5, .meters = 5, .rules = 10 },
        { .name = "rules50", .lamps = 9, .contacts = 5, .meters = 5, .rules = 50 },
        { .name = "rules100", .lamps = 9, .contacts = 5, .meters = 5, .rules = 100 },
        { .name = "rules1000", .lamps = 9, .contacts = 5, .meters = 5, .rules = 1000 },
        { .name = "devices10", .meters = 9 },
        { .name = "devices100", .meters = 99 },
        { .name = "devices1000", .meters = 999 },
        { .name = "meters200", .meters = 200, .has_trigger = true },
        { .name = "1000", .lamps = 9, .contacts = 5, .meters = 485, .blocking = 500 },
};

static void write_house(const struct house *house, FILE *out)
{
        unsigned line = 18;

        (void)fprintf(out, "[lamp kitchen]\nline = GPIO17\nrate = 100000\n");
        for (unsigned i = 0; i < house->lamps; i++)
                (void)fprintf(out, "[lamp l%u]\nline = GPIO%u\n", i, line++);
        for (unsigned i = 0; i < house->contacts; i++)
                (void)fprintf(out, "[contact c%u]\nline = GPIO%u\n", i, line++);
        for (unsigned i = 0; i < house->meters; i++)
                (void)fprintf(out, "[meter m%u]\nevery = 1h\n", i);
        if (house->has_trigger)
                (void)fprintf(out, "[meter trigger]\ntrigger = yes\nrate = 100000\n");
        for (unsigned i = 0; i < house->blocking; i++)
                (void)fprintf(out, "[slow s%u]\nevery = 1h\n", i);
        for (unsigned i = 0; i < house->rules; i++)
                (void)fprintf(out, "[rule r%u]\nwhen = c%u.state = ON\nif = m%u.number > %u\nthen = l%u TOGGLE\n", i,
                              i % 5, i % 5, 1000 + i, i % 9);
}

const char *house_config(const char *name)
{
        char *text = NULL;
        size_t size = 0;

        for (size_t i = 0; i < ARRAY_SIZE(houses); i++) {
                if (strcmp(houses[i].name, name) != 0)
                        continue;
                FILE *out = open_memstream(&text, &size);
                if (!out)
                        exit(1);
                write_house(&houses[i], out);
                (void)fclose(out);
                return keep_text(text);
        }
        (void)fprintf(stderr, "no house is called %s\n", name);
        exit(2);
}
