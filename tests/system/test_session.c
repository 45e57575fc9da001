/* SPDX-License-Identifier: Apache-2.0 */
/* The bus's session against a real mosquitto: plain, over a unix socket, over mutual TLS with every bad
 * certificate. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "bus/resolve.h"
#include "fakes/fake_broker.h"
#include "fakes/in_range.h"
#include "fakes/session_probe.h"
#include "system/broker.h"
#include "system/certs.h"
#include "system/client.h"
#include "system/crl.h"
#include "system/stage.h"
#include "system/workdir.h"

static struct probe probe;
static struct fake_broker fake;
static SSL_CTX *fake_tls;

/* Every name is this machine, over IPv4. */
static int look_up_here(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        (void)node;
        return getaddrinfo("127.0.0.1", service, hints, ret);
}

static int setup(void **state)
{
        (void)state;
        workdir_make();
        resolve_set_lookup(look_up_here);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        if (probe.loop.event)
                probe_done(&probe);
        memset(&probe, 0, sizeof(probe));
        fake_broker_stop(&fake);
        SSL_CTX_free(fake_tls);
        fake_tls = NULL;
        client_free_all();
        broker_free_all_but(NULL);
        process_free_all();
        workdir_remove();
        return 0;
}

static void serve_children(void)
{
        pump_once(0);
}

static const char *url(const char *scheme, const char *host, unsigned port)
{
        char *text = NULL;

        if (asprintf(&text, "%s://%s:%u", scheme, host, port) < 0)
                give_up("out of memory");
        return keep_text(text);
}

static void begin(const char *address)
{
        probe_init(&probe, address);
        probe.meanwhile = serve_children;
}

static void send_back(struct probe *p, const struct session_message *message)
{
        if (strcmp(message->topic, "t/back") != 0)
                assert_int_equal(probe_publish(p, "t/back", "got it", 1), 0);
}

/* ---- Plain --------------------------------------------------------------------------------------------- */

static void session__plain_broker__echoes(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *client = client_new(&(struct client_options){ .id = "a", .port = broker->port.number });

        (void)state;
        client_subscribe(client, "t/back");
        begin(url("mqtt", "localhost", broker->port.number));
        probe.subscriptions[0] = "t/in";
        probe.on_message = send_back;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
        assert_int_equal(session_receive_maximum(probe.session), 20);

        client_publish(client, &(struct request){ .topic = "t/in",
                                                  .payload = "hello",
                                                  .response_topic = "t/r",
                                                  .correlation = "42",
                                                  .expiry_s = 9 });
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_string_equal(probe.topic, "t/in");
        assert_string_equal(probe.payload, "hello");
        assert_string_equal(probe.response_topic, "t/r");
        assert_string_equal(probe.correlation, "42");
        assert_uint_in_range(probe.expiry_s, 1, 9);
        assert_false(probe.retain);
        (void)client_wait_text(client, "t/back", "got it");
        assert_true(probe_until(&probe, probe_acknowledged, 1));
        assert_int_equal(probe.ack_reason, 0);
        assert_int_equal(session_in_flight(probe.session), 0);
        broker_free(broker);
}

static void session__broker_killed_twice__comes_back(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);

        (void)state;
        begin(url("mqtt", "127.0.0.1", broker->port.number));
        probe.subscriptions[0] = "t/in";
        probe_start(&probe);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                assert_true(session_is_connected(probe.session));
                assert_int_equal(session_last_fault(probe.session)->code, 0);
                if (i == 3)
                        break;
                broker_kill(broker);
                assert_true(probe_until(&probe, probe_disconnected, i));
                assert_string_equal(probe.why, "the broker closed the connection");
                assert_int_equal(probe_publish(&probe, "t/x", "lost", 1), -ENOTCONN);
                broker_start(broker);
        }
        broker_free(broker);
}

