/* SPDX-License-Identifier: Apache-2.0 */
/* [broker] envelope = yes: a JSON message of header, content and footer. The footer's checksum is over the content's
 * bytes as they are sent; it finds accidents and is no signature. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

struct envelope {
        const char *node, *device; /* names that need no escaping */
        const char *time;          /* NULL: the clock is not trusted */
        uint64_t seq;
};

/* `content` is JSON. The caller frees *ret. -ENOMEM. */
int envelope_wrap(const struct envelope *header, const void *content, size_t size, char **ret) MUST_CHECK;
