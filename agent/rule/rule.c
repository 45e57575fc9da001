/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule.h"

#include <errno.h>
#include <string.h>

#include "util/text.h"

/* ---- Reading ------------------------------------------------------------------------------------------- */

static const char *const role_keys[] = {
        [RULE_CANCEL] = "cancel",
        [RULE_WHEN] = "when",
        [RULE_IF] = "if",
        [RULE_THEN] = "then",
};

struct rule_reader {
        const struct config_section *section;
        struct problems *problems;
        struct rule *rule;
};

const char *rule_role_key(enum rule_role role)
{
        return role_keys[role];
}

static int append_condition(struct rule *rule, enum rule_role role, const struct rule_words *words)
{
        struct rule_condition *items = realloc(rule->conditions, (rule->n_conditions + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        rule->conditions = items;
        items[rule->n_conditions++] = (struct rule_condition){ .rule = rule, .role = role, .words = *words };
        return 0;
}

static int append_action(struct rule *rule, const struct rule_words *words)
{
        struct rule_action *items = realloc(rule->actions, (rule->n_actions + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        rule->actions = items;
        items[rule->n_actions++] = (struct rule_action){ .words = *words };
        return 0;
}

/* What is wrong with a text is a problem of the config; 0 then too. */
static int add_part(const struct rule_reader *reader, enum rule_role role, const struct rule_part *part)
{
        struct rule_words words;
        struct fault fault;
        int r = (role == RULE_THEN ? rule_action_parse : rule_condition_parse)(part, &words, &fault);

        if (r == -EINVAL)
                config_complain(reader->section, role_keys[role], reader->problems, "%.*s%s%s",
                                (int)MIN(part->length, 159U), part->text, part->length > 0 ? ": " : "", fault.text);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        r = role == RULE_THEN ? append_action(reader->rule, &words) : append_condition(reader->rule, role, &words);
        if (r < 0)
                rule_words_done(&words);
        return r;
}

static int add_all(const struct rule_reader *reader, enum rule_role role, const struct sconce_list *list)
{
        const char *const *texts = list->items;
        int r = 0;

        for (size_t i = 0; i < list->count && r == 0; i++) {
                const char *rest = texts[i];
                struct rule_part part;
                while (r == 0 && rule_part_next(&rest, &part)) {
                        /* In `if` a comma means and. In `when` it would be anybody's guess. */
                        if (rest && (role == RULE_CANCEL || role == RULE_WHEN)) {
                                config_complain(reader->section, role_keys[role], reader->problems,
                                                "%s: one condition at a time: any one of several is a list, "
                                                "[ \"…\", \"…\" ], and what must hold besides stands in if",
                                                texts[i]);
                                break;
                        }
                        r = add_part(reader, role, &part);
                }
        }
        return r;
}

/* What the table cannot see. */
static void check_whole(const struct rule_reader *reader, const struct rule_settings *settings)
{
        if (settings->when.count == 0)
                config_complain(reader->section, "when", reader->problems, "is empty: what sets the rule off?");
        if (settings->then.count == 0)
                config_complain(reader->section, "then", reader->problems, "is empty: what shall the rule do?");
        if (settings->cancel.count > 0 && settings->delay_us == 0)
                config_complain(reader->section, "cancel", reader->problems,
                                "there is nothing to cancel without a delay");
}

static bool waits_for_events_alone(const struct rule *rule)
{
        size_t events = 0, others = 0;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                if (rule->conditions[i].role != RULE_WHEN)
                        continue;
                events += rule->conditions[i].words.op == RULE_EVENT;
                others += rule->conditions[i].words.op != RULE_EVENT;
        }
        return events > 0 && others == 0;
}

static int read_rule(const struct rule_reader *reader, const struct rule_settings *settings)
{
        int r;

        check_whole(reader, settings);
        reader->rule->delay_us = settings->delay_us;
        reader->rule->at_start = settings->at_start;
        if ((r = add_all(reader, RULE_CANCEL, &settings->cancel)) < 0 ||
            (r = add_all(reader, RULE_WHEN, &settings->when)) < 0 ||
            (r = add_all(reader, RULE_IF, &settings->conditions)) < 0)
                return r;
        if (settings->at_start && waits_for_events_alone(reader->rule))
                config_complain(reader->section, "at_start", reader->problems,
                                "an event is never there at the start: at_start is for conditions that can be true "
                                "already");
        return add_all(reader, RULE_THEN, &settings->then);
}

static void store_done(struct option_store *store)
{
        option_store_done(store);
}

int rule_new(const struct config_section *section, struct problems *problems, struct rule **ret)
{
        CLEANUP_RULE struct rule *rule = calloc(1, sizeof(*rule));
        CLEANUP(store_done) struct option_store store = { 0 };
        const struct rule_reader reader = { section, problems, rule };
        struct rule_settings settings;

        if (!rule || !(rule->name = strdup(section->id)))
                return -ENOMEM;
        int r = rule_settings_read(section, &store, problems, &settings);
        if (r == 0)
                r = read_rule(&reader, &settings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rule);
        return 0;
}

void rule_free(struct rule *rule)
{
        if (!rule)
                return;
        for (size_t i = 0; i < rule->n_conditions; i++) {
                rule_words_done(&rule->conditions[i].words);
                free(rule->conditions[i].own_text);
        }
        for (size_t i = 0; i < rule->n_actions; i++) {
                rule_words_done(&rule->actions[i].words);
                free(rule->actions[i].failure);
        }
        free(rule->conditions);
        free(rule->actions);
        timer_free(rule->delay);
        free(rule->name);
        free(rule);
}

bool rule_same(const struct rule *a, const struct rule *b)
{
        if (a->delay_us != b->delay_us || a->at_start != b->at_start || a->n_conditions != b->n_conditions ||
            a->n_actions != b->n_actions)
                return false;
        for (size_t i = 0; i < a->n_conditions; i++)
                if (a->conditions[i].role != b->conditions[i].role ||
                    strcmp(a->conditions[i].words.text, b->conditions[i].words.text) != 0)
                        return false;
        for (size_t i = 0; i < a->n_actions; i++)
                if (strcmp(a->actions[i].words.text, b->actions[i].words.text) != 0)
                        return false;
        return true;
}

uint64_t rule_hash(const struct rule *rule)
{
        uint64_t hash = bytes_hash(HASH_BEGIN, &rule->delay_us, sizeof(rule->delay_us));

        for (size_t i = 0; i < rule->n_conditions; i++) {
                hash = bytes_hash(hash, &rule->conditions[i].role, sizeof(rule->conditions[i].role));
                hash = text_hash(hash, rule->conditions[i].words.text);
        }
        for (size_t i = 0; i < rule->n_actions; i++)
                hash = text_hash(text_hash(hash, "\n"), rule->actions[i].words.text);
        return hash;
}
