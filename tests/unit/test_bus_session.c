/* SPDX-License-Identifier: Apache-2.0 */
/* A session against peers that follow a script: what no decent broker does, and what a bad night brings. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/mosquitto.h"
#include "bus/resolve.h"
#include "fakes/fake_broker.h"
#include "fakes/in_range.h"
#include "fakes/session_probe.h"

static struct probe probe;
static struct fake_broker broker;
static struct black_hole hole;

#define V5_CONNACK "\x20\x03\x00\x00\x00"
#define TAKEN_OVER "\xe0\x02\x8e\x00"
#define SERVE                                                                                                          \
        {                                                                                                              \
                .act = FAKE_SERVE                                                                                      \
        }

static int setup(void **state)
{
        (void)state;
        memset(&broker, 0, sizeof(broker));
        memset(&probe, 0, sizeof(probe));
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        if (probe.loop.event)
                probe_done(&probe);
        fake_broker_stop(&broker);
        resolve_set_lookup(NULL);
        return 0;
}

static void begin(const struct fake_step *steps, size_t n_steps)
{
        fake_broker_start(&broker, steps, n_steps, NULL);
        probe_init(&probe, NULL);
        (void)probe_url(&probe, 0, "mqtt", "127.0.0.1", broker.port);
        probe.subscriptions[0] = "t/in";
}
#define BEGIN(...)                                                                                                     \
        do {                                                                                                           \
                static const struct fake_step script[] = { __VA_ARGS__ };                                              \
                begin(script, ARRAY_SIZE(script));                                                                     \
        } while (0)

/* The text of a failure after "cannot connect to HOST: ". */
static const char *reason(unsigned n)
{
        const char *text = strstr(probe_failure(&probe, n), ": ");

        return text ? text + 2 : "";
}

static uint16_t free_port(void)
{
        struct black_hole unused;

        black_hole_open(&unused);
        black_hole_close(&unused);
        return unused.port;
}

/* ---- Peers that do not talk ---------------------------------------------------------------------------- */

static void session__silent_broker__is_given_up(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SILENT }, SERVE);
        probe.options.handshake_timeout_us = 50 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_string_equal(reason(0), "connected, but the broker did not answer CONNECT within 0.05 s");
        assert_int_equal(probe.failures[0].code, -ETIMEDOUT);
        /* Silence shows nothing of the version. */
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
}

static void session__black_hole__is_given_up(void **state)
{
        (void)state;
        black_hole_open(&hole);
        probe_init(&probe, NULL);
        (void)probe_url(&probe, 0, "mqtt", "127.0.0.1", hole.port);
        probe.options.connect_timeout_us = 50 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_string_equal(reason(0), "no answer within 0.05 s");
        black_hole_close(&hole);
}

static void session__nobody_listens__is_reported_once(void **state)
{
        char expected[128];

        (void)state;
        uint16_t port = free_port();
        probe_init(&probe, NULL);
        (void)probe_url(&probe, 0, "mqtt", "127.0.0.1", port);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 3));
        (void)snprintf(expected, sizeof(expected),
                       "4 cannot connect to 127.0.0.1:%u: connection refused: is the broker running there, "
                       "on that port?\n",
                       port);
        assert_string_equal(probe.log, expected);
        assert_int_equal(session_last_fault(probe.session)->code, -ECONNREFUSED);
}

static void session__garbage__fails_cleanly(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_ANSWER, FAKE_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n") },
              { .act = FAKE_ANSWER, FAKE_BYTES("\0") },
              { .act = FAKE_ANSWER, FAKE_BYTES("\xff\xff\xff\xff\xff\xff\xff") },
              { .act = FAKE_ANSWER, FAKE_BYTES("\x20\xff\xff\xff\x7f") }, SERVE);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(
                reason(0),
                "the broker closed the connection without an answer: does it want TLS (mqtts://), or is this no "
                "MQTT broker?");
}

static bool has_leak_check(void)
{
#ifdef __SANITIZE_ADDRESS__
        return true;
#else
        const char *preload = getenv("LD_PRELOAD");

        return preload && strstr(preload, "vgpreload");
#endif
}

/* libmosquitto 2.0.11 asserts a client to log that for; 2.0.21 ends the connection without a reason of its own. */
static const char *property_reason(void)
{
        return mosquitto_lib_version(NULL, NULL, NULL) == 2000011
                       ? "a property that libmosquitto does not know"
                       : "the broker closed the connection without an answer";
}

static void session__unknown_property__is_the_end_of_the_connection_alone(void **state)
{
        (void)state;
        if (has_leak_check()) {
                print_message("skipped: libmosquitto frees nothing of such a packet, which a check for leaks counts\n");
                skip();
        }
        BEGIN({ .act = FAKE_ANSWER, FAKE_BYTES("\x20\x05\x00\x00\x02\x7e\x00") },
              { .act = FAKE_SERVE, FAKE_FIELDS(greeting, "\x30\x06\x00\x01x\x02\x7e\x00") }, SERVE);
        probe.options.version = SESSION_VERSION_5;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        assert_int_equal(probe.n_failed, 1);
        assert_non_null(strstr(reason(0), property_reason()));
        assert_int_equal(probe.n_messages, 0);
        assert_true(probe_until(&probe, probe_connected, 2));
}

static void session__unix_socket_missing__reports_it(void **state)
{
        (void)state;
        probe_init(&probe, "unix:///nonexistent/socket");
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_string_equal(probe_failure(&probe, 0),
                            "cannot connect to /nonexistent/socket: no such socket: is the broker running?");
}

