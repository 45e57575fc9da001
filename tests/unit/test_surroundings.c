/* SPDX-License-Identifier: Apache-2.0 */
#include "surroundings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/surroundings.XXXXXX", file[64];

static int setup(void **state)
{
        (void)state;
        if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
                return -1;
        (void)snprintf(file, sizeof(file), "%s/a.conf", dir);
        FILE *made = fopen(file, "we");
        return made ? fclose(made) : -1;
}

static int teardown(void **state)
{
        (void)state;
        (void)unlink(file);
        return rmdir(dir);
}

/* Somebody who is neither root nor we. */
static struct reader_rights other_user(gid_t group)
{
        return (struct reader_rights){ .user = getuid() + 4711, .groups = { group }, .n_groups = 1 };
}

static void surroundings_readable__each_mode__goes_by_user_group_and_others(void **state)
{
        static const struct {
                mode_t file, dir;
                bool in_group, is_owner;
                int expected;
        } rows[] = {
                { 0644, 0755, false, false, 0 },      { 0640, 0755, false, false, -EACCES },
                { 0640, 0755, true, false, 0 },       { 0600, 0755, true, false, -EACCES },
                { 0604, 0755, true, false, -EACCES }, { 0400, 0755, false, true, 0 },
                { 0044, 0755, false, true, -EACCES }, { 0644, 0750, false, false, -EACCES },
                { 0644, 0750, true, false, 0 },       { 0644, 0700, true, false, -EACCES },
        };
        struct fault fault;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct reader_rights rights = other_user(rows[i].in_group ? getgid() : getgid() + 4711);
                struct stat st;
                assert_int_equal(chmod(file, rows[i].file), 0);
                assert_int_equal(chmod(dir, rows[i].dir), 0);
                assert_int_equal(stat(dir, &st), 0);
                if (rows[i].is_owner)
                        rights.user = st.st_uid;
                if (rows[i].is_owner && rights.user == 0)
                        continue; /* root may all */
                int r = surroundings_readable(file, &rights, &fault);
                if (r != rows[i].expected)
                        fail_msg("row %zu: %d", i, r);
        }
        assert_int_equal(chmod(dir, 0755), 0);
}

static void surroundings_readable__in_the_way__is_named(void **state)
{
        const struct reader_rights rights = other_user(getgid() + 4711);
        char expected[128];
        struct fault fault;

        (void)state;
        assert_int_equal(chmod(file, 0640), 0);
        assert_int_equal(chmod(dir, 0755), 0);
        assert_int_equal(surroundings_readable(file, &rights, &fault), -EACCES);
        assert_string_equal(fault.text, "mode 0640");
        assert_int_equal(chmod(dir, 0700), 0);
        assert_int_equal(surroundings_readable(file, &rights, &fault), -EACCES);
        (void)snprintf(expected, sizeof(expected), "the directory %s is closed to it", dir);
        assert_string_equal(fault.text, expected);
        assert_int_equal(chmod(dir, 0755), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(surroundings_readable__each_mode__goes_by_user_group_and_others),
                cmocka_unit_test(surroundings_readable__in_the_way__is_named),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
