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

void fault_code_name(int code, char name[static 32])
{
        const char *upper = strerrorname_np(abs(code));
        (void)snprintf(name, 32, "%s", upper ? upper : "error");
        for (char *c = name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
}
