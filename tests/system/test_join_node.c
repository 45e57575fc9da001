/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce-pki join` on a Pi that is a directory: what it leaves, that a node runs on it, and that it leaves nothing when it
 * fails. The signer is the test's own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/override.h"
#include "system/sconce.h"
#include "system/signer.h"
#include "system/tpm.h"
#include "util/cleanup.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct signer signer;
static unsigned n_pis;
static const char *pi; /* this test's */

static int open_all(void **state)
{
        int r = stage_open_bare(state);

        if (r == 0)
                signer_open(&signer, stage.pki, SIGNER_CODES_MAX);
        return r;
}

static int begin(void **state)
{
        (void)state;
        pi = work_path("pi%u", n_pis++);
        make_dir(pi);
        return 0;
}

static struct process *start_with(const char *variable, const char *other, const char *const words[])
{
        const char *argv[8] = { build_path("sconce-pki") };
        const char *const env[] = { format_text("SCONCE_ROOT=%s", pi), variable, other, NULL };

        (void)put_words(argv + 1, words);
        return process_start(argv, &(struct process_options){ .name = "sconce-pki", .env = env });
}

static struct process *start(const char *const words[])
{
        return start_with(NULL, NULL, words);
}

static const char *on_pi(const char *path)
{
        return format_text("%s/etc/sconce/%s", pi, path);
}

static void assert_nothing_is_left(void)
{
        static const char *const names[] = { "sconce.conf", "certs/node.crt", "certs/node.key", "certs/.new.node.key" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(access(on_pi(names[i]), F_OK), -1);
}

static const char *good_url(void)
{
        return format_text("mqtts://localhost:%u", stage.broker->port.number);
}

static void answer(const char *name, const char *kind)
{
        signer_answer(&signer, &(struct fake_offer){ .name = name, .kind = kind, .url = good_url(), .serial = 4711 });
}

static void run_attic(const char *const *env)
{
        struct daemon *attic = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                    .broker = stage.broker,
                                                                    .pki = stage.pki,
                                                                    .cert = on_pi("certs/node"),
                                                                    .devices = "[lamp light]\nline = 5\n",
                                                                    .env = env });
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        assert_run(RUN("tester", "set", "attic/light", "on"), 0, "attic/light: done\n", "");
        daemon_stop(attic);
        daemon_free(attic);
        client_forget(stage.tester);
}

static void join__good_code__a_node_runs_on_it(void **state)
{
        (void)state;
        struct process *process = start(WORDS("join", signer_code(&signer, "attic")));
        answer("attic", "node");
        struct run run = sconce_wait(process);
        assert_int_equal(run.status, 0);
        assert_string_equal(run.err, "");
        assert_has(run.out, format_text("Installed node attic's certificate and key in %s/etc/sconce/certs.\n", pi));
        assert_has(run.out, format_text("Wrote %s for the broker %s.\n", on_pi("sconce.conf"), good_url()));
        CLEANUP_FREE char *config = read_file(on_pi("sconce.conf"));
        assert_has(config, format_text("url = %s\n", good_url()));
        run_attic(NULL);
}

static void join__code_of_a_client__says_what_to_run(void **state)
{
        (void)state;
        struct process *process = start(WORDS("join", signer_code(&signer, "me")));
        answer("me", "client");
        assert_run(sconce_wait(process), 1, "", "sconce-pki: me is a client's name: run: sconce join CODE\n");
        assert_nothing_is_left();
}

static void join__signer_refuses__shows_its_sentence(void **state)
{
        (void)state;
        struct process *process = start(WORDS("join", signer_code(&signer, "attic")));
        signer_answer(&signer, &(struct fake_offer){ .error = "attic was revoked" });
        assert_run(sconce_wait(process), 1, "", "sconce-pki: the signer refuses: attic was revoked\n");
        assert_nothing_is_left();
}

static void join__wrong_words__say_what_is_allowed(void **state)
{
        static const struct {
                const char *words[4], *sentence;
        } table[] = {
                { { "join" },
                  "join takes the CODE that 'invite NAME' has printed on the broker's machine, or - for one on "
                  "standard input" },
                { { "join", "a", "b" }, "join takes one CODE" },
                { { "join", "--tmp", "a" }, "there is no option '--tmp' for join: there is --tpm" },
                { { "join", "hall" },
                  "this is not a code: it is NAME:SECRET@HOST[:PORT], as 'sconce-pki invite NAME' prints "
                  "it" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_run(sconce_wait(start(table[i].words)), 2, "",
                           format_text("sconce-pki: %s\nsconce-pki --help lists the commands\n", table[i].sentence));
        assert_nothing_is_left();
}

/* An address that would write lines of its own into the config is none. */
static void join__url_that_is_none__is_that_of_the_code(void **state)
{
        (void)state;
        struct process *process = start(WORDS("join", signer_code(&signer, "attic")));
        signer_answer(&signer, &(struct fake_offer){ .name = "attic",
                                                     .kind = "node",
                                                     .serial = 4711,
                                                     .url = "mqtts://broker\n[exec x]\ncommand = id" });
        assert_int_equal(sconce_wait(process).status, 0);
        CLEANUP_FREE char *config = read_file(on_pi("sconce.conf"));
        assert_has(config, "url = mqtts://127.0.0.1\n");
        assert_has_not(config, "exec");
}

/* ---- A key in the TPM -------------------------------------------------------------------------------------------- */

static void join__with_tpm__a_node_runs_on_it(void **state)
{
        (void)state;
        const char *const *env = tpm_start();
        struct process *process = start_with(env[0], env[1], WORDS("join", "--tpm", signer_code(&signer, "attic")));
        answer("attic", "node");
        struct run run = sconce_wait(process);
        assert_int_equal(run.status, 0);
        CLEANUP_FREE char *key = read_file(on_pi("certs/node.key"));
        assert_has(key, "-----BEGIN TSS2 PRIVATE KEY-----\n");
        run_attic(env);
}

static void join__no_provider_for_the_tpm__says_what_to_install(void **state)
{
        (void)state;
        assert_run(sconce_wait(start_with("TPM2OPENSSL_TCTI=none", format_text("OPENSSL_MODULES=%s", pi),
                                          WORDS("join", "--tpm", signer_code(&signer, "attic")))),
                   1, "",
                   "sconce-pki: OpenSSL cannot use the TPM: install its provider (sudo apt install tpm2-openssl), then "
                   "run this "
                   "again\n");
        assert_nothing_is_left();
}

/* The process sees a user sconce, in no group but its own. */
static void join__agent_may_not_use_the_tpm__says_what_to_run(void **state)
{
        static const struct {
                gid_t group;
                const char *sentence;
        } table[] = {
                { 4712,
                  "the agent's user sconce may not use the TPM: sudo usermod -aG tss sconce, then run this again" },
                { 0, "only root may use this machine's TPM: install the package tpm-udev, restart the machine, then "
                     "run this "
                     "again" },
        };
        const char *argv[] = { build_path("sconce-pki"), "join", "--tpm", signer_code(&signer, "attic"), NULL };
        const char *const env[] = { format_text("SCONCE_ROOT=%s", pi), NULL };
        const char *device = format_text("%s/dev/tpmrm0", pi);

        (void)state;
        override_needs_root("to replace /etc/passwd for one process");
        write_file(work_path("passwd"), "root:x:0:0::/root:/bin/sh\nsconce:x:4710:4711::/:/bin/false\n");
        write_file(work_path("group"), "root:x:0:\ntss:x:4712:\n");
        make_dir(format_text("%s/dev", pi));
        write_file(device, "%s", "");
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const struct process_options options = { .name = "sconce-pki", .env = env, .prepare = override_names };
                assert_int_equal(chown(device, 0, table[i].group), 0);
                assert_run(sconce_wait(process_start(argv, &options)), 1, "",
                           format_text("sconce-pki: %s\n", table[i].sentence));
        }
        assert_nothing_is_left();
}

static void join__no_tpm__says_so(void **state)
{
        (void)state;
        if (access("/dev/tpmrm0", F_OK) == 0) {
                print_message("skipped: this machine has a TPM\n");
                skip();
        }
        assert_run(sconce_wait(start(WORDS("join", "--tpm", signer_code(&signer, "attic")))), 1, "",
                   "sconce-pki: this machine has no TPM 2.0 that the kernel knows of: there is no /dev/tpmrm0; without "
                   "--tpm the "
                   "key is a file\n");
        assert_nothing_is_left();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, NULL)

static const struct CMUnitTest tests[] = {
        TEST(join__good_code__a_node_runs_on_it),
        TEST(join__code_of_a_client__says_what_to_run),
        TEST(join__signer_refuses__shows_its_sentence),
        TEST(join__wrong_words__say_what_is_allowed),
        TEST(join__url_that_is_none__is_that_of_the_code),
        TEST(join__with_tpm__a_node_runs_on_it),
        TEST(join__no_provider_for_the_tpm__says_what_to_install),
        TEST(join__agent_may_not_use_the_tpm__says_what_to_run),
        TEST(join__no_tpm__says_so),
};

STAGE_MAIN(tests, open_all)
