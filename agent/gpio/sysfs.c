/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/text.h"

static int open_attribute(const char *dir, const char *name, int flags)
{
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        int fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int sysfs_read(const char *dir, const char *name, char *text, size_t size)
{
        CLEANUP_CLOSE int fd = open_attribute(dir, name, O_RDONLY);

        if (fd < 0)
                return fd;
        ssize_t n = read(fd, text, size - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return 0;
}

int sysfs_read_number(const char *dir, const char *name, uint64_t *ret)
{
        char text[32], *end;
        int r = sysfs_read(dir, name, text, sizeof(text));

        if (r < 0)
                return r;
        errno = 0;
        unsigned long long number = strtoull(text, &end, 10);
        if (errno || end == text || *end)
                return -EINVAL;
        *ret = number;
        return 0;
}

static int put(int fd, const char *text)
{
        ssize_t n = pwrite(fd, text, strlen(text), 0);
        return n < 0 ? -errno : 0;
}

int sysfs_write(const char *dir, const char *name, const char *text)
{
        CLEANUP_CLOSE int fd = open_attribute(dir, name, O_WRONLY);
        char line[64];

        if (fd < 0)
                return fd;
        (void)snprintf(line, sizeof(line), "%s\n", text);
        return put(fd, line);
}

int sysfs_write_number(const char *dir, const char *name, uint64_t number)
{
        char text[32];
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        return sysfs_write(dir, name, text);
}

int sysfs_open(const char *dir, const char *name)
{
        return open_attribute(dir, name, O_WRONLY);
}

int sysfs_put_number(int fd, uint64_t number)
{
        char text[32];
        (void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)number);
        return put(fd, text);
}

bool sysfs_is_in(const char *path, const char *part)
{
        char real[PATH_MAX], between[NAME_MAX + 3];

        (void)snprintf(between, sizeof(between), "/%.*s/", NAME_MAX, part);
        return *part && realpath(path, real) && strstr(real, between);
}

void sysfs_parent(const char *path, char *text, size_t size)
{
        char real[PATH_MAX], *end;

        text[0] = '\0';
        if (!realpath(path, real) || !(end = strrchr(real, '/')))
                return;
        *end = '\0';
        end = strrchr(real, '/');
        (void)snprintf(text, size, "%s", end ? end + 1 : real);
}

int sysfs_is_visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

void sysfs_list(const char *dir, char *text, size_t size)
{
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, sysfs_is_visible, versionsort);

        text[0] = '\0';
        for (int i = 0; i < n; i++) {
                text_list_add(text, size, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
}
