/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of one line of a chip, from the kernel itself: how often it was requested, let go, or configured again, by
 * any process. None of them: nothing but its holder's writes can have changed it.
 */
#pragma once

#include "kernel/gpiosim.h"

struct line_watch {
        int fd;
        unsigned requested, released, configured;
};

void line_watch_open(struct line_watch *watch, const struct gpiosim *sim, unsigned offset);
void line_watch_count(struct line_watch *watch); /* all that has happened so far */
void line_watch_close(struct line_watch *watch);
