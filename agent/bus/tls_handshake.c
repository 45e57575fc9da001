/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks of the context: they set SNI, judge the broker's certificate, and keep what libmosquitto drops of a
 * failure. */
#include "bus/tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/log.h"

static struct tls *of_context(const SSL *ssl)
{
        return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/*
 * The only place to learn the socket's errno: libmosquitto ignores it.
 *
 * In TLS 1.3 the broker judges our certificate after our handshake is done. When it refuses, CONNECT may meet
 * a socket that it has reset, and libmosquitto would close ours with the broker's alert unread. So a write
 * that fails then counts as done: what can be read next is the alert, or the end.
 */
static long on_socket(BIO *bio, int operation, const char *data, size_t size, int argi, long argl, int result,
                      size_t *processed)
{
        struct tls_handshake *handshake = (void *)BIO_get_callback_arg(bio);

        (void)data;
        (void)argi;
        (void)argl;
        /* Operations are numbers, not bits, and errno belongs to these two alone. */
        bool reads = operation == (BIO_CB_READ | BIO_CB_RETURN);
        if ((!reads && operation != (BIO_CB_WRITE | BIO_CB_RETURN)) || result > 0 || BIO_should_retry(bio))
                return result;
        if (reads && result == 0)
                handshake->eof = true;
        else if (handshake->io_error == 0)
                handshake->io_error = errno;
        if (reads || !handshake->done)
                return result;
        *processed = size;
        return 1;
}

static void begin_handshake(struct tls *tls, SSL *ssl)
{
        BIO *bio = SSL_get_rbio(ssl);

        tls->handshake->ssl = ssl;
        tls->crl_from[0] = '\0';
        /* libmosquitto has put the address here that it connects to. */
        (void)SSL_set_tlsext_host_name(ssl, tls->numeric ? NULL : tls->server_name);
        if (bio) {
                BIO_set_callback_ex(bio, on_socket);
                BIO_set_callback_arg(bio, (char *)tls->handshake);
        }
}

void tls_on_info(const SSL *ssl, int where, int value)
{
        struct tls *tls = of_context(ssl);
        struct tls_handshake *handshake = tls ? tls->handshake : NULL;
        SSL *writable;

        if (!handshake)
                return;
        memcpy(&writable, &ssl, sizeof(writable)); /* the callback's const is about the callback, not the object */
        if ((where & SSL_CB_HANDSHAKE_START) && !handshake->ssl)
                begin_handshake(tls, writable);
        else if (where & SSL_CB_HANDSHAKE_DONE) {
                handshake->done = true;
                handshake->version = SSL_get_version(ssl);
        } else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
                handshake->alert_received = value & 0xff;
}

static void append_name(char names[static TLS_NAMES_MAX], const char *name, size_t length)
{
        size_t used = strlen(names);

        (void)snprintf(names + used, TLS_NAMES_MAX - used, "%s%.*s", used ? ", " : "", (int)length, name);
}

static void list_names(X509 *certificate, char names[static TLS_NAMES_MAX])
{
        GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        char address[INET6_ADDRSTRLEN];

        names[0] = '\0';
        for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);
                const ASN1_STRING *value = name->d.ia5;
                int length = ASN1_STRING_length(value);
                if (name->type == GEN_DNS)
                        append_name(names, (const char *)ASN1_STRING_get0_data(value), (size_t)length);
                else if (name->type == GEN_IPADD && (length == 4 || length == 16) &&
                         inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), address,
                                   sizeof(address)))
                        append_name(names, address, strlen(address));
        }
        GENERAL_NAMES_free(list);
}

static void print_date(const ASN1_TIME *time, char text[static 32])
{
        struct tm tm;

        if (!ASN1_TIME_to_tm(time, &tm) || strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
                text[0] = '\0';
}

static void print_name(const X509_NAME *name, char text[static TLS_NAMES_MAX])
{
        BIO *bio = BIO_new(BIO_s_mem());

        text[0] = '\0';
        if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
                int length = BIO_read(bio, text, TLS_NAMES_MAX - 1);
                text[MAX(length, 0)] = '\0';
        }
        BIO_free_all(bio);
}

