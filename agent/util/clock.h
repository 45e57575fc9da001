/* SPDX-License-Identifier: Apache-2.0 */
/* Wall time for stamps. A Raspberry Pi has no clock at boot, so readings are stamped with CLOCK_BOOTTIME and turned
 * into wall time when they are written out, once the wall clock can be trusted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/boot.h"
#include "util/loop.h"

enum clock_mode {
        CLOCK_MODE_AUTO,    /* trusted once it was synchronised, or set while we run to a time after the build */
        CLOCK_MODE_TRUSTED, /* as it is */
};

struct clock;

typedef void (*clock_jump_fn)(void *userdata); /* the wall clock was set */

int clock_new(struct loop *loop, enum clock_mode mode, struct clock **ret) MUST_CHECK;
void clock_free(struct clock *clock);
void clock_on_jump(struct clock *clock, clock_jump_fn fn, void *userdata);
void clock_set_mode(struct clock *clock, enum clock_mode mode);
/* On the fake clock CLOCK_MODE_AUTO does not ask the machine: it is not trusted. */
bool clock_trusted(struct clock *clock);

/* What knows whether the clock is right: the kernel, or where it may not be asked, systemd-timesyncd's stamp. */
struct timex;
struct clock_sources {
        int (*ask_kernel)(struct timex *state); /* as adjtimex(2) */
        const char *stamp;
};
bool clock_is_synchronised(const struct clock_sources *sources);
void clock_set_sources(struct clock *clock, const struct clock_sources *sources); /* for tests; they live as long */

/* Wall time - CLOCK_BOOTTIME; false while the clock is not trusted. On the fake clock it is always the same. */
bool clock_offset(struct clock *clock, int64_t *ret_us);

/* Writes "2026-11-22T19:30:00.123Z" for a boot time; false (and nothing written) while the clock is not trusted. */
#define CLOCK_TEXT_MAX 32
bool clock_format(struct clock *clock, uint64_t boottime_us, char text[static CLOCK_TEXT_MAX]);

/* The same as a number: microseconds since 1970; false while the clock is not trusted. */
bool clock_wall_us(struct clock *clock, uint64_t boottime_us, uint64_t *ret_wall_us);
void clock_format_wall(uint64_t wall_us, char text[static CLOCK_TEXT_MAX]);

/* The boot time of such a text, with or without a fraction; 1 for a moment before the boot. -EINVAL: the text is no
 * moment; -EAGAIN while the clock is not trusted. */
int clock_parse(struct clock *clock, const char *text, uint64_t *ret_boottime_us) MUST_CHECK;

/* CLOCK_MONOTONIC: what the kernel stamps edges with, and what systemd and threads go by. */
uint64_t clock_monotonic_ns(void);

DEFINE_CLEANUP(struct clock, clock_free);
#define CLEANUP_CLOCK CLEANUP(clock_freep)
