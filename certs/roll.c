/* SPDX-License-Identifier: Apache-2.0 */
#include "roll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "directory.h"
#include "registry_internal.h"
#include "util/text.h"

bool roll_is_on(const struct transaction *transaction)
{
        return transaction->predecessor.key != NULL;
}

/* ---- Who needs it ------------------------------------------------------------------------------------------------ */

/* As ?1, ?2 and ?3. */
static void bind(sqlite3_stmt *row, const char *issuer, int64_t now_s)
{
        registry_bind_text(row, 1, issuer);
        (void)sqlite3_bind_int64(row, 2, now_s);
        (void)sqlite3_bind_int(row, 3, NAME_BROKER);
}

/* A broker needs none but its newest; of others an older one is not needed when a newer one by the successor is in use. */
static int look_at_left(struct registry *registry, const char *issuer, int64_t now_s, struct roll_state *ret,
                        struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(
                registry,
                "SELECT count(*), max(c.not_after) FROM certificates c JOIN names n ON n.name = c.name "
                "WHERE c.issuer = ?1 AND c.revoked_at = 0 AND c.not_after > ?2 AND NOT EXISTS "
                "(SELECT 1 FROM certificates d WHERE d.name = c.name AND d.issuer <> ?1 AND d.rowid > c.rowid "
                "AND d.revoked_at = 0 AND (d.proven OR n.kind = ?3))",
                &row, fault);

        if (r < 0)
                return r;
        bind(row, issuer, now_s);
        r = registry_step(registry, row, fault);
        if (r < 0)
                return r;
        ret->left = (unsigned)sqlite3_column_int(row, 0);
        ret->until_s = sqlite3_column_int64(row, 1);
        return 0;
}

static int look_at_names(struct registry *registry, const char *issuer, int64_t now_s, struct roll_state *ret,
                         struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry,
                                 "SELECT n.name FROM names n WHERE n.kind <> ?3 AND n.revoked = 0 AND ?1 = "
                                 "(SELECT c.issuer FROM certificates c WHERE c.name = n.name AND c.revoked_at = 0 "
                                 "AND c.not_after > ?2 ORDER BY c.rowid DESC LIMIT 1) ORDER BY n.at",
                                 &row, fault);

        if (r < 0)
                return r;
        bind(row, issuer, now_s);
        while ((r = registry_step(registry, row, fault)) > 0) {
                ret->waiting++;
                text_list_add(ret->names, sizeof(ret->names), registry_text(row, 0));
        }
        return r;
}

int roll_look(struct transaction *transaction, int64_t now_s, struct roll_state *ret, struct fault *fault)
{
        char issuer[ISSUER_MAX];

        *ret = (struct roll_state){ 0 };
        if (!roll_is_on(transaction))
                return 0;
        authority_name(transaction->predecessor.certificate, issuer);
        int r = look_at_left(transaction->registry, issuer, now_s, ret, fault);
        return r < 0 ? r : look_at_names(transaction->registry, issuer, now_s, ret, fault);
}

int roll_broker_authority(struct transaction *transaction, int64_t now_s, const struct authority **ret,
                          struct fault *fault)
{
        struct roll_state state;
        int r = roll_look(transaction, now_s, &state, fault);

        *ret = state.waiting > 0 ? &transaction->predecessor : &transaction->authority;
        return r;
}

bool roll_moves(struct transaction *transaction, const X509 *certificate, int64_t now_s)
{
        struct roll_state state;

        return roll_is_on(transaction) &&
               X509_NAME_cmp(X509_get_issuer_name(certificate),
                             X509_get_subject_name(transaction->predecessor.certificate)) == 0 &&
               roll_look(transaction, now_s, &state, NULL) == 0 && state.waiting == 0;
}

/* ---- Its steps --------------------------------------------------------------------------------------------------- */

static int put_bundle(struct transaction *transaction, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes bundle = { 0 }, elder = { 0 };
        int r = certificate_to_pem(transaction->authority.certificate, &bundle, fault);

        if (r == 0 && roll_is_on(transaction))
                r = certificate_to_pem(transaction->predecessor.certificate, &elder, fault);
        if (r == 0)
                r = bytes_append(&bundle, &elder, fault);
        if (r < 0)
                return r;
        return transaction_put(transaction, FILE_PUBLIC, &bundle, fault, AUTHORITY_CERT);
}

