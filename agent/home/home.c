/* SPDX-License-Identifier: Apache-2.0 */
#include "home/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/interlock.h"
#include "rule/rules.h"
#include "util/pool.h"
#include "util/text.h"
#include "util/thread.h"

/* How long a stop waits for blocking devices, all together. */
#define STOP_WAIT_US (1 * USEC_PER_SEC)

/* ---- The devices -------------------------------------------------------------------------------------- */

bool home_keeps_history(const struct home *home, const char *id)
{
        const struct device *device = strcmp(id, NODE_ID) != 0 ? home_find(home, id) : NULL;

        return device && device->shared.history;
}

static int add_new(struct home *home, const char *id, const struct plugin *plugin, const struct config_section *section,
                   struct problems *problems)
{
        CLEANUP_DEVICE struct device *device = NULL;

        int r = device_new(&home->context, id, plugin, section, problems, &device);
        if (r < 0)
                return r;
        struct device **items = realloc(home->items, (home->count + 1) * sizeof(struct device *));
        if (!items)
                return -ENOMEM;
        home->items = items;
        items[home->count++] = device;
        r = index_add(home);
        if (r < 0)
                home->count--;
        else
                device = NULL;
        return r;
}

static void on_problem(void *userdata, const char *key, const char *text)
{
        home_problem(userdata, key, text);
}

/* One that runs has what it wants. */
static bool may_want_line(void *userdata, const char *id)
{
        const struct device *device = home_find(userdata, id);

        return device && device->life.phase != DEVICE_RUNNING;
}

/* Outputs that an earlier run, or a device before a reload, has left and that nobody takes over. */
static void let_go_left(struct home *home)
{
        if (home->context.gpio)
                gpio_let_go(home->context.gpio, may_want_line, home);
}

/* A device that starts late, after its back-off, may have another line than in an earlier run. While a config is applied another
 * one may yet take over what it has left. */
static void on_running(void *userdata)
{
        struct home *home = userdata;

        if (!home->is_applying)
                let_go_left(home);
}

static void init_context(struct home *home, const struct home_options *options, const struct home_sink *sink)
{
        home->context = (struct device_context){
                .loop = options->loop,
                .clock = options->clock,
                .gpio = options->gpio,
                .store = options->store,
                .driven = options->driven,
                .starts = options->starts,
                .default_chip = options->default_chip,
                .limits = { options->max_payload_bytes, options->max_depth },
                .loader = &home->loader,
                .duplicates = duplicates_new(),
                .guard = &interlock_guard,
                .problem = on_problem,
                .running = on_running,
                .userdata = home,
        };
        if (sink)
                home->context.sink = *sink;
}

int home_new(const struct home_options *options, const struct home_sink *sink, struct home **ret)
{
        CLEANUP(home_freep) struct home *home = calloc(1, sizeof(*home));
        CLEANUP(problems_done) struct problems problems = { 0 };
        struct fault fault;

        if (!home)
                return -ENOMEM;
        init_context(home, options, sink);
        home->spent = options->spent;
        home->name = options->node;
        home->started_us = options->loop ? loop_now_us(options->loop) : 0;
        gets_init(home);
        rate_init(&home->refusals, REFUSALS_PER_SECOND, home->started_us);
        int r = home->context.duplicates ? loader_init(&home->loader, options->plugin_dir) : -ENOMEM;
        if (r == 0)
                r = plugin_new(&node_module, &fault, &home->node_plugin);
        if (r == 0 && options->loop)
                r = offline_init(home, options->offline_after_us);
        if (r == 0 && options->loop)
                r = home_rules_new(home);
        if (r == 0 && options->loop)
                r = saving_init(home);
        if (r == 0)
                r = add_new(home, NODE_ID, home->node_plugin, NULL, &problems);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(home);
        return 0;
}

void home_free(struct home *home)
{
        if (!home)
                return;
        while (home->count > 0) /* none that is freed already is found in the home */
                device_free(home->items[--home->count]);
        pool_release(home->context.pool);
        timer_free(home->gets.timer);
        trends_done(home);
        saving_done(home);
        rules_free(home->rules);
        timer_free(home->offline.timer);
        free(home->items);
        free(home->places);
        for (size_t i = 0; i < home->n_problems; i++) {
                free(home->problems[i].key);
                free(home->problems[i].text);
        }
        free(home->problems);
        plugin_free(home->node_plugin);
        loader_done(&home->loader);
        duplicates_free(home->context.duplicates);
        interlocks_free(home);
        free(home);
}

/* ---- Checking a config --------------------------------------------------------------------------------- */

