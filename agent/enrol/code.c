/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/code.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/text.h"
#include "util/url.h"

DEFINE_CLEANUP(EVP_KDF, EVP_KDF_free);
DEFINE_CLEANUP(EVP_KDF_CTX, EVP_KDF_CTX_free);

/* 128 bits in 26 digits of 5 bits, and 4 check digits. */
#define SECRET_DIGITS 26
#define CHECK_DIGITS  4
#define DIGITS        (SECRET_DIGITS + CHECK_DIGITS)
#define EXAMPLE       "NAME:SECRET@HOST[:PORT], as 'sconce-pki invite NAME' prints it"

static const char alphabet[] = CODE_DIGITS;

/* ---- What follows from the secret -------------------------------------------------------------------------------- */

static int derive(const unsigned char *secret, const char *purpose, unsigned char *ret, size_t size)
{
        static const char salt[] = "sconce invitation 1";
        CLEANUP(EVP_KDF_freep) EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *context = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
        unsigned char key[CODE_SECRET_BYTES];
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, sizeof(key)),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, sizeof(salt) - 1),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)purpose, strlen(purpose)),
                OSSL_PARAM_construct_end(),
        };

        memcpy(key, secret, sizeof(key));
        bool is_done = context && EVP_KDF_derive(context, ret, size, params) == 1;
        OPENSSL_cleanse(key, sizeof(key));
        ERR_clear_error();
        return is_done ? 0 : -ENOMEM;
}

/* The digits of `bits` bits, from the highest on. */
static void write_digits(const unsigned char *bytes, size_t bits, char *ret)
{
        for (size_t at = 0; at < bits; at += 5) {
                unsigned digit = 0;
                for (size_t bit = at; bit < at + 5; bit++)
                        digit = digit << 1 | (bit < bits ? bytes[bit / 8] >> (7 - bit % 8) & 1U : 0);
                *ret++ = alphabet[digit];
        }
        *ret = '\0';
}

const char *code_identity_digits(const char *identity)
{
        size_t length = strlen(CODE_IDENTITY_BEGIN);

        return strncmp(identity, CODE_IDENTITY_BEGIN, length) == 0 ? identity + length : NULL;
}

int code_derive(const unsigned char secret[static CODE_SECRET_BYTES], struct code_keys *ret, struct fault *fault)
{
        unsigned char identity[10], psk[32];
        int r = derive(secret, "identity", identity, sizeof(identity));

        if (r == 0)
                r = derive(secret, "psk", psk, sizeof(psk));
        if (r == 0)
                r = derive(secret, "mac", ret->mac, sizeof(ret->mac));
        if (r < 0)
                return fault_set(fault, r, "out of memory");
        (void)strcpy(ret->identity, CODE_IDENTITY_BEGIN);
        write_digits(identity, 8 * sizeof(identity), ret->identity + strlen(ret->identity));
        text_hex(psk, sizeof(psk), ret->psk);
        OPENSSL_cleanse(psk, sizeof(psk));
        return 0;
}

int code_draw(struct code *code, struct fault *fault)
{
        return RAND_bytes(code->secret, sizeof(code->secret)) == 1
                       ? 0
                       : fault_set(fault, -EIO, "this machine has no randomness for a secret");
}

void code_forget(struct code *code, struct code_keys *keys)
{
        if (code)
                OPENSSL_cleanse(code, sizeof(*code));
        if (keys)
                OPENSSL_cleanse(keys, sizeof(*keys));
}

/* ---- Its text ---------------------------------------------------------------------------------------------------- */

/* Of secret and name: what is mistyped there would look like a refusal. */
static int check_digits(const struct code *code, char ret[static CHECK_DIGITS + 1])
{
        unsigned char digest[32];
        char purpose[sizeof("check ") + CODE_NAME_MAX];

        (void)snprintf(purpose, sizeof(purpose), "check %s", code->name);
        int r = derive(code->secret, purpose, digest, sizeof(digest));
        if (r == 0)
                write_digits(digest, 5 * CHECK_DIGITS, ret);
        return r;
}

