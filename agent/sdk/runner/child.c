/* SPDX-License-Identifier: Apache-2.0 */
/* One check in a process of its own: it reports through a pipe, and its end is a result too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#ifdef SCONCE_COVERAGE
#include <gcov.h>
#endif
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sdk/runner/runner.h"
#include "util/cleanup.h"

#define PIPE_FD       200 /* out of the way of plugins that count on low numbers */
#define STATUS_NO_OUT 97
#define FINDINGS_MAX  5
#define RECORD_MAX    512

/* ---- In the child -------------------------------------------------------------------------------------- */

/* Without atexit() handlers: they may be the plugin's. */
_Noreturn static void leave(int status)
{
#ifdef SCONCE_COVERAGE
        __gcov_dump(); /* one of those that are left out */
#endif
        _exit(status);
}

void child_record(const struct subject *subject, enum record record, const char *format, ...)
{
        char text[RECORD_MAX] = { (char)record };
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text + 1, sizeof(text) - 2, format, arguments);
        va_end(arguments);
        for (char *at = text + 1; *at; at++)
                if (*at == '\n')
                        *at = ' ';
        size_t length = strlen(text);
        text[length++] = '\n';
        if (write(subject->out, text, length) != (ssize_t)length)
                leave(STATUS_NO_OUT);
}

/* What belongs to the whole process, the agent's, which a plugin leaves alone. */
struct manners {
        struct stat standard[3];
        mode_t mask;
        char directory[PATH_MAX];
        sighandler_t signals[32];
        size_t threads;
};

size_t count_entries(const char *path)
{
        size_t count = 0;
        DIR *all = opendir(path);

        if (!all)
                return 0;
        while (readdir(all))
                count++;
        (void)closedir(all);
        return count;
}

static void look(struct manners *manners)
{
        memset(manners, 0, sizeof(*manners));
        for (int fd = 0; fd < 3; fd++)
                if (fstat(fd, &manners->standard[fd]) < 0)
                        manners->standard[fd].st_ino = 0;
        manners->mask = umask(022);
        (void)umask(manners->mask);
        if (!getcwd(manners->directory, sizeof(manners->directory)))
                manners->directory[0] = '\0';
        for (int number = 1; number < 32; number++) {
                struct sigaction action;
                if (sigaction(number, NULL, &action) == 0)
                        manners->signals[number] = action.sa_handler;
        }
        manners->threads = count_entries("/proc/self/task");
}

static void compare_manners(struct subject *subject, const struct manners *before)
{
        struct manners after;

        look(&after);
        for (int fd = 0; fd < 3; fd++)
                if (after.standard[fd].st_dev != before->standard[fd].st_dev ||
                    after.standard[fd].st_ino != before->standard[fd].st_ino)
                        complain(subject, "it closed or replaced descriptor %d, which is the agent's", fd);
        if (after.mask != before->mask)
                complain(subject, "it changed the process's umask");
        if (strcmp(after.directory, before->directory) != 0)
                complain(subject, "it changed the process's directory to %.200s", after.directory);
        for (int number = 1; number < 32; number++)
                if (after.signals[number] != before->signals[number])
                        complain(subject, "it changed what the process does at signal %s", sigabbrev_np(number));
        if (after.threads > before->threads)
                complain(subject, "after stop more threads are running than before, by %zu",
                         after.threads - before->threads);
        siginfo_t info;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                complain(subject, "after stop there are child processes, running or not waited for");
}

/* Reads nothing, prints nothing unless asked to. */
static void set_standard(const struct subject *subject)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0)
                return;
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(subject->verbose ? STDERR_FILENO : null, STDOUT_FILENO);
        if (!subject->verbose)
                (void)dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
                (void)close(null);
}

_Noreturn static void be_child(struct subject *subject, const struct check *check, int out)
{
        struct manners before;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0 });
        (void)setpgid(0, 0);
        set_standard(subject);
        subject->out = fcntl(out, F_DUPFD_CLOEXEC, PIPE_FD);
        /* What the caller left open is not for a plugin that writes where it should not. */
        (void)close_range(STDERR_FILENO + 1, (unsigned)subject->out - 1, 0);
        (void)close_range((unsigned)subject->out + 1, ~0U, 0);
        subject->check = check;
        subject->random[0] = (unsigned short)subject->seed;
        subject->random[1] = (unsigned short)(subject->seed >> 16);
        look(&before);
        check->run(subject);
        (void)fflush(NULL);
        compare_manners(subject, &before);
        child_record(subject, RECORD_END, "%s", subject->token);
        leave(EXIT_SUCCESS);
}

/* ---- In the parent ------------------------------------------------------------------------------------- */

struct verdict {
        const struct check *check;
        unsigned findings;
        const char *token;
        bool is_skipped, is_untested, has_ended, is_late;
        char calling[RECORD_MAX], texts[FINDINGS_MAX][RECORD_MAX];
        char buffer[RECORD_MAX * 8];
        size_t used;
};

static void print_finding(struct verdict *verdict, const char *text)
{
        for (unsigned i = 0; i < MIN(verdict->findings, FINDINGS_MAX); i++)
                if (strcmp(text, verdict->texts[i]) == 0)
                        return;
        if (++verdict->findings <= FINDINGS_MAX) {
                (void)snprintf(verdict->texts[verdict->findings - 1], RECORD_MAX, "%s", text);
                printf("FAIL  %-10s  %s\n", verdict->check->name, text);
        }
        if (verdict->findings == FINDINGS_MAX + 1)
                printf("FAIL  %-10s  and more\n", verdict->check->name);
}

