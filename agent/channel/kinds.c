/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/kinds.h"

#include <stddef.h>

#include "channel/convert.h"
#include "channel/value.h"

/*
 * The table, and the one way into it, are made of the same rows: a kind of the header without one does not compile.
 */
/* clang-format off */
/* kind, name, type of its values, convert_…, value_write_…, platform when it takes commands, when it does not; what else is so */
#define KINDS(ROW)                                                                                                                             \
        ROW(SCONCE_LIGHT, "light", BOOL, on_off, on_off, LIGHT, BINARY_SENSOR, .written = true, .has_state = true, .is_on_off = true)          \
        ROW(SCONCE_SWITCH, "switch", BOOL, on_off, on_off, SWITCH, BINARY_SENSOR, .written = true, .has_state = true, .is_on_off = true)       \
        ROW(SCONCE_BINARY_SENSOR, "binary_sensor", BOOL, on_off, on_off, BINARY_SENSOR, BINARY_SENSOR, .has_state = true)                      \
        ROW(SCONCE_SENSOR, "sensor", NUMBER, number, number, SENSOR, SENSOR, .has_state = true, .is_measured = true)                           \
        ROW(SCONCE_NUMBER, "number", NUMBER, number, number, NUMBER, SENSOR, .written = true, .has_state = true)                               \
        ROW(SCONCE_COVER, "cover", TEXT, cover, text, COVER, SENSOR, .written = true, .has_state = true)                                       \
        ROW(SCONCE_BUTTON, "button", BOOL, press, on_off, BUTTON, BUTTON, .written = true)                                                     \
        ROW(SCONCE_EVENT, "event", TEXT, choice, text, EVENT, EVENT, .has_choices = true)                                                      \
        ROW(SCONCE_SELECT, "select", TEXT, choice, text, SELECT, SENSOR, .written = true, .has_state = true, .has_choices = true)              \
        ROW(SCONCE_TEXT, "text", TEXT, text, text, TEXT, SENSOR, .has_state = true)                                                            \
        ROW(SCONCE_TEXT_LIST, "text_list", TEXT, text, list, SENSOR, SENSOR, .has_state = true)                                                \
        ROW(SCONCE_DURATION, "duration", NUMBER, duration, number, NUMBER, SENSOR, .written = true, .has_state = true)
/* clang-format on */

#define TABLE_ROW(kind, kind_name, value_type, converter, writer, commanded, shown, ...)                               \
        [kind] = { .name = (kind_name),                                                                                \
                   .type = SCONCE_VALUE_##value_type,                                                                  \
                   .convert = convert_##converter,                                                                     \
                   .write = value_write_##writer,                                                                      \
                   .platform = PLATFORM_##commanded,                                                                   \
                   .platform_shown = PLATFORM_##shown,                                                                 \
                   __VA_ARGS__ },
#define CASE_ROW(kind, ...) case kind:

static const struct kind kinds[] = { KINDS(TABLE_ROW) };

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch-enum"
const struct kind *kind_get(enum sconce_kind kind)
{
        switch (kind) {
                KINDS(CASE_ROW)
                return &kinds[kind];
        }
        return NULL;
}
#pragma GCC diagnostic pop
