/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce/plugin.h - what a Sconce plugin sees, and all that it sees. ABI 1.
 *
 * A plugin is one C file that declares what it has (options, channels) and what it does (start, stop, command,
 * read). The agent does the rest: options are checked before `start`, channels become MQTT topics, typed commands
 * and entries of `info`. docs/plugin-abi.md draws the life cycle.
 *
 * Threads: all callbacks of one device run one after the other. They run on the agent's event loop and must not
 * block, unless the plugin has SCONCE_BLOCKING: then they run on a thread of the device's own. A plugin never
 * takes a lock.
 *
 * Errors: callbacks and host services return 0 or a negative errno. sconce_error() adds the sentence for people.
 *
 * Growth: fields are only ever appended to the structs here. Each module records the sizes that it was built with.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "sconce/plugin.h is a C header: plugins are C files"
#endif

#define SCONCE_ABI 1

struct sconce_device;
struct sconce_line;
struct sconce_pwm;
struct sconce_led;
struct sconce_timer;
struct sconce_watch;

/* ---- Options: what a config section may say ------------------------------------------------------------------ */

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
};

enum {
        SCONCE_REQUIRED = 1U << 0,   /* the section must say it */
        SCONCE_SECRET = 1U << 1,     /* masked wherever the config is shown; must be quoted */
        SCONCE_RELOADABLE = 1U << 2, /* changing it does not restart what it belongs to */
        SCONCE_LIST = 1U << 3,       /* the field is a struct sconce_list of the type; one value is a list of one */
        SCONCE_OUTPUT = 1U << 4,     /* LINE only: drives hardware; the agent brings it to its declared states */
        SCONCE_TIMES_OUTPUT = 1U << 5, /* given and not zero, it makes the device's outputs timed (max_on, pulse) */
};

struct sconce_list {
        size_t count;
        const void *items; /* array of the option type's C type; the host's, valid until the device is gone */
};

/* One row of an option table. A table ends with an empty row. Every text is static. */
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
};

/* Fails to compile when the field has another type than the option says. */
#define SCONCE_FIELD_(container, field, type)                                                                \
        (offsetof(container, field) + 0 * sizeof(&((container *)0)->field == (type *)0))

#define SCONCE_OPTION_(container, field, ctype, otype, name, flag_bits, ...)                                 \
        {                                                                                                    \
                .key = name, .type = otype, .flags = flag_bits,                                              \
                .offset = SCONCE_FIELD_(container, field, ctype), .help = __VA_ARGS__                        \
        }

