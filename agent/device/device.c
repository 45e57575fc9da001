/* SPDX-License-Identifier: Apache-2.0 */
#include "device/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reading this seldom, nobody minds a second; the timers then fall together and the machine sleeps more. */
#define LAZY_ENOUGH_US (20 * USEC_PER_SEC)

/* ---- What is wrong with it ----------------------------------------------------------------------------- */

static const struct fault *first_ailment(const struct device *device)
{
        for (size_t i = 0; i < AILMENTS; i++)
                if (device->ailments[i].code != 0)
                        return &device->ailments[i];
        return NULL;
}

const char *device_trouble(const struct device *device)
{
        const struct fault *fault = first_ailment(device);

        if (fault)
                return fault->text;
        return device->phase == DEVICE_RUNNING ? NULL : "it is starting";
}

bool device_is_online(const struct device *device)
{
        return !device_trouble(device);
}

static void publish(struct device *device, enum device_topic topic, const char *payload, size_t size)
{
        const struct device_sink *sink = &device->set->sink;

        if (sink->publish)
                sink->publish(sink->userdata, device->id, topic, payload, size, NULL);
}

static void tell_error(struct device *device, const struct fault *fault)
{
        struct json_text *out = &device->set->text;
        char code[32];

        if (!fault) {
                publish(device, DEVICE_ERROR, "", 0);
                return;
        }
        json_text_reset(out);
        json_put_open(out, '{');
        write_time(device->set->options.clock, device->ailing_since_us, out);
        json_put_key(out, "code");
        fault_code_name(fault->code, code);
        json_put_string(out, code);
        json_put_key(out, "message");
        json_put_string(out, fault->text);
        json_put_literal(out, "}");
        if (!out->failed)
                publish(device, DEVICE_ERROR, out->data, out->size);
}

void device_tell_status(struct device *device, bool always)
{
        const struct fault *fault = first_ailment(device);
        bool online = device_is_online(device);

        /* Its first start is not over: there is nothing to tell yet. */
        if (!always && !device->told_status && !online && !fault)
                return;
        if (always || !device->told_status || device->told_online != online)
                publish(device, DEVICE_STATUS, online ? "online" : "offline", online ? 6 : 7);
        if (always || strcmp(device->told_error, fault ? fault->text : "") != 0)
                tell_error(device, fault);
        device->told_status = true;
        device->told_online = online;
        (void)snprintf(device->told_error, sizeof(device->told_error), "%s", fault ? fault->text : "");
}

void device_ail(struct device *device, enum ailment ailment, const struct fault *fault)
{
        struct fault *at = &device->ailments[ailment];
        bool was_ailing = first_ailment(device);

        if (!fault && at->code == 0)
                return;
        if (fault && (at->code != fault->code || strcmp(at->text, fault->text) != 0)) {
                device->ailing_since_us = device_now_us(device);
                log_device(LOG_WARNING, device->id, "%s", fault->text);
        }
        *at = fault ? *fault : (struct fault){ 0 };
        if (was_ailing && !first_ailment(device) && device->phase == DEVICE_RUNNING)
                log_device(LOG_NOTICE, device->id, "works again");
        device_tell_status(device, false);
}

void device_fault_of(struct device *device, int r, const char *what, struct fault *ret)
{
        if (device->said[0])
                (void)fault_set(ret, r, "%s", device->said);
        else
                (void)fault_set(ret, r, "%s: %s", what, strerror(-r));
}

/* ---- What it says -------------------------------------------------------------------------------------- */

void device_tell_state(struct device *device)
{
        struct json_text *out = &device->set->text;

        if (!channels_have_state(&device->channels))
                return;
        json_text_reset(out);
        channels_write_state(&device->channels, device->set->options.clock, out);
        if (!out->failed)
                publish(device, DEVICE_STATE, out->data, out->size);
}

void device_enter(struct device *device)
{
        device->depth++;
}

void device_leave(struct device *device)
{
        if (device->depth > 1) {
                device->depth--;
                return;
        }
        device->depth = 0;
        if (device->lost.code != 0 && device->phase == DEVICE_RUNNING) {
                const struct fault lost = device->lost;
                device->lost.code = 0;
                device_lost(device, &lost);
        }
        /* A thread's reports come one by one: those of one callback are one state, told when it is over. */
        if (device->changed && (!device->worker || worker_is_idle(device->worker))) {
                device->changed = false;
                device_tell_state(device);
        }
        if (device->info_dirty) {
                device->info_dirty = false;
                if (device->set->sink.info_changed)
                        device->set->sink.info_changed(device->set->sink.userdata);
        }
}

