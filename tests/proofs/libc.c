/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the C library that cbmc has no bodies for, as the standard describes them: plain loops, so that each
 * access to a text is checked. */
#include <stddef.h>
#include <string.h>

#include "prove.h"

static bool is_in(char c, const char *set)
{
        for (size_t i = 0; set[i]; i++)
                if (set[i] == c)
                        return true;
        return false;
}

size_t strcspn(const char *text, const char *reject)
{
        size_t length = 0;

        while (text[length] && !is_in(text[length], reject))
                length++;
        return length;
}

size_t strspn(const char *text, const char *accept)
{
        size_t length = 0;

        while (text[length] && is_in(text[length], accept))
                length++;
        return length;
}

void *memchr(const void *memory, int c, size_t size)
{
        const char *bytes = memory;

        for (size_t i = 0; i < size; i++)
                if (bytes[i] == (char)c)
                        return (void *)&bytes[i];
        return NULL;
}

char *strstr(const char *text, const char *word)
{
        for (size_t i = 0;; i++) {
                size_t same = 0;
                while (word[same] && text[i + same] == word[same])
                        same++;
                if (!word[same])
                        return (char *)&text[i];
                if (!text[i])
                        return NULL;
        }
}
