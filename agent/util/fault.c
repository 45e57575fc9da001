/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fault.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fault_set(struct fault *fault, int code, const char *format, ...)
{
        if (!fault)
                return code;
        va_list arguments;
        va_start(arguments, format);
        /* Through a buffer of its own: the old text may be one of the arguments. */
        char text[sizeof(fault->text)];
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        fault->code = code;
        memcpy(fault->text, text, sizeof(text));
        return code;
}

void kept_fault_set(struct kept_fault *kept, const struct fault *fault)
{
        char *text = fault && fault->code != 0 ? strdup(fault->text) : NULL; /* first: it may be the old one */

        free(kept->text);
        *kept = (struct kept_fault){ .code = fault ? fault->code : 0, .text = text };
}

const char *kept_fault_text(const struct kept_fault *kept)
{
        if (kept->code == 0)
                return "";
        return kept->text ? kept->text : strerror(-kept->code);
}

void kept_fault_get(const struct kept_fault *kept, struct fault *ret)
{
        (void)fault_set(ret, kept->code, "%s", kept_fault_text(kept));
}

void fault_code_name(int code, char name[static 32])
{
        const char *upper = strerrorname_np(abs(code));
        (void)snprintf(name, 32, "%s", upper ? upper : "error");
        for (char *c = name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
}
