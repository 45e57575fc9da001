/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been issued, in DIR/private/registry.db: every name with its kind and rights, every certificate, the list of
 * revoked ones as it was last signed. A command is one transaction of it. In the same transaction stand the files that the
 * world is to see afterwards (registry_put_file()): they are written when it has been committed, by the next run where
 * this one is cut short. So a command has happened, files and all, or it has not.
 *
 * All functions set the fault, and return 0 or a negative errno; -EBADMSG: the file is damaged.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "util/fault.h"

struct registry;

#define SERIAL_MAX 41 /* hexadecimal digits of 20 bytes, and a NUL */

struct certificate {
        char serial[SERIAL_MAX];
        char name[NAME_MAX_BYTES];
        unsigned generation;
        int64_t not_after_s, revoked_s; /* Unix time; revoked_s 0: it is in force */
};

/* Opens it, and creates it where `is_new`; an empty one is as good as none then, and else a damaged one. */
int registry_open(const char *path, bool is_new, struct registry **ret, struct fault *fault) MUST_CHECK;
void registry_close(struct registry *registry); /* what was not committed has not happened */

int registry_begin(struct registry *registry, struct fault *fault) MUST_CHECK;
int registry_commit(struct registry *registry, struct fault *fault) MUST_CHECK;

/* -ENOENT, without a fault: it was never issued. */
int registry_find(struct registry *registry, const char *name, struct name *ret, struct fault *fault) MUST_CHECK;
int registry_put(struct registry *registry, const struct name *name, struct fault *fault) MUST_CHECK;
/* No name may command the node's devices any more; the caller frees the list of those that could. */
int registry_end_commands(struct registry *registry, const char *node, char ***ret_names, struct fault *fault)
        MUST_CHECK;
/* The names in the order in which they were first issued; ends where the callback returns other than 0, and returns that. */
int registry_each(struct registry *registry, int (*each)(void *userdata, const struct name *name), void *userdata,
                  struct fault *fault) MUST_CHECK;

int registry_put_certificate(struct registry *registry, const struct certificate *certificate, const void *der,
                             size_t size, struct fault *fault) MUST_CHECK;
/* All of the name that are in force, of every generation. */
int registry_revoke(struct registry *registry, const char *name, int64_t now_s, unsigned *ret_count,
                    struct fault *fault) MUST_CHECK;
/* NAME NULL: of all. */
int registry_each_certificate(struct registry *registry, const char *name,
                              int (*each)(void *userdata, const struct certificate *certificate), void *userdata,
                              struct fault *fault) MUST_CHECK;

/* By its serial. -ENOENT, without a fault: it was not issued here. The caller frees the certificate. */
int registry_find_certificate(struct registry *registry, const char *serial, struct certificate *ret, X509 **ret_x509,
                              struct fault *fault) MUST_CHECK;

/* Its key has signed a request: it is in use, and no older one is needed. */
int registry_set_proven(struct registry *registry, const char *serial, struct fault *fault) MUST_CHECK;

/* How many of the name are not revoked, expired ones too. */
int registry_count_in_force(struct registry *registry, const char *name, unsigned *ret, struct fault *fault) MUST_CHECK;

/* A number that grows with each call: of the list of revoked certificates. */
int registry_next_crl_number(struct registry *registry, int64_t *ret, struct fault *fault) MUST_CHECK;
int registry_set_crl_number(struct registry *registry, int64_t number, struct fault *fault)
        MUST_CHECK; /* the last that was used */

enum file_use {
        FILE_PUBLIC,    /* 0644 */
        FILE_SECRET,    /* 0600 */
        FILE_OF_SIGNER, /* 0600, and of the user who owns private/ */
        FILE_OF_BROKER, /* 0600, and mosquitto's where that user exists */
        FILE_LINK,      /* a symbolic link: the content is where it leads to */
        FILE_REMOVED,
};

struct outside_file {
        const char *path; /* below DIR */
        enum file_use use;
        const void *data;
        size_t size;
};

/* Is to be written when the transaction has been committed. Another one of the same path takes its place. */
int registry_put_file(struct registry *registry, const struct outside_file *file, struct fault *fault) MUST_CHECK;
int registry_each_file(struct registry *registry, int (*each)(void *userdata, const struct outside_file *file),
                       void *userdata, struct fault *fault) MUST_CHECK;
/* Whether any is to be written. */
int registry_has_files(struct registry *registry, bool *ret, struct fault *fault) MUST_CHECK;
/* All of them are in place. */
int registry_forget_files(struct registry *registry, struct fault *fault) MUST_CHECK;
