/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/fake_signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrol/request.h"

char *fake_signer_answer(const struct fake_authority *authority, const struct code *code, const void *request,
                         size_t size, const struct fake_offer *offer)
{
        struct code_keys keys;
        CLEANUP_FREE char *body = NULL, *reply = NULL;
        char *sealed = NULL;
        struct answer answer = { .error = offer->error ? strdup(offer->error) : NULL };
        struct request read;

        assert_int_equal(code_derive(code->secret, &keys, NULL), 0);
        assert_int_equal(message_open_sealed(LABEL_JOIN_REQUEST, request, size, keys.mac, &body, NULL), 0);
        assert_int_equal(request_read(body, &read, NULL), 0);
        if (!offer->error) {
                answer.name = strdup(offer->name);
                answer.kind = strdup(offer->kind);
                answer.url = offer->url ? strdup(offer->url) : NULL;
                answer.certificate_pem = fake_authority_issue(authority, read.key, offer->name, offer->serial);
                answer.ca_pem = strdup(authority->ca_pem);
                answer.crl_pem = strdup(authority->crl_pem);
        }
        assert_int_equal(answer_body(body, &answer, &reply, NULL), 0);
        assert_int_equal(message_seal(LABEL_JOIN_ANSWER, reply, keys.mac, &sealed, NULL), 0);
        answer_done(&answer);
        request_done(&read);
        return sealed;
}
