/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a config, as it stands after "KEY =": a line with the option's type, then the value. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/types.h"
#include "config/value.h"
#include "fuzz/fuzz.h"
#include "util/text.h"

static const char *const colours[] = { "red", "green", "dark green", NULL };

static const struct sconce_option rows[] = {
        { .key = "bool", .type = SCONCE_TYPE_BOOL },
        { .key = "int", .type = SCONCE_TYPE_INT },
        { .key = "port", .type = SCONCE_TYPE_INT, .min = "1", .max = "65535" },
        { .key = "float", .type = SCONCE_TYPE_FLOAT },
        { .key = "ratio", .type = SCONCE_TYPE_FLOAT, .min = "-1", .max = "1" },
        { .key = "string", .type = SCONCE_TYPE_STRING },
        { .key = "enum", .type = SCONCE_TYPE_ENUM, .choices = colours },
        { .key = "duration", .type = SCONCE_TYPE_DURATION },
        { .key = "pause", .type = SCONCE_TYPE_DURATION, .min = "10ms", .max = "7d" },
        { .key = "size", .type = SCONCE_TYPE_SIZE },
        { .key = "percent", .type = SCONCE_TYPE_PERCENT },
        { .key = "path", .type = SCONCE_TYPE_PATH },
};

/* The value as a person would write it again. */
static void write_again(const struct sconce_option *row, const union option_value *value, char *text, size_t size)
{
        switch (row->type) {
        case SCONCE_TYPE_BOOL:
                (void)snprintf(text, size, "%s", value->truth ? "yes" : "no");
                break;
        case SCONCE_TYPE_INT:
                (void)snprintf(text, size, "%" PRId64, value->integer);
                break;
        case SCONCE_TYPE_ENUM:
                must(value->choice >= 0 && value->choice < 3);
                (void)snprintf(text, size, "%s", colours[value->choice]);
                break;
        case SCONCE_TYPE_DURATION:
                (void)snprintf(text, size, "%" PRIu64 ".%06" PRIu64 "s", value->natural / 1000000,
                               value->natural % 1000000);
                break;
        case SCONCE_TYPE_SIZE:
                (void)snprintf(text, size, "%" PRIu64, value->natural);
                break;
        default:
                (void)snprintf(text, size, "%.17g", value->real);
        }
}

static void check_bounds(const struct sconce_option *row, const union option_value *value)
{
        if (row->type == SCONCE_TYPE_FLOAT || row->type == SCONCE_TYPE_PERCENT)
                must(isfinite(value->real));
        if (row->type == SCONCE_TYPE_PERCENT)
                must(value->real >= 0 && value->real <= 100);
        if (strcmp(row->key, "port") == 0)
                must(value->integer >= 1 && value->integer <= 65535);
        if (strcmp(row->key, "ratio") == 0)
                must(value->real >= -1 && value->real <= 1);
        if (strcmp(row->key, "pause") == 0)
                must(value->natural >= 10000 && value->natural <= UINT64_C(7) * 86400 * 1000000);
        if (row->type == SCONCE_TYPE_DURATION) /* a century */
                must(value->natural <= UINT64_C(36500) * 86400 * 1000000);
}

static void check_option(const struct sconce_option *row, const char *text)
{
        char reason[TYPE_REASON_MAX] = "", written[64];
        union option_value value = { 0 }, again = { 0 };
        int r = option_parse(row, text, reason, &value);

        must(r == 0 || r == -EINVAL || r == -ERANGE);
        if (r < 0) {
                must(is_sentence(reason, sizeof(reason)) && value.natural == 0);
                return;
        }
        check_bounds(row, &value);
        if (row->type == SCONCE_TYPE_STRING || row->type == SCONCE_TYPE_PATH) {
                must(value.text == text);
                return;
        }
        write_again(row, &value, written, sizeof(written));
        must(option_parse(row, written, reason, &again) == 0);
        must(memcmp(&again, &value, option_type(row->type)->size) == 0);
}

/* A text in quotes is itself, whatever is in it. */
static void check_quoted(const char *text)
{
        char *quoted = malloc(4 * strlen(text) + 3), *at = quoted;
        struct value value = { 0 };
        struct value_fault fault = { 0 };

        must(quoted);
        *at++ = '"';
        for (; *text; text++) {
                bool is_special = (unsigned char)*text < 0x20 || *text == '"' || *text == '\\' || *text == 0x7f;
                at += sprintf(at, is_special ? "\\x%02x" : "%c", (unsigned char)*text);
        }
        memcpy(at, "\"", 2);
        must(value_read_text(quoted, &value, &fault) == 0);
        must(value.count == 1 && !value.is_list && !value.cut);
        value_done(&value);
        free(quoted);
}

static void check_texts(const struct sconce_option *row, const struct value *value)
{
        for (size_t i = 0; i < value->count; i++) {
                const char *text = value->texts[i];
                must(text_utf8_valid(text, strlen(text)) == strlen(text));
                check_quoted(text);
                check_option(row, text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        const char *names[ARRAY_SIZE(rows)];
        char *type = input_line(&input), *text = input_rest(&input);
        struct value value = { 0 };
        struct value_fault fault = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                names[i] = rows[i].key;
        const struct sconce_option *row = &rows[input_choice(type, names, ARRAY_SIZE(rows))];
        if (text_utf8_valid(text, strlen(text)) == strlen(text)) { /* the file has been checked */
                int r = value_read_text(text, &value, &fault);
                must(r == 0 || r == -EINVAL);
                must(r == 0 || (is_sentence(fault.text, sizeof(fault.text)) && value.count == 0));
                must(r < 0 || value.is_list || value.count == 1);
                check_texts(row, &value);
                value_done(&value);
        }
        check_option(row, text);
        free(type);
        free(text);
        return 0;
}
