/* SPDX-License-Identifier: Apache-2.0 */
#include "device/rules.h"

#include <errno.h>
#include <string.h>

#include "device/device.h"

/* The next turn of the loop, and not when it suits other timers. */
#define AT_ONCE_US 1

/* A rule that has been set off, or whose waiting is to end. */
struct firing {
        struct firing *next;
        struct rule *rule;
        enum rule_role role;
        unsigned depth;   /* 1: set off by something that is no rule's doing */
        uint64_t time_us; /* of what set it off */
};

struct rules {
        struct devices *set;
        struct rule **items;
        size_t count;
        struct firing *queue, **queue_end;
        struct timer *turn;
        unsigned depth;     /* of the rule whose command is being carried out; 0: none is */
        char told_cut[256]; /* "" since the last reload */
        bool stopped;
};

/* ---- Acting -------------------------------------------------------------------------------------------- */

static struct rule *find_rule(const struct rules *rules, const char *name)
{
        for (size_t i = 0; i < rules->count; i++)
                if (strcmp(rules->items[i]->name, name) == 0)
                        return rules->items[i];
        return NULL;
}

/* One cause is told once, until it works again. */
void rules_result(struct rules *rules, const struct rule_cause *cause, const struct result *result)
{
        struct rule *rule = find_rule(rules, cause->rule);
        struct rule_action *action = rule && cause->action < rule->n_actions ? &rule->actions[cause->action]
                                                                             : NULL;
        bool failed = result->code != RESULT_OK;

        if (!action)
                return;
        if (failed && action->failure && strcmp(action->failure, result->message) == 0)
                return;
        if (failed)
                log_warning("rule %s: %s was not carried out: %s", rule->name, action->words.text,
                            result->message);
        else if (action->failure)
                log_notice("rule %s: %s works again", rule->name, action->words.text);
        free(action->failure);
        action->failure = failed ? strdup(result->message) : NULL;
}

static void act(struct rules *rules, struct rule *rule, unsigned depth)
{
        for (size_t i = 0; i < rule->n_actions; i++) {
                const struct rule_words *words = &rule->actions[i].words;
                const struct rule_cause cause = { .rule = rule->name, .action = i, .depth = depth };
                struct device *device = devices_find(rules->set, words->device);
                struct result result;

                log_debug("rule %s: %s", rule->name, words->text);
                if (!device) {
                        (void)refuse(&result, RESULT_UNKNOWN_DEVICE, "there is no device %s", words->device);
                        rules_result(rules, &cause, &result);
                        continue;
                }
                rules->depth = depth;
                device_act(device, words->channel, words->value, &cause);
                rules->depth = 0;
        }
}

static bool holds(const struct rules *rules, struct rule_condition *condition)
{
        const struct rule_words *words = &condition->words;
        struct device *device = devices_find(rules->set, words->device);
        struct fault fault;

        if (!device)
                return false;
        if (!words->channel)
                return !device_trouble(device) == (words->op == RULE_ONLINE);
        if (!condition->is_bound && rule_bind(condition, &device->channels, &fault) < 0)
                return false;
        const struct channel *channel = channels_find(&device->channels, words->channel);
        return channel && rule_truth_now(condition, channel) == RULE_TRUE;
}

static bool may_act(const struct rules *rules, const struct rule *rule)
{
        for (size_t i = 0; i < rule->n_conditions; i++)
                if (rule->conditions[i].role == RULE_IF && !holds(rules, &rule->conditions[i]))
                        return false;
        return true;
}

static void on_delay(void *userdata)
{
        struct rule *rule = userdata;
        /* What set it off is long past: whatever follows begins anew. */
        act(rule->rules, rule, 1);
}

/* Counted from what set it off, which the loop may have heard of late. */
static void begin_delay(const struct rules *rules, struct rule *rule, uint64_t time_us)
{
        uint64_t now_us = loop_now_us(rules->set->options.loop), due_us = time_us + rule->delay_us;

        timer_arm(rule->delay, due_us > now_us ? due_us - now_us : 0);
}

static void carry_out(struct rules *rules, const struct firing *firing)
{
        struct rule *rule = firing->rule;

        if (firing->role == RULE_CANCEL) {
                if (timer_armed(rule->delay))
                        log_debug("rule %s: cancelled", rule->name);
                timer_disarm(rule->delay);
                return;
        }
        if (!may_act(rules, rule))
                return;
        if (rule->delay)
                begin_delay(rules, rule, firing->time_us);
        else
                act(rules, rule, firing->depth);
}