int home_check(const struct home_options *options, const struct config *config, struct problems *problems)
{
        CLEANUP(home_freep) struct home *home = NULL;
        struct home_options check = *options;

        check.loop = NULL;
        check.clock = NULL;
        check.gpio = NULL;
        check.store = NULL;
        int r = home_new(&check, NULL, &home);
        for (size_t i = 0; r == 0 && i < config->count; i++)
                if (config_is_device(config, i))
                        r = add_new(home, config->sections[i].id, NULL, &config->sections[i], problems);
        interlock_check(config, problems);
        if (r == 0)
                r = conflicts_check(home, config, problems);
        return r < 0 ? r : home_rules_check(home, config, problems);
}

/* ---- Making it so -------------------------------------------------------------------------------------- */

static void start(struct device *device)
{
        struct fault fault;

        int r = device_prepare(device);
        if (r < 0) {
                (void)fault_set(&fault, r, "no thread can be had for it: %s", strerror(-r));
                device_break(device);
                device_set_fault(device, DEVICE_FAULT_LIFE, &fault);
                return;
        }
        device_start(device);
}

static bool stays(const struct device *device)
{
        return device->is_marked || strcmp(device->id, NODE_ID) == 0;
}

/* Stops what is gone, so that a line or a name is free before somebody else takes it. */
static void sweep(struct home *home)
{
        size_t kept = 0;

        for (size_t i = 0; i < home->count; i++) {
                struct device *device = home->items[i];
                if (stays(device))
                        continue;
                device_log(device, LOG_INFO, "is gone from the config: stopped");
                device_stop(device, STOP_GONE);
                if (home->context.sink.gone)
                        home->context.sink.gone(home->context.sink.userdata, device->id);
        }
        /* Then alone, since a device that stops may look at the others. */
        for (size_t i = 0; i < home->count; i++) {
                struct device *device = home->items[i];
                if (stays(device))
                        home->items[kept++] = device;
                else
                        device_free(device);
        }
        home->count = kept;
        index_renew(home);
}

enum fate { FATE_NEW, FATE_SAME, FATE_IN_PLACE, FATE_CHANGED };

/* What a section means for the device of its id. A broken device has nothing to lose by another try. */
static enum fate fate_of(const struct device *device, const struct config_section *section)
{
        bool in_place;

        if (!device)
                return FATE_NEW;
        if (!device->plugin || !device->section || strcmp(device->section->kind, section->kind) != 0)
                return FATE_CHANGED;
        if (device_config_same_section(device->plugin, device->section, section, &in_place))
                return device->life.phase == DEVICE_BROKEN ? FATE_CHANGED : FATE_SAME;
        return in_place && device->life.phase != DEVICE_BROKEN ? FATE_IN_PLACE : FATE_CHANGED;
}

static bool restarts(const struct device *device, const struct config_section *section)
{
        enum fate fate = fate_of(device, section);
        return fate == FATE_NEW || fate == FATE_CHANGED;
}

/* Stops the device and puts its successor in its place. */
static int replace(struct home *home, struct device *old, const struct config_section *section,
                   struct problems *problems)
{
        struct device *device;

        int r = device_new(&home->context, old->id, NULL, section, problems, &device);
        if (r < 0)
                return r;
        saved_keep_timed(old); /* its stop may switch it off, and it is not to come back on */
        /* An output that its successor does not drive is nobody's from now on. */
        device_stop(old, output_is_left(old, device) ? STOP_GONE : STOP_RESTART);
        device_inherit(device, old);
        device->is_marked = true;
        for (size_t i = 0; i < home->count; i++)
                if (home->items[i] == old)
                        home->items[i] = device;
        device_free(old);
        return 0;
}

static int apply_section(struct home *home, const struct config_section *section, struct problems *problems)
{
        struct device *device = home_find(home, section->id);

        switch (fate_of(device, section)) {
        case FATE_NEW:
                return add_new(home, section->id, NULL, section, problems);
        case FATE_CHANGED:
                return replace(home, device, section, problems);
        case FATE_IN_PLACE:
                return device_take_section(device, section) == -EINVAL ? replace(home, device, section, problems) : 0;
        case FATE_SAME:
                break;
        }
        return 0;
}

static void mark(struct home *home, const struct config *config)
{
        for (size_t i = 0; i < home->count; i++)
                home->items[i]->is_marked = false;
        for (size_t i = 0; i < config->count; i++) {
                struct device *device = config_is_device(config, i) ? home_find(home, config->sections[i].id) : NULL;
                if (device)
                        device->is_marked = true;
        }
}

static bool is_gone(void *userdata, const char *id, const char *key)
{
        (void)key;
        return *id && !home_find(userdata, id);
}

