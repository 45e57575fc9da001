/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL and the broker's alerts mean for the people whose house this is. docs/tls.md lists these sentences. */
#include "bus/tls.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include "bus/tls_error.h"

/* ---- The broker's certificate, refused by us ----------------------------------------------------------- */

static void expired(const struct tls_handshake *h, struct fault *fault)
{
        if (h->verify_depth > 0)
                (void)fault_set(fault, -EKEYEXPIRED, "the CA certificate %s expired on %s: the CA must be renewed",
                                h->subject, h->date);
        else
                (void)fault_set(fault, -EKEYEXPIRED,
                                "the broker's certificate expired on %s: renew it with sconce-pki renew, and "
                                "reload the broker",
                                h->date);
}

static void not_yet_valid(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(fault, -EKEYREJECTED,
                        "the broker's certificate is not yet valid, only from %s on: is this machine's clock right?",
                        h->date);
}

/* Whether the list has the name as a whole. */
static bool lists(const char *names, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = names; (at = strstr(at, name)); at += length)
                if ((at == names || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
                        return true;
        return false;
}

static void wrong_name(const struct tls_handshake *h, struct fault *fault)
{
        /* The first name is what sconce-pki calls the certificate; one with a wildcard is not of its making. */
        int length = (int)strcspn(h->names, ",");
        bool ours = length > 0 && !memchr(h->names, '*', (size_t)length);
        /* An address among the DNS names, where no client looks for it; what is an address counts as one. */
        if (lists(h->names, h->server_name))
                (void)fault_set(
                        fault, -EKEYREJECTED,
                        "the broker's certificate is not for %s but for a DNS name that is written like it (%s): an "
                        "address has to be there as an IP address; make one with sconce-pki broker %s",
                        h->server_name, h->names, h->server_name);
        else if (ours)
                (void)fault_set(fault, -EKEYREJECTED,
                                "the broker's certificate is not for %s but for %s: use one of these, or "
                                "add the name with sconce-pki renew %.*s %s",
                                h->server_name, h->names, length, h->names, h->server_name);
        else if (h->names[0])
                (void)fault_set(fault, -EKEYREJECTED,
                                "the broker's certificate is not for %s but for %s: use one of these, or have "
                                "one issued that is for %s, too",
                                h->server_name, h->names, h->server_name);
        else
                (void)fault_set(fault, -EKEYREJECTED,
                                "the broker's certificate has no subjectAltName, and its common name (%s) "
                                "is not used: make a new one with sconce-pki broker %s",
                                h->subject, h->server_name);
}

static bool is_issuer_missing(int error)
{
        return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
               error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static void unknown_ca(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(
                fault, -EKEYREJECTED,
                "the broker's certificate comes from an unknown CA (%s): does [tls] ca belong to "
                "this broker?%s",
                h->issuer,
                h->is_leaf_alone && is_issuer_missing(h->verify_error)
                        ? " It sends its own certificate alone: if an intermediate CA signed that, the broker's "
                          "certificate file must have the intermediate's too"
                        : "");
}

static void self_signed(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(fault, -EKEYREJECTED,
                        "the broker's certificate (%s) is self-signed, not signed by the CA of [tls] ca: "
                        "make one with sconce-pki broker %s",
                        h->subject, h->server_name);
}

static void revoked(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(fault, -EKEYREVOKED, "%s (%s) is revoked according to %s",
                        h->verify_depth > 0 ? "a CA of the broker's certificate" : "the broker's certificate",
                        h->subject, h->crl);
}

static void no_crl(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(
                fault, -EKEYREJECTED,
                "the revocation list %s does not belong to the broker's CA (%s): get the one that belongs to it",
                h->crl, h->issuer);
}

static void wrong_purpose(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(fault, -EKEYREJECTED,
                        "the broker's certificate (%s) is not issued for a server: make one with sconce-pki broker %s",
                        h->subject, h->server_name);
}

static void wrong_pin(const struct tls_handshake *h, struct fault *fault)
{
        (void)h;
        (void)fault_set(fault, -EKEYREJECTED,
                        "the broker's public key is not the one of [tls] pin: if the broker got a new key, "
                        "pin that one");
}

static void too_weak(const struct tls_handshake *h, struct fault *fault)
{
        (void)fault_set(fault, -EKEYREJECTED, "the broker's certificate (%s) is too weak: it needs a newer kind of key",
                        h->subject);
}

static const struct {
        int error;
        void (*describe)(const struct tls_handshake *handshake, struct fault *fault);
} verify_errors[] = {
        { X509_V_ERR_CERT_HAS_EXPIRED, expired },
        { X509_V_ERR_CERT_NOT_YET_VALID, not_yet_valid },
        { X509_V_ERR_HOSTNAME_MISMATCH, wrong_name },
        { X509_V_ERR_IP_ADDRESS_MISMATCH, wrong_name },
        { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, self_signed },
        { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, unknown_ca },
        { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, unknown_ca },
        { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, unknown_ca },
        { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, unknown_ca },
        { X509_V_ERR_CERT_SIGNATURE_FAILURE, unknown_ca },
        { X509_V_ERR_CERT_REVOKED, revoked },
        { X509_V_ERR_UNABLE_TO_GET_CRL, no_crl },
        { X509_V_ERR_CRL_SIGNATURE_FAILURE, no_crl },
        { X509_V_ERR_INVALID_PURPOSE, wrong_purpose },
        { X509_V_ERR_APPLICATION_VERIFICATION, wrong_pin },
        { X509_V_ERR_EE_KEY_TOO_SMALL, too_weak },
        { X509_V_ERR_CA_KEY_TOO_SMALL, too_weak },
        { X509_V_ERR_CA_MD_TOO_WEAK, too_weak },
};

static void describe_verify_error(const struct tls_handshake *h, struct fault *fault)
{
        for (size_t i = 0; i < ARRAY_SIZE(verify_errors); i++) {
                if (verify_errors[i].error == h->verify_error) {
                        verify_errors[i].describe(h, fault);
                        return;
                }
        }
        (void)fault_set(fault, -EKEYREJECTED, "the broker's certificate (%s) cannot be trusted: %s", h->subject,
                        X509_verify_cert_error_string(h->verify_error));
}

/* ---- Ours, refused by the broker ----------------------------------------------------------------------- */

#define OURS "our certificate was refused by the broker"

static const struct {
        int alert;
        int error;
        const char *text;
} alerts[] = {
        { SSL_AD_BAD_CERTIFICATE, -EKEYREJECTED, OURS " as bad" },
        { SSL_AD_UNSUPPORTED_CERTIFICATE, -EKEYREJECTED,
          OURS ": it is not issued for a client; make one with sconce-pki node (or client)" },
        { SSL_AD_CERTIFICATE_REVOKED, -EKEYREVOKED,
          OURS ": it is revoked; make a new one with sconce-pki node (or client)" },
        { SSL_AD_CERTIFICATE_UNKNOWN, -EKEYREJECTED, OURS },
        { SSL_AD_UNKNOWN_CA, -EKEYREJECTED,
          OURS ": it does not know the CA that signed it; do both come from one sconce-pki?" },
        { SSL_AD_ACCESS_DENIED, -EACCES, "the broker accepts our certificate but denies access" },
        { SSL_AD_DECRYPT_ERROR, -EKEYREJECTED,
          "our signature was refused by the broker: does the key belong to the certificate?" },
        { SSL_AD_HANDSHAKE_FAILURE, -EPROTO, "the broker finds no common cipher, or wants a client certificate" },
        { SSL_AD_PROTOCOL_VERSION, -EPROTO,
          "the broker speaks no TLS version that is accepted here (see min_version)" },
        { SSL_AD_UNRECOGNIZED_NAME, -EKEYREJECTED, "the broker does not know the server name that it was asked for" },
        { SSL_AD_INTERNAL_ERROR, -EPROTO, "the broker reports an internal error in TLS" },
        { SSL_AD_INSUFFICIENT_SECURITY, -EPROTO, "the broker wants stronger encryption" },
        { SSL_AD_NO_APPLICATION_PROTOCOL, -EPROTO,
          "the broker does not speak MQTT on this port, or wants another protocol's name ([tls] alpn)" },
        { SSL_AD_CERTIFICATE_REQUIRED, -EACCES,
          "the broker wants a client certificate, and did not get one that it accepts: see [tls] cert and key" },
};

/* A broker with an outdated revocation list refuses everyone as "expired", and "not yet valid" has no alert: our clock
 * decides. */
static bool describe_dates(const struct tls_handshake *h, struct fault *fault)
{
        bool about_dates = h->alert_received == SSL_AD_CERTIFICATE_EXPIRED ||
                           h->alert_received == SSL_AD_BAD_CERTIFICATE;

        if (about_dates && h->own_validity < 0)
                (void)fault_set(fault, -EKEYREJECTED,
                                OURS ": it is not yet valid, by this machine's clock: is that right?");
        else if (about_dates && h->own_validity > 0)
                (void)fault_set(fault, -EKEYEXPIRED, OURS ": it has expired; renew it with sconce-pki renew");
        else if (h->alert_received == SSL_AD_CERTIFICATE_EXPIRED)
                (void)fault_set(fault, -EKEYREJECTED,
                                OURS " as expired, which it is not: is the broker's clock right, and its "
                                     "revocation list (crlfile) up to date?");
        else
                return false;
        return true;
}

static void describe_alert(const struct tls_handshake *h, struct fault *fault)
{
        if (describe_dates(h, fault))
                return;
        if (h->own_absent &&
            (h->alert_received == SSL_AD_HANDSHAKE_FAILURE || h->alert_received == SSL_AD_CERTIFICATE_REQUIRED)) {
                (void)fault_set(fault, -EACCES, "the broker wants a client certificate: set [tls] cert and key");
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(alerts); i++) {
                if (alerts[i].alert == h->alert_received) {
                        (void)fault_set(fault, alerts[i].error, "%s", alerts[i].text);
                        return;
                }
        }
        (void)fault_set(fault, -EPROTO, "the broker ends TLS with the alert \"%s\"",
                        SSL_alert_desc_string_long(h->alert_received));
}

/* ---- Other errors of OpenSSL --------------------------------------------------------------------------- */

static void describe_error(const struct tls_handshake *h, struct fault *fault)
{
        static const int no_tls[] = { SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_HTTP_REQUEST,
                                      SSL_R_HTTPS_PROXY_REQUEST,  SSL_R_UNEXPECTED_MESSAGE,     SSL_R_BAD_RECORD_TYPE };
        int reason = ERR_GET_REASON(h->error);
        char text[TLS_ERROR_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(no_tls); i++) {
                if (reason == no_tls[i]) {
                        (void)fault_set(fault, -EPROTO,
                                        "the other side does not speak TLS: is it the broker's plain "
                                        "port (1883)?");
                        return;
                }
        }
        if (reason == SSL_R_UNSUPPORTED_PROTOCOL)
                (void)fault_set(fault, -EPROTO,
                                "the broker speaks no TLS version that is accepted here (see min_version)");
        else
                (void)fault_set(fault, -EPROTO, "TLS failed: %s", tls_error_text(h->error, text));
}

bool tls_reason(const struct tls_handshake *h, struct fault *fault)
{
        bool hung_up = h->eof || h->io_error == ECONNRESET || h->io_error == EPIPE ||
                       ERR_GET_REASON(h->error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

        if (h->verify_error)
                describe_verify_error(h, fault);
        else if (h->alert_received >= 0)
                describe_alert(h, fault);
        else if (!h->done && hung_up)
                (void)fault_set(fault, -ECONNRESET,
                                "the broker closed the connection during the TLS handshake: is that its TLS "
                                "port (8883)?");
        else if (h->error && !hung_up && !h->io_error)
                describe_error(h, fault);
        else
                return false;
        return true;
}
