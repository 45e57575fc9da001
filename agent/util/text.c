/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define ID_MAX 64

/* The length of the well-formed sequence at `text`, 0 for none. The second byte's range excludes overlong forms,
 * surrogates and what lies above U+10FFFF. */
static size_t sequence_length(const unsigned char *text, size_t size)
{
        static const struct {
                unsigned char first_low, first_high, second_low, second_high;
                size_t length;
        } forms[] = {
                { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                if (text[0] < forms[i].first_low || text[0] > forms[i].first_high)
                        continue;
                size_t length = forms[i].length;
                if (length > size)
                        return 0;
                if (length > 1 && (text[1] < forms[i].second_low || text[1] > forms[i].second_high))
                        return 0;
                for (size_t k = 2; k < length; k++) {
                        if ((text[k] & 0xc0) != 0x80)
                                return 0;
                }
                return length;
        }
        return 0;
}

size_t text_utf8_valid(const char *text, size_t size)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t at = 0;
        while (at < size) {
                size_t length = sequence_length(bytes + at, size - at);
                if (length == 0)
                        return at;
                at += length;
        }
        return at;
}

static const struct {
        uint32_t first, last;
} unfit[] = {
        { 0x00, 0x1f },       /* control characters: ESC among them */
        { 0x7f, 0x9f },       /* DEL, and the second set, whose U+009B some terminals obey */
        { 0x061c, 0x061c },   /* marks of direction */
        { 0x200e, 0x200f },   /* marks of direction */
        { 0x2028, 0x202e },   /* line and paragraph ends, overrides of direction */
        { 0x2066, 0x206f },   /* isolates, and what they replaced */
        { 0xfeff, 0xfeff },   /* the byte order mark */
        { 0xfff9, 0xfffb },   /* annotations */
        { 0xe0000, 0xe0fff }, /* tags */
};

size_t text_decode(const char *text, size_t size, uint32_t *ret)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t length = size > 0 ? sequence_length(bytes, size) : 0;

        if (length == 0)
                return 0;
        uint32_t code = length == 1 ? bytes[0] : bytes[0] & (0x7fU >> length);
        for (size_t i = 1; i < length; i++)
                code = code << 6 | (bytes[i] & 0x3fU);
        *ret = code;
        return length;
}

bool text_is_fit(uint32_t code)
{
        for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
                if (code >= unfit[i].first && code <= unfit[i].last)
                        return false;
        return true;
}

void text_defang(char *text)
{
        size_t left = strlen(text);
        char *out = text;

        while (left > 0) {
                uint32_t code = 0;
                size_t length = text_decode(text, left, &code);

                if (length > 0 && text_is_fit(code)) {
                        memmove(out, text, length);
                        out += length;
                } else {
                        *out++ = '?';
                }
                text += length > 0 ? length : 1;
                left -= length > 0 ? length : 1;
        }
        *out = '\0';
}

static bool is_plain(const char *text)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/%+-@";
        size_t length = strlen(text);
        return length > 0 && length < TEXT_SHOWN_MAX - 16 && strspn(text, plain) == length;
}

const char *text_pin(const char *text)
{
        static const char word[] = "pin-value=";
        const char *at = strcasestr(text, word);

        return at ? at + strlen(word) : NULL;
}

const char *text_show(const char *text, char shown[static TEXT_SHOWN_MAX])
{
        const char *pin = text_pin(text);
        /* Room for the longest piece (\xNN or four bytes), "…", the closing quote and the final NUL. */
        const size_t last = TEXT_SHOWN_MAX - 4 - 3 - 2;
        if (!pin && is_plain(text)) {
                (void)snprintf(shown, TEXT_SHOWN_MAX, "%s", text);
                return shown;
        }
        size_t out = 0;
        shown[out++] = '"';
        size_t left = pin ? (size_t)(pin - text) : strlen(text);
        while (left > 0 && out < last) {
                uint32_t code = 0;
                size_t length = text_decode(text, left, &code);
                if (length == 0 || !text_is_fit(code)) {
                        /* Of a longer one the rest is no character any more, and goes the same way. */
                        out += (size_t)snprintf(shown + out, 5, "\\x%02x", (unsigned char)*text);
                        length = 1;
                } else {
                        memcpy(shown + out, text, length);
                        out += length;
                }
                text += length;
                left -= length;
        }
        (void)snprintf(shown + out, TEXT_SHOWN_MAX - out, "%s\"", left > 0 || pin ? "…" : "");
        return shown;
}

static bool is_letter(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Not by strspn(), which makes a table of all characters each time. */
static bool is_word(const char *text, const char *marks)
{
        size_t length = 0;

        while (length <= ID_MAX &&
               (is_letter(text[length]) || is_digit(text[length]) || (text[length] && strchr(marks, text[length]))))
                length++;
        return length >= 1 && length <= ID_MAX && text[length] == '\0';
}

bool text_is_id(const char *text)
{
        return (is_letter(text[0]) || is_digit(text[0])) && is_word(text, "_-");
}

bool text_is_key(const char *text)
{
        return is_letter(text[0]) && is_word(text, "_");
}

uint64_t bytes_hash(uint64_t hash, const void *data, size_t size)
{
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
        return hash;
}

uint64_t text_hash(uint64_t hash, const char *text)
{
        return bytes_hash(hash, text, strlen(text));
}

void text_hex(const void *bytes, size_t size, char *ret)
{
        static const char digits[] = "0123456789abcdef";
        const unsigned char *at = bytes;

        for (size_t i = 0; i < size; i++) {
                *ret++ = digits[at[i] >> 4];
                *ret++ = digits[at[i] & 15];
        }
        *ret = '\0';
}

size_t text_decimal(uint64_t number, char text[static TEXT_DECIMAL_MAX])
{
        char digits[TEXT_DECIMAL_MAX];
        size_t at = sizeof(digits);

        do {
                digits[--at] = (char)('0' + number % 10);
                number /= 10;
        } while (number > 0);
        memcpy(text, digits + at, sizeof(digits) - at);
        return sizeof(digits) - at;
}

void text_list_add(char *list, size_t size, const char *word)
{
        size_t used = strlen(list);
        (void)snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
}
