/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A config as it was written: sections with their entries, after drop-ins and includes, in order, each value
 * still text with its file and line. config/options.h turns entries into typed fields.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/problems.h"
#include "util/cleanup.h"

/* A value: one text, or a list of them ([a, b] or (a, b)). */
struct config_entry {
        char *key;
        char **values;
        size_t count;
        bool is_list;
        bool cut;         /* a bare value that ended at a comment: half of a secret, perhaps */
        bool broken;      /* could not be read, which is reported already; no values */
        const char *file; /* owned by the config */
        unsigned line;
};

struct config_origin {
        const char *file; /* owned by the config */
        unsigned line;
};

/* [KIND] or [KIND ID]. Sections of one name in several files are one section; later files win per key. */
struct config_section {
        char *kind;
        char *id;         /* NULL for one word */
        uint64_t id_hash; /* compared before the texts are */
        const char *file;
        unsigned line;                /* where it was first opened */
        struct config_entry *entries; /* what holds, one a key */
        size_t count;
        struct config_entry *replaced; /* what later files replaced */
        size_t n_replaced;
        struct config_origin *opened; /* everywhere that it was opened */
        size_t n_opened;
};

struct config {
        struct config_section *sections;
        size_t count;
        char **files; /* every file that was read, in order */
        size_t n_files;
        char sha256[65]; /* of everything read, in hex: `config` in info */
};

/* Reads FILE, then FILE's sibling conf.d/ *.conf in C order, with their includes. Always returns as much as
 * could be read: *ret is set even when problems were found (they are appended). -ENOMEM is the only error. */
int config_load(const char *path, struct problems *problems, struct config **ret) MUST_CHECK;

/* The same without drop-ins: the client's config. */
int config_load_file(const char *path, struct problems *problems, struct config **ret) MUST_CHECK;
void config_free(struct config *config);

const struct config_section *config_find(const struct config *config, const char *kind, const char *id);
const struct config_entry *config_entry_find(const struct config_section *section, const char *key);

/* True for a section that makes a device; one whose header is wrong, or whose id is taken, is not: headers_check(). */
bool config_is_device(const struct config *config, size_t index);

/* "[lamp kitchen]", as messages name a section. */
#define CONFIG_LABEL_MAX 160
const char *config_label(const struct config_section *section, char label[static CONFIG_LABEL_MAX]);

/* Adds "FILE:LINE: [section] key: …" with the key's place, or the section's where it has no such key. `key` NULL: the
 * section as a whole. */
void PRINTF_LIKE(4, 5) config_complain(const struct config_section *section, const char *key, struct problems *problems,
                                       const char *format, ...);

/* [KIND ID] with its values alone: a copy outlives the config, whose files and lines it does not know. */
int config_section_copy(const struct config_section *section, struct config_section **ret) MUST_CHECK;
void config_section_free(struct config_section *section);

DEFINE_CLEANUP(struct config_section, config_section_free);
#define CLEANUP_CONFIG_SECTION CLEANUP(config_section_freep)
DEFINE_CLEANUP(struct config, config_free);
#define CLEANUP_CONFIG CLEANUP(config_freep)