/* SCONCE_OPTION_x(struct, field, "key", flags, "help" [, .def = "…", .min = "…", .max = "…", …]) */
#define SCONCE_OPTION_BOOL(s, f, key, flags, ...)                                                            \
        SCONCE_OPTION_(s, f, bool, SCONCE_TYPE_BOOL, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_INT(s, f, key, flags, ...)                                                             \
        SCONCE_OPTION_(s, f, int64_t, SCONCE_TYPE_INT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_FLOAT(s, f, key, flags, ...)                                                           \
        SCONCE_OPTION_(s, f, double, SCONCE_TYPE_FLOAT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_STRING(s, f, key, flags, ...)                                                          \
        SCONCE_OPTION_(s, f, const char *, SCONCE_TYPE_STRING, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_ENUM(s, f, key, flags, ...)                                                            \
        SCONCE_OPTION_(s, f, int, SCONCE_TYPE_ENUM, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_DURATION(s, f, key, flags, ...)                                                        \
        SCONCE_OPTION_(s, f, uint64_t, SCONCE_TYPE_DURATION, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_SIZE(s, f, key, flags, ...)                                                            \
        SCONCE_OPTION_(s, f, uint64_t, SCONCE_TYPE_SIZE, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_PERCENT(s, f, key, flags, ...)                                                         \
        SCONCE_OPTION_(s, f, double, SCONCE_TYPE_PERCENT, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_PATH(s, f, key, flags, ...)                                                            \
        SCONCE_OPTION_(s, f, const char *, SCONCE_TYPE_PATH, key, flags, __VA_ARGS__)
#define SCONCE_OPTION_LINE(s, f, key, flags, ...)                                                            \
        SCONCE_OPTION_(s, f, struct sconce_line *, SCONCE_TYPE_LINE, key, flags, __VA_ARGS__)
/* A list of any type: SCONCE_OPTION_LIST(struct, field, SCONCE_TYPE_x, "key", flags, "help", …) */
#define SCONCE_OPTION_LIST(s, f, type, key, flags, ...)                                                      \
        SCONCE_OPTION_(s, f, struct sconce_list, type, key, (flags) | SCONCE_LIST, __VA_ARGS__)

/* ---- Channels: what a device shows and takes ----------------------------------------------------------------- */

enum sconce_kind {
        SCONCE_LIGHT = 1,     /* on/off, written; a device with one is a light */
        SCONCE_SWITCH,        /* on/off, written */
        SCONCE_BINARY_SENSOR, /* on/off, read; ON = active */
        SCONCE_SENSOR,        /* a number, read */
        SCONCE_NUMBER,        /* a number, written: min, max, step */
        SCONCE_COVER,         /* text: OPEN CLOSE STOP written; open opening closed closing stopped read */
        SCONCE_BUTTON,        /* PRESS, written; has no state */
        SCONCE_EVENT,         /* happens: `choices` are its event types; has no state */
        SCONCE_SELECT,        /* text out of `choices`, written */
        SCONCE_TEXT,          /* text, read */
        SCONCE_TEXT_LIST,     /* a list of strings, read; the value's text has one a line */
        SCONCE_DURATION,      /* seconds; a command may also say "30s" */
};

enum {
        SCONCE_READ_ONLY = 1U << 0,    /* a kind that is otherwise written is only read here */
        SCONCE_COMMAND_ONLY = 1U << 1, /* a parameter of commands (transition, for): never in the state */
        SCONCE_DIAGNOSTIC = 1U << 2,   /* about the device itself rather than what it measures or does */
};

/* One row of a channel table, which ends with an empty row. */
struct sconce_channel {
        const char *key; /* [a-z][a-z0-9_]*, not: time seq boot id channel */
        enum sconce_kind kind;
        uint32_t flags;
        const char *unit;           /* "°C", "%", "s"; NULL: none */
        const char *device_class;   /* Home Assistant's: "temperature", "door"; NULL: none */
        double min, max;            /* NUMBER, DURATION: inclusive; both 0: no bounds */
        double step;                /* NUMBER; 0: any */
        const char *const *choices; /* EVENT, SELECT: NULL-terminated */
        const char *help;           /* one sentence, no full stop */
};

/* ---- Values -------------------------------------------------------------------------------------------------- */

enum sconce_value_type {
        SCONCE_VALUE_NONE, /* known to be unknown: null in JSON */
        SCONCE_VALUE_BOOL,
        SCONCE_VALUE_NUMBER, /* finite */
        SCONCE_VALUE_TEXT,   /* UTF-8; borrowed for the length of the call */
};

/* One channel's value. Part of ABI 1 as it is: never grows. */
struct sconce_value {
        const char *channel; /* the channel's key */
        enum sconce_value_type type;
        bool on;
        double number;
        const char *text;
};

#define SCONCE_BOOL(key, value)                                                                              \
        ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_BOOL, .on = (value) })
#define SCONCE_NUM(key, value)                                                                               \
        ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_NUMBER, .number = (value) })
#define SCONCE_STR(key, value)                                                                               \
        ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_TEXT, .text = (value) })
#define SCONCE_NONE(key) ((struct sconce_value){ .channel = (key), .type = SCONCE_VALUE_NONE })

/* A command that passed every check: known channels, right types, in range, TOGGLE already resolved. All values of
 * one command are carried out, or none. */
struct sconce_command {
        size_t count;
        const struct sconce_value *values;
};

/* ---- Lines --------------------------------------------------------------------------------------------------- */

/* A change of an input line, debounced, in logical terms (active_low is undone). */
struct sconce_edge {
        struct sconce_line *line;
        bool active;
        uint64_t time_us; /* CLOCK_BOOTTIME, from the kernel's own timestamp where it has one */
};

#define SCONCE_LINE_KEEP (-1) /* as first value: drive what the line already shows */

typedef void (*sconce_line_fn)(struct sconce_device *dev, void *instance, const struct sconce_edge *edge);
typedef void (*sconce_timer_fn)(struct sconce_device *dev, void *instance, void *userdata);
typedef void (*sconce_watch_fn)(struct sconce_device *dev, void *instance, uint32_t events, void *userdata);

/* ---- The host: what the agent does for a plugin -------------------------------------------------------------- */

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

        int (*report)(struct sconce_device *dev, const struct sconce_value *values, size_t count);
        int (*event)(struct sconce_device *dev, const char *channel, const char *event_type);
        int (*health)(struct sconce_device *dev, int error, const char *reason);
        void (*error)(struct sconce_device *dev, const char *format, va_list arguments);
        void (*log)(struct sconce_device *dev, int level, const char *format, va_list arguments);
        uint64_t (*now_us)(struct sconce_device *dev);

        int (*channel_add)(struct sconce_device *dev, const struct sconce_channel *channel);
        int (*first)(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value);

        int (*line_output)(struct sconce_device *dev, struct sconce_line *line, int first_value);
        int (*line_input)(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn);
        int (*line_set)(struct sconce_device *dev, struct sconce_line *line, bool active);
        int (*line_get)(struct sconce_device *dev, struct sconce_line *line, bool *ret_active);

        int (*timer_new)(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret);
        int (*timer_arm)(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us);
        int (*timer_disarm)(struct sconce_device *dev, struct sconce_timer *timer);

        int (*fd_watch)(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                        struct sconce_watch **ret);
        int (*fd_unwatch)(struct sconce_device *dev, struct sconce_watch *watch);

        int (*save)(struct sconce_device *dev, const char *key, const char *text);
        int (*load)(struct sconce_device *dev, const char *key, char *text, size_t size);

        int (*pwm_open)(struct sconce_device *dev, const char *chip, unsigned channel, uint64_t period_ns,
                        struct sconce_pwm **ret);
        int (*pwm_set)(struct sconce_device *dev, struct sconce_pwm *pwm, uint64_t duty_ns);
        int (*led_open)(struct sconce_device *dev, const char *name, struct sconce_led **ret, unsigned *ret_max);
        int (*led_set)(struct sconce_device *dev, struct sconce_led *led, unsigned brightness);
};

/* A device as a plugin sees it: a handle. The rest of the struct is the agent's. */
struct sconce_device {
        const struct sconce_host *host;
};

/* ---- The plugin ---------------------------------------------------------------------------------------------- */

enum {
        SCONCE_BLOCKING = 1U << 0, /* callbacks may block: they run on a thread of the device's own, and only report,
                                      event, health, error, log and the clock work there; the rest is -EXDEV */
        SCONCE_TIMED = 1U << 1,    /* its outputs are always timed (a cover): on_exit is off unless told otherwise */
};

struct sconce_plugin {
        const char *name;    /* [a-z][a-z0-9_-]*: the first word of its config sections */
        const char *summary; /* one sentence, no full stop */
        const char *version; /* NULL: the agent's own */
        uint32_t flags;
        size_t instance_size; /* of the struct that the option rows fill; zeroed before that */
        const struct sconce_option *options;
        const struct sconce_channel *channels;
        const char *every;    /* default of the option `every`, as config text: "30s"; NULL: read only when asked */
        const char *deadline; /* how long a callback of a blocking plugin may take: "5s" (the default) */

        /* Checks what the option table cannot (`line` or `pwm`, not both) and adds channels that depend on the
         * options. Runs at `sconced --check` too: opens nothing. May be NULL. */
        int (*configure)(struct sconce_device *dev, void *instance);

        /* Opens the hardware and reports first values. On failure the agent undoes what the host services did, tells
         * the user, and tries again later; `stop` is not called. */
        int (*start)(struct sconce_device *dev, void *instance);

        /* Frees what `start` made. Lines, timers, watches, PWMs and LEDs are closed by the host afterwards. May be NULL. */
        void (*stop)(struct sconce_device *dev, void *instance);

        /* Carries out a command and reports what the hardware now does. NULL: nothing can be written. */
        int (*command)(struct sconce_device *dev, void *instance, const struct sconce_command *command);

        /* Reads now and reports. Called every `every` and on request; a failure backs off and marks the device
         * offline until it works again. NULL: the device reports by itself. */
        int (*read)(struct sconce_device *dev, void *instance);
};

/* The one exported symbol of a plugin, made by SCONCE_PLUGIN(). */
struct sconce_module {
        uint32_t abi;
        uint32_t size; /* of this struct */
        size_t plugin_size, option_size, channel_size;
        const struct sconce_plugin *plugin;
};

#define SCONCE_PLUGIN(plugin_table)                                                                          \
        extern const struct sconce_module sconce_module;                                                     \
        __attribute__((visibility("default"))) const struct sconce_module sconce_module = {                  \
                .abi = SCONCE_ABI,                                                                           \
                .size = sizeof(struct sconce_module),                                                        \
                .plugin_size = sizeof(struct sconce_plugin),                                                 \
                .option_size = sizeof(struct sconce_option),                                                 \
                .channel_size = sizeof(struct sconce_channel),                                               \
                .plugin = &(plugin_table),                                                                   \
        };

/* ---- Host services ------------------------------------------------------------------------------------------- */

#define SCONCE_HOST_HAS_(dev, member)                                                                        \
        ((dev)->host->size >= offsetof(struct sconce_host, member) + sizeof((dev)->host->member) &&          \
         (dev)->host->member)
#define SCONCE_CALL_(dev, member, ...)                                                                       \
        (SCONCE_HOST_HAS_(dev, member) ? (dev)->host->member(__VA_ARGS__) : -ENOSYS)

/* Reports values of one moment, any number of channels; the others keep theirs. The agent publishes the state when it
 * changed or an answer is due. Any thread that runs this device's callbacks. -EINVAL: unknown channel or wrong type
 * (nothing is reported). */
static inline int sconce_report(struct sconce_device *dev, const struct sconce_value *values, size_t count)
{
        return SCONCE_CALL_(dev, report, dev, values, count);
}

static inline int sconce_report_bool(struct sconce_device *dev, const char *channel, bool on)
{
        const struct sconce_value value = SCONCE_BOOL(channel, on);
        return sconce_report(dev, &value, 1);
}

static inline int sconce_report_number(struct sconce_device *dev, const char *channel, double number)
{
        const struct sconce_value value = SCONCE_NUM(channel, number);
        return sconce_report(dev, &value, 1);
}

static inline int sconce_report_text(struct sconce_device *dev, const char *channel, const char *text)
{
        const struct sconce_value value = SCONCE_STR(channel, text);
        return sconce_report(dev, &value, 1);
}

/* Says that something happened: `event_type` is one of the channel's choices. */
static inline int sconce_event(struct sconce_device *dev, const char *channel, const char *event_type)
{
        return SCONCE_CALL_(dev, event, dev, channel, event_type);
}

/* Between callbacks: error 0 = the device works, negative errno = it does not, with the reason for people (one
 * sentence, may be NULL). Marks this one device offline and online. */
static inline int sconce_health(struct sconce_device *dev, int error, const char *reason)
{
        return SCONCE_CALL_(dev, health, dev, error, reason);
}

/* The sentence that goes with the errno which the callback is about to return. */
__attribute__((format(printf, 2, 3))) static inline void sconce_error(struct sconce_device *dev, const char *format, ...)
{
        va_list arguments;
        if (!SCONCE_HOST_HAS_(dev, error))
                return;
        va_start(arguments, format);
        dev->host->error(dev, format, arguments);
        va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static inline void sconce_log(struct sconce_device *dev, enum sconce_log_level level,
                                                                     const char *format, ...)
{
        va_list arguments;
        if (!SCONCE_HOST_HAS_(dev, log))
                return;
        va_start(arguments, format);
        dev->host->log(dev, (int)level, format, arguments);
        va_end(arguments);
}

/* CLOCK_BOOTTIME in microseconds; in tests a fake clock. */
static inline uint64_t sconce_now_us(struct sconce_device *dev)
{
        return SCONCE_HOST_HAS_(dev, now_us) ? dev->host->now_us(dev) : 0;
}

/* Adds a channel that the table cannot know (it depends on options or on what is found). The row and its texts are
 * copied. From `configure`, `start` or any later callback. -EEXIST: there is one of that key. */
static inline int sconce_channel_add(struct sconce_device *dev, const struct sconce_channel *channel)
{
        return SCONCE_CALL_(dev, channel_add, dev, channel);
}

/* In `start`: what a written channel shall be at first, as power_on and the last command decide. The text of a value is
 * valid until the callback returns. -ENODATA: nothing is known, the plugin's own default holds; a value of type NONE:
 * keep what the hardware has (power_on = keep). */
static inline int sconce_first(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value)
{
        return SCONCE_CALL_(dev, first, dev, channel, ret_value);
}

/* sconce_first() for an on/off output on a line: 1, 0 or SCONCE_LINE_KEEP, ready for sconce_line_output(). */
static inline int sconce_first_level(struct sconce_device *dev, const char *channel)
{
        struct sconce_value value;
        if (sconce_first(dev, channel, &value) < 0)
                return 0;
        return value.type == SCONCE_VALUE_NONE ? SCONCE_LINE_KEEP : (int)value.on;
}

/* Opens the line as an output that shows first_value (0, 1 or SCONCE_LINE_KEEP) from the very request on: no glitch.
 * The host closes it when the device stops. -EBUSY, -EACCES, -ENODEV, …: the sentence is set already, just return it. */
static inline int sconce_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value)
{
        return SCONCE_CALL_(dev, line_output, dev, line, first_value);
}

/* Opens the line as an input; `fn` is called on each debounced change, not for the level at the start (read that with
 * sconce_line_get()). */
static inline int sconce_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn)
{
        return SCONCE_CALL_(dev, line_input, dev, line, fn);
}

