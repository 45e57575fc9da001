/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that must not be trusted, on either side. Each is refused with its reason in the log; the agent goes on
 * trying, and the house goes on meanwhile: a lamp with power_on = on and max_on goes off by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/crl.h"
#include "system/stage.h"
#include "util/cleanup.h"

static const char timed_lamp[] = "[lamp cellar]\nline = GPIO5\npower_on = on\nmax_on = 300ms\n";

/* The node "attic" with its lamp; `cert` NULL: its own. */
static struct daemon *attic_with(const struct broker *broker, const char *cert)
{
        return daemon_new(&(struct daemon_options){
                .name = "attic", .broker = broker, .pki = stage.pki, .cert = cert, .devices = timed_lamp });
}

static const char *made(struct cert cert, const char *side, const char *name, bool foreign)
{
        cert.base = work_path("%s-%s", side, name);
        cert.issuer = foreign ? work_path("foreign") : pki_ca(stage.pki);
        cert_make(&cert);
        return cert.base;
}

static struct daemon *attic_at(const char *host, unsigned port, const char *tls);

/* The daemon runs, states why it cannot get in, tries again, and the lamp has gone off. */
static void refused(struct daemon *daemon, const char *const reasons[2])
{
        daemon_start(daemon);
        chip_wait(daemon->lines, SPARE, 1);
        for (int attempt = 0; attempt < 2; attempt++) {
                const char *line = process_wait_log(daemon->process, reasons[0], SOON_MS);
                if (reasons[1] && !strstr(line, reasons[1]))
                        give_up("\"%s\" lacks \"%s\"", line, reasons[1]);
        }
        chip_wait(daemon->lines, SPARE, 0);
        assert_true(process_running(daemon->process));
        assert_false(process_logged(daemon->process, "max_on has no"));
        assert_int_equal(client_count(stage.tester, "sconce/attic/status"), 0);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- The broker's certificate ------------------------------------------------------------------------------------ */

static const struct broker_case {
        const char *name;
        struct cert cert;
        bool foreign;
        const char *reasons[2]; /* words of one line */
} broker_cases[] = {
        { "expired",
          { .cn = "localhost", .sans = "DNS:localhost", .from_s = -10 * DAY_S, .until_s = -DAY_S },
          false,
          { "expired" } },
        { "not_yet_valid",
          { .cn = "localhost", .sans = "DNS:localhost", .from_s = DAY_S, .until_s = 10 * DAY_S },
          false,
          { "not yet valid", "clock" } },
        { "foreign_ca", { .cn = "localhost", .sans = "DNS:localhost" }, true, { "unknown" } },
        { "wrong_name", { .cn = "broker.lan", .sans = "DNS:broker.lan" }, false, { "localhost", "broker.lan" } },
        { "common_name_only", { .cn = "localhost" }, false, { "common name", "sconce-pki" } },
        { "address_for_a_name", { .cn = "localhost", .sans = "IP:127.0.0.1" }, false, { "localhost" } },
};

static void broker_certificate__bad__is_refused_with_its_reason(void **state)
{
        const struct broker_case *row = *state;
        const char *cert = made(row->cert, "broker", row->name, row->foreign);
        struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki, .cert = cert });

        refused(attic_with(broker, NULL), row->reasons);
        broker_free(broker);
}

static void broker_certificate__revoked__is_refused_with_its_reason(void **state)
{
        const char *const reasons[2] = { "revoked", NULL };

        (void)state;
        PKI_RUN(stage.pki, "broker", "old.lan", "localhost");
        struct broker *broker = broker_new(
                &(struct broker_options){ .pki = stage.pki, .cert = pki_issued(stage.pki, "old.lan") });
        PKI_RUN(stage.pki, "revoke", "old.lan");
        refused(attic_with(broker, NULL), reasons);
        broker_free(broker);
}

/* ---- What TLS 1.2 has left of before ---------------------------------------------------------------------------- */

