/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/channel_rows.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const moods[] = { "calm", "bright", NULL };

static const struct sconce_channel rows[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "level", .kind = SCONCE_NUMBER, .unit = "%", .max = 100, .step = 0.5 },
        { .key = "temperature", .kind = SCONCE_SENSOR, .unit = "°C", .device_class = "temperature" },
        { .key = "mood", .kind = SCONCE_SELECT, .choices = moods },
        { .key = "list", .kind = SCONCE_TEXT_LIST },
        { .key = "hold", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY },
        { .key = "press", .kind = SCONCE_EVENT, .choices = moods },
};

void channel_rows_append(struct channels *channels)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(channels_append(channels, &rows[i]), 0);
}
