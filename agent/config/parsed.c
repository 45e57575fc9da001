/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parsed.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

int value_fail(struct value_fault *fault, unsigned line, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
        va_end(arguments);
        fault->line = line;
        return -EINVAL;
}

static int add_text(struct value *value, const char *text, struct value_fault *fault)
{
        if (!text)
                return value_fail(fault, fault->line, "not a text");
        if (text_utf8_valid(text, strlen(text)) != strlen(text))
                return value_fail(fault, fault->line, "the \\x escapes do not make valid UTF-8");
        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        value->texts[value->count++] = copy;
        return 0;
}

static int take_setting(const config_setting_t *setting, struct value *value, struct value_fault *fault)
{
        value->is_list = config_setting_is_list(setting) || config_setting_is_array(setting);
        int length = value->is_list ? config_setting_length(setting) : 1;
        value->texts = calloc((size_t)length + 1, sizeof(*value->texts));
        if (!value->texts)
                return -ENOMEM;
        for (int i = 0; i < length; i++) {
                const char *text = value->is_list ? config_setting_get_string_elem(setting, i)
                                                  : config_setting_get_string(setting);
                int r = add_text(value, text, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

int parsed_read(const char *text, unsigned line, struct value *ret, struct value_fault *fault)
{
        config_t parsed;
        config_init(&parsed);
        struct value value = { 0 };
        int r;
        fault->line = line;
        if (config_read_string(&parsed, text) != CONFIG_TRUE) {
                int at = config_error_line(&parsed);
                r = value_fail(fault, line + (unsigned)(at > 1 ? at - 1 : 0), "%s", config_error_text(&parsed));
        } else {
                config_setting_t *setting = config_lookup(&parsed, "v");
                r = setting ? take_setting(setting, &value, fault) : -ENOMEM;
        }
        config_destroy(&parsed);
        if (r < 0)
                value_done(&value);
        else
                *ret = value;
        return r;
}

void value_done(struct value *value)
{
        for (size_t i = 0; i < value->count; i++)
                free(value->texts[i]);
        free(value->texts);
        *value = (struct value){ 0 };
}