static void session__unix_socket__connects(void **state)
{
        struct broker *broker = broker_new_plain("listener 0 DIR/s\nallow_anonymous true\nlistener PORT 127.0.0.1\n");
        char address[256];

        (void)state;
        (void)snprintf(address, sizeof(address), "unix://%s/s", broker->dir);
        begin(address);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(session_peer(probe.session) + strlen(broker->dir), "/s, MQTT 5, no TLS");
        broker_free(broker);
}

static void session_stop__message_in_flight__is_delivered(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *client = client_new(&(struct client_options){ .id = "a", .port = broker->port.number });

        (void)state;
        client_subscribe(client, "t/#");
        begin(url("mqtt", "127.0.0.1", broker->port.number));
        probe.options.will_topic = "t/will";
        probe.options.will_payload = "offline";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/last", "bye", 1), 0);
        probe_stop(&probe);
        assert_false(probe.stopped);
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_acknowledged, 1);
        assert_int_equal(probe.n_disconnected, 1);
        (void)client_wait_text(client, "t/last", "bye");
        client_send(client, "t/end", "1");
        (void)client_wait_text(client, "t/end", "1");
        assert_int_equal(client_count(client, "t/will"), 0);
        broker_free(broker);
}

/* ---- Mutual TLS ---------------------------------------------------------------------------------------- */

static const char *make_cert(const char *name, struct cert cert)
{
        cert.base = work_path("%s", name);
        cert.cn = cert.cn ? cert.cn : name;
        cert_make(&cert);
        return cert.base;
}

static const char *file_of(const char *base, const char *suffix)
{
        char *text = NULL;

        if (asprintf(&text, "%s%s", base, suffix) < 0)
                give_up("out of memory");
        return keep_text(text);
}

/* ca, broker and node as they should be; a test replaces what it is about. */
struct pair {
        const char *ca, *broker, *node;
        struct broker *mosquitto;
};

static struct pair make_pair(void)
{
        struct pair pair = { 0 };

        pair.ca = make_cert("ca", (struct cert){ .is_ca = true });
        pair.broker = make_cert("broker", (struct cert){ .issuer = pair.ca, .sans = "DNS:broker.lan,IP:127.0.0.1" });
        pair.node = make_cert("node", (struct cert){ .issuer = pair.ca });
        return pair;
}

static void start_tls_broker(struct pair *pair, const char *extra)
{
        char config[2048];

        (void)snprintf(config, sizeof(config),
                       "listener PORT 127.0.0.1\ncafile %s.crt\ncertfile %s.crt\nkeyfile "
                       "%s.key\nallow_anonymous true\nrequire_certificate true\nuse_identity_as_username "
                       "true\n%s",
                       pair->ca, pair->broker, pair->broker, extra);
        pair->mosquitto = broker_new_plain(config);
}

static void begin_tls(const struct pair *pair, const char *host)
{
        begin(url("mqtts", host, pair->mosquitto ? pair->mosquitto->port.number : fake.port));
        probe.tls = (struct tls_options){ .ca = file_of(pair->ca, ".crt"),
                                          .cert = file_of(pair->node, ".crt"),
                                          .key = file_of(pair->node, ".key") };
        probe.options.tls = &probe.tls;
}

/* The text of a failed attempt after "cannot connect to broker.lan (127.0.0.1:PORT): ", DATE standing for a
 * date. */
static void assert_reason(unsigned attempt, const char *expected)
{
        const char *text = strstr(probe_failure(&probe, attempt), "): ");
        const char *date = strstr(expected, "DATE");

        if (!text)
                fail_msg("no attempt failed as expected: %s", probe.log);
        text += 3;
        if (!date) {
                assert_string_equal(text, expected);
                return;
        }
        assert_memory_equal(text, expected, (size_t)(date - expected));
        assert_int_equal(text[(date - expected) + 4], '-');
        assert_string_equal(text + (date - expected) + strlen("2026-11-22 19:30 UTC"), date + 4);
}

