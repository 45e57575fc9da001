/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's LEDs: /sys/class/leds/NAME/{trigger,brightness,max_brightness}. */
#include <errno.h>
#include <string.h>

#include "gpio/chips.h"
#include "gpio/dimmer_ops.h"
#include "gpio/sysfs.h"

static int no_such_led(const struct sconce_dimmer *dimmer, struct fault *fault)
{
        char dir[256], names[200];

        (void)snprintf(dir, sizeof(dir), "%.150s/class/leds", dimmer->gpio->sysfs);
        sysfs_list(dir, names, sizeof(names));
        if (!names[0])
                return fault_set(fault, -ENOENT, "there is no LED \"%s\": the kernel has none", dimmer->name);
        return fault_set(fault, -ENOENT, "there is no LED \"%s\"; there are: %s", dimmer->name, names);
}

/* Taking a trigger away switches the LED off, so only where there is one; the first level follows at once. */
static int take_from_trigger(struct sconce_dimmer *dimmer)
{
        char trigger[4096];
        int r = sysfs_read(dimmer->dir, "trigger", trigger, sizeof(trigger));

        if (r == -ENOENT || (r == 0 && strstr(trigger, "[none]")))
                return 0;
        return sysfs_write(dimmer->dir, "trigger", "none");
}

static int led_open(struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level, struct fault *fault)
{
        uint64_t shown;

        (void)period_ns;
        (void)snprintf(dimmer->dir, sizeof(dimmer->dir), "%.150s/class/leds/%s", dimmer->gpio->sysfs, dimmer->name);
        int r = sysfs_read_number(dimmer->dir, "max_brightness", &dimmer->full);
        if (r == 0)
                r = sysfs_read_number(dimmer->dir, "brightness", &shown);
        if (r < 0 || dimmer->full == 0)
                return no_such_led(dimmer, fault);
        dimmer->now = first_level == DIMMER_KEEP ? MIN(shown, dimmer->full) : dimmer_scale(dimmer, first_level);
        r = take_from_trigger(dimmer);
        if (r < 0)
                return dimmer_explain(dimmer, r, "trigger", fault);
        dimmer->level_fd = sysfs_open(dimmer->dir, led_ops.attribute);
        r = dimmer->level_fd < 0 ? dimmer->level_fd : sysfs_put_number(dimmer->level_fd, dimmer->now);
        return r < 0 ? dimmer_explain(dimmer, r, led_ops.attribute, fault) : 0;
}

static void led_give_back(struct sconce_dimmer *dimmer)
{
        (void)dimmer; /* there is nothing to undo: it is dark and without a trigger */
}

const struct dimmer_ops led_ops = { .attribute = "brightness", .open = led_open, .give_back = led_give_back };
