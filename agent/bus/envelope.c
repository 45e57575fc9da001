/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/envelope.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <limits.h>

#include "util/text.h"

static int sha256_hex(const void *data, size_t size, char hex[static 65])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length;

        if (EVP_Digest(data, size, digest, &length, EVP_sha256(), NULL) != 1 || length != 32)
                return -ENOMEM;
        text_hex(digest, length, hex);
        return 0;
}

int envelope_wrap(const struct envelope *header, const void *content, size_t size, char **ret)
{
        char hex[65];
        const char *quote = header->time ? "\"" : "";
        int r = size > INT_MAX ? -ENOMEM : sha256_hex(content, size, hex);

        if (r < 0)
                return r;
        r = asprintf(ret,
                     "{\"header\":{\"node\":\"%s\",\"device\":\"%s\",\"time\":%s%s%s,\"seq\":%" PRIu64 "},"
                     "\"content\":%.*s,\"footer\":{\"sha256\":\"%s\"}}",
                     header->node, header->device, quote, header->time ? header->time : "null", quote, header->seq,
                     (int)size, (const char *)content, hex);
        return r < 0 ? -ENOMEM : 0;
}
