/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/fake_chip.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gpio/chips.h"
#include "util/cleanup.h"

struct fake_chip fake_chips[3];
char fake_log[1024];

struct fake_handle {
        struct chip chip;
        struct fake_chip *fake;
};

struct fake_request {
        struct line_request request;
        struct fake_line *line;
        int edges_fd;
};

static void note(const char *format, ...) PRINTF_LIKE(1, 2);
static void note(const char *format, ...)
{
        size_t at = strlen(fake_log);
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(fake_log + at, sizeof(fake_log) - at, format, arguments);
        va_end(arguments);
}

static struct fake_line *line_of(struct line_request *request)
{
        return CONTAINER_OF(request, struct fake_request, request)->line;
}

static const struct chip_ops fake_ops, old_kernel_ops;

static int fake_chip_open(const struct chip_place *place, struct chip **ret)
{
        char target[PATH_MAX];

        if (!realpath(place->path, target))
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(fake_chips); i++) {
                struct fake_chip *fake = &fake_chips[i];
                if (strcmp(strrchr(target, '/') + 1, fake->name) != 0)
                        continue;
                if (fake->open_error)
                        return fake->open_error;
                struct fake_handle *handle = calloc(1, sizeof(*handle));
                handle->fake = fake;
                handle->chip.ops = &fake_ops;
                handle->chip.n_lines = FAKE_LINES;
                (void)snprintf(handle->chip.name, GPIO_NAME_SIZE, "%s", fake->name);
                (void)snprintf(handle->chip.label, GPIO_NAME_SIZE, "%s", fake->label);
                fake->opens++;
                *ret = &handle->chip;
                return 0;
        }
        return -ENOTTY;
}

static void fake_chip_close(struct chip *chip)
{
        struct fake_handle *handle = CONTAINER_OF(chip, struct fake_handle, chip);
        handle->fake->opens--;
        free(handle);
}

static int fake_line_info(struct chip *chip, unsigned offset, struct line_info *ret)
{
        const struct fake_line *line = &CONTAINER_OF(chip, struct fake_handle, chip)->fake->lines[offset];

        if (line->use_error)
                return line->use_error;
        *ret = (struct line_info){ .used = line->used, .output = line->output, .active_low = line->active_low };
        (void)snprintf(ret->name, sizeof(ret->name), "%s", line->name ? line->name : "");
        (void)snprintf(ret->consumer, sizeof(ret->consumer), "%s", line->consumer ? line->consumer : "");
        return 0;
}

static void note_request(const char *what, const struct request_spec *spec)
{
        static const char *const modes[] = { "as-is", "input", "output" };

        note("%s %s", what, modes[spec->mode]);
        if (spec->mode == REQUEST_OUTPUT)
                note(" %d", spec->high);
        if (spec->bias || spec->drive)
                note(" bias %d drive %d", spec->bias, spec->drive);
        if (spec->debounce_us)
                note(" debounce %u", spec->debounce_us);
        note("; ");
}

static int fake_request(struct chip *chip, const struct request_spec *spec, struct line_request **ret)
{
        struct fake_chip *fake = CONTAINER_OF(chip, struct fake_handle, chip)->fake;
        struct fake_line *line = &fake->lines[spec->offset];
        int pipe_fds[2];

        if (spec->debounce_us && !fake->kernel_debounce)
                return -ENOTSUP;
        note_request("request", spec);
        if (line->request_error)
                return line->request_error;
        struct fake_request *request = calloc(1, sizeof(*request));
        request->request.ops = fake->is_old_kernel ? &old_kernel_ops : &fake_ops;
        request->line = line;
        request->edges_fd = -1;
        line->used = true;
        line->consumer = spec->consumer;
        if (spec->mode == REQUEST_OUTPUT)
                line->high = spec->high;
        if (spec->mode == REQUEST_INPUT) {
                assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
                request->edges_fd = pipe_fds[0];
                line->edges_fd = pipe_fds[1];
        }
        *ret = &request->request;
        return 0;
}

static int fake_reconfigure(struct line_request *request, const struct request_spec *spec)
{
        note_request("reconfigure", spec);
        line_of(request)->high = spec->high;
        return 0;
}

static int fake_set(struct line_request *request, bool high)
{
        struct fake_line *line = line_of(request);

        if (line->use_error)
                return line->use_error;
        note("set %d; ", high);
        line->high = high;
        return 0;
}

static int fake_get(struct line_request *request)
{
        struct fake_line *line = line_of(request);
        return line->use_error ? line->use_error : (int)line->high;
}

static int fake_event_fd(struct line_request *request)
{
        return CONTAINER_OF(request, struct fake_request, request)->edges_fd;
}

