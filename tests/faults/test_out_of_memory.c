/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One allocation after the other fails, of a start, a reload and a command: each is reported and survived. The real daemon
 * under tests/preload/memory.c (its children, too), a real mosquitto, the simulated chip; a start with and without TLS. A
 * start may end with a message; a reload and a command may not. What is not reported has to have done no harm: all works as
 * if nothing had been.
 *
 * OOM_EVERY (97): of a start's and a reload's allocations each so-many-th, eight times that with TLS and a tenth of it for
 * commands. OOM_FROM (1), OOM_LAST: the first and the last.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faults/memory.h"
#include "system/stage.h"

#define REPLY "sconce/reply/oom"

/* RELOADS_MAX: of one process, so that it does not log faster than it may. */
enum { ALL_MS = 30000, LATE_MS = 1000, SHOWN_MAX = 10, RELOADS_MAX = 100 };

#define COMMON                                                                                                         \
        "[history]\nflush = 200ms\n[switch pump]\nline = GPIO22\nmax_on = 1h\n[contact door]\nline = GPIO4\n"          \
        "[cover shutter]\nup = GPIO20\ndown = GPIO21\nup_time = 20s\ndown_time = 20s\n"                                \
        "[rule follow]\nwhen = door.state = ON\nthen = kitchen TOGGLE\n"
static const char *const houses[] = { COMMON "[lamp kitchen]\nline = GPIO17\n",
                                      COMMON "[lamp kitchen]\nline = GPIO17\nmax_on = 2h\n" };

static const char *const devices[] = { "kitchen", "pump", "door", "shutter", "node" };

static struct {
        struct memory_page *page;
        struct daemon *hall; /* one of these */
        struct daemon *plain, *secure;
        struct client *testers[2]; /* at their brokers */
        unsigned asked, house;
} scene;

static struct tally {
        uint64_t tried, ended, reported, harmless, failed;
} tally;

/* ---- What the daemon has printed ---------------------------------------------------------------------------------- */

/* From there on: a warning or worse. */
static bool has_reported(size_t from)
{
        const char *text = scene.hall->process->err.text;

        for (const char *at = text ? text + from : NULL; at && (at = strchr(at, '<')); at++)
                if ((at == text || at[-1] == '\n') && at[1] >= '0' && at[1] <= '4' && at[2] == '>')
                        return true;
        return false;
}

static size_t printed(void)
{
        return scene.hall->process->err.size;
}

/* What went wrong is shown a few times, and fails the test at its end: all of them are wanted. */
static void note_failure(const char *what, uint64_t number, size_t from)
{
        const char *text = scene.hall->process->err.text;

        if (tally.failed++ < SHOWN_MAX)
                print_error("allocation %" PRIu64 ": %s\n%s", number, what, text ? text + from : "");
}

static void note_end(const char *what, uint64_t number)
{
        char text[96];

        (void)snprintf(text, sizeof(text), "%s: status %d", what, scene.hall->process->status);
        note_failure(text, number, 0);
}

static bool is_crash(void)
{
        return WIFSIGNALED(scene.hall->process->status);
}

static void fail_next(uint64_t number)
{
        atomic_store(&scene.page->failed, 0);
        atomic_store(&scene.page->fail_at, atomic_load(&scene.page->count) + number);
}

static bool has_failed(void)
{
        atomic_store(&scene.page->fail_at, 0);
        return atomic_load(&scene.page->failed);
}

/* ---- Commands ----------------------------------------------------------------------------------------------------- */

/* Its id is the number that this returns. */
static unsigned send_command(const char *device, const char *word)
{
        client_send(stage.tester, daemon_topic(scene.hall, format_text("%s/set", device)),
                    format_text("{\"state\":\"%s\",\"id\":\"%u\"}", word, ++scene.asked));
        return scene.asked;
}

struct answer {
        const char *topic;
        unsigned id; /* or a later one */
        const struct message *message;
        size_t from; /* what was printed before */
};

/* One that is refused because there is no memory for it is answered without its id. */
static bool is_with_id(struct answer *answer)
{
        const struct message *message;

        while ((message = client_look(stage.tester, answer->topic))) {
                const char *id = json_member(message, "id");
                if (id && strtoul(id, NULL, 10) < answer->id)
                        continue;
                answer->message = message;
                return true;
        }
        return false;
}

static bool has_answer_or_lost(void *userdata)
{
        struct answer *answer = userdata;

        return is_with_id(answer) || !process_running(scene.hall->process) || has_reported(answer->from);
}

