/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket below an SSL once the broker has accepted us, in as few system calls as a turn of the loop allows: records are
 * read ahead, and what is written within a turn leaves at its end, in one piece.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "util/macro.h"

/* Reading ahead: a few short messages. */
#define TLS_SOCKET_IN_BYTES 1024
/* Writing: an acknowledgement and a state have some 150 together. */
#define TLS_SOCKET_OUT_BYTES 4096

struct tls_socket {
        int fd;            /* -1: it is below no SSL */
        size_t turn_bytes; /* what may still be read in this turn */
        bool is_gathering; /* what is written waits for the end of the turn */
        struct {           /* read, and not taken by OpenSSL yet */
                unsigned char bytes[TLS_SOCKET_IN_BYTES];
                size_t at, size;
        } in;
        struct { /* written by OpenSSL, and not taken by the kernel yet */
                unsigned char bytes[TLS_SOCKET_OUT_BYTES];
                size_t at, size;
        } out;
};

#define TLS_SOCKET_INIT ((struct tls_socket){ .fd = -1 })

/* Puts it below `ssl`, which reads and writes `fd` from now on. `fd` stays the caller's, and `socket` must outlive `ssl`.
 * -ENOMEM: nothing has changed. */
int tls_socket_take(struct tls_socket *socket, SSL *ssl, int fd) MUST_CHECK;

/* A turn begins. After `bytes` the socket looks empty to OpenSSL, and so to libmosquitto; what is left waits. */
void tls_socket_begin_turn(struct tls_socket *socket, size_t bytes);

/* Its end: what it has written goes out. -EAGAIN: the kernel has no room for all of it, and more is to follow when it has;
 * another -errno: it never will. */
int tls_socket_end_turn(struct tls_socket *socket) MUST_CHECK;

/* There is something to read although the socket may be empty. */
bool tls_socket_has_read(const struct tls_socket *socket);
/* The kernel had no room. */
bool tls_socket_has_unsent(const struct tls_socket *socket);
