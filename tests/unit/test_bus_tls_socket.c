/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves in one piece and when, what is read ahead, and that no byte is lost or out of order where the kernel is full. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "bus/tls_socket.h"

#define A_TURN 100000

static struct {
        struct tls_socket socket;
        SSL_CTX *context;
        SSL *ssl;
        int fds[2]; /* ours, the broker's */
} stage;

static int set_up(void **state)
{
        (void)state;
        stage.socket = TLS_SOCKET_INIT;
        stage.context = SSL_CTX_new(TLS_client_method());
        stage.ssl = stage.context ? SSL_new(stage.context) : NULL;
        if (!stage.ssl || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, stage.fds) < 0)
                return -1;
        return tls_socket_take(&stage.socket, stage.ssl, stage.fds[0]);
}

static int tear_down(void **state)
{
        (void)state;
        SSL_free(stage.ssl);
        SSL_CTX_free(stage.context);
        (void)close(stage.fds[0]);
        if (stage.fds[1] >= 0)
                (void)close(stage.fds[1]);
        return 0;
}

static int put(const char *text)
{
        return BIO_write(SSL_get_wbio(stage.ssl), text, (int)strlen(text));
}

static int get(char *text, int size)
{
        return BIO_read(SSL_get_rbio(stage.ssl), text, size);
}

static void assert_broker_has(const char *text)
{
        char got[64];
        ssize_t n = recv(stage.fds[1], got, sizeof(got), 0);

        assert_int_equal(n, (ssize_t)strlen(text));
        assert_memory_equal(got, text, strlen(text));
}

static void assert_broker_has_nothing(void)
{
        char got;

        assert_int_equal(recv(stage.fds[1], &got, 1, 0), -1);
        assert_int_equal(errno, EAGAIN);
}

static void write__within_a_turn__leaves_at_its_end_in_one_piece(void **state)
{
        (void)state;
        tls_socket_begin_turn(&stage.socket, A_TURN);
        assert_int_equal(put("acknowledged "), 13);
        assert_int_equal(put("state"), 5);
        assert_broker_has_nothing();
        assert_true(tls_socket_has_unsent(&stage.socket));
        assert_int_equal(tls_socket_end_turn(&stage.socket), 0);
        assert_false(tls_socket_has_unsent(&stage.socket));
        assert_broker_has("acknowledged state");
}

static void write__outside_a_turn__leaves_at_once(void **state)
{
        (void)state;
        assert_int_equal(put("event"), 5);
        assert_broker_has("event");
}

static void write__more_than_is_gathered__keeps_its_order(void **state)
{
        static const size_t sizes[] = { 100, TLS_SOCKET_OUT_BYTES - 50, 7, 2 * TLS_SOCKET_OUT_BYTES, 1 };
        static char sent[4 * TLS_SOCKET_OUT_BYTES], got[sizeof(sent)];
        size_t n_sent = 0, n_got = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(sent); i++)
                sent[i] = (char)(i * 7 + i / 251);
        tls_socket_begin_turn(&stage.socket, A_TURN);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                assert_int_equal(BIO_write(SSL_get_wbio(stage.ssl), sent + n_sent, (int)sizes[i]), (int)sizes[i]);
                n_sent += sizes[i];
        }
        assert_int_equal(tls_socket_end_turn(&stage.socket), 0);
        for (ssize_t n; (n = recv(stage.fds[1], got + n_got, sizeof(got) - n_got, 0)) > 0;)
                n_got += (size_t)n;
        assert_int_equal(n_got, n_sent);
        assert_memory_equal(got, sent, n_sent);
}