static bool is_back(void *userdata)
{
        (void)userdata;
        return client_look(stage.tester, "sconce/hall/kitchen/status") || !process_running(scene.hall->process);
}

static bool is_lost(size_t from)
{
        const char *text = scene.hall->process->err.text;

        return text && (strstr(text + from, "lost the connection") || strstr(text + from, "cannot connect"));
}

/* A changed [broker] makes it connect at once, not after a back-off that grows from loss to loss. */
static void connect_again(void)
{
        static const char *const keys[] = { "keepalive = 50s", "keepalive = 60s" };
        static unsigned times;

        client_forget(stage.tester);
        scene.hall->options.broker_keys = keys[++times % ARRAY_SIZE(keys)];
        daemon_write_config(scene.hall, houses[scene.house % ARRAY_SIZE(houses)]);
        process_signal(scene.hall->process, SIGHUP);
        (void)!pump_until(is_back, NULL, SOON_MS);
}

/* It does what it is commanded, now or when it has connected again. */
static bool obeys(const char *device, size_t from)
{
        for (int i = 0; i < 3 && process_running(scene.hall->process); i++) {
                if (i > 0 || is_lost(from))
                        connect_again();
                struct answer answer = { .topic = daemon_topic(scene.hall, format_text("%s/result", device)),
                                         .id = send_command(device, "ON"),
                                         .from = printed() };
                (void)!pump_until(has_answer_or_lost, &answer, SOON_MS);
                if (answer.message && strcmp(json_member(answer.message, "ok"), "true") == 0)
                        return true;
        }
        return false;
}

static void run_hall(void)
{
        client_forget(stage.tester);
        atomic_store(&scene.page->fail_at, 0);
        daemon_write_config(scene.hall, houses[scene.house % ARRAY_SIZE(houses)]);
        daemon_start(scene.hall);
        daemon_wait_online(scene.hall, stage.tester);
        assert_true(obeys("kitchen", printed()));
}

/* ---- A start ------------------------------------------------------------------------------------------------------ */

struct start {
        struct answer answer;
        bool is_sent;
};

static bool all_devices_are_there(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
                if (client_count(stage.tester, daemon_topic(scene.hall, format_text("%s/state", devices[i]))) == 0)
                        return false;
        return true;
}

/* It has ended, reported, or works. */
static bool has_decided(void *userdata)
{
        struct start *start = userdata;

        if (!process_running(scene.hall->process) || has_reported(0))
                return true;
        if (!start->is_sent && all_devices_are_there()) {
                start->answer.id = send_command("kitchen", "ON");
                start->is_sent = true;
        }
        return start->is_sent && is_with_id(&start->answer);
}

static void end_start(uint64_t number)
{
        if (process_running(scene.hall->process)) {
                process_signal(scene.hall->process, SIGTERM);
                (void)process_wait(scene.hall->process, ALL_MS);
                if (is_crash())
                        note_end("it crashed at its end", number);
                return;
        }
        pump_once(0); /* its last words */
        tally.ended++;
        if (is_crash())
                note_end("it crashed", number);
        else if (scene.hall->process->err.size == 0 || scene.hall->process->status == 0)
                note_end("it ended without a word or a status", number);
}

/* False: none of its allocations was the one. */
static bool try_start(uint64_t number)
{
        struct start start = { .answer = { .topic = "sconce/hall/kitchen/result" } };

        client_forget(stage.tester);
        atomic_store(&scene.page->count, 0);
        fail_next(number);
        daemon_start(scene.hall);
        bool is_decided = pump_until(has_decided, &start, ALL_MS);
        bool is_in_time = has_failed();
        tally.tried += is_in_time;
        if (!is_decided)
                note_failure(start.is_sent ? "does not answer" : "does not publish each state", number, 0);
        else if (start.is_sent && start.answer.message)
                tally.harmless += is_in_time;
        else
                tally.reported += process_running(scene.hall->process);
        end_start(number);
        return is_in_time;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && atoi(text) > 0 ? (uint64_t)atoi(text) : otherwise;
}

/* The allocations of a run, for as long as `attempt` finds one that fails. */
static void go_through(bool (*attempt)(uint64_t number), uint64_t step)
{
        uint64_t last = setting("OOM_LAST", UINT64_MAX);

        for (uint64_t number = setting("OOM_FROM", 1); number <= last && attempt(number);)
                number += step;
}

static uint64_t every(void)
{
        return setting("OOM_EVERY", 97);
}

