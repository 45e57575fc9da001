/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce-broker-setup` on a machine that is a directory: what it makes, what it leaves alone, and that
 * mosquitto is never left with a drop-in that it does not start with. systemctl is a stand-in that notes how
 * it was called. */
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

#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define DROP_IN "root/etc/mosquitto/conf.d/sconce.conf"

static void write_systemctl(const char *script)
{
        write_file(work_path("tools/systemctl"), "#!/bin/sh\necho systemctl \"$@\" >>\"$CALLED\"\n%s\n",
                   script);
        assert_int_equal(chmod(work_path("tools/systemctl"), 0700), 0);
}

static int setup(void **state)
{
        static const char *const dirs[] = { "tools",
                                            "root",
                                            "root/etc",
                                            "root/etc/mosquitto",
                                            "root/etc/mosquitto/conf.d",
                                            "root/run",
                                            "root/run/systemd",
                                            "root/run/systemd/system" };
        (void)state;
        workdir_make();
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                make_dir(work_path("%s", dirs[i]));
        write_file(work_path("called"), "%s", "");
        write_systemctl("");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        process_free_all();
        workdir_remove();
        return 0;
}

static struct process *run(int expected, const char *host, const char *address)
{
        char path[PATH_MAX], root[PATH_MAX], called[PATH_MAX];
        const char *const env[] = { path, root, called, NULL };
        int status;

        (void)snprintf(path, sizeof(path), "PATH=%s:%s", work_path("tools"), getenv("PATH"));
        (void)snprintf(root, sizeof(root), "SCONCE_ROOT=%s", work_path("root"));
        (void)snprintf(called, sizeof(called), "CALLED=%s", work_path("called"));
        struct process *p = process_run(WORDS(source_path("certs/sconce-broker-setup"), host, address),
                                        &(struct process_options){ .name = "setup", .env = env }, &status);
        if (status != expected)
                give_up("it ended with %d, not %d", status, expected);
        return p;
}

static bool is_there(const char *name)
{
        return access(work_path("%s", name), F_OK) == 0;
}

static void assert_same(const char *path, const char *other)
{
        CLEANUP_FREE char *text = read_file(path), *wanted = read_file(other);

        assert_non_null(text);
        assert_non_null(wanted);
        assert_string_equal(text, wanted);
}

static void assert_calls(const char *wanted)
{
        CLEANUP_FREE char *calls = read_file(work_path("called"));

        assert_string_equal(calls, wanted);
}

static void first_time__all_is_made_and_mosquitto_started_again(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", "192.168.1.10");
        assert_true(is_there("root/etc/sconce/pki/ca.crt"));
        assert_true(is_there("root/etc/sconce/pki/crl.pem"));
        assert_true(is_there("root/etc/sconce/pki/sconce.acl"));
        assert_true(is_there("root/etc/sconce/pki/broker.key"));
        assert_true(is_there("root/etc/sconce/pki/issued/broker.lan.crt"));
        assert_same(work_path(DROP_IN), source_path("etc/mosquitto/sconce.conf"));
        assert_false(is_there(DROP_IN ".new"));
        assert_calls("systemctl restart mosquitto\nsystemctl --quiet is-active mosquitto\n");
}

static void again__nothing_is_made_anew(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", NULL);
        CLEANUP_FREE char *key = read_file(work_path("root/etc/sconce/pki/ca.key"));
        CLEANUP_FREE char *cert = read_file(work_path("root/etc/sconce/pki/issued/broker.lan.crt"));
        write_file(work_path(DROP_IN), "# mine\n");
        struct process *p = run(0, "other.lan", NULL);
        assert_non_null(strstr(p->out.text, "Kept the broker's certificate"));
        assert_non_null(strstr(p->out.text, "sconce.conf as it is"));
        assert_false(is_there("root/etc/sconce/pki/issued/other.lan.crt"));
        CLEANUP_FREE char *key_now = read_file(work_path("root/etc/sconce/pki/ca.key"));
        CLEANUP_FREE char *cert_now = read_file(work_path("root/etc/sconce/pki/issued/broker.lan.crt"));
        assert_string_equal(key_now, key);
        assert_string_equal(cert_now, cert);
        CLEANUP_FREE char *drop_in = read_file(work_path(DROP_IN));
        assert_string_equal(drop_in, "# mine\n");
}

static void mosquitto_does_not_start__drop_in_is_taken_away(void **state)
{
        (void)state;
        write_systemctl("[ ! -e \"$SCONCE_ROOT/etc/mosquitto/conf.d/sconce.conf\" ]");
        struct process *p = run(1, "broker.lan", NULL);
        assert_non_null(strstr(p->err.text, "was therefore taken away again"));
        assert_false(is_there(DROP_IN));
        assert_calls("systemctl restart mosquitto\nsystemctl restart mosquitto\n");
        /* When the cause is gone, the same command goes on from there. */
        write_systemctl("");
        (void)run(0, NULL, NULL);
        assert_true(is_there(DROP_IN));
}

static void no_host__is_asked_for_and_nothing_made(void **state)
{
        (void)state;
        struct process *p = run(2, NULL, NULL);
        assert_non_null(strstr(p->err.text, "a HOST is missing"));
        assert_false(is_there("root/etc/sconce"));
        assert_false(is_there(DROP_IN));
        assert_calls("");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(first_time__all_is_made_and_mosquitto_started_again),
                TEST(again__nothing_is_made_anew),
                TEST(mosquitto_does_not_start__drop_in_is_taken_away),
                TEST(no_host__is_asked_for_and_nothing_made),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
