/* SPDX-License-Identifier: Apache-2.0 */
/* What reads the kernel's files and runs programs, through the broker: on trees as the kernel shows them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/tree.h"
#include "system/stage.h"

#define LAMP 17

static const struct tree_entry tree[] = {
        { "w1/28-0316a2791bff/w1_slave",
          "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n", TREE_FILE },
        { "w1/28-00000a1b2c3d/w1_slave",
          "5e ff 4b 46 7f ff 02 10 d3 : crc=d3 YES\n5e ff 4b 46 7f ff 02 10 d3 t=-10125\n", TREE_FILE },
        { "hwmon/hwmon0/name", "lm75\n", TREE_FILE },
        { "hwmon/hwmon0/temp1_input", "21500\n", TREE_FILE },
        { "hwmon/hwmon0/temp1_label", "Rack\n", TREE_FILE },
        { "iio/iio:device0/name", "bme280\n", TREE_FILE },
        { "iio/iio:device0/in_temp_input", "21520\n", TREE_FILE },
        { "iio/iio:device0/in_pressure_input", "101.325\n", TREE_FILE },
        { "iio/iio:device0/in_humidityrelative_input", "45123\n", TREE_FILE },
        { "proc/loadavg", "0.52 0.58 0.59 1/210 4711\n", TREE_FILE },
        { "proc/meminfo", "MemTotal: 4000 kB\nMemAvailable: 3000 kB\n", TREE_FILE },
        { "thermal/thermal_zone0/type", "cpu-thermal\n", TREE_FILE },
        { "thermal/thermal_zone0/temp", NULL, TREE_FIFO }, /* hangs anyone who reads it */
        { "program", "cat \"$1/answer\"\n", TREE_FILE },
        { "setter", "echo \"$2\" >\"$1/set\"; test \"$2\" = ON || { echo 'relay is stuck' >&2; exit 3; }\n",
          TREE_FILE },
        { "answer", "{\"temperature\":4.5,\"door\":true,\"status\":\"fine\",\"more\":1}\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static const char sections[] = "[lamp kitchen]\nline = GPIO17\n"
                               "[w1 cellar]\nid = 28-0316a2791bff\nroot = @/w1\nevery = 50ms\n"
                               "[w1 bus]\nroot = @/w1\nevery = 50ms\n"
                               "[hwmon rack]\nchip = lm75\nroot = @/hwmon\nevery = 50ms\n"
                               "[iio attic]\ndevice = bme280\nroot = @/iio\nevery = 50ms\nretry_after = 1ms\n"
                               "[system board]\nproc = @/proc\nsys = @/sys\ndisk = @\n"
                               "[exec station]\ncommand = [/bin/sh, @/program, @]\noutput = json\nevery = 50ms\n"
                               "channels = [\"temperature °C temperature\", door:bool, status:text]\n"
                               "[exec relay]\nset = [/bin/sh, @/setter, @]\n"
                               "[exec stuck]\ncommand = [/bin/sh, -c, \"trap '' TERM; echo still waiting >&2; sleep "
                               "1000\"]\ndeadline = 3s\n"
                               "[thermal hung]\nroot = @/thermal\ndeadline = 200ms\nevery = 50ms\n";

static const char *root;

/* The sections, with the root for each "@". */
static const char *make_sections(void)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        for (const char *at = sections; *at; at++)
                (void)(*at == '@' ? fputs(root, out) : fputc(*at, out));
        assert_int_equal(fclose(out), 0);
        return keep_text(text);
}

static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        root = work_path("tree");
        make_dir(root);
        tree_make(root, tree);
        stage.hall = daemon_new(&(struct daemon_options){
                .name = "hall", .broker = stage.broker, .pki = stage.pki, .devices = make_sections() });
        daemon_start(stage.hall);
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        return 0;
}

/* The device's state, once its channel has this value. */
static void expect(const char *device, const char *channel, const char *value)
{
        char topic[64];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/state", device);
        (void)client_wait_json(stage.tester, topic, channel, value);
}

static void expect_error(const char *device, const char *code, const char *message)
{
        char topic[64];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/error", device);
        const struct message *m = client_wait_json(stage.tester, topic, "code", code);
        assert_string_equal(json_member(m, "message"), message);
}

static void expect_works_again(const char *device)
{
        char topic[64];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/error", device);
        (void)client_wait_text(stage.tester, topic, "");
}

/* ---- A reader that hangs --------------------------------------------------------------------------------
 */

/* First of all: the reader is blocked from the start on, until this test lets it go. */
static void lamp__another_reader_hangs__not_delayed(void **state)
{
        (void)state;
        expect_error("hung", "etimedout", "its read has not come back within 0.200 s");
        for (int i = 0; i < 20; i++) {
                client_send(stage.tester, "sconce/hall/kitchen/set", i % 2 ? "OFF" : "ON");
                expect("kitchen", "state", i % 2 ? "OFF" : "ON");
                chip_wait(stage.hall->lines, LAMP, i % 2 ? 0 : 1);
        }
        expect("cellar", "temperature", "23.125");
        /* Somebody still waits at the other end: else this would fail with ENXIO. */
        int fd = open(work_path("tree/thermal/thermal_zone0/temp"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "48312\n", 6), 6);
        (void)close(fd);
        expect("hung", "temperature", "48.312");
}

