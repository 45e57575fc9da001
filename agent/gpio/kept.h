/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs that outlive the process. A request is an fd, and a line stays as it is driven for as long as anyone has that
 * fd: the service manager keeps a copy, the next process finds it again by its name and goes on with it. So does a
 * device that is restarted by a reload, for which its request waits here.
 *
 * The name is all that the next process knows: chip, offset, device, and how the line was requested.
 */
#pragma once

#include "gpio/line.h"

struct kept {
        struct kept *next;
        struct line_request *request;
        bool is_found;  /* an earlier run has left it */
        int left_level; /* what it was left at, where it has been switched off since; negative: it has not */
        char name[FD_NAME_SIZE];
};

/* Of an output that is open: into the store, or out of it, as line_keep() wants it. Negative errno: it is still there. */
int kept_update(struct sconce_line *line) MUST_CHECK;
/* It is closed: true when its request waits for the next who opens the line; else it is out of the store. */
bool kept_park(struct sconce_line *line);
/* A request that waits for this line and works becomes the line's, driven as `spec` wants it; `first_value` -1: as it is
 * found. False: there is none. */
bool kept_take(struct sconce_line *line, struct request_spec *spec, int first_value) MUST_CHECK;
/* What waits for this place is let go: another kind of request is to follow. */
void kept_drop(struct gpio *gpio, const struct line_place *place);
/* A line is busy: true when that may be the store's copy of what was let go, which is gone now. */
bool kept_sync(struct gpio *gpio);
void kept_done(struct gpio *gpio);
