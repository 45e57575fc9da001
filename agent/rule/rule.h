/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule, as its section has it. What that means for devices' channels is in bind.h; nothing here acts, run.h does.
 */
#pragma once

#include <sconce/plugin.h>

#include "config/rule.h"
#include "rule/text.h"
#include "util/loop.h"

struct rule;
struct rule_run;

/* In the order in which they are looked at: what ends a delay, before what begins one again. */
enum rule_role { RULE_CANCEL, RULE_WHEN, RULE_IF, RULE_THEN };

enum rule_truth { RULE_UNKNOWN, RULE_FALSE, RULE_TRUE };

struct rule_condition {
        struct rule *rule;
        enum rule_role role;
        struct rule_words words;
        bool is_bound; /* `is` is a value of its channel */
        struct sconce_value is;
        char *own_text;

        /* While it runs. */
        enum rule_truth truth;       /* what it was last; for all but events of `when` and `cancel` */
        bool is_due;                 /* it was true from the start, and its rule is to act for that */
        struct rule_condition *next; /* the next that looks at the same device */
        bool was_missed;             /* its channel was not there, and that has been logged */
};

struct rule_action {
        struct rule_words words;
        char *failure; /* what was last logged of it; NULL: it went well */
};

struct rule {
        char *name;
        struct rule_condition *conditions; /* by role */
        size_t n_conditions;
        struct rule_action *actions;
        size_t n_actions;
        uint64_t delay_us;
        bool at_start; /* what is true from the start counts as having become true */

        /* While it runs. */
        struct rule_run *run;
        struct timer *delay;    /* NULL without a delay */
        uint64_t due_us;        /* the end of its delay */
        uint64_t resume_due_us; /* an earlier run has waited until then, and it is not decided yet; 0: nothing */
        uint64_t
                late_due_us; /* what it waits for was due then, before this process was there or awake; 0: it is in time */
};

/* Reads a section. Where problems were added its words are left out, so that the others can be checked too:
 * such a rule is not to run. -EINVAL: not even the section's keys are right; -ENOMEM. */
int rule_new(const struct config_section *section, struct problems *problems, struct rule **ret) MUST_CHECK;
void rule_free(struct rule *rule);
/* The same section; how far they are does not count. */
bool rule_same(const struct rule *a, const struct rule *b);
uint64_t rule_hash(const struct rule *rule); /* of the same */

const char *rule_role_key(enum rule_role role);

DEFINE_CLEANUP(struct rule, rule_free);
#define CLEANUP_RULE CLEANUP(rule_freep)
