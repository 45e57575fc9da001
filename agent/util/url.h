/* SPDX-License-Identifier: Apache-2.0 */
/* A broker's address as the config writes it: mqtts://HOST[:PORT], mqtt://HOST[:PORT], unix:///PATH. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/fault.h"

enum url_scheme { URL_MQTTS, URL_MQTT, URL_UNIX };

struct url {
        enum url_scheme scheme;
        char host[256]; /* without the brackets of an IPv6 address; for unix the path */
        uint16_t port;  /* 0 for unix */
        bool numeric;   /* the host is an IP address, or there is none: nothing to look up */
};

/* -EINVAL with a sentence: what is wrong, and what is allowed. */
int url_parse(const char *text, struct url *ret, struct fault *fault) MUST_CHECK;
/* Some URL is mqtts://; one that is wrong is not. */
bool url_any_is_tls(const char *const *urls, size_t count);
/* A DNS name or an address, without port, brackets or wildcard. */
bool url_is_host(const char *text);

/* Nobody outside this machine can listen: TLS, a unix socket, or a loopback address. */
bool url_is_private(const struct url *url);

/* "broker.lan:8883", "[::1]:8883" or the path: for messages. */
#define URL_TEXT_MAX 320
void url_peer_text(const char *host, uint16_t port, char text[static URL_TEXT_MAX]);