static void session__mutual_tls__connects(void **state)
{
        struct pair pair = make_pair();
        const char *peer = NULL;
        long days;

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe.subscriptions[0] = "t/back";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        peer = strchr(session_peer(probe.session), ')');
        assert_string_equal(peer, "), MQTT 5, TLSv1.3");
        assert_int_equal(probe_publish(&probe, "t/back", "over TLS", 1), 0);
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_string_equal(probe.payload, "over TLS");
        assert_string_equal(tls_certificate_name(session_tls(probe.session)), "node");
        assert_true(tls_certificate_days(session_tls(probe.session), &days));
        assert_uint_in_range(days, 0, 1);
        broker_free(pair.mosquitto);
}

static void session__address_with_ip_san__connects(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "127.0.0.1");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe.n_failed, 0);
        broker_free(pair.mosquitto);
}

static const struct broker_case {
        const char *name;
        const char *host;
        struct cert cert;
        bool foreign;
        const char *reason;
} broker_cases[] = {
        { "broker_certificate__expired__is_refused",
          "broker.lan",
          { .sans = "DNS:broker.lan", .from_s = -9 * DAY_S, .until_s = -60 },
          false,
          "the broker's certificate expired on DATE: renew it with sconce-pki renew, and reload the broker" },
        { "broker_certificate__not_yet_valid__is_refused",
          "broker.lan",
          { .sans = "DNS:broker.lan", .from_s = DAY_S, .until_s = 9 * DAY_S },
          false,
          "the broker's certificate is not yet valid, only from DATE on: is this machine's clock right?" },
        { "broker_certificate__foreign_ca__is_refused",
          "broker.lan",
          { .sans = "DNS:broker.lan" },
          true,
          "the broker's certificate comes from an unknown CA (CN=foreign): does [tls] ca belong to this "
          "broker? It sends its own certificate alone: if an intermediate CA signed that, the broker's certificate "
          "file must have the intermediate's too" },
        { "broker_certificate__wrong_name__is_refused",
          "broker.lan",
          { .sans = "DNS:other.lan,DNS:www.broker.lan,IP:192.168.7.1,IP:fd00::1" },
          false,
          "the broker's certificate is not for broker.lan but for other.lan, www.broker.lan, 192.168.7.1, "
          "fd00::1: use one of these, or add the name with sconce-pki renew other.lan broker.lan" },
        { "broker_certificate__partial_wildcard__is_refused",
          "broker.home.lan",
          { .sans = "DNS:bro*.home.lan" },
          false,
          "the broker's certificate is not for broker.home.lan but for bro*.home.lan: use one of these, or "
          "have one issued that is for broker.home.lan, too" },
        { "broker_certificate__name_for_an_address__is_refused",
          "127.0.0.1",
          { .sans = "DNS:broker.lan,DNS:127.0.0.1" },
          false,
          NULL },
        { "broker_certificate__cn_only__is_refused",
          "broker.lan",
          { .cn = "broker.lan" },
          false,
          "the broker's certificate has no subjectAltName, and its common name (CN=broker.lan) is not used: "
          "make a new one with sconce-pki broker broker.lan" },
        { "broker_certificate__mail_address_only__is_refused",
          "broker.lan",
          { .cn = "broker.lan", .sans = "email:a@broker.lan" },
          false,
          "the broker's certificate has no subjectAltName, and its common name (CN=broker.lan) is not used: "
          "make a new one with sconce-pki broker broker.lan" },
};

static void session__bad_broker_certificate__is_refused_with_its_reason(void **state)
{
        const struct broker_case *row = *state;
        struct pair pair = make_pair();
        struct cert cert = row->cert;

        cert.issuer = row->foreign ? make_cert("foreign", (struct cert){ .is_ca = true }) : pair.ca;
        pair.broker = make_cert("bad", cert);
        start_tls_broker(&pair, "");
        begin_tls(&pair, row->host);
        probe_start(&probe);
        /* Not the MQTT version's fault, and tried again. */
        assert_true(probe_until(&probe, probe_failed, 3));
        assert_int_equal(probe.n_connected, 0);
        if (row->reason)
                assert_reason(0, row->reason);
        else
                assert_non_null(strstr(probe_failure(&probe, 0),
                                       "the broker's certificate is not for 127.0.0.1 but for a DNS name"));
        assert_string_equal(probe_failure(&probe, 1), probe_failure(&probe, 0));
        assert_int_equal(probe_logged(&probe, "cannot connect"), 1);
        assert_int_equal(session_last_fault(probe.session)->code, probe.failures[0].code);
        broker_free(pair.mosquitto);
}