/* Only the ciphers differ from a broker that would be let in as far as the handshake goes. */
static void broker__no_forward_secrecy__is_refused(void **state)
{
        static const char *const ciphers[] = { "AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA256",
                                               "ECDHE-RSA-AES256-SHA" };
        const char *const reasons[2] = { "the broker finds no common cipher", NULL };
        const char *key = work_path("rsa.key"), *crt = work_path("rsa.crt");
        int status;

        (void)state;
        process_free(process_run((const char *const[]){ "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                                                        "-subj", "/CN=localhost", "-keyout", key, "-out", crt, NULL },
                                 NULL, &status));
        assert_int_equal(status, 0);
        for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
                struct port port = port_reserve();
                char at[32];
                (void)snprintf(at, sizeof(at), "127.0.0.1:%u", port.number);
                port_release(&port);
                struct process *server = process_start((const char *const[]){ "openssl", "s_server", "-accept", at,
                                                                              "-cert", crt, "-key", key, "-tls1_2",
                                                                              "-quiet", "-cipher", ciphers[i], NULL },
                                                       NULL);
                refused(attic_at("127.0.0.1", port.number, NULL), reasons);
                process_free(server);
        }
}

/* ---- A chain ----------------------------------------------------------------------------------------------------- */

static const char *joined(const char *name, const char *first, const char *second)
{
        CLEANUP_FREE char *a = read_file(first), *b = second ? read_file(second) : strdup("");

        write_file(work_path("%s", name), "%s%s", a, b);
        return work_path("%s", name);
}

/* A broker whose certificate comes from "mid", which comes from "top"; `crl` is what the node goes by. */
static struct daemon *attic_below_mid(struct broker **ret_broker, const char *crl)
{
        CLEANUP_FREE char *tls = NULL, *key = read_file(work_path("leaf.key"));

        (void)joined("chain.crt", work_path("leaf.crt"), work_path("mid.crt"));
        write_file(work_path("chain.key"), "%s", key);
        *ret_broker = broker_new(&(struct broker_options){ .pki = stage.pki, .cert = work_path("chain") });
        assert_true(asprintf(&tls, "ca = %s\ncrl = %s\ncert = %s.crt\nkey = %s.key\n", work_path("top.crt"), crl,
                             pki_issued(stage.pki, "attic"), pki_issued(stage.pki, "attic")) > 0);
        return daemon_new(&(struct daemon_options){
                .name = "attic", .broker = *ret_broker, .tls = keep_text(strdup(tls)), .devices = timed_lamp });
}

static int make_chain(void **state)
{
        cert_make(&(struct cert){ .base = work_path("top"), .cn = "Top", .is_ca = true });
        cert_make(&(struct cert){ .base = work_path("mid"), .cn = "Mid", .issuer = work_path("top"), .is_ca = true });
        cert_make(&(struct cert){
                .base = work_path("leaf"), .cn = "localhost", .sans = "DNS:localhost", .issuer = work_path("mid") });
        crl_make(work_path("mid.pem"), work_path("mid"), NULL, DAY_S);
        return stage_forget(state);
}

static void broker_chain__intermediate_revoked__is_refused(void **state)
{
        const char *const reasons[2] = { "a CA of the broker's certificate (CN=Mid) is revoked", NULL };
        struct broker *broker;

        (void)state;
        crl_make(work_path("top.pem"), work_path("top"), work_path("mid"), DAY_S);
        refused(attic_below_mid(&broker, joined("both.pem", work_path("top.pem"), work_path("mid.pem"))), reasons);
        broker_free(broker);
}

static void broker_chain__no_list_of_the_root__is_accepted(void **state)
{
        struct broker *broker;

        (void)state;
        struct daemon *daemon = attic_below_mid(&broker, work_path("mid.pem"));
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "connected to localhost", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static void broker_chain__no_list_of_its_issuer__is_refused(void **state)
{
        const char *const reasons[2] = { "does not belong to the broker's CA", NULL };
        struct broker *broker;

        (void)state;
        crl_make(work_path("top.pem"), work_path("top"), NULL, DAY_S);
        refused(attic_below_mid(&broker, work_path("top.pem")), reasons);
        broker_free(broker);
}

/* ---- Our certificate --------------------------------------------------------------------------------------------- */

static const struct own_case {
        const char *name;
        struct cert cert;
        bool foreign;
        const char *reasons[2];
} own_cases[] = {
        { "expired",
          { .cn = "attic", .from_s = -10 * DAY_S, .until_s = -DAY_S },
          false,
          { "our certificate was refused", "expired" } },
        { "not_yet_valid",
          { .cn = "attic", .from_s = DAY_S, .until_s = 10 * DAY_S },
          false,
          { "our certificate was refused", "not yet valid" } },
        { "foreign_ca", { .cn = "attic" }, true, { "our certificate was refused", NULL } },
};

static void own_certificate__bad__is_refused_with_its_reason(void **state)
{
        const struct own_case *row = *state;

        refused(attic_with(stage.broker, made(row->cert, "own", row->name, row->foreign)), row->reasons);
}

static void own_certificate__revoked__is_refused_with_its_reason(void **state)
{
        const char *const reasons[2] = { "our certificate was refused", "revoked" };

        (void)state;
        PKI_RUN(stage.pki, "node", "barn");
        PKI_RUN(stage.pki, "revoke", "barn");
        struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki });
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "barn", .broker = broker, .pki = stage.pki, .devices = timed_lamp });
        refused(daemon, reasons);
        broker_free(broker);
}

