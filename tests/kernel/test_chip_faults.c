/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sconced reports and does when lines cannot be had, on the kernel's own gpio-sim: a chip that goes and
 * comes back, lines that somebody holds, a name that two chips have, a chip that is not ours to open. One
 * device suffers, the others run. Runs inside the kernel ring, as root:
 *
 *   tests/kernel/run build/tests/kernel/test_chip_faults
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "kernel/ring.h"

#define NOBODY 65534

/* The other lamp of the house works, whatever is the matter with the first. */
static void assert_other_works(void)
{
        ring_send("other/set", "ON");
        chip_wait(ring.expander.lines_dir, 3, 1);
        ring_wait_json("other/state", "state", "ON");
        ring_send("other/set", "OFF");
        chip_wait(ring.expander.lines_dir, 3, 0);
}

#define OTHER "[lamp other]\nline = EXP3\n"

static struct daemon *start(const char *devices)
{
        struct daemon *hall = ring_daemon(devices);

        daemon_start(hall);
        daemon_wait_online(hall, ring.tester);
        return hall;
}

/* ---- Unplugging
 * --------------------------------------------------------------------------------------------- */

static void unplug__in_use_and_back__offline_then_online_as_it_was(void **state)
{
        struct daemon *hall = start(OTHER "[lamp kitchen]\nline = PIN17\n"
                                          "[contact door]\nline = ring-bank:18\nbias = pull-down\n");

        (void)state;
        ring_send("kitchen/set", "ON");
        chip_wait(ring.bank.lines_dir, 17, 1);
        chip_pull(ring.bank.lines_dir, 18, true);
        ring_wait_json("door/state", "state", "ON");
        client_forget(ring.tester);

        assert_int_equal(gpiosim_unplug(&ring.bank), 0);
        ring_wait("kitchen/status", "offline");
        ring_wait_error("kitchen", "enodev", "is gone (unplugged?)");
        ring_wait("door/status", "offline");
        assert_other_works();
        client_forget(ring.tester);

        assert_int_equal(gpiosim_plug(&ring.bank), 0);
        ring_wait("kitchen/status", "online");
        ring_wait("kitchen/error", "");
        ring_wait("door/status", "online");
        chip_wait(ring.bank.lines_dir, 17, 1); /* what was commanded last */
        ring_send("kitchen/set", "OFF");
        chip_wait(ring.bank.lines_dir, 17, 0);
        chip_pull(ring.bank.lines_dir, 18, true);
        ring_wait_json("door/state", "state", "ON");
        daemon_stop(hall);
}

static void unplug__nobody_notices_but_a_command__is_refused_with_the_reason(void **state)
{
        struct daemon *hall = start("[lamp kitchen]\nline = PIN17\n");

        (void)state;
        process_signal(hall->process, SIGSTOP);
        ring_send("kitchen/set", "{\"state\":\"ON\",\"id\":\"late\"}");
        assert_int_equal(gpiosim_unplug(&ring.bank), 0);
        process_signal(hall->process, SIGCONT);
        ring_wait("kitchen/status", "offline");
        ring_wait_json("kitchen/result", "ok", "false");
        assert_int_equal(gpiosim_plug(&ring.bank), 0);
        ring_wait("kitchen/status", "online");
        daemon_stop(hall);
}

/* ---- Lines that are not to be had
 * ----------------------------------------------------------------------------- */

static void line_held_by_another_program__named__taken_when_it_is_free(void **state)
{
        struct gpio_fixture f;
        struct fault fault;

        (void)state;
        gpio_fixture_init(&f, false);
        const struct gpio_options options = { .chip = "ring-bank", .sim_dir = f.dir, .consumer = "somebody" };
        assert_int_equal(gpio_new(&f.loop, &options, &f.gpio), 0);
        struct sconce_line *theirs = fixture_line("17");
        assert_int_equal(line_open_output(f.gpio, theirs, 1, NULL, NULL, &fault), 0);

        struct daemon *hall = start(OTHER "[lamp kitchen]\nline = PIN17\n");
        ring_wait_error("kitchen", "ebusy", "PIN17 is in use by \"somebody\"");
        assert_other_works();
        assert_int_equal(chip_value(ring.bank.lines_dir, 17), 1);

        line_free(theirs);
        ring_wait("kitchen/status", "online");
        ring_send("kitchen/set", "ON");
        chip_wait(ring.bank.lines_dir, 17, 1);
        daemon_stop(hall);
        gpio_fixture_done(&f);
}

