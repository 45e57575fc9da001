/* SPDX-License-Identifier: Apache-2.0 */
#include "system/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "system/certs.h"
#include "system/process.h"
#include "system/pump.h"
#include "system/workdir.h"

struct web_socket {
        SSL *tls;
        unsigned char bytes[65536]; /* of MQTT, out of its frames */
        size_t n;
};

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

/* A server that closed is an error of the call, not the end of the test; a child's mask is its own. */
static void hold_sigpipe(void)
{
        sigset_t pipe;

        (void)sigemptyset(&pipe);
        (void)sigaddset(&pipe, SIGPIPE);
        (void)sigprocmask(SIG_BLOCK, &pipe, NULL);
}

static int connect_tcp(unsigned port)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct timeval soon = { .tv_sec = SOON_MS / 1000 * pump_patience() };

        hold_sigpipe();
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                give_up("no socket: %s", strerror(errno));
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        (void)close(fd);
        return -1;
}

static SSL_CTX *context_new(const struct web_options *options)
{
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());

        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_file(context, pki_file(options->pki, "ca.crt")) != 1)
                give_up("%s has no authority", options->pki);
        if (options->cert || options->base) {
                const char *base = options->base ? options->base : pki_issued(options->pki, options->cert);
                if (SSL_CTX_use_certificate_file(context, format_text("%s.crt", base), SSL_FILETYPE_PEM) != 1 ||
                    SSL_CTX_use_PrivateKey_file(context, format_text("%s.key", base), SSL_FILETYPE_PEM) != 1)
                        give_up("%s is no certificate with its key", base);
        }
        return context;
}

static void tls_free(SSL *tls)
{
        int fd = SSL_get_fd(tls);

        SSL_free(tls);
        (void)close(fd);
}

/* NULL: nobody listens, or the handshake failed. */
static SSL *tls_open(const struct web_options *options)
{
        char name[] = "localhost"; /* the macro for SNI drops const */
        int fd = connect_tcp(options->port);

        if (fd < 0)
                return NULL;
        SSL_CTX *context = context_new(options);
        SSL *tls = SSL_new(context);
        SSL_CTX_free(context);
        (void)SSL_set_fd(tls, fd);
        (void)SSL_set_tlsext_host_name(tls, name);
        (void)SSL_set1_host(tls, name);
        if (SSL_connect(tls) == 1)
                return tls;
        tls_free(tls);
        return NULL;
}

const char *web_serial(const struct web_options *options)
{
        SSL *tls = tls_open(options);

        if (!tls)
                return "";
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(SSL_get0_peer_certificate(tls)), NULL);
        char *hex = BN_bn2hex(number);
        const char *kept = format_text("%s", hex);
        OPENSSL_free(hex);
        BN_free(number);
        tls_free(tls);
        return kept;
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

const char *web_get(const struct web_options *options, const char *path, const char *headers, size_t *size)
{
        size_t n = 0, room = 1 << 20;
        char *answer = calloc(1, room);
        SSL *tls = tls_open(options);

        if (tls) {
                const char *request = format_text("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", path,
                                                  options->host ? options->host : "localhost", headers ? headers : "");
                int got = SSL_write(tls, request, (int)strlen(request));
                while (got > 0 && n < room - 1) {
                        got = SSL_read(tls, answer + n, (int)(room - 1 - n));
                        n += got > 0 ? (size_t)got : 0;
                }
                tls_free(tls);
        }
        if (size)
                *size = n;
        return keep_text(answer);
}

/* ---- Websockets -------------------------------------------------------------------------------------------------- */

static void send_frame(struct web_socket *s, const unsigned char *payload, size_t n)
{
        unsigned char frame[256] = { 0x82, (unsigned char)(0x80 | n) }; /* binary, whole, masked by zeros */

        if (n > 125)
                give_up("a frame of %zu bytes is more than this knows", n);
        memcpy(frame + 6, payload, n);
        if (SSL_write(s->tls, frame, (int)(6 + n)) <= 0)
                give_up("the websocket is closed");
}

static bool read_all(SSL *tls, unsigned char *to, size_t n)
{
        for (int got; n > 0; to += got, n -= (size_t)got) {
                got = SSL_read(tls, to, (int)n);
                if (got <= 0)
                        return false;
        }
        return true;
}

/* The payload of one frame is added to the bytes. */
static bool read_frame(struct web_socket *s)
{
        unsigned char head[2], more[2];
        size_t n;

        if (!read_all(s->tls, head, sizeof(head)) || (head[0] & 0x0f) == 8)
                return false;
        n = head[1];
        if (n == 126) {
                if (!read_all(s->tls, more, sizeof(more)))
                        return false;
                n = (size_t)more[0] << 8 | more[1];
        }
        if (n > 65535 || s->n + n > sizeof(s->bytes))
                give_up("a frame that this does not know");
        bool all = read_all(s->tls, s->bytes + s->n, n);
        s->n += all ? n : 0;
        return all;
}

static bool need_bytes(struct web_socket *s, size_t n)
{
        while (s->n < n) {
                if (!read_frame(s))
                        return false;
        }
        return true;
}