static inline int sconce_line_set(struct sconce_device *dev, struct sconce_line *line, bool active)
{
        return SCONCE_CALL_(dev, line_set, dev, line, active);
}

static inline int sconce_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active)
{
        return SCONCE_CALL_(dev, line_get, dev, line, ret_active);
}

/* A timer that fires once per sconce_timer_arm(), 1 ms exact. The host frees it when the device stops. */
static inline int sconce_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata,
                                   struct sconce_timer **ret)
{
        return SCONCE_CALL_(dev, timer_new, dev, fn, userdata, ret);
}

static inline int sconce_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us)
{
        return SCONCE_CALL_(dev, timer_arm, dev, timer, delay_us);
}

static inline int sconce_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer)
{
        return SCONCE_CALL_(dev, timer_disarm, dev, timer);
}

/* Calls `fn` when the descriptor is ready (`events` as in epoll(7)). The descriptor stays the plugin's, and is to be
 * unwatched before it is closed. */
static inline int sconce_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn,
                                  void *userdata, struct sconce_watch **ret)
{
        return SCONCE_CALL_(dev, fd_watch, dev, fd, events, fn, userdata, ret);
}

static inline int sconce_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        return SCONCE_CALL_(dev, fd_unwatch, dev, watch);
}

/* Keeps a short text (up to 4096 bytes) for this device under `key`; NULL forgets it. Returns at once. */
static inline int sconce_save(struct sconce_device *dev, const char *key, const char *text)
{
        return SCONCE_CALL_(dev, save, dev, key, text);
}

