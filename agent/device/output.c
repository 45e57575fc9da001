/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent does for every device that has an output: its first value, what becomes of it at exit, what its
 * section may ask for. Plugins see commands and sconce_first() only. */
#include <errno.h>

#include "device/device.h"
#include "device/driven.h"

/* Less is not worth the risk that the next run comes late. */
#define STAYS_MIN_US (60 * USEC_PER_SEC)

static bool is_output(const struct device *device)
{
        return device->plugin && device->plugin->has_output;
}

static bool is_timed_by_plugin(const struct device *device)
{
        return device->past.was_timed || device->instance->config->timed_by_plugin;
}

/* ---- The first value ----------------------------------------------------------------------------------- */

static void first_on_off(const struct device *device, const struct channel *channel, struct sconce_value *ret)
{
        const int power_on = device->shared.output.power_on;
        const char *key = channel->row.key;
        enum hold hold = hold_of(device);
        bool is_found_on;

        /* What was on for a limited time has nobody left who counts it. */
        if (hold != HOLD_NONE || is_timed_by_plugin(device) || device->past.was_cut_off)
                *ret = SCONCE_BOOL(key, hold == HOLD_ON);
        else if (host_found(device, &is_found_on))
                *ret = SCONCE_BOOL(key, is_found_on);
        else if ((device->past.first_start_done || power_on == POWER_ON_LAST) && channel_kept(channel, ret) == 0)
                return;
        else
                *ret = power_on == POWER_ON_KEEP ? SCONCE_NONE(key) : SCONCE_BOOL(key, power_on == POWER_ON_ON);
}

COLD int output_first(struct device *device, const char *key, struct sconce_value *ret)
{
        const struct channel *channel = key ? channels_find(&device->channels, key) : NULL;

        if (!channel || !channel_is_writable(channel))
                return -EINVAL;
        if (is_output(device) && channel_is_on_off(channel)) {
                first_on_off(device, channel, ret);
                device->context->guard->first(device, ret);
                return 0;
        }
        return channel_kept(channel, ret);
}

/* ---- What is driven ------------------------------------------------------------------------------------ */

void output_watch(struct device *device)
{
        bool is_live = host_is_any_on(device);
        bool has_turned = is_live != device->output.is_live;

        device->output.is_live = is_live;
        if (has_turned)
                device->context->guard->turned(device);
        on_time_watch(device);
}

size_t output_switch_values(const struct device *device, bool on, struct sconce_value values[static COMMAND_VALUES_MAX])
{
        size_t count = 0;

        for (size_t i = 0; i < device->channels.count && count < COMMAND_VALUES_MAX; i++)
                if (channel_is_on_off(&device->channels.items[i]) && (!on || count == 0))
                        values[count++] = SCONCE_BOOL(device->channels.items[i].row.key, on);
        return count;
}

/* What else it asks for may switch on, as a lamp's brightness does. */
bool output_is_switched_off_by(const struct device *device, const struct sconce_command *command)
{
        bool says_off = false;

        for (size_t i = 0; i < command->count; i++) {
                const struct channel *channel = channels_find(&device->channels, command->values[i].channel);
                if (!channel || !channel_is_on_off(channel))
                        continue;
                if (command->values[i].on)
                        return false;
                says_off = true;
        }
        return says_off;
}

bool output_is_timed(const struct device *device)
{
        return device->output.is_timed || is_timed_by_plugin(device);
}

bool output_is_limited_by_section(const struct device *device)
{
        return device->instance->config->timed_by_plugin || device->shared.output.max_on_us > 0;
}

bool output_is_limited(const struct device *device)
{
        return device->output.is_timed || output_is_limited_by_section(device);
}

/* Others go by whether it is on, its time is counted, or it is not to be on without us, or without the broker. */
bool output_is_watched(const struct device *device)
{
        return device->context->guard->begins_off(device) || output_is_limited(device) ||
               device->shared.output.on_offline == ON_EVENT_OFF ||
               device_config_on_exit(device->instance->config, &device->shared) == ON_EVENT_OFF;
}

