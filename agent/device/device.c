/* SPDX-License-Identifier: Apache-2.0 */
#include "device/device.h"

#include <errno.h>
#include <string.h>

#include "device/starts.h"

/* Reading this seldom, nobody minds a second; the timers then fall together and the machine sleeps more. */
#define LAZY_ENOUGH_US (20 * USEC_PER_SEC)

/* ---- Its timer ----------------------------------------------------------------------------------------- */

static uint64_t backoff_next(struct device *device)
{
        device->life.backoff_us = device->life.backoff_us ? MIN(device->life.backoff_us * 2, BACKOFF_MAX_US)
                                                          : BACKOFF_FIRST_US;
        return device->life.backoff_us;
}

static void arm_next(struct device *device, uint64_t delay_us)
{
        if (device->life.next)
                timer_arm(device->life.next, delay_us);
}

static void arm_every(struct device *device)
{
        if (device->shared.every_us > 0) /* refused where it cannot be read */
                arm_next(device, device->shared.every_us);
}

static void on_next(void *userdata)
{
        struct device *device = userdata;

        if (device->life.phase == DEVICE_FAILED)
                device_start(device);
        else
                device_read(device);
}

static int make_timer(struct device *device)
{
        uint64_t accuracy_us = device->shared.every_us > 0 && device->shared.every_us < LAZY_ENOUGH_US ? TIMER_EXACT_US
                                                                                                       : TIMER_LAZY_US;
        timer_free(TAKE_PTR(device->life.next));
        return timer_new(device->context->loop, accuracy_us, on_next, device, &device->life.next);
}

void device_rearm(struct device *device)
{
        if (device->life.phase == DEVICE_RUNNING && make_timer(device) == 0)
                arm_every(device);
}

/* ---- Callbacks on the loop ----------------------------------------------------------------------------- */

int device_run_callback(struct device *device, enum job job, const struct sconce_command *command)
{
        struct hold_before before = { 0 };

        device_enter(device);
        device_clear_error(device);
        if (job == JOB_COMMAND) {
                host_note_before_command(device);
                before = hold_command(device, command);
        }
        int held = job == JOB_COMMAND ? device->context->guard->command(device, command) : 0;
        int r = held == 0 ? instance_run(device->instance, job, command) : MIN(held, 0);
        if (job == JOB_COMMAND) {
                hold_commanded(device, &before, r);
                r = host_note_command(device, r);
        }
        device_leave(device);
        return r;
}

/* ---- Starting and reading ------------------------------------------------------------------------------ */

/* What is read by timer is published each time, unless the section asks for news only. */
static bool reports_each_reading(const struct device *device)
{
        const struct reading_config *readings = &device->shared.readings;

        return device->shared.every_us > 0 && readings->delta < 0 && readings->heartbeat_us == 0;
}

static void read_done(struct device *device, int r)
{
        struct fault fault;

        if (device->life.phase != DEVICE_RUNNING)
                return;
        if (r < 0) {
                device_fault_of(device, r, "cannot be read", &fault);
                device_set_fault(device, DEVICE_FAULT_READ, &fault);
                arm_next(device, backoff_next(device));
                return;
        }
        device->life.backoff_us = 0;
        if (reports_each_reading(device))
                device_state_due(device);
        device_set_fault(device, DEVICE_FAULT_READ, NULL);
        arm_every(device);
}

/* Nothing is left on that somebody ought to watch. */
static void close_all(struct device *device)
{
        if (output_is_watched(device))
                (void)!host_force(device, false);
        host_close_all(device);
        kept_fault_set(&device->life.lost, NULL);
}

static COLD void start_failed(struct device *device, const struct fault *fault)
{
        if (!device->worker) {
                if (output_is_watched(device) && host_is_any_on(device))
                        saved_cut_off(device); /* or it would go on for a moment at each attempt */
                close_all(device);
                device->context->guard->idle(device);
        }
        device->life.phase = DEVICE_FAILED;
        device_set_fault(device, DEVICE_FAULT_LIFE, fault);
        arm_next(device, backoff_next(device));
}

