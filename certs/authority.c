/* SPDX-License-Identifier: Apache-2.0 */
#include "authority.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "enrol/request.h"
#include "host.h"
#include "util/file.h"

#define SERIAL_BYTES 16
#define EARLIER_S    3600
#define PEM_MAX      (1U << 20)

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(BIGNUM, BN_free);
DEFINE_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free);
DEFINE_CLEANUP(ASN1_TIME, ASN1_TIME_free);
DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free);
DEFINE_CLEANUP(X509_REVOKED, X509_REVOKED_free);
DEFINE_CLEANUP(PKCS12, PKCS12_free);

static int fail(const char *what, struct fault *fault)
{
        unsigned long code = ERR_peek_last_error();
        const char *reason = code ? ERR_reason_error_string(code) : NULL;

        ERR_clear_error();
        return fault_set(fault, -EIO, "%s: OpenSSL says: %s", what, reason ? reason : "no reason");
}

void bytes_done(struct bytes *bytes)
{
        if (bytes->data)
                OPENSSL_clear_free(bytes->data, bytes->size);
        *bytes = (struct bytes){ 0 };
}

int bytes_append(struct bytes *bytes, const struct bytes *more, struct fault *fault)
{
        if (more->size == 0)
                return 0;
        unsigned char *data = OPENSSL_realloc(bytes->data, bytes->size + more->size);
        if (!data)
                return fault_set(fault, -ENOMEM, "out of memory");
        memcpy(data + bytes->size, more->data, more->size);
        *bytes = (struct bytes){ data, bytes->size + more->size };
        return 0;
}

static int take_bytes(BIO *bio, struct bytes *ret, struct fault *fault)
{
        char *data = NULL;
        long size = BIO_get_mem_data(bio, &data);
        unsigned char *copy = size > 0 ? OPENSSL_memdup(data, (size_t)size) : NULL;

        if (!copy)
                return fault_set(fault, -ENOMEM, "out of memory");
        *ret = (struct bytes){ copy, (size_t)size };
        return 0;
}

int64_t time_of(const ASN1_TIME *time)
{
        struct tm tm;
        return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void time_text(int64_t time_s, char ret[static TIME_TEXT_MAX])
{
        time_t seconds = (time_t)time_s;
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || strftime(ret, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
                (void)strcpy(ret, "?");
}

void authority_name(const X509 *certificate, char ret[static ISSUER_MAX])
{
        if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, ret, ISSUER_MAX) < 0)
                *ret = '\0';
}

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

int no_password(char *buffer, int size, int is_writing, void *userdata)
{
        (void)buffer;
        (void)size;
        (void)is_writing;
        (void)userdata;
        return -1;
}

int key_to_pem(EVP_PKEY *key, struct bytes *ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());

        if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
                return fail("a key could not be written", fault);
        return take_bytes(bio, ret, fault);
}

int certificate_to_pem(X509 *certificate, struct bytes *ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
                return fail("a certificate could not be written", fault);
        return take_bytes(bio, ret, fault);
}

int certificate_to_der(X509 *certificate, struct bytes *ret, struct fault *fault)
{
        unsigned char *data = NULL;
        int size = i2d_X509(certificate, &data);

        if (size <= 0)
                return fail("a certificate could not be written", fault);
        *ret = (struct bytes){ data, (size_t)size };
        return 0;
}

/* ---- What every certificate has ---------------------------------------------------------------------------------- */

static bool set_serial(X509 *certificate)
{
        unsigned char bytes[SERIAL_BYTES];

        /* 127 random bits below a one: positive, and as long as can be told from a counter's. */
        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return false;
        bytes[0] &= 0x7f;
        bytes[0] |= 0x40;
        CLEANUP(BN_freep) BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
        return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
}

static bool serial_text(const ASN1_INTEGER *serial, char ret[static SERIAL_MAX])
{
        CLEANUP(BN_freep) BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
        char *text = number ? BN_bn2hex(number) : NULL;
        bool fits = text && strlen(text) < SERIAL_MAX;

        if (fits)
                (void)strcpy(ret, text);
        OPENSSL_free(text);
        return fits;
}

