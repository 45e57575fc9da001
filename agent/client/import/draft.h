/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sconce.conf while it is made from another program's config: sections one after the other, and what is lost on the way.
 * A draft is one section. What is wrong in it leaves it out: a relay whose `inverted` cannot be read is better not there than
 * on.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "client/import/yaml.h"

enum { IMPORT_ID_MAX = 65, IMPORT_LINE_MAX = 80, IMPORT_DEVICES_MAX = 256 };

struct import_used {
        char text[IMPORT_LINE_MAX];
        unsigned line;
};

struct import {
        const char *path; /* as messages name it */
        FILE *out, *notes;
        struct import_used *ids, *lines; /* taken by the devices so far */
        size_t n_ids, n_lines;
        size_t devices;
        bool failed; /* no memory */
};

void import_done(struct import *import);

/* "FILE:LINE: what: why / what to do" */
void import_note(struct import *import, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);

/* A key that a source knows. */
struct import_key {
        const char *name;
        const char *lost;  /* why it is not kept, what to do; NULL: it is */
        const char *usual; /* with this value nothing is lost; NULL: with none */
};

/* Notes what is lost of a map's keys and which are not known. The rows end with an empty one. */
void import_keys(struct import *import, const struct tree_node *map, const struct import_key *keys);

/* The items of a list; a lone map counts as a list of one, nothing as an empty one. Anything else is noted. */
const struct tree_item *import_items(struct import *import, const struct tree_node *node, const char *what,
                                     size_t *ret_count);

struct draft {
        struct import *import;
        unsigned line;
        char id[IMPORT_ID_MAX];
        char *text;
        size_t size;
        FILE *file;
        char *name;        /* NULL: none */
        size_t first_line; /* of import->lines that are this one's */
        bool bad;          /* noted; it is left out */
};

/* Begins a section [KIND ID]: the id comes from `name`, or else from `fallback`. It always ends with draft_end(). */
void draft_begin(struct draft *draft, struct import *import, unsigned line, const char *name, const char *fallback);
void draft_put(struct draft *draft, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
/* The name that people see, where it is another than the one that made the id. */
void draft_rename(struct draft *draft, const char *name);
void draft_put_flag(struct draft *draft, const char *key, bool value); /* only a `yes` is written */
void draft_comment(struct draft *draft, const char *format, ...) PRINTF_LIKE(2, 3);
/* Notes why the device is left out. */
void draft_refuse(struct draft *draft, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);
/* A GPIO line: two devices at one are refused. */
void draft_put_line(struct draft *draft, const char *key, unsigned at, const char *line);
void draft_end(struct draft *draft, const char *kind);

/* Values of a map; where the type is wrong the draft is refused. */
bool draft_bool(struct draft *draft, const struct tree_node *map, const char *key, bool fallback);
const char *draft_text(struct draft *draft, const struct tree_node *map, const char *key);
/* Whether there is one. */
bool draft_number(struct draft *draft, const struct tree_node *map, const char *key, double max, double *ret);
/* A whole one, which may be hexadecimal, 0x76; *ret stays where there is none. False: the draft is refused. */
bool draft_unsigned(struct draft *draft, const struct tree_node *map, const char *key, unsigned max, unsigned *ret);

/* A text in double quotes, as sconce.conf reads it. */
void import_put_quoted(FILE *file, const char *text);
