/* SPDX-License-Identifier: Apache-2.0 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/log.h"

/* Waits for everybody who has ended; true when the agent was among them. */
static bool reap(pid_t agent, int *ret_status)
{
        int status;
        bool ended = false;

        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                if (pid == agent) {
                        *ret_status = status;
                        ended = true;
                }
        return ended;
}

_Noreturn static void stand_by(pid_t agent, const sigset_t *signals)
{
        int signal, status = 0;

        for (;;) {
                if (sigwait(signals, &signal) != 0)
                        continue;
                if (signal != SIGCHLD)
                        (void)kill(agent, signal);
                else if (reap(agent, &status))
                        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
}

void init_if_first(void)
{
        static const int handed_on[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };
        sigset_t signals, before;

        if (getpid() != 1)
                return;
        (void)signal(SIGCHLD, SIG_DFL);
        (void)sigemptyset(&signals);
        for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
                (void)sigaddset(&signals, handed_on[i]);
        (void)sigprocmask(SIG_BLOCK, &signals, &before);
        pid_t agent = fork();
        if (agent > 0)
                stand_by(agent, &signals);
        if (agent < 0)
                log_warning("cannot start another process (%s): orphans of programs are not waited for",
                            strerror(errno));
        /* The child ends with its parent. */
        if (agent == 0)
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
}
