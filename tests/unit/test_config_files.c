/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are read, in which order, which win, and what is refused as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/reader.h"
#include "config/sections.h"
#include "fakes/config_text.h"
#include "util/macro.h"

struct fixture {
        void *place;
        struct config *config;
        struct problems problems;
        char *rendered;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        *state = f;
        return f ? config_text_setup(&f->place) : -1;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        config_free(f->config);
        problems_done(&f->problems);
        free(f->rendered);
        int r = config_text_teardown(&f->place);
        free(f);
        return r;
}

static void put(const char *name, const char *text)
{
        config_text_file(name, text, strlen(text));
}

/* Loads a.conf and compares what became of it. */
static void check(struct fixture *f, const char *expected)
{
        config_free(f->config);
        f->config = NULL;
        problems_done(&f->problems);
        free(f->rendered);
        assert_int_equal(config_load("a.conf", &f->problems, &f->config), 0);
        f->rendered = config_text_render(f->config, &f->problems);
        assert_string_equal(f->rendered, expected);
}

static void config_load__missing_file__is_reported(void **state)
{
        check(*state, "a.conf: cannot be read: No such file or directory\n");
}

static void config_load__directory__is_reported(void **state)
{
        assert_int_equal(mkdir("a.conf", 0700), 0);
        check(*state, "a.conf: is not a regular file but a directory\n");
}

