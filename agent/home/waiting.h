/* SPDX-License-Identifier: Apache-2.0 */
/* A command that an interlock holds back: a copy, since the one that came is gone before it may go on. */
#pragma once

#include "channel/command.h"
#include "util/macro.h"

struct waiting {
        struct sconce_value values[COMMAND_VALUES_MAX];
        char *texts[COMMAND_VALUES_MAX];
        struct sconce_command command;
        uint64_t until_us; /* it is not wanted any more; 0: it is for good */
};

int waiting_new(const struct sconce_command *command, uint64_t until_us, struct waiting **ret) MUST_CHECK;
void waiting_free(struct waiting *waiting);
