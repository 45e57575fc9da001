/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/process.h"
#include "system/workdir.h"
#include "util/cleanup.h"

/* Of both versions of the kernel's interface: libgpiod 1 speaks the first, libgpiod 2 the second. */
static const struct request {
        const char *name, *word;
        bool is_request;
} calls[] = {
        { "GPIO_GET_LINEHANDLE_IOCTL", "request", true },        { "GPIO_GET_LINEEVENT_IOCTL", "request", true },
        { "GPIO_V2_GET_LINE_IOCTL", "request", true },           { "GPIOHANDLE_SET_CONFIG_IOCTL", "configure", false },
        { "GPIO_V2_LINE_SET_CONFIG_IOCTL", "configure", false }, { "GPIOHANDLE_SET_LINE_VALUES_IOCTL", "set", false },
        { "GPIO_V2_LINE_SET_VALUES_IOCTL", "set", false },
};

const char *const *trace_words(const char *file)
{
        static const char *words[8];

        /* As a grandchild: the process is the test's own child, to be signalled and waited for as without. */
        const char *const strace[] = { "strace", "-D", "-e", "trace=ioctl", "-o", file, NULL };
        memcpy(words, strace, sizeof(strace));
        return words;
}

void trace_needs_strace(void)
{
        if (system("command -v strace >/dev/null") == 0)
                return;
        print_message("skipped: strace is missing (apt-get install strace)\n");
        skip();
}

static bool has_ended(void *userdata)
{
        CLEANUP_FREE char *text = read_file(userdata);
        return text && strstr(text, "+++ ");
}

/* The number after `mark`; -1: there is none. */
static long number_after(const char *text, const char *mark)
{
        const char *at = strstr(text, mark);
        return at ? strtol(at + strlen(mark), NULL, 0) : -1;
}

static const char *level_of(const char *line)
{
        long level = number_after(line, "values=[");

        if (level < 0)
                level = number_after(line, "bits=");
        if (level < 0)
                level = number_after(line, "values=");
        return level > 0 && level & 1 ? "1" : "0";
}

static const char *details_of(const struct request *call, const char *line)
{
        if (strcmp(call->word, "set") == 0 || strstr(line, "REQUEST_OUTPUT") || strstr(line, "FLAG_OUTPUT"))
                return level_of(line);
        return strstr(line, "REQUEST_INPUT") || strstr(line, "FLAG_INPUT") ? "input" : "as it is";
}

static const struct request *call_of(const char *line)
{
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
                if (strstr(line, calls[i].name))
                        return &calls[i];
        return NULL;
}

static bool is_of_line(const struct request *call, const char *line, unsigned offset, long *handle)
{
        if (!call->is_request)
                return number_after(line, "ioctl(") == *handle;
        long wanted = number_after(line, "offsets=[");
        if (wanted < 0)
                wanted = number_after(line, "lineoffset=");
        long fd = number_after(line, "{fd=");
        bool ours = wanted == (long)offset;
        if (ours || fd == *handle)
                *handle = ours ? fd : -1;
        return ours;
}

const char *trace_of(const char *file, unsigned offset)
{
        char path[1024], done[1024] = "";
        size_t at = 0;
        long handle = -1;

        (void)snprintf(path, sizeof(path), "%s", file);
        if (!pump_until(has_ended, path, SOON_MS))
                give_up("strace has not recorded the end in %s", file);
        char *text = read_file(file), *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
                const struct request *call = call_of(line);
                if (call && is_of_line(call, line, offset, &handle) && at < sizeof(done))
                        at += (size_t)snprintf(done + at, sizeof(done) - at, "%s%s %s", at ? "; " : "", call->word,
                                               details_of(call, line));
        }
        free(text);
        return keep_text(strdup(done));
}
