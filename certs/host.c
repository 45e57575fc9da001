/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/reserved.h"
#include "util/text.h"
#include "util/url.h"

#define DEFAULT_PORT 8883

static bool is_address(const char *host)
{
        unsigned char bytes[16];
        return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_label(const char *label, size_t length)
{
        if (length < 1 || length > 63 || label[0] == '-' || label[length - 1] == '-')
                return false;
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)label[i]) && label[i] != '-')
                        return false;
        return true;
}

static bool is_dns_name(const char *host)
{
        const char *label = host;
        size_t length = strlen(host);

        if (length > 253)
                return false;
        for (;;) {
                size_t label_length = strcspn(label, ".");
                if (!is_label(label, label_length))
                        return false;
                if (!label[label_length])
                        return strspn(label, "0123456789") < label_length;
                label += label_length + 1;
        }
}

enum host_kind host_kind(const char *host)
{
        if (is_address(host))
                return HOST_IP;
        return is_dns_name(host) ? HOST_DNS : HOST_NONE;
}

bool host_is_one(const char *host)
{
        return host_kind(host) != HOST_NONE;
}

bool host_take(const char *text, char ret[static HOST_MAX])
{
        if (strlen(text) >= HOST_MAX || host_kind(text) == HOST_NONE)
                return false;
        for (; *text; text++)
                *ret++ = (char)tolower((unsigned char)*text);
        *ret = '\0';
        return true;
}

bool name_is_one(const char *name)
{
        return text_is_id(name);
}

bool name_is_reserved(const char *name)
{
        return word_is_reserved(name, RESERVED_NODE);
}

bool broker_url_is_one(const char *text)
{
        struct url url;
        return url_parse(text, &url, NULL) == 0 && url.scheme == URL_MQTTS && host_kind(url.host) != HOST_NONE;
}

void broker_url_of(const char *host, char ret[static BROKER_URL_MAX])
{
        (void)snprintf(ret, BROKER_URL_MAX, strchr(host, ':') ? "mqtts://[%s]:%d" : "mqtts://%s:%d", host,
                       DEFAULT_PORT);
}
