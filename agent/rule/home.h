/* SPDX-License-Identifier: Apache-2.0 */
/* What rules need of the home that they run in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "channel/cause.h"
#include "channel/channels.h"
#include "util/loop.h"

struct rule_condition;

/* A device as it is at this moment. */
struct rule_device {
        struct rule_condition *conditions; /* that look at it, as rule_home.watch() was given them */
        const struct channels *channels;
        bool is_configured;    /* its section is valid: the channels that it declares are known */
        bool is_running;       /* its start is over */
        bool has_failed;       /* its start, or it has no valid section */
        bool has_fault;        /* as its `error` topic has it */
        bool has_status;       /* one has been published */
        bool published_online; /* the last one */
        bool has_reported;     /* since its start */
        uint64_t commanded_us; /* its newest command in this process, by when that was due; 0: none yet */
        unsigned depth;        /* of the rule whose command it is carrying out; 0: none */
};

struct rule_home {
        struct loop *loop; /* NULL: rules are checked here, and do not run */
        const char *node;  /* this one's name, where they are checked; NULL: it is not known */
        /* False: there is no such device. */
        bool (*find)(void *userdata, const char *id, struct rule_device *ret);
        /* The ids of all devices, by index; NULL after the last. */
        const char *(*id)(void *userdata, size_t index);
        /* From now on the rules hear of the device, with these conditions; NULL: no rule looks at it. */
        void (*watch)(void *userdata, const char *id, struct rule_condition *conditions);
        /* Like a command from outside, without a limit of its rate. rules_result() gets its result, at once or later.
         * -ENODEV: there is no such device. */
        int (*command)(void *userdata, const char *id, const char *channel, const char *payload,
                       const struct command_cause *cause);
        /* The same for a device of another node: it goes out now or never. */
        void (*command_other)(void *userdata, const struct distant_command *command);
        bool (*reaches_others)(void *userdata); /* whether it would go out */
        /* What a rule waits for outlives the process, in the same boot: until when (0: it waits no more), and a hash of
         * the rule. kept() gives that back, 0: nothing. Both NULL: nothing is kept. */
        void (*keep)(void *userdata, const char *rule, uint64_t hash, uint64_t due_us);
        uint64_t (*kept)(void *userdata, const char *rule, uint64_t hash);
        /* For the node's list; NULL: it is over. */
        void (*problem)(void *userdata, const char *text);
        void *userdata;
};

static inline bool rule_home_find(const struct rule_home *home, const char *id, struct rule_device *ret)
{
        return home->find(home->userdata, id, ret);
}
