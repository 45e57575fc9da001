/* SPDX-License-Identifier: Apache-2.0 */
#include "client/command.h"

const struct client_command *const client_commands[] = {
        &command_list,  &command_get,    &command_set,    &command_trend, &command_watch,  &command_history,
        &command_nodes, &command_forget, &command_import, &command_join,  &command_doctor, NULL,
};
