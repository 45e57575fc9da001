/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/check.h"

#include <errno.h>
#include <string.h>

#include "rule/bind.h"
#include "rule/circle.h"
#include "rule/distant.h"
#include "util/suggest.h"
#include "util/text.h"

/* How many rules of a circle are named. */
#define CIRCLE_SHOWN 5

struct checked {
        const struct config_section *section;
        struct rule *rule;
        struct command *commands; /* one an action, for the texts of its values */
        size_t n_commands;
        struct rule_outcome *outcomes;
        size_t n_outcomes;
};

struct checking {
        const struct rule_home *home;
        struct problems *problems;
        struct checked *items;
        size_t count;
};

static void checked_done(struct checked *checked)
{
        for (size_t i = 0; i < checked->n_commands; i++)
                command_done(&checked->commands[i]);
        free(checked->commands);
        free(checked->outcomes);
        rule_free(checked->rule);
}

static void checking_done(struct checking *checking)
{
        for (size_t i = 0; i < checking->count; i++)
                checked_done(&checking->items[i]);
        free(checking->items);
}

/* ---- One word after the other -------------------------------------------------------------------------- */

static int no_device(const struct rule_home *home, const char *id, struct fault *fault)
{
        struct suggestion near = { .wanted = id };
        char hint[SUGGESTION_MAX];
        const char *other;

        for (size_t i = 0; (other = home->id(home->userdata, i)); i++)
                suggestion_offer(&near, other);
        return fault_set(fault, -EINVAL, "there is no device %.64s%s", id, suggestion_text(&near, hint));
}

/* What a device has is known when its section is right. A plugin that declares no channel adds them when it
 * has found its hardware: what is wrong then is logged while the agent runs. */
static bool channels_are_known(const struct rule_device *device)
{
        return device->is_configured && device->channels->count > 0;
}

static int event_in_if(const struct rule_words *words, struct fault *fault)
{
        return fault_set(fault, -EINVAL,
                         "an event is over at once and cannot hold: if compares, as in %s.CHANNEL = VALUE",
                         words->device);
}

static int check_condition(const struct checking *checking, struct checked *checked, struct rule_condition *condition)
{
        const struct rule_words *words = &condition->words;
        struct rule_device device;
        struct fault fault;
        int r = 0;

        if (condition->role == RULE_IF && words->op == RULE_EVENT)
                r = event_in_if(words, &fault);
        else if (!rule_home_find(checking->home, words->device, &device))
                r = no_device(checking->home, words->device, &fault);
        else if (channels_are_known(&device) || !words->channel)
                r = rule_bind(condition, device.channels, &fault);
        /* A word that the binding has found to be an event's. */
        if (r == 0 && condition->role == RULE_IF && words->op == RULE_EVENT)
                r = event_in_if(words, &fault);
        if (r == 0 || r == -ENOMEM)
                return r;
        config_complain(checked->section, rule_role_key(condition->role), checking->problems, "%s: %s", words->text,
                        fault.text);
        return 0;
}

/* ---- What an action makes of a channel ----------------------------------------------------------------- */

/* A TOGGLE of what the rule waits for makes that untrue; any other may go either way. */
static void toggled(const struct rule *rule, struct rule_outcome *outcome)
{
        static const bool both[] = { false, true };
        const struct rule_condition *only = NULL;
        size_t n_when = 0;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                if (rule->conditions[i].role == RULE_WHEN) {
                        only = &rule->conditions[i];
                        n_when++;
                }
        }
        if (n_when != 1 || !only->words.channel || strcmp(only->words.device, outcome->device) != 0 ||
            strcmp(only->words.channel, outcome->channel) != 0)
                only = NULL;
        outcome->count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
                const struct sconce_value value = SCONCE_BOOL(outcome->channel, both[i]);
                if (!only || rule_truth_of(only, &value) != RULE_TRUE)
                        outcome->values[outcome->count++] = value;
        }
}

static void cover_moved(const char *word, struct rule_outcome *outcome)
{
        static const struct {
                const char *word, *states[2];
        } moves[] = {
                { "OPEN", { "opening", "open" } },
                { "CLOSE", { "closing", "closed" } },
                { "STOP", { "stopped" } },
        };

        outcome->count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
                for (size_t k = 0; strcmp(moves[i].word, word) == 0 && k < 2 && moves[i].states[k]; k++)
                        outcome->values[outcome->count++] = SCONCE_STR(outcome->channel, moves[i].states[k]);
}

static int add_outcomes(struct checked *checked, const char *id, const struct channels *channels,
                        const struct command *command)
{
        struct rule_outcome *items = realloc(checked->outcomes,
                                             (checked->n_outcomes + command->count) * sizeof(*items));
        if (!items)
                return -ENOMEM;
        checked->outcomes = items;
        for (size_t i = 0; i < command->count; i++) {
                const struct sconce_value *value = &command->values[i];
                struct rule_outcome *outcome = &items[checked->n_outcomes++];
                *outcome = (struct rule_outcome){ id, value->channel, { *value }, 1 };
                if (command->toggles & (1U << i))
                        toggled(checked->rule, outcome);
                else if (channels_find(channels, value->channel)->row.kind == SCONCE_COVER)
                        cover_moved(value->text, outcome);
        }
        return 0;
}

