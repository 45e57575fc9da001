/* SPDX-License-Identifier: Apache-2.0 */
/* What is read while the broker is away: kept, through SIGKILL too, and published when it is back, oldest first and with the times
 * at which it happened. */
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/sconce.h"
#include "system/stage.h"

enum { FLIPS = 12, GATE = 6 };

#define KEPT    "[history]\nflush = 200ms\n[contact gate]\nline = GPIO6\n"
#define OTHERS  "[contact hatch]\nline = GPIO5\nhistory = no\n[lamp good]\nline = GPIO13\n"
#define BOUNDED "[history]\nflush = 200ms\nmax_count = 4\n[contact gate]\nline = GPIO6\n"
#define HISTORY "sconce/attic/gate/history"
#define STATE   "sconce/attic/gate/state"

static struct {
        struct daemon *attic;
        const char *file, *env[3];
} home;

static const char *setting(const char *name, const char *value)
{
        char *text = NULL;

        return keep_text(asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text);
}

static void set_clock(const char *word)
{
        const char *next = work_path("clock.new");

        home.file = work_path("clock");
        write_file(next, "0 %s\n", word);
        assert_int_equal(rename(next, home.file), 0);
}

/* ---- What is kept ---------------------------------------------------------------------------------------------- */

static int look_up(const char *what, const char *where)
{
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        char path[4096], sql[200];
        int number = -1;

        (void)snprintf(path, sizeof(path), "%s/sconce.db", home.attic->state_dir);
        (void)snprintf(sql, sizeof(sql), "SELECT %s FROM outbox WHERE %s", what, where);
        if (sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
                number = sqlite3_column_int(statement, 0);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return number;
}

static int count_kept(const char *where)
{
        return look_up("count(*)", where);
}

static int newest_kept(void)
{
        return look_up("max(seq)", "1");
}

struct kept {
        const char *where;
        int count;
};

static bool are_kept(void *userdata)
{
        const struct kept *kept = userdata;

        return count_kept(kept->where) == kept->count;
}

static void wait_kept(const char *where, int count)
{
        struct kept kept = { where, count };

        if (!pump_until(are_kept, &kept, SOON_MS))
                fail_msg("of %s there are %d in the outbox, not %d", where, count_kept(where), count);
}

/* History is not retained: the node stands still until somebody listens. */
static void find_broker(void)
{
        bool is_running = home.attic && home.attic->process && process_running(home.attic->process);

        if (is_running)
                assert_int_equal(kill(home.attic->process->pid, SIGSTOP), 0);
        broker_start(stage.broker);
        stage_rejoin();
        if (is_running)
                assert_int_equal(kill(home.attic->process->pid, SIGCONT), 0);
}

static void start(const char *devices, const char *clock)
{
        set_clock(strcmp(clock, "auto") == 0 ? "wrong" : "right");
        home.env[0] = setting("LD_PRELOAD", build_path("tests/preload/clock.so"));
        home.env[1] = setting("SCONCE_TEST_CLOCK", home.file);
        home.attic = daemon_new(&(struct daemon_options){ .name = "attic",
                                                          .broker = stage.broker,
                                                          .pki = stage.pki,
                                                          .clock = clock,
                                                          .devices = devices,
                                                          .env = home.env });
        if (chip_is_kernel()) /* it has the pull of the test before */
                chip_pull(home.attic->lines, GATE, false);
        /* With no broker there its first reading is kept for certain, and until the clock is right. */
        broker_kill(stage.broker);
        daemon_start(home.attic);
        wait_kept("device = 'gate'", 1);
        if (strcmp(clock, "auto") == 0)
                return;
        find_broker();
        daemon_wait_online(home.attic, stage.tester);
        (void)client_wait_json(stage.tester, HISTORY, "state.state", "OFF");
        wait_kept("1", 0);
        client_forget(stage.tester);
}

static void lose_broker(void)
{
        broker_kill(stage.broker);
        (void)process_wait_log(home.attic->process, "onnect", SOON_MS);
}

/* Each is on the disk before the next, so that each is a reading of its own. */
static void flip(int from, int to, int kept)
{
        for (int i = from; i < to; i++) {
                chip_pull(home.attic->lines, GATE, i % 2 == 0);
                wait_kept("device = 'gate'", kept + i - from + 1);
        }
}

/* ---- What comes of it ------------------------------------------------------------------------------------------ */

static const struct message *wait_history(void)
{
        return client_wait(stage.tester, HISTORY, NULL, NULL);
}

/* In the order in which they happened, each with a time between the others' and now. */
static void expect_history(int count, int first)
{
        char last_time[40] = "";
        long long last_seq = 0;

        for (int i = 0; i < count; i++) {
                const struct message *message = wait_history();
                const char *time = json_member(message, "time");
                const char *seq = json_member(message, "seq");
                assert_false(message->retain);
                assert_int_equal(message->qos, 1);
                assert_non_null(seq);
                long long number = strtoll(seq, NULL, 10);
                assert_true(number > last_seq);
                last_seq = number;
                assert_int_equal(strlen(json_member(message, "boot")), 36);
                assert_non_null(time);
                assert_int_equal(strlen(time), strlen("2026-11-22T19:30:00.123Z"));
                assert_true(strcmp(time, last_time) >= 0);
                (void)snprintf(last_time, sizeof(last_time), "%s", time);
                assert_string_equal(json_member(message, "state.state"), (first + i) % 2 == 0 ? "ON" : "OFF");
                assert_null(json_member(message, "state.time"));
        }
}

static void broker__away__readings_come_later_in_order_and_with_their_times(void **state)
{
        (void)state;
        start(KEPT OTHERS, "trusted");
        lose_broker();
        chip_pull(home.attic->lines, SPARE, true);
        flip(0, FLIPS, 0);
        find_broker();
        expect_history(FLIPS, 0);
        /* All states were published before. */
        assert_non_null(client_newest(stage.tester, STATE));
        assert_string_equal(json_member(client_newest(stage.tester, STATE), "state"), "OFF");
        wait_kept("1", 0);
        /* What happens now goes straight out, and only there. */
        chip_pull(home.attic->lines, GATE, true);
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        assert_int_equal(client_count(stage.tester, HISTORY), FLIPS);
        assert_int_equal(client_count(stage.tester, "sconce/attic/hatch/history"), 0);
        assert_int_equal(client_count(stage.tester, "sconce/attic/good/history"), 0);
        daemon_stop(home.attic);
}

static void sigkill__in_the_outage__what_was_on_the_disk_is_published(void **state)
{
        (void)state;
        start(KEPT, "trusted");
        lose_broker();
        flip(0, 6, 0);
        daemon_kill(home.attic);
        daemon_start(home.attic);
        /* Its first reading is one as well, and says what it was then. */
        wait_kept("device = 'gate'", 7);
        flip(6, FLIPS, 7);
        find_broker();
        expect_history(6, 0);
        (void)wait_history();
        expect_history(FLIPS - 6, 6);
        wait_kept("1", 0);
        daemon_stop(home.attic);
}

static void stop__in_the_outage__nothing_is_lost(void **state)
{
        (void)state;
        start(KEPT, "trusted");
        lose_broker();
        flip(0, 4, 0);
        daemon_stop(home.attic);
        assert_true(count_kept("device = 'gate'") >= 4);
        find_broker();
        daemon_start(home.attic);
        expect_history(4, 0);
        daemon_stop(home.attic);
}

static void max_count__outage__oldest_go_and_the_node_counts_them(void **state)
{
        (void)state;
        start(BOUNDED, "trusted");
        lose_broker();
        flip(0, 4, 0);
        for (int i = 4; i < FLIPS; i++) {
                char where[80];
                int newest = newest_kept();
                chip_pull(home.attic->lines, GATE, i % 2 == 0);
                (void)snprintf(where, sizeof(where), "seq > %d", newest);
                wait_kept(where, 1);
        }
        wait_kept("1", 4);
        find_broker();
        expect_history(4, FLIPS - 4);
        client_send(stage.tester, "sconce/attic/node/get", "");
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "dropped_by", "[\"count: 8\"]");
        daemon_stop(home.attic);
}

