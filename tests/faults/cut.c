/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/cut.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/macro.h"

enum { DEADLINE_MS = 60000, WRITE_MAX = 1 << 20 };

enum {
        ALL = 1U << CUT_KILL | 1U << CUT_ENOSPC | 1U << CUT_EIO,
        ROOM = ALL | 1U << CUT_FULL, /* it takes room on the disk */
        PWRITE = ROOM | 1U << CUT_KILL_HALF | 1U << CUT_SHORT,
        WRITE = PWRITE | 1U << CUT_LIE,
        END = 1U << CUT_KILL,
};

static const struct call {
        int number;
        unsigned kinds;
        const char *name;
        int path; /* which argument is one; -1: none */
        int fd;   /* which argument is one; -1: none */
} calls[] = {
        { SYS_write, WRITE, "write", -1, 0 },
        { SYS_pwrite64, PWRITE, "pwrite64", -1, 0 },
        { SYS_writev, ROOM, "writev", -1, 0 },
        { SYS_pwritev, ROOM, "pwritev", -1, 0 },
        { SYS_openat, ALL, "openat", 1, -1 },
        { SYS_fsync, ROOM, "fsync", -1, 0 },
        { SYS_fdatasync, ROOM, "fdatasync", -1, 0 },
        { SYS_ftruncate, ALL, "ftruncate", -1, 0 },
        { SYS_fallocate, ROOM, "fallocate", -1, 0 },
        { SYS_renameat, ALL, "renameat", 3, -1 },
        { SYS_renameat2, ALL, "renameat2", 3, -1 },
        { SYS_unlinkat, ALL, "unlinkat", 1, -1 },
        { SYS_mkdirat, ROOM, "mkdirat", 1, -1 },
        { SYS_symlinkat, ROOM, "symlinkat", 2, -1 },
        { SYS_linkat, ROOM, "linkat", 3, -1 },
        { SYS_fchmod, ALL, "fchmod", -1, 0 },
        { SYS_fchmodat, ALL, "fchmodat", 1, -1 },
        { SYS_fchown, ALL, "fchown", -1, 0 },
        { SYS_fchownat, ALL, "fchownat", 1, -1 },
        { SYS_exit_group, END, "exit_group", -1, -1 },
#ifdef SYS_rename /* newer machines have none of these */
        { SYS_open, ALL, "open", 0, -1 },
        { SYS_rename, ALL, "rename", 1, -1 },
        { SYS_unlink, ALL, "unlink", 0, -1 },
        { SYS_rmdir, ALL, "rmdir", 0, -1 },
        { SYS_mkdir, ROOM, "mkdir", 0, -1 },
        { SYS_symlink, ROOM, "symlink", 1, -1 },
        { SYS_link, ROOM, "link", 1, -1 },
        { SYS_chmod, ALL, "chmod", 0, -1 },
        { SYS_chown, ALL, "chown", 0, -1 },
        { SYS_lchown, ALL, "lchown", 0, -1 },
#endif
};

/* ---- The child --------------------------------------------------------------------------------------------------- */

/* The descriptor at which the kernel asks. */
static int hold_calls(void)
{
        struct sock_filter filter[2 * ARRAY_SIZE(calls) + 2];
        size_t n = 0;

        filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
                filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        }
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const struct sock_fprog program = { (unsigned short)n, filter };
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -1;
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

union control {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
};

static int hand_over(int to, int fd)
{
        union control control = { 0 };
        char room = 0;
        struct iovec byte = { &room, 1 };
        struct msghdr message = {
                .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(fd));
        (void)memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        return sendmsg(to, &message, 0) == 1 ? 0 : -1;
}

static int be_handed(int from)
{
        union control control = { 0 };
        char room;
        struct iovec byte = { &room, 1 };
        struct msghdr message = {
                .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        int fd = -1;

        if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1 && control.header.cmsg_type == SCM_RIGHTS)
                (void)memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
        return fd;
}

static _Noreturn void be_program(const char *const argv[], int words, int parent)
{
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(words, STDERR_FILENO) < 0)
                _exit(127);
        if (parent >= 0) {
                int fd = hold_calls();
                /* From here on nothing of the above may be called. */
                if (fd < 0 || hand_over(parent, fd) < 0)
                        (void)kill(getpid(), SIGKILL);
                (void)close(fd);
        }
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        (void)kill(getpid(), SIGKILL);
        for (;;)
                (void)pause();
}

