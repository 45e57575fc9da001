/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

enum { FILE_MAX = 16 << 20 };

static bool copy_link(const char *from, const char *to)
{
        char target[512] = "";
        return readlink(from, target, sizeof(target) - 1) > 0 && symlink(target, to) == 0;
}

static bool copy_file(const char *from, const char *to, const struct stat *status)
{
        CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
        CLEANUP_CLOSE int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        for (off_t at = 0; in >= 0 && out >= 0 && at < status->st_size;)
                if (sendfile(out, in, &at, (size_t)(status->st_size - at)) <= 0)
                        return false;
        return in >= 0 && out >= 0 && fchown(out, status->st_uid, status->st_gid) == 0 &&
               fchmod(out, status->st_mode & 07777) == 0;
}

static bool copy_directory(const char *from, const char *to, const struct stat *status)
{
        bool is_done = mkdir(to, 0700) == 0;
        DIR *listing = is_done ? opendir(from) : NULL;

        for (struct dirent *entry; is_done && listing && (entry = readdir(listing));) {
                char in[512], out[512];
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                is_done = (size_t)snprintf(in, sizeof(in), "%s/%s", from, entry->d_name) < sizeof(in) &&
                          (size_t)snprintf(out, sizeof(out), "%s/%s", to, entry->d_name) < sizeof(out) &&
                          copy_tree(in, out);
        }
        if (listing)
                (void)closedir(listing);
        return is_done && listing && chown(to, status->st_uid, status->st_gid) == 0 &&
               chmod(to, status->st_mode & 07777) == 0;
}

bool copy_tree(const char *from, const char *to)
{
        struct stat status;

        if (lstat(from, &status) < 0)
                return false;
        if (S_ISLNK(status.st_mode))
                return copy_link(from, to);
        return S_ISDIR(status.st_mode) ? copy_directory(from, to, &status) : copy_file(from, to, &status);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
        (void)status;
        (void)type;
        (void)at;
        (void)remove(path);
        return 0;
}

void copy_remove(const char *path)
{
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool same_content(const char *one, const char *other)
{
        struct file a, b;

        if (file_read(one, FILE_MAX, &a, NULL) < 0)
                return false;
        bool is_read = file_read(other, FILE_MAX, &b, NULL) == 0;
        bool is_same = is_read && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
        if (is_read)
                file_done(&b);
        file_done(&a);
        return is_same;
}

bool copy_is_same(const char *one, const char *other)
{
        struct stat a, b;
        char target[512] = "", other_target[512] = "";

        if (lstat(one, &a) < 0 || lstat(other, &b) < 0 || a.st_mode != b.st_mode || a.st_uid != b.st_uid)
                return false;
        if (!S_ISLNK(a.st_mode))
                return same_content(one, other);
        return readlink(one, target, sizeof(target) - 1) > 0 &&
               readlink(other, other_target, sizeof(other_target) - 1) > 0 && strcmp(target, other_target) == 0;
}
