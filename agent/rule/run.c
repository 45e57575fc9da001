/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/run.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "rule/judge.h"
#include "util/log.h"

/* A rule that has been set off, or whose delay is to end. */
struct firing {
        struct firing *next;
        struct rule *rule;
        enum rule_role role;
        unsigned depth;   /* 1: set off by something that is no rule's doing */
        uint64_t time_us; /* of what set it off */
        uint64_t moment;
        bool may_act;
};

/* ---- Acting -------------------------------------------------------------------------------------------- */

/* One cause is logged once, until it works again. */
void run_result(struct rule *rule, size_t action, const struct result *result)
{
        struct rule_action *of = &rule->actions[action];
        bool failed = result->code != RESULT_OK;

        if (failed && of->failure && strcmp(of->failure, result->message) == 0)
                return;
        if (failed)
                log_warning("rule %s: %s was not carried out: %s", rule->name, of->words.text, result->message);
        else if (of->failure)
                log_notice("rule %s: %s works again", rule->name, of->words.text);
        free(of->failure);
        of->failure = failed ? strdup(result->message) : NULL;
}

static void act_one(struct rule_run *run, struct rule *rule, size_t action, unsigned depth)
{
        const struct rule_words *words = &rule->actions[action].words;
        const struct command_cause cause = {
                .rule = rule->name, .action = action, .depth = depth, .due_us = rule->late_due_us
        };
        struct result result;

        log_debug("rule %s: %s", rule->name, words->text);
        if (words->node) {
                const struct distant_command command = { .node = words->node,
                                                         .device = words->device,
                                                         .channel = words->channel,
                                                         .payload = words->value,
                                                         .cause = &cause };
                run->home.command_other(run->home.userdata, &command);
                return;
        }
        run->depth = depth;
        int r = run->home.command(run->home.userdata, words->device, words->channel, words->value, &cause);
        run->depth = 0;
        if (r == -ENODEV) {
                (void)refuse(&result, RESULT_UNKNOWN_DEVICE, "there is no device %s", words->device);
                run_result(rule, action, &result);
        }
}

/* What was due while the agent was away is older than all that this process has commanded since; what another node has
 * carried out since is not known here. */
static bool is_overtaken(const struct rule_run *run, const struct rule *rule, size_t action)
{
        const struct rule_words *words = &rule->actions[action].words;
        struct rule_device device;

        if (rule->late_due_us == 0 || words->node || !rule_home_find(&run->home, words->device, &device) ||
            device.commanded_us <= rule->late_due_us)
                return false;
        log_notice("rule %s: %s was due while the agent was away, and a newer command has come: it is dropped",
                   rule->name, words->text);
        return true;
}

static void act(struct rule_run *run, struct rule *rule, unsigned depth)
{
        for (size_t i = 0; i < rule->n_actions; i++)
                if (!is_overtaken(run, rule, i))
                        act_one(run, rule, i, depth);
}

static bool may_act(const struct rule_run *run, const struct rule *rule)
{
        struct rule_device device;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                struct rule_condition *condition = &rule->conditions[i];
                if (condition->role == RULE_IF && (!rule_home_find(&run->home, condition->words.device, &device) ||
                                                   rule_judge(condition, &device) != RULE_TRUE))
                        return false;
        }
        return true;
}

/* What the rules of one moment do is one moment, on all devices. */
static void begin_wave(struct rule_run *run)
{
        run->moment++;
        run->is_acting = true;
}

static void end_wave(struct rule_run *run)
{
        run->is_acting = false;
        run->moment++;
}

/* ---- Waiting ------------------------------------------------------------------------------------------- */

static void keep(const struct rule *rule, uint64_t due_us)
{
        const struct rule_home *home = &rule->run->home;

        if (home->keep && rule->delay_us >= RULE_KEPT_MIN_US)
                home->keep(home->userdata, rule->name, rule_hash(rule), due_us);
}

static bool is_too_late(const struct rule_run *run, uint64_t due_us)
{
        return loop_now_us(run->home.loop) > due_us + RULE_LATE_MAX_US;
}

/* Nobody expects a gate to move by now; a light that has burnt for too long is wanted off all the same. */
static void act_late(struct rule_run *run, struct rule *rule, uint64_t due_us)
{
        rule->late_due_us = due_us;
        begin_wave(run);
        for (size_t i = 0; i < rule->n_actions; i++) {
                const struct rule_words *words = &rule->actions[i].words;
                if (strcasecmp(words->value, "OFF") != 0)
                        log_notice("rule %s: %s was due while the agent was away, and is dropped", rule->name,
                                   words->text);
                else if (!is_overtaken(run, rule, i))
                        act_one(run, rule, i, 1);
        }
        end_wave(run);
}

/* The machine may have slept since it was due. */
static void on_delay(void *userdata)
{
        struct rule *rule = userdata;

        keep(rule, 0);
        if (is_too_late(rule->run, rule->due_us)) {
                act_late(rule->run, rule, rule->due_us);
                return;
        }
        begin_wave(rule->run);
        /* What set it off is long past: a chain that follows is a new one. */
        act(rule->run, rule, 1);
        end_wave(rule->run);
}

/* Counted from what set it off, which the loop may have heard of late. */
static void wait_until(struct rule *rule, uint64_t due_us)
{
        uint64_t now_us = loop_now_us(rule->run->home.loop);

        rule->late_due_us = rule->resume_due_us > 0 && due_us <= now_us ? due_us : 0;
        rule->resume_due_us = 0;
        rule->due_us = due_us;
        timer_arm(rule->delay, due_us > now_us ? due_us - now_us : 0);
}