static void note_verify_error(struct tls_handshake *handshake, X509_STORE_CTX *store, int error)
{
        X509 *certificate = X509_STORE_CTX_get_current_cert(store);

        if (handshake->verify_error)
                return;
        handshake->verify_error = error;
        handshake->is_leaf_alone = sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) <= 1;
        if (!certificate)
                return;
        handshake->verify_depth = X509_STORE_CTX_get_error_depth(store);
        print_name(X509_get_subject_name(certificate), handshake->subject);
        print_name(X509_get_issuer_name(certificate), handshake->issuer);
        list_names(certificate, handshake->names);
        print_date(error == X509_V_ERR_CERT_NOT_YET_VALID ? X509_get0_notBefore(certificate)
                                                          : X509_get0_notAfter(certificate),
                   handshake->date);
}

/* An outdated list still revokes what it names. One that is not valid yet means that this machine's clock is wrong;
 * that is reported later, unless the certificate is of tomorrow as well: one thing wrong, not two. */
static bool is_date_of_crl(struct tls *tls, X509_STORE_CTX *store, int error)
{
        const X509_CRL *list = X509_STORE_CTX_get0_current_crl(store);

        if (error == X509_V_ERR_CRL_NOT_YET_VALID && list)
                print_date(X509_CRL_get0_lastUpdate(list), tls->crl_from);
        else if (error != X509_V_ERR_CRL_HAS_EXPIRED && error != X509_V_ERR_CRL_NOT_YET_VALID)
                return false;
        else if (!tls->warned_crl) {
                log_warning("the revocation list %s is out of date: what it names stays revoked, but newer revocations "
                            "are missing; get a new one from where sconce-pki runs",
                            tls->options.crl);
                tls->warned_crl = true;
        }
        return true;
}

/* The dates of the certificate hold, and it is the last thing that is looked at. */
static void warn_of_clock(struct tls *tls)
{
        if (!tls->crl_from[0] || tls->warned_crl)
                return;
        log_warning("the revocation list %s is not yet valid, only from %s on: is this machine's clock right?",
                    tls->options.crl, tls->crl_from);
        tls->warned_crl = true;
}

/* The broker's own certificate needs its CA's list. CAs above it count only where the file holds their lists, too. */
static bool is_list_of_above(int error, int depth)
{
        return error == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0;
}

static bool pin_matches(const struct tls *tls, X509 *certificate)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned char *der = NULL;
        unsigned size = 0;

        int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
        bool same = length > 0 && EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL) == 1 &&
                    size == sizeof(tls->pin) && CRYPTO_memcmp(digest, tls->pin, sizeof(tls->pin)) == 0;
        OPENSSL_free(der);
        return same;
}

int tls_on_verify(int ok, X509_STORE_CTX *store)
{
        const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        struct tls *tls = of_context(ssl);
        int error = X509_STORE_CTX_get_error(store);
        int depth = X509_STORE_CTX_get_error_depth(store);

        if (!ok && (is_date_of_crl(tls, store, error) || is_list_of_above(error, depth))) {
                X509_STORE_CTX_set_error(store, X509_V_OK);
                return 1;
        }
        if (ok && tls->options.pin && depth == 0 && !pin_matches(tls, X509_STORE_CTX_get_current_cert(store))) {
                ok = 0;
                error = X509_V_ERR_APPLICATION_VERIFICATION;
                X509_STORE_CTX_set_error(store, error);
        }
        if (ok && depth == 0)
                warn_of_clock(tls);
        if (!ok && tls->handshake)
                note_verify_error(tls->handshake, store, error);
        return ok;
}

void tls_settled(struct tls_handshake *handshake)
{
        handshake->io_error = 0;
        if (handshake->ssl)
                BIO_set_callback_ex(SSL_get_rbio(handshake->ssl), NULL);
}

void tls_note_log(struct tls_handshake *handshake, const char *line)
{
        const char *code = strstr(line, "error:");

        /* "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed" */
        if (code && handshake->error == 0)
                handshake->error = strtoul(code + strlen("error:"), NULL, 16);
}
