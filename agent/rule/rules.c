/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rules.h"

#include <errno.h>
#include <string.h>

#include "device/device.h"
#include "rule/judge.h"

/* The next turn of the loop, and not when it suits other timers. */
#define AT_ONCE_US 1

/* How long a rule with at_start waits for its devices, and how often it looks at them. */
#define START_WAIT_US (10 * USEC_PER_SEC)
#define START_LOOK_US (50 * USEC_PER_MSEC)

/* A rule that has been set off, or whose waiting is to end. */
struct firing {
        struct firing *next;
        struct rule *rule;
        enum rule_role role;
        unsigned depth;   /* 1: set off by something that is no rule's doing */
        uint64_t time_us; /* of what set it off */
        uint64_t moment;  /* rules with the same one are judged together, before any of them acts */
        bool may_act;
};

struct rules {
        struct home *set;
        struct rule **items;
        size_t count;
        struct firing *queue, **queue_end;
        struct timer *turn;
        uint64_t moment;     /* of what happens now */
        bool is_acting;      /* a wave of rules */
        struct timer *start; /* armed while rules are due by at_start */
        uint64_t start_until_us;
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
        struct rule_action *action = rule && cause->action < rule->n_actions ? &rule->actions[cause->action] : NULL;
        bool failed = result->code != RESULT_OK;

        if (!action)
                return;
        if (failed && action->failure && strcmp(action->failure, result->message) == 0)
                return;
        if (failed)
                log_warning("rule %s: %s was not carried out: %s", rule->name, action->words.text, result->message);
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
                struct device *device = home_find(rules->set, words->device);
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

static bool may_act(const struct rules *rules, const struct rule *rule)
{
        for (size_t i = 0; i < rule->n_conditions; i++) {
                struct rule_condition *condition = &rule->conditions[i];
                const struct device *device = home_find(rules->set, condition->words.device);
                if (condition->role == RULE_IF && (!device || rule_judge(condition, device) != RULE_TRUE))
                        return false;
        }
        return true;
}

/* What a wave of rules does is one moment, whatever devices it concerns. */
static void begin_wave(struct rules *rules)
{
        rules->moment++;
        rules->is_acting = true;
}

static void end_wave(struct rules *rules)
{
        rules->is_acting = false;
        rules->moment++;
}

static void on_delay(void *userdata)
{
        struct rule *rule = userdata;

        begin_wave(rule->rules);
        /* What set it off is long past: a chain that follows is a new one. */
        act(rule->rules, rule, 1);
        end_wave(rule->rules);
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
        if (!firing->may_act)
                return;
        if (rule->delay)
                begin_delay(rules, rule, firing->time_us);
        else
                act(rules, rule, firing->depth);
}

/* Judges all that one moment has set off, then acts, in order. Returns what is left. */
static struct firing *carry_out_moment(struct rules *rules, struct firing *first)
{
        uint64_t moment = first->moment;

