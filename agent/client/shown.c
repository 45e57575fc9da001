/* SPDX-License-Identifier: Apache-2.0 */
#include "client/shown.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

#define ESCAPE_BYTES      4 /* \xNN */
#define JSON_ESCAPE_BYTES 6 /* \uNNNN; characters of four bytes become two of these */

bool shown_is_unread(FILE *out)
{
        struct pollfd fd = { .fd = fileno(out) };

        return fd.fd >= 0 && poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

static char *escape(char *out, const char *bytes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                out += sprintf(out, "\\x%02x", (unsigned char)bytes[i]);
        return out;
}

char *shown_text(const void *text, size_t size)
{
        const char *at = text;
        char *shown = malloc(size * ESCAPE_BYTES + 1);
        char *out = shown;

        if (!shown)
                return NULL;
        for (size_t left = size; left > 0;) {
                uint32_t code = 0;
                size_t length = text_decode(at, left, &code);
                bool is_fit = length > 0 && text_is_fit(code);

                length = MAX(length, 1);
                out = is_fit ? mempcpy(out, at, length) : escape(out, at, length);
                at += length;
                left -= length;
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

/* What is not fit stands in strings alone, where \uNNNN means the same. */
static char *escape_json(char *out, uint32_t code)
{
        if (code > 0xffff)
                return out + sprintf(out, "\\u%04X\\u%04X", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
        return out + sprintf(out, "\\u%04X", code);
}

char *shown_json(const char *json)
{
        size_t left = strlen(json);
        char *shown = malloc(left * JSON_ESCAPE_BYTES + 1);
        char *out = shown;

        if (!shown)
                return NULL;
        while (left > 0) {
                uint32_t code = 0;
                size_t length = MAX(text_decode(json, left, &code), 1);

                /* The line ends and tabs of an indented text are its writer's: in strings they are escaped. */
                out = code < 0x20 || text_is_fit(code) ? mempcpy(out, json, length) : escape_json(out, code);
                json += length;
                left -= length;
        }
        *out = '\0';
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
