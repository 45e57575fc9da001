/* SPDX-License-Identifier: Apache-2.0 */
#include "home/home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/rule.h"
#include "device/device.h"
#include "home/rules.h"
#include "rule/rules.h"
#include "util/reserved.h"
#include "util/text.h"
#include "util/thread.h"

#define NODE_ID "node"

/* How long a stop waits for blocking devices, all together. */
#define STOP_WAIT_US (1 * USEC_PER_SEC)

/* ---- The set ------------------------------------------------------------------------------------------- */

struct device *home_find(const struct home *set, const char *id)
{
        for (size_t i = 0; i < set->count; i++)
                if (strcmp(set->items[i]->id, id) == 0)
                        return set->items[i];
        return NULL;
}

static int add_device(struct home *set, struct device *device)
{
        struct device **items = realloc(set->items, (set->count + 1) * sizeof(struct device *));

        if (!items)
                return -ENOMEM;
        set->items = items;
        items[set->count++] = device;
        return 0;
}

static int add_new(struct home *set, const char *id, const struct plugin *plugin, const struct config_section *section,
                   struct problems *problems)
{
        CLEANUP_DEVICE struct device *device = NULL;

        int r = device_new(set, id, plugin, section, problems, &device);
        if (r == 0)
                r = add_device(set, device);
        if (r == 0)
                device = NULL;
        return r;
}

int home_new(const struct home_options *options, const struct home_sink *sink, struct home **ret)
{
        CLEANUP(home_freep) struct home *set = calloc(1, sizeof(*set));
        CLEANUP(problems_done) struct problems problems = { 0 };
        struct fault fault;

        if (!set)
                return -ENOMEM;
        set->options = *options;
        set->limits = (struct command_limits){ options->max_payload_bytes, options->max_depth };
        if (sink)
                set->sink = *sink;
        set->started_us = options->loop ? loop_now_us(options->loop) : 0;
        gets_init(set);
        rate_init(&set->refusals, REFUSALS_PER_SECOND, set->started_us);
        set->duplicates = duplicates_new();
        int r = set->duplicates ? loader_init(&set->loader, options->plugin_dir) : -ENOMEM;
        if (r == 0)
                r = plugin_new(&node_module, &fault, &set->node_plugin);
        if (r == 0 && options->loop)
                r = offline_init(set);
        if (r == 0 && options->loop)
                r = home_rules_new(set);
        if (r == 0)
                r = add_new(set, NODE_ID, set->node_plugin, NULL, &problems);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(set);
        return 0;
}

void home_free(struct home *set)
{
        if (!set)
                return;
        while (set->count > 0) /* none that is freed already is found in the set */
                device_free(set->items[--set->count]);
        gets_done(set);
        rules_free(set->rules);
        offline_done(set);
        free(set->items);
        for (size_t i = 0; i < set->n_problems; i++) {
                free(set->problems[i].key);
                free(set->problems[i].text);
        }
        free(set->problems);
        plugin_free(set->node_plugin);
        loader_done(&set->loader);
        duplicates_free(set->duplicates);
        interlocks_free(set);
        free(set);
}

/* ---- Checking a config --------------------------------------------------------------------------------- */

/* Sections whose header is no good have been complained of already. */
bool config_is_device(const struct config *config, size_t index)
{
        const struct config_section *section = &config->sections[index];

        if (!section->id || !text_is_id(section->id) || !text_is_id(section->kind) ||
            word_is_reserved(section->id, RESERVED_DEVICE) || word_is_reserved(section->kind, RESERVED_SECTION))
                return false;
        for (size_t i = 0; i < index; i++)
                if (config->sections[i].id && !section_is_rule(&config->sections[i]) &&
                    strcmp(config->sections[i].id, section->id) == 0)
                        return false;
        return true;
}

static const struct config_section *section_of(const struct config *config, const struct device *device)
{
        return device->section ? config_find(config, device->section->kind, device->id) : NULL;
}

/* A line or a dimmer, and who names it. */
struct used {
        const struct device *device;
        const struct sconce_option *row;
        const struct sconce_line *line;
        const struct sconce_dimmer *dimmer;
};

static void complain_used(const struct config *config, const struct used *used, const struct used *first,
                          struct problems *problems)
{
        const struct config_section *section = section_of(config, used->device);
        const struct config_section *other = section_of(config, first->device);
        const struct config_entry *entry = config_entry_find(section, used->row->key);
        const struct config_entry *theirs = config_entry_find(other, first->row->key);
        char label[CONFIG_LABEL_MAX], other_label[CONFIG_LABEL_MAX];

        problems_add(problems, entry ? entry->file : section->file, entry ? entry->line : section->line,
                     "%s %s: %s is used by %s %s already (%s:%u)", config_label(section, label), used->row->key,
                     used->line ? line_text(used->line) : dimmer_text(used->dimmer), config_label(other, other_label),
                     first->row->key, theirs ? theirs->file : other->file, theirs ? theirs->line : other->line);
}

