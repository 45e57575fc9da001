/* SPDX-License-Identifier: Apache-2.0 */
/* The Makefile and what it installs first. Runs at the repository's top. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/output_of.h"
#include "fakes/tree.h"
#include "util/file.h"
#include "util/macro.h"

/* `make deb` copies the tree below build/, and installs into it: directories called conf.d, and dependency files
 * that name other places. */
static void make__foreign_trees_below_build__are_none_of_its_business(void **state)
{
        static const struct tree_entry trees[] = {
                { "deb/sconce-1/debian/sconce/etc/sconce/conf.d/x.conf", "", TREE_FILE },
                { "deb/sconce-1/build/agent/main.d", "all: is/not/there\n*** no makefile\n", TREE_FILE },
                { NULL, NULL, TREE_FILE },
        };
        char root[] = "/tmp/sconce-build-XXXXXX", build[64];
        const char *const argv[] = { "/usr/bin/env", "-u", "MAKEFLAGS", "-u",  "MFLAGS", "-u", "MAKEOVERRIDES",
                                     "make",         "-n", "DEPS=no",   build, "all",    NULL };
        int status;

        (void)state;
        assert_non_null(mkdtemp(root));
        tree_make(root, trees);
        (void)snprintf(build, sizeof(build), "BUILD=%s", root);
        char *output = output_of(argv, NULL, &status);
        tree_remove(root, "");
        if (status != 0 || strstr(output, "is/not/there"))
                fail_msg("%s", output);
        free(output);
}

/* On a fresh Debian `make deb` has nothing but git and make. */
static void deps__for_packages__names_what_debian_control_wants(void **state)
{
        static const struct {
                const char *wanted, *installed;
        } others[] = { { "debhelper-compat", "debhelper" }, { "pkgconf", "pkg-config" } };
        struct file control = { 0 }, deps = { 0 };
        char *list;
        size_t count = 0;

        (void)state;
        assert_int_equal(file_read("packaging/debian/control", 1 << 20, &control, NULL), 0);
        assert_int_equal(file_read("packaging/deps", 1 << 20, &deps, NULL), 0);
        list = strstr(control.data, "Build-Depends:\n");
        assert_non_null(list);
        list += strlen("Build-Depends:\n");
        while (*list == ' ') {
                char *line = strsep(&list, "\n") + 1;
                line[strcspn(line, " ,(")] = '\0';
                for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                        if (strcmp(line, others[i].wanted) == 0)
                                line = (char *)(uintptr_t)others[i].installed;
                if (!strstr(deps.data, line))
                        print_error("%s\n", line);
                assert_non_null(strstr(deps.data, line));
                count++;
        }
        assert_true(count > 5);
        assert_non_null(strstr(deps.data, "build-essential"));
        file_done(&control);
        file_done(&deps);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(make__foreign_trees_below_build__are_none_of_its_business),
                cmocka_unit_test(deps__for_packages__names_what_debian_control_wants),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