        for (struct firing *firing = first; firing && firing->moment == moment; firing = firing->next)
                firing->may_act = firing->role != RULE_CANCEL && may_act(rules, firing->rule);
        begin_wave(rules);
        while (first && first->moment == moment) {
                struct firing *firing = first;
                first = firing->next;
                if (!rules->stopped)
                        carry_out(rules, firing);
                free(firing);
        }
        end_wave(rules);
        return first;
}

/* Those that are set off meanwhile have a turn of their own: nothing else has to wait. */
static void on_turn(void *userdata)
{
        struct rules *rules = userdata;
        struct firing *first = rules->queue;

        rules->queue = NULL;
        rules->queue_end = &rules->queue;
        while (first)
                first = carry_out_moment(rules, first);
}

/* ---- Setting off --------------------------------------------------------------------------------------- */

/* The same chain may come with every reading: told once, until a reload. */
static void cut(struct rules *rules, const struct rule *rule)
{
        char text[sizeof(rules->told_cut)];

        (void)snprintf(text, sizeof(text),
                       "%s was not carried out: %d rules before it have set each other off in a row", rule->name,
                       RULE_DEPTH_MAX);
        if (strcmp(text, rules->told_cut) == 0)
                return;
        memcpy(rules->told_cut, text, sizeof(text));
        log_warning("rule %s", text);
        home_problem(rules->set, "rules", text);
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
                                   .moment = rules->moment,
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

/* ---- What is true from the start ----------------------------------------------------------------------- */

/* Its start is over, and what it shows is known, or that it does not work. */
static bool has_started(const struct rules *rules, const char *id)
{
        const struct device *device = home_find(rules->set, id);

        if (!device || device->phase == DEVICE_BROKEN || device->phase == DEVICE_FAILED)
                return true;
        return device->phase == DEVICE_RUNNING && (device->reported || !channels_have_state(&device->channels));
}

static bool have_its_devices_started(const struct rules *rules, const struct rule *rule)
{
        for (size_t i = 0; i < rule->n_conditions; i++)
                if (!has_started(rules, rule->conditions[i].words.device))
                        return false;
        for (size_t i = 0; i < rule->n_actions; i++)
                if (!has_started(rules, rule->actions[i].words.device))
                        return false;
        return true;
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
        const struct device *device = home_find(rules->set, condition->words.device);

        for (size_t i = 0; i < rule->n_conditions; i++)
                rule->conditions[i].is_due = false;
        if (device)
                set_off(condition, device, 0);
}

static void on_start(void *userdata)
{
        struct rules *rules = userdata;
        bool is_late = loop_now_us(rules->set->options.loop) >= rules->start_until_us, are_left = false;

        rules->moment++;
        for (size_t i = 0; i < rules->count; i++) {
                struct rule_condition *due = due_condition(rules->items[i]);
                if (!due)
                        continue;
                if (is_late || have_its_devices_started(rules, rules->items[i]))
                        set_off_due(rules, due);
                else
                        are_left = true;
        }
        rules->moment++;
        if (are_left)
                timer_arm(rules->start, START_LOOK_US);
}

/* What it waits for is true, and was not untrue before. */
static void has_begun(struct rules *rules, struct rule_condition *condition)
{
        if (!condition->rule->at_start || condition->role != RULE_WHEN)
                return;
        condition->is_due = true;
        if (timer_armed(rules->start))
                return;
        rules->start_until_us = loop_now_us(rules->set->options.loop) + START_WAIT_US;
        timer_arm(rules->start, 0);
}

/* ---- What devices say ---------------------------------------------------------------------------------- */

/* One moment is what one callback of a plugin reports. What is told outside of any is one of its own. */
static void begin_moment(const struct device *device)
{
        struct rules *rules = device->set->rules;

        if (device->set->n_inside == 0 && !rules->is_acting)
                rules->moment++;
}

void rules_moment_over(struct rules *rules)
{
        if (!rules->is_acting)
                rules->moment++;
}

/* Its status goes on as it was; what its channels show begins again. */
void rules_started(struct device *device)
{
        for (struct rule_condition *at = device->watched; at; at = at->next)
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

static void look_at(struct rule_condition *condition, const struct device *device, uint64_t time_us)
{
        enum rule_truth before = condition->truth, now = rule_judge_change(condition, device);

        if (now == RULE_UNKNOWN || now == before || condition->role == RULE_IF)
                return;
        condition->truth = now;
        condition->is_due = false;
        if (now == RULE_TRUE && before == RULE_UNKNOWN)
                has_begun(device->set->rules, condition);
        else if (now == RULE_TRUE)
                set_off(condition, device, time_us);
}

void rules_reported(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count)
{
        if (is_over(device))
                return;
        begin_moment(device);
        for (struct rule_condition *at = device->watched; at; at = at->next)
                if ((rule_looks_at_value(at) && is_among(at->words.channel, values, count)) ||
                    rule_misses_channel(at, device))
                        look_at(at, device, time_us);
}

/* As the channel spells it, where that is known. */
static bool is_event(const struct rule_condition *condition, const char *event_type)
{
        return strcmp(condition->is_bound ? condition->is.text : condition->words.value, event_type) == 0;
}

void rules_event(struct device *device, uint64_t time_us, const char *channel, const char *event_type)
{
        if (is_over(device))
                return;
        begin_moment(device);
        for (struct rule_condition *at = device->watched; at; at = at->next)
                if (at->words.op == RULE_EVENT && at->role != RULE_IF && strcmp(at->words.channel, channel) == 0 &&
                    is_event(at, event_type))
                        set_off(at, device, time_us);
}

/* A plugin that adds its channels when it has found its hardware is known only now. */
static void report_missing(struct rule_condition *condition, const struct device *device)
{
        struct fault fault;

        if (condition->is_bound || condition->was_missed)
                return;
        if (rule_bind(condition, &device->channels, &fault) == 0)
                return;
        condition->was_missed = true;
        log_warning("rule %s: %s: %s: %s", condition->rule->name, rule_role_key(condition->role), condition->words.text,
                    fault.text);
}

void rules_status(struct device *device, bool online)
{
        if (is_over(device))
                return;
        begin_moment(device);
        for (struct rule_condition *at = device->watched; at; at = at->next) {
                if (online)
                        report_missing(at, device);
                if (rule_looks_at_state(at))
                        look_at(at, device, 0);
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
                log_notice("rule %s has changed or is gone: what it was waiting to do is dropped", rule->name);
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
        struct device *device = home_find(rules->set, condition->words.device);
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
        if (rule_bind(condition, &device->channels, &fault) == -EINVAL || condition->role == RULE_IF ||
            condition->truth != RULE_UNKNOWN)
                return;
        condition->truth = rule_judge_change(condition, device);
        if (condition->truth == RULE_TRUE)
                has_begun(rules, condition);
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
                        if (device->published_online)
                                report_missing(at, device);
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
                home_problem(rules->set, "rules", NULL);
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

int rules_new(struct home *set, struct rules **ret)
{
        CLEANUP(rules_freep) struct rules *rules = calloc(1, sizeof(*rules));

        if (!rules)
                return -ENOMEM;
        rules->set = set;
        rules->queue_end = &rules->queue;
        int r = timer_new(set->options.loop, AT_ONCE_US, on_turn, rules, &rules->turn);
        if (r == 0)
                r = timer_new(set->options.loop, TIMER_EXACT_US, on_start, rules, &rules->start);
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
        timer_disarm(rules->start);
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
        timer_free(rules->start);
        free(rules);
}
