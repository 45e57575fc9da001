/* SPDX-License-Identifier: Apache-2.0 */
/* Chips of the kernel through libgpiod 2 (Debian 13, Raspberry Pi OS trixie). */
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpio/chip_ops.h"
#include "gpio/gpio.h"
#include "gpio/held.h"
#include "util/cleanup.h"

/* The kernel's own code for "not supported", which it sometimes lets out. */
#define KERNEL_ENOTSUPP 524
/* Edges that the kernel keeps for us: 128 ms of 1000 pulses a second. */
#define KERNEL_QUEUE 256

struct gpiod2_chip {
        struct chip chip;
        struct gpiod_chip *handle;
};

struct gpiod2_request {
        struct line_request request;
        struct gpiod_line_request *handle;
        struct gpiod_edge_event_buffer *events; /* inputs */
        unsigned offset;
        unsigned long seqno; /* of the last edge */
};

DEFINE_CLEANUP(struct gpiod_chip_info, gpiod_chip_info_free);
DEFINE_CLEANUP(struct gpiod_line_info, gpiod_line_info_free);
DEFINE_CLEANUP(struct gpiod_line_settings, gpiod_line_settings_free);
DEFINE_CLEANUP(struct gpiod_line_config, gpiod_line_config_free);
DEFINE_CLEANUP(struct gpiod_request_config, gpiod_request_config_free);

static struct gpiod2_chip *chip_of(struct chip *chip)
{
        return CONTAINER_OF(chip, struct gpiod2_chip, chip);
}

static struct gpiod2_request *request_of(struct line_request *request)
{
        return CONTAINER_OF(request, struct gpiod2_request, request);
}

static int describe(struct gpiod2_chip *chip)
{
        CLEANUP(gpiod_chip_info_freep) struct gpiod_chip_info *info = gpiod_chip_get_info(chip->handle);

        if (!info)
                return -errno;
        chip->chip.ops = &gpiod_ops;
        chip->chip.n_lines = (unsigned)gpiod_chip_info_get_num_lines(info);
        gpio_name_copy(chip->chip.name, gpiod_chip_info_get_name(info));
        gpio_name_copy(chip->chip.label, gpiod_chip_info_get_label(info));
        return 0;
}

static int gpiod2_open(const struct chip_place *place, struct chip **ret)
{
        CLEANUP_FREE struct gpiod2_chip *chip = calloc(1, sizeof(*chip));

        if (!chip)
                return -ENOMEM;
        chip->handle = gpiod_chip_open(place->path);
        if (!chip->handle)
                return -errno;
        int r = describe(chip);
        if (r < 0) {
                gpiod_chip_close(chip->handle);
                return r;
        }
        *ret = &TAKE_PTR(chip)->chip;
        return 0;
}

static void gpiod2_close(struct chip *base)
{
        struct gpiod2_chip *chip = chip_of(base);

        gpiod_chip_close(chip->handle);
        free(chip);
}

static int gpiod2_line_info(struct chip *base, unsigned offset, struct line_info *ret)
{
        CLEANUP(gpiod_line_info_freep)
        struct gpiod_line_info *info = gpiod_chip_get_line_info(chip_of(base)->handle, offset);

        if (!info)
                return -errno;
        gpio_name_copy(ret->name, gpiod_line_info_get_name(info));
        gpio_name_copy(ret->consumer, gpiod_line_info_get_consumer(info));
        ret->used = gpiod_line_info_is_used(info);
        ret->output = gpiod_line_info_get_direction(info) == GPIOD_LINE_DIRECTION_OUTPUT;
        ret->active_low = gpiod_line_info_is_active_low(info);
        return 0;
}

/* ---- Requests --------------------------------------------------------------------------------------- */

static const enum gpiod_line_direction directions[] = {
        [REQUEST_AS_IS] = GPIOD_LINE_DIRECTION_AS_IS,
        [REQUEST_INPUT] = GPIOD_LINE_DIRECTION_INPUT,
        [REQUEST_OUTPUT] = GPIOD_LINE_DIRECTION_OUTPUT,
};

