/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser does: HTTPS with a client certificate, and MQTT over secure websockets. On loopback, as localhost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `pki` is a directory of sconce-pki's; `cert` a name that it issued, NULL: none is shown. */
struct web_options {
        unsigned port;
        const char *pki, *cert;
        const char *base; /* instead of `cert`: a certificate and its key, path without suffix */
        const char *host; /* for the Host header; NULL: localhost */
};

/* The whole answer, with status line and headers, kept; "" where there is none. `size` may be NULL. */
const char *web_get(const struct web_options *options, const char *path, const char *headers, size_t *size);
/* The serial number of the certificate that is served there, kept. */
const char *web_serial(const struct web_options *options);

struct web_socket;

/* NULL: not let in. With MQTT 5, under a client id of the certificate's name, or its file's. */
struct web_socket *web_socket_new(const struct web_options *options);
void web_socket_free(struct web_socket *socket);

/* With QoS 1: the reason code of the answer. */
unsigned web_socket_publish(struct web_socket *socket, const char *topic, const char *payload);
void web_socket_subscribe(struct web_socket *socket, const char *filter);
/* Whether anything was published to it before the answer to a ping that is sent now. */
bool web_socket_was_sent(struct web_socket *socket, const char *topic);
