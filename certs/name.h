/* SPDX-License-Identifier: Apache-2.0 */
/* A name: of which kind it is, what it may do, and how a broker knows it. */
#pragma once

#include <stdbool.h>

#include "util/macro.h"

enum name_kind { NAME_BROKER, NAME_NODE, NAME_CLIENT };
enum name_rights { RIGHTS_NONE, RIGHTS_ALL, RIGHTS_READ_ONLY, RIGHTS_HOME_ASSISTANT };

#define NAME_MAX_BYTES 256 /* with its NUL: a broker goes by a host */

struct name {
        char name[NAME_MAX_BYTES];
        enum name_kind kind;
        bool is_revoked;
        unsigned generation;     /* 1, and one more each time that it is issued again after a revocation */
        enum name_rights rights; /* a client's */
        char **words;    /* a broker's hosts; a node's URL where it was given; a client's nodes; NULL ends them */
        char **commands; /* of a node: the other nodes whose devices it may command */
};

const char *name_kind_word(enum name_kind kind);
void name_done(struct name *name);
/* The CN by which a broker knows it: the name, and from its second generation on NAME.GENERATION, which no name is. */
#define IDENTITY_MAX (NAME_MAX_BYTES + 12)
void name_identity(const struct name *name, char ret[static IDENTITY_MAX]);

/* ---- A list of words, ended by NULL; NULL: none. What returns false had no memory. */
void words_done(char ***words);
/* Appends a copy, each word once. */
bool words_add(char ***words, const char *word) MUST_CHECK;
bool words_add_all(char ***words, char *const *others) MUST_CHECK;
/* False: it was not there. */
bool words_remove(char **words, const char *word);
/* With a blank between them, which the caller frees; NULL: no memory. */
char *words_text(char *const *words);
bool words_split(const char *text, char ***words) MUST_CHECK;
