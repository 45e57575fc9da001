/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files in a temporary directory: a certificate with its key, and what is no such thing. */
#pragma once

#include <limits.h>
#include <sys/types.h>

struct pem_dir {
        char path[64];
};

int pem_dir_make(struct pem_dir *dir);
void pem_dir_remove(struct pem_dir *dir);

/* A file's path; valid until 8 further calls. */
const char *pem_path(const struct pem_dir *dir, const char *name);
/* NAME.crt and NAME.key (mode 0600): signed by itself, ends in `days`. */
void pem_pair(const struct pem_dir *dir, const char *name, int days);
/* An empty revocation list of NAME's. */
void pem_crl(const struct pem_dir *dir, const char *name, const char *file);
/* NAME.key under a passphrase. */
void pem_encrypt(const struct pem_dir *dir, const char *name, const char *file);
void pem_write(const struct pem_dir *dir, const char *file, const char *text, mode_t mode);
