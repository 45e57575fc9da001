/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cleanup.h"

static int stderr_before = -1, ends[2] = { -1, -1 }, journal = -1;

/* stderr into a pipe, which holds a few lines without a reader. */
static int setup(void **state)
{
        (void)state;
        stderr_before = dup(STDERR_FILENO);
        return pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)dup2(stderr_before, STDERR_FILENO);
        (void)unsetenv("JOURNAL_STREAM");
        log_open();
        log_limit(0, 0);
        log_set_level(LOG_INFO);
        cleanup_closep(&stderr_before);
        cleanup_closep(&ends[0]);
        cleanup_closep(&ends[1]);
        cleanup_closep(&journal);
        return 0;
}

/* What has been written since the last time; something must have been. */
static const char *written(void)
{
        static char text[4096];

        ssize_t got = read(ends[0], text, sizeof(text) - 1);
        assert_true(got > 0);
        text[got] = '\0';
        return text;
}

static void log_write__stderr__has_priority_and_device(void **state)
{
        (void)state;
        log_warning("the %s", "broker");
        assert_string_equal(written(), "<4>the broker\n");
        log_write(LOG_ERR, &(const struct log_about){ .device = "kitchen" }, "line %d", 17);
        assert_string_equal(written(), "<3>kitchen: line 17\n");
}

static void log_write__to_people__no_priority(void **state)
{
        (void)state;
        log_to_people();
        log_warning("the broker");
        assert_string_equal(written(), "the broker\n");
        log_write(LOG_ERR, &(const struct log_about){ .device = "kitchen" }, "line 17");
        assert_string_equal(written(), "kitchen: line 17\n");
}

static void log_open__terminal__no_priority(void **state)
{
        CLEANUP_CLOSE int screen = -1, terminal = -1;
        char text[64] = "";
        size_t size = 0;

        (void)state;
        assert_int_equal(openpty(&screen, &terminal, NULL, NULL, NULL), 0);
        assert_true(dup2(terminal, STDERR_FILENO) >= 0);
        log_open();
        log_warning("the broker");
        /* The kernel may hand a line over in pieces. */
        while (!strchr(text, '\n')) {
                ssize_t got = read(screen, text + size, sizeof(text) - 1 - size);
                assert_true(got > 0);
                size += (size_t)got;
                text[size] = '\0';
        }
        assert_string_equal(text, "the broker\r\n");
}

static void log_write__control_characters__stay_on_their_line(void **state)
{
        (void)state;
        log_info("a%sb", "\n<0>forged\x1b[31m\x7f");
        assert_string_equal(written(), "<6>a?<0>forged?[31m?b\n");
}

/* A topic or a payload may hold anything: the second set of control characters, marks that turn the direction of
 * writing, bytes that are not UTF-8. */
static void log_write__unfit_characters__do_not_reach_a_terminal(void **state)
{
        (void)state;
        log_info("K\xc3\xbc"
                 "che \xc2\x9b"
                 "31m \xe2\x80\xae"
                 "nwod \xe2\x81\xa6 \xd8\x9c \x9b"
                 "31m \xff\xc3");
        assert_string_equal(written(), "<6>K\xc3\xbc"
                                       "che ?31m ?nwod ? ? ?31m ??\n");
}

static void log_write__less_important_than_the_level__not_written(void **state)
{
        int level;

        (void)state;
        assert_int_equal(log_level_from_name("warning", &level), 0);
        log_set_level(level);
        log_notice("first");
        log_warning("second");
        assert_string_equal(written(), "<4>second\n");
        assert_true(log_level_from_name("loud", &level) < 0);
}

/* ---- The journal ------------------------------------------------------------------------------------------------- */

static void name_stderr(unsigned more)
{
        char stream[64];
        struct stat st;

        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + more);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        log_open();
}

static void log_open__journal_stream_of_another_file__stderr_is_used(void **state)
{
        (void)state;
        name_stderr(1);
        log_info("hello");
        assert_string_equal(written(), "<6>hello\n");
}

/* In a mount namespace of our own, where /run is empty. */
static void listen_as_journald(void)
{
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0) {
                print_message("skipped: needs root to take the journal's place for one process\n");
                skip();
        }
        assert_int_equal(mkdir("/run/systemd", 0755), 0);
        assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(journal, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void log_write__stderr_is_the_journal__fields(void **state)
{
        char entry[4096];

        (void)state;
        listen_as_journald();
        name_stderr(0);
        log_write(LOG_WARNING, &(const struct log_about){ .device = "kitchen", .topic = "sconce/hall/kitchen/set" },
                  "no %s", "good");
        ssize_t got = recv(journal, entry, sizeof(entry) - 1, 0);
        assert_true(got > 0);
        entry[got] = '\0';
        assert_non_null(strstr(entry, "MESSAGE=kitchen: no good\n"));
        assert_non_null(strstr(entry, "PRIORITY=4\n"));
        assert_non_null(strstr(entry, "DEVICE=kitchen\n"));
        assert_non_null(strstr(entry, "TOPIC=sconce/hall/kitchen/set\n"));
        assert_null(strstr(entry, "PLUGIN="));
}

static void log_limit__too_many_lines__are_counted(void **state)
{
        (void)state;
        log_limit(1, 3);
        for (int i = 0; i < 1000; i++)
                log_warning("no %d", i);
        assert_string_equal(written(), "<4>no 0\n<4>no 1\n<4>no 2\n");
        log_set_level(LOG_DEBUG);
        log_debug("looked at");
        assert_string_equal(written(), "<7>looked at\n");
        log_limit_pass(2);
        log_warning("more");
        assert_string_equal(written(), "<4>997 lines were dropped here: they came too fast\n<4>more\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(log_write__stderr__has_priority_and_device),
                TEST(log_write__to_people__no_priority),
                TEST(log_open__terminal__no_priority),
                TEST(log_write__control_characters__stay_on_their_line),
                TEST(log_write__unfit_characters__do_not_reach_a_terminal),
                TEST(log_write__less_important_than_the_level__not_written),
                TEST(log_open__journal_stream_of_another_file__stderr_is_used),
                TEST(log_write__stderr_is_the_journal__fields),
                TEST(log_limit__too_many_lines__are_counted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