static bool add_extension(X509 *certificate, const X509V3_CTX *context, int nid, const char *text)
{
        X509V3_CTX copy = *context;
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &copy, nid, text);
        bool is_added = extension && X509_add_ext(certificate, extension, -1) == 1;

        X509_EXTENSION_free(extension);
        return is_added;
}

struct extension {
        int nid;
        const char *text;
};

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *rows, size_t count)
{
        X509V3_CTX context;

        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        for (size_t i = 0; i < count; i++)
                if (!add_extension(certificate, &context, rows[i].nid, rows[i].text))
                        return false;
        return true;
}

static bool set_name(X509 *certificate, const char *common_name)
{
        return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                          (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool set_dates(X509 *certificate, int64_t lifetime_s)
{
        time_t now = time(NULL);
        return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -EARLIER_S, &now) &&
               X509_time_adj_ex(X509_getm_notAfter(certificate), (int)(lifetime_s / DAY_S), lifetime_s % DAY_S, &now);
}

static X509 *begin(const char *common_name, EVP_PKEY *key, int64_t lifetime_s)
{
        CLEANUP(X509_freep) X509 *certificate = X509_new();

        if (!certificate || X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
            !set_name(certificate, common_name) || !set_dates(certificate, lifetime_s) ||
            X509_set_pubkey(certificate, key) != 1)
                return NULL;
        return TAKE_PTR(certificate);
}

/* ---- The authority ----------------------------------------------------------------------------------------------- */

int authority_new(struct authority *ret, struct fault *fault)
{
        static const struct extension extensions[] = {
                { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
                { NID_key_usage, "critical,keyCertSign,cRLSign" },
                { NID_subject_key_identifier, "hash" },
        };
        char common_name[32];
        unsigned char random[4];
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        int r = enrol_key_new(NULL, &key, fault);

        if (r < 0)
                return r;
        /* Two homes' authorities must not share a name, or "unknown authority" would read "bad signature". */
        if (RAND_bytes(random, sizeof(random)) != 1)
                return fail("no random numbers", fault);
        (void)snprintf(common_name, sizeof(common_name), "Sconce CA %02x%02x%02x%02x", random[0], random[1], random[2],
                       random[3]);
        CLEANUP(X509_freep) X509 *certificate = begin(common_name, key, (int64_t)AUTHORITY_DAYS * DAY_S);
        if (!certificate || X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
            !add_extensions(certificate, certificate, extensions, ARRAY_SIZE(extensions)) ||
            X509_sign(certificate, key, EVP_sha256()) <= 0)
                return fail("the authority could not be made", fault);
        *ret = (struct authority){ TAKE_PTR(certificate), TAKE_PTR(key) };
        return 0;
}

static int read_pem(const char *path, BIO **ret, struct file *file, struct fault *fault)
{
        struct fault why = { 0 };

        if (file_read(path, PEM_MAX, file, &why) < 0)
                return fault_set(fault, why.code, "%s: %s", path, why.text);
        *ret = BIO_new_mem_buf(file->data, (int)file->size);
        return *ret ? 0 : fault_set(fault, -ENOMEM, "out of memory");
}

static int read_certificate(const char *path, X509 **ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *bio = NULL;
        CLEANUP(file_done) struct file file = { 0 };
        int r = read_pem(path, &bio, &file, fault);

        if (r < 0)
                return r;
        *ret = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        return *ret ? 0 : fail(path, fault);
}

static int read_key(const char *path, EVP_PKEY **ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *bio = NULL;
        CLEANUP(file_done) struct file file = { 0 };
        int r = read_pem(path, &bio, &file, fault);

        if (r < 0)
                return r;
        *ret = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
        OPENSSL_cleanse(file.data, file.size);
        return *ret ? 0 : fail(path, fault);
}

int authority_read(const char *certificate_path, const char *key_path, struct authority *ret, struct fault *fault)
{
        CLEANUP(X509_freep) X509 *certificate = NULL;
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        int r = read_certificate(certificate_path, &certificate, fault);

        if (r == 0)
                r = read_key(key_path, &key, fault);
        if (r < 0)
                return r;
        if (X509_check_private_key(certificate, key) != 1) {
                ERR_clear_error();
                return fault_set(fault, -EKEYREJECTED, "%s is not the key of %s", key_path, certificate_path);
        }
        *ret = (struct authority){ TAKE_PTR(certificate), TAKE_PTR(key) };
        return 0;
}

void authority_done(struct authority *authority)
{
        X509_free(authority->certificate);
        EVP_PKEY_free(authority->key);
        *authority = (struct authority){ 0 };
}

/* ---- Leaves ------------------------------------------------------------------------------------------------------ */

static bool add_host(GENERAL_NAMES *names, const char *host)
{
        GENERAL_NAME *name = host_kind(host) == HOST_IP ? a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_IPADD, host, 0)
                                                        : a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_DNS, host, 0);
        if (name && sk_GENERAL_NAME_push(names, name) > 0)
                return true;
        GENERAL_NAME_free(name);
        return false;
}

