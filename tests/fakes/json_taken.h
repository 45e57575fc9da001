/* SPDX-License-Identifier: Apache-2.0 */
/* A text that the agent has written, as a string for assertions. */
#pragma once

#include <string.h>

#include "util/json.h"

/* free() it; leaves `text` empty. NULL without memory. */
static inline char *json_text_take(struct json_text *text)
{
        char *taken = text->failed ? NULL : strndup(text->data ? text->data : "", text->size);

        json_text_done(text);
        return taken;
}
