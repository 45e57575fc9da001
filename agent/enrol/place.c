/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "util/file.h"

#define READ_MAX (1U << 20)

static void unlock(struct place *place)
{
        if (place->is_locked)
                (void)close(place->lock);
        place->is_locked = false;
}

/* The same lock as pair.c's. */
int place_lock(struct place *place, const char *below, struct fault *fault)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", place->directory, below);
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
                place->lock = TAKE_FD(fd);
                place->is_locked = true;
                return 0;
        }
        int error = errno;
        return error == EWOULDBLOCK
                       ? fault_set(fault, -EBUSY,
                                   "%s: a certificate is being renewed there just now: run this again in a minute",
                                   path)
                       : fault_set(fault, -error, "%s: %s", path, strerror(error));
}

static int full(const char *path, struct fault *fault)
{
        return fault_set(fault, -EIO, "%s: cannot be written: is the disk full? Nothing was installed", path);
}

/* The directory may belong to a service: what it has put there under our name is not followed. */
static int write_beside(const struct place *place, const char *path, const char *text, mode_t mode)
{
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        size_t at = 0, size = strlen(text);

        while (fd >= 0 && at < size) {
                ssize_t n = write(fd, text + at, size - at);
                if (n < 0 && errno != EINTR)
                        return -errno;
                at += n > 0 ? (size_t)n : 0;
        }
        if (fd < 0 || (place->has_owner && fchown(fd, place->uid, place->gid) < 0) || fchmod(fd, mode) < 0 ||
            fsync(fd) < 0)
                return -errno;
        return 0;
}

static bool reads_back(const char *path, const char *text)
{
        struct file there;

        if (file_read(path, READ_MAX, &there, NULL) < 0)
                return false;
        bool is_same = there.size == strlen(text) && memcmp(there.data, text, there.size) == 0;
        explicit_bzero(there.data, there.size);
        file_done(&there);
        return is_same;
}

int place_prepare(struct place *place, const char *at, const char *text, mode_t mode, struct fault *fault)
{
        const char *slash = strrchr(at, '/');
        int directory = slash ? (int)(slash - at + 1) : 0;
        char **beside = &place->beside[place->count], ** final = &place->final[place->count];

        if (place->count >= PLACE_FILES_MAX)
                return fault_set(fault, -ENOMEM, "too many files");
        if (asprintf(final, "%s/%s", place->directory, at) < 0)
                *final = NULL;
        if (asprintf(beside, "%s/%.*s.new.%s", place->directory, directory, at, at + directory) < 0)
                *beside = NULL;
        place->count++;
        if (!*final || !*beside)
                return fault_set(fault, -ENOMEM, "out of memory");
        (void)unlink(*beside);
        if (write_beside(place, *beside, text, mode) < 0 || !reads_back(*beside, text))
                return full(*final, fault);
        return 0;
}

/* So that a power cut does not leave the names of before with the key of after. */
static void sync_directory(const char *path)
{
        CLEANUP_FREE char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
        CLEANUP_CLOSE int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

        if (fd >= 0)
                (void)fsync(fd);
}

int place_all(struct place *place, struct fault *fault)
{
        for (size_t i = 0; i < place->count; i++) {
                if (rename(place->beside[i], place->final[i]) < 0)
                        return fault_set(fault, -errno, "%s: %s: run this again", place->final[i], strerror(errno));
                free(place->beside[i]);
                place->beside[i] = NULL;
        }
        for (size_t i = 0; i < place->count; i++)
                sync_directory(place->final[i]);
        unlock(place);
        return 0;
}

void place_done(struct place *place)
{
        for (size_t i = 0; i < place->count; i++) {
                if (place->beside[i])
                        (void)unlink(place->beside[i]);
                free(place->beside[i]);
                free(place->final[i]);
        }
        place->count = 0;
        unlock(place);
}

static int make_one(const char *path, mode_t mode)
{
        return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int place_make_directory(const struct place *place, const char *below, mode_t mode, struct fault *fault)
{
        char path[PATH_MAX];
        mode_t before = umask(0777 & ~mode);
        int n = snprintf(path, sizeof(path), *below ? "%s/%s" : "%s%s", place->directory, below), r = 0;

        for (char *slash = strchr(path + 1, '/'); n > 0 && slash && r == 0; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = make_one(path, mode);
                *slash = '/';
        }
        if (r == 0)
                r = make_one(path, mode);
        (void)umask(before);
        return r < 0 ? fault_set(fault, r, "%s: cannot be created: %s; nothing was installed", path, strerror(-r)) : 0;
}
