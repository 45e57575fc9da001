/* SPDX-License-Identifier: Apache-2.0 */
/* A broker's address: any text. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "util/url.h"

static const char *const prefixes[] = { [URL_MQTTS] = "mqtts://", [URL_MQTT] = "mqtt://", [URL_UNIX] = "unix://" };

static bool is_graphic(const char *text)
{
        for (; *text; text++)
                if (!isgraph((unsigned char)*text))
                        return false;
        return true;
}

/* As messages show it, it can be written into a config again. */
static void check_text(const struct url *url)
{
        char peer[URL_TEXT_MAX], text[URL_TEXT_MAX + 16];
        struct url again;

        url_peer_text(url->host, url->port, peer);
        (void)snprintf(text, sizeof(text), "%s%s", prefixes[url->scheme], peer);
        must(url_parse(text, &again, NULL) == 0);
        must(again.scheme == url->scheme && again.port == url->port && again.numeric == url->numeric);
        must(same_text(again.host, url->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        char *text = input_rest(&input);
        const struct url before = { .host = "untouched", .port = 4711 };
        struct url url = before;
        struct fault fault = { 0 };
        int r = url_parse(text, &url, &fault);

        must(r == 0 || r == -EINVAL);
        if (r < 0) {
                must(fault.code == r && is_sentence(fault.text, sizeof(fault.text)));
                must(memcmp(&url, &before, sizeof(url)) == 0);
        } else if (url.scheme == URL_UNIX) {
                must(url.host[0] == '/' && url.port == 0 && url.numeric && url_is_private(&url));
                check_text(&url);
        } else {
                must(url.port > 0 && url.host[0] != '\0' && is_graphic(url.host));
                must(url.numeric || url_is_host(url.host));
                must(url.scheme != URL_MQTTS || url_is_private(&url));
                check_text(&url);
        }
        free(text);
        return 0;
}