static void print_fact(const char *what, uint64_t step)
{
        printf("fact: | out of memory at an allocation of %s | %" PRIu64 " allocations, one in %" PRIu64 " | %" PRIu64
               " ended with a message and a status, %" PRIu64 " reported and went on, %" PRIu64 " did no harm; %" PRIu64
               " crashed, hung, kept silent or switched |\n",
               what, tally.tried, step, tally.ended, tally.reported, tally.harmless, tally.failed);
        (void)fflush(stdout);
}

static size_t wrong_edges(void)
{
        static const unsigned lines[] = { 20, 21, 22 };
        size_t count = 0;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                count += chip_edges(scene.hall->lines, lines[i]);
        return count;
}

static void go_through_starts(const char *what, uint64_t step)
{
        tally = (struct tally){ 0 };
        run_hall();
        daemon_stop(scene.hall);
        size_t before = wrong_edges();
        go_through(try_start, step);
        tally.failed += wrong_edges() - before;
        print_fact(what, step);
        assert_true(tally.tried > 0);
        assert_int_equal(tally.failed, 0);
}

static void start__nth_allocation_fails__is_reported_and_switches_nothing(void **state)
{
        (void)state;
        go_through_starts("a start without TLS", every());
}

static void start_over_tls__nth_allocation_fails__is_reported_and_switches_nothing(void **state)
{
        (void)state;
        go_through_starts("a start over mutual TLS", every() * 8);
}

/* ---- A reload ----------------------------------------------------------------------------------------------------- */

static bool is_reload_over(void *userdata)
{
        const size_t *from = userdata;
        const char *text = scene.hall->process->err.text;

        return !process_running(scene.hall->process) ||
               (text && (strstr(text + *from, ">reloaded") || strstr(text + *from, "not reloaded")));
}

static bool reload(size_t from)
{
        daemon_write_config(scene.hall, houses[++scene.house % ARRAY_SIZE(houses)]);
        process_signal(scene.hall->process, SIGHUP);
        return pump_until(is_reload_over, &from, ALL_MS);
}

/* What it has reported needs no more than one more reload to be well. */
static void check_alive(const char *device, uint64_t number, size_t from, bool is_reported)
{
        if (!obeys(device, from))
                note_failure("does not obey afterwards", number, from);
        else if (is_reported)
                tally.reported++;
        else
                tally.harmless++;
}

static bool try_reload(uint64_t number)
{
        if (tally.tried % RELOADS_MAX == RELOADS_MAX - 1) {
                daemon_stop(scene.hall);
                run_hall();
        }
        size_t from = printed();
        fail_next(number);
        bool is_over = reload(from);
        bool is_in_time = has_failed();
        tally.tried += is_in_time;
        bool is_reported = has_reported(from);
        if (!is_over)
                note_failure("the reload has no end", number, from);
        if (is_reported)
                (void)reload(printed());
        if (is_in_time)
                check_alive("kitchen", number, from, is_reported);
        return is_in_time && process_running(scene.hall->process);
}

static void reload__nth_allocation_fails__goes_on(void **state)
{
        (void)state;
        tally = (struct tally){ 0 };
        run_hall();
        size_t before = wrong_edges();
        go_through(try_reload, every());
        if (!process_running(scene.hall->process))
                note_end("it ended", tally.tried);
        tally.failed += wrong_edges() - before;
        print_fact("a reload", every());
        assert_true(tally.tried > 0);
        assert_int_equal(tally.failed, 0);
        daemon_stop(scene.hall);
}

/* ---- Commands ----------------------------------------------------------------------------------------------------- */

static const struct {
        const char *topic, *payload, *answer, *expires;
} commands[] = {
        { "kitchen/set", "TOGGLE", "sconce/hall/kitchen/state", NULL },
        { "kitchen/set", "{\"state\":\"TOGGLE\"}", "sconce/hall/kitchen/state", NULL },
        { "kitchen/set", "{\"state\":\"PURPLE\"}", "sconce/hall/kitchen/result", NULL },
        { "kitchen/set/state", "TOGGLE", "sconce/hall/kitchen/state", NULL },
        { "pump/set", "ON", REPLY, "2020-01-01T00:00:00Z" }, /* switches nothing, also where that cannot be read */
        { "kitchen/get", "", "sconce/hall/kitchen/state", NULL },
        { "kitchen/get", "{\"trend\":\"24h\"}", REPLY, NULL },
        { "node/get", "", "sconce/hall/node/state", NULL },
};

/* How many messages it could not publish, by its own count: the first of a connection is logged, the others are in there. */
static long dropped(void)
{
        client_forget(stage.tester);
        client_send(stage.tester, daemon_topic(scene.hall, "node/get"), "");
        const char *text = json_member(client_wait(stage.tester, "sconce/hall/node/state", NULL, NULL), "dropped");
        return text ? strtol(text, NULL, 10) : 0;
}

