/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a command: a code of the closed list, a sentence, and the JSON that carries them. */
#pragma once

#include "util/json.h"
#include "util/macro.h"

enum result_code {
        RESULT_OK,
        RESULT_MALFORMED,
        RESULT_TOO_LARGE,
        RESULT_DEPTH,
        RESULT_UNKNOWN_DEVICE,
        RESULT_UNKNOWN_CHANNEL,
        RESULT_UNKNOWN_KEY,
        RESULT_READ_ONLY,
        RESULT_TYPE,
        RESULT_RANGE,
        RESULT_RATE,
        RESULT_BUSY,
        RESULT_OFFLINE,
        RESULT_FAILED,
        RESULT_EXPIRED,
        RESULT_DUPLICATE,
};

#define RESULT_MESSAGE_MAX 320

struct result {
        enum result_code code;
        char message[RESULT_MESSAGE_MAX]; /* unused while ok */
};

/* Sets both and returns -EINVAL, so that a check can refuse in one statement. */
int refuse(struct result *result, enum result_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* {"ok":true,"id":…}; `id` is JSON already, "" for none. */
void result_write(const struct result *result, const char *id, struct json_text *out);
