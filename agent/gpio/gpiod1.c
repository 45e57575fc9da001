/* SPDX-License-Identifier: Apache-2.0 */
/* Chips of the kernel through libgpiod 1 (Debian 12, Raspberry Pi OS bookworm). */

/* The library's events hold a struct timespec. On 32-bit ARM it was built with 32-bit time, and with ours it would be
 * read wrong: nothing here knows dates, so this file keeps to the library's. */
#undef _TIME_BITS

#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpio/chip_ops.h"
#include "gpio/gpio.h"
#include "gpio/held.h"
#include "util/cleanup.h"

_Static_assert(sizeof(time_t) == sizeof(long), "time as libgpiod 1 was built with");

struct gpiod1_chip {
        struct chip chip;
        struct gpiod_chip *handle;
        int fd; /* ours: the library does not give its own; -1: none */
};

struct gpiod1_request {
        struct line_request request;
        struct gpiod_line *line; /* the chip's */
};

static struct gpiod1_chip *chip_of(struct chip *chip)
{
        return CONTAINER_OF(chip, struct gpiod1_chip, chip);
}

static struct gpiod_line *line_of(struct line_request *request)
{
        return CONTAINER_OF(request, struct gpiod1_request, request)->line;
}

static int gpiod1_open(const struct chip_place *place, struct chip **ret)
{
        CLEANUP_FREE struct gpiod1_chip *chip = calloc(1, sizeof(*chip));

        if (!chip)
                return -ENOMEM;
        chip->handle = gpiod_chip_open(place->path);
        if (!chip->handle)
                return -errno;
        chip->fd = open(place->path, O_RDWR | O_CLOEXEC);
        chip->chip.ops = &gpiod_ops;
        chip->chip.n_lines = gpiod_chip_num_lines(chip->handle);
        gpio_name_copy(chip->chip.name, gpiod_chip_name(chip->handle));
        gpio_name_copy(chip->chip.label, gpiod_chip_label(chip->handle));
        *ret = &TAKE_PTR(chip)->chip;
        return 0;
}

static void gpiod1_close(struct chip *base)
{
        struct gpiod1_chip *chip = chip_of(base);

        gpiod_chip_close(chip->handle);
        if (chip->fd >= 0)
                (void)close(chip->fd);
        free(chip);
}

static int gpiod1_line_info(struct chip *base, unsigned offset, struct line_info *ret)
{
        struct gpiod_line *line = gpiod_chip_get_line(chip_of(base)->handle, offset);

        /* The library remembers what it read first; the consumer may have changed since. */
        if (!line || gpiod_line_update(line) < 0)
                return -errno;
        gpio_name_copy(ret->name, gpiod_line_name(line));
        gpio_name_copy(ret->consumer, gpiod_line_consumer(line));
        ret->used = gpiod_line_is_used(line);
        ret->output = gpiod_line_direction(line) == GPIOD_LINE_DIRECTION_OUTPUT;
        ret->active_low = gpiod_line_active_state(line) == GPIOD_LINE_ACTIVE_STATE_LOW;
        return 0;
}

static int flags_of(const struct request_spec *spec)
{
        static const int biases[] = {
                [LINE_BIAS_DISABLED] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
                [LINE_BIAS_PULL_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
                [LINE_BIAS_PULL_DOWN] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN,
        };
        static const int drives[] = {
                [LINE_DRIVE_OPEN_DRAIN] = GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN,
                [LINE_DRIVE_OPEN_SOURCE] = GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE,
        };
        if (spec->mode == REQUEST_AS_IS)
                return 0;
        return biases[spec->bias] | (spec->mode == REQUEST_OUTPUT ? drives[spec->drive] : 0);
}

/* Reading must never wait: an edge that poll() reported may be gone by then. */
static int request_edges(struct gpiod_line *line, const struct request_spec *spec)
{
        if (gpiod_line_request_both_edges_events_flags(line, spec->consumer, flags_of(spec)) < 0)
                return -errno;
        int fd = gpiod_line_event_get_fd(line);
        if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
                int r = -errno;
                gpiod_line_release(line);
                return r;
        }
        return 0;
}

static int request_level(struct gpiod_line *line, const struct request_spec *spec)
{
        const struct gpiod_line_request_config config = {
                .consumer = spec->consumer,
                .request_type = spec->mode == REQUEST_OUTPUT ? GPIOD_LINE_REQUEST_DIRECTION_OUTPUT
                                                             : GPIOD_LINE_REQUEST_DIRECTION_AS_IS,
                .flags = flags_of(spec),
        };
        return gpiod_line_request(line, &config, spec->high) < 0 ? -errno : 0;
}

static int gpiod1_request(struct chip *base, const struct request_spec *spec, struct line_request **ret)
{
        int r;

        if (spec->debounce_us > 0)
                return -ENOTSUP;
        /* An output by its fd, so that it can outlive the process, where the kernel is new enough. */
        r = spec->mode == REQUEST_INPUT ? -EINVAL : held_request(chip_of(base)->fd, spec, ret);
        if (r != -EINVAL && r != -EBADF)
                return r;
        CLEANUP_FREE struct gpiod1_request *request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        request->request.ops = &gpiod_ops;
        request->line = gpiod_chip_get_line(chip_of(base)->handle, spec->offset);
        if (!request->line)
                return -errno;
        r = spec->mode == REQUEST_INPUT ? request_edges(request->line, spec) : request_level(request->line, spec);
        if (r < 0)
                return r;
        *ret = &TAKE_PTR(request)->request;
        return 0;
}

static int gpiod1_reconfigure(struct line_request *request, const struct request_spec *spec)
{
        int r = gpiod_line_set_config(line_of(request), GPIOD_LINE_REQUEST_DIRECTION_OUTPUT, flags_of(spec),
                                      spec->high);
        return r < 0 ? -errno : 0;
}

static int gpiod1_set(struct line_request *request, bool high)
{
        return gpiod_line_set_value(line_of(request), high) < 0 ? -errno : 0;
}

static int gpiod1_get(struct line_request *request)
{
        int value = gpiod_line_get_value(line_of(request));
        return value < 0 ? -errno : value;
}

static int gpiod1_event_fd(struct line_request *request)
{
        int fd = gpiod_line_event_get_fd(line_of(request));
        return fd < 0 ? -errno : fd;
}

static int gpiod1_read_edges(struct line_request *request, struct raw_edge *edges, size_t max)
{
        struct gpiod_line_event events[EDGE_QUEUE];
        int n = gpiod_line_event_read_multiple(line_of(request), events, (unsigned)MIN(max, ARRAY_SIZE(events)));

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                const struct timespec *at = &events[i].ts;
                edges[i] = (struct raw_edge){
                        .high = events[i].event_type == GPIOD_LINE_EVENT_RISING_EDGE,
                        .monotonic_ns = (uint64_t)at->tv_sec * NSEC_PER_SEC + (uint64_t)at->tv_nsec,
                };
        }
        return n;
}

static void gpiod1_release(struct line_request *base)
{
        gpiod_line_release(line_of(base));
        free(CONTAINER_OF(base, struct gpiod1_request, request));
}

const struct chip_ops gpiod_ops = {
        .open = gpiod1_open,
        .close = gpiod1_close,
        .line_info = gpiod1_line_info,
        .request = gpiod1_request,
        .reconfigure = gpiod1_reconfigure,
        .set = gpiod1_set,
        .get = gpiod1_get,
        .event_fd = gpiod1_event_fd,
        .read_edges = gpiod1_read_edges,
        .release = gpiod1_release,
        .adopt = held_adopt,
};
