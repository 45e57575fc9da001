/* SPDX-License-Identifier: Apache-2.0 */
/* certs/outside: root writes what the registry has for the world, and the registry is the signer's to change. */
#include "certs/outside.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs/directory.h"
#include "util/cleanup.h"
#include "util/macro.h"

static char dir[] = "/tmp/sconce-outside.XXXXXX", before[4096];
static struct registry *registry;

static int open_new(void **state)
{
        (void)state;
        memcpy(strrchr(dir, '.') + 1, "XXXXXX", 6);
        assert_non_null(getcwd(before, sizeof(before)));
        assert_non_null(mkdtemp(dir));
        assert_int_equal(chdir(dir), 0);
        assert_int_equal(mkdir("private", 0700), 0);
        assert_int_equal(mkdir("issued", 0700), 0);
        assert_int_equal(registry_open(REGISTRY_FILE, true, &registry, NULL), 0);
        return 0;
}

static int drop(void **state)
{
        (void)state;
        registry_close(registry);
        registry = NULL;
        assert_int_equal(chdir(before), 0);
        directory_remove(dir);
        return 0;
}

static void put(const char *path, enum file_use use, const char *text)
{
        const struct outside_file file = { path, use, text, strlen(text) };

        assert_int_equal(registry_put_file(registry, &file, NULL), 0);
}