/* ---- One call ---------------------------------------------------------------------------------------------------- */

struct watch {
        pid_t pid;
        int pidfd, fd;
        struct cut cut;
        struct cut_result *result;
        bool is_full, is_killed;
};

static const struct call *find_call(int number)
{
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (calls[i].number == number)
                        return &calls[i];
        return NULL;
}

static size_t read_memory(const struct watch *watch, uint64_t from, void *ret, size_t size)
{
        struct iovec to = { ret, size }, there = { (void *)(uintptr_t)from, size };
        ssize_t n = process_vm_readv(watch->pid, &to, 1, &there, 1, 0);
        return n > 0 ? (size_t)n : 0;
}

/* As it sees it; relative to its directory. */
static void read_path(const struct watch *watch, uint64_t from, char ret[static 300])
{
        char path[256] = "";
        size_t page = 4096 - from % 4096, n = read_memory(watch, from, path, MIN(sizeof(path) - 1, page));

        if (n == page && !memchr(path, '\0', n))
                (void)read_memory(watch, from + n, path + n, sizeof(path) - 1 - n);
        if (path[0] == '/')
                (void)snprintf(ret, 300, "%s", path);
        else
                (void)snprintf(ret, 300, "/proc/%d/cwd/%s", watch->pid, path);
}

/* An opening that changes nothing is none of ours; one that makes a file takes room. */
static unsigned kinds_of_opening(const struct watch *watch, const struct seccomp_data *data, int path_at)
{
        uint64_t flags = data->args[path_at + 1];
        char path[300];

        if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0)
                return 0;
        read_path(watch, data->args[path_at], path);
        if (strcmp(path, "/dev/null") == 0)
                return 0;
        return flags & O_CREAT && access(path, F_OK) < 0 ? ROOM : ALL;
}

static unsigned kinds_of(const struct watch *watch, const struct call *call, const struct seccomp_data *data)
{
        if (call->fd >= 0 && data->args[call->fd] <= STDERR_FILENO)
                return 0;
        return strncmp(call->name, "open", 4) == 0 ? kinds_of_opening(watch, data, call->path) : call->kinds;
}

