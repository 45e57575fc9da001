/* SPDX-License-Identifier: Apache-2.0 */
/* A command: a line with the device and perhaps the channel that the topic names, then the payload with any bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/devices.h"
#include "fuzz/fuzz.h"

static const struct command_limits limits = { .max_bytes = 4096, .max_depth = 8 };

static void put_value(const struct sconce_value *value, bool toggles, struct json_text *out)
{
        json_put_key(out, value->channel);
        if (value->type == SCONCE_VALUE_NUMBER)
                json_put_number(out, value->number);
        else if (value->type == SCONCE_VALUE_TEXT)
                json_put_string(out, value->text);
        else if (toggles)
                json_put_string(out, "TOGGLE");
        else
                json_put_string(out, value->on ? "ON" : "OFF");
}

static bool is_button(const struct channels *channels, const char *key)
{
        return channels_find(channels, key)->row.kind == SCONCE_BUTTON;
}

static void put_command(const struct channels *channels, const struct command *command, struct json_text *out)
{
        json_put_open(out, '{');
        for (size_t i = 0; i < command->count; i++) {
                const struct sconce_value *value = &command->values[i];
                const struct sconce_value press = SCONCE_STR(value->channel, "PRESS");
                put_value(is_button(channels, value->channel) ? &press : value, command->toggles & (1U << i), out);
        }
        if (command->id[0]) {
                json_put_key(out, "id");
                json_put_raw(out, command->id, strlen(command->id));
        }
        json_put_literal(out, "}");
}

static void check_same(const struct command *a, const struct command *b)
{
        must(a->count == b->count && a->toggles == b->toggles && same_text(a->id, b->id));
        for (size_t i = 0; i < a->count; i++) {
                const struct sconce_value *x = &a->values[i], *y = &b->values[i];
                must(same_text(x->channel, y->channel) && x->type == y->type && x->on == y->on);
                must(x->number == y->number && same_text(x->text, y->text));
        }
}

/* What was understood, written as one JSON object, is understood the same. */
static void check_again(const struct channels *channels, const struct command *command)
{
        static const struct command_limits wide = { .max_bytes = 1024UL * 1024, .max_depth = 8 };
        struct json_text out = { 0 };
        struct command again;
        struct result result;

        put_command(channels, command, &out);
        must(!out.failed && command_parse(channels, NULL, out.data, out.size, &wide, &again, &result) == 0);
        check_same(command, &again);
        command_resolve(&again, channels);
        must(again.toggles == 0 && again.count == command->count);
        command_done(&again);
        json_text_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        char *line = input_line(&input), *channel = line;
        char *device = line ? strsep(&channel, " ") : NULL;
        const struct channels *channels = device_channels(input_choice(device, device_names, n_devices));
        struct command command;
        struct result result;

        int r = command_parse(channels, channel, input.at, input.left, &limits, &command, &result);
        check_command(channels, r, &command, &result);
        if (input.left > limits.max_bytes)
                must(r == -EINVAL && result.code == RESULT_TOO_LARGE);
        if (r == 0 && command.count > 0)
                check_again(channels, &command);
        command_done(&command);
        free(line);
        return 0;
}
