/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the process: after a crash, a restart, a boot; and what becomes of it when the file is no
 * good. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "system/stage.h"

#include "store/store.h"
#include "util/clock.h"

#define LAMP       "[lamp kitchen]\nline = GPIO17\n"
#define QUICK      "save_after = 50ms\n"
#define KILLS      20
#define SET        "sconce/hall/kitchen/set"
#define STATE      "sconce/hall/kitchen/state"
#define NODE_STATE "sconce/hall/node/state"

static struct daemon *hall_with(const char *devices, const char *plugins)
{
        return daemon_new(&(struct daemon_options){ .name = "hall",
                                                    .broker = stage.broker,
                                                    .pki = stage.pki,
                                                    .node = QUICK,
                                                    .devices = devices,
                                                    .plugins = plugins });
}

static void start(struct daemon *hall)
{
        client_forget(stage.tester);
        daemon_start(hall);
        daemon_wait_online(hall, stage.tester);
}

static const char *database(const struct daemon *hall)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/sconce.db", hall->state_dir);
        return keep_text(strdup(path));
}

/* ---- What the file holds -------------------------------------------------------------------------------- */

struct row_wanted {
        const struct daemon *hall;
        enum store_what what;
        const char *device, *key, *value;
        char found[96];
};

static bool is_there(void *userdata)
{
        struct row_wanted *wanted = userdata;
        struct store *file = NULL;

        if (store_peek(wanted->hall->state_dir, &file, NULL) < 0)
                return false;
        const char *is = store_get(file, wanted->what, wanted->device, wanted->key);
        (void)snprintf(wanted->found, sizeof(wanted->found), "%s", is ? is : "");
        store_free(file);
        return wanted->found[0];
}

static bool is_saved(void *userdata)
{
        const struct row_wanted *wanted = userdata;
        struct store *file = NULL;

        if (store_peek(wanted->hall->state_dir, &file, NULL) < 0)
                return false;
        const char *is = store_get(file, wanted->what, wanted->device, wanted->key);
        bool same = is && strcmp(is, wanted->value) == 0;
        store_free(file);
        return same;
}

static void wait_saved(const struct daemon *hall, enum store_what what, const char *device, const char *key,
                       const char *value)
{
        struct row_wanted wanted = { hall, what, device, key, value, "" };

        if (!pump_until(is_saved, &wanted, SOON_MS))
                give_up("%s has not saved %s %s = %s", hall->name, device, key, value);
}