static void name_call(const struct watch *watch, const struct call *call, const struct seccomp_data *data)
{
        char path[300] = "", link[64];

        if (call->path >= 0) {
                read_path(watch, data->args[call->path], path);
        } else if (call->fd >= 0) {
                (void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", watch->pid, (int)data->args[call->fd]);
                (void)!readlink(link, path, sizeof(path) - 1);
        }
        (void)snprintf(watch->result->call, sizeof(watch->result->call), "%s(%s)", call->name, path);
}

/* In its stead; how much that was, or a negative errno. */
static int64_t write_half(const struct watch *watch, const struct seccomp_data *data)
{
        size_t size = MIN((size_t)data->args[2], (size_t)WRITE_MAX), half = MAX(size / 2, (size_t)1);
        CLEANUP_FREE char *copy = malloc(half);
        CLEANUP_CLOSE int fd = (int)syscall(SYS_pidfd_getfd, watch->pidfd, (int)data->args[0], 0);

        if (!copy || fd < 0 || read_memory(watch, data->args[1], copy, half) != half)
                return -EFAULT;
        ssize_t n = data->nr == SYS_pwrite64 ? pwrite(fd, copy, half, (off_t)data->args[3]) : write(fd, copy, half);
        return n < 0 ? -errno : n;
}

static void answer(struct seccomp_notif_resp *response, int64_t value)
{
        response->flags = 0;
        response->error = value < 0 ? (int)value : 0;
        response->val = value < 0 ? 0 : value;
}

/* What it gets for an answer: a negative errno, or what it believes to have written. */
static int64_t outcome(const struct watch *watch, const struct call *call, const struct seccomp_data *data)
{
        bool is_write = (call->kinds >> CUT_SHORT & 1U) != 0 && data->args[2] > 1;

        switch (watch->cut.kind) {
        case CUT_EIO:
                return -EIO;
        case CUT_SHORT:
                return write_half(watch, data);
        case CUT_LIE:
                (void)write_half(watch, data);
                return (int64_t)data->args[2];
        case CUT_FULL:
                return is_write ? write_half(watch, data) : -ENOSPC;
        default:
                return -ENOSPC;
        }
}

/* It was this call's turn. */
static void strike(struct watch *watch, const struct call *call, const struct seccomp_data *data,
                   struct seccomp_notif_resp *response)
{
        watch->result->came = true;
        name_call(watch, call, data);
        if (watch->cut.kind == CUT_KILL_HALF)
                (void)write_half(watch, data);
        if (watch->cut.kind == CUT_KILL || watch->cut.kind == CUT_KILL_HALF)
                watch->is_killed = kill(watch->pid, SIGKILL) == 0;
        else
                answer(response, outcome(watch, call, data));
        watch->is_full = watch->cut.kind == CUT_FULL;
}

static void decide(struct watch *watch, const struct seccomp_data *data, struct seccomp_notif_resp *response)
{
        const struct call *call = find_call(data->nr);
        unsigned kinds = call ? kinds_of(watch, call, data) : 0;
        bool has_kind = (kinds >> watch->cut.kind & 1U) != 0;

        if (kinds == 0)
                return;
        unsigned at = ++watch->result->calls;
        if (at < CUT_CALLS_MAX) {
                watch->result->kinds[at] = (unsigned char)kinds;
                watch->result->names[at] = call->name;
        }
        if (watch->is_full && has_kind)
                answer(response, -ENOSPC);
        else if (at == watch->cut.at && has_kind)
                strike(watch, call, data, response);
}

/* False: nobody is there any more who would ask. */
static bool serve(struct watch *watch)
{
        struct pollfd wait = { .fd = watch->fd, .events = POLLIN };
        struct seccomp_notif request = { 0 };

        if (poll(&wait, 1, DEADLINE_MS) <= 0)
                (void)kill(watch->pid, SIGKILL);
        if (!(wait.revents & POLLIN))
                return false;
        if (ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
                return errno == ENOENT || errno == EINTR;
        struct seccomp_notif_resp response = { .id = request.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
        decide(watch, &request.data, &response);
        if (!watch->is_killed)
                (void)ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
        return true;
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

static void watch_to_the_end(struct watch *watch, int from)
{
        watch->pidfd = (int)syscall(SYS_pidfd_open, watch->pid, 0);
        watch->fd = be_handed(from);
        while (watch->fd >= 0 && serve(watch))
                continue;
        if (watch->fd >= 0)
                (void)close(watch->fd);
        if (watch->pidfd >= 0)
                (void)close(watch->pidfd);
}

static void finish(pid_t pid, int words, struct cut_result *ret)
{
        int status = 0;

        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        ssize_t n = pread(words, ret->words, sizeof(ret->words) - 1, 0);
        ret->words[MAX(n, 0)] = '\0';
}

static void run(const char *const argv[], bool is_held, struct cut cut, struct cut_result *ret)
{
        struct watch watch = { .pidfd = -1, .fd = -1, .cut = cut, .result = ret };
        CLEANUP_CLOSE int words = memfd_create("words", MFD_CLOEXEC);
        int ends[2] = { -1, -1 };

        *ret = (struct cut_result){ .status = -1 };
        if (is_held && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return;
        watch.pid = fork();
        if (watch.pid == 0)
                be_program(argv, words, ends[1]);
        if (is_held)
                (void)close(ends[1]);
        if (is_held && watch.pid > 0)
                watch_to_the_end(&watch, ends[0]);
        if (watch.pid > 0)
                finish(watch.pid, words, ret);
        if (is_held)
                (void)close(ends[0]);
}

void cut_run(const char *const argv[], struct cut cut, struct cut_result *ret)
{
        run(argv, true, cut, ret);
}

void cut_run_free(const char *const argv[], struct cut_result *ret)
{
        run(argv, false, (struct cut){ 0 }, ret);
}

const char *cut_why_not(void)
{
        struct cut_result result;

        if (sizeof(long) < 8)
                return "what a call is given is read as 64-bit machines have it";
        cut_run((const char *const[]){ "/bin/true", NULL }, (struct cut){ 0 }, &result);
        return result.status == 0 && result.calls == 1 ? NULL
                                                       : "the kernel does not let a process hold another one's calls";
}
