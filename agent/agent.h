/* SPDX-License-Identifier: Apache-2.0 */
/* One running agent: builds the parts from a config, owns them, reloads them, takes them down in reverse. */
#pragma once

#include "util/cleanup.h"
#include "util/macro.h"

struct agent;

struct agent_options {
        const char *config_path;
        const char *plugin_dir;
        int log_level; /* what SIGUSR1 returns to from debug */
};

enum agent_end {
        AGENT_STOP,       /* a signal asked for it */
        AGENT_RESTART,    /* the node's restart button: stopped cleanly, the program is to be executed again */
        AGENT_BAD_CONFIG, /* nothing was touched, and every problem has been logged */
};

int agent_new(const struct agent_options *options, struct agent **ret) MUST_CHECK;
int agent_run(struct agent *agent, enum agent_end *ret_end) MUST_CHECK;
void agent_free(struct agent *agent);

DEFINE_CLEANUP(struct agent, agent_free);