static void session__self_signed_broker__is_refused_with_its_reason(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        pair.broker = make_cert("broker.lan", (struct cert){ .sans = "DNS:broker.lan" });
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker's certificate (CN=broker.lan) is self-signed, not signed by the CA of "
                         "[tls] ca: make one with sconce-pki broker broker.lan");
        broker_free(pair.mosquitto);
}

static void session__crl__revokes_even_when_outdated(void **state)
{
        static const long until_s[] = { DAY_S, -DAY_S };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(until_s); i++) {
                struct pair pair = make_pair();
                const char *crl = work_path("crl.pem");
                char expected[512];

                crl_make(crl, pair.ca, pair.broker, until_s[i]);
                start_tls_broker(&pair, "");
                begin_tls(&pair, "broker.lan");
                probe.tls.crl = crl;
                probe_start(&probe);
                assert_true(probe_until(&probe, probe_failed, 1));
                (void)snprintf(expected, sizeof(expected),
                               "the broker's certificate (CN=broker) is revoked according to %s", crl);
                assert_reason(0, expected);

                /* The list is replaced by one that revokes nobody: read again without a restart, outdated or
                 * not. */
                crl_make(crl, pair.ca, NULL, until_s[i]);
                assert_true(probe_until(&probe, probe_connected, 1));
                assert_int_equal(probe_logged(&probe, "is out of date"), i == 0 ? 0 : 2);
                probe_done(&probe);
                probe.loop.event = NULL;
                broker_free(pair.mosquitto);
        }
}

static void session__crl_of_another_ca__is_refused_with_its_reason(void **state)
{
        struct pair pair = make_pair();
        const char *foreign = make_cert("foreign", (struct cert){ .is_ca = true });
        char expected[512];

        (void)state;
        crl_make(work_path("crl.pem"), foreign, NULL, DAY_S);
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe.tls.crl = work_path("crl.pem");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        (void)snprintf(
                expected, sizeof(expected),
                "the revocation list %s does not belong to the broker's CA (CN=ca): get the one that belongs to it",
                probe.tls.crl);
        assert_reason(0, expected);
        broker_free(pair.mosquitto);
}

static const struct own_case {
        const char *name;
        struct cert cert;
        bool foreign;
        const char *reason;
} own_cases[] = {
        { "own_certificate__expired__is_reported",
          { .from_s = -9 * DAY_S, .until_s = -60 },
          false,
          "our certificate was refused by the broker: it has expired; renew it with sconce-pki renew" },
        { "own_certificate__not_yet_valid__is_reported",
          { .from_s = DAY_S, .until_s = 9 * DAY_S },
          false,
          "our certificate was refused by the broker: it is not yet valid, by this machine's clock: is that "
          "right?" },
        { "own_certificate__foreign_ca__is_reported",
          { 0 },
          true,
          "our certificate was refused by the broker: it does not know the CA that signed it; do both come "
          "from one sconce-pki?" },
};

static void session__bad_own_certificate__reports_what_the_broker_answers(void **state)
{
        const struct own_case *row = *state;
        struct pair pair = make_pair();
        struct cert cert = row->cert;

        cert.issuer = row->foreign ? make_cert("foreign", (struct cert){ .is_ca = true }) : pair.ca;
        pair.node = make_cert("bad", cert);
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_reason(0, row->reason);
        assert_reason(1, row->reason);
        assert_int_equal(probe.n_connected, 0);
        /* An alert is no reason to try an older MQTT. */
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);

        /* The files are renewed where they are: the next attempt uses them. */
        (void)make_cert("bad", (struct cert){ .issuer = pair.ca });
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_logged(&probe, "certificates changed: loaded again"), 1);
        broker_free(pair.mosquitto);
}

