/* SPDX-License-Identifier: Apache-2.0 */
#include "outside.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "directory.h"
#include "util/cleanup.h"
#include "util/file.h"

#define BESIDE   ".new"
#define FILE_MAX (4U << 20)

/* ---- What may be written ----------------------------------------------------------------------------------------- */

/*
 * The registry is the signer's to write, and root writes what stands in it. So that anyone who has taken over the signer has not
 * taken over root as well, nothing is written but what sconce-pki ever has to, each with its own use.
 */
static const struct {
        const char *path; /* with a * for a name */
        unsigned uses;    /* a bit for each enum file_use */
} forms[] = {
        { AUTHORITY_CERT, 1U << FILE_PUBLIC },
        { AUTHORITY_KEY, 1U << FILE_OF_SIGNER },
        { PREDECESSOR_CERT, 1U << FILE_OF_SIGNER | 1U << FILE_REMOVED },
        { PREDECESSOR_KEY, 1U << FILE_OF_SIGNER | 1U << FILE_REMOVED },
        { "private/signer.crt", 1U << FILE_OF_SIGNER },
        { "private/signer.key", 1U << FILE_OF_SIGNER },
        { CRL_FILE, 1U << FILE_PUBLIC },
        { ACL_FILE, 1U << FILE_OF_BROKER },
        { PSK_FILE, 1U << FILE_OF_BROKER },
        { "broker.crt", 1U << FILE_LINK },
        { "broker.key", 1U << FILE_LINK },
        { "issued/*.crt", 1U << FILE_PUBLIC },
        { "issued/*.key", 1U << FILE_SECRET | 1U << FILE_OF_BROKER | 1U << FILE_REMOVED },
        { "issued/*.tar", 1U << FILE_SECRET | 1U << FILE_REMOVED },
        { "issued/*.p12", 1U << FILE_SECRET | 1U << FILE_REMOVED },
};

/* Of a name or a host: no slash, and no dot first. */
static bool has_form(const char *path, size_t size, const char *form)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
        const char *star = strchr(form, '*');
        size_t before = star ? (size_t)(star - form) : 0, after = star ? strlen(star + 1) : 0;

        if (!star)
                return strlen(form) == size && memcmp(path, form, size) == 0;
        if (size <= before + after || memcmp(path, form, before) != 0 ||
            memcmp(path + size - after, star + 1, after) != 0 || path[before] == '.')
                return false;
        for (size_t i = before; i < size - after; i++)
                if (!path[i] || !strchr(letters, path[i]))
                        return false;
        return true;
}

/* broker.crt leads to issued/NAME.crt, broker.key to issued/NAME.key. */
static bool leads_to_issued(const struct outside_file *file)
{
        const char *form = strcmp(file->path, "broker.crt") == 0 ? "issued/*.crt" : "issued/*.key";

        return file->data && has_form(file->data, file->size, form);
}

static bool is_ours_to_write(const struct outside_file *file)
{
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
                if (has_form(file->path, strlen(file->path), forms[i].path))
                        return (unsigned)file->use <= FILE_REMOVED && forms[i].uses >> file->use & 1U &&
                               (file->use != FILE_LINK || leads_to_issued(file));
        return false;
}

static int check_form(const struct outside_file *file, struct fault *fault)
{
        return is_ours_to_write(file)
                       ? 0
                       : fault_set(fault, -EBADMSG,
                                   REGISTRY_FILE " has '%s' to be written, which sconce-pki never does: somebody has "
                                                 "changed it; bring it back from a backup",
                                   file->path);
}

/* ---- One file ---------------------------------------------------------------------------------------------------- */

static mode_t mode_of(enum file_use use)
{
        return use == FILE_PUBLIC ? 0644 : 0600;
}

/* mosquitto gives up root before it reads its files: the secret ones belong to its user where that exists. NULL: to us. */
static const struct passwd *owner_of(enum file_use use)
{
        return use == FILE_OF_BROKER && geteuid() == 0 ? getpwnam("mosquitto") : NULL;
}

static int give_to_owner(int fd, enum file_use use)
{
        const struct passwd *user = owner_of(use);
        return user && fchown(fd, user->pw_uid, user->pw_gid) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno != EINTR)
                        return -errno;
                data += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int write_beside(const char *path, const struct outside_file *file)
{
        (void)unlink(path);
        if (file->use == FILE_LINK) {
                CLEANUP_FREE char *target = strndup(file->data, file->size);
                return target && symlink(target, path) == 0 ? 0 : target ? -errno : -ENOMEM;
        }
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        int r = write_all(fd, file->data, file->size);
        if (r == 0)
                r = give_to_owner(fd, file->use);
        if (r == 0 && file->use == FILE_OF_SIGNER)
                file_give_to_owner(fd, REGISTRY_FILE);
        if (r == 0 && (fchmod(fd, mode_of(file->use)) < 0 || fsync(fd) < 0))
                r = -errno;
        return r;
}

