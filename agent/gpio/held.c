/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/held.h"

#include <errno.h>
#include <linux/gpio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gpio/gpio.h"

/* The kernel's own code for "not supported", which it sometimes lets out. */
#define KERNEL_ENOTSUPP 524

/* A request has one line. */
#define ONE_LINE 1U

struct held_request {
        struct line_request request;
        int fd;
};

static const struct chip_ops held_ops;

static int fd_of(struct line_request *request)
{
        return CONTAINER_OF(request, struct held_request, request)->fd;
}

static int call(int fd, unsigned long what, void *argument)
{
        if (ioctl(fd, what, argument) == 0)
                return 0;
        return errno == KERNEL_ENOTSUPP ? -ENOTSUP : -errno;
}

static uint64_t flags_of(const struct request_spec *spec)
{
        static const uint64_t biases[] = {
                [LINE_BIAS_DISABLED] = GPIO_V2_LINE_FLAG_BIAS_DISABLED,
                [LINE_BIAS_PULL_UP] = GPIO_V2_LINE_FLAG_BIAS_PULL_UP,
                [LINE_BIAS_PULL_DOWN] = GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN,
        };
        static const uint64_t drives[] = {
                [LINE_DRIVE_OPEN_DRAIN] = GPIO_V2_LINE_FLAG_OPEN_DRAIN,
                [LINE_DRIVE_OPEN_SOURCE] = GPIO_V2_LINE_FLAG_OPEN_SOURCE,
        };

        return spec->mode == REQUEST_AS_IS ? 0 : GPIO_V2_LINE_FLAG_OUTPUT | biases[spec->bias] | drives[spec->drive];
}

static struct gpio_v2_line_config config_of(const struct request_spec *spec)
{
        struct gpio_v2_line_config config = { .flags = flags_of(spec) };

        if (spec->mode == REQUEST_OUTPUT) {
                config.num_attrs = 1;
                config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
                config.attrs[0].attr.values = spec->high;
                config.attrs[0].mask = ONE_LINE;
        }
        return config;
}

bool held_is_line(int fd)
{
        struct gpio_v2_line_values values = { .mask = ONE_LINE };
        int r = call(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values);

        return r != -ENOTTY && r != -EINVAL && r != -EBADF;
}

int held_adopt(int fd, struct line_request **ret)
{
        struct held_request *held = calloc(1, sizeof(*held));

        if (!held)
                return -ENOMEM;
        held->request.ops = &held_ops;
        held->fd = fd;
        *ret = &held->request;
        return 0;
}

int held_request(int chip_fd, const struct request_spec *spec, struct line_request **ret)
{
        struct gpio_v2_line_request line = { .num_lines = 1, .config = config_of(spec) };

        line.offsets[0] = spec->offset;
        (void)snprintf(line.consumer, sizeof(line.consumer), "%s", spec->consumer);
        int r = call(chip_fd, GPIO_V2_GET_LINE_IOCTL, &line);
        if (r < 0)
                return r;
        r = held_adopt(line.fd, ret);
        if (r < 0)
                (void)close(line.fd);
        return r;
}

static int held_reconfigure(struct line_request *request, const struct request_spec *spec)
{
        struct gpio_v2_line_config config = config_of(spec);

        return call(fd_of(request), GPIO_V2_LINE_SET_CONFIG_IOCTL, &config);
}

static int held_set(struct line_request *request, bool high)
{
        struct gpio_v2_line_values values = { .bits = high, .mask = ONE_LINE };

        return call(fd_of(request), GPIO_V2_LINE_SET_VALUES_IOCTL, &values);
}

static int held_get(struct line_request *request)
{
        struct gpio_v2_line_values values = { .mask = ONE_LINE };
        int r = call(fd_of(request), GPIO_V2_LINE_GET_VALUES_IOCTL, &values);

        return r < 0 ? r : (int)(values.bits & ONE_LINE);
}

static void held_release(struct line_request *request)
{
        struct held_request *held = CONTAINER_OF(request, struct held_request, request);

        (void)close(held->fd);
        free(held);
}

static const struct chip_ops held_ops = {
        .reconfigure = held_reconfigure,
        .set = held_set,
        .get = held_get,
        .output_fd = fd_of,
        .release = held_release,
};
