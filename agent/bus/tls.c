/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SSL_CTX for all brokers. libmosquitto makes the SSL object from it, so all that belongs to one attempt
 * comes in by the context: the name to verify is set on it before, SNI in its info callback, and what goes
 * wrong is picked up in its callbacks, because libmosquitto's codes do not have it.
 *
 * Sessions are not resumed: a resumed one would skip the verification of the certificate and of the CRL.
 */
#include "bus/tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/file.h"
#include "util/log.h"

/* OpenSSL allocates as much for writing. What is longer leaves in several records. */
#define SEND_FRAGMENT 4096

#define PIN_PREFIX "sha256//"

/* TLS 1.2 with forward secrecy and authenticated encryption alone: a key stolen later opens no recording. 1.3 has
 * nothing else. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

DEFINE_CLEANUP(SSL_CTX, SSL_CTX_free);
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

/* ---- Files --------------------------------------------------------------------------------------------- */

static void take_stamps(const struct tls_options *o, struct stamp stamps[static N_FILES])
{
        const char *const files[N_FILES] = { o->ca, o->cert, o->key, o->crl };

        /* Compared as bytes. */
        memset(stamps, 0, sizeof(*stamps) * N_FILES);
        for (size_t i = 0; i < N_FILES; i++) {
                struct stat st;
                if (!files[i] || stat(files[i], &st) < 0)
                        continue;
                stamps[i].device = st.st_dev;
                stamps[i].inode = st.st_ino;
                stamps[i].size = st.st_size;
                stamps[i].modified = st.st_mtim;
                stamps[i].changed = st.st_ctim;
        }
}

/* What is wrong with the file itself: OpenSSL's own errors are less clear, and it would wait for a FIFO. */
static int check_readable(const char *what, const char *path, struct fault *fault)
{
        struct fault why = { 0 };
        int r = file_check(path, &why);

        return r < 0 ? fault_set(fault, r, "the %s %s %s", what, path, why.text) : 0;
}

static int load_ca(SSL_CTX *context, const struct tls_options *o, struct fault *fault)
{
        if (strcmp(o->ca, "system") == 0) {
                if (!SSL_CTX_set_default_verify_paths(context))
                        return fault_set(fault, -ENOENT,
                                         "the system's certificates cannot be read: is the package "
                                         "ca-certificates installed?");
                return 0;
        }
        int r = check_readable("CA file", o->ca, fault);
        if (r < 0)
                return r;
        if (!SSL_CTX_load_verify_file(context, o->ca))
                return fault_set(fault, -EINVAL, "the CA file %s holds no certificate (PEM)", o->ca);
        return 0;
}

static int load_crl(SSL_CTX *context, const struct tls_options *o, struct fault *fault)
{
        if (!o->crl)
                return 0;
        int r = check_readable("revocation list", o->crl, fault);
        if (r < 0)
                return r;
        X509_LOOKUP *lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(context), X509_LOOKUP_file());
        if (!lookup || X509_load_crl_file(lookup, o->crl, X509_FILETYPE_PEM) < 1)
                return fault_set(fault, -EINVAL, "the file %s holds no revocation list (PEM)", o->crl);
        (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
                                          X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        return 0;
}

static int load_own(SSL_CTX *context, const struct tls_options *o, struct fault *fault)
{
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        char shown[TLS_KEY_SHOWN_MAX];

        if (!o->cert)
                return 0;
        int r = check_readable("certificate", o->cert, fault);
        if (r < 0)
                return r;
        if (SSL_CTX_use_certificate_chain_file(context, o->cert) != 1)
                return fault_set(fault, -EINVAL, "the file %s holds no certificate (PEM)", o->cert);
        if (!o->key)
                return fault_set(fault, -EINVAL, "the certificate %s needs its key: [tls] key = FILE", o->cert);
        r = tls_key_load(o->key, &key, fault);
        if (r < 0)
                return r;
        if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
                return fault_set(fault, -EINVAL, "the key %s does not belong to the certificate %s",
                                 tls_key_show(o->key, shown), o->cert);
        return 0;
}

