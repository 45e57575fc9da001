/* SPDX-License-Identifier: Apache-2.0 */
/* The command sconce as people run it: a real broker, a real node, certificates with and without rights. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/sconce.h"
#include "util/cleanup.h"

struct wanted {
        const struct stream *stream;
        const char *text;
        size_t from; /* what came before does not count */
};

static bool has_come(void *userdata)
{
        const struct wanted *wanted = userdata;
        return wanted->stream->text && strstr(wanted->stream->text + wanted->from, wanted->text);
}

static void wait_text_from(const struct stream *stream, size_t from, const char *text)
{
        if (!pump_until(has_come, &(struct wanted){ stream, text, from }, SOON_MS))
                give_up("sconce did not print \"%s\"", text);
}

static void wait_text(const struct stream *stream, const char *text)
{
        wait_text_from(stream, 0, text);
}

static struct process *start_watch(const char *word)
{
        const char *const argv[] = { build_path("sconce"), "--config", sconce_conf("tester", ""), "watch", word, NULL };
        return process_start(argv, NULL);
}

static void renew_tester(void)
{
        stage.tester = stage_client("tester", "tester");
        client_subscribe(stage.tester, "sconce/#");
}

static int darken(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

/* ---- Looking ------------------------------------------------------------------------------------------------- */

static void list__a_node__shows_its_devices(void **state)
{
        (void)state;
        assert_run(RUN("tester", "list"), 0,
                   "NODE DEVICE  NAME            AREA    PLUGIN  STATUS STATE\n"
                   "hall door                            contact online OFF\n"
                   "hall kitchen Kitchen ceiling Kitchen lamp    online OFF\n"
                   "hall porch                           lamp    online OFF\n"
                   "hall pump                            switch  online OFF\n",
                   "");
}

static void list__as_json__is_a_list_of_objects(void **state)
{
        (void)state;
        struct run run = RUN("tester", "list", "--json");
        json_t *rows = json_loads(run.out, 0, NULL);

        assert_int_equal(run.status, 0);
        assert_int_equal(json_array_size(rows), 4);
        const json_t *kitchen = json_array_get(rows, 1);
        assert_string_equal(json_string_value(json_object_get(kitchen, "name")), "Kitchen ceiling");
        assert_string_equal(json_string_value(json_object_get(json_object_get(kitchen, "state"), "state")), "OFF");
        json_decref(rows);
}

static void nodes__a_node__shows_version_and_devices(void **state)
{
        (void)state;
        struct run run = RUN("tester", "nodes", "--json");
        json_t *rows = json_loads(run.out, 0, NULL);
        const json_t *hall = json_array_get(rows, 0);

        assert_int_equal(run.status, 0);
        assert_int_equal(json_array_size(rows), 1);
        assert_string_equal(json_string_value(json_object_get(hall, "node")), "hall");
        assert_string_equal(json_string_value(json_object_get(hall, "status")), "online");
        assert_string_equal(json_string_value(json_object_get(hall, "version")), SCONCE_VERSION);
        assert_int_equal(json_integer_value(json_object_get(hall, "devices")), 4);
        assert_true(json_is_array(json_object_get(hall, "problems")));
        json_decref(rows);
}

static void get__a_channel__prints_its_value_alone(void **state)
{
        (void)state;
        assert_run(RUN("tester", "get", "kitchen", "state"), 0, "OFF\n", "");
        assert_run(RUN("tester", "get", "hall/door", "state", "--json"), 0, "\"OFF\"\n", "");
}

static void get__unknown_channel__is_reported_with_the_nearest(void **state)
{
        (void)state;
        assert_run(RUN("tester", "get", "kitchen", "sate"), 1, "",
                   "sconce: the state of hall/kitchen has no channel sate; did you mean state\n");
}

/* Whether retained messages are there in time must not be a matter of luck, nor whether the connection stands. */
static void list__many_times__is_whole_each_time(void **state)
{
        (void)state;
        const char *conf = sconce_conf("tester", "");
        struct run first = sconce_run(conf, (const char *const[]){ "list", NULL });

        for (int i = 0; i < 25; i++)
                assert_run(sconce_run(conf, (const char *const[]){ "list", NULL }), 0, first.out, "");
}

/* ---- Switching ----------------------------------------------------------------------------------------------- */

static void set__plain_value__switches_and_reports_it(void **state)
{
        (void)state;
        assert_run(RUN("tester", "set", "kitchen", "on"), 0, "hall/kitchen: done\n", "");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        assert_run(RUN("tester", "get", "kitchen", "state"), 0, "ON\n", "");
}

static void set__key_and_value__switches(void **state)
{
        (void)state;
        assert_run(RUN("tester", "set", "hall/kitchen", "state=on", "--json"), 0,
                   "{\"ok\":true,\"node\":\"hall\",\"device\":\"kitchen\"}\n", "");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
}

static void set__refused__ends_with_1_and_the_reason(void **state)
{
        (void)state;
        assert_run(RUN("tester", "set", "door", "on"), 1, "",
                   "sconce: hall/door: this device can only be read (read_only)\n");
        struct run run = RUN("tester", "set", "kitchen", "colour=red", "--json");
        assert_int_equal(run.status, 1);
        assert_has(run.out, "\"code\":\"unknown_key\"");
        assert_has(run.err, "(unknown_key)");
}

static void set__mqtt_311__is_answered_too(void **state)
{
        (void)state;
        const char *conf = sconce_conf("tester", "version = 3.1.1");

        assert_run(sconce_run(conf, (const char *const[]){ "set", "kitchen", "on", NULL }), 0, "hall/kitchen: done\n",
                   "");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        struct run run = sconce_run(conf, (const char *const[]){ "set", "kitchen", "colour=red", NULL });
        assert_int_equal(run.status, 1);
        assert_has(run.err, "(unknown_key)");
}

static void set__unknown_device__names_the_nearest(void **state)
{
        (void)state;
        assert_run(RUN("tester", "set", "kichen", "on"), 1, "",
                   "sconce: no node has a device kichen; did you mean kitchen\n");
        assert_run(RUN("tester", "set", "hal/kitchen", "on"), 1, "",
                   "sconce: node hal has never been here; did you mean hall\n");
}

static void set__device_on_two_nodes__wants_the_node(void **state)
{
        (void)state;
        struct daemon *attic = stage_daemon("attic", "[lamp kitchen]\nline = GPIO5\n");

        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        assert_run(RUN("tester", "set", "kitchen", "on"), 1, "",
                   "sconce: kitchen is on several nodes: write one of attic/kitchen, hall/kitchen\n");
        assert_run(RUN("tester", "set", "attic/kitchen", "on"), 0, "attic/kitchen: done\n", "");
        assert_int_equal(chip_value(attic->lines, SPARE), 1);
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
}

/* ---- Nobody answers ------------------------------------------------------------------------------------------ */

/* A node that is there by its retained messages alone. With `listens` it takes commands and keeps silent. */
static struct client *play_attic(const char *status, bool listens)
{
        struct client *attic = stage_client("attic", "attic");
        const struct request messages[] = {
                { .topic = "sconce/attic/status", .payload = status, .retain = true },
                { .topic = "sconce/attic/info",
                  .payload = "{\"devices\":{\"fan\":{\"channels\":{\"state\":{\"kind\":\"switch\"}}}}}",
                  .retain = true },
                { .topic = "sconce/attic/fan/status", .payload = "online", .retain = true },
                { .topic = "sconce/attic/fan/state",
                  .payload = "{\"time\":\"2026-11-22T19:30:00Z\",\"state\":\"ON\"}",
                  .retain = true },
        };

        if (listens) {
                client_subscribe(attic, "sconce/attic/+/set");
                client_subscribe(attic, "sconce/attic/+/get");
        }
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
                (void)client_publish_acked(attic, &messages[i]);
        return attic;
}

static int clear_attic(void **state)
{
        static const char *const topics[] = { "sconce/attic/status",         "sconce/attic/info",
                                              "sconce/attic/fan/status",     "sconce/attic/fan/state",
                                              "sconce/attic/node/status",    "sconce/attic/node/state",
                                              "sconce/attic/kitchen/status", "sconce/attic/kitchen/state",
                                              "sconce/attic/bell/status",    "sconce/attic/fan/error",
                                              "sconce/attic/node/error" };
        daemon_free_all_but(stage.hall); /* its will comes before */
        struct client *attic = stage_client("attic", "attic-clear");

        for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
                (void)client_publish_acked(attic, &(struct request){ .topic = topics[i], .retain = true });
        return stage_tidy(state);
}

static void set__node_offline__is_not_sent(void **state)
{
        (void)state;
        (void)play_attic("offline", false);
        assert_run(RUN("tester", "set", "fan", "on"), 3, "",
                   "sconce: node attic is offline, so the command was not sent\n");
        assert_run(RUN("tester", "get", "fan", "state"), 3, "ON\n",
                   "sconce: attic/fan: its node is offline; this is its last known state, of 2026-11-22T19:30:00Z\n");
}

static void get__device_with_events_alone__is_reported_at_once(void **state)
{
        const struct request messages[] = {
                { .topic = "sconce/attic/status", .payload = "online", .retain = true },
                { .topic = "sconce/attic/info",
                  .payload = "{\"devices\":{\"bell\":{\"channels\":{\"press\":{\"kind\":\"event\"}}}}}",
                  .retain = true },
                { .topic = "sconce/attic/bell/status", .payload = "online", .retain = true },
        };
        struct client *attic = stage_client("attic", "attic");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
                (void)client_publish_acked(attic, &messages[i]);
        assert_run(RUN("tester", "get", "bell"), 1, "",
                   "sconce: attic/bell has nothing to read, it only publishes events: sconce watch attic/bell\n");
}

static void set__nobody_subscribed__is_reported_at_once(void **state)
{
        (void)state;
        (void)play_attic("online", false);
        /* The stage's tester hears everything: the broker counts it as one who takes the command. */
        client_free(stage.tester);
        struct run run = RUN("tester", "set", "fan", "on");
        renew_tester();
        assert_run(run, 3, "", "sconce: no one received the command: node attic is not subscribed to it\n");
}

static void set__node_silent__reports_what_is_known(void **state)
{
        (void)state;
        (void)play_attic("online", true);
        assert_run(RUN("tester", "set", "fan", "on", "--timeout", "300ms"), 3, "",
                   "sconce: no answer from attic/fan within 300ms, though the node counts as online; the command may "
                   "have been "
                   "carried out, or yet be, until it expires, 1 s after it was sent\n");
        assert_run(RUN("tester", "get", "fan", "--json", "--timeout", "300ms"), 3,
                   "{\"time\":\"2026-11-22T19:30:00Z\",\"state\":\"ON\"}\n",
                   "sconce: attic/fan: it did not answer in time; this is its last known state, of "
                   "2026-11-22T19:30:00Z\n");
}

/* The access list of sconce-broker-setup: nobody clears what another has published. */
static void forget__broker_of_ours__shows_who_may(void **state)
{
        (void)state;
        (void)play_attic("offline", false);
        assert_run(RUN("tester", "forget", "attic"), 1, "",
                   "sconce: the broker does not let tester clear what attic has left: the machine with the certificate "
                   "authority "
                   "may (sudo sconce-pki forget attic)\n");
}

/* A device that cannot be read: old values, or none. */
static void get__device_offline__is_reported_and_ends_with_3(void **state)
{
        struct daemon *attic = stage_daemon("attic",
                                            "[exec fan]\ncommand = [\"/bin/false\"]\nevery = 1s\nchannels = [state]\n"
                                            "[lamp kitchen]\nline = GPIO5\n");

        (void)state;
        daemon_start(attic);
        (void)client_wait_text(stage.tester, "sconce/attic/fan/status", "offline");
        (void)client_wait(stage.tester, "sconce/attic/fan/error", NULL, NULL);
        struct run run = RUN("tester", "get", "attic/fan");
        assert_int_equal(run.status, 3);
        assert_has(run.err, "sconce: attic/fan is failing: ");
        assert_has(run.err, "sconce: attic/fan: it is offline; this is its last known state");
        run = RUN("tester", "list");
        assert_int_equal(run.status, 3);
        assert_has(run.out, "attic fan");
        assert_has(run.err, "sconce: offline: attic/fan\n");
        assert_int_equal(RUN("tester", "get", "attic/kitchen").status, 0);
}

/* ---- Rights -------------------------------------------------------------------------------------------------- */

static void set__read_only_certificate__is_refused_by_the_broker(void **state)
{
        (void)state;
        assert_run(RUN("display", "set", "kitchen", "on"), 1, "",
                   "sconce: the broker does not let display switch hall/kitchen: its certificate is read-only, or for "
                   "another node\n");
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
        struct run run = RUN("display", "get", "kitchen", "state");
        assert_int_equal(run.status, 0);
        assert_string_equal(run.out, "OFF\n");
        assert_has(run.err, "sconce: hall/kitchen: the broker does not let this certificate ask it; this is its last "
                            "known state, of 20");
}

static void list__certificate_for_one_node__shows_that_node(void **state)
{
        (void)state;
        (void)play_attic("online", true);
        struct run run = RUN("porter", "list");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "attic fan");
        assert_null(strstr(run.out, "hall"));
        assert_run(RUN("porter", "set", "hall/kitchen", "on"), 1, "", "sconce: node hall has never been here\n");
}

