/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/line_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "system/process.h"

void line_watch_open(struct line_watch *watch, const struct gpiosim *sim, unsigned offset)
{
        struct gpio_v2_line_info info = { .offset = offset };
        char path[GPIOSIM_NAME_MAX + 8];

        *watch = (struct line_watch){ 0 };
        (void)snprintf(path, sizeof(path), "/dev/%s", sim->chip);
        watch->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (watch->fd < 0 || ioctl(watch->fd, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, &info) < 0)
                give_up("cannot watch line %u of %s: %s", offset, path, strerror(errno));
}

void line_watch_count(struct line_watch *watch)
{
        struct gpio_v2_line_info_changed change;

        while (read(watch->fd, &change, sizeof(change)) == (ssize_t)sizeof(change)) {
                watch->requested += change.event_type == GPIO_V2_LINE_CHANGED_REQUESTED;
                watch->released += change.event_type == GPIO_V2_LINE_CHANGED_RELEASED;
                watch->configured += change.event_type == GPIO_V2_LINE_CHANGED_CONFIG;
        }
}

void line_watch_close(struct line_watch *watch)
{
        (void)close(watch->fd);
}