static void session__own_certificate_revoked__reports_it(void **state)
{
        struct pair pair = make_pair();
        char extra[512];

        (void)state;
        crl_make(work_path("crl.pem"), pair.ca, pair.node, DAY_S);
        (void)snprintf(extra, sizeof(extra), "crlfile %s\n", work_path("crl.pem"));
        start_tls_broker(&pair, extra);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "our certificate was refused by the broker: it is revoked; make a new one with "
                         "sconce-pki node (or client)");
        broker_free(pair.mosquitto);
}

static void session__brokers_crl_outdated__is_guessed(void **state)
{
        struct pair pair = make_pair();
        char extra[512];

        (void)state;
        crl_make(work_path("crl.pem"), pair.ca, NULL, -DAY_S);
        (void)snprintf(extra, sizeof(extra), "crlfile %s\n", work_path("crl.pem"));
        start_tls_broker(&pair, extra);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "our certificate was refused by the broker as expired, which it is not: is the "
                         "broker's clock right, and its revocation list (crlfile) up to date?");
        broker_free(pair.mosquitto);
}

static void session__no_client_certificate__shows_what_to_set(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe.tls.cert = probe.tls.key = NULL;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker wants a client certificate: set [tls] cert and key");
        broker_free(pair.mosquitto);
}

static void session__server_name__is_what_is_verified(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "tunnel.example");
        probe.tls.server_name = "broker.lan";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe.n_failed, 0);
        broker_free(pair.mosquitto);
}

static const char *pin_of(const char *base)
{
        char command[512], digest[64] = "";
        char *text = NULL;

        (void)snprintf(command, sizeof(command),
                       "openssl x509 -in %s.crt -noout -pubkey | openssl pkey -pubin -outform DER | openssl "
                       "dgst -sha256 -binary | openssl base64",
                       base);
        FILE *pipe = popen(command, "re");
        if (!pipe || !fgets(digest, sizeof(digest), pipe) || pclose(pipe) != 0)
                give_up("cannot make a pin");
        digest[strcspn(digest, "\n")] = '\0';
        if (asprintf(&text, "sha256//%s", digest) < 0)
                give_up("out of memory");
        return keep_text(text);
}

static void session__pin__replaces_the_name_alone(void **state)
{
        struct pair pair = make_pair();
        const char *good = pin_of(pair.broker), *bad = pin_of(pair.node);

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "wrong.lan");
        probe.tls.pin = good;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe.n_failed, 0);
        probe_done(&probe);

        begin_tls(&pair, "broker.lan");
        probe.tls.pin = bad;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker's public key is not the one of [tls] pin: if the broker got a new key, "
                         "pin that one");
        probe_done(&probe);

        /* The chain still holds. */
        begin_tls(&pair, "broker.lan");
        probe.tls.pin = good;
        probe.tls.ca = file_of(make_cert("foreign", (struct cert){ .is_ca = true }), ".crt");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker's certificate comes from an unknown CA (CN=ca): does [tls] ca belong to "
                         "this broker?");
        broker_free(pair.mosquitto);
}

static void session__tls_to_plain_port__reports_it(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        pair.mosquitto = broker_new_plain(BROKER_OPEN);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker closed the connection during the TLS handshake: is that its TLS port (8883)?");
        broker_free(pair.mosquitto);
}

static void session__plain_to_tls_port__reports_it(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin(url("mqtt", "broker.lan", pair.mosquitto->port.number));
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker closed the connection without an answer: does it want TLS (mqtts://), or "
                         "is this no MQTT broker?");
        broker_free(pair.mosquitto);
}

static void session__broken_renewal__keeps_what_works(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        write_file(probe.tls.cert, "half a certif");
        broker_kill(pair.mosquitto);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        broker_start(pair.mosquitto);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(probe_logged(&probe, "holds no certificate (PEM); the previous version stays in use"), 1);
        broker_free(pair.mosquitto);
}

