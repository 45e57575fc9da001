/* SPDX-License-Identifier: Apache-2.0 */
/* certs/tar: what is packed is read again, and nothing else is. */
#include "certs/tar.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/macro.h"

enum { BLOCK = 512, TYPE_AT = 156, SIZE_AT = 124, SUM_AT = 148, PREFIX_AT = 345 };

static const char long_text[] =
        "a text of more than one block: "
        "................................................................................................"
        "................................................................................................"
        "................................................................................................"
        "................................................................................................"
        "................................................................................................"
        "................................................................................................";

struct packed {
        char *data;
        size_t size;
};

static int pack(void **state)
{
        static const struct tar_member members[] = { { "a", "one", 3 },
                                                     { "empty", "", 0 },
                                                     { "long", long_text, sizeof(long_text) - 1 } };
        static struct packed packed;
        void *data = NULL;

        int r = tar_pack(members, ARRAY_SIZE(members), &data, &packed.size, NULL);
        packed.data = data;
        *state = &packed;
        return r;
}

static int drop(void **state)
{
        free(((struct packed *)*state)->data);
        return 0;
}

static int read_again(const struct packed *packed, struct tar_member members[3])
{
        members[0] = (struct tar_member){ .name = "long" };
        members[1] = (struct tar_member){ .name = "a" };
        members[2] = (struct tar_member){ .name = "empty" };
        return tar_read(packed->data, packed->size, members, 3, NULL);
}

/* As tar(1) adds it up, with blanks in its own place. */
static void sum_up(char *header)
{
        unsigned sum = 0;

        memset(header + SUM_AT, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
                sum += (unsigned char)header[i];
        (void)snprintf(header + SUM_AT, 8, "%06o", sum);
}

static void tar_read__packed__is_the_same_in_any_order(void **state)
{
        struct tar_member members[3];

        assert_int_equal(read_again(*state, members), 0);
        assert_int_equal(members[0].size, sizeof(long_text) - 1);
        assert_memory_equal(members[0].data, long_text, members[0].size);
        assert_int_equal(members[1].size, 3);
        assert_memory_equal(members[1].data, "one", 3);
        assert_int_equal(members[2].size, 0);
}

static void tar_read__missing_additional_twice__is_none(void **state)
{
        const struct packed *packed = *state;
        struct tar_member two[] = { { .name = "a" }, { .name = "long" } },
                          four[] = { { .name = "a" }, { .name = "long" }, { .name = "empty" }, { .name = "more" } };
        struct tar_member members[3];

        assert_int_equal(tar_read(packed->data, packed->size, two, 2, NULL), -EINVAL);
        assert_int_equal(tar_read(packed->data, packed->size, four, 4, NULL), -EINVAL);
        memcpy(packed->data + 2 * (size_t)BLOCK, packed->data, BLOCK); /* "a" once more, for "empty" */
        assert_int_equal(read_again(packed, members), -EINVAL);
}

static void tar_read__header_changed__is_none(void **state)
{
        static const struct {
                size_t at;
                char byte;
        } rows[] = { { 0, 'b' }, { SIZE_AT, '9' }, { SIZE_AT, '7' }, { SIZE_AT, '-' }, { PREFIX_AT, 'x' } };
        const struct packed *packed = *state;
        struct tar_member members[3];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char before[BLOCK];
                memcpy(before, packed->data, BLOCK);
                packed->data[rows[i].at] = rows[i].byte;
                assert_int_equal(read_again(packed, members), -EINVAL); /* by its sum */
                sum_up(packed->data);
                assert_int_equal(read_again(packed, members), -EINVAL);
                memcpy(packed->data, before, BLOCK);
        }
        assert_int_equal(read_again(packed, members), 0);
}

static void tar_read__no_plain_file__says_so(void **state)
{
        static const char types[] = { '1', '2', '3', '5', '6', 'L', 'x' };
        const struct packed *packed = *state;
        struct tar_member members[3];

        for (size_t i = 0; i < sizeof(types); i++) {
                packed->data[TYPE_AT] = types[i];
                sum_up(packed->data);
                assert_int_equal(read_again(packed, members), -ENOTSUP);
        }
        packed->data[TYPE_AT] = '\0'; /* as of before POSIX */
        sum_up(packed->data);
        assert_int_equal(read_again(packed, members), 0);
}

static void tar_read__cut_anywhere__never_reads_beyond(void **state)
{
        const struct packed *packed = *state;

        for (size_t size = 0; size < packed->size; size += 37) {
                char *copy = malloc(size + 1);
                assert_non_null(copy);
                memcpy(copy, packed->data, size);
                struct packed cut = { realloc(copy, size ? size : 1), size };
                struct tar_member members[3];
                int r = read_again(&cut, members);
                for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
                        assert_true((const char *)members[i].data + members[i].size <= cut.data + size);
                assert_true(r == 0 || r == -EINVAL);
                free(cut.data);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(tar_read__packed__is_the_same_in_any_order, pack, drop),
                cmocka_unit_test_setup_teardown(tar_read__missing_additional_twice__is_none, pack, drop),
                cmocka_unit_test_setup_teardown(tar_read__header_changed__is_none, pack, drop),
                cmocka_unit_test_setup_teardown(tar_read__no_plain_file__says_so, pack, drop),
                cmocka_unit_test_setup_teardown(tar_read__cut_anywhere__never_reads_beyond, pack, drop),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
