/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/reach.h"
#include "util/macro.h"

static void reach_errno__unix_socket__says_why(void **state)
{
        static const struct {
                const char *path;
                int error;
        } table[] = {
                { "/nonexistent/socket", ENOENT },
                { "/etc/passwd", ECONNREFUSED },
                { "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                  "0123456789/0123456789",
                  ENAMETOOLONG },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                errno = EBADF;
                assert_int_equal(reach_errno(table[i].path, 0), table[i].error);
        }
}

static void reach_errno__error_of_its_own__is_kept(void **state)
{
        (void)state;
        errno = ENETUNREACH;
        assert_int_equal(reach_errno("/nonexistent/socket", 0), ENETUNREACH);
}

static void reach_errno__somebody_listens_by_now__is_none_in_particular(void **state)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        assert_int_equal(listen(fd, 1), 0);
        errno = EBADF;
        assert_int_equal(reach_errno("127.0.0.1", ntohs(address.sin_port)), EIO);
        assert_int_equal(close(fd), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reach_errno__unix_socket__says_why),
                cmocka_unit_test(reach_errno__error_of_its_own__is_kept),
                cmocka_unit_test(reach_errno__somebody_listens_by_now__is_none_in_particular),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
