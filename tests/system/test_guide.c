/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of tests/guide/pages: every command in them, each page from an empty directory, against what `make install` makes.
 * And the commands of all other pages, in one house with a broker and a node on the simulated chip.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/output_of.h"
#include "fakes/plugin_file.h"

/* One that nobody has now; the broker of a page takes it in a moment. */
static unsigned free_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        (void)close(fd);
        return ntohs(address.sin_port);
}

static void guides__every_command__as_written(void **state)
{
        char port[16];
        const char *const argv[] = { "tests/guide/run", build_dir(), port, NULL };
        int status;

        (void)state;
        if (getenv("SCONCE_TEST_CHIP")) {
                puts("skipped: the guides are about the simulated chip");
                skip();
        }
        (void)snprintf(port, sizeof(port), "%u", free_port());
        char *output = output_of(argv, NULL, &status);
        if (status != 0)
                fail_msg("%s", output);
        assert_non_null(strstr(output, " blocks of commands run\n"));
        free(output);
}

/* A house by the pages, as tests/commands/here has it; tests/commands/check proves that no command is missing there. */
static void pages__every_command__runs_as_written(void **state)
{
        char port[16];
        const char *const argv[] = { "tests/commands/run", build_dir(), port, "README.md", "docs", NULL };
        int status;

        (void)state;
        if (getenv("SCONCE_TEST_CHIP")) {
                puts("skipped: the pages' house has the simulated chip");
                skip();
        }
        (void)snprintf(port, sizeof(port), "%u", free_port());
        char *output = output_of(argv, NULL, &status);
        if (status != 0)
                fail_msg("%s", output);
        assert_non_null(strstr(output, " run in place\n"));
        free(output);
}

static void pages__every_command__is_understood(void **state)
{
        const char *const argv[] = { "tests/check-commands", "--run", build_dir(), "README.md",
                                     "CONTRIBUTING.md",      "docs",  "tests",     NULL };
        int status;

        (void)state;
        char *output = output_of(argv, NULL, &status);
        if (status != 0)
                fail_msg("%s", output);
        assert_non_null(strstr(output, " run\n"));
        free(output);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(guides__every_command__as_written),
                cmocka_unit_test(pages__every_command__runs_as_written),
                cmocka_unit_test(pages__every_command__is_understood),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
