/* SPDX-License-Identifier: Apache-2.0 */
/* The files that we ship pass their own check. Runs at the repository's top. */
#include <glob.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/builtin.h"
#include "home/home.h"
#include "fakes/tree.h"
#include "util/file.h"
#include "util/macro.h"

struct fixture {
        struct config *config;
        struct problems problems;
        struct settings settings;
        struct file file;
        char path[64];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        *state = f;
        return f ? 0 : -1;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        config_free(f->config);
        problems_done(&f->problems);
        settings_done(&f->settings);
        file_done(&f->file);
        if (f->path[0])
                (void)remove(f->path);
        free(f);
        return 0;
}

/* This program is build/tests/unit/test_x; the plugins are in build/plugins. */
static void find_plugins(char directory[static PATH_MAX])
{
        char program[PATH_MAX - 8];
        ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
        assert_true(length > 0);
        program[length] = '\0';
        for (int up = 0; up < 3; up++)
                *strrchr(program, '/') = '\0';
        (void)snprintf(directory, PATH_MAX, "%s/plugins", program);
}

/* All that sconced --check does. */
static void check(struct fixture *f, const char *path)
{
        char plugins[PATH_MAX];
        find_plugins(plugins);
        assert_int_equal(config_load(path, &f->problems, &f->config), 0);
        int r = settings_read(f->config, SETTINGS_DAEMON, &f->problems, &f->settings);
        const struct home_options options = { .plugin_dir = plugins, .default_chip = "gpiochip0" };
        assert_int_equal(home_check(&options, f->config, &f->problems), 0);
        for (size_t i = 0; i < f->problems.count; i++)
                print_error("%s\n", f->problems.items[i]);
        assert_int_equal(f->problems.count, 0);
        assert_int_equal(r, 0);
        assert_int_equal(f->settings.warnings.count, 0);
}

static void shipped_config__as_it_is__passes_and_configures_nothing(void **state)
{
        struct fixture *f = *state;
        check(f, "etc/sconce.conf");
        assert_int_equal(f->settings.broker.urls.count, 0);
        assert_int_equal(f->config->count, 5);
}

/* Takes the "#" away where it hides a key or a device, but not where "…" stands for something only the user
 * knows. */
static void uncomment(FILE *out, char *line)
{
        if (!strstr(line, "…") && line[0] == '#' && (line[1] == '[' || (line[1] >= 'a' && line[1] <= 'z')))
                line++;
        else if (!strstr(line, "…") && strncmp(line, "# ", 2) == 0 &&
                 line[2 + strspn(line + 2, "abcdefghijklmnopqrstuvwxyz_")] == ' ' &&
                 line[3 + strspn(line + 2, "abcdefghijklmnopqrstuvwxyz_")] == '=')
                line += 2;
        (void)fprintf(out, "%s\n", line);
}

static void shipped_config__with_every_comment_lifted__passes_too(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(file_read("etc/sconce.conf", 1 << 20, &f->file, NULL), 0);
        (void)snprintf(f->path, sizeof(f->path), "/tmp/sconce-shipped-XXXXXX");
        int fd = mkstemp(f->path);
        assert_true(fd >= 0);
        FILE *out = fdopen(fd, "w");
        assert_non_null(out);
        for (char *rest = f->file.data, *line; (line = strsep(&rest, "\n"));)
                uncomment(out, line);
        assert_int_equal(fclose(out), 0);
        check(f, f->path);
        assert_int_equal(f->settings.broker.urls.count, 1);
        assert_int_equal(f->config->count, 20);
        assert_non_null(config_find(f->config, "contact", "front-door"));
}

static void examples__each__passes(void **state)
{
        static const char *const examples[] = { "lamp",      "door",   "button", "shutter",   "meter",
                                                "simulated", "dimmer", "rules",  "interlock", "weather" };
        for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
                struct fixture *f = *state;
                char path[64];
                (void)snprintf(path, sizeof(path), "etc/examples/%s.conf", examples[i]);
                check(f, path);
                config_free(f->config);
                f->config = NULL;
                settings_done(&f->settings);
        }
}

/* Copied side by side into conf.d, as their comments advise: no device is in two of them, no line, and none of them
 * names another broker than sconce.conf. The one for the simulated chip is a config by itself. */
static void examples__side_by_side__pass_and_leave_the_broker_alone(void **state)
{
        struct fixture *f = *state;
        char root[] = "/tmp/sconce-examples-XXXXXX", path[PATH_MAX];
        glob_t found;
        size_t sections = 0;

        assert_non_null(mkdtemp(root));
        tree_put(root, "sconce.conf", "[broker]\nurl = mqtts://mine.lan\n");
        assert_int_equal(glob("etc/examples/*.conf", 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *name = strrchr(found.gl_pathv[i], '/') + 1;
                if (strcmp(name, "simulated.conf") == 0)
                        continue;
                struct file file = { 0 };
                assert_int_equal(file_read(found.gl_pathv[i], 1 << 20, &file, NULL), 0);
                (void)snprintf(path, sizeof(path), "conf.d/%s", name);
                tree_put(root, path, file.data);
                file_done(&file);
        }
        assert_true(found.gl_pathc > 9);
        globfree(&found);
        (void)snprintf(path, sizeof(path), "%s/sconce.conf", root);
        check(f, path);
        tree_remove(root, "");
        assert_string_equal(((const char *const *)f->settings.broker.urls.items)[0], "mqtts://mine.lan");
        for (size_t i = 0; i < f->config->count; i++) {
                assert_int_equal(f->config->sections[i].n_opened, 1);
                sections += f->config->sections[i].id != NULL;
        }
        assert_true(sections > 30);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(shipped_config__as_it_is__passes_and_configures_nothing),
                TEST(shipped_config__with_every_comment_lifted__passes_too),
                TEST(examples__each__passes),
                TEST(examples__side_by_side__pass_and_leave_the_broker_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
