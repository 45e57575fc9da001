/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who attacks the signer, over a real broker: those who have a code or a certificate and ask for more, those who have heard others
 * ask, and the broker itself. test_certs_signer has each message by itself.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mqtt_protocol.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>

#include "system/asker.h"
#include "system/joining.h"
#include "system/pki.h"
#include "system/stage.h"
#include "util/cleanup.h"

/* A broker that has no access list, or goes by none. */
static struct broker *lawless;
static struct client *guest; /* has a certificate that may command everything */

static int open_all(void **state)
{
        (void)joining_open(state);
        PKI_RUN(stage.pki, "client", "guest");
        PKI_RUN(stage.pki, "client", "reader", "--read-only");
        return 0;
}

static int begin(void **state)
{
        (void)joining_begin(state);
        guest = stage_client("guest", "guest");
        return 0;
}

static int begin_lawless(void **state)
{
        (void)state;
        lawless = broker_new(&(struct broker_options){ .pki = stage.pki, .has_no_list = true });
        (void)joining_begin_at(lawless);
        guest = client_new(&(struct client_options){ .id = "guest",
                                                     .port = lawless->port.number,
                                                     .ca = pki_ca(stage.pki),
                                                     .cert = pki_issued(stage.pki, "guest") });
        return 0;
}

static const char *invite(const char *name)
{
        return joining_invite(name, NULL, NULL);
}

/* With a code, by the door. */
static struct asker *newcomer(const char *name)
{
        struct asker *asker = asker_of_code(invite(name));

        asker_use(asker, asker_at_door(asker, joining.door.number));
        return asker;
}

/* With a code, or a certificate, where everybody may write everywhere. */
static struct asker *through_guest(struct asker *asker)
{
        asker_use(asker, guest);
        return asker;
}

static const char *plain_csr(EVP_PKEY *key)
{
        return csr_text(&(struct csr){ .key = key });
}

static const char *join_request(const struct asker *asker, EVP_PKEY *key)
{
        return asker_sealed(asker, asker_body(plain_csr(key), NULL));
}

static const char *renewal_request(const struct asker *asker, const char *csr)
{
        return asker_sealed(asker, asker_body(csr, asker->serial));
}

/* Joins, and is one that renews. */
static struct asker *joined(const char *identity, struct asker *asker)
{
        EVP_PKEY *key = asker_key();
        const json_t *answer = asker_ask(asker, join_request(asker, key));

        return asker_of_cert(identity, key, said_certificate(answer));
}

/* The same, and comes with its certificate. */
static struct asker *settled(const char *name)
{
        struct asker *newcomer_of_it = newcomer(name);
        EVP_PKEY *key = asker_key();
        const char *base = work_path("%s", name);

        const json_t *answer = asker_ask(newcomer_of_it, join_request(newcomer_of_it, key));
        write_file(format_text("%s.crt", base), "%s", said(answer, "certificate"));
        FILE *out = fopen(format_text("%s.key", base), "we");
        assert_non_null(out);
        assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
        assert_int_equal(fclose(out), 0);
        struct asker *asker = asker_of_file(name, base);
        asker_use(asker,
                  client_new(&(struct client_options){
                          .id = name, .port = stage.broker->port.number, .ca = pki_ca(stage.pki), .cert = base }));
        return asker;
}

static void assert_refused(const json_t *answer, const char *why)
{
        assert_has(said(answer, "error"), why);
        assert_string_equal(said(answer, "certificate"), "");
}

/* All that a node's certificate has, and nothing else. */
static void assert_is_nodes(const json_t *answer, const char *identity, EVP_PKEY *key)
{
        X509 *certificate = said_certificate(answer);

        assert_string_equal(cert_subject(certificate), format_text("/CN=%s", identity));
        assert_string_equal(cert_extension(certificate, NID_subject_alt_name), format_text("DNS:%s", identity));
        assert_string_equal(cert_extension(certificate, NID_basic_constraints), "critical CA:FALSE");
        assert_string_equal(cert_extension(certificate, NID_key_usage), "critical Digital Signature");
        assert_string_equal(cert_extension(certificate, NID_ext_key_usage), "TLS Web Client Authentication");
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), key), 1);
        X509_free(certificate);
}

static int count_row(void *userdata, int count, char **values, char **names)
{
        (void)count;
        (void)names;
        *(int *)userdata = atoi(values[0]);
        return 0;
}

