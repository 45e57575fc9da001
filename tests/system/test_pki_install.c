/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconce-pki install` on a Pi that is a directory: what goes where with which mode, what it states while the user and
 * the service are not there yet, and that a tar which is not ours leaves nothing behind. systemctl is a stand-in that
 * notes how it was called; for root /etc/group is one, too.
 */
#include <pwd.h>
#include <limits.h>
#include <sched.h>
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
#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

static const char *pki, *tools, *called;
static unsigned n_pis;
static const char *pi; /* this test's */

static void write_tool(const char *name, const char *script)
{
        const char *path = work_path("tools/%s", name);

        write_file(path, "#!/bin/sh\n%s\n", script);
        assert_int_equal(chmod(path, 0700), 0);
}

static int setup(void **state)
{
        (void)state;
        workdir_make();
        pki = pki_make("pki");
        PKI_RUN(pki, "node", "hall");
        tools = work_path("tools");
        called = work_path("called");
        make_dir(tools);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        process_free_all();
        workdir_remove();
        return 0;
}

#define SCONCE_UID 4710
#define SCONCE_GID 4711
#define ROOT_ALONE "root:x:0:0::/root:/bin/sh\n"

/* The one that comes with the package; needs root. */
static void has_user(void)
{
        override_needs_root("to replace /etc/passwd for one process");
        write_file(work_path("passwd"), ROOT_ALONE "sconce:x:%d:%d::/:/bin/false\n", SCONCE_UID, SCONCE_GID);
}

/* Who is not root has the machine's own users. */
static void has_no_user(void)
{
        if (geteuid() == 0 || !getpwnam("sconce"))
                return;
        print_message("skipped: this machine has a user sconce\n");
        skip();
}

/* A fresh Pi: no user sconce, no systemd. */
static int fresh(void **state)
{
        (void)state;
        pi = work_path("pi%u", n_pis++);
        make_dir(pi);
        write_file(called, "%s", "");
        write_file(work_path("passwd"), ROOT_ALONE);
        write_tool("systemctl", "echo systemctl \"$@\" >>\"$CALLED\"");
        return 0;
}

static int after(void **state)
{
        (void)state;
        process_free_all();
        return 0;
}

static struct process *install_at(const char *root, const char *tar, int *ret_status)
{
        char path[PATH_MAX], at[PATH_MAX], calls[PATH_MAX];
        const char *const env[] = { path, at, calls, NULL };

        (void)snprintf(path, sizeof(path), "PATH=%s:%s", tools, getenv("PATH"));
        (void)snprintf(at, sizeof(at), "SCONCE_ROOT=%s", root);
        (void)snprintf(calls, sizeof(calls), "CALLED=%s", called);
        return process_run(WORDS(build_path("sconce-pki"), "install", tar),
                           &(struct process_options){ .name = "sconce-pki",
                                                      .env = env,
                                                      .prepare = geteuid() == 0 ? override_names : NULL },
                           ret_status);
}

static const char *installed(const char *tar)
{
        int status;

        struct process *p = install_at(pi, tar, &status);
        if (status != 0)
                give_up("install ended with %d", status);
        const char *text = keep_text(strdup(p->out.text));
        process_free(p);
        return text;
}

static void assert_refused(const char *tar, const char *reason)
{
        char wanted[1024];
        int status;

        struct process *p = install_at(pi, tar, &status);
        (void)snprintf(wanted, sizeof(wanted), "sconce-pki: %s: %s\n", tar, reason);
        assert_string_equal(p->err.text ? p->err.text : "", wanted);
        assert_int_equal(status, 1);
        process_free(p);
        assert_int_equal(rmdir(pi), 0); /* nothing was put there */
        make_dir(pi);
}

static const char *hall_tar(void)
{
        return pki_issued(pki, "hall.tar");
}

static const char *on_pi(const char *path)
{
        char *whole = NULL;
        if (asprintf(&whole, "%s%s", pi, path) < 0)
                whole = NULL;
        return keep_text(whole);
}

static void shell(const char *script, const char *argument)
{
        int status;

        struct process *p = process_run(WORDS("sh", "-euc", script, argument, pki, work_path(".")), NULL, &status);
        if (status != 0)
                give_up("a test's script failed");
        process_free(p);
}

/* The good tar with one change: `script` runs in a directory with its members, and "$OUT" is made of what it leaves. */
static const char *changed_tar(const char *name, const char *script)
{
        const char *tar = work_path("%s.tar", name);
        char whole[2048];

        (void)snprintf(whole, sizeof(whole),
                       "dir=\"$2/members-%s\"; mkdir \"$dir\"; cd \"$dir\"; tar -xf \"$1/issued/hall.tar\"; "
                       "FILES='ca.crt crl.pem"
                       " node.crt node.key broker.url'; OPTIONS=; %s; tar $OPTIONS -cf \"$0\" $FILES",
                       name, script);
        shell(whole, tar);
        return tar;
}

/* ---- What it puts in place ----------------------------------------------------------------------------------- */

static void install__no_user_no_service__reports_it_and_is_content(void **state)
{
        char wanted[2048];

        (void)state;
        has_no_user();
        const char *output = installed(hall_tar());
        (void)snprintf(wanted, sizeof(wanted),
                       "Installed node hall's certificate and key in %s/etc/sconce/certs.\n"
                       "The user sconce does not exist yet, so only root can read node.key: install the package "
                       "sconce, then run"
                       " this again.\n"
                       "Wrote %s/etc/sconce/sconce.conf for the broker mqtts://localhost:8883.\n"
                       "systemd does not run here: start sconced by hand.\n",
                       pi, pi);
        assert_string_equal(output, wanted);
        assert_mode(on_pi("/etc/sconce"), 0755);
        assert_mode(on_pi("/etc/sconce/certs"), 0755);
        assert_mode(on_pi("/etc/sconce/certs/ca.crt"), 0644);
        assert_mode(on_pi("/etc/sconce/certs/crl.pem"), 0644);
        assert_mode(on_pi("/etc/sconce/certs/node.crt"), 0644);
        assert_mode(on_pi("/etc/sconce/certs/node.key"), 0600);
        CLEANUP_FREE char *calls = read_file(called);
        assert_string_equal(calls, "");
}

static void install__fresh__writes_ten_lines_of_config(void **state)
{
        (void)state;
        (void)installed(hall_tar());
        CLEANUP_FREE char *config = read_file(on_pi("/etc/sconce/sconce.conf"));
        assert_string_equal(config,
                            "# Node hall; sconce.conf(5) explains every key. Devices come below, or in conf.d/*.conf.\n"
                            "\n"
                            "[broker]\n"
                            "url = mqtts://localhost:8883\n"
                            "\n"
                            "[tls]\n"
                            "ca   = /etc/sconce/certs/ca.crt\n"
                            "cert = /etc/sconce/certs/node.crt\n"
                            "key  = /etc/sconce/certs/node.key\n"
                            "crl  = /etc/sconce/certs/crl.pem\n");
}

static void install__files__are_those_of_the_tar(void **state)
{
        (void)state;
        (void)installed(hall_tar());
        X509 *wanted = pki_cert(pki, "hall"), *got = cert_load(on_pi("/etc/sconce/certs/node.crt"));
        assert_int_equal(X509_cmp(wanted, got), 0);
        X509_free(wanted);
        X509_free(got);
        CLEANUP_FREE char *key = read_file(pki_issued(pki, "hall.key"));
        CLEANUP_FREE char *put = read_file(on_pi("/etc/sconce/certs/node.key"));
        assert_string_equal(put, key);
        CLEANUP_FREE char *crl = read_file(pki_file(pki, "crl.pem"));
        CLEANUP_FREE char *put_crl = read_file(on_pi("/etc/sconce/certs/crl.pem"));
        assert_string_equal(put_crl, crl);
}

static void assert_owner(const char *path, unsigned uid)
{
        struct stat status;

        assert_int_equal(stat(on_pi(path), &status), 0);
        assert_int_equal(status.st_uid, uid);
        assert_int_equal(status.st_gid, SCONCE_GID);
}

static void install__root_with_user_and_service__starts_it(void **state)
{
        (void)state;
        has_user();
        shell("mkdir -p \"$0/run/systemd/system\"", pi);
        const char *output = installed(hall_tar());
        assert_non_null(strstr(output, "Started sconced.service.\n"));
        assert_mode(on_pi("/etc/sconce/certs/node.key"), 0640);
        assert_owner("/etc/sconce/certs", SCONCE_UID); /* the agent renews there */
        assert_owner("/etc/sconce/certs/ca.crt", SCONCE_UID);
        assert_owner("/etc/sconce/certs/crl.pem", SCONCE_UID);
        assert_owner("/etc/sconce/certs/node.crt", SCONCE_UID);
        assert_owner("/etc/sconce/certs/node.key", SCONCE_UID);
        assert_owner("/etc/sconce/sconce.conf", 0);
        CLEANUP_FREE char *calls = read_file(called);
        assert_string_equal(calls, "systemctl cat sconced.service\nsystemctl restart sconced.service\n");
}

static void install__no_unit__leaves_the_start_out(void **state)
{
        (void)state;
        write_tool("systemctl", "exit 1");
        shell("mkdir -p \"$0/run/systemd/system\"", pi);
        assert_non_null(strstr(installed(hall_tar()),
                               "The service sconced.service does not exist yet: install the package sconce,"
                               " which starts it.\n"));
}

static void install__service_fails__shows_where_to_look(void **state)
{
        int status;

        (void)state;
        has_user();
        write_tool("systemctl", "[ \"$1\" = cat ]");
        shell("mkdir -p \"$0/run/systemd/system\"", pi);
        struct process *p = install_at(pi, hall_tar(), &status);
        assert_int_equal(status, 1);
        assert_string_equal(p->err.text,
                            "sconce-pki: sconced.service did not start: 'journalctl -u sconced -n 20' shows why\n");
        process_free(p);
}

static void install__config_names_a_broker__is_kept(void **state)
{
        char wanted[1024];

        (void)state;
        shell("mkdir -p \"$0/etc/sconce\"; printf '[broker]\\nurl = mqtts://mine\\n' >\"$0/etc/sconce/sconce.conf\"",
              pi);
        const char *output = installed(hall_tar());
        (void)snprintf(wanted, sizeof(wanted),
                       "Kept %s/etc/sconce/sconce.conf as it is.\nNote that it does not name the broker "
                       "mqtts://localhost:8883.\n",
                       pi);
        assert_non_null(strstr(output, wanted));
        CLEANUP_FREE char *config = read_file(on_pi("/etc/sconce/sconce.conf"));
        assert_string_equal(config, "[broker]\nurl = mqtts://mine\n");
        assert_int_equal(access(on_pi("/etc/sconce/conf.d/broker.conf"), F_OK), -1);
}

/* As the package leaves it. */
static void install__config_without_a_broker__gets_it_beside(void **state)
{
        char wanted[1024];

        (void)state;
        shell("mkdir -p \"$0/etc/sconce\"; printf '[broker]\\n# url = mqtts://HOST\\n' >\"$0/etc/sconce/sconce.conf\"",
              pi);
        const char *output = installed(hall_tar());
        (void)snprintf(wanted, sizeof(wanted),
                       "Kept %s/etc/sconce/sconce.conf as it is.\n"
                       "Wrote %s/etc/sconce/conf.d/broker.conf for the broker mqtts://localhost:8883.\n",
                       pi, pi);
        assert_non_null(strstr(output, wanted));
        CLEANUP_FREE char *config = read_file(on_pi("/etc/sconce/sconce.conf"));
        assert_string_equal(config, "[broker]\n# url = mqtts://HOST\n");
        CLEANUP_FREE char *broker = read_file(on_pi("/etc/sconce/conf.d/broker.conf"));
        assert_non_null(strstr(broker, "\n[broker]\nurl = mqtts://localhost:8883\n"));

        /* Once there, it is the user's. */
        assert_null(strstr(installed(hall_tar()), "Wrote"));
}

static void install__renewed_tar__replaces(void **state)
{
        (void)state;
        (void)installed(hall_tar());
        PKI_RUN(pki, "renew", "hall");
        (void)installed(hall_tar());
        X509 *wanted = pki_cert(pki, "hall"), *got = cert_load(on_pi("/etc/sconce/certs/node.crt"));
        assert_int_equal(X509_cmp(wanted, got), 0);
        X509_free(wanted);
        X509_free(got);
}

static void install__tar_of_before_a_broker__writes_no_config(void **state)
{
        const char *at = work_path("no-broker");
        char wanted[1024];

        (void)state;
        PKI_RUN(at, "init");
        assert_non_null(
                strstr(pki_output(at, WORDS("node", "hall")), "The tar names no broker, because none exists yet: "));
        (void)snprintf(wanted, sizeof(wanted),
                       "Wrote no %s/etc/sconce/sconce.conf, as the tar names no broker: write one, with 'url = …' under"
                       " [broker].\n",
                       pi);
        assert_non_null(strstr(installed(pki_issued(at, "hall.tar")), wanted));
        assert_int_equal(access(on_pi("/etc/sconce/sconce.conf"), F_OK), -1);
}

static void install__extra_certificates__do_not_come_along(void **state)
{
        const char *tar = changed_tar("extra-ca", "cat node.crt >>ca.crt; cat ca.crt >>node.crt");

        (void)state;
        (void)installed(tar);
        CLEANUP_FREE char *ca = read_file(pki_file(pki, "ca.crt"));
        CLEANUP_FREE char *put = read_file(on_pi("/etc/sconce/certs/ca.crt"));
        assert_string_equal(put, ca);
}

static void install__while_an_authority_takes_anothers_place__both_are_trusted(void **state)
{
        const char *two = pki_make("rolled");

        (void)state;
        PKI_RUN(two, "roll");
        PKI_RUN(two, "node", "late");
        (void)installed(pki_issued(two, "late.tar"));
        CLEANUP_FREE char *ca = read_file(pki_file(two, "ca.crt"));
        CLEANUP_FREE char *put = read_file(on_pi("/etc/sconce/certs/ca.crt"));
        assert_string_equal(put, ca);
        CLEANUP_FREE char *lists = read_file(pki_file(two, "crl.pem"));
        CLEANUP_FREE char *put_lists = read_file(on_pi("/etc/sconce/certs/crl.pem"));
        assert_string_equal(put_lists, lists);
        assert_non_null(strstr(strstr(put, "BEGIN CERTIFICATE") + 1, "BEGIN CERTIFICATE"));
}

/* In a namespace where nobody is anybody: what belongs to the test's user can still be read. */
static int be_nobody(void *userdata)
{
        (void)userdata;
        return geteuid() == 0 ? unshare(CLONE_NEWUSER) : 0;
}

static void install__not_root__asks_for_it(void **state)
{
        int status;

        (void)state;
        struct process *p = process_run(WORDS(build_path("sconce-pki"), "install", hall_tar()),
                                        &(struct process_options){ .name = "sconce-pki", .prepare = be_nobody },
                                        &status);
        if (status == 127) {
                print_message("skipped: no user namespace can be made\n");
                skip();
        }
        char wanted[512];
        (void)snprintf(wanted, sizeof(wanted),
                       "sconce-pki: install writes to /etc/sconce: run it as root (sudo sconce-pki install %s)\n",
                       hall_tar());
        assert_string_equal(p->err.text, wanted);
        assert_int_equal(status, 1);
        process_free(p);
}

/* ---- What it refuses ----------------------------------------------------------------------------------------- */

#define NOT_A_TAR                                                                                                      \
        "is not a node's tar: it must hold broker.url, ca.crt, crl.pem, node.crt and node.key, and nothing else;"      \
        " nothing was installed"
#define NOT_PLAIN "holds something that is not a plain file; nothing was installed"
#define AGAIN     "; make the tar again with 'sconce-pki renew NAME'; nothing was installed"

static void install__no_file__is_refused(void **state)
{
        (void)state;
        assert_refused(work_path("nowhere.tar"),
                       "is not a file that can be read; 'sconce-pki node NAME' makes it as issued/NAME.tar");
        assert_refused(pi, "is not a file that can be read; 'sconce-pki node NAME' makes it as issued/NAME.tar");
}

static void install__not_a_tar__is_refused(void **state)
{
        (void)state;
        write_file(work_path("text.tar"), "hello\n");
        assert_refused(work_path("text.tar"), NOT_A_TAR);
        write_file(work_path("empty.tar"), "%s", "");
        assert_refused(work_path("empty.tar"), NOT_A_TAR);
        shell("head -c 1048577 /dev/zero >\"$0\"", work_path("big.tar"));
        assert_refused(work_path("big.tar"), "is over 1 MiB; a node's tar has a few kilobytes");
}

static void install__other_members__are_refused(void **state)
{
        static const struct {
                const char *name, *script, *reason;
        } tars[] = {
                { "missing", "FILES='ca.crt crl.pem node.crt broker.url'", NOT_A_TAR },
                { "additional", "echo x >passwd; FILES=\"$FILES passwd\"", NOT_A_TAR },
                { "twice", "FILES=\"$FILES node.key\"", NOT_A_TAR },
                { "upwards", "echo x >../evil; OPTIONS=-P; FILES=\"$FILES ../evil\"", NOT_A_TAR },
                { "absolute", "echo x >evil; OPTIONS=-P; FILES=\"$FILES $PWD/evil\"", NOT_A_TAR },
                { "dotted", "OPTIONS=--transform=s,^,./,", NOT_A_TAR },
                { "newline",
                  "rm ca.crt crl.pem; echo x >'ca.crt\ncrl.pem'; FILES='--null -T list';"
                  " printf 'ca.crt\\ncrl.pem\\0node.crt\\0node.key\\0broker.url\\0' >list",
                  NOT_A_TAR },
                { "symlink", "ln -sf /etc/shadow node.key", NOT_PLAIN },
                { "hardlink", "rm crl.pem; ln ca.crt crl.pem", NOT_PLAIN },
                { "directory", "rm node.key; mkdir node.key; OPTIONS=--no-recursion", NOT_A_TAR },
                { "fifo", "rm node.key; mkfifo node.key", NOT_PLAIN },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(tars); i++)
                assert_refused(changed_tar(tars[i].name, tars[i].script), tars[i].reason);
}

static void install__what_does_not_belong_together__is_refused(void **state)
{
        static const struct {
                const char *name, *script, *reason;
        } tars[] = {
                { "other-key",
                  "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out node.key 2>/dev/null",
                  "node.key is not the key of node.crt" AGAIN },
                { "server", "cp \"$1/issued/localhost.crt\" node.crt; cp \"$1/issued/localhost.key\" node.key",
                  "node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets pass" AGAIN },
                { "foreign", "cp \"$2/foreign/ca.crt\" \"$2/foreign/crl.pem\" .",
                  "node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets pass" AGAIN },
                { "foreign-crl", "cp \"$2/foreign/crl.pem\" .",
                  "node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets pass" AGAIN },
                { "no-ca", "cp node.crt ca.crt",
                  "node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets pass" AGAIN },
                { "bad-ca", "echo x >ca.crt", "ca.crt is damaged" AGAIN },
                { "bad-cert", "head -c 300 node.crt >x; mv x node.crt", "node.crt is damaged" AGAIN },
                { "bad-crl", ": >crl.pem", "crl.pem is damaged" AGAIN },
                { "bad-key", "sed -i 2d node.key", "node.key is damaged" AGAIN },
                { "locked-key", "openssl pkey -in node.key -aes128 -passout pass:x -out y; mv y node.key",
                  "node.key is damaged" AGAIN },
                { "bad-url", "echo 'mqtt://x' >broker.url", "broker.url does not hold mqtts://HOST[:PORT]" AGAIN },
                { "two-urls", "printf 'mqtts://x\\nkey = /etc/shadow\\n' >broker.url",
                  "broker.url does not hold mqtts://HOST[:PORT]" AGAIN },
        };

        (void)state;
        PKI_RUN(work_path("foreign"), "init");
        for (size_t i = 0; i < ARRAY_SIZE(tars); i++)
                assert_refused(changed_tar(tars[i].name, tars[i].script), tars[i].reason);
}

static void install__expired__is_refused(void **state)
{
        char reason[512], today[16];
        time_t now = time(NULL);

        (void)state;
        cert_make(&(struct cert){ .base = work_path("late"),
                                  .cn = "hall",
                                  .issuer = pki_ca(pki),
                                  .from_s = -2 * DAY_S,
                                  .until_s = -DAY_S });
        (void)strftime(today, sizeof(today), "%Y-%m-%d", localtime(&now));
        (void)snprintf(reason, sizeof(reason), "the certificate has expired (if the date here, %s, is right)" AGAIN,
                       today);
        assert_refused(changed_tar("expired", "cp \"$2/late.crt\" node.crt; cp \"$2/late.key\" node.key"), reason);
}

/* A Pi that has no clock of its own and has not met the network yet. */
static void install__not_yet_valid__is_taken(void **state)
{
        (void)state;
        cert_make(&(struct cert){ .base = work_path("early"),
                                  .cn = "hall",
                                  .issuer = pki_ca(pki),
                                  .from_s = DAY_S,
                                  .until_s = 2 * DAY_S });
        (void)installed(changed_tar("early", "cp \"$2/early.crt\" node.crt; cp \"$2/early.key\" node.key"));
}

static void install__revoked_by_its_crl__is_refused(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "gone");
        PKI_RUN(pki, "revoke", "gone");
        assert_refused(changed_tar("revoked", "cp \"$1/issued/gone.crt\" node.crt; cp \"$1/issued/gone.key\" node.key;"
                                              " cp \"$1/crl.pem\" ."),
                       "node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets pass" AGAIN);
}

static void install__odd_common_name__is_refused(void **state)
{
        (void)state;
        cert_make(&(struct cert){ .base = work_path("odd"), .cn = "x\nurl = y", .issuer = pki_ca(pki) });
        assert_refused(changed_tar("odd-cn", "cp \"$2/odd.crt\" node.crt; cp \"$2/odd.key\" node.key"),
                       "the certificate's name 'x\\x0aurl = y' is not a node's" AGAIN);
}

#define PI_TEST(function) cmocka_unit_test_setup_teardown(function, fresh, after)

int main(void)
{
        const struct CMUnitTest tests[] = {
                PI_TEST(install__no_user_no_service__reports_it_and_is_content),
                PI_TEST(install__fresh__writes_ten_lines_of_config),
                PI_TEST(install__files__are_those_of_the_tar),
                PI_TEST(install__root_with_user_and_service__starts_it),
                PI_TEST(install__no_unit__leaves_the_start_out),
                PI_TEST(install__service_fails__shows_where_to_look),
                PI_TEST(install__config_names_a_broker__is_kept),
                PI_TEST(install__config_without_a_broker__gets_it_beside),
                PI_TEST(install__renewed_tar__replaces),
                PI_TEST(install__tar_of_before_a_broker__writes_no_config),
                PI_TEST(install__extra_certificates__do_not_come_along),
                PI_TEST(install__while_an_authority_takes_anothers_place__both_are_trusted),
                PI_TEST(install__not_root__asks_for_it),
                PI_TEST(install__no_file__is_refused),
                PI_TEST(install__not_a_tar__is_refused),
                PI_TEST(install__other_members__are_refused),
                PI_TEST(install__what_does_not_belong_together__is_refused),
                PI_TEST(install__expired__is_refused),
                PI_TEST(install__not_yet_valid__is_taken),
                PI_TEST(install__revoked_by_its_crl__is_refused),
                PI_TEST(install__odd_common_name__is_refused),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