static void session__tls_broker_killed_twice__comes_back(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                if (i == 3)
                        break;
                broker_kill(pair.mosquitto);
                assert_true(probe_until(&probe, probe_disconnected, i));
                assert_true(probe_until(&probe, probe_failed, 1));
                assert_reason(0, "connection refused: is the broker running there, on that port?");
                broker_start(pair.mosquitto);
        }
        broker_free(pair.mosquitto);
}

static void session__key_appears_later__connects_then(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        assert_int_equal(chmod(probe.tls.key, 0644), 0);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_non_null(
                strstr(probe_failure(&probe, 0), "is open to every user of this machine (mode 0644): chmod o= "));
        assert_int_equal(chmod(probe.tls.key, 0640), 0);
        assert_true(probe_until(&probe, probe_connected, 1));
        broker_free(pair.mosquitto);
}

/* ---- Scripted peers over TLS --------------------------------------------------------------------------- */

static void start_fake(const struct pair *pair, const struct fake_step *steps, size_t n_steps, int max_version)
{
        fake_tls = SSL_CTX_new(TLS_server_method());
        assert_int_equal(SSL_CTX_use_certificate_file(fake_tls, file_of(pair->broker, ".crt"), SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(fake_tls, file_of(pair->broker, ".key"), SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(fake_tls, max_version), 1);
        fake_broker_start(&fake, steps, n_steps, fake_tls);
}

static void session__sni__is_the_configured_name(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };
        static const struct {
                const char *host, *server_name, *sni;
        } table[] = {
                { "broker.lan", NULL, "broker.lan" },
                { "broker.lan.", NULL, "broker.lan" },
                { "tunnel.example", "broker.lan", "broker.lan" },
                { "127.0.0.1", NULL, "" }, /* an address is no server name */
                { "127.0.0.1", "broker.lan", "broker.lan" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct pair pair = make_pair();
                start_fake(&pair, &serve, 1, 0);
                begin_tls(&pair, table[i].host);
                probe.tls.server_name = table[i].server_name;
                probe_start(&probe);
                assert_true(probe_until(&probe, probe_connected, 1));
                assert_string_equal(fake.sni, table[i].sni);
                probe_done(&probe);
                fake_broker_stop(&fake);
                SSL_CTX_free(fake_tls);
                fake_tls = NULL;
        }
        probe.loop.event = NULL;
}

static void session__tls_1_2_broker__connects_unless_1_3_is_wanted(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &serve, 1, TLS1_2_VERSION);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(strchr(session_peer(probe.session), ')'), "), MQTT 5, TLSv1.2");
        probe_done(&probe);

        begin_tls(&pair, "broker.lan");
        probe.tls.min_version = TLS_MIN_1_3;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker speaks no TLS version that is accepted here (see min_version)");
}

static void session__silent_tls_broker__costs_no_cpu(void **state)
{
        static const struct fake_step silent = { .act = FAKE_SILENT };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &silent, 1, 0);
        begin_tls(&pair, "broker.lan");
        probe.options.handshake_timeout_us = 300 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the TLS handshake was not finished within 0.3 s");
        assert_uint_in_range(probe.turns, 1, 10);
}

static void session__tls_black_hole_and_refusal__cost_no_cpu(void **state)
{
        struct pair pair = make_pair();
        struct black_hole hole;

        (void)state;
        black_hole_open(&hole);
        fake.port = hole.port;
        begin_tls(&pair, "broker.lan");
        probe.options.connect_timeout_us = 300 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "no answer within 0.3 s");
        assert_uint_in_range(probe.turns, 1, 10);
        probe_done(&probe);
        black_hole_close(&hole);

        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_reason(0, "connection refused: is the broker running there, on that port?");
        assert_uint_in_range(probe.turns, 1, 20);
}

static void session__closed_after_handshake__falls_back_to_311(void **state)
{
        static const struct fake_step only_311 = { .act = FAKE_SERVE, .only_311 = true };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &only_311, 1, 0);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        /* Closed on 5, accepted 3.1.1, closed on 5 again. */
        assert_int_equal(fake_broker_connections(&fake), 4);
}