/* ---- Names --------------------------------------------------------------------------------------------- */

/* IPv6 is dead, the first IPv4 address too. */
static int look_up_three(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        static const char *const addresses[] = { "::1", "127.0.0.2", "127.0.0.1" };
        struct addrinfo **at = ret;

        assert_string_equal(node, "broker.lan");
        for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
                assert_int_equal(getaddrinfo(addresses[i], service, hints, at), 0);
                at = &(*at)->ai_next;
        }
        return 0;
}

static void session__dead_addresses__live_one_is_found(void **state)
{
        char expected[128];

        (void)state;
        resolve_set_lookup(look_up_three);
        BEGIN(SERVE);
        (void)probe_url(&probe, 0, "mqtt", "broker.lan", broker.port);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe.n_failed, 2);
        (void)snprintf(expected, sizeof(expected), "cannot connect to broker.lan ([::1]:%u): ", broker.port);
        assert_memory_equal(probe_failure(&probe, 0), expected, strlen(expected));
        (void)snprintf(expected, sizeof(expected), "cannot connect to broker.lan (127.0.0.2:%u): ", broker.port);
        assert_memory_equal(probe_failure(&probe, 1), expected, strlen(expected));
        (void)snprintf(expected, sizeof(expected), "broker.lan (127.0.0.1:%u), MQTT 5, no TLS", broker.port);
        assert_string_equal(session_peer(probe.session), expected);
}

static int look_up_nothing(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        (void)service;
        (void)hints;
        (void)ret;
        return strcmp(node, "nowhere.lan") == 0 ? EAI_NONAME : EAI_AGAIN;
}

static void session__name_unknown__reports_it(void **state)
{
        (void)state;
        resolve_set_lookup(look_up_nothing);
        probe_init(&probe, "mqtt://nowhere.lan");
        probe.urls[1] = "mqtt://elsewhere.lan";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_string_equal(probe_failure(&probe, 0),
                            "cannot connect to nowhere.lan:1883: the name nowhere.lan could not be looked "
                            "up: no such name: is it spelled correctly, and does the local name server "
                            "know it?");
        assert_string_equal(probe_failure(&probe, 1),
                            "cannot connect to elsewhere.lan:1883: the name elsewhere.lan could not be "
                            "looked up: no name server answers: is this machine connected to the network?");
}

static int release[2] = { -1, -1 }, gone[2] = { -1, -1 };
static atomic_uint look_ups;

/* As getaddrinfo() with a resolver that never answers, until the test lets it go. */
static int look_up_hanging(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        char byte;

        (void)node;
        look_ups++;
        (void)!read(release[0], &byte, 1);
        int r = getaddrinfo("127.0.0.1", service, hints, ret);
        (void)!write(gone[1], "x", 1);
        return r;
}

static void pipes_open(void)
{
        look_ups = 0;
        assert_int_equal(pipe(release), 0);
        assert_int_equal(pipe(gone), 0);
}

/* Lets the look-up go and waits until it has. */
static void pipes_close(void)
{
        char byte;

        assert_int_equal(close(release[1]), 0);
        assert_int_equal(read(gone[0], &byte, 1), 1);
        (void)close(release[0]);
        (void)close(gone[0]);
        (void)close(gone[1]);
}

static void session__resolver_hangs__others_get_their_turn(void **state)
{
        (void)state;
        pipes_open();
        resolve_set_lookup(look_up_hanging);
        BEGIN(SERVE);
        (void)probe_url(&probe, 0, "mqtt", "hanging.lan", 1883);
        (void)probe_url(&probe, 1, "mqtt", "127.0.0.1", broker.port);
        probe.options.connect_timeout_us = 50 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(reason(0), "the name was not found within 0.05 s: does a name server answer?");
        /* It is joined, not asked once more, while it hangs. */
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(probe.n_failed, 2);
        assert_int_equal(look_ups, 1);
        pipes_close();
}

static void session_free__resolver_hangs__does_not_wait(void **state)
{
        (void)state;
        pipes_open();
        resolve_set_lookup(look_up_hanging);
        probe_init(&probe, "mqtt://hanging.lan");
        probe.options.connect_timeout_us = 50 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        probe_done(&probe);
        probe.loop.event = NULL;
        pipes_close();
}

static void session__resolver_answers_late__is_used_then(void **state)
{
        (void)state;
        pipes_open();
        resolve_set_lookup(look_up_hanging);
        BEGIN(SERVE);
        (void)probe_url(&probe, 0, "mqtt", "hanging.lan", broker.port);
        probe.options.connect_timeout_us = 50 * USEC_PER_MSEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        pipes_close();
        assert_true(probe_until(&probe, probe_connected, 1));
}

/* ---- Several brokers ----------------------------------------------------------------------------------- */

