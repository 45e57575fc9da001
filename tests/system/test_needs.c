/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection needs beside the config (the password's file, the CA, certificate and key) may be missing or no
 * file at all: the node reports it and tries again, and its lamps work meanwhile. */
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/mailbox.h"
#include "system/stage.h"

#define LAMP "[lamp good]\nline = GPIO6\npower_on = on\n"

static int setup(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

static void make_fifo(const char *path)
{
        assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_nothing(const char *path)
{
        (void)path;
}

static void make_empty(const char *path)
{
        write_file(path, "%s", "");
}

static void (*const wrongs[])(const char *path) = { make_nothing, make_fifo, make_dir, make_empty };

static void password_file__is_no_good__is_a_problem_and_is_tried_again(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *tester = client_new(&(struct client_options){ .id = "tester", .port = broker->port.number });
        const char *file = work_path("password");

        (void)state;
        client_subscribe(tester, "sconce/#");
        for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
                struct mailbox *manager = mailbox_new(work_path("notify%zu", i));
                const char *env[] = { format_text("NOTIFY_SOCKET=%s", work_path("notify%zu", i)), NULL };
                wrongs[i](file);
                struct daemon *daemon = daemon_new(
                        &(struct daemon_options){ .name = "hall",
                                                  .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                                                  .broker_keys = format_text("user = hall\npassword_file = %s\n", file),
                                                  .devices = LAMP,
                                                  .env = env });
                daemon_start(daemon);
                const char *status = mailbox_wait(manager, "STATUS=");
                assert_non_null(strstr(status, "broker: "));
                assert_non_null(strstr(status, file));
                (void)mailbox_wait(manager, "READY=1");
                chip_wait(daemon->lines, 6, 1);
                (void)remove(file);
                write_file(file, "secret\n");
                daemon_wait_online(daemon, tester);
                daemon_stop(daemon);
                daemon_free(daemon);
                (void)remove(file);
                client_forget(tester);
        }
}

/* None of them is waited for, and the signal to stop is heard. */
static void tls_files__fifo__is_named_and_never_waited_for(void **state)
{
        static const char *const keys[] = { "ca", "crl", "cert", "key" };
        const char *pki = pki_of_stage(), *node = pki_issued(pki, "hall");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *fifo = work_path("fifo-%s", keys[i]);
                make_fifo(fifo);
                struct daemon *daemon = daemon_new(&(struct daemon_options){
                        .name = "hall",
                        .url = "mqtts://127.0.0.1:9",
                        .tls = format_text(
                                "ca = %s\ncrl = %s\ncert = %s\nkey = %s\n", i == 0 ? fifo : pki_file(pki, "ca.crt"),
                                i == 1 ? fifo : pki_file(pki, "crl.pem"), i == 2 ? fifo : format_text("%s.crt", node),
                                i == 3 ? fifo : format_text("%s.key", node)),
                        .devices = LAMP });
                daemon_start(daemon);
                (void)process_wait_log(daemon->process, "is not a regular file", SOON_MS);
                assert_true(process_logged(daemon->process, fifo));
                chip_wait(daemon->lines, 6, 1);
                daemon_stop(daemon);
                daemon_free(daemon);
        }
}

/* ---- What --check sees ----------------------------------------------------------------------------------- */

static void assert_warns(const struct daemon *daemon, const char *const *parts)
{
        int status;
        struct process *run = SCONCED_RUN(&status, "--config", daemon->config, "--plugins", build_path("plugins"),
                                          "--check");

        assert_int_equal(status, 0);
        for (; *parts; parts++)
                if (!strstr(run->err.text, *parts))
                        give_up("\"%s\" is not in: %s", *parts, run->err.text);
        process_free(run);
}

static void check__what_is_missing_or_misspelt__warns_and_passes(void **state)
{
        const char *const parts[] = {
                "[tls] ca: /nowhere/ca.crt: cannot be read: No such file",
                "[tls] cert: /nowhere/hall.crt: cannot be read",
                "[tls] key: /nowhere/hall.key: cannot be read",
                "[lamp a] line: GPIO99: this line probably does not exist",
                "[lamp b] line: gpio22: a line's name is written as the chip has it: did you mean GPIO22?",
                "[lamp c] line: GPIO 23: a line's name",
                "[lamp d] line: pin 11: pins of the header have no names; pin 11",
                "command: /nowhere/program cannot be run: No such file",
                "sconce.conf:",
                NULL
        };
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall",
                .url = "mqtts://broker.invalid",
                .tls = "ca = /nowhere/ca.crt\ncert = /nowhere/hall.crt\nkey = /nowhere/hall.key\n",
                .devices = "[lamp a]\nline = GPIO99\n[lamp b]\nline = gpio22\n[lamp c]\nline = GPIO 23\n"
                           "[lamp d]\nline = pin 11\n[exec e]\ncommand = [/nowhere/program]\nevery = 1m\n" });

        (void)state;
        assert_warns(daemon, parts);
        assert_int_equal(access(daemon->sim_dir, F_OK), -1);
}

/* A cloud gives all of its certificates one name. */
static void check__certificate_with_the_name_of_many__is_reported(void **state)
{
        const char *const parts[] = {
                "[node] name: the node is called aws-iot-certificate, after its certificate's name "
                "\"AWS IoT Certificate\": where other nodes' certificates have the same one",
                "write name = … under [node]", NULL
        };
        const char *base = work_path("cloud");
        const struct daemon daemon = { .config = work_path("cloud.conf") };

        (void)state;
        cert_make(&(struct cert){ .base = base, .cn = "AWS IoT Certificate", .is_ca = true });
        write_file(daemon.config,
                   "[broker]\nurl = mqtts://broker.invalid\n[tls]\nca = %s.crt\ncert = %s.crt\nkey = %s.key\n", base,
                   base, base);
        assert_warns(&daemon, parts);
}

