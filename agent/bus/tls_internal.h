/* SPDX-License-Identifier: Apache-2.0 */
/* What tls.c (the context) and tls_handshake.c (its callbacks) share. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "bus/tls.h"

/* Enough to see that a file was replaced or written. */
struct stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
};

enum { FILE_CA, FILE_CERT, FILE_KEY, FILE_CRL, N_FILES };

struct tls {
        struct tls_options options;
        SSL_CTX *context;
        struct stamp stamps[N_FILES];
        char name[256]; /* of our certificate */
        unsigned char pin[32];
        struct tls_handshake *handshake; /* of the attempt; NULL: none */
        char server_name[256];
        bool numeric;
        bool warned_crl;
        char crl_from[32]; /* the list is not valid yet, only from then on; "": it is */
};

void tls_on_info(const SSL *ssl, int where, int value);
int tls_on_verify(int ok, X509_STORE_CTX *store);