static void session__two_brokers__first_comes_first(void **state)
{
        static const struct fake_step serve[] = { SERVE };
        struct fake_broker second = { 0 };

        (void)state;
        fake_broker_start(&second, serve, 1, NULL);
        BEGIN({ .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x88\x00") }, SERVE);
        (void)probe_url(&probe, 1, "mqtt", "127.0.0.1", second.port);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(reason(0), "the broker is not available");
        assert_int_equal(fake_broker_connections(&second), 1);
        /* When the connection ends, it is the first one's turn again. */
        fake_broker_hang_up(&second);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(fake_broker_connections(&broker), 2);
        assert_int_equal(fake_broker_connections(&second), 1);
        fake_broker_stop(&second);
}

/* ---- The version --------------------------------------------------------------------------------------- */

static void session__version_refused__is_remembered(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x84\x00") }, SERVE);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        assert_int_equal(probe.n_failed, 0);
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(fake_broker_version(&broker, 0), 5);
        assert_int_equal(fake_broker_version(&broker, 1), 4);
        assert_int_equal(fake_broker_version(&broker, 2), 4);
}

/* CONNACK as a 3.1.1 broker writes it, every time. libmosquitto 2.0.21 cannot read it: there it is a guess, to be
 * proven. */
static void session__version_refused_in_3_1_1__falls_back(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE, .only_311 = true, FAKE_FIELDS(refusal, "\x20\x02\x00\x01") });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        assert_int_equal(probe.n_failed, 0);
        assert_int_equal(fake_broker_version(&broker, 0), 5);
        assert_int_equal(fake_broker_version(&broker, fake_broker_connections(&broker) - 1), 4);
}

static void session__closed_without_a_word__guesses_again_each_time(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE, .only_311 = true });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_connected, 2));
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(fake_broker_version(&broker, i), i % 2 ? 4 : 5);
        assert_int_equal(probe.n_failed, 0);
}

/* A proxy whose broker is not there yet takes the connection and closes it: that shows nothing of the version. */
static void session__closed_until_the_broker_is_up__speaks_5(void **state)
{
        static const struct fake_step closing = { .act = FAKE_CLOSE };

        (void)state;
        for (size_t closed = 1; closed <= 6; closed++) {
                struct fake_step script[7];
                for (size_t i = 0; i < closed; i++)
                        script[i] = closing;
                script[closed] = (struct fake_step)SERVE;
                begin(script, closed + 1);
                probe_start(&probe);
                assert_true(probe_until(&probe, probe_connected, 1));
                assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
                assert_int_equal(probe.n_disconnected, 0);
                probe_done(&probe);
                fake_broker_stop(&broker);
        }
        probe.loop.event = NULL;
}

/* What it closed on was 5: it takes 3.1.1, and closes on 5 once more. */
static void session__speaks_3_1_1_alone__is_proven_before_it_is_used(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE, .only_311 = true });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        assert_int_equal(fake_broker_connections(&broker), 4);
        assert_int_equal(fake_broker_version(&broker, 2), 5);
        assert_int_equal(probe_logged(&probe, "connected to"), 1);
}

static void session__broker_gone_for_good__tries_both_in_turn(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_CLOSE });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(fake_broker_version(&broker, i), i % 2 ? 4 : 5);
}

static void session__version_fixed__does_not_fall_back(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x84\x00") });
        probe.options.version = SESSION_VERSION_5;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 2));
        assert_string_equal(reason(0), "the broker does not speak MQTT 5");
        assert_int_equal(fake_broker_version(&broker, 1), 5);
        probe_done(&probe);
        fake_broker_stop(&broker);

        BEGIN(SERVE);
        probe.options.version = SESSION_VERSION_311;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        assert_int_equal(session_receive_maximum(probe.session), 65535);
}

static void session__connack_refuses__gives_the_reason(void **state)
{
        static const struct {
                int version;
                const char *answer;
                size_t size;
                const char *reason;
        } table[] = {
                { SESSION_VERSION_311, FAKE_BYTES("\x20\x02\x00\x05"),
                  "the broker reports that this client is not authorized" },
                { SESSION_VERSION_311, FAKE_BYTES("\x20\x02\x00\x04"), "the broker does not accept user and password" },
                { SESSION_VERSION_311, FAKE_BYTES("\x20\x02\x00\x02"), "the broker does not accept the client id" },
                { SESSION_VERSION_5, FAKE_BYTES("\x20\x03\x00\x87\x00"),
                  "the broker reports that this client is not authorized" },
                { SESSION_VERSION_5, FAKE_BYTES("\x20\x03\x00\x85\x00"), "the broker does not accept the client id" },
                { SESSION_VERSION_5, FAKE_BYTES("\x20\x03\x00\xee\x00"), "the broker closes with reason code 0xee" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const struct fake_step step = { .act = FAKE_ANSWER,
                                                .answer = table[i].answer,
                                                .answer_size = table[i].size };
                begin(&step, 1);
                probe.options.version = table[i].version;
                probe_start(&probe);
                assert_true(probe_until(&probe, probe_failed, 1));
                assert_string_equal(reason(0), table[i].reason);
                probe_done(&probe);
                fake_broker_stop(&broker);
        }
        probe.loop.event = NULL;
}

/* ---- Time ---------------------------------------------------------------------------------------------- */

static void begin_fake(const struct fake_step *steps, size_t n_steps)
{
        fake_broker_start(&broker, steps, n_steps, NULL);
        probe_init_fake(&probe, NULL);
        (void)probe_url(&probe, 0, "mqtt", "127.0.0.1", broker.port);
        probe.subscriptions[0] = "t/in";
}

static int large_result;

static void publish_small(struct probe *p)
{
        assert_int_equal(probe_publish(p, "t/out", "x", 1), 0);
}

static void publish_large_and_small(struct probe *p)
{
        char large[3001];

        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        large_result = probe_publish(p, "t/out", large, 1);
        publish_small(p);
}

static void session__taken_over__waits_a_minute_and_gives_the_reason(void **state)
{
        static const struct fake_step script[] = { { .act = FAKE_SERVE, .farewell = TAKEN_OVER, .farewell_size = 4 },
                                                   SERVE };

        (void)state;
        begin_fake(script, 2);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        assert_string_equal(probe.why,
                            "another client uses the client id \"sconce-hall\": are there two nodes of one name?");
        assert_int_equal(probe_logged(&probe, "are there two nodes of one name?"), 1);
        probe_pass(&probe, 59 * USEC_PER_SEC);
        assert_int_equal(sd_event_run(probe.loop.event, 0), 0);
        assert_int_equal(fake_broker_connections(&broker), 1);
        probe_pass(&probe, 1 * USEC_PER_SEC);
        assert_true(probe_until(&probe, probe_connected, 2));
}

/* Outputs would go to their on_offline, if who throws us out could make us wait for a minute. */
static void session__taken_over__waits_no_longer_than_it_may(void **state)
{
        static const struct fake_step script[] = { { .act = FAKE_SERVE, .farewell = TAKEN_OVER, .farewell_size = 4 },
                                                   SERVE };

        (void)state;
        begin_fake(script, 2);
        probe.options.pause_max_us = 15 * USEC_PER_SEC;
        probe.options.client_id_is_secret = true;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        assert_int_equal(probe_logged(&probe, "sconce-hall"), 0);
        assert_int_equal(probe_logged(&probe, "another client uses our client id"), 1);
        probe_pass(&probe, 15 * USEC_PER_SEC);
        assert_true(probe_until(&probe, probe_connected, 2));
}

/* One of another kind than a takeover's: what we send is not acknowledged. */
static void session__closed_unacknowledged_three_times__suspects_the_access_list(void **state)
{
        static const struct fake_step step = { .act = FAKE_CLOSE_ON_PUBLISH };

        (void)state;
        begin_fake(&step, 1);
        probe.on_connected = publish_small;
        probe_start(&probe);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(probe_until(&probe, probe_disconnected, i));
                session_retry_now(probe.session);
        }
        assert_non_null(strstr(probe.why, "instead of acknowledging what we sent: does it not permit what we publish"));
}

