/* SPDX-License-Identifier: Apache-2.0 */
/* What a device was like, from the real node over a real broker: as a message, drawn by sconce, and after a restart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakes/in_range.h"
#include "system/sconce.h"
#include "util/cleanup.h"

static int settle(void **state)
{
        (void)state;
        (void)setenv("LC_ALL", "C.UTF-8", 1);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static json_t *ask(const char *channel)
{
        struct run run = RUN("tester", "trend", "node", "--channel", channel, "--7d", "--json");

        assert_string_equal(run.err, "");
        assert_int_equal(run.status, 0);
        json_t *answer = json_loads(run.out, 0, NULL);
        assert_non_null(answer);
        return answer;
}

static double count_of(const char *channel)
{
        json_t *answer = ask(channel), *count;
        double sum = 0;
        size_t i;

        json_array_foreach(json_object_get(json_object_get(json_object_get(answer, "channels"), channel), "count"), i,
                           count) sum += json_number_value(count);
        json_decref(answer);
        return sum;
}

/* ---- A reader that has enough ---------------------------------------------------------------------------- */

static int have_no_reader(void *userdata)
{
        int fds[2];

        (void)userdata;
        return pipe(fds) < 0 || close(fds[0]) < 0 || dup2(fds[1], STDOUT_FILENO) < 0;
}

/* As `| head` leaves it. */
static void trend__nobody_reads_it__ends_without_a_word(void **state)
{
        static const char *const rows[][3] = { { "trend", "node" }, { "list" }, { "nodes" }, { "get", "node" } };
        const char *conf = sconce_conf("tester", "");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *const argv[] = { build_path("sconce"), "--config", conf, rows[i][0], rows[i][1], NULL };
                int status;
                struct process *process = process_run(
                        argv, &(struct process_options){ .name = "sconce", .prepare = have_no_reader }, &status);
                assert_string_equal(process->err.text ? process->err.text : "", "");
                assert_int_equal(status, 0);
                process_free(process);
        }
}

/* ---- Drawn ----------------------------------------------------------------------------------------------- */

static void trend__a_number__is_drawn_with_its_axis(void **state)
{
        (void)state;
        struct run run = RUN("tester", "trend", "node", "--channel", "memory_kb");

        assert_int_equal(run.status, 0);
        assert_string_equal(run.err, "");
        assert_has(run.out, "hall/node memory_kb in kB, the last 24 hours\n");
        assert_has(run.out, "┤");
        assert_has(run.out, "└");
        assert_has(run.out, " readings\n");
}

static void trend__plain_locale__is_drawn_in_ascii(void **state)
{
        (void)state;
        assert_int_equal(setenv("LC_ALL", "C", 1), 0);
        struct run run = RUN("tester", "trend", "node", "--channel", "memory_kb");
        assert_int_equal(setenv("LC_ALL", "C.UTF-8", 1), 0);
        assert_int_equal(run.status, 0);
        assert_has(run.out, " readings\n");
        for (const char *at = run.out; *at; at++)
                assert_uint_in_range((unsigned char)*at, '\n', '~');
}

static void trend__a_lamp__is_a_row_of_bars(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        struct run run = RUN("tester", "trend", "hall/kitchen", "--ascii", "--7d");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "hall/kitchen state, the last 7 days\non |");
        assert_has(run.out, "% of what is known\n");
        for (const char *at = run.out; *at; at++)
                assert_uint_in_range((unsigned char)*at, '\n', '~');
}

static void trend__as_json__is_the_nodes_answer(void **state)
{
        (void)state;
        json_t *answer = ask("uptime_s");

        assert_string_equal(json_string_value(json_object_get(answer, "node")), "hall");
        assert_string_equal(json_string_value(json_object_get(answer, "device")), "node");
        assert_string_equal(json_string_value(json_object_get(answer, "trend")), "7d");
        assert_int_equal(json_integer_value(json_object_get(answer, "step_s")), 3600);
        assert_true(json_is_string(json_object_get(answer, "start")));
        json_t *channel = json_object_get(json_object_get(answer, "channels"), "uptime_s");
        assert_int_equal(json_array_size(json_object_get(channel, "mean")), 168);
        json_decref(answer);
}

/* ---- Refused --------------------------------------------------------------------------------------------- */

static void trend__unknown_channel__refused_with_its_reason(void **state)
{
        (void)state;
        assert_run(RUN("tester", "trend", "kitchen", "--channel", "stat"), 1, "",
                   "sconce: hall/kitchen: there is no channel \"stat\"; did you mean state (unknown_channel)\n");
        assert_run(RUN("tester", "trend", "kitchen", "--7d", "--24h"), 2, "",
                   "sconce: --24h and --7d are one or the other\n");
}

static void trend__node_is_offline__ends_with_a_sentence(void **state)
{
        (void)state;
        daemon_stop(stage.hall);
        struct run run = RUN("tester", "trend", "kitchen");
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        assert_run(run, 3, "", "sconce: node hall is offline, and trends are kept there\n");
}

/* ---- Over MQTT ------------------------------------------------------------------------------------------- */

/* Without a response topic there is nowhere to send it. */
static void get__trend_without_a_response_topic__refused(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/get", "{\"trend\":\"24h\",\"id\":\"x\"}");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/result", "code", "malformed");
}

/* As it always was. */
static void get__any_other_payload__is_a_reading(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/get", "{\"now\":true}");
        (void)client_wait(stage.tester, "sconce/hall/kitchen/state", NULL, NULL);
}

/* ---- After a restart ------------------------------------------------------------------------------------- */

static void restart__clean_and_then_killed__what_was_before_is_there(void **state)
{
        (void)state;
        for (int i = 0; i < 20; i++) {
                client_forget(stage.tester);
                client_send(stage.tester, "sconce/hall/node/get", "");
                (void)client_wait(stage.tester, "sconce/hall/node/state", NULL, NULL);
        }
        double before = count_of("uptime_s");
        assert_true(before >= 20);
        daemon_stop(stage.hall);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        assert_true(count_of("uptime_s") >= before * 31 / 32);
        daemon_kill(stage.hall); /* what was saved before is there still */
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        assert_true(count_of("uptime_s") >= before * 31 / 32);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(trend__nobody_reads_it__ends_without_a_word, settle),
        STAGE_TEST(trend__a_number__is_drawn_with_its_axis, settle),
        STAGE_TEST(trend__plain_locale__is_drawn_in_ascii, settle),
        STAGE_TEST(trend__a_lamp__is_a_row_of_bars, settle),
        STAGE_TEST(trend__as_json__is_the_nodes_answer, settle),
        STAGE_TEST(trend__unknown_channel__refused_with_its_reason, settle),
        STAGE_TEST(trend__node_is_offline__ends_with_a_sentence, settle),
        STAGE_TEST(get__trend_without_a_response_topic__refused, settle),
        STAGE_TEST(get__any_other_payload__is_a_reading, settle),
        STAGE_TEST(restart__clean_and_then_killed__what_was_before_is_there, settle),
};

STAGE_MAIN(tests, stage_open)