/* As objects, not as text: no name can bring another along. */
static bool add_alternative_names(X509 *certificate, const struct leaf *leaf)
{
        CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        const char *const own[] = { leaf->common_name, NULL };
        const char *const *hosts = leaf->hosts ? leaf->hosts : own;

        for (; names && *hosts; hosts++)
                if (!add_host(names, *hosts))
                        return false;
        return names && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
}

int authority_sign(const struct authority *authority, const struct leaf *leaf, X509 **ret,
                   char ret_serial[static SERIAL_MAX], struct fault *fault)
{
        const struct extension extensions[] = {
                { NID_basic_constraints, "critical,CA:FALSE" },
                { NID_key_usage, "critical,digitalSignature" },
                { NID_ext_key_usage, leaf->is_server ? "serverAuth" : "clientAuth" },
                { NID_subject_key_identifier, "hash" },
                { NID_authority_key_identifier, "keyid:always" },
        };
        CLEANUP(X509_freep) X509 *certificate = begin(leaf->common_name, leaf->key, leaf->lifetime_s);

        if (!certificate || X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)) != 1 ||
            !add_extensions(certificate, authority->certificate, extensions, ARRAY_SIZE(extensions)) ||
            !add_alternative_names(certificate, leaf) || X509_sign(certificate, authority->key, EVP_sha256()) <= 0 ||
            !serial_text(X509_get0_serialNumber(certificate), ret_serial))
                return fail("a certificate could not be signed", fault);
        *ret = TAKE_PTR(certificate);
        return 0;
}

int authority_make_pair(const struct authority *authority, const char *common_name, int64_t lifetime_s,
                        struct bytes *ret_key, struct bytes *ret_certificate, struct fault *fault)
{
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        CLEANUP(X509_freep) X509 *certificate = NULL;
        char serial[SERIAL_MAX];
        int r = enrol_key_new(NULL, &key, fault);
        const struct leaf leaf = { .common_name = common_name, .key = key, .lifetime_s = lifetime_s };

        if (r == 0)
                r = authority_sign(authority, &leaf, &certificate, serial, fault);
        if (r == 0)
                r = key_to_pem(key, ret_key, fault);
        return r < 0 ? r : certificate_to_pem(certificate, ret_certificate, fault);
}

/* ---- The list of revoked ones ------------------------------------------------------------------------------------ */

struct listing {
        X509_CRL *crl;
        struct fault *fault;
};

static bool add_revoked(X509_CRL *crl, const struct certificate *certificate)
{
        CLEANUP(X509_REVOKED_freep) X509_REVOKED *revoked = X509_REVOKED_new();
        CLEANUP(ASN1_TIME_freep) ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)certificate->revoked_s);
        BIGNUM *number = NULL;
        CLEANUP(ASN1_INTEGER_freep)
        ASN1_INTEGER *serial = BN_hex2bn(&number, certificate->serial) > 0 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;

        BN_free(number);
        if (!revoked || !at || !serial || X509_REVOKED_set_serialNumber(revoked, serial) != 1 ||
            X509_REVOKED_set_revocationDate(revoked, at) != 1 || X509_CRL_add0_revoked(crl, revoked) != 1)
                return false;
        (void)TAKE_PTR(revoked);
        return true;
}