static int put_authority(struct transaction *transaction, const struct authority *authority,
                         const char *certificate_path, const char *key_path, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes certificate = { 0 }, key = { 0 };
        int r = key_to_pem(authority->key, &key, fault);

        if (r == 0)
                r = transaction_put(transaction, FILE_OF_SIGNER, &key, fault, "%s", key_path);
        if (r == 0 && certificate_path)
                r = certificate_to_pem(authority->certificate, &certificate, fault);
        return r < 0 || !certificate_path
                       ? r
                       : transaction_put(transaction, FILE_OF_SIGNER, &certificate, fault, "%s", certificate_path);
}

int roll_begin(struct transaction *transaction, struct fault *fault)
{
        struct authority successor = { 0 };
        int r = authority_new(&successor, fault);

        if (r < 0)
                return r;
        transaction->predecessor = transaction->authority;
        transaction->authority = successor;
        r = put_authority(transaction, &transaction->predecessor, PREDECESSOR_CERT, PREDECESSOR_KEY, fault);
        if (r == 0)
                r = put_authority(transaction, &transaction->authority, NULL, AUTHORITY_KEY, fault);
        if (r == 0)
                r = transaction_list_revoked(transaction, fault);
        return r < 0 ? r : put_bundle(transaction, fault);
}

int roll_end(struct transaction *transaction, struct fault *fault)
{
        authority_done(&transaction->predecessor);
        int r = put_bundle(transaction, fault);

        if (r == 0)
                r = transaction_list_revoked(transaction, fault);
        if (r == 0)
                r = transaction_put(transaction, FILE_REMOVED, NULL, fault, PREDECESSOR_KEY);
        return r < 0 ? r : transaction_put(transaction, FILE_REMOVED, NULL, fault, PREDECESSOR_CERT);
}

/* ---- sconce-pki roll --------------------------------------------------------------------------------------------- */

static void report(const struct roll_state *state)
{
        char until[TIME_TEXT_MAX];

        time_text(state->until_s, until);
        if (state->waiting > 0)
                (void)printf("Waiting for %u who have a certificate by the old authority: %s. They renew by themselves "
                             "when they are on; "
                             "for others: 'sconce-pki renew NAME', or 'revoke NAME'.\n",
                             state->waiting, state->names);
        if (state->left > 0)
                (void)printf("Certificates by the old authority in force: %u, the last until %s. It goes when none is "
                             "left.\n",
                             state->left, until);
}

static int work(struct transaction *transaction, bool *ret_is_new, struct roll_state *state, struct fault *fault)
{
        int64_t now_s = (int64_t)time(NULL);

        *ret_is_new = !roll_is_on(transaction);
        int r = *ret_is_new ? roll_begin(transaction, fault) : 0;
        if (r == 0)
                r = roll_look(transaction, now_s, state, fault);
        return r < 0 || !*ret_is_new ? r : transaction_commit(transaction, fault);
}

int command_roll(const struct command_line *line)
{
        struct transaction transaction = transaction_of(line);
        struct roll_state state = { 0 };
        struct fault fault = { 0 };
        bool is_new = false;

        if (line->count > 0)
                return misused("roll takes no arguments");
        int r = transaction_begin(&transaction, &fault);
        if (r == 0)
                r = work(&transaction, &is_new, &state, &fault);
        if (r == 0 && is_new) {
                services_reload_broker(&transaction.services);
                services_reload_page(&transaction.services);
                (void)printf("Made a successor to the certificate authority; %s/" AUTHORITY_CERT " has both now.\n",
                             line->dir);
                (void)printf("The new key, %s/" AUTHORITY_KEY
                             ", opens the house: back it up where no one else has access.\n",
                             line->dir);
        }
        if (r == 0)
                report(&state);
        if (r == 0 && is_new)
                r = services_report(&transaction.services, false, &fault);
        transaction_end(&transaction);
        return r < 0 ? failed(&fault) : EXIT_DONE;
}
