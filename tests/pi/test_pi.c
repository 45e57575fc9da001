/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packages on an emulated Raspberry Pi 3 with the real systemd and the real pinctrl-bcm2835: from apt to
 * a switched lamp, then everything that only the real PID 1 can show. The broker and the client that commands
 * are on this machine.
 *
 * The tests follow each other on one board, which boots once: the first ones install, the last one purges.
 * Levels are read off the pin controller's own registers, anyone who holds the line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pi/board.h"
#include "system/stage.h"
#include "system/workdir.h"

#define APT_WITHIN_S     900U
#define SERVICE_WITHIN_S 180U
#define ONLINE_WITHIN_S  120U

/* porch declares how it is to be left, pump is timed; kitchen keeps. */
static const char devices[] = "[lamp kitchen]\\nline = GPIO17\\n"
                              "[lamp porch]\\nline = GPIO27\\non_exit = off\\n"
                              "[switch pump]\\nline = GPIO22\\nmax_on = 2h\\n";
enum { HALLWAY = 23 };

static struct board *pi;

/* ---- What the tests look at ---------------------------------------------------------------------------- */

static const char *test_file(const char *variable)
{
        const char *path = getenv(variable);

        if (!path)
                give_up("%s is not set: tests/pi/check sets what these tests need", variable);
        return path;
}

/* "gpio_out in hi": as what the pin is used, and its level. */
static void wait_pin(unsigned offset, const char *function, const char *level)
{
        board_wait(pi, SERVICE_WITHIN_S,
                   "grep -q '^pin %u .*function %s in %s;' /sys/kernel/debug/pinctrl/*bcm2835/pins", offset, function,
                   level);
}

static void assert_pin(unsigned offset, const char *function, const char *level)
{
        board_do(pi,
                 "grep '^pin %u .*function %s in %s;' /sys/kernel/debug/pinctrl/*bcm2835/pins || "
                 "{ grep '^pin %u ' /sys/kernel/debug/pinctrl/*bcm2835/pins; false; }",
                 offset, function, level, offset);
}

