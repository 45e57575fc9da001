/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated chip, through the interface that devices use and through its files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "util/cleanup.h"

static struct gpio_fixture f;
static struct sconce_line *line;
static struct fault fault;
static struct seen seen;

static int setup(void **state)
{
        (void)state;
        memset(&seen, 0, sizeof(seen));
        gpio_fixture_init(&f, false);
        gpio_fixture_open_sim(&f);
        line = fixture_line("GPIO17");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        line_free(line);
        gpio_fixture_done(&f);
        return 0;
}

static void open_output(int first_value)
{
        if (line_open_output(f.gpio, line, first_value, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
}

static void open_input(void)
{
        if (line_open_input(f.gpio, line, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
}

static void set_drive(int drive, int bias)
{
        line_set_settings(line, &(struct line_settings){ .drive = drive, .bias = bias });
}

static bool level(struct sconce_line *of)
{
        bool active = false;
        assert_int_equal(line_get(of, &active, &fault), 0);
        return active;
}

static void assert_file(const char *file, const char *text)
{
        CLEANUP_FREE char *found = sim_read(&f, file);
        assert_string_equal(found, text);
}

static void reopen_sim(void)
{
        gpio_free(TAKE_PTR(f.gpio));
        gpio_fixture_open_sim(&f);
}

/* ---- The directory ---------------------------------------------------------------------------------- */

static void gpio_new__empty_directory__all_files_are_there_at_once(void **state)
{
        char file[32], names[1024] = "";

        (void)state;
        for (unsigned i = 0; i < 54; i++) {
                (void)snprintf(file, sizeof(file), "sim_gpio%u/value", i);
                assert_file(file, "0\n");
                (void)snprintf(file, sizeof(file), "sim_gpio%u/pull", i);
                assert_file(file, "pull-down\n");
                (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "GPIO%u\n", i);
        }
        assert_file("names", names);
        assert_file("edges", "");
}

static void gpio_new__modes__only_the_owner_may_make_files(void **state)
{
        static const char *const files[] = { "", "sim_gpio0", "sim_gpio0/value", "edges", "names", "consumers" };
        char path[PATH_MAX];
        struct stat st;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                sim_path(&f, path, files[i]);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & (S_IWOTH | S_ISUID | S_ISGID), 0);
                assert_int_equal(st.st_uid, geteuid());
        }
}

static void gpio_new__missing_parents__are_made(void **state)
{
        struct gpio_options options = { .chip = "sim" };
        struct gpio *other = NULL;
        char deep[PATH_MAX];
        struct stat st;

        (void)state;
        (void)snprintf(deep, sizeof(deep), "%s/a/b", f.dir);
        options.sim_dir = deep;
        assert_int_equal(gpio_new(&f.loop, &options, &other), 0);
        gpio_free(other);
        (void)snprintf(deep, sizeof(deep), "%s/a/b/gpiochip0/sim_gpio53/value", f.dir);
        assert_int_equal(stat(deep, &st), 0);
}

static void gpio_new__directory_of_an_earlier_run__keeps_pulls_and_settles_values(void **state)
{
        (void)state;
        sim_pull(&f, 4, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(sim_value(&f, 4), 1);
        gpio_free(TAKE_PTR(f.gpio));

        sim_pull(&f, 4, "pull-down\n"); /* while nobody looks */
        sim_pull(&f, 5, "pull-up");
        gpio_fixture_open_sim(&f);
        assert_int_equal(sim_value(&f, 4), 0);
        assert_int_equal(sim_value(&f, 5), 1);
        assert_int_equal(sim_edge_count(&f, 4), 2);
}

static void gpio_new__broken_files__are_mended(void **state)
{
        char path[PATH_MAX];

        (void)state;
        gpio_free(TAKE_PTR(f.gpio));
        sim_write(&f, "sim_gpio1/value", "");
        sim_write(&f, "sim_gpio2/value", "rubbish");
        sim_write(&f, "sim_gpio3/pull", "");
        sim_write(&f, "names", "LAMP\n");
        sim_write(&f, "consumers", "");
        sim_path(&f, path, "sim_gpio4/pull");
        assert_int_equal(unlink(path), 0);
        sim_path(&f, path, "sim_gpio5/value");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        gpio_fixture_open_sim(&f);

        assert_file("sim_gpio1/value", "0\n");
        assert_file("sim_gpio2/value", "0\n");
        assert_file("sim_gpio3/pull", "pull-down\n");
        assert_file("sim_gpio4/pull", "pull-down\n");
        assert_file("sim_gpio5/value", "0\n");
        CLEANUP_FREE char *names = sim_read(&f, "names");
        assert_memory_equal(names, "GPIO0\nGPIO1\n", 12);
}

/* Two victims, for a file that has a second name is not written for that reason alone. */
static void plant(int (*make_link)(const char *, const char *), const char *victim, const char *const files[])
{
        char target[PATH_MAX], path[PATH_MAX];

        (void)snprintf(target, sizeof(target), "%s/%s", f.dir, victim);
        CLEANUP_FILE FILE *out = fopen(target, "we");
        assert_non_null(out);
        assert_true(fputs("precious", out) >= 0);
        for (size_t i = 0; files[i]; i++) {
                sim_path(&f, path, files[i]);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(make_link(target, path), 0);
        }
}

static void assert_precious(const char *victim)
{
        char path[PATH_MAX], text[64] = "";

        (void)snprintf(path, sizeof(path), "%s/%s", f.dir, victim);
        CLEANUP_FILE FILE *in = fopen(path, "re");
        assert_non_null(in);
        assert_non_null(fgets(text, sizeof(text), in));
        assert_string_equal(text, "precious");
}

static void gpio_new__links_in_the_way__what_they_point_to_is_left_alone(void **state)
{
        (void)state;
        gpio_free(TAKE_PTR(f.gpio));
        plant(symlink, "pointed-to",
              (const char *const[]){ "sim_gpio6/value", "sim_gpio6/pull", "edges", "names", NULL });
        plant(link, "named-twice",
              (const char *const[]){ "sim_gpio7/value", "sim_gpio7/pull", "sim_gpio17/value", NULL });
        gpio_fixture_open_sim(&f);
        open_output(1);
        assert_precious("pointed-to");
        assert_precious("named-twice");
        assert_file("sim_gpio6/value", "0\n");
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(sim_edge_count(&f, 17), 1);
}

static void line_open_output__directory_is_a_link__shows_what_is_wrong(void **state)
{
        char path[PATH_MAX], text[PATH_MAX + 100];

        (void)state;
        gpio_free(TAKE_PTR(f.gpio));
        sim_path(&f, path, "");
        path[strlen(path) - 1] = '\0';
        char away[PATH_MAX + 8];
        (void)snprintf(away, sizeof(away), "%s.away", path);
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(symlink(away, path), 0);
        gpio_fixture_open_sim(&f);
        assert_int_equal(line_open_output(f.gpio, line, 1, NULL, NULL, &fault), -ENOTDIR);
        (void)snprintf(text, sizeof(text), "cannot use %s for the simulated chip: Not a directory", f.dir);
        assert_string_equal(fault.text, text);
}

/* ---- Outputs ---------------------------------------------------------------------------------------- */

static void line_open_output__first_value__stands_in_value_and_edges(void **state)
{
        unsigned long long ns;
        unsigned offset, high;
        struct timespec now;

        (void)state;
        open_output(1);
        assert_int_equal(sim_value(&f, 17), 1);
        CLEANUP_FREE char *edges = sim_read(&f, "edges");
        assert_int_equal(sscanf(edges, "%llu %u %u", &ns, &offset, &high), 3);
        assert_int_equal(offset, 17);
        assert_int_equal(high, 1);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        unsigned long long now_ns = (unsigned long long)now.tv_sec * NSEC_PER_SEC + (unsigned long long)now.tv_nsec;
        assert_true(ns <= now_ns && now_ns - ns < 60 * NSEC_PER_SEC);
}

static void line_set__on_and_off__value_follows_and_each_change_is_one_edge(void **state)
{
        (void)state;
        open_output(0);
        assert_int_equal(sim_edge_count(&f, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(sim_edge_count(&f, 17), 1);
        assert_true(level(line));
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 0);
        assert_int_equal(sim_edge_count(&f, 17), 2);
        assert_false(level(line));
}

static void line_set__active_low__value_is_the_physical_level(void **state)
{
        (void)state;
        line_set_settings(line, &(struct line_settings){ .active_low = true });
        open_output(0);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_false(level(line));
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 0);
        assert_true(level(line));
}

static void pull__of_an_output__counts_only_after_release(void **state)
{
        (void)state;
        open_output(0);
        sim_pull(&f, 17, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(sim_value(&f, 17), 0);
        assert_false(level(line));
        line_close(line);
        assert_int_equal(sim_value(&f, 17), 1);
}

static void line_close__output_that_is_on__reads_its_pull(void **state)
{
        (void)state;
        open_output(1);
        line_close(line);
        assert_false(line_is_open(line));
        assert_int_equal(sim_value(&f, 17), 0);
        assert_int_equal(sim_edge_count(&f, 17), 2);
}

static void line_open_output__keep__drives_what_the_line_showed(void **state)
{
        (void)state;
        sim_pull(&f, 17, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(sim_edge_count(&f, 17), 1);
        open_output(-1);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_true(level(line));
        sim_pull(&f, 17, "pull-down\n"); /* it is driven now */
        fixture_settle(&f);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(sim_edge_count(&f, 17), 1);
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 0);
}

static void line_open_output__bias__sets_the_pull_and_it_stays(void **state)
{
        (void)state;
        set_drive(LINE_DRIVE_PUSH_PULL, LINE_BIAS_PULL_UP);
        open_output(0);
        assert_file("sim_gpio17/pull", "pull-up\n");
        assert_int_equal(sim_value(&f, 17), 0);
        line_close(line);
        assert_int_equal(sim_value(&f, 17), 1);
}

/* As gpio-sim does it: "high" only lets go, and the level stays what it was until something drives it. */
static void line_set__open_drain__high_only_lets_go(void **state)
{
        (void)state;
        set_drive(LINE_DRIVE_OPEN_DRAIN, LINE_BIAS_PULL_UP);
        open_output(1);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 0);
        line_close(line);
        assert_int_equal(sim_value(&f, 17), 1);
}

static void line_set__open_source__low_only_lets_go(void **state)
{
        (void)state;
        set_drive(LINE_DRIVE_OPEN_SOURCE, LINE_BIAS_AS_IS);
        open_output(0);
        assert_int_equal(sim_value(&f, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(sim_value(&f, 17), 1);
}

static void line_set__closed__is_an_error_in_words(void **state)
{
        bool active;

        (void)state;
        assert_int_equal(line_set(line, true, &fault), -ENODEV);
        assert_string_equal(fault.text, "GPIO17 is not open");
        assert_int_equal(line_get(line, &active, &fault), -ENODEV);
        assert_string_equal(fault.text, "GPIO17 is not open");
}

/* ---- Inputs ----------------------------------------------------------------------------------------- */

static void pull__of_an_input__is_reported_with_its_time(void **state)
{
        (void)state;
        open_input();
        uint64_t before_us = loop_now_us(&f.loop);
        sim_pull(&f, 17, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
        assert_true(seen.last.active);
        assert_int_equal(seen.last.lost, 0);
        assert_true(seen.last.time_us + 1 >= before_us && seen.last.time_us <= loop_now_us(&f.loop));
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(sim_edge_count(&f, 17), 1);

        sim_pull(&f, 17, "pull-down");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 2);
        assert_false(seen.last.active);
        assert_int_equal(sim_value(&f, 17), 0);
}

static void pull__half_written__waits_for_the_rest(void **state)
{
        (void)state;
        open_input();
        sim_pull(&f, 17, "pull-up\n");
        fixture_settle(&f);
        sim_pull(&f, 17, "");
        fixture_settle(&f);
        sim_pull(&f, 17, "pull-");
        fixture_settle(&f);
        sim_pull(&f, 17, "up");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
        assert_int_equal(sim_value(&f, 17), 1);
        sim_pull(&f, 17, "pull-down");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 2);
        assert_int_equal(sim_value(&f, 17), 0);
}

static void pull__file_replaced__the_new_one_counts(void **state)
{
        char from[PATH_MAX], to[PATH_MAX];

        (void)state;
        open_input();
        sim_write(&f, "fresh", "pull-up\n");
        sim_path(&f, from, "fresh");
        sim_path(&f, to, "sim_gpio17/pull");
        assert_int_equal(rename(from, to), 0);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
        sim_pull(&f, 17, "pull-down\n");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 2);
}

static void pull__of_a_line_that_nobody_holds__shows_in_value(void **state)
{
        (void)state;
        sim_pull(&f, 53, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(sim_value(&f, 53), 1);
        assert_int_equal(sim_edge_count(&f, 53), 1);
}

static void line_get__pull_changed_a_moment_ago__reads_it_and_still_reports_the_edges(void **state)
{
        (void)state;
        open_input();
        sim_pull(&f, 17, "pull-up\n");
        assert_true(level(line));
        sim_pull(&f, 17, "pull-down\n");
        assert_false(level(line));
        assert_int_equal(seen.edges, 0);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 2);
        assert_true(seen.levels[0]);
        assert_false(seen.levels[1]);
}

static void edges__more_than_the_queue_holds__the_last_level_is_reported_and_the_lost_are_counted(void **state)
{
        (void)state;
        open_input();
        for (int i = 0; i < 21; i++) {
                sim_pull(&f, 17, i % 2 ? "pull-down\n" : "pull-up\n");
                (void)level(line);
        }
        fixture_settle(&f);
        assert_true(seen.edges > 0);
        assert_true(seen.last.active);
        assert_true(level(line));
        assert_int_equal(sim_edge_count(&f, 17), 21);
}

static void line_open_input__bias__is_the_pull(void **state)
{
        (void)state;
        set_drive(LINE_DRIVE_PUSH_PULL, LINE_BIAS_PULL_UP);
        open_input();
        assert_file("sim_gpio17/pull", "pull-up\n");
        assert_true(level(line));
        assert_int_equal(sim_value(&f, 17), 1);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 0);
}

static void line_open_input__active_low__reports_logical_levels(void **state)
{
        (void)state;
        line_set_settings(line, &(struct line_settings){ .active_low = true, .bias = LINE_BIAS_PULL_UP });
        open_input();
        assert_false(level(line));
        sim_pull(&f, 17, "pull-down\n");
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
        assert_true(seen.last.active);
        assert_true(level(line));
}

static void close_while_told(void *userdata, const struct line_edge *edge, const struct fault *why)
{
        record_edge(userdata, edge, why);
        line_free(TAKE_PTR(line));
}

static void edge__callback_frees_the_line__is_fine(void **state)
{
        (void)state;
        assert_int_equal(line_open_input(f.gpio, line, close_while_told, &seen, &fault), 0);
        sim_pull(&f, 17, "pull-up\n");
        (void)level(line);
        sim_pull(&f, 17, "pull-down\n");
        (void)level(line);
        fixture_settle(&f);
        assert_null(line);
        assert_int_equal(seen.edges, 1);
}

/* ---- Several users ---------------------------------------------------------------------------------- */

static void line_open_output__same_line_twice__names_the_first(void **state)
{
        (void)state;
        open_output(0);
        struct sconce_line *again = fixture_line("sim:17");
        assert_int_equal(line_open_output(f.gpio, again, 1, NULL, NULL, &fault), -EEXIST);
        assert_string_equal(fault.text, "sim:17 is already in use here, as \"GPIO17\"");
        assert_int_equal(sim_value(&f, 17), 0);
        line_free(again);
}

static void line_open_output__held_by_another_gpio__names_its_consumer(void **state)
{
        struct gpio_options options = { .chip = "sim", .sim_dir = f.dir, .consumer = "hog" };
        struct gpio *other = NULL;
        struct sconce_line *theirs = fixture_line("17");

        (void)state;
        assert_int_equal(gpio_new(&f.loop, &options, &other), 0);
        assert_int_equal(line_open_output(other, theirs, 1, NULL, NULL, &fault), 0);
        assert_int_equal(line_open_output(f.gpio, line, 0, NULL, NULL, &fault), -EBUSY);
        assert_string_equal(fault.text, "GPIO17 is in use by \"hog\"");
        assert_int_equal(sim_value(&f, 17), 1);

        /* The pull of a line that somebody drives is not ours to show. */
        sim_pull(&f, 17, "pull-up\n");
        sim_pull(&f, 17, "pull-down\n");
        fixture_settle(&f);
        assert_int_equal(sim_value(&f, 17), 1);

        line_free(theirs);
        open_output(0);
        gpio_free(other);
}

static void change_pull__two_watchers__one_edge(void **state)
{
        struct gpio_options options = { .chip = "sim", .sim_dir = f.dir };
        struct gpio *other = NULL;

        (void)state;
        assert_int_equal(gpio_new(&f.loop, &options, &other), 0);
        open_input();
        sim_pull(&f, 17, "pull-up\n");
        sim_pull(&f, 18, "pull-up\n");
        fixture_settle(&f);
        assert_int_equal(sim_edge_count(&f, 17), 1);
        assert_int_equal(sim_edge_count(&f, 18), 1);
        assert_int_equal(seen.edges, 1);
        gpio_free(other);
}

/* A process that holds the line, reports it, and waits to be killed. */
static pid_t hold_elsewhere(void)
{
        int ready[2];
        char byte;

        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct gpio_options options = { .chip = "sim", .sim_dir = f.dir, .consumer = "other" };
                struct gpio *mine = NULL;
                struct loop loop = f.loop;

                /* sd-event objects belong to the process that made them. */
                if (sd_event_new(&loop.event) < 0 || gpio_new(&loop, &options, &mine) < 0 ||
                    line_open_output(mine, line, 1, NULL, NULL, &fault) < 0 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        return pid;
}

static void line_open_output__held_by_a_process_that_is_killed__is_free_again(void **state)
{
        int status;

        (void)state;
        gpio_free(TAKE_PTR(f.gpio));
        pid_t pid = hold_elsewhere();
        gpio_fixture_open_sim(&f);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(line_open_output(f.gpio, line, 0, NULL, NULL, &fault), -EBUSY);
        assert_string_equal(fault.text, "GPIO17 is in use by \"other\"");

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        open_output(-1);
        assert_int_equal(sim_value(&f, 17), 0); /* released, so its pull, and that was kept */
}

/* ---- Gone ------------------------------------------------------------------------------------------- */

static void directory__taken_away__lines_are_closed_and_reported(void **state)
{
        struct sconce_line *lamp = fixture_line("GPIO4");
        struct seen lamp_seen = { .edges = 0 };
        char path[PATH_MAX], away[PATH_MAX + 8];

        (void)state;
        open_input();
        assert_int_equal(line_open_output(f.gpio, lamp, 1, record_edge, &lamp_seen, &fault), 0);
        sim_path(&f, path, "");
        path[strlen(path) - 1] = '\0';
        (void)snprintf(away, sizeof(away), "%s.away", path);
        assert_int_equal(rename(path, away), 0);
        fixture_settle(&f);
        assert_int_equal(seen.gone, 1);
        assert_int_equal(seen.fault.code, -ENODEV);
        assert_string_equal(seen.fault.text, "GPIO17: the chip gpiochip0 is gone (unplugged?)");
        assert_int_equal(lamp_seen.gone, 1);
        assert_false(line_is_open(line));
        assert_false(line_is_open(lamp));
        assert_int_equal(line_set(lamp, false, &fault), -ENODEV);

        open_output(1); /* plugged in again */
        assert_int_equal(sim_value(&f, 17), 1);
        line_free(lamp);
}

/* ---- Names, lists ----------------------------------------------------------------------------------- */

static void line_open_output__every_spelling__is_the_same_line(void **state)
{
        static const char *const texts[] = { "GPIO17", "17",         "gpiochip0:17",  "gpiochip0:GPIO17",
                                             "sim:17", "sim:GPIO17", "sconce-sim:17", "0:17" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct sconce_line *other = fixture_line(texts[i]);
                if (line_open_output(f.gpio, other, 1, NULL, NULL, &fault) < 0)
                        fail_msg("%s: %s", texts[i], fault.text);
                assert_int_equal(sim_value(&f, 17), 1);
                line_free(other);
                assert_int_equal(sim_value(&f, 17), 0);
        }
}

static const struct {
        const char *text;
        int code;
        const char *words;
} refused[] = {
        { "GPOI17", -ENOENT, "the simulated chip has no line named \"GPOI17\"; did you mean GPIO17" },
        { "gpio4", -ENOENT, "the simulated chip has no line named \"gpio4\"; did you mean GPIO4" },
        { "LAMP", -ENOENT, "the simulated chip has no line named \"LAMP\"; `sconced --lines` shows what there is" },
        { "sim:GPIO99", -ENOENT, "gpiochip0 has no line named \"GPIO99\"; did you mean GPIO9" },
        { "54", -ENOENT, "gpiochip0 has the lines 0 to 53; 54 is not one of them" },
        { "gpiochip1:4", -ENOENT,
          "there is no chip \"gpiochip1\": while the default chip is \"sim\", the simulated chip "
          "(gpiochip0) is the only one" },
};

static void line_open_output__no_such_line__lists_what_there_is(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                struct sconce_line *other = fixture_line(refused[i].text);
                assert_int_equal(line_open_output(f.gpio, other, 1, NULL, NULL, &fault), refused[i].code);
                assert_string_equal(fault.text, refused[i].words);
                assert_int_equal(fault.code, refused[i].code);
                line_free(other);
        }
}

static void gpio_print_lines__one_line_in_use__shows_by_whom(void **state)
{
        char *text = NULL;
        size_t size = 0;

        (void)state;
        open_output(1);
        FILE *out = open_memstream(&text, &size);
        assert_int_equal(gpio_print_lines(f.gpio, out, &fault), 0);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(
                text, "\n11  gpiochip0:17  sconce-sim           GPIO17               output    high   sconced\n"));
        assert_non_null(strstr(text, "gpiochip0:18  sconce-sim           GPIO18               input     high   -\n"));
        free(text);
}

static void gpio_new__line_in_use_by_us__second_set_of_chips_leaves_it_alone(void **state)
{
        (void)state;
        open_output(1);
        struct gpio *first = TAKE_PTR(f.gpio);
        gpio_fixture_open_sim(&f);
        assert_int_equal(sim_value(&f, 17), 1);
        assert_int_equal(sim_edge_count(&f, 17), 1);
        reopen_sim();
        line_close(line);
        gpio_free(first);
}

#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SIM_TEST(gpio_new__empty_directory__all_files_are_there_at_once),
                SIM_TEST(gpio_new__modes__only_the_owner_may_make_files),
                SIM_TEST(gpio_new__missing_parents__are_made),
                SIM_TEST(gpio_new__directory_of_an_earlier_run__keeps_pulls_and_settles_values),
                SIM_TEST(gpio_new__broken_files__are_mended),
                SIM_TEST(gpio_new__links_in_the_way__what_they_point_to_is_left_alone),
                SIM_TEST(line_open_output__directory_is_a_link__shows_what_is_wrong),
                SIM_TEST(line_open_output__first_value__stands_in_value_and_edges),
                SIM_TEST(line_set__on_and_off__value_follows_and_each_change_is_one_edge),
                SIM_TEST(line_set__active_low__value_is_the_physical_level),
                SIM_TEST(pull__of_an_output__counts_only_after_release),
                SIM_TEST(line_close__output_that_is_on__reads_its_pull),
                SIM_TEST(line_open_output__keep__drives_what_the_line_showed),
                SIM_TEST(line_open_output__bias__sets_the_pull_and_it_stays),
                SIM_TEST(line_set__open_drain__high_only_lets_go),
                SIM_TEST(line_set__open_source__low_only_lets_go),
                SIM_TEST(line_set__closed__is_an_error_in_words),
                SIM_TEST(pull__of_an_input__is_reported_with_its_time),
                SIM_TEST(pull__half_written__waits_for_the_rest),
                SIM_TEST(pull__file_replaced__the_new_one_counts),
                SIM_TEST(pull__of_a_line_that_nobody_holds__shows_in_value),
                SIM_TEST(line_get__pull_changed_a_moment_ago__reads_it_and_still_reports_the_edges),
                SIM_TEST(edges__more_than_the_queue_holds__the_last_level_is_reported_and_the_lost_are_counted),
                SIM_TEST(line_open_input__bias__is_the_pull),
                SIM_TEST(line_open_input__active_low__reports_logical_levels),
                SIM_TEST(edge__callback_frees_the_line__is_fine),
                SIM_TEST(line_open_output__same_line_twice__names_the_first),
                SIM_TEST(line_open_output__held_by_another_gpio__names_its_consumer),
                SIM_TEST(change_pull__two_watchers__one_edge),
                SIM_TEST(line_open_output__held_by_a_process_that_is_killed__is_free_again),
                SIM_TEST(directory__taken_away__lines_are_closed_and_reported),
                SIM_TEST(line_open_output__every_spelling__is_the_same_line),
                SIM_TEST(line_open_output__no_such_line__lists_what_there_is),
                SIM_TEST(gpio_print_lines__one_line_in_use__shows_by_whom),
                SIM_TEST(gpio_new__line_in_use_by_us__second_set_of_chips_leaves_it_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