/* MQTT 3.1.1 has no word for it: the broker closes on what is too large. */
static void session__closed_on_a_large_message__leaves_it_out(void **state)
{
        static const struct fake_step step = { .act = FAKE_SERVE, .max_publish = 1000 };

        (void)state;
        begin_fake(&step, 1);
        probe.options.version = SESSION_VERSION_311;
        probe.on_connected = publish_large_and_small;
        probe_start(&probe);
        for (unsigned i = 1; i <= 2; i++) {
                assert_true(probe_until(&probe, probe_disconnected, i));
                session_retry_now(probe.session);
        }
        assert_string_equal(
                probe.why,
                "the broker closed the connection on a message of 3005 bytes: messages of that size are dropped "
                "from now on (its maximum packet size?)");
        /* The small one comes back from the broker, after the large one did not go there. */
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_int_equal(large_result, -EMSGSIZE);
        assert_int_equal(probe.n_disconnected, 2);
        /* It may have been another reason: after an hour it is tried again. */
        probe_pass(&probe, 3600 * USEC_PER_SEC);
        publish_large_and_small(&probe);
        assert_int_equal(large_result, 0);
}

static void session__closed_soon_three_times__suspects_a_double(void **state)
{
        static const struct fake_step serve = SERVE;

        (void)state;
        begin_fake(&serve, 1);
        probe_start(&probe);
        for (unsigned i = 1; i <= 4; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                /* A connection that stood for a while begins the count again. */
                probe_pass(&probe, i == 1 ? 10 * USEC_PER_SEC : 9 * USEC_PER_SEC);
                fake_broker_hang_up(&broker);
                assert_true(probe_until(&probe, probe_disconnected, i));
                if (i < 4) {
                        assert_string_equal(probe.why, "the broker closed the connection");
                        session_retry_now(probe.session);
                }
        }
        assert_string_equal(
                probe.why,
                "the broker closed the connection 3 times in a row soon after it was set up: does another client "
                "use the client id \"sconce-hall\" (two nodes of one name)?");
        probe_pass(&probe, 59 * USEC_PER_SEC);
        assert_int_equal(sd_event_run(probe.loop.event, 0), 0);
        probe_pass(&probe, 1 * USEC_PER_SEC);
        assert_true(probe_until(&probe, probe_connected, 5));
}

