/* SPDX-License-Identifier: Apache-2.0 */
/* A sconced with readings that wait for the broker: made once, and there again at each start. */
#pragma once

#include "bench/party.h"
#include "bench/probe.h"

struct filled {
        struct running *sconced; /* not running */
        unsigned readings;
        const char *kept; /* a copy of the filled directory */
};

/* What the config needs for it, before its devices: among them no device m0. */
#define FILLED_CONFIG "[history]\nmax_count = 1000000\nmax_bytes = 1G\nflush = 100ms\n[meter m0]\n"

/* `devices` are those that it has afterwards, without FILLED_CONFIG. */
void filled_make(struct filled *filled, const struct bench *bench, struct running *sconced, const char *devices,
                 unsigned readings);
/* Starts it with them, until the first has come to the probe. It makes way for what happens: a command would slow the drain. */
void filled_start(const struct filled *filled, struct probe *probe, const struct bench *bench);
