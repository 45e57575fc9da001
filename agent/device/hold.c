/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an output has to be against its plugin's will: on_exit at exit, off when max_on is over, on_offline without a
 * broker. It is a state and no event: lines, dimmers and first values ask hold_of() whenever they are driven, so
 * nothing that waits, restarts or comes back gets round it.
 *
 * The plugin gets a command where it has a channel for it. What it drives by itself against a hold is kept as a wish,
 * which comes true when the hold ends: a thermostat goes on measuring meanwhile, and heats again afterwards.
 */
#include <errno.h>

#include "device/device.h"

static bool waits_for_broker(const struct device *device)
{
        const struct offline_hold *offline = &device->context->offline;

        return offline->is_over && !device->hold.is_released &&
               (offline->is_seen || device->shared.output.offline_at_start);
}

enum hold hold_of(const struct device *device)
{
        if (!device->plugin || !device->plugin->has_output)
                return HOLD_NONE;
        if (device->output.exit_hold != HOLD_NONE)
                return device->output.exit_hold;
        if (device->on_time.is_spent || on_time_is_over(device))
                return HOLD_OFF;
        return waits_for_broker(device) ? (enum hold)device->shared.output.on_offline : HOLD_NONE;
}

/* ---- Bringing it there --------------------------------------------------------------------------------- */

static bool is_told(const struct device *device, bool on)
{
        const struct channel *first = channels_first_on_off(&device->channels);

        return first && first->now.on == on; /* what has told nothing is off */
}

static int command(struct device *device, bool on)
{
        const struct channel *cover = channels_first_of(&device->channels, SCONCE_COVER);
        struct sconce_value values[COMMAND_VALUES_MAX];
        struct sconce_command command = { .count = output_switch_values(device, on, values),
                                          .values = values,
                                          .flags = SCONCE_COMMAND_NOW };

        if (command.count == 0 && !on && cover) /* what is not switched can at least stand still */
                values[command.count++] = SCONCE_STR(cover->row.key, "STOP");
        if (command.count == 0)
                return 0;
        int r = device_run_callback(device, JOB_COMMAND, &command);
        if (r == 0 && is_told(device, on))
                host_drop_wishes(device); /* of before: it has obeyed */
        if (r < 0)
                device_log(device, LOG_ERR, "cannot be switched %s by its plugin: %s", on ? "on" : "off",
                           device->health.last_error ? device->health.last_error : "no reason given");
        return r;
}

/* What is switched on is the first alone. */
static int report(struct device *device, bool on)
{
        const struct channel *first = channels_first_on_off(&device->channels);
        struct sconce_value values[COMMAND_VALUES_MAX];
        size_t count = 0;

        for (size_t i = 0; i < device->channels.count && count < COMMAND_VALUES_MAX; i++) {
                const struct channel *channel = &device->channels.items[i];
                if (channel_is_on_off(channel) && channel->now.type == SCONCE_VALUE_BOOL && channel->now.on != on &&
                    (!on || channel == first))
                        values[count++] = SCONCE_BOOL(channel->row.key, on);
        }
        return count > 0 ? device_report(device, 0, values, count) : 0;
}

int hold_bring(struct device *device, bool on)
{
        bool has_outputs = device->instance->config->n_outputs > 0;

        device_enter(device);
        on_time_mean_off(device, !on && device->output.exit_hold == HOLD_NONE);
        int r = command(device, on);
        if (has_outputs)
                r = host_is_any_on(device) != on ? host_force(device, on) : 0;
        if (r == 0)
                r = report(device, on);
        on_time_watch(device);
        device_leave(device);
        return r;
}

/* ---- As things change ---------------------------------------------------------------------------------- */

void hold_settle(struct device *device, const char *why)
{
        enum hold hold = hold_of(device);
        bool on = hold == HOLD_ON;

        if (device->life.phase != DEVICE_RUNNING || !device->plugin->has_output)
                return;
        device_enter(device);
        if (hold == HOLD_NONE) {
                if (host_grant_wishes(device))
                        (void)!report(device, host_is_any_on(device));
        } else {
                if (device->output.is_live != on)
                        device_log(device, LOG_NOTICE, "%s: switching it %s", why, on ? "on" : "off");
                if (hold_bring(device, on) < 0)
                        device_log(device, LOG_ERR, "%s: could not be switched %s", why, on ? "on" : "off");
        }
        device_leave(device);
}

/* A flash, say, does not: sent again and again it would keep its output on for ever. */
static bool is_for_good(const struct device *device, const struct sconce_command *command)
{
        for (size_t i = 0; i < command->count; i++) {
                const struct channel *channel = channels_find(&device->channels, command->values[i].channel);
                if (channel && !(channel->row.flags & SCONCE_COMMAND_ONLY))
                        return true;
        }
        return false;
}

/* OFF with something beside it may still shine: a flash, a fade. */
static bool is_nothing_but_off(const struct device *device, const struct sconce_command *command)
{
        for (size_t i = 0; i < command->count; i++) {
                const struct channel *channel = channels_find(&device->channels, command->values[i].channel);
                if (!channel || !channel_is_on_off(channel))
                        return false;
        }
        return output_is_switched_off_by(device, command);
}

/* Off with its time still counted, as after a crash: what is switched on now has its whole time. */
static bool is_dark(const struct device *device)
{
        return device->on_time.on_since_us > 0 && !device->output.is_live && !host_is_any_wished(device);
}

struct hold_before hold_command(struct device *device, const struct sconce_command *command)
{
        struct hold_before before = { .is_spent = device->on_time.is_spent,
                                      .is_released = device->hold.is_released,
                                      .is_off_meant = device->on_time.is_off_meant,
                                      .on_since_us = device->on_time.on_since_us };
        enum hold hold = hold_of(device);

        if (command->flags & SCONCE_COMMAND_NOW)
                return before;
        on_time_mean_off(device, is_nothing_but_off(device, command));
        if (hold == HOLD_NONE) {
                before.is_forgiven = is_dark(device) && is_for_good(device, command);
                if (before.is_forgiven)
                        on_time_forgive(device);
                return before;
        }
        if (device->output.exit_hold != HOLD_NONE || (hold == HOLD_OFF && output_is_switched_off_by(device, command)))
                return before;
        before.is_forgiven = is_for_good(device, command);
        if (before.is_forgiven)
                on_time_forgive(device);
        hold_release(device);
        return before;
}

/* A command that is refused changes nothing, and so ends no hold. */
static void take_back_release(struct device *device, const struct hold_before *before)
{
        if (before->is_forgiven)
                on_time_take_back(device, before);
        on_time_mean_off(device, before->is_off_meant);
        if (!before->is_released)
                hold_forget_release(device);
        enum hold hold = hold_of(device);
        if (hold != HOLD_NONE && host_is_any_on(device) != (hold == HOLD_ON))
                (void)!host_force(device, hold == HOLD_ON);
}

/* What the plugin wanted before, and has not wanted otherwise since. */
void hold_commanded(struct device *device, const struct hold_before *before, int r)
{
        if (r < 0 && device->plugin->has_output)
                take_back_release(device, before);
        if (hold_of(device) == HOLD_NONE && device->plugin->has_output)
                (void)host_grant_wishes(device);
        on_time_watch(device);
}

void hold_release(struct device *device)
{
        if (!waits_for_broker(device))
                return;
        device->hold.is_released = true;
        saved_released(device);
}

void hold_forget_release(struct device *device)
{
        if (!device->hold.is_released)
                return;
        device->hold.is_released = false;
        saved_released(device);
}

void hold_restore(struct device *device, bool is_released)
{
        device->hold.is_released = is_released;
}