static void publish__paths_that_are_not_ours__writes_none(void **state)
{
        static const struct {
                const char *path;
                enum file_use use;
                const char *text;
        } table[] = {
                { "../../etc/passwd", FILE_PUBLIC, "x" },
                { "/etc/cron.d/x", FILE_PUBLIC, "x" },
                { "issued/../../x.crt", FILE_PUBLIC, "x" },
                { "issued/a/b.crt", FILE_PUBLIC, "x" },
                { "issued/.crt", FILE_PUBLIC, "x" },
                { "issued/..crt", FILE_PUBLIC, "x" },
                { "issued/a\nb.crt", FILE_PUBLIC, "x" },
                { "issued/hall.sh", FILE_PUBLIC, "x" },
                { "other", FILE_PUBLIC, "x" },
                { "", FILE_PUBLIC, "x" },
                { "broker.pid", FILE_PUBLIC, "1" },
                { REGISTRY_FILE, FILE_PUBLIC, "x" },
                { "crl.pem", FILE_LINK, "/etc/shadow" },
                { "broker.crt", FILE_LINK, "/etc/shadow" },
                { "broker.key", FILE_LINK, "issued/../ca.key" },
                { "broker.key", FILE_LINK, "issued/hall.crt" },
                { "broker.key", FILE_PUBLIC, "x" },
                { "ca.key", FILE_PUBLIC, "x" },
                { "ca.key", FILE_REMOVED, "" },
                { "ca.crt", FILE_REMOVED, "" },
                { "ca.crt", (enum file_use)77, "x" },
                { "ca.crt", (enum file_use) - 1, "x" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct fault fault = { 0 };
                put(table[i].path, table[i].use, table[i].text);
                assert_int_equal(outside_prepare(registry, &fault), -EBADMSG);
                assert_non_null(strstr(fault.text, "somebody has changed it"));
                assert_int_equal(outside_publish(registry, NULL), -EBADMSG);
                assert_int_equal(registry_forget_files(registry, NULL), 0);
        }
        assert_int_equal(access("broker.pid", F_OK), -1);
        assert_int_equal(access("crl.pem", F_OK), -1);
        assert_int_equal(access("issued/a", F_OK), -1);
}

static void publish__what_is_ours__is_written(void **state)
{
        static const struct {
                const char *path;
                enum file_use use;
                const char *text;
        } table[] = {
                { "ca.crt", FILE_PUBLIC, "x" },
                { "ca.key", FILE_OF_SIGNER, "x" },
                { "crl.pem", FILE_PUBLIC, "x" },
                { "sconce.acl", FILE_OF_BROKER, "x" },
                { "join.psk", FILE_OF_BROKER, "" },
                { "private/predecessor.key", FILE_OF_SIGNER, "x" },
                { "issued/broker.lan.crt", FILE_PUBLIC, "x" },
                { "issued/fd00::10.key", FILE_OF_BROKER, "x" },
                { "issued/hall_2-x.tar", FILE_SECRET, "x" },
                { "issued/phone.p12", FILE_SECRET, "x" },
                { "broker.crt", FILE_LINK, "issued/fd00::10.crt" },
                { "broker.key", FILE_LINK, "issued/fd00::10.key" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                put(table[i].path, table[i].use, table[i].text);
        assert_int_equal(outside_prepare(registry, NULL), 0);
        assert_int_equal(outside_publish(registry, NULL), 0);
        struct stat status;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_int_equal(lstat(table[i].path, &status), 0);
}

/* A list that the broker's user cannot read ends mosquitto 2.1 at its next reload. */
static void is__owner_or_mode_was_changed__is_another(void **state)
{
        static const struct outside_file list = { "sconce.acl", FILE_OF_BROKER, "x", 1 };
        const struct passwd *user = geteuid() == 0 ? getpwnam("mosquitto") : NULL;

        (void)state;
        for (mode_t mode = 0; mode < 0777; mode += 0111) {
                assert_int_equal(outside_write(&list, NULL), 0);
                assert_true(outside_is(&list));
                assert_int_equal(chmod(list.path, mode), 0);
                assert_false(outside_is(&list));
        }
        assert_int_equal(outside_write(&list, NULL), 0);
        assert_true(outside_is(&list));
        if (user) {
                assert_int_equal(chown(list.path, 0, user->pw_gid), 0);
                assert_false(outside_is(&list));
                assert_int_equal(chown(list.path, user->pw_uid, 0), 0);
                assert_false(outside_is(&list));
        }
        assert_int_equal(rename(list.path, "elsewhere"), 0);
        assert_int_equal(symlink("elsewhere", list.path), 0);
        assert_false(outside_is(&list));
}

static void open__a_link_to_another_registry__is_refused(void **state)
{
        struct registry *other = NULL;

        (void)state;
        assert_int_equal(symlink(REGISTRY_FILE, "link.db"), 0);
        assert_true(registry_open("link.db", false, &other, NULL) < 0);
        assert_null(other);
}

static void put_big_endian(unsigned char *at, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* A journal that says that it is part of another: header, no page, and the other's name at the end. */
static void write_journal(const char *other)
{
        static const unsigned char magic[] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };
        unsigned char bytes[512 + 4 + 256 + 16] = { 0 };
        size_t length = strlen(other), at = 512;
        uint32_t sum = 0;

        memcpy(bytes, magic, sizeof(magic));
        put_big_endian(bytes + 16, 1);   /* pages of the database */
        put_big_endian(bytes + 20, 512); /* of a sector */
        put_big_endian(bytes + 24, 4096);
        put_big_endian(bytes + at, 0x40000000 / 4096 + 1);
        memcpy(bytes + at + 4, other, length);
        for (size_t i = 0; i < length; i++)
                sum += (uint32_t)(signed char)other[i];
        at += 4 + length;
        put_big_endian(bytes + at, (uint32_t)length);
        put_big_endian(bytes + at + 4, sum);
        memcpy(bytes + at + 8, magic, sizeof(magic));
        CLEANUP_FILE FILE *out = fopen(REGISTRY_FILE "-journal", "we");
        assert_non_null(out);
        assert_int_equal(fwrite(bytes, 1, at + 16, out), at + 16);
}

/* SQLite by itself deletes the file that a journal names as the one it is part of. */
static void open__journal_of_another__leaves_that_alone(void **state)
{
        char other[sizeof(dir) + 16];
        struct registry *again = NULL;

        (void)state;
        registry_close(registry);
        registry = NULL;
        (void)snprintf(other, sizeof(other), "%s/precious", dir);
        FILE *out = fopen(other, "we");
        assert_non_null(out);
        assert_true(fputs("precious", out) >= 0);
        assert_int_equal(fclose(out), 0);
        write_journal(other);
        if (registry_open(REGISTRY_FILE, false, &again, NULL) == 0)
                (void)!registry_begin(again, NULL);
        registry_close(again);
        assert_int_equal(access(other, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_new, drop)
        const struct CMUnitTest tests[] = {
                TEST(publish__paths_that_are_not_ours__writes_none), TEST(publish__what_is_ours__is_written),
                TEST(is__owner_or_mode_was_changed__is_another),     TEST(open__a_link_to_another_registry__is_refused),
                TEST(open__journal_of_another__leaves_that_alone),
        };

        return cmocka_run_group_tests_name("certs/outside", tests, NULL, NULL);
}