/* ---- Names and texts from outside --------------------------------------------------------------------------- */

/* Whatever a node calls its devices are called. */
static const char hostile_info[] =
        "{\"version\":\"1\\u001b[31m\",\"devices\":{\"fan\":{\"name\":\"F\\u009b31man \\u202egnp\",\"channels\":{}},"
        "\"$(touch pwned)\":{},\"`touch pwned`\":{},\"x;touch pwned\":{},\"*\":{},\"a "
        "b\":{},\"\\u001b]0;x\\u0007\":{}}}";

static struct run complete(const char *program, const char *words)
{
        CLEANUP_FREE char *script = NULL;
        int status;

        assert_true(asprintf(&script,
                             "cd '%s' && . '%s' && COMP_WORDS=('%s' %s) && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && %s "
                             "2>/dev/null; printf '%%s\\n' \"${COMPREPLY[@]}\"; ls",
                             work_path("completion"), source_path("packaging/sconce.bash"), program, words,
                             strstr(program, "-setup") ? "_sconce_setup" : "_sconce") > 0);
        struct process *bash = process_run((const char *const[]){ "bash", "-c", script, NULL }, NULL, &status);
        return (struct run){ .status = status, .out = bash->out.text, .err = bash->err.text ? bash->err.text : "" };
}