void output_start(struct device *device)
{
        saved_keep_timed(device);
        device->output.is_timed = false;
}

void output_set_timed(struct device *device, bool is_timed)
{
        device->output.is_timed = is_timed;
        saved_timed(device);
}

/* ---- A successor --------------------------------------------------------------------------------------- */

static bool drives(const struct device *device, const struct pin *pin)
{
        const struct device_config *config = device->instance->config;

        for (size_t i = 0; i < pins_count(config); i++) {
                const struct pin own = pin_at(config, i);
                if (pin_is_output(&own) && pin_same(&own, pin, device->context->default_chip))
                        return true;
        }
        return false;
}

bool output_is_left(const struct device *device, const struct device *successor)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;

        if (!is_output(device) || !config)
                return false;
        if (!successor->instance || successor->life.phase == DEVICE_BROKEN)
                return true;
        for (size_t i = 0; i < pins_count(config); i++) {
                const struct pin pin = pin_at(config, i);
                if (pin_is_output(&pin) && !drives(successor, &pin))
                        return true;
        }
        return false;
}

/* ---- Exit ---------------------------------------------------------------------------------------------- */

/* The next run has to know that it is on and since when, and --outputs-safe that it is to go off if there is none. */
static bool is_known_to_the_next(const struct device *device)
{
        const struct device_context *context = device->context;

        return context->driven && driven_is_written(context->driven) && context->store &&
               store_is_usable(context->store);
}

/* Where the next run follows at once, what is limited by max_on alone need not blink. */
bool output_may_stay(const struct device *device)
{
        if (!is_output(device) || device->life.phase != DEVICE_RUNNING)
                return false;
        return device->output.is_live && device->shared.output.on_exit < 0 && !output_is_timed(device) &&
               !device->context->guard->begins_off(device) && on_time_left_us(device) >= STAYS_MIN_US &&
               is_known_to_the_next(device);
}

void output_exit(struct device *device)
{
        if (!is_output(device))
                return;
        enum hold by_section = (enum hold)device_config_on_exit(device->instance->config, &device->shared);
        device->output.stays = !device->life.is_gone && device->context->is_restarting && output_may_stay(device);
        device->output.exit_hold = device->output.is_timed ? HOLD_OFF : device->output.stays ? HOLD_NONE : by_section;
        hold_settle(device, device->output.exit_hold == HOLD_NONE ? "on_offline" : "on_exit");
        saved_on_since(device);
}

/* ---- What a config may say ----------------------------------------------------------------------------- */

/* On cannot be made of nothing but a line: somebody has to know what it is. */
static const char *why_not_on(const struct device *device)
{
        const struct device_config *config = device->instance->config;

        if (!channels_first_on_off(&device->channels))
                return "this device is not switched on and off; keep and off are allowed";
        if (config->timed_by_plugin)
                return "on is not possible for an output that goes off by itself: nobody would be there to do it";
        if (config->n_outputs > 1)
                return "on is possible for a single output line only";
        return NULL;
}

COLD int output_check(const struct device *device, const struct config_section *section, struct problems *problems)
{
        const struct output_config *output = &device->shared.output;
        size_t before = problems->count;

        if (!is_output(device) || !section)
                return 0;
        const char *why = why_not_on(device);
        bool is_switched = channels_first_on_off(&device->channels);
        bool acts = is_switched || device->instance->config->n_outputs > 0;
        if (output->on_exit == ON_EVENT_ON && why)
                config_complain(section, "on_exit", problems, "%s", why);
        if (output->on_offline == ON_EVENT_ON && why)
                config_complain(section, "on_offline", problems, "%s", why);
        if (output->power_on != POWER_ON_LAST && !is_switched)
                config_complain(section, "power_on", problems, "this device is not switched on and off");
        static const char *const keys[] = { "on_exit", "on_offline", "max_on" };
        for (size_t i = 0; !acts && i < ARRAY_SIZE(keys); i++)
                if (config_entry_find(section, keys[i]))
                        config_complain(section, keys[i], problems,
                                        "this device has no output: its section names none");
        return problems->count > before ? -EINVAL : 0;
}
