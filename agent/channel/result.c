/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/result.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
        [RESULT_OK] = "ok",
        [RESULT_MALFORMED] = "malformed",
        [RESULT_TOO_LARGE] = "too_large",
        [RESULT_DEPTH] = "depth",
        [RESULT_UNKNOWN_DEVICE] = "unknown_device",
        [RESULT_UNKNOWN_CHANNEL] = "unknown_channel",
        [RESULT_UNKNOWN_KEY] = "unknown_key",
        [RESULT_READ_ONLY] = "read_only",
        [RESULT_TYPE] = "type",
        [RESULT_RANGE] = "range",
        [RESULT_RATE] = "rate",
        [RESULT_BUSY] = "busy",
        [RESULT_OFFLINE] = "offline",
        [RESULT_FAILED] = "failed",
        [RESULT_EXPIRED] = "expired",
        [RESULT_DUPLICATE] = "duplicate",
};

int refuse(struct result *result, enum result_code code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(result->message, sizeof(result->message), format, arguments);
        va_end(arguments);
        result->code = code;
        return -EINVAL;
}

void result_write(const struct result *result, const char *id, struct json_text *out)
{
        json_put_open(out, '{');
        json_put_key(out, "ok");
        if (result->code == RESULT_OK)
                json_put_literal(out, "true");
        else
                json_put_literal(out, "false");
        if (*id) {
                json_put_key(out, "id");
                json_put_raw(out, id, strlen(id));
        }
        if (result->code != RESULT_OK) {
                json_put_key(out, "code");
                json_put_string(out, names[result->code]);
                json_put_key(out, "message");
                json_put_string(out, result->message);
        }
        json_put_literal(out, "}");
}
