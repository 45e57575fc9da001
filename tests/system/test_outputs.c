/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that do more than on and off, through the broker: a dimmed lamp, pulses, an interlock. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/sysfs_tree.h"
#include "system/stage.h"

#define LED     "class/leds/ACT/brightness"
#define UP      "[switch up]\nline = GPIO17\ninterlock = motor\n"
#define DOWN    "[switch down]\nline = GPIO22\ninterlock = motor\n"
#define DEAD_NS 500000000ULL
#define IS_UP   KITCHEN
#define IS_DOWN PUMP

static struct daemon *hall_with(const char *devices)
{
        return stage_daemon("hall", devices);
}

static void start(struct daemon *hall)
{
        client_forget(stage.tester);
        daemon_start(hall);
        daemon_wait_online(hall, stage.tester);
}

/* ---- A dimmed lamp ------------------------------------------------------------------------------------- */

struct level {
        const struct daemon *daemon;
        uint64_t wanted;
};

static bool shows(void *userdata)
{
        const struct level *level = userdata;
        return sysfs_tree_number(level->daemon->sim_dir, LED) == level->wanted;
}

static void wait_level(const struct daemon *daemon, uint64_t wanted)
{
        struct level level = { daemon, wanted };

        if (!pump_until(shows, &level, SOON_MS))
                give_up("the LED does not come to %u", (unsigned)wanted);
}

static void lamp__led__brightness_fade_and_exit_reach_the_kernel(void **state)
{
        (void)state;
        if (chip_is_kernel()) {
                print_message("skipped: its LEDs would be the machine's own\n");
                skip();
        }
        struct daemon *hall = hall_with("[lamp desk]\nled = ACT\ngamma = 1\non_exit = off\n");
        make_dir(hall->sim_dir);
        sysfs_tree_led(hall->sim_dir, "ACT", 255);
        start(hall);
        client_send(stage.tester, "sconce/hall/desk/set", "64");
        (void)client_wait_json(stage.tester, "sconce/hall/desk/state", "brightness", "64");
        wait_level(hall, 64);
        client_send(stage.tester, "sconce/hall/desk/set", "{\"state\":\"ON\",\"brightness\":200,\"transition\":0.5}");
        (void)client_wait_json(stage.tester, "sconce/hall/desk/state", "brightness", "200");
        wait_level(hall, 200);
        client_send(stage.tester, "sconce/hall/desk/set", "OFF");
        const struct message *off = client_wait_json(stage.tester, "sconce/hall/desk/state", "state", "OFF");
        assert_string_equal(json_member(off, "brightness"), "200");
        wait_level(hall, 0);
        client_send(stage.tester, "sconce/hall/desk/set", "{\"state\":\"ON\",\"transition\":60}");
        (void)client_wait_json(stage.tester, "sconce/hall/desk/state", "state", "ON");
        daemon_stop(hall); /* in the fade */
        assert_int_equal(sysfs_tree_number(hall->sim_dir, LED), 0);
}

/* ---- For a limited time -------------------------------------------------------------------------------- */

static void switch__pulse_and_for__off_by_themselves(void **state)
{
        static const char *const commands[][2] = {
                { "sconce/hall/bell/set", "ON" },
                { "sconce/hall/pump/set", "{\"state\":\"ON\",\"for\":\"200ms\"}" },
                { "sconce/hall/pump/set/for", "0.2" },
        };
        struct daemon *hall = hall_with("[switch bell]\nline = GPIO17\npulse = 200ms\n[switch pump]\nline = GPIO22\n");

        (void)state;
        start(hall);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                char topic[64];
                (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/state", i == 0 ? "bell" : "pump");
                client_send(stage.tester, commands[i][0], commands[i][1]);
                (void)client_wait_json(stage.tester, topic, "state", "ON");
                (void)client_wait_json(stage.tester, topic, "state", "OFF");
                chip_wait(hall->lines, i == 0 ? KITCHEN : PUMP, 0);
        }
        daemon_stop(hall);
}

/* ---- An interlock -------------------------------------------------------------------------------------- */

static char *read_edges(const struct daemon *hall)
{
        char path[512], *text = NULL;
        size_t size;

        (void)snprintf(path, sizeof(path), "%s/edges", hall->lines);
        FILE *in = fopen(path, "re"), *out = open_memstream(&text, &size);
        assert_non_null(in);
        assert_non_null(out);
        for (int c; (c = fgetc(in)) != EOF;)
                (void)fputc(c, out);
        (void)fclose(in);
        (void)fclose(out);
        return text;
}

/* By the chip's own record: never two at once, and never one sooner than the dead time after the other. */
static void assert_kept_apart(const struct daemon *hall)
{
        char *text = read_edges(hall), *rest = NULL;
        uint64_t off_ns[2] = { 0, 0 };
        bool on[2] = { false, false };

        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *end;
                uint64_t at_ns = strtoull(line, &end, 10);
                unsigned long offset = strtoul(end, &end, 10), level = strtoul(end, NULL, 10);
                if (offset != IS_UP && offset != IS_DOWN)
                        continue;
                size_t self = offset == IS_UP ? 0 : 1, other = 1 - self;
                on[self] = level == 1;
                if (!on[self]) {
                        off_ns[self] = at_ns;
                        continue;
                }
                assert_false(on[other]);
                assert_true(off_ns[other] == 0 || at_ns - off_ns[other] >= DEAD_NS);
        }
        free(text);
}

static void interlock__commands_and_reload__never_two_on(void **state)
{
        struct daemon *hall = hall_with(UP DOWN);

        (void)state;
        start(hall);
        client_send(stage.tester, "sconce/hall/up/set", "ON");
        chip_wait(hall->lines, IS_UP, 1);
        client_send(stage.tester, "sconce/hall/down/set", "ON");
        chip_wait(hall->lines, IS_DOWN, 1);
        assert_int_equal(chip_value(hall->lines, IS_UP), 0);
        for (int i = 0; i < 20; i++) {
                client_send(stage.tester, "sconce/hall/up/set", "TOGGLE");
                client_send(stage.tester, "sconce/hall/down/set", "TOGGLE");
        }
        client_send(stage.tester, "sconce/hall/up/set", "OFF");
        client_send(stage.tester, "sconce/hall/down/set", "{\"state\":\"ON\",\"id\":\"last\"}");
        stage_wait_result("down", "last", NULL);
        chip_wait(hall->lines, IS_DOWN, 1);
        client_forget(stage.tester);
        daemon_write_config(hall, UP "bias = disabled\n" DOWN);
        process_signal(hall->process, SIGHUP);
        (void)client_wait_json(stage.tester, "sconce/hall/down/state", "state", "OFF");
        (void)client_wait_json(stage.tester, "sconce/hall/down/state", "state", "ON");
        chip_wait(hall->lines, IS_DOWN, 1);
        daemon_kill(hall);
        start(hall); /* nobody knows what was on: off first, whatever is asked for at once */
        client_send(stage.tester, "sconce/hall/up/set", "{\"state\":\"ON\",\"id\":\"again\"}");
        stage_wait_result("up", "again", NULL);
        chip_wait(hall->lines, IS_UP, 1);
        assert_int_equal(chip_value(hall->lines, IS_DOWN), 0);
        if (!chip_is_kernel())
                assert_kept_apart(hall);
        daemon_stop(hall);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(lamp__led__brightness_fade_and_exit_reach_the_kernel, stage_forget),
        STAGE_TEST(switch__pulse_and_for__off_by_themselves, stage_forget),
        STAGE_TEST(interlock__commands_and_reload__never_two_on, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
