/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

void json_text_done(struct json_text *text)
{
        free(text->data);
        *text = (struct json_text){ 0 };
}

static bool reserve(struct json_text *text, size_t more)
{
        if (text->capacity - text->size >= more)
                return true;
        size_t capacity = MAX(text->capacity * 2, text->size + more + 64);
        char *data = realloc(text->data, capacity);
        if (!data) {
                text->failed = true;
                return false;
        }
        text->data = data;
        text->capacity = capacity;
        return true;
}

void json_put_raw(struct json_text *text, const char *raw, size_t size)
{
        if (!reserve(text, size))
                return;
        memcpy(text->data + text->size, raw, size);
        text->size += size;
}

static void escape(struct json_text *text, char c)
{
        static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
        char form[7];

        for (const char *at = short_forms; *at; at += 2) {
                if (*at == c) {
                        json_put_raw(text, (char[]){ '\\', at[1] }, 2);
                        return;
                }
        }
        (void)snprintf(form, sizeof(form), "\\u%04x", (unsigned)(unsigned char)c);
        json_put_raw(text, form, 6);
}

static bool is_plain(char c)
{
        return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* What needs no escape, of the start of `string`. */
static size_t plain_length(const char *string)
{
        size_t length = 0;

        while (is_plain(string[length]))
                length++;
        return length;
}

/* Almost every text needs none: it is put in one piece, with what follows it. */
static bool put_plain(struct json_text *text, const char *string, const char *end, size_t end_size)
{
        size_t length = plain_length(string);

        if (string[length] || !reserve(text, length + 1 + end_size))
                return false;
        char *at = text->data + text->size;
        *at++ = '"';
        memcpy(at, string, length);
        memcpy(at + length, end, end_size);
        text->size += length + 1 + end_size;
        return true;
}

static void put_escaped(struct json_text *text, const char *string)
{
        json_put_literal(text, "\"");
        while (*string) {
                size_t plain = plain_length(string);
                json_put_raw(text, string, plain);
                string += plain;
                if ((unsigned char)*string < 0x80) {
                        if (*string)
                                escape(text, *string++);
                        continue;
                }
                uint32_t code;
                size_t length = text_decode(string, strnlen(string, 4), &code);
                if (length > 0)
                        json_put_raw(text, string, length);
                else
                        json_put_literal(text, "\\ufffd"); /* half a character: a text that was cut to fit */
                string += MAX(length, 1U);
        }
        json_put_literal(text, "\"");
}

void json_put_string(struct json_text *text, const char *string)
{
        if (!put_plain(text, string, "\"", 1))
                put_escaped(text, string);
}

void json_put_item(struct json_text *text)
{
        if (text->size == 0)
                return;
        char last = text->data[text->size - 1];
        if (last != '{' && last != '[' && last != ':')
                json_put_literal(text, ",");
}

void json_put_key(struct json_text *text, const char *key)
{
        json_put_item(text);
        if (put_plain(text, key, "\":", 2))
                return;
        put_escaped(text, key);
        json_put_literal(text, ":");
}

void json_put_open(struct json_text *text, char bracket)
{
        json_put_item(text);
        json_put_raw(text, &bracket, 1);
}

void json_put_integer(struct json_text *text, int64_t number)
{
        char digits[24];
        int length = snprintf(digits, sizeof(digits), "%lld", (long long)number);
        json_put_raw(text, digits, (size_t)length);
}

void json_number_text(double number, char text[static JSON_NUMBER_MAX])
{
        if (!isfinite(number)) {
                memcpy(text, "null", 5);
                return;
        }
        if (fabs(number) < 1e15 && number == (double)(int64_t)number) {
                (void)snprintf(text, JSON_NUMBER_MAX, "%lld", (long long)number);
                return;
        }
        /* 15 digits always survive text -> double -> text, 17 always survive double -> text -> double. */
        for (int digits = 15; digits <= 17; digits++) {
                (void)snprintf(text, JSON_NUMBER_MAX, "%.*g", digits, number);
                if (strtod(text, NULL) == number)
                        break;
        }
        char *comma = strchr(text, ','); /* the locale's own idea of a decimal point */
        if (comma)
                *comma = '.';
}

void json_put_number(struct json_text *text, double number)
{
        char digits[JSON_NUMBER_MAX];
        json_number_text(number, digits);
        json_put_raw(text, digits, strlen(digits));
}

struct json_shape json_shape(const char *text, size_t size)
{
        struct json_shape shape = { 0 };
        unsigned depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < size; i++) {
                char c = text[i];
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        depth++;
                        shape.depth = MAX(shape.depth, depth);
                        shape.items++;
                } else if (c == ',') {
                        shape.items++;
                } else if ((c == '}' || c == ']') && depth > 0) {
                        depth--;
                }
        }
        return shape;
}

static size_t digits_at(const char *text, size_t size, size_t at)
{
        size_t start = at;
        while (at < size && text[at] >= '0' && text[at] <= '9')
                at++;
        return at - start;
}

/* -12.5e+3: strtod alone would also take "0x10", "inf" and leading space. */
static bool is_number(const char *text, size_t size)
{
        size_t at = size > 0 && text[0] == '-' ? 1 : 0;
        size_t whole = digits_at(text, size, at);

        if (whole == 0 || (whole > 1 && text[at] == '0'))
                return false;
        at += whole;
        if (at < size && text[at] == '.') {
                size_t fraction = digits_at(text, size, at + 1);
                if (fraction == 0)
                        return false;
                at += 1 + fraction;
        }
        if (at < size && (text[at] == 'e' || text[at] == 'E')) {
                at++;
                if (at < size && (text[at] == '+' || text[at] == '-'))
                        at++;
                size_t exponent = digits_at(text, size, at);
                if (exponent == 0)
                        return false;
                at += exponent;
        }
        return at == size;
}

bool json_parse_number(const char *text, size_t size, double *ret)
{
        char copy[128];

        if (size >= sizeof(copy) || !is_number(text, size))
                return false;
        memcpy(copy, text, size);
        copy[size] = '\0';
        double number = strtod(copy, NULL);
        if (!isfinite(number))
                return false;
        *ret = number;
        return true;
}

bool utf8_is_valid(const char *text, size_t size)
{
        return !memchr(text, '\0', size) && text_utf8_valid(text, size) == size;
}
