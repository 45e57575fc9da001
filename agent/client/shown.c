/* SPDX-License-Identifier: Apache-2.0 */
#include "client/shown.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

#define ESCAPE_BYTES 4 /* \xNN */

static const struct {
        uint32_t first, last;
} unfit[] = {
        { 0x00, 0x1f },     /* control characters: ESC among them */
        { 0x7f, 0x9f },     /* DEL, and the second set, whose U+009B some terminals obey */
        { 0x200e, 0x200f }, /* marks of direction */
        { 0x2028, 0x202e }, /* line and paragraph ends, overrides of direction */
        { 0x2066, 0x2069 }, /* isolates */
        { 0xfeff, 0xfeff },
};

/* The length in bytes of the character that begins here, which is well-formed, and its code point. */
static size_t decode(const unsigned char *text, uint32_t *ret)
{
        size_t length = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
        uint32_t code = length == 1 ? text[0] : text[0] & (0x7fU >> length);

        for (size_t i = 1; i < length; i++)
                code = code << 6 | (text[i] & 0x3fU);
        *ret = code;
        return length;
}

static bool fits(uint32_t code)
{
        for (size_t i = 0; i < ARRAY_SIZE(unfit); i++)
                if (code >= unfit[i].first && code <= unfit[i].last)
                        return false;
        return true;
}

static char *escape(char *out, const unsigned char *bytes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                out += sprintf(out, "\\x%02x", bytes[i]);
        return out;
}

char *shown_text(const void *text, size_t size)
{
        const unsigned char *at = text;
        char *shown = malloc(size * ESCAPE_BYTES + 1);
        char *out = shown;

        if (!shown)
                return NULL;
        for (size_t left = size; left > 0;) {
                size_t good = text_utf8_valid((const char *)at, left);
                size_t bad = good < left ? 1 : 0;
                left -= good + bad;
                while (good > 0) {
                        uint32_t code;
                        size_t length = decode(at, &code);
                        if (fits(code))
                                out = mempcpy(out, at, length);
                        else
                                out = escape(out, at, length);
                        at += length;
                        good -= length;
                }
                out = escape(out, at, bad);
                at += bad;
        }
        *out = '\0';
        return shown;
}

char *shown_utf8(const void *text, size_t size, size_t *ret_size)
{
        static const char replacement[] = "\xef\xbf\xbd";
        const char *at = text;
        char *shown = malloc(size * strlen(replacement) + 1);
        char *out = shown;

        if (!shown)
                return NULL;
        for (size_t left = size; left > 0;) {
                size_t good = text_utf8_valid(at, left);
                out = mempcpy(out, at, good);
                at += good;
                left -= good;
                if (left == 0)
                        break;
                out = mempcpy(out, replacement, strlen(replacement));
                at++;
                left--;
        }
        *out = '\0';
        *ret_size = (size_t)(out - shown);
        return shown;
}

void shown_say(const char *format, ...)
{
        CLEANUP_FREE char *sentence = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&sentence, format, arguments);
        va_end(arguments);
        if (length < 0) {
                sentence = NULL;
                return;
        }
        CLEANUP_FREE char *shown = shown_text(sentence, (size_t)length);
        if (shown)
                (void)fprintf(stderr, "sconce: %s\n", shown);
}
