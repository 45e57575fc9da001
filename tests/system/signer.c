/* SPDX-License-Identifier: Apache-2.0 */
#include "system/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/certs.h"
#include "system/workdir.h"

static const char *write_lists(struct signer *signer, const char *psk)
{
        char psks[8192] = "", acl[8192] = "topic readwrite sconce-pki/#\n";
        const char *acl_file = work_path("join.acl");

        for (size_t i = 0; i < signer->count; i++) {
                struct code_keys keys;
                assert_int_equal(code_draw(&signer->codes[i], NULL), 0);
                assert_int_equal(code_derive(signer->codes[i].secret, &keys, NULL), 0);
                (void)snprintf(psks + strlen(psks), sizeof(psks) - strlen(psks), "%s:%s\n", keys.identity, keys.psk);
                (void)snprintf(acl + strlen(acl), sizeof(acl) - strlen(acl),
                               "user %s\ntopic write sconce-pki/%s/request\ntopic read sconce-pki/%s/answer\n",
                               keys.identity, keys.identity, keys.identity);
        }
        write_file(psk, "%s", psks);
        write_file(acl_file, "%s", acl);
        return acl_file;
}

void signer_open(struct signer *signer, const char *pki, size_t count)
{
        const char *psk = work_path("join.psk"), *socket = work_path("signer.sock");

        *signer = (struct signer){ .count = count };
        const char *acl = write_lists(signer, psk);
        fake_authority_load(&signer->authority, pki_ca(pki), pki_file(pki, "crl.pem"));
        signer->broker = broker_new_plain(format_text("allow_anonymous true\nacl_file %s\n"
                                                      "listener PORT 127.0.0.1\npsk_hint sconce\npsk_file %s\n"
                                                      "use_identity_as_username true\nlistener 0 %s\n",
                                                      acl, psk, socket));
        signer->client = client_new(&(struct client_options){ .id = "signer", .unix_socket = socket });
        client_subscribe(signer->client, "#");
        signer->count = 0;
}

const char *signer_code(struct signer *signer, const char *name)
{
        struct code *code = &signer->codes[signer->count++];
        char text[CODE_TEXT_MAX];

        (void)snprintf(code->name, sizeof(code->name), "%s", name);
        (void)strcpy(code->host, "127.0.0.1");
        code->port = (uint16_t)signer->broker->port.number;
        code_text(code, text);
        return format_text("%s", text);
}

const char *signer_request_topic(const struct signer *signer)
{
        struct code_keys keys;

        assert_int_equal(code_derive(signer->codes[signer->count - 1].secret, &keys, NULL), 0);
        return format_text("sconce-pki/%s/request", keys.identity);
}

void signer_answer(struct signer *signer, const struct fake_offer *offer)
{
        const char *topic = signer_request_topic(signer);
        const struct message *message = client_wait(signer->client, topic, NULL, NULL);
        char *text = fake_signer_answer(&signer->authority, &signer->codes[signer->count - 1], message->payload,
                                        message->size, offer);

        client_send(signer->client, format_text("%.*sanswer", (int)(strrchr(topic, '/') + 1 - topic), topic), text);
        free(text);
}
