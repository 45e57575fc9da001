/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki on a disk that takes no more, at many moments: a command has happened, or all is as it was and it reports
 * it. The disk is a small tmpfs in a mount namespace of the test's own, or a limit on the size of files.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

/* Every command that writes, on an authority that has the broker localhost, the node hall and the client me. */
static const char *const commands[] = {
        "init",     "broker b.lan", "node attic",  "client you --node hall", "renew localhost c.lan", "renew hall",
        "renew me", "revoke me",    "revoke hall", "revoke localhost",
};

static const char *disk; /* where nothing but the authority is */
static const char *why_no_disk;

static int setup(void **state)
{
        (void)state;
        const char *whole = pki_open();
        PKI_RUN(whole, "node", "hall");
        PKI_RUN(whole, "client", "me");
        disk = work_path("disk");
        make_dir(disk);
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", disk, "tmpfs", 0, "size=400k") < 0)
                why_no_disk = strerror(errno);
        return 0;
}

static int teardown(void **state)
{
        if (!why_no_disk)
                (void)umount(disk);
        return pki_close(state);
}

/*
 * What SQLite could not take back for want of room the next opening takes back: the registry is compared after that.
 *
 * One run of $0 with $1's copy in $2/pki; LEFT is what the disk still has in KiB, or empty, LIMIT that of a file in
 * KiB, or empty. Its status: 0 done and whole, 10 given up and as before; all else is wrong.
 */
static const char one_run[] =
        "pki=$0 whole=$1 at=$2 command=$3\n"
        "rm -rf \"$at\"/* \"$whole.before\"; mkdir \"$at/pki\"\n"
        "[ \"$command\" = init ] || cp -a \"$whole/.\" \"$at/pki\"\n"
        "cp -a \"$at/pki\" \"$whole.before\"\n"
        "[ -z \"$LEFT\" ] || { cat /dev/zero >\"$at/fill\" 2>/dev/null; truncate -s -\"${LEFT}K\" \"$at/fill\"; }\n"
        "status=0\n"
        "words=$( ([ -z \"$LIMIT\" ] || ulimit -f $((LIMIT * 2)); exec \"$pki\" -d \"$at/pki\" $command) 2>&1 "
        ">/dev/null) || "
        "status=$?\n"
        "rm -f \"$at/fill\"\n"
        "[ $status -ne 0 ] || { \"$pki\" -d \"$at/pki\" list >/dev/null && exit 0; exit 20; }\n"
        "echo \"$words\" >&2\n"
        "case $words in *sconce-pki:*) ;; *) exit 21 ;; esac\n"
        "rm -f \"$at/pki/private/lock\" \"$whole.before/private/lock\"\n"
        "diff -r --no-dereference -x private \"$whole.before\" \"$at/pki\" >&2 || exit 22\n"
        "[ \"$command\" = init ] || \"$pki\" -d \"$at/pki\" list >/dev/null || exit 23\n"
        "diff -r --no-dereference \"$whole.before\" \"$at/pki\" >&2 || exit 24\n"
        "exit 10\n";

static bool happens(const char *at, const char *command, const char *left, const char *limit)
{
        char left_env[32], limit_env[32];
        const char *const env[] = { left_env, limit_env, NULL };
        int status;

        (void)snprintf(left_env, sizeof(left_env), "LEFT=%s", left);
        (void)snprintf(limit_env, sizeof(limit_env), "LIMIT=%s", limit);
        struct process *p = process_run(
                WORDS("sh", "-uc", one_run, build_path("sconce-pki"), work_path("pki"), at, command),
                &(struct process_options){ .name = command, .env = env }, &status);
        if (status != 0 && status != 10)
                give_up("%s with %s KiB left, %s KiB a file: %d", command, left, limit, status);
        process_free(p);
        return status == 0;
}