static void completion__names_of_any_kind__are_offered_or_left_out_but_never_run(void **state)
{
        CLEANUP_FREE char *words = NULL;
        struct client *attic = play_attic("online", true);

        (void)state;
        (void)client_publish_acked(
                attic, &(struct request){ .topic = "sconce/attic/info", .payload = hostile_info, .retain = true });
        (void)mkdir(work_path("completion"), 0700);
        assert_true(asprintf(&words, "--config '%s' set ''", sconce_conf("tester", "")) > 0);
        struct run run = complete(build_path("sconce"), words);
        assert_int_equal(run.status, 0);
        assert_string_equal(
                run.out,
                "attic/fan\ndoor\nfan\nhall/door\nhall/kitchen\nhall/porch\nhall/pump\nkitchen\nporch\npump\n");
}

static void completion__setup_commands__options_are_offered(void **state)
{
        const char *program = source_path("certs/sconce-dashboard-setup");

        (void)state;
        (void)mkdir(work_path("completion"), 0700);
        assert_string_equal(complete(program, "--").out, "--port\n--remove\n--web-port\n");
        assert_string_equal(complete(source_path("certs/sconce-broker-setup"), "--f").out, "--force\n");
        assert_string_equal(complete(program, "''").out, "\n");
}

/* Should sconce itself ever print such a thing. */
static void completion__foreign_words_in_the_list__are_left_out(void **state)
{
        const char *program = work_path("completion-stub/sconce");

        (void)state;
        (void)mkdir(work_path("completion"), 0700);
        (void)mkdir(work_path("completion-stub"), 0700);
        write_file(
                program,
                "#!/bin/sh\ncat <<'END'\nNODE DEVICE\nhall kitchen\nhall $(touch${IFS}pwned)\n`id` lamp\n$(id) x\nhall "
                "a;b\n-x --y\nEND\n");
        assert_int_equal(chmod(program, 0700), 0);
        assert_string_equal(complete(program, "get ''").out, "hall/kitchen\nkitchen\n");
        assert_string_equal(complete(program, "get 'k'").out, "kitchen\n");
        assert_string_equal(complete(program, "doctor ''").out, "hall\n");
        assert_string_equal(complete(program, "get '$(touch pwned)'").out, "\n");
        assert_string_equal(complete(program, "'$(touch pwned)' '`touch pwned`'").out, "\n");
}

