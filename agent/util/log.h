/* SPDX-License-Identifier: Apache-2.0 */
/* The log, from any thread: stderr, with <N> priority prefixes where it is no terminal, or the journal natively with
 * fields where stderr is the journal. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

#include "util/macro.h"

/* What a line is about; each may be NULL. In the journal they are the fields DEVICE=, PLUGIN= and TOPIC=. */
struct log_about {
        const char *device;
        const char *plugin;
        const char *topic;
};

void log_open(void);

/* From now on no prefixes on stderr: for what is run by hand, wherever its output goes. After log_open(). */
void log_to_people(void);
void log_set_level(int level);
int log_level(void);

/* "error" and its like to LOG_ERR and its like; -EINVAL for any other word. log_level_names() is for messages. */
int log_level_from_name(const char *name, int *ret_level) MUST_CHECK;
const char *log_level_names(void);

/* At most so many lines a second from now on, `burst` at once; the next line that is written comes after the number of
 * those left out. Debug messages are not counted. 0: no limit, as at the start. */
void log_limit(unsigned per_second, unsigned burst);
void log_limit_pass(unsigned seconds); /* in a test: as if they had gone by */

/* In a test: every line goes to `sink` instead. NULL restores the default. */
typedef void (*log_sink_fn)(void *userdata, int level, const struct log_about *about, const char *text);
void log_set_sink(log_sink_fn sink, void *userdata);

void log_write(int level, const struct log_about *about, const char *format, ...) PRINTF_LIKE(3, 4);
void log_writev(int level, const struct log_about *about, const char *format, va_list arguments) PRINTF_LIKE(3, 0);

#define log_error(...)   log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                                                                                 \
        do {                                                                                                           \
                if (log_level() >= LOG_DEBUG)                                                                          \
                        log_write(LOG_DEBUG, NULL, __VA_ARGS__);                                                       \
        } while (0)

#define log_topic(level, name, ...) log_write(level, &(const struct log_about){ .topic = (name) }, __VA_ARGS__)