static void sql(const struct daemon *hall, const char *text)
{
        sqlite3 *sqlite = NULL;

        assert_int_equal(sqlite3_open(database(hall), &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, text, NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(sqlite);
}

static int is_first_ok(void *userdata, int n, char **values, char **names)
{
        (void)names;
        *(bool *)userdata = n == 1 && values[0] && strcmp(values[0], "ok") == 0;
        return 0;
}

static bool is_whole(const struct daemon *hall)
{
        sqlite3 *sqlite = NULL;
        bool whole = false;

        assert_int_equal(sqlite3_open(database(hall), &sqlite), SQLITE_OK);
        (void)sqlite3_exec(sqlite, "PRAGMA integrity_check", is_first_ok, &whole, NULL);
        (void)sqlite3_close(sqlite);
        return whole;
}

static void light_up_and_save(struct daemon *hall)
{
        client_send(stage.tester, SET, "ON");
        chip_wait(hall->lines, KITCHEN, 1);
        /* The mark first: with it goes what the lamp was at the start, which takes the place of an earlier run's ON. */
        wait_saved(hall, STORE_MARK, "kitchen", "boot", clock_boot_id());
        wait_saved(hall, STORE_VALUE, "kitchen", "state", "light ON");
}

/* ---- The last commanded state -------------------------------------------------------------------------- */

static void killed__lamp_was_on__on_from_the_request_on(void **state)
{
        struct daemon *hall = hall_with(LAMP "power_on = off\n", NULL);

        (void)state;
        start(hall);
        light_up_and_save(hall);
        daemon_kill(hall);
        size_t edges = chip_is_kernel() ? 0 : chip_edges(hall->lines, KITCHEN);
        start(hall);
        chip_wait(hall->lines, KITCHEN, 1);
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        /* Down when the dead process let go of it, up with the request: never off in between. */
        if (!chip_is_kernel())
                assert_int_equal(chip_edges(hall->lines, KITCHEN), edges + 2);
        daemon_stop(hall);
}

static void stopped__on_exit_off__on_again(void **state)
{
        struct daemon *hall = hall_with(LAMP "power_on = off\non_exit = off\n", NULL);

        (void)state;
        start(hall);
        client_send(stage.tester, SET, "ON");
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        daemon_stop(hall); /* at once: what waits is written then */
        start(hall);
        chip_wait(hall->lines, KITCHEN, 1);
        daemon_stop(hall);
}

static void switch_on_and_press_restart(struct daemon *hall)
{
        start(hall);
        client_send(stage.tester, SET, "ON");
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        client_forget(stage.tester);
        client_send(stage.tester, "sconce/hall/node/set/restart", "PRESS");
        (void)client_wait_text(stage.tester, "sconce/hall/status", "offline");
        (void)client_wait_text(stage.tester, "sconce/hall/status", "online");
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
}

static void restart_button__lamp_was_on__on_again(void **state)
{
        struct daemon *hall = hall_with(LAMP "power_on = off\n", NULL);

        (void)state;
        switch_on_and_press_restart(hall);
        chip_wait(hall->lines, KITCHEN, 1);
        daemon_stop(hall);
}

static void booted__power_on__counts_once(void **state)
{
        struct daemon *hall = hall_with(LAMP "power_on = off\n", NULL);

        (void)state;
        start(hall);
        light_up_and_save(hall);
        daemon_kill(hall);
        /* As an earlier boot has left it. */
        sql(hall, "UPDATE saved SET value = 'an earlier one' WHERE key = 'boot'");
        start(hall);
        chip_wait(hall->lines, KITCHEN, 0);
        (void)client_wait_json(stage.tester, STATE, "state", "OFF");
        light_up_and_save(hall);
        daemon_kill(hall);
        start(hall);
        chip_wait(hall->lines, KITCHEN, 1);
        daemon_stop(hall);
}

static void killed__again_and_again_while_commands_run__file_stays_whole(void **state)
{
        struct daemon *hall = hall_with(LAMP, NULL);

        (void)state;
        for (unsigned i = 0; i < (chip_is_kernel() ? 4 : KILLS); i++) { /* starting is dear in there */
                start(hall);
                for (unsigned k = 0; k < 40 + i * 5; k++)
                        client_send(stage.tester, SET, k % 2 ? "OFF" : "ON");
                (void)client_wait(stage.tester, STATE, NULL, NULL);
                /* Somewhere in the writing of it. */
                (void)!pump_until(is_saved, &(struct row_wanted){ hall, STORE_MARK, "", "never", "", "" }, 20 + i * 5);
                daemon_kill(hall);
                assert_true(is_whole(hall));
        }
        start(hall);
        light_up_and_save(hall);
        assert_false(process_logged(hall->process, "damaged"));
        daemon_stop(hall);
}

/* ---- Outputs that were on for a while ------------------------------------------------------------------ */

static void outputs_safe__for_in_progress__off(void **state)
{
        struct daemon *hall = hall_with("[relay pump]\nline = GPIO22\non_exit = keep\n"
                                        "[relay other]\nline = GPIO17\non_exit = keep\n",
                                        build_path("tests/plugins"));
        const char *const argv[] = { build_path("sconced"),       "--config",       hall->config, "--plugins",
                                     build_path("tests/plugins"), "--outputs-safe", NULL };
        const char *env[] = { NULL, NULL };
        char entry[600];
        int status;

        (void)state;
        start(hall);
        client_send(stage.tester, "sconce/hall/other/set", "ON");
        client_send(stage.tester, "sconce/hall/pump/set", "{\"state\":\"ON\",\"for\":\"30s\"}");
        chip_wait(hall->lines, PUMP, 1);
        wait_saved(hall, STORE_MARK, "pump", "timed", "yes");
        daemon_kill(hall);
        (void)snprintf(entry, sizeof(entry), "STATE_DIRECTORY=%s", hall->state_dir);
        env[0] = entry;
        struct process *safe = process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env },
                                           &status);
        assert_int_equal(status, 0);
        assert_true(process_logged(safe, "GPIO22 is off"));
        assert_false(process_logged(safe, "GPIO17"));
        process_free(safe);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/pump/state", "state", "OFF");
        chip_wait(hall->lines, PUMP, 0);
        daemon_stop(hall);
}

/* ---- What else outlives a kill ------------------------------------------------------------------------- */

#define STAIRS                                                                                                         \
        LAMP "[contact door]\nline = GPIO4\ndebounce = 0ms\n"                                                          \
             "[rule stairs]\nwhen = door.state = OFF\ndelay = 1h\ncancel = door.state = ON\nthen = kitchen OFF\n"

