/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A "_" is due before the next letter, never at an end and never twice: Home Assistant takes no other entity id. */
void slug_add(char *slug, size_t size, const char *text)
{
        size_t used = strlen(slug);
        bool is_due = used > 0 && slug[used - 1] != '.';

        for (; *text; text++) {
                if (!isalnum((unsigned char)*text)) {
                        is_due = used > 0 && slug[used - 1] != '.';
                        continue;
                }
                if (used + 2 >= size)
                        return;
                if (is_due)
                        slug[used++] = '_';
                slug[used++] = (char)tolower((unsigned char)*text);
                slug[used] = '\0';
                is_due = false;
        }
}

void word_for_people(const char *id, char *text, size_t size)
{
        (void)snprintf(text, size, "%s", id);
        for (char *c = text; *c; c++)
                if (*c == '_' || *c == '-')
                        *c = ' ';
        text[0] = (char)toupper((unsigned char)text[0]);
}
