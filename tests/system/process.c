/* SPDX-License-Identifier: Apache-2.0 */
#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cleanup.h"

#define SHOWN_BYTES 12000 /* of each process when a wait fails */

static struct process *processes;

static void show_tail(const struct process *process)
{
        const char *text = process->err.text ? process->err.text : "";
        size_t size = process->err.size;

        if (size > SHOWN_BYTES)
                text += size - SHOWN_BYTES;
        /* CMocka's own print functions cut at 1024 bytes. */
        (void)fprintf(stderr, "---- %s (%s) printed:\n%s", process->name, process->pid ? "running" : "ended", text);
        if (process->out.size)
                (void)fprintf(stderr, "---- and on stdout:\n%.2000s", process->out.text);
}

_Noreturn void give_up(const char *format, ...)
{
        char text[2048];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        for (const struct process *p = processes; p; p = p->next)
                show_tail(p);
        (void)fprintf(stderr, "---- %s\n", text);
        _fail(__FILE__, __LINE__);
        abort();
}

/* ---- Output ---------------------------------------------------------------------------------------------------- */

static void stream_ready(struct pump_source *source, short revents)
{
        struct stream *stream = CONTAINER_OF(source, struct stream, source);
        char buffer[65536];

        (void)revents;
        ssize_t got = read(source->fd, buffer, sizeof(buffer));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (got <= 0) {
                pump_remove(source);
                (void)close(source->fd);
                source->fd = -1;
                return;
        }
        char *text = realloc(stream->text, stream->size + (size_t)got + 1);
        if (!text)
                abort();
        memcpy(text + stream->size, buffer, (size_t)got);
        stream->text = text;
        stream->size += (size_t)got;
        text[stream->size] = '\0';
}

static void stream_open(struct stream *stream, int fd)
{
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        stream->text = calloc(1, 1);
        stream->source = (struct pump_source){ .fd = fd, .events = POLLIN, .ready = stream_ready };
        pump_add(&stream->source);
}

static void stream_drain(struct stream *stream)
{
        for (size_t before = SIZE_MAX; stream->source.fd >= 0 && before != stream->size;) {
                before = stream->size;
                stream_ready(&stream->source, POLLIN);
        }
}