/* ---- The context --------------------------------------------------------------------------------------- */

/* One protocol, as TLS writes a list: its length before it. */
static bool set_alpn(SSL_CTX *context, const char *alpn)
{
        unsigned char list[256];
        size_t length = alpn ? strlen(alpn) : 0;

        if (length == 0 || length > 255)
                return length == 0;
        list[0] = (unsigned char)length;
        memcpy(list + 1, alpn, length);
        return SSL_CTX_set_alpn_protos(context, list, (unsigned)length + 1) == 0; /* 0: done, unlike its neighbours */
}

static SSL_CTX *new_context(const struct tls_options *o)
{
        const char *properties = o->key ? tls_key_properties(o->key) : NULL;
        bool only_1_3 = properties || o->min_version == TLS_MIN_1_3; /* a TPM signs what TLS 1.3 asks for, no more */
        SSL_CTX *context = SSL_CTX_new_ex(NULL, properties, TLS_client_method());

        if (!context)
                return NULL;
        if (!SSL_CTX_set_cipher_list(context, CIPHERS_1_2)) {
                SSL_CTX_free(context);
                return NULL;
        }
        (void)SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
        (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        (void)SSL_CTX_set_max_send_fragment(context, SEND_FRAGMENT);
        (void)SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tls_on_verify);
        SSL_CTX_set_info_callback(context, tls_on_info);
        X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(context),
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return context;
}

static int build_context(struct tls *tls, SSL_CTX **ret, struct fault *fault)
{
        CLEANUP(SSL_CTX_freep) SSL_CTX *context = new_context(&tls->options);
        if (!context)
                return fault_set(fault, -ENOMEM, "OpenSSL cannot be set up");

        if (!set_alpn(context, tls->options.alpn))
                return fault_set(fault, -EINVAL, "[tls] alpn: a protocol's name has at most 255 bytes");
        int r = load_ca(context, &tls->options, fault);
        if (r == 0)
                r = load_crl(context, &tls->options, fault);
        if (r == 0)
                r = load_own(context, &tls->options, fault);
        ERR_clear_error();
        if (r < 0)
                return r;
        SSL_CTX_set_app_data(context, tls);
        *ret = TAKE_PTR(context);
        return 0;
}

static void read_own_name(struct tls *tls)
{
        X509 *certificate = SSL_CTX_get0_certificate(tls->context);
        X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
        int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
        unsigned char *text = NULL;

        tls->name[0] = '\0';
        if (at < 0)
                return;
        int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (length > 0 && (size_t)length < sizeof(tls->name) && !memchr(text, '\0', (size_t)length)) {
                memcpy(tls->name, text, (size_t)length);
                tls->name[length] = '\0';
        }
        OPENSSL_free(text);
}

static int load(struct tls *tls, struct fault *fault)
{
        SSL_CTX *context = NULL;
        struct stamp stamps[N_FILES];

        /* Before reading: what is written meanwhile is seen as a change next time. */
        take_stamps(&tls->options, stamps);
        int r = build_context(tls, &context, fault);
        memcpy(tls->stamps, stamps, sizeof(tls->stamps));
        if (r < 0)
                return r;
        SSL_CTX_free(tls->context);
        tls->context = context;
        tls->warned_crl = false;
        read_own_name(tls);
        return 0;
}

bool tls_refresh(struct tls *tls)
{
        struct stamp stamps[N_FILES];
        struct fault fault = { 0 };

        take_stamps(&tls->options, stamps);
        if (memcmp(stamps, tls->stamps, sizeof(stamps)) == 0)
                return false;
        if (load(tls, &fault) < 0) {
                log_warning("%s; the previous version stays in use", fault.text);
                return false;
        }
        log_info("certificates changed: loaded again");
        return true;
}

