/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce/plugin.h - what a Sconce plugin sees, and all that it sees. ABI 1.
 *
 * A plugin is one C file that declares what it has (options, channels) and what it does (start, stop, command, read).
 * The agent does the rest: options are checked before `start`, channels become MQTT topics, typed commands and entries
 * of `info`. docs/plugin-abi.md draws the life cycle.
 *
 * Threads: all callbacks of one device run one after the other. They run on the agent's event loop and must not block,
 * unless the plugin has SCONCE_BLOCKING: then they run on threads beside it, not always on the same one. A plugin never
 * takes a lock.
 *
 * Errors: callbacks and host services return 0 or a negative errno. sconce_error() adds the sentence for people.
 *
 * Growth: fields are only ever appended to the structs that a plugin declares and to struct sconce_host, functions only
 * ever added. Each module records the sizes that it was built with, the host struct carries its own. The structs that
 * travel in calls (value, command, edge, list) never change in ABI 1.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#error "sconce/plugin.h is a C header: plugins are C files"
#endif

#define SCONCE_ABI 1

struct sconce_device;
struct sconce_line;
struct sconce_dimmer;
struct sconce_timer;
struct sconce_watch;

/* ---- Options: what a config section may have ----------------------------------------------------------- */

/* An option's type, and the C type of the field that receives it. */
enum sconce_option_type {
        SCONCE_TYPE_BOOL = 1, /* bool */
        SCONCE_TYPE_INT,      /* int64_t */
        SCONCE_TYPE_FLOAT,    /* double; never NaN or infinite */
        SCONCE_TYPE_STRING,   /* const char *; NULL without a default */
        SCONCE_TYPE_ENUM,     /* int: index into `choices`; -1 without a default */
        SCONCE_TYPE_DURATION, /* uint64_t, microseconds */
        SCONCE_TYPE_SIZE,     /* uint64_t, bytes */
        SCONCE_TYPE_PERCENT,  /* double, 0 to 100 */
        SCONCE_TYPE_PATH,     /* const char *, absolute */
        SCONCE_TYPE_LINE,     /* struct sconce_line *; checked, not yet opened; NULL without a default */
        SCONCE_TYPE_PWM,      /* struct sconce_dimmer *; "CHIP:CHANNEL" of /sys/class/pwm, as LINE otherwise */
        SCONCE_TYPE_LED,      /* struct sconce_dimmer *; a name in /sys/class/leds, as LINE otherwise */
};

/* Flags of an option. */
enum {
        SCONCE_REQUIRED = 1U << 0,     /* the section must have it */
        SCONCE_SECRET = 1U << 1,       /* masked wherever the config is shown */
        SCONCE_RELOADABLE = 1U << 2,   /* changing it restarts nothing; the agent's own: a plugin's device restarts */
        SCONCE_LIST = 1U << 3,         /* the field is a struct sconce_list of the type; one value is a list of one */
        SCONCE_OUTPUT = 1U << 4,       /* LINE, PWM, LED: drives hardware; power_on, on_exit and so on apply */
        SCONCE_TIMES_OUTPUT = 1U << 5, /* given, and neither 0 nor no, it makes the outputs timed: a pulse's length */
};

struct sconce_list {
        size_t count;
        const void *items; /* array of the option type's C type; the host's, valid as long as the device */
};

/* One row of an option table. A table ends with an empty row. Every text is static.
 *
 * Keys of the agent's own rows, which a plugin cannot have: name, area, every, rate, history; deadline where the plugin
 * is SCONCE_BLOCKING; power_on, on_exit, on_offline, offline_at_start, max_on where there is an SCONCE_OUTPUT; delta,
 * heartbeat, round, multiplier, offset, filter, filter_size where there is an SCONCE_SENSOR (report what was measured:
 * the agent does the rest); interlock and dead_time where an SCONCE_OUTPUT is a LIGHT or SWITCH, unless the plugin has
 * an option of one of these two names.
 *
 * Each LINE row brings companions: active_low and bias, drive for an output, debounce for an input; of the row "line"
 * with these keys, of a row "KEY" as KEY_active_low and so on. The plugin sees logical levels only. The companions of a
 * LINE that is not given are refused; active_low then holds for a PWM channel that takes the place of "line". */
struct sconce_option {
        const char *key; /* [a-z][a-z0-9_]* */
        enum sconce_option_type type;
        uint32_t flags;
        size_t offset;              /* of the field in the instance */
        const char *help;           /* one sentence for the user, no full stop */
        const char *def;            /* the default as a config file would say it; NULL: none */
        const char *min, *max;      /* inclusive bounds, written as a value of the type; NULL: the type's own */
        const char *const *choices; /* ENUM: NULL-terminated */
        const char *unit;           /* shown to the user: "°C", "Hz"; durations and sizes carry theirs in the value */
        const char *debounce;       /* input LINE: the companion's default, "20ms"; NULL: none */
        const char *bias;           /* LINE: the companion's default, "pull-up"; NULL: "as-is" */
        const char *needs;          /* keys of which the section must say one too, "pwm led"; NULL: none */
};

