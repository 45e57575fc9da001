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
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>

#include "bus/mosquitto.h"
#include "fakes/in_range.h"
#include "system/asker.h"
#include "system/joining.h"
#include "system/pki.h"
#include "system/stage.h"
#include "util/cleanup.h"

/* A broker that has no access list, or goes by none. */
static struct broker *lawless;
static struct port usual_door, lawless_door;
static struct client *guest; /* has a certificate that may command everything */

/* Whose certificate is renewed has no longer what it was issued with. */
static void keep_pair(const char *name)
{
        static const char *const suffixes[] = { "crt", "key" };

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                CLEANUP_FREE char *text = read_file(format_text("%s.%s", pki_issued(stage.pki, name), suffixes[i]));
                assert_non_null(text);
                write_file(work_path("%s.%s", name, suffixes[i]), "%s", text);
        }
}

static struct client *client_of(const char *name, const struct broker *broker)
{
        return client_new(&(struct client_options){
                .id = name, .port = broker->port.number, .ca = pki_ca(stage.pki), .cert = work_path("%s", name) });
}

static int open_all(void **state)
{
        (void)joining_open(state);
        usual_door = joining.door;
        lawless_door = port_reserve();
        PKI_RUN(stage.pki, "client", "guest");
        PKI_RUN(stage.pki, "client", "reader", "--read-only");
        keep_pair("guest");
        keep_pair("reader");
        return 0;
}

static int begin(void **state)
{
        (void)joining_begin(state);
        guest = client_of("guest", stage.broker);
        return 0;
}

static int begin_lawless(void **state)
{
        (void)state;
        joining.door = lawless_door;
        lawless = broker_new(
                &(struct broker_options){ .pki = stage.pki, .join_port = lawless_door.number, .has_no_list = true });
        (void)joining_begin_at(lawless);
        guest = client_of("guest", lawless);
        return 0;
}

static int finish_lawless(void **state)
{
        joining.door = usual_door;
        lawless = NULL;
        return joining_finish(state);
}

