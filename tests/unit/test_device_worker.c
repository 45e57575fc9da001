/* SPDX-License-Identifier: Apache-2.0 */
/* device/worker: devices that block. The sloth hangs at a FIFO, its gate, until the test writes to it. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/house.h"

#define LAMP "[lamp kitchen]\nline = GPIO17\n"

static void make_gate(const struct house *house, const char *name)
{
        char path[PATH_MAX];

        house_path(house, name, path);
        assert_int_equal(mkfifo(path, 0600), 0);
}

/* Opens the gate for one callback that hangs at it, or will. */
static int open_gate(const struct house *house, const char *name, const char *text)
{
        char path[PATH_MAX];

        house_path(house, name, path);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

static bool is_there(const struct house *house, void *userdata)
{
        char path[PATH_MAX];

        house_path(house, userdata, path);
        return access(path, F_OK) == 0;
}

/* A deadline begins when a thread does. */
static void wait_at_gate(struct house *house, const char *name)
{
        char waits[64];

        (void)snprintf(waits, sizeof(waits), "%s.waits", name);
        house_wait(house, is_there, waits);
}

static void apply_sloth(struct house *house, const char *more)
{
        char text[PATH_MAX + 256];

        (void)snprintf(text, sizeof(text), "[sloth slow]\ndir = %s\n%s", house->gpio.dir, more);
        house_apply(house, text);
}

static void wait_status(struct house *house, const char *status)
{
        size_t times = 1;

        do
                house_wait_published(house, "slow", DEVICE_STATUS, times++);
        while (strcmp(house_published(house, "slow", DEVICE_STATUS), status) != 0);
}

static void worker__starts__reports_and_added_channels_arrive(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        house_assert_published(house, "slow", DEVICE_STATE,
                               "{\"state\":\"OFF\",\"gate\":null,\"thread\":\"the thread's own\"}");
        assert_int_equal(house_count(house, "slow", DEVICE_STATE), 1);
}

static void worker__command__result_after_the_callback(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        house_forget(house);
        make_gate(house, "command");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":1}");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":1}");
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"id\":1,\"code\":\"duplicate\",\"message\":\"the same command is "
                            "still being carried out\"}");
        int gate = open_gate(house, "command", "0\n");
        house_wait_published(house, "slow", DEVICE_RESULT, 2);
        house_assert_result(house, "slow", "{\"ok\":true,\"id\":1}");
        assert_int_equal(house_count(house, "slow", DEVICE_STATE), 1);
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"state\":\"ON\""));
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":1}");
        house_assert_result(house, "slow", "{\"ok\":true,\"id\":1}");
        (void)close(gate);
}

/* Somebody who listens sends a command of his own with another's response topic and correlation data, while the
 * other waits. */
static void worker__other_command_for_the_reply_that_is_due__answered_elsewhere(void **state)
{
        static const struct command_meta asked = { .reply_to = "sconce/reply/me/1",
                                                   .asker = "me",
                                                   .asker_size = 2,
                                                   .correlation = "secret",
                                                   .correlation_size = 6 };
        static const char forged[] = "{\"colour\":1}";
        struct house *house = *state;

        apply_sloth(house, LAMP);
        wait_status(house, "online");
        make_gate(house, "command");
        home_command(house->devices, "slow", NULL, "ON", 2, &asked);
        house_forget(house);
        home_command(house->devices, "slow", NULL, forged, strlen(forged), &asked);
        home_command(house->devices, "kitchen", NULL, forged, strlen(forged), &asked);
        home_command(house->devices, "attic", NULL, forged, strlen(forged), &asked);
        for (size_t i = 0; i < house->n_published; i++)
                assert_null(house->published[i].reply_to);
        assert_int_equal(house_count(house, "slow", DEVICE_RESULT), 1);
        assert_int_equal(house_count(house, "attic", DEVICE_RESULT), 1);
        house_forget(house);
        int gate = open_gate(house, "command", "0\n");
        house_wait_published(house, "slow", DEVICE_RESULT, 1);
        house_assert_result(house, "slow", "{\"ok\":true}");
        assert_string_equal(house->published[house->n_published - 1].reply_to, "sconce/reply/me/1");
        /* It has had its answer: the topic is free. */
        home_command(house->devices, "kitchen", NULL, forged, strlen(forged), &asked);
        assert_string_equal(house->published[house->n_published - 1].reply_to, "sconce/reply/me/1");
        (void)close(gate);
}

