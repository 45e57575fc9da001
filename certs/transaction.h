/* SPDX-License-Identifier: Apache-2.0 */
/* One command at work in DIR: it begins with what a run before could not end, and happens as a whole or not at all. */
#pragma once

#include "authority.h"
#include "services.h"

struct transaction {
        const char *dir; /* as an absolute path: for messages */
        const char *me;  /* "sconce-pki", with -d DIR where that was given: for messages that show a command */
        struct registry *registry;
        struct authority authority, predecessor; /* the latter while a roll is on (roll.h) */
        struct services services;
        int lock_fd;        /* 0: not locked */
        bool has_happened;  /* it is committed: what is not in place yet the next run puts there */
        bool has_told_less; /* what was put in place is for the broker, too: it is to read it */
        bool keeps_lists;   /* what the broker goes by does not change: it need not be asked to read it again */
};

/* Enters DIR and takes the lock. -ENOENT: there is no authority yet. */
int transaction_begin(struct transaction *transaction, struct fault *fault) MUST_CHECK;
/* For a command that only looks: it waits for nobody, but where something is left to be done first. */
int transaction_begin_reading(struct transaction *transaction, struct fault *fault) MUST_CHECK;
/* As transaction_begin(), for a new authority: DIR is made. */
int transaction_begin_new(struct transaction *transaction, bool *ret_made, struct fault *fault) MUST_CHECK;
/* The files of the world that follow from the registry go with it: the access list always. */
int transaction_commit(struct transaction *transaction, struct fault *fault) MUST_CHECK;
/* Says in the fault that it has not happened, and why; its code is that of `why`. */
int transaction_failed(const struct transaction *transaction, const struct fault *why, struct fault *fault);
/* What was not committed has not happened. */
void transaction_end(struct transaction *transaction);

/* Signs a message (enrol/message.h) by every authority in force; the caller frees it. */
int transaction_sign(const struct transaction *transaction, const char *label, const char *body, char **ret,
                     struct fault *fault) MUST_CHECK;
/* The list of revoked certificates is to be signed again. */
int transaction_list_revoked(struct transaction *transaction, struct fault *fault) MUST_CHECK;
int transaction_put(struct transaction *transaction, enum file_use use, const struct bytes *bytes, struct fault *fault,
                    const char *format, ...) MUST_CHECK PRINTF_LIKE(5, 6);
