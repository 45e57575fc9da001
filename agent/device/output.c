/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does for every device that has an output: its first value, the longest time on, what becomes
 * of it at exit and without the broker. Plugins see commands and sconce_first() only.
 */
#include <errno.h>

#include "device/device.h"

/* How soon an output that could not be switched off is tried again. */
#define RETRY_US (1 * USEC_PER_SEC)

static bool is_output(const struct device *device)
{
        return device->plugin && device->plugin->has_output;
}

static bool is_timed_by_plugin(const struct device *device)
{
        return device->was_timed || (device->body && device->body->blueprint->timed_by_plugin);
}

static uint64_t time_on_us(const struct device *device)
{
        return device->on_since_us ? device_now_us(device) - device->on_since_us : 0;
}

/* ---- The first value ----------------------------------------------------------------------------------- */

static int first_power_on(const struct device *device, const struct channel *channel,
                          struct sconce_value *ret)
{
        const char *key = channel->row.key;

        switch (device->settings.output.power_on) {
        case POWER_ON_LAST:
                if (channel_kept(channel, ret) < 0)
                        *ret = SCONCE_BOOL(key, false);
                return 0;
        case POWER_ON_ON:
                *ret = SCONCE_BOOL(key, true);
                return 0;
        case POWER_ON_KEEP:
                *ret = SCONCE_NONE(key);
                return 0;
        default:
                *ret = SCONCE_BOOL(key, false);
                return 0;
        }
}

static int first_on_off(struct device *device, const struct channel *channel, struct sconce_value *ret)
{
        uint64_t max_on_us = device->settings.output.max_on_us;
        const char *key = channel->row.key;

        /* What was on for a limited time has nobody left who counts it. */
        if (is_timed_by_plugin(device) || device->was_cut_off || (max_on_us > 0 && time_on_us(device) >= max_on_us)) {
                *ret = SCONCE_BOOL(key, false);
                return 0;
        }
        if (device->first_start_done && channel_kept(channel, ret) == 0)
                return 0;
        return first_power_on(device, channel, ret);
}

int output_first(struct device *device, const char *key, struct sconce_value *ret)
{
        const struct channel *channel = key ? channels_find(&device->channels, key) : NULL;

        if (!channel || !channel_is_writable(channel))
                return -EINVAL;
        if (is_output(device) && channel_is_on_off(channel)) {
                int r = first_on_off(device, channel, ret);
                if (r == 0)
                        interlock_first(device, ret);
                return r;
        }
        return channel_kept(channel, ret);
}

/* ---- max_on -------------------------------------------------------------------------------------------- */

/* The plugin could not do it: the lines themselves then, and the state says so. */
static int force_off(struct device *device, const struct channel *channel)
{
        int r = host_force_off(device);

        if (r < 0)
                return r;
        const struct sconce_value value = SCONCE_BOOL(channel->row.key, false);
        return device_report(device, 0, &value, 1);
}

static int switch_off(struct device *device)
{
        const struct channel *channel = channels_first_on_off(&device->channels);

        if (!channel)
                return -ENOTSUP;
        int r = device_send(device, &SCONCE_BOOL(channel->row.key, false));
        if (r < 0)
                device_log(device, LOG_ERR, "cannot be switched off by its plugin: %s",
                           device->said[0] ? device->said : "no reason given");
        /* Found again: the plugin may have added channels meanwhile. */
        channel = channels_first_on_off(&device->channels);
        return channel->now.on ? force_off(device, channel) : 0;
}

void output_switch_off(struct device *device)
{
        device_enter(device);
        (void)switch_off(device);
        if (device->is_live) /* whatever the plugin says */
                (void)!host_force_off(device);
        device_leave(device);
}

bool output_is_timed(const struct device *device)
{
        return device->timed_now || is_timed_by_plugin(device);
}

bool output_is_limited(const struct device *device)
{
        return device->timed_now || device->body->blueprint->timed_by_plugin || device->settings.output.max_on_us > 0;
}

static void on_max_on(void *userdata)
{
        struct device *device = userdata;

        if (device->phase != DEVICE_RUNNING)
                return;
        device_log(device, LOG_NOTICE, "has been on for max_on: switching it off");
        device_enter(device);
        if (switch_off(device) < 0)
                timer_arm(device->max_on, RETRY_US);
        device_leave(device);
}