/* Reads it back: the length without the terminating NUL, -ENODATA where there is none, -ENOSPC where `size` is short. */
static inline int sconce_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        return SCONCE_CALL_(dev, load, dev, key, text, size);
}

/* A channel of a kernel PWM chip ("pwmchip0"), exported, duty 0, enabled; the host unexports it when the device stops. */
static inline int sconce_pwm_open(struct sconce_device *dev, const char *chip, unsigned channel, uint64_t period_ns,
                                  struct sconce_pwm **ret)
{
        return SCONCE_CALL_(dev, pwm_open, dev, chip, channel, period_ns, ret);
}

static inline int sconce_pwm_set(struct sconce_device *dev, struct sconce_pwm *pwm, uint64_t duty_ns)
{
        return SCONCE_CALL_(dev, pwm_set, dev, pwm, duty_ns);
}

/* A kernel LED (/sys/class/leds/NAME); its trigger is set to none. ret_max: its max_brightness. */
static inline int sconce_led_open(struct sconce_device *dev, const char *name, struct sconce_led **ret,
                                  unsigned *ret_max)
{
        return SCONCE_CALL_(dev, led_open, dev, name, ret, ret_max);
}

static inline int sconce_led_set(struct sconce_device *dev, struct sconce_led *led, unsigned brightness)
{
        return SCONCE_CALL_(dev, led_set, dev, led, brightness);
}

/* The command's value for a channel, NULL where the command does not name it. */
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
