/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/devices.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "channel/convert.h"
#include "fuzz/fuzz.h"
#include "util/clock.h"

static const char *const effects[] = { "none", "blink", "breathe", NULL };
static const char *const modes[] = { "off", "heat", "Heat", "COOL", NULL };
static const char *const presses[] = { "single", "double", "fault", NULL };

static const struct sconce_channel lamp[] = {
        { .key = "state", .kind = SCONCE_LIGHT },
        { .key = "brightness", .kind = SCONCE_NUMBER, .min = 1, .max = 255 },
        { .key = "transition", .kind = SCONCE_DURATION, .max = 60, .flags = SCONCE_COMMAND_ONLY },
        { .key = "effect", .kind = SCONCE_SELECT, .choices = effects },
        { .key = NULL },
};
static const struct sconce_channel plug[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "for", .kind = SCONCE_DURATION, .min = 0.01, .max = 100, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};
static const struct sconce_channel shutter[] = {
        { .key = "state", .kind = SCONCE_COVER },
        { .key = "position", .kind = SCONCE_NUMBER, .min = 0, .max = 100 },
        { .key = NULL },
};
static const struct sconce_channel heating[] = {
        { .key = "mode", .kind = SCONCE_SELECT, .choices = modes },
        { .key = "target", .kind = SCONCE_NUMBER, .min = 5, .max = 30, .step = 0.5 },
        { .key = "note", .kind = SCONCE_TEXT, .flags = SCONCE_WRITABLE },
        { .key = "total", .kind = SCONCE_SENSOR, .flags = SCONCE_WRITABLE | SCONCE_TOTAL },
        { .key = "list", .kind = SCONCE_TEXT_LIST, .flags = SCONCE_WRITABLE },
        { .key = "ring", .kind = SCONCE_BUTTON },
        { .key = "fixed", .kind = SCONCE_NUMBER, .flags = SCONCE_READ_ONLY },
        { .key = NULL },
};
static const struct sconce_channel board[] = {
        { .key = "temperature", .kind = SCONCE_SENSOR, .unit = "°C" },
        { .key = "state", .kind = SCONCE_BINARY_SENSOR },
        { .key = "press", .kind = SCONCE_EVENT, .choices = presses },
        { .key = NULL },
};

static const struct sconce_channel *const tables[] = { lamp, plug, shutter, heating, board };
const char *const device_names[] = { "lamp", "plug", "shutter", "heating", "board" };
const size_t n_devices = ARRAY_SIZE(tables);

struct channels *device_channels(size_t device)
{
        static struct channels made[ARRAY_SIZE(tables)];
        struct channels *channels = &made[device];

        for (const struct sconce_channel *row = tables[device]; channels->count == 0 || row->key; row++) {
                struct fault fault;
                must(channel_check(row, &fault) == 0 && channels_append(channels, row) == 0);
                if (!row[1].key)
                        break;
        }
        return channels;
}

/* ---- What must hold ------------------------------------------------------------------------------------ */

static void check_number(const struct channel *channel, double number)
{
        must(isfinite(number));
        if (channel->row.min != 0 || channel->row.max != 0)
                must(number >= channel->row.min && number <= channel->row.max);
}

static void check_text(const struct channel *channel, const char *text)
{
        must(text && utf8_is_valid(text, strlen(text)));
        if (channel->kind->has_choices)
                must(choice_find(channel->row.choices, text) == text);
        if (channel->row.kind == SCONCE_COVER)
                must(same_text(text, "OPEN") || same_text(text, "CLOSE") || same_text(text, "STOP"));
}

static void check_value(const struct channels *channels, const struct command *command, size_t i)
{
        const struct sconce_value *value = &command->values[i];
        const struct channel *channel = channels_find(channels, value->channel);
        bool toggles = command->toggles & (1U << i);

        must(channel && channel_is_writable(channel) && value->type == channel->kind->type);
        must(!toggles || channel->kind->type == SCONCE_VALUE_BOOL);
        for (size_t k = 0; k < i; k++)
                must(!same_text(command->values[k].channel, value->channel));
        if (value->type == SCONCE_VALUE_NUMBER)
                check_number(channel, value->number);
        if (value->type == SCONCE_VALUE_TEXT)
                check_text(channel, value->text);
}

/* The answer is JSON, which carries the id as it was given. */
static void check_result(const struct command *command, const struct result *result)
{
        struct json_text out = { 0 };
        json_t *id = command->id[0] ? json_loads(command->id, JSON_DECODE_ANY, NULL) : NULL;

        must(!command->id[0] || json_is_string(id) || json_is_number(id));
        result_write(result, command->id, &out);
        json_t *json = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
        must(json_is_boolean(json_object_get(json, "ok")));
        must(json_is_true(json_object_get(json, "ok")) == (result->code == RESULT_OK));
        must(json_equal(json_object_get(json, "id"), id) || !id);
        json_decref(json);
        json_decref(id);
        json_text_done(&out);
}

void check_command(const struct channels *channels, int r, const struct command *command, const struct result *result)
{
        must(r == 0 || r == 1 || r == -EINVAL);
        must((r < 0) == (result->code != RESULT_OK));
        must(r == 0 || (command->count == 0 && command->toggles == 0)); /* whole or not at all */
        must(r < 0 ? is_sentence(result->message, sizeof(result->message)) : command->count <= COMMAND_VALUES_MAX);
        must(r != 1 || !command->id[0]);
        must(command->count < 32 ? command->toggles >> command->count == 0 : true);
        for (size_t i = 0; i < command->count; i++)
                check_value(channels, command, i);
        check_result(command, result);
}
