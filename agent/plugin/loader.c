/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/synonyms.h"
#include "util/suggest.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

#define SUFFIX ".so"

int loader_init(struct loader *loader, const char *dir)
{
        *loader = (struct loader){ .dir = strdup(dir) };
        return loader->dir ? 0 : -ENOMEM;
}

static void loaded_done(struct loaded *item)
{
        free(item->name);
        plugin_free(item->plugin);
}

void loader_done(struct loader *loader)
{
        for (size_t i = 0; i < loader->count; i++)
                loaded_done(&loader->items[i]);
        free(loader->items);
        free(loader->dir);
        *loader = (struct loader){ 0 };
}

/* ---- One file ------------------------------------------------------------------------------------------ */

/* "…/lamp.so" -> "lamp" */
static void name_of(const char *path, char name[static 256])
{
        const char *base = strrchr(path, '/');
        base = base ? base + 1 : path;
        size_t length = strlen(base);

        if (length > strlen(SUFFIX) && strcmp(base + length - strlen(SUFFIX), SUFFIX) == 0)
                length -= strlen(SUFFIX);
        (void)snprintf(name, 256, "%.*s", (int)MIN(length, 255U), base);
}

static void dl_closep(void **handle)
{
        if (*handle)
                (void)dlclose(*handle);
}

static int check_file_name(const struct plugin *plugin, const char *path, struct fault *fault)
{
        char name[256];

        name_of(path, name);
        if (strcmp(plugin->table.name, name) == 0)
                return 0;
        return fault_set(fault, -EINVAL, "%s: refused: it calls itself \"%s\"; rename the file to %s.so", path,
                         plugin->table.name, plugin->table.name);
}

int plugin_load(const char *path, struct fault *fault, struct plugin **ret)
{
        CLEANUP(dl_closep) void *handle = NULL;
        CLEANUP_PLUGIN struct plugin *plugin = NULL;
        CLEANUP_FREE char *full = realpath(path, NULL);
        struct fault why = { 0 };

        /* A bare name would be looked for in the system's library path. */
        if (!full)
                return fault_set(fault, -errno, "%s: cannot be opened: %s", path, strerror(errno));
        if (file_check(full, &why) < 0)
                return fault_set(fault, why.code, "%s: %s", path, why.text);
        handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
                return fault_set(fault, -ENOEXEC, "%s: cannot be loaded: %s", path, dlerror());
        const struct sconce_module *module = dlsym(handle, "sconce_module");
        if (!module)
                return fault_set(fault, -ENOEXEC, "%s: is no Sconce plugin: it has no symbol sconce_module", path);
        int r = plugin_new(module, &why, &plugin);
        if (r < 0)
                return fault_set(fault, r, "%s: refused: %s", path, why.text);
        r = check_file_name(plugin, path, fault);
        if (r < 0)
                return r;
        plugin->file = TAKE_PTR(full);
        *ret = TAKE_PTR(plugin);
        handle = NULL; /* for ever */
        return 0;
}

/* ---- The directory ------------------------------------------------------------------------------------- */

static int is_plugin_file(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);

        return entry->d_name[0] != '.' && length > strlen(SUFFIX) &&
               strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

int plugin_names(const char *dir, char ***ret, size_t *ret_count)
{
        struct dirent **entries = NULL;
        int count = scandir(dir, &entries, is_plugin_file, alphasort);

        if (count < 0)
                return -errno;
        char **names = calloc((size_t)count + 1, sizeof(*names));
        for (int i = 0; i < count; i++) {
                char name[256];
                name_of(entries[i]->d_name, name);
                if (names)
                        names[i] = strdup(name);
                free(entries[i]);
        }
        free(entries);
        if (!names)
                return -ENOMEM;
        *ret = names;
        *ret_count = (size_t)count;
        return 0;
}

/* Says which plugins there are, and which was probably meant. */
static int not_found(const struct loader *loader, const char *name, struct fault *fault)
{
        struct suggestion near = { .wanted = name, .synonyms = plugin_synonyms };
        char hint[SUGGESTION_MAX], list[200] = "";
        char **names = NULL;
        size_t count = 0;
        int r = plugin_names(loader->dir, &names, &count);

        if (r < 0)
                return fault_set(fault, -ENOENT, "there is no plugin \"%.64s\": the directory %s: %s", name,
                                 loader->dir, strerror(-r));
        for (size_t i = 0; i < count && names[i]; i++) {
                suggestion_offer(&near, names[i]);
                text_list_add(list, sizeof(list), names[i]);
        }
        (void)suggestion_text(&near, hint);
        for (size_t i = 0; i < count; i++)
                free(names[i]);
        free(names);
        return fault_set(fault, -ENOENT, "there is no plugin \"%.64s\"; there are: %s%s", name, count ? list : "none",
                         hint);
}

static int remember(struct loader *loader, const char *name, struct plugin *plugin, const struct fault *fault)
{
        struct loaded *items = realloc(loader->items, (loader->count + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        loader->items = items;
        char *copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        struct loaded *item = &items[loader->count++];
        *item = (struct loaded){ .name = copy, .plugin = plugin, .fault = *fault };
        if (plugin && stat(plugin->file, &item->file) < 0)
                item->file = (struct stat){ 0 };
        return 0;
}

static int load(struct loader *loader, const char *name, struct fault *fault, const struct plugin **ret)
{
        CLEANUP_PLUGIN struct plugin *plugin = NULL;
        CLEANUP_FREE char *path = NULL;
        struct fault why = { 0 };

        if (asprintf(&path, "%s/%s" SUFFIX, loader->dir, name) < 0) {
                path = NULL;
                return fault_set(fault, -ENOMEM, "out of memory");
        }
        if (access(path, F_OK) < 0)
                return not_found(loader, name, fault);
        int r = plugin_load(path, &why, &plugin);
        if (r < 0)
                log_warning("plugin %s; its devices stay offline, the others are not concerned", why.text);
        if (remember(loader, name, plugin, &why) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        if (r < 0)
                return fault_set(fault, r, "plugin %s", why.text);
        *ret = TAKE_PTR(plugin);
        return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void publish_if_changed(struct loaded *item)
{
        struct stat now = { 0 };

        if (stat(item->plugin->file, &now) < 0 || same_file(&now, &item->file))
                return;
        log_notice("plugin %s: its file has changed; the running code stays until the agent is restarted", item->name);
        item->file = now;
}

void loader_refresh(struct loader *loader)
{
        size_t kept = 0;

        for (size_t i = 0; i < loader->count; i++) {
                struct loaded *item = &loader->items[i];
                if (!item->plugin) {
                        loaded_done(item);
                        continue;
                }
                publish_if_changed(item);
                loader->items[kept++] = *item;
        }
        loader->count = kept;
}

int loader_get(struct loader *loader, const char *name, struct fault *fault, const struct plugin **ret)
{
        for (size_t i = 0; i < loader->count; i++) {
                const struct loaded *item = &loader->items[i];
                if (strcmp(item->name, name) != 0)
                        continue;
                if (!item->plugin)
                        return fault_set(fault, item->fault.code, "plugin %s", item->fault.text);
                *ret = item->plugin;
                return 0;
        }
        return load(loader, name, fault, ret);
}