static bool has_five_in_queue(const struct message *message, const void *userdata)
{
        const char *queue = json_member(message, "queue");

        (void)userdata;
        return queue && strtol(queue, NULL, 10) >= 5;
}

/* The clock is right only later: what was stored waits, and then has its true times. */
static void clock__not_right_yet__history_waits_for_it(void **state)
{
        (void)state;
        start(KEPT, "auto");
        flip(0, 4, 1);
        assert_int_equal(count_kept("time_us IS NULL"), 5);
        find_broker();
        daemon_wait_online(home.attic, stage.tester);
        client_send(stage.tester, "sconce/attic/node/get", "");
        (void)client_wait(stage.tester, "sconce/attic/node/state", has_five_in_queue, NULL);
        assert_int_equal(client_count(stage.tester, HISTORY), 0);
        set_clock("right");
        client_send(stage.tester, "sconce/attic/node/get", "");
        expect_history(5, -1);
        daemon_stop(home.attic);
}

/* ---- sconce history -------------------------------------------------------------------------------------------- */

struct printed {
        const struct process *process;
        const char *text;
};

static bool is_printed(void *userdata)
{
        const struct printed *printed = userdata;

        return printed->process->out.text && strstr(printed->process->out.text, printed->text);
}

static void wait_printed(const struct process *process, const char *text)
{
        struct printed printed = { process, text };

        if (!pump_until(is_printed, &printed, SOON_MS))
                give_up("nobody has printed %s", text);
}