/* As long as the kernel takes none, OpenSSL is to come again; afterwards everything is there once. */
static void write__kernel_is_full__goes_on_later(void **state)
{
        static char piece[1000];
        unsigned char number = 0, next = 0;
        char got[sizeof(piece)];
        size_t at = 0;

        (void)state;
        do {
                tls_socket_begin_turn(&stage.socket, A_TURN);
                memset(piece, number, sizeof(piece));
                while (BIO_write(SSL_get_wbio(stage.ssl), piece, sizeof(piece)) == sizeof(piece))
                        memset(piece, ++number, sizeof(piece));
                assert_true(BIO_should_retry(SSL_get_wbio(stage.ssl)));
        } while (tls_socket_end_turn(&stage.socket) != -EAGAIN);
        assert_true(tls_socket_has_unsent(&stage.socket));
        while (next < number) {
                ssize_t n = recv(stage.fds[1], got, sizeof(piece) - at, 0);
                if (n < 0) {
                        int r = tls_socket_end_turn(&stage.socket);
                        assert_true(r == 0 || r == -EAGAIN);
                        continue;
                }
                for (ssize_t i = 0; i < n; i++)
                        assert_int_equal((unsigned char)got[i], next);
                at = (at + (size_t)n) % sizeof(piece);
                next += at == 0;
        }
        assert_false(tls_socket_has_unsent(&stage.socket));
        assert_broker_has_nothing();
}

static void end_turn__broker_is_gone__is_an_error(void **state)
{
        (void)state;
        tls_socket_begin_turn(&stage.socket, A_TURN);
        assert_int_equal(put("state"), 5);
        (void)close(stage.fds[1]);
        stage.fds[1] = -1;
        assert_int_equal(tls_socket_end_turn(&stage.socket), -EPIPE);
}

static void read__two_records_in_one_piece__second_is_read_ahead(void **state)
{
        char text[16];

        (void)state;
        assert_int_equal(send(stage.fds[1], "11111command22222next", 21, 0), 21);
        tls_socket_begin_turn(&stage.socket, A_TURN);
        assert_int_equal(get(text, 5), 5);
        assert_memory_equal(text, "11111", 5);
        assert_true(tls_socket_has_read(&stage.socket));
        assert_int_equal(recv(stage.fds[0], text, 1, 0), -1); /* the socket has nothing left */
        assert_int_equal(get(text, 7), 7);
        assert_memory_equal(text, "command", 7);
        assert_int_equal(get(text, 5), 5);
        assert_int_equal(get(text, 16), 4);
        assert_memory_equal(text, "next", 4);
        assert_false(tls_socket_has_read(&stage.socket));
        assert_int_equal(get(text, 5), -1);
        assert_true(BIO_should_retry(SSL_get_rbio(stage.ssl)));
}

static void read__turn_is_used_up__rest_waits_for_the_next(void **state)
{
        char text[TLS_SOCKET_IN_BYTES * 2];

        (void)state;
        memset(text, 'x', sizeof(text));
        assert_int_equal(send(stage.fds[1], text, sizeof(text), 0), (ssize_t)sizeof(text));
        tls_socket_begin_turn(&stage.socket, 1);
        assert_int_equal(get(text, 5), 5);
        assert_int_equal(get(text, sizeof(text)), TLS_SOCKET_IN_BYTES - 5);
        assert_int_equal(get(text, 5), -1);
        assert_true(BIO_should_retry(SSL_get_rbio(stage.ssl)));
        tls_socket_begin_turn(&stage.socket, A_TURN);
        assert_int_equal(get(text, sizeof(text)), TLS_SOCKET_IN_BYTES);
}

static void read__broker_hangs_up__is_the_end(void **state)
{
        char text[8];

        (void)state;
        (void)close(stage.fds[1]);
        stage.fds[1] = -1;
        tls_socket_begin_turn(&stage.socket, A_TURN);
        assert_int_equal(get(text, 5), 0);
        assert_true(BIO_eof(SSL_get_rbio(stage.ssl)));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(write__within_a_turn__leaves_at_its_end_in_one_piece),
                TEST(write__outside_a_turn__leaves_at_once),
                TEST(write__more_than_is_gathered__keeps_its_order),
                TEST(write__kernel_is_full__goes_on_later),
                TEST(end_turn__broker_is_gone__is_an_error),
                TEST(read__two_records_in_one_piece__second_is_read_ahead),
                TEST(read__turn_is_used_up__rest_waits_for_the_next),
                TEST(read__broker_hangs_up__is_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