/* The field's offset; an error of the compiler where the field has another type than the option fills. */
#define SCONCE_FIELD_(container, field, type)                                                                          \
        (offsetof(container, field) + _Generic(&((container *)0)->field, type * : 0))

#define SCONCE_OPTION_(container, field, ctype, otype, name, flag_bits, ...)                                           \
        {                                                                                                              \
                .key = name, .type = otype, .flags = flag_bits, .offset = SCONCE_FIELD_(container, field, ctype),      \
                .help = __VA_ARGS__                                                                                    \
        }

/* SCONCE_OPTION_x(struct, field, "key", flags, "help" [, .def = "…", .min = "…", .max = "…", …]) */
#define SCONCE_OPTION_BOOL(s, f, key, flags, ...) SCONCE_OPTION_(s, f, bool, SCONCE_TYPE_BOOL, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_INT(s, f, key, flags, ...)  SCONCE_OPTION_(s, f, int64_t, SCONCE_TYPE_INT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_FLOAT(s, f, key, flags, ...)                                                                     \
        SCONCE_OPTION_(s, f, double, SCONCE_TYPE_FLOAT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_STRING(s, f, key, flags, ...)                                                                    \
        SCONCE_OPTION_(s, f, const char *, SCONCE_TYPE_STRING, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_ENUM(s, f, key, flags, ...) SCONCE_OPTION_(s, f, int, SCONCE_TYPE_ENUM, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_DURATION(s, f, key, flags, ...)                                                                  \
        SCONCE_OPTION_(s, f, uint64_t, SCONCE_TYPE_DURATION, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_SIZE(s, f, key, flags, ...)                                                                      \
        SCONCE_OPTION_(s, f, uint64_t, SCONCE_TYPE_SIZE, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_PERCENT(s, f, key, flags, ...)                                                                   \
        SCONCE_OPTION_(s, f, double, SCONCE_TYPE_PERCENT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_PATH(s, f, key, flags, ...)                                                                      \
        SCONCE_OPTION_(s, f, const char *, SCONCE_TYPE_PATH, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_LINE(s, f, key, flags, ...)                                                                      \
        SCONCE_OPTION_(s, f, struct sconce_line *, SCONCE_TYPE_LINE, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_PWM(s, f, key, flags, ...)                                                                       \
        SCONCE_OPTION_(s, f, struct sconce_dimmer *, SCONCE_TYPE_PWM, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_LED(s, f, key, flags, ...)                                                                       \
        SCONCE_OPTION_(s, f, struct sconce_dimmer *, SCONCE_TYPE_LED, key, flags, __VA_ARGS__)
/* A list of any type: SCONCE_OPTION_LIST(struct, field, SCONCE_TYPE_x, "key", flags, "help", …) */
#define SCONCE_OPTION_LIST(s, f, type, key, flags, ...)                                                                \
        SCONCE_OPTION_(s, f, struct sconce_list, type, key, (flags) | SCONCE_LIST, __VA_ARGS__)

/* ---- Channels: what a device shows and takes ----------------------------------------------------------- */

/* What a channel is, and the type of its values in commands and reports. "Written" kinds take commands. */
enum sconce_kind {
        SCONCE_LIGHT = 1,     /* BOOL, written; a device with one is a light */
        SCONCE_SWITCH,        /* BOOL, written */
        SCONCE_BINARY_SENSOR, /* BOOL, read; true = active */
        SCONCE_SENSOR,        /* NUMBER, read */
        SCONCE_NUMBER,        /* NUMBER, written, from min to max */
        SCONCE_COVER,         /* TEXT: "OPEN", "CLOSE", "STOP" written; open opening closed closing stopped read */
        SCONCE_BUTTON,        /* BOOL true in a command (PRESS); has no state */
        SCONCE_EVENT,         /* sconce_event(): `choices` are its event types; has no state */
        SCONCE_SELECT,        /* TEXT out of `choices`, written */
        SCONCE_TEXT,          /* TEXT, read */
        SCONCE_TEXT_LIST,     /* TEXT with one item a line, read; a list of strings in JSON */
        SCONCE_DURATION,      /* NUMBER, seconds, written; "30s" too in a command */
};

/* Flags of a channel. */
enum {
        SCONCE_READ_ONLY = 1U << 0,    /* a written kind that is only read here */
        SCONCE_WRITABLE = 1U << 1,     /* a SENSOR or TEXT that can be set too: a meter's total */
        SCONCE_COMMAND_ONLY = 1U << 2, /* a parameter of commands (transition, for), never in the state */
        SCONCE_DIAGNOSTIC = 1U << 3,   /* about the device itself rather than what it measures or does */
        SCONCE_TOTAL = 1U << 4,        /* a number that only grows, or starts again from 0: a meter */
};

/* One row of a channel table, which ends with an empty row. */
struct sconce_channel {
        const char *key; /* [a-z][a-z0-9_]*, not: time seq boot id channel expires */
        enum sconce_kind kind;
        uint32_t flags;
        const char *unit;           /* "°C", "%", "s"; NULL: none */
        const char *device_class;   /* Home Assistant's: "temperature", "door"; NULL: none */
        double min, max;            /* NUMBER, DURATION: inclusive; both 0: no bounds */
        double step;                /* NUMBER; 0: any */
        const char *const *choices; /* EVENT, SELECT: NULL-terminated */
        const char *help;           /* one sentence, no full stop */
        const char *name;           /* what people call it: "Temperature"; NULL: made from the key */
};

/* ---- Values -------------------------------------------------------------------------------------------- */

enum sconce_value_type {
        SCONCE_VALUE_NONE, /* known to be unknown: null in JSON */
        SCONCE_VALUE_BOOL,
        SCONCE_VALUE_NUMBER, /* finite */
        SCONCE_VALUE_TEXT,   /* UTF-8; borrowed for the length of the call */
};

/* One channel's value. Never grows. */
struct sconce_value {
        const char *channel; /* the channel's key */
        enum sconce_value_type type;
        bool on;
        double number;
        const char *text;
};

#define SCONCE_BOOL(key, value) ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_BOOL, .on = (value) })
#define SCONCE_NUM(key, value)                                                                                         \
        ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_NUMBER, .number = (value) })
#define SCONCE_STR(key, value) ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_TEXT, .text = (value) })
#define SCONCE_NONE(key)       ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_NONE })

/* Flags of a command. */
enum {
        /* From the agent itself (on_exit, max_on and the like): no transition, no delay. */
        SCONCE_COMMAND_NOW = 1U << 0,
        /* It was TOGGLE, resolved by the device's state: a plugin in which a command waits takes that back. */
        SCONCE_COMMAND_TOGGLE = 1U << 1,
};

/* A command that passed every check: known channels, right types, in range, TOGGLE already resolved. Its values are
 * carried out all, or none. Never grows. */
struct sconce_command {
        size_t count;
        const struct sconce_value *values;
        uint32_t flags;
};

/* ---- Lines --------------------------------------------------------------------------------------------- */

/* A change of an input line, debounced, in logical terms (active_low is undone). Never grows. */
struct sconce_edge {
        struct sconce_line *line;
        bool active;
        uint32_t lost;    /* edges of this line that the kernel dropped just before this one, where it reports them */
        uint64_t time_us; /* CLOCK_BOOTTIME, from the kernel's own timestamp where it has one */
};

#define SCONCE_LINE_KEEP   (-1)   /* as first value: drive what the line already shows */
#define SCONCE_DIMMER_KEEP (-1.0) /* the same for a dimmer */

typedef void (*sconce_line_fn)(struct sconce_device *dev, void *instance, const struct sconce_edge *edge);
typedef void (*sconce_timer_fn)(struct sconce_device *dev, void *instance, void *userdata);
typedef void (*sconce_watch_fn)(struct sconce_device *dev, void *instance, uint32_t events, void *userdata);

/* ---- The host: what the agent does for a plugin -------------------------------------------------------- */

enum sconce_log_level {
        SCONCE_LOG_ERROR = 3,
        SCONCE_LOG_WARNING = 4,
        SCONCE_LOG_NOTICE = 5,
        SCONCE_LOG_INFO = 6,
        SCONCE_LOG_DEBUG = 7,
};

/* Called through the inline wrappers below, which are the documented interface. */
struct sconce_host {
        size_t size; /* of this struct in the running agent */

        /* From any thread that runs the device's callbacks. time_us 0: now. */
        const char *(*id)(struct sconce_device *dev);
        int (*report)(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values, size_t count);
        int (*event)(struct sconce_device *dev, uint64_t time_us, const char *channel, const char *event_type);
        int (*health)(struct sconce_device *dev, int error, const char *reason);
        void (*error)(struct sconce_device *dev, const char *format, va_list arguments);
        void (*log)(struct sconce_device *dev, int level, const char *format, va_list arguments);
        uint64_t (*now_us)(struct sconce_device *dev);
        int (*channel_add)(struct sconce_device *dev, const struct sconce_channel *channel, size_t channel_size);

        /* On the event loop only: -EXDEV for a blocking device, -EPERM from `configure`. */
        int (*first)(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value);
        int (*timed)(struct sconce_device *dev, bool timed);

        int (*line_output)(struct sconce_device *dev, struct sconce_line *line, int first_value);
        int (*line_input)(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn);
        int (*line_set)(struct sconce_device *dev, struct sconce_line *line, bool active);
        int (*line_get)(struct sconce_device *dev, struct sconce_line *line, bool *ret_active);

        int (*dimmer_open)(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                           double first_level);
        int (*dimmer_set)(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level);

        int (*timer_new)(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret);
        int (*timer_arm)(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us);
        int (*timer_disarm)(struct sconce_device *dev, struct sconce_timer *timer);

        int (*fd_watch)(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                        struct sconce_watch **ret);
        int (*fd_unwatch)(struct sconce_device *dev, struct sconce_watch *watch);

        int (*save)(struct sconce_device *dev, const char *key, const char *text);
        int (*load)(struct sconce_device *dev, const char *key, char *text, size_t size);

        int (*dimmer_get)(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level);

        /* From any thread that runs the device's callbacks, and from `configure`. */
        uint64_t (*deadline_us)(struct sconce_device *dev);

        /* From any thread that runs the device's callbacks. */
        int (*problem)(struct sconce_device *dev, int error, const char *text);
};

/* A device as a plugin sees it: a handle. The rest of the struct is the agent's. */
struct sconce_device {
        const struct sconce_host *host;
};

/* ---- The plugin ---------------------------------------------------------------------------------------- */

/* Flags of a plugin. */
enum {
        /* Its callbacks may block: all but `configure` run on a thread beside the loop, one at a time, each perhaps on
         * another thread. There id, report, event, health, problem, error, log, the clock and channel_add work, and
         * everything else returns -EXDEV. Such a plugin can have no LINE, PWM or LED option. */
        SCONCE_BLOCKING = 1U << 0,
        /* Its outputs are always timed (a cover): they are off at exit, and off when it starts. */
        SCONCE_TIMED = 1U << 1,
};

/* The life of a device: configure, then start; then command, read and what `start` asked for (edges, timers,
 * descriptors) in any order, one at a time; then stop. After a failed start, or a stop because the hardware went
 * away, start comes again, with the instance as `configure` left it. */
struct sconce_plugin {
        const char *name;    /* [a-z][a-z0-9_-]*: the first word of its sections, and its file's name */
        const char *summary; /* one sentence, no full stop */
        const char *version; /* NULL: the agent's own */
        uint32_t flags;
        size_t instance_size;                  /* of the struct that the option rows fill; zeroed before that */
        const struct sconce_option *options;   /* NULL: none */
        const struct sconce_channel *channels; /* NULL: none but those that are added */
        const char *every;                     /* default of the option `every`: "30s"; NULL: read only when asked */
        const char *deadline;                  /* default of a blocking plugin's option `deadline`; NULL: "5s" */

        /* Checks what the option table cannot (`line` or `pwm`, not both), adds channels that depend on the options.
         * Runs at `sconced --check` too and on the event loop: opens nothing, allocates nothing. May be NULL. */
        int (*configure)(struct sconce_device *dev, void *instance);

        /* Opens the hardware and reports first values. On failure the agent undoes what the host services
         * did, publishes the error, and tries again later; `stop` is not called. */
        int (*start)(struct sconce_device *dev, void *instance);

        /* Frees what `start` made. What it reports is published, but not kept for the next start. The host then closes
         * lines, dimmers, timers and watches. May be NULL. */
        void (*stop)(struct sconce_device *dev, void *instance);

        /* Carries out a command and reports what the hardware now does. -EBUSY refuses it as `busy`, any
         * other error as `failed`. NULL: nothing can be written. */
        int (*command)(struct sconce_device *dev, void *instance, const struct sconce_command *command);

        /* Reads now and reports. Called every `every` and on request; a failure backs off and marks the
         * device offline until it works again. NULL: the device reports by itself. */
        int (*read)(struct sconce_device *dev, void *instance);
};

/* The one exported symbol of a plugin, made by SCONCE_PLUGIN(). */
struct sconce_module {
        uint32_t abi;
        uint32_t size; /* of this struct */
        size_t plugin_size, option_size, channel_size;
        const struct sconce_plugin *plugin;
};

#define SCONCE_PLUGIN(plugin_table)                                                                                    \
        extern const struct sconce_module sconce_module;                                                               \
        __attribute__((visibility("default"))) const struct sconce_module sconce_module = {                            \
                .abi = SCONCE_ABI,                                                                                     \
                .size = sizeof(struct sconce_module),                                                                  \
                .plugin_size = sizeof(struct sconce_plugin),                                                           \
                .option_size = sizeof(struct sconce_option),                                                           \
                .channel_size = sizeof(struct sconce_channel),                                                         \
                .plugin = &(plugin_table),                                                                             \
        };

/* ---- Host services ------------------------------------------------------------------------------------- */

/* For every function below, unless it says otherwise:
 * - `dev` is the handle that the callback was given. It is valid from `configure` to the end of `stop`, for this
 *   device alone, and never NULL. No other pointer may be NULL.
 * - Called from the device's own callbacks only, never from a thread that the plugin has made.
 * - "Any callback": of a blocking plugin or another. "Loop": of a plugin that is not SCONCE_BLOCKING; in one that is,
 *   it returns -EXDEV. `configure` may call only what says so: it runs at `sconced --check` too, and the rest is
 *   refused, most of it with -EPERM.
 * - Returns 0, or a negative errno: those that are named, -ENOMEM, and -ENOSYS where the agent is older than the
 *   function. On failure nothing has changed, and what `ret_…` points to is untouched.
 * - What is passed in is borrowed for the call; texts and rows that the host keeps are copied.
 * - A line, a dimmer, a timer, a watch belongs to the host, which closes it when the device stops, after `stop`, and
 *   after a failed `start`. The plugin frees none of them, and uses none from before.
 * - Times are microseconds of CLOCK_BOOTTIME (it goes on while the machine sleeps), never 0. */

#define SCONCE_HOST_HAS_(dev, member)                                                                                  \
        ((dev)->host->size >= offsetof(struct sconce_host, member) + sizeof((dev)->host->member) && (dev)->host->member)
#define SCONCE_CALL_(dev, member, ...) (SCONCE_HOST_HAS_(dev, member) ? (dev)->host->member(__VA_ARGS__) : -ENOSYS)

/* The device's id: the second word of its section. The host's text, valid as long as the device; "" where the agent is
 * older than this function. Any callback, and `configure`. */
static inline const char *sconce_id(struct sconce_device *dev)
{
        return SCONCE_HOST_HAS_(dev, id) ? dev->host->id(dev) : "";
}

/* Reports values, now. Channels that are not named keep theirs. The agent publishes the state when it has changed or an
 * answer is due, once for all reports of one callback.
 * values: `count` of them, each of a channel with a state, of the type of the channel's kind, or SCONCE_VALUE_NONE:
 *         it is known to be unknown. All are taken, or none. Texts are copied.
 * count:  0 is allowed: the device has been read.
 * Returns -EINVAL: no such channel, one without a state, the wrong type, a number that is not finite; -EILSEQ: text
 * that is not UTF-8. A blocking device's report is checked later, and its mistakes are logged. Any callback; in `stop`
 * it is published and not kept. */
static inline int sconce_report(struct sconce_device *dev, const struct sconce_value *values, size_t count)
{
        return SCONCE_CALL_(dev, report, dev, 0, values, count);
}

/* The same for an earlier moment, such as an edge's.
 * time_us: when it was; 0: now. */
static inline int sconce_report_at(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values,
                                   size_t count)
{
        return SCONCE_CALL_(dev, report, dev, time_us, values, count);
}

/* One value, now: as sconce_report(). */
static inline int sconce_report_bool(struct sconce_device *dev, const char *channel, bool on)
{
        const struct sconce_value value = SCONCE_BOOL(channel, on);
        return sconce_report(dev, &value, 1);
}

/* One value, now: as sconce_report().
 * number: finite, in the channel's unit. */
static inline int sconce_report_number(struct sconce_device *dev, const char *channel, double number)
{
        const struct sconce_value value = SCONCE_NUM(channel, number);
        return sconce_report(dev, &value, 1);
}

/* One value, now: as sconce_report().
 * text: UTF-8; copied. Of a SCONCE_TEXT_LIST one item a line. */
static inline int sconce_report_text(struct sconce_device *dev, const char *channel, const char *text)
{
        const struct sconce_value value = SCONCE_STR(channel, text);
        return sconce_report(dev, &value, 1);
}

/* Raises an event, now.
 * channel:    the key of a channel of kind SCONCE_EVENT.
 * event_type: one of its `choices`.
 * Returns -EINVAL: no such channel, or it has no such choice. Any callback; in `stop` it is published, too. */
static inline int sconce_event(struct sconce_device *dev, const char *channel, const char *event_type)
{
        return SCONCE_CALL_(dev, event, dev, 0, channel, event_type);
}

/* The same for an earlier moment.
 * time_us: when it was; 0: now. */
static inline int sconce_event_at(struct sconce_device *dev, uint64_t time_us, const char *channel,
                                  const char *event_type)
{
        return SCONCE_CALL_(dev, event, dev, time_us, channel, event_type);
}

/* Reports between callbacks whether the device works, which marks this one device online or offline: a timer's or a
 * descriptor's function has no result. A later call replaces an earlier one; a restart of the device forgets it.
 * error:  0: it works; a negative errno: it does not.
 * reason: one sentence for people, without a full stop; NULL: the errno's own words. Copied.
 * Returns -EINVAL: `error` is positive. Any callback. */
static inline int sconce_health(struct sconce_device *dev, int error, const char *reason)
{
        return SCONCE_CALL_(dev, health, dev, error, reason);
}

/* Reports between callbacks a fault with which the device goes on working: an end stop that was not reached. It is on
 * the `error` topic and among the node's problems; the device stays online and takes commands. A later call replaces
 * an earlier one; a restart of the device forgets it.
 * error: 0: it is over; a negative errno: what kind it is.
 * text:  one sentence for people, without a full stop; NULL: the errno's own words. Copied.
 * Returns -EINVAL: `error` is positive. Any callback. */
static inline int sconce_problem(struct sconce_device *dev, int error, const char *text)
{
        return SCONCE_CALL_(dev, problem, dev, error, text);
}

/* Sets the sentence for the errno that the callback is about to return: for the log, the device's `error` topic, the
 * result of a command. The last one before the return counts; services that fail on hardware have set theirs already.
 * format: as of printf(3); one sentence without a full stop, cut off after 319 bytes.
 * Any callback, and `configure`, for what is wrong with the section ("up and down are one line"). */
__attribute__((format(printf, 2, 3))) static inline void sconce_error(struct sconce_device *dev, const char *format,
                                                                      ...)
{
        va_list arguments;
        if (!SCONCE_HOST_HAS_(dev, error))
                return;
        va_start(arguments, format);
        dev->host->error(dev, format, arguments);
        va_end(arguments);
}

/* Writes a line to the agent's log, marked as the device's. Not for errors that a callback returns: those are logged
 * by the agent, once.
 * format: as of printf(3), without a newline.
 * Any callback, and `configure`. */
__attribute__((format(printf, 3, 4))) static inline void
sconce_log(struct sconce_device *dev, enum sconce_log_level level, const char *format, ...)
{
        va_list arguments;
        if (!SCONCE_HOST_HAS_(dev, log))
                return;
        va_start(arguments, format);
        dev->host->log(dev, (int)level, format, arguments);
        va_end(arguments);
}

/* The clock: CLOCK_BOOTTIME in microseconds, which never goes back; in a test a fake one. 0 where nothing runs yet, at
 * `sconced --check`, and where the agent is older than this function. Any callback. */
static inline uint64_t sconce_now_us(struct sconce_device *dev)
{
        return SCONCE_HOST_HAS_(dev, now_us) ? dev->host->now_us(dev) : 0;
}

/* How long a callback of a blocking device may take before the device counts as offline, in microseconds: its option
 * `deadline`. 0: the device is not blocking, or the agent is older than this function. Any callback, and `configure`. */
static inline uint64_t sconce_deadline_us(struct sconce_device *dev)
{
        return SCONCE_HOST_HAS_(dev, deadline_us) ? dev->host->deadline_us(dev) : 0;
}

/* Adds a channel that depends on options or on what is found. It stays for the life of the section; adding it again
 * does nothing. In `configure` it replaces a row of the table of the same key and kind: so an option sets a unit or a
 * device class.
 * channel: a row as in the table; it and its texts are copied.
 * Returns -EEXIST: there is one of that key and another kind; -EINVAL: the row is invalid (a reserved key, missing
 * choices). Any callback, and `configure`. */
static inline int sconce_channel_add(struct sconce_device *dev, const struct sconce_channel *channel)
{
        return SCONCE_CALL_(dev, channel_add, dev, channel, sizeof(*channel));
}

/* The first value of a written channel, as power_on and the last command decide. In `start`.
 * channel:   the key of a channel that can be written.
 * ret_value: its value; a text in it is the host's and valid until the callback returns. Of type SCONCE_VALUE_NONE:
 *            keep what the hardware has (power_on = keep).
 * Returns -ENODATA: nothing is known, the plugin's own default holds; -EINVAL: no such channel, or it is not written.
 * Loop. */
static inline int sconce_first(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value)
{
        return SCONCE_CALL_(dev, first, dev, channel, ret_value);
}

/* Marks the outputs as on for a limited time from now on (a command with `for`), or no longer so. Meanwhile they go off
 * at exit and after a crash, for any on_exit, and are off after a restart, since nothing counts any more. Loop. */
static inline int sconce_timed(struct sconce_device *dev, bool timed)
{
        return SCONCE_CALL_(dev, timed, dev, timed);
}

/* sconce_first() for an on/off output, ready for sconce_line_output().
 * channel: the key of its channel.
 * Returns 1, 0 or SCONCE_LINE_KEEP; 0 also where nothing is known. Loop. */
static inline int sconce_first_level(struct sconce_device *dev, const char *channel)
{
        struct sconce_value value;
        if (sconce_first(dev, channel, &value) < 0)
                return 0;
        return value.type == SCONCE_VALUE_NONE ? SCONCE_LINE_KEEP : (int)value.on;
}

/* Opens a line as an output that shows its first value from the very request on: nothing flickers. In `start`.
 * line:        of an option row with SCONCE_OUTPUT, not NULL (an option that is not required leaves NULL).
 * first_value: 0, 1 or SCONCE_LINE_KEEP; logical: active_low is the host's business.
 * Returns, with the sentence set: -EINVAL: not this device's, or declared as an input; -EBUSY: it is in use;
 * -EACCES; -ENOENT, -ENODEV: there is no such line or chip now. Just return it: `start` comes again. Loop. */
static inline int sconce_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value)
{
        return SCONCE_CALL_(dev, line_output, dev, line, first_value);
}

/* Opens a line as an input. In `start`. `fn` gets changes; sconce_line_get() has the level at the start. That one is
 * debounced like any other: `start` comes when every input of the device has been stable for its `debounce` (the agent
 * has opened them by then; this hands them over).
 * line: of an option row without SCONCE_OUTPUT, not NULL.
 * fn:   called on the loop at each change that has outlasted `debounce`, in order, with the kernel's time; from after
 *       `start` until `stop`. NULL: the line is only read.
 * Returns as sconce_line_output(). Loop. */
static inline int sconce_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn)
{
        return SCONCE_CALL_(dev, line_input, dev, line, fn);
}

/* Sets an output. While the agent holds it (max_on, on_offline, on_exit) this only sets what it will be afterwards;
 * sconce_line_get() has what it is.
 * line:   opened by sconce_line_output().
 * active: logical: true is on.
 * Returns, with the sentence set: -EINVAL: not this device's; -ENODEV: it is not open, or its chip has gone (then the
 * device is stopped after this callback, and started when the chip is back); what the kernel says. Loop. */
static inline int sconce_line_set(struct sconce_device *dev, struct sconce_line *line, bool active)
{
        return SCONCE_CALL_(dev, line_set, dev, line, active);
}

/* Reads a line: the debounced level of an input, or what an output drives.
 * line:       opened by either of the two.
 * ret_active: logical.
 * Returns as sconce_line_set(). Loop. */
static inline int sconce_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active)
{
        return SCONCE_CALL_(dev, line_get, dev, line, ret_active);
}

/* Opens a PWM channel or a kernel LED. In `start`. The host gives it back when the device stops.
 * dimmer:      of an option row of type PWM or LED, not NULL.
 * period_ns:   of the PWM, in nanoseconds; 0: 1 ms. Of a LED not used.
 * first_level: 0 (dark) to 1, linear, or SCONCE_DIMMER_KEEP.
 * Returns, with the sentence set: -EINVAL: not this device's; -ENOENT: there is no such thing; -EACCES; -EBUSY,
 * -EEXIST: it is in use; -ERANGE: no such level or period. Loop. */
static inline int sconce_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                                     double first_level)
{
        return SCONCE_CALL_(dev, dimmer_open, dev, dimmer, period_ns, first_level);
}

/* Sets the level; while the agent holds the output, as sconce_line_set(). One above 0 is never rounded down to dark.
 * dimmer: opened by sconce_dimmer_open().
 * level:  0 to 1, linear: gamma is the plugin's.
 * Returns, with the sentence set: -EINVAL: not this device's; -ENODEV: it is not open, or has gone; -ERANGE. Loop. */
static inline int sconce_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        return SCONCE_CALL_(dev, dimmer_set, dev, dimmer, level);
}

/* The level that was last set; after SCONCE_DIMMER_KEEP the one that was found.
 * dimmer:    opened by sconce_dimmer_open().
 * ret_level: 0 to 1.
 * Returns -ENODEV: it is not open. Loop. */
static inline int sconce_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level)
{
        return SCONCE_CALL_(dev, dimmer_get, dev, dimmer, ret_level);
}

/* Makes a timer, not armed. In `start` or later; at most 64 a device.
 * fn:       called on the loop, once for each sconce_timer_arm(). May arm it again.
 * userdata: given to `fn`; may be NULL.
 * ret:      the timer; the host frees it when the device stops.
 * Returns -EINVAL: `fn` is NULL; -ENOSPC: too many. Loop. */
static inline int sconce_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata,
                                   struct sconce_timer **ret)
{
        return SCONCE_CALL_(dev, timer_new, dev, fn, userdata, ret);
}