/* What devices that are no more were; what their plugins kept stays. */
static void forget_gone(struct home *home)
{
        struct store *store = home->context.store;

        if (!store)
                return;
        store_forget(store, STORE_VALUE, is_gone, home);
        store_forget(store, STORE_MARK, is_gone, home);
}

int home_apply(struct home *home, const struct config *config)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        int failed = 0;

        home->is_applying = true;
        loader_refresh(&home->loader);
        mark(home, config);
        interlock_before_reload(home, config, restarts);
        sweep(home);
        for (size_t i = 0; i < config->count; i++) {
                int r = config_is_device(config, i) ? apply_section(home, &config->sections[i], &problems) : 0;
                if (r < 0) /* the others have to run: some have been stopped for this */
                        failed = r;
        }
        interlock_after_reload(home);
        let_go_left(home);
        interlock_before_starts(home);
        /* After all stops: a line may have moved from one device to another. */
        for (size_t i = 0; i < home->count; i++)
                if (home->items[i]->life.phase == DEVICE_STOPPED || home->items[i]->life.phase == DEVICE_BROKEN)
                        start(home->items[i]);
        let_go_left(home);
        home->is_applying = false;
        forget_gone(home);
        left_out_list(home);
        trends_applied(home);
        int r = home_rules_apply(home, config);
        if (home->context.sink.info_changed)
                home->context.sink.info_changed(home->context.sink.userdata);
        return failed < 0 ? failed : r;
}

void home_will_restart(struct home *home)
{
        home->context.is_restarting = true;
}

bool home_begin_stop(struct home *home)
{
        bool is_more = false;

        rules_stop(home->rules);
        trends_stop(home);
        for (size_t i = 0; i < home->count; i++) {
                if (output_may_stay(home->items[i]))
                        is_more = true;
                else
                        device_stop(home->items[i], STOP_EXIT);
        }
        return is_more;
}

void home_stop(struct home *home)
{
        (void)home_begin_stop(home);
        for (size_t i = 0; i < home->count; i++)
                device_stop(home->items[i], STOP_EXIT);
        const struct timespec until = thread_deadline(STOP_WAIT_US);
        for (size_t i = 0; i < home->count; i++)
                if (home->items[i]->worker)
                        worker_wait(home->items[i]->worker, &until);
}

/* ---- From the outside ---------------------------------------------------------------------------------- */

static void refuse_unknown(struct home *home, const char *id, const void *payload, size_t size,
                           const struct command_meta *meta)
{
        CLEANUP_COMMAND struct command command = { 0 };
        struct result result;

        if (!text_is_id(id) || !rate_take(&home->refusals, loop_now_us(home->context.loop))) {
                home->n_unknown++;
                return;
        }
        command_id_of(&home->context.limits, payload, size, &command);
        (void)refuse(&result, RESULT_UNKNOWN_DEVICE, "there is no device \"%s\"", id);
        answers_publish(&home->context, id, &result, command.id, meta);
}

void home_command(struct home *home, const char *id, const char *channel, const void *payload, size_t size,
                  const struct command_meta *meta)
{
        struct device *device = home_find(home, id);

        if (device)
                device_command(device, channel, payload, size, meta);
        else
                refuse_unknown(home, id, payload, size, meta);
}

bool home_publish_next(struct home *home, size_t *at)
{
        if (*at >= home->count)
                return false;
        struct device *device = home->items[(*at)++];
        device_publish_status(device, true);
        device_publish_state(device);
        return true;
}

void home_set_facts(struct home *home, void (*ask)(void *userdata, struct node_facts *ret), void *userdata)
{
        home->ask_facts = ask;
        home->facts_userdata = userdata;
}

/* ---- What there is ------------------------------------------------------------------------------------- */

bool home_next_device(const struct home *home, size_t *at, struct home_device *ret)
{
        if (*at >= home->count)
                return false;
        const struct device *device = home->items[(*at)++];
        *ret = (struct home_device){
                .id = device->id,
                .plugin = device->section ? device->section->kind : device->plugin->table.name,
                .name = device->shared.name,
                .area = device->shared.area,
                .channels = &device->channels,
                .version = device->plugin ? device->plugin->version : NULL,
                .is_online = !device_offline_reason(device),
        };
        return true;
}

bool home_next_plugin(const struct home *home, size_t *at, struct home_plugin *ret)
{
        while (*at < home->loader.count) {
                const struct loaded *item = &home->loader.items[(*at)++];
                if (!item->plugin)
                        continue;
                *ret = (struct home_plugin){ item->name, item->plugin->version };
                return true;
        }
        return false;
}