/* Those that are set off meanwhile have a turn of their own: nothing else has to wait. */
static void on_turn(void *userdata)
{
        struct rules *rules = userdata;
        struct firing *firing = rules->queue, *next;

        rules->queue = NULL;
        rules->queue_end = &rules->queue;
        for (; firing; firing = next) {
                next = firing->next;
                if (!rules->stopped)
                        carry_out(rules, firing);
                free(firing);
        }
}

/* ---- Setting off --------------------------------------------------------------------------------------- */

/* The same chain may come with every reading: told once, until a reload. */
static void cut(struct rules *rules, const struct rule *rule)
{
        char text[sizeof(rules->told_cut)];

        (void)snprintf(text, sizeof(text),
                       "%s was not carried out: %d rules before it have set each other off in a row",
                       rule->name, RULE_DEPTH_MAX);
        if (strcmp(text, rules->told_cut) == 0)
                return;
        memcpy(rules->told_cut, text, sizeof(text));
        log_warning("rule %s", text);
        devices_problem(rules->set, "rules", text);
}

/* A command to a blocking device is carried out long after its rule's turn. */
static unsigned depth_at(const struct rules *rules, const struct device *device)
{
        unsigned running = device->running ? device->running->cause.depth : 0;

        return MAX(rules->depth, running) + 1;
}

static void set_off(struct rule_condition *condition, const struct device *device, uint64_t time_us)
{
        struct rules *rules = device->set->rules;
        unsigned depth = depth_at(rules, device);

        if (depth > RULE_DEPTH_MAX) {
                cut(rules, condition->rule);
                return;
        }
        struct firing *firing = malloc(sizeof(*firing));
        if (!firing) {
                log_error("rule %s: out of memory", condition->rule->name);
                return;
        }
        *firing = (struct firing){ .rule = condition->rule,
                                   .role = condition->role,
                                   .depth = depth,
                                   .time_us = time_us ? time_us : device_now_us(device) };
        *rules->queue_end = firing;
        rules->queue_end = &firing->next;
        if (!timer_armed(rules->turn))
                timer_arm(rules->turn, 0);
}

/* At exit outputs are switched, and nothing shall follow from it. */
static bool is_over(const struct device *device)
{
        return device->exiting || device->set->rules->stopped;
}

void rules_started(struct device *device)
{
        for (struct rule_condition *at = device->watched; at; at = at->next)
                at->truth = RULE_UNKNOWN;
}

static bool is_among(const char *key, const struct sconce_value *values, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(values[i].channel, key) == 0)
                        return true;
        return false;
}

/* A channel that a plugin has added since the rule was read. */
static bool is_bound(struct rule_condition *condition, const struct device *device)
{
        struct fault fault;

        return condition->is_bound || rule_bind(condition, &device->channels, &fault) == 0;
}

static void look_at(struct rule_condition *condition, const struct device *device, uint64_t time_us)
{
        const struct channel *channel = channels_find(&device->channels, condition->words.channel);
        enum rule_truth before = condition->truth, now = rule_truth_now(condition, channel);

        if (now == RULE_UNKNOWN)
                return;
        condition->truth = now;
        if (before == RULE_FALSE && now == RULE_TRUE && condition->role != RULE_IF)
                set_off(condition, device, time_us);
}

void rules_reported(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        if (is_over(device))
                return;
        for (struct rule_condition *at = device->watched; at; at = at->next)
                if (at->words.op >= RULE_EQUAL && is_among(at->words.channel, values, count) &&
                    is_bound(at, device))
                        look_at(at, device, time_us);
}

void rules_event(struct device *device, uint64_t time_us, const char *channel, const char *event_type)
{
        if (is_over(device))
                return;
        for (struct rule_condition *at = device->watched; at; at = at->next)
                if (at->words.op == RULE_EVENT && at->role != RULE_IF &&
                    strcmp(at->words.channel, channel) == 0 && strcmp(at->words.value, event_type) == 0)
                        set_off(at, device, time_us);
}

/* A plugin that adds its channels when it has found its hardware is known only now. */
static void tell_missing(struct rule_condition *condition, const struct device *device)
{
        struct fault fault;

        if (condition->is_bound || condition->was_missed)
                return;
        if (rule_bind(condition, &device->channels, &fault) == 0)
                return;
        condition->was_missed = true;
        log_warning("rule %s: %s: %s: %s", condition->rule->name, rule_role_key(condition->role),
                    condition->words.text, fault.text);
}

