/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on their way: checked, carried out at once or by the device's thread, answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

/* ---- Answers ------------------------------------------------------------------------------------------- */

static void answer(struct device *device, struct request *request, const struct result *result)
{
        if (!request->is_answered && request->cause.rule)
                device->context->observer.result(device->context->observer.userdata, &request->cause, result);
        else if (!request->is_answered)
                answers_publish(device->context, device->id, result, request->command.id, &request->meta);
        request->is_answered = true;
        answers_remove(&device->context->answers, request);
}

/* ---- Duplicates ------------------------------------------------------------------------------------------- */

/* A command as it came, and what it is known by: its id, its correlation data, both or none. */
struct arrival {
        const char *channel; /* NULL: the device's own topic */
        const void *payload;
        size_t size;
        struct duplicate_key keys[REQUEST_DUPLICATES];
        size_t n_keys;
};

static struct duplicate_key duplicate_key(const struct device *device, const struct request *request,
                                          const struct arrival *arrival, char kind)
{
        const char *channel = arrival->channel ? arrival->channel : "";
        struct duplicate_key key = {
                .kind = kind,
                .parts = { [DUPLICATE_DEVICE] = { device->id, strlen(device->id) },
                           [DUPLICATE_CHANNEL] = { channel, strlen(channel) },
                           [DUPLICATE_ASKER] = { request->meta.asker, request->meta.asker_size },
                           [DUPLICATE_MARK] = { request->command.id, strlen(request->command.id) },
                           [DUPLICATE_PAYLOAD] = { arrival->payload, arrival->size } },
        };

        if (kind == 'c')
                key.parts[DUPLICATE_MARK] = (struct duplicate_part){ request->meta.correlation,
                                                                     request->meta.correlation_size };
        return key;
}

static bool was_here(struct device *device, const struct request *request, struct arrival *arrival, struct result *ret)
{
        if (request->cause.rule) /* it comes as often as it is set off */
                return false;
        if (request->command.id[0])
                arrival->keys[arrival->n_keys++] = duplicate_key(device, request, arrival, 'i');
        if (request->meta.correlation && request->meta.correlation_size > 0)
                arrival->keys[arrival->n_keys++] = duplicate_key(device, request, arrival, 'c');
        for (size_t i = 0; i < arrival->n_keys; i++)
                if (duplicates_find(device->context->duplicates, &arrival->keys[i], device_now_us(device), ret))
                        return true;
        return false;
}

static void remember_begin(struct device *device, struct request *request, const struct arrival *arrival)
{
        for (size_t i = 0; i < arrival->n_keys; i++)
                request->duplicates[i] = duplicates_begin(device->context->duplicates, &arrival->keys[i],
                                                          device_now_us(device));
}

static void remember_end(struct device *device, const struct request *request, const struct result *result)
{
        for (size_t i = 0; i < REQUEST_DUPLICATES; i++)
                duplicates_end(device->context->duplicates, &request->duplicates[i], result);
}

/* ---- One request ------------------------------------------------------------------------------------------ */

void requests_init(struct device *device)
{
        uint64_t now_us = device->context->loop ? device_now_us(device) : 0;

        rate_init(&device->requests.rate, (uint64_t)MAX(device->shared.rate, 1), now_us);
        rate_init(&device->requests.refusals, REFUSALS_PER_SECOND, now_us);
}

void requests_set_rate(struct device *device)
{
        rate_set(&device->requests.rate, (uint64_t)device->shared.rate);
}

/* What has to wait for a thread outlives the call; of all others the caller has `here` for it. */
static struct request *request_new(const struct device *device, const struct command_meta *meta, struct request *here)
{
        struct request *request = device->worker ? malloc(sizeof(*request)) : here;

        if (!request)
                return NULL;
        memset(request, 0, offsetof(struct request, command));
        request->is_borrowed = request == here;
        if (meta) {
                request->meta = *meta;
                request->cause.depth = meta->depth;
        }
        request->command.id[0] = '\0';
        request->command.expires = NULL;
        request->command.json = NULL;
        request->command.text = NULL;
        return request;
}

void request_free(struct request *request)
{
        if (!request)
                return;
        command_done(&request->command);
        free(request->owned);
        free(request->cause.rule);
        if (!request->is_borrowed)
                free(request);
}

/* What waits for a thread outlives the message that it came in. */
static int own_meta(struct request *request)
{
        struct command_meta *meta = &request->meta;
        size_t reply_to_size = meta->reply_to ? strlen(meta->reply_to) + 1 : 0;
        char *owned = malloc(reply_to_size + meta->correlation_size + 1);

        if (!owned)
                return -ENOMEM;
        request->owned = owned;
        if (meta->reply_to)
                meta->reply_to = memcpy(owned, meta->reply_to, reply_to_size);
        if (meta->correlation)
                meta->correlation = memcpy(owned + reply_to_size, meta->correlation, meta->correlation_size);
        meta->asker = NULL; /* looked at already */
        meta->asker_size = 0;
        return 0;
}