/* From nothing on, in steps, until there is enough: each step stops the command at a later moment. */
static void given_up_until_enough(const char *at, bool limits)
{
        enum { STEP_KIB = 12, ENOUGH_KIB = 160 };

        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                unsigned kib = 0;
                char text[16] = "0";
                while (!happens(at, commands[i], limits ? "" : text, limits ? text : "")) {
                        kib = limits ? (kib ? 2 * kib : 1) : kib + STEP_KIB;
                        if (kib > ENOUGH_KIB)
                                give_up("%s does not happen with %u KiB either", commands[i], kib);
                        (void)snprintf(text, sizeof(text), "%u", kib);
                }
                assert_true(kib > 0); /* it was given up at least once */
        }
}

static void every_command__full_disk__happens_or_changes_nothing(void **state)
{
        (void)state;
        if (why_no_disk) {
                print_message("skipped: no disk of its own can be mounted: %s\n", why_no_disk);
                skip();
        }
        given_up_until_enough(disk, false);
}

static void every_command__files_are_limited__happens_or_changes_nothing(void **state)
{
        const char *at = work_path("limited");

        (void)state;
        make_dir(at);
        given_up_until_enough(at, true);
}

/* On a Pi whose disk is full: the old key with its old certificate, or both new. */
static void install__full_disk__changes_nothing(void **state)
{
        static const char script[] =
                "pki=$0 whole=$1 at=$2\n"
                "rm -rf \"$at\"/*; SCONCE_ROOT=$at/pi \"$pki\" install \"$whole/issued/hall.tar\" >/dev/null\n"
                "\"$pki\" -d \"$whole\" renew hall >/dev/null; cp -a \"$at/pi\" \"$whole.pi\"\n"
                "for left in 0 4 8 12; do\n"
                "    cat /dev/zero >\"$at/fill\" 2>/dev/null || true; truncate -s -\"${left}K\" \"$at/fill\"\n"
                "    status=0; SCONCE_ROOT=$at/pi \"$pki\" install \"$whole/issued/hall.tar\" >/dev/null "
                "2>\"$whole.words\" || "
                "status=$?\n"
                "    [ $status -eq 1 ] && grep -q 'Nothing was installed' \"$whole.words\" || exit 21\n"
                "    rm \"$at/fill\"; diff -r \"$at/pi\" \"$whole.pi\" || exit 22\n"
                "done\n"
                "SCONCE_ROOT=$at/pi \"$pki\" install \"$whole/issued/hall.tar\" >/dev/null\n"
                "cmp \"$at/pi/etc/sconce/certs/node.key\" \"$whole/issued/hall.key\"\n";
        int status;

        (void)state;
        if (why_no_disk) {
                print_message("skipped: no disk of its own can be mounted: %s\n", why_no_disk);
                skip();
        }
        process_free(process_run(WORDS("sh", "-euc", script, build_path("sconce-pki"), work_path("pki"), disk), NULL,
                                 &status));
        assert_int_equal(status, 0);
}

/* ---- Killed ------------------------------------------------------------------------------------------------------ */

/* The kernel kills the process at its first rename: what it does is in the registry by then, and not to be seen yet. */
static int die_at_rename(void *userdata)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_rename
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rename, 2, 0),
#endif
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat, 1, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { ARRAY_SIZE(filter), filter };

        (void)userdata;
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0;
}

static void run_killed(const char *at, const char *command, const char *name)
{
        int status;

        process_free(process_run(WORDS(build_path("sconce-pki"), "-d", at, command, name),
                                 &(struct process_options){ .name = command, .prepare = die_at_rename }, &status));
        assert_int_equal(status, 128 + SIGSYS);
}

static void any_command__killed_after_it_happened__is_finished_by_the_next(void **state)
{
        const char *at = work_path("cut");

        (void)state;
        run_killed(at, "init", NULL);
        assert_int_equal(access(pki_file(at, "ca.crt"), F_OK), -1);
        run_killed(at, "client", "phone"); /* it ends at the first rename that init has left */
        PKI_RUN(at, "client", "phone");
        X509 *phone = pki_cert(at, "phone");
        run_killed(at, "node", "hall");
        assert_int_equal(access(pki_issued(at, "hall.crt"), F_OK), -1);
        PKI_RUN(at, "client", "tablet");
        assert_int_equal(access(pki_issued(at, "hall.tar"), F_OK), 0);
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser hall\n"));
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser tablet\n"));

        /* Who only looks is shown what the world has. */
        run_killed(at, "revoke", "phone");
        assert_false(pki_revoked(at, phone));
        assert_non_null(strstr(pki_output(at, WORDS("list")), "phone                    client  revoked "));
        assert_true(pki_revoked(at, phone));
        assert_false(file_has(pki_file(at, "sconce.acl"), "\nuser phone\n"));
        X509_free(phone);
}