static void list__texts_of_any_kind__do_not_steer_the_terminal(void **state)
{
        static const char *const commands[] = { "list", "nodes" };
        struct client *attic = play_attic("online", true);

        (void)state;
        (void)client_publish_acked(
                attic, &(struct request){ .topic = "sconce/attic/info", .payload = hostile_info, .retain = true });
        for (size_t i = 0; i < 2 * ARRAY_SIZE(commands); i++) {
                struct run run = RUN("tester", commands[i / 2], i % 2 ? "--json" : "--verbose");

                assert_int_equal(run.status, 0);
                assert_has_not(run.out, "\x1b");
                assert_has_not(run.out, "\xc2\x9b");
                assert_has_not(run.out, "\xe2\x80\xae");
                assert_has_not(run.out, "touch");
                assert_has_not(run.err, "\x1b");
        }
        assert_has(RUN("tester", "list", "--json").out, "\"F\\u009B31man \\u202Egnp\"");
}

/* Times and channels are a node's words too. Without a way: for people. One line of CSV is one record. */
static void history__texts_of_any_kind__do_not_steer_the_terminal(void **state)
{
        static const char *const ways[] = { "--csv", "--json", NULL };
        static const char hostile[] =
                "{\"time\":\"2099-11-22T19:30:00\\u001b[31m\\n,x\",\"\\u001b]0;x\\u0007,\\n\\u009b\":1,"
                "\"\\u202e%s%n\":\"\\u001b[2J\"}";
        struct client *attic = play_attic("online", true);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
                client_forget(attic);
                struct process *history = SCONCE_START(sconce_conf("tester", ""), "history", "attic/fan", "--follow",
                                                       ways[i]);
                (void)client_wait(attic, "sconce/attic/fan/get", NULL, NULL); /* by then it is subscribed */
                client_send(attic, "sconce/attic/fan/state", hostile);
                client_send(attic, "sconce/attic/fan/state", "{\"time\":\"2099-11-22T19:30:01Z\",\"state\":\"last\"}");
                wait_text(&history->out, "last");
                assert_has_not(history->out.text, "\x1b");
                assert_has_not(history->out.text, "\xc2\x9b");
                assert_has_not(history->out.text, "\xe2\x80\xae");
                assert_has_not(history->out.text, "\n\\");
                if (i == 0)
                        assert_has(history->out.text, "\n,state,\"\\x1b]0;x\\x07,\\x0a\\xc2\\x9b\",\"1\"\n,state,");
                process_signal(history, SIGINT);
                assert_int_equal(process_wait(history, SOON_MS), 0);
        }
}

