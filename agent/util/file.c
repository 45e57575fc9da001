/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

static const char *kind_of(mode_t mode)
{
        static const struct {
                mode_t type;
                const char *name;
        } kinds[] = {
                { S_IFDIR, "a directory" }, { S_IFIFO, "a FIFO" },   { S_IFSOCK, "a socket" },
                { S_IFCHR, "a device" },    { S_IFBLK, "a device" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                if ((mode & S_IFMT) == kinds[i].type)
                        return kinds[i].name;
        }
        return "something else";
}

static int check_regular(const struct stat *status, struct fault *fault)
{
        if (S_ISREG(status->st_mode))
                return 0;
        return fault_set(fault, -EINVAL, "is not a regular file but %s", kind_of(status->st_mode));
}

static int unreadable(int error, struct fault *fault)
{
        return fault_set(fault, -error, "cannot be read: %s", strerror(error));
}

/* Checks before it opens, because opening acts on some devices, and again afterwards: the name may mean another file by
 * then. */
static int open_regular(const char *path, struct stat *ret_status, struct fault *fault)
{
        struct stat status;
        if (stat(path, &status) < 0)
                return unreadable(errno, fault);
        int r = check_regular(&status, fault);
        if (r < 0)
                return r;
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &status) < 0)
                return unreadable(errno, fault);
        r = check_regular(&status, fault);
        if (r < 0)
                return r;
        *ret_status = status;
        return TAKE_FD(fd);
}

/* Reads until the end rather than st_size bytes: the file may grow, and files in /proc say 0. */
static int read_all(int fd, size_t max_bytes, struct file *file, struct fault *fault)
{
        size_t room = 0;
        for (;;) {
                if (file->size + 1 >= room) {
                        room = room ? room * 2 : 4096;
                        char *grown = realloc(file->data, room);
                        if (!grown)
                                return unreadable(ENOMEM, fault);
                        file->data = grown;
                }
                ssize_t n = read(fd, file->data + file->size, room - file->size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return unreadable(errno, fault);
                file->size += (size_t)n;
                file->data[file->size] = '\0';
                if (file->size > max_bytes)
                        return fault_set(fault, -EFBIG, "is larger than %zu KiB", max_bytes / 1024);
                if (n == 0)
                        return 0;
        }
}

int file_read(const char *path, size_t max_bytes, struct file *ret, struct fault *fault)
{
        struct file file = { 0 };
        CLEANUP_CLOSE int fd = open_regular(path, &file.status, fault);
        if (fd < 0)
                return fd;
        int r = read_all(fd, max_bytes, &file, fault);
        if (r < 0) {
                file_done(&file);
                return r;
        }
        *ret = file;
        return 0;
}

int file_check(const char *path, struct fault *fault)
{
        struct stat status;
        CLEANUP_CLOSE int fd = open_regular(path, &status, fault);
        return fd < 0 ? fd : 0;
}

void file_done(struct file *file)
{
        free(file->data);
        *file = (struct file){ 0 };
}

void file_give_to_owner(int fd, const char *path)
{
        CLEANUP_FREE char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
        struct stat st;

        if (geteuid() == 0 && dir && stat(dir, &st) == 0)
                (void)!fchown(fd, st.st_uid, st.st_gid);
}
