/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One device: its life, what it last reported, what is wrong with it. Inside agent/device/ and agent/home/ only.
 *
 * A device is configured once, then started; a start that fails is repeated after a back-off. While it runs it may have
 * a fault (a failing read, a health report of its plugin, an overdue callback), which is published as offline with a
 * reason and ends by itself. Plugins call host.c (event loop) and worker_host.c (threads).
 */
#pragma once

#include "channel/channels.h"
#include "channel/command.h"
#include "channel/duplicates.h"
#include "channel/rate.h"
#include "config/config.h"
#include "device/context.h"
#include "device/instance.h"
#include "device/pin.h"
#include "device/worker.h"
#include "plugin/loader.h"
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
        DEVICE_STOPPED,
        DEVICE_BROKEN,   /* section or plugin is wrong: waits for a reload */
        DEVICE_STARTING, /* blocking devices, and while the first values of inputs settle */
        DEVICE_RUNNING,
        DEVICE_STOPPING, /* its `stop` runs: what it reports is published, and not kept */
        DEVICE_FAILED,   /* start failed, or the hardware went away: waits for the back-off */
};

/* What can be wrong at once; the first is published. */
enum device_fault {
        DEVICE_FAULT_LIFE,   /* it does not start */
        DEVICE_FAULT_HANG,   /* a call overstays its deadline */
        DEVICE_FAULT_HEALTH, /* sconce_health() */
        DEVICE_FAULT_READ,
        DEVICE_FAULTS,
};

/* A command may be known by its id and by its correlation data. */
#define REQUEST_DUPLICATES 2

/* What an output has to be against its plugin's will, in the words of on_exit and on_offline. */
enum hold { HOLD_NONE = ON_EVENT_KEEP, HOLD_ON = ON_EVENT_ON, HOLD_OFF = ON_EVENT_OFF };

/* Who wants a command carried out, and where the answer goes. Freed by request_free(). */
struct request {
        struct request *next;
        struct request *next_due;   /* answers.c */
        const char *device;         /* its id; NULL: it never had to wait */
        struct sconce_command view; /* what the plugin sees of it */
        struct command_meta meta;   /* borrowed from the message, or what is owned here */
        void *owned;
        bool is_answered, is_borrowed; /* its memory is not freed with it */
        struct duplicate_mark duplicates[REQUEST_DUPLICATES];
        struct command_cause cause; /* its name is owned here */
        struct command command;     /* the last: it is large, and filled by who parses it */
};

/* The parts of a device. Each is written by the file that its comment names alone, and read by others and home/. */

/* device.c: its life. */
struct device_life {
        enum device_phase phase;
        bool is_settling;       /* its inputs are open, its plugin waits until their first values have settled */
        bool is_exiting;        /* what is reported from now on is not to come back */
        bool is_gone;           /* so it is because it has left the config: its outputs are nobody's from now on */
        bool read_wanted;       /* as soon as the thread is free */
        struct kept_fault lost; /* the hardware went away while the plugin was at work */
        uint64_t backoff_us;
        struct timer *next; /* the next read, or the next start */
        uint64_t ending; /* the serial of an instance that is stopping for good: its reports are published; 0: none */
};

/* saved.c: what was before this start. */
struct device_past {
        bool first_start_done; /* power_on is over: from now on the last value comes back */
        bool was_timed;        /* it was on for a limited time when the device last stopped */
        bool was_cut_off;      /* it is never on for long, and was switched off after a crash, or a start that failed */
};

/* health.c: what is wrong with it, and what of that has been published. */
struct device_health {
        struct kept_fault faults[DEVICE_FAULTS];
        struct kept_fault problem; /* sconce_problem(): published as an error, and it works all the same */
        uint64_t since_us;         /* of the newest of them */
        bool has_published, is_online;
        struct kept_fault published;
        char *last_error; /* sconce_error() of the callback that runs now; NULL: none, or no memory for it */
};

/* publish.c: what is due to be published when the callback that runs now has returned. */
struct device_publishing {
        unsigned depth; /* of callbacks within callbacks */
        bool is_state_due, is_info_due;
        bool has_reported;       /* since the start */
        struct timer *heartbeat; /* the state is published again; NULL: none yet */
};