/* As when a broker was away: its newest is shown by `state` and comes in its turn, what was in flight comes again. */
static void history__the_same_moment_again__is_printed_once(void **state)
{
#define AT(second) "\"time\":\"2099-01-01T00:00:0" #second "Z\""
        static const char *const sent[][2] = {
                { "state", "{\"time\":null,\"n\":null,\"m\":null}" }, /* not read yet: nothing to print */
                { "state", "{" AT(3) ",\"n\":3,\"m\":null}" },
                { "history", "{\"seq\":1,\"boot\":\"b\"," AT(2) ",\"state\":{\"n\":2,\"m\":null}}" },
                { "history", "{\"seq\":1,\"boot\":\"b\"," AT(2) ",\"state\":{\"n\":2,\"m\":null}}" },
                { "history", "{\"seq\":2,\"boot\":\"b\"," AT(3) ",\"state\":{\"m\":null,\"n\":3}}" },
                { "history", "{\"seq\":3,\"boot\":\"b\",\"time\":null,\"state\":{\"n\":0}}" },
                { "history", "{\"seq\":4,\"boot\":\"b\",\"time\":null,\"state\":{\"n\":0}}" },
                { "state", "{\"header\":{},\"content\":{" AT(4) ",\"n\":4},\"footer\":{}}" },
        };
        struct client *attic = play_attic("online", true);

        (void)state;
        client_forget(attic);
        struct process *history = SCONCE_START(sconce_conf("tester", ""), "history", "attic/fan", "--follow", "--csv");
        (void)client_wait(attic, "sconce/attic/fan/get", NULL, NULL); /* by then it is subscribed */
        for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
                client_send(attic, format_text("sconce/attic/fan/%s", sent[i][0]), sent[i][1]);
        wait_text(&history->out, "\"4\"\n");
        assert_string_equal(history->out.text, "time,what,channel,value\n"
                                               "2099-01-01T00:00:03Z,state,\"n\",\"3\"\n"
                                               "2099-01-01T00:00:03Z,state,\"m\",\"\"\n"
                                               "2099-01-01T00:00:02Z,state,\"n\",\"2\"\n"
                                               "2099-01-01T00:00:02Z,state,\"m\",\"\"\n"
                                               ",state,\"n\",\"0\"\n,state,\"n\",\"0\"\n"
                                               "2099-01-01T00:00:04Z,state,\"n\",\"4\"\n");
        process_signal(history, SIGINT);
        assert_int_equal(process_wait(history, SOON_MS), 0);
}