int tls_pin_parse(const char *text, unsigned char ret_digest[static 32])
{
        unsigned char decoded[36];

        /* 44 characters of base64, the last one padding, are 32 bytes. */
        if (strncmp(text, PIN_PREFIX, strlen(PIN_PREFIX)) != 0)
                return -EINVAL;
        text += strlen(PIN_PREFIX);
        if (strlen(text) != 44 || text[43] != '=' || text[42] == '=')
                return -EINVAL;
        int length = EVP_DecodeBlock(decoded, (const unsigned char *)text, 44);
        ERR_clear_error();
        if (length != 33)
                return -EINVAL;
        memcpy(ret_digest, decoded, 32);
        return 0;
}

int tls_new(const struct tls_options *options, struct tls **ret, struct fault *fault)
{
        CLEANUP_TLS struct tls *tls = calloc(1, sizeof(*tls));
        if (!tls)
                return fault_set(fault, -ENOMEM, "out of memory");
        tls->options = *options;
        if (options->pin && tls_pin_parse(options->pin, tls->pin) < 0)
                return fault_set(fault, -EINVAL,
                                 "\"%.80s\" is not a pin: sha256// and the 44 characters of a SHA-256 in base64",
                                 options->pin);
        int r = load(tls, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tls);
        return 0;
}

void tls_free(struct tls *tls)
{
        if (!tls)
                return;
        if (tls->context)
                SSL_CTX_set_app_data(tls->context, NULL);
        SSL_CTX_free(tls->context);
        free(tls);
}

bool tls_certificate_days(const struct tls *tls, long *ret_days)
{
        const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
        int days, seconds;

        if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
                return false;
        /* Rounded down: -1 from the first second on. */
        *ret_days = days - (seconds < 0 ? 1 : 0);
        return true;
}

static int own_validity(const struct tls *tls)
{
        const X509 *certificate = SSL_CTX_get0_certificate(tls->context);

        if (!certificate)
                return 0;
        if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
                return -1;
        return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ? 1 : 0;
}

const char *tls_certificate_name(const struct tls *tls)
{
        return tls->name[0] ? tls->name : NULL;
}

/* ---- One attempt --------------------------------------------------------------------------------------- */

static bool is_address(const char *name)
{
        unsigned char binary[16];

        return inet_pton(AF_INET, name, binary) == 1 || inet_pton(AF_INET6, name, binary) == 1;
}

/* fe80::1%eth0 and broker.lan. are written for the network, not for certificates. */
static void set_server_name(struct tls *tls, const char *host)
{
        const char *name = tls->options.server_name ? tls->options.server_name : host;

        (void)snprintf(tls->server_name, sizeof(tls->server_name), "%.*s", (int)strcspn(name, "%"), name);
        size_t length = strlen(tls->server_name);
        if (length > 0 && tls->server_name[length - 1] == '.')
                tls->server_name[length - 1] = '\0';
        tls->numeric = is_address(tls->server_name);
}

static bool set_verified_name(struct tls *tls)
{
        X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->context);

        if (!X509_VERIFY_PARAM_set1_host(param, NULL, 0) || !X509_VERIFY_PARAM_set1_ip(param, NULL, 0))
                return false;
        if (tls->options.pin)
                return true;
        /* An empty name would be no check at all, and one that begins with a dot would stand for all below it. */
        if (!tls->server_name[0] || tls->server_name[0] == '.')
                return false;
        return tls->numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->server_name)
                            : X509_VERIFY_PARAM_set1_host(param, tls->server_name, 0);
}

int tls_begin(struct tls *tls, const char *host, struct tls_handshake *handshake, SSL_CTX **ret, struct fault *fault)
{
        (void)tls_refresh(tls);
        set_server_name(tls, host);
        if (!set_verified_name(tls))
                return fault_set(fault, -EINVAL, "\"%s\" cannot be a server's name", tls->server_name);
        *handshake = (struct tls_handshake){
                .alert_received = -1,
                .server_name = tls->server_name,
                .crl = tls->options.crl,
                .own_absent = !tls->options.cert,
                .own_validity = own_validity(tls),
        };
        tls->handshake = handshake;
        *ret = tls->context;
        return 0;
}

void tls_end(struct tls *tls)
{
        tls->handshake = NULL;
}