/* A double is thrown out by a broker that is there all the time. */
static void session__closed_soon_but_refused_between__is_a_restart(void **state)
{
#define REFUSE                                                                                                         \
        {                                                                                                              \
                .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x88\x00")                                                 \
        }
        static const struct fake_step script[] = { SERVE, REFUSE, SERVE, REFUSE, SERVE, REFUSE, SERVE };

        (void)state;
        begin_fake(script, ARRAY_SIZE(script));
        probe_start(&probe);
        for (unsigned i = 1; i <= 4; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                fake_broker_hang_up(&broker);
                assert_true(probe_until(&probe, probe_disconnected, i));
                assert_string_equal(probe.why, "the broker closed the connection");
                if (i == 4)
                        break;
                session_retry_now(probe.session);
                assert_true(probe_until(&probe, probe_failed, i));
                assert_true(sd_event_run(probe.loop.event, 0) >= 0);
                probe_pass(&probe, 60 * USEC_PER_SEC);
        }
}

static void session__refused_for_an_hour__tries_and_reports_at_intervals(void **state)
{
        (void)state;
        probe_init_fake(&probe, NULL);
        (void)probe_url(&probe, 0, "mqtt", "127.0.0.1", free_port());
        probe_start(&probe);
        for (unsigned minute = 1; minute <= 60; minute++) {
                /* The wait is a minute at most. */
                assert_true(probe_until(&probe, probe_failed, minute));
                assert_int_equal(sd_event_run(probe.loop.event, 0) >= 0, 1);
                probe_pass(&probe, 60 * USEC_PER_SEC);
        }
        assert_uint_in_range(probe_logged(&probe, "connection refused"), 5, 7);
        assert_int_equal(probe_logged(&probe, " attempts so far)"), probe_logged(&probe, "connection refused") - 1);
}

static void session_retry_now__in_backoff__tries_at_once(void **state)
{
        static const struct fake_step script[] = { { .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x88\x00") }, SERVE };

        (void)state;
        begin_fake(script, 2);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        /* The clock stands still: only this can make it try. */
        while (sd_event_run(probe.loop.event, 0) > 0)
                ;
        session_retry_now(probe.session);
        assert_true(probe_until(&probe, probe_connected, 1));
        session_retry_now(probe.session);
        assert_true(session_is_connected(probe.session));
        assert_int_equal(probe.n_disconnected, 0);
}

static void session__version_memory_is_old__asks_for_5_again(void **state)
{
        static const struct fake_step script[] = { { .act = FAKE_ANSWER, FAKE_BYTES("\x20\x03\x00\x84\x00") }, SERVE };

        (void)state;
        begin_fake(script, 2);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        probe_pass(&probe, 3599 * USEC_PER_SEC);
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        session_retry_now(probe.session);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_311);
        probe_pass(&probe, 1 * USEC_PER_SEC);
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_disconnected, 2));
        session_retry_now(probe.session);
        assert_true(probe_until(&probe, probe_connected, 3));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
}

/* The keepalive goes by the machine's own clock, so this one takes its 5 seconds: half of them until the ping, half for
 * its missing answer. */
static void session__broker_stops_answering__is_noticed(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_DEAF });
        probe.options.keepalive_us = 5 * USEC_PER_SEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        unsigned turns = probe.turns;
        assert_true(probe_until(&probe, probe_disconnected, 1));
        assert_string_equal(probe.why, "the broker no longer answers");
        assert_int_equal(fake_broker_pings(&broker), 1);
        /* SUBACK, the ping, its time-out: nothing is polled for. */
        assert_uint_in_range(probe.turns - turns, 1, 5);
}

/* Whatever the broker asks for: 0, 65535, and a time that is shorter than ours. */
static void session__server_keep_alive__never_lengthens_ours(void **state)
{
        static const struct {
                const char *connack;
                uint64_t keepalive_us, at_least_us, at_most_us;
        } table[] = {
                { "\x20\x06\x00\x00\x03\x13\x00\x00", 2 * USEC_PER_SEC, 2 * USEC_PER_SEC, 3 * USEC_PER_SEC },
                { "\x20\x06\x00\x00\x03\x13\xff\xff", 2 * USEC_PER_SEC, 2 * USEC_PER_SEC, 3 * USEC_PER_SEC },
                { "\x20\x06\x00\x00\x03\x13\x00\x01", 3600 * USEC_PER_SEC, 1 * USEC_PER_SEC, 2 * USEC_PER_SEC },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const struct fake_step step = { .act = FAKE_DEAF, .answer = table[i].connack, .answer_size = 8 };
                begin(&step, 1);
                probe.options.keepalive_us = table[i].keepalive_us;
                probe_start(&probe);
                assert_true(probe_until(&probe, probe_connected, 1));
                uint64_t began_us = loop_now_us(&probe.loop);
                assert_true(probe_until(&probe, probe_disconnected, 1));
                assert_string_equal(probe.why, "the broker no longer answers");
                /* SUBACK came within the first of it. */
                assert_uint_in_range(loop_now_us(&probe.loop) - began_us, table[i].at_least_us - 100 * USEC_PER_MSEC,
                                     table[i].at_most_us + PROBE_SOON_MS / 10 * USEC_PER_MSEC);
                assert_int_equal(fake_broker_pings(&broker), 1);
                probe_done(&probe);
                fake_broker_stop(&broker);
        }
        probe.loop.event = NULL;
}

static bool pinged_thrice(const struct probe *p, unsigned n)
{
        (void)p;
        return fake_broker_pings(&broker) >= n;
}

static void session__broker_answers_pings__stays_connected(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE, FAKE_FIELDS(answer, "\x20\x06\x00\x00\x03\x13\x00\x00") });
        probe.options.keepalive_us = USEC_PER_SEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, pinged_thrice, 3));
        assert_true(session_is_connected(probe.session));
        assert_int_equal(probe.n_disconnected, 0);
        assert_int_equal(probe_publish(&probe, "t/in", "x", 1), 0);
        assert_true(probe_until(&probe, probe_messages, 1));
}

/* ---- What no broker should send ------------------------------------------------------------------------ */

