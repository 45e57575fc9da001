/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <signal.h>

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

void signals_hold(void)
{
        sigset_t mask;

        (void)sigemptyset(&mask);
        for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
                (void)sigaddset(&mask, caught[i]);
        (void)sigprocmask(SIG_BLOCK, &mask, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        /* If the program that started us ignores it, nobody could wait for the end of a plugin's program. */
        (void)signal(SIGCHLD, SIG_DFL);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        const struct signals *signals = userdata;

        (void)source;
        signals->handler(signals->userdata, (int)info->ssi_signo);
        return 0;
}

int signals_catch(struct loop *loop, struct signals *signals)
{
        for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
                int r = sd_event_add_signal(loop->event, NULL, caught[i], on_signal, signals);
                if (r < 0)
                        return r;
        }
        return 0;
}
