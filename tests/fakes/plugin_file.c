/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/plugin_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *build_dir(void)
{
        static char path[2048];
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

        if (length < 0)
                abort();
        path[length] = '\0';
        for (int i = 0; i < 3; i++)
                *strrchr(path, '/') = '\0';
        return path;
}

const char *plugin_file(const char *name)
{
        static char path[4096];

        (void)snprintf(path, sizeof(path), "%s/plugins/%s.so", build_dir(), name);
        return path;
}
