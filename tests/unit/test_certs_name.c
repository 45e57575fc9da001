/* SPDX-License-Identifier: Apache-2.0 */
/* certs/name: how a broker knows a name, and the words that belong to it. */
#include "certs/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/cleanup.h"

static void name_identity__generations__are_others(void **state)
{
        struct name name = { .name = "hall", .generation = 1 };
        char identity[IDENTITY_MAX];

        (void)state;
        name_identity(&name, identity);
        assert_string_equal(identity, "hall");
        name.generation = 12;
        name_identity(&name, identity);
        assert_string_equal(identity, "hall.12");
}

static void words_add__twice__is_there_once(void **state)
{
        CLEANUP(name_done) struct name name = { 0 };

        (void)state;
        assert_true(words_add(&name.words, "b.lan") && words_add(&name.words, "192.0.2.7") &&
                    words_add(&name.words, "b.lan"));
        CLEANUP_FREE char *words = words_text(name.words);
        assert_string_equal(words, "b.lan 192.0.2.7");
}

static void words_remove__in_the_middle__leaves_the_others(void **state)
{
        char **words = NULL;

        (void)state;
        assert_true(words_split("attic cellar shed", &words));
        assert_true(words_remove(words, "cellar"));
        assert_false(words_remove(words, "cellar"));
        assert_false(words_remove(words, "att"));
        CLEANUP_FREE char *left = words_text(words);
        assert_string_equal(left, "attic shed");
        assert_true(words_remove(words, "attic") && words_remove(words, "shed"));
        CLEANUP_FREE char *none = words_text(words);
        assert_string_equal(none, "");
        words_done(&words);
        assert_false(words_remove(words, "shed"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(name_identity__generations__are_others),
                cmocka_unit_test(words_add__twice__is_there_once),
                cmocka_unit_test(words_remove__in_the_middle__leaves_the_others),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
