/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/sysfs_tree.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/tree.h"
#include "util/cleanup.h"

#define LED "devices/platform/leds/leds/"
#define PWM "devices/platform/soc/3f20c000.pwm/pwm/pwmchip0"
#define TRIGGERS                                                                                                       \
        "none rc-feedback kbd-scrolllock kbd-numlock kbd-capslock kbd-kanalock kbd-shiftlock timer oneshot "           \
        "heartbeat backlight cpu cpu0 cpu1 cpu2 cpu3 default-on input panic actpwr [mmc0] rfkill-any "                 \
        "rfkill-none rfkill0\n"

void sysfs_tree_led(const char *root, const char *name, unsigned max_brightness)
{
        char dir[256], link[256], target[256], max[16], file[PATH_MAX];
        const char *const attributes[][2] = {
                { "trigger", TRIGGERS }, { "brightness", "0\n" }, { "max_brightness", max }, { "uevent", "" }
        };

        (void)snprintf(max, sizeof(max), "%u\n", max_brightness);
        (void)snprintf(dir, sizeof(dir), LED "%.64s", name);
        for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
                (void)snprintf(file, sizeof(file), "%s/%s", dir, attributes[i][0]);
                tree_put(root, file, attributes[i][1]);
        }
        (void)snprintf(link, sizeof(link), "class/leds/%.64s", name);
        (void)snprintf(target, sizeof(target), "../../" LED "%.64s", name);
        tree_make(root, (const struct tree_entry[]){ { link, target, TREE_LINK }, { .path = NULL } });
}

void sysfs_tree_pwm(const char *root)
{
        static const struct tree_entry entries[] = {
                { PWM "/npwm", "2\n", TREE_FILE },
                { PWM "/export", "", TREE_FILE },
                { PWM "/unexport", "", TREE_FILE },
                { PWM "/uevent", "", TREE_FILE },
                { PWM "/pwm1/capture", "", TREE_FILE },
                { PWM "/pwm1/duty_cycle", "0\n", TREE_FILE },
                { PWM "/pwm1/enable", "0\n", TREE_FILE },
                { PWM "/pwm1/period", "0\n", TREE_FILE },
                { PWM "/pwm1/polarity", "normal\n", TREE_FILE },
                { PWM "/pwm1/uevent", "", TREE_FILE },
                { "class/pwm/pwmchip0", "../../" PWM, TREE_LINK },
                { .path = NULL },
        };

        tree_make(root, entries);
}

void sysfs_tree_text(const char *root, const char *attribute, char *text, unsigned size)
{
        char path[PATH_MAX];

        assert_true(snprintf(path, sizeof(path), "%s/%s", root, attribute) < (int)sizeof(path));
        CLEANUP_FILE FILE *in = fopen(path, "re");
        assert_non_null(in);
        assert_non_null(fgets(text, (int)size, in));
        text[strcspn(text, "\n")] = '\0';
}

uint64_t sysfs_tree_number(const char *root, const char *attribute)
{
        char text[32], *end;

        sysfs_tree_text(root, attribute, text, sizeof(text));
        uint64_t number = strtoull(text, &end, 10);
        assert_true(end > text && *end == '\0');
        return number;
}
