/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …": the nearest of the words that are known. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A word, and what else people call it, separated by blanks: these count as near as can be, however they are spelt. */
struct synonym {
        const char *word, *meant_by;
};

/* Keeps the nearest word while it is offered one after the other. */
struct suggestion {
        const char *wanted;
        const struct synonym *synonyms; /* one row a word, ends with an empty one; NULL: none */
        const char *best;               /* NULL: none is near enough */
        size_t distance;
};

void suggestion_offer(struct suggestion *suggestion, const char *word);

/* "; did you mean WORD", or "" without one. */
#define SUGGESTION_MAX 96
const char *suggestion_text(const struct suggestion *suggestion, char text[static SUGGESTION_MAX]);