/* requests.c: its commands. Those that wait and the one that runs are a blocking device's. */
struct device_requests {
        struct rate rate;
        struct rate refusals; /* answers to commands that come too fast */
        struct request *pending, *running;
        size_t n_pending;
        uint64_t commanded_us;    /* the newest that was carried out, by when it was due; 0: none in this process */
        uint64_t wanted_until_us; /* the command that is being carried out; 0: for good */
};

/* host.c: what its plugin has opened, besides lines and dimmers. */
struct device_host {
        struct sconce_timer *timers;
        struct sconce_watch *watches;
        unsigned n_timers, n_watches;
};

/* A line or a dimmer of a device on the loop. host_pin.c writes it, and host_line.c what concerns lines alone. */
struct device_pin {
        struct device *device;
        struct pin pin;
        double wish; /* the level that its plugin wants and a hold forbids; negative: none */
        sconce_line_fn fn;
        bool is_driven; /* an output line that we have switched on, or tried to */
        bool is_early;  /* an input line that is open already, and that the plugin has yet to open */
};

/* output.c: what is driven, whatever is reported. */
struct device_output {
        bool is_live;        /* one of them is on */
        bool is_timed;       /* sconce_timed() */
        enum hold exit_hold; /* what on_exit wants of them */
        bool stays;          /* its max_on goes on counting in the run that follows: left as it is, and in the record */
};

/* hold.c */
struct device_hold {
        bool is_released; /* a command has come since on_offline acts */
};

/* on_time.c: max_on. */
struct device_on_time {
        bool is_spent;          /* it was over: off until a command, or until its plugin has rested */
        bool may_be_saved;      /* the store has a mark of it that counts, or has had one */
        bool is_off_meant;      /* a command, or the agent, has switched it off: dark is the end of the count */
        uint64_t on_since_us;   /* it counts from here; 0: it does not count */
        uint64_t rest_since_us; /* neither driven nor wanted to be; 0: it is */
        struct timer *timer;    /* its end, or the end of a rest */
};

struct device {
        /* create.c: what it is made of. */
        struct device_context *context;
        char id[DEVICE_ID_MAX + 1];
        const struct plugin *plugin;    /* NULL: there is none, or it was refused */
        struct config_section *section; /* a copy; NULL for the node's own */
        struct shared_config shared;
        struct device_config *config_owner; /* of a reloaded `shared`; NULL: the instance's config */
        struct instance *instance;          /* NULL where the section is wrong, and after a blocking device's stop */
        struct worker *worker;              /* NULL: it runs on the loop */
        struct channels channels;
        struct waiting_trend *waiting_trends; /* trend.c: of channels that it may find when it starts */

        struct device_life life;
        struct device_past past;
        struct device_health health;
        struct device_publishing publishing;
        struct device_requests requests;
        struct device_host host;
        struct device_pin *pins; /* its lines, then its dimmers; NULL: it is blocking */
        struct device_output output;
        struct device_hold hold;
        struct device_on_time on_time;
        bool is_left_out;       /* create.c: the agent has died of it too often */
        bool is_unmarked;       /* host_driven.c: sconce_timed() is not in the record: nothing goes on */
        struct guarded guarded; /* the guard */

        void *watched; /* what the observer keeps of it; NULL: nobody looks at it */

