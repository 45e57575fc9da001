/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rules.h"

#include <errno.h>
#include <string.h>

#include "rule/bind.h"
#include "rule/judge.h"
#include "rule/run.h"
#include "util/log.h"

/* How long a rule with at_start waits for its devices, and how often it looks at them. */
#define START_WAIT_US (10 * USEC_PER_SEC)
#define START_LOOK_US (50 * USEC_PER_MSEC)

struct rules {
        struct rule_run run;
        struct rule **items;
        size_t count;
        struct timer *start; /* armed while rules are due by at_start */
        uint64_t start_until_us;
};

/* ---- What is true from the start ----------------------------------------------------------------------- */

/* Its start is over, and what it shows is known, or that it does not work. */
static bool has_started(const struct rules *rules, const char *id)
{
        struct rule_device device;

        if (!rule_home_find(&rules->run.home, id, &device) || device.has_failed)
                return true;
        return device.is_running && (device.has_reported || !channels_have_state(device.channels));
}

/* What it does here must not wait for a broker. */
static bool commands_others_alone(const struct rule *rule)
{
        for (size_t i = 0; i < rule->n_actions; i++)
                if (!rule->actions[i].words.node)
                        return false;
        return true;
}

static bool have_its_devices_started(const struct rules *rules, const struct rule *rule)
{
        const struct rule_home *home = &rules->run.home;

        for (size_t i = 0; i < rule->n_conditions; i++)
                if (!has_started(rules, rule->conditions[i].words.device))
                        return false;
        for (size_t i = 0; i < rule->n_actions; i++)
                if (!rule->actions[i].words.node && !has_started(rules, rule->actions[i].words.device))
                        return false;
        return !commands_others_alone(rule) || home->reaches_others(home->userdata);
}

/* What makes the rule due; NULL: nothing does any more. */
static struct rule_condition *due_condition(const struct rule *rule)
{
        for (size_t i = 0; i < rule->n_conditions; i++)
                if (rule->conditions[i].is_due && rule->conditions[i].truth == RULE_TRUE)
                        return &rule->conditions[i];
        return NULL;
}

static void set_off_due(struct rules *rules, struct rule_condition *condition)
{
        struct rule *rule = condition->rule;
        struct rule_device device;

        for (size_t i = 0; i < rule->n_conditions; i++)
                rule->conditions[i].is_due = false;
        if (rule_home_find(&rules->run.home, condition->words.device, &device))
                run_set_off(&rules->run, condition, &device, 0);
}

/* ---- What an earlier run was waiting for --------------------------------------------------------------- */

static void look_again(struct rules *rules)
{
        if (timer_armed(rules->start))
                return;
        rules->start_until_us = loop_now_us(rules->run.home.loop) + START_WAIT_US;
        timer_arm(rules->start, 0);
}

static void find_waiting(struct rules *rules)
{
        const struct rule_home *home = &rules->run.home;

        for (size_t i = 0; home->kept && i < rules->count; i++) {
                struct rule *rule = rules->items[i];
                if (!rule->delay || timer_armed(rule->delay))
                        continue;
                rule->resume_due_us = home->kept(home->userdata, rule->name, rule_hash(rule));
                if (rule->resume_due_us > 0)
                        look_again(rules);
        }
}

static void on_start(void *userdata)
{
        struct rules *rules = userdata;
        bool is_late = loop_now_us(rules->run.home.loop) >= rules->start_until_us, are_left = false;

        run_moment_over(&rules->run);
        for (size_t i = 0; i < rules->count; i++) {
                struct rule_condition *due = due_condition(rules->items[i]);
                if (!due && rules->items[i]->resume_due_us == 0)
                        continue;
                if (!is_late && !have_its_devices_started(rules, rules->items[i])) {
                        are_left = true;
                        continue;
                }
                if (rules->items[i]->resume_due_us > 0)
                        run_resume(&rules->run, rules->items[i]);
                if (due)
                        set_off_due(rules, due);
        }
        run_moment_over(&rules->run);
        if (are_left)
                timer_arm(rules->start, START_LOOK_US);
}

/* What it waits for is true, and was not untrue before. It may have become so while nobody looked: a wait is over. */
static void has_begun(struct rules *rules, struct rule_condition *condition, const struct rule_device *device,
                      uint64_t time_us)
{
        if (condition->role == RULE_CANCEL) {
                run_set_off(&rules->run, condition, device, time_us);
        } else if (condition->rule->at_start) {
                condition->is_due = true;
                look_again(rules);
        }
}

