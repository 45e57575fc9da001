/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "enrol/request.h"
#include "invitations.h"
#include "issue.h"
#include "util/identity.h"

static void note(struct signer_reply *reply, bool is_refused, const char *format, ...) PRINTF_LIKE(3, 4);
static void note(struct signer_reply *reply, bool is_refused, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(reply->note, sizeof(reply->note), format, arguments);
        va_end(arguments);
        reply->is_refused = is_refused;
}

/* ---- What an answer holds ---------------------------------------------------------------------------------------- */

static int read_text(const char *path, char **ret, struct fault *fault)
{
        struct file file = { 0 };
        int r = directory_read(path, &file, fault);

        *ret = file.data;
        return r;
}

static int fill(const struct name *name, const char *url, const struct bytes *pem, struct answer *ret,
                struct fault *fault)
{
        int r = read_text(AUTHORITY_CERT, &ret->ca_pem, fault);

        if (r == 0)
                r = read_text(CRL_FILE, &ret->crl_pem, fault);
        if (r < 0)
                return r;
        ret->name = strdup(name->name);
        ret->kind = strdup(name_kind_word(name->kind));
        ret->url = url && *url ? strdup(url) : NULL;
        ret->certificate_pem = strndup((const char *)pem->data, pem->size);
        if (!ret->name || !ret->kind || !ret->certificate_pem || (url && *url && !ret->url))
                return fault_set(fault, -ENOMEM, "out of memory");
        return 0;
}

/* The certificate that was issued before, where it is for this very key: its answer was lost. */
static int find_issued(struct transaction *transaction, const char *serial, EVP_PKEY *key, struct bytes *ret,
                       struct fault *fault)
{
        CLEANUP(X509_freep) X509 *certificate = NULL;
        struct certificate row;
        int r = registry_find_certificate(transaction->registry, serial, &row, &certificate, fault);

        if (r < 0)
                return r;
        if (row.revoked_s != 0 || EVP_PKEY_eq(X509_get0_pubkey(certificate), key) != 1)
                return -ENOENT;
        return certificate_to_pem(certificate, ret, fault);
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

static int seal(const struct invitation *invitation, const char *request, const struct answer *answer, char **ret,
                struct fault *fault)
{
        CLEANUP_FREE char *body = NULL;
        int r = answer_body(request, answer, &body, fault);

        return r < 0 ? r : message_seal(LABEL_JOIN_ANSWER, body, invitation->mac, ret, fault);
}

static void refuse_join(const struct invitation *invitation, const char *request, struct signer_reply *reply,
                        const char *format, ...) PRINTF_LIKE(4, 5);
static void refuse_join(const struct invitation *invitation, const char *request, struct signer_reply *reply,
                        const char *format, ...)
{
        char why[320];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(why, sizeof(why), format, arguments);
        va_end(arguments);
        note(reply, true, "%s: the invitation was refused: %s", invitation->name, why);
        (void)!seal(invitation, request, &(struct answer){ .error = why }, &reply->payload, NULL);
}

/* Wrong tries count until they kill it: a secret cannot be guessed, but who tries shall be seen. */
static void count_try(struct transaction *transaction, struct invitation *invitation, struct signer_reply *reply)
{
        struct fault fault = { 0 };

        invitation->tries++;
        int r = invitations_put(transaction->registry, invitation, &fault);
        if (r == 0)
                r = transaction_commit(transaction, &fault);
        if (r < 0)
                note(reply, true, "%s: %s", invitation->name, fault.text);
        else if (invitation->tries >= INVITATION_TRIES)
                note(reply, true, "%s: the invitation is over: %d requests were not made with its secret",
                     invitation->name, INVITATION_TRIES);
        else
                note(reply, true, "%s: a request that was not made with the invitation's secret (%u of %d)",
                     invitation->name, invitation->tries, INVITATION_TRIES);
}

static int sign_join(struct transaction *transaction, struct invitation *invitation, const struct name *name,
                     EVP_PKEY *key, int64_t now_s, struct bytes *ret_pem, struct fault *fault)
{
        int r = issue_for(transaction, name, key, invitation->serial, ret_pem, fault);

        invitation->used_s = now_s;
        if (r == 0)
                r = invitations_put(transaction->registry, invitation, fault);
        return r < 0 ? r : transaction_commit(transaction, fault);
}

static void answer_join(struct transaction *transaction, struct invitation *invitation, const char *body, int64_t now_s,
                        struct signer_reply *reply)
{
        static const char *const ended[] = { [INVITATION_USED] = "the code has been used already",
                                             [INVITATION_KILLED] = "the code is over, after too many wrong tries",
                                             [INVITATION_EXPIRED] = "the code is out of time" };
        CLEANUP(request_done) struct request request = { 0 };
        CLEANUP(name_done) struct name name = { 0 };
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP(bytes_done) struct bytes pem = { 0 };
        enum invitation_state state = invitation_state(invitation, now_s);
        struct fault fault = { 0 };
        bool is_again = false;

