/* SPDX-License-Identifier: Apache-2.0 */
#include "system/chip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/process.h"
#include "system/workdir.h"
#include "util/cleanup.h"

bool chip_is_kernel(void)
{
        return getenv("SCONCE_TEST_LINES") != NULL;
}

const char *chip_lines(const char *sim_dir)
{
        char path[1024];

        if (chip_is_kernel())
                return getenv("SCONCE_TEST_LINES");
        (void)snprintf(path, sizeof(path), "%s/gpiochip0", sim_dir);
        return keep_text(strdup(path));
}

const char *chip_config(const char *sim_dir)
{
        const char *chip = getenv("SCONCE_TEST_CHIP");
        char text[1024];

        if (chip_is_kernel())
                (void)snprintf(text, sizeof(text), "chip = %s\n", chip ? chip : "gpiochip0");
        else
                (void)snprintf(text, sizeof(text), "chip = sim\nsim_dir = %s\n", sim_dir);
        return keep_text(strdup(text));
}

static void line_path(char path[static 1024], const char *lines, unsigned offset, const char *name)
{
        (void)snprintf(path, 1024, "%s/sim_gpio%u/%s", lines, offset, name);
}

int chip_value(const char *lines, unsigned offset)
{
        char path[1024];

        line_path(path, lines, offset, "value");
        CLEANUP_FREE char *text = read_file(path);
        return text && *text ? atoi(text) : -1;
}

struct level {
        const char *lines;
        unsigned offset;
        int value;
};

static bool has_level(void *userdata)
{
        const struct level *level = userdata;
        return chip_value(level->lines, level->offset) == level->value;
}

void chip_wait(const char *lines, unsigned offset, int value)
{
        struct level level = { lines, offset, value };

        if (!pump_until(has_level, &level, SOON_MS))
                give_up("line %u shows %d, not %d", offset, chip_value(lines, offset), value);
}

void chip_pull(const char *lines, unsigned offset, bool up)
{
        char path[1024];

        line_path(path, lines, offset, "pull");
        /* As echo does it: one write, the file is truncated where it is a real one. */
        CLEANUP_FILE FILE *file = fopen(path, "we");
        if (!file || fputs(up ? "pull-up\n" : "pull-down\n", file) < 0 || fflush(file) != 0)
                give_up("cannot write %s: %s", path, strerror(errno));
}

size_t chip_edges(const char *lines, unsigned offset)
{
        char path[1024];
        CLEANUP_FREE char *line = NULL;
        size_t n = 0, size = 0;
        unsigned at;

        (void)snprintf(path, sizeof(path), "%s/edges", lines);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        if (!file)
                give_up("cannot read %s: %s", path, strerror(errno));
        while (getline(&line, &size, file) > 0)
                n += sscanf(line, "%*u %u", &at) == 1 && at == offset;
        return n;
}

void chip_needs_edges(void)
{
        if (!chip_is_kernel())
                return;
        print_message("skipped: needs the simulated chip's record of edges\n");
        skip();
}