/* libmosquitto 2.1 ends the connection for it. */
static void session__second_connack__makes_no_second_connection_of_one(void **state)
{
        unsigned connections = mosquitto_lib_version(NULL, NULL, NULL) >= 2001000 ? 2 : 1;

        (void)state;
        BEGIN({ .act = FAKE_SERVE,
                FAKE_FIELDS(greeting, V5_CONNACK "\x30\x08\x00\x04t/in\x00"
                                                 "1") },
              { .act = FAKE_SERVE,
                FAKE_FIELDS(greeting, "\x30\x08\x00\x04t/in\x00"
                                      "1") });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_int_equal(probe.n_connected, connections);
        assert_int_equal(probe.n_disconnected, connections - 1);
        assert_int_equal(probe_logged(&probe, "5 connected to"), connections);
}

/* The stop's time limit is not to be switched off by it. */
static void session_stop__connack_meanwhile__ends(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_DEAF });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/out", "x", 1), 0);
        probe_stop_within(&probe, 200 * USEC_PER_MSEC);
        fake_broker_send_bytes(&broker, FAKE_BYTES(V5_CONNACK));
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_connected, 1);
}

static void session__message_before_connack__is_not_acted_on(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE,
                FAKE_FIELDS(answer, "\x30\x08\x00\x04t/in\x00"
                                    "1" V5_CONNACK) },
              { .act = FAKE_SERVE,
                FAKE_FIELDS(greeting, "\x30\x08\x00\x04t/in\x00"
                                      "2") });
        probe.options.version = SESSION_VERSION_5;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_int_equal(probe.n_messages, 1);
        assert_string_equal(probe.payload, "2");
}

/* ---- A flood ------------------------------------------------------------------------------------------- */

#define FLOOD_MESSAGES 1000

static struct timer *urgent;
static unsigned urgent_came, since_urgent, most_at_once;

static void on_urgent(void *userdata)
{
        (void)userdata;
        urgent_came++;
        since_urgent = 0;
}

/* Each message finds an output that wants its turn. */
static void flood_meets_output(struct probe *p, const struct session_message *message)
{
        (void)p;
        (void)message;
        since_urgent++;
        most_at_once = MAX(most_at_once, since_urgent);
        timer_arm(urgent, 0);
}

static char flood[FLOOD_MESSAGES * 10];

static void make_flood(void)
{
        for (unsigned i = 0; i < FLOOD_MESSAGES; i++) {
                memcpy(flood + (size_t)i * 10, "\x30\x08\x00\x04t/in\x00", 9);
                flood[i * 10 + 9] = (char)('0' + i % 10);
        }
}

static void session__flood_in_one_piece__outputs_come_between(void **state)
{
        (void)state;
        make_flood();
        const struct fake_step step = { .act = FAKE_SERVE, .greeting = flood, .greeting_size = sizeof(flood) };
        begin(&step, 1);
        assert_int_equal(timer_new(&probe.loop, TIMER_EXACT_US, on_urgent, NULL, &urgent), 0);
        probe.on_message = flood_meets_output;
        most_at_once = urgent_came = since_urgent = 0;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_messages, FLOOD_MESSAGES));
        assert_uint_in_range(most_at_once, 1, 4);
        assert_true(urgent_came >= FLOOD_MESSAGES / 4 - 1);
        timer_free(TAKE_PTR(urgent));
}

static unsigned out_of_order;

static void message_is_next(struct probe *p, const struct session_message *message)
{
        if (message->size != 1 || *(const char *)message->payload != (char)('0' + (p->n_messages - 1) % 10))
                out_of_order++;
}

/* What waits for its turn when the connection ends has come all the same. */
static void session__flood_and_the_end__all_have_come_in_order(void **state)
{
        (void)state;
        make_flood();
        const struct fake_step steps[] = {
                { .act = FAKE_SERVE, .farewell = flood, .farewell_size = sizeof(flood) },
                SERVE,
        };
        begin(steps, ARRAY_SIZE(steps));
        probe.on_message = message_is_next;
        out_of_order = 0;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_disconnected, 1));
        assert_int_equal(probe.n_messages, FLOOD_MESSAGES);
        assert_int_equal(out_of_order, 0);
}

/* ---- Messages ------------------------------------------------------------------------------------------ */

static void session__echo__keeps_properties(void **state)
{
        static const struct session_message message = {
                .topic = "t/in",
                .payload = "hello",
                .size = 5,
                .qos = 1,
                .response_topic = "sconce/reply/a",
                .correlation = "12",
                .correlation_size = 2,
                .expiry_s = 77,
                .content_type = "application/json",
                .expires = "2026-11-22T19:30:05Z",
                .chain = "3",
        };
        int id = 0;

        (void)state;
        BEGIN(SERVE);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_publish(probe.session, &message, &id), 0);
        assert_int_equal(session_in_flight(probe.session), 1);
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_true(probe_until(&probe, probe_acknowledged, 1));
        assert_int_equal(probe.ack_id, id);
        assert_string_equal(probe.payload, "hello");
        assert_string_equal(probe.response_topic, "sconce/reply/a");
        assert_string_equal(probe.correlation, "12");
        assert_int_equal(probe.expiry_s, 77);
        assert_string_equal(probe.expires, "2026-11-22T19:30:05Z");
        assert_string_equal(probe.chain, "3");
        assert_int_equal(session_in_flight(probe.session), 0);
}

