/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BIO of our own, since OpenSSL asks for a record's five bytes and then for the rest, and writes each record by itself. Its
 * SSL_CTX_set_read_ahead() does not tell whether half a record waits or a whole one; its BIO_f_buffer() knows no bound.
 */
#include "bus/tls_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <openssl/bio.h>

/* ---- Reading --------------------------------------------------------------------------------------------------- */

static ssize_t receive(struct tls_socket *socket, BIO *bio, void *data, size_t size)
{
        errno = 0;
        ssize_t n = recv(socket->fd, data, size, 0);
        if (n > 0)
                socket->turn_bytes -= MIN(socket->turn_bytes, (size_t)n);
        else if (n == 0)
                BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        else if (BIO_sock_should_retry((int)n))
                BIO_set_retry_read(bio);
        return n;
}

static int read_some(BIO *bio, char *data, int size)
{
        struct tls_socket *socket = BIO_get_data(bio);

        BIO_clear_retry_flags(bio);
        if (socket->in.size == 0) {
                if (socket->turn_bytes == 0) {
                        BIO_set_retry_read(bio);
                        return -1;
                }
                if ((size_t)size >= sizeof(socket->in.bytes))
                        return (int)receive(socket, bio, data, (size_t)size);
                ssize_t n = receive(socket, bio, socket->in.bytes, sizeof(socket->in.bytes));
                if (n <= 0)
                        return (int)n;
                socket->in.at = 0;
                socket->in.size = (size_t)n;
        }
        size_t taken = MIN((size_t)size, socket->in.size);
        memcpy(data, socket->in.bytes + socket->in.at, taken);
        socket->in.at += taken;
        socket->in.size -= taken;
        return (int)taken;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static int send_gathered(struct tls_socket *socket)
{
        while (socket->out.size > 0) {
                ssize_t n = send(socket->fd, socket->out.bytes + socket->out.at, socket->out.size, MSG_NOSIGNAL);
                if (n < 0)
                        return -errno;
                socket->out.at += (size_t)n;
                socket->out.size -= (size_t)n;
        }
        socket->out.at = 0;
        return 0;
}

static int not_written(BIO *bio)
{
        if (BIO_sock_should_retry(-1))
                BIO_set_retry_write(bio);
        return -1;
}

static bool gather(struct tls_socket *socket, const char *data, size_t size)
{
        size_t end = socket->out.at + socket->out.size;

        if (!socket->is_gathering || size > sizeof(socket->out.bytes) - end)
                return false;
        memcpy(socket->out.bytes + end, data, size);
        socket->out.size += size;
        return true;
}

/* What came before goes before: it leaves room, or the kernel has none. */
static int write_some(BIO *bio, const char *data, int size)
{
        struct tls_socket *socket = BIO_get_data(bio);

        BIO_clear_retry_flags(bio);
        if (gather(socket, data, (size_t)size))
                return size;
        int r = send_gathered(socket);
        if (r < 0) {
                errno = -r;
                return not_written(bio);
        }
        if (gather(socket, data, (size_t)size))
                return size;
        ssize_t n = send(socket->fd, data, (size_t)size, MSG_NOSIGNAL);
        return n < 0 ? not_written(bio) : (int)n;
}

/* ---- The BIO --------------------------------------------------------------------------------------------------- */

/* A flush is asked for within a turn, too: its end does it. */
static long control(BIO *bio, int operation, long number, void *data)
{
        (void)number;
        (void)data;
        if (operation == BIO_CTRL_EOF)
                return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
        return operation == BIO_CTRL_FLUSH;
}

/* One for the process, kept to its end. */
static BIO_METHOD *method(void)
{
        static BIO_METHOD *method;

        if (method)
                return method;
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket, turn by turn");
        if (method) {
                (void)BIO_meth_set_read(method, read_some);
                (void)BIO_meth_set_write(method, write_some);
                (void)BIO_meth_set_ctrl(method, control);
        }
        return method;
}

int tls_socket_take(struct tls_socket *socket, SSL *ssl, int fd)
{
        BIO *bio = method() ? BIO_new(method()) : NULL;
        if (!bio)
                return -ENOMEM;
        socket->fd = fd;
        BIO_set_data(bio, socket);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl, bio, bio);
        return 0;
}

/* ---- Turns ----------------------------------------------------------------------------------------------------- */

void tls_socket_begin_turn(struct tls_socket *socket, size_t bytes)
{
        socket->turn_bytes = bytes;
        socket->is_gathering = socket->fd >= 0;
}

int tls_socket_end_turn(struct tls_socket *socket)
{
        socket->is_gathering = false;
        return send_gathered(socket);
}

bool tls_socket_has_read(const struct tls_socket *socket)
{
        return socket->in.size > 0;
}

bool tls_socket_has_unsent(const struct tls_socket *socket)
{
        return socket->out.size > 0;
}