/* Of what the signer has recorded. */
static int registry_sql(const char *sql)
{
        sqlite3 *registry = NULL;
        int number = 0;

        assert_int_equal(sqlite3_open(pki_file(stage.pki, "private/registry.db"), &registry), SQLITE_OK);
        (void)sqlite3_busy_timeout(registry, 10000);
        assert_int_equal(sqlite3_exec(registry, sql, count_row, &number, NULL), SQLITE_OK);
        (void)sqlite3_close(registry);
        return number;
}

static int certificates_of(const char *name)
{
        return registry_sql(format_text("SELECT count(*) FROM certificates WHERE name = '%s'", name));
}

/* ---- What a signing request wants -------------------------------------------------------------------------------- */

static const char *greedy_csr(EVP_PKEY *key)
{
        return csr_text(&(struct csr){
                .key = key, .cn = "guest", .sans = "DNS:localhost,IP:127.0.0.1,email:a@b.example", .wants_all = true });
}

static void join__foreign_names_and_extensions__is_the_invited_name_alone(void **state)
{
        struct asker *asker = newcomer("porch");
        EVP_PKEY *key = asker_key();

        (void)state;
        const json_t *answer = asker_ask(asker, asker_sealed(asker, asker_body(greedy_csr(key), NULL)));
        assert_string_equal(said(answer, "name"), "porch");
        assert_is_nodes(answer, "porch", key);
}

static void renewal__foreign_names_and_extensions__is_the_present_name_alone(void **state)
{
        struct asker *asker = settled("terrace");
        EVP_PKEY *key = asker_key();

        (void)state;
        const json_t *answer = asker_ask(asker, renewal_request(asker, greedy_csr(key)));
        assert_string_equal(said(answer, "name"), "terrace");
        assert_is_nodes(answer, "terrace", key);
}

/* ---- Somebody else's signing request ----------------------------------------------------------------------------- */

static void join__key_of_somebody_else__is_refused_and_the_code_stays_good(void **state)
{
        struct asker *asker = newcomer("shed");
        EVP_PKEY *own = asker_key(), *others = asker_key();
        const char *csr = csr_text(&(struct csr){ .key = others, .by = own });

        (void)state;
        assert_refused(asker_ask(asker, asker_sealed(asker, asker_body(csr, NULL))),
                       "the signing request is not signed with its own key");
        assert_int_equal(certificates_of("shed"), 0);
        assert_is_nodes(asker_ask(asker, join_request(asker, own)), "shed", own);
}

/* It is then a certificate of one's own name, for a key that one has not. */
static void join__signing_request_of_another_join__gives_nothing_of_its_name(void **state)
{
        struct asker *victim = newcomer("safe"), *thief = newcomer("thief");
        EVP_PKEY *key = asker_key();

        (void)state;
        const json_t *answer = asker_ask(victim, join_request(victim, key));
        assert_is_nodes(answer, "safe", key);
        const struct message *heard = client_wait(joining.tap, victim->request, NULL, NULL);
        const char *csr = csr_heard(heard->payload, heard->size);
        answer = asker_ask(thief, asker_sealed(thief, asker_body(csr, NULL)));
        assert_string_equal(said(answer, "name"), "thief");
        assert_is_nodes(answer, "thief", key);
        assert_int_equal(certificates_of("safe"), 1);
}

static void renewal__in_the_name_of_somebody_else__is_not_answered(void **state)
{
        struct asker *victim = settled("vault"), *thief = settled("burglar");
        EVP_PKEY *key = asker_key();
        const struct asker pretender = { .own = thief->own, .serial = victim->serial };

        (void)state;
        const char *csr = plain_csr(key),
                   *not_its_own = csr_text(&(struct csr){ .key = victim->own, .by = thief->own });
        const char *const forged[] = {
                renewal_request(&pretender, csr),   /* the victim's number, the thief's signature */
                renewal_request(victim, csr),       /* recorded from the victim */
                renewal_request(thief, not_its_own) /* a key that it has not */
        };
        for (size_t i = 0; i < ARRAY_SIZE(forged); i++)
                client_send(thief->client, thief->request, forged[i]);
        assert_is_nodes(asker_ask(thief, renewal_request(thief, csr)), "burglar", key);
        assert_int_equal(client_count(thief->client, thief->answer), 1);
        assert_int_equal(certificates_of("vault"), 1);
        assert_int_equal(certificates_of("burglar"), 2);
}

/* ---- A second time ----------------------------------------------------------------------------------------------- */