static void history__broker_restarts__says_that_some_is_missing(void **state)
{
        struct client *attic = play_attic("online", true);

        (void)state;
        client_forget(attic);
        struct process *history = SCONCE_START(sconce_conf("tester", ""), "history", "attic/fan", "--follow");
        (void)client_wait(attic, "sconce/attic/fan/get", NULL, NULL);
        broker_kill(stage.broker);
        (void)process_wait_log(history, "the broker is gone: ", SOON_MS);
        broker_start(stage.broker);
        (void)process_wait_log(history, "the broker is back; what was published meanwhile is missing here", SOON_MS);
        stage_rejoin();
        process_signal(history, SIGINT);
        assert_int_equal(process_wait(history, SOON_MS), 0);
}

static int have_a_full_disk(void *userdata)
{
        int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

        (void)userdata;
        return fd < 0 || dup2(fd, STDOUT_FILENO) < 0;
}

/* Before anything has come. */
static void history__cannot_be_written__ends_with_1(void **state)
{
        const char *const argv[] = { build_path("sconce"),
                                     "--config",
                                     sconce_conf("tester", ""),
                                     "history",
                                     "attic/fan",
                                     "--follow",
                                     "--csv",
                                     NULL };
        int status;

        (void)state;
        (void)play_attic("offline", false);
        struct process *process = process_run(
                argv, &(struct process_options){ .name = "sconce", .prepare = have_a_full_disk }, &status);
        assert_int_equal(status, 1);
        assert_string_equal(process->err.text, "sconce: cannot write: No space left on device\n");
        process_free(process);
}

static void history__nothing_to_ask__says_why(void **state)
{
        (void)state;
        assert_run(RUN("display", "history", "kitchen"), 1, "",
                   "sconce: the broker does not let display ask hall/kitchen: its certificate is read-only, or for "
                   "another node\n");
        assert_has(RUN("tester", "history", "pump").out, "  state=0 %\n");
        (void)play_attic("offline", false);
        assert_run(RUN("tester", "history", "attic/fan"), 3, "",
                   "sconce: node attic is offline, and what it remembers is kept there\n");
}

/* ---- Watching ------------------------------------------------------------------------------------------------ */

static void watch__until_interrupted__prints_topics_and_payloads(void **state)
{
        (void)state;
        struct process *watch = start_watch("kitchen");

        wait_text(&watch->out, "retained      sconce/hall/kitchen/state");
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        wait_text(&watch->out, "  sconce/hall/kitchen/set           ON\n");
        wait_text(&watch->out, "\"state\":\"ON\"}\n");
        process_signal(watch, SIGINT);
        assert_int_equal(process_wait(watch, SOON_MS), 0);
        assert_null(strstr(watch->out.text, "door"));
        process_free(watch);
}

static void watch__nobody_of_that_name__reports_it_and_goes_on(void **state)
{
        const char *const argv[] = { build_path("sconce"),
                                     "--config",
                                     sconce_conf("tester", ""),
                                     "--timeout",
                                     "200ms",
                                     "watch",
                                     "attic",
                                     NULL };
        struct process *watch = process_start(argv, &(struct process_options){ .name = "watch" });

        (void)state;
        wait_text(&watch->err, "sconce: nothing has come from attic so far: `sconce list` shows what there is");
        client_send(stage.tester, "sconce/attic/late/set", "ON");
        wait_text(&watch->out, "  sconce/attic/late/set ");
        process_signal(watch, SIGINT);
        assert_int_equal(process_wait(watch, SOON_MS), 0);
        process_free(watch);
}

static void watch__broker_restarts__goes_on(void **state)
{
        (void)state;
        struct process *watch = start_watch("--json");

        wait_text(&watch->out, "sconce/hall/status");
        broker_kill(stage.broker);
        wait_text(&watch->err, "sconce: the broker is gone: ");
        size_t before = watch->out.size;
        broker_start(stage.broker);
        client_free(stage.tester);
        renew_tester();
        daemon_wait_online(stage.hall, stage.tester);
        /* It is back too: a command is not kept for those who come later. */
        wait_text_from(&watch->out, before, "sconce/hall/status");
        client_send(stage.tester, "sconce/hall/pump/set", "TOGGLE");
        wait_text(&watch->out, "\"topic\":\"sconce/hall/pump/set\",\"retain\":false,\"payload\":\"TOGGLE\"}\n");
        process_signal(watch, SIGTERM);
        assert_int_equal(process_wait(watch, SOON_MS), 0);
        process_free(watch);
}

/* ---- What is wrong before it begins -------------------------------------------------------------------------- */