static void killed__rule_was_waiting__waits_again(void **state)
{
        struct daemon *hall = hall_with(STAIRS, NULL);

        (void)state;
        chip_needs_edges(); /* a pull that outlives the request is the simulated chip's */
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        chip_pull(hall->lines, DOOR, true);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "ON");
        chip_pull(hall->lines, DOOR, false);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        if (!pump_until(is_there, &(struct row_wanted){ hall, STORE_MARK, "", "wait stairs", NULL, "" }, SOON_MS))
                give_up("what the rule waits for is not saved");
        daemon_kill(hall);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        assert_true(is_there(&(struct row_wanted){ hall, STORE_MARK, "", "wait stairs", NULL, "" }));
        chip_pull(hall->lines, DOOR, true);
        (void)process_wait_log(hall->process, "rule stairs: cancelled", SOON_MS); /* so it was waiting */
        daemon_stop(hall);
}

static bool is_not_there(void *userdata)
{
        return !is_there(userdata);
}

static void killed__rule_wait_was_over__is_over_in_the_file(void **state)
{
        struct daemon *hall = daemon_new(&(struct daemon_options){ .name = "hall",
                                                                   .broker = stage.broker,
                                                                   .pki = stage.pki,
                                                                   .node = "save_after = 1h\n",
                                                                   .devices = STAIRS });
        struct row_wanted wait = { hall, STORE_MARK, "", "wait stairs", NULL, "" };

        (void)state;
        chip_needs_edges();
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        chip_pull(hall->lines, DOOR, true);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "ON");
        chip_pull(hall->lines, DOOR, false);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        daemon_stop(hall);
        assert_true(is_there(&wait));
        start(hall);
        chip_pull(hall->lines, DOOR, true);
        (void)process_wait_log(hall->process, "rule stairs: cancelled", SOON_MS);
        if (!pump_until(is_not_there, &wait, SOON_MS))
                give_up("the file has what the rule does not wait for any more");
        daemon_kill(hall);
}

static void killed__counter__total_goes_on(void **state)
{
        struct daemon *hall = hall_with("[counter meter]\nline = GPIO4\nfactor = 0.5\n", NULL);

        (void)state;
        start(hall);
        client_send(stage.tester, "sconce/hall/meter/set", "{\"total\":1234.5}");
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "1234.5");
        if (!pump_until(is_there, &(struct row_wanted){ hall, STORE_SAVED, "meter", "counter.total", NULL, "" },
                        SOON_MS))
                give_up("the total is not saved");
        daemon_kill(hall);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "1234.5");
        daemon_stop(hall);
}

static void killed__plugin_has_saved__finds_it(void **state)
{
        struct daemon *hall = hall_with("[keeper box]\n", build_path("tests/plugins"));

        (void)state;
        start(hall);
        client_send(stage.tester, "sconce/hall/box/set/save", "k=treasure");
        wait_saved(hall, STORE_SAVED, "box", "keeper.k", "treasure");
        daemon_kill(hall);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/box/state", "found", "treasure");
        daemon_stop(hall);
}

/* Somebody may have moved it by hand, or it was under way. */
/* Without a key there is nothing that it could follow from. */
static void killed__client_id_was_drawn__is_the_same(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct daemon *hall = daemon_new(
                &(struct daemon_options){ .name = "hall",
                                          .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                                          .node = QUICK,
                                          .devices = "" });
        struct row_wanted drawn = { hall, STORE_MARK, "", "client id", NULL, "" };
        char line[128] = "";

        (void)state;
        for (int i = 0; i < 2; i++) {
                daemon_start(hall);
                if (i == 0 && !pump_until(is_there, &drawn, SOON_MS))
                        give_up("no client id is saved");
                (void)snprintf(line, sizeof(line), "as sconce-hall-%s (", drawn.found);
                (void)process_wait_log(broker->process, line, SOON_MS);
                daemon_kill(hall);
                broker_start(broker); /* with a new log */
        }
        broker_free(broker);
}

static void killed__cover__position_is_unknown_and_after_a_stop_it_is_not(void **state)
{
        struct daemon *hall = hall_with("[cover blind]\nup = GPIO22\ndown = GPIO27\nup_time = 300ms\n"
                                        "down_time = 300ms\n",
                                        NULL);

        (void)state;
        start(hall);
        client_send(stage.tester, "sconce/hall/blind/set", "OPEN");
        (void)client_wait_json(stage.tester, "sconce/hall/blind/state", "state", "open");
        daemon_stop(hall);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/blind/state", "position", "100");
        daemon_kill(hall);
        start(hall);
        (void)client_wait_json(stage.tester, "sconce/hall/blind/state", "position", "null");
        daemon_stop(hall);
}

