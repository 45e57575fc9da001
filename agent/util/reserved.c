/* SPDX-License-Identifier: Apache-2.0 */
#include "util/reserved.h"

#include <string.h>

#include "util/macro.h"

static const struct {
        const char *word;
        unsigned uses;
} words[] = {
        { "broker", RESERVED_SECTION | RESERVED_SINGLE | RESERVED_CLIENT },
        { "tls", RESERVED_SECTION | RESERVED_SINGLE | RESERVED_CLIENT },
        { "node", RESERVED_SECTION | RESERVED_SINGLE | RESERVED_DEVICE },
        { "gpio", RESERVED_SECTION | RESERVED_SINGLE },
        { "rule", RESERVED_SECTION },
        { "log", RESERVED_SECTION },
        { "homeassistant", RESERVED_SECTION | RESERVED_SINGLE },
        { "history", RESERVED_SECTION | RESERVED_SINGLE },
        { "reply", RESERVED_NODE },
        { "all", RESERVED_NODE },
        { "time", RESERVED_CHANNEL },
        { "seq", RESERVED_CHANNEL },
        { "boot", RESERVED_CHANNEL },
        { "id", RESERVED_CHANNEL },
        { "channel", RESERVED_CHANNEL },
        { "expires", RESERVED_CHANNEL },
};

bool word_is_reserved(const char *word, unsigned use)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i].uses & use && strcmp(words[i].word, word) == 0)
                        return true;
        return false;
}

const char *reserved_next(size_t *at, unsigned use)
{
        while (*at < ARRAY_SIZE(words)) {
                size_t i = (*at)++;
                if (words[i].uses & use)
                        return words[i].word;
        }
        return NULL;
}