static COLD void start_done(struct device *device, int r)
{
        struct fault fault;

        if (r < 0) {
                device_fault_of(device, r, "cannot be started", &fault);
                kept_fault_set(&device->life.lost, NULL);
                start_failed(device, &fault);
                return;
        }
        if (device->life.lost.code != 0) { /* the line went away while it was being opened */
                kept_fault_get(&device->life.lost, &fault);
                kept_fault_set(&device->life.lost, NULL);
                (void)device_run_callback(device, JOB_STOP, NULL);
                start_failed(device, &fault);
                return;
        }
        device->life.phase = DEVICE_RUNNING;
        saved_started(device);
        saved_timed(device);
        device->context->guard->started(device);
        if (hold_of(device) != HOLD_NONE)
                hold_settle(device, "on_offline");
        device->life.backoff_us = 0;
        device_state_due(device);
        const char *unknown = device_unknown_reading(device);
        if (unknown)
                device_log(device, LOG_WARNING, "its section has keys for a reading \"%s\", which it does not have",
                           unknown);
        device_set_fault(device, DEVICE_FAULT_LIFE, NULL);
        device_publish_status(device, false);
        device->context->running(device->context->userdata);
        if (device->instance->calls.read && (device->shared.every_us > 0 || !device->publishing.has_reported))
                device_read(device);
        else
                arm_every(device);
}

static void start_plugin(struct device *device)
{
        device->life.is_settling = false;
        device_enter(device);
        device_mark_start(device);
        start_done(device, device_run_callback(device, JOB_START, NULL));
        start_mark_end(TAKE_PTR(device->instance->mark), true); /* with the first reading */
        device_leave(device);
}

void device_input_debounced(struct device *device)
{
        if (host_inputs_are_settled(device))
                start_plugin(device);
}

/* The first value of an input is settled like every other, and before the plugin can ask for it. */
static void start_on_loop(struct device *device)
{
        device_clear_error(device);
        int r = host_open_inputs(device);
        if (r < 0) {
                start_done(device, r);
                return;
        }
        device->life.is_settling = true;
        device_input_debounced(device);
}

void device_break(struct device *device)
{
        device->life.phase = DEVICE_BROKEN;
}

COLD void device_start(struct device *device)
{
        if (device->life.phase == DEVICE_BROKEN) {
                device_publish_status(device, false);
                return;
        }
        if (!device->life.next && make_timer(device) < 0)
                device_log(device, LOG_ERR, "out of memory: it is not read by timer and not started again");
        device->life.phase = DEVICE_STARTING;
        publishing_start(device);
        if (device->watched)
                device->context->observer.started(device->context->observer.userdata, device);
        output_start(device);
        on_time_begin(device);
        health_start(device);
        device_forget_problem(device);
        if (device->worker) {
                device_mark_start(device);
                worker_submit(device->worker, device->instance, JOB_START, NULL);
                return;
        }
        start_on_loop(device);
}

void device_read(struct device *device)
{
        if (device->life.phase != DEVICE_RUNNING || !device->instance->calls.read)
                return;
        if (!device->worker) {
                device_enter(device);
                read_done(device, device_run_callback(device, JOB_READ, NULL));
                device_leave(device);
        } else if (worker_is_idle(device->worker)) {
                device->life.read_wanted = false;
                worker_submit(device->worker, device->instance, JOB_READ, NULL);
        } else {
                device->life.read_wanted = true;
        }
}

void device_job_done(struct device *device, const struct job_item *item)
{
        bool is_start = item->job == JOB_START; /* the item is the next job's, once there is one */

        if (is_start)
                start_done(device, item->r);
        else if (item->job == JOB_READ)
                read_done(device, item->r);
        if (!is_start || worker_is_idle(device->worker)) /* its first reading is part of a start */
                start_mark_end(TAKE_PTR(device->instance->mark), true);
        requests_run_next(device);
        if (device->life.read_wanted)
                device_read(device);
}

