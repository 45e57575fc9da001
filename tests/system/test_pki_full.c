/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki on a disk that takes no more, at many moments: a command has happened, or all is as it was and it reports
 * it. The disk is a small tmpfs in a mount namespace of the test's own, or a limit on the size of files.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

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
        "diff -r --no-dereference \"$whole.before\" \"$at/pki\" >&2 || exit 22\n"
        "exit 10\n";

static bool happens(const char *at, const char *command, const char *left, const char *limit)
{
        char left_env[32], limit_env[32];
        const char *const env[] = { left_env, limit_env, NULL };
        int status;

        (void)snprintf(left_env, sizeof(left_env), "LEFT=%s", left);
        (void)snprintf(limit_env, sizeof(limit_env), "LIMIT=%s", limit);
        struct process *p = process_run(
                WORDS("sh", "-uc", one_run, source_path("certs/sconce-pki"), work_path("pki"), at, command),
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
        process_free(process_run(WORDS("sh", "-euc", script, source_path("certs/sconce-pki"), work_path("pki"), disk),
                                 NULL, &status));
        assert_int_equal(status, 0);
}

/* The moment between the one rename and the others. */
static void any_command__killed_after_it_happened__is_finished_by_the_next(void **state)
{
        const char *at = work_path("cut");
        int status;

        (void)state;
        PKI_RUN(at, "init");
        CLEANUP_FREE char *before = read_file(pki_file(at, "private/names"));
        PKI_RUN(at, "client", "phone");
        process_free(process_run(WORDS("sh", "-ec",
                                       "cd \"$0\"; mkdir -p private/commit/private private/commit/issued\n"
                                       "mv private/names private/commit/private; : >private/names; mv issued/phone.p12 "
                                       "private/commit/issued",
                                       at),
                                 NULL, &status));
        assert_int_equal(status, 0);
        assert_string_equal(before, "");
        PKI_RUN(at, "client", "tablet");
        assert_true(file_has(pki_file(at, "private/names"), "phone client valid rw\ntablet client valid rw\n"));
        assert_int_equal(access(pki_issued(at, "phone.p12"), F_OK), 0);
        assert_int_equal(access(pki_file(at, "private/commit"), F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_command__full_disk__happens_or_changes_nothing),
                cmocka_unit_test(every_command__files_are_limited__happens_or_changes_nothing),
                cmocka_unit_test(install__full_disk__changes_nothing),
                cmocka_unit_test(any_command__killed_after_it_happened__is_finished_by_the_next),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