int device_report(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        struct fault fault;
        bool changed = false;

        int r = channels_report(&device->channels, time_us ? time_us : device_now_us(device), values, count,
                                &changed, &fault);
        if (r < 0) {
                log_device(LOG_ERR, device->id, "%s", fault.text);
                return r;
        }
        device_enter(device);
        device->reported = true;
        device->changed |= changed;
        if (!device->exiting)
                channels_keep(&device->channels);
        output_watch(device);
        device_leave(device);
        return 0;
}

static bool is_choice(const struct sconce_channel *row, const char *text)
{
        for (const char *const *choice = row->choices; choice && *choice; choice++)
                if (strcmp(*choice, text) == 0)
                        return true;
        return false;
}

int device_event(struct device *device, uint64_t time_us, const char *key, const char *event_type)
{
        const struct channel *channel = key ? channels_find(&device->channels, key) : NULL;
        struct json_text *out = &device->set->text;

        if (!channel || channel->row.kind != SCONCE_EVENT || !event_type ||
            !is_choice(&channel->row, event_type)) {
                log_device(LOG_ERR, device->id,
                           "the plugin raised an event that it does not declare: %.60s %.60s", key ? key : "",
                           event_type ? event_type : "");
                return -EINVAL;
        }
        json_text_reset(out);
        json_put_open(out, '{');
        write_time(device->set->options.clock, time_us ? time_us : device_now_us(device), out);
        json_put_key(out, "channel");
        json_put_string(out, key);
        json_put_key(out, "event_type");
        json_put_string(out, event_type);
        json_put_literal(out, "}");
        if (!out->failed)
                publish(device, DEVICE_EVENT, out->data, out->size);
        return 0;
}

int device_channel_add(struct device *device, const struct sconce_channel *row)
{
        const struct channel *known = row->key ? channels_find(&device->channels, row->key) : NULL;
        const struct channel added = { .row = *row, .kind = kind_get(row->kind) };
        struct sconce_channel copy;
        struct fault fault;

        if (known)
                return known->row.kind == row->kind ? 0 : -EEXIST;
        int r = channel_check(row, &fault);
        if (r == 0 && channel_is_writable(&added) && !device->body->calls.command)
                r = fault_set(&fault, -EINVAL, "channel \"%s\" is written and there is no command function",
                              row->key);
        if (r < 0) {
                log_device(LOG_ERR, device->id, "%s", fault.text);
                return r;
        }
        r = channel_copy_row(row, &device->body->blueprint->store, &copy);
        if (r == 0)
                r = channels_append(&device->channels, &copy);
        if (r == 0)
                device->info_dirty = device->changed = true;
        return r;
}

/* ---- Its timer ----------------------------------------------------------------------------------------- */

static uint64_t backoff_next(struct device *device)
{
        device->backoff_us = device->backoff_us ? MIN(device->backoff_us * 2, BACKOFF_MAX_US)
                                                : BACKOFF_FIRST_US;
        return device->backoff_us;
}

static void arm_next(struct device *device, uint64_t delay_us)
{
        if (device->next)
                timer_arm(device->next, delay_us);
}

static void arm_every(struct device *device)
{
        if (device->settings.every_us > 0 && device->body->calls.read)
                arm_next(device, device->settings.every_us);
}

static void on_next(void *userdata)
{
        struct device *device = userdata;

        if (device->phase == DEVICE_FAILED)
                device_start(device);
        else
                device_read(device);
}

static int make_timer(struct device *device)
{
        uint64_t accuracy_us = device->settings.every_us > 0 && device->settings.every_us < LAZY_ENOUGH_US
                                       ? TIMER_EXACT_US
                                       : TIMER_LAZY_US;
        timer_free(TAKE_PTR(device->next));
        return timer_new(device->set->options.loop, accuracy_us, on_next, device, &device->next);
}

/* ---- Callbacks on the loop ----------------------------------------------------------------------------- */

int device_call(struct device *device, enum job job, const struct sconce_command *command)
{
        device_enter(device);
        device->said[0] = '\0';
        int r = body_run(device->body, job, command);
        device_leave(device);
        return r;
}

/* ---- Starting and reading ------------------------------------------------------------------------------ */

static void read_done(struct device *device, int r)
{
        struct fault fault;

        if (device->phase != DEVICE_RUNNING)
                return;
        if (r < 0) {
                device_fault_of(device, r, "cannot be read", &fault);
                device_ail(device, AILMENT_READ, &fault);
                arm_next(device, backoff_next(device));
                return;
        }
        device->backoff_us = 0;
        device_ail(device, AILMENT_READ, NULL);
        arm_every(device);
}

