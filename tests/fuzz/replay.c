/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a fuzz target without libFuzzer: every seed once, and an empty input. For any compiler, and for one
 * crash input: replay_NAME FILE... */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/fuzz.h"
#include "util/file.h"

#define INPUT_MAX (1024U * 1024U)

static void run_file(const char *path)
{
        struct file file;
        struct fault fault = { 0 };

        if (file_read(path, INPUT_MAX, &file, &fault) < 0)
                fail_msg("%s %s", path, fault.text);
        (void)printf("%s\n", path);
        assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)file.data, file.size), 0);
        file_done(&file);
}

/* tests/fuzz/seeds/NAME of build/tests/fuzz/replay_NAME, seen from the top of the source tree as all tests are. */
static void fuzz_target__its_seeds__hold(void **state)
{
        const char *name = strstr(*state, "replay_");
        struct dirent **entries = NULL;
        char path[4096];

        assert_non_null(name);
        assert_int_equal(LLVMFuzzerTestOneInput(NULL, 0), 0);
        (void)snprintf(path, sizeof(path), "tests/fuzz/seeds/%s", name + strlen("replay_"));
        int count = scandir(path, &entries, NULL, alphasort);
        assert_true(count > 2); /* . and .. */
        for (int i = 0; i < count; i++) {
                (void)snprintf(path, sizeof(path), "tests/fuzz/seeds/%s/%s", name + strlen("replay_"),
                               entries[i]->d_name);
                if (entries[i]->d_name[0] != '.')
                        run_file(path);
                free(entries[i]);
        }
        free(entries);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(fuzz_target__its_seeds__hold, argv[0]) };

        for (int i = 1; i < argc; i++)
                run_file(argv[i]);
        return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