        if (request_read(body, &request, &fault) < 0) {
                refuse_join(invitation, body, reply, "%s", fault.text);
                return;
        }
        if (registry_find(transaction->registry, invitation->name, &name, &fault) < 0 || name.is_revoked) {
                refuse_join(invitation, body, reply, "the name has been revoked since");
                return;
        }
        if (request.kind[0] && strcmp(request.kind, name_kind_word(name.kind)) != 0) {
                refuse_join(invitation, body, reply,
                            name.kind == NAME_NODE ? "%s is a node's name: 'sudo sconce-pki join CODE' on its machine"
                                                   : "%s is a client's name: 'sconce join CODE'",
                            invitation->name);
                return;
        }
        if (state == INVITATION_USED)
                is_again = find_issued(transaction, invitation->serial, request.key, &pem, &fault) == 0;
        if (state != INVITATION_OPEN && !is_again) {
                refuse_join(invitation, body, reply, "%s: 'sconce-pki invite %s' on the broker's machine makes another",
                            ended[state], invitation->name);
                return;
        }
        int r = is_again ? 0 : sign_join(transaction, invitation, &name, request.key, now_s, &pem, &fault);
        if (r == 0)
                r = fill(&name, invitation->url, &pem, &answer, &fault);
        if (r == 0)
                r = seal(invitation, body, &answer, &reply->payload, &fault);
        if (r < 0)
                refuse_join(invitation, body, reply, "%s", fault.text);
        else
                note(reply, false, "%s has joined%s", invitation->name,
                     is_again ? " (its answer was given again)" : "");
}

static void join(struct transaction *transaction, const char *identity, const void *payload, size_t size, int64_t now_s,
                 struct signer_reply *reply)
{
        CLEANUP_FREE char *body = NULL;
        struct invitation invitation;
        struct fault fault = { 0 };
        int r = invitations_find(transaction->registry, identity, &invitation, &fault);

