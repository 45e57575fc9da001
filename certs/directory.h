/* SPDX-License-Identifier: Apache-2.0 */
/* DIR: entered once, then every path is relative to it. One run at a time; the kernel gives the lock back however a run ends. */
#pragma once

#include <stdbool.h>

#include "util/fault.h"
#include "util/file.h"

#define REGISTRY_FILE    "private/registry.db"
#define AUTHORITY_CERT   "ca.crt"
#define AUTHORITY_KEY    "ca.key"
#define PREDECESSOR_CERT "private/predecessor.crt" /* while an authority is replaced */
#define PREDECESSOR_KEY  "private/predecessor.key"
#define CRL_FILE         "crl.pem"
#define ACL_FILE         "sconce.acl"
#define PSK_FILE         "join.psk"
#define SIGNER_USER      "sconce-pki" /* of the service that signs */

/* A file in it, whole; the fault names it. */
int directory_read(const char *path, struct file *ret, struct fault *fault) MUST_CHECK;

/* Makes DIR where there is none. */
int directory_make(const char *dir, struct fault *fault) MUST_CHECK;
/* Makes what is in it; *ret_made: it was not there, and directory_unmake() takes it away again. */
int directory_fill(const char *dir, bool *ret_made, struct fault *fault) MUST_CHECK;
void directory_unmake(void);

/* Changes into it. It must belong to the user who runs this, and no one else may be able to write to it: else a link that
 * somebody planted would lead our files astray. */
int directory_enter(const char *dir, struct fault *fault) MUST_CHECK;
/* Waits for another run for half a minute. The caller closes the file, which ends the lock; so does the process's end. */
int directory_lock(const char *dir, int *ret_fd, struct fault *fault) MUST_CHECK;
/* A directory with all that is in it. */
void directory_remove(const char *path);
/* What a run that was cut short has left half written. */
void directory_sweep(void);

/* Where the signer's user exists, and root runs this: private/ and the authority's key become its own. */
int directory_give_to_signer(struct fault *fault) MUST_CHECK;
/* DIR belongs to us: its files are ours to write. Else we are the signer's service, and leave them to root. */
bool directory_is_ours(void);
