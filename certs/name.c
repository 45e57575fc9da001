/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static const char *const kind_words[] = { [NAME_BROKER] = "broker", [NAME_NODE] = "node", [NAME_CLIENT] = "client" };

const char *name_kind_word(enum name_kind kind)
{
        return kind_words[kind];
}

void name_identity(const struct name *name, char ret[static IDENTITY_MAX])
{
        if (name->generation <= 1)
                (void)snprintf(ret, IDENTITY_MAX, "%s", name->name);
        else
                (void)snprintf(ret, IDENTITY_MAX, "%s.%u", name->name, name->generation);
}

void name_done(struct name *name)
{
        words_done(&name->words);
        words_done(&name->commands);
}

/* ---- Words ------------------------------------------------------------------------------------------------------- */

static size_t count_words(char *const *words)
{
        size_t count = 0;

        while (words && words[count])
                count++;
        return count;
}

void words_done(char ***words)
{
        for (size_t i = count_words(*words); i > 0; i--)
                free((*words)[i - 1]);
        free(*words);
        *words = NULL;
}

bool words_add(char ***words, const char *word)
{
        size_t count = count_words(*words);

        for (size_t i = 0; i < count; i++)
                if (strcmp((*words)[i], word) == 0)
                        return true;
        char **more = reallocarray(*words, count + 2, sizeof(*more));
        if (!more)
                return false;
        *words = more;
        more[count + 1] = NULL;
        more[count] = strdup(word);
        return more[count] != NULL;
}

bool words_add_all(char ***words, char *const *others)
{
        for (; others && *others; others++)
                if (!words_add(words, *others))
                        return false;
        return true;
}

bool words_remove(char **words, const char *word)
{
        size_t count = count_words(words), at = 0;

        while (at < count && strcmp(words[at], word) != 0)
                at++;
        if (at == count)
                return false;
        free(words[at]);
        memmove(&words[at], &words[at + 1], (count - at) * sizeof(*words));
        return true;
}

char *words_text(char *const *words)
{
        size_t count = count_words(words), size = 1;

        for (size_t i = 0; i < count; i++)
                size += strlen(words[i]) + 1;
        char *text = calloc(1, size);
        for (size_t i = 0; text && i < count; i++) {
                (void)strcat(text, i > 0 ? " " : "");
                (void)strcat(text, words[i]);
        }
        return text;
}

bool words_split(const char *text, char ***words)
{
        CLEANUP_FREE char *copy = strdup(text);
        char *rest = NULL;

        for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; word; word = strtok_r(NULL, " ", &rest))
                if (!words_add(words, word))
                        return false;
        return copy != NULL;
}