/* A wrong name on our side: the broker lets us in, as whom the certificate names, and that is not who we claim to
 * be. */
static void own_certificate__of_another_node__may_do_nothing_and_gives_the_reason(void **state)
{
        struct daemon *daemon = attic_with(stage.broker, pki_issued(stage.pki, "hall"));

        (void)state;
        daemon_start(daemon);
        chip_wait(daemon->lines, SPARE, 1);
        const char *line = process_wait_log(daemon->process, "the broker refuses what we publish (not authorized)",
                                            SOON_MS);
        assert_non_null(strstr(line, "our certificate is for \"hall\""));
        chip_wait(daemon->lines, SPARE, 0);
        assert_true(process_running(daemon->process));
        daemon_stop(daemon);
        client_send(stage.tester, "sconce/attic/none/get", "");
        (void)client_wait_text(stage.tester, "sconce/attic/none/get", "");
        assert_int_equal(client_count(stage.tester, "sconce/attic/status"), 0);
        assert_int_equal(client_count(stage.tester, "sconce/attic/info"), 0);
        daemon_free(daemon);
}

/* ---- What is accepted -------------------------------------------------------------------------------------------- */

static void accepted(struct daemon *daemon)
{
        client_forget(stage.tester);
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        chip_wait(daemon->lines, SPARE, 0);
        daemon_stop(daemon);
        daemon_free(daemon);
}

static struct daemon *attic_at(const char *host, unsigned port, const char *tls)
{
        char url[64];

        (void)snprintf(url, sizeof(url), "mqtts://%s:%u", host, port);
        return daemon_new(&(struct daemon_options){
                .name = "attic", .url = keep_text(strdup(url)), .pki = stage.pki, .tls = tls, .devices = timed_lamp });
}

static void broker_address__in_the_ip_names__is_accepted(void **state)
{
        (void)state;
        accepted(attic_at("127.0.0.1", stage.broker->port.number, NULL));
}

/* What makes a broker's certificate worthless is all that a client's needs: the broker looks for no host in it. */
static void own_certificate__common_name_only__is_accepted(void **state)
{
        (void)state;
        accepted(attic_with(stage.broker, made((struct cert){ .cn = "attic" }, "own", "cn-only", false)));
}

static void accepted_as(const char *host, const char *tls, const char *sni)
{
        struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);

        accepted(attic_at(host, wire_port(wire), tls));
        assert_string_equal(wire_wait_sni(wire), sni);
        wire_free(wire);
}

static void server_name__configured__is_verified_and_sent(void **state)
{
        (void)state;
        accepted_as("127.0.0.1", "server_name = localhost\n", "localhost");
}

static void url_host__is_sent_as_server_name(void **state)
{
        (void)state;
        accepted_as("localhost", NULL, "localhost");
}

static void node__publishing_as_another__is_denied(void **state)
{
        struct client *hall = stage_client("hall", "hall-by-hand");

        (void)state;
        client_forget(stage.tester);
        enum { NOT_AUTHORISED = 0x87 };
        const char *const foreign[] = { "sconce/attic/status", "sconce/attic/lamp/set", "sconce/attic/lamp/state",
                                        "homeassistant/device/attic/lamp/config", "sconce/hallway/status" };
        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
                int reason = client_publish_acked(hall, &(struct request){ .topic = foreign[i], .payload = "offline" });
                assert_int_equal(reason, NOT_AUTHORISED);
        }
        assert_int_not_equal(
                client_publish_acked(hall, &(struct request){ .topic = "sconce/hall/own/state", .payload = "{}" }),
                NOT_AUTHORISED);
        (void)client_wait(stage.tester, "sconce/hall/own/state", NULL, NULL);
        assert_int_equal(client_count(stage.tester, "sconce/attic/#"), 0);
        client_free(hall);
}

