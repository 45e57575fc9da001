/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lines.h"

#include <errno.h>
#include <stdlib.h>

#include "gpio/gpio.h"
#include "sim/world.h"

#define QUEUE_MAX 256

struct house_request {
        struct line_request request;
        unsigned offset;
        bool is_output;
        void (*ready)(void *userdata);
        void *userdata;
        struct raw_edge queue[QUEUE_MAX];
        size_t count;
};

/* This process's. */
static struct house_request *held[SIM_LINES];

static struct house_line *line_of(unsigned offset)
{
        return &world->lines.items[offset];
}

static void show(unsigned offset, bool high)
{
        struct house_line *line = line_of(offset);

        if (line->high == high)
                return;
        line->high = high;
        laws_edge(offset, high);
}

static void fall_back(unsigned offset)
{
        struct house_line *line = line_of(offset);

        if (line->is_held || fd_store_holds(offset))
                return;
        if (!line->is_output)
                show(offset, line->hand);
        else if (!world->lines.are_kept)
                show(offset, line->pull);
}

void lines_left(unsigned offset)
{
        fall_back(offset);
}

/* ---- From outside ------------------------------------------------------------------------------------------------ */

void lines_power_up(void)
{
        for (unsigned i = 0; i < SIM_LINES; i++) {
                struct house_line *line = line_of(i);
                line->is_held = line->is_output = false;
                show(i, house_is_output(&world->house, i) ? line->pull : line->hand);
        }
}

void lines_let_go(void)
{
        for (unsigned i = 0; i < SIM_LINES; i++) {
                if (!line_of(i)->is_held)
                        continue;
                line_of(i)->is_held = false;
                fall_back(i);
        }
}

void lines_hand(unsigned offset, bool high)
{
        struct house_line *line = line_of(offset);
        struct house_request *request = held[offset];
        uint64_t now_us = world->now_us - world->boot_us;

        laws_hand(offset, high);
        line->hand = high;
        if (line->is_held && line->is_output)
                return;
        show(offset, high);
        if (!request || !line->is_held)
                return;
        if (request->count < QUEUE_MAX)
                request->queue[request->count++] = (struct raw_edge){ .high = high,
                                                                      .monotonic_ns = now_us * NSEC_PER_USEC };
        if (request->ready)
                request->ready(request->userdata);
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

static int house_open(const struct chip_place *place, struct chip **ret)
{
        struct chip *chip = calloc(1, sizeof(*chip));

        (void)place;
        if (!chip)
                return -ENOMEM;
        chip->ops = &gpiod_ops;
        gpio_name_copy(chip->name, SIM_CHIP_NAME);
        gpio_name_copy(chip->label, SIM_CHIP_LABEL);
        chip->n_lines = SIM_LINES;
        *ret = chip;
        return 0;
}

static void house_close(struct chip *chip)
{
        free(chip);
}

static int house_line_info(struct chip *chip, unsigned offset, struct line_info *ret)
{
        const struct house_line *line = line_of(offset);

        (void)chip;
        *ret = (struct line_info){ .used = line->is_held || fd_store_holds(offset), .output = line->is_output };
        (void)snprintf(ret->name, sizeof(ret->name), "GPIO%u", offset);
        gpio_name_copy(ret->consumer, line->is_held ? "sconced" : "");
        return 0;
}

static void drive(struct house_request *request, const struct request_spec *spec)
{
        struct house_line *line = line_of(request->offset);

        if (spec->bias == LINE_BIAS_PULL_UP || spec->bias == LINE_BIAS_PULL_DOWN)
                line->pull = spec->bias == LINE_BIAS_PULL_UP;
        request->is_output = spec->mode == REQUEST_OUTPUT;
        if (spec->mode != REQUEST_AS_IS)
                line->is_output = request->is_output;
        if (request->is_output)
                show(request->offset, spec->high);
}

static int house_request(struct chip *chip, const struct request_spec *spec, struct line_request **ret)
{
        (void)chip;
        if (spec->debounce_us)
                return -ENOTSUP;
        if (line_of(spec->offset)->is_held || fd_store_holds(spec->offset))
                return -EBUSY;
        struct house_request *request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        request->request.ops = &gpiod_ops;
        request->offset = spec->offset;
        request->ready = spec->ready;
        request->userdata = spec->userdata;
        held[spec->offset] = request;
        line_of(spec->offset)->is_held = true;
        drive(request, spec);
        *ret = &request->request;
        return 0;
}

static struct house_request *of(struct line_request *request)
{
        return CONTAINER_OF(request, struct house_request, request);
}

static int house_reconfigure(struct line_request *request, const struct request_spec *spec)
{
        drive(of(request), spec);
        return 0;
}

static int house_set(struct line_request *request, bool high)
{
        show(of(request)->offset, high);
        return 0;
}

static int house_get(struct line_request *request)
{
        return line_of(of(request)->offset)->high;
}

static int house_read_edges(struct line_request *base, struct raw_edge *edges, size_t max)
{
        struct house_request *request = of(base);
        size_t n = MIN(max, request->count);

        for (size_t i = 0; i < n; i++)
                edges[i] = request->queue[i];
        request->count -= n;
        for (size_t i = 0; i < request->count; i++)
                request->queue[i] = request->queue[i + n];
        return (int)n;
}

static void house_release(struct line_request *base)
{
        struct house_request *request = of(base);
        unsigned offset = request->offset;

        held[offset] = NULL;
        line_of(offset)->is_held = false;
        free(request);
        fall_back(offset);
}

static int house_output_fd(struct line_request *base)
{
        return fd_store_fd(of(base)->offset);
}

static int house_adopt(int fd, struct line_request **ret)
{
        struct house_request *request = calloc(1, sizeof(*request));

        if (!request)
                return -ENOMEM;
        request->request.ops = &gpiod_ops;
        request->offset = fd_store_offset(fd);
        request->is_output = true;
        held[request->offset] = request;
        line_of(request->offset)->is_held = true;
        *ret = &request->request;
        return 0;
}

const struct chip_ops gpiod_ops = {
        .open = house_open,
        .close = house_close,
        .line_info = house_line_info,
        .request = house_request,
        .reconfigure = house_reconfigure,
        .set = house_set,
        .get = house_get,
        .read_edges = house_read_edges,
        .release = house_release,
        .output_fd = house_output_fd,
        .adopt = house_adopt,
};
