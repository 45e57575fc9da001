/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scratch.h"

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

bool scratch_remove(const char *dir)
{
        char command[SCRATCH_MAX + 8];

        (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
        return system(command) == 0;
}

bool scratch_leave(const char *dir)
{
        return chdir("/") == 0 && scratch_remove(dir);
}