static void start_failed(struct device *device, const struct fault *fault)
{
        if (!device->worker)
                host_close_all(device);
        device->phase = DEVICE_FAILED;
        device_ail(device, AILMENT_LIFE, fault);
        arm_next(device, backoff_next(device));
}

static void start_done(struct device *device, int r)
{
        struct fault fault;

        if (r < 0) {
                device_fault_of(device, r, "cannot be started", &fault);
                device->lost.code = 0;
                start_failed(device, &fault);
                return;
        }
        if (device->lost.code != 0) { /* the line went away while it was being opened */
                fault = device->lost;
                device->lost.code = 0;
                (void)device_call(device, JOB_STOP, NULL);
                start_failed(device, &fault);
                return;
        }
        device->phase = DEVICE_RUNNING;
        device->first_start_done = true;
        device->was_timed = false;
        device->backoff_us = 0;
        device->changed = true;
        device_ail(device, AILMENT_LIFE, NULL);
        device_tell_status(device, false);
        if (device->body->calls.read && (device->settings.every_us > 0 || !device->reported))
                device_read(device);
        else
                arm_every(device);
}

void device_start(struct device *device)
{
        if (device->phase == DEVICE_BROKEN) {
                device_tell_status(device, false);
                return;
        }
        if (!device->next && make_timer(device) < 0)
                log_device(LOG_ERR, device->id,
                           "out of memory: it is not read by timer and not started again");
        device->phase = DEVICE_STARTING;
        device->reported = false;
        device->was_timed |= device->timed_now;
        device->timed_now = false;
        device->ailments[AILMENT_HEALTH] = device->ailments[AILMENT_READ] = (struct fault){ 0 };
        if (device->worker) {
                worker_submit(device->worker, device->body, JOB_START, NULL);
                return;
        }
        device_enter(device);
        start_done(device, device_call(device, JOB_START, NULL));
        device_leave(device);
}

void device_read(struct device *device)
{
        if (device->phase != DEVICE_RUNNING || !device->body->calls.read)
                return;
        if (!device->worker) {
                device_enter(device);
                read_done(device, device_call(device, JOB_READ, NULL));
                device_leave(device);
        } else if (worker_is_idle(device->worker)) {
                device->read_wanted = false;
                worker_submit(device->worker, device->body, JOB_READ, NULL);
        } else {
                device->read_wanted = true;
        }
}

void device_job_done(struct device *device, const struct job_item *item)
{
        (void)snprintf(device->said, sizeof(device->said), "%s", item->said);
        if (item->job == JOB_START)
                start_done(device, item->r);
        else if (item->job == JOB_READ)
                read_done(device, item->r);
        calls_run_next(device);
        if (device->read_wanted)
                device_read(device);
}