/* A rename is on the disk when the directory is, and so is a removal. */
static int sync_directory_of(const char *path)
{
        CLEANUP_FREE char *directory = strdup(path);
        char *slash = directory ? strrchr(directory, '/') : NULL;

        if (!directory)
                return -ENOMEM;
        if (slash)
                *slash = '\0';
        CLEANUP_CLOSE int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

static bool is_link_to(const char *path, const void *target, size_t size)
{
        CLEANUP_FREE char *there = malloc(size + 1);
        return there && readlink(path, there, size + 1) == (ssize_t)size && memcmp(there, target, size) == 0;
}

/* From 2.1 on mosquitto ends at a reload whose list it cannot read, and newer ones want it to be their user's own. */
static bool is_as_given(const char *path, enum file_use use)
{
        const struct passwd *user = owner_of(use);
        struct stat there;

        return lstat(path, &there) == 0 && S_ISREG(there.st_mode) && (there.st_mode & 07777) == mode_of(use) &&
               (!user || (there.st_uid == user->pw_uid && there.st_gid == user->pw_gid));
}

static bool holds(const char *path, const struct outside_file *file)
{
        struct file there;

        if (file->use == FILE_REMOVED)
                return access(path, F_OK) < 0 && errno == ENOENT;
        if (file->use == FILE_LINK)
                return is_link_to(path, file->data, file->size);
        if (!is_as_given(path, file->use) || file_read(path, FILE_MAX, &there, NULL) < 0)
                return false;
        bool is_same = there.size == file->size && (there.size == 0 || memcmp(there.data, file->data, there.size) == 0);
        file_done(&there);
        return is_same;
}

bool outside_is(const struct outside_file *file)
{
        return is_ours_to_write(file) && holds(file->path, file);
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static int fail(const struct outside_file *file, int code, struct fault *fault)
{
        if (code == -ENOSPC || code == -EDQUOT || code == -EFBIG)
                return fault_set(fault, code, "%s: cannot be written: no space left on its disk", file->path);
        return fault_set(fault, code, "%s: cannot be written: %s", file->path, strerror(-code));
}

static int fail_reading_back(const struct outside_file *file, struct fault *fault)
{
        return fault_set(fault, -EIO, "%s: is not as it was written (content, owner or mode): is its disk in order?",
                         file->path);
}

static int prepare(const char *beside, const struct outside_file *file, struct fault *fault)
{
        int r = write_beside(beside, file);

        if (r < 0)
                return fail(file, r, fault);
        return holds(beside, file) ? 0 : fail_reading_back(file, fault);
}

static int prepare_one(void *userdata, const struct outside_file *file)
{
        CLEANUP_FREE char *beside = NULL;
        int r = check_form(file, userdata);

        if (r < 0 || file->use == FILE_REMOVED)
                return r;
        return asprintf(&beside, "%s" BESIDE, file->path) < 0 ? -ENOMEM : prepare(beside, file, userdata);
}

static int put_in_place(const char *beside, const struct outside_file *file, struct fault *fault)
{
        int r = holds(beside, file) ? 0 : prepare(beside, file, fault);

        if (r < 0)
                return r;
        if (rename(beside, file->path) < 0)
                return fail(file, -errno, fault);
        r = sync_directory_of(file->path);
        if (r < 0)
                return fail(file, r, fault);
        return outside_is(file) ? 0 : fail_reading_back(file, fault);
}

/* Where it is gone a run before may have been cut short before the disk had it. */
static int take_away(const struct outside_file *file, struct fault *fault)
{
        if (unlink(file->path) < 0 && errno != ENOENT)
                return fail(file, -errno, fault);
        int r = sync_directory_of(file->path);
        return r < 0 ? fail(file, r, fault) : 0;
}

static int publish_one(void *userdata, const struct outside_file *file)
{
        CLEANUP_FREE char *beside = NULL;
        int r = check_form(file, userdata);

        if (r < 0)
                return r;
        if (file->use == FILE_REMOVED)
                return take_away(file, userdata);
        return asprintf(&beside, "%s" BESIDE, file->path) < 0 ? -ENOMEM : put_in_place(beside, file, userdata);
}

int outside_write(const struct outside_file *file, struct fault *fault)
{
        return publish_one(fault, file);
}

int outside_prepare(struct registry *registry, struct fault *fault)
{
        return registry_each_file(registry, prepare_one, fault, fault);
}

int outside_publish(struct registry *registry, struct fault *fault)
{
        bool has_files = false;
        int r = registry_has_files(registry, &has_files, fault);

        if (r < 0 || !has_files)
                return r;
        r = registry_each_file(registry, publish_one, fault, fault);
        /* What cannot be forgotten for want of room is put in place once more by the next run. */
        if (r == 0)
                (void)!registry_forget_files(registry, NULL);
        return r;
}