/* The defaults, which no section writes. */
static void check__no_tls_section__warns_of_the_default_files(void **state)
{
        const char *const parts[] = { "[tls] ca: /etc/sconce/certs/ca.crt: cannot be read: No such file", NULL };
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall", .url = "mqtts://broker.invalid", .devices = "[lamp kitchen]\nline = GPIO17\n" });

        (void)state;
        if (access("/etc/sconce/certs/ca.crt", F_OK) == 0) {
                print_message("skipped: this machine has an authority's certificate of its own\n");
                skip();
        }
        assert_warns(daemon, parts);
}

static void check__one_device_in_two_files__is_reported(void **state)
{
        const char *const parts[] = { "conf.d/b.conf:1: [lamp kitchen] goes on with the section in",
                                      "sconce.conf:", NULL };
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall", .no_broker = true, .devices = "[lamp kitchen]\nline = GPIO17\n" });
        char directory[512];

        (void)state;
        (void)snprintf(directory, sizeof(directory), "%.*s/conf.d",
                       (int)(strrchr(daemon->config, '/') - daemon->config), daemon->config);
        make_dir(directory);
        write_file(format_text("%s/b.conf", directory), "[lamp kitchen]\nactive_low = yes\n");
        assert_warns(daemon, parts);
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "goes on with the section", SOON_MS);
        daemon_stop(daemon);
}

static void lines__simulated_chip_not_there_yet__is_listed_and_not_made(void **state)
{
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "hall", .no_broker = true, .devices = "" });
        int status;

        (void)state;
        struct process *run = SCONCED_RUN(&status, "--config", daemon->config, "--lines");
        assert_int_equal(status, 0);
        if (!chip_is_kernel()) {
                assert_non_null(strstr(run->out.text, "GPIO53"));
                assert_int_equal(access(daemon->sim_dir, F_OK), -1);
        }
        process_free(run);
}

/* Run by hand with sudo: the service could not use what is root's in its directory. */
static void simulated_chip__made_by_root__belongs_to_the_directorys_owner(void **state)
{
        enum { SERVICE = 4711 };
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "hall", .no_broker = true, .devices = LAMP });
        char directory[512];
        struct stat st;

        (void)state;
        if (geteuid() != 0 || chip_is_kernel()) {
                print_message("skipped: needs root and the simulated chip\n");
                skip();
        }
        (void)snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(daemon->sim_dir, '/') - daemon->sim_dir),
                       daemon->sim_dir);
        assert_int_equal(chown(directory, SERVICE, SERVICE), 0);
        daemon_start(daemon);
        chip_wait(daemon->lines, 6, 1);
        static const char *const names[] = { "",
                                             "/gpiochip0",
                                             "/gpiochip0/consumers",
                                             "/gpiochip0/edges",
                                             "/gpiochip0/sim_gpio6",
                                             "/gpiochip0/sim_gpio6/value" };
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                assert_int_equal(stat(format_text("%s%s", daemon->sim_dir, names[i]), &st), 0);
                assert_int_equal(st.st_uid, SERVICE);
        }
        daemon_stop(daemon);
}

/* ---- As process 1 ---------------------------------------------------------------------------------------- */

/* The one child of a process; 0: none, or more than one. */
static int only_child(int pid)
{
        FILE *file = fopen(format_text("/proc/%d/task/%d/children", pid, pid), "re");
        int child = 0, more = 0;
        int n = file ? fscanf(file, "%d %d", &child, &more) : 0;

        if (file)
                (void)fclose(file);
        return n == 1 ? child : 0;
}

static bool has_no_orphans(void *userdata)
{
        int first = only_child(*(const pid_t *)userdata);

        return first > 0 && only_child(first) > 0;
}

static bool has_run_often(void *userdata)
{
        return client_count(userdata, "sconce/hall/count/state") >= 5;
}

static void process_1__programs_leave_orphans__they_are_waited_for(void **state)
{
        static const char *const words[] = { "unshare", "--pid", "--fork", "--kill-child", NULL };
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *tester = client_new(&(struct client_options){ .id = "tester", .port = broker->port.number });
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall",
                .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                .words = words,
                .devices = "[exec count]\ncommand = [/bin/sh, -c, \"(: &) ; echo 1\"]\nevery = 100ms\n" });

        (void)state;
        if (geteuid() != 0) {
                print_message("skipped: needs root for a process 1 of its own\n");
                skip();
        }
        client_subscribe(tester, "sconce/hall/#");
        daemon_start(daemon);
        assert_true(pump_until(has_run_often, tester, SOON_MS));
        /* While a program runs there is one more. */
        assert_true(pump_until(has_no_orphans, &daemon->process->pid, SOON_MS));
        /* The signal to stop is handed on, and the agent's end is process 1's. */
        assert_int_equal(kill(only_child(daemon->process->pid), SIGTERM), 0);
        (void)client_wait_text(tester, "sconce/hall/status", "offline");
        assert_int_equal(process_wait(daemon->process, SOON_MS), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_close)
                TEST(password_file__is_no_good__is_a_problem_and_is_tried_again),
                TEST(tls_files__fifo__is_named_and_never_waited_for),
                TEST(check__what_is_missing_or_misspelt__warns_and_passes),
                TEST(check__certificate_with_the_name_of_many__is_reported),
                TEST(check__no_tls_section__warns_of_the_default_files),
                TEST(check__one_device_in_two_files__is_reported),
                TEST(lines__simulated_chip_not_there_yet__is_listed_and_not_made),
                TEST(simulated_chip__made_by_root__belongs_to_the_directorys_owner),
                TEST(process_1__programs_leave_orphans__they_are_waited_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