        if (r == -ENOENT)
                return;
        if (r < 0) {
                note(reply, true, "%s", fault.text);
                return;
        }
        r = message_open_sealed(LABEL_JOIN_REQUEST, payload, size, invitation.mac, &body, &fault);
        if (r == 0)
                answer_join(transaction, &invitation, body, now_s, reply);
        else if (invitation_state(&invitation, now_s) == INVITATION_OPEN)
                count_try(transaction, &invitation, reply);
        OPENSSL_cleanse(&invitation, sizeof(invitation));
}

/* ---- Renewing ---------------------------------------------------------------------------------------------------- */

struct renewal {
        struct name name;
        struct certificate present;
        X509 *certificate;
};

static void renewal_done(struct renewal *renewal)
{
        name_done(&renewal->name);
        X509_free(renewal->certificate);
}

static bool has_had_identity(const struct name *name, unsigned generation, const char *identity)
{
        struct name of_its_time = *name;
        char own[IDENTITY_MAX];

        of_its_time.generation = generation;
        name_identity(&of_its_time, own);
        return strcmp(own, identity) == 0;
}

/* Whose request it claims to be: a certificate of ours, of the identity that may write to this topic. */
static bool find_present(struct transaction *transaction, const char *identity, const char *serial, struct renewal *ret)
{
        if (registry_find_certificate(transaction->registry, serial, &ret->present, &ret->certificate, NULL) < 0 ||
            registry_find(transaction->registry, ret->present.name, &ret->name, NULL) < 0)
                return false;
        return has_had_identity(&ret->name, ret->present.generation, identity);
}

static bool has_issued(const struct authority *authority, X509 *certificate)
{
        return authority->certificate && X509_check_issued(authority->certificate, certificate) == X509_V_OK;
}

/* NULL: it may. */
static const char *why_not(const struct transaction *transaction, const struct renewal *renewal, int64_t now_s)
{
        const struct certificate *present = &renewal->present;

        if (renewal->name.kind == NAME_BROKER)
                return "the signer renews a broker's by itself";
        if (present->revoked_s != 0 || renewal->name.is_revoked || present->generation != renewal->name.generation)
                return "the certificate has been revoked";
        if (present->not_after_s <= now_s)
                return "the certificate has expired";
        if (!has_issued(&transaction->authority, renewal->certificate) &&
            !has_issued(&transaction->predecessor, renewal->certificate))
                return "the certificate is by an authority that has been removed";
        return NULL;
}

static int sign_answer(struct transaction *transaction, const char *request, const struct answer *answer, char **ret,
                       struct fault *fault)
{
        CLEANUP_FREE char *body = NULL;
        int r = answer_body(request, answer, &body, fault);

        return r < 0 ? r : transaction_sign(transaction, LABEL_RENEW_ANSWER, body, ret, fault);
}

/* A request that comes again, from anyone who kept it, has been answered with a certificate for that key, which is younger than the
 * one that signed the request; a key on a chip stays the same through all of them. */
struct search {
        struct transaction *transaction;
        EVP_PKEY *key;
        const char *present;
        struct bytes *ret_pem;
        int64_t now_s;
        bool is_younger;
        unsigned of_today;
};

/* As far as issue_for() has made it. */
static bool is_of_today(const struct certificate *certificate, int64_t now_s)
{
        int64_t issued_s = certificate->not_after_s - RENEWING_DAYS * DAY_S;

        return issued_s > now_s - DAY_S && issued_s <= now_s;
}

static int try_certificate(void *userdata, const struct certificate *certificate)
{
        struct search *search = userdata;

        search->of_today += is_of_today(certificate, search->now_s);
        if (!search->is_younger) {
                search->is_younger = strcmp(certificate->serial, search->present) == 0;
                return 0;
        }
        return find_issued(search->transaction, certificate->serial, search->key, search->ret_pem, NULL) == 0;
}

static int sign_renewal(struct transaction *transaction, const struct renewal *renewal, EVP_PKEY *key, int64_t now_s,
                        struct bytes *ret_pem, struct fault *fault)
{
        char serial[SERIAL_MAX];
        struct search search = { .transaction = transaction,
                                 .key = key,
                                 .present = renewal->present.serial,
                                 .ret_pem = ret_pem,
                                 .now_s = now_s };
        int r = registry_each_certificate(transaction->registry, renewal->name.name, try_certificate, &search, fault);

        if (r != 0)
                return MIN(r, 0);
        if (search.of_today >= SIGNER_RENEWALS_A_DAY)
                return fault_set(fault, -EDQUOT,
                                 "it has had %d certificates within a day: no more of them until tomorrow",
                                 SIGNER_RENEWALS_A_DAY);
        r = registry_set_proven(transaction->registry, renewal->present.serial, fault);
        if (r < 0)
                return r;
        r = issue_for(transaction, &renewal->name, key, serial, ret_pem, fault);
        return r < 0 ? r : transaction_commit(transaction, fault);
}

static void refuse_renewal(struct transaction *transaction, const struct renewal *renewal, const char *body,
                           const char *why, struct signer_reply *reply)
{
        note(reply, true, "%s: its certificate was not renewed: %s", renewal->name.name, why);
        (void)!sign_answer(transaction, body, &(struct answer){ .error = (char *)(uintptr_t)why }, &reply->payload,
                           NULL);
}

static void answer_renewal(struct transaction *transaction, const struct renewal *renewal, const char *body,
                           const struct request *request, int64_t now_s, struct signer_reply *reply)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP(bytes_done) struct bytes pem = { 0 };
        const char *url = renewal->name.kind == NAME_NODE && renewal->name.words ? renewal->name.words[0] : NULL;
        struct fault fault = { 0 };
        int r = sign_renewal(transaction, renewal, request->key, now_s, &pem, &fault);

