/* SPDX-License-Identifier: Apache-2.0 */
/* Which device an agent died of: each run is a child of its own that ends as an agent would. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/starts.h"
#include "util/log.h"
#include "util/macro.h"
#include "util/thread.h"

#define SECTION 11
#define SOON_MS 10000

static char dir[64], path[96];

static int setup(void **state)
{
        (void)state;
        (void)snprintf(dir, sizeof(dir), "/tmp/sconce-starts.XXXXXX");
        assert_non_null(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/starts", dir);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(dir);
}

/* ---- Runs that end badly ------------------------------------------------------------------------------- */

static struct start_mark *on_loop(struct starts *starts, const char *device)
{
        return starts_begin(starts, device, SECTION, true);
}

static struct start_mark *on_thread(struct starts *starts, const char *device)
{
        return starts_begin(starts, device, SECTION, false);
}

static void dies_on_loop(struct starts *starts)
{
        (void)start_mark_enter(on_loop(starts, "lamp"));
        abort();
}

static void is_killed(struct starts *starts)
{
        (void)on_loop(starts, "lamp");
        (void)on_thread(starts, "cellar");
        (void)kill(getpid(), SIGKILL);
}

static void is_killed_with_threads_alone(struct starts *starts)
{
        (void)on_thread(starts, "cellar");
        (void)on_thread(starts, "attic");
        (void)kill(getpid(), SIGKILL);
}

static void *abort_here(void *userdata)
{
        (void)start_mark_enter(userdata);
        abort();
}

static void dies_on_a_thread(struct starts *starts)
{
        int never = thread_wakeup_new();

        (void)start_mark_enter(on_loop(starts, "lamp"));
        (void)on_thread(starts, "attic");
        if (thread_start("cellar", abort_here, on_thread(starts, "cellar")) < 0)
                return;
        (void)poll(&(struct pollfd){ .fd = never, .events = POLLIN }, 1, SOON_MS);
}

static void exits(struct starts *starts)
{
        (void)on_thread(starts, "cellar");
        (void)start_mark_enter(on_loop(starts, "lamp"));
        exit(1); // NOLINT
}

static void dies_of_something_else(struct starts *starts)
{
        (void)on_thread(starts, "cellar");
        abort();
}

static void dies_when_all_have_started(struct starts *starts)
{
        start_mark_end(on_loop(starts, "lamp"), true);
        abort();
}

static void dies_after_configure(struct starts *starts)
{
        start_mark_end(on_loop(starts, "lamp"), false);
        dies_on_loop(starts);
}

static void is_killed_while_one_hangs(struct starts *starts)
{
        start_mark_excuse(on_thread(starts, "cellar"));
        (void)kill(getpid(), SIGKILL);
}

static void ends_in_order(struct starts *starts)
{
        (void)on_loop(starts, "lamp");
        starts_free(starts);
        _exit(0);
}

static int silence(void)
{
        return setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0 });
}

static void run(void (*end)(struct starts *starts))
{
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0) {
                struct starts *starts = NULL;
                static const int own[] = { SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGBUS }; /* CMocka's handlers */
                for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                        (void)signal(own[i], SIG_DFL);
                log_set_level(LOG_EMERG);
                if (silence() < 0 || starts_new(path, &starts) < 0)
                        _exit(99);
                end(starts);
                _exit(98);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) > 90);
}

static void run_often(void (*end)(struct starts *starts), unsigned times)
{
        for (unsigned i = 0; i < times; i++)
                run(end);
}

/* What the next run knows, which then ends in order. */
static void assert_left_out(bool lamp, bool cellar, bool attic)
{
        struct starts *starts = NULL;

        assert_int_equal(starts_new(path, &starts), 0);
        bool is[] = { starts_leaves_out(starts, "lamp", SECTION), starts_leaves_out(starts, "cellar", SECTION),
                      starts_leaves_out(starts, "attic", SECTION) };
        starts_free(starts);
        assert_int_equal(is[0], lamp);
        assert_int_equal(is[1], cellar);
        assert_int_equal(is[2], attic);
}

/* ---- Who is left out ----------------------------------------------------------------------------------- */

static void starts_new__died_three_times__leaves_the_culprit_out(void **state)
{
        static const struct {
                void (*end)(struct starts *starts);
                bool lamp, cellar, attic;
        } rows[] = {
                { .end = dies_on_loop, .lamp = true },
                { .end = dies_after_configure, .lamp = true },
                { .end = is_killed, .lamp = true },
                { .end = is_killed_with_threads_alone, .cellar = true, .attic = true },
                { .end = dies_on_a_thread, .cellar = true },
                { .end = exits, .lamp = true },
                { .end = dies_of_something_else },
                { .end = dies_when_all_have_started },
                { .end = is_killed_while_one_hangs },
                { .end = ends_in_order },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                (void)unlink(path);
                run_often(rows[i].end, STARTS_DEATHS_MAX);
                assert_left_out(rows[i].lamp, rows[i].cellar, rows[i].attic);
        }
}