static size_t list_used(const struct device *device, struct used *ret)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;
        size_t n = 0;

        for (size_t i = 0; config && i < config->n_lines; i++)
                ret[n++] = (struct used){ .device = device,
                                          .row = config->lines[i].of->row,
                                          .line = config->lines[i].line };
        for (size_t i = 0; config && i < config->n_dimmers; i++)
                ret[n++] = (struct used){ .device = device,
                                          .row = config->dimmers[i].row,
                                          .dimmer = config->dimmers[i].dimmer };
        return n;
}

static bool is_same(const struct used *a, const struct used *b, const char *default_chip)
{
        if (a->line && b->line)
                return line_same(a->line, b->line, default_chip);
        return a->dimmer && b->dimmer && dimmer_same(a->dimmer, b->dimmer);
}

/* Each line and dimmer that an earlier one names too; a device's own count as well. */
static int check_used(const struct home *set, const struct config *config, struct problems *problems)
{
        size_t count = 0, n = 0;

        for (size_t i = 0; i < set->count; i++)
                if (set->items[i]->instance)
                        count += set->items[i]->instance->config->n_lines + set->items[i]->instance->config->n_dimmers;
        CLEANUP_FREE struct used *used = calloc(count + 1, sizeof(*used));
        if (!used)
                return -ENOMEM;
        for (size_t i = 0; i < set->count; i++)
                n += list_used(set->items[i], &used[n]);
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < i; k++) {
                        if (!is_same(&used[i], &used[k], set->options.default_chip))
                                continue;
                        complain_used(config, &used[i], &used[k], problems);
                        break;
                }
        }
        return 0;
}

int home_check(const struct home_options *options, const struct config *config, struct problems *problems)
{
        CLEANUP(home_freep) struct home *set = NULL;
        struct home_options check = *options;

        check.loop = NULL;
        check.clock = NULL;
        check.gpio = NULL;
        check.store = NULL;
        int r = home_new(&check, NULL, &set);
        for (size_t i = 0; r == 0 && i < config->count; i++)
                if (config_is_device(config, i))
                        r = add_new(set, config->sections[i].id, NULL, &config->sections[i], problems);
        interlock_check(config, problems);
        if (r == 0)
                r = check_used(set, config, problems);
        return r < 0 ? r : home_rules_check(set, config, problems);
}

/* ---- Making it so -------------------------------------------------------------------------------------- */