static void list__no_broker__ends_with_3(void **state)
{
        (void)state;
        struct port port = port_reserve();
        const char *conf = work_path("nowhere.conf");

        write_file(conf, "[broker]\nurl = mqtt://127.0.0.1:%u\n", port.number);
        struct run run = sconce_run(conf, (const char *const[]){ "list", NULL });
        port_release(&port);
        assert_int_equal(run.status, 3);
        assert_has(run.err, "sconce: no broker: cannot connect to 127.0.0.1:");
        assert_has(run.err, "connection refused");
}

static void list__bad_config__ends_with_78(void **state)
{
        (void)state;
        const char *conf = work_path("bad.conf");

        write_file(conf, "[broker]\nurl = mqtts://localhost\n");
        struct run run = sconce_run(conf, (const char *const[]){ "list", NULL });
        assert_int_equal(run.status, 78);
        assert_has(run.err, "bad.conf: [tls] cert and key: are missing: your own certificate and its key (sconce-pki "
                            "client NAME makes them)");
        write_file(conf, "[broker]\nurl = mqtts://localhost\n[tls]\nca = /nowhere/ca.crt\ncert = /nowhere/a.crt\nkey = "
                         "/nowhere/a.key\n");
        run = sconce_run(conf, (const char *const[]){ "list", NULL });
        assert_int_equal(run.status, 78);
        assert_has(run.err, "/nowhere/");
}

static void list__key_that_others_can_read__is_refused(void **state)
{
        (void)state;
        const char *conf = sconce_conf("tester", "");
        const char *key = work_path("open.key");
        char *text = read_file(work_path("pki/issued/tester.key"));

        write_file(key, "%s", text);
        free(text);
        assert_int_equal(chmod(key, 0644), 0);
        write_file(conf, "[broker]\nurl = mqtts://localhost\n[tls]\nca = %s\ncert = %s.crt\nkey = %s\n",
                   pki_file(stage.pki, "ca.crt"), pki_issued(stage.pki, "tester"), key);
        struct run run = sconce_run(conf, (const char *const[]){ "list", NULL });
        assert_int_equal(run.status, 78);
        assert_has(run.err, "open.key");
}

static void set__wrong_words__end_with_2(void **state)
{
        (void)state;
        assert_run(RUN("tester", "set", "kitchen", "on", "off"), 2, "",
                   "sconce: \"on\" is not KEY=VALUE: a value is one plain word, or KEY=VALUE words only\n");
        assert_run(
                RUN("tester", "set", "Kitchen", "on"), 2, "",
                "sconce: \"Kitchen\" is not a device's name: write DEVICE or NODE/DEVICE, as sconce list shows them\n");
}

static void list__bad_name_of_a_node__ends_with_2(void **state)
{
        (void)state;
        assert_run(RUN("tester", "list", "Hall"), 2, "",
                   "sconce: \"Hall\" is not a node's name: sconce nodes shows them\n");
}

static void sconce__help_and_version__on_stdout(void **state)
{
        (void)state;
        struct run run = RUN("tester", "set", "--help");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "Usage: sconce set DEVICE VALUE... [OPTION...]\n");
        assert_has(run.out, "  sconce set hall/kitchen toggle\n");
        run = RUN("tester", "--help");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "Usage: sconce COMMAND [WORD...] [OPTION...]\n");
        run = RUN("tester", "--version");
        assert_run(run, 0, "sconce " SCONCE_VERSION "\n", "");
}

static void sconce__no_command__ends_with_2_and_the_help(void **state)
{
        (void)state;
        struct run run = SCONCE_RUN("/nowhere/client.conf", "--json");
        assert_int_equal(run.status, 2);
        assert_string_equal(run.out, "");
        assert_has(run.err, "Usage: sconce COMMAND [WORD...] [OPTION...]\n");
}

static void list__broker_silent__ends_with_3(void **state)
{
        (void)state;
        struct wire *wire = wire_silent("127.0.0.1");
        struct run run = SCONCE_RUN(sconce_conf_plain(wire_port(wire), ""), "--timeout", "300ms", "list");
        wire_free(wire);
        assert_int_equal(run.status, 3);
        assert_has(run.err, "sconce: no broker: ");
}

/* The user's own config is named by XDG_CONFIG_HOME, else by HOME; what is wrong with it shows which was read. */
static void assert_reads(const char *conf, const char *xdg)
{
        const char *const argv[] = { build_path("sconce"), "list", NULL };
        const char *const env[] = { format_text("HOME=%s", work_path("home")), format_text("XDG_CONFIG_HOME=%s", xdg),
                                    NULL };
        int status;
        struct process *process = process_run(argv, &(struct process_options){ .name = "sconce", .env = env }, &status);

        assert_int_equal(status, 78);
        assert_has(process->err.text, conf);
        process_free(process);
}