static void worker__other_command_with_the_id_that_is_due__answered_without_it(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        make_gate(house, "command");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":1}");
        house_set(house, "slow", "{\"colour\":1,\"id\":1}");
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"code\":\"unknown_key\",\"message\":\"unknown key \\\"colour\\\"\"}");
        house_forget(house);
        int gate = open_gate(house, "command", "0\n");
        house_wait_published(house, "slow", DEVICE_RESULT, 1);
        house_assert_result(house, "slow", "{\"ok\":true,\"id\":1}");
        (void)close(gate);
}

/* Each TOGGLE is resolved when it is its turn, not when it comes in. */
static void worker__several_toggles__one_after_the_other(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        house_forget(house);
        for (int i = 0; i < 3; i++)
                house_set(house, "slow", "TOGGLE");
        house_wait_published(house, "slow", DEVICE_STATE, 3);
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"state\":\"ON\""));
}

static void worker__callback_fails__its_words_arrive(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        make_gate(house, "command");
        int gate = open_gate(house, "command", "5\n");
        house_set(house, "slow", "ON");
        house_wait_published(house, "slow", DEVICE_RESULT, 1);
        house_assert_result(house, "slow", "{\"ok\":false,\"code\":\"failed\",\"message\":\"the gate answers 5\"}");
        (void)close(gate);
}

/* A hung device delays nobody: the lamp switches while the reader is still blocked. */
static void worker__hangs__others_go_on_and_it_is_offline(void **state)
{
        struct house *house = *state;

        make_gate(house, "read");
        apply_sloth(house, "every = 30s\n" LAMP);
        wait_status(house, "online");
        house_forget(house);
        house_set(house, "kitchen", "ON");
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":2}"); /* waits behind the read */
        house_assert_result(house, "slow", NULL);
        wait_at_gate(house, "read");
        house_pass(house, 2 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "offline");
        house_assert_published(house, "slow", DEVICE_ERROR,
                               "{\"code\":\"etimedout\",\"message\":\"its read has not come back within 2.000 s\"}");
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"id\":2,\"code\":\"offline\",\"message\":\"its read has not come "
                            "back within 2.000 s\"}");
        house_set(house, "slow", "ON");
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"code\":\"offline\",\"message\":\"the device is offline: its "
                            "read has not come back within 2.000 s\"}");
        house_set(house, "kitchen", "OFF");
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
        /* It comes back. */
        int gate = open_gate(house, "read", "0\n");
        wait_status(house, "online");
        assert_string_equal(house_published(house, "slow", DEVICE_ERROR), "");
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"gate\":\"passed\""));
        (void)close(gate);
}

static void worker__command_hangs__failed_once(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "deadline = 3s\n");
        wait_status(house, "online");
        house_forget(house);
        make_gate(house, "command");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":3}");
        wait_at_gate(house, "command");
        house_pass(house, 3 * USEC_PER_SEC - 1);
        house_assert_result(house, "slow", NULL);
        house_pass(house, 1);
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"id\":3,\"code\":\"failed\",\"message\":\"its command has not "
                            "come back within 3.000 s\"}");
        int gate = open_gate(house, "command", "0\n");
        wait_status(house, "online");
        assert_int_equal(house_count(house, "slow", DEVICE_RESULT), 1);
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"state\":\"ON\""));
        (void)close(gate);
}