void rules_status(struct device *device, bool online)
{
        enum rule_op op = online ? RULE_ONLINE : RULE_OFFLINE;

        if (is_over(device))
                return;
        for (struct rule_condition *at = device->watched; at; at = at->next) {
                if (online)
                        tell_missing(at, device);
                if (at->words.op == op && at->role != RULE_IF && device->told_status)
                        set_off(at, device, 0);
        }
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

/* Takes what has been set off and not been carried out yet off the queue; of one rule, or (NULL) of all. */
static void purge(struct rules *rules, const struct rule *rule)
{
        struct firing **at = &rules->queue, *firing;

        while ((firing = *at)) {
                if (!rule || firing->rule == rule) {
                        *at = firing->next;
                        free(firing);
                } else {
                        at = &firing->next;
                }
        }
        rules->queue_end = at;
}

static void drop(struct rules *rules, struct rule *rule)
{
        if (rule->delay && timer_armed(rule->delay))
                log_notice("rule %s has changed or is gone: what it was waiting to do is dropped",
                           rule->name);
        purge(rules, rule);
        rule_free(rule);
}

static int read_rule(struct rules *rules, const struct config_section *section, struct rule **ret)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_RULE struct rule *rule = NULL;

        int r = rule_new(section, &problems, &rule);
        for (size_t i = 0; i < problems.count; i++)
                log_error("%s", problems.items[i]);
        if (r < 0 || !problems_none(&problems))
                return r < 0 ? r : -EINVAL;
        rule->rules = rules;
        if (rule->delay_us > 0)
                r = timer_new(rules->set->options.loop, TIMER_EXACT_US, on_delay, rule, &rule->delay);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rule);
        return 0;
}

/* The rule that runs stays in place where the new one says the same. */
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

/* Puts the condition at the end of its device's list, which may have other channels than before. Where the
 * device has said something already, that was the first value. */
static void watch(struct rules *rules, struct rule_condition *condition)
{
        struct device *device = devices_find(rules->set, condition->words.device);
        struct rule_condition **at;
        struct fault fault;

        condition->next = NULL;
        condition->is_bound = condition->was_missed = false;
        if (!device) {
                condition->truth = RULE_UNKNOWN;
                return;
        }
        for (at = &device->watched; *at; at = &(*at)->next)
                ;
        *at = condition;
        if (rule_bind(condition, &device->channels, &fault) < 0)
                return;
        if (condition->words.op >= RULE_EQUAL && condition->truth == RULE_UNKNOWN && device->reported)
                condition->truth = rule_truth_now(condition,
                                                  channels_find(&device->channels, condition->words.channel));
}

static void watch_all(struct rules *rules)
{
        for (size_t i = 0; i < rules->set->count; i++)
                rules->set->items[i]->watched = NULL;
        for (size_t i = 0; i < rules->count; i++)
                for (size_t k = 0; k < rules->items[i]->n_conditions; k++)
                        watch(rules, &rules->items[i]->conditions[k]);
        for (size_t i = 0; i < rules->set->count; i++) {
                struct device *device = rules->set->items[i];
                for (struct rule_condition *at = device->watched; at; at = at->next)
                        if (device->told_online)
                                tell_missing(at, device);
        }
}

static void take_over(struct rules *rules, struct rule **items, size_t count)
{
        for (size_t i = 0; i < rules->count; i++)
                if (rules->items[i])
                        drop(rules, rules->items[i]);
        free(rules->items);
        rules->items = items;
        rules->count = count;
        if (rules->told_cut[0])
                devices_problem(rules->set, "rules", NULL);
        rules->told_cut[0] = '\0';
}

int rules_apply(struct rules *rules, const struct config *config)
{
        struct rule **items = calloc(config->count + 1, sizeof(struct rule *));
        size_t count = 0;
        int r = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < config->count && r != -ENOMEM; i++) {
                struct rule *rule;
                if (!section_is_rule(&config->sections[i]))
                        continue;
                r = read_rule(rules, &config->sections[i], &rule);
                if (r == 0)
                        items[count++] = keep_same(rules, rule);
        }
        take_over(rules, items, count);
        watch_all(rules);
        return r == -ENOMEM ? r : 0;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

int rules_new(struct devices *set, struct rules **ret)
{
        CLEANUP(rules_freep) struct rules *rules = calloc(1, sizeof(*rules));

        if (!rules)
                return -ENOMEM;
        rules->set = set;
        rules->queue_end = &rules->queue;
        int r = timer_new(set->options.loop, AT_ONCE_US, on_turn, rules, &rules->turn);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rules);
        return 0;
}

void rules_stop(struct rules *rules)
{
        rules->stopped = true;
        purge(rules, NULL);
        timer_disarm(rules->turn);
        for (size_t i = 0; i < rules->count; i++)
                if (rules->items[i]->delay)
                        timer_disarm(rules->items[i]->delay);
}

void rules_free(struct rules *rules)
{
        if (!rules)
                return;
        purge(rules, NULL);
        for (size_t i = 0; i < rules->count; i++)
                rule_free(rules->items[i]);
        free(rules->items);
        timer_free(rules->turn);
        free(rules);
}
