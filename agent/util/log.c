/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "util/text.h"

#define TEXT_MAX 1024

static const struct {
        const char *name;
        int level;
} levels[] = {
        { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
        { "info", LOG_INFO }, { "debug", LOG_DEBUG },
};

static atomic_int max_level = LOG_INFO;
static bool to_journal, to_people;
static log_sink_fn test_sink;
static void *test_userdata;

/* A disk that is written full by somebody who makes us complain is a way to stop a house. */
static struct {
        pthread_mutex_t lock;
        unsigned per_second, burst; /* 0: no limit */
        double lines;               /* that may still be written at once */
        double at_s;
        unsigned long left_out; /* since the last line */
} limit = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* JOURNAL_STREAM names the device and inode of the journal's stream: stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;
        char mine[64];

        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return false;
        (void)snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        return strcmp(stream, mine) == 0;
}

void log_open(void)
{
        to_journal = stderr_is_journal();
        to_people = isatty(STDERR_FILENO);
}

void log_to_people(void)
{
        to_people = true;
}

void log_set_level(int level)
{
        max_level = level;
}

int log_level(void)
{
        return max_level;
}

int log_level_from_name(const char *name, int *ret_level)
{
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                if (strcmp(levels[i].name, name) == 0) {
                        *ret_level = levels[i].level;
                        return 0;
                }
        }
        return -EINVAL;
}

const char *log_level_names(void)
{
        return "error, warning, notice, info, debug";
}

void log_set_sink(log_sink_fn sink, void *userdata)
{
        test_sink = sink;
        test_userdata = userdata;
}

static void write_stderr(int level, const struct log_about *about, const char *text)
{
        const char *device = about && about->device ? about->device : "";
        char priority[8] = "";

        if (!to_people)
                (void)snprintf(priority, sizeof(priority), "<%d>", level);
        /* One call, one write: lines of several threads do not mix. */
        dprintf(STDERR_FILENO, "%s%s%s%s\n", priority, device, device[0] ? ": " : "", text);
}

static void write_journal(int level, const struct log_about *about, const char *text)
{
        const struct log_about nothing = { .device = NULL }, *of = about ? about : &nothing;
        const struct {
                const char *name, *value;
        } fields[] = { { "DEVICE", of->device }, { "PLUGIN", of->plugin }, { "TOPIC", of->topic } };
        char lines[2 + ARRAY_SIZE(fields)][TEXT_MAX + 80];
        struct iovec list[ARRAY_SIZE(lines)];
        int count = 0;

        (void)snprintf(lines[count++], sizeof(lines[0]), "MESSAGE=%s%s%s", of->device ? of->device : "",
                       of->device ? ": " : "", text);
        (void)snprintf(lines[count++], sizeof(lines[0]), "PRIORITY=%d", level);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].value) {
                        (void)snprintf(lines[count], sizeof(lines[0]), "%s=%s", fields[i].name, fields[i].value);
                        text_defang(lines[count++]);
                }
        for (int i = 0; i < count; i++)
                list[i] = (struct iovec){ lines[i], strlen(lines[i]) };
        (void)sd_journal_sendv(list, count);
}

static double now_s(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void log_limit(unsigned per_second, unsigned burst)
{
        (void)pthread_mutex_lock(&limit.lock);
        limit.per_second = per_second;
        limit.burst = burst;
        limit.lines = burst;
        limit.at_s = now_s();
        limit.left_out = 0;
        (void)pthread_mutex_unlock(&limit.lock);
}

void log_limit_pass(unsigned seconds)
{
        (void)pthread_mutex_lock(&limit.lock);
        limit.at_s -= seconds;
        (void)pthread_mutex_unlock(&limit.lock);
}

/* Whether a line may be written, and how many were not before it. */
static bool take_line(unsigned long *ret_left_out)
{
        (void)pthread_mutex_lock(&limit.lock);
        double now = now_s();
        limit.lines = MIN(limit.lines + (now - limit.at_s) * limit.per_second, (double)limit.burst);
        limit.at_s = now;
        bool may = limit.per_second == 0 || limit.lines >= 1;
        *ret_left_out = may ? limit.left_out : 0;
        limit.left_out = may ? 0 : limit.left_out + 1;
        limit.lines -= may ? 1 : 0;
        (void)pthread_mutex_unlock(&limit.lock);
        return may;
}

static void write_line(int level, const struct log_about *about, const char *text)
{
        if (test_sink)
                test_sink(test_userdata, level, about, text);
        else if (to_journal)
                write_journal(level, about, text);
        else
                write_stderr(level, about, text);
}

void log_writev(int level, const struct log_about *about, const char *format, va_list arguments)
{
        if (level > max_level)
                return;

        char text[TEXT_MAX];
        unsigned long left_out = 0;
        if (level < LOG_DEBUG && !take_line(&left_out))
                return;
        if (left_out > 0) {
                (void)snprintf(text, sizeof(text), "%lu lines were dropped here: they came too fast", left_out);
                write_line(LOG_WARNING, NULL, text);
        }
        (void)vsnprintf(text, sizeof(text), format, arguments);
        /* A payload or a file name in a message must not be able to forge a second log line or steer a terminal. */
        text_defang(text);
        write_line(level, about, text);
}

void log_write(int level, const struct log_about *about, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        log_writev(level, about, format, arguments);
        va_end(arguments);
}