static void take_record(struct verdict *verdict, const char *record)
{
        bool is_ours = true;

        switch (record[0]) {
        case RECORD_CALL:
                (void)snprintf(verdict->calling, sizeof(verdict->calling), "%s", record + 1);
                break;
        case RECORD_FINDING:
                print_finding(verdict, record + 1);
                break;
        case RECORD_SKIP:
        case RECORD_UNTESTED:
                if (!verdict->is_skipped)
                        printf("skip  %-10s  %s\n", verdict->check->name, record + 1);
                verdict->is_skipped = true;
                verdict->is_untested |= record[0] == RECORD_UNTESTED;
                break;
        case RECORD_END:
                is_ours = verdict->has_ended = strcmp(record + 1, verdict->token) == 0;
                break;
        default:
                is_ours = false;
        }
        if (!is_ours)
                print_finding(verdict, "it wrote to a descriptor that is not its own");
}

static void take_records(struct verdict *verdict)
{
        char *at = verdict->buffer, *end;

        while ((end = memchr(at, '\n', verdict->used - (size_t)(at - verdict->buffer)))) {
                *end = '\0';
                take_record(verdict, at);
                at = end + 1;
        }
        verdict->used -= (size_t)(at - verdict->buffer);
        memmove(verdict->buffer, at, verdict->used);
        if (verdict->used == sizeof(verdict->buffer)) /* no record is so long */
                verdict->used = 0;
}

/* Until the child has ended or is silent for too long. */
static void listen_to(struct verdict *verdict, int in, unsigned limit_s)
{
        struct pollfd wait = { .fd = in, .events = POLLIN };

        for (;;) {
                int r = poll(&wait, 1, (int)limit_s * 1000);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0) {
                        verdict->is_late = r == 0;
                        return;
                }
                ssize_t n = read(in, verdict->buffer + verdict->used, sizeof(verdict->buffer) - verdict->used);
                if (n <= 0)
                        return;
                verdict->used += (size_t)n;
                take_records(verdict);
                if (verdict->has_ended) /* what it has started may hold the pipe open */
                        return;
        }
}

static void judge_end(const struct subject *subject, struct verdict *verdict, int status)
{
        char text[RECORD_MAX + 100];

        if (verdict->is_late)
                (void)snprintf(text, sizeof(text), "%s did not return within %u s", verdict->calling, subject->limit_s);
        else if (WIFSIGNALED(status))
                (void)snprintf(text, sizeof(text), "%s crashed with SIG%s (%s)", verdict->calling,
                               sigabbrev_np(WTERMSIG(status)), strsignal(WTERMSIG(status)));
        else if (verdict->has_ended && WEXITSTATUS(status) == 0)
                return;
        else if (WEXITSTATUS(status) == STATUS_NO_OUT)
                (void)snprintf(text, sizeof(text), "%s closed descriptors that are not its own", verdict->calling);
        else
                (void)snprintf(text, sizeof(text), "%s ended the whole process (exit status %d)%s", verdict->calling,
                               WEXITSTATUS(status), subject->verbose ? "" : "; --verbose shows what it printed");
        print_finding(verdict, text);
}

/* By SIGCHLD, which is blocked here: valgrind does not know pidfds. False: it has not ended in time. */
static bool wait_ended(pid_t pid, unsigned limit_s)
{
        const struct timespec limit = { .tv_sec = limit_s };
        siginfo_t info;
        sigset_t child;

        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD);
        for (;;) {
                info.si_pid = 0;
                if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == pid)
                        return true;
                if (sigtimedwait(&child, NULL, &limit) < 0 && errno == EAGAIN)
                        return false;
        }
}

/* Ends the child where it does not end by itself, and whatever it has started. */
static int end_child(struct verdict *verdict, pid_t pid, unsigned limit_s)
{
        siginfo_t info;
        int status = 0;

        verdict->is_late = verdict->is_late || !wait_ended(pid, limit_s);
        if (verdict->is_late)
                (void)kill(pid, SIGKILL);
        while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
                ;
        /* Until the child is reaped, its pid is not given again. */
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return status;
}

/* Returns what was blocked before. */
static sigset_t block_child_signal(void)
{
        sigset_t child, before;

        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &child, &before);
        return before;
}

enum outcome child_run(struct subject *subject, const struct check *check)
{
        struct verdict verdict = { .check = check, .calling = "loading it", .token = subject->token };
        int ends[2];

        (void)snprintf(subject->token, sizeof(subject->token), "%08x%08x", arc4random(), arc4random());
        (void)fflush(NULL);
        if (pipe2(ends, O_CLOEXEC) < 0) {
                print_finding(&verdict, strerror(errno));
                return OUTCOME_FAILED;
        }
        const sigset_t before = block_child_signal();
        pid_t pid = fork();
        if (pid == 0) {
                (void)sigprocmask(SIG_SETMASK, &before, NULL);
                (void)close(ends[0]);
                be_child(subject, check, ends[1]);
        }
        (void)close(ends[1]);
        if (pid > 0) {
                listen_to(&verdict, ends[0], subject->limit_s);
                int status = end_child(&verdict, pid, subject->limit_s);
                judge_end(subject, &verdict, status);
        } else {
                print_finding(&verdict, strerror(errno));
        }
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        (void)close(ends[0]);
        if (verdict.findings > 0)
                return OUTCOME_FAILED;
        if (!verdict.is_skipped)
                printf("ok    %s\n", check->name);
        if (verdict.is_untested)
                return OUTCOME_UNTESTED;
        return verdict.is_skipped ? OUTCOME_SKIPPED : OUTCOME_PASSED;
}