/* Lets a timer fire once, 1 ms exact, or later where the loop is busy. An armed timer is armed again.
 * timer:    of this device, made since its start.
 * delay_us: from now, in microseconds; 0: as soon as this callback has returned. Again and again that keeps a processor busy.
 * Returns -EINVAL: no such timer. Loop. */
static inline int sconce_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us)
{
        return SCONCE_CALL_(dev, timer_arm, dev, timer, delay_us);
}

/* Stops a timer from firing. One that is not armed stays so.
 * timer: of this device, made since its start.
 * Returns -EINVAL: no such timer. Loop. */
static inline int sconce_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer)
{
        return SCONCE_CALL_(dev, timer_disarm, dev, timer);
}

/* Calls `fn` each time a descriptor is ready. In `start` or later; at most 64 a device.
 * fd:       the plugin's, and it stays so: unwatch it before it is closed. Non-blocking is wise.
 * events:   EPOLLIN and so on, as of epoll(7).
 * fn:       called on the loop with what is ready.
 * userdata: given to `fn`; may be NULL.
 * ret:      the watch; the host ends it when the device stops.
 * Returns -EINVAL: `fn` is NULL; -ENOSPC: too many; -EBADF, -EPERM: nothing that epoll(7) can watch. Loop. */
static inline int sconce_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn,
                                  void *userdata, struct sconce_watch **ret)
{
        return SCONCE_CALL_(dev, fd_watch, dev, fd, events, fn, userdata, ret);
}