static void worker__too_many_wait__busy(void **state)
{
        struct house *house = *state;
        static const char refused[] =
                "{\"ok\":false,\"code\":\"busy\",\"message\":\"16 commands are waiting already\"}";

        apply_sloth(house, "");
        wait_status(house, "online");
        make_gate(house, "command");
        for (int i = 0; i < 17; i++) /* one is carried out, 16 wait */
                house_set(house, "slow", "ON");
        house_assert_result(house, "slow", NULL);
        house_set(house, "slow", "ON");
        house_assert_result(house, "slow", refused);
        int gate = open_gate(house, "command", "0\n");
        house_remove(house, "command");
        house_wait_published(house, "slow", DEVICE_STATE, 18);
        (void)close(gate);
}

static void worker__expires_while_it_waits__not_carried_out(void **state)
{
        struct house *house = *state;
        const struct command_meta late = { .expires_us = loop_now_us(&house->gpio.loop) + USEC_PER_SEC,
                                           .reply_to = "there",
                                           .correlation = "c",
                                           .correlation_size = 1 };

        apply_sloth(house, "");
        wait_status(house, "online");
        make_gate(house, "command");
        house_set(house, "slow", "ON");
        home_command(house->devices, "slow", NULL, "OFF", 3, &late);
        house_pass(house, USEC_PER_SEC);
        int gate = open_gate(house, "command", "0\n");
        house_wait_published(house, "slow", DEVICE_RESULT, 1);
        house_assert_result(house, "slow",
                            "{\"ok\":false,\"code\":\"expired\",\"message\":\"the command expired while it "
                            "waited for the device\"}");
        assert_string_equal(house->published[house->n_published - 1].reply_to, "there");
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"state\":\"ON\""));
        (void)close(gate);
}

static void worker__start_fails__comes_again(void **state)
{
        struct house *house = *state;

        make_gate(house, "start");
        int gate = open_gate(house, "start", "19\n");
        apply_sloth(house, "");
        wait_status(house, "offline");
        house_assert_published(house, "slow", DEVICE_ERROR,
                               "{\"code\":\"enodev\",\"message\":\"the gate answers 19\"}");
        house_remove(house, "start");
        house_pass(house, USEC_PER_SEC);
        wait_status(house, "online");
        (void)close(gate);
}

/* A changed section while the old instance hangs: the new one starts when the thread is free. */
static void worker__reload_while_it_hangs__starts_afterwards(void **state)
{
        struct house *house = *state;

        make_gate(house, "read");
        apply_sloth(house, "every = 30s\n");
        wait_status(house, "online");
        wait_at_gate(house, "read");
        house_pass(house, 2 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "offline");
        char text[PATH_MAX + 64], dir[PATH_MAX];
        house_path(house, "other", dir);
        assert_int_equal(mkdir(dir, 0700), 0);
        (void)snprintf(text, sizeof(text), "[sloth slow]\ndir = %s\n", dir);
        house_apply(house, text);
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "offline");
        int gate = open_gate(house, "read", "0\n");
        wait_status(house, "online");
        (void)close(gate);
}

static void read_with(struct house *house, const char *word)
{
        house_write(house, "word", word);
        house_forget(house);
        home_get(house->devices, "slow");
        house_wait_published(house, "slow", DEVICE_STATE, 1); /* asked for: when the read is over */
}

static void worker__event_and_health__arrive_like_reports(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        read_with(house, "ring");
        assert_non_null(strstr(house_published(house, "slow", DEVICE_EVENT), "\"channel\":\"press\""));
        read_with(house, "itch");
        assert_null(house_published(house, "slow", DEVICE_STATUS));
        house_assert_published(house, "slow", DEVICE_ERROR, "{\"code\":\"eio\",\"message\":\"it itches\"}");
        read_with(house, "sick");
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "offline");
        house_assert_published(house, "slow", DEVICE_ERROR, "{\"code\":\"eio\",\"message\":\"it feels sick\"}");
        read_with(house, "well");
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "online");
}