static void session_publish__wrong_message__is_refused(void **state)
{
        static const struct {
                struct session_message message;
                int error;
        } table[] = {
                { { .topic = "t/#", .qos = 1 }, -EINVAL },
                { { .topic = "", .qos = 1 }, -EINVAL },
                { { .topic = "t/\xff", .qos = 1 }, -EINVAL },
                { { .topic = "t", .qos = 3 }, -EINVAL },
                { { .topic = "t", .response_topic = "\xff", .qos = 1 }, -EINVAL },
                { { .topic = "t", .correlation = "", .correlation_size = 65536, .qos = 1 }, -EINVAL },
                { { .topic = "t", .payload = "", .size = 300000000, .qos = 1 }, -EMSGSIZE },
                { { .topic = "t", .payload = "0123456789012345678901234567890123456789", .size = 40, .qos = 1 },
                  -EMSGSIZE },
        };

        (void)state;
        /* CONNACK with a maximum packet size of 40. */
        BEGIN({ .act = FAKE_SERVE, FAKE_BYTES("\x20\x08\x00\x00\x05\x27\x00\x00\x00\x28") });
        probe_start(&probe);
        assert_int_equal(probe_publish(&probe, "t", "x", 1), -ENOTCONN);
        assert_int_equal(session_subscribe(probe.session, "t", 1, NULL), -ENOTCONN);
        assert_true(probe_until(&probe, probe_connected, 1));
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_int_equal(session_publish(probe.session, &table[i].message, NULL), table[i].error);
        assert_int_equal(session_subscribe(probe.session, "t/#/x", 1, NULL), -EINVAL);
        assert_int_equal(session_in_flight(probe.session), 0);
        assert_true(session_is_connected(probe.session));
        /* None of that has hurt the connection. */
        assert_int_equal(probe_publish(&probe, "t/in", "fine", 1), 0);
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_string_equal(probe.payload, "fine");
        assert_int_equal(fake_broker_publishes(&broker), 1);
}

static bool broker_saw_publish(const struct probe *p, unsigned n)
{
        (void)p;
        return fake_broker_publishes(&broker) >= n;
}

static void session__broker_acknowledges_nothing__is_bounded(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_DEAF, FAKE_BYTES("\x20\x06\x00\x00\x03\x21\x00\x07") });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_receive_maximum(probe.session), 7);
        for (unsigned i = 0; i < 1024; i++)
                assert_int_equal(probe_publish(&probe, "t/in", "x", 1), 0);
        assert_int_equal(session_in_flight(probe.session), 1024);
        assert_int_equal(probe_publish(&probe, "t/in", "x", 1), -EAGAIN);
        assert_int_equal(probe_publish(&probe, "t/in", "x", 0), 0);
        assert_int_equal(session_in_flight(probe.session), 1024);
        /* The broker's window of 7, and one without acknowledgement. */
        assert_true(probe_until(&probe, broker_saw_publish, 8));
        /* A new connection begins with nothing in flight, and nothing is sent again. */
        fake_broker_hang_up(&broker);
        assert_true(probe_until(&probe, probe_connected, 2));
        assert_int_equal(session_in_flight(probe.session), 0);
        assert_int_equal(probe_publish(&probe, "t/in", "new", 1), 0);
        assert_int_equal(session_in_flight(probe.session), 1);
        assert_true(probe_until(&probe, broker_saw_publish, 9));
        assert_int_equal(fake_broker_publishes(&broker), 9);
}

static void session__subscription_refused__is_reported(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_SERVE, .granted = 0x87 });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        int id = 0;
        assert_int_equal(session_subscribe(probe.session, "other", 1, &id), 0);
        assert_true(probe_until(&probe, probe_subscribed, 1));
        assert_int_equal(probe.sub_id, id);
        assert_int_equal(probe.sub_reason, 0x87);
        assert_int_equal(probe_logged(&probe,
                                      "the broker refuses the subscription to t/in (not authorized): see the broker's "
                                      "access list"),
                         1);
}

static void session__connect__carries_will_user_and_limits(void **state)
{
        (void)state;
        BEGIN(SERVE);
        probe.options.user = "me";
        probe.options.password = "secret";
        probe.options.will_topic = "t/status";
        probe.options.will_payload = "offline";
        probe.options.max_packet_bytes = 0x100000;
        probe.options.keepalive_us = 30 * USEC_PER_SEC;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        /* Clean start, will of QoS 1, retained, user and password; 30 s. */
        assert_true(fake_broker_connect_holds(&broker, FAKE_BYTES("\x00\x04MQTT\x05\xee\x00\x1e")));
        assert_true(fake_broker_connect_holds(&broker, FAKE_BYTES("\x27\x00\x10\x00\x00")));
        assert_true(fake_broker_connect_holds(&broker, FAKE_BYTES("\x00\x0bsconce-hall")));
        assert_true(fake_broker_connect_holds(&broker,
                                              FAKE_BYTES("\x00\x08t/status\x00\x07offline\x00\x02me\x00\x06secret")));
        /* No session is kept: no expiry interval. */
        assert_false(fake_broker_connect_holds(&broker, FAKE_BYTES("\x11\x00\x00")));
}

static void session__password_over_plain_network__is_not_sent(void **state)
{
        (void)state;
        resolve_set_lookup(look_up_nothing);
        probe_init(&probe, "mqtt://192.0.2.1");
        probe.options.user = "me";
        probe.options.password = "secret";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_failed, 1));
        assert_string_equal(probe_failure(&probe, 0), "cannot connect to 192.0.2.1:1883: a password is not "
                                                      "sent over mqtt://, where everybody can read it: write "
                                                      "mqtts://");
        assert_int_equal(probe_logged(&probe, "secret"), 0);
}

