/* SPDX-License-Identifier: Apache-2.0 */
/* Between a home and its rules: what rules see of devices, and what devices report to rules. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"
#include "home/spent.h"
#include "rule/check.h"
#include "rule/rules.h"
#include "util/text.h"

/* ---- What rules see ------------------------------------------------------------------------------------- */

static struct rule_device seen(const struct device *device)
{
        return (struct rule_device){
                .conditions = device->watched,
                .channels = &device->channels,
                .is_configured = device->instance && device->life.phase != DEVICE_BROKEN,
                .is_running = device->life.phase == DEVICE_RUNNING,
                .has_failed = device->life.phase == DEVICE_BROKEN || device->life.phase == DEVICE_FAILED,
                .has_fault = device_has_fault(device),
                .has_status = device->health.has_published,
                .published_online = device->health.is_online,
                .has_reported = device->publishing.has_reported,
                .commanded_us = device->requests.commanded_us,
                .depth = MAX(device->context->depth,
                             device->requests.running ? device->requests.running->cause.depth : 0),
        };
}

static bool find(void *userdata, const char *id, struct rule_device *ret)
{
        const struct device *device = home_find(userdata, id);

        if (device)
                *ret = seen(device);
        return device;
}

static const char *id_at(void *userdata, size_t index)
{
        const struct home *home = userdata;

        return index < home->count ? home->items[index]->id : NULL;
}

static void watch(void *userdata, const char *id, struct rule_condition *conditions)
{
        struct device *device = home_find(userdata, id);

        if (device)
                device->watched = conditions;
}

static int command(void *userdata, const char *id, const char *channel, const char *payload,
                   const struct command_cause *cause)
{
        struct device *device = home_find(userdata, id);

        if (!device)
                return -ENODEV;
        device_act(device, channel, payload, cause);
        return 0;
}

static void command_other(void *userdata, const struct distant_command *command)
{
        const struct home *home = userdata;
        const struct home_sink *sink = &home->context.sink;
        struct result result = { .code = RESULT_OK };

        int r = sink->command_other ? sink->command_other(sink->userdata, command, &result)
                                    : refuse(&result, RESULT_OFFLINE, "there is no broker");
        if (r != 0)
                rules_result(home->rules, command->cause, &result);
}

static bool reaches_others(void *userdata)
{
        const struct home *home = userdata;
        const struct home_sink *sink = &home->context.sink;

        return sink->reaches_others && sink->reaches_others(sink->userdata);
}

void home_command_over(struct home *home, const struct command_cause *cause, const struct result *result)
{
        rules_result(home->rules, cause, result);
}

static void problem(void *userdata, const char *text)
{
        home_problem(userdata, "rules", text);
}

/* ---- What they wait for ---------------------------------------------------------------------------------- */

/* "BOOT HASH TIME" of the device "": a time counts in its boot alone. */
#define MARK_WAIT     "wait "
#define MARK_WAIT_MAX (sizeof(MARK_WAIT) + CONFIG_LABEL_MAX)

static uint64_t wait_key(const char *rule, const char *mark)
{
        return text_hash(text_hash(text_hash(HASH_BEGIN, rule), "\n"), mark);
}

/* What is over must not be found after a crash: a gate would move once more. The store writes it a moment later. */
static void end_wait(const struct home *home, const char *rule, const char *mark)
{
        int r = home->spent ? spent_add(home->spent, wait_key(rule, mark)) : 0;

        if (r < 0)
                log_warning("rule %s: a crash in what it does now would have it done once more: %s", rule,
                            strerror(-r));
        store_flush(home->context.store);
}

static bool is_spent(const struct home *home, const char *rule, const char *mark)
{
        return home->spent && spent_has(home->spent, wait_key(rule, mark));
}

static void keep(void *userdata, const char *rule, uint64_t hash, uint64_t due_us)
{
        const struct home *home = userdata;
        struct store *store = home->context.store;
        char key[MARK_WAIT_MAX], text[96];

        if (!store)
                return;
        (void)snprintf(key, sizeof(key), MARK_WAIT "%s", rule);
        const char *before = due_us == 0 ? store_get(store, STORE_MARK, "", key) : NULL;
        if (before)
                end_wait(home, rule, before);
        (void)snprintf(text, sizeof(text), "%s %016" PRIx64 " %" PRIu64, clock_boot_id(), hash, due_us);
        if (store_put(store, STORE_MARK, "", key, due_us > 0 ? text : NULL) < 0)
                log_error("rule %s: out of memory: what it waits for is not saved", rule);
}

