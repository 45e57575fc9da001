/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

static void put(FILE *out, const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                uint32_t code = 0;
                size_t length = text_decode(text, left, &code);
                if (length > 0 && text_is_fit(code)) {
                        (void)fwrite(text, 1, length, out);
                } else {
                        (void)fprintf(out, "\\x%02x", (unsigned char)*text);
                        length = 1;
                }
                text += length;
                left -= length;
        }
        (void)fputc('\n', out);
}

static PRINTF_LIKE(2, 0) void put_formatted(FILE *out, const char *format, va_list arguments)
{
        CLEANUP_FREE char *text = NULL;

        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        put(out, text ? text : "out of memory");
}

void say(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        put_formatted(stdout, format, arguments);
        va_end(arguments);
}

void complain(const char *format, ...)
{
        va_list arguments;

        (void)fflush(stdout);
        (void)fputs("sconce-pki: ", stderr);
        va_start(arguments, format);
        put_formatted(stderr, format, arguments);
        va_end(arguments);
}