static void sconce_history__course__one_line_a_moment(void **state)
{
        (void)state;
        start(KEPT, "trusted");
        struct run run = SCONCE_RUN(sconce_conf("tester", ""), "history", "gate", "--since", "2h");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "  state=0 %\n");
        run = SCONCE_RUN(sconce_conf("tester", ""), "history", "gate", "--since", "7d", "--csv");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "time,what,channel,value\n2");
        assert_has(run.out, "Z,trend,\"state\",\"0");
        run = SCONCE_RUN(sconce_conf("tester", ""), "history", "gate", "--json", "--csv");
        assert_int_equal(run.status, 2);
        run = SCONCE_RUN(sconce_conf("tester", ""), "history", "gaet");
        assert_int_equal(run.status, 1);
        daemon_stop(home.attic);
}

static void sconce_history__follow__what_comes_until_interrupted(void **state)
{
        (void)state;
        start(KEPT, "trusted");
        struct process *follow = SCONCE_START(sconce_conf("tester", ""), "history", "gate", "--follow", "--json");
        wait_printed(follow, "\"trend\":{\"state\":0");
        chip_pull(home.attic->lines, GATE, true);
        wait_printed(follow, "\"state\":{\"state\":\"ON\"}}\n");
        process_signal(follow, SIGINT);
        assert_int_equal(process_wait(follow, SOON_MS), 0);
        process_free(follow);
        daemon_stop(home.attic);
}

static int raise_broker(void **state)
{
        home.attic = NULL; /* the one of the test before */
        if (!stage.broker->process || !process_running(stage.broker->process))
                find_broker();
        return stage_forget(state);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(broker__away__readings_come_later_in_order_and_with_their_times, raise_broker),
        STAGE_TEST(sigkill__in_the_outage__what_was_on_the_disk_is_published, raise_broker),
        STAGE_TEST(stop__in_the_outage__nothing_is_lost, raise_broker),
        STAGE_TEST(max_count__outage__oldest_go_and_the_node_counts_them, raise_broker),
        STAGE_TEST(clock__not_right_yet__history_waits_for_it, raise_broker),
        STAGE_TEST(sconce_history__course__one_line_a_moment, raise_broker),
        STAGE_TEST(sconce_history__follow__what_comes_until_interrupted, raise_broker),
};

STAGE_MAIN(tests, stage_open_bare)