COLD void device_job_overdue(struct device *device, enum job job)
{
        static const char *const names[] = {
                [JOB_START] = "start", [JOB_READ] = "read", [JOB_COMMAND] = "command", [JOB_STOP] = "stop"
        };
        struct fault fault;
        uint64_t ms = device->shared.deadline_us / USEC_PER_MSEC;

        (void)fault_set(&fault, -ETIMEDOUT, "its %s has not come back within %llu.%03llu s", names[job],
                        (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
        if (device->instance)
                start_mark_excuse(device->instance->mark);
        device_enter(device);
        device_set_fault(device, DEVICE_FAULT_HANG, &fault);
        requests_give_up(device, &fault);
        device_publish_due(device); /* what it has reported so far */
        device_leave(device);
}

/* ---- Stopping ------------------------------------------------------------------------------------------ */

/* Its outputs wait for nobody. */
static void release_for_good(struct device *device)
{
        struct fault fault;

        if (host_keep_none(device, &fault) < 0)
                device_log(device, LOG_ERR, "%s", fault.text);
}

COLD void device_stop(struct device *device, enum stop_why why)
{
        bool was_running = device->life.phase == DEVICE_RUNNING;

        if (device->life.phase == DEVICE_BROKEN || device->life.phase == DEVICE_STOPPED)
                return;
        if (device->life.next)
                timer_disarm(device->life.next);
        publishing_stop(device);
        if (why != STOP_RESTART) {
                device->life.is_exiting = true;
                device->life.is_gone = why == STOP_GONE;
                if (was_running)
                        output_exit(device);
        }
        if (why == STOP_GONE)
                release_for_good(device);
        device_forget_problem(device);
        device_enter(device);
        on_time_end(device);
        device->context->guard->stopped(device);
        requests_refuse_all(device, RESULT_OFFLINE, "the device is being stopped");
        device->life.phase = DEVICE_STOPPING;
        if (device->worker) {
                start_mark_excuse(device->instance->mark);
                device->life.ending = why == STOP_EXIT ? device->instance->serial : 0;
                /* With it go, when it has ended, the texts of channels that it has added. */
                worker_submit(device->worker, TAKE_PTR(device->instance), JOB_STOP, NULL);
                if (why == STOP_GONE)
                        channels_done(&device->channels);
                device_forget_state(device);
        } else if (was_running || device->life.is_settling) {
                if (was_running)
                        (void)device_run_callback(device, JOB_STOP, NULL);
                device->life.is_settling = false;
                host_close_all(device);
                host_note_released(device);
        }
        device->life.phase = DEVICE_STOPPED;
        device_leave(device);
}

void device_ended(struct device *device, const struct instance *instance)
{
        if (device->life.ending != instance->serial)
                return;
        device_publish_due(device);
        device->life.ending = 0;
        channels_done(&device->channels);
}

static void lose(struct device *device, const struct fault *fault)
{
        device_enter(device);
        on_time_end(device);
        device->context->guard->stopped(device);
        device->life.phase = DEVICE_STOPPING;
        (void)device_run_callback(device, JOB_STOP, NULL);
        close_all(device);
        device->life.phase = DEVICE_FAILED;
        device_set_fault(device, DEVICE_FAULT_LIFE, fault);
        arm_next(device, backoff_next(device));
        device_leave(device);
}

void device_lost(struct device *device, const struct fault *fault)
{
        if (device->life.is_settling) {
                device->life.is_settling = false;
                start_failed(device, fault);
        } else if (device->life.phase == DEVICE_STARTING ||
                   (device->life.phase == DEVICE_RUNNING && device->publishing.depth > 0))
                kept_fault_set(&device->life.lost, fault); /* the plugin is on the stack: later */
        else if (device->life.phase == DEVICE_RUNNING)
                lose(device, fault);
}

void device_take_loss(struct device *device)
{
        struct fault lost;

        if (device->life.lost.code == 0)
                return;
        kept_fault_get(&device->life.lost, &lost);
        kept_fault_set(&device->life.lost, NULL);
        lose(device, &lost);
}