static const enum gpiod_line_bias biases[] = {
        [LINE_BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS,
        [LINE_BIAS_DISABLED] = GPIOD_LINE_BIAS_DISABLED,
        [LINE_BIAS_PULL_UP] = GPIOD_LINE_BIAS_PULL_UP,
        [LINE_BIAS_PULL_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN,
};

static const enum gpiod_line_drive drives[] = {
        [LINE_DRIVE_PUSH_PULL] = GPIOD_LINE_DRIVE_PUSH_PULL,
        [LINE_DRIVE_OPEN_DRAIN] = GPIOD_LINE_DRIVE_OPEN_DRAIN,
        [LINE_DRIVE_OPEN_SOURCE] = GPIOD_LINE_DRIVE_OPEN_SOURCE,
};

static enum gpiod_line_value value_of(bool high)
{
        return high ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
}

static int fill_settings(struct gpiod_line_settings *settings, const struct request_spec *spec)
{
        int r = gpiod_line_settings_set_direction(settings, directions[spec->mode]);

        if (r == 0 && spec->mode != REQUEST_AS_IS)
                r = gpiod_line_settings_set_bias(settings, biases[spec->bias]);
        if (r == 0 && spec->mode == REQUEST_OUTPUT) {
                r = gpiod_line_settings_set_drive(settings, drives[spec->drive]);
                if (r == 0)
                        r = gpiod_line_settings_set_output_value(settings, value_of(spec->high));
        }
        if (r == 0 && spec->mode == REQUEST_INPUT) {
                r = gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
                gpiod_line_settings_set_debounce_period_us(settings, spec->debounce_us);
        }
        return r < 0 ? -errno : 0;
}

static int make_config(const struct request_spec *spec, struct gpiod_line_config **ret)
{
        CLEANUP(gpiod_line_settings_freep) struct gpiod_line_settings *settings = gpiod_line_settings_new();
        CLEANUP(gpiod_line_config_freep) struct gpiod_line_config *config = gpiod_line_config_new();

        if (!settings || !config)
                return -ENOMEM;
        int r = fill_settings(settings, spec);
        if (r < 0)
                return r;
        if (gpiod_line_config_add_line_settings(config, &spec->offset, 1, settings) < 0)
                return -errno;
        *ret = TAKE_PTR(config);
        return 0;
}

static int ask_kernel(struct gpiod2_chip *chip, const struct request_spec *spec, struct gpiod_line_request **ret)
{
        CLEANUP(gpiod_line_config_freep) struct gpiod_line_config *lines = NULL;
        CLEANUP(gpiod_request_config_freep) struct gpiod_request_config *config = gpiod_request_config_new();

        if (!config)
                return -ENOMEM;
        int r = make_config(spec, &lines);
        if (r < 0)
                return r;
        gpiod_request_config_set_consumer(config, spec->consumer);
        if (spec->mode == REQUEST_INPUT)
                gpiod_request_config_set_event_buffer_size(config, KERNEL_QUEUE);
        struct gpiod_line_request *handle = gpiod_chip_request_lines(chip->handle, config, lines);
        if (!handle)
                return errno == KERNEL_ENOTSUPP ? -ENOTSUP : -errno;
        *ret = handle;
        return 0;
}

static void gpiod2_release(struct line_request *base)
{
        struct gpiod2_request *request = request_of(base);

        if (request->handle)
                gpiod_line_request_release(request->handle);
        gpiod_edge_event_buffer_free(request->events);
        free(request);
}

/* Reading must never wait: an edge that poll() reported may be gone by then. */
static int prepare_events(struct gpiod2_request *request)
{
        int fd = gpiod_line_request_get_fd(request->handle);

        request->events = gpiod_edge_event_buffer_new(EDGE_QUEUE);
        if (!request->events)
                return -ENOMEM;
        return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
}

static int gpiod2_request(struct chip *base, const struct request_spec *spec, struct line_request **ret)
{
        struct gpiod2_request *request = calloc(1, sizeof(*request));
        int r;

        if (!request)
                return -ENOMEM;
        request->request.ops = &gpiod_ops;
        request->offset = spec->offset;
        r = ask_kernel(chip_of(base), spec, &request->handle);
        if (r == 0 && spec->mode == REQUEST_INPUT)
                r = prepare_events(request);
        if (r < 0) {
                gpiod2_release(&request->request);
                return r;
        }
        *ret = &request->request;
        return 0;
}

static int gpiod2_reconfigure(struct line_request *base, const struct request_spec *spec)
{
        CLEANUP(gpiod_line_config_freep) struct gpiod_line_config *lines = NULL;
        int r = make_config(spec, &lines);

        if (r < 0)
                return r;
        return gpiod_line_request_reconfigure_lines(request_of(base)->handle, lines) < 0 ? -errno : 0;
}

static int gpiod2_set(struct line_request *base, bool high)
{
        struct gpiod2_request *request = request_of(base);
        return gpiod_line_request_set_value(request->handle, request->offset, value_of(high)) < 0 ? -errno : 0;
}

static int gpiod2_get(struct line_request *base)
{
        struct gpiod2_request *request = request_of(base);
        enum gpiod_line_value value = gpiod_line_request_get_value(request->handle, request->offset);

        return value == GPIOD_LINE_VALUE_ERROR ? -errno : value == GPIOD_LINE_VALUE_ACTIVE;
}

/* ---- Edges ------------------------------------------------------------------------------------------ */

static int gpiod2_fd(struct line_request *base)
{
        return gpiod_line_request_get_fd(request_of(base)->handle);
}

static int gpiod2_read_edges(struct line_request *base, struct raw_edge *edges, size_t max)
{
        struct gpiod2_request *request = request_of(base);
        int n = gpiod_line_request_read_edge_events(request->handle, request->events, MIN(max, (size_t)EDGE_QUEUE));

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                struct gpiod_edge_event *event = gpiod_edge_event_buffer_get_event(request->events, (unsigned long)i);
                unsigned long seqno = gpiod_edge_event_get_line_seqno(event);
                edges[i].high = gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE;
                edges[i].lost = (uint32_t)(seqno - request->seqno - 1);
                edges[i].monotonic_ns = gpiod_edge_event_get_timestamp_ns(event);
                request->seqno = seqno;
        }
        return n;
}

const struct chip_ops gpiod_ops = {
        .open = gpiod2_open,
        .close = gpiod2_close,
        .line_info = gpiod2_line_info,
        .request = gpiod2_request,
        .reconfigure = gpiod2_reconfigure,
        .set = gpiod2_set,
        .get = gpiod2_get,
        .event_fd = gpiod2_fd,
        .read_edges = gpiod2_read_edges,
        .release = gpiod2_release,
        .output_fd = gpiod2_fd,
        .adopt = held_adopt,
};
