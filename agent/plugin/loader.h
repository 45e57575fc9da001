/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins by name, from one directory. A plugin is loaded when the first section asks for it, and its code
 * stays for the life of the process: threads, timers and texts may point into it. One that is refused is
 * named once, and its devices stay offline.
 */
#pragma once

#include <sys/stat.h>

#include "plugin/plugin.h"

struct loader {
        char *dir;
        struct loaded {
                char *name;
                struct plugin *plugin; /* NULL: refused */
                struct fault fault;    /* why */
                struct stat file;      /* as it was loaded */
        } * items;
        size_t count;
};

int loader_init(struct loader *loader, const char *dir) MUST_CHECK;
void loader_done(struct loader *loader);

/* The plugin of a name. -ENOENT: there is none, and the fault lists all; any other error: it was refused. */
int loader_get(struct loader *loader, const char *name, struct fault *fault, const struct plugin **ret) MUST_CHECK;

/* Before a reload: refused plugins are tried again. Those that run cannot be replaced; a changed file is logged. */
void loader_refresh(struct loader *loader);

/* Loads one file. */
int plugin_load(const char *path, struct fault *fault, struct plugin **ret) MUST_CHECK;

/* The names in a plugin directory, sorted; free each and the array. */
int plugin_names(const char *dir, char ***ret, size_t *ret_count) MUST_CHECK;