/* Ends a watch; `fn` is not called any more. Allowed from within `fn`.
 * watch: of this device, made since its start; not valid afterwards.
 * Returns -EINVAL: no such watch. Loop. */
static inline int sconce_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        return SCONCE_CALL_(dev, fd_unwatch, dev, watch);
}

/* Keeps a short text for this device and plugin, over restarts and reboots. Returns at once: it is on the disk within
 * the config's save_after; what is forgotten is deleted there as soon as possible. `stop` may save too: a text that is
 * saved in `stop` and forgotten in `start` is there after a clean stop only.
 * key:  1 to 255 bytes; at most 64 keys a device.
 * text: up to 4096 bytes, copied; NULL: forgets it.
 * Returns -EINVAL: no key; -E2BIG, -ENOSPC: too much of it. Loop. */
static inline int sconce_save(struct sconce_device *dev, const char *key, const char *text)
{
        return SCONCE_CALL_(dev, save, dev, key, text);
}

/* Reads back what was saved.
 * key:  as in sconce_save().
 * text: gets it, with its NUL.
 * size: of `text` in bytes; 4097 is always enough.
 * Returns the length without the NUL; -ENODATA: nothing was saved; -ENOSPC: `size` is short. Loop. */
static inline int sconce_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        return SCONCE_CALL_(dev, load, dev, key, text, size);
}

