/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/dimmer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpio/chips.h"
#include "gpio/dimmer_ops.h"
#include "gpio/sysfs.h"

/* ---- The text --------------------------------------------------------------------------------------- */

static int new_dimmer(const struct dimmer_ops *ops, const char *text, size_t name_length, struct sconce_dimmer **ret)
{
        CLEANUP_DIMMER struct sconce_dimmer *dimmer = calloc(1, sizeof(*dimmer));

        if (!dimmer)
                return -ENOMEM;
        dimmer->ops = ops;
        dimmer->level_fd = -1;
        dimmer->text = strdup(text);
        dimmer->name = strndup(text, name_length);
        if (!dimmer->text || !dimmer->name)
                return -ENOMEM;
        *ret = TAKE_PTR(dimmer);
        return 0;
}

/* It becomes a part of a path. */
static bool is_file_name(const char *name, size_t length)
{
        return length > 0 && length < 64 && name[0] != '.' && !memchr(name, '/', length);
}

int dimmer_parse_pwm(const char *text, char reason[static 160], struct sconce_dimmer **ret)
{
        const char *colon = strrchr(text, ':');
        struct sconce_dimmer *dimmer;

        if (!colon || !is_file_name(text, (size_t)(colon - text)) || !colon[1] || strlen(colon + 1) > 4 ||
            colon[1 + strspn(colon + 1, "0123456789")] != '\0') {
                (void)snprintf(reason, 160, "a PWM channel is CHIP:CHANNEL, as in pwmchip0:1");
                return -EINVAL;
        }
        int r = new_dimmer(&pwm_ops, text, (size_t)(colon - text), &dimmer);
        if (r < 0)
                return r;
        dimmer->channel = (unsigned)strtoul(colon + 1, NULL, 10);
        *ret = dimmer;
        return 0;
}

int dimmer_parse_led(const char *text, char reason[static 160], struct sconce_dimmer **ret)
{
        if (!is_file_name(text, strlen(text))) {
                (void)snprintf(reason, 160, "a LED is a name in /sys/class/leds, as in ACT");
                return -EINVAL;
        }
        return new_dimmer(&led_ops, text, strlen(text), ret);
}

const char *dimmer_text(const struct sconce_dimmer *dimmer)
{
        return dimmer->text;
}

const char *dimmer_kind(const struct sconce_dimmer *dimmer)
{
        return dimmer->ops == &pwm_ops ? "pwm" : "led";
}

bool dimmer_same(const struct sconce_dimmer *a, const struct sconce_dimmer *b)
{
        return a->ops == b->ops && a->channel == b->channel && strcmp(a->name, b->name) == 0;
}

void dimmer_set_inverted(struct sconce_dimmer *dimmer, bool inverted)
{
        dimmer->inverted = inverted;
}

bool dimmer_is_inverted(const struct sconce_dimmer *dimmer)
{
        return dimmer->inverted;
}

/* ---- Levels ----------------------------------------------------------------------------------------- */

uint64_t dimmer_scale(const struct sconce_dimmer *dimmer, double level)
{
        uint64_t scaled = (uint64_t)llround(level * (double)dimmer->full);

        if (level > 0 && scaled == 0)
                scaled = 1;
        return dimmer->inverted ? dimmer->full - scaled : scaled;
}

static bool is_dark(const struct sconce_dimmer *dimmer)
{
        return dimmer->now == (dimmer->inverted ? dimmer->full : 0);
}

int dimmer_denied(const char *dir, const char *attribute, struct fault *fault)
{
        return fault_set(fault, -EACCES,
                         "cannot write %s/%s: permission denied; Sconce's udev rule gives it to the group gpio, which "
                         "the user of this program must be in",
                         dir, attribute);
}

