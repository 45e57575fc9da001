/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/circle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule/bind.h"
#include "util/text.h"

/* A place where a rule names a channel: in its `when`, or with an outcome. */
struct mention {
        uint64_t hash; /* of the channel's name */
        size_t node;
        const struct rule_condition *when; /* NULL: it is an outcome's */
        const struct rule_outcome *outcome;
};

/* Sorted by the channel, so that what one rule does is held only against rules that wait for just that. */
struct mentions {
        struct mention *items;
        size_t count;
};

struct search {
        const struct rule_node *nodes;
        size_t count;
        struct mentions whens, outcomes;
        size_t *number;    /* in the order of finding; 0: not found yet */
        size_t *low;       /* the smallest number that is reached from it */
        size_t *component; /* rules that reach each other; 0: on the stack, or left out */
        size_t *stack, n_stack;
        size_t n_found, n_components;
        bool *alive; /* may be a part of an endless circle */
};

/* ---- Who names a channel ------------------------------------------------------------------------------- */

static uint64_t channel_hash(const char *device, const char *channel)
{
        return text_hash(text_hash(text_hash(HASH_BEGIN, device), "."), channel);
}

static int by_hash(const void *a, const void *b)
{
        const struct mention *x = a, *y = b;

        if (x->hash != y->hash)
                return x->hash < y->hash ? -1 : 1;
        return (x->node > y->node) - (x->node < y->node);
}

/* The first of those with this hash, where there are any. */
static const struct mention *first_of(const struct mentions *mentions, uint64_t hash)
{
        size_t low = 0, high = mentions->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (mentions->items[middle].hash < hash)
                        low = middle + 1;
                else
                        high = middle;
        }
        return mentions->items + low;
}

static bool is_of(const struct mentions *mentions, const struct mention *mention, uint64_t hash)
{
        return mention < mentions->items + mentions->count && mention->hash == hash;
}

static void add_whens(struct mentions *whens, const struct rule *rule, size_t node)
{
        for (size_t i = 0; i < rule->n_conditions; i++) {
                const struct rule_condition *condition = &rule->conditions[i];
                const struct rule_words *words = &condition->words;
                if (condition->role == RULE_WHEN && words->channel)
                        whens->items[whens->count++] = (struct mention){
                                .hash = channel_hash(words->device, words->channel), .node = node, .when = condition
                        };
        }
}

static void add_outcomes(struct mentions *outcomes, const struct rule_node *from, size_t node)
{
        for (size_t i = 0; i < from->count; i++) {
                const struct rule_outcome *outcome = &from->outcomes[i];
                outcomes->items[outcomes->count++] = (struct mention){
                        .hash = channel_hash(outcome->device, outcome->channel), .node = node, .outcome = outcome
                };
        }
}

static int find_mentions(struct search *search)
{
        size_t n_whens = 0, n_outcomes = 0;

        for (size_t i = 0; i < search->count; i++) {
                n_whens += search->nodes[i].rule->n_conditions;
                n_outcomes += search->nodes[i].count;
        }
        search->whens.items = calloc(n_whens + 1, sizeof(struct mention));
        search->outcomes.items = calloc(n_outcomes + 1, sizeof(struct mention));
        if (!search->whens.items || !search->outcomes.items)
                return -ENOMEM;
        for (size_t i = 0; i < search->count; i++) {
                add_whens(&search->whens, search->nodes[i].rule, i);
                add_outcomes(&search->outcomes, &search->nodes[i], i);
        }
        qsort(search->whens.items, search->whens.count, sizeof(struct mention), by_hash);
        qsort(search->outcomes.items, search->outcomes.count, sizeof(struct mention), by_hash);
        return 0;
}

/* ---- What sets off what -------------------------------------------------------------------------------- */

static bool can_make(const struct rule_outcome *outcome, const struct rule_condition *condition, enum rule_truth truth)
{
        const struct rule_words *words = &condition->words;

        if (strcmp(words->device, outcome->device) != 0 || strcmp(words->channel, outcome->channel) != 0)
                return false;
        for (size_t i = 0; i < outcome->count; i++)
                if (rule_truth_of(condition, &outcome->values[i]) == truth)
                        return true;
        return false;
}

