/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One device: its life, what it last said, what is wrong with it. Inside agent/device/ only.
 *
 * A device is configured once, then started; a start that fails comes again after a back-off. While it runs
 * it may be unwell (a failing read, a word of its plugin, an overdue call), which is told as offline with a
 * reason and mends by itself. What plugins may call is in host.c (event loop) and worker.c (threads); what is
 * special about outputs is in output.c.
 */
#pragma once

#include "config/config.h"
#include "device/instance.h"
#include "channel/cause.h"
#include "channel/channels.h"
#include "channel/command.h"
#include "device/context.h"
#include "channel/duplicates.h"
#include "plugin/loader.h"
#include "channel/rate.h"
#include "device/observer.h"
#include "device/worker.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/loop.h"

/* How long after a failure until the next attempt: doubling. */
#define BACKOFF_FIRST_US (1 * USEC_PER_SEC)
#define BACKOFF_MAX_US   (60 * USEC_PER_SEC)

/* Commands that wait for a blocking device while it is at work; more are refused as busy. */
#define PENDING_MAX 16

enum device_phase {
        DEVICE_BROKEN, /* section or plugin is no good: waits for a reload */
        DEVICE_STOPPED,
        DEVICE_STARTING, /* blocking devices, and while the first values of inputs settle */
        DEVICE_RUNNING,
        DEVICE_STOPPING, /* its `stop` runs: what it reports is published, and not kept */
        DEVICE_FAILED,   /* start failed, or the hardware went away: waits for the back-off */
};

/* What can be wrong at once; the first is told. */
enum device_fault {
        DEVICE_FAULT_LIFE,   /* it does not start */
        DEVICE_FAULT_HANG,   /* a call overstays its deadline */
        DEVICE_FAULT_HEALTH, /* sconce_health() */
        DEVICE_FAULT_READ,
        DEVICE_FAULTS,
};

/* A command may be known by its id and by its correlation data. */
#define REQUEST_DUPLICATES 2

/* What an output has to be, whatever its plugin wants. */
enum hold { HOLD_NONE, HOLD_OFF, HOLD_ON };

/* Who wants a command carried out, and where the answer goes. Freed by request_free(). */
struct request {
        struct request *next;
        struct request *next_due; /* answers.c */
        const char *device;       /* its id; NULL: it never had to wait */
        struct command command;
        struct sconce_command view; /* what the plugin sees of it */
        struct command_meta meta;   /* borrowed from the message, or what is owned here */
        char *owned_reply_to;
        void *owned_correlation;
        bool is_answered;
        struct duplicate_mark duplicates[REQUEST_DUPLICATES];
        struct command_cause cause; /* its name is owned here */
};

struct device {
        struct device_context *context;
        char id[DEVICE_ID_MAX + 1];
        const struct plugin *plugin;    /* NULL: there is none, or it was refused */
        struct config_section *section; /* a copy; NULL for the node's own */
        struct shared_config settings;
        struct device_config *config_owner; /* keeps the texts of reloaded settings; NULL: the instance's config does */
        struct instance *instance;          /* NULL where the section is no good, and after a blocking device's stop */
        struct channels channels;
        struct rate rate;
        struct rate refusals; /* answers to commands that come too fast */
        bool is_asked;        /* by a `get` that has to wait */

        enum device_phase phase;
        bool is_settling; /* its inputs are open, its plugin waits until their first values have settled */
        struct fault faults[DEVICE_FAULTS];
        struct fault problem; /* sconce_problem(): told as an error, and it works all the same */
        uint64_t fault_since_us;
        struct fault lost; /* the hardware went away while the plugin was at work */
        bool has_published_status, published_online;
        char published_error[sizeof(((struct fault *)0)->text)];

        /* The callback that runs now. */
        unsigned depth;
        bool changed;  /* the state is to be told at its end */
        bool reported; /* since the start */
        bool info_dirty;
        char said[sizeof(((struct fault *)0)->text)]; /* sconce_error() */

        uint64_t backoff_us;
        struct timer *next;      /* the next read, or the next start */
        struct timer *heartbeat; /* the state is told again; NULL: none yet */
        bool read_wanted;        /* as soon as the thread is free */

        struct sconce_timer *timers;
        struct sconce_watch *watches;
        struct device_line *lines;
        double *dimmer_wishes; /* one for each dimmer: see host_dimmer.c */