/* The command's value for a channel, valid as long as the command; NULL where the command does not name the channel. */
static inline const struct sconce_value *sconce_command_find(const struct sconce_command *command, const char *channel)
{
        for (size_t i = 0; i < command->count; i++) {
                const char *a = command->values[i].channel, *b = channel;
                while (*a && *a == *b)
                        a++, b++;
                if (*a == *b)
                        return &command->values[i];
        }
        return NULL;
}

/* ---- Small files, as in /sys: reading one waits for its driver, so for blocking plugins ---------------- */

/* The first line of a file, without its newline; of an empty file the empty text.
 * line: gets the text; undefined after a failure.
 * size: of `line` in bytes.
 * Returns -EMSGSIZE: there is no room for all of it; what open(2) and read(2) say. */
static inline int sconce_read_line(const char *path, char *line, size_t size)
{
        FILE *file = fopen(path, "re");
        if (!file)
                return -errno;
        errno = 0;
        if (!fgets(line, (int)size, file))
                line[0] = '\0';
        int r = !ferror(file) ? 0 : errno ? -errno : -EIO;
        (void)fclose(file);
        size_t length = strcspn(line, "\n");
        if (r == 0 && length + 1 >= size)
                r = -EMSGSIZE;
        line[length] = '\0';
        return r;
}

/* A file whose first line is one decimal number and nothing else.
 * ret_number: finite.
 * Returns, with the sentence set: -EBADMSG: it is something else; as sconce_read_line(). Just return it. */
static inline int sconce_read_number(struct sconce_device *dev, const char *path, double *ret_number)
{
        char text[64], *end;
        int r = sconce_read_line(path, text, sizeof(text));
        if (r < 0) {
                sconce_error(dev, "%s: cannot be read: %s", path, strerror(-r));
                return r;
        }
        double number = strtod(text, &end);
        /* strtod() also takes words, hexadecimal digits and white space. */
        if (end == text || *end || strspn(text, "+-.0123456789eE") != strlen(text) || number > 1e300 ||
            number < -1e300) {
                sconce_error(dev, "%s: \"%s\" is not a number", path, text);
                return -EBADMSG;
        }
        *ret_number = number;
        return 0;
}