static void starts_new__died_twice_or_not_in_a_row__leaves_none_out(void **state)
{
        (void)state;
        run_often(dies_on_loop, STARTS_DEATHS_MAX - 1);
        run(dies_when_all_have_started);
        run(dies_on_loop);
        assert_left_out(false, false, false);
}

static void starts_free__one_was_left_out__has_one_more_try(void **state)
{
        (void)state;
        run_often(dies_on_loop, STARTS_DEATHS_MAX);
        assert_left_out(true, false, false);
        assert_left_out(false, false, false);
        run(dies_on_loop);
        assert_left_out(true, false, false);
}

static void starts_leaves_out__another_section__no(void **state)
{
        struct starts *starts = NULL;

        (void)state;
        run_often(dies_on_loop, STARTS_DEATHS_MAX);
        assert_int_equal(starts_new(path, &starts), 0);
        bool same = starts_leaves_out(starts, "lamp", SECTION), other = starts_leaves_out(starts, "lamp", SECTION + 1);
        starts_free(starts);
        assert_true(same);
        assert_false(other);
}

static void starts_free__nothing_to_remember__leaves_no_file(void **state)
{
        struct starts *starts = NULL;

        (void)state;
        assert_int_equal(starts_new(path, &starts), 0);
        start_mark_end(on_loop(starts, "lamp"), true);
        starts_free(starts);
        assert_int_equal(access(path, F_OK), -1);
}

/* ---- The file ------------------------------------------------------------------------------------------ */

static void starts_new__file_of_another_boot_or_none_of_ours__is_begun_again(void **state)
{
        static const char *const files[] = { "", "sconced", "sconced starts 1\0an earlier boot" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                FILE *file = fopen(path, "we");
                assert_non_null(file);
                for (unsigned k = 0; k < 2000; k++)
                        (void)fwrite(files[i], 1, i == 2 ? 33 : strlen(files[i]), file);
                (void)fclose(file);
                assert_left_out(false, false, false);
        }
}

/* All that follows the first line is damaged: what it held is forgotten. */
static void starts_new__damaged_marks__are_survived(void **state)
{
        struct stat st;

        (void)state;
        run_often(dies_on_loop, STARTS_DEATHS_MAX);
        assert_int_equal(stat(path, &st), 0);
        FILE *file = fopen(path, "r+e");
        assert_non_null(file);
        assert_int_equal(fseek(file, 64, SEEK_SET), 0);
        for (long i = 64; i < st.st_size; i++)
                (void)fputc(0xff, file);
        (void)fclose(file);
        assert_left_out(false, false, false);
}

static void starts_new__no_file_can_be_there__fails(void **state)
{
        struct starts *starts = NULL;

        (void)state;
        assert_int_equal(starts_new("/proc/nowhere/starts", &starts), -ENOENT);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(starts_new(path, &starts), -EISDIR);
        assert_int_equal(rmdir(path), 0);
        assert_null(starts);
}

static void starts_begin__very_many__the_rest_is_not_marked(void **state)
{
        struct starts *starts = NULL;
        unsigned n_marked = 0;

        (void)state;
        assert_int_equal(starts_new(path, &starts), 0);
        for (unsigned i = 0; i < 1000; i++) {
                char id[16];
                (void)snprintf(id, sizeof(id), "d%u", i);
                n_marked += on_thread(starts, id) != NULL;
        }
        assert_null(on_thread(starts, "d0")); /* it is marked already */
        starts_free(starts);
        assert_int_equal(n_marked, 256);
}

static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(starts_new__died_three_times__leaves_the_culprit_out),
        TEST(starts_new__died_twice_or_not_in_a_row__leaves_none_out),
        TEST(starts_free__one_was_left_out__has_one_more_try),
        TEST(starts_leaves_out__another_section__no),
        TEST(starts_free__nothing_to_remember__leaves_no_file),
        TEST(starts_new__file_of_another_boot_or_none_of_ours__is_begun_again),
        TEST(starts_new__damaged_marks__are_survived),
        TEST(starts_new__no_file_can_be_there__fails),
        TEST(starts_begin__very_many__the_rest_is_not_marked),
};

int main(void)
{
        return cmocka_run_group_tests(tests, NULL, NULL);
}