static void node__listening_to_another__hears_nothing(void **state)
{
        struct client *hall = stage_client("hall", "hall-by-hand");

        (void)state;
        client_subscribe(hall, "sconce/#");
        client_send(stage.tester, "sconce/attic/lamp/set", "ON");
        client_send(stage.tester, "sconce/hall/lamp/set", "ON");
        (void)client_wait_text(hall, "sconce/hall/lamp/set", "ON");
        assert_int_equal(client_count(hall, "sconce/attic/#"), 0);
        client_free(hall);
}

/* sconce/reply is where answers go. */
static void own_certificate__reserved_name__is_refused(void **state)
{
        static const char *const names[] = { "reply", "all", "Reply" };
        int status;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct daemon *daemon = daemon_new(&(struct daemon_options){
                        .name = "attic",
                        .broker = stage.broker,
                        .pki = stage.pki,
                        .devices = timed_lamp,
                        .cert = made((struct cert){ .cn = names[i] }, "own", names[i], false) });
                process_free(
                        process_run((const char *const[]){ "sed", "-i", "/^name = attic$/d", daemon->config, NULL },
                                    NULL, &status));
                daemon_start(daemon);
                (void)process_wait_log(daemon->process, "is reserved: set [node] name", SOON_MS);
                daemon_free(daemon);
        }
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        cert_make(&(struct cert){ .base = work_path("foreign"), .cn = "Foreign CA", .is_ca = true });
        return 0;
}

#define ROW(prefix, function, row)                                                                                     \
        (struct CMUnitTest)                                                                                            \
        {                                                                                                              \
                .name = keep_name(prefix, (row)->name), .test_func = (function), .teardown_func = stage_tidy,          \
                .initial_state = (void *)(uintptr_t)(row)                                                              \
        }

static const char *keep_name(const char *prefix, const char *name)
{
        static char names[32][96];
        static size_t n;

        (void)snprintf(names[n], sizeof(names[n]), "%s__%s__is_refused_with_its_reason", prefix, name);
        return names[n++];
}

int main(void)
{
        const struct CMUnitTest fixed[] = {
                STAGE_TEST(broker_certificate__revoked__is_refused_with_its_reason, stage_forget),
                STAGE_TEST(own_certificate__revoked__is_refused_with_its_reason, stage_forget),
                STAGE_TEST(own_certificate__reserved_name__is_refused, stage_forget),
                STAGE_TEST(broker__no_forward_secrecy__is_refused, stage_forget),
                STAGE_TEST(broker_chain__intermediate_revoked__is_refused, make_chain),
                STAGE_TEST(broker_chain__no_list_of_the_root__is_accepted, make_chain),
                STAGE_TEST(broker_chain__no_list_of_its_issuer__is_refused, make_chain),
                STAGE_TEST(own_certificate__of_another_node__may_do_nothing_and_gives_the_reason, stage_forget),
                STAGE_TEST(own_certificate__common_name_only__is_accepted, stage_forget),
                STAGE_TEST(broker_address__in_the_ip_names__is_accepted, stage_forget),
                STAGE_TEST(server_name__configured__is_verified_and_sent, stage_forget),
                STAGE_TEST(url_host__is_sent_as_server_name, stage_forget),
                STAGE_TEST(node__publishing_as_another__is_denied, stage_forget),
                STAGE_TEST(node__listening_to_another__hears_nothing, stage_forget),
        };
        static struct CMUnitTest tests[ARRAY_SIZE(broker_cases) + ARRAY_SIZE(own_cases) + ARRAY_SIZE(fixed)];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(broker_cases); i++)
                tests[n++] = ROW("broker_certificate", broker_certificate__bad__is_refused_with_its_reason,
                                 &broker_cases[i]);
        for (size_t i = 0; i < ARRAY_SIZE(own_cases); i++)
                tests[n++] = ROW("own_certificate", own_certificate__bad__is_refused_with_its_reason, &own_cases[i]);
        memcpy(&tests[n], fixed, sizeof(fixed));
        return stage_run(tests, ARRAY_SIZE(tests), open_stage);
}
