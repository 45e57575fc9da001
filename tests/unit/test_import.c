/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/import: configs in the shapes that people publish, tests/unit/import/NAME.yml, with what becomes of them beside it:
 * NAME.conf, where anything does, and NAME.notes. SCONCE_TEST_WRITE=1 writes these again. test_import of the system tests has
 * sconced check each NAME.conf.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/import/import.h"
#include "client/import/draft.h"
#include "util/file.h"

#define DIRECTORY "tests/unit/import/"

struct result {
        int r;
        char *conf, *notes;
};

static struct result import(const char *path, const char *text, size_t size)
{
        struct result result = { 0 };
        size_t conf_size, notes_size;
        FILE *conf = open_memstream(&result.conf, &conf_size), *notes = open_memstream(&result.notes, &notes_size);

        assert_non_null(conf);
        assert_non_null(notes);
        result.r = import_text(path, text, size, conf, notes);
        assert_int_equal(fclose(conf) | fclose(notes), 0);
        return result;
}

static void result_done(struct result *result)
{
        free(result->conf);
        free(result->notes);
}

static struct result import_of(const char *text)
{
        return import("a.yml", text, strlen(text));
}

static char *file_text(const char *path)
{
        struct file file = { 0 };

        return file_read(path, TREE_BYTES_MAX, &file, NULL) == 0 ? file.data : strdup("");
}

/* Without text there is no file. */
static void compare(const char *yml, const char *suffix, const char *text)
{
        char path[128];

        (void)snprintf(path, sizeof(path), "%.*s.%s", (int)(strlen(yml) - strlen(".yml")), yml, suffix);
        if (getenv("SCONCE_TEST_WRITE")) {
                (void)remove(path);
                FILE *file = *text ? fopen(path, "we") : NULL;
                assert_true(!*text || (file && fputs(text, file) >= 0 && fclose(file) == 0));
        }
        char *golden = file_text(path);
        if (strcmp(golden, text) != 0)
                fail_msg("%s: is not as expected any more:\n%s", path, text);
        free(golden);
}

static void import_text__each_config__as_written_down(void **state)
{
        size_t kept = 0;
        glob_t found;

        (void)state;
        assert_int_equal(glob(DIRECTORY "*.yml", 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *path = found.gl_pathv[i], *name = path + strlen(DIRECTORY);
                struct file file = { 0 };
                assert_int_equal(file_read(path, TREE_BYTES_MAX, &file, NULL), 0);
                struct result result = import(name, file.data, file.size);
                assert_int_equal(result.r == 0, *result.conf != '\0');
                assert_true(result.r == 0 || *result.notes);
                compare(path, "conf", result.conf);
                compare(path, "notes", result.notes);
                kept += result.r == 0;
                result_done(&result);
                file_done(&file);
        }
        globfree(&found);
        assert_true(kept >= 20);
}

/* What the page shows is what comes out. */
static void coming_over__its_example__is_what_comes_out(void **state)
{
        static const char *const files[] = { DIRECTORY "example.yml", DIRECTORY "example.conf",
                                             DIRECTORY "example.notes" };
        char *page = file_text("docs/coming-over.md");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                char *text = file_text(files[i]);
                assert_true(*text && strstr(page, text));
                free(text);
        }
        free(page);
}

static void import_text__names_alike__ids_are_unique(void **state)
{
        struct result result = import_of("switch: {platform: rpi_gpio, ports: {1: Lamp, 2: lamp, 3: LAMP}}\n");

        (void)state;
        assert_int_equal(result.r, 0);
        assert_non_null(strstr(result.conf, "[switch lamp]\n"));
        assert_non_null(strstr(result.conf, "[switch lamp-2]\n"));
        assert_non_null(strstr(result.conf, "[switch lamp-3]\n"));
        result_done(&result);
}

/* A device that is left out takes neither its id nor its line from the next one. */
static void import_text__device_left_out__its_line_is_free(void **state)
{
        struct result result = import_of("switch:\n"
                                         "- {platform: rpi_gpio, invert_logic: perhaps, ports: {7: Lamp}}\n"
                                         "- {platform: rpi_gpio, ports: {7: Lamp}}\n");

        (void)state;
        assert_int_equal(result.r, 0);
        assert_non_null(strstr(result.conf, "[switch lamp]\nname = \"Lamp\"\nline = GPIO7\n"));
        assert_string_equal(result.notes, "a.yml:2: invert_logic: perhaps is neither yes nor no; left out\n");
        result_done(&result);
}

static void import_text__more_devices_than_fit__are_noted(void **state)
{
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        (void)state;
        fputs("gpio_modules: [{name: g, module: gpiod}]\ndigital_outputs:\n", file);
        for (int i = 0; i <= IMPORT_DEVICES_MAX; i++)
                fprintf(file, "- {name: a, module: g, pin: %d}\n", i);
        assert_int_equal(fclose(file), 0);
        struct result result = import("a.yml", text, size);
        assert_int_equal(result.r, 0);
        assert_non_null(strstr(result.conf, "[switch a-256]\n"));
        assert_string_equal(result.notes, "a.yml:259: a-257: more than 256 devices: left out\n");
        result_done(&result);
        free(text);
}

/* Nested flow lists are what a parser that recurses falls over. */
static void import_text__a_million_brackets__are_refused(void **state)
{
        char *text = malloc(TREE_BYTES_MAX);

        (void)state;
        memset(text, '[', TREE_BYTES_MAX);
        struct result result = import("a.yml", text, TREE_BYTES_MAX);
        assert_int_equal(result.r, -EINVAL);
        assert_string_equal(result.notes, "a.yml:1: nested more than 32 deep\n");
        result_done(&result);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(import_text__each_config__as_written_down),
                cmocka_unit_test(coming_over__its_example__is_what_comes_out),
                cmocka_unit_test(import_text__names_alike__ids_are_unique),
                cmocka_unit_test(import_text__device_left_out__its_line_is_free),
                cmocka_unit_test(import_text__more_devices_than_fit__are_noted),
                cmocka_unit_test(import_text__a_million_brackets__are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
