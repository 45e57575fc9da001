/* SPDX-License-Identifier: Apache-2.0 */
#include "info.h"

#include "channel/channels.h"
#include "publish.h"

static void write_number(const char *key, double number, struct json_text *out)
{
        json_put_key(out, key);
        json_put_number(out, number);
}

static void write_choices(const char *const *choices, struct json_text *out)
{
        json_put_key(out, "choices");
        json_put_open(out, '[');
        for (; *choices; choices++) {
                json_put_item(out);
                json_put_string(out, *choices);
        }
        json_put_literal(out, "]");
}

/* Where a channel is not as its kind is. */
static void write_exceptions(const struct channel *channel, struct json_text *out)
{
        bool writable = channel_is_writable(channel);

        if (writable != channel->kind->written) {
                json_put_key(out, "writable");
                json_put_raw(out, writable ? "true" : "false", writable ? 4 : 5);
        }
        if (channel_has_state(channel) != channel->kind->has_state) {
                json_put_key(out, "command_only");
                json_put_literal(out, "true");
        }
}

static void write_channel(const struct channel *channel, struct json_text *out)
{
        const struct sconce_channel *row = &channel->row;

        json_put_key(out, row->key);
        json_put_open(out, '{');
        write_text("kind", channel->kind->name, out);
        write_text("unit", row->unit, out);
        if (row->min != 0 || row->max != 0) {
                write_number("min", row->min, out);
                write_number("max", row->max, out);
        }
        if (row->step > 0)
                write_number("step", row->step, out);
        if (channel->kind->has_choices)
                write_choices(row->choices, out);
        write_text("class", row->device_class, out);
        write_exceptions(channel, out);
        json_put_literal(out, "}");
}

void info_write_channels(const struct channels *channels, struct json_text *out)
{
        json_put_open(out, '{');
        for (size_t i = 0; i < channels->count; i++)
                write_channel(&channels->items[i], out);
        json_put_literal(out, "}");
}

void info_write_devices(const struct home *home, struct json_text *out)
{
        struct home_device device;

        json_put_open(out, '{');
        for (size_t at = 0; home_next_device(home, &at, &device);) {
                json_put_key(out, device.id);
                json_put_open(out, '{');
                write_text("plugin", device.plugin, out);
                write_text("name", device.name, out);
                write_text("area", device.area, out);
                json_put_key(out, "channels");
                info_write_channels(device.channels, out);
                json_put_literal(out, "}");
        }
        json_put_literal(out, "}");
}

void info_write_plugins(const struct home *home, struct json_text *out)
{
        struct home_plugin plugin;

        json_put_open(out, '{');
        for (size_t at = 0; home_next_plugin(home, &at, &plugin);)
                write_text(plugin.name, plugin.version, out);
        json_put_literal(out, "}");
}

void info_write(const struct info *info, struct json_text *out)
{
        json_put_open(out, '{');
        write_text("version", SCONCE_VERSION, out);
        write_time("started", info->clock, info->started_us, out);
        write_text("config", info->config_sha256, out);
        json_put_key(out, "devices");
        info_write_devices(info->home, out);
        json_put_key(out, "plugins");
        info_write_plugins(info->home, out);
        json_put_literal(out, "}");
}
