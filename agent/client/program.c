/* SPDX-License-Identifier: Apache-2.0 */
#include "client/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"

extern char **environ;

static int spawn(const char *const argv[], int out, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
        /* posix_spawn() changes none of the words. */
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* To the end, so that it never waits for us; what does not fit is dropped. */
static void read_all(int fd, char *text, size_t size)
{
        char rest[512];
        size_t used = 0;
        ssize_t n;

        do {
                bool full = used + 1 >= size;
                n = read(fd, full ? rest : text + used, full ? sizeof(rest) : size - used - 1);
                if (n > 0 && !full)
                        used += (size_t)n;
        } while (n > 0 || (n < 0 && errno == EINTR));
        text[used] = '\0';
}

int program_read(const char *const argv[], char *text, size_t size)
{
        int ends[2], status = 0;
        pid_t pid = 0;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        CLEANUP_CLOSE int in = ends[0];
        int r = spawn(argv, ends[1], &pid);
        (void)close(ends[1]);
        if (r < 0)
                return r;
        read_all(in, text, size);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}
