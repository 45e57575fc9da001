/* SPDX-License-Identifier: Apache-2.0 */
/* A trend as bytes for a file, and back: version, type, boot and clock, then each span's buckets, the newest last.
 * Little-endian, so that a card may move to another board. Pure. */
#pragma once

#include "channel/trend.h"

enum { TREND_SAVED_MAX = 4096 };

/* What it is now: returns how many bytes. 0: nothing that a later run could use, and what is in the file stays. */
size_t trend_save(struct trend *trend, const struct trend_clock *clock, uint64_t now_us,
                  unsigned char bytes[static TREND_SAVED_MAX]);

/*
 * Adds what was saved, each bucket at its place. What another boot has saved has its place by wall time alone: -EAGAIN
 * while that is not known, to be tried again when it is. -ENOMEM: to be tried again, too. -EBADMSG: these are no such
 * bytes, or of another version, or of another type of channel; the trend is as it was.
 */
int trend_restore(struct trend *trend, const struct trend_clock *clock, uint64_t now_us, const void *bytes, size_t size)
        MUST_CHECK;
