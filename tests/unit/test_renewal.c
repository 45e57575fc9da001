/* SPDX-License-Identifier: Apache-2.0 */
/* When the agent tries to renew its certificate, and when somebody hears that it does not work: in the time of a clock of the
 * test's own, over a session that never gets anywhere. The renewal itself is tested against a real broker. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "fakes/pem.h"
#include "renewal.h"
#include "util/log.h"

#define SECOND USEC_PER_SEC
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static struct pem_dir dir;
static char cert[PATH_MAX], key[PATH_MAX];
static struct loop loop;
static struct clock *wall;
static struct session *session;
static struct renewal *renewal;
static unsigned n_tries, n_warnings;
static char problem[512];

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)about;
        if (strstr(text, "the certificate is not renewed: "))
                n_tries++;
        if (level == LOG_WARNING && strstr(text, "renewing it does not work"))
                n_warnings++;
}

static void on_problem(void *userdata, const char *name, const char *text)
{
        (void)userdata;
        assert_string_equal(name, "certificate");
        (void)snprintf(problem, sizeof(problem), "%s", text ? text : "");
}

static void on_renewed(void *userdata)
{
        (void)userdata;
        fail_msg("nobody has signed anything");
}

static void connect_over(const char *url)
{
        static const struct session_handlers handlers;
        static struct tls_options tls;
        static const char *urls[1];
        static struct session_options options;

        tls = (struct tls_options){ .ca = cert, .cert = cert, .key = key };
        urls[0] = url;
        options = (struct session_options){ .urls = urls, .n_urls = 1, .client_id = "hall", .tls = &tls };
        assert_int_equal(session_new(&loop, &options, &handlers, NULL, &session), 0);
        assert_int_equal(session_start(session), 0);
        renewal_connected(renewal, session);
}

static int setup(void **state)
{
        struct renewal_options options = { .loop = &loop, .problem = on_problem, .renewed = on_renewed };

        (void)state;
        if (pem_dir_make(&dir) < 0 || loop_init_fake(&loop) < 0 || clock_new(&loop, CLOCK_MODE_TRUSTED, &wall) < 0)
                return -1;
        (void)snprintf(cert, sizeof(cert), "%s", pem_path(&dir, "hall.crt"));
        (void)snprintf(key, sizeof(key), "%s", pem_path(&dir, "hall.key"));
        n_tries = n_warnings = 0;
        problem[0] = '\0';
        log_set_sink(on_log, NULL);
        log_set_level(LOG_DEBUG);
        options.clock = wall;
        return renewal_new(&options, &renewal);
}

static int teardown(void **state)
{
        (void)state;
        renewal_free(renewal);
        session_free(session);
        session = NULL;
        clock_free(wall);
        loop_done(&loop);
        log_set_level(LOG_INFO);
        log_set_sink(NULL, NULL);
        pem_dir_remove(&dir);
        return 0;
}

/* From 10 days ago on: two thirds are over in 36 days and 16 hours, with 23 days left. */
static void look__two_thirds_over__tries_and_waits_longer_each_time(void **state)
{
        static const struct {
                uint64_t wait_us;
                unsigned n_tries;
        } steps[] = {
                { 36 * DAY + 15 * HOUR, 0 },
                { 2 * HOUR, 6 }, /* after 0, 1, 3, 7, 15, 31 minutes, and not yet after 63 */
                { 2 * HOUR, 8 },
                { DAY, 13 }, /* after 255 and 511 minutes, then each 6 hours */
                { 6 * HOUR, 14 },
                { 6 * HOUR, 15 },
        };

        (void)state;
        pem_pair(&dir, "hall", 60);
        connect_over("mqtts://127.0.0.1:1");
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                loop_advance(&loop, steps[i].wait_us);
                assert_int_equal(n_tries, steps[i].n_tries);
        }
        assert_int_equal(n_warnings, 0);
        assert_string_equal(problem, "");
        /* Somebody has mended it, or thinks so. */
        renewal_look_now(renewal);
        loop_advance(&loop, MINUTE / 2);
        assert_int_equal(n_tries, 16);
}

static void look__fourteen_days_left__a_problem_that_is_logged_once_a_day(void **state)
{
        (void)state;
        pem_pair(&dir, "hall", 60);
        connect_over("mqtts://127.0.0.1:1");
        loop_advance(&loop, 45 * DAY + 12 * HOUR);
        assert_int_equal(n_warnings, 0);
        loop_advance(&loop, DAY);
        assert_int_equal(n_warnings, 1);
        assert_non_null(strstr(problem, "the certificate ends in 13 days, and renewing it does not work: "));
        loop_advance(&loop, 3 * DAY);
        assert_int_equal(n_warnings, 4);
        assert_non_null(strstr(problem, "ends in 10 days"));
        /* By hand. */
        pem_pair(&dir, "hall", 200);
        loop_advance(&loop, 7 * HOUR);
        assert_string_equal(problem, "");
}

static void look__connection_lost__nothing_is_tried(void **state)
{
        (void)state;
        pem_pair(&dir, "hall", 3);
        connect_over("mqtts://127.0.0.1:1");
        loop_advance(&loop, SECOND);
        assert_int_equal(n_tries, 1);
        renewal_lost(renewal);
        loop_advance(&loop, DAY);
        assert_int_equal(n_tries, 1);
        /* The pause goes on over a reconnect, and is over by now. */
        renewal_connected(renewal, session);
        loop_advance(&loop, SECOND);
        assert_int_equal(n_tries, 2);
        renewal_lost(renewal);
        renewal_connected(renewal, session);
        loop_advance(&loop, SECOND);
        assert_int_equal(n_tries, 2);
}

static void look__plain_connection_or_no_certificate__has_nothing_to_renew(void **state)
{
        (void)state;
        pem_pair(&dir, "hall", 3);
        connect_over("mqtt://127.0.0.1:1");
        loop_advance(&loop, DAY);
        session_free(session);
        (void)remove(cert);
        connect_over("mqtts://127.0.0.1:1");
        loop_advance(&loop, DAY);
        assert_int_equal(n_tries, 0);
        assert_string_equal(problem, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TEST(look__two_thirds_over__tries_and_waits_longer_each_time),
                TEST(look__fourteen_days_left__a_problem_that_is_logged_once_a_day),
                TEST(look__connection_lost__nothing_is_tried),
                TEST(look__plain_connection_or_no_certificate__has_nothing_to_renew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