int dimmer_explain(const struct sconce_dimmer *dimmer, int code, const char *attribute, struct fault *fault)
{
        if (code == -EACCES || code == -EPERM)
                return dimmer_denied(dimmer->dir, attribute, fault);
        if (code == -ENODEV || code == -ENOENT)
                return fault_set(fault, -ENODEV, "%s is gone (unplugged?)", dimmer->text);
        return fault_set(fault, code, "cannot write %s/%s: %s", dimmer->dir, attribute, strerror(-code));
}

static bool is_level(double level)
{
        return level >= 0 && level <= 1; /* nor is NaN */
}

static int out_of_range(const struct sconce_dimmer *dimmer, double level, struct fault *fault)
{
        return fault_set(fault, -ERANGE, "%s: a level is from 0 to 1, not %g", dimmer->text, level);
}

/* ---- Opening and closing ---------------------------------------------------------------------------- */

static void unlink_dimmer(struct sconce_dimmer *dimmer)
{
        for (struct sconce_dimmer **at = &dimmer->gpio->dimmers; *at; at = &(*at)->next) {
                if (*at == dimmer) {
                        *at = dimmer->next;
                        break;
                }
        }
        dimmer->gpio = NULL;
}

static void let_go(struct sconce_dimmer *dimmer)
{
        cleanup_closep(&dimmer->level_fd);
        dimmer->level_fd = -1;
        dimmer->now = 0;
        unlink_dimmer(dimmer);
}

int dimmer_open(struct gpio *gpio, struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level,
                struct fault *fault)
{
        if (first_level != DIMMER_KEEP && !is_level(first_level))
                return out_of_range(dimmer, first_level, fault);
        for (struct sconce_dimmer *other = gpio->dimmers; other; other = other->next)
                if (dimmer_same(dimmer, other))
                        return fault_set(fault, -EEXIST, "%s is already in use here", dimmer->text);
        dimmer->gpio = gpio;
        dimmer->next = gpio->dimmers;
        gpio->dimmers = dimmer;
        int r = dimmer->ops->open(dimmer, period_ns ? period_ns : 1000000, first_level, fault);
        if (r < 0)
                let_go(dimmer);
        return r;
}

void dimmer_close(struct sconce_dimmer *dimmer)
{
        if (!dimmer->gpio)
                return;
        /* An inverted one that is switched off by the kernel would be lit. */
        bool may_rest = is_dark(dimmer) && !dimmer->inverted;
        cleanup_closep(&dimmer->level_fd);
        dimmer->level_fd = -1;
        if (may_rest)
                dimmer->ops->give_back(dimmer);
        unlink_dimmer(dimmer);
}

bool dimmer_is_open(const struct sconce_dimmer *dimmer)
{
        return dimmer->gpio;
}

void dimmer_free(struct sconce_dimmer *dimmer)
{
        if (!dimmer)
                return;
        if (dimmer->gpio)
                dimmer_close(dimmer);
        else if (dimmer->exported && !dimmer->inverted)
                dimmer->ops->give_back(dimmer);
        free(dimmer->text);
        free(dimmer->name);
        free(dimmer);
}

int dimmer_set(struct sconce_dimmer *dimmer, double level, struct fault *fault)
{
        if (!dimmer->gpio)
                return fault_set(fault, -ENODEV, "%s is not open", dimmer->text);
        if (!is_level(level))
                return out_of_range(dimmer, level, fault);
        uint64_t scaled = dimmer_scale(dimmer, level);
        int r = sysfs_put_number(dimmer->level_fd, scaled);
        if (r < 0) {
                r = dimmer_explain(dimmer, r, dimmer->ops->attribute, fault);
                if (r == -ENODEV)
                        let_go(dimmer);
                return r;
        }
        dimmer->now = scaled;
        return 0;
}

int dimmer_get(const struct sconce_dimmer *dimmer, double *ret_level)
{
        if (!dimmer->gpio)
                return -ENODEV;
        *ret_level = (double)(dimmer->inverted ? dimmer->full - dimmer->now : dimmer->now) / (double)dimmer->full;
        return 0;
}
