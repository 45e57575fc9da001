/* SPDX-License-Identifier: Apache-2.0 */
/* From a section to a device: making it, changing it in place, handing on what its predecessor knew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "device/starts.h"
#include "device/worker.h"
#include "util/suggest.h"
#include "util/text.h"

/* ---- Making -------------------------------------------------------------------------------------------- */

static int make_channels(struct device *device)
{
        const struct plugin *plugin = device->instance->config->plugin;
        int r = 0;

        for (size_t i = 0; r == 0 && i < plugin->n_channels; i++)
                r = channels_append(&device->channels, &plugin->table.channels[i]);
        return r;
}

/* `node` is the agent itself. */
static uint64_t section_hash(const struct config_section *section)
{
        uint64_t hash = text_hash(HASH_BEGIN, section ? section->kind : "");

        for (size_t i = 0; section && i < section->count; i++) {
                const struct config_entry *entry = &section->entries[i];
                hash = text_hash(text_hash(hash, "\n"), entry->key);
                for (size_t k = 0; k < entry->count; k++)
                        hash = text_hash(text_hash(hash, "="), entry->values[k]);
        }
        return hash;
}

void device_mark_start(struct device *device)
{
        const struct instance *instance = device->instance;

        start_mark_end(instance->mark, false);
        device->instance->mark = starts_begin(device->context->starts, device->id, section_hash(device->section),
                                              !plugin_is_blocking(instance->config->plugin));
}

static int call_configure(struct device *device)
{
        struct instance *instance = device->instance;

        if (!instance->calls.configure || device->is_left_out)
                return 0;
        device_clear_error(device);
        device_mark_start(device);
        struct start_mark *before = start_mark_enter(instance->mark);
        int r = instance->calls.configure(&instance->handle, instance->config->data);
        (void)start_mark_enter(before);
        start_mark_end(TAKE_PTR(instance->mark), false);
        return r;
}

static int configure(struct device *device, const struct config_section *section, struct problems *problems)
{
        const struct instance *instance = device->instance;
        struct fault fault;
        char label[CONFIG_LABEL_MAX];
        int r = call_configure(device);

        memcpy(instance->pristine, instance->config->data, instance->calls.instance_size);
        if (r >= 0)
                return 0;
        device_fault_of(device, r, "not possible", &fault);
        problems_add(problems, section ? section->file : NULL, section ? section->line : 0, "%s %s",
                     section ? config_label(section, label) : device->id, fault.text);
        return -EINVAL;
}

void device_set_readings(struct device *device)
{
        const struct shared_config *shared = &device->shared;

        for (size_t i = 0; i < device->channels.count; i++) {
                struct channel *channel = &device->channels.items[i];
                reading_configure(&channel->reading,
                                  reading_overrides_get(&shared->overrides, channel->row.key, &shared->readings));
        }
}

const char *device_unknown_reading(const struct device *device)
{
        const struct reading_overrides *overrides = &device->shared.overrides;

        for (size_t i = 0; i < overrides->count; i++) {
                const struct channel *channel = channels_find(&device->channels, overrides->items[i].channel);
                if (!channel || channel->row.kind != SCONCE_SENSOR)
                        return overrides->items[i].channel;
        }
        return NULL;
}

/* A key like `temperatur_delta`. Where only the hardware knows the channels it is left for the start. */
static int check_readings(struct device *device, const struct config_section *section, struct problems *problems)
{
        const char *unknown = device_unknown_reading(device);
        struct suggestion near = { .wanted = unknown };
        char label[CONFIG_LABEL_MAX], hint[200] = "";
        size_t n_readings = 0;

        for (size_t i = 0; unknown && i < device->channels.count; i++) {
                if (device->channels.items[i].row.kind != SCONCE_SENSOR)
                        continue;
                suggestion_offer(&near, device->channels.items[i].row.key);
                n_readings++;
        }
        if (n_readings == 0)
                return 0;
        if (near.best)
                (void)suggestion_text(&near, hint);
        problems_add(problems, section->file, section->line, "%s: has keys for a reading \"%s\", and no such reading%s",
                     config_label(section, label), unknown, hint);
        return -EINVAL;
}

/* On the loop, unless device_prepare() gives it a worker. */
static int place_instance(struct device *device)
{
        struct instance *instance = device->instance;

        instance->device = device;
        instance->serial = ++device->context->next_serial;
        instance->handle.host = &device_host;
        return plugin_is_blocking(instance->config->plugin) ? 0 : host_pins_init(device);
}

static int make_worker(struct device *device)
{
        struct device_context *context = device->context;
        int r = context->pool ? 0 : pool_new(context->loop, "device", &context->pool);

        return r < 0 ? r : worker_new(device, context->loop, context->pool, &device->worker);
}

int device_prepare(struct device *device)
{
        struct instance *instance = device->instance;

        if (!instance || !plugin_is_blocking(instance->config->plugin))
                return 0;
        if (!device->worker) {
                int r = make_worker(device);
                if (r < 0)
                        return r;
        }
        worker_set_deadline(device->worker, device->shared.deadline_us);
        instance->worker = device->worker;
        instance->handle.host = &worker_host;
        return 0;
}

static int build(struct device *device, const struct config_section *section, struct problems *problems)
{
        CLEANUP_DEVICE_CONFIG struct device_config *config = NULL;

        int r = device_config_new(device->plugin, section, problems, &config);
        if (r < 0)
                return r;
        device->shared = config->shared;
        r = instance_new(config, device->id, &device->instance);
        if (r < 0)
                return r;
        config = NULL; /* the instance's */
        r = place_instance(device);
        if (r == 0)
                r = make_channels(device);
        if (r == 0)
                r = configure(device, section, problems);
        if (r == 0)
                r = check_readings(device, section, problems);
        if (r == 0)
                r = output_check(device, section, problems);
        device_set_readings(device);
        return r;
}

