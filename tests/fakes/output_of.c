/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/output_of.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static _Noreturn void be_program(const char *const argv[], const char *const env[], int out)
{
        for (size_t i = 0; env && env[i]; i++)
                (void)putenv((char *)(uintptr_t)env[i]);
        (void)dup2(out, STDOUT_FILENO);
        (void)dup2(out, STDERR_FILENO);
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
}

char *output_of(const char *const argv[], const char *const env[], int *ret_status)
{
        char *text = NULL, buffer[4096];
        size_t size = 0;
        int ends[2], status = 0;
        ssize_t n;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                be_program(argv, env, ends[1]);
        (void)close(ends[1]);
        FILE *stream = open_memstream(&text, &size);
        assert_non_null(stream);
        while ((n = read(ends[0], buffer, sizeof(buffer))) > 0)
                (void)fwrite(buffer, 1, (size_t)n, stream);
        (void)fclose(stream);
        (void)close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return text;
}
