/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconce doctor` with one thing wrong at a time: that check names it, with the command that mends it, and no other
 * check does. The machine's /etc, /sys, /run, /usr and /var are a directory of the test's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/crl.h"
#include "system/override.h"
#include "system/sconce.h"
#include "util/cleanup.h"

#define YEAR_S (366 * DAY_S)

/* ---- A node that is well ----------------------------------------------------------------------------------------- */

/* What a fault may change of it. Paths of cert and key are whole. */
struct patient {
        const char *root, *config;
        const char *node, *url, *ca, *crl, *cert, *key, *chip, *devices;
        const char *env[4];
        int (*prepare)(void *userdata);
};

static const char *in_root(const struct patient *patient, const char *path)
{
        return format_text("%s%s", patient->root, path);
}

static void make_parents(const char *path)
{
        char part[512];

        for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        give_up("cannot make %s: %s", part, strerror(errno));
        }
}

static void put(const struct patient *patient, const char *path, const char *text)
{
        const char *at = in_root(patient, path);

        make_parents(at);
        write_file(at, "%s", text);
}

static void put_link(const struct patient *patient, const char *path, const char *target)
{
        const char *at = in_root(patient, path);

        make_parents(at);
        if (symlink(target, at) < 0)
                give_up("cannot link %s: %s", at, strerror(errno));
}

static void take_away(const struct patient *patient, const char *path)
{
        assert_int_equal(unlink(in_root(patient, path)), 0);
}

static void put_machine(const struct patient *patient)
{
        put(patient, "/etc/passwd",
            format_text("root:x:0:0::/:/bin/sh\nsconce:x:%u:%u::/:/bin/false\n", geteuid(), getegid()));
        put(patient, "/etc/group", "root:x:0:\ngpio:x:997:other,sconce\n");
        put(patient, "/run/systemd/timesync/synchronized", "");
        put(patient, "/sys/class/hwmon/hwmon0/name", "cpu_thermal\n");
        put(patient, "/sys/class/hwmon/hwmon1/name", "rpi_volt\n");
        put(patient, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
        put(patient, "/sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
        put(patient, "/sys/class/pwm/pwmchip0", "");
        put(patient, "/sys/bus/w1/devices/w1_bus_master1", "");
        put(patient, "/boot/firmware/config.txt", "");
        put(patient, "/var/lib/sconce/sconce.db", "");
        put_link(patient, "/usr/sbin/sconced", build_path("sconced"));
        put_link(patient, "/usr/lib/sconce/plugins", build_path("plugins"));
}

static void set_certificate(struct patient *patient, const char *base)
{
        patient->cert = format_text("%s.crt", base);
        patient->key = format_text("%s.key", base);
}

static struct patient well(void)
{
        static unsigned n;
        struct patient patient = {
                .root = work_path("root%u", n),
                .config = work_path("doctor%u.conf", n),
                .node = "hall",
                .url = format_text("mqtts://localhost:%u", stage.broker->port.number),
                .ca = pki_file(stage.pki, "ca.crt"),
                .crl = pki_file(stage.pki, "crl.pem"),
                .chip = chip_config(stage.hall->sim_dir),
                .devices = "[lamp kitchen]\nline = GPIO17\n"
                           "[lamp spot]\npwm = pwmchip0:0\n"
                           "[w1 cellar]\nid = 28-0316a2791bff\n",
        };

        n++;
        set_certificate(&patient, pki_issued(stage.pki, "hall"));
        patient.env[0] = format_text("SCONCE_DOCTOR_ROOT=%s", patient.root);
        make_dir(patient.root);
        put_machine(&patient);
        return patient;
}

static struct run run_of(const struct process *process, int status)
{
        return (struct run){ .status = status,
                             .out = process->out.text ? process->out.text : "",
                             .err = process->err.text ? process->err.text : "" };
}

static struct run look_at(struct patient *patient, bool as_json)
{
        const struct process_options options = {
                .name = "sconce", .env = patient->env, .prepare = patient->prepare, .userdata = patient
        };
        int status;

        write_file(patient->config,
                   "[node]\nname = %s\n[broker]\nurl = %s\n[tls]\nca = %s\ncrl = %s\ncert = %s\nkey = %s\n"
                   "[gpio]\n%s\n%s",
                   patient->node, patient->url, patient->ca, patient->crl, patient->cert, patient->key, patient->chip,
                   patient->devices);
        const char *const argv[] = { build_path("sconce"),      "doctor", "--config", patient->config,
                                     as_json ? "--json" : NULL, NULL };
        const struct process *process = process_run(argv, &options, &status);
        return run_of(process, status);
}

/* ---- Faults ------------------------------------------------------------------------------------------------------ */

static void clock_before_the_build(struct patient *patient)
{
        const char *file = work_path("wrong-clock");

        write_file(file, "%ld wrong\n", -20 * YEAR_S);
        patient->env[1] = format_text("LD_PRELOAD=%s", build_path("tests/preload/clock.so"));
        patient->env[2] = format_text("SCONCE_TEST_CLOCK=%s", file);
}

static void clock_not_synchronised(struct patient *patient)
{
        take_away(patient, "/run/systemd/timesync/synchronized");
}

static void unknown_key(struct patient *patient)
{
        patient->devices = "[lamp kitchen]\nline = GPIO17\nlinee = GPIO18\n";
}

static void bad_duration(struct patient *patient)
{
        patient->url = format_text("%s\nkeepalive = soon", patient->url);
}

static void no_certificate(struct patient *patient)
{
        patient->cert = work_path("nowhere.crt");
}

static void key_of_another(struct patient *patient)
{
        patient->key = format_text("%s.key", pki_issued(stage.pki, "attic"));
}

static void key_open_to_all(struct patient *patient)
{
        CLEANUP_FREE char *key = read_file(patient->key);

        patient->key = work_path("open.key");
        write_file(patient->key, "%s", key);
        assert_int_equal(chmod(patient->key, 0644), 0);
}

static void own_certificate(struct patient *patient, const char *base, long until_s)
{
        cert_make(&(struct cert){ .base = work_path("%s", base),
                                  .cn = "hall",
                                  .issuer = pki_ca(stage.pki),
                                  .from_s = -10 * DAY_S,
                                  .until_s = until_s });
        set_certificate(patient, work_path("%s", base));
}

static void certificate_expired(struct patient *patient)
{
        own_certificate(patient, "expired", -2 * DAY_S);
}

static void certificate_ends_soon(struct patient *patient)
{
        own_certificate(patient, "ends", 5 * DAY_S + DAY_S / 2);
}

static void list_out_of_date(struct patient *patient)
{
        patient->crl = work_path("old.pem");
        crl_make(patient->crl, pki_ca(stage.pki), NULL, -DAY_S);
}

static void list_is_none(struct patient *patient)
{
        patient->crl = work_path("none.pem");
        write_file(patient->crl, "nothing\n");
}

static void name_unknown(struct patient *patient)
{
        override_needs_root(OVERRIDE_NAMES);
        write_file(work_path("hosts"), "127.0.0.1 localhost\n");
        write_file(work_path("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
        patient->url = "mqtts://broker.test:8883";
        patient->prepare = override_names;
}

static void nobody_listens(struct patient *patient)
{
        struct port port = port_reserve();

        patient->url = format_text("mqtts://localhost:%u", port.number);
        port_release(&port);
}

static void other_broker(struct patient *patient, const struct cert *cert)
{
        cert_make(cert);
        const struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki, .cert = cert->base });
        patient->url = format_text("mqtts://localhost:%u", broker->port.number);
}

static void broker_of_another_name(struct patient *patient)
{
        other_broker(patient, &(struct cert){ .base = work_path("elsewhere"),
                                              .cn = "elsewhere",
                                              .sans = "DNS:elsewhere",
                                              .issuer = pki_ca(stage.pki) });
}

/* What another's certificate holds is not for anyone's shell. */
static void broker_named_for_a_shell(struct patient *patient)
{
        other_broker(patient, &(struct cert){ .base = work_path("shell"),
                                              .cn = "shell",
                                              .sans = "DNS:x$(reboot)",
                                              .issuer = pki_ca(stage.pki) });
}

static void broker_expired(struct patient *patient)
{
        other_broker(patient, &(struct cert){ .base = work_path("old"),
                                              .cn = "localhost",
                                              .sans = "DNS:localhost",
                                              .issuer = pki_ca(stage.pki),
                                              .from_s = -10 * DAY_S,
                                              .until_s = -DAY_S });
}

static void unknown_ca(struct patient *patient)
{
        cert_make(&(struct cert){ .base = work_path("foreign"), .cn = "Foreign CA", .is_ca = true });
        patient->ca = work_path("foreign.crt");
}

static void plain_port(struct patient *patient)
{
        patient->url = format_text("mqtts://localhost:%u", broker_new_plain(BROKER_OPEN)->port.number);
}

static void certificate_revoked(struct patient *patient)
{
        PKI_RUN(stage.pki, "node", "gone");
        PKI_RUN(stage.pki, "revoke", "gone");
        const struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki });
        patient->url = format_text("mqtts://localhost:%u", broker->port.number);
        patient->node = "gone";
        set_certificate(patient, pki_issued(stage.pki, "gone"));
}

static void broker_wants_a_password(struct patient *patient)
{
        const struct broker *broker = broker_new_plain("listener PORT 127.0.0.1\nallow_anonymous false\n");
        patient->url = format_text("mqtt://127.0.0.1:%u", broker->port.number);
}

static void topics_of_another(struct patient *patient)
{
        patient->node = "porch";
}

static void agent_stopped(struct patient *patient)
{
        struct daemon *attic = stage_daemon("attic", "[lamp kitchen]\nline = GPIO17\n");

        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        daemon_stop(attic);
        patient->node = "attic";
        set_certificate(patient, pki_issued(stage.pki, "attic"));
}

static void device_offline(struct patient *patient)
{
        struct daemon *attic = stage_daemon("attic", "[lamp kitchen]\nline = GPIO17\n[lamp spot]\npwm = pwmchip77:0\n");

        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        (void)client_wait_text(stage.tester, "sconce/attic/spot/status", "offline");
        (void)client_wait(stage.tester, "sconce/attic/spot/error", NULL, NULL);
        patient->node = "attic";
        set_certificate(patient, pki_issued(stage.pki, "attic"));
}

static void user_outside_gpio(struct patient *patient)
{
        put(patient, "/etc/group", "root:x:0:\ngpio:x:997:other\n");
        patient->chip = "chip = gpiochip77";
}

/* The key in a directory of that mode below the test's own. */
static void key_below(struct patient *patient, const char *name, mode_t mode)
{
        CLEANUP_FREE char *key = read_file(patient->key);

        make_dir(work_path("%s", name));
        patient->key = work_path("%s/node.key", name);
        write_file(patient->key, "%s", key);
        assert_int_equal(chmod(patient->key, 0600), 0);
        assert_int_equal(chmod(work_path("%s", name), mode), 0);
        assert_int_equal(chmod(work_path("."), 0711), 0);
}

static void service_of_another_user(struct patient *patient)
{
        put(patient, "/etc/passwd", "sconce:x:4242:4242::/:/bin/false\n");
}

static void key_of_another_user(struct patient *patient)
{
        key_below(patient, "passable", 0711);
        service_of_another_user(patient);
}

static void directory_closed(struct patient *patient)
{
        key_below(patient, "closed", 0700);
        service_of_another_user(patient);
}

static void directory_open_to_all(struct patient *patient)
{
        key_below(patient, "open", 0777);
}

static void put_lines(const struct patient *patient, const char *user)
{
        const char *at = in_root(patient, "/usr/sbin/sconced");

        take_away(patient, "/usr/sbin/sconced");
        put(patient, "/usr/sbin/sconced",
            format_text("#!/bin/sh\n[ \"$1\" = --lines ] || exit 0\n"
                        "echo \"PIN CHIP:OFFSET CHIP'S LABEL NAME DIRECTION ACTIVE USED BY\"\n"
                        "echo '-   gpiochip0:4   pinctrl-bcm2711 GPIO4  input  high one-wire'\n"
                        "echo '11  gpiochip0:17  pinctrl-bcm2711 GPIO17 output high %s'\n",
                        user));
        assert_int_equal(chmod(at, 0755), 0);
}

static void line_busy(struct patient *patient)
{
        put_lines(patient, "other program");
}

static void line_muxed(struct patient *patient)
{
        put_lines(patient, "the kernel");
}

static void no_pwm(struct patient *patient)
{
        take_away(patient, "/sys/class/pwm/pwmchip0");
}

static void no_onewire(struct patient *patient)
{
        take_away(patient, "/sys/bus/w1/devices/w1_bus_master1");
}

static void voltage_low(struct patient *patient)
{
        put(patient, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
}

static void voltage_was_low(struct patient *patient)
{
        put(patient, "/sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n");
}

static int mount_small_disk(void *userdata)
{
        const char *at = in_root(userdata, "/var/lib/sconce");

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", at, "tmpfs", 0, "size=64k") < 0) {
                perror("cannot mount a small disk");
                return -1;
        }
        return 0;
}

static void disk_full(struct patient *patient)
{
        override_needs_root("to mount a small disk for one process");
        patient->prepare = mount_small_disk;
}

static const struct fault_case {
        void (*plant)(struct patient *patient);
        const char *name, *check, *piece, *command;
} cases[] = {
        { clock_before_the_build, "clock_before_the_build", "clock", "a time before this program was built",
          "sudo timedatectl set-ntp true" },
        { clock_not_synchronised, "clock_not_synchronised", "clock", "is not synchronised",
          "sudo timedatectl set-ntp true" },
        { unknown_key, "unknown_key", "config", "[lamp kitchen] linee", "sudoedit " },
        { bad_duration, "bad_duration", "config", "[broker] keepalive", "sudoedit " },
        { no_certificate, "no_certificate", "certificate", "nowhere.crt", "sudo sconce-pki install NODE.tar" },
        { key_of_another, "key_of_another", "certificate", "does not belong to the certificate",
          "sudo sconce-pki install NODE.tar" },
        { key_open_to_all, "key_open_to_all", "certificate", "is open to every user", "sudo chmod o= " },
        { certificate_expired, "certificate_expired", "certificate", "hall has expired", "sudo sconce-pki renew hall" },
        { certificate_ends_soon, "certificate_ends_soon", "certificate", "hall ends in 5 days",
          "sudo sconce-pki renew hall" },
        { list_out_of_date, "list_out_of_date", "crl", "old.pem is out of date", "sudo sconce-pki install hall.tar" },
        { list_is_none, "list_is_none", "crl", "none.pem cannot be read, or holds no revocation list",
          "sudo sconce-pki install hall.tar" },
        { name_unknown, "name_unknown", "name", "broker.test could not be looked up: no name server answers",
          "echo 'ADDRESS broker.test' | sudo tee -a /etc/hosts" },
        { nobody_listens, "nobody_listens", "tcp", "connection refused", "sudo systemctl restart mosquitto" },
        { broker_of_another_name, "broker_of_another_name", "tls", "is not for localhost but for elsewhere",
          "sudo sconce-pki renew elsewhere localhost" },
        { broker_named_for_a_shell, "broker_named_for_a_shell", "tls", "is not for localhost but for x$(reboot)",
          "sudo sconce-pki broker localhost" },
        { broker_expired, "broker_expired", "tls", "the broker's certificate expired on",
          "sudo sconce-pki renew localhost" },
        { unknown_ca, "unknown_ca", "tls", "comes from an unknown CA", "sudo sconce-pki install hall.tar" },
        { plain_port, "plain_port", "tls", "is that its TLS port", "sudo sconce-broker-setup localhost" },
        { certificate_revoked, "certificate_revoked", "tls", "it is revoked", "sudo sconce-pki node gone" },
        { broker_wants_a_password, "broker_wants_a_password", "login", "not authorized",
          "sudo journalctl -u mosquitto -n 20" },
        { topics_of_another, "topics_of_another", "acl", "does not let hall write sconce/porch/#: not authorized",
          "sudo sconce-pki node porch" },
        { agent_stopped, "agent_stopped", "node", "attic is offline", "sudo systemctl restart sconced" },
        { device_offline, "device_offline", "devices", "attic/spot is offline: there is no PWM chip \"pwmchip77\"",
          "sudo journalctl -u sconced DEVICE=spot" },
        { user_outside_gpio, "user_outside_gpio", "rights", "sconce is not in the group gpio",
          "sudo usermod -aG gpio sconce && sudo systemctl restart sconced" },
        { key_of_another_user, "key_of_another_user", "rights", "sconce may not read ", "sudo chown sconce " },
        { directory_closed, "directory_closed", "rights", "sconce may not enter the directory ", "sudo chmod a+x /" },
        { directory_open_to_all, "directory_open_to_all", "rights", "every user may replace what is in the directory ",
          "sudo chmod o-w " },
        { line_busy, "line_busy", "lines", "[lamp kitchen]: GPIO17 is in use by \"other program\"",
          "sudo fuser -v /dev/gpiochip0" },
        { line_muxed, "line_muxed", "lines", "[lamp kitchen]: GPIO17 belongs to the kernel", "sudo raspi-config" },
        { no_pwm, "no_pwm", "pwm", "the kernel has no PWM chip",
          "echo dtoverlay=pwm | sudo tee -a /boot/firmware/config.txt && sudo reboot" },
        { no_onewire, "no_onewire", "1-wire", "the kernel has no 1-Wire bus",
          "echo dtoverlay=w1-gpio | sudo tee -a /boot/firmware/config.txt && sudo reboot" },
        { voltage_low, "voltage_low", "power", "voltage is too low", "vcgencmd get_throttled" },
        { voltage_was_low, "voltage_was_low", "power", "voltage was too low since the start",
          "vcgencmd get_throttled" },
        { disk_full, "disk_full", "disk", "is full", "sudo journalctl --vacuum-size=50M && sudo apt-get clean" },
};

/* The one row that reports a fault. */
static const json_t *only_wrong(const json_t *rows)
{
        const json_t *row, *found = NULL;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                if (!json_is_false(json_object_get(row, "ok")))
                        continue;
                if (found)
                        give_up("%s is wrong, and %s, too", json_string_value(json_object_get(found, "check")),
                                json_string_value(json_object_get(row, "check")));
                found = row;
        }
        return found;
}

static const char *member(const json_t *row, const char *key)
{
        const char *text = json_string_value(json_object_get(row, key));
        return text ? text : "";
}

static void doctor__fault__is_named(void **state)
{
        const struct fault_case *fault = *state;
        struct patient patient = well();

        fault->plant(&patient);
        struct run run = look_at(&patient, true);
        json_t *rows = json_loads(run.out, 0, NULL);
        const json_t *wrong = only_wrong(rows);

        if (!wrong || strcmp(member(wrong, "check"), fault->check) != 0)
                print_error("%s%s", run.out, run.err);
        assert_non_null(wrong);
        assert_string_equal(member(wrong, "check"), fault->check);
        assert_has(member(wrong, "message"), fault->piece);
        assert_has(member(wrong, "command"), fault->command);
        assert_int_equal(run.status, 1);
        assert_string_equal(run.err, "");
        json_decref(rows);
}

/* ---- Nothing wrong ----------------------------------------------------------------------------------------------- */

static void doctor__on_the_node_with_nothing_wrong__ends_with_0(void **state)
{
        struct patient patient = well();

        (void)state;
        struct run run = look_at(&patient, false);
        assert_has_not(run.out, "  wrong  ");
        assert_has(run.out, "acl          ok     hall may write sconce/hall/#\n");
        assert_has(run.out, "node         ok     hall is online\n");
        assert_has(run.out, "devices      ok     5 online\n");
        assert_has(run.out, "lines        ok     ");
        assert_has(run.out, "power        ok     ");
        assert_int_equal(run.status, 0);
        assert_string_equal(run.err, "");
}

/* As sconce-pki wrote it before: what is not known is not called wrong. */
static void doctor__on_the_node_with_an_older_access_list__shows_what_brings_it_up_to_date(void **state)
{
        struct patient patient = well();
        const char *list = work_path("older.acl");

        (void)state;
        write_file(list, "topic write sconce/hall/#\ntopic read sconce/hall/status\n");
        const struct broker *broker = broker_new_plain(
                format_text("listener PORT 127.0.0.1\nallow_anonymous true\nacl_file %s\n", list));
        struct client *hall = client_new(&(struct client_options){ .id = "hall", .port = broker->port.number });
        (void)client_publish_acked(
                hall, &(struct request){ .topic = "sconce/hall/status", .payload = "online", .retain = true });
        (void)client_publish_acked(
                hall, &(struct request){ .topic = "sconce/hall/node/status", .payload = "online", .retain = true });
        patient.url = format_text("mqtt://127.0.0.1:%u", broker->port.number);
        struct run run = look_at(&patient, false);
        assert_has(run.out, "node         ok     hall is online\n");
        assert_has(run.out,
                   "devices      -      the broker's access list, perhaps an older one, does not let hall read "
                   "sconce/hall/+/status; mend: sudo sconce-pki check\n");
        assert_int_equal(run.status, 0);
}

static void doctor__as_json__is_an_array_with_each_check(void **state)
{
        struct patient patient = well();

        (void)state;
        struct run run = look_at(&patient, true);
        json_t *rows = json_loads(run.out, 0, NULL);

        assert_int_equal(json_array_size(rows), 17);
        assert_string_equal(member(json_array_get(rows, 0), "check"), "clock");
        assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "ok")));
        assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "command")));
        assert_string_equal(member(json_array_get(rows, 10), "check"), "devices");
        assert_true(json_is_true(json_object_get(json_array_get(rows, 10), "ok")));
        assert_string_equal(member(json_array_get(rows, 12), "check"), "lines");
        assert_int_equal(run.status, 0);
        json_decref(rows);
}

static void doctor__fault__is_one_line_with_its_command(void **state)
{
        struct patient patient = well();

        (void)state;
        no_onewire(&patient);
        struct run run = look_at(&patient, false);
        assert_has(run.out, format_text("1-wire       wrong  the kernel has no 1-Wire bus, which %s:", patient.config));
        assert_has(run.out, " wants; mend: echo dtoverlay=w1-gpio | sudo tee -a /boot/firmware/config.txt && sudo "
                            "reboot\n");
        assert_int_equal(run.status, 1);
}

static void doctor__check_that_needs_a_failed_one__is_left_out_with_the_reason(void **state)
{
        struct patient patient = well();

        (void)state;
        nobody_listens(&patient);
        struct run run = look_at(&patient, false);
        assert_has(run.out, "tls          -      left out: it needs tcp\n");
        assert_has(run.out, "node         -      left out: it needs acl\n");
        assert_int_equal(run.status, 1);
}

/* ---- From afar --------------------------------------------------------------------------------------------------- */

static struct run look_as(const char *client, const char *keys, const char *node)
{
        struct patient patient = well();
        const struct process_options options = { .name = "sconce", .env = patient.env };
        const char *const argv[] = {
                build_path("sconce"), "doctor", node, "--config", sconce_conf(client, keys), NULL
        };
        int status;

        const struct process *process = process_run(argv, &options, &status);
        return run_of(process, status);
}

static struct run look_from_afar(const char *node)
{
        return look_as("tester", "", node);
}

static void doctor__of_a_node_elsewhere__looks_at_its_devices(void **state)
{
        (void)state;
        struct run run = look_from_afar("hall");
        assert_has_not(run.out, "  wrong  ");
        assert_has(run.out, "node         ok     hall is online\n");
        assert_has(run.out, "devices      ok     5 online\n");
        assert_has(run.out, "acl          ok     this certificate may command hall\n");
        assert_has(run.out, "disk         -      seen on the node itself alone: sudo sconce doctor there\n");
        assert_int_equal(run.status, 0);
}

static void doctor__with_a_certificate_that_may_only_read__shows_that(void **state)
{
        (void)state;
        struct run run = look_as("display", "", "hall");
        assert_has(run.out, "acl          ok     this certificate may not command hall: not authorized\n");
        assert_has(run.out, "devices      ok     5 online\n");
        assert_int_equal(run.status, 0);
}

static void doctor__over_mqtt_3__shows_why_the_rights_are_not_known(void **state)
{
        (void)state;
        struct run run = look_as("tester", "version = 3.1.1", "hall");
        assert_has(run.out, "acl          -      a broker with MQTT 3.1.1 does not report refusals\n");
        assert_int_equal(run.status, 0);
}

/* The node is not commanded: a result, or a state, would come before the answer to what follows. */
static void doctor__of_a_node_elsewhere__commands_nothing(void **state)
{
        (void)state;
        client_forget(stage.tester);
        (void)look_from_afar("hall");
        client_send(stage.tester, "sconce/hall/node/set", "{\"id\":\"after\",\"nothing\":1}");
        (void)client_wait_json(stage.tester, "sconce/hall/node/result", "id", "after");
        assert_int_equal(client_count(stage.tester, "sconce/hall/node/set"), 2);
        assert_int_equal(client_count(stage.tester, "sconce/hall/node/result"), 1);
}

static void doctor__device_offline__is_named_with_its_reason(void **state)
{
        struct daemon *attic = stage_daemon("attic", "[lamp spot]\npwm = pwmchip77:0\n");

        (void)state;
        daemon_start(attic);
        (void)client_wait_text(stage.tester, "sconce/attic/spot/status", "offline");
        (void)client_wait(stage.tester, "sconce/attic/spot/error", NULL, NULL);
        struct run run = look_from_afar("attic");
        assert_has(run.out, "devices      wrong  attic/spot is offline: there is no PWM chip \"pwmchip77\"");
        assert_has(run.out, "; mend: sudo journalctl -u sconced DEVICE=spot\n");
        assert_has_not(run.out, "node         wrong");
        assert_int_equal(run.status, 1);
}

/* No node here, and none named: the client's own config leads to all of them. */
static void doctor__on_a_machine_that_is_no_node__looks_at_all_nodes(void **state)
{
        struct patient patient = well();
        struct daemon *attic = stage_daemon("attic", "[lamp kitchen]\nline = GPIO17\n");
        const char *const argv[] = { build_path("sconce"), "doctor", NULL };
        const char *own = work_path("xdg/sconce/client.conf");
        CLEANUP_FREE char *config = read_file(sconce_conf("tester", ""));
        int status;

        (void)state;
        make_parents(own);
        write_file(own, "%s", config);
        patient.env[1] = format_text("XDG_CONFIG_HOME=%s", work_path("xdg"));
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        daemon_stop(attic);
        const struct process_options options = { .name = "sconce", .env = patient.env };
        const struct process *process = process_run(argv, &options, &status);
        struct run run = run_of(process, status);
        assert_has(run.out, "node         wrong  attic is offline: its agent has no connection to the broker; mend: ");
        assert_has(run.out, "devices      ok     5 online\n");
        assert_has(run.out, "acl          -      seen for one node alone: sconce doctor NODE\n");
        assert_int_equal(run.status, 1);
}

static void doctor__node_that_nobody_knows__is_wrong(void **state)
{
        (void)state;
        struct run run = look_from_afar("nowhere");
        assert_has(run.out, "node         wrong  nowhere has no status at the broker");
        assert_has(run.out, "devices      -      left out: it needs node\n");
        assert_int_equal(run.status, 1);
}

static void doctor__device_instead_of_a_node__is_refused(void **state)
{
        (void)state;
        assert_run(RUN("tester", "doctor", "hall/kitchen"), 2, "",
                   "sconce: \"hall/kitchen\" is a device: sconce doctor hall looks at its node\n");
}

static int open_house(void **state)
{
        int r = stage_open(state);

        PKI_RUN(stage.pki, "client", "display", "--read-only");
        process_signal(stage.broker->process, SIGHUP);
        (void)process_wait_log(stage.broker->process, "Reloading config", SOON_MS);
        return r;
}

int main(void)
{
        const struct CMUnitTest fixed[] = {
                STAGE_TEST(doctor__on_the_node_with_nothing_wrong__ends_with_0, stage_forget),
                STAGE_TEST(doctor__on_the_node_with_an_older_access_list__shows_what_brings_it_up_to_date,
                           stage_forget),
                STAGE_TEST(doctor__as_json__is_an_array_with_each_check, stage_forget),
                STAGE_TEST(doctor__fault__is_one_line_with_its_command, stage_forget),
                STAGE_TEST(doctor__check_that_needs_a_failed_one__is_left_out_with_the_reason, stage_forget),
                STAGE_TEST(doctor__of_a_node_elsewhere__looks_at_its_devices, stage_forget),
                STAGE_TEST(doctor__with_a_certificate_that_may_only_read__shows_that, stage_forget),
                STAGE_TEST(doctor__over_mqtt_3__shows_why_the_rights_are_not_known, stage_forget),
                STAGE_TEST(doctor__of_a_node_elsewhere__commands_nothing, stage_forget),
                STAGE_TEST(doctor__device_offline__is_named_with_its_reason, stage_forget),
                STAGE_TEST(doctor__on_a_machine_that_is_no_node__looks_at_all_nodes, stage_forget),
                STAGE_TEST(doctor__node_that_nobody_knows__is_wrong, stage_forget),
                STAGE_TEST(doctor__device_instead_of_a_node__is_refused, stage_forget),
        };
        static struct CMUnitTest tests[ARRAY_SIZE(fixed) + ARRAY_SIZE(cases)];
        static char names[ARRAY_SIZE(cases)][96];

        memcpy(tests, fixed, sizeof(fixed));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "doctor__%s__is_named", cases[i].name);
                tests[ARRAY_SIZE(fixed) + i] = (struct CMUnitTest){ .name = names[i],
                                                                    .test_func = doctor__fault__is_named,
                                                                    .setup_func = NULL,
                                                                    .teardown_func = stage_tidy,
                                                                    .initial_state = (void *)(uintptr_t)&cases[i] };
        }
        return stage_run(tests, ARRAY_SIZE(tests), open_house);
}
