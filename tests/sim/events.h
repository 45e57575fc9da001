/* SPDX-License-Identifier: Apache-2.0 */
/* sd-event's functions over the world's time: the agent's one loop, in which the world happens too. */
#pragma once

#include <stdbool.h>

void events_mark(int fd, bool is_ready); /* instead of epoll */
void events_signal(int signal);          /* to the agent; nobody hears it before its loop runs */
bool events_has_loop(void);              /* between the agent's start and its end */
