/* SPDX-License-Identifier: Apache-2.0 */
/* From an invitation to a lamp that is switched, with the real signer: `sconce-pki invite` and `serve`, `sconce-pki join` on a Pi
 * that is a directory, `sconce join` as a person; and the codes that are good for nothing any more. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/pki.h"
#include "system/sconce.h"
#include "util/cleanup.h"

static struct port door; /* for invitations */
static struct process *signer;
static struct client *tap; /* hears all that machines ask */
static unsigned n_places;

static const char *url(void)
{
        return format_text("mqtts://localhost:%u", stage.broker->port.number);
}

static void start_signer(void)
{
        signer = process_start(WORDS(build_path("sconce-pki"), "-d", stage.pki, "serve", "--broker", url()),
                               &(struct process_options){ .name = "serve" });
}

/* What it may read of the topics, the signer's name may. */
static struct client *open_tap(void)
{
        cert_make(&(struct cert){ .base = work_path("tap"), .issuer = pki_ca(stage.pki), .cn = "sconce-pki.signer" });
        struct client *client = client_new(&(struct client_options){
                .id = "tap", .port = stage.broker->port.number, .ca = pki_ca(stage.pki), .cert = work_path("tap") });
        client_subscribe(client, "sconce-pki/+/request");
        return client;
}

/* The shipped door, on a port and with files of the test's. */
static const char *door_config(const char *pki)
{
        return format_text("pid_file %s/broker.pid\nlistener %u 127.0.0.1\npsk_hint sconce\npsk_file %s/join.psk\n"
                           "use_identity_as_username true\n",
                           pki, door.number, pki);
}

static int open_all(void **state)
{
        (void)state;
        workdir_make();
        door = port_reserve();
        stage.pki = pki_make("pki");
        PKI_RUN(stage.pki, "client", "tester");
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki, .extra = door_config(stage.pki) });
        stage_rejoin();
        return 0;
}

static int begin(void **state)
{
        (void)state;
        tap = open_tap();
        start_signer();
        (void)process_wait_log(signer, "connected to", SOON_MS);
        return 0;
}

static int finish(void **state)
{
        process_free(signer);
        return stage_tidy(state);
}

/* The code alone, as a script takes it. The broker reads its lists a moment after the command has told it to. */
static const char *invite(const char *name, const char *first, const char *second)
{
        const char *port = format_text("%u", door.number);
        struct process *broker = stage.broker->process;

        pump_once(0);
        broker->err.cursor = broker->err.size;
        char *code = strdup(
                pki_output(stage.pki, WORDS("invite", name, "--broker", url(), "--join-port", port, first, second)));
        (void)process_wait_log(broker, "Reloading config", SOON_MS);
        code[strcspn(code, "\n")] = '\0';
        return keep_text(code);
}

static const char *new_place(void)
{
        const char *place = work_path("place%u", n_places++);

        make_dir(place);
        return place;
}

static struct run join_node(const char *pi, const char *code)
{
        const char *const env[] = { format_text("SCONCE_ROOT=%s", pi), NULL };

        return sconce_wait(process_start(WORDS(build_path("sconce-pki"), "join", code),
                                         &(struct process_options){ .name = "sconce-pki", .env = env }));
}

static struct run as_person(const char *home, const char *const words[])
{
        const char *argv[8] = { build_path("sconce") };
        const char *const env[] = { format_text("XDG_CONFIG_HOME=%s", home), NULL };

        (void)put_words(argv + 1, words);
        return sconce_wait(process_start(argv, &(struct process_options){ .name = "sconce", .env = env }));
}

/* No line of the key's is in what was asked. */
static void assert_key_was_not_sent(const char *path)
{
        const struct message *message = client_wait(tap, "sconce-pki/#", NULL, NULL);
        CLEANUP_FREE char *key = read_file(path);
        char *rest = NULL;

        assert_non_null(key);
        assert_non_null(strstr(key, "PRIVATE KEY"));
        assert_non_null(strstr(message->payload, "CERTIFICATE REQUEST"));
        assert_null(strstr(message->payload, "PRIVATE"));
        for (char *line = strtok_r(key, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                assert_null(strstr(message->payload, line));
}

/* ---- A house ----------------------------------------------------------------------------------------------------- */

static void join__node_and_person__lamp_is_switched(void **state)
{
        const char *pi = new_place(), *home = new_place();

        (void)state;
        struct run run = join_node(pi, invite("attic", NULL, NULL));
        if (run.status != 0)
                give_up("join: %s", run.err);
        assert_has(run.out, "Installed node attic's certificate and key in ");
        assert_key_was_not_sent(format_text("%s/etc/sconce/certs/node.key", pi));
        CLEANUP_FREE char *config = read_file(format_text("%s/etc/sconce/sconce.conf", pi));
        assert_has(config, format_text("url = %s\n", url()));

        struct daemon *attic = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                    .broker = stage.broker,
                                                                    .pki = stage.pki,
                                                                    .cert = format_text("%s/etc/sconce/certs/node", pi),
                                                                    .devices = "[lamp light]\nline = 5\n" });
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);

        run = as_person(home, WORDS("join", invite("me", "--client", NULL)));
        if (run.status != 0)
                give_up("join: %s", run.err);
        assert_key_was_not_sent(format_text("%s/sconce/client.key", home));
        assert_run(as_person(home, WORDS("set", "attic/light", "on")), 0, "attic/light: done\n", "");
        (void)client_wait_json(stage.tester, "sconce/attic/light/state", "state", "ON");
}