        /* Outputs: what is driven, whatever is reported. */
        bool is_live;           /* one of them is on */
        enum hold exit_hold;    /* what on_exit wants of them */
        bool is_spent;          /* max_on was over: off until a command, or until its plugin has rested */
        bool is_released;       /* a command has come since on_offline acts */
        bool is_off_meant;      /* a command, or the agent, has switched it off: dark is the end of max_on's count */
        uint64_t on_since_us;   /* max_on counts from here; 0: it does not count */
        uint64_t rest_since_us; /* neither driven nor wanted to be; 0: it is */
        struct timer *max_on;   /* or the end of a rest */
        bool first_start_done;  /* power_on is over: from now on the last value comes back */
        bool timed_now;         /* sconce_timed() */
        bool was_timed;         /* it was when the device last stopped */
        bool was_cut_off;       /* it is never on for long, and was switched off after a crash */
        bool is_unmarked;       /* sconce_timed() could not be written down: nothing goes on */
        bool exiting;           /* what is reported from now on is not to come back */
        struct guarded guarded;
        uint64_t wanted_until_us; /* the command that is being carried out; 0: for good */

        /* Blocking devices. */
        struct worker *worker;
        struct request *pending, *running;
        size_t n_pending;
        uint64_t ending; /* the serial of a instance that is stopping for good: its reports are published; 0: none */

        void *watched; /* what the observer keeps of it; NULL: nobody looks at it */

        bool is_marked; /* by home_apply() */
};

/* A line of the log that is about this device. */
static inline struct log_about device_about(const struct device *device)
{
        return (struct log_about){ .device = device->id, .plugin = device->plugin ? device->plugin->table.name : NULL };
}
#define device_log(device, level, ...)                                                                                 \
        do {                                                                                                           \
                const struct log_about about_it = device_about(device);                                                \
                log_write(level, &about_it, __VA_ARGS__);                                                              \
        } while (0)

/* ---- calls.c: commands ---------------------------------------------------------------------------------- */

/* So many refusals a second, of one device or of those that are not there: who sends faster than that does not read them. */
#define REFUSALS_PER_SECOND 10

/* The id of a command that is refused unread; a long payload is not looked at. The command is to be given to command_done(). */
void command_id_of(const struct command_limits *limits, const void *payload, size_t size, struct command *ret);

/* ---- make.c: from a section to a device ---------------------------------------------------------------- */

/* Makes the device of a section, without starting it. Always makes one (but for -ENOMEM): where the section
 * is no good it is DEVICE_BROKEN and `problems` says why. `plugin` NULL: by the section's kind. */
int device_new(struct device_context *context, const char *id, const struct plugin *plugin,
               const struct config_section *section, struct problems *problems, struct device **ret) MUST_CHECK;
void device_free(struct device *device);

/* Before the first start: a blocking device gets its thread. */
int device_prepare(struct device *device) MUST_CHECK;
/* Takes over a section whose changes need no restart. */
int device_take_section(struct device *device, const struct config_section *section) MUST_CHECK;
/* Gives each channel what the section says of its readings. */
void device_set_readings(struct device *device);
/* What the section has such keys for, and the device does not measure; NULL: nothing. */
const char *device_unknown_reading(const struct device *device);
/* Takes over what a stopped device of the same id knew: values, what was saved, its thread. */
void device_inherit(struct device *device, struct device *old);

/* ---- device.c: its life -------------------------------------------------------------------------------- */

void device_start(struct device *device);
enum stop_why { STOP_RESTART, STOP_GONE, STOP_EXIT };
void device_stop(struct device *device, enum stop_why why);
void device_read(struct device *device);  /* now, or as soon as its thread is free */
void device_rearm(struct device *device); /* `every` has changed */
/* The first value of an input has settled. */
void device_input_debounced(struct device *device);
/* The hardware went away: stop, offline, back-off. */
void device_lost(struct device *device, const struct fault *fault);
/* One callback on the loop. */
int device_run_callback(struct device *device, enum job job, const struct sconce_command *command);

/* A worker's call came back, or is overdue. */
void device_job_done(struct device *device, const struct job_item *item);
/* Its `stop` is over, and its instance about to be freed. */
void device_ended(struct device *device, const struct instance *instance);
void device_job_overdue(struct device *device, enum job job);

