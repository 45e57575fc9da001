/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in while a machine joins: a code that a person types, messages that a broker passes on, the bodies in them. The
 * first line says which. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "enrol/code.h"
#include "enrol/message.h"
#include "enrol/request.h"
#include "fuzz/fuzz.h"

static const unsigned char secret[MESSAGE_MAC_KEY_BYTES] = "the key of the seeds' MAC";

static EVP_PKEY *our_key(void)
{
        static EVP_PKEY *key;

        if (!key)
                must(enrol_key_new(NULL, &key, NULL) == 0);
        return key;
}

static void check_fault(int r, const struct fault *fault)
{
        must(r == 0 || r == -EINVAL || r == -EBADMSG || r == -EKEYREJECTED);
        must(r == 0 || (fault->code == r && is_sentence(fault->text, sizeof(fault->text))));
}

/* What is taken for a code is the code that its own text says. */
static void try_code(struct input *input)
{
        char *text = input_rest(input), again[CODE_TEXT_MAX];
        struct code code, second;
        struct fault fault = { 0 };
        int r = code_parse(text, &code, &fault);

        check_fault(r, &fault);
        if (r == 0) {
                code_text(&code, again);
                must(code_parse(again, &second, NULL) == 0);
                must(memcmp(code.secret, second.secret, sizeof(code.secret)) == 0 && code.port == second.port);
                must(same_text(code.name, second.name) && same_text(code.host, second.host));
        }
        free(text);
}

static void try_message(struct input *input)
{
        EVP_PKEY *keys[] = { our_key() };
        char *sealed = NULL, *by_key = NULL, *peeked = NULL;
        struct fault fault = { 0 };
        int r = message_open_sealed(LABEL_JOIN_REQUEST, input->at, input->left, secret, &sealed, &fault);

        check_fault(r, &fault);
        r = message_open_signed(LABEL_TRUST, input->at, input->left, keys, 1, &by_key, &fault);
        must(r < 0); /* nobody knows the key */
        check_fault(r, &fault);
        r = message_peek(input->at, input->left, &peeked, &fault);
        check_fault(r, &fault);
        must((r == 0) == (peeked != NULL));
        must(!sealed || same_text(sealed, peeked));
        free(sealed);
        free(by_key);
        free(peeked);
}

static void try_request(struct input *input)
{
        char *body = input_rest(input);
        struct request request;
        struct fault fault = { 0 };
        int r = request_read(body, &request, &fault);

        check_fault(r, &fault);
        must((r == 0) == (request.key != NULL));
        must(request.authority_count <= REQUEST_AUTHORITIES_MAX);
        request_done(&request);
        free(body);
}

/* The digest of the request is put before what is left, as it cannot be found by trying. */
static void try_answer(struct input *input)
{
        static const char request[] = "request", head[] = "{\"v\":1,\"request\":\"";
        char digest[2 * EVP_MAX_MD_SIZE + 1] = "", *rest = input_rest(input);
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        struct answer answer;
        struct fault fault = { 0 };

        must(EVP_Digest(request, strlen(request), bytes, &size, EVP_sha256(), NULL) == 1);
        for (unsigned i = 0; i < size; i++)
                (void)snprintf(digest + 2 * i, 3, "%02x", bytes[i]);
        char *body = NULL;
        must(asprintf(&body, "%s%s\",%s", head, digest, rest) > 0);
        int r = answer_read(body, request, our_key(), &answer, &fault);
        check_fault(r, &fault);
        must(r < 0 || answer.error); /* nobody has a certificate for our key */
        answer_done(&answer);
        free(body);
        free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const words[] = { "code", "message", "request", "answer" };
        static void (*const tries[])(struct input *) = { try_code, try_message, try_request, try_answer };
        struct input input = input_of(data, size);
        char *word = input_line(&input);

        tries[input_choice(word, words, sizeof(words) / sizeof(words[0]))](&input);
        free(word);
        return 0;
}