static int list_one(void *userdata, const struct certificate *certificate)
{
        const struct listing *listing = userdata;

        if (certificate->revoked_s == 0 || add_revoked(listing->crl, certificate))
                return 0;
        return fail("the list of revoked certificates could not be made", listing->fault);
}

static bool set_list_extensions(const struct authority *authority, X509_CRL *crl, int64_t number)
{
        X509V3_CTX context;
        CLEANUP(ASN1_INTEGER_freep) ASN1_INTEGER *crl_number = ASN1_INTEGER_new();

        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, authority->certificate, NULL, NULL, crl, 0);
        X509_EXTENSION *identifier = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
        bool is_set = identifier && X509_CRL_add_ext(crl, identifier, -1) == 1 && crl_number &&
                      ASN1_INTEGER_set_int64(crl_number, number) == 1 &&
                      X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number, 0, X509V3_ADD_DEFAULT) == 1;
        X509_EXTENSION_free(identifier);
        return is_set;
}

static bool begin_list(const struct authority *authority, X509_CRL *crl)
{
        time_t now = time(NULL);
        CLEANUP(ASN1_TIME_freep) ASN1_TIME *last = X509_time_adj_ex(NULL, 0, -EARLIER_S, &now);
        CLEANUP(ASN1_TIME_freep) ASN1_TIME *next = X509_time_adj_ex(NULL, AUTHORITY_DAYS, 0, &now);

        return last && next && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
               X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->certificate)) == 1 &&
               X509_CRL_set1_lastUpdate(crl, last) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1;
}

int authority_list_revoked(const struct authority *authority, struct registry *registry, int64_t number,
                           struct bytes *ret, struct fault *fault)
{
        CLEANUP(X509_CRL_freep) X509_CRL *crl = X509_CRL_new();
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        struct listing listing = { crl, fault };

        if (!crl || !bio || !begin_list(authority, crl))
                return fail("the list of revoked certificates could not be made", fault);
        int r = registry_each_certificate(registry, NULL, list_one, &listing, fault);
        if (r < 0)
                return r;
        if (!set_list_extensions(authority, crl, number) || X509_CRL_sort(crl) != 1 ||
            X509_CRL_sign(crl, authority->key, EVP_sha256()) <= 0 || PEM_write_bio_X509_CRL(bio, crl) != 1)
                return fail("the list of revoked certificates could not be signed", fault);
        return take_bytes(bio, ret, fault);
}

/* ---- For phones and browsers ------------------------------------------------------------------------------------- */

#define P12_ITERATIONS 2048

/* Phones of every age open 3DES with SHA-1, and unlike the RC2 of older programs current ones open it too. The
 * protection is in the password. */
int authority_pack_p12(const struct authority *authority, const char *name, EVP_PKEY *key, X509 *certificate,
                       const char *password, struct bytes *ret, struct fault *fault)
{
        STACK_OF(X509) *chain = sk_X509_new_null();
        unsigned char *data = NULL;
        int size = -1;

        if (chain && sk_X509_push(chain, authority->certificate) > 0) {
                CLEANUP(PKCS12_freep)
                PKCS12 *p12 = PKCS12_create(password, name, key, certificate, chain,
                                            NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
                                            NID_pbe_WithSHA1And3_Key_TripleDES_CBC, P12_ITERATIONS, -1, 0);
                if (p12 && PKCS12_set_mac(p12, password, -1, NULL, 0, P12_ITERATIONS, EVP_sha1()) == 1)
                        size = i2d_PKCS12(p12, &data);
        }
        sk_X509_free(chain);
        if (size <= 0)
                return fail("the .p12 could not be made", fault);
        *ret = (struct bytes){ data, (size_t)size };
        return 0;
}
