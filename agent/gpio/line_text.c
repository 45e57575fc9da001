/* SPDX-License-Identifier: Apache-2.0 */
/* A line as a config writes it, before anything is opened. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpio/line.h"

#define LINE_TEXT_MAX 255

static int parse_refused(char reason[static 160], const char *why)
{
        (void)snprintf(reason, 160,
                       "%s; a line is NAME, OFFSET, CHIP:NAME or CHIP:OFFSET, as in GPIO17 or gpiochip0:17", why);
        return -EINVAL;
}

static int parse_place(struct sconce_line *line, const char *place, char reason[static 160])
{
        if (place[strspn(place, "0123456789")] == '\0') {
                char *end;
                errno = 0;
                unsigned long offset = strtoul(place, &end, 10);
                if (errno || offset > UINT16_MAX)
                        return parse_refused(reason, "the offset is too large");
                line->offset = (unsigned)offset;
                return 0;
        }
        line->name = strdup(place);
        return line->name ? 0 : -ENOMEM;
}

int line_parse(const char *text, char reason[static 160], struct sconce_line **ret)
{
        size_t length = strlen(text);
        /* Labels and paths may contain colons, so the last one counts. */
        const char *colon = strrchr(text, ':');

        if (length == 0)
                return parse_refused(reason, "it is empty");
        if (length > LINE_TEXT_MAX)
                return parse_refused(reason, "it is too long");
        for (size_t i = 0; i < length; i++)
                if (iscntrl((unsigned char)text[i]))
                        return parse_refused(reason, "it has a control character in it");
        if (colon == text)
                return parse_refused(reason, "the chip before the colon is missing");
        if (colon && !colon[1])
                return parse_refused(reason, "the line after the colon is missing");

        CLEANUP_LINE struct sconce_line *line = calloc(1, sizeof(*line));
        if (!line)
                return -ENOMEM;
        line->text = strdup(text);
        line->chip = colon ? strndup(text, (size_t)(colon - text)) : NULL;
        if (!line->text || (colon && !line->chip))
                return -ENOMEM;
        int r = parse_place(line, colon ? colon + 1 : text, reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(line);
        return 0;
}

void line_free(struct sconce_line *line)
{
        if (!line)
                return;
        line_close(line);
        free(line->text);
        free(line->chip);
        free(line->name);
        free(line->keep_for);
        free(line);
}

const char *line_text(const struct sconce_line *line)
{
        return line->text;
}

/* One spelling for the ways to write a chip. */
static const char *plain_chip(const char *chip, const char *default_chip)
{
        static const char *const sim_names[] = { "0", SIM_CHIP_LABEL };

        if (!chip)
                chip = default_chip ? default_chip : "0";
        if (strncmp(chip, "/dev/", 5) == 0)
                chip += 5;
        if (strncmp(chip, "gpiochip", 8) == 0 && chip[8])
                chip += 8;
        for (size_t i = 0; default_chip && strcmp(default_chip, "sim") == 0 && i < ARRAY_SIZE(sim_names); i++)
                if (strcmp(chip, sim_names[i]) == 0)
                        return "sim";
        return chip;
}

/* The simulated chip's names are known without opening it. */
static bool sim_offset(const struct sconce_line *line, unsigned *ret)
{
        char *end;

        if (!line->name) {
                *ret = line->offset;
                return true;
        }
        if (strncmp(line->name, "GPIO", 4) != 0 || !isdigit((unsigned char)line->name[4]))
                return false;
        *ret = (unsigned)strtoul(line->name + 4, &end, 10);
        return *end == '\0';
}

bool line_same(const struct sconce_line *a, const struct sconce_line *b, const char *default_chip)
{
        const char *chip_a = plain_chip(a->chip, default_chip), *chip_b = plain_chip(b->chip, default_chip);
        bool same_chip = strcmp(chip_a, chip_b) == 0;
        unsigned offset_a, offset_b;

        /* A name without a chip is looked for on all of them, and must be there only once. */
        if (a->name && b->name && strcmp(a->name, b->name) == 0)
                return same_chip || !a->chip || !b->chip;
        if (!same_chip)
                return false;
        if (strcmp(chip_a, "sim") == 0 && sim_offset(a, &offset_a) && sim_offset(b, &offset_b))
                return offset_a == offset_b;
        return !a->name && !b->name && a->offset == b->offset;
}

void line_set_settings(struct sconce_line *line, const struct line_settings *settings)
{
        line->settings = *settings;
}

const struct line_settings *line_settings(const struct sconce_line *line)
{
        return &line->settings;
}