static void set_broken(struct device *device, int code, const char *text)
{
        device_break(device);
        health_begin_broken(device, code, text);
}

/* home_check() has accepted it: this is news, in a home that runs. */
static void refuse_config(struct device *device, const char *text)
{
        if (device->context->loop)
                device_log(device, LOG_ERR, "%s", text);
        set_broken(device, -EINVAL, text);
}

/* Its channels are there, so that those who follow it know them; its plugin's code does not run. */
static void leave_out(struct device *device)
{
        char text[sizeof(((struct fault *)0)->text)];

        (void)snprintf(text, sizeof(text),
                       "left out: the agent has died %d times in a row while starting it; it is tried again when its "
                       "section changes or the agent is restarted",
                       STARTS_DEATHS_MAX);
        if (device->context->loop)
                device_log(device, LOG_ERR, "%s", text);
        set_broken(device, -ECANCELED, text);
}

static int find_plugin(struct device *device, const struct config_section *section, struct problems *problems)
{
        struct fault fault;
        char label[CONFIG_LABEL_MAX];

        int r = loader_get(device->context->loader, section->kind, &fault, &device->plugin);
        if (r == -ENOENT)
                problems_add(problems, section->file, section->line, "%s: %s", config_label(section, label),
                             fault.text);
        /* A plugin that is refused is no fault of the config: only its devices suffer. */
        if (r < 0)
                set_broken(device, r == -ENOENT ? r : -ENOEXEC, fault.text);
        return r;
}

int device_new(struct device_context *context, const char *id, const struct plugin *plugin,
               const struct config_section *section, struct problems *problems, struct device **ret)
{
        CLEANUP_DEVICE struct device *device = calloc(1, sizeof(*device));
        size_t before = problems->count;

        if (!device)
                return -ENOMEM;
        device->context = context;
        device->plugin = plugin;
        device_trend_begin(device);
        (void)snprintf(device->id, sizeof(device->id), "%s", id);
        int r = section ? config_section_copy(section, &device->section) : 0;
        if (r < 0)
                return r;
        device->is_left_out = section && starts_leaves_out(context->starts, id, section_hash(section));
        if (plugin || find_plugin(device, section, problems) == 0) {
                r = build(device, section, problems);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        refuse_config(device, problems->count > before ? problems->items[before] : "not possible");
                else if (device->is_left_out)
                        leave_out(device);
        }
        saved_restore(device);
        requests_init(device);
        *ret = TAKE_PTR(device);
        return 0;
}

void device_free(struct device *device)
{
        if (!device)
                return;
        requests_refuse_all(device, RESULT_OFFLINE, "the device is being stopped");
        worker_release(device->worker);
        if (device->instance && !device->worker)
                host_close_all(device);
        device->context->guard->forget(device);
        free(device->pins);
        instance_free(device->instance);
        timer_free(device->life.next);
        timer_free(device->on_time.timer);
        timer_free(device->publishing.heartbeat);
        channels_done(&device->channels);
        device_trend_done(device);
        health_done(device);
        kept_fault_set(&device->life.lost, NULL);
        device_config_free(device->config_owner);
        config_section_free(device->section);
        free(device);
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

static void off_if_limited(struct device *device, const struct fault *fault)
{
        device_log(device, LOG_ERR, "%s", fault->text);
        if (device->life.phase != DEVICE_RUNNING || !output_is_limited(device))
                return;
        device_log(device, LOG_ERR, "is switched off: after a crash nobody could");
        if (hold_bring(device, false) < 0)
                device_log(device, LOG_ERR, "could not be switched off");
}

/* First of all: what has become limited must be out of the fd store and in the record before it is counted. Else nobody
 * could switch it off after a crash. The record of what was limited before is good enough. */
static void keep_as_section(struct device *device, bool was_limited)
{
        struct fault fault;

        if (host_keep(device, &fault) < 0)
                off_if_limited(device, &fault);
        if (host_note_section(device, !was_limited && device->output.is_live, &fault) < 0)
                off_if_limited(device, &fault);
}

int device_take_section(struct device *device, const struct config_section *section)
{
        CLEANUP_DEVICE_CONFIG struct device_config *config = NULL;
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG_SECTION struct config_section *copy = NULL;

        int r = device_config_new(device->plugin, section, &problems, &config);
        if (r < 0)
                return r;
        r = config_section_copy(section, &copy);
        if (r < 0)
                return r;
        bool was_limited = device->instance && output_is_limited(device);
        config_section_free(device->section);
        device->section = TAKE_PTR(copy);
        device->shared = config->shared;
        device_config_free(device->config_owner);
        device->config_owner = TAKE_PTR(config);
        requests_set_rate(device);
        if (device->worker)
                worker_set_deadline(device->worker, device->shared.deadline_us);
        if (device->plugin->has_output) {
                keep_as_section(device, was_limited);
                on_time_rearm(device);
                hold_settle(device, "on_offline");
        }
        device_set_readings(device);
        device_rearm(device);
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
        device_trend_inherit(device, old);
        saved_inherit(device, old);
        device->requests.commanded_us = old->requests.commanded_us;
        on_time_restore(device, old->on_time.on_since_us, old->on_time.is_spent);
        hold_restore(device, old->hold.is_released);
        device->watched = TAKE_PTR(old->watched);
        device->context->guard->inherit(device, old);
        if (old->worker && device->plugin && plugin_is_blocking(device->plugin)) {
                device->worker = TAKE_PTR(old->worker);
                worker_set_device(device->worker, device);
        }
        health_inherit(device, old);
}