/* ---- What happens to devices ---------------------------------------------------------------------------- */

void rules_moment_over(struct rules *rules)
{
        run_moment_over(&rules->run);
}

/* Its status goes on as it was; what its channels show begins again. */
void rules_started(const struct rule_device *device)
{
        for (struct rule_condition *at = device->conditions; at; at = at->next)
                if (!rule_looks_at_status(at))
                        at->truth = RULE_UNKNOWN;
}

static bool is_among(const char *key, const struct sconce_value *values, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(values[i].channel, key) == 0)
                        return true;
        return false;
}

static void look_at(struct rules *rules, struct rule_condition *condition, const struct rule_device *device,
                    uint64_t time_us)
{
        enum rule_truth before = condition->truth, now = rule_judge_change(condition, device);

        if (now == RULE_UNKNOWN || now == before || condition->role == RULE_IF)
                return;
        condition->truth = now;
        condition->is_due = false;
        if (now == RULE_TRUE && before == RULE_UNKNOWN)
                has_begun(rules, condition, device, time_us);
        else if (now == RULE_TRUE)
                run_set_off(&rules->run, condition, device, time_us);
}

void rules_reported(struct rules *rules, const struct rule_device *device, uint64_t time_us,
                    const struct sconce_value *values, size_t count)
{
        for (struct rule_condition *at = device->conditions; at; at = at->next)
                if ((rule_looks_at_value(at) && is_among(at->words.channel, values, count)) ||
                    rule_misses_channel(at, device))
                        look_at(rules, at, device, time_us);
}

/* As the channel spells it, where that is known. */
static bool is_event(const struct rule_condition *condition, const char *event_type)
{
        return strcmp(condition->is_bound ? condition->is.text : condition->words.value, event_type) == 0;
}

void rules_event(struct rules *rules, const struct rule_device *device, uint64_t time_us, const char *channel,
                 const char *event_type)
{
        for (struct rule_condition *at = device->conditions; at; at = at->next)
                if (at->words.op == RULE_EVENT && at->role != RULE_IF && strcmp(at->words.channel, channel) == 0 &&
                    is_event(at, event_type))
                        run_set_off(&rules->run, at, device, time_us);
}

/* A plugin that adds its channels when it has found its hardware is known only now. */
static void report_missing(struct rule_condition *condition, const struct rule_device *device)
{
        struct fault fault;

        if (condition->is_bound || condition->was_missed || rule_bind(condition, device->channels, &fault) == 0)
                return;
        condition->was_missed = true;
        log_warning("rule %s: %s: %s: %s", condition->rule->name, rule_role_key(condition->role), condition->words.text,
                    fault.text);
}

void rules_status(struct rules *rules, const struct rule_device *device)
{
        for (struct rule_condition *at = device->conditions; at; at = at->next) {
                if (device->published_online)
                        report_missing(at, device);
                if (rule_op_is_state(at->words.op))
                        look_at(rules, at, device, 0);
        }
}

/* What became of a command of a rule, which may be gone meanwhile. */
void rules_result(struct rules *rules, const struct command_cause *cause, const struct result *result)
{
        for (size_t i = 0; i < rules->count; i++) {
                struct rule *rule = rules->items[i];
                if (strcmp(rule->name, cause->rule) != 0)
                        continue;
                if (cause->action < rule->n_actions)
                        run_result(rule, cause->action, result);
                return;
        }
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

static int read_rule(struct rules *rules, const struct config_section *section, struct rule **ret)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_RULE struct rule *rule = NULL;

        int r = rule_new(section, &problems, &rule);
        for (size_t i = 0; i < problems.count; i++)
                log_error("%s", problems.items[i]);
        if (r < 0 || !problems_none(&problems))
                return r < 0 ? r : -EINVAL;
        r = run_add(&rules->run, rule);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rule);
        return 0;
}

/* The rule that runs stays in place where the new one is the same. */
static struct rule *keep_same(struct rules *rules, struct rule *rule)
{
        for (size_t i = 0; i < rules->count; i++) {
                struct rule *old = rules->items[i];
                if (old && strcmp(old->name, rule->name) == 0 && rule_same(old, rule)) {
                        rules->items[i] = NULL;
                        rule_free(rule);
                        return old;
                }
        }
        return rule;
}

static void take_over(struct rules *rules, struct rule **items, size_t count)
{
        for (size_t i = 0; i < rules->count; i++) {
                if (!rules->items[i])
                        continue;
                run_remove(&rules->run, rules->items[i]);
                rule_free(rules->items[i]);
        }
        free(rules->items);
        rules->items = items;
        rules->count = count;
        run_reloaded(&rules->run);
}