        /* Its owner's, for a while. */
        bool is_marked; /* home.c */
        bool is_asked;  /* gets.c: it waits to be read */
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

/* ---- create.c: from a section to a device -------------------------------------------------------------- */
/* Makes the device of a section without starting it. Where the section is invalid the device is DEVICE_BROKEN and
 * `problems` has the reason; only -ENOMEM makes none. `plugin` NULL: by the section's kind. */
int device_new(struct device_context *context, const char *id, const struct plugin *plugin,
               const struct config_section *section, struct problems *problems, struct device **ret) MUST_CHECK;
void device_free(struct device *device);

/* Before the first start: a blocking device gets its worker. */
int device_prepare(struct device *device) MUST_CHECK;
/* Before the plugin's code runs: marks the instance as one that starts. */
void device_mark_start(struct device *device);
/* Takes over a section whose changes need no restart. */
int device_take_section(struct device *device, const struct config_section *section) MUST_CHECK;
void device_set_readings(struct device *device); /* of its channels, as the section wants them */
/* What the section has keys for and the device does not measure; NULL: nothing. */
const char *device_unknown_reading(const struct device *device);
/* Takes over values, what was saved, and the worker of a stopped device of the same id. */
void device_inherit(struct device *device, struct device *old);

/* ---- device.c: its life -------------------------------------------------------------------------------- */
void device_break(struct device *device); /* it cannot be started: waits for a reload */
void device_start(struct device *device);
enum stop_why { STOP_RESTART, STOP_GONE, STOP_EXIT };
void device_stop(struct device *device, enum stop_why why);
void device_read(struct device *device);                            /* now, or as soon as its worker is free */
void device_rearm(struct device *device);                           /* `every` has changed */
void device_input_debounced(struct device *device);                 /* the first value of an input has settled */
void device_lost(struct device *device, const struct fault *fault); /* hardware: stop, offline, back-off */
void device_take_loss(struct device *device);                       /* while its plugin was at work */
int device_run_callback(struct device *device, enum job job, const struct sconce_command *command); /* on the loop */
/* Of its worker: a job came back or is overdue, its `stop` is over and the instance about to be freed. */
void device_job_done(struct device *device, const struct job_item *item);
void device_job_overdue(struct device *device, enum job job);
void device_ended(struct device *device, const struct instance *instance);

/* ---- health.c: what is wrong with it -------------------------------------------------------------------- */
bool device_has_fault(const struct device *device);
const char *device_offline_reason(const struct device *device); /* for people; NULL: it is online */
/* Sets or (fault NULL) clears one kind, or what does not keep it from working, and publishes what has changed. */
void device_set_fault(struct device *device, enum device_fault kind, const struct fault *fault);
void device_set_problem(struct device *device, const struct fault *fault);
void device_forget_problem(struct device *device);              /* it starts again, or is gone */
void device_publish_status(struct device *device, bool always); /* and the error; else only what has changed */
void health_start(struct device *device);                       /* what its plugin has found wrong is over */
void health_begin_broken(struct device *device, int code, const char *text); /* published at its start */
void health_inherit(struct device *device, const struct device *old);
void health_done(struct device *device);

/* The last error of the callback that runs now, by sconce_error(), and the fault of one that returned an error. */
void PRINTF_LIKE(2, 3) device_set_error(struct device *device, const char *format, ...);
void device_clear_error(struct device *device);
void device_fault_of(struct device *device, int r, const char *what, struct fault *ret);

/* ---- publish.c: what it reports ------------------------------------------------------------------------- */
/* Around every callback: at the outermost leave the state is published, once. */
void device_enter(struct device *device);
void device_leave(struct device *device);

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count) MUST_CHECK;
int device_event(struct device *device, uint64_t time_us, const char *channel, const char *event_type) MUST_CHECK;
int device_channel_add(struct device *device, const struct sconce_channel *row) MUST_CHECK;
void device_publish_state(struct device *device);
void device_publish_now(struct device *device); /* the same, and none is due any more */
void device_publish_due(struct device *device); /* the state, if it is due */
void device_state_due(struct device *device);   /* changed or not */
void device_forget_state(struct device *device);
void publishing_start(struct device *device);
void publishing_stop(struct device *device);

/* ---- trend.c: what it was like -------------------------------------------------------------------------- */
/* Of a channel that a device had before a reload, and may find when it starts. */
struct waiting_trend {
        struct waiting_trend *next;
        struct trend *trend;
        enum sconce_kind kind;
        char key[];
};
/* The clock of all trends, brought up to now: before a report, and before they are read. */
void device_trend_clock(struct device_context *context, uint64_t now_us);
void device_trend_begin(struct device *device);                       /* its channels are to have trends */
void device_trend_inherit(struct device *device, struct device *old); /* those of channels that it has, or may find */
void device_trend_adopt(struct device *device, struct channel *channel); /* a channel that it has found */
void device_trend_done(struct device *device);
void device_trend_status(struct device *device, bool online); /* while it is offline, what holds is not known */

/* ---- requests.c: commands on their way ------------------------------------------------------------------ */
/* Of one device, or of those that are not there: who sends faster than that does not read them. */
#define REFUSALS_PER_SECOND 10

void device_command(struct device *device, const char *channel, const void *payload, size_t size,
                    const struct command_meta *meta);
