/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on their way: checked, carried out at once or by the device's thread, answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

/* ---- Answers ------------------------------------------------------------------------------------------- */

void devices_tell_result(struct devices *set, const char *device, const struct result *result, const char *id,
                         const struct command_meta *meta)
{
        struct json_text *out = &set->text;

        /* A command that asks for nothing and is carried out is answered by the state. */
        if (result->code == RESULT_OK && !*id && !(meta && meta->reply_to))
                return;
        json_text_reset(out);
        result_write(result, id, out);
        if (!out->failed && set->sink.publish)
                set->sink.publish(set->sink.userdata, device, DEVICE_RESULT, out->data, out->size, meta);
}

static void answer(struct device *device, struct call *call, const struct result *result)
{
        if (!call->is_answered && call->cause.rule)
                rules_result(device->set->rules, &call->cause, result);
        else if (!call->is_answered)
                devices_tell_result(device->set, device->id, result, call->command.id, &call->meta);
        call->is_answered = true;
}

/* ---- Doubles ------------------------------------------------------------------------------------------- */

/* The keys that a command is known by: its id, its correlation data, both or none. */
static size_t double_keys(const struct device *device, const struct call *call,
                          struct double_key keys[static 2])
{
        size_t count = 0;

        if (call->cause.rule) /* it comes as often as it is set off */
                return 0;
        if (call->command.id[0])
                keys[count++] = (struct double_key){ device->id, 'i', call->command.id,
                                                     strlen(call->command.id) };
        if (call->meta.correlation)
                keys[count++] = (struct double_key){ device->id, 'c', call->meta.correlation,
                                                     call->meta.correlation_size };
        return count;
}

static bool was_here(struct device *device, const struct call *call, struct result *ret)
{
        struct double_key keys[2];
        size_t count = double_keys(device, call, keys);

        for (size_t i = 0; i < count; i++)
                if (doubles_find(device->set->doubles, &keys[i], device_now_us(device), ret))
                        return true;
        return false;
}

static void remember_begin(struct device *device, const struct call *call)
{
        struct double_key keys[2];
        size_t count = double_keys(device, call, keys);

        for (size_t i = 0; i < count; i++)
                doubles_begin(device->set->doubles, &keys[i], device_now_us(device));
}

static void remember_end(struct device *device, const struct call *call, const struct result *result)
{
        struct double_key keys[2];
        size_t count = double_keys(device, call, keys);

        for (size_t i = 0; i < count; i++)
                doubles_end(device->set->doubles, &keys[i], result);
}

/* ---- One call ------------------------------------------------------------------------------------------ */

void call_init(struct call *call, const struct command_meta *meta)
{
        call->next = NULL;
        call->meta = meta ? *meta : (struct command_meta){ 0 };
        call->owned_reply_to = NULL;
        call->owned_correlation = NULL;
        call->is_answered = false;
        call->cause = (struct rule_cause){ 0 };
        call->command.id[0] = '\0';
        call->command.json = NULL;
        call->command.text = NULL;
}

void call_free(struct call *call)
{
        if (!call)
                return;
        command_done(&call->command);
        free(call->owned_reply_to);
        free(call->owned_correlation);
        free(call->cause.rule);
        free(call);
}

/* What waits for a thread outlives the message that it came in. */
static int own_meta(struct call *call)
{
        if (call->meta.reply_to) {
                call->owned_reply_to = strdup(call->meta.reply_to);
                if (!call->owned_reply_to)
                        return -ENOMEM;
                call->meta.reply_to = call->owned_reply_to;
        }
        if (call->meta.correlation) {
                call->owned_correlation = malloc(call->meta.correlation_size + 1);
                if (!call->owned_correlation)
                        return -ENOMEM;
                memcpy(call->owned_correlation, call->meta.correlation, call->meta.correlation_size);
                call->meta.correlation = call->owned_correlation;
        }
        return 0;
}

static bool has_expired(const struct device *device, const struct call *call)
{
        return call->meta.expires_us != 0 && device_now_us(device) >= call->meta.expires_us;
}

static void finish(struct device *device, struct call *call, const struct result *result)
{
        remember_end(device, call, result);
        answer(device, call, result);
        call_free(call);
}

void call_finish(struct device *device, struct call *call, int r)
{
        struct result result = { .code = RESULT_OK };
        struct fault fault;

        if (device->running == call)
                device->running = NULL;
        if (r < 0) {
                device_fault_of(device, r, "the device refused", &fault);
                (void)refuse(&result, r == -EBUSY ? RESULT_BUSY : RESULT_FAILED, "%s", fault.text);
        } else {
                /* What the hardware now does, before anybody hears that it is done. */
                device->changed = false;
                device_tell_state(device);
        }
        finish(device, call, &result);
}

static void prepare(struct device *device, struct call *call)
{
        command_resolve(&call->command, &device->channels);
        call->view = (struct sconce_command){ .count = call->command.count, .values = call->command.values };
}

/* ---- Blocking devices: one at a time, the others wait -------------------------------------------------- */

