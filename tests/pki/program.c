/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/program.h"

#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "certs/signer.h"
#include "certs/upkeep.h"
#include "util/cleanup.h"
#include "util/macro.h"

/* certs/main.c's, by another name (Makefile). */
int sconce_pki_main(int argc, char **argv);

enum { WORDS_MAX = 20, SIGNER = 65534 };

struct task {
        const char *dir, *identity, *payload;
        const char *const *words;
        int (*run)(const struct task *task);
};

void ran_done(struct ran *ran)
{
        free(ran->out);
        free(ran->err);
        *ran = (struct ran){ 0 };
}

static _Noreturn void stop(const char *what)
{
        perror(what);
        abort();
}

static char *text_of(int fd)
{
        off_t size = lseek(fd, 0, SEEK_END);
        char *text = calloc(1, (size_t)size + 1);

        if (!text || pread(fd, text, (size_t)size, 0) != size)
                stop("what a child has said");
        return text;
}

/* Whoever private/ belongs to. */
static bool become_signer(const char *dir)
{
        struct stat status;
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/private", dir);
        return stat(path, &status) < 0 || status.st_uid == geteuid() ||
               (setgroups(0, NULL) == 0 && setgid(status.st_gid) == 0 && setuid(status.st_uid) == 0);
}

static _Noreturn void be_child(const struct task *task, int out, int err)
{
        if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0 || (!task->words && !become_signer(task->dir)))
                _exit(125);
        int status = task->run(task);
        (void)fflush(NULL);
        _exit(status);
}

static void run(const struct task *task, struct ran *ret)
{
        CLEANUP_CLOSE int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
        int status;

        (void)fflush(NULL);
        pid_t pid = out >= 0 && err >= 0 ? fork() : -1;
        if (pid == 0)
                be_child(task, out, err);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                stop("a child");
        *ret = (struct ran){ .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                             .out = text_of(out),
                             .err = text_of(err) };
}

/* ---- What it does ------------------------------------------------------------------------------------------------ */

static int run_command(const struct task *task)
{
        char *argv[WORDS_MAX + 4] = { (char[]){ "sconce-pki" }, (char[]){ "-d" } };
        int n = 2;

        argv[n++] = strdup(task->dir);
        for (const char *const *word = task->words; *word && n < WORDS_MAX + 3; word++)
                argv[n++] = strdup(*word);
        return sconce_pki_main(n, argv);
}

static int answer(const struct task *task)
{
        struct transaction transaction = { .dir = task->dir, .me = "sconce-pki" };
        struct signer_reply reply;

        signer_answer(&transaction, task->identity, task->payload, strlen(task->payload), (int64_t)time(NULL), &reply);
        (void)printf("%s", reply.payload ? reply.payload : "");
        (void)fprintf(stderr, "%s", reply.note);
        return 0;
}

static int keep_up(const struct task *task)
{
        struct transaction transaction = { .dir = task->dir, .me = "sconce-pki" };
        struct fault fault = { 0 };

        if (upkeep(&transaction, (int64_t)time(NULL), &fault) == 0)
                return 0;
        (void)fprintf(stderr, "%s", fault.text);
        return 1;
}

void program_run(const char *dir, const char *const words[], struct ran *ret)
{
        run(&(struct task){ .dir = dir, .words = words, .run = run_command }, ret);
}

void program_ask(const char *dir, const char *identity, const char *payload, struct ran *ret)
{
        run(&(struct task){ .dir = dir, .identity = identity, .payload = payload, .run = answer }, ret);
}

void program_upkeep(const char *dir, struct ran *ret)
{
        run(&(struct task){ .dir = dir, .run = keep_up }, ret);
}

void program_give_to_signer(const char *dir)
{
        static const char *const its[] = { "private/registry.db", "private/lock", "ca.key", "private" };
        char path[512];

        for (size_t i = 0; i < ARRAY_SIZE(its); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, its[i]);
                if (chown(path, SIGNER, SIGNER) < 0)
                        stop(path);
        }
}
