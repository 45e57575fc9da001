/* SPDX-License-Identifier: Apache-2.0 */
#include "util/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define FORMS "write mqtts://HOST[:PORT], mqtt://HOST[:PORT] or unix:///PATH"

static const struct {
        const char *prefix;
        enum url_scheme scheme;
        uint16_t port;
} schemes[] = {
        { "mqtts://", URL_MQTTS, 8883 },
        { "mqtt://", URL_MQTT, 1883 },
        { "unix://", URL_UNIX, 0 },
};

static int parse_path(const char *path, struct url *url, struct fault *fault)
{
        size_t length = strlen(path);

        if (path[0] != '/')
                return fault_set(fault, -EINVAL, "a unix socket needs an absolute path: unix:///PATH");
        if (length >= sizeof(((struct sockaddr_un *)0)->sun_path))
                return fault_set(fault, -EINVAL,
                                 "the path of a unix socket may have at most %zu bytes, this one has %zu",
                                 sizeof(((struct sockaddr_un *)0)->sun_path) - 1, length);
        memcpy(url->host, path, length + 1);
        url->numeric = true;
        return 0;
}

static int parse_port(const char *digits, size_t length, struct url *url, struct fault *fault)
{
        unsigned long port = 0;

        if (length > 0 && length <= 5 && strspn(digits, "0123456789") >= length)
                port = strtoul(digits, NULL, 10);
        if (port < 1 || port > UINT16_MAX)
                return fault_set(fault, -EINVAL, "\"%.*s\" is not a port: a number from 1 to 65535",
                                 (int)MIN(length, 40U), digits);
        url->port = (uint16_t)port;
        return 0;
}

/* The interface behind the % of fe80::1%eth0. */
static bool is_zone(const char *zone)
{
        size_t length = strlen(zone);

        for (const char *c = zone; *c; c++)
                if (!isgraph((unsigned char)*c))
                        return false;
        return length > 0 && length < IF_NAMESIZE;
}

static bool is_address(const char *host, bool bracketed)
{
        char address[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
        unsigned char binary[16];
        size_t length = bracketed ? strcspn(host, "%") : strlen(host);

        if (length >= sizeof(address) || (host[length] == '%' && !is_zone(host + length + 1)))
                return false;
        memcpy(address, host, length);
        address[length] = '\0';
        return inet_pton(bracketed ? AF_INET6 : AF_INET, address, binary) == 1;
}

enum { URL_HOST_LENGTH_MAX = 253 };

/* What a DNS name can be made of, underscores included: they are common in home networks. */
static bool is_name(const char *host)
{
        if (host[0] == '.' || host[0] == '-')
                return false;
        for (const char *c = host; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr(".-_", *c))
                        return false;
        return strstr(host, "..") == NULL;
}

bool url_is_host(const char *text)
{
        unsigned char binary[16];
        size_t length = strlen(text);

        return length > 0 && length <= URL_HOST_LENGTH_MAX && (is_name(text) || inet_pton(AF_INET6, text, binary) == 1);
}

static int parse_host(const char *start, size_t length, bool bracketed, struct url *url, struct fault *fault)
{
        if (length == 0)
                return fault_set(fault, -EINVAL, "the host is missing: " FORMS);
        if (length > URL_HOST_LENGTH_MAX)
                return fault_set(fault, -EINVAL, "a host name may have at most %d characters", URL_HOST_LENGTH_MAX);
        memcpy(url->host, start, length);
        url->host[length] = '\0';

        url->numeric = is_address(url->host, bracketed);
        if (bracketed && !url->numeric)
                return fault_set(fault, -EINVAL, "\"%s\" is not an IPv6 address", url->host);
        if (!url->numeric && !is_name(url->host))
                return fault_set(fault, -EINVAL, "\"%.100s\" is not a host name: " FORMS, url->host);
        return 0;
}

static int parse_authority(const char *text, struct url *url, struct fault *fault)
{
        bool bracketed = text[0] == '[';
        const char *host = text + bracketed;
        size_t length = strcspn(host, bracketed ? "]" : ":/?#");
        const char *rest = host + length;

        if (strchr(text, '@'))
                return fault_set(fault, -EINVAL, "user and password are keys of their own: user = ..., password = ...");
        if (bracketed && *rest++ != ']')
                return fault_set(fault, -EINVAL, "the bracket of the IPv6 address is not closed: [::1]:8883");
        if (!bracketed && *rest == ':' && strchr(rest + 1, ':'))
                return fault_set(fault, -EINVAL, "an IPv6 address is written in brackets: [::1]:8883");
        if (*rest == ':') {
                size_t digits = strcspn(rest + 1, "/?#");
                int r = parse_port(rest + 1, digits, url, fault);
                if (r < 0)
                        return r;
                rest += 1 + digits;
        }
        if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0)
                return fault_set(fault, -EINVAL, "\"%.40s\" after the host is not understood: " FORMS, rest);
        return parse_host(host, length, bracketed, url, fault);
}

int url_parse(const char *text, struct url *ret, struct fault *fault)
{
        struct url url = { 0 };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
                size_t length = strlen(schemes[i].prefix);
                if (strncasecmp(text, schemes[i].prefix, length) != 0)
                        continue;
                url.scheme = schemes[i].scheme;
                url.port = schemes[i].port;
                r = url.scheme == URL_UNIX ? parse_path(text + length, &url, fault)
                                           : parse_authority(text + length, &url, fault);
                if (r < 0)
                        return r;
                *ret = url;
                return 0;
        }
        return fault_set(fault, -EINVAL, "not a broker's address: " FORMS);
}

bool url_any_is_tls(const char *const *urls, size_t count)
{
        struct url url;

        for (size_t i = 0; i < count; i++)
                if (url_parse(urls[i], &url, NULL) == 0 && url.scheme == URL_MQTTS)
                        return true;
        return false;
}

bool url_is_private(const struct url *url)
{
        return url->scheme != URL_MQTT || strcasecmp(url->host, "localhost") == 0 || strcmp(url->host, "::1") == 0 ||
               (url->numeric && strncmp(url->host, "127.", 4) == 0);
}

void url_peer_text(const char *host, uint16_t port, char text[static URL_TEXT_MAX])
{
        if (port == 0)
                (void)snprintf(text, URL_TEXT_MAX, "%s", host);
        else
                (void)snprintf(text, URL_TEXT_MAX, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}