static void append(struct device *device, struct call *call)
{
        struct call **at = &device->pending;

        while (*at)
                at = &(*at)->next;
        *at = call;
        device->n_pending++;
}

void calls_run_next(struct device *device)
{
        static const struct result expired = { RESULT_EXPIRED,
                                               "the command expired while it waited for the device" };

        while (device->pending && device->phase == DEVICE_RUNNING && worker_is_idle(device->worker)) {
                struct call *call = device->pending;
                device->pending = call->next;
                call->next = NULL;
                device->n_pending--;
                if (has_expired(device, call)) {
                        finish(device, call, &expired);
                        continue;
                }
                prepare(device, call);
                device->running = call;
                worker_submit(device->worker, device->body, JOB_COMMAND, call);
        }
}

void calls_refuse_all(struct device *device, enum result_code code, const char *message)
{
        struct result result = { 0 };

        (void)refuse(&result, code, "%s", message);
        while (device->pending) {
                struct call *call = device->pending;
                device->pending = call->next;
                finish(device, call, &result);
        }
        device->n_pending = 0;
        /* The thread has this one still: it is answered now and freed when it comes back. */
        if (device->running) {
                remember_end(device, device->running, &result);
                answer(device, device->running, &result);
                device->running = NULL;
        }
}

void calls_give_up(struct device *device, const struct fault *fault)
{
        struct result result = { 0 };

        if (device->running) {
                (void)refuse(&result, RESULT_FAILED, "%s", fault->text);
                remember_end(device, device->running, &result);
                answer(device, device->running, &result);
                device->running = NULL;
        }
        calls_refuse_all(device, RESULT_OFFLINE, fault->text);
}

/* ---- From the outside ---------------------------------------------------------------------------------- */

static int accept_call(struct device *device, const struct call *call, struct result *result)
{
        const char *trouble = device_trouble(device);

        if (!call->cause.rule && !rate_take(&device->rate, device_now_us(device)))
                return refuse(result, RESULT_RATE, "more than %lld commands a second",
                              (long long)device->settings.rate);
        if (trouble)
                return refuse(result, RESULT_OFFLINE, "the device is offline: %s", trouble);
        if (device->n_pending >= PENDING_MAX)
                return refuse(result, RESULT_BUSY, "%d commands are waiting already", PENDING_MAX);
        return 0;
}

static void carry_out(struct device *device, struct call *call)
{
        static const struct result no_memory = { RESULT_FAILED, "out of memory" };

        remember_begin(device, call);
        if (!device->worker) {
                prepare(device, call);
                device_enter(device);
                call_finish(device, call, device_call(device, JOB_COMMAND, &call->view));
                device_leave(device);
                return;
        }
        if (own_meta(call) < 0) {
                finish(device, call, &no_memory);
                return;
        }
        append(device, call);
        calls_run_next(device);
}

/* Everything that can be wrong with a command before it reaches the device. 0, 1: nothing to do, -EINVAL:
 * refused. */
static int check_call(struct device *device, const char *channel, const void *payload, size_t size,
                      struct call *call, struct result *result)
{
        if (has_expired(device, call))
                return refuse(result, RESULT_EXPIRED, "the command came too late");
        return command_parse(&device->channels, channel, payload, size, &device->set->limits, &call->command,
                             result);
}

/* Takes the call over. */
static void submit(struct device *device, const char *channel, const void *payload, size_t size,
                   struct call *call)
{
        struct result result = { .code = RESULT_OK };

        int r = check_call(device, channel, payload, size, call, &result);
        if (r == 0 && was_here(device, call, &result))
                r = -EALREADY;
        if (r == 0)
                r = accept_call(device, call, &result);
        if (r == 0) {
                carry_out(device, call);
                return;
        }
        if (r < 0)
                answer(device, call, &result);
        call_free(call);
}

void device_command(struct device *device, const char *channel, const void *payload, size_t size,
                    const struct command_meta *meta)
{
        struct call *call = malloc(sizeof(*call));
        struct result result;

        if (!call) {
                (void)refuse(&result, RESULT_FAILED, "out of memory");
                devices_tell_result(device->set, device->id, &result, "", meta);
                return;
        }
        call_init(call, meta);
        submit(device, channel, payload, size, call);
}

void device_act(struct device *device, const char *channel, const char *payload,
                const struct rule_cause *cause)
{
        struct call *call = malloc(sizeof(*call));
        struct result result;

        if (call) {
                call_init(call, NULL);
                call->cause = *cause;
                call->cause.rule = strdup(cause->rule);
        }
        if (!call || !call->cause.rule) {
                (void)refuse(&result, RESULT_FAILED, "out of memory");
                rules_result(device->set->rules, cause, &result);
                free(call);
                return;
        }
        submit(device, channel, payload, strlen(payload), call);
}

int device_send(struct device *device, const struct sconce_value *value)
{
        if (device->worker || device->phase != DEVICE_RUNNING)
                return -ENOTSUP;
        const struct sconce_command command = { .count = 1, .values = value, .flags = SCONCE_COMMAND_NOW };
        return device_call(device, JOB_COMMAND, &command);
}