/* The command of a rule, whose name is copied: free of the rate and of duplicates, answered to device_observer. */
void device_act(struct device *device, const char *channel, const char *payload, const struct command_cause *cause);
/* The id of a command that is refused unread, unless its payload is long. For command_done(). */
void command_id_of(const struct command_limits *limits, const void *payload, size_t size, struct command *ret);
void requests_init(struct device *device);
void requests_set_rate(struct device *device); /* as its section says */
void request_finish(struct device *device, struct request *request, int r);
void request_free(struct request *request);
void requests_run_next(struct device *device);
/* Answers all that waits or runs; the second with `failed` for the one that runs. */
void requests_refuse_all(struct device *device, enum result_code code, const char *message);
void requests_give_up(struct device *device, const struct fault *fault);

/* ---- host.c -------------------------------------------------------------------------------------------- */
extern const struct sconce_host device_host;
void host_close_all(struct device *device); /* what its plugin has opened: lines, dimmers, timers, watches */
int host_result(struct device *device, int r, const struct fault *fault); /* `r`, and its sentence as the last error */
/* Hardware is for devices that start or run: not for `configure`, which --check runs too. */
static inline bool host_may_touch(const struct device *device)
{
        return device->life.phase == DEVICE_STARTING || device->life.phase == DEVICE_RUNNING;
}

/* ---- host_line.c --------------------------------------------------------------------------------------- */
/* Opens the inputs that have a debounce before the plugin does; device_input_debounced() is called for each. */
int host_open_inputs(struct device *device) MUST_CHECK;
bool host_inputs_are_settled(const struct device *device);
int host_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value);
int host_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn);
int host_line_set(struct sconce_device *dev, struct sconce_line *line, bool active);
int host_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active);
int host_line_force(struct device_pin *at, bool on) MUST_CHECK; /* an open output, without the plugin */

/* ---- host_keep.c: outputs that outlive the process (gpio/gpio.h) ------------------------------------------ */
/* Each of its output lines is kept, or is not any more, as its section and its state want it. What is on for a limited
 * time is never kept, because --outputs-safe must be able to take it: called before that begins. Negative errno, with the
 * fault: one could not be taken out. */
int host_keep(struct device *device, struct fault *fault) MUST_CHECK;
int host_keep_none(struct device *device, struct fault *fault) MUST_CHECK;
int host_keep_out(struct device *device, struct fault *fault) MUST_CHECK; /* of a limited one, before it goes on */
/* What its only output was left at by a run that crashed, when that is newer than what was saved. */
bool host_found(const struct device *device, bool *ret_on);

/* ---- host_dimmer.c ------------------------------------------------------------------------------------- */
int host_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level);
int host_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level);
int host_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level);
int host_dimmer_force(struct device_pin *at, double level) MUST_CHECK;

/* ---- host_pin.c: all lines and dimmers of a device, and what its plugin wants of them ------------------- */
int host_pins_init(struct device *device) MUST_CHECK;
void host_pins_close(struct device *device);
struct device_pin *host_pin_of(const struct device *device, const void *handle); /* NULL: it is not the device's */
/* The level to open an output with: the plugin's (negative: as it is found), unless a hold or the guard decides. */
double host_first_level(struct device_pin *at, double level);
bool host_is_held(struct device_pin *at, double level);    /* the level is then its wish; else it has none any more */
int host_force(struct device *device, bool on) MUST_CHECK; /* all open outputs, without the plugin */
/* Its outputs, none of which is open, are off, and are left so. Negative errno, with the fault: not all of them are. */
int host_quench(struct device *device, struct fault *fault) MUST_CHECK;
bool host_is_any_on(const struct device *device);
bool host_is_any_wished(const struct device *device);
bool host_grant_wishes(struct device *device); /* no hold any more; false: there was none */
void host_drop_wishes(struct device *device);

/* ---- host_driven.c: the record of what is driven, before an output is ----------------------------------- */
/* Before an output is opened with its first level, and before one is switched on: the guard has to permit it too. */
int host_before_open(struct device *device, const struct pin *pin, double level, struct fault *fault) MUST_CHECK;
int host_before_on(struct device *device, struct fault *fault) MUST_CHECK;
/* Before a limited time begins, and after its end. */
int host_note_timed(struct device *device, bool timed, struct fault *fault) MUST_CHECK;
/* How it ended stays in the record, until the store has it too: the whole agent ends, not the device alone. */
bool host_for_outlives(const struct device *device);
/* It has changed while outputs are driven. Negative: they are `on`, for a limited time now, and the record does not know. */
int host_note_section(struct device *device, bool on, struct fault *fault) MUST_CHECK;
/* Around a command: -EIO where its plugin has not looked at what sconce_timed() returned. */
void host_note_before_command(struct device *device);
int host_note_command(struct device *device, int r) MUST_CHECK;
void host_note_released(struct device *device); /* let go in order */