static bool is_there(void *userdata)
{
        return access(userdata, F_OK) == 0;
}

/* The kill comes while the registry waits for a reader to let go: all is prepared then, and nothing has happened. */
static void any_command__killed_before_it_happened__leaves_nothing(void **state)
{
        const char *at = work_path("early"), *prepared = NULL;
        sqlite3 *reader = NULL;
        int status;

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "client", "phone");
        prepared = pki_file(at, "sconce.acl.new");
        assert_int_equal(sqlite3_open(pki_file(at, "private/registry.db"), &reader), SQLITE_OK);
        assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM names", NULL, NULL, NULL), SQLITE_OK);
        struct process *killed = process_start(WORDS(build_path("sconce-pki"), "-d", at, "revoke", "phone"), NULL);
        assert_true(pump_until(is_there, (void *)(uintptr_t)prepared, SOON_MS));
        process_signal(killed, SIGKILL);
        assert_int_equal(process_wait(killed, SOON_MS), 128 + SIGKILL);
        process_free(killed);
        sqlite3_close(reader);
        X509 *phone = pki_cert(at, "phone");
        const char *list = pki_output(at, WORDS("list"));
        assert_null(strstr(list, "revoked"));
        assert_false(pki_revoked(at, phone));
        PKI_RUN(at, "revoke", "phone");
        assert_true(pki_revoked(at, phone));
        X509_free(phone);
        struct process *find = process_run(WORDS("find", at, "-name", "*.new"), NULL, &status);
        assert_string_equal(find->out.text ? find->out.text : "", "");
        process_free(find);
}

/* Where a file cannot come into place the command says that it has happened, and the next run puts the rest there. */
static void any_command__file_in_the_way__is_finished_when_it_is_gone(void **state)
{
        const char *at = work_path("way");

        (void)state;
        PKI_RUN(at, "init");
        make_dir(pki_issued(at, "phone.p12"));
        assert_pki_fails(at, 1, WORDS("client", "phone"),
                         "%s: issued/phone.p12: cannot be written: Is a directory; it has happened all the same, and "
                         "the next run "
                         "of sconce-pki -d %s goes on from here",
                         at, at);
        assert_int_equal(rmdir(pki_issued(at, "phone.p12")), 0);
        PKI_RUN(at, "client", "tablet");
        assert_int_equal(access(pki_issued(at, "phone.p12"), F_OK), 0);
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser phone\n"));
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser tablet\n"));
}

static void init__file_in_the_way__is_finished_when_it_is_gone(void **state)
{
        const char *at = work_path("barred");

        (void)state;
        make_dir(at);
        make_dir(pki_file(at, "sconce.acl"));
        assert_pki_fails(
                at, 1, WORDS("init"),
                "%s: sconce.acl: cannot be written: Is a directory; it has happened all the same, and the next "
                "run of sconce-pki -d %s goes on from here",
                at, at);
        assert_int_equal(rmdir(pki_file(at, "sconce.acl")), 0);
        PKI_RUN(at, "node", "hall");
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser hall\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_command__full_disk__happens_or_changes_nothing),
                cmocka_unit_test(every_command__files_are_limited__happens_or_changes_nothing),
                cmocka_unit_test(install__full_disk__changes_nothing),
                cmocka_unit_test(any_command__killed_after_it_happened__is_finished_by_the_next),
                cmocka_unit_test(any_command__killed_before_it_happened__leaves_nothing),
                cmocka_unit_test(any_command__file_in_the_way__is_finished_when_it_is_gone),
                cmocka_unit_test(init__file_in_the_way__is_finished_when_it_is_gone),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
