/* SPDX-License-Identifier: Apache-2.0 */
/* Clears retained topics that are not ours any more at the broker: first announcements, then what they speak of. */
#pragma once

#include "sender.h"

struct stale_topics {
        struct sender *sender; /* borrowed */
        struct timer *states;  /* armed: announcements were cleared, what they speak of is next */
};

int stale_topics_init(struct stale_topics *stale, struct sender *sender) MUST_CHECK;
void stale_topics_done(struct stale_topics *stale);

/* A connection begins. */
void stale_topics_begin(struct stale_topics *stale);
/* As many as fit in; again when one of them is acknowledged. While something waits to be published, not all that is ours has
 * been claimed, and nothing is cleared. */
void stale_topics_clear(struct stale_topics *stale);
/* A device's topic, and the device is announced: Home Assistant is to hear first that the device is gone. */
void stale_topics_clear_later(struct stale_topics *stale, const char *topic);