/* As a proxy does whose broker is down. */
static void session__closed_after_handshake__reports_that_tls_was_accepted(void **state)
{
        static const struct fake_step steps[] = { { .act = FAKE_CLOSE }, { .act = FAKE_CLOSE }, { .act = FAKE_SERVE } };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, steps, ARRAY_SIZE(steps), 0);
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_reason(0, "the other side accepted TLS and closed the connection before it answered CONNECT: is it a "
                         "proxy whose broker is down, a broker that refuses our certificate without a word, or no "
                         "MQTT broker?");
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
}

static int choose_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_size, const unsigned char *offered,
                       unsigned size, void *userdata)
{
        static const unsigned char wanted[] = "\x0e"
                                              "x-amzn-mqtt-ca";

        (void)ssl;
        (void)userdata;
        if (size != sizeof(wanted) - 1 || memcmp(offered, wanted, size) != 0)
                return SSL_TLSEXT_ERR_ALERT_FATAL;
        *ret = offered + 1;
        *ret_size = offered[0];
        return SSL_TLSEXT_ERR_OK;
}

static void session__alpn__is_asked_for(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &serve, 1, 0);
        SSL_CTX_set_alpn_select_cb(fake.tls, choose_alpn, NULL);
        begin_tls(&pair, "broker.lan");
        probe.tls.alpn = "mqtt";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_reason(0, "the broker does not speak MQTT on this port, or wants another protocol's name ([tls] alpn)");
        probe_done(&probe);
        begin_tls(&pair, "broker.lan");
        probe.tls.alpn = "x-amzn-mqtt-ca";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
}

static bool fake_saw_disconnect(const struct probe *p, unsigned n)
{
        (void)p;
        return fake_broker_disconnects(&fake) >= n;
}

/* The acknowledgement sets off the DISCONNECT; what comes in one piece with it must not keep that from going out. */
static void session_stop__more_behind_the_last_acknowledgement__disconnects(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &serve, 1, 0);
        begin_tls(&pair, "broker.lan");
        probe.subscriptions[0] = "t/in";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/in", "x", 1), 0);
        probe_stop_within(&probe, 5 * USEC_PER_SEC);
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_acknowledged, 1);
        assert_true(probe_until(&probe, fake_saw_disconnect, 1));
}

/* mosquitto 2.0.11 only closes; newer ones state why. */
static void session__taken_over_again_and_again__is_reported(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "");
        begin_tls(&pair, "broker.lan");
        probe_start(&probe);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                struct client *other = client_new(&(struct client_options){
                        .id = "sconce-hall", .port = pair.mosquitto->port.number, .ca = pair.ca, .cert = pair.node });
                assert_true(probe_until(&probe, probe_disconnected, i));
                client_free(other);
                if (strstr(probe.why, "another client"))
                        break;
        }
        assert_non_null(strstr(probe.why, "client id \"sconce-hall\""));
        assert_non_null(strstr(probe.why, "two nodes of one name"));
        assert_int_equal(session_last_fault(probe.session)->code, -EADDRINUSE);
        broker_free(pair.mosquitto);
}

/* ---- Many messages ------------------------------------------------------------------------------------- */

static void publish_back(struct probe *p, const struct session_message *message)
{
        (void)message;
        assert_int_equal(probe_publish(p, "t/back", "x", 1), 0);
        /* As libmosquitto's own bookkeeping leaves it after a while: it stops reading when it sees it. */
        errno = EAGAIN;
}

/* Three messages in one TLS record: when the first has been read, the socket has no more to send. */
static void session__messages_in_one_record__all_arrive(void **state)
{
        static const struct fake_step step = {
                .act = FAKE_SERVE,
                FAKE_FIELDS(greeting, "\x30\x08\x00\x04t/in\x00"
                                      "1"
                                      "\x30\x08\x00\x04t/in\x00"
                                      "2"
                                      "\x30\x08\x00\x04t/in\x00"
                                      "3"),
        };
        struct pair pair = make_pair();

        (void)state;
        start_fake(&pair, &step, 1, 0);
        begin_tls(&pair, "broker.lan");
        probe.subscriptions[0] = "t/in";
        probe.on_message = publish_back;
        probe_start(&probe);
        /* The echoes of what is published come by themselves only afterwards. */
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_int_equal(probe.n_messages, 3);
        assert_string_equal(probe.payload, "3");
}

