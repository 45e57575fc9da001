/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of one file: section headers, keys with their values, @include. */
#pragma once

#include "config/config.h"
#include "config/reader.h"

struct parse {
        struct config *config;
        struct problems *problems;
        struct reader reader;
        const char *file; /* owned by the config */
        /* Reads the file that an @include names, as it is written there. */
        int (*include)(void *userdata, const char *path, struct config_origin from);
        void *userdata;

        /* The parser's own, zero at first. */
        size_t section;  /* index: the array moves when an include adds to it */
        bool in_section; /* else: before the first header, or below one that is wrong */
        bool muted;      /* a fault of syntax has been reported in this section */
};

/* Reads all lines; what is wrong goes to the problems. -ENOMEM is the only error. */
int parse_lines(struct parse *parse) MUST_CHECK;
