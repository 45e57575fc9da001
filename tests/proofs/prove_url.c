/* SPDX-License-Identifier: Apache-2.0 */
/* util/url.c: an address of any bytes is read without touching what is not its own; what is taken has a host and a port. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prove.h"
#include "util/url.h"

/* The C library's: reads the text, and finds in it an address or none. */
int inet_pton(int family, const char *text, void *ret)
{
        (void)family, (void)ret;
        PROVE(strlen(text) < INET6_ADDRSTRLEN + 17, "inet_pton() is given a text");
        return nondet_bool();
}

unsigned long strtoul(const char *text, char **end, int base)
{
        (void)end, (void)base;
        PROVE(text[0] >= '0' && text[0] <= '9', "strtoul() is given digits");
        return nondet_unsigned();
}

int fault_set(struct fault *fault, int code, const char *format, ...)
{
        (void)fault, (void)format;
        return code;
}

int main(void)
{
        char text[LENGTH + 1];
        struct url url = { .port = 7 };

        any_text(text, LENGTH);
        int r = url_parse(text, &url, NULL);
        if (r < 0) {
                PROVE(url.port == 7, "an address that is refused changes nothing");
                return 0;
        }
        PROVE(memchr(url.host, '\0', sizeof(url.host)), "the host is a text");
        PROVE((url.port == 0) == (url.scheme == URL_UNIX), "a port belongs to all that is no socket's path");
        PROVE(url.scheme != URL_MQTT || text[4] == ':', "what is not encrypted was written out");
        return 0;
}
