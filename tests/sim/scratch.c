/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool scratch_make(const char *name, char ret[SCRATCH_MAX])
{
        (void)snprintf(ret, SCRATCH_MAX, "%s/sconce-%s.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                       name);
        return mkdtemp(ret) != NULL;
}

bool scratch_enter(const char *name, char ret[SCRATCH_MAX])
{
        return scratch_make(name, ret) && chdir(ret) == 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
        (void)status;
        (void)kind;
        (void)at;
        return remove(path);
}

bool scratch_remove(const char *dir)
{
        return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

bool scratch_leave(const char *dir)
{
        return chdir("/") == 0 && scratch_remove(dir);
}