static void worker__report_of_the_wrong_type__logged_since_it_is_too_late(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        read_with(house, "wrong type");
        assert_true(house_logged(house, "the plugin's report was not taken: "));
        assert_non_null(strstr(house_published(house, "slow", DEVICE_STATE), "\"state\":\"OFF\""));
}

static void worker__log_and_clock__are_there(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "deadline = 3s\n");
        wait_status(house, "online");
        assert_true(house_logged(house, "slow: channel")); /* the key of one that it tried to add */
        read_with(house, "who");
        assert_true(house_logged(house, "slow: slow has 3000 ms and a clock"));
}

static bool thread_is_gone(const struct house *house, void *userdata)
{
        char path[64], name[32] = "";
        bool found = false;

        (void)house;
        (void)userdata;
        (void)snprintf(path, sizeof(path), "/proc/self/task");
        DIR *tasks = opendir(path);
        assert_non_null(tasks);
        for (const struct dirent *task; (task = readdir(tasks));) {
                char comm[320];
                (void)snprintf(comm, sizeof(comm), "/proc/self/task/%s/comm", task->d_name);
                FILE *file = task->d_name[0] == '.' ? NULL : fopen(comm, "re");
                if (file && fgets(name, sizeof(name), file) && strcmp(name, "device\n") == 0)
                        found = true;
                if (file)
                        (void)fclose(file);
        }
        (void)closedir(tasks);
        return !found;
}

/* The set goes while a thread hangs: it is left to itself, and cleans up after itself (valgrind and ASan
 * watch). */
static void worker__stop_while_it_hangs__abandoned_safely(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        make_gate(house, "command");
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":4}");
        house_set(house, "slow", "{\"state\":\"OFF\",\"id\":5}");
        house_forget(house);
        home_stop(house->devices);
        assert_int_equal(house_count(house, "slow", DEVICE_RESULT), 2);
        home_free(house->devices);
        house->devices = NULL;
        int gate = open_gate(house, "command", "0\n");
        house_wait(house, thread_is_gone, NULL);
        (void)close(gate);
}

static void worker__gone_from_config_while_it_hangs__abandoned_safely(void **state)
{
        struct house *house = *state;

        make_gate(house, "read");
        apply_sloth(house, "every = 30s\n");
        wait_status(house, "online");
        house_apply(house, LAMP);
        assert_string_equal(house_published(house, "slow", DEVICE_STATUS), "");
        house_set(house, "kitchen", "ON");
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        int gate = open_gate(house, "read", "0\n");
        house_wait(house, is_there, (char[]){ "stopped" });
        (void)close(gate);
}

static void stop__reports__are_published(void **state)
{
        struct house *house = *state;

        apply_sloth(house, "");
        wait_status(house, "online");
        house_forget(house);
        home_stop(house->devices);
        const char *published = house_published(house, "slow", DEVICE_STATE);
        assert_non_null(published);
        assert_non_null(strstr(published, "\"gate\":\"stopped\""));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(worker__starts__reports_and_added_channels_arrive),
                TEST(stop__reports__are_published),
                TEST(worker__command__result_after_the_callback),
                TEST(worker__other_command_for_the_reply_that_is_due__answered_elsewhere),
                TEST(worker__other_command_with_the_id_that_is_due__answered_without_it),
                TEST(worker__several_toggles__one_after_the_other),
                TEST(worker__callback_fails__its_words_arrive),
                TEST(worker__hangs__others_go_on_and_it_is_offline),
                TEST(worker__command_hangs__failed_once),
                TEST(worker__too_many_wait__busy),
                TEST(worker__expires_while_it_waits__not_carried_out),
                TEST(worker__start_fails__comes_again),
                TEST(worker__event_and_health__arrive_like_reports),
                TEST(worker__report_of_the_wrong_type__logged_since_it_is_too_late),
                TEST(worker__log_and_clock__are_there),
                TEST(worker__reload_while_it_hangs__starts_afterwards),
                TEST(worker__stop_while_it_hangs__abandoned_safely),
                TEST(worker__gone_from_config_while_it_hangs__abandoned_safely),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
