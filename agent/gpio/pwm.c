/* SPDX-License-Identifier: Apache-2.0 */
/* Channels of the kernel's PWM chips: /sys/class/pwm/CHIP/pwmN/{period,duty_cycle,enable}. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpio/chips.h"
#include "gpio/dimmer_ops.h"
#include "gpio/sysfs.h"

static int no_such_chip(const struct sconce_dimmer *dimmer, struct fault *fault)
{
        char dir[256], names[160];

        (void)snprintf(dir, sizeof(dir), "%.150s/class/pwm", dimmer->gpio->sysfs);
        sysfs_list(dir, names, sizeof(names));
        if (!names[0])
                return fault_set(fault, -ENOENT,
                                 "there is no PWM chip \"%s\": the kernel has none (on a Raspberry Pi, "
                                 "dtoverlay=pwm in config.txt switches it on)",
                                 dimmer->name);
        return fault_set(fault, -ENOENT, "there is no PWM chip \"%s\"; there are: %s", dimmer->name, names);
}

/* By its name, whose number may be another one with the next kernel; or by a part of its path, the device's
 * name or address: /sys/class/pwm/pwmchip2 is a link to …/i2c-1/1-0040/pwm/pwmchip2. */
static int find_chip(const struct sconce_dimmer *dimmer, char chip[static 256], struct fault *fault)
{
        char class[200], path[256], found[160] = "";
        struct dirent **entries = NULL;
        int count = 0;

        (void)snprintf(class, sizeof(class), "%.150s/class/pwm", dimmer->gpio->sysfs);
        (void)snprintf(chip, 256, "%s/%.55s", class, dimmer->name);
        if (access(chip, F_OK) == 0)
                return 0;
        int n = scandir(class, &entries, sysfs_is_visible, versionsort);
        for (int i = 0; i < n; i++) {
                (void)snprintf(path, sizeof(path), "%s/%.50s", class, entries[i]->d_name);
                if (sysfs_is_in(path, dimmer->name)) {
                        size_t used = strlen(found);
                        (void)snprintf(found + used, sizeof(found) - used, "%s%.40s", count++ ? ", " : "",
                                       entries[i]->d_name);
                        (void)snprintf(chip, 256, "%s", path);
                }
                free(entries[i]);
        }
        free(entries);
        if (count == 0)
                return no_such_chip(dimmer, fault);
        if (count > 1)
                return fault_set(fault, -ENOTUNIQ, "%d PWM chips are at \"%s\": %s; name one of them", count,
                                 dimmer->name, found);
        return 0;
}

static bool is_taken(const struct sconce_dimmer *dimmer)
{
        for (const struct sconce_dimmer *other = dimmer->gpio->dimmers; other; other = other->next)
                if (other != dimmer && strcmp(other->dir, dimmer->dir) == 0)
                        return true;
        return false;
}

static int find_channel(struct sconce_dimmer *dimmer, const char *chip, struct fault *fault)
{
        uint64_t channels;
        int r = sysfs_read_number(chip, "npwm", &channels);

        if (r < 0 && access(chip, F_OK) < 0)
                return no_such_chip(dimmer, fault);
        if (r < 0)
                return fault_set(fault, r, "cannot read %s/npwm: %s", chip, strerror(-r));
        if (dimmer->channel >= channels)
                return fault_set(fault, -ENOENT, "%s has the channels 0 to %llu; %u is not one of them", dimmer->name,
                                 (unsigned long long)channels - 1, dimmer->channel);
        (void)snprintf(dimmer->dir, sizeof(dimmer->dir), "%.200s/pwm%u", chip, dimmer->channel);
        return 0;
}