static void join__code_used_by_another__is_refused(void **state)
{
        const char *code = invite("loft");
        struct asker *first = asker_of_code(code), *second = asker_of_code(code);
        EVP_PKEY *key = asker_key();

        (void)state;
        asker_use(first, asker_at_door(first, joining.door.number));
        assert_is_nodes(asker_ask(first, join_request(first, key)), "loft", key);
        asker_use(second, asker_at_door(second, joining.door.number));
        assert_refused(asker_ask(second, join_request(second, asker_key())), "the code has been used already");
        assert_int_equal(certificates_of("loft"), 1);
}

/* Who sends again what it has heard gets the same again, and the world has no other certificate for it. */
static void replay__of_a_join_and_of_a_renewal__makes_nothing(void **state)
{
        struct asker *asker = through_guest(asker_of_code(invite("cabin")));
        EVP_PKEY *key = asker_key();
        const char *join = join_request(asker, key);

        (void)state;
        const json_t *joins[] = { asker_ask(asker, join), asker_ask(asker, join) };
        assert_string_equal(said(joins[0], "certificate"), said(joins[1], "certificate"));
        asker = through_guest(asker_of_cert("cabin", key, said_certificate(joins[0])));
        const char *renewal = renewal_request(asker, plain_csr(asker_key()));
        const json_t *renewals[] = { asker_ask(asker, renewal), asker_ask(asker, renewal) };
        assert_string_equal(said(renewals[0], "certificate"), said(renewals[1], "certificate"));
        assert_int_equal(certificates_of("cabin"), 2);
}

/* A join, and a renewal, as somebody has recorded them: before and after the name is given again. */
static void replay__after_revoke__is_refused(void **state)
{
        struct asker *asker = through_guest(asker_of_code(invite("villa")));
        EVP_PKEY *key = asker_key();
        const char *join = join_request(asker, key);

        (void)state;
        struct asker *old = through_guest(asker_of_cert("villa", key, said_certificate(asker_ask(asker, join))));
        const char *renewal = renewal_request(old, plain_csr(asker_key()));
        PKI_RUN(stage.pki, "revoke", "villa");
        client_send(guest, asker->request, join);
        assert_refused(asker_ask(old, renewal), "the certificate has been revoked");

        struct asker *again = through_guest(asker_of_code(invite("villa")));
        client_send(guest, asker->request, join);
        assert_refused(asker_ask(old, renewal), "the certificate has been revoked");
        client_send(guest, "sconce-pki/villa.2/request", renewal);
        EVP_PKEY *other = asker_key();
        assert_is_nodes(asker_ask(again, join_request(again, other)), "villa.2", other);
        assert_int_equal(client_count(guest, "sconce-pki/villa.2/answer"), 0);
        assert_int_equal(client_count(guest, asker->answer), 1);
        assert_int_equal(certificates_of("villa"), 2);
}

static void renewal__with_what_is_out_of_time__is_refused(void **state)
{
        struct asker *asker = through_guest(joined("hut", through_guest(asker_of_code(invite("hut")))));

        (void)state;
        (void)registry_sql("UPDATE certificates SET not_after = 1 WHERE name = 'hut'");
        assert_refused(asker_ask(asker, renewal_request(asker, plain_csr(asker_key()))), "the certificate has expired");
        (void)process_wait_log(joining.signer, "hut: its certificate was not renewed: the certificate has expired",
                               SOON_MS);
        assert_int_equal(certificates_of("hut"), 1);
}

#define TEST(function)         cmocka_unit_test_setup_teardown(function, begin, joining_finish)
#define TEST_LAWLESS(function) cmocka_unit_test_setup_teardown(function, begin_lawless, joining_finish)

static const struct CMUnitTest tests[] = {
        TEST(join__foreign_names_and_extensions__is_the_invited_name_alone),
        TEST(renewal__foreign_names_and_extensions__is_the_present_name_alone),
        TEST(join__key_of_somebody_else__is_refused_and_the_code_stays_good),
        TEST(join__signing_request_of_another_join__gives_nothing_of_its_name),
        TEST(renewal__in_the_name_of_somebody_else__is_not_answered),
        TEST(join__code_used_by_another__is_refused),
        TEST_LAWLESS(replay__of_a_join_and_of_a_renewal__makes_nothing),
        TEST_LAWLESS(replay__after_revoke__is_refused),
        TEST_LAWLESS(renewal__with_what_is_out_of_time__is_refused),
};

STAGE_MAIN(tests, open_all)
