/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DIR of sconce-pki should hold: names, certificates, invitations and authorities in plain arrays, and the laws by which
 * they change, as docs/pki.md has them. What is random (serial numbers, keys, an invitation's secret) it is told.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "certs/invitations.h"

enum { HOLDERS = 9, PAPERS_MAX = 256, TICKETS_MAX = 128, AUTHORITIES_MAX = 64, NONE = -1 };

/* A name, whether it has been issued or not. */
struct holder {
        const char *name;
        bool is_host; /* has a dot: no node and no client can be called so */
        bool is_known, is_revoked;
        enum name_kind kind;
        enum name_rights rights;
        unsigned generation, order;     /* order: of those that are known */
        char words[128], commands[128]; /* with a blank between them */
};

/* A certificate. */
struct paper {
        unsigned holder, generation, authority;
        bool is_revoked, is_proven;
        bool is_packed; /* its key was made here, and lies in issued/ */
        int64_t from_s, until_s;
        char serial[SERIAL_MAX];
        X509 *certificate;
        EVP_PKEY *key;
};

/* An invitation. */
struct ticket {
        unsigned holder;
        struct code_keys keys;
        int64_t expires_s, used_s;
        unsigned tries;
        char serial[SERIAL_MAX]; /* of what came of it */
        bool is_gone;            /* revoked, or another one has taken its place */
        bool is_listed;          /* it was open when the broker's lists were last written */
};

struct model {
        unsigned authority_count; /* the last is in force */
        X509 *authorities[AUTHORITIES_MAX];
        int predecessor; /* NONE: no roll is on */
        struct holder holders[HOLDERS];
        unsigned known_count;
        struct paper papers[PAPERS_MAX];
        unsigned paper_count;
        struct ticket tickets[TICKETS_MAX];
        unsigned ticket_count;
        int64_t list_number;
        int linked; /* the broker that broker.crt leads to */
        /* Where the signer may not write what it has issued: */
        bool is_pending; /* it is not in place yet */
        bool has_asked;  /* it has asked for that, once at least */
};

void model_init(struct model *model);
void model_done(struct model *model);

void model_identity(const struct model *model, unsigned holder, unsigned generation, char ret[static IDENTITY_MAX]);
bool model_in_force(const struct holder *holder);
int model_first_broker(const struct model *model);            /* NONE: there is none in force */
int model_newest(const struct model *model, unsigned holder); /* of its papers, revoked ones too; NONE */

/* ---- An authority and its successor: who is waited for, and how many papers by the predecessor are needed */
unsigned model_waiting(const struct model *model, int64_t now_s);
unsigned model_left(const struct model *model, int64_t now_s);
unsigned model_authority_for(const struct model *model, enum name_kind kind, int64_t now_s);
/* What the hourly upkeep issues again: a broker's. */
bool model_is_due(const struct model *model, unsigned holder, int64_t now_s);

bool model_is_open(const struct ticket *ticket, int64_t now_s);
/* What the signer says to who has the key of this paper and asks for another one; NULL: it signs. */
const char *model_why_not(const struct model *model, const struct paper *paper, int64_t now_s);
/* The name has had as many for 90 days within a day as it may. */
bool model_is_too_often(const struct model *model, unsigned holder, int64_t now_s);
/* A broker takes it: by an authority in force, not revoked, not out of time. */
bool model_is_good(const struct model *model, const struct paper *paper, int64_t now_s);

bool model_has_word(const char *words, const char *word);
void model_remove_word(char *words, const char *word);
void model_know(struct model *model, unsigned holder);
void model_revoke(struct model *model, unsigned holder);
/* The access list and the keys of the invited were written. */
void model_write_lists(struct model *model, int64_t now_s);

enum topic_class { STATE, STATUS, SET, NODE_SET, GET, DISCOVERY, REPLY, REQUEST, ANSWER, TRUST, BIRTH };
/* What docs/pki.md lets a name in force do; `level` is the topic's node, or its identity from REPLY on. */
bool model_allows(const struct model *model, const struct holder *holder, enum topic_class class, const char *level,
                  bool is_write);