/* The commands behind it are carried out after it, so that what has not come by then does not come. Two of them: the one or
 * the other has its memory. */
static void send_and_settle(size_t which)
{
        struct answer answer = { .topic = "sconce/hall/pump/result", .from = printed() };

        client_publish(stage.tester, &(struct request){ .topic = daemon_topic(scene.hall, commands[which].topic),
                                                        .payload = commands[which].payload,
                                                        .response_topic = REPLY,
                                                        .expires = commands[which].expires });
        answer.id = send_command("pump", "OFF");
        (void)send_command("pump", "OFF");
        (void)!pump_until(has_answer_or_lost, &answer, SOON_MS);
        pump_once(0);
}

/* Or the connection has ended over it, which the log does not repeat for each: the node has been offline, as all see. */
static bool is_answered(void *userdata)
{
        const size_t *which = userdata;

        return client_count(stage.tester, commands[*which].answer) + client_count(stage.tester, REPLY) +
                       client_count(stage.tester, "sconce/hall/status") >
               0;
}

static bool is_refused(void)
{
        const struct message *message = client_newest(stage.tester, REPLY);
        const char *ok = message ? json_member(message, "ok") : NULL;

        return ok && strcmp(ok, "false") == 0;
}

/* The answer says so, or the log, or the count of what was dropped. A trend may have to wait its turn. */
static bool is_accounted_for(size_t which, size_t from, long before)
{
        return has_reported(from) || pump_until(is_answered, &which, LATE_MS) ||
               (process_running(scene.hall->process) && dropped() > before);
}

static bool try_command(size_t which, uint64_t number)
{
        long before = dropped();
        size_t from = printed();

        client_forget(stage.tester);
        fail_next(number);
        send_and_settle(which);
        bool is_in_time = has_failed();
        tally.tried += is_in_time;
        bool is_reported = has_reported(from) || is_refused();
        if (is_in_time && !is_accounted_for(which, from, before))
                note_failure(format_text("%s %s: neither answered nor reported", commands[which].topic,
                                         commands[which].payload),
                             number, from);
        else if (is_in_time)
                check_alive("kitchen", number, from, is_reported);
        return is_in_time && process_running(scene.hall->process);
}

static void command__nth_allocation_fails__goes_on(void **state)
{
        uint64_t step = (every() + 9) / 10;

        (void)state;
        tally = (struct tally){ 0 };
        run_hall();
        size_t before = wrong_edges();
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                for (uint64_t number = setting("OOM_FROM", 1); try_command(i, number);)
                        number += step;
        if (!process_running(scene.hall->process))
                note_end("it ended", 0);
        tally.failed += wrong_edges() - before;
        print_fact("a command, a `get` or a request for a trend", step);
        assert_true(tally.tried > 0);
        assert_int_equal(tally.failed, 0);
        daemon_stop(scene.hall);
}

/* ------------------------------------------------------------------------------------------------------------------- */

static int open_scene(void **state)
{
        const char *const *env;

        (void)stage_open_bare(state);
        struct broker *plain = broker_new_plain(BROKER_OPEN);
        scene.testers[1] = stage.tester;
        scene.testers[0] = client_new(&(struct client_options){ .id = "tester", .port = plain->port.number });
        client_subscribe(scene.testers[0], "sconce/#");
        scene.page = memory_page_new(&env);
        struct daemon_options options = { .name = "hall", .devices = houses[0], .log_level = "info", .env = env };
        options.url = format_text("mqtt://127.0.0.1:%u", plain->port.number);
        scene.plain = daemon_new(&options);
        options.url = NULL;
        options.broker = stage.broker;
        options.pki = stage.pki;
        scene.secure = daemon_new(&options);
        return 0;
}

static int choose_plain(void **state)
{
        (void)state;
        scene.hall = scene.plain;
        stage.tester = scene.testers[0];
        return 0;
}

static int choose_secure(void **state)
{
        (void)state;
        scene.hall = scene.secure;
        stage.tester = scene.testers[1];
        return 0;
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(command__nth_allocation_fails__goes_on, choose_plain),
        cmocka_unit_test_setup(reload__nth_allocation_fails__goes_on, choose_plain),
        cmocka_unit_test_setup(start__nth_allocation_fails__is_reported_and_switches_nothing, choose_plain),
        cmocka_unit_test_setup(start_over_tls__nth_allocation_fails__is_reported_and_switches_nothing, choose_secure),
};

STAGE_MAIN(tests, open_scene)