static void line_held_by_the_kernel__its_hog_is_named(void **state)
{
        struct daemon *hall = start(OTHER "[lamp kitchen]\nline = ring-bank:4\n");

        (void)state;
        ring_wait_error("kitchen", "ebusy", "ring-bank:4 is in use by \"hog\"");
        assert_other_works();
        daemon_stop(hall);
}

static void name_on_two_chips__both_are_listed__chip_and_name_work(void **state)
{
        const struct gpiosim_layout layout = { .label = "ring-twin", .line_count = 20, .name_prefix = "PIN" };
        struct gpiosim twin;
        char words[200];

        (void)state;
        assert_int_equal(gpiosim_create("ring-twin", &layout, &twin), 0);
        bool first = strverscmp(ring.bank.chip, twin.chip) < 0;
        (void)snprintf(words, sizeof(words), "2 lines are named \"PIN17\"; write %s:PIN17 or %s:PIN17",
                       first ? ring.bank.chip : twin.chip, first ? twin.chip : ring.bank.chip);
        struct daemon *hall = start(OTHER "[lamp kitchen]\nline = PIN17\n[lamp cellar]\nline = ring-twin:PIN16\n");
        ring_wait_error("kitchen", "einval", words);
        ring_send("cellar/set", "ON");
        chip_wait(twin.lines_dir, 16, 1);
        assert_other_works();
        daemon_stop(hall);
        assert_int_equal(gpiosim_remove("ring-twin"), 0);
}

/* ---- An ordinary user
 * ------------------------------------------------------------------------------------------ */

static int become_nobody(void *userdata)
{
        (void)userdata;
        return setgid(NOBODY) < 0 || setuid(NOBODY) < 0 ? -1 : 0;
}

static int give_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        return chown(path, NOBODY, NOBODY);
}

static const char *node_of(const struct gpiosim *sim)
{
        char path[GPIOSIM_NAME_MAX + 8];

        (void)snprintf(path, sizeof(path), "/dev/%s", sim->chip);
        return keep_text(strdup(path));
}

static void ordinary_user__chip_not_his__is_shown_what_to_do__works_when_it_is(void **state)
{
        struct daemon *hall = ring_daemon_with((struct daemon_options){
                .devices = OTHER "[lamp kitchen]\nline = ring-bank:17\n", .prepare = become_nobody });

        (void)state;
        assert_int_equal(nftw(work_path("."), give_away, 16, FTW_PHYS), 0);
        assert_int_equal(chmod(node_of(&ring.bank), 0600), 0);
        assert_int_equal(chmod(node_of(&ring.expander), 0666), 0);
        daemon_start(hall);
        ring_wait_error("kitchen", "eacces",
                        "permission denied; add the user of this program to the group that owns it");
        ring_wait("kitchen/status", "offline");
        assert_other_works();
        assert_int_equal(chmod(node_of(&ring.bank), 0666), 0);
        ring_wait("kitchen/status", "online");
        ring_send("kitchen/set", "ON");
        chip_wait(ring.bank.lines_dir, 17, 1);
        daemon_stop(hall);
}

#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, ring_plug, ring_unplug)

int main(void)
{
        const struct CMUnitTest tests[] = {
                RING_TEST(unplug__in_use_and_back__offline_then_online_as_it_was),
                RING_TEST(unplug__nobody_notices_but_a_command__is_refused_with_the_reason),
                RING_TEST(line_held_by_another_program__named__taken_when_it_is_free),
                RING_TEST(line_held_by_the_kernel__its_hog_is_named),
                RING_TEST(name_on_two_chips__both_are_listed__chip_and_name_work),
                RING_TEST(ordinary_user__chip_not_his__is_shown_what_to_do__works_when_it_is),
        };
        return cmocka_run_group_tests(tests, ring_open, ring_close);
}
