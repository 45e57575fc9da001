/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/gpio_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cleanup.h"

void gpio_fixture_init(struct gpio_fixture *fixture, bool fake)
{
        const char *parent = getenv("TMPDIR");

        memset(fixture, 0, sizeof(*fixture));
        assert_int_equal(fake ? loop_init_fake(&fixture->loop) : loop_init(&fixture->loop), 0);
        (void)snprintf(fixture->dir, sizeof(fixture->dir), "%s/gpio-XXXXXX", parent ? parent : "/tmp");
        assert_non_null(mkdtemp(fixture->dir));
}

void gpio_fixture_open_sim(struct gpio_fixture *fixture)
{
        const struct gpio_options options = { .chip = "sim", .sim_dir = fixture->dir, .consumer = "sconced" };

        assert_null(fixture->gpio);
        assert_int_equal(gpio_new(&fixture->loop, &options, &fixture->gpio), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
        (void)st;
        (void)type;
        (void)where;
        return remove(path);
}

void gpio_fixture_done(struct gpio_fixture *fixture)
{
        gpio_free(fixture->gpio);
        (void)nftw(fixture->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        loop_done(&fixture->loop);
}

struct sconce_line *fixture_line(const char *text)
{
        struct sconce_line *line = NULL;
        char reason[160];

        assert_int_equal(line_parse(text, reason, &line), 0);
        return line;
}

void sim_path(const struct gpio_fixture *fixture, char path[static PATH_MAX], const char *file)
{
        (void)snprintf(path, PATH_MAX, "%s/gpiochip0/%s", fixture->dir, file);
}

char *sim_read(const struct gpio_fixture *fixture, const char *file)
{
        char path[PATH_MAX], *text = NULL;
        size_t size = 0;

        sim_path(fixture, path, file);
        CLEANUP_FILE FILE *in = fopen(path, "re");
        assert_non_null(in);
        if (getdelim(&text, &size, '\0', in) < 0) {
                free(text);
                text = strdup("");
        }
        return text;
}

/* As a shell's `echo TEXT > FILE` does it: emptied first, then written. */
void sim_write(const struct gpio_fixture *fixture, const char *file, const char *text)
{
        char path[PATH_MAX];

        sim_path(fixture, path, file);
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

int sim_value(const struct gpio_fixture *fixture, unsigned offset)
{
        char file[32];

        (void)snprintf(file, sizeof(file), "sim_gpio%u/value", offset);
        CLEANUP_FREE char *text = sim_read(fixture, file);
        return strcmp(text, "0\n") == 0 ? 0 : strcmp(text, "1\n") == 0 ? 1 : -1;
}

void sim_pull(const struct gpio_fixture *fixture, unsigned offset, const char *text)
{
        char file[32];

        (void)snprintf(file, sizeof(file), "sim_gpio%u/pull", offset);
        sim_write(fixture, file, text);
}

size_t sim_edge_count(const struct gpio_fixture *fixture, unsigned offset)
{
        CLEANUP_FREE char *text = sim_read(fixture, "edges");
        size_t n = 0;

        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
                unsigned at;
                assert_int_equal(sscanf(line, "%*u %u", &at), 1);
                n += at == offset;
        }
        return n;
}

void fixture_settle(struct gpio_fixture *fixture)
{
        while (sd_event_run(fixture->loop.event, 0) > 0)
                ;
}

void record_edge(void *userdata, const struct line_edge *edge, const struct fault *fault)
{
        struct seen *seen = userdata;

        if (fault) {
                seen->gone++;
                seen->fault = *fault;
                return;
        }
        seen->levels[seen->edges++ % 256] = edge->active;
        seen->last = *edge;
}
