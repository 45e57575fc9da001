/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce join` as a person runs it: what it leaves, and that it leaves nothing when it fails. */
#include <errno.h>
#include <fcntl.h>
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

#include "system/sconce.h"
#include "system/signer.h"
#include "util/cleanup.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct signer signer;
static unsigned n_homes;
static const char *home; /* this test's ~/.config */

static int open_all(void **state)
{
        int r = stage_open(state);

        if (r == 0)
                signer_open(&signer, stage.pki, SIGNER_CODES_MAX);
        return r;
}

/* Broker and signer stay for all tests, as those of the stage do not. */
static int begin(void **state)
{
        (void)state;
        home = work_path("home%u", n_homes++);
        return 0;
}

static int take_stdin(void *userdata)
{
        int fd = open(userdata, O_RDONLY | O_CLOEXEC);

        return fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO ? 0 : -1;
}

static struct process *start(const char *in, const char *const words[])
{
        const char *argv[8] = { build_path("sconce") };
        const char *const env[] = { format_text("XDG_CONFIG_HOME=%s", home), NULL };
        const struct process_options options = {
                .name = "sconce", .env = env, .prepare = in ? take_stdin : NULL, .userdata = (void *)(uintptr_t)in
        };

        argv[1 + put_words(argv + 1, words)] = NULL;
        return process_start(argv, &options);
}

static const char *in_home(const char *name)
{
        return format_text("%s/sconce/%s", home, name);
}

static const char *good_url(void)
{
        return format_text("mqtts://localhost:%u", stage.broker->port.number);
}

static void answer(const char *name, const char *kind)
{
        signer_answer(&signer, &(struct fake_offer){ .name = name, .kind = kind, .url = good_url(), .serial = 4711 });
}

static const char *wrote(void)
{
        return format_text("Wrote tester's certificate, key and client.conf for the broker %s into %s/sconce.\n",
                           good_url(), home);
}

static void assert_mode_of(const char *name, unsigned mode)
{
        struct stat st;

        assert_int_equal(stat(in_home(name), &st), 0);
        assert_int_equal(st.st_mode & 07777, mode);
}

/* No line of the key has passed the broker. */
static void assert_key_is_secret(void)
{
        CLEANUP_FREE char *key = read_file(in_home("client.key"));
        char *rest = NULL;

        assert_non_null(key);
        assert_non_null(strstr(key, "PRIVATE KEY"));
        for (char *line = strtok_r(key, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                const struct message *message = client_newest(signer.client, signer_request_topic(&signer));
                assert_non_null(message);
                assert_null(strstr(message->payload, line));
                assert_null(strstr(message->payload, "PRIVATE"));
        }
}

static void assert_nothing_is_left(void)
{
        static const char *const names[] = { "client.conf", "client.crt", "client.key",
                                             "ca.crt",      "crl.pem",    ".new.client.key" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(access(in_home(names[i]), F_OK), -1);
}

static void join__good_code__list_works_at_once(void **state)
{
        (void)state;
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "tester")));
        answer("tester", "client");
        assert_run(sconce_wait(process), 0, wrote(), "");
        assert_mode_of("client.key", 0600);
        assert_mode_of("client.crt", 0644);
        assert_mode_of("client.conf", 0644);
        assert_key_is_secret();

        struct run list = sconce_wait(start(NULL, WORDS("list")));
        assert_int_equal(list.status, 0);
        assert_has(list.out, "hall kitchen Kitchen ceiling");
}

static void join__code_on_standard_input__works_as_well(void **state)
{
        const char *path = work_path("code");

        (void)state;
        write_file(path, "  %s  \n", signer_code(&signer, "tester"));
        struct process *process = start(path, WORDS("join", "-"));
        answer("tester", "client");
        assert_run(sconce_wait(process), 0, wrote(), "");
        assert_run(sconce_wait(start("/dev/null", WORDS("join", "-"))), 2, "",
                   "sconce: there is no code on standard input: it is one line\n");
}

static void join__config_is_there__is_kept_beside(void **state)
{
        (void)state;
        make_dir(home);
        make_dir(in_home(""));
        write_file(in_home("client.conf"), "%s", "of before\n");
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "tester")));
        answer("tester", "client");
        assert_run(sconce_wait(process), 0,
                   format_text("%sWhat was there is kept beside: client.conf.before.\n", wrote()), "");
        CLEANUP_FREE char *kept = read_file(in_home("client.conf.before"));
        assert_string_equal(kept, "of before\n");
}

static void join__directory_with_odd_name__config_is_read(void **state)
{
        (void)state;
        home = work_path("it's \"#\" 1\\2");
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "tester")));
        answer("tester", "client");
        assert_run(sconce_wait(process), 0, wrote(), "");
        assert_int_equal(sconce_wait(start(NULL, WORDS("list"))).status, 0);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static void join__code_of_a_node__says_what_to_run(void **state)
{
        (void)state;
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "hall")));
        answer("hall", "node");
        assert_run(sconce_wait(process), 1, "", "sconce: hall is a node's name: run: sudo sconce-pki join CODE\n");
        assert_nothing_is_left();
}

static void join__answer_for_another_name__is_refused(void **state)
{
        (void)state;
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "phone")));
        answer("tester", "client");
        assert_run(sconce_wait(process), 1, "",
                   "sconce: the code is phone's, and the signer's answer is for another name: nothing was changed\n");
        assert_nothing_is_left();
}

static void join__signer_refuses__shows_its_sentence(void **state)
{
        (void)state;
        struct process *process = start(NULL, WORDS("join", signer_code(&signer, "tester")));
        signer_answer(&signer, &(struct fake_offer){ .error = "tester was revoked meanwhile\x1b[2J" });
        assert_run(sconce_wait(process), 1, "", "sconce: the signer refuses: tester was revoked meanwhile?[2J\n");
        assert_nothing_is_left();
}

static void join__code_that_the_broker_does_not_know__is_refused(void **state)
{
        struct code code = { .name = "tester", .host = "127.0.0.1", .port = (uint16_t)signer.broker->port.number };
        char text[CODE_TEXT_MAX];

        (void)state;
        assert_int_equal(code_draw(&code, NULL), 0);
        code_text(&code, text);
        assert_run(
                sconce_wait(start(NULL, WORDS("join", text))), 1, "",
                format_text(
                        "sconce: the broker at 127.0.0.1:%u does not know the code yet, trying again …\n"
                        "sconce: the broker at 127.0.0.1:%u refuses the code: it was used already, is out of time, or "
                        "another one has taken its place; make a new one with 'sconce-pki invite tester'\n",
                        code.port, code.port));
        assert_nothing_is_left();
}

static void join__mistyped__is_a_wrong_word(void **state)
{
        char *text = strdup(signer_code(&signer, "tester"));

        (void)state;
        char *first = text + strlen("tester:");
        *first = *first == 'a' ? 'b' : 'a';
        struct run run = sconce_wait(start(NULL, WORDS("join", text)));
        free(text);
        assert_int_equal(run.status, 2);
        assert_has(run.err, "the code is mistyped");
}

static void join__nobody_signs__ends_with_the_time(void **state)
{
        (void)state;
        assert_run(sconce_wait(start(NULL, WORDS("join", signer_code(&signer, "tester"), "--timeout", "1s"))), 3, "",
                   "sconce: no answer from the signer within 1 s: is sconce-pki.service running on the broker's "
                   "machine?\n");
        assert_nothing_is_left();
}

/* The code is not spent on it. */
static void join__directory_cannot_be_made__nobody_is_asked(void **state)
{
        const char *code = signer_code(&signer, "tester");

        (void)state;
        write_file(home, "%s", "a file");
        struct run run = sconce_wait(start(NULL, WORDS("join", code)));
        assert_int_equal(run.status, 1);
        assert_has(run.err, "cannot be created: Not a directory; nothing was installed");

        home = work_path("home%u", n_homes++);
        struct process *process = start(NULL, WORDS("join", code));
        answer("tester", "client");
        assert_int_equal(sconce_wait(process).status, 0);
        assert_int_equal(client_count(signer.client, signer_request_topic(&signer)), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, NULL)

static const struct CMUnitTest tests[] = {
        TEST(join__good_code__list_works_at_once),
        TEST(join__code_on_standard_input__works_as_well),
        TEST(join__config_is_there__is_kept_beside),
        TEST(join__directory_with_odd_name__config_is_read),
        TEST(join__code_of_a_node__says_what_to_run),
        TEST(join__answer_for_another_name__is_refused),
        TEST(join__signer_refuses__shows_its_sentence),
        TEST(join__code_that_the_broker_does_not_know__is_refused),
        TEST(join__mistyped__is_a_wrong_word),
        TEST(join__nobody_signs__ends_with_the_time),
        TEST(join__directory_cannot_be_made__nobody_is_asked),
};

STAGE_MAIN(tests, open_all)
