/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/sim_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/text.h"

/* A record is "GPIO17 output sconced", padded with spaces, and a newline. */
#define RECORD_BYTES 80
/* The byte behind the records stands for the chip as a whole. */
#define CHIP_LOCK_AT ((off_t)SIM_LINES * RECORD_BYTES)

#define OPEN_SAFELY (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static const char *const pull_texts[] = { "pull-down\n", "pull-up\n" };
static const char *const level_texts[] = { "0\n", "1\n" };

/* ---- Files ------------------------------------------------------------------------------------------ */

static void line_file(char path[static 32], unsigned offset, const char *name)
{
        (void)snprintf(path, 32, "sim_gpio%u/%s", offset, name);
}

/* A regular file that has no second name elsewhere: what we write must not land in somebody's own file. */
static bool is_plain_file(int fd)
{
        struct stat st;
        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static int open_plain(int dir_fd, const char *path, int flags)
{
        CLEANUP_CLOSE int fd = openat(dir_fd, path, flags | OPEN_SAFELY);

        if (fd < 0)
                return -errno;
        if (!is_plain_file(fd))
                return -ELOOP;
        return TAKE_FD(fd);
}

static int read_first_line(int dir_fd, const char *path, char *text, size_t size)
{
        CLEANUP_CLOSE int fd = open_plain(dir_fd, path, O_RDONLY);

        if (fd < 0)
                return fd;
        ssize_t n = pread(fd, text, size - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return 0;
}

/* The index of the file's text, with or without its newline. */
static int read_choice(int dir_fd, const char *path, const char *const texts[2])
{
        char text[32];
        int r = read_first_line(dir_fd, path, text, sizeof(text));

        if (r < 0)
                return r;
        for (int i = 0; i < 2; i++)
                if (strncmp(texts[i], text, strlen(texts[i]) - 1) == 0 && strlen(text) == strlen(texts[i]) - 1)
                        return i;
        return -EINVAL;
}

/* The old text stays in place until the new one stands over it. */
static int write_in_place(int fd, const char *text, size_t size)
{
        ssize_t n = pwrite(fd, text, size, 0);

        if (n < 0)
                return -errno;
        if ((size_t)n != size)
                return -EIO;
        return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static int write_choice(int dir_fd, const char *path, const char *text)
{
        CLEANUP_CLOSE int fd = open_plain(dir_fd, path, O_WRONLY);
        return fd < 0 ? fd : write_in_place(fd, text, strlen(text));
}

/* What root makes in the service's directory belongs to the service, which could not use it otherwise. */
static void inherit_owner(int fd, int dir_fd, const char *dir)
{
        struct stat st;

        if (geteuid() == 0 && fstatat(dir_fd, dir, &st, AT_EMPTY_PATH) == 0)
                (void)!fchown(fd, st.st_uid, st.st_gid);
}

static int create_full(int dir_fd, const char *path, const char *text, size_t size)
{
        char fresh[64];
        (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
        (void)unlinkat(dir_fd, fresh, 0);

        CLEANUP_CLOSE int fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | OPEN_SAFELY, 0664);
        if (fd < 0)
                return -errno;
        inherit_owner(fd, dir_fd, "");
        int r = write_in_place(fd, text, size);
        if (r == 0 && renameat(dir_fd, fresh, dir_fd, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(dir_fd, fresh, 0);
        return r;
}

/* A plain file is there, with any content; anything else under its name is replaced. */
static int ensure_file(int dir_fd, const char *path, const char *text, size_t size)
{
        CLEANUP_CLOSE int fd = open_plain(dir_fd, path, O_RDWR);

        if (fd >= 0)
                return 0;
        if (fd == -EACCES || fd == -EPERM || fd == -EROFS)
                return fd;
        return create_full(dir_fd, path, text, size);
}

static int open_dir_at(int dir_fd, const char *name)
{
        bool is_new = mkdirat(dir_fd, name, 0755) == 0;
        if (!is_new && errno != EEXIST)
                return -errno;
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (is_new)
                inherit_owner(fd, fd, "..");
        return fd;
}

static int make_parents(const char *path)
{
        char part[PATH_MAX];

        for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

/* ---- Locks ------------------------------------------------------------------------------------------ */

static struct flock record_of(off_t start, off_t size, short type)
{
        return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = size };
}

void sim_lock(struct sim_dir *dir)
{
        struct flock chip = record_of(CHIP_LOCK_AT, 1, F_WRLCK);
        while (fcntl(dir->consumers_fd, F_OFD_SETLKW, &chip) < 0 && errno == EINTR)
                ;
}

void sim_unlock(struct sim_dir *dir)
{
        struct flock chip = record_of(CHIP_LOCK_AT, 1, F_UNLCK);
        (void)fcntl(dir->consumers_fd, F_OFD_SETLK, &chip);
}

static int write_record(struct sim_dir *dir, unsigned offset, const char *direction, const char *consumer)
{
        char record[RECORD_BYTES + 1];

        (void)snprintf(record, sizeof(record), "GPIO%-2u %-6s %-*.31s\n", offset, direction, RECORD_BYTES - 15,
                       consumer);
        ssize_t n = pwrite(dir->consumers_fd, record, RECORD_BYTES, (off_t)offset * RECORD_BYTES);
        return n < 0 ? -errno : n == RECORD_BYTES ? 0 : -EIO;
}

int sim_hold(struct sim_dir *dir, unsigned offset, bool output, const char *consumer)
{
        struct flock record = record_of((off_t)offset * RECORD_BYTES, RECORD_BYTES, F_WRLCK);

        if (fcntl(dir->consumers_fd, F_OFD_SETLK, &record) < 0)
                return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
        return write_record(dir, offset, output ? "output" : "input", consumer);
}

void sim_let_go(struct sim_dir *dir, unsigned offset)
{
        struct flock record = record_of((off_t)offset * RECORD_BYTES, RECORD_BYTES, F_UNLCK);

        (void)write_record(dir, offset, "-", "");
        (void)fcntl(dir->consumers_fd, F_OFD_SETLK, &record);
}

bool sim_held_elsewhere(struct sim_dir *dir, unsigned offset, bool *ret_output, char consumer[static GPIO_NAME_SIZE])
{
        struct flock record = record_of((off_t)offset * RECORD_BYTES, RECORD_BYTES, F_WRLCK);
        char text[RECORD_BYTES + 1] = "", direction[8] = "";

        consumer[0] = '\0';
        if (fcntl(dir->consumers_fd, F_OFD_GETLK, &record) < 0 || record.l_type == F_UNLCK)
                return false;
        (void)!pread(dir->consumers_fd, text, RECORD_BYTES, (off_t)offset * RECORD_BYTES);
        (void)sscanf(text, "GPIO%*u %7s %63[^\n]", direction, consumer);
        for (size_t n = strlen(consumer); n > 0 && consumer[n - 1] == ' '; n--)
                consumer[n - 1] = '\0';
        *ret_output = strcmp(direction, "output") == 0;
        return true;
}

/* ---- Lines ------------------------------------------------------------------------------------------ */

int sim_read_value(struct sim_dir *dir, unsigned offset)
{
        char path[32];
        line_file(path, offset, "value");
        return read_choice(dir->fd, path, level_texts);
}

int sim_read_pull(struct sim_dir *dir, unsigned offset)
{
        char path[32];
        line_file(path, offset, "pull");
        return read_choice(dir->fd, path, pull_texts);
}

int sim_write_pull(struct sim_dir *dir, unsigned offset, bool up)
{
        char path[32];
        line_file(path, offset, "pull");
        return write_choice(dir->fd, path, pull_texts[up]);
}

int sim_open_value(struct sim_dir *dir, unsigned offset)
{
        char path[32];
        line_file(path, offset, "value");
        return open_plain(dir->fd, path, O_WRONLY);
}

int sim_write_level(int value_fd, bool high)
{
        ssize_t n = pwrite(value_fd, level_texts[high], 2, 0);
        return n < 0 ? -errno : n == 2 ? 0 : -EIO;
}

uint64_t sim_log_edge(struct sim_dir *dir, unsigned offset, bool high)
{
        uint64_t now_ns = clock_monotonic_ns();
        char text[48];
        size_t n = text_decimal(now_ns, text);
        text[n++] = ' ';
        n += text_decimal(offset, text + n);
        memcpy(text + n, high ? " 1\n" : " 0\n", 3);
        /* A full disk loses the record, not the lamp. */
        (void)!write(dir->edges_fd, text, n + 3);
        return now_ns;
}

/* ---- The directory ---------------------------------------------------------------------------------- */

static int mend_names(struct sim_dir *dir)
{
        char wanted[SIM_LINES * 8], found[sizeof(wanted) + 1];
        size_t size = 0;

        for (unsigned i = 0; i < SIM_LINES; i++)
                size += (size_t)snprintf(wanted + size, sizeof(wanted) - size, "GPIO%u\n", i);
        int r = ensure_file(dir->fd, "names", wanted, size);
        if (r < 0)
                return r;
        CLEANUP_CLOSE int fd = open_plain(dir->fd, "names", O_RDWR);
        if (fd < 0)
                return fd;
        ssize_t n = pread(fd, found, sizeof(found), 0);
        if (n == (ssize_t)size && memcmp(found, wanted, size) == 0)
                return 0;
        return write_in_place(fd, wanted, size);
}

static int mend_consumers(struct sim_dir *dir)
{
        struct stat st;

        if (fstat(dir->consumers_fd, &st) < 0)
                return -errno;
        for (unsigned i = 0; i < SIM_LINES && st.st_size < CHIP_LOCK_AT; i++) {
                int r = write_record(dir, i, "-", "");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mend_choice(int line_fd, const char *name, const char *const texts[2])
{
        int r = ensure_file(line_fd, name, texts[0], strlen(texts[0]));

        if (r < 0 || read_choice(line_fd, name, texts) != -EINVAL)
                return r;
        return write_choice(line_fd, name, texts[0]);
}

static int mend_line(struct sim_dir *dir, unsigned offset)
{
        char path[32];

        line_file(path, offset, "");
        path[strlen(path) - 1] = '\0';
        CLEANUP_CLOSE int line_fd = open_dir_at(dir->fd, path);
        if (line_fd < 0)
                return line_fd;
        int r = mend_choice(line_fd, "value", level_texts);
        return r < 0 ? r : mend_choice(line_fd, "pull", pull_texts);
}

static int mend(struct sim_dir *dir)
{
        int r = mend_consumers(dir);

        for (unsigned i = 0; r == 0 && i < SIM_LINES; i++)
                r = mend_line(dir, i);
        if (r == 0)
                r = mend_names(dir);
        if (r == 0)
                r = ensure_file(dir->fd, "edges", "", 0);
        if (r < 0)
                return r;
        dir->edges_fd = open_plain(dir->fd, "edges", O_WRONLY | O_APPEND);
        return dir->edges_fd < 0 ? dir->edges_fd : 0;
}

static int open_chip_dir(const char *path)
{
        int r = make_parents(path);
        if (r < 0)
                return r;
        CLEANUP_CLOSE int parent_fd = open_dir_at(AT_FDCWD, path);
        if (parent_fd < 0)
                return parent_fd;
        return open_dir_at(parent_fd, SIM_CHIP_NAME);
}

int sim_dir_open(const char *path, struct sim_dir *ret)
{
        CLEANUP(sim_dir_done) struct sim_dir dir = { .fd = -1, .edges_fd = -1, .consumers_fd = -1 };

        if (snprintf(dir.path, sizeof(dir.path), "%s/" SIM_CHIP_NAME, path) >= (int)sizeof(dir.path) - 32)
                return -ENAMETOOLONG;
        dir.fd = open_chip_dir(path);
        if (dir.fd < 0)
                return dir.fd;
        /* Created directly, for two processes must come to lock the same file. */
        dir.consumers_fd = openat(dir.fd, "consumers", O_RDWR | O_CREAT | OPEN_SAFELY, 0664);
        if (dir.consumers_fd >= 0)
                inherit_owner(dir.consumers_fd, dir.fd, "");
        int r = dir.consumers_fd < 0 ? -errno : is_plain_file(dir.consumers_fd) ? 0 : -ELOOP;
        if (r < 0)
                return r;
        sim_lock(&dir);
        r = mend(&dir);
        sim_unlock(&dir);
        if (r < 0)
                return r;
        *ret = dir;
        dir.fd = dir.edges_fd = dir.consumers_fd = -1;
        return 0;
}

void sim_dir_done(struct sim_dir *dir)
{
        cleanup_closep(&dir->fd);
        cleanup_closep(&dir->edges_fd);
        cleanup_closep(&dir->consumers_fd);
        dir->fd = dir->edges_fd = dir->consumers_fd = -1;
}