/* ---- saved.c: what it knows at the next start ---------------------------------------------------------- */
void saved_restore(struct device *device); /* before its first start in this run */
void saved_restore_channel(struct device *device, struct channel *channel);
void saved_values(struct device *device);     /* it has reported */
void saved_started(struct device *device);    /* power_on is over for this boot, and the past does not count any more */
void saved_cut_off(struct device *device);    /* it was switched off in its start, and is off in the next one */
void saved_off(struct device *device);        /* it does not run, and is off when it does: power_on is over, too */
void saved_keep_timed(struct device *device); /* what is on for a limited time now was so for its next start */
void saved_inherit(struct device *device, const struct device *old);
void saved_timed(struct device *device);    /* whether its outputs are on for a limited time */
void saved_on_since(struct device *device); /* max_on goes on counting */
void saved_released(struct device *device); /* on_offline does not concern it any more */
int host_save(struct sconce_device *dev, const char *key, const char *text);
int host_load(struct sconce_device *dev, const char *key, char *text, size_t size);
bool saved_was_timed(const struct store *store, const char *id);

/* ---- output.c ------------------------------------------------------------------------------------------ */
int output_first(struct device *device, const char *channel, struct sconce_value *ret) MUST_CHECK;
void output_watch(struct device *device); /* after an output was opened, set, closed, or wished otherwise */
void output_exit(struct device *device);
bool output_may_stay(const struct device *device); /* on at its exit, where another run follows at once */
void output_start(struct device *device);          /* nothing of it is timed yet */
void output_set_timed(struct device *device, bool is_timed);
/* What its section asks of outputs and it cannot do: -EINVAL. */
int output_check(const struct device *device, const struct config_section *section, struct problems *problems)
        MUST_CHECK;
/* OFF for all of it that is switched, ON for the first; returns how many values. */
size_t output_switch_values(const struct device *device, bool on,
                            struct sconce_value values[static COMMAND_VALUES_MAX]);
bool output_is_switched_off_by(const struct device *device,
                               const struct sconce_command *command); /* and nothing else */
bool output_is_timed(const struct device *device);
bool output_is_limited_by_section(const struct device *device); /* pulse, max_on, a cover */
bool output_is_limited(const struct device *device);            /* by it, or just now */
bool output_is_watched(const struct device *device);            /* it must not stay on while the device does not run */
bool output_is_left(const struct device *device, const struct device *successor); /* which does not drive all of it */

/* ---- hold.c -------------------------------------------------------------------------------------------- */
enum hold hold_of(const struct device *device);
int hold_bring(struct device *device, bool on) MUST_CHECK; /* all outputs, by its plugin and without it */
void hold_settle(struct device *device, const char *why);  /* something that a hold depends on has changed */
/* Before a command: unless it is the agent's it ends the holds that it contradicts; afterwards, if refused, none. */
struct hold_before {
        bool is_spent, is_released, is_off_meant, is_forgiven;
        uint64_t on_since_us;
};
struct hold_before hold_command(struct device *device, const struct sconce_command *command);
void hold_commanded(struct device *device, const struct hold_before *before, int r);
void hold_release(struct device *device); /* from its on_offline, until a broker has been there */
void hold_forget_release(struct device *device);
void hold_restore(struct device *device, bool is_released);

/* ---- on_time.c ----------------------------------------------------------------------------------------- */

/* Dark and unwanted for so long, an output has had its rest: max_on counts from its next light. */
#define ON_TIME_REST_US (2 * USEC_PER_SEC)

void on_time_begin(struct device *device);   /* before its start */
void on_time_watch(struct device *device);   /* what is driven or wished has changed */
void on_time_rearm(struct device *device);   /* max_on has changed */
void on_time_end(struct device *device);     /* it is not running any more */
void on_time_forgive(struct device *device); /* a command switches it on for good: it begins again */
void on_time_take_back(struct device *device, const struct hold_before *before); /* that command was refused */
bool on_time_is_over(const struct device *device);
uint64_t on_time_left_us(const struct device *device);       /* of max_on; 0 without it */
void on_time_mean_off(struct device *device, bool is_meant); /* whether dark ends the count */
void on_time_restore(struct device *device, uint64_t since_us, bool is_spent);

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