        if (r == 0)
                r = fill(&renewal->name, url, &pem, &answer, &fault);
        if (r == 0)
                r = sign_answer(transaction, body, &answer, &reply->payload, &fault);
        if (r == 0)
                note(reply, false, "%s has renewed its certificate", renewal->name.name);
        else
                refuse_renewal(transaction, renewal, body, fault.text, reply);
}

/* What was changed on its way, or is by someone else, gets no answer: who asked rightly asks again. */
static void renew(struct transaction *transaction, const char *identity, const void *payload, size_t size,
                  int64_t now_s, struct signer_reply *reply)
{
        CLEANUP(renewal_done) struct renewal renewal = { 0 };
        CLEANUP(request_done) struct request request = { 0 };
        CLEANUP_FREE char *claimed = NULL, *body = NULL;

        if (message_peek(payload, size, &claimed, NULL) < 0 || request_read(claimed, &request, NULL) < 0 ||
            !request.serial[0] || !find_present(transaction, identity, request.serial, &renewal)) {
                note(reply, true, "a request for renewal that no certificate of its sender stands behind");
                return;
        }
        EVP_PKEY *const keys[] = { X509_get0_pubkey(renewal.certificate) };
        if (message_open_signed(LABEL_RENEW_REQUEST, payload, size, keys, ARRAY_SIZE(keys), &body, NULL) < 0) {
                note(reply, true, "%s: a request for renewal that is not signed with its key", renewal.name.name);
                return;
        }
        const char *why = why_not(transaction, &renewal, now_s);
        if (why)
                refuse_renewal(transaction, &renewal, body, why, reply);
        else
                answer_renewal(transaction, &renewal, body, &request, now_s, reply);
}

/* ---- Anyone ------------------------------------------------------------------------------------------------------ */

static int find_named(struct registry *registry, const char *identity)
{
        CLEANUP(name_done) struct name name = { 0 };
        char plain[IDENTITY_NAME_MAX];
        int r = registry_find(registry, identity_name(identity, plain), &name, NULL);

        if (r < 0)
                return r;
        const char *number = identity + strlen(name.name);
        unsigned generation = MIN(*number ? (unsigned)strtoul(number + 1, NULL, 10) : 1, name.generation);
        return has_had_identity(&name, generation, identity) ? 0 : -ENOENT;
}

bool signer_knows(const char *identity)
{
        struct registry *registry = NULL;
        struct invitation invitation = { 0 };
        int r = registry_open(REGISTRY_FILE, false, &registry, NULL);

        if (r == 0)
                r = code_identity_digits(identity) ? invitations_find(registry, identity, &invitation, NULL)
                                                   : find_named(registry, identity);
        OPENSSL_cleanse(&invitation, sizeof(invitation));
        registry_close(registry);
        return r != -ENOENT;
}

void signer_answer(struct transaction *transaction, const char *identity, const void *payload, size_t size,
                   int64_t now_s, struct signer_reply *ret)
{
        struct fault fault = { 0 };

        *ret = (struct signer_reply){ 0 };
        transaction->keeps_lists = true;
        if (transaction_begin(transaction, &fault) < 0)
                note(ret, true, "%s", fault.text);
        else if (code_identity_digits(identity))
                join(transaction, identity, payload, size, now_s, ret);
        else
                renew(transaction, identity, payload, size, now_s, ret);
        transaction_end(transaction);
}