static void arm_max_on(struct device *device)
{
        uint64_t max_on_us = device->settings.output.max_on_us, on_us = time_on_us(device);

        if (max_on_us == 0)
                return;
        if (!device->max_on &&
            timer_new(device->set->options.loop, TIMER_EXACT_US, on_max_on, device, &device->max_on) < 0) {
                device_log(device, LOG_ERR, "out of memory: switching it off, since nobody could later");
                (void)switch_off(device);
                return;
        }
        if (!timer_armed(device->max_on))
                timer_arm(device->max_on, on_us < max_on_us ? max_on_us - on_us : 0);
}

void output_watch(struct device *device)
{
        const struct channel *channel = channels_first_on_off(&device->channels);

        if (!is_output(device) || !channel)
                return;
        bool on = channel->now.type == SCONCE_VALUE_BOOL && channel->now.on;
        if (on && device->on_since_us == 0)
                device->on_since_us = device_now_us(device);
        if (!on)
                device->on_since_us = 0;
        saved_on_since(device);
        if (!on) {
                output_rest(device);
        } else if (device->phase == DEVICE_STARTING || device->phase == DEVICE_RUNNING) {
                arm_max_on(device);
        }
}

void output_rest(struct device *device)
{
        if (device->max_on)
                timer_disarm(device->max_on);
}

/* ---- A successor --------------------------------------------------------------------------------------- */

static bool drives_line(const struct device *device, const struct sconce_line *line)
{
        const struct blueprint *blueprint = device->body->blueprint;

        for (size_t i = 0; i < blueprint->n_lines; i++)
                if (blueprint_line_is_output(&blueprint->lines[i]) &&
                    line_same(blueprint->lines[i].line, line, device->set->options.default_chip))
                        return true;
        return false;
}

static bool drives_dimmer(const struct device *device, const struct sconce_dimmer *dimmer)
{
        const struct blueprint *blueprint = device->body->blueprint;

        for (size_t i = 0; i < blueprint->n_dimmers; i++)
                if (dimmer_same(blueprint->dimmers[i].dimmer, dimmer))
                        return true;
        return false;
}

bool output_is_left(const struct device *device, const struct device *successor)
{
        const struct blueprint *blueprint = device->body ? device->body->blueprint : NULL;

        if (!is_output(device) || !blueprint)
                return false;
        if (!successor->body || successor->phase == DEVICE_BROKEN)
                return true;
        for (size_t i = 0; i < blueprint->n_lines; i++)
                if (blueprint_line_is_output(&blueprint->lines[i]) &&
                    !drives_line(successor, blueprint->lines[i].line))
                        return true;
        for (size_t i = 0; i < blueprint->n_dimmers; i++)
                if (!drives_dimmer(successor, blueprint->dimmers[i].dimmer))
                        return true;
        return false;
}

/* ---- Exit and the broker ------------------------------------------------------------------------------- */

static void switch_to(struct device *device, bool on, const char *why)
{
        const struct channel *channel = channels_first_on_off(&device->channels);

        if (channel->now.type == SCONCE_VALUE_BOOL && channel->now.on == on)
                return;
        device_log(device, LOG_NOTICE, "%s: switching it %s", why, on ? "on" : "off");
        int r = on ? device_send(device, &SCONCE_BOOL(channel->row.key, true)) : switch_off(device);
        if (r < 0)
                device_log(device, LOG_ERR, "%s: could not be switched %s", why, on ? "on" : "off");
}

/* What is not switched on and off can at least stand still. */
static void rest_or_switch(struct device *device, bool on, const char *why)
{
        const struct channel *cover = channels_first_of(&device->channels, SCONCE_COVER);

        if (channels_first_on_off(&device->channels))
                switch_to(device, on, why);
        else if (cover && device_send(device, &SCONCE_STR(cover->row.key, "STOP")) < 0)
                device_log(device, LOG_ERR, "%s: could not be stopped", why);
}

void output_exit(struct device *device)
{
        if (!is_output(device))
                return;
        enum on_event on_exit = blueprint_on_exit(device->body->blueprint, &device->settings);
        if (device->timed_now)
                on_exit = ON_EVENT_OFF;
        if (on_exit == ON_EVENT_KEEP)
                return;
        rest_or_switch(device, on_exit == ON_EVENT_ON, "on_exit");
        /* Whatever the plugin made of it, and what it drives beside its first channel. */
        if (on_exit == ON_EVENT_OFF)
                (void)!host_force_off(device);
}

void output_broker_lost(struct device *device)
{
        const struct output_settings *output = &device->settings.output;

        if (!is_output(device) || device->phase != DEVICE_RUNNING || output->on_offline == ON_EVENT_KEEP)
                return;
        if (!device->set->broker_seen && !output->offline_at_start)
                return;
        rest_or_switch(device, output->on_offline == ON_EVENT_ON, "on_offline");
}
