/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sconce's plugin SDK: a device that the kernel shows as a directory of sysfs, found by what people call it.
 *
 * The directories of a class or bus are a prefix and a number (hwmon2, iio:device0), and the number may change at the
 * next boot, or when a driver comes and goes. So a config names a device by what one of its files says ("lm75"), by a
 * part of its path (its address "1-0048"), or by its directory. A plugin finds it in `start`, asks in `read` whether
 * it is still there, and finds it again when it is not.
 *
 * These functions read files, which waits for their driver: for blocking plugins. The header is all there is: nothing
 * is linked, and it needs no more of the host than <sconce/plugin.h> does.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sconce/plugin.h>

#define SCONCE_SYSFS_DIR_MAX 48

/* What to look for, filled by the plugin; its texts are borrowed. */
struct sconce_sysfs {
        const char *noun;               /* in sentences for people: "chip" */
        const char *root;               /* where the directories are: "/sys/class/hwmon" */
        const char *prefix;             /* of their names, before the number: "hwmon" */
        const char *files[3];           /* which of a directory's files say what it is called; NULL ends them */
        const char *wanted;             /* what the config calls it */
        char dir[SCONCE_SYSFS_DIR_MAX]; /* found: "hwmon2" */
        char real[PATH_MAX];            /* what that was when it was found: numbers are given again */
};

/* The path of a file of the device's directory.
 * before, name, after: the parts of its name, "" for none.
 * path:                gets it. */
static inline void sconce_sysfs_path(const struct sconce_sysfs *sysfs, const char *before, const char *name,
                                     const char *after, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/%s/%s%s%s", sysfs->root, sysfs->dir, before, name, after);
}

/* True when the directory is what is wanted. For the functions below. */
static inline bool sconce_sysfs_is_(const struct sconce_sysfs *sysfs, const char *dir)
{
        char path[PATH_MAX], real[PATH_MAX], text[64], part[NAME_MAX + 3];

        for (size_t i = 0; i < sizeof(sysfs->files) / sizeof(sysfs->files[0]) && sysfs->files[i]; i++) {
                (void)snprintf(path, sizeof(path), "%s/%s/%s", sysfs->root, dir, sysfs->files[i]);
                if (sconce_read_line(path, text, sizeof(text)) == 0 && strcmp(text, sysfs->wanted) == 0)
                        return true;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", sysfs->root, dir);
        if (!realpath(path, real))
                return false;
        /* The root has links to where the devices are: …/i2c-1/1-0048/hwmon/hwmon2 */
        (void)snprintf(part, sizeof(part), "/%.*s/", NAME_MAX, sysfs->wanted);
        return strcmp(dir, sysfs->wanted) == 0 || strstr(real, part);
}

/* What the found directory is a link to; "" when it is gone. */
static inline void sconce_sysfs_real_(const struct sconce_sysfs *sysfs, char real[static PATH_MAX])
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", sysfs->root, sysfs->dir);
        if (!realpath(path, real))
                real[0] = '\0';
}

/* True for the prefix and a number. */
static inline bool sconce_sysfs_fits_(const struct sconce_sysfs *sysfs, const char *name)
{
        size_t length = strlen(sysfs->prefix);

        return strncmp(name, sysfs->prefix, length) == 0 && name[length] &&
               strspn(name + length, "0123456789") == strlen(name + length) && strlen(name) < SCONCE_SYSFS_DIR_MAX;
}

/* Finds the one directory that is wanted.
 * sysfs: what to look for; on success `dir` and `real` are set.
 * Returns, with the sentence set: -ENOENT: there is none; -ENOTUNIQ: there are several. Any callback of a blocking
 * plugin. */
static inline int sconce_sysfs_find(struct sconce_device *dev, struct sconce_sysfs *sysfs)
{
        char all[128] = "";
        struct dirent **entries = NULL;
        int count = scandir(sysfs->root, &entries, NULL, versionsort), found = 0;

        for (int i = 0; i < count; i++) {
                const char *name = entries[i]->d_name;
                if (sconce_sysfs_fits_(sysfs, name) && sconce_sysfs_is_(sysfs, name)) {
                        size_t used = strlen(all);
                        (void)snprintf(all + used, sizeof(all) - used, "%s%s", found++ ? ", " : "", name);
                        (void)snprintf(sysfs->dir, sizeof(sysfs->dir), "%.*s", SCONCE_SYSFS_DIR_MAX - 1, name);
                }
                free(entries[i]);
        }
        free(entries);
        if (found == 1) {
                sconce_sysfs_real_(sysfs, sysfs->real);
                return 0;
        }
        if (found == 0)
                sconce_error(dev, "there is no %s \"%s\" in %s", sysfs->noun, sysfs->wanted, sysfs->root);
        else
                sconce_error(dev, "%d %ss are called \"%s\": %s; name one by its address, part of its path", found,
                             sysfs->noun, sysfs->wanted, all);
        sysfs->real[0] = '\0'; /* what was found before is not there any more */
        return found == 0 ? -ENOENT : -ENOTUNIQ;
}

/* True when the device is where it was found, and is still what is wanted. */
static inline bool sconce_sysfs_is_there(const struct sconce_sysfs *sysfs)
{
        char real[PATH_MAX];

        sconce_sysfs_real_(sysfs, real);
        return real[0] && strcmp(real, sysfs->real) == 0 && sconce_sysfs_is_(sysfs, sysfs->dir);
}

/* Calls `each` for every file of the device's directory in natural order (temp2 before temp10), until one call fails.
 * each:     gets the file's name; returns 1: it has a value, 0: it has none, or a negative errno.
 * instance: handed on.
 * Returns 0; the error of the call that failed; with the sentence set, -ENODATA: no file has a value, or why the
 * directory cannot be read. */
static inline int sconce_sysfs_each(struct sconce_device *dev, const struct sconce_sysfs *sysfs,
                                    int (*each)(struct sconce_device *dev, void *instance, const char *file),
                                    void *instance)
{
        char path[PATH_MAX];
        struct dirent **entries = NULL;
        int r = 0, taken = 0;

        (void)snprintf(path, sizeof(path), "%s/%s", sysfs->root, sysfs->dir);
        int count = scandir(path, &entries, NULL, versionsort);
        if (count < 0) {
                r = -errno;
                sconce_error(dev, "%s: cannot be read: %s", path, strerror(-r));
                return r;
        }
        for (int i = 0; i < count; i++) {
                if (r >= 0)
                        r = each(dev, instance, entries[i]->d_name);
                taken += r > 0;
                free(entries[i]);
        }
        free(entries);
        if (r < 0 || taken > 0)
                return r < 0 ? r : 0;
        sconce_error(dev, "the %s %s has nothing to read", sysfs->noun, sysfs->wanted);
        return -ENODATA;
}