static int check_action(const struct checking *checking, struct checked *checked, struct rule_action *action)
{
        const struct rule_words *words = &action->words;
        struct command *command = &checked->commands[checked->n_commands];
        struct rule_device device;
        struct result result;
        struct fault fault;

        if (words->node) {
                if (distant_check(words, checking->home->node, &fault) == 0)
                        return 0;
        } else if (!rule_home_find(checking->home, words->device, &device)) {
                (void)no_device(checking->home, words->device, &fault);
        } else if (!channels_are_known(&device)) {
                return 0;
        } else if (words->channel && !channels_find(device.channels, words->channel)) {
                (void)rule_no_channel(words, device.channels, &fault);
        } else {
                checked->n_commands++;
                int r = rule_action_command(action, device.channels, command, &result);
                if (r >= 0)
                        return command->count > 0 ? add_outcomes(checked, words->device, device.channels, command) : 0;
                (void)fault_set(&fault, -EINVAL, "%s", result.message);
        }
        config_complain(checked->section, "then", checking->problems, "%s: %s", words->text, fault.text);
        return 0;
}

static int check_rule(struct checking *checking, const struct config_section *section)
{
        struct checked *checked = &checking->items[checking->count];

        int r = rule_new(section, checking->problems, &checked->rule);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        checking->count++;
        checked->section = section;
        checked->commands = calloc(MAX(checked->rule->n_actions, 1U), sizeof(*checked->commands));
        if (!checked->commands)
                return -ENOMEM;
        for (size_t i = 0; i < checked->rule->n_conditions && r == 0; i++)
                r = check_condition(checking, checked, &checked->rule->conditions[i]);
        for (size_t i = 0; i < checked->rule->n_actions && r == 0; i++)
                r = check_action(checking, checked, &checked->rule->actions[i]);
        return r;
}

/* ---- Circles ------------------------------------------------------------------------------------------- */

/* "a, b, c and 7 more"; how many there are. */
static size_t list_circle(const struct checking *checking, const size_t *circles, size_t circle, char *list,
                          size_t size)
{
        size_t used = 0, count = 0;

        for (size_t i = 0; i < checking->count; i++) {
                if (circles[i] != circle)
                        continue;
                if (count++ < CIRCLE_SHOWN)
                        used += (size_t)snprintf(list + used, size - used, "%s%.40s", used ? ", " : "",
                                                 checking->items[i].rule->name);
        }
        if (count > CIRCLE_SHOWN)
                (void)snprintf(list + used, size - used, " and %zu more", count - CIRCLE_SHOWN);
        return count;
}

static void complain_circle(const struct checking *checking, const size_t *circles, size_t first)
{
        char list[CIRCLE_SHOWN * 42 + 32];
        const struct config_section *section = checking->items[first].section;

        if (list_circle(checking, circles, circles[first], list, sizeof(list)) > 1)
                config_complain(section, "then", checking->problems,
                                "these rules set each other off for ever: %s; a delay in one of them makes it a "
                                "blinker",
                                list);
        else
                config_complain(section, "then", checking->problems,
                                "this rule sets itself off for ever; a delay makes it a blinker");
}

static int check_circles(const struct checking *checking)
{
        CLEANUP_FREE struct rule_node *nodes = calloc(checking->count + 1, sizeof(*nodes));
        CLEANUP_FREE size_t *circles = calloc(checking->count + 1, sizeof(*circles));

        if (!nodes || !circles)
                return -ENOMEM;
        for (size_t i = 0; i < checking->count; i++)
                nodes[i] = (struct rule_node){ checking->items[i].rule, checking->items[i].outcomes,
                                               checking->items[i].n_outcomes };
        int r = rule_circles(nodes, checking->count, circles);
        for (size_t i = 0; i < checking->count && r == 0; i++) {
                bool is_known = circles[i] == 0;
                for (size_t k = 0; k < i && !is_known; k++)
                        is_known = circles[k] == circles[i];
                if (!is_known)
                        complain_circle(checking, circles, i);
        }
        return r;
}

int rules_check(const struct rule_home *home, const struct config *config, struct problems *problems)
{
        CLEANUP(checking_done) struct checking checking = { .home = home, .problems = problems };
        int r = 0;

        checking.items = calloc(config->count + 1, sizeof(*checking.items));
        if (!checking.items)
                return -ENOMEM;
        for (size_t i = 0; i < config->count && r == 0; i++)
                if (section_is_rule(&config->sections[i]) && text_is_id(config->sections[i].id))
                        r = check_rule(&checking, &config->sections[i]);
        return r < 0 ? r : check_circles(&checking);
}