static void start(struct device *device)
{
        struct fault fault;

        int r = device_prepare(device);
        if (r < 0) {
                (void)fault_set(&fault, r, "cannot have a thread of its own: %s", strerror(-r));
                device->phase = DEVICE_BROKEN;
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
static void sweep(struct home *set)
{
        size_t kept = 0;

        for (size_t i = 0; i < set->count; i++) {
                struct device *device = set->items[i];
                if (stays(device))
                        continue;
                device_log(device, LOG_INFO, "is gone from the config: stopped");
                device_stop(device, STOP_GONE);
                if (set->sink.gone)
                        set->sink.gone(set->sink.userdata, device->id);
        }
        /* Then alone, since a device that stops may look at the others. */
        for (size_t i = 0; i < set->count; i++) {
                struct device *device = set->items[i];
                if (stays(device))
                        set->items[kept++] = device;
                else
                        device_free(device);
        }
        set->count = kept;
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
                return device->phase == DEVICE_BROKEN ? FATE_CHANGED : FATE_SAME;
        return in_place && device->phase != DEVICE_BROKEN ? FATE_IN_PLACE : FATE_CHANGED;
}

static bool restarts(const struct device *device, const struct config_section *section)
{
        enum fate fate = fate_of(device, section);
        return fate == FATE_NEW || fate == FATE_CHANGED;
}

/* Stops the device and puts its successor in its place. */
static int replace(struct home *set, struct device *old, const struct config_section *section,
                   struct problems *problems)
{
        struct device *device;

        int r = device_new(set, old->id, NULL, section, problems, &device);
        if (r < 0)
                return r;
        old->was_timed |= old->timed_now; /* its stop may switch it off, and it is not to come back on */
        /* An output that its successor does not drive is nobody's from now on. */
        device_stop(old, output_is_left(old, device) ? STOP_GONE : STOP_RESTART);
        device_inherit(device, old);
        device->is_marked = true;
        for (size_t i = 0; i < set->count; i++)
                if (set->items[i] == old)
                        set->items[i] = device;
        device_free(old);
        return 0;
}

static int apply_section(struct home *set, const struct config_section *section, struct problems *problems)
{
        struct device *device = home_find(set, section->id);

        switch (fate_of(device, section)) {
        case FATE_NEW:
                return add_new(set, section->id, NULL, section, problems);
        case FATE_CHANGED:
                return replace(set, device, section, problems);
        case FATE_IN_PLACE:
                return device_take_section(device, section) == -EINVAL ? replace(set, device, section, problems) : 0;
        case FATE_SAME:
                break;
        }
        return 0;
}

static void mark(struct home *set, const struct config *config)
{
        for (size_t i = 0; i < set->count; i++)
                set->items[i]->is_marked = false;
        for (size_t i = 0; i < config->count; i++) {
                struct device *device = config_is_device(config, i) ? home_find(set, config->sections[i].id) : NULL;
                if (device)
                        device->is_marked = true;
        }
}

int home_apply(struct home *set, const struct config *config)
{
        CLEANUP(problems_done) struct problems problems = { 0 };

        loader_refresh(&set->loader);
        mark(set, config);
        interlock_before_reload(set, config, restarts);
        sweep(set);
        for (size_t i = 0; i < config->count; i++) {
                int r = config_is_device(config, i) ? apply_section(set, &config->sections[i], &problems) : 0;
                if (r < 0)
                        return r;
        }
        interlock_after_reload(set);
        /* After all stops: a line may have moved from one device to another. */
        for (size_t i = 0; i < set->count; i++)
                if (set->items[i]->phase == DEVICE_STOPPED || set->items[i]->phase == DEVICE_BROKEN)
                        start(set->items[i]);
        saved_forget_gone(set);
        int r = rules_apply(set->rules, config);
        if (set->sink.info_changed)
                set->sink.info_changed(set->sink.userdata);
        return r;
}

void home_stop(struct home *set)
{
        rules_stop(set->rules);

        for (size_t i = 0; i < set->count; i++)
                device_stop(set->items[i], STOP_EXIT);
        const struct timespec until = thread_deadline(STOP_WAIT_US);
        for (size_t i = 0; i < set->count; i++)
                if (set->items[i]->worker)
                        worker_wait(set->items[i]->worker, &until);
}

/* ---- From the outside ---------------------------------------------------------------------------------- */

static void refuse_unknown(struct home *set, const char *id, const void *payload, size_t size,
                           const struct command_meta *meta)
{
        CLEANUP_COMMAND struct command command = { 0 };
        struct result result;

        if (!text_is_id(id) || !rate_take(&set->refusals, loop_now_us(set->options.loop))) {
                set->n_dropped++;
                return;
        }
        command_id_of(set, payload, size, &command);
        (void)refuse(&result, RESULT_UNKNOWN_DEVICE, "there is no device \"%s\"", id);
        home_publish_result(set, id, &result, command.id, meta);
}

void home_command(struct home *set, const char *id, const char *channel, const void *payload, size_t size,
                  const struct command_meta *meta)
{
        struct device *device = home_find(set, id);

        if (device)
                device_command(device, channel, payload, size, meta);
        else
                refuse_unknown(set, id, payload, size, meta);
}

void home_publish_all(struct home *set)
{
        for (size_t i = 0; i < set->count; i++) {
                device_publish_status(set->items[i], true);
                device_publish_state(set->items[i]);
        }
}

void home_set_facts(struct home *set, void (*ask)(void *userdata, struct node_facts *ret), void *userdata)
{
        set->ask_facts = ask;
        set->facts_userdata = userdata;
}

/* ---- Problems ------------------------------------------------------------------------------------------ */

/* True when the list has changed. */
static bool set_problem(struct home *set, const char *key, const char *text)
{
        struct problem_text *at = NULL;

        for (size_t i = 0; i < set->n_problems; i++)
                if (strcmp(set->problems[i].key, key) == 0)
                        at = &set->problems[i];
        if (at && text && strcmp(at->text, text) == 0)
                return false;
        if (at) {
                free(at->key);
                free(at->text);
                *at = set->problems[--set->n_problems];
        }
        if (!text)
                return at;
        struct problem_text *items = realloc(set->problems, (set->n_problems + 1) * sizeof(*items));
        if (!items)
                return at;
        set->problems = items;
        const struct problem_text item = { strdup(key), strdup(text) };
        if (!item.key || !item.text) {
                free(item.key);
                free(item.text);
                return at;
        }
        items[set->n_problems++] = item;
        return true;
}

void home_problem(struct home *set, const char *key, const char *text)
{
        if (set_problem(set, key, text))
                node_publish_problems(home_find(set, NODE_ID));
}

/* ---- What there is ------------------------------------------------------------------------------------- */

bool home_next_device(const struct home *set, size_t *at, struct home_device *ret)
{
        if (*at >= set->count)
                return false;
        const struct device *device = set->items[(*at)++];
        *ret = (struct home_device){
                .id = device->id,
                .plugin = device->section ? device->section->kind : device->plugin->table.name,
                .name = device->settings.name,
                .area = device->settings.area,
                .channels = &device->channels,
        };
        return true;
}

bool home_next_plugin(const struct home *set, size_t *at, struct home_plugin *ret)
{
        while (*at < set->loader.count) {
                const struct loaded *item = &set->loader.items[(*at)++];
                if (!item->plugin)
                        continue;
                *ret = (struct home_plugin){ item->name, item->plugin->version };
                return true;
        }
        return false;
}
