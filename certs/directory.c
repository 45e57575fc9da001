/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

#define LOCK_FILE "private/lock"
#define LOCK_S    30
#define FILE_MAX  (4U << 20)

static const char *const parts[] = { "private", "issued" };

int directory_read(const char *path, struct file *ret, struct fault *fault)
{
        struct fault why = { 0 };

        return file_read(path, FILE_MAX, ret, &why) < 0 ? fault_set(fault, why.code, "%s: %s", path, why.text) : 0;
}

static int fail_write(const char *dir, struct fault *fault)
{
        int code = errno;
        if (code == ENOSPC || code == EDQUOT || code == EFBIG)
                return fault_set(fault, -code, "%s: no space left on its disk; nothing was changed", dir);
        return fault_set(fault, -code, "%s: cannot be written to; nothing was changed", dir);
}

static int make_path(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                int r = mkdir(path, 0755);
                *slash = '/';
                if (r < 0 && errno != EEXIST)
                        return -errno;
        }
        return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

int directory_make(const char *dir, struct fault *fault)
{
        CLEANUP_FREE char *copy = strdup(dir);
        struct stat status;

        if (stat(dir, &status) == 0 && S_ISDIR(status.st_mode))
                return 0;
        mode_t before = umask(022);
        int r = copy ? make_path(copy) : -ENOMEM;
        (void)umask(before);
        return r < 0 ? fault_set(fault, r, "%s: cannot be created; choose another with -d, or use sudo", dir) : 0;
}

/* ---- Entering ---------------------------------------------------------------------------------------------------- */

/* The signer's service runs as a user who owns private/ and the authority's key, and nothing else of DIR. */
static bool is_signers(uid_t user)
{
        struct stat status;

        return lstat(parts[0], &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == user;
}

static int check_owner(const char *dir, struct fault *fault)
{
        uid_t user = geteuid();
        struct stat status;

        if (stat(".", &status) < 0)
                return fault_set(fault, -errno, "%s: %s", dir, strerror(errno));
        if (user != 0 && status.st_uid == 0 && is_signers(user))
                return 0;
        if (user != 0 && status.st_uid == 0)
                return fault_set(fault, -EPERM, "%s: belongs to root: run it as root (sudo sconce-pki …)", dir);
        if (status.st_uid != user || status.st_mode & (S_IWGRP | S_IWOTH))
                return fault_set(
                        fault, -EPERM,
                        "%s: must belong to you (user id %u) and be writable by nobody else: chown or chmod it, or "
                        "choose another with -d",
                        dir, user);
        return 0;
}

static int check_parts(const char *dir, struct fault *fault)
{
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                struct stat status;
                if (lstat(parts[i], &status) == 0 && !S_ISDIR(status.st_mode))
                        return fault_set(fault, -ENOTDIR, "%s/%s: must be a plain directory; move it away", dir,
                                         parts[i]);
        }
        return 0;
}

int directory_enter(const char *dir, struct fault *fault)
{
        if (chdir(dir) < 0)
                return fault_set(fault, -errno, "%s: cannot be entered; run sconce-pki as its owner (sudo?)", dir);
        int r = check_owner(dir, fault);
        return r < 0 ? r : check_parts(dir, fault);
}

int directory_fill(const char *dir, bool *ret_made, struct fault *fault)
{
        /* mosquitto's user must reach the files that are its business, not list the others. */
        static const mode_t modes[] = { 0700, 0711 };

        *ret_made = access(parts[0], F_OK) < 0;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if ((mkdir(parts[i], modes[i]) < 0 && errno != EEXIST) || chmod(parts[i], modes[i]) < 0)
                        return fail_write(dir, fault);
        return 0;
}

void directory_unmake(void)
{
        (void)unlink(REGISTRY_FILE);
        (void)unlink(REGISTRY_FILE "-journal");
        (void)unlink(LOCK_FILE);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                (void)rmdir(parts[i]);
}

/* ---- One run at a time ------------------------------------------------------------------------------------------- */

int directory_lock(const char *dir, int *ret_fd, struct fault *fault)
{
        static const struct timespec moment = { .tv_nsec = 50000000 };
        time_t until = time(NULL) + LOCK_S;
        struct stat status;
        CLEANUP_CLOSE int fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return fail_write(dir, fault);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)
                return fault_set(fault, -EBADMSG, "%s/" LOCK_FILE ": is not a file of sconce-pki's own", dir);
        file_give_to_owner(fd, LOCK_FILE);
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return fault_set(fault, -errno, "%s/" LOCK_FILE ": %s", dir, strerror(errno));
                if (time(NULL) >= until)
                        return fault_set(
                                fault, -EBUSY,
                                "%s: another sconce-pki has been running here for %d s; try again when it is done", dir,
                                LOCK_S);
                (void)nanosleep(&moment, NULL);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
        (void)status;
        (void)type;
        (void)place;
        (void)remove(path);
        return 0;
}

void directory_remove(const char *path)
{
        (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Not in private/: what is the signer's to write would lead root astray. */
static void sweep_passing(void)
{
        glob_t found = { 0 };

        if (glob("tmp.*", GLOB_NOSORT, NULL, &found) != 0)
                return;
        for (size_t i = 0; i < found.gl_pathc; i++)
                directory_remove(found.gl_pathv[i]);
        globfree(&found);
}

static bool ends_in_new(const char *name)
{
        size_t length = strlen(name);
        return length > 4 && strcmp(name + length - 4, ".new") == 0;
}

static void sweep_one(const char *directory)
{
        DIR *listing = opendir(directory);

        for (struct dirent *entry; listing && (entry = readdir(listing));)
                if (ends_in_new(entry->d_name))
                        (void)unlinkat(dirfd(listing), entry->d_name, 0);
        if (listing)
                (void)closedir(listing);
}

void directory_sweep(void)
{
        sweep_passing();
        sweep_one(".");
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                sweep_one(parts[i]);
}

/* ---- The signer's user ------------------------------------------------------------------------------------------- */

static int give(const char *path, const struct passwd *user)
{
        return lchown(path, user->pw_uid, user->pw_gid) == 0 || errno == ENOENT ? 0 : -errno;
}

int directory_give_to_signer(struct fault *fault)
{
        static const char *const files[] = { REGISTRY_FILE, LOCK_FILE, AUTHORITY_KEY };
        const struct passwd *user = geteuid() == 0 ? getpwnam(SIGNER_USER) : NULL;
        struct stat status;
        int r = 0;

        if (!user || lstat(parts[0], &status) < 0 || status.st_uid == user->pw_uid)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
                r = give(files[i], user);
        if (r == 0)
                r = give(parts[0], user);
        return r < 0 ? fault_set(fault, r, "%s: cannot be given to the user " SIGNER_USER ": %s", parts[0],
                                 strerror(-r))
                     : 0;
}

bool directory_is_ours(void)
{
        struct stat status;

        return stat(".", &status) == 0 && status.st_uid == geteuid();
}