/* ---- tell.c: what it tells ----------------------------------------------------------------------------- */

/* Whether something is wrong with it, as its `error` topic says. */
bool device_has_fault(const struct device *device);
/* Why it is not online, for people; NULL while it is. */
const char *device_offline_reason(const struct device *device);
/* Sets or (fault NULL) clears one kind and tells what has changed. */
void device_set_fault(struct device *device, enum device_fault kind, const struct fault *fault);
/* The same of what does not keep it from working. */
void device_set_problem(struct device *device, const struct fault *fault);
void device_forget_problem(struct device *device); /* it starts again, or is gone */
/* What a callback that returned an error has to say about it. */
void device_fault_of(struct device *device, int r, const char *what, struct fault *ret);

/* Around every callback: at the outermost leave the state is told, once. */
void device_enter(struct device *device);
void device_leave(struct device *device);

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count) MUST_CHECK;
int device_event(struct device *device, uint64_t time_us, const char *channel, const char *event_type) MUST_CHECK;
int device_channel_add(struct device *device, const struct sconce_channel *row) MUST_CHECK;
void device_publish_state(struct device *device);
void device_publish_status(struct device *device, bool always); /* and the error; else only what has changed */

/* ---- calls.c: commands on their way -------------------------------------------------------------------- */

void device_command(struct device *device, const char *channel, const void *payload, size_t size,
                    const struct command_meta *meta);
/* The command of a rule, whose name is copied: as one from outside, but free of the rate, of duplicates and of
 * anybody to answer. device_observer.result() gets what became of it. */
void device_act(struct device *device, const char *channel, const char *payload, const struct command_cause *cause);
void request_init(struct request *call, const struct command_meta *meta);
void request_finish(struct device *device, struct request *call, int r);
void request_free(struct request *call);
void requests_run_next(struct device *device);
/* Answers everything that waits or runs; the second with `failed` for the one that runs. */
void requests_refuse_all(struct device *device, enum result_code code, const char *message);
void requests_give_up(struct device *device, const struct fault *fault);

/* ---- host.c -------------------------------------------------------------------------------------------- */

extern const struct sconce_host device_host;
int host_lines_init(struct device *device) MUST_CHECK;
/* Opens the inputs that have a debounce before the plugin does: what it reads in its start has settled then.
 * device_input_debounced() hears of each. */
int host_open_inputs(struct device *device) MUST_CHECK;
bool host_inputs_are_settled(const struct device *device);
/* Closes what the plugin has opened through the host: lines, dimmers, timers, watches. */
void host_close_all(struct device *device);
/* All open output lines and dimmers, without the plugin. */
int host_force(struct device *device, bool on) MUST_CHECK;
/* As far as it was driven: what a line shows may be somebody else's doing. */
bool host_is_any_on(const struct device *device);
/* Whether its plugin would drive one, if a hold let it. */
bool host_is_any_wished(const struct device *device);
/* No hold any more: what the plugin wanted meanwhile. */
void host_grant_wishes(struct device *device);
/* The sentence is there already when the plugin hands the errno on. */
int host_result(struct device *device, int r, const struct fault *fault);
/* A report is also taken from `stop`. */
static inline bool host_may_report(const struct device *device)
{
        return device->phase == DEVICE_STARTING || device->phase == DEVICE_RUNNING || device->phase == DEVICE_STOPPING;
}
/* Hardware is for devices that start or run: not for `configure`, which --check runs too. */
static inline bool host_may_touch(const struct device *device)
{
        return device->phase == DEVICE_STARTING || device->phase == DEVICE_RUNNING;
}

/* ---- host_dimmer.c ------------------------------------------------------------------------------------- */

int host_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level);
int host_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level);
int host_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level);
int host_dimmers_force(struct device *device, double level) MUST_CHECK;
/* The level that the plugin wants where a hold does not let it; NO_WISH: none. */
#define NO_WISH (-1.0)
void host_dimmers_forget_wishes(struct device *device);
void host_dimmers_grant_wishes(struct device *device);

/* ---- host_driven.c: what is written down before an output is driven ------------------------------------ */

