/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "util/file.h"

static void file_read__contents__end_with_a_nul(void **state)
{
        (void)state;
        char text[10000];
        memset(text, 'x', sizeof(text));
        config_text_file("f", text, sizeof(text));
        struct file file = { 0 };
        assert_int_equal(file_read("f", sizeof(text), &file, NULL), 0);
        assert_int_equal(file.size, sizeof(text));
        assert_memory_equal(file.data, text, sizeof(text));
        assert_int_equal(file.data[file.size], '\0');
        file_done(&file);
        config_text_file("f", "", 0);
        assert_int_equal(file_read("f", 0, &file, NULL), 0);
        assert_int_equal(file.size, 0);
        assert_string_equal(file.data, "");
        file_done(&file);
}

static void file_read__one_byte_too_many__is_refused(void **state)
{
        (void)state;
        struct file file = { 0 };
        struct fault fault = { 0 };
        char text[2049] = { 0 };
        config_text_file("f", text, sizeof(text));
        assert_int_equal(file_read("f", 2048, &file, &fault), -EFBIG);
        assert_string_equal(fault.text, "is larger than 2 KiB");
        assert_null(file.data);
}

static void file_read__what_is_no_file__is_named(void **state)
{
        (void)state;
        struct file file = { 0 };
        struct fault fault = { 0 };
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_int_equal(file_read("fifo", 100, &file, &fault), -EINVAL);
        assert_string_equal(fault.text, "is not a regular file but a FIFO");
        assert_int_equal(file_read("/dev/null", 100, &file, &fault), -EINVAL);
        assert_string_equal(fault.text, "is not a regular file but a device");
        assert_int_equal(file_read(".", 100, &file, &fault), -EINVAL);
        assert_string_equal(fault.text, "is not a regular file but a directory");
        assert_int_equal(file_read("none", 100, &file, &fault), -ENOENT);
        assert_string_equal(fault.text, "cannot be read: No such file or directory");
}

/* Their size is 0 until they are read. */
static void file_read__file_in_proc__is_read(void **state)
{
        (void)state;
        struct file file = { 0 };
        assert_int_equal(file_read("/proc/self/stat", 65536, &file, NULL), 0);
        assert_true(file.size > 20);
        file_done(&file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, config_text_setup, config_text_teardown)
                TEST(file_read__contents__end_with_a_nul),
                TEST(file_read__one_byte_too_many__is_refused),
                TEST(file_read__what_is_no_file__is_named),
                TEST(file_read__file_in_proc__is_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