static void stream_done(struct stream *stream)
{
        pump_remove(&stream->source);
        if (stream->source.fd >= 0)
                (void)close(stream->source.fd);
        free(stream->text);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static void end_ready(struct pump_source *source, short revents)
{
        struct process *process = CONTAINER_OF(source, struct process, end);

        (void)revents;
        if (waitpid(process->pid, &process->status, WNOHANG) != process->pid)
                return;
        process->pid = 0;
        pump_remove(source);
        stream_drain(&process->out);
        stream_drain(&process->err);
}

_Noreturn static void child(const char *const argv[], const struct process_options *options, int out, int err,
                            pid_t parent)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
        int null = open("/dev/null", O_RDONLY);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(out, STDOUT_FILENO);
        (void)dup2(err, STDERR_FILENO);
        /* libmosquitto's sockets stay open across exec: a child that holds one keeps its connection alive. */
        unsigned given = options->give_fds ? options->give_fds(options->userdata) : 0;
        (void)close_range(STDERR_FILENO + 1 + given, ~0U, 0);
        (void)unsetenv("JOURNAL_STREAM");
        (void)unsetenv("NOTIFY_SOCKET");
        for (const char *const *e = options->env; e && *e; e++) {
                char *entry = strdup(*e);
                (void)putenv(entry);
        }
        if (options->prepare && options->prepare(options->userdata) != 0)
                _exit(127);
        /* execvp() takes the strings as they are, only its prototype is older than const. */
        char **arguments;
        memcpy(&arguments, &argv, sizeof(arguments));
        (void)execvp(argv[0], arguments);
        dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

size_t put_words(const char *argv[], const char *const words[])
{
        size_t n = 0;

        while (words && words[n]) {
                argv[n] = words[n];
                n++;
        }
        argv[n] = NULL;
        return n;
}

struct process *process_start(const char *const argv[], const struct process_options *options)
{
        static const struct process_options nothing;
        int out[2], err[2];
        pid_t parent = getpid();

        options = options ? options : &nothing;
        struct process *process = calloc(1, sizeof(*process));
        if (!process || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                give_up("cannot make pipes: %s", strerror(errno));
        process->name = options->name ? options->name : argv[0];
        process->pid = fork();
        if (process->pid < 0)
                give_up("cannot fork: %s", strerror(errno));
        if (process->pid == 0)
                child(argv, options, out[1], err[1], parent);
        (void)close(out[1]);
        (void)close(err[1]);
        process->pidfd = pidfd_open(process->pid, 0);
        process->end = (struct pump_source){ .fd = process->pidfd, .events = POLLIN, .ready = end_ready };
        pump_add(&process->end);
        stream_open(&process->out, out[0]);
        stream_open(&process->err, err[0]);
        process->next = processes;
        processes = process;
        return process;
}

void process_free(struct process *process)
{
        if (!process)
                return;
        for (struct process **at = &processes; *at; at = &(*at)->next) {
                if (*at == process) {
                        *at = process->next;
                        break;
                }
        }
        if (process->pid) {
                (void)kill(process->pid, SIGKILL);
                (void)waitpid(process->pid, &process->status, 0);
        }
        pump_remove(&process->end);
        (void)close(process->pidfd);
        stream_done(&process->out);
        stream_done(&process->err);
        free(process);
}

void process_free_all(void)
{
        while (processes)
                process_free(processes);
}

bool process_running(const struct process *process)
{
        return process->pid != 0;
}

void process_signal(struct process *process, int signal)
{
        if (process->pid && kill(process->pid, signal) < 0)
                give_up("cannot signal %s: %s", process->name, strerror(errno));
}

static bool has_ended(void *userdata)
{
        const struct process *process = userdata;
        return process->pid == 0;
}

int process_wait(struct process *process, unsigned within_ms)
{
        if (!pump_until(has_ended, process, within_ms))
                give_up("%s did not end within %u ms", process->name, within_ms);
        return WIFSIGNALED(process->status) ? 128 + WTERMSIG(process->status) : WEXITSTATUS(process->status);
}

/* ---- What it prints ---------------------------------------------------------------------------------------------- */

struct wanted {
        struct process *process;
        const char *text;
        const char *found;
};

static bool has_logged(void *userdata)
{
        struct wanted *wanted = userdata;
        struct stream *err = &wanted->process->err;
        char *found = strstr(err->text + err->cursor, wanted->text);

        /* Only whole lines: the caller reads on to its end. */
        if (!found || !strchr(found, '\n'))
                return false;
        wanted->found = found;
        return true;
}

static bool has_logged_or_ended(void *userdata)
{
        const struct wanted *wanted = userdata;
        return has_logged(userdata) || wanted->process->pid == 0;
}

const char *process_wait_log(struct process *process, const char *text, unsigned within_ms)
{
        static char line[4096];
        struct wanted wanted = { .process = process, .text = text };
        struct stream *err = &process->err;

        if (!pump_until(has_logged_or_ended, &wanted, within_ms) || !wanted.found)
                give_up("%s did not print \"%s\" within %u ms", process->name, text, within_ms);
        const char *begin = wanted.found, *end = strchr(wanted.found, '\n');
        while (begin > err->text && begin[-1] != '\n')
                begin--;
        (void)snprintf(line, sizeof(line), "%.*s", (int)(end - begin), begin);
        err->cursor = (size_t)(end + 1 - err->text);
        return line;
}

bool process_logged(struct process *process, const char *text)
{
        pump_once(0);
        return strstr(process->err.text, text) != NULL;
}

struct process *process_run(const char *const argv[], const struct process_options *options, int *ret_status)
{
        struct process *process = process_start(argv, options);
        *ret_status = process_wait(process, SOON_MS);
        return process;
}