static void begin_delay(struct rule *rule, uint64_t time_us)
{
        wait_until(rule, time_us + rule->delay_us);
        keep(rule, time_us + rule->delay_us);
}

/* Only a rule with a delay has a cancel. */
static void cancel(struct rule *rule)
{
        if (!timer_armed(rule->delay) && rule->resume_due_us == 0)
                return;
        log_debug("rule %s: cancelled", rule->name);
        timer_disarm(rule->delay);
        rule->resume_due_us = 0;
        keep(rule, 0);
}

/* What would have ended the wait may have come while nobody looked. */
static bool is_cancelled(const struct rule_run *run, const struct rule *rule)
{
        struct rule_device device;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                struct rule_condition *condition = &rule->conditions[i];
                if (condition->role == RULE_CANCEL && rule_home_find(&run->home, condition->words.device, &device) &&
                    rule_judge(condition, &device) == RULE_TRUE)
                        return true;
        }
        return false;
}

void run_resume(struct rule_run *run, struct rule *rule)
{
        uint64_t due_us = rule->resume_due_us;

        if (is_cancelled(run, rule)) {
                cancel(rule);
        } else if (!is_too_late(run, due_us)) {
                wait_until(rule, due_us);
        } else {
                rule->resume_due_us = 0;
                keep(rule, 0);
                act_late(run, rule, due_us);
        }
}

static void carry_out(struct rule_run *run, const struct firing *firing)
{
        struct rule *rule = firing->rule;

        if (firing->role == RULE_CANCEL) {
                cancel(rule);
                return;
        }
        if (!firing->may_act)
                return;
        if (rule->delay)
                begin_delay(rule, firing->time_us);
        else
                act(run, rule, firing->depth);
}

/* Judges all that one moment has set off, then acts, in order. Returns what is left. */
static struct firing *carry_out_moment(struct rule_run *run, struct firing *first)
{
        uint64_t moment = first->moment;

        for (struct firing *firing = first; firing && firing->moment == moment; firing = firing->next)
                firing->may_act = firing->role != RULE_CANCEL && may_act(run, firing->rule);
        begin_wave(run);
        while (first && first->moment == moment) {
                struct firing *firing = first;
                first = firing->next;
                if (!run->is_stopped)
                        carry_out(run, firing);
                free(firing);
        }
        end_wave(run);
        return first;
}

static void on_turn(void *userdata)
{
        struct rule_run *run = userdata;
        struct firing *first = run->queue;

        run->queue = NULL;
        run->queue_end = &run->queue;
        while (first)
                first = carry_out_moment(run, first);
}

/* ---- Setting off --------------------------------------------------------------------------------------- */

/* The same chain may come with every reading: reported once, until a reload. */
static void cut(struct rule_run *run, const struct rule *rule)
{
        char text[sizeof(run->cut)];

        (void)snprintf(text, sizeof(text),
                       "%s was not carried out: %d rules before it have set each other off in a row", rule->name,
                       CHAIN_MAX);
        if (strcmp(text, run->cut) == 0)
                return;
        memcpy(run->cut, text, sizeof(text));
        log_warning("rule %s", text);
        run->home.problem(run->home.userdata, text);
}

void run_set_off(struct rule_run *run, const struct rule_condition *condition, const struct rule_device *device,
                 uint64_t time_us)
{
        /* A command to a blocking device is carried out long after its rule's turn. */
        unsigned depth = MAX(run->depth, device->depth) + 1;

        if (depth > CHAIN_MAX) {
                cut(run, condition->rule);
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
                                   .moment = run->moment,
                                   .time_us = time_us ? time_us : loop_now_us(run->home.loop) };
        *run->queue_end = firing;
        run->queue_end = &firing->next;
        if (!timer_armed(run->turn))
                timer_arm(run->turn, 0);
}

void run_moment_over(struct rule_run *run)
{
        if (!run->is_acting)
                run->moment++;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

/* Takes what has been set off and not been carried out yet off the queue; of one rule, or (NULL) of all. */
static void purge(struct rule_run *run, const struct rule *rule)
{
        struct firing **at = &run->queue, *firing;

        while ((firing = *at)) {
                if (!rule || firing->rule == rule) {
                        *at = firing->next;
                        free(firing);
                } else {
                        at = &firing->next;
                }
        }
        run->queue_end = at;
}

int run_init(struct rule_run *run, const struct rule_home *home)
{
        run->home = *home;
        run->queue_end = &run->queue;
        return timer_new(home->loop, TIMER_EXACT_US, on_turn, run, &run->turn);
}

void run_done(struct rule_run *run)
{
        purge(run, NULL);
        timer_free(run->turn);
}

int run_add(struct rule_run *run, struct rule *rule)
{
        rule->run = run;
        return rule->delay_us > 0 ? timer_new(run->home.loop, TIMER_EXACT_US, on_delay, rule, &rule->delay) : 0;
}

void run_remove(struct rule_run *run, const struct rule *rule)
{
        if (rule->delay && timer_armed(rule->delay))
                log_notice("rule %s has changed or is gone: what it was waiting to do is dropped", rule->name);
        if (rule->delay)
                keep(rule, 0);
        purge(run, rule);
}

void run_reloaded(struct rule_run *run)
{
        if (run->cut[0])
                run->home.problem(run->home.userdata, NULL);
        run->cut[0] = '\0';
}

void run_stop(struct rule_run *run)
{
        run->is_stopped = true;
        purge(run, NULL);
        timer_disarm(run->turn);
}