/* ---- Tarjan's strongly connected components ------------------------------------------------------------ */

static void close_component(struct search *search, size_t first)
{
        size_t at;

        search->n_components++;
        do {
                at = search->stack[--search->n_stack];
                search->component[at] = search->n_components;
        } while (at != first);
}

static void visit(struct search *search, size_t at);

static void reach(struct search *search, size_t at, size_t to)
{
        if (search->number[to] == 0) {
                visit(search, to);
                search->low[at] = MIN(search->low[at], search->low[to]);
        } else if (search->component[to] == 0) {
                search->low[at] = MIN(search->low[at], search->number[to]);
        }
}

static void visit(struct search *search, size_t at)
{
        const struct rule_node *node = &search->nodes[at];
        const struct mentions *whens = &search->whens;

        search->number[at] = search->low[at] = ++search->n_found;
        search->stack[search->n_stack++] = at;
        for (size_t i = 0; i < node->count; i++) {
                const struct rule_outcome *outcome = &node->outcomes[i];
                uint64_t hash = channel_hash(outcome->device, outcome->channel);
                for (const struct mention *to = first_of(whens, hash); is_of(whens, to, hash); to++)
                        if (search->alive[to->node] && can_make(outcome, to->when, RULE_TRUE))
                                reach(search, at, to->node);
        }
        if (search->low[at] == search->number[at])
                close_component(search, at);
}

static void find_components(struct search *search)
{
        memset(search->number, 0, search->count * sizeof(*search->number));
        memset(search->component, 0, search->count * sizeof(*search->component));
        search->n_found = search->n_components = 0;
        for (size_t i = 0; i < search->count; i++)
                if (search->alive[i] && search->number[i] == 0)
                        visit(search, i);
}

/* ---- Endless ones -------------------------------------------------------------------------------------- */

static bool component_can_make(const struct search *search, size_t component, const struct rule_condition *condition,
                               enum rule_truth truth)
{
        const struct mentions *outcomes = &search->outcomes;
        uint64_t hash = channel_hash(condition->words.device, condition->words.channel);

        for (const struct mention *from = first_of(outcomes, hash); is_of(outcomes, from, hash); from++)
                if (search->alive[from->node] && search->component[from->node] == component &&
                    can_make(from->outcome, condition, truth))
                        return true;
        return false;
}

/* Whether its own circle can set it off again and again. */
static bool comes_again(const struct search *search, size_t at)
{
        const struct rule *rule = search->nodes[at].rule;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                const struct rule_condition *condition = &rule->conditions[i];
                if (condition->role == RULE_WHEN && condition->words.channel &&
                    component_can_make(search, search->component[at], condition, RULE_TRUE) &&
                    component_can_make(search, search->component[at], condition, RULE_FALSE))
                        return true;
        }
        return false;
}

/* Without the rules that come to rest others may come to rest too. */
static void find_endless(struct search *search)
{
        bool changed;

        for (size_t i = 0; i < search->count; i++)
                search->alive[i] = search->nodes[i].rule->delay_us == 0;
        do {
                changed = false;
                find_components(search);
                for (size_t i = 0; i < search->count; i++) {
                        if (!search->alive[i] || comes_again(search, i))
                                continue;
                        search->alive[i] = false;
                        changed = true;
                }
        } while (changed);
}

int rule_circles(const struct rule_node *nodes, size_t count, size_t *ret_circles)
{
        CLEANUP_FREE size_t *numbers = calloc(4 * count + 1, sizeof(*numbers));
        CLEANUP_FREE bool *alive = calloc(count + 1, sizeof(*alive));

        if (!numbers || !alive)
                return -ENOMEM;
        struct search search = {
                .nodes = nodes,
                .count = count,
                .number = numbers,
                .low = numbers + count,
                .component = numbers + 2 * count,
                .stack = numbers + 3 * count,
                .alive = alive,
        };
        int r = find_mentions(&search);
        if (r == 0)
                find_endless(&search);
        free(search.whens.items);
        free(search.outcomes.items);
        for (size_t i = 0; i < count && r == 0; i++)
                ret_circles[i] = alive[i] ? search.component[i] : 0;
        return r;
}