/* ---- Codes that are over ----------------------------------------------------------------------------------------- */

static void assert_not_let_in(struct run run, const char *why)
{
        assert_int_equal(run.status, 1);
        assert_has(run.err, why);
}

static void assert_is_empty(const char *pi)
{
        assert_int_equal(access(format_text("%s/etc/sconce/certs/node.crt", pi), F_OK), -1);
        assert_int_equal(access(format_text("%s/etc/sconce/certs/node.key", pi), F_OK), -1);
}

static void join__code_used_before__is_refused(void **state)
{
        const char *code = invite("cellar", NULL, NULL), *second = new_place();

        (void)state;
        assert_int_equal(join_node(new_place(), code).status, 0);
        assert_not_let_in(join_node(second, code), "used already");
        assert_is_empty(second);
}

static bool is_past(void *userdata)
{
        return time(NULL) > *(const time_t *)userdata;
}

static void join__code_out_of_time__is_refused(void **state)
{
        const char *code = invite("garage", "--expires", "1s"), *pi = new_place();
        time_t end = time(NULL) + 1;

        (void)state;
        assert_true(pump_until(is_past, &end, SOON_MS));
        assert_not_let_in(join_node(pi, code), "out of time");
        assert_is_empty(pi);
}

static void join__next_code_for_a_name__ends_the_one_before(void **state)
{
        const char *first = invite("shed", NULL, NULL), *second = invite("shed", NULL, NULL);
        const char *pi = new_place();

        (void)state;
        assert_not_let_in(join_node(pi, first), "another one has taken its place");
        assert_is_empty(pi);
        assert_int_equal(join_node(pi, second).status, 0);
}

/* Typed at the wrong place, the code is still good at the right one. */
static void join__code_of_a_client_on_a_pi__is_not_used_up(void **state)
{
        const char *code = invite("phone", "--client", NULL), *pi = new_place();

        (void)state;
        assert_not_let_in(join_node(pi, code), "phone is a client's name: 'sconce join CODE'");
        assert_is_empty(pi);
        assert_int_equal(as_person(new_place(), WORDS("join", code)).status, 0);
}

static void join__name_mistyped__is_found_here(void **state)
{
        const char *code = invite("roof", NULL, NULL);

        (void)state;
        struct run run = join_node(new_place(), format_text("loft%s", strchr(code, ':')));
        assert_int_equal(run.status, 2);
        assert_has(run.err, "the code is mistyped");
}

/* Somebody has heard the request, and cannot answer it: it is sent again. */
static void join__signer_starts_meanwhile__is_waited_for(void **state)
{
        const char *code = invite("barn", NULL, NULL), *pi = new_place();
        const char *const env[] = { format_text("SCONCE_ROOT=%s", pi), NULL };

        (void)state;
        process_signal(signer, SIGTERM);
        assert_int_equal(process_wait(signer, SOON_MS), 0);
        struct process *join = process_start(WORDS(build_path("sconce-pki"), "join", code),
                                             &(struct process_options){ .name = "sconce-pki", .env = env });
        (void)process_wait_log(join, "waiting for the signer's answer …", SOON_MS);
        start_signer();
        assert_int_equal(sconce_wait(join).status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

static const struct CMUnitTest tests[] = {
        TEST(join__node_and_person__lamp_is_switched),
        TEST(join__code_used_before__is_refused),
        TEST(join__code_out_of_time__is_refused),
        TEST(join__next_code_for_a_name__ends_the_one_before),
        TEST(join__code_of_a_client_on_a_pi__is_not_used_up),
        TEST(join__name_mistyped__is_found_here),
        TEST(join__signer_starts_meanwhile__is_waited_for),
};

STAGE_MAIN(tests, open_all)
