/* SPDX-License-Identifier: Apache-2.0 */
/* Which chip and which offset a line's text means; where that is unclear, a sentence with what there is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpio/header.h"
#include "gpio/line.h"
#include "util/suggest.h"

/* ---- Names ------------------------------------------------------------------------------------------ */

#define MAX_FOUND 4

struct search {
        const char *name;
        struct line_place found[MAX_FOUND];
        unsigned count;
        struct suggestion suggestion;
        char nearest[GPIO_NAME_SIZE]; /* what the suggestion points to */
};

static void suggest(struct search *search, const char *name)
{
        suggestion_offer(&search->suggestion, name);
        if (search->suggestion.best != name)
                return;
        (void)snprintf(search->nearest, sizeof(search->nearest), "%s", name);
        search->suggestion.best = search->nearest;
}

static void take(struct search *search, struct chip *chip, unsigned offset, const char *name)
{
        if (strcmp(name, search->name) != 0)
                return;
        if (search->count < MAX_FOUND)
                search->found[search->count] = (struct line_place){ .chip = chip, .offset = offset };
        search->count++;
}

static void offer(struct search *search, struct chip *chip, unsigned offset, const char *name)
{
        (void)chip;
        (void)offset;
        suggest(search, name);
}

static void each_name(struct search *search, struct chip *chip,
                      void (*use)(struct search *search, struct chip *chip, unsigned offset, const char *name))
{
        struct line_info info;

        for (unsigned offset = 0; offset < chip->n_lines; offset++) {
                int r = chip->ops->line_info(chip, offset, &info);
                if (r == -ENODEV)
                        chip->gone = true;
                if (r < 0)
                        return;
                if (info.name[0])
                        use(search, chip, offset, info.name);
        }
}

/* What is near costs more than the search: only where the name itself is nowhere. */
static void search_chip(struct search *search, struct chip *chip)
{
        each_name(search, chip, take);
        if (search->count == 0 && !chip->gone)
                each_name(search, chip, offer);
}

/* By name where that distinguishes them, by offset where one chip has the name twice. */
static int ambiguous(const struct search *search, struct fault *fault)
{
        unsigned shown = MIN(search->count, (unsigned)MAX_FOUND);
        bool one_chip = true;
        char list[200];
        size_t at = 0;

        for (unsigned i = 1; i < shown; i++)
                one_chip &= search->found[i].chip == search->found[0].chip;
        for (unsigned i = 0; i < shown && at < sizeof(list); i++) {
                const struct line_place *place = &search->found[i];
                const char *comma = i == 0 ? "" : i + 1 == shown ? " or " : ", ";
                char offset[16];
                (void)snprintf(offset, sizeof(offset), "%u", place->offset);
                at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s:%s", comma, place->chip->name,
                                       one_chip ? offset : search->name);
        }
        return fault_set(fault, -EINVAL, "%u lines are named \"%s\"; write %s", search->count, search->name, list);
}

static int not_found(const struct search *search, const char *where, struct fault *fault)
{
        char suggestion[SUGGESTION_MAX];

        unsigned pin = header_parse_pin(search->name);
        if (pin > 0 && header_gpio_at(pin) >= 0)
                return fault_set(fault, -ENOENT,
                                 "%s has no line named \"%s\"; pin %u of a Raspberry Pi's header is GPIO%d", where,
                                 search->name, pin, header_gpio_at(pin));
        if (pin > 0)
                return fault_set(fault, -ENOENT,
                                 "%s has no line named \"%s\"; pin %u of a Raspberry Pi's header is a supply or "
                                 "ground",
                                 where, search->name, pin);
        if (!search->suggestion.best)
                return fault_set(fault, -ENOENT, "%s has no line named \"%s\"; `sconced --lines` shows what there is",
                                 where, search->name);
        return fault_set(fault, -ENOENT, "%s has no line named \"%s\"%s", where, search->name,
                         suggestion_text(&search->suggestion, suggestion));
}

static int pick(const struct search *search, const char *where, struct line_place *ret, struct fault *fault)
{
        if (search->count == 0)
                return not_found(search, where, fault);
        if (search->count > 1)
                return ambiguous(search, fault);
        *ret = search->found[0];
        return 0;
}

static int resolve_anywhere(struct gpio *gpio, struct search *search, struct line_place *ret, struct fault *fault)
{
        struct fault opening = { .code = 0 };
        int opened = chips_open_all(gpio, &opening);

        for (struct chip *chip = gpio->chips; chip; chip = chip->next)
                if (!chip->gone && (gpio->sim_only || chip->ops != &sim_ops))
                        search_chip(search, chip);
        if (search->count == 0 && opened < 0) /* it may be on the chip that we could not open */
                return fault_set(fault, opened, "%s", opening.text);
        if (search->count == 0 && !gpio->chips) {
                struct chip *chip; /* there is none; or it has come since */
                int r = chips_get(gpio, NULL, &chip, fault);
                if (r < 0)
                        return r;
                search_chip(search, chip);
        }
        return pick(search, gpio->sim_only ? "the simulated chip" : "this machine", ret, fault);
}

/* ---- A line ----------------------------------------------------------------------------------------- */

static int resolve_on_chip(struct gpio *gpio, const struct sconce_line *line, struct search *search,
                           struct line_place *ret, struct fault *fault)
{
        struct chip *chip;
        int r = chips_get(gpio, line->chip, &chip, fault);

        if (r < 0)
                return r;
        if (line->name) {
                search_chip(search, chip);
                return pick(search, chip->name, ret, fault);
        }
        if (line->offset >= chip->n_lines)
                return fault_set(fault, -ENOENT, "%s has the lines 0 to %u; %u is not one of them", chip->name,
                                 chip->n_lines - 1, line->offset);
        *ret = (struct line_place){ .chip = chip, .offset = line->offset };
        return 0;
}

int line_resolve(struct gpio *gpio, const struct sconce_line *line, struct line_place *ret, struct fault *fault)
{
        struct search search = { .name = line->name, .suggestion.wanted = line->name };

        if (line->name && !line->chip)
                return resolve_anywhere(gpio, &search, ret, fault);
        return resolve_on_chip(gpio, line, &search, ret, fault);
}