static void list__no_config_named__is_found(void **state)
{
        static const char *const dirs[] = { "xdg", "xdg/sconce", "home", "home/.config", "home/.config/sconce" };
        const char *by_xdg = work_path("xdg/sconce/client.conf"),
                   *by_home = work_path("home/.config/sconce/client.conf");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                make_dir(work_path("%s", dirs[i]));
        write_file(by_xdg, "[broker]\nversion = 6\n");
        write_file(by_home, "[broker]\nversion = 6\n");
        assert_reads(by_xdg, work_path("xdg"));
        assert_reads(by_home, "");
}

static int open_house(void **state)
{
        int r = stage_open(state);

        PKI_RUN(stage.pki, "client", "display", "--read-only");
        PKI_RUN(stage.pki, "client", "porter", "--node", "attic");
        process_signal(stage.broker->process, SIGHUP);
        (void)process_wait_log(stage.broker->process, "Reloading config", SOON_MS);
        return r;
}

#define CLEARED(function) cmocka_unit_test_setup_teardown(function, NULL, clear_attic)

static const struct CMUnitTest tests[] = {
        STAGE_TEST(list__a_node__shows_its_devices, darken),
        STAGE_TEST(list__as_json__is_a_list_of_objects, darken),
        STAGE_TEST(nodes__a_node__shows_version_and_devices, NULL),
        STAGE_TEST(get__a_channel__prints_its_value_alone, darken),
        STAGE_TEST(get__unknown_channel__is_reported_with_the_nearest, NULL),
        STAGE_TEST(list__many_times__is_whole_each_time, NULL),
        STAGE_TEST(set__plain_value__switches_and_reports_it, darken),
        STAGE_TEST(set__key_and_value__switches, darken),
        STAGE_TEST(set__refused__ends_with_1_and_the_reason, NULL),
        STAGE_TEST(set__mqtt_311__is_answered_too, darken),
        STAGE_TEST(set__unknown_device__names_the_nearest, NULL),
        cmocka_unit_test_setup_teardown(set__device_on_two_nodes__wants_the_node, darken, clear_attic),
        CLEARED(set__node_offline__is_not_sent),
        CLEARED(get__device_with_events_alone__is_reported_at_once),
        CLEARED(set__nobody_subscribed__is_reported_at_once),
        CLEARED(set__node_silent__reports_what_is_known),
        STAGE_TEST(set__read_only_certificate__is_refused_by_the_broker, darken),
        CLEARED(list__certificate_for_one_node__shows_that_node),
        CLEARED(completion__names_of_any_kind__are_offered_or_left_out_but_never_run),
        STAGE_TEST(completion__setup_commands__options_are_offered, NULL),
        STAGE_TEST(completion__foreign_words_in_the_list__are_left_out, NULL),
        CLEARED(list__texts_of_any_kind__do_not_steer_the_terminal),
        CLEARED(forget__broker_of_ours__shows_who_may),
        CLEARED(get__device_offline__is_reported_and_ends_with_3),
        CLEARED(history__texts_of_any_kind__do_not_steer_the_terminal),
        CLEARED(history__the_same_moment_again__is_printed_once),
        CLEARED(history__nothing_to_ask__says_why),
        CLEARED(history__cannot_be_written__ends_with_1),
        STAGE_TEST(watch__until_interrupted__prints_topics_and_payloads, darken),
        STAGE_TEST(watch__nobody_of_that_name__reports_it_and_goes_on, NULL),
        STAGE_TEST(watch__broker_restarts__goes_on, NULL),
        CLEARED(history__broker_restarts__says_that_some_is_missing),
        STAGE_TEST(list__no_broker__ends_with_3, NULL),
        STAGE_TEST(list__bad_config__ends_with_78, NULL),
        STAGE_TEST(list__key_that_others_can_read__is_refused, NULL),
        STAGE_TEST(set__wrong_words__end_with_2, NULL),
        STAGE_TEST(list__bad_name_of_a_node__ends_with_2, NULL),
        STAGE_TEST(sconce__help_and_version__on_stdout, NULL),
        STAGE_TEST(sconce__no_command__ends_with_2_and_the_help, NULL),
        STAGE_TEST(list__broker_silent__ends_with_3, NULL),
        STAGE_TEST(list__no_config_named__is_found, NULL),
};

STAGE_MAIN(tests, open_house)