static bool has_expired(const struct device *device, const struct request *request)
{
        return request->meta.expires_us != 0 && device_now_us(device) >= request->meta.expires_us;
}

/* Until when the sender wants it, by the sender's clock; it counts where ours can be trusted. */
static int take_stamp(const struct device *device, struct request *request, const char *stamp, struct result *result)
{
        uint64_t at_us;

        int r = stamp ? clock_parse(device->context->clock, stamp, &at_us) : -EAGAIN;
        if (r == -EINVAL)
                return refuse(result, RESULT_TYPE, "expires: \"%.40s\" is not a time like " COMMAND_EXPIRES_EXAMPLE,
                              stamp);
        if (r == 0 && (request->meta.expires_us == 0 || at_us < request->meta.expires_us))
                request->meta.expires_us = at_us;
        return 0;
}

/* By the message's expiry, and by the sender's. */
static int check_expiry(const struct device *device, struct request *request, struct result *result)
{
        const char *stamp = request->meta.expires ? request->meta.expires : request->command.expires;

        request->meta.expires = NULL; /* borrowed, and done with */
        int r = take_stamp(device, request, stamp, result);
        if (r < 0 || !has_expired(device, request))
                return r;
        return refuse(result, RESULT_EXPIRED, "the command came too late%s%.40s", stamp ? ": it was wanted until " : "",
                      stamp ? stamp : "");
}

static void finish(struct device *device, struct request *request, const struct result *result)
{
        remember_end(device, request, result);
        answer(device, request, result);
        request_free(request);
}

static void note_carried_out(struct device *device, const struct request *request)
{
        uint64_t due_us = request->cause.due_us ? request->cause.due_us : device_now_us(device);

        device->requests.commanded_us = MAX(device->requests.commanded_us, due_us);
}

void request_finish(struct device *device, struct request *request, int r)
{
        struct result result = { .code = RESULT_OK };
        struct fault fault;

        if (device->requests.running == request)
                device->requests.running = NULL;
        if (r < 0) {
                device_fault_of(device, r, "the device refused", &fault);
                (void)refuse(&result, r == -EBUSY ? RESULT_BUSY : RESULT_FAILED, "%s", fault.text);
        } else {
                note_carried_out(device, request);
                /* What the hardware now does, before anybody hears that it is done. */
                device_publish_now(device);
        }
        finish(device, request, &result);
}

static void prepare(struct device *device, struct request *request)
{
        unsigned flags = request->command.toggles ? SCONCE_COMMAND_TOGGLE : 0;

        command_resolve(&request->command, &device->channels);
        request->view = (struct sconce_command){ .count = request->command.count,
                                                 .values = request->command.values,
                                                 .flags = flags };
}

/* ---- Blocking devices: one at a time, the others wait -------------------------------------------------- */

static void append(struct device *device, struct request *request)
{
        struct request **at = &device->requests.pending;

        while (*at)
                at = &(*at)->next;
        *at = request;
        device->requests.n_pending++;
        request->device = device->id;
        answers_add(&device->context->answers, request);
}

void requests_run_next(struct device *device)
{
        static const struct result expired = { RESULT_EXPIRED, "the command expired while it waited for the device" };

        while (device->requests.pending && worker_is_idle(device->worker)) {
                struct request *request = device->requests.pending;
                device->requests.pending = request->next;
                request->next = NULL;
                device->requests.n_pending--;
                if (has_expired(device, request)) {
                        finish(device, request, &expired);
                        continue;
                }
                prepare(device, request);
                device->requests.running = request;
                worker_submit(device->worker, device->instance, JOB_COMMAND, request);
        }
}

/* The thread has it still: it is answered now and freed when it comes back. */
static void answer_running(struct device *device, enum result_code code, const char *message)
{
        struct request *running = TAKE_PTR(device->requests.running);
        struct result result = { 0 };

        if (!running)
                return;
        (void)refuse(&result, code, "%s", message);
        remember_end(device, running, &result);
        answer(device, running, &result);
}

void requests_refuse_all(struct device *device, enum result_code code, const char *message)
{
        struct result result = { 0 };

        (void)refuse(&result, code, "%s", message);
        while (device->requests.pending) {
                struct request *request = device->requests.pending;
                device->requests.pending = request->next;
                finish(device, request, &result);
        }
        device->requests.n_pending = 0;
        answer_running(device, code, message);
}

void requests_give_up(struct device *device, const struct fault *fault)
{
        answer_running(device, RESULT_FAILED, fault->text);
        requests_refuse_all(device, RESULT_OFFLINE, fault->text);
}

/* ---- From the outside ---------------------------------------------------------------------------------- */

/* Long payloads cost more to read than others, so they count for more: the rate bounds what a device costs in all. */
#define BYTES_A_COMMAND 2048

