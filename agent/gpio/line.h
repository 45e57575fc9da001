/* SPDX-License-Identifier: Apache-2.0 */
/* A line's inside, for the files of gpio/. */
#pragma once

#include "gpio/chips.h"
#include "gpio/debounce.h"

struct sconce_line {
        char *text; /* as written */
        char *chip; /* NULL: not written */
        char *name; /* NULL: an offset was written */
        unsigned offset;
        struct line_settings settings;

        /* While open: */
        struct gpio *gpio;
        struct sconce_line *next;
        struct line_place place;
        struct line_request *request;
        sd_event_source *events;
        struct debounce *debounce;
        bool is_settled;           /* inputs: the first level has outlasted `debounce` */
        struct timer *first_timer; /* for that, where the kernel debounces */
        void (*first)(void *userdata);
        bool high;        /* inputs: the level last reported */
        uint32_t lost;    /* edges that were dropped since */
        uint64_t edge_us; /* of the newest edge */
        bool was_full;    /* the queue of edges: the newest may be missing */
        line_edge_fn fn;
        void *userdata;
        char *keep_for;             /* outputs: whose it is when it is to outlive the process; NULL: it is not */
        char kept_as[FD_NAME_SIZE]; /* kept.c: its name in the fd store; "": it is not there */
        bool *closed; /* set by line_close(): a callback may close, and free, the line that is being served */
};
