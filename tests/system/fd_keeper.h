/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for systemd's store of fds: takes what a daemon sends with FDSTORE=1, lets go at FDSTOREREMOVE=1, answers
 * BARRIER=1, and gives all it has to the next process, as sd_listen_fds(3) finds them.
 */
#pragma once

#include <sys/types.h>

#include "system/pump.h"

#define FD_KEEPER_MAX 32

struct fd_keeper {
        struct pump_source source;
        struct {
                char *name;
                int fd;
        } items[FD_KEEPER_MAX];
        size_t count;
        unsigned n_ready; /* how often READY=1 has come */
};

void fd_keeper_open(struct fd_keeper *keeper, const char *path);
void fd_keeper_close(struct fd_keeper *keeper); /* and all that it has */
/* One by a name that begins like this is there, or none, soon. */
void fd_keeper_wait(struct fd_keeper *keeper, const char *begin, bool is_there);
bool fd_keeper_has(const struct fd_keeper *keeper, const char *begin);
/* In the child, before it executes the daemon: for process_options. */
unsigned fd_keeper_give(const struct fd_keeper *keeper);
