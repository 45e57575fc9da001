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

#include "system/joining.h"
#include "system/pki.h"
#include "system/stage.h"
#include "util/cleanup.h"

/* No line of the key's is in what was asked. */
static void assert_key_was_not_sent(const char *path)
{
        const struct message *message = client_wait(joining.tap, "sconce-pki/#", NULL, NULL);
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
        const char *pi = joining_place(), *home = joining_place();

        (void)state;
        struct run run = joining_node(pi, joining_invite("attic", NULL, NULL));
        if (run.status != 0)
                give_up("join: %s", run.err);
        assert_has(run.out, "Installed node attic's certificate and key in ");
        assert_key_was_not_sent(format_text("%s/etc/sconce/certs/node.key", pi));
        CLEANUP_FREE char *config = read_file(format_text("%s/etc/sconce/sconce.conf", pi));
        assert_has(config, format_text("url = %s\n", joining_url()));

        struct daemon *attic = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                    .broker = stage.broker,
                                                                    .pki = stage.pki,
                                                                    .cert = format_text("%s/etc/sconce/certs/node", pi),
                                                                    .devices = "[lamp light]\nline = 5\n" });
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);

        run = joining_person(home, WORDS("join", joining_invite("me", "--client", NULL)));
        if (run.status != 0)
                give_up("join: %s", run.err);
        assert_key_was_not_sent(format_text("%s/sconce/client.key", home));
        assert_run(joining_person(home, WORDS("set", "attic/light", "on")), 0, "attic/light: done\n", "");
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
        const char *code = joining_invite("cellar", NULL, NULL), *second = joining_place();

        (void)state;
        assert_int_equal(joining_node(joining_place(), code).status, 0);
        assert_not_let_in(joining_node(second, code), "used already");
        assert_is_empty(second);
}

static bool is_past(void *userdata)
{
        return time(NULL) > *(const time_t *)userdata;
}

static void join__code_out_of_time__is_refused(void **state)
{
        const char *code = joining_invite("garage", "--expires", "1s"), *pi = joining_place();
        time_t end = time(NULL) + 1;

        (void)state;
        assert_true(pump_until(is_past, &end, SOON_MS));
        assert_not_let_in(joining_node(pi, code), "out of time");
        assert_is_empty(pi);
}

static void join__next_code_for_a_name__ends_the_one_before(void **state)
{
        const char *first = joining_invite("shed", NULL, NULL), *second = joining_invite("shed", NULL, NULL);
        const char *pi = joining_place();

        (void)state;
        assert_not_let_in(joining_node(pi, first), "another one has taken its place");
        assert_is_empty(pi);
        assert_int_equal(joining_node(pi, second).status, 0);
}

/* Typed at the wrong place, the code is still good at the right one. */
static void join__code_of_a_client_on_a_pi__is_not_used_up(void **state)
{
        const char *code = joining_invite("phone", "--client", NULL), *pi = joining_place();

        (void)state;
        assert_not_let_in(joining_node(pi, code), "phone is a client's name: 'sconce join CODE'");
        assert_is_empty(pi);
        assert_int_equal(joining_person(joining_place(), WORDS("join", code)).status, 0);
}

static void join__name_mistyped__is_found_here(void **state)
{
        const char *code = joining_invite("roof", NULL, NULL);

        (void)state;
        struct run run = joining_node(joining_place(), format_text("loft%s", strchr(code, ':')));
        assert_int_equal(run.status, 2);
        assert_has(run.err, "the code is mistyped");
}

/* Somebody has heard the request, and cannot answer it: it is sent again. */
static void join__signer_starts_meanwhile__is_waited_for(void **state)
{
        const char *code = joining_invite("barn", NULL, NULL), *pi = joining_place();

        (void)state;
        process_signal(joining.signer, SIGTERM);
        assert_int_equal(process_wait(joining.signer, SOON_MS), 0);
        struct process *join = joining_node_start(pi, code);
        (void)process_wait_log(join, "waiting for the signer's answer …", SOON_MS);
        joining_start_signer(stage.broker);
        assert_int_equal(sconce_wait(join).status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, joining_begin, joining_finish)

static const struct CMUnitTest tests[] = {
        TEST(join__node_and_person__lamp_is_switched),
        TEST(join__code_used_before__is_refused),
        TEST(join__code_out_of_time__is_refused),
        TEST(join__next_code_for_a_name__ends_the_one_before),
        TEST(join__code_of_a_client_on_a_pi__is_not_used_up),
        TEST(join__name_mistyped__is_found_here),
        TEST(join__signer_starts_meanwhile__is_waited_for),
};

STAGE_MAIN(tests, joining_open)