void code_text(const struct code *code, char ret[static CODE_TEXT_MAX])
{
        char digits[SECRET_DIGITS + 1], check[CHECK_DIGITS + 1] = "", port[8] = "";
        bool is_ipv6 = strchr(code->host, ':') != NULL;

        write_digits(code->secret, 8 * sizeof(code->secret), digits);
        (void)!check_digits(code, check);
        if (code->port != CODE_PORT)
                (void)snprintf(port, sizeof(port), ":%u", code->port);
        (void)snprintf(ret, CODE_TEXT_MAX, "%s:%s%s@%s%s%s%s", code->name, digits, check, is_ipv6 ? "[" : "",
                       code->host, is_ipv6 ? "]" : "", port);
        OPENSSL_cleanse(digits, sizeof(digits));
}

static bool read_secret(const char *text, unsigned char *ret)
{
        unsigned value = 0, bits = 0;

        for (size_t i = 0; i < SECRET_DIGITS; i++) {
                const char *digit = strchr(alphabet, tolower((unsigned char)text[i]));
                if (!digit)
                        return false;
                value = value << 5 | (unsigned)(digit - alphabet);
                bits += 5;
                if (bits >= 8) {
                        bits -= 8;
                        *ret++ = (unsigned char)(value >> bits);
                        value &= (1U << bits) - 1;
                }
        }
        return value == 0; /* the two bits that are left */
}

static int read_peer(const char *text, struct code *code, struct fault *fault)
{
        char all[CODE_TEXT_MAX];
        struct url url;
        const char *bracket = strrchr(text, ']'), *colon = strrchr(bracket ? bracket : text, ':');

        (void)snprintf(all, sizeof(all), "mqtts://%s", text);
        if (url_parse(all, &url, NULL) < 0)
                return fault_set(fault, -EINVAL,
                                 "this is not a code: after its @ comes no HOST[:PORT]; it is " EXAMPLE);
        (void)snprintf(code->host, sizeof(code->host), "%s", url.host);
        code->port = colon ? url.port : CODE_PORT;
        return 0;
}

static int read_code(const char *text, struct code *code, struct fault *fault)
{
        const char *colon = strchr(text, ':'), *at = colon ? strchr(colon, '@') : NULL;
        char check[CHECK_DIGITS + 1];

        if (!colon || !at || colon == text || (size_t)(colon - text) >= CODE_NAME_MAX)
                return fault_set(fault, -EINVAL, "this is not a code: it is " EXAMPLE);
        memcpy(code->name, text, (size_t)(colon - text));
        code->name[colon - text] = '\0';
        if (!text_is_id(code->name))
                return fault_set(fault, -EINVAL, "this is not a code: it does not begin with a name; it is " EXAMPLE);
        if (at - colon - 1 != DIGITS || !read_secret(colon + 1, code->secret))
                return fault_set(fault, -EINVAL,
                                 "this is not a code: its secret has %d letters and digits; was all of it copied?",
                                 DIGITS);
        int r = check_digits(code, check);
        if (r < 0)
                return fault_set(fault, r, "out of memory");
        if (strncasecmp(check, colon + 1 + SECRET_DIGITS, CHECK_DIGITS) != 0)
                return fault_set(fault, -EINVAL, "the code is mistyped: its name and secret do not belong together");
        return read_peer(at + 1, code, fault);
}

int code_parse(const char *text, struct code *ret, struct fault *fault)
{
        char copy[CODE_TEXT_MAX];

        *ret = (struct code){ 0 };
        text += strspn(text, " \t\r\n");
        size_t length = strlen(text);
        while (length > 0 && isspace((unsigned char)text[length - 1]))
                length--;
        if (length >= sizeof(copy))
                return fault_set(fault, -EINVAL, "this is not a code, but something longer: it is " EXAMPLE);
        memcpy(copy, text, length);
        copy[length] = '\0';
        int r = read_code(copy, ret, fault);
        OPENSSL_cleanse(copy, sizeof(copy));
        return r;
}