static void config_load__bad_bytes__refuse_the_file(void **state)
{
        static const struct {
                const char *text;
                size_t size;
                const char *problem;
        } samples[] = {
                { "[x y]\nk = a\0b\n", 14, "a.conf:2: a NUL byte: this is not a text file\n" },
                { "[x y]\n\nk = \xff\n", 13, "a.conf:3: not valid UTF-8: save the file as UTF-8\n" },
                { "# \xc0\xaf\n", 5, "a.conf:1: not valid UTF-8: save the file as UTF-8\n" },
                { "# \xed\xa0\x80\n", 6, "a.conf:1: not valid UTF-8: save the file as UTF-8\n" },
                { "# a\xe2\x82", 5, "a.conf:1: not valid UTF-8: save the file as UTF-8\n" },
                { "# old Mac\r[x y]\r", 16,
                  "a.conf:1: a carriage return within the line: lines end with LF or CR LF\n" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                config_text_file("a.conf", samples[i].text, samples[i].size);
                check(*state, samples[i].problem);
        }
}

/* A file of `size` bytes that is one comment a line, `width` bytes each with the line's end. */
static void put_long(const char *name, size_t size, size_t width)
{
        char *text = malloc(size);
        assert_non_null(text);
        memset(text, '#', size);
        for (size_t i = width - 1; i < size; i += width)
                text[i] = '\n';
        config_text_file(name, text, size);
        free(text);
}

static void config_load__sizes__are_bounded(void **state)
{
        put_long("a.conf", READER_FILE_MAX, 1024);
        check(*state, "");
        put_long("a.conf", READER_FILE_MAX + 1, 1024);
        check(*state, "a.conf: is larger than 1024 KiB\n");
        put_long("a.conf", READER_LINE_MAX + 1, READER_LINE_MAX + 1);
        check(*state, "");
        put_long("a.conf", READER_LINE_MAX + 1, READER_LINE_MAX + 2);
        check(*state, "a.conf:1: the line is longer than 64 KiB\n");
}

static void config_load__drop_ins__come_in_c_order_and_win_per_key(void **state)
{
        struct fixture *f = *state;
        put("a.conf", "[lamp x]\nname = main\nline = 1\n");
        assert_int_equal(mkdir("conf.d", 0700), 0);
        put("conf.d/b.conf", "[lamp x]\nname = b\n");
        put("conf.d/B.conf", "[lamp x]\nname = B\narea = B\n");
        put("conf.d/10.conf", "[lamp x]\nname = ten\n[lamp y]\nline = 2\n");
        put("conf.d/.hidden.conf", "[lamp x]\nname = hidden\n");
        put("conf.d/c.conf.dpkg-old", "[lamp x]\nname = old\n");
        put("conf.d/.conf", "[lamp x]\nname = no\n");
        put("conf.d/README", "no config\n");
        check(f, "[lamp x] name = b\n[lamp x] line = 1\n[lamp x] area = B\n[lamp y] line = 2\n");
        const struct config_section *x = config_find(f->config, "lamp", "x");
        assert_string_equal(x->file, "a.conf");
        assert_string_equal(config_entry_find(x, "name")->file, "conf.d/b.conf");
        assert_int_equal(config_entry_find(x, "name")->line, 2);
        assert_int_equal(f->config->n_files, 4);
}

static void config_load__fifo_among_drop_ins__is_reported_and_does_not_hang(void **state)
{
        put("a.conf", "[lamp x]\nline = 1\n");
        assert_int_equal(mkdir("conf.d", 0700), 0);
        assert_int_equal(mkfifo("conf.d/f.conf", 0600), 0);
        put("conf.d/g.conf", "[lamp x]\nline = 2\n");
        check(*state, "[lamp x] line = 2\nconf.d/f.conf: is not a regular file but a FIFO\n");
}

static void config_load__drop_in_that_leads_nowhere__is_reported(void **state)
{
        put("a.conf", "");
        assert_int_equal(mkdir("conf.d", 0700), 0);
        assert_int_equal(symlink("nowhere", "conf.d/a.conf"), 0);
        check(*state, "conf.d/a.conf: cannot be read: No such file or directory\n");
}

static void config_load__conf_d_that_is_a_file__is_reported(void **state)
{
        put("a.conf", "");
        put("conf.d", "");
        check(*state, "conf.d: cannot be read: Not a directory\n");
}

static void config_load__unreadable_file__is_reported(void **state)
{
        struct fixture *f = *state;
        bool root = geteuid() == 0; /* who can read everything, and so becomes nobody for a moment */
        put("a.conf", "");
        assert_int_equal(chmod("a.conf", 0), 0);
        assert_int_equal(chmod(".", 0755), 0);
        assert_true(!root || seteuid(65534) == 0);
        int r = config_load("a.conf", &f->problems, &f->config);
        assert_true(!root || seteuid(0) == 0);
        assert_int_equal(r, 0);
        assert_int_equal(f->problems.count, 1);
        assert_string_equal(f->problems.items[0], "a.conf: cannot be read: Permission denied");
}

static void config_load__include__is_seen_from_the_including_file(void **state)
{
        assert_int_equal(mkdir("sub", 0700), 0);
        put("a.conf", "[lamp x]\nname = before\nline = 1\n@include \"sub/b.conf\" # comment\narea = Hall\n");
        put("sub/b.conf", "[lamp x]\nname = b\n@include \"c.conf\"\n");
        put("sub/c.conf", "[lamp y]\nline = 2\n");
        check(*state, "[lamp x] name = b\n[lamp x] line = 1\n[lamp x] area = Hall\n[lamp y] line = 2\n");
}

static void config_load__key_after_its_include__wins(void **state)
{
        put("a.conf", "@include \"b.conf\"\n[lamp x]\nname = a\n");
        put("b.conf", "[lamp x]\nname = b\n");
        check(*state, "[lamp x] name = a\n");
}

static void config_load__key_around_an_include__is_still_there_twice(void **state)
{
        put("a.conf", "[lamp x]\nname = a\n@include \"b.conf\"\nname = c\n");
        put("b.conf", "[lamp x]\nname = b\n");
        check(*state, "[lamp x] name = b\na.conf:4: [lamp x] name: is in this file twice, first at line 2\n");
}

static void config_load__included_key_without_section__is_refused(void **state)
{
        put("a.conf", "[lamp x]\n@include \"b.conf\"\nline = 1\n");
        put("b.conf", "name = b\n");
        check(*state, "[lamp x] line = 1\nb.conf:1: name: stands before the first section of its file\n");
}

static void config_load__include_cycle__is_reported(void **state)
{
        assert_int_equal(mkdir("sub", 0700), 0);
        put("a.conf", "@include \"sub/b.conf\"\n[lamp x]\nline = 1\n");
        put("sub/b.conf", "@include \"../a.conf\"\n");
        check(*state, "[lamp x] line = 1\nsub/b.conf:1: @include: a.conf includes itself, directly or "
                      "through others\n");
        put("a.conf", "@include \"a.conf\"\n");
        check(*state, "a.conf:1: @include: a.conf includes itself, directly or through others\n");
}

static void config_load__file_named_twice__is_reported(void **state)
{
        put("a.conf", "@include \"b.conf\"\n@include \"./b.conf\"\n");
        put("b.conf", "[lamp x]\nline = 1\n");
        check(*state, "[lamp x] line = 1\na.conf:2: @include: b.conf has been read already; each file is "
                      "read once\n");
}

static void config_load__include_of_a_fifo__is_reported(void **state)
{
        put("a.conf", "@include \"f\"\n");
        assert_int_equal(mkfifo("f", 0600), 0);
        check(*state, "f: is not a regular file but a FIFO\n");
}

static void config_load__includes__are_ten_deep(void **state)
{
        char name[16], text[64];
        put("a.conf", "@include \"1\"\n");
        for (int i = 1; i <= 11; i++) {
                (void)snprintf(name, sizeof(name), "%d", i);
                (void)snprintf(text, sizeof(text), "[lamp l%d]\nline = %d\n@include \"%d\"\n", i, i, i + 1);
                put(name, text);
        }
        check(*state, "[lamp l1] line = 1\n[lamp l2] line = 2\n[lamp l3] line = 3\n[lamp l4] line = 4\n"
                      "[lamp l5] line = 5\n[lamp l6] line = 6\n[lamp l7] line = 7\n[lamp l8] line = 8\n"
                      "[lamp l9] line = 9\n[lamp l10] line = 10\n10:3: @include: more than 10 files deep\n");
}

static void config_load__too_many_keys_and_sections__are_reported_once(void **state)
{
        struct fixture *f = *state;
        FILE *out = fopen("a.conf", "we");
        assert_non_null(out);
        (void)fputs("[lamp x]\n", out);
        for (unsigned i = 0; i <= ENTRIES_MAX + 1; i++)
                (void)fprintf(out, "k%u = 1\n", i);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(config_load("a.conf", &f->problems, &f->config), 0);
        assert_int_equal(f->problems.count, 1);
        assert_string_equal(f->problems.items[0], "a.conf:1026: [lamp x] more than 1024 keys");
}

static void config_load__hash__is_that_of_the_bytes(void **state)
{
        struct fixture *f = *state;
        put("a.conf", "# a\n");
        check(f, "");
        /* printf '# a\n' | sha256sum */
        assert_string_equal(f->config->sha256, "fd99dedae7c3f7532f8a65d60f811a05dc9dc3e1c5936b0c554c98aafdad8c10");
}

static void config_load_file__drop_ins__are_left_alone(void **state)
{
        struct fixture *f = *state;
        put("a.conf", "[tls]\nca = system\n");
        assert_int_equal(mkdir("conf.d", 0700), 0);
        put("conf.d/b.conf", "[lamp x]\nline = 1\n");
        assert_int_equal(config_load_file("a.conf", &f->problems, &f->config), 0);
        assert_int_equal(f->problems.count, 0);
        assert_int_equal(f->config->count, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(config_load__missing_file__is_reported),
                TEST(config_load__directory__is_reported),
                TEST(config_load__bad_bytes__refuse_the_file),
                TEST(config_load__sizes__are_bounded),
                TEST(config_load__drop_ins__come_in_c_order_and_win_per_key),
                TEST(config_load__fifo_among_drop_ins__is_reported_and_does_not_hang),
                TEST(config_load__drop_in_that_leads_nowhere__is_reported),
                TEST(config_load__conf_d_that_is_a_file__is_reported),
                TEST(config_load__unreadable_file__is_reported),
                TEST(config_load__include__is_seen_from_the_including_file),
                TEST(config_load__key_after_its_include__wins),
                TEST(config_load__key_around_an_include__is_still_there_twice),
                TEST(config_load__included_key_without_section__is_refused),
                TEST(config_load__include_cycle__is_reported),
                TEST(config_load__file_named_twice__is_reported),
                TEST(config_load__include_of_a_fifo__is_reported),
                TEST(config_load__includes__are_ten_deep),
                TEST(config_load__too_many_keys_and_sections__are_reported_once),
                TEST(config_load__hash__is_that_of_the_bytes),
                TEST(config_load_file__drop_ins__are_left_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
