/* SPDX-License-Identifier: Apache-2.0 */
#include "upkeep.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "directory.h"
#include "enrol/own.h"
#include "issue.h"
#include "roll.h"
#include "util/log.h"

struct upkeeping {
        struct transaction *transaction;
        int64_t now_s;
        struct fault *fault;
        struct name *brokers; /* whose certificates are due */
        size_t count;
};

bool upkeep_is_due(const X509 *certificate, int64_t now_s)
{
        return now_s >= own_due_s(time_of(X509_get0_notBefore(certificate)), time_of(X509_get0_notAfter(certificate)));
}

static bool is_list_due(int64_t now_s)
{
        CLEANUP_FILE FILE *in = fopen(CRL_FILE, "re");
        CLEANUP(X509_CRL_freep) X509_CRL *crl = in ? PEM_read_X509_CRL(in, NULL, NULL, NULL) : NULL;

        ERR_clear_error();
        return crl &&
               now_s >= own_due_s(time_of(X509_CRL_get0_lastUpdate(crl)), time_of(X509_CRL_get0_nextUpdate(crl)));
}

static int take_newest(void *userdata, const struct certificate *certificate)
{
        if (certificate->revoked_s == 0)
                (void)strcpy(userdata, certificate->serial);
        return 0;
}

static int look_at(void *userdata, const struct name *name)
{
        struct upkeeping *upkeeping = userdata;
        struct registry *registry = upkeeping->transaction->registry;
        CLEANUP(X509_freep) X509 *certificate = NULL;
        char serial[SERIAL_MAX] = "";
        struct certificate row;

        if (name->kind != NAME_BROKER || name->is_revoked)
                return 0;
        int r = registry_each_certificate(registry, name->name, take_newest, serial, upkeeping->fault);
        if (r == 0)
                r = registry_find_certificate(registry, serial, &row, &certificate, upkeeping->fault);
        if (r < 0 || (!upkeep_is_due(certificate, upkeeping->now_s) &&
                      !roll_moves(upkeeping->transaction, certificate, upkeeping->now_s)))
                return r == -ENOENT ? 0 : r;
        struct name *brokers = reallocarray(upkeeping->brokers, upkeeping->count + 1, sizeof(*brokers));
        if (!brokers)
                return fault_set(upkeeping->fault, -ENOMEM, "out of memory");
        upkeeping->brokers = brokers;
        return registry_find(registry, name->name, &brokers[upkeeping->count++], upkeeping->fault);
}

static int renew_brokers(struct upkeeping *upkeeping)
{
        struct issued issued;
        int r = 0;

        for (size_t i = 0; i < upkeeping->count && r == 0; i++) {
                r = issue(upkeeping->transaction, &upkeeping->brokers[i], &issued, upkeeping->fault);
                if (r == 0)
                        log_notice("%s: the broker's certificate was issued again, before it ends",
                                   upkeeping->brokers[i].name);
        }
        return r;
}

static int commit(struct transaction *transaction, struct fault *fault)
{
        int r = transaction_commit(transaction, fault);

        if (r < 0 || !directory_is_ours())
                return r;
        services_reload_broker(&transaction->services);
        services_reload_page(&transaction->services);
        return transaction->services.broker_failed[0]
                       ? fault_set(fault, -EPERM, "the broker still uses the old certificate: %s",
                                   transaction->services.broker_failed)
                       : 0;
}

/* The predecessor goes when nobody needs it. */
static int end_roll(struct upkeeping *upkeeping, bool *ret_has_ended)
{
        struct roll_state state;

        if (!roll_is_on(upkeeping->transaction))
                return 0;
        int r = roll_look(upkeeping->transaction, upkeeping->now_s, &state, upkeeping->fault);
        if (r < 0 || state.left > 0)
                return r;
        *ret_has_ended = true;
        log_notice("the old certificate authority was removed: no certificate by it is in force any more");
        return roll_end(upkeeping->transaction, upkeeping->fault);
}

static int work(struct upkeeping *upkeeping)
{
        struct transaction *transaction = upkeeping->transaction;
        bool is_due = is_list_due(upkeeping->now_s), has_ended = false;
        int r = end_roll(upkeeping, &has_ended);

        if (r == 0)
                r = registry_each(transaction->registry, look_at, upkeeping, upkeeping->fault);
        if (r == 0 && is_due)
                r = transaction_list_revoked(transaction, upkeeping->fault);
        if (r == 0)
                r = renew_brokers(upkeeping);
        return r < 0 || (!is_due && !has_ended && upkeeping->count == 0) ? r : commit(transaction, upkeeping->fault);
}

int upkeep(struct transaction *transaction, int64_t now_s, struct fault *fault)
{
        struct upkeeping upkeeping = { .transaction = transaction, .now_s = now_s, .fault = fault };
        int r = transaction_begin(transaction, fault);

        if (r == 0)
                r = work(&upkeeping);
        for (size_t i = 0; i < upkeeping.count; i++)
                name_done(&upkeeping.brokers[i]);
        free(upkeeping.brokers);
        transaction_end(transaction);
        return r;
}