/* Before it is opened; `on`: it may be lit from the start. */
int host_note_line(struct device *device, const struct sconce_line *line, bool on, struct fault *fault) MUST_CHECK;
int host_note_dimmer(struct device *device, const struct sconce_dimmer *dimmer, bool on, struct fault *fault)
        MUST_CHECK;
/* Before it is switched on. */
int host_note_on(struct device *device, struct fault *fault) MUST_CHECK;
/* Before a limited time begins, and after its end. */
int host_note_timed(struct device *device, bool timed, struct fault *fault) MUST_CHECK;
/* Its section says something else of what is driven already. */
void host_note_section(struct device *device);
/* After a command: what its plugin has not looked at. */
int host_note_command(struct device *device, int r) MUST_CHECK;
void host_note_released(struct device *device); /* let go in order */
void host_note_restore(struct device *device);  /* before its first start in this run */

/* ---- saved.c: what it knows at the next start ---------------------------------------------------------- */

void saved_restore(struct device *device); /* before its first start in this run */
void saved_restore_channel(struct device *device, struct channel *channel);
void saved_values(struct device *device);   /* it has reported */
void saved_started(struct device *device);  /* power_on is over for this boot */
void saved_timed(struct device *device);    /* whether its outputs are on for a limited time */
void saved_on_since(struct device *device); /* max_on goes on counting */
void saved_released(struct device *device); /* on_offline does not concern it any more */
int saved_put(struct device *device, const char *key, const char *text) MUST_CHECK;
int saved_get(const struct device *device, const char *key, char *text, size_t size) MUST_CHECK;
bool saved_was_timed(const struct store *store, const char *id);

/* ---- output.c ------------------------------------------------------------------------------------------ */

int output_first(struct device *device, const char *channel, struct sconce_value *ret) MUST_CHECK;
void output_watch(struct device *device); /* after an output was opened, set, closed, or wished otherwise */
void output_exit(struct device *device);
/* What the options of outputs ask for and this device cannot do. */
int output_check(const struct device *device, const struct config_section *section, struct problems *problems)
        MUST_CHECK;
/* A command that switches off and does nothing else. */
bool output_is_switched_off_by(const struct device *device, const struct sconce_command *command);
bool output_is_timed(const struct device *device);
bool output_is_limited(const struct device *device); /* by its section, or just now */
/* Whether it drives something that its successor does not. */
bool output_is_left(const struct device *device, const struct device *successor);

/* ---- hold.c -------------------------------------------------------------------------------------------- */

/* The one place that says what an output has to be: lines, dimmers and first values ask it. */
enum hold hold_of(const struct device *device);
static inline bool hold_forbids(enum hold hold, bool on)
{
        return hold != HOLD_NONE && on != (hold == HOLD_ON);
}
/* Its outputs are brought there, by its plugin and without it. */
int hold_bring(struct device *device, bool on) MUST_CHECK;
/* After something that a hold depends on has changed. */
void hold_settle(struct device *device, const char *why);
/* Before a command: of anyone but the agent it ends the holds that it contradicts. And after it: where it was refused, it
 * has ended none. */
struct hold_before {
        bool is_spent, is_released, is_off_meant, is_forgiven;
        uint64_t on_since_us;
};
struct hold_before hold_command(struct device *device, const struct sconce_command *command);
void hold_commanded(struct device *device, const struct hold_before *before, int r);
void hold_release(struct device *device); /* from its on_offline, until a broker has been there */
void hold_forget_release(struct device *device);

/* ---- on_time.c ----------------------------------------------------------------------------------------- */

void on_time_begin(struct device *device);   /* before its start */
void on_time_watch(struct device *device);   /* what is driven or wished has changed */
void on_time_rearm(struct device *device);   /* max_on has changed */
void on_time_end(struct device *device);     /* it is not running any more */
void on_time_forgive(struct device *device); /* a command switches it on for good: it begins again */
void on_time_take_back(struct device *device, const struct hold_before *before); /* that command was refused */
bool on_time_is_over(const struct device *device);

static inline struct device *device_of(struct sconce_device *handle)
{
        return CONTAINER_OF(handle, struct instance, handle)->device;
}

static inline uint64_t device_now_us(const struct device *device)
{
        return loop_now_us(device->context->loop);
}

DEFINE_CLEANUP(struct device, device_free);
#define CLEANUP_DEVICE CLEANUP(device_freep)