/* The command tells the stage's broker; the other one we tell. */
static const char *invite(const char *name)
{
        const char *code = joining_invite(name, NULL, NULL);

        if (lawless) {
                pump_once(0);
                lawless->process->err.cursor = lawless->process->err.size;
                process_signal(lawless->process, SIGHUP);
                (void)process_wait_log(lawless->process, "Reloading config", SOON_MS);
        }
        return code;
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

static bool asker_is_let_in(const struct asker *asker, unsigned port)
{
        struct client *client = client_new(&(struct client_options){ .id = "guesser",
                                                                     .port = port,
                                                                     .psk_identity = asker->keys.identity,
                                                                     .psk = asker->keys.psk,
                                                                     .refused_is_fine = true });
        bool is = client_connected(client);

        client_free(client);
        return is;
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

static bool is_sealed_by(const struct message *message, const void *userdata)
{
        const struct asker *asker = userdata;
        char *body = NULL;

        bool is = message_open_sealed(LABEL_JOIN_REQUEST, message->payload, message->size, asker->keys.mac, &body,
                                      NULL) == 0;
        free(body);
        return is;
}

static bool is_an_answer(const struct message *message, const void *userdata)
{
        return asker_opened(userdata, message) != NULL;
}

/* Passes over what is not by the signer. */
static const json_t *asker_ask_past(struct asker *asker, const char *payload)
{
        client_send(asker->client, asker->request, payload);
        return asker_opened(asker, client_wait(asker->client, asker->answer, is_an_answer, asker));
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

/* ---- Guests ------------------------------------------------------------------------------------------------------ */

static void assert_may_not_write(struct client *client, const char *topic)
{
        const struct request request = { .topic = topic, .payload = "{}" };

        assert_int_equal(client_publish_acked(client, &request), MQTT_RC_NOT_AUTHORIZED);
}

/* One's own is on the list, and what all read. */
static void assert_has_heard_no_more(const struct asker *asker)
{
        const struct client *client = asker->client;

        assert_int_equal(client_count(client, "sconce-pki/#"),
                         client_count(client, asker->answer) + client_count(client, "sconce-pki/trust"));
}

/* Three who may do a little: a client, one that only reads, and one who has a code. */
static void guests__topics_of_others__neither_write_nor_read(void **state)
{
        struct asker *host = newcomer("meadow"), *visitor = newcomer("visitor");
        struct asker *asker = asker_of_file("guest", work_path("guest"));
        struct asker *reader = asker_of_file("reader", work_path("reader"));
        struct asker *const guests[] = { asker, reader, visitor };
        const char *const topics[] = { host->request,
                                       host->answer,
                                       "sconce-pki/meadow/request",
                                       "sconce-pki/meadow/answer",
                                       "sconce-pki/tester/request",
                                       "sconce-pki/tester/answer",
                                       "sconce-pki/trust" };
        EVP_PKEY *key = asker_key();

        (void)state;
        asker_use(asker, guest);
        asker_use(reader, client_of("reader", stage.broker));
        for (size_t i = 0; i < ARRAY_SIZE(guests); i++) {
                client_subscribe(guests[i]->client, "sconce-pki/#");
                client_subscribe(guests[i]->client, host->answer);
                for (size_t j = 0; j < ARRAY_SIZE(topics); j++)
                        assert_may_not_write(guests[i]->client, topics[j]);
        }
        /* The first that anybody hears is from the one who may. */
        assert_is_nodes(asker_ask(host, join_request(host, key)), "meadow", key);
        assert_string_equal(client_wait(joining.tap, "sconce-pki/#", NULL, NULL)->topic, host->request);
        for (size_t i = 0; i < ARRAY_SIZE(guests); i++) {
                const char *csr = plain_csr(asker_key());
                const char *request = guests[i]->own ? renewal_request(guests[i], csr)
                                                     : asker_sealed(guests[i], asker_body(csr, NULL));
                assert_string_equal(said(asker_ask(guests[i], request), "error"), "");
                assert_has_heard_no_more(guests[i]);
        }
}

/* Where the broker has no list a guest hears all, and may say all: it can end a code, and get nothing by it. */
static void guest__without_a_list__fools_nobody(void **state)
{
        struct asker *victim = asker_of_code(invite("garden"));
        EVP_PKEY *key = asker_key();

        (void)state;
        asker_use(victim, asker_at_door(victim, joining.door.number));
        client_subscribe(guest, "sconce-pki/#");
        const char *forged = join_request(asker_of_code(invite("decoy")), asker_key());
        client_send(guest, victim->request, forged); /* under another code's key */
        client_send(guest, victim->answer, forged);
        (void)client_publish_acked(
                guest, &(struct request){ .topic = victim->request, .payload = "{\"body\":\"{}\",\"mac\":\"\"}" });
        const json_t *answer = asker_ask_past(victim, join_request(victim, key));
        assert_is_nodes(answer, "garden", key);

        /* What it has heard, on topics that are another's, or none. */
        const struct message *heard = client_wait(guest, victim->request, is_sealed_by, victim);
        const char *const elsewhere[] = { "sconce-pki/garden/request", "sconce-pki/guest/request",
                                          "sconce-pki/sconce-pki.signer/request" };
        for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
                client_send(guest, elsewhere[i], heard->payload);
        struct asker *own = through_guest(asker_of_file("guest", work_path("guest")));
        assert_string_equal(said(asker_ask(own, renewal_request(own, plain_csr(asker_key()))), "name"), "guest");
        assert_int_equal(client_count(guest, "sconce-pki/garden/answer"), 0);
        assert_int_equal(client_count(guest, "sconce-pki/sconce-pki.signer/answer"), 0);
        assert_int_equal(certificates_of("garden"), 1);
        assert_int_equal(registry_sql("SELECT tries FROM invitations WHERE name = 'garden'"), 2);
}

/* ---- The broker itself ------------------------------------------------------------------------------------------- */

#define STRIDE 5 /* bytes; test_certs_signer has each one */

/* The test is the broker's part between: who joins is at the stage's, the signer at the other one. */
struct between {
        struct client *front, *back;
        struct asker *asker;
};

static const char *altered(const struct message *message, size_t at)
{
        char *payload = strndup(message->payload, message->size);

        payload[at] ^= 1;
        return keep_text(payload);
}

static const struct message *carry_request(const struct between *between, size_t altered_first)
{
        const struct message *asked = client_wait(between->front, between->asker->request, NULL, NULL);

        for (size_t i = 0; i < altered_first; i++)
                client_send(between->back, asked->topic, altered(asked, (i + 1) * asked->size / 8));
        client_send(between->back, asked->topic, asked->payload);
        return client_wait(between->back, between->asker->answer, NULL, NULL);
}

static void send_altered_answers(const struct between *between, const struct message *genuine)
{
        for (size_t at = 0; at < genuine->size; at += STRIDE) {
                const struct request request = { .topic = genuine->topic, .payload = altered(genuine, at) };
                (void)client_publish_acked(between->front, &request);
        }
        for (size_t size = 0; size < genuine->size; size += genuine->size / 7)
                client_send(between->front, genuine->topic, keep_text(strndup(genuine->payload, size)));
}

static void broker_between__each_part_of_an_answer_changed__the_genuine_one_counts(void **state)
{
        const char *pi = joining_place(), *code = invite("tower");
        struct between between = { .front = joining_tap("front", stage.broker, "sconce-pki/+/request"),
                                   .back = guest,
                                   .asker = through_guest(asker_of_code(code)) };
        const char *at_front = format_text("%.*s:%u", (int)(strrchr(code, ':') - code), code, usual_door.number);

        (void)state;
        struct process *join = joining_node_start(pi, at_front);
        const struct message *genuine = carry_request(&between, 4);
        const json_t *answer = asker_opened(between.asker, genuine);
        assert_non_null(answer);
        send_altered_answers(&between, genuine);
        client_send(between.front, genuine->topic, genuine->payload);
        struct run run = sconce_wait(join);
        if (run.status != 0)
                give_up("join: %s", run.err);
        static const char *const files[][2] = { { "node.crt", "certificate" },
                                                { "ca.crt", "ca" },
                                                { "crl.pem", "crl" } };
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                CLEANUP_FREE char *text = read_file(format_text("%s/etc/sconce/certs/%s", pi, files[i][0]));
                assert_string_equal(text, said(answer, files[i][1]));
        }
        assert_int_equal(certificates_of("tower"), 1);
        assert_int_equal(registry_sql("SELECT tries FROM invitations WHERE name = 'tower'"), 4);
}

/* ---- Too much ---------------------------------------------------------------------------------------------------- */

#define AT_ONCE   50 /* messages before the broker's word is waited for */
#define GROWTH_KB 2048
#define LINES_MAX 40 /* of the log, whatever the number of messages */

/* .ci/full has 10,000. */
static unsigned flood_size(void)
{
        const char *wanted = getenv("SCONCE_FLOOD");

        return wanted ? (unsigned)strtoul(wanted, NULL, 10) : 1000;
}

/* Messages to the topics of one or of many. */
struct flood {
        struct client *client;
        const char *topic; /* NULL: each on that of another identity, which nobody has */
        const char *payload;
        unsigned sent;
};

static void pour(struct flood *flood, unsigned count)
{
        for (unsigned i = 0; i < count; i++, flood->sent++) {
                char topic[64];
                (void)snprintf(topic, sizeof(topic), "sconce-pki/join.nobody%08u/request", flood->sent);
                const struct request request = { .topic = flood->topic ? flood->topic : topic,
                                                 .payload = flood->payload };
                if (flood->sent % AT_ONCE == AT_ONCE - 1)
                        (void)client_publish_acked(flood->client, &request);
                else
                        client_publish(flood->client, &request);
        }
}

static long memory_kb(const struct process *process)
{
        CLEANUP_FREE char *status = read_file(format_text("/proc/%d/status", (int)process->pid));
        const char *line = status ? strstr(status, "VmRSS:") : NULL;

        assert_non_null(line);
        return strtol(line + strlen("VmRSS:"), NULL, 10);
}

static size_t count_lines(const struct process *process)
{
        size_t count = 0;

        for (const char *at = process->err.text; (at = strchr(at, '\n')); at++)
                count++;
        return count;
}

/* Somebody joins while it pours. */
static void assert_lives_through(struct flood *flood, const char *name)
{
        const char *warm = format_text("%s-before", name), *pi = joining_place();

        assert_int_equal(joining_node(joining_place(), invite(warm)).status, 0);
        long before_kb = memory_kb(joining.signer);
        size_t lines = count_lines(joining.signer);
        const char *code = invite(name);
        pour(flood, flood_size() / 2);
        uint64_t begin_us = now_us();
        struct process *join = joining_node_start(pi, code);
        while (process_running(join) && flood->sent < 10 * flood_size())
                pour(flood, AT_ONCE);
        unsigned joined_ms = (unsigned)((now_us() - begin_us) / 1000);
        assert_int_equal(sconce_wait(join).status, 0);
        while (flood->sent < flood_size())
                pour(flood, AT_ONCE);
        assert_int_equal(joining_node(joining_place(), invite(format_text("%s-after", name))).status, 0);
        print_message("%u messages: joined meanwhile in %u ms; %ld kB before, %ld kB after; %zu lines\n", flood->sent,
                      joined_ms, before_kb, memory_kb(joining.signer), count_lines(joining.signer) - lines);
        assert_uint_in_range(memory_kb(joining.signer), 1, before_kb + GROWTH_KB);
        assert_uint_in_range(count_lines(joining.signer) - lines, 1, LINES_MAX);
}

static const char *wrong_request(const struct asker *asker)
{
        struct asker wrong = *asker;

        wrong.keys.mac[0] ^= 1;
        return join_request(&wrong, asker_key());
}

static void flood__by_who_has_a_code__ends_that_code_alone(void **state)
{
        struct asker *asker = newcomer("nuisance");
        struct flood flood = { .client = asker->client, .topic = asker->request, .payload = wrong_request(asker) };

        (void)state;
        assert_lives_through(&flood, "calm");
        assert_int_equal(registry_sql("SELECT tries FROM invitations WHERE name = 'nuisance'"), 5);
        assert_int_equal(registry_sql("SELECT sum(tries) FROM invitations WHERE name LIKE 'calm%'"), 0);
}

static void flood__by_a_guest__keeps_nobody_out(void **state)
{
        struct flood flood = { .client = guest, .topic = "sconce-pki/guest/request", .payload = "{\"body\":\"x\"}" };

        (void)state;
        assert_lives_through(&flood, "patient");
}

static void flood__in_the_names_of_all__keeps_nobody_out(void **state)
{
        struct asker *nobody = asker_of_code(invite("nobody"));
        struct flood flood = { .client = guest, .payload = wrong_request(nobody) };

        (void)state;
        assert_lives_through(&flood, "stoic");
}

/* The wrong key is refused by the broker: who guesses at the door is not heard behind it. */
static void flood__at_the_door__does_not_reach_the_signer(void **state)
{
        struct asker *asker = asker_of_code(invite("locked")), wrong = *asker;
        EVP_PKEY *key = asker_key();
        size_t lines = count_lines(joining.signer);

        (void)state;
        wrong.keys.psk[0] = wrong.keys.psk[0] == '0' ? '1' : '0';
        for (unsigned i = 0; i < flood_size() / 10; i++)
                assert_false(asker_is_let_in(&wrong, joining.door.number));
        asker_use(asker, asker_at_door(asker, joining.door.number));
        assert_is_nodes(asker_ask(asker, join_request(asker, key)), "locked", key);
        assert_int_equal(count_lines(joining.signer) - lines, 1);
        assert_int_equal(registry_sql("SELECT tries FROM invitations WHERE name = 'locked'"), 0);
}

#define TEST(function)         cmocka_unit_test_setup_teardown(function, begin, joining_finish)
#define TEST_LAWLESS(function) cmocka_unit_test_setup_teardown(function, begin_lawless, finish_lawless)

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
        TEST(guests__topics_of_others__neither_write_nor_read),
        TEST_LAWLESS(guest__without_a_list__fools_nobody),
        TEST_LAWLESS(broker_between__each_part_of_an_answer_changed__the_genuine_one_counts),
        TEST(flood__by_who_has_a_code__ends_that_code_alone),
        TEST(flood__by_a_guest__keeps_nobody_out),
        TEST(flood__at_the_door__does_not_reach_the_signer),
        TEST_LAWLESS(flood__in_the_names_of_all__keeps_nobody_out),
};

STAGE_MAIN(tests, open_all)