/* The device may have other channels than before. Where it has reported something already, that was the first value. */
static void begin_condition(struct rules *rules, struct rule_condition *condition, const struct rule_device *device)
{
        struct fault fault;

        if (rule_bind(condition, device->channels, &fault) == -EINVAL || condition->role == RULE_IF ||
            condition->truth != RULE_UNKNOWN)
                return;
        condition->truth = rule_judge_change(condition, device);
        if (condition->truth == RULE_TRUE)
                has_begun(rules, condition, device, 0);
}

/* All conditions that look at one device, in order. */
static struct rule_condition *link_conditions(const struct rules *rules, const char *id)
{
        struct rule_condition *first = NULL, **at = &first;

        for (size_t i = 0; i < rules->count; i++) {
                for (size_t k = 0; k < rules->items[i]->n_conditions; k++) {
                        struct rule_condition *condition = &rules->items[i]->conditions[k];
                        if (strcmp(condition->words.device, id) != 0)
                                continue;
                        *at = condition;
                        at = &condition->next;
                }
        }
        *at = NULL;
        return first;
}

static void watch_device(struct rules *rules, const char *id)
{
        const struct rule_home *home = &rules->run.home;
        struct rule_condition *conditions = link_conditions(rules, id);
        struct rule_device device;

        home->watch(home->userdata, id, conditions);
        if (!conditions || !rule_home_find(&rules->run.home, id, &device))
                return;
        for (struct rule_condition *at = conditions; at; at = at->next) {
                begin_condition(rules, at, &device);
                if (device.published_online)
                        report_missing(at, &device);
        }
}

static void watch_all(struct rules *rules)
{
        const struct rule_home *home = &rules->run.home;
        struct rule_device device;
        const char *id;

        for (size_t i = 0; i < rules->count; i++) {
                for (size_t k = 0; k < rules->items[i]->n_conditions; k++) {
                        struct rule_condition *condition = &rules->items[i]->conditions[k];
                        condition->is_bound = condition->was_missed = false;
                        if (!rule_home_find(&rules->run.home, condition->words.device, &device))
                                condition->truth = RULE_UNKNOWN;
                }
        }
        for (size_t i = 0; (id = home->id(home->userdata, i)); i++)
                watch_device(rules, id);
}

int rules_apply(struct rules *rules, const struct config *config)
{
        struct rule **items = calloc(config->count + 1, sizeof(struct rule *));
        size_t count = 0;
        int r = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < config->count && r != -ENOMEM; i++) {
                struct rule *rule = NULL;
                if (!section_is_rule(&config->sections[i]))
                        continue;
                r = read_rule(rules, &config->sections[i], &rule);
                if (r == 0)
                        items[count++] = keep_same(rules, rule);
        }
        take_over(rules, items, count);
        watch_all(rules);
        find_waiting(rules);
        return r == -ENOMEM ? r : 0;
}

bool rules_wait(const struct rules *rules, const char *name)
{
        for (size_t i = 0; i < rules->count; i++) {
                const struct rule *rule = rules->items[i];
                if (strcmp(rule->name, name) == 0)
                        return rule->delay && (timer_armed(rule->delay) || rule->resume_due_us > 0);
        }
        return false;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

int rules_new(const struct rule_home *home, struct rules **ret)
{
        CLEANUP(rules_freep) struct rules *rules = calloc(1, sizeof(*rules));

        if (!rules)
                return -ENOMEM;
        int r = run_init(&rules->run, home);
        if (r == 0)
                r = timer_new(home->loop, TIMER_EXACT_US, on_start, rules, &rules->start);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rules);
        return 0;
}

void rules_stop(struct rules *rules)
{
        const struct rule_home *home = &rules->run.home;
        const char *id;

        for (size_t i = 0; (id = home->id(home->userdata, i)); i++)
                home->watch(home->userdata, id, NULL);
        run_stop(&rules->run);
        timer_disarm(rules->start);
        for (size_t i = 0; i < rules->count; i++)
                if (rules->items[i]->delay)
                        timer_disarm(rules->items[i]->delay);
}

void rules_free(struct rules *rules)
{
        if (!rules)
                return;
        for (size_t i = 0; i < rules->count; i++)
                rule_free(rules->items[i]);
        free(rules->items);
        run_done(&rules->run);
        timer_free(rules->start);
        free(rules);
}