static int export_channel(struct sconce_dimmer *dimmer, const char *chip, struct fault *fault)
{
        if (access(dimmer->dir, F_OK) == 0)
                return 0;
        int r = sysfs_write_number(chip, "export", dimmer->channel);
        if (r == -EBUSY)
                return fault_set(fault, r, "%s is in use by the kernel (a fan, a backlight?)", dimmer->text);
        if (r == -EACCES || r == -EPERM)
                return dimmer_denied(chip, "export", fault);
        if (r < 0)
                return fault_set(fault, r, "cannot export %s: %s", dimmer->text, strerror(-r));
        dimmer->exported = true;
        if (access(dimmer->dir, F_OK) < 0)
                return fault_set(fault, -EAGAIN, "%s was exported but is not there yet", dimmer->text);
        return 0;
}

struct pwm_state {
        uint64_t period_ns, duty_ns, enabled;
};

static struct pwm_state read_state(const struct sconce_dimmer *dimmer)
{
        struct pwm_state state = { .period_ns = 0 };

        if (sysfs_read_number(dimmer->dir, "period", &state.period_ns) < 0 ||
            sysfs_read_number(dimmer->dir, "duty_cycle", &state.duty_ns) < 0 ||
            sysfs_read_number(dimmer->dir, "enable", &state.enabled) < 0)
                return (struct pwm_state){ .period_ns = 0 };
        return state;
}

/* A channel that is not enabled is low. */
static double shown_level(const struct sconce_dimmer *dimmer, const struct pwm_state *state)
{
        double high = 0;

        if (state->enabled && state->period_ns > 0)
                high = MIN((double)state->duty_ns / (double)state->period_ns, 1.0);
        return dimmer->inverted ? 1 - high : high;
}

struct step {
        const char *attribute;
        uint64_t number;
};

/* The kernel refuses a duty above the period, so what shrinks is written first; both are right before it is enabled. */
static int bring_to(struct sconce_dimmer *dimmer, const struct pwm_state *state, struct fault *fault)
{
        bool period_first = dimmer->full >= state->duty_ns;
        const struct step steps[] = {
                { period_first ? "period" : "duty_cycle", period_first ? dimmer->full : dimmer->now },
                { period_first ? "duty_cycle" : "period", period_first ? dimmer->now : dimmer->full },
                { "enable", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = sysfs_write_number(dimmer->dir, steps[i].attribute, steps[i].number);
                if (r == -EINVAL)
                        return fault_set(fault, r, "%s does not take a period of %llu ns", dimmer->text,
                                         (unsigned long long)dimmer->full);
                if (r < 0)
                        return dimmer_explain(dimmer, r, steps[i].attribute, fault);
        }
        return 0;
}

static int pwm_open(struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level, struct fault *fault)
{
        char chip[256];

        int r = find_chip(dimmer, chip, fault);
        if (r == 0)
                r = find_channel(dimmer, chip, fault);
        if (r < 0)
                return r;
        if (is_taken(dimmer)) { /* by another name */
                dimmer->dir[0] = '\0';
                return fault_set(fault, -EEXIST, "%s is already in use here", dimmer->text);
        }
        r = export_channel(dimmer, chip, fault);
        if (r < 0)
                return r;
        const struct pwm_state state = read_state(dimmer);
        dimmer->full = period_ns;
        dimmer->now = dimmer_scale(dimmer, first_level == DIMMER_KEEP ? shown_level(dimmer, &state) : first_level);
        r = bring_to(dimmer, &state, fault);
        if (r < 0)
                return r;
        dimmer->level_fd = sysfs_open(dimmer->dir, pwm_ops.attribute);
        return dimmer->level_fd < 0 ? dimmer_explain(dimmer, dimmer->level_fd, pwm_ops.attribute, fault) : 0;
}

static void pwm_give_back(struct sconce_dimmer *dimmer)
{
        char *end = strrchr(dimmer->dir, '/');

        if (!end)
                return;
        (void)!sysfs_write_number(dimmer->dir, "enable", 0);
        if (!dimmer->exported)
                return;
        *end = '\0';
        (void)!sysfs_write_number(dimmer->dir, "unexport", dimmer->channel);
        *end = '/';
        dimmer->exported = false;
}

const struct dimmer_ops pwm_ops = { .attribute = "duty_cycle", .open = pwm_open, .give_back = pwm_give_back };
