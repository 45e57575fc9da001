/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce import` as people run it, and what sconced makes of the configs that it writes (tests/unit/import). */
#include <glob.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/sconce.h"

static int setup(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

/* No client.conf: no broker is asked. */
static struct run run_import(const char *const words[])
{
        const char *argv[16] = { build_path("sconce"), "import" };
        struct run run = { 0 };

        (void)put_words(argv + 2, words);
        struct process *p = process_run(argv, &(struct process_options){ .name = "sconce" }, &run.status);
        run.out = p->out.text;
        run.err = p->err.text;
        return run;
}
#define IMPORT(...) run_import((const char *const[]){ __VA_ARGS__, NULL })

static void check(const char *config)
{
        int status;
        struct process *p = SCONCED_RUN(&status, "--config", config, "--plugins", build_path("plugins"), "--check");

        if (status != 0)
                give_up("sconced --check refuses %s: %s", config, p->err.text);
        process_free(p);
}

static void check__each_config_that_is_written_down__passes(void **state)
{
        glob_t found;

        (void)state;
        assert_int_equal(glob(format_text("%s/*.conf", source_path("tests/unit/import")), 0, NULL, &found), 0);
        assert_true(found.gl_pathc >= 20);
        for (size_t i = 0; i < found.gl_pathc; i++)
                check(found.gl_pathv[i]);
        globfree(&found);
}

static void import__good_file__goes_to_stdout_with_what_is_lost_on_stderr(void **state)
{
        const char *path = work_path("config.yml");

        (void)state;
        write_file(path, "mqtt: {host: localhost, topic_prefix: home}\ngpio_modules: [{name: g, module: raspberrypi}]\n"
                         "digital_outputs: [{name: Lamp, module: g, pin: 17}]\n");
        struct run run = IMPORT(path);
        assert_int_equal(run.status, 0);
        assert_has(run.out,
                   "\n[broker]\nurl = mqtt://localhost:1883\n\n[switch lamp]\nname = \"Lamp\"\nline = GPIO17\n");
        assert_string_equal(
                run.err, format_text("%s:1: topic_prefix: topics are sconce/NODE/DEVICE/...: docs/topics.md\n", path));
}

static void import__output__is_written_once_and_never_over_a_file(void **state)
{
        const char *path = work_path("lists.yml"), *output = work_path("sconce.conf");

        (void)state;
        write_file(path, "switch: {platform: rpi_gpio, ports: {17: Lamp}}\n");
        assert_run(IMPORT(path, "-o", output), 0, "", "");
        check(output);
        char *before = read_file(output);
        struct run run = IMPORT(path, "--output", output);
        assert_run(run, 1, "", format_text("sconce: %s: is there already: name a file that is not\n", output));
        char *after = read_file(output);
        assert_string_equal(before, after);
        free(before);
        free(after);
}

static void import__nothing_usable__ends_with_1_and_writes_nothing(void **state)
{
        const char *path = work_path("bad.yml"), *output = work_path("never.conf");

        (void)state;
        write_file(path, "digital_outputs:\n\t- name: a\n");
        assert_run(IMPORT(path, "-o", output), 1, "",
                   format_text("%s:2: a tab in the indentation: YAML wants blanks\n", path));
        assert_null(read_file(output));
        assert_has(IMPORT(work_path("nowhere.yml")).err, "nowhere.yml: ");
        assert_int_equal(IMPORT(work_path("nowhere.yml")).status, 1);
}

static void import__wrong_words__end_with_2(void **state)
{
        (void)state;
        assert_run(run_import((const char *const[]){ NULL }), 2, "", "sconce: too few words: sconce import FILE\n");
        assert_run(IMPORT("a.yml", "--output"), 2, "", "sconce: --output wants a value: --output FILE\n");

        const char *argv[] = { build_path("sconce"), "list", "--output", "a", NULL };
        int status;
        struct process *p = process_run(argv, NULL, &status);
        assert_int_equal(status, 2);
        assert_string_equal(p->err.text, "sconce: --output is for `sconce import`\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_close)
                TEST(check__each_config_that_is_written_down__passes),
                TEST(import__good_file__goes_to_stdout_with_what_is_lost_on_stderr),
                TEST(import__output__is_written_once_and_never_over_a_file),
                TEST(import__nothing_usable__ends_with_1_and_writes_nothing),
                TEST(import__wrong_words__end_with_2),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