void device_job_overdue(struct device *device, enum job job)
{
        static const char *const names[] = {
                [JOB_START] = "start", [JOB_READ] = "read", [JOB_COMMAND] = "command", [JOB_STOP] = "stop"
        };
        struct fault fault;
        uint64_t ms = device->settings.deadline_us / USEC_PER_MSEC;

        (void)fault_set(&fault, -ETIMEDOUT, "its %s has not come back within %llu.%03llu s", names[job],
                        (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
        device_enter(device);
        device_ail(device, AILMENT_HANG, &fault);
        calls_give_up(device, &fault);
        if (device->changed) /* what it has said so far */
                device_tell_state(device);
        device->changed = false;
        device_leave(device);
}

/* ---- Stopping ------------------------------------------------------------------------------------------ */

static void stop_on_loop(struct device *device)
{
        (void)device_call(device, JOB_STOP, NULL);
        host_close_all(device);
}

void device_stop(struct device *device, enum stop_why why)
{
        bool was_running = device->phase == DEVICE_RUNNING;

        if (device->phase == DEVICE_BROKEN || device->phase == DEVICE_STOPPED)
                return;
        if (device->next)
                timer_disarm(device->next);
        if (why != STOP_RESTART) {
                device->exiting = true;
                if (was_running)
                        output_exit(device);
        }
        device_enter(device);
        output_rest(device);
        calls_refuse_all(device, RESULT_OFFLINE, "the device is being stopped");
        device->phase =
                DEVICE_STOPPED; /* from here on reports are not taken: the last values are to come back */
        if (device->worker) {
                worker_submit(device->worker, device->body, JOB_STOP, NULL);
                device->body = NULL; /* and with it the texts of channels that it has added */
                if (why != STOP_RESTART)
                        channels_done(&device->channels);
        } else if (was_running) {
                stop_on_loop(device);
        }
        device->changed = false;
        device_leave(device);
}

static void lose(struct device *device, const struct fault *fault)
{
        device_enter(device);
        output_rest(device);
        device->phase = DEVICE_FAILED;
        stop_on_loop(device);
        device_ail(device, AILMENT_LIFE, fault);
        arm_next(device, backoff_next(device));
        device_leave(device);
}

void device_lost(struct device *device, const struct fault *fault)
{
        if (device->phase == DEVICE_STARTING || (device->phase == DEVICE_RUNNING && device->depth > 0))
                device->lost = *fault; /* the plugin is on the stack: later */
        else if (device->phase == DEVICE_RUNNING)
                lose(device, fault);
}

/* ---- Making -------------------------------------------------------------------------------------------- */

/* A section of its own: the config that it came from is freed at the next reload. */
static int copy_section(const struct config_section *section, struct config_section **ret)
{
        struct config_section *copy = calloc(1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        copy->kind = strdup(section->kind);
        copy->id = strdup(section->id);
        copy->entries = calloc(section->count + 1, sizeof(*copy->entries));
        if (!copy->kind || !copy->id || !copy->entries)
                return -ENOMEM;
        for (size_t i = 0; i < section->count; i++) {
                const struct config_entry *from = &section->entries[i];
                struct config_entry *to = &copy->entries[copy->count++];
                to->is_list = from->is_list;
                to->broken = from->broken;
                to->key = strdup(from->key);
                to->values = calloc(from->count + 1, sizeof(*to->values));
                if (!to->key || !to->values)
                        return -ENOMEM;
                for (; to->count < from->count; to->count++)
                        if (!(to->values[to->count] = strdup(from->values[to->count])))
                                return -ENOMEM;
        }
        return 0;
}

static void free_section(struct config_section *section)
{
        if (!section)
                return;
        for (size_t i = 0; i < section->count; i++) {
                for (size_t k = 0; k < section->entries[i].count; k++)
                        free(section->entries[i].values[k]);
                free(section->entries[i].values);
                free(section->entries[i].key);
        }
        free(section->entries);
        free(section->kind);
        free(section->id);
        free(section);
}

static int make_channels(struct device *device)
{
        const struct plugin *plugin = device->body->blueprint->plugin;

        for (size_t i = 0; i < plugin->n_channels; i++) {
                int r = channels_append(&device->channels, &plugin->table.channels[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the option table cannot see, and channels that depend on options. */
static int configure(struct device *device, const struct config_section *section, struct problems *problems)
{
        struct body *body = device->body;
        struct fault fault;
        char label[CONFIG_LABEL_MAX];
        int r = 0;

        if (body->calls.configure) {
                device->said[0] = '\0';
                r = body->calls.configure(&body->handle, body->blueprint->instance);
        }
        device->changed = device->info_dirty = false;
        memcpy(body->pristine, body->blueprint->instance, body->calls.instance_size);
        if (r >= 0)
                return 0;
        device_fault_of(device, r, "not possible", &fault);
        problems_add(problems, section ? section->file : NULL, section ? section->line : 0, "%s %s",
                     section ? config_label(section, label) : device->id, fault.text);
        return -EINVAL;
}

/* Gives it a thread, or the loop. */
static int place_body(struct device *device)
{
        struct body *body = device->body;

        body->device = device;
        body->serial = ++device->set->next_serial;
        body->handle.host = &device_host;
        return plugin_is_blocking(body->blueprint->plugin) ? 0 : host_lines_init(device);
}

int device_settle(struct device *device)
{
        struct body *body = device->body;

        if (!body || !plugin_is_blocking(body->blueprint->plugin))
                return 0;
        if (!device->worker) {
                int r = worker_new(device, device->set->options.loop, &device->worker);
                if (r < 0)
                        return r;
        }
        worker_set_deadline(device->worker, device->settings.deadline_us);
        body->worker = device->worker;
        body->handle.host = &worker_host;
        return 0;
}

static int build(struct device *device, const struct config_section *section, struct problems *problems)
{
        CLEANUP_BLUEPRINT struct blueprint *blueprint = NULL;

        int r = blueprint_new(device->plugin, section, problems, &blueprint);
        if (r < 0)
                return r;
        device->settings = blueprint->settings;
        r = body_new(blueprint, device->id, &device->body);
        if (r < 0)
                return r;
        blueprint = NULL; /* the body's */
        r = place_body(device);
        if (r == 0)
                r = make_channels(device);
        if (r == 0)
                r = configure(device, section, problems);
        return r;
}

static void set_broken(struct device *device, int code, const char *text)
{
        device->phase = DEVICE_BROKEN;
        device->ailing_since_us = device->set->options.loop ? device_now_us(device) : 0;
        (void)fault_set(&device->ailments[AILMENT_LIFE], code, "%s", text);
}

static int find_plugin(struct device *device, const struct config_section *section, struct problems *problems)
{
        struct fault fault;
        char label[CONFIG_LABEL_MAX];

        int r = loader_get(&device->set->loader, section->kind, &fault, &device->plugin);
        if (r == -ENOENT)
                problems_add(problems, section->file, section->line, "%s: %s", config_label(section, label),
                             fault.text);
        /* A plugin that is refused is no fault of the config: only its devices suffer. */
        if (r < 0)
                set_broken(device, r == -ENOENT ? r : -ENOEXEC, fault.text);
        return r;
}

int device_new(struct devices *set, const char *id, const struct plugin *plugin,
               const struct config_section *section, struct problems *problems, struct device **ret)
{
        CLEANUP_DEVICE struct device *device = calloc(1, sizeof(*device));
        size_t before = problems->count;

        if (!device)
                return -ENOMEM;
        device->set = set;
        device->plugin = plugin;
        device->phase = DEVICE_STOPPED;
        (void)snprintf(device->id, sizeof(device->id), "%s", id);
        int r = section ? copy_section(section, &device->section) : 0;
        if (r < 0)
                return r;
        if (plugin || find_plugin(device, section, problems) == 0) {
                r = build(device, section, problems);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        set_broken(device, -EINVAL,
                                   problems->count > before ? problems->items[before] : "not possible");
        }
        rate_init(&device->rate, (uint64_t)MAX(device->settings.rate, 1),
                  set->options.loop ? device_now_us(device) : 0);
        *ret = TAKE_PTR(device);
        return 0;
}

void device_free(struct device *device)
{
        if (!device)
                return;
        calls_refuse_all(device, RESULT_OFFLINE, "the device is being stopped");
        worker_release(device->worker);
        if (device->body && !device->worker)
                host_close_all(device);
        free(device->lines);
        body_free(device->body);
        timer_free(device->next);
        timer_free(device->max_on);
        channels_done(&device->channels);
        saved_free(device->saved);
        blueprint_free(device->settings_owner);
        free_section(device->section);
        free(device);
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

int device_take_section(struct device *device, const struct config_section *section)
{
        CLEANUP_BLUEPRINT struct blueprint *blueprint = NULL;
        CLEANUP(problems_done) struct problems problems = { 0 };
        struct config_section *copy = NULL;

        int r = blueprint_new(device->plugin, section, &problems, &blueprint);
        if (r < 0)
                return r;
        r = copy_section(section, &copy);
        if (r < 0) {
                free_section(copy);
                return r;
        }
        free_section(device->section);
        device->section = copy;
        device->settings = blueprint->settings;
        blueprint_free(device->settings_owner);
        device->settings_owner = TAKE_PTR(blueprint);
        rate_set(&device->rate, (uint64_t)device->settings.rate);
        if (device->worker)
                worker_set_deadline(device->worker, device->settings.deadline_us);
        output_rest(device);
        output_watch(device);
        if (device->phase == DEVICE_RUNNING && make_timer(device) == 0)
                arm_every(device);
        return 0;
}

void device_inherit(struct device *device, struct device *old)
{
        for (size_t i = 0; i < device->channels.count; i++) {
                struct channel *to = &device->channels.items[i];
                struct channel *from = channels_find(&old->channels, to->row.key);
                if (!from || from->row.kind != to->row.kind)
                        continue;
                struct channel swap = *to;
                to->now = from->now;
                to->kept = from->kept;
                from->now = swap.now;
                from->kept = swap.kept;
        }
        device->channels.time_us = old->channels.time_us;
        device->first_start_done = old->first_start_done;
        device->was_timed = old->was_timed || old->timed_now;
        device->on_since_us = old->on_since_us;
        device->saved = TAKE_PTR(old->saved);
        device->told_status = old->told_status;
        device->told_online = old->told_online;
        (void)memcpy(device->told_error, old->told_error, sizeof(device->told_error));
        if (old->worker && device->plugin && plugin_is_blocking(device->plugin)) {
                device->worker = TAKE_PTR(old->worker);
                worker_set_device(device->worker, device);
                device->ailments[AILMENT_HANG] = old->ailments[AILMENT_HANG];
        }
}
