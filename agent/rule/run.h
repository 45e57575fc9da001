/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that have been set off. They are carried out later, from the loop and in order, so that no plugin's callback is
 * on the stack. What one moment sets off is judged together before any of it acts; what follows from that has a turn of
 * its own, and nothing else has to wait.
 */
#pragma once

#include "channel/result.h"
#include "rule/home.h"
#include "rule/rule.h"

/* What is over sooner is not kept: a blinker would wear the disk out. */
#define RULE_KEPT_MIN_US (10 * USEC_PER_SEC)

/* How late an action may be after a restart, unless it switches off. */
#define RULE_LATE_MAX_US (60 * USEC_PER_SEC)

struct firing;

struct rule_run {
        struct rule_home home;
        struct firing *queue, **queue_end;
        struct timer *turn;
        uint64_t moment; /* of what happens now */
        bool is_acting;  /* several rules, of one moment */
        unsigned depth;  /* of the rule whose command is being carried out; 0: none is */
        char cut[256];   /* the last chain that was too long; "" since the last reload */
        bool is_stopped;
};

int run_init(struct rule_run *run, const struct rule_home *home) MUST_CHECK;
void run_done(struct rule_run *run);

/* A rule that is to run, with its delay. */
int run_add(struct rule_run *run, struct rule *rule) MUST_CHECK;
/* It runs no more: what it was set off for is dropped. */
void run_remove(struct rule_run *run, const struct rule *rule);
/* What an earlier run was waiting to do (rule->resume_due_us), once its devices are known: it goes on, is done now where
 * the time has just run out, or is dropped where that is long ago, but for what switches off. */
void run_resume(struct rule_run *run, struct rule *rule);
/* The rules are others than before. */
void run_reloaded(struct rule_run *run);
/* From here on nothing follows from anything. */
void run_stop(struct rule_run *run);

/* Its condition has come true at `time_us` (0: now), on a device that is as `device` has it. */
void run_set_off(struct rule_run *run, const struct rule_condition *condition, const struct rule_device *device,
                 uint64_t time_us);
/* What is set off from now on is of another moment. */
void run_moment_over(struct rule_run *run);

/* What became of the command of one of its actions. */
void run_result(struct rule *rule, size_t action, const struct result *result);