void command_id_of(const struct command_limits *limits, const void *payload, size_t size, struct command *ret)
{
        const struct channels none = { 0 };
        struct result result;

        *ret = (struct command){ 0 };
        if (size <= BYTES_A_COMMAND)
                (void)!command_parse(&none, NULL, payload, size, limits, ret, &result);
}

/* Before anything of a payload is looked at: what comes too fast must cost next to nothing. */
static bool comes_too_fast(struct device *device, const struct request *request, size_t size)
{
        bool is_read = size <= device->context->limits.max_bytes;
        uint64_t cost = 1 + (is_read ? size / BYTES_A_COMMAND : 0);

        return !request->cause.rule && !rate_take_many(&device->requests.rate, cost, device_now_us(device));
}

static void refuse_too_fast(struct device *device, const void *payload, size_t size, struct request *request)
{
        struct result result = { 0 };

        if (!rate_take(&device->requests.refusals, device_now_us(device))) {
                device->context->n_dropped++;
                return;
        }
        command_id_of(&device->context->limits, payload, size, &request->command);
        (void)refuse(&result, RESULT_RATE, "more than %lld commands a second", (long long)device->shared.rate);
        answer(device, request, &result);
}

static int accept(struct device *device, struct result *result)
{
        const char *reason = device_offline_reason(device);

        if (reason)
                return refuse(result, RESULT_OFFLINE, "the device is offline: %s", reason);
        if (device->requests.n_pending >= PENDING_MAX)
                return refuse(result, RESULT_BUSY, "%d commands are waiting already", PENDING_MAX);
        return 0;
}

/* Accepted now, it would be carried out when nobody wants it any more. */
static bool must_wait_too_long(const struct device *device, const struct request *request)
{
        uint64_t until_us = request->meta.expires_us;

        return until_us > 0 &&
               device_now_us(device) + device->context->guard->wait_us(device, &request->view) >= until_us;
}

static void carry_out_at_once(struct device *device, struct request *request)
{
        static const struct result too_late = {
                RESULT_EXPIRED, "the dead time of its interlock takes longer than the command is wanted"
        };

        prepare(device, request);
        if (must_wait_too_long(device, request)) {
                finish(device, request, &too_late);
                return;
        }
        device_enter(device);
        device->context->depth = request->cause.depth;
        device->requests.wanted_until_us = request->meta.expires_us;
        int r = device_run_callback(device, JOB_COMMAND, &request->view);
        device->requests.wanted_until_us = 0;
        request_finish(device, request, r);
        device->context->depth = 0;
        device_leave(device);
}

static void carry_out(struct device *device, struct request *request)
{
        static const struct result no_memory = { RESULT_FAILED, "out of memory" };

        if (!device->worker) {
                carry_out_at_once(device, request);
                return;
        }
        if (own_meta(request) < 0) {
                finish(device, request, &no_memory);
                return;
        }
        append(device, request);
        requests_run_next(device);
}

/* Takes the request over. */
static void submit(struct device *device, struct arrival *arrival, struct request *request)
{
        struct result result = { .code = RESULT_OK };

        if (comes_too_fast(device, request, arrival->size)) {
                refuse_too_fast(device, arrival->payload, arrival->size, request);
                request_free(request);
                return;
        }
        int r = command_parse(&device->channels, arrival->channel, arrival->payload, arrival->size,
                              &device->context->limits, &request->command, &result);
        /* First: who repeats a command that was carried out in time is to hear so. */
        if (r == 0 && was_here(device, request, arrival, &result))
                r = -EALREADY;
        if (r == 0)
                r = check_expiry(device, request, &result);
        if (r == 0)
                r = accept(device, &result);
        if (r == 0) {
                remember_begin(device, request, arrival);
                carry_out(device, request);
                return;
        }
        if (r < 0)
                answer(device, request, &result);
        request_free(request);
}

void device_command(struct device *device, const char *channel, const void *payload, size_t size,
                    const struct command_meta *meta)
{
        struct request here, *request = request_new(device, meta, &here);
        struct result result;

        if (!request) {
                (void)refuse(&result, RESULT_FAILED, "out of memory");
                answers_publish(device->context, device->id, &result, "", meta);
                return;
        }
        submit(device, &(struct arrival){ .channel = channel, .payload = payload, .size = size }, request);
}

void device_act(struct device *device, const char *channel, const char *payload, const struct command_cause *cause)
{
        struct request here, *request = request_new(device, NULL, &here);
        struct result result;

        if (request) {
                request->cause = *cause;
                request->cause.rule = strdup(cause->rule);
        }
        if (!request || !request->cause.rule) {
                (void)refuse(&result, RESULT_FAILED, "out of memory");
                device->context->observer.result(device->context->observer.userdata, cause, &result);
                request_free(request);
                return;
        }
        submit(device, &(struct arrival){ .channel = channel, .payload = payload, .size = strlen(payload) }, request);
}