static int fake_read_edges(struct line_request *request, struct raw_edge *edges, size_t max)
{
        if (line_of(request)->use_error)
                return line_of(request)->use_error;
        ssize_t n = read(fake_event_fd(request), edges, max * sizeof(*edges));
        return n < 0 ? 0 : (int)((size_t)n / sizeof(*edges));
}

static void fake_release(struct line_request *base)
{
        struct fake_request *request = CONTAINER_OF(base, struct fake_request, request);

        note("release; ");
        request->line->used = false;
        request->line->consumer = NULL;
        if (request->edges_fd >= 0) {
                (void)close(request->edges_fd);
                if (request->line->edges_fd > 0)
                        (void)close(request->line->edges_fd);
                request->line->edges_fd = 0;
        }
        free(request);
}

static int fake_output_fd(struct line_request *request)
{
        const struct fake_line *line = line_of(request);

        for (unsigned chip = 0; chip < ARRAY_SIZE(fake_chips); chip++)
                for (unsigned offset = 0; offset < FAKE_LINES; offset++)
                        if (line == &fake_chips[chip].lines[offset])
                                return (int)FAKE_FD(chip, offset);
        return -EBADF;
}

static int fake_adopt(int fd, struct line_request **ret)
{
        unsigned number = (unsigned)fd - FAKE_FD(0, 0);
        struct fake_request *request = calloc(1, sizeof(*request));

        assert_true(number / 100 < ARRAY_SIZE(fake_chips) && number % 100 < FAKE_LINES);
        request->request.ops = &fake_ops;
        request->line = &fake_chips[number / 100].lines[number % 100];
        request->edges_fd = -1;
        request->line->used = true;
        *ret = &request->request;
        return 0;
}

static const struct chip_ops fake_ops = {
        .open = fake_chip_open,
        .close = fake_chip_close,
        .line_info = fake_line_info,
        .request = fake_request,
        .reconfigure = fake_reconfigure,
        .set = fake_set,
        .get = fake_get,
        .event_fd = fake_event_fd,
        .read_edges = fake_read_edges,
        .release = fake_release,
        .output_fd = fake_output_fd,
        .adopt = fake_adopt,
};

/* Without the last two. */
static const struct chip_ops old_kernel_ops = {
        .reconfigure = fake_reconfigure,
        .set = fake_set,
        .get = fake_get,
        .event_fd = fake_event_fd,
        .read_edges = fake_read_edges,
        .release = fake_release,
};

void fake_chips_reset(void)
{
        static const char *const names[] = { "gpiochip0", "gpiochip1", "gpiochip2" };

        memset(fake_chips, 0, sizeof(fake_chips));
        fake_log[0] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(fake_chips); i++) {
                fake_chips[i].name = names[i];
                fake_chips[i].label = "";
        }
}

static void chip_path(const struct gpio_fixture *fixture, unsigned chip, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/%s", fixture->dir, fake_chips[chip].name);
}

void fake_plug(const struct gpio_fixture *fixture, unsigned chip)
{
        char path[PATH_MAX];

        chip_path(fixture, chip, path);
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
}

void fake_unplug(const struct gpio_fixture *fixture, unsigned chip)
{
        char path[PATH_MAX];

        chip_path(fixture, chip, path);
        assert_int_equal(unlink(path), 0);
}

void fake_open(struct gpio_fixture *fixture, const char *default_chip)
{
        fake_open_with(fixture, default_chip, NULL);
}

void fake_open_with(struct gpio_fixture *fixture, const char *default_chip, const struct fd_store *store)
{
        char sim_dir[PATH_MAX];

        (void)snprintf(sim_dir, sizeof(sim_dir), "%s/sim", fixture->dir);
        const struct gpio_options options = { .chip = default_chip,
                                              .sim_dir = sim_dir,
                                              .sysfs = fixture->dir,
                                              .consumer = "sconced",
                                              .fd_store = store };
        assert_int_equal(gpio_new_on(&fixture->loop, &options, &fake_ops, fixture->dir, &fixture->gpio), 0);
}

void fake_edge_at(unsigned chip, unsigned offset, bool high, uint32_t lost, uint64_t monotonic_ns)
{
        struct fake_line *line = &fake_chips[chip].lines[offset];
        struct raw_edge edge;

        memset(&edge, 0, sizeof(edge)); /* the gaps too: it goes through a pipe */
        edge.high = high;
        edge.lost = lost;
        edge.monotonic_ns = monotonic_ns;
        line->high = high;
        assert_int_equal(write(line->edges_fd, &edge, sizeof(edge)), sizeof(edge));
}

void fake_edge(unsigned chip, unsigned offset, bool high, uint32_t lost)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        fake_edge_at(chip, offset, high, lost, (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec);
}
