/* SPDX-License-Identifier: Apache-2.0 */
#include "system/hasty.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/process.h"

struct hasty {
        struct pump_source listener, peer;
        SSL_CTX *context;
        SSL *ssl;
        unsigned port;
        bool early; /* the handshake's first half is still to come */
        char *bytes;
        size_t size;
};

/* MQTT 5: success, no properties. */
static const unsigned char connack[] = { 0x20, 0x03, 0x00, 0x00, 0x00 };

/* TLS 1.3 lets a server send before the client's half of the handshake; OpenSSL calls that early data too. */
static void first_half(struct hasty *hasty)
{
        unsigned char none[1];
        size_t n;

        int r = SSL_read_early_data(hasty->ssl, none, sizeof(none), &n);
        if (r == SSL_READ_EARLY_DATA_ERROR && SSL_get_error(hasty->ssl, 0) == SSL_ERROR_WANT_READ)
                return;
        if (r != SSL_READ_EARLY_DATA_FINISH || SSL_write_early_data(hasty->ssl, connack, sizeof(connack), &n) != 1)
                give_up("the hasty broker could not send its CONNACK");
        hasty->early = false;
}

static void peer_ready(struct pump_source *source, short revents)
{
        struct hasty *hasty = CONTAINER_OF(source, struct hasty, peer);
        char buffer[4096];
        int got;

        (void)revents;
        if (hasty->early)
                first_half(hasty);
        while (!hasty->early && (got = SSL_read(hasty->ssl, buffer, sizeof(buffer))) > 0) {
                hasty->bytes = realloc(hasty->bytes, hasty->size + (size_t)got);
                if (!hasty->bytes)
                        abort();
                memcpy(hasty->bytes + hasty->size, buffer, (size_t)got);
                hasty->size += (size_t)got;
        }
        int error = SSL_get_error(hasty->ssl, -1);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_NONE)
                pump_remove(source);
}

static void listener_ready(struct pump_source *source, short revents)
{
        struct hasty *hasty = CONTAINER_OF(source, struct hasty, listener);

        (void)revents;
        if (hasty->ssl)
                return;
        hasty->peer = (struct pump_source){ .events = POLLIN, .ready = peer_ready };
        hasty->peer.fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        hasty->ssl = SSL_new(hasty->context);
        (void)SSL_set_fd(hasty->ssl, hasty->peer.fd);
        SSL_set_accept_state(hasty->ssl);
        hasty->early = true;
        pump_add(&hasty->peer);
}

static SSL_CTX *make_context(const char *ca, const char *cert)
{
        char path[3][4096];
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());

        (void)snprintf(path[0], sizeof(path[0]), "%s.crt", cert);
        (void)snprintf(path[1], sizeof(path[1]), "%s.key", cert);
        (void)snprintf(path[2], sizeof(path[2]), "%s.crt", ca);
        if (!context || SSL_CTX_use_certificate_file(context, path[0], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, path[1], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_load_verify_locations(context, path[2], NULL) != 1)
                give_up("cannot use %s", path[0]);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        (void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
        return context;
}

struct hasty *hasty_new(const char *ca, const char *cert)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        struct hasty *hasty = calloc(1, sizeof(*hasty));

        if (!hasty)
                give_up("out of memory");
        hasty->context = make_context(ca, cert);
        hasty->peer.fd = -1;
        hasty->listener = (struct pump_source){ .events = POLLIN, .ready = listener_ready };
        hasty->listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(hasty->listener.fd, (struct sockaddr *)&address, size) < 0 || listen(hasty->listener.fd, 8) < 0 ||
            getsockname(hasty->listener.fd, (struct sockaddr *)&address, &size) < 0)
                give_up("cannot listen on loopback");
        hasty->port = ntohs(address.sin_port);
        pump_add(&hasty->listener);
        return hasty;
}

void hasty_free(struct hasty *hasty)
{
        if (!hasty)
                return;
        pump_remove(&hasty->listener);
        pump_remove(&hasty->peer);
        (void)close(hasty->listener.fd);
        if (hasty->peer.fd >= 0)
                (void)close(hasty->peer.fd);
        SSL_free(hasty->ssl);
        SSL_CTX_free(hasty->context);
        free(hasty->bytes);
        free(hasty);
}

unsigned hasty_port(const struct hasty *hasty)
{
        return hasty->port;
}

void hasty_send(struct hasty *hasty, const char *topic, const char *payload)
{
        unsigned char packet[128];
        size_t topic_size = strlen(topic), payload_size = strlen(payload), rest = 2 + topic_size + 1 + payload_size;

        /* One byte of length is enough for what tests send. */
        if (rest > 120)
                give_up("too long for a hasty broker: %s", topic);
        packet[0] = 0x30;
        packet[1] = (unsigned char)rest;
        packet[2] = 0;
        packet[3] = (unsigned char)topic_size;
        memcpy(packet + 4, topic, topic_size);
        packet[4 + topic_size] = 0; /* no properties */
        memcpy(packet + 5 + topic_size, payload, payload_size);
        if (SSL_write(hasty->ssl, packet, (int)(rest + 2)) <= 0)
                give_up("the hasty broker cannot send");
}

struct wanted {
        const struct hasty *hasty;
        const char *text;
};

static bool has_come(void *userdata)
{
        const struct wanted *wanted = userdata;
        return wanted->hasty->size &&
               memmem(wanted->hasty->bytes, wanted->hasty->size, wanted->text, strlen(wanted->text));
}

void hasty_wait(struct hasty *hasty, const char *text)
{
        struct wanted wanted = { hasty, text };

        if (!pump_until(has_come, &wanted, SOON_MS))
                give_up("the client did not send \"%s\" (%zu bytes did come)", text, hasty->size);
}