static uint64_t kept(void *userdata, const char *rule, uint64_t hash)
{
        const struct home *home = userdata;
        struct store *store = home->context.store;
        char key[MARK_WAIT_MAX], begins[64];

        (void)snprintf(key, sizeof(key), MARK_WAIT "%s", rule);
        (void)snprintf(begins, sizeof(begins), "%s %016" PRIx64 " ", clock_boot_id(), hash);
        const char *text = store ? store_get(store, STORE_MARK, "", key) : NULL;
        if (text && is_spent(home, rule, text))
                return 0;
        return text && strncmp(text, begins, strlen(begins)) == 0 ? strtoull(text + strlen(begins), NULL, 10) : 0;
}

/* Of rules that are others by now, or were waiting in another boot. */
static bool is_over(void *userdata, const char *device, const char *key)
{
        const struct home *home = userdata;

        return !*device && strncmp(key, MARK_WAIT, strlen(MARK_WAIT)) == 0 &&
               !rules_wait(home->rules, key + strlen(MARK_WAIT));
}

int home_rules_apply(struct home *home, const struct config *config)
{
        int r = rules_apply(home->rules, config);

        if (home->context.store)
                store_forget(home->context.store, STORE_MARK, is_over, home);
        return r;
}

static struct rule_home rule_home(struct home *home)
{
        return (struct rule_home){
                .loop = home->context.loop,
                .node = home->name,
                .find = find,
                .id = id_at,
                .watch = watch,
                .command = command,
                .command_other = command_other,
                .reaches_others = reaches_others,
                .keep = keep,
                .kept = kept,
                .problem = problem,
                .userdata = home,
        };
}

/* ---- What devices report -------------------------------------------------------------------------------- */

static void on_moment_over(void *userdata)
{
        const struct home *home = userdata;

        rules_moment_over(home->rules);
}

/* One moment is what one callback of a plugin reports. What comes outside of any is one of its own. */
static struct rule_device seen_now(const struct home *home, const struct device *device)
{
        if (home->context.n_inside == 0)
                rules_moment_over(home->rules);
        return seen(device);
}

static void on_started(void *userdata, const struct device *device)
{
        const struct rule_device now = seen(device);

        (void)userdata;
        rules_started(&now);
}

static void on_reported(void *userdata, const struct device *device, uint64_t time_us,
                        const struct sconce_value *values, size_t count)
{
        const struct home *home = userdata;
        const struct rule_device now = seen_now(home, device);

        rules_reported(home->rules, &now, time_us, values, count);
}

static void on_event(void *userdata, const struct device *device, uint64_t time_us, const char *channel,
                     const char *event_type)
{
        const struct home *home = userdata;
        const struct rule_device now = seen_now(home, device);

        rules_event(home->rules, &now, time_us, channel, event_type);
}

static void on_status(void *userdata, const struct device *device)
{
        const struct home *home = userdata;
        const struct rule_device now = seen_now(home, device);

        rules_status(home->rules, &now);
}

static void on_result(void *userdata, const struct command_cause *cause, const struct result *result)
{
        const struct home *home = userdata;

        rules_result(home->rules, cause, result);
}

/* ---- Life ----------------------------------------------------------------------------------------------- */

int home_rules_new(struct home *home)
{
        const struct rule_home as_seen = rule_home(home);

        int r = rules_new(&as_seen, &home->rules);
        if (r < 0)
                return r;
        home->context.observer = (struct device_observer){
                .started = on_started,
                .reported = on_reported,
                .event = on_event,
                .status = on_status,
                .moment_over = on_moment_over,
                .result = on_result,
                .userdata = home,
        };
        return 0;
}

int home_rules_check(struct home *home, const struct config *config, struct problems *problems)
{
        const struct rule_home as_seen = rule_home(home);

        return rules_check(&as_seen, config, problems);
}