/* ---- The end ------------------------------------------------------------------------------------------- */

static void session_stop__at_any_time__reports_done_once(void **state)
{
        (void)state;
        for (unsigned when = 0; when < 4; when++) {
                BEGIN({ .act = FAKE_SILENT }, { .act = FAKE_CLOSE });
                probe_start(&probe);
                /* At once; connecting; waiting for CONNACK; in between. */
                for (unsigned turn = 0; turn < when; turn++)
                        assert_true(sd_event_run(probe.loop.event, 1 * USEC_PER_SEC) >= 0);
                probe_stop(&probe);
                assert_false(probe.stopped);
                assert_true(probe_until(&probe, probe_stopped, 1));
                assert_int_equal(probe.n_disconnected, 0);
                assert_int_equal(session_start(probe.session), -EALREADY);
                probe_done(&probe);
                fake_broker_stop(&broker);
        }
        probe.loop.event = NULL;
}

static void stop_at_once(struct probe *p, const struct session_message *message)
{
        (void)message;
        assert_int_equal(probe_publish(p, "t/last", "bye", 1), 0);
        probe_stop(p);
}

static bool broker_saw_disconnect(const struct probe *p, unsigned n)
{
        (void)p;
        return fake_broker_disconnects(&broker) >= n;
}

static void session_stop__in_message_handler__flushes(void **state)
{
        (void)state;
        BEGIN(SERVE);
        probe.on_message = stop_at_once;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/in", "stop", 0), 0);
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_acknowledged, 1);
        assert_int_equal(probe.n_disconnected, 1);
        assert_string_equal(probe.why, "the session was stopped");
        assert_int_equal(probe_logged(&probe, "lost the connection"), 0);
        assert_true(probe_until(&probe, broker_saw_disconnect, 1));
}

static void session_stop__no_acknowledgement__is_bounded(void **state)
{
        (void)state;
        BEGIN({ .act = FAKE_DEAF });
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/in", "x", 1), 0);
        probe_stop_within(&probe, 50 * USEC_PER_MSEC);
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_disconnected, 1);
}

static void session_new__bad_url__is_refused(void **state)
{
        static const struct session_handlers none = { 0 };
        struct session *session = NULL;

        (void)state;
        probe_init(&probe, "http://broker.lan");
        probe.options.n_urls = 1;
        assert_int_equal(session_new(&probe.loop, &probe.options, &none, NULL, &session), -EINVAL);
        probe.options.n_urls = 0;
        assert_int_equal(session_new(&probe.loop, &probe.options, &none, NULL, &session), -EINVAL);
        assert_null(session);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(session__silent_broker__is_given_up),
                TEST(session__black_hole__is_given_up),
                TEST(session__nobody_listens__is_reported_once),
                TEST(session__garbage__fails_cleanly),
                TEST(session__unknown_property__is_the_end_of_the_connection_alone),
                TEST(session__unix_socket_missing__reports_it),
                TEST(session__dead_addresses__live_one_is_found),
                TEST(session__name_unknown__reports_it),
                TEST(session__resolver_hangs__others_get_their_turn),
                TEST(session_free__resolver_hangs__does_not_wait),
                TEST(session__resolver_answers_late__is_used_then),
                TEST(session__two_brokers__first_comes_first),
                TEST(session__version_refused__is_remembered),
                TEST(session__version_refused_in_3_1_1__falls_back),
                TEST(session__closed_without_a_word__guesses_again_each_time),
                TEST(session__closed_until_the_broker_is_up__speaks_5),
                TEST(session__speaks_3_1_1_alone__is_proven_before_it_is_used),
                TEST(session__broker_gone_for_good__tries_both_in_turn),
                TEST(session__taken_over__waits_no_longer_than_it_may),
                TEST(session__closed_unacknowledged_three_times__suspects_the_access_list),
                TEST(session__closed_on_a_large_message__leaves_it_out),
                TEST(session__version_fixed__does_not_fall_back),
                TEST(session__connack_refuses__gives_the_reason),
                TEST(session__taken_over__waits_a_minute_and_gives_the_reason),
                TEST(session__closed_soon_three_times__suspects_a_double),
                TEST(session__closed_soon_but_refused_between__is_a_restart),
                TEST(session__refused_for_an_hour__tries_and_reports_at_intervals),
                TEST(session_retry_now__in_backoff__tries_at_once),
                TEST(session__version_memory_is_old__asks_for_5_again),
                TEST(session__broker_stops_answering__is_noticed),
                TEST(session__server_keep_alive__never_lengthens_ours),
                TEST(session__broker_answers_pings__stays_connected),
                TEST(session__second_connack__makes_no_second_connection_of_one),
                TEST(session_stop__connack_meanwhile__ends),
                TEST(session__message_before_connack__is_not_acted_on),
                TEST(session__flood_in_one_piece__outputs_come_between),
                TEST(session__flood_and_the_end__all_have_come_in_order),
                TEST(session__echo__keeps_properties),
                TEST(session_publish__wrong_message__is_refused),
                TEST(session__broker_acknowledges_nothing__is_bounded),
                TEST(session__subscription_refused__is_reported),
                TEST(session__connect__carries_will_user_and_limits),
                TEST(session__password_over_plain_network__is_not_sent),
                TEST(session_stop__at_any_time__reports_done_once),
                TEST(session_stop__in_message_handler__flushes),
                TEST(session_stop__no_acknowledgement__is_bounded),
                TEST(session_new__bad_url__is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