/* A property of the service as systemd has it. */
static const char *property(const char *name)
{
        static char text[256];

        const char *line = board_do(pi, "systemctl show --value -p %s sconced", name);
        (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
        return text;
}

static void wait_property(const char *name, const char *value)
{
        board_wait(pi, SERVICE_WITHIN_S, "systemctl show --value -p %s sconced | grep -qx '%s'", name, value);
}

static void switch_and_wait(const char *device, const char *state)
{
        char topic[128];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/set", device);
        client_send(stage.tester, topic, state);
        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/state", device);
        (void)client_wait_json(stage.tester, topic, "state", state);
}

/* ---- Set-up -------------------------------------------------------------------------------------------- */

static int open_board(void **state)
{
        char url[64], tar[1024];

        (void)state;
        workdir_make();
        stage.pki = pki_make("pki");
        PKI_RUN(stage.pki, "broker", "broker.lan", "10.0.2.2", "127.0.0.1", "localhost");
        stage.broker = broker_new(
                &(struct broker_options){ .pki = stage.pki, .cert = pki_issued(stage.pki, "broker.lan") });
        (void)snprintf(url, sizeof(url), "mqtts://broker.lan:%u", stage.broker->port.number);
        PKI_RUN(stage.pki, "node", "hall", "--broker", url);
        PKI_RUN(stage.pki, "client", "tester");
        broker_start(stage.broker); /* again, with what these may do */
        stage.tester = stage_client("tester", "tester");
        client_subscribe(stage.tester, "sconce/#");
        (void)snprintf(tar, sizeof(tar), "%s.tar", pki_issued(stage.pki, "hall"));
        const char *const files[] = { tar,
                                      test_file("SCONCE_PI_PACKAGE"),
                                      test_file("SCONCE_PI_NEWER_PACKAGE"),
                                      source_path("tests/pi/inside/probe"),
                                      source_path("tests/pi/inside/devices"),
                                      source_path("tests/pi/inside/look"),
                                      NULL };
        pi = board_new(test_file("SCONCE_PI_IMAGE"), files);
        board_start(pi);
        board_do(pi,
                 "mv /srv/$(basename '%s') /srv/newer.deb && mv /srv/sconce_*.deb /srv/sconce.deb && "
                 "chmod 755 /srv /srv/probe /srv/devices /srv/look",
                 files[2]);
        return 0;
}

/* The service as configured, everything off, whatever the test before has left behind. */
static int fresh(void **state)
{
        (void)state;
        board_do(pi,
                 "systemctl stop look 2>/dev/null; rm -rf /etc/systemd/system/sconced.service.d; "
                 "printf '%s' >/etc/sconce/conf.d/devices.conf; systemctl daemon-reload; "
                 "systemctl reset-failed sconced; systemctl restart sconced",
                 devices);
        board_wait(pi, ONLINE_WITHIN_S, "systemctl show -p StatusText sconced | grep -q Connected");
        client_forget(stage.tester);
        switch_and_wait("kitchen", "OFF");
        switch_and_wait("porch", "OFF");
        switch_and_wait("pump", "OFF");
        client_forget(stage.tester);
        return 0;
}

static void drop_in(const char *text)
{
        board_do(pi,
                 "mkdir -p /etc/systemd/system/sconced.service.d && "
                 "printf '[Service]\\n%s\\n' >/etc/systemd/system/sconced.service.d/test.conf && "
                 "systemctl daemon-reload",
                 text);
}

/* ---- From apt to a switched lamp ----------------------------------------------------------------------- */

static void board__booted__is_a_raspberry_pi_3(void **state)
{
        (void)state;
        assert_non_null(strstr(board_do(pi, "tr -d '\\0' </proc/device-tree/model; uname -m"), "Raspberry Pi 3"));
        assert_non_null(strstr(board_do(pi, "cat /sys/kernel/debug/gpio"), "pinctrl-bcm2835"));
        assert_string_equal(board_do(pi, "ps -o comm= -p 1"), "systemd\n");
}

static void apt_install__nothing_configured__waits_and_shows_what_is_next(void **state)
{
        int status;

        (void)state;
        const char *output = board_run(pi, APT_WITHIN_S, &status,
                                       "DEBIAN_FRONTEND=noninteractive apt-get install -qy /srv/sconce.deb");
        if (status != 0)
                give_up("apt-get install ended with status %d:\n%s", status, output);
        wait_property("ActiveState", "active");
        assert_string_equal(property("SubState"), "running");
        board_wait(pi, SERVICE_WITHIN_S, "systemctl show -p StatusText sconced | grep -q 'broker: none is configured'");
        assert_string_equal(board_do(pi, "systemctl is-enabled sconced"), "enabled\n");
        assert_non_null(strstr(board_do(pi, "journalctl -u sconced -o cat --no-pager"), "sconce-pki"));
}

/* Without a clock of its own the board believes the date at which its systemd was built. */
static void pki_install__clock_years_behind__connects_when_the_time_is_set(void **state)
{
        (void)state;
        board_do(pi, "test $(date +%%s) -lt %lld", (long long)time(NULL) - DAY_S);
        board_do(pi, "cd /srv && sconce-pki install hall.tar 2>&1");
        board_wait(pi, ONLINE_WITHIN_S, "journalctl -u sconced -o cat --no-pager | grep -q 'not yet valid.*clock'");
        assert_int_equal(client_count(stage.tester, "sconce/hall/status"), 0);
        board_do(pi, "date -s @%lld", (long long)time(NULL));
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
}

static bool has_time(const struct message *message, const void *userdata)
{
        const char *time = json_member(message, "time");

        (void)userdata;
        return time && strcmp(time, "null") != 0;
}

/* As on a board whose clock was synchronised before the service starts, say after an upgrade; nobody sets it again.
 * The time server's word to the kernel is given by hand: status 0 without STA_UNSYNC, and no error (adjtimex, 171 on
 * arm64). */
static void restart__clock_right_before_the_start__messages_have_their_times(void **state)
{
        (void)state;
        board_do(pi,
                 "perl -e 'my $t = pack(\"L\", 0x1c) . \"\\0\" x 204; syscall(171, $t) >= 0 or die \"adjtimex: $!\"'");
        board_do(pi, "systemctl restart sconced");
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        switch_and_wait("kitchen", "ON");
        client_forget(stage.tester);
        client_send(stage.tester, "sconce/hall/get", "");
        (void)client_wait(stage.tester, "sconce/hall/kitchen/state", has_time, NULL);
        const struct message *m = client_wait(stage.tester, "sconce/hall/node/state", has_time, NULL);
        assert_null(strstr(json_member(m, "problems"), "clock"));
}

static void lamp__switched_by_a_client_outside__pin_follows(void **state)
{
        (void)state;
        (void)fresh(state);
        assert_pin(KITCHEN, "gpio_out", "lo");
        switch_and_wait("kitchen", "ON");
        assert_pin(KITCHEN, "gpio_out", "hi");
        assert_pin(PORCH, "gpio_out", "lo");
        switch_and_wait("kitchen", "OFF");
        assert_pin(KITCHEN, "gpio_out", "lo");
}

/* ---- Under the real PID 1 ------------------------------------------------------------------------------ */

static void sandbox__main_process__has_no_rights(void **state)
{
        (void)state;
        board_do(pi, "cd /proc/$(systemctl show --value -p MainPID sconced) && "
                     "grep -qx 'NoNewPrivs:.1' status && grep -qx 'Seccomp:.2' status && "
                     "grep -qx 'CapEff:.0*' status && grep -qx 'CapBnd:.0*' status && "
                     "test $(stat -c %%U .) = sconce");
        board_do(pi, "systemd-analyze security --no-pager --threshold=20 sconced >/tmp/security || "
                     "{ cat /tmp/security; false; }");
}

static void sandbox__file_system__read_only_but_for_its_own(void **state)
{
        (void)state;
        drop_in("ExecStartPre=/srv/probe");
        board_do(pi, "systemctl restart sconced");
        assert_string_equal(board_do(pi, "journalctl -t probe -o cat --no-pager"), "probed\n");
}

/* With full rights ("+") in the service's control group the device rules alone are what is left. */
static void device_allow__root_in_the_group__opens_chips_alone(void **state)
{
        (void)state;
        assert_string_equal(board_do(pi, "/srv/devices"), "/dev/gpiochip0\n/dev/gpiochip1\n/dev/mmcblk0\n/dev/mem\n"
                                                          "/dev/ttyS1\n/dev/kmsg\n/dev/null\n");
        drop_in("ExecStartPre=+/srv/devices");
        board_do(pi, "systemctl restart sconced");
        assert_string_equal(board_do(pi, "journalctl -t devices -o cat --no-pager"),
                            "/dev/gpiochip0\n/dev/gpiochip1\n/dev/null\n");
}

static void watchdog__loop_stands_still__killed_and_restarted_outputs_safe(void **state)
{
        (void)state;
        switch_and_wait("kitchen", "ON");
        drop_in("WatchdogSec=20s");
        board_do(pi, "systemctl restart sconced"); /* what was commanded is saved now */
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        switch_and_wait("pump", "ON");
        assert_pin(PUMP, "gpio_out", "hi");
        board_do(pi, "systemctl show --value -p MainPID sconced >/tmp/before; kill -STOP $(cat /tmp/before)");
        board_wait(pi, SERVICE_WITHIN_S, "journalctl -u sconced -o cat --no-pager | grep -q 'Watchdog timeout'");
        wait_property("NRestarts", "1");
        wait_property("ActiveState", "active");
        board_do(pi, "test $(systemctl show --value -p MainPID sconced) != $(cat /tmp/before)");
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        wait_pin(KITCHEN, "gpio_out", "hi"); /* as it was commanded */
        wait_pin(PUMP, "gpio_out", "lo");    /* nobody was there to count its two hours */
}

static void exit_78__wrong_config__not_restarted(void **state)
{
        (void)state;
        board_do(pi, "printf '[lamp kitchen]\\nlien = GPIO17\\n' >/etc/sconce/conf.d/devices.conf; "
                     "! systemctl restart sconced 2>&1");
        wait_property("ActiveState", "failed");
        assert_string_equal(property("ExecMainStatus"), "78");
        assert_string_equal(property("NRestarts"), "0");
        assert_string_equal(property("SubState"), "failed"); /* not auto-restart */
        board_do(pi, "journalctl -u sconced -n 30 -o cat --no-pager | grep 'devices.conf:2:.*lien'");
}

static void reload__device_added__others_untouched(void **state)
{
        (void)state;
        switch_and_wait("kitchen", "ON");
        board_do(pi, "systemctl show --value -p MainPID sconced >/tmp/before; "
                     "printf '[lamp hallway]\\nline = GPIO23\\n' >>/etc/sconce/conf.d/devices.conf; "
                     "systemctl reload sconced");
        (void)client_wait_text(stage.tester, "sconce/hall/hallway/status", "online");
        switch_and_wait("hallway", "ON");
        assert_pin(HALLWAY, "gpio_out", "hi");
        assert_pin(KITCHEN, "gpio_out", "hi");
        board_do(pi, "test $(systemctl show --value -p MainPID sconced) = $(cat /tmp/before)");
}

static void reload__wrong_config__keeps_the_old_one(void **state)
{
        (void)state;
        switch_and_wait("kitchen", "ON");
        board_do(pi, "echo 'lien = GPIO1' >>/etc/sconce/conf.d/devices.conf; ! systemctl reload sconced 2>&1");
        board_wait(pi, ONLINE_WITHIN_S,
                   "journalctl -u sconced -n 30 -o cat --no-pager | grep -q 'devices.conf:.*lien'");
        assert_string_equal(property("ActiveState"), "active");
        assert_pin(KITCHEN, "gpio_out", "hi");
        switch_and_wait("kitchen", "OFF");
}

static void kill__outputs_on__brought_to_what_was_declared(void **state)
{
        (void)state;
        drop_in("Restart=no");
        switch_and_wait("kitchen", "ON");
        switch_and_wait("porch", "ON");
        switch_and_wait("pump", "ON");
        assert_pin(PORCH, "gpio_out", "hi");
        assert_pin(PUMP, "gpio_out", "hi");
        board_do(pi, "kill -KILL $(systemctl show --value -p MainPID sconced)");
        wait_property("SubState", "failed");
        assert_pin(PORCH, "gpio_out", "lo");   /* on_exit = off */
        assert_pin(PUMP, "gpio_out", "lo");    /* timed */
        assert_pin(KITCHEN, "gpio_out", "hi"); /* on_exit = keep */
        (void)client_wait_text(stage.tester, "sconce/hall/status", "offline");
}

static void journal__device_line__has_its_fields(void **state)
{
        (void)state;
        board_do(pi, "printf '[lamp nowhere]\\nline = GPIO99\\n' >/etc/sconce/conf.d/nowhere.conf; "
                     "systemctl restart sconced; rm /etc/sconce/conf.d/nowhere.conf");
        board_wait(pi, ONLINE_WITHIN_S, "journalctl -u sconced DEVICE=nowhere -o cat --no-pager | grep -q GPIO99");
}

/* Those of docs/ that need a Pi's systemd and root, and that no other test here runs (tests/commands/elsewhere). */
static void pages__commands_for_a_pi__work(void **state)
{
        static const char *const commands[] = {
                "systemctl status --no-pager sconced | grep -q Status:",
                "systemctl cat sconced | grep -q ExecStart",
                "touch /tmp/file && chgrp sconce /tmp/file && chmod g+r /tmp/file",
                "usermod -aG gpio sconce",
                "udevadm trigger",
                "ls -l /sys/class/pwm",
                "ls -l /sys/bus/gpio/devices | grep -q gpiochip",
                "systemctl show -p NFileDescriptorStore sconced | grep -q =",
                "systemctl stop sconced && systemctl start sconced",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                (void)board_do(pi, "%s", commands[i]);
}

/* ---- Upgrade, purge ------------------------------------------------------------------------------------ */

/* Another process runs, and is connected. */
static void wait_successor(void)
{
        board_wait(pi, SERVICE_WITHIN_S,
                   "p=$(systemctl show --value -p MainPID sconced); test $p != 0 && test $p != $(cat /tmp/before)");
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        client_forget(stage.tester);
}

static void note_process(void)
{
        board_do(pi, "systemctl show --value -p MainPID sconced >/tmp/before");
        client_forget(stage.tester);
}

/* Of what systemd holds for the next run there is the kitchen's line alone, since porch and pump are not kept. */
static void begin_to_look(const char *device, unsigned offset)
{
        switch_and_wait("kitchen", "ON");
        switch_and_wait(device, "ON");
        assert_string_equal(property("NFileDescriptorStore"), "1");
        board_do(pi, "touch /tmp/look; systemd-run --quiet --collect --unit=look /srv/look %u", offset);
}

static void assert_never_off(unsigned offset)
{
        board_do(pi, "rm /tmp/look");
        assert_pin(offset, "gpio_out", "hi");
        assert_string_equal(property("NFileDescriptorStore"), "1");
        printf("looked at the pin %d times\n", atoi(board_do(pi, "wc -l </tmp/seen")));
        assert_string_equal(board_do(pi, "grep -v 'function gpio_out in hi;' /tmp/seen || echo never off"),
                            "never off\n");
}

static void kill__again_and_again__lamp_stays_on_and_the_pump_goes_off(void **state)
{
        (void)state;
        begin_to_look("kitchen", KITCHEN);
        for (unsigned i = 0; i < 20; i++) {
                switch_and_wait("pump", "ON");
                assert_pin(PUMP, "gpio_out", "hi");
                note_process();
                board_do(pi, "kill -KILL $(cat /tmp/before)");
                wait_pin(PUMP, "gpio_out", "lo");
                wait_successor();
                assert_pin(PUMP, "gpio_out", "lo");
        }
        assert_never_off(KITCHEN);
}

static void restart__again_and_again__lamp_stays_on(void **state)
{
        (void)state;
        begin_to_look("kitchen", KITCHEN);
        for (unsigned i = 0; i < 5; i++) {
                note_process();
                board_do(pi, "systemctl restart sconced");
                wait_successor();
        }
        assert_never_off(KITCHEN);
}

/* It has max_on, and two hours left. */
static void restart__pump_on__stays_on_and_goes_off_at_a_stop(void **state)
{
        (void)state;
        begin_to_look("pump", PUMP);
        note_process();
        board_do(pi, "systemctl restart sconced");
        wait_successor();
        assert_never_off(PUMP);
        client_send(stage.tester, "sconce/hall/pump/get", "");
        (void)client_wait_json(stage.tester, "sconce/hall/pump/state", "state", "ON");
        board_do(pi, "systemctl stop sconced");
        assert_pin(PUMP, "gpio_out", "lo");
        assert_pin(KITCHEN, "gpio_out", "hi");
}

static void restart__pump_on_and_the_next_run_fails__goes_off(void **state)
{
        (void)state;
        switch_and_wait("pump", "ON");
        assert_pin(PUMP, "gpio_out", "hi");
        board_do(pi, "printf '[lamp kitchen]\\nlien = GPIO17\\n' >/etc/sconce/conf.d/devices.conf; "
                     "! systemctl restart sconced 2>&1");
        wait_property("ActiveState", "failed");
        assert_pin(PUMP, "gpio_out", "lo");
}

static void install(const char *package)
{
        int status;
        char command[256];

        (void)snprintf(command, sizeof(command),
                       "DEBIAN_FRONTEND=noninteractive apt-get install -qy --allow-downgrades %s", package);
        note_process();
        const char *output = board_run(pi, APT_WITHIN_S, &status, command);
        if (status != 0)
                give_up("apt-get install ended with status %d:\n%s", status, output);
        wait_successor();
}

static void upgrade__lamp_on__stays_on(void **state)
{
        (void)state;
        board_do(pi, "echo '# mine' >>/etc/sconce/sconce.conf");
        begin_to_look("kitchen", KITCHEN);
        install("/srv/newer.deb");
        install("/srv/sconce.deb");
        install("/srv/newer.deb");
        assert_never_off(KITCHEN);
        client_send(stage.tester, "sconce/hall/kitchen/get", "");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        board_do(pi, "grep -qx '# mine' /etc/sconce/sconce.conf && test -s /var/lib/sconce/sconce.db && "
                     "dpkg-query -W sconce");
}

static void purge__installed_and_used__leaves_no_files(void **state)
{
        int status;

        (void)state;
        const char *output = board_run(pi, APT_WITHIN_S, &status,
                                       "DEBIAN_FRONTEND=noninteractive apt-get purge -qy sconce");
        if (status != 0)
                give_up("apt-get purge ended with status %d:\n%s", status, output);
        (void)client_wait_text(stage.tester, "sconce/hall/status", "offline");
        assert_string_equal(board_do(pi, "find / -xdev -path /srv -prune -o -path /proc -prune -o "
                                         "-iname '*sconce*' -print | "
                                         "grep -vxE '/sconce-root|/etc/systemd/system/sconced.service.d' || :"),
                            "");
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(board__booted__is_a_raspberry_pi_3, NULL),
        STAGE_TEST(apt_install__nothing_configured__waits_and_shows_what_is_next, NULL),
        STAGE_TEST(pki_install__clock_years_behind__connects_when_the_time_is_set, NULL),
        STAGE_TEST(lamp__switched_by_a_client_outside__pin_follows, NULL),
        STAGE_TEST(restart__clock_right_before_the_start__messages_have_their_times, fresh),
        STAGE_TEST(sandbox__main_process__has_no_rights, fresh),
        STAGE_TEST(sandbox__file_system__read_only_but_for_its_own, fresh),
        STAGE_TEST(device_allow__root_in_the_group__opens_chips_alone, fresh),
        STAGE_TEST(watchdog__loop_stands_still__killed_and_restarted_outputs_safe, fresh),
        STAGE_TEST(exit_78__wrong_config__not_restarted, fresh),
        STAGE_TEST(reload__device_added__others_untouched, fresh),
        STAGE_TEST(reload__wrong_config__keeps_the_old_one, fresh),
        STAGE_TEST(kill__outputs_on__brought_to_what_was_declared, fresh),
        STAGE_TEST(journal__device_line__has_its_fields, fresh),
        STAGE_TEST(pages__commands_for_a_pi__work, fresh),
        STAGE_TEST(kill__again_and_again__lamp_stays_on_and_the_pump_goes_off, fresh),
        STAGE_TEST(restart__again_and_again__lamp_stays_on, fresh),
        STAGE_TEST(restart__pump_on__stays_on_and_goes_off_at_a_stop, fresh),
        STAGE_TEST(restart__pump_on_and_the_next_run_fails__goes_off, fresh),
        STAGE_TEST(upgrade__lamp_on__stays_on, fresh),
        STAGE_TEST(purge__installed_and_used__leaves_no_files, fresh),
};

STAGE_MAIN(tests, open_board)