/* ---- Each of them ---------------------------------------------------------------------------------------
 */

static void w1__one_and_all__readings(void **state)
{
        (void)state;
        expect("cellar", "temperature", "23.125");
        expect("bus", "t28_0316a2791bff", "23.125");
        expect("bus", "t28_00000a1b2c3d", "-10.125");
}

static void w1__plugged_in_and_gone__channel_and_null(void **state)
{
        (void)state;
        tree_put(root, "w1/10-000802b5f1e2/w1_slave",
                 "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=1000\n");
        const struct message *info = client_wait_json(stage.tester, "sconce/hall/info",
                                                      "devices.bus.channels.t10_000802b5f1e2.class", "temperature");
        assert_string_equal(json_member(info, "devices.bus.channels.t10_000802b5f1e2.unit"), "°C");
        expect("bus", "t10_000802b5f1e2", "1");
        tree_remove(root, "w1/10-000802b5f1e2");
        expect("bus", "t10_000802b5f1e2", "null");
}

static void w1__bad_checksum__offline_until_it_is_right(void **state)
{
        (void)state;
        tree_put(root, "w1/28-0316a2791bff/w1_slave", "ff ff : crc=c9 NO\nff ff t=23125\n");
        expect_error("cellar", "eio", "28-0316a2791bff: the checksum is wrong: check wiring, length and pull-up");
        tree_put(root, "w1/28-0316a2791bff/w1_slave",
                 "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=24000\n");
        expect_works_again("cellar");
        expect("cellar", "temperature", "24");
}

static void hwmon__reading__and_gone_and_back(void **state)
{
        char *gone = NULL;

        (void)state;
        expect("rack", "temp1", "21.5");
        tree_remove(root, "hwmon/hwmon0");
        assert_true(asprintf(&gone, "there is no chip \"lm75\" in %s/hwmon", root) > 0);
        expect_error("rack", "enoent", keep_text(gone));
        tree_put(root, "hwmon/hwmon7/name", "lm75\n");
        tree_put(root, "hwmon/hwmon7/temp1_input", "-3000\n");
        expect_works_again("rack");
        expect("rack", "temp1", "-3");
}

static void iio__readings__in_units_of_people(void **state)
{
        (void)state;
        expect("attic", "pressure", "1013.25");
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/attic/state", "temperature", "21.52");
        assert_string_equal(json_member(m, "humidity"), "45.123");
        tree_put(root, "iio/iio:device0/in_temp_input", "garbage\n");
        expect("attic", "temperature", "null");
        tree_put(root, "iio/iio:device0/in_temp_input", "0\n");
        expect("attic", "temperature", "0");
}

static void system__readings__what_the_board_lacks_is_null(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/board/get", "");
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/board/state", "memory_used", "25");
        assert_string_equal(json_member(m, "load"), "0.52");
        assert_string_equal(json_member(m, "wifi_signal"), "null");
        assert_string_equal(json_member(m, "under_voltage"), "null");
}

static void exec__json__channels_and_errors(void **state)
{
        (void)state;
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/station/state", "temperature", "4.5");
        assert_string_equal(json_member(m, "door"), "ON");
        assert_string_equal(json_member(m, "status"), "fine");
        tree_put(root, "answer", "{\"temperature\":warm}");
        expect_error("station", "ebadmsg",
                     "the program's output is not a flat JSON object: \"{\"temperature\":warm}\"");
        tree_put(root, "answer", "{\"temperature\":5}");
        expect_works_again("station");
        expect("station", "temperature", "5");
}

static void exec__set__carried_out_or_refused_with_its_words(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/relay/set", "ON");
        expect("relay", "state", "ON");
        client_send(stage.tester, "sconce/hall/relay/set", "{\"state\":\"OFF\",\"id\":\"off\"}");
        stage_wait_result("relay", "off", "failed");
        char *set = read_file(work_path("tree/set"));
        assert_string_equal(set, "OFF\n");
        free(set);
}

static void exec__does_not_end__killed_and_reported(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/stuck/get", "");
        expect_error("stuck", "etimedout", "sh: was killed: it has not ended within 2.7 s: still waiting");
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(lamp__another_reader_hangs__not_delayed, NULL),
        STAGE_TEST(exec__does_not_end__killed_and_reported, NULL),
        STAGE_TEST(w1__one_and_all__readings, stage_forget),
        STAGE_TEST(w1__plugged_in_and_gone__channel_and_null, stage_forget),
        STAGE_TEST(w1__bad_checksum__offline_until_it_is_right, stage_forget),
        STAGE_TEST(hwmon__reading__and_gone_and_back, stage_forget),
        STAGE_TEST(iio__readings__in_units_of_people, stage_forget),
        STAGE_TEST(system__readings__what_the_board_lacks_is_null, stage_forget),
        STAGE_TEST(exec__json__channels_and_errors, stage_forget),
        STAGE_TEST(exec__set__carried_out_or_refused_with_its_words, stage_forget),
};

STAGE_MAIN(tests, open_stage)
