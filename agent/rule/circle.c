/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/circle.h"

#include <errno.h>
#include <string.h>

#include "rule/bind.h"

struct search {
        const struct rule_node *nodes;
        size_t count;
        size_t *number;    /* in the order of finding; 0: not found yet */
        size_t *low;       /* the smallest number that is reached from it */
        size_t *component; /* rules that reach each other; 0: on the stack, or left out */
        size_t *stack, n_stack;
        size_t n_found, n_components;
        bool *alive; /* may be a part of an endless circle */
};

/* ---- What sets off what -------------------------------------------------------------------------------- */

static bool can_make(const struct rule_node *node, const struct rule_condition *condition, enum rule_truth truth)
{
        const struct rule_words *words = &condition->words;

        for (size_t i = 0; i < node->count; i++) {
                const struct rule_outcome *outcome = &node->outcomes[i];
                if (!words->channel || strcmp(words->device, outcome->device) != 0 ||
                    strcmp(words->channel, outcome->channel) != 0)
                        continue;
                for (size_t k = 0; k < outcome->count; k++)
                        if (rule_truth_of(condition, &outcome->values[k]) == truth)
                                return true;
        }
        return false;
}

static bool sets_off(const struct rule_node *from, const struct rule_node *to)
{
        for (size_t i = 0; i < to->rule->n_conditions; i++)
                if (to->rule->conditions[i].role == RULE_WHEN && can_make(from, &to->rule->conditions[i], RULE_TRUE))
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

static void visit(struct search *search, size_t at)
{
        search->number[at] = search->low[at] = ++search->n_found;
        search->stack[search->n_stack++] = at;
        for (size_t to = 0; to < search->count; to++) {
                if (!search->alive[to] || !sets_off(&search->nodes[at], &search->nodes[to]))
                        continue;
                if (search->number[to] == 0) {
                        visit(search, to);
                        search->low[at] = MIN(search->low[at], search->low[to]);
                } else if (search->component[to] == 0) {
                        search->low[at] = MIN(search->low[at], search->number[to]);
                }
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
        for (size_t i = 0; i < search->count; i++)
                if (search->alive[i] && search->component[i] == component &&
                    can_make(&search->nodes[i], condition, truth))
                        return true;
        return false;
}

/* Whether its own circle can set it off again and again. */
static bool comes_again(const struct search *search, size_t at)
{
        const struct rule *rule = search->nodes[at].rule;

        for (size_t i = 0; i < rule->n_conditions; i++) {
                const struct rule_condition *condition = &rule->conditions[i];
                if (condition->role == RULE_WHEN &&
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
        find_endless(&search);
        for (size_t i = 0; i < count; i++)
                ret_circles[i] = alive[i] ? search.component[i] : 0;
        return 0;
}
