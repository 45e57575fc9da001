/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child is a copy made by fork(), in a process with threads. What it calls takes none of the locks that another thread
 * may have held then, but for malloc()'s, which glibc puts right at fork(). A child that does not answer is ended.
 */
#include "config/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/thread.h"

enum { ANSWER_S = 10, CHILD_FD = 0 };

struct question {
        uint32_t line;
        uint32_t size; /* of the text that follows, with its NUL */
};

struct answer {
        int32_t result;
        uint32_t count;
        uint64_t size; /* of all texts that follow, each with its NUL */
        bool is_list;
        struct value_fault fault;
};

static struct {
        bool is_enabled;
        int fd; /* while there is a child */
        pid_t pid;
} helper = { .fd = -1 };

static int send_all(int fd, const void *data, size_t size)
{
        for (const char *at = data; size > 0;) {
                ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
                size -= (size_t)n;
        }
        return 0;
}

static int receive_all(int fd, void *data, size_t size)
{
        for (char *at = data; size > 0;) {
                ssize_t n = recv(fd, at, size, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ECONNRESET;
                at += n;
                size -= (size_t)n;
        }
        return 0;
}

/* ---- The child ------------------------------------------------------------------------------- */

/* libconfig's exit() must not run what the agent has for its own end. */
static void leave(void)
{
        _exit(EXIT_FAILURE);
}

/* No lines, no sockets, no handlers that note how an agent ended, no core: it is nobody but libconfig. */
static void become_helper(int fd)
{
        static const int fatal[] = { THREAD_FATAL_SIGNALS };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)prctl(PR_SET_NAME, "config");
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
                (void)signal(fatal[i], SIG_DFL);
        if (atexit(leave) != 0 || dup2(fd, CHILD_FD) < 0)
                leave();
        (void)close_range(CHILD_FD + 1, ~0U, 0);
}

static int send_value(const struct answer *answer, const struct value *value)
{
        int r = send_all(CHILD_FD, answer, sizeof(*answer));
        for (size_t i = 0; r == 0 && i < value->count; i++)
                r = send_all(CHILD_FD, value->texts[i], strlen(value->texts[i]) + 1);
        return r;
}

static int answer_one(void)
{
        CLEANUP(value_done) struct value value = { 0 };
        struct question question;
        struct answer answer = { 0 };
        int r = receive_all(CHILD_FD, &question, sizeof(question));
        if (r < 0)
                return r;
        CLEANUP_FREE char *text = malloc(question.size);
        if (!text)
                return -ENOMEM;
        r = receive_all(CHILD_FD, text, question.size);
        if (r < 0)
                return r;
        answer.result = parsed_read(text, question.line, &value, &answer.fault);
        answer.is_list = value.is_list;
        answer.count = (uint32_t)value.count;
        for (size_t i = 0; i < value.count; i++)
                answer.size += strlen(value.texts[i]) + 1;
        return send_value(&answer, &value);
}

/* ---- The agent ------------------------------------------------------------------------------- */

void helper_enable(void)
{
        helper.is_enabled = true;
}

void helper_end(void)
{
        if (helper.fd < 0)
                return;
        (void)close(TAKE_FD(helper.fd));
        (void)kill(helper.pid, SIGKILL);
        while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static int start(void)
{
        static const struct timeval patience = { .tv_sec = ANSWER_S };
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        CLEANUP_CLOSE int ours = ends[0], theirs = ends[1];
        if (setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
                return -errno;
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                become_helper(theirs);
                while (answer_one() == 0)
                        ;
                leave();
        }
        helper.pid = pid;
        helper.fd = TAKE_FD(ours);
        return 0;
}

/* Cuts what was received into the value's texts. */
static int take_texts(const struct answer *answer, const char *from, struct value *value)
{
        const char *end = from + answer->size;
        value->is_list = answer->is_list;
        value->texts = calloc((size_t)answer->count + 1, sizeof(*value->texts));
        if (!value->texts)
                return -ENOMEM;
        for (; value->count < answer->count && from < end; from += strlen(from) + 1) {
                value->texts[value->count] = strdup(from);
                if (!value->texts[value->count])
                        return -ENOMEM;
                value->count++;
        }
        return 0;
}

static int receive_value(struct value *ret, struct value_fault *fault)
{
        CLEANUP(value_done) struct value value = { 0 };
        struct answer answer;
        int r = receive_all(helper.fd, &answer, sizeof(answer));
        if (r < 0)
                return r;
        *fault = answer.fault;
        if (answer.result < 0)
                return answer.result;
        CLEANUP_FREE char *texts = malloc(answer.size + 1);
        if (!texts)
                return -ENOMEM;
        r = receive_all(helper.fd, texts, answer.size);
        if (r == 0)
                r = take_texts(&answer, texts, &value);
        if (r < 0)
                return r;
        *ret = value;
        value = (struct value){ 0 };
        return 0;
}

static int ask(const char *text, unsigned line, struct value *ret, struct value_fault *fault)
{
        const struct question question = { line, (uint32_t)strlen(text) + 1 };
        int r = send_all(helper.fd, &question, sizeof(question));
        if (r == 0)
                r = send_all(helper.fd, text, question.size);
        return r < 0 ? r : receive_value(ret, fault);
}

int helper_parse(const char *text, unsigned line, struct value *ret, struct value_fault *fault)
{
        int r = helper.is_enabled && helper.fd < 0 ? start() : 0;
        if (r == -ENOMEM)
                return r;
        if (helper.fd < 0)
                return parsed_read(text, line, ret, fault);
        r = ask(text, line, ret, fault);
        if (r == 0 || r == -EINVAL)
                return r;
        helper_end();
        return -ENOMEM;
}
