/* SPDX-License-Identifier: Apache-2.0 */
#include "trust_message.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "directory.h"
#include "enrol/message.h"
#include "enrol/trust.h"

#define CLEANUP_JSON CLEANUP(json_decrefp)

int trust_message(struct transaction *transaction, char **ret, struct fault *fault)
{
        CLEANUP(file_done) struct file ca = { 0 }, crl = { 0 };
        int r = directory_read(AUTHORITY_CERT, &ca, fault);

        if (r == 0)
                r = directory_read(CRL_FILE, &crl, fault);
        if (r < 0)
                return r;
        /* The lists' number grows with each list; the message has it, so that an old one cannot be played again. */
        int64_t number = lists_number_of(crl.data);
        if (number == 0)
                return fault_set(fault, -EBADMSG, CRL_FILE ": is not a list that has a number");
        CLEANUP_JSON json_t *object = json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "number", (json_int_t)number, "ca",
                                                ca.data, "crl", crl.data);
        CLEANUP_FREE char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
        if (!body)
                return fault_set(fault, -ENOMEM, "out of memory");
        return transaction_sign(transaction, LABEL_TRUST, body, ret, fault);
}
