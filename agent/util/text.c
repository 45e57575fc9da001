/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 64

/* The length of the well-formed sequence at `text`, 0 for none. Overlong forms, surrogates and what lies
 * above U+10FFFF are not well-formed: the second byte's range tells them. */
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

static bool is_plain(const char *text)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/%+-@";
        size_t length = strlen(text);
        return length > 0 && length < TEXT_SHOWN_MAX - 16 && strspn(text, plain) == length;
}

const char *text_show(const char *text, char shown[static TEXT_SHOWN_MAX])
{
        /* Room for the longest piece (\xNN or four bytes), "…", the closing quote and the final NUL. */
        const size_t last = TEXT_SHOWN_MAX - 4 - 3 - 2;
        if (is_plain(text)) {
                (void)snprintf(shown, TEXT_SHOWN_MAX, "%s", text);
                return shown;
        }
        size_t out = 0;
        shown[out++] = '"';
        size_t left = strlen(text);
        while (left > 0 && out < last) {
                size_t length = sequence_length((const unsigned char *)text, left);
                unsigned char c = (unsigned char)*text;
                if (length == 0 || c < 0x20 || c == 0x7f) {
                        out += (size_t)snprintf(shown + out, 5, "\\x%02x", c);
                        length = 1;
                } else {
                        memcpy(shown + out, text, length);
                        out += length;
                }
                text += length;
                left -= length;
        }
        (void)snprintf(shown + out, TEXT_SHOWN_MAX - out, "%s\"", left > 0 ? "…" : "");
        return shown;
}

bool text_is_id(const char *text)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t length = strlen(text);
        return length >= 1 && length <= ID_MAX && strchr(letters, text[0]) &&
               strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}
