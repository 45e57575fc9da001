/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool value_differs(const struct value *value, const struct sconce_value *from)
{
        if (value->type != from->type)
                return true;
        switch (from->type) {
        case SCONCE_VALUE_BOOL:
                return value->on != from->on;
        case SCONCE_VALUE_NUMBER:
                return value->number != from->number;
        case SCONCE_VALUE_TEXT:
                return strcmp(value->text, from->text) != 0;
        case SCONCE_VALUE_NONE:
                break;
        }
        return false;
}

int value_set(struct value *value, const struct sconce_value *from)
{
        if (from->type == SCONCE_VALUE_TEXT) {
                size_t size = strlen(from->text) + 1;
                if (size > value->capacity) {
                        char *text = realloc(value->text, size);
                        if (!text)
                                return -ENOMEM;
                        value->text = text;
                        value->capacity = size;
                }
                memcpy(value->text, from->text, size);
        }
        value->type = from->type;
        value->on = from->on;
        value->number = from->number;
        return 0;
}

struct sconce_value value_view(const char *key, const struct value *value)
{
        return (struct sconce_value){
                .channel = key, .type = value->type, .on = value->on, .number = value->number, .text = value->text
        };
}

/* ---- As saved ------------------------------------------------------------------------------------------ */

/* "WORD CONTENT". With each command: printf() would be a fiftieth of what it costs. */
static char *join(const char *word, const char *content)
{
        size_t word_size = strlen(word), content_size = strlen(content) + 1;
        char *text = malloc(word_size + 1 + content_size);

        if (!text)
                return NULL;
        memcpy(text, word, word_size);
        text[word_size] = ' ';
        memcpy(text + word_size + 1, content, content_size);
        return text;
}

char *value_to_text(const char *word, const struct value *value)
{
        char number[JSON_NUMBER_MAX];

        switch (value->type) {
        case SCONCE_VALUE_BOOL:
                return join(word, value->on ? "ON" : "OFF");
        case SCONCE_VALUE_TEXT:
                return join(word, value->text);
        case SCONCE_VALUE_NUMBER:
                (void)snprintf(number, sizeof(number), "%.17g", value->number);
                return join(word, number);
        case SCONCE_VALUE_NONE:
                break;
        }
        return NULL;
}

int value_parse(enum sconce_value_type type, const char *text, struct sconce_value *ret)
{
        struct sconce_value value = { .type = type, .text = text };
        char *end;

        if (type == SCONCE_VALUE_BOOL) {
                value.on = strcmp(text, "ON") == 0;
                if (!value.on && strcmp(text, "OFF") != 0)
                        return -EINVAL;
        } else if (type == SCONCE_VALUE_NUMBER) {
                value.number = strtod(text, &end);
                if (end == text || *end || !isfinite(value.number))
                        return -EINVAL;
        } else if (!utf8_is_valid(text, strlen(text))) {
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

/* ---- As JSON ------------------------------------------------------------------------------------------- */

void value_write_on_off(const struct value *value, struct json_text *out)
{
        json_put_string(out, value->on ? "ON" : "OFF");
}

void value_write_number(const struct value *value, struct json_text *out)
{
        json_put_number(out, value->number);
}

void value_write_text(const struct value *value, struct json_text *out)
{
        json_put_string(out, value->text);
}

void value_write_list(const struct value *value, struct json_text *out)
{
        const char *lines = value->text;

        json_put_open(out, '[');
        while (*lines) {
                char item[512];
                size_t length = strcspn(lines, "\n"), shown = MIN(length, sizeof(item) - 1);
                while (shown < length && shown > 0 && ((unsigned char)lines[shown] & 0xc0) == 0x80)
                        shown--; /* not in the middle of a character */
                memcpy(item, lines, shown);
                item[shown] = '\0';
                json_put_item(out);
                json_put_string(out, item);
                lines += length + (lines[length] == '\n');
        }
        json_put_literal(out, "]");
}
