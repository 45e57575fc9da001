/* SPDX-License-Identifier: Apache-2.0 */
#include "util/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/macro.h"

#define WORD_MAX 40

/* Case and the two dashes are what people mix up; they cost nothing. */
static char plain(char c)
{
        return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

/* How many letters must be put in, left out, changed or swapped with the next (each pair once) to make b of a. */
static size_t edit_distance(const char *a, const char *b)
{
        size_t rows[3][WORD_MAX + 1];
        size_t n = strlen(a), m = strlen(b);
        for (size_t k = 0; k <= m; k++)
                rows[0][k] = k;
        for (size_t i = 1; i <= n; i++) {
                size_t *now = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
                now[0] = i;
                for (size_t k = 1; k <= m; k++) {
                        char x = plain(a[i - 1]), y = plain(b[k - 1]);
                        size_t best = above[k - 1] + (x != y);
                        best = MIN(best, above[k] + 1);
                        best = MIN(best, now[k - 1] + 1);
                        if (i > 1 && k > 1 && x == plain(b[k - 2]) && plain(a[i - 2]) == y)
                                best = MIN(best, two_above[k - 2] + 1);
                        now[k] = best;
                }
        }
        return rows[n % 3][m];
}

/* Whether `wanted` is one of the words, which blanks separate. */
static bool is_among(const char *words, const char *wanted)
{
        size_t length, at;
        for (; *words; words += length + strspn(words + length, " ")) {
                length = strcspn(words, " ");
                for (at = 0; at < length && plain(words[at]) == plain(wanted[at]);)
                        at++;
                if (at == length && wanted[at] == '\0')
                        return true;
        }
        return false;
}

static bool is_synonym(const struct suggestion *suggestion, const char *word)
{
        for (const struct synonym *row = suggestion->synonyms; row && row->word; row++)
                if (strcmp(row->word, word) == 0)
                        return is_among(row->meant_by, suggestion->wanted);
        return false;
}

void suggestion_offer(struct suggestion *suggestion, const char *word)
{
        size_t length = strlen(suggestion->wanted);
        if (length > WORD_MAX || strlen(word) > WORD_MAX)
                return;
        size_t distance = is_synonym(suggestion, word) ? 0 : edit_distance(suggestion->wanted, word);
        size_t allowed = MAX(length, strlen(word)) / 3;
        if (distance > MAX(allowed, 1) || distance >= strlen(word))
                return;
        if (suggestion->best && distance >= suggestion->distance)
                return;
        suggestion->best = word;
        suggestion->distance = distance;
}

const char *suggestion_text(const struct suggestion *suggestion, char text[static SUGGESTION_MAX])
{
        if (suggestion->best)
                (void)snprintf(text, SUGGESTION_MAX, "; did you mean %.70s", suggestion->best);
        else
                text[0] = '\0';
        return text;
}