/* The next packet: its first byte, 0 at the end; what follows its length goes to `body`. */
static unsigned read_packet(struct web_socket *s, unsigned char *body, size_t room, size_t *size)
{
        size_t length = 0, at = 1;

        for (unsigned shift = 0;; shift += 7, at++) {
                if (!need_bytes(s, at + 1))
                        return 0;
                length |= (size_t)(s->bytes[at] & 0x7f) << shift;
                if (!(s->bytes[at] & 0x80))
                        break;
        }
        at++;
        if (length > room || !need_bytes(s, at + length))
                return 0;
        unsigned first = s->bytes[0];
        memcpy(body, s->bytes + at, length);
        *size = length;
        s->n -= at + length;
        memmove(s->bytes, s->bytes + at + length, s->n);
        return first;
}

static bool upgrade(struct web_socket *s)
{
        static const char request[] = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                      "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n";
        char answer[4096] = "";

        if (SSL_write(s->tls, request, sizeof(request) - 1) <= 0)
                return false;
        /* Byte by byte, as frames may follow at once. */
        for (size_t n = 0; n < sizeof(answer) - 1 && !strstr(answer, "\r\n\r\n"); n++) {
                if (SSL_read(s->tls, answer + n, 1) != 1)
                        return false;
        }
        return strncmp(answer, "HTTP/1.1 101 ", 13) == 0;
}

/* ---- MQTT -------------------------------------------------------------------------------------------------------- */

/* A packet of the first byte and these fields, a text with its length before it. */
struct packet {
        unsigned char bytes[128];
        size_t n;
};

static void add_byte(struct packet *p, unsigned byte)
{
        if (p->n == sizeof(p->bytes))
                give_up("a packet is longer than this knows");
        p->bytes[p->n++] = (unsigned char)byte;
}

static void add_bytes(struct packet *p, const char *text)
{
        for (; *text; text++)
                add_byte(p, (unsigned char)*text);
}

static void add_text(struct packet *p, const char *text)
{
        add_byte(p, 0);
        add_byte(p, (unsigned)strlen(text));
        add_bytes(p, text);
}

static void send_packet(struct web_socket *s, struct packet *p)
{
        p->bytes[1] = (unsigned char)(p->n - 2);
        send_frame(s, p->bytes, p->n);
}

/* Waits for a packet of that kind, past others. */
static size_t expect(struct web_socket *s, unsigned wanted, unsigned char *body, size_t room)
{
        size_t n = 0;
        unsigned first;

        do {
                first = read_packet(s, body, room, &n);
        } while (first && (first & 0xf0) != wanted);
        if (!first)
                give_up("the broker did not send a packet of kind %#x", wanted);
        return n;
}

static bool connect_mqtt(struct web_socket *s, const char *id)
{
        struct packet p = { .bytes = { 0x10 }, .n = 2 };
        unsigned char body[512];
        size_t n;

        add_text(&p, "MQTT");
        add_byte(&p, 5);
        add_byte(&p, 2); /* a clean start */
        add_byte(&p, 0);
        add_byte(&p, 60);
        add_byte(&p, 0);
        add_text(&p, id);
        send_packet(s, &p);
        return read_packet(s, body, sizeof(body), &n) == 0x20 && n >= 2 && body[1] == 0;
}

struct web_socket *web_socket_new(const struct web_options *options)
{
        struct web_socket *s = calloc(1, sizeof(*s));

        if (!s)
                abort();
        s->tls = tls_open(options);
        const char *id = options->base ? strrchr(options->base, '/') + 1 : options->cert;
        if (s->tls && upgrade(s) && connect_mqtt(s, id ? id : "nobody"))
                return s;
        web_socket_free(s);
        return NULL;
}

void web_socket_free(struct web_socket *s)
{
        if (!s)
                return;
        if (s->tls)
                tls_free(s->tls);
        free(s);
}

unsigned web_socket_publish(struct web_socket *s, const char *topic, const char *payload)
{
        struct packet p = { .bytes = { 0x32 }, .n = 2 };
        unsigned char body[512];

        add_text(&p, topic);
        add_byte(&p, 0);
        add_byte(&p, 1);
        add_byte(&p, 0);
        add_bytes(&p, payload);
        send_packet(s, &p);
        return expect(s, 0x40, body, sizeof(body)) > 2 ? body[2] : 0;
}

void web_socket_subscribe(struct web_socket *s, const char *filter)
{
        struct packet p = { .bytes = { 0x82 }, .n = 2 };
        unsigned char body[512];

        add_byte(&p, 0);
        add_byte(&p, 2);
        add_byte(&p, 0);
        add_text(&p, filter);
        add_byte(&p, 0);
        send_packet(s, &p);
        (void)expect(s, 0x90, body, sizeof(body));
}

bool web_socket_was_sent(struct web_socket *s, const char *topic)
{
        struct packet ping = { .bytes = { 0xc0 }, .n = 2 };
        unsigned char body[4096];
        bool sent = false;
        size_t n;
        unsigned first;

        send_packet(s, &ping);
        while ((first = read_packet(s, body, sizeof(body), &n)) != 0 && first != 0xd0)
                sent = sent || ((first & 0xf0) == 0x30 && n > 2 + strlen(topic) && body[1] == strlen(topic) &&
                                memcmp(body + 2, topic, strlen(topic)) == 0);
        if (!first)
                give_up("the websocket was closed");
        return sent;
}