static void session__burst_over_tls__is_answered(void **state)
{
        struct pair pair = make_pair();

        (void)state;
        start_tls_broker(&pair, "max_inflight_messages 0\nmax_queued_messages 0\n");
        struct client *client = client_new(&(struct client_options){
                .id = "a", .port = pair.mosquitto->port.number, .ca = pair.ca, .cert = pair.node });
        begin_tls(&pair, "broker.lan");
        probe.subscriptions[0] = "t/in";
        probe.on_message = publish_back;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        for (unsigned round = 1; round <= 5; round++) {
                for (unsigned i = 0; i < 200; i++)
                        client_send(client, "t/in", "0123456789");
                assert_true(probe_until(&probe, probe_messages, 200 * round));
                assert_true(probe_until(&probe, probe_acknowledged, 200 * round));
        }
        assert_int_equal(session_in_flight(probe.session), 0);
        broker_free(pair.mosquitto);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static struct CMUnitTest row_test(const char *name, const void *row, CMUnitTestFunction function)
{
        struct CMUnitTest test = {
                .name = name, .test_func = function, .setup_func = setup, .teardown_func = teardown
        };

        memcpy(&test.initial_state, &row, sizeof(row));
        return test;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(session__plain_broker__echoes),
                TEST(session__broker_killed_twice__comes_back),
                TEST(session__unix_socket__connects),
                TEST(session_stop__message_in_flight__is_delivered),
                TEST(session__mutual_tls__connects),
                TEST(session__address_with_ip_san__connects),
                TEST(session__self_signed_broker__is_refused_with_its_reason),
                TEST(session__crl__revokes_even_when_outdated),
                TEST(session__crl_of_another_ca__is_refused_with_its_reason),
                TEST(session__own_certificate_revoked__reports_it),
                TEST(session__brokers_crl_outdated__is_guessed),
                TEST(session__no_client_certificate__shows_what_to_set),
                TEST(session__server_name__is_what_is_verified),
                TEST(session__pin__replaces_the_name_alone),
                TEST(session__tls_to_plain_port__reports_it),
                TEST(session__plain_to_tls_port__reports_it),
                TEST(session__broken_renewal__keeps_what_works),
                TEST(session__tls_broker_killed_twice__comes_back),
                TEST(session__key_appears_later__connects_then),
                TEST(session__sni__is_the_configured_name),
                TEST(session__tls_1_2_broker__connects_unless_1_3_is_wanted),
                TEST(session__silent_tls_broker__costs_no_cpu),
                TEST(session__tls_black_hole_and_refusal__cost_no_cpu),
                TEST(session__closed_after_handshake__falls_back_to_311),
                TEST(session__closed_after_handshake__reports_that_tls_was_accepted),
                TEST(session__alpn__is_asked_for),
                TEST(session_stop__more_behind_the_last_acknowledgement__disconnects),
                TEST(session__taken_over_again_and_again__is_reported),
                TEST(session__messages_in_one_record__all_arrive),
                TEST(session__burst_over_tls__is_answered),
        };
        struct CMUnitTest rows[ARRAY_SIZE(broker_cases) + ARRAY_SIZE(own_cases)];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(broker_cases); i++)
                rows[n++] = row_test(broker_cases[i].name, &broker_cases[i],
                                     session__bad_broker_certificate__is_refused_with_its_reason);
        for (size_t i = 0; i < ARRAY_SIZE(own_cases); i++)
                rows[n++] = row_test(own_cases[i].name, &own_cases[i],
                                     session__bad_own_certificate__reports_what_the_broker_answers);
        int failed = stage_run(tests, ARRAY_SIZE(tests), NULL);
        return failed + stage_run(rows, ARRAY_SIZE(rows), NULL);
}