static void killed__max_on_counts__goes_on_from_the_same_moment(void **state)
{
        struct daemon *hall = hall_with(LAMP "max_on = 1h\n", NULL);
        char since[64];

        (void)state;
        start(hall);
        client_send(stage.tester, SET, "ON");
        struct row_wanted row = { hall, STORE_MARK, "kitchen", "on_since", NULL, "" };
        if (!pump_until(is_there, &row, SOON_MS))
                give_up("since when it is on is not saved");
        (void)snprintf(since, sizeof(since), "%s", row.found);
        daemon_kill(hall);
        start(hall);
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        wait_saved(hall, STORE_MARK, "kitchen", "on_since", since);
        daemon_stop(hall);
}

/* A clean stop, as far as its outputs are concerned, but for this one: it goes on in the next run. */
static void restart_button__max_on_counts__is_not_switched_off(void **state)
{
        struct daemon *hall = hall_with(LAMP "max_on = 1h\n", NULL);

        (void)state;
        switch_on_and_press_restart(hall);
        assert_false(process_logged(hall->process, "switching it off"));
        daemon_stop(hall);
        assert_true(process_logged(hall->process, "on_exit: switching it off"));
}

/* ---- A file that is no good ---------------------------------------------------------------------------- */

static bool lists_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && strstr(problems, userdata);
}

static void directory_missing__reported__lamp_works_all_the_same(void **state)
{
        struct daemon *hall = hall_with(LAMP, NULL);

        (void)state;
        hall->state_dir = work_path("nowhere");
        start(hall);
        (void)client_wait(stage.tester, NODE_STATE, lists_problem, "nowhere does not exist: make it");
        client_send(stage.tester, SET, "ON");
        (void)client_wait_json(stage.tester, STATE, "state", "ON");
        daemon_stop(hall);
        assert_true(process_logged(hall->process, "are lost when sconced ends"));
        assert_int_equal(access(work_path("nowhere"), F_OK), -1);
}

static void file_damaged__set_aside_and_reported__goes_on_with_a_new_one(void **state)
{
        struct daemon *hall = hall_with(LAMP, NULL);
        FILE *file = fopen(database(hall), "we");

        (void)state;
        assert_non_null(file);
        for (unsigned i = 0; i < 4096; i++)
                (void)fprintf(file, "no database ");
        (void)fclose(file);
        start(hall);
        (void)client_wait(stage.tester, NODE_STATE, lists_problem, "sconce.db.damaged, and a new one is created");
        light_up_and_save(hall);
        daemon_kill(hall);
        start(hall);
        chip_wait(hall->lines, KITCHEN, 1);
        assert_true(is_whole(hall));
        daemon_stop(hall);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(killed__lamp_was_on__on_from_the_request_on, stage_forget),
        STAGE_TEST(stopped__on_exit_off__on_again, stage_forget),
        STAGE_TEST(restart_button__lamp_was_on__on_again, stage_forget),
        STAGE_TEST(booted__power_on__counts_once, stage_forget),
        STAGE_TEST(killed__again_and_again_while_commands_run__file_stays_whole, stage_forget),
        STAGE_TEST(outputs_safe__for_in_progress__off, stage_forget),
        STAGE_TEST(killed__rule_was_waiting__waits_again, stage_forget),
        STAGE_TEST(killed__rule_wait_was_over__is_over_in_the_file, stage_forget),
        STAGE_TEST(killed__counter__total_goes_on, stage_forget),
        STAGE_TEST(killed__plugin_has_saved__finds_it, stage_forget),
        STAGE_TEST(killed__client_id_was_drawn__is_the_same, stage_forget),
        STAGE_TEST(killed__cover__position_is_unknown_and_after_a_stop_it_is_not, stage_forget),
        STAGE_TEST(killed__max_on_counts__goes_on_from_the_same_moment, stage_forget),
        STAGE_TEST(restart_button__max_on_counts__is_not_switched_off, stage_forget),
        STAGE_TEST(directory_missing__reported__lamp_works_all_the_same, stage_forget),
        STAGE_TEST(file_damaged__set_aside_and_reported__goes_on_with_a_new_one, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
