/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices by their ids, so that a command finds one among a thousand as fast as one alone. A place holds the device's place among
 * the home's items, from 1, and is the first free one from its hash on: half of them are free at least. One that is not among the
 * items any more is passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"
#include "util/text.h"

#define PLACES_MIN 8U

static void put(struct home *home, size_t item)
{
        size_t at = text_hash(HASH_BEGIN, home->items[item]->id) & (home->n_places - 1);

        while (home->places[at])
                at = (at + 1) & (home->n_places - 1);
        home->places[at] = (uint32_t)item + 1;
}

void index_renew(struct home *home)
{
        memset(home->places, 0, home->n_places * sizeof(*home->places));
        for (size_t i = 0; i < home->count; i++)
                put(home, i);
}

int index_add(struct home *home)
{
        if (home->count * 2 <= home->n_places) {
                put(home, home->count - 1);
                return 0;
        }
        size_t n = MAX(home->n_places * 2, PLACES_MIN);
        uint32_t *places = reallocarray(home->places, n, sizeof(*places));
        if (!places)
                return -ENOMEM;
        home->places = places;
        home->n_places = n;
        index_renew(home);
        return 0;
}

struct device *home_find(const struct home *home, const char *id)
{
        if (home->n_places == 0)
                return NULL;
        for (size_t at = text_hash(HASH_BEGIN, id) & (home->n_places - 1); home->places[at];
             at = (at + 1) & (home->n_places - 1)) {
                size_t item = home->places[at] - 1;
                if (item < home->count && strcmp(home->items[item]->id, id) == 0)
                        return home->items[item];
        }
        return NULL;
}
