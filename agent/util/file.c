/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* ---- Writing --------------------------------------------------------------------------------------------------- */

/* A key stays as private as it was: the mode counts before there is a byte in it. */
static int make_like(int fd, const char *like)
{
        struct stat st;

        if (stat(like, &st) < 0)
                return -errno;
        (void)!fchown(fd, geteuid() == 0 ? st.st_uid : (uid_t)-1, st.st_gid);
        return fchmod(fd, st.st_mode & 0777) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                ssize_t n = write(fd, text, left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                left -= (size_t)n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, const char *like, const char *text, struct fault *fault)
{
        (void)unlink(path);
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return fault_set(fault, -errno, "%s cannot be written: %s", path, strerror(errno));
        int r = make_like(fd, like);
        if (r == 0)
                r = write_all(fd, text);
        if (r == 0)
                return 0;
        (void)unlink(path);
        return fault_set(fault, r, "%s cannot be written: %s", path, strerror(-r));
}

/* Some file systems cannot; a renamed file is renamed. */
static void sync_directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');
        CLEANUP_FREE char *name = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
        CLEANUP_CLOSE int fd = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

        if (fd >= 0)
                (void)fsync(fd);
}

int file_rename(const char *from, const char *to, struct fault *fault)
{
        if (rename(from, to) < 0)
                return fault_set(fault, -errno, "%s cannot become %s: %s", from, to, strerror(errno));
        sync_directory_of(to);
        return 0;
}

void file_give_to_owner(int fd, const char *path)
{
        CLEANUP_FREE char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
        struct stat st;

        if (geteuid() == 0 && dir && stat(dir, &st) == 0)
                (void)!fchown(fd, st.st_uid, st.st_gid);
}
