/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconce-broker-setup` on a machine that is a directory: what it makes, what it leaves alone, whom it shuts out only
 * when asked to, and that mosquitto is never left with a drop-in that it does not start with or does not keep to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/machine.h"
#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define CONF_D  MACHINE_CONF_D
#define DROP_IN CONF_D "sconce.conf"
#define PKI     MACHINE_PKI

static struct port port, join_port;

#define SIGNER_CALLS "systemctl restart sconce-pki-publish.path sconce-pki.service\n"

static int setup(void **state)
{
        (void)state;
        workdir_make();
        machine_tools();
        machine_make();
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        process_free_all();
        workdir_remove();
        return 0;
}

static struct process *run_words(int expected, const char *const words[])
{
        return machine_run("sconce-broker-setup", expected, words);
}

static struct process *run(int expected, const char *host, const char *address)
{
        return run_words(expected, WORDS(host, address));
}

static void assert_same(const char *path, const char *other)
{
        CLEANUP_FREE char *text = read_file(path), *wanted = read_file(other);

        assert_non_null(text);
        assert_non_null(wanted);
        assert_string_equal(text, wanted);
}

static void first_time__all_is_made_and_mosquitto_started_again(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", "192.168.1.10");
        assert_true(machine_has("root/etc/sconce/pki/ca.crt"));
        assert_true(machine_has("root/etc/sconce/pki/crl.pem"));
        assert_true(machine_has("root/etc/sconce/pki/sconce.acl"));
        assert_true(machine_has("root/etc/sconce/pki/broker.key"));
        assert_true(machine_has("root/etc/sconce/pki/issued/broker.lan.crt"));
        assert_same(work_path(DROP_IN), source_path("etc/mosquitto/sconce.conf"));
        assert_false(machine_has(DROP_IN ".new"));
        assert_calls("systemctl restart mosquitto\nsystemctl --quiet is-active mosquitto\n" SIGNER_CALLS);
}

static void again__nothing_is_made_again(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", NULL);
        CLEANUP_FREE char *key = read_file(work_path("root/etc/sconce/pki/ca.key"));
        CLEANUP_FREE char *cert = read_file(work_path("root/etc/sconce/pki/issued/broker.lan.crt"));
        write_file(work_path(DROP_IN), "# mine\n");
        struct process *p = run(0, "other.lan", NULL);
        assert_non_null(strstr(p->out.text, "Kept the broker's certificate"));
        assert_non_null(strstr(p->out.text, "sconce.conf as it is"));
        assert_false(machine_has("root/etc/sconce/pki/issued/other.lan.crt"));
        CLEANUP_FREE char *key_now = read_file(work_path("root/etc/sconce/pki/ca.key"));
        CLEANUP_FREE char *cert_now = read_file(work_path("root/etc/sconce/pki/issued/broker.lan.crt"));
        assert_string_equal(key_now, key);
        assert_string_equal(cert_now, cert);
        CLEANUP_FREE char *drop_in = read_file(work_path(DROP_IN));
        assert_string_equal(drop_in, "# mine\n");
}

static void mosquitto_does_not_start__drop_in_is_taken_away(void **state)
{
        (void)state;
        machine_systemctl("[ ! -e \"$SCONCE_ROOT/etc/mosquitto/conf.d/sconce.conf\" ]");
        struct process *p = run(1, "broker.lan", NULL);
        assert_non_null(strstr(p->err.text, "was therefore taken away again"));
        assert_false(machine_has(DROP_IN));
        assert_calls("systemctl restart mosquitto\nsystemctl restart mosquitto\n");
        /* When the cause is gone, the same command goes on from there. */
        machine_systemctl("");
        (void)run(0, NULL, NULL);
        assert_true(machine_has(DROP_IN));
}

/* ---- With a real mosquitto ----------------------------------------------------------------------------------- */

static const char *number_text(unsigned number)
{
        char *text = NULL;

        if (asprintf(&text, "%u", number) < 0)
                text = NULL;
        return keep_text(text);
}

/* One authority with a few clients serves all of them, as a copy. */
static int group_setup(void **state)
{
        (void)state;
        workdir_make();
        machine_tools();
        const char *pki = pki_make("pki");
        PKI_RUN(pki, "client", "display", "--read-only");
        PKI_RUN(pki, "client", "me");
        return 0;
}

static int setup_real(void **state)
{
        int status;

        (void)state;
        machine_make();
        machine_systemctl(machine_real_systemctl);
        make_dir(work_path("root/etc/sconce"));
        process_free(process_run(WORDS("cp", "-a", work_path("pki"), work_path("root/etc/sconce/pki")), NULL, &status));
        /* Where it is, the stand-in's mosquitto is the broker of this authority. */
        write_file(work_path(PKI "broker.pid"), "%s", "");
        port = port_reserve();
        join_port = port_reserve();
        return status;
}

static int teardown_real(void **state)
{
        (void)state;
        machine_remove();
        port_release(&port);
        port_release(&join_port);
        return 0;
}

static struct process *run_real(int expected)
{
        return run_words(expected, WORDS("--port", number_text(port.number), "--join-port",
                                         number_text(join_port.number), "localhost", "127.0.0.1"));
}

/* Publishes with the certificate of that name, or to a listener that asks for none; true when it was let. */
static bool may_publish(const char *cert, unsigned to, const char *topic)
{
        char at[16];
        int status;

        (void)snprintf(at, sizeof(at), "%u", to);
        struct process *p = process_run(
                WORDS("sh", "-c",
                      "cert=$0 port=$1 topic=$2 pki=$3\n"
                      "set -- -h 127.0.0.1 -p \"$port\" -V mqttv5 -q 1 -t \"$topic\" -m x\n"
                      "[ -z \"$cert\" ] || set -- \"$@\" --cafile \"$pki/ca.crt\" --cert \"$pki/issued/$cert.crt\" "
                      "--key \"$pki/issued/$cert.key\"\n"
                      "output=$(mosquitto_pub \"$@\" 2>&1) && [ -z \"$output\" ]",
                      cert, at, topic, work_path(PKI)),
                NULL, &status);
        process_free(p);
        return status == 0;
}

static void assert_proven(const struct process *p)
{
        assert_non_null(strstr(p->out.text, " keeps to the list: tried with certificates that are no longer valid.\n"));
        assert_false(may_publish("display", port.number, "sconce/hall/lamp/set"));
        assert_true(may_publish("me", port.number, "sconce/hall/lamp/set"));
        assert_false(may_publish("me", port.number, "sconce/hall/status"));
}

static void real_broker__keeps_to_the_list__and_nothing_of_the_trial_is_left(void **state)
{
        int status;

        (void)state;
        assert_proven(run_real(0));
        struct process *grep = process_run(WORDS("grep", "-rqE", "CHECK-|sconce-check", work_path("root/etc")), NULL,
                                           &status);
        assert_int_equal(status, 1);
        process_free(grep);
        struct process *find = process_run(WORDS("find", work_path(PKI "private"), "-name", "tmp.*"), NULL, &status);
        assert_string_equal(find->out.text ? find->out.text : "", "");
        process_free(find);
        assert_false(file_has(work_path(PKI "private/names"), "CHECK"));
}

/* Other files of mosquitto's; OTHER stands for the number of another listener's port. */
static const struct others {
        const char *name;
        const char *files[2][2]; /* name and lines */
        const char *wrong;       /* what setup prints; NULL: it is done */
        bool others_live;        /* the other listener goes on serving everybody */
        bool is_by_version;      /* mosquitto 2.0 and 2.1 differ: it is done, or that is wrong */
} others[] = {
        { "per_listener_before", { { "00-all.conf", "per_listener_settings true\n" } }, NULL, false, false },
        { "per_listener_and_a_listener_before",
          { { "00-all.conf", "per_listener_settings true\nlistener OTHER 127.0.0.1\nallow_anonymous true\n" } },
          NULL,
          true,
          false },
        { "per_listener_before_and_a_listener_after",
          { { "00-all.conf", "per_listener_settings true\n" },
            { "zz.conf", "listener OTHER 127.0.0.1\nallow_anonymous true\n" } },
          NULL,
          true,
          false },
        { "per_listener_off", { { "zz.conf", "per_listener_settings false\n" } }, NULL, false, false },
        { "anonymous_after", { { "zz.conf", "allow_anonymous true\n" } }, NULL, false, false },
        { "per_listener_after",
          { { "zz.conf", "per_listener_settings true\n" } },
          "give it a name that comes before (00-zz.conf), and run this again",
          false,
          false },
        { "per_listener_on_and_off",
          { { "00-all.conf", "per_listener_settings true\n" }, { "zz.conf", "per_listener_settings false\n" } },
          "every certificate may do everything",
          false,
          true },
        { "lines_of_a_listener_after",
          { { "zz.conf", "require_certificate false\nuse_identity_as_username false\nallow_anonymous true\n" } },
          "or who it should let in", /* 2.1.2 crashes when it reads its files again */
          false,
          true },
        { "list_of_its_own",
          { { "zz.conf", "acl_file /etc/mosquitto/acl\n" } },
          "mosquitto takes one acl_file",
          false,
          false },
};

static void write_others(const struct others *row, unsigned other)
{
        for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i][0]; i++) {
                const char *lines = row->files[i][1], *at = strstr(lines, "OTHER");

                if (at)
                        write_file(work_path(CONF_D "%s", row->files[i][0]), "%.*s%u%s", (int)(at - lines), lines,
                                   other, at + strlen("OTHER"));
                else
                        write_file(work_path(CONF_D "%s", row->files[i][0]), "%s", lines);
        }
}

static void other_files__of_mosquittos__either_the_list_holds_or_nothing_is_left(void **state)
{
        const struct others *row = *state;

        struct port other = port_reserve();
        write_others(row, other.number);
        struct process *p = run_real(row->is_by_version ? MACHINE_ANY_STATUS : row->wrong ? 1 : 0);
        if (WEXITSTATUS(p->status) != 0) {
                if (!strstr(p->err.text, row->wrong))
                        give_up("it does not print \"%s\"", row->wrong);
                assert_false(machine_has(DROP_IN));
        } else {
                assert_proven(p);
                assert_int_equal(may_publish("", other.number, "house/plug"), row->others_live);
        }
        port_release(&other);
}

/* The drop-in as a user edited it, or an older package wrote it. */
static const struct edit {
        const char *name, *script, *wrong;
} edits[] = {
        { "no_list", "/^acl_file/d", "does not keep to " },
        { "another_list", "s|^acl_file .*|acl_file /etc/sconce/pki/join.psk|", "refuses what " }, /* an empty one */
        { "user_names_believed", "s/^use_identity_as_username true/use_identity_as_username false/",
          "or who it should let in" },
        { "no_certificate_asked",
          "s/^require_certificate true/require_certificate false/; s/^use_identity_as_username true//; s/^crlfile.*//",
          "" },
        { "another_authority", "s|^cafile .*|cafile /etc/sconce/pki/issued/me.crt|; /^crlfile/d",
          "or who it should let in" },
};

static void edited_drop_in__shuts_too_little__is_not_believed(void **state)
{
        const struct edit *row = *state;
        int status;

        process_free(process_run(WORDS("sh", "-c", "sed -e \"s/^listener 8883/listener $1/\" -e \"$2\" \"$0\" >\"$3\"",
                                       source_path("etc/mosquitto/sconce.conf"), number_text(port.number), row->script,
                                       work_path(DROP_IN)),
                                 NULL, &status));
        struct process *p = run_real(1);
        if (!strstr(p->err.text, row->wrong) || !strstr(p->err.text, "mosquitto does not keep to Sconce's access list"))
                give_up("it does not print \"%s\"", row->wrong);
        assert_true(machine_has(DROP_IN));
}

/* As older packages shipped it. */
static void kept_drop_in__list_above_its_listener__is_not_believed(void **state)
{
        int status;

        (void)state;
        (void)run_real(0);
        process_free(process_run(WORDS("sed", "-i", "-e", "/^allow_anonymous/d; /^acl_file/d", "-e",
                                       "1i allow_anonymous false", "-e", "1i acl_file /etc/sconce/pki/sconce.acl",
                                       work_path(DROP_IN)),
                                 NULL, &status));
        (void)run_real(0);
        write_file(work_path(CONF_D "00-all.conf"), "per_listener_settings true\n");
        struct process *p = run_real(1);
        /* mosquitto 2.1 wants a listener before such lines. */
        if (!strstr(p->err.text, "mosquitto does not start with")) {
                assert_non_null(strstr(p->err.text, "has no acl_file of its own, and another file sets"));
                assert_non_null(strstr(p->err.text, "the drop-in as it should be is "));
        }
        assert_true(machine_has(DROP_IN));
}

/* ---- The plugin that reads the list ------------------------------------------------------------------------------ */

#define PLUGIN       "/usr/lib/x-linux-gnu/mosquitto/mosquitto_acl_file.so"
#define BY_PLUGIN    "\nglobal_plugin " PLUGIN "\nplugin_opt_acl_file /etc/sconce/pki/sconce.acl\n"
#define BY_ITSELF    "\nacl_file /etc/sconce/pki/sconce.acl\n"
#define REAL_PLUGIN  "SCONCE_TEST_ACL_PLUGIN" /* that of SCONCE_TEST_BROKER */
#define PLUGIN_CALLS "systemctl restart mosquitto\nsystemctl --quiet is-active mosquitto\n" SIGNER_CALLS

/* As an upgrade of mosquitto brings it. */
static void install_plugin(const char *real)
{
        int status;

        process_free(process_run(WORDS("mkdir", "-p", work_path("root/usr/lib/x-linux-gnu/mosquitto")), NULL, &status));
        if (real)
                assert_int_equal(symlink(real, work_path("root" PLUGIN)), 0);
        else
                write_file(work_path("root" PLUGIN), "%s", "");
}

static void assert_list_is_read_by(const char *lines, const char *not_by)
{
        CLEANUP_FREE char *drop_in = read_file(work_path(DROP_IN));

        assert_non_null(strstr(drop_in, lines));
        assert_null(strstr(drop_in, not_by));
        assert_false(machine_has(DROP_IN ".new"));
        assert_false(machine_has(DROP_IN ".old"));
}

static void plugin__mosquitto_has_it__reads_the_list(void **state)
{
        (void)state;
        install_plugin(NULL);
        (void)run_words(0, WORDS("--port", "9883", "broker.lan"));
        assert_list_is_read_by(BY_PLUGIN, BY_ITSELF);
        assert_true(file_has(work_path(DROP_IN), "\nlistener 9883\n"));
        assert_non_null(strstr(run(0, NULL, NULL)->out.text, "sconce.conf as it is"));
}

static void plugin__comes_with_an_upgrade__drop_in_as_made_names_it(void **state)
{
        (void)state;
        (void)run_words(0, WORDS("--port", "9883", "broker.lan"));
        assert_list_is_read_by(BY_ITSELF, BY_PLUGIN);
        install_plugin(NULL);
        assert_non_null(strstr(run(0, NULL, NULL)->out.text, "reads its list by " PLUGIN " now."));
        assert_list_is_read_by(BY_PLUGIN, BY_ITSELF);
        assert_true(file_has(work_path(DROP_IN), "\nlistener 9883\n"));
        /* And back, where that mosquitto is taken away. */
        assert_int_equal(unlink(work_path("root" PLUGIN)), 0);
        assert_non_null(strstr(run(0, NULL, NULL)->out.text, "reads its list by acl_file now."));
        assert_list_is_read_by(BY_ITSELF, BY_PLUGIN);
        assert_calls(PLUGIN_CALLS PLUGIN_CALLS PLUGIN_CALLS);
}

static void plugin__does_not_start__drop_in_is_as_it_was(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", NULL);
        install_plugin(NULL);
        machine_systemctl("! grep -q global_plugin \"$SCONCE_ROOT/etc/mosquitto/conf.d/sconce.conf\"");
        struct process *p = run(1, NULL, NULL);
        assert_non_null(strstr(p->err.text, "sconce.conf is as it was before"));
        assert_list_is_read_by(BY_ITSELF, BY_PLUGIN);
        assert_calls(PLUGIN_CALLS "systemctl restart mosquitto\nsystemctl restart mosquitto\n");
}

static void plugin__edited_drop_in__is_kept(void **state)
{
        (void)state;
        (void)run(0, "broker.lan", NULL);
        install_plugin(NULL);
        CLEANUP_FREE char *drop_in = read_file(work_path(DROP_IN));
        write_file(work_path(DROP_IN), "%s# mine\n", drop_in);
        assert_non_null(strstr(run(0, NULL, NULL)->out.text, "sconce.conf as it is"));
        assert_list_is_read_by(BY_ITSELF, BY_PLUGIN);
}

/* A plugin is one for all. */
static void plugin__listeners_with_lists_of_their_own__acl_file_stays(void **state)
{
        (void)state;
        install_plugin(NULL);
        write_file(work_path(CONF_D "00-all.conf"), "per_listener_settings true\n");
        (void)run(0, "broker.lan", NULL);
        assert_list_is_read_by(BY_ITSELF, BY_PLUGIN);
}

static void plugin__real_broker__keeps_to_the_list(void **state)
{
        const char *real = getenv(REAL_PLUGIN);

        (void)state;
        if (!real) {
                (void)fprintf(stderr, "skipped: this mosquitto has no plugin for its list\n");
                skip();
        }
        assert_proven(run_real(0));
        install_plugin(real);
        assert_proven(run_real(0));
        assert_list_is_read_by(BY_PLUGIN, BY_ITSELF);
}

/* ---- Whom it would shut out -------------------------------------------------------------------------------------- */

#define WHOLE_CALLS "systemctl restart mosquitto\nsystemctl --quiet is-active mosquitto\n" SIGNER_CALLS

static void others_are_served__they_are_named_and_nothing_done(void **state)
{
        (void)state;
        write_file(work_path(CONF_D "zigbee.conf"), "# mine\n  listener 1883\nallow_anonymous true\n");
        struct process *p = run(1, "broker.lan", NULL);
        assert_non_null(strstr(p->err.text, "mosquitto serves others here:\n"));
        assert_non_null(strstr(p->err.text, "/etc/mosquitto/conf.d/zigbee.conf: listener 1883\n"));
        assert_non_null(strstr(p->err.text, "To shut them out: --force"));
        assert_false(machine_has("root/etc/sconce"));
        assert_false(machine_has(DROP_IN));
        assert_calls("");

        p = run_words(0, WORDS("--force", "broker.lan"));
        assert_non_null(strstr(p->out.text, "Shut out, as mosquitto now goes by Sconce's access list alone:"));
        assert_true(machine_has(DROP_IN));
        assert_calls(WHOLE_CALLS);
}

static void main_file_has_a_port__it_is_named(void **state)
{
        (void)state;
        write_file(work_path("root/etc/mosquitto/mosquitto.conf"), "port 1883\nallow_anonymous true\n");
        struct process *p = run(1, "broker.lan", NULL);
        assert_non_null(strstr(p->err.text, "/etc/mosquitto/mosquitto.conf: port 1883\n"));
        assert_calls("");
}

static void somebody_is_connected_to_1883__is_named(void **state)
{
        (void)state;
        write_file(work_path("tools/ss"), "#!/bin/sh\necho '0 0 127.0.0.1:1883 127.0.0.1:40000'\n");
        struct process *p = run(1, "broker.lan", NULL);
        assert_non_null(strstr(p->err.text, "connected to port 1883 now: 127.0.0.1:40000\n"));
        assert_false(machine_has("root/etc/sconce"));
        (void)run_words(0, WORDS("--force", "broker.lan"));
}

static void nobody_else__is_done_without_a_question_and_without_words_of_others(void **state)
{
        (void)state;
        write_file(work_path("root/etc/mosquitto/mosquitto.conf"),
                   "persistence true\ninclude_dir /etc/mosquitto/conf.d\n");
        struct process *p = run(0, "broker.lan", NULL);
        assert_null(strstr(p->out.text, "Shut out"));
        assert_non_null(strstr(p->out.text, "It no longer opens port 1883"));
        /* What comes next is reported once, at the end. */
        assert_null(strstr(p->out.text, "broker HOST"));
        assert_non_null(strstr(p->out.text, "\nNext, for each node: sconce-pki invite NAME (or, for a card "
                                            "that is prepared without a network: sconce-pki node NAME)\n"));
}

static void port__wrong__is_refused(void **state)
{
        static const char *const ports[] = { "", "0", "65536", "x", "1e3", "-1" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
                struct process *p = run_words(2, WORDS("--port", ports[i], "broker.lan"));
                assert_non_null(strstr(p->err.text, "--port needs a number from 1 to 65535"));
        }
        assert_false(machine_has("root/etc/sconce"));
}

static void no_host__is_asked_for_and_nothing_made(void **state)
{
        (void)state;
        struct process *p = run(2, NULL, NULL);
        assert_non_null(strstr(p->err.text, "a HOST is missing"));
        assert_false(machine_has("root/etc/sconce"));
        assert_false(machine_has(DROP_IN));
        assert_calls("");
}

static void option_that_is_none__is_answered_with_those_there_are(void **state)
{
        (void)state;
        struct process *p = run_words(2, WORDS("--froce", "broker.lan"));
        assert_non_null(strstr(p->err.text, "there is no option '--froce': there are --force, --port PORT and "
                                            "--join-port PORT"));
        assert_false(machine_has("root/etc/sconce"));
}

static struct CMUnitTest row_of(const char *what, const char *name, const char *then, CMUnitTestFunction function,
                                const void *row)
{
        static char names[ARRAY_SIZE(others) + ARRAY_SIZE(edits)][96];
        static size_t n;

        (void)snprintf(names[n], sizeof(names[n]), "%s__%s__%s", what, name, then);
        return (struct CMUnitTest){ .name = names[n++],
                                    .test_func = function,
                                    .setup_func = setup_real,
                                    .teardown_func = teardown_real,
                                    .initial_state = (void *)(uintptr_t)row };
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(first_time__all_is_made_and_mosquitto_started_again),
                TEST(again__nothing_is_made_again),
                TEST(mosquitto_does_not_start__drop_in_is_taken_away),
                TEST(no_host__is_asked_for_and_nothing_made),
                TEST(option_that_is_none__is_answered_with_those_there_are),
                TEST(others_are_served__they_are_named_and_nothing_done),
                TEST(main_file_has_a_port__it_is_named),
                TEST(somebody_is_connected_to_1883__is_named),
                TEST(nobody_else__is_done_without_a_question_and_without_words_of_others),
                TEST(port__wrong__is_refused),
                TEST(plugin__mosquitto_has_it__reads_the_list),
                TEST(plugin__comes_with_an_upgrade__drop_in_as_made_names_it),
                TEST(plugin__does_not_start__drop_in_is_as_it_was),
                TEST(plugin__edited_drop_in__is_kept),
                TEST(plugin__listeners_with_lists_of_their_own__acl_file_stays),
        };
        const struct CMUnitTest with_broker[] = {
                cmocka_unit_test_setup_teardown(real_broker__keeps_to_the_list__and_nothing_of_the_trial_is_left,
                                                setup_real, teardown_real),
                cmocka_unit_test_setup_teardown(plugin__real_broker__keeps_to_the_list, setup_real, teardown_real),
                cmocka_unit_test_setup_teardown(kept_drop_in__list_above_its_listener__is_not_believed, setup_real,
                                                teardown_real),
        };
        static struct CMUnitTest rows[ARRAY_SIZE(with_broker) + ARRAY_SIZE(others) + ARRAY_SIZE(edits)];
        size_t n = ARRAY_SIZE(with_broker);

        memcpy(rows, with_broker, sizeof(with_broker));
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                rows[n++] = row_of("other_files", others[i].name,
                                   others[i].wrong ? "nothing_is_left" : "the_list_holds",
                                   other_files__of_mosquittos__either_the_list_holds_or_nothing_is_left, &others[i]);
        for (size_t i = 0; i < ARRAY_SIZE(edits); i++)
                rows[n++] = row_of("edited_drop_in", edits[i].name, "is_not_believed",
                                   edited_drop_in__shuts_too_little__is_not_believed, &edits[i]);
        int failed = cmocka_run_group_tests(tests, NULL, NULL);
        return failed + cmocka_run_group_tests(rows, group_setup, pki_close);
}
