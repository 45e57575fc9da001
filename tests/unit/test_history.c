/* SPDX-License-Identifier: Apache-2.0 */
/* history: what devices read and raise, until a scripted broker has acknowledged it. */
#include "history.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_broker.h"
#include "fakes/house.h"
#include "fakes/idle_job.h"

#define DEVICES  "[contact gate]\nline = GPIO6\n[contact hatch]\nline = GPIO5\n"
#define FLUSH_US (5 * USEC_PER_SEC)
#define ANY      NULL

/* So long history goes one by one after what happens. */
#define MAKES_WAY_US (500 * USEC_PER_MSEC)
#define GAP_US       USEC_PER_MSEC

#define GATE_EVENT    "sconce/hall/gate/event"
#define GATE_HISTORY  "sconce/hall/gate/history"
#define HATCH_EVENT   "sconce/hall/hatch/event"
#define HATCH_HISTORY "sconce/hall/hatch/history"
#define GATE_STATE    "sconce/hall/gate/state"
#define NODE_INFO     "sconce/hall/info"

#define CONNACK_ONE_AT_A_TIME        "\x20\x06\x00\x00\x03\x21\x00\x01"
#define CONNACK_WINDOW_OF_8          "\x20\x06\x00\x00\x03\x21\x00\x08"
#define CONNACK_PACKETS_OF_300_BYTES "\x20\x08\x00\x00\x05\x27\x00\x00\x01\x2c"

enum { QUOTA_EXCEEDED = 0x97, NOT_AUTHORIZED = 0x87, GATE_LINE = 6 };

struct scene {
        struct house *house;
        struct fake_broker broker;
        char url[64];
        const char *urls[1];
        struct store *store; /* with a file */
        struct history *history;
        struct broker_link *link;
        unsigned n_published; /* how often all states were on their way */
};

static struct scene scene;

/* So often it has no memory to send a message of the history. */
static unsigned n_failing;

int __real_uplink_history(struct uplink *uplink, const char *device, const char *json, size_t size);
int __wrap_uplink_history(struct uplink *uplink, const char *device, const char *json, size_t size);

int __wrap_uplink_history(struct uplink *uplink, const char *device, const char *json, size_t size)
{
        if (n_failing == 0)
                return __real_uplink_history(uplink, device, json, size);
        n_failing--;
        return -ENOMEM;
}

/* ---- The scene ------------------------------------------------------------------------------------------------- */

static void on_problem(void *userdata, const char *key, const char *text)
{
        (void)userdata;
        (void)key;
        (void)text;
}

static void on_nothing(void *userdata)
{
        (void)userdata;
}

static void on_published(void *userdata)
{
        (void)userdata;
        scene.n_published++;
        history_connected(scene.history);
}

static void on_lost(void *userdata)
{
        (void)userdata;
        history_lost(scene.history);
}

static bool on_acknowledged(void *userdata, int id, int reason)
{
        (void)userdata;
        return history_acknowledged(scene.history, id, reason);
}

/* As the agent hands on what its devices publish. */
static void on_send(struct publisher *publisher, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta)
{
        struct uplink *uplink = broker_link_uplink(scene.link);

        if (scene.history && history_take(scene.history, publisher, device, topic))
                return;
        if (uplink)
                uplink_publish(uplink, device, topic, payload, size, meta);
}

/* A run of the agent begins, with no connection yet. */
static void open_history(void)
{
        const struct store_options store = { .loop = &scene.house->gpio.loop,
                                             .dir = scene.house->gpio.dir,
                                             .save_after_us = USEC_PER_SEC };
        struct history_options options = {
                .loop = &scene.house->gpio.loop,
                .clock = scene.house->clock,
                .home = scene.house->devices,
                .settings = { .flush_us = FLUSH_US,
                              .max_count = 100000,
                              .max_bytes = 32 * 1024 * 1024,
                              .max_age_us = 30 * 86400 * USEC_PER_SEC },
        };

        assert_int_equal(store_new(&store, &scene.store), 0);
        options.store = scene.store;
        assert_int_equal(history_new(&options, &scene.history), 0);
}

static void make_link(void)
{
        const struct broker_link_options options = {
                .loop = &scene.house->gpio.loop,
                .clock = scene.house->clock,
                .store = scene.store,
                .home = scene.house->devices,
                .config_path = "none",
                .problem = on_problem,
                .begun = on_nothing,
                .connected = on_nothing,
                .published = on_published,
                .room = on_nothing,
                .birth = on_nothing,
                .lost = on_lost,
                .acknowledged = on_acknowledged,
        };
        struct settings settings = {
                .node = { .name = "hall", .max_payload_bytes = 4096 },
                .broker = { .urls = { .items = scene.urls, .count = 1 },
                            .version = SESSION_VERSION_5,
                            .base = "sconce",
                            .client_id = CLIENT_ID_NODE,
                            .offline_after_us = 24 * 3600 * USEC_PER_SEC,
                            .keepalive_us = 3600 * USEC_PER_SEC,
                            .connect_timeout_us = 3600 * USEC_PER_SEC,
                            .handshake_timeout_us = 3600 * USEC_PER_SEC },
        };

        assert_int_equal(broker_link_new(&options, &settings, &scene.link), 0);
        history_set_link(scene.history, scene.link);
}

/* As after SIGKILL: only what is in the file is there for the next run. */
static void end_run(void)
{
        broker_link_free(TAKE_PTR(scene.link));
        store_free(TAKE_PTR(scene.store));
        history_free(TAKE_PTR(scene.history));
}

static int setup(void **state)
{
        memset(&scene, 0, sizeof(scene));
        n_failing = 0;
        if (house_setup(state) != 0)
                return -1;
        scene.house = *state;
        house_apply(scene.house, DEVICES);
        house_pass(scene.house, USEC_PER_SEC); /* their first readings are none of ours */
        scene.house->publisher.send = on_send;
        open_history();
        return 0;
}

static int teardown(void **state)
{
        end_run();
        fake_broker_stop(&scene.broker);
        *state = scene.house;
        return house_teardown(state);
}

/* ---- Waiting --------------------------------------------------------------------------------------------------- */

struct awaited {
        const char *topic, *part;
        unsigned n;
};

static bool has_got(const struct house *house, void *userdata)
{
        const struct awaited *awaited = userdata;

        (void)house;
        return fake_broker_got(&scene.broker, awaited->topic, awaited->part) >= awaited->n;
}

static void await_got(const char *topic, const char *part, unsigned n)
{
        house_wait(scene.house, has_got, &(struct awaited){ topic, part, n });
}

/* The back-off passes meanwhile; from the next connection on time stands still again. */
static bool is_published(const struct house *house, void *userdata)
{
        unsigned n = *(const unsigned *)userdata;

        (void)house;
        if (fake_broker_connections(&scene.broker) < n)
                loop_advance(&scene.house->gpio.loop, 100 * USEC_PER_MSEC);
        return scene.n_published >= n;
}

static bool is_away(const struct house *house, void *userdata)
{
        (void)house;
        (void)userdata;
        return !broker_link_connected(scene.link);
}

static bool is_idle(const struct house *house, void *userdata)
{
        struct uplink *uplink = broker_link_connected(scene.link);

        (void)house;
        (void)userdata;
        fake_broker_acknowledge(&scene.broker);
        return uplink && session_in_flight(uplink_session(uplink)) == 0;
}

/* Acknowledges until nothing is on its way. */
static void settle(void)
{
        house_wait(scene.house, is_idle, NULL);
}

/* What is neither in flight nor acknowledged. */
static bool are_waiting(const struct house *house, void *userdata)
{
        struct node_facts facts = { 0 };

        (void)house;
        history_facts(scene.history, &facts);
        return facts.queue == *(const unsigned *)userdata;
}

static void await_waiting(unsigned n)
{
        house_wait(scene.house, are_waiting, &n);
}

static bool is_dropped(const struct house *house, void *userdata)
{
        struct node_facts facts = { 0 };

        (void)house;
        history_facts(scene.history, &facts);
        return strcmp(facts.dropped_by, userdata) == 0;
}

static void await_dropped(const char *expected)
{
        char text[64];

        (void)snprintf(text, sizeof(text), "%s", expected);
        house_wait(scene.house, is_dropped, text);
}

/* Rows of the file; -1: it cannot be read just now. */
static int count_rows(void)
{
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        char path[PATH_MAX];
        int rows = -1;

        house_path(scene.house, "sconce.db", path);
        if (sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, "SELECT count(*) FROM outbox", -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
                rows = sqlite3_column_int(statement, 0);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return rows;
}

static bool are_in_file(const struct house *house, void *userdata)
{
        (void)house;
        return count_rows() == *(const int *)userdata;
}

static void await_in_file(int n)
{
        house_wait(scene.house, are_in_file, &n);
}

/* ---- What happens ---------------------------------------------------------------------------------------------- */

/* The link is there, and the broker is not. */
static void prepare(const struct fake_step *step)
{
        fake_broker_start(&scene.broker, step, 1, NULL);
        (void)snprintf(scene.url, sizeof(scene.url), "mqtt://127.0.0.1:%u", scene.broker.port);
        scene.urls[0] = scene.url;
        make_link();
}

/* All states are on their way, the devices' own acknowledged or not. */
static void connect_now(void)
{
        unsigned n = scene.n_published + 1;

        broker_link_start(scene.link);
        house_wait(scene.house, is_published, &n);
}

/* A broker that acknowledges what a test wants it to, and no reading is on its way. */
static void begin(const struct fake_step *step)
{
        prepare(step);
        connect_now();
        settle();
}

static void hang_up(void)
{
        fake_broker_hang_up(&scene.broker);
        house_wait(scene.house, is_away, NULL);
}

static void reconnect(void)
{
        unsigned n = scene.n_published + 1;

        house_wait(scene.house, is_published, &n);
}

static const struct fake_step deaf = { .act = FAKE_DEAF };
static const struct fake_step one_at_a_time = { .act = FAKE_DEAF, FAKE_FIELDS(answer, CONNACK_ONE_AT_A_TIME) };
static const struct fake_step window_of_8 = { .act = FAKE_DEAF, FAKE_FIELDS(answer, CONNACK_WINDOW_OF_8) };
static const struct fake_step packets_of_300 = { .act = FAKE_DEAF, FAKE_FIELDS(answer, CONNACK_PACKETS_OF_300_BYTES) };

/* An event of that name; unlike a state it is published once alone. */
static void raise_event(const char *device, const char *name)
{
        const struct home_sink sink = publisher_sink(&scene.house->publisher);

        sink.event(sink.userdata, device, "bell", name, loop_now_us(&scene.house->gpio.loop));
}

static void pass(uint64_t time_us)
{
        loop_advance(&scene.house->gpio.loop, time_us);
}

static unsigned answer(const char *topic, uint8_t reason)
{
        return fake_broker_answer(&scene.broker, topic, ANY, reason);
}

static unsigned got(const char *topic, const char *part)
{
        return fake_broker_got(&scene.broker, topic, part);
}

static bool is_job_done(const struct house *house, void *userdata)
{
        (void)house;
        return idle_jobs_done() == *(const unsigned *)userdata;
}

/* What was asked of the file before is there by then. */
static void pass_job(void)
{
        unsigned n = idle_jobs_done() + 1;

        idle_job_post(scene.store);
        house_wait(scene.house, is_job_done, &n);
}

/* What was sent before it has come by then, from the file too. The history makes no way for the node's description. */
static void pass_marker(void)
{
        static unsigned n;
        char name[32];

        pass_job();
        (void)snprintf(name, sizeof(name), "marker-%u", ++n);
        uplink_info(broker_link_connected(scene.link), name, strlen(name));
        await_got(NODE_INFO, name, 1);
        assert_int_equal(fake_broker_answer(&scene.broker, NODE_INFO, name, 0), 1);
}

static void happen(void)
{
        raise_event("hatch", "now");
        pass_marker();
        assert_int_equal(answer(HATCH_EVENT, 0), 1);
}

static size_t place(const char *topic, const char *part)
{
        size_t at = fake_broker_place(&scene.broker, topic, part);

        assert_true(at != SIZE_MAX);
        return at;
}

static void assert_in_order(const char *topic, const char *const names[], size_t n)
{
        for (size_t i = 1; i < n; i++)
                assert_true(place(topic, names[i - 1]) < place(topic, names[i]));
}
#define ASSERT_IN_ORDER(topic, ...)                                                                                    \
        assert_in_order(topic, (const char *const[]){ __VA_ARGS__ },                                                   \
                        sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* ---- Straight out ---------------------------------------------------------------------------------------------- */

static void take__acknowledged__never_history(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        await_got(GATE_EVENT, "one", 1);
        settle();
        hang_up();
        raise_event("gate", "two");
        reconnect();
        await_got(GATE_HISTORY, "two", 1);
        assert_int_equal(got(GATE_HISTORY, "one"), 0);
        assert_int_equal(got(GATE_EVENT, "two"), 0);
}

static void take__state_again_at_a_connection__no_new_reading(void **state)
{
        (void)state;
        begin(&deaf);
        unsigned n = got(GATE_STATE, ANY);
        hang_up();
        reconnect();
        await_got(GATE_STATE, ANY, n + 1);
        hang_up(); /* unacknowledged: a reading would be kept */
        raise_event("hatch", "last");
        await_waiting(1);
        reconnect();
        await_got(HATCH_HISTORY, "last", 1);
        assert_int_equal(got(GATE_HISTORY, ANY), 0);
}

static void take__state_changed_while_away__history_once(void **state)
{
        (void)state;
        begin(&deaf);
        hang_up();
        sim_pull(&scene.house->gpio, GATE_LINE, "pull-up\n");
        fixture_settle(&scene.house->gpio);
        pass(USEC_PER_SEC);
        await_waiting(1);
        reconnect();
        await_got(GATE_HISTORY, "\"state\":{\"state\":\"ON\"}", 1);
        await_got(GATE_STATE, "\"ON\"", 1);
        settle();
        assert_int_equal(got(GATE_HISTORY, ANY), 1);
}

/* ---- Refused --------------------------------------------------------------------------------------------------- */

static void acknowledged__quota_exceeded__kept_in_order_and_tried_again(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        raise_event("hatch", "other");
        raise_event("gate", "two");
        raise_event("gate", "three");
        await_got(GATE_EVENT, "three", 1);
        assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 3);
        assert_int_equal(answer(HATCH_EVENT, QUOTA_EXCEEDED), 1);
        await_waiting(4);
        pass(FLUSH_US - USEC_PER_SEC / 10);
        pass_marker();
        assert_int_equal(got(GATE_HISTORY, ANY), 0);
        pass(USEC_PER_SEC / 5);
        await_got(GATE_HISTORY, "three", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two", "three");
        await_got(HATCH_HISTORY, "other", 1);
        settle();
        await_waiting(0);
        await_dropped("");
        assert_int_equal(uplink_dropped(broker_link_uplink(scene.link)), 0);
        pass(FLUSH_US);
        await_in_file(0);
}

/* Several refusals at once are one, and what is taken meanwhile does not shorten the back-off. */
static void acknowledged__quota_exceeded_again__pauses_double_up_to_five_minutes(void **state)
{
        static const unsigned pauses_s[] = { 5, 10, 20, 40, 80, 160, 300, 300 };

        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        raise_event("gate", "two");
        await_got(GATE_EVENT, "two", 1);
        assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 2);
        for (unsigned i = 0; i < ARRAY_SIZE(pauses_s); i++) {
                await_waiting(2);
                pass(pauses_s[i] * USEC_PER_SEC - USEC_PER_SEC / 10);
                pass_marker();
                assert_int_equal(got(GATE_HISTORY, ANY), 2 * i);
                pass(USEC_PER_SEC / 5);
                await_got(GATE_HISTORY, ANY, 2 * (i + 1));
                ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
                assert_int_equal(answer(GATE_HISTORY, QUOTA_EXCEEDED), 2);
        }
        await_waiting(2);
        await_dropped("");
}

static void acknowledged__taken_after_a_pause__the_next_one_is_short_again(void **state)
{
        (void)state;
        begin(&deaf);
        for (unsigned i = 1; i <= 3; i++) {
                raise_event("gate", "one");
                await_got(GATE_EVENT, "one", i);
                assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 1);
                await_waiting(1);
                pass(FLUSH_US + USEC_PER_SEC / 10);
                await_got(GATE_HISTORY, "one", i);
                settle();
        }
}

static void acknowledged__refused__dropped_and_counted(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        raise_event("gate", "two");
        await_got(GATE_EVENT, "two", 1);
        assert_int_equal(answer(GATE_EVENT, NOT_AUTHORIZED), 2);
        await_dropped("refused: 2");
        assert_int_equal(uplink_dropped(broker_link_uplink(scene.link)), 2);
        hang_up();
        raise_event("gate", "three");
        raise_event("gate", "four");
        reconnect();
        await_got(GATE_HISTORY, "four", 1);
        assert_int_equal(fake_broker_answer(&scene.broker, GATE_HISTORY, "three", NOT_AUTHORIZED), 1);
        settle();
        await_dropped("refused: 3");
        await_waiting(0);
        assert_int_equal(got(GATE_HISTORY, ANY), 2);
        pass(FLUSH_US);
        await_in_file(0);
}

static void take__oversize__counted_and_the_others_go_on(void **state)
{
        char large[301];

        (void)state;
        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        begin(&packets_of_300);
        raise_event("gate", large);
        raise_event("gate", "small");
        await_got(GATE_EVENT, "small", 1);
        await_dropped("oversize: 1");
        settle();
        hang_up();
        raise_event("gate", "one");
        raise_event("gate", large);
        raise_event("gate", "two");
        reconnect();
        await_got(GATE_HISTORY, "two", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
        await_dropped("oversize: 2");
        settle();
        await_waiting(0);
        assert_int_equal(got(GATE_HISTORY, ANY), 2);
        assert_int_equal(got(GATE_EVENT, ANY), 1);
}

/* ---- Unacknowledged -------------------------------------------------------------------------------------------- */

static void overdue__then_acknowledged__removed_and_not_sent_again(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        await_got(GATE_EVENT, "one", 1);
        pass(2 * FLUSH_US);
        await_in_file(1);
        pass_job();       /* the loop knows of it, too */
        await_waiting(0); /* it is on its way */
        settle();
        pass(FLUSH_US);
        await_in_file(0);
        hang_up();
        raise_event("gate", "two");
        reconnect();
        await_got(GATE_HISTORY, "two", 1);
        assert_int_equal(got(GATE_HISTORY, "one"), 0);
        assert_int_equal(got(GATE_EVENT, "one"), 1);
}

/* A quarter of `flush` is the disk's. */
static void overdue__nearly_twice_flush__on_its_way_to_the_file(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        await_got(GATE_EVENT, "one", 1);
        pass(2 * FLUSH_US - FLUSH_US / 4);
        await_in_file(1);
}

/* The younger one waits for its own time, unless an older one has taken it along. */
static void overdue__killed__sent_by_the_next_run(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        pass(FLUSH_US);
        raise_event("gate", "two");
        await_got(GATE_EVENT, "two", 1);
        pass(FLUSH_US);
        await_in_file(2);
        raise_event("gate", "young");
        await_got(GATE_EVENT, "young", 1);
        end_run();
        open_history();
        make_link();
        connect_now();
        await_got(GATE_HISTORY, "two", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
        settle();
        await_waiting(0);
        assert_int_equal(got(GATE_HISTORY, "young"), 0);
}

static void lost__unacknowledged__sent_again_as_history_in_order(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        raise_event("gate", "two");
        raise_event("gate", "three");
        await_got(GATE_EVENT, "three", 1);
        assert_int_equal(fake_broker_answer(&scene.broker, GATE_EVENT, "one", 0), 1);
        pass_marker();
        await_waiting(0);
        hang_up();
        raise_event("gate", "four");
        reconnect();
        await_got(GATE_HISTORY, "four", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "two", "three", "four");
        settle();
        await_waiting(0);
        assert_int_equal(got(GATE_EVENT, ANY), 3);
        pass(FLUSH_US);
        await_in_file(0);
}

static void lost__unacknowledged_for_flush__to_the_file_at_once(void **state)
{
        (void)state;
        begin(&deaf);
        raise_event("gate", "one");
        await_got(GATE_EVENT, "one", 1);
        pass(FLUSH_US);
        hang_up();
        pass(1);
        await_in_file(1);
}

static void lost__history_unacknowledged__all_of_it_again_in_order(void **state)
{
        (void)state;
        begin(&deaf);
        hang_up();
        raise_event("gate", "one");
        raise_event("gate", "two");
        reconnect();
        await_got(GATE_HISTORY, "two", 1);
        hang_up();
        raise_event("gate", "three");
        await_waiting(3);
        reconnect();
        await_got(GATE_HISTORY, "three", 1);
        assert_int_equal(got(GATE_HISTORY, "one"), 2);
        assert_int_equal(got(GATE_HISTORY, "two"), 2);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two", "three");
        settle();
        await_waiting(0);
}

/* ---- Draining -------------------------------------------------------------------------------------------------- */

static void drain__receive_maximum_is_1__one_by_one_behind_what_happens_now(void **state)
{
        (void)state;
        begin(&one_at_a_time);
        raise_event("gate", "one");
        raise_event("gate", "two");
        await_got(GATE_EVENT, "one", 1);
        assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 1);
        await_got(GATE_EVENT, "two", 1);
        assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 1);
        await_waiting(2);
        pass(FLUSH_US);
        await_got(GATE_HISTORY, "one", 1);
        raise_event("gate", "now");
        assert_int_equal(answer(GATE_HISTORY, 0), 1);
        await_got(GATE_EVENT, "now", 1);
        assert_int_equal(got(GATE_HISTORY, ANY), 1);
        assert_int_equal(answer(GATE_EVENT, 0), 1);
        pass(GAP_US);
        await_got(GATE_HISTORY, "two", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
        settle();
        await_waiting(0);
}

static void keep_events(unsigned n)
{
        for (unsigned i = 1; i <= n; i++) {
                raise_event("gate", "old");
                await_got(GATE_EVENT, ANY, i);
                assert_int_equal(answer(GATE_EVENT, QUOTA_EXCEEDED), 1);
        }
        await_waiting(n);
}

static void drain__something_happens__one_by_one_with_gaps_for_a_while(void **state)
{
        (void)state;
        begin(&window_of_8);
        keep_events(10);
        pass(FLUSH_US);
        await_got(GATE_HISTORY, ANY, 6);
        happen(); /* there was room */
        assert_int_equal(got(GATE_HISTORY, ANY), 6);

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(answer(GATE_HISTORY, 0), i == 0 ? 6 : 1);
                settle();
                happen();
                assert_int_equal(got(GATE_HISTORY, ANY), 6 + i);
                pass(GAP_US);
                await_got(GATE_HISTORY, ANY, 7 + i);
                happen();
                assert_int_equal(got(GATE_HISTORY, ANY), 7 + i);
        }

        pass(MAKES_WAY_US);
        assert_int_equal(answer(GATE_HISTORY, 0), 1);
        await_got(GATE_HISTORY, ANY, 10);
        settle();
        await_waiting(0);
}

static void drain__connection_begins__is_nothing_that_happens(void **state)
{
        (void)state;
        begin(&window_of_8);
        assert_true(uplink_has_history_room(broker_link_connected(scene.link), 5));
        assert_false(uplink_has_history_room(broker_link_connected(scene.link), 6));
        raise_event("gate", "now");
        await_got(GATE_EVENT, "now", 1);
        assert_false(uplink_has_history_room(broker_link_connected(scene.link), 1));
        assert_true(uplink_has_history_room(broker_link_connected(scene.link), 0));
}

static void drain__no_memory_for_a_while__goes_on_in_order(void **state)
{
        (void)state;
        begin(&deaf);
        hang_up();
        raise_event("gate", "one");
        raise_event("gate", "two");
        n_failing = 2;
        reconnect();
        await_waiting(2);
        for (unsigned i = 0; n_failing > 0; i++) {
                assert_true(i < 10);
                pass(10 * USEC_PER_SEC);
                pass_marker();
        }
        pass(20 * USEC_PER_SEC);
        await_got(GATE_HISTORY, "two", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
        settle();
        await_waiting(0);
        assert_int_equal(got(GATE_HISTORY, ANY), 2);
}

static void drain__clock_not_trusted__waits_until_it_is(void **state)
{
        (void)state;
        clock_set_mode(scene.house->clock, CLOCK_MODE_AUTO);
        begin(&deaf);
        hang_up();
        raise_event("gate", "one");
        reconnect();
        settle();
        raise_event("gate", "now");
        await_got(GATE_EVENT, "{\"time\":null,", 1);
        settle();
        await_waiting(1);
        assert_int_equal(got(GATE_HISTORY, ANY), 0);
        clock_set_mode(scene.house->clock, CLOCK_MODE_TRUSTED);
        history_time_is_known(scene.history);
        await_got(GATE_HISTORY, "one", 1);
        assert_non_null(strstr(fake_broker_last(&scene.broker, GATE_HISTORY).payload, "\"time\":\"2"));
        settle();
        await_waiting(0);
}

static void stop__something_unacknowledged__sent_by_the_next_run(void **state)
{
        (void)state;
        begin(&deaf);
        hang_up();
        raise_event("gate", "one");
        reconnect();
        await_got(GATE_HISTORY, "one", 1);
        raise_event("gate", "two");
        await_got(GATE_EVENT, "two", 1);
        history_stop(scene.history);
        store_close(scene.store);
        assert_int_equal(count_rows(), 2);
        end_run();
        open_history();
        make_link();
        connect_now();
        await_got(GATE_HISTORY, "two", 1);
        ASSERT_IN_ORDER(GATE_HISTORY, "one", "two");
        assert_int_equal(got(GATE_HISTORY, "one"), 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(take__acknowledged__never_history),
                TEST(take__state_again_at_a_connection__no_new_reading),
                TEST(take__state_changed_while_away__history_once),
                TEST(acknowledged__quota_exceeded__kept_in_order_and_tried_again),
                TEST(acknowledged__quota_exceeded_again__pauses_double_up_to_five_minutes),
                TEST(acknowledged__taken_after_a_pause__the_next_one_is_short_again),
                TEST(acknowledged__refused__dropped_and_counted),
                TEST(take__oversize__counted_and_the_others_go_on),
                TEST(overdue__then_acknowledged__removed_and_not_sent_again),
                TEST(overdue__nearly_twice_flush__on_its_way_to_the_file),
                TEST(overdue__killed__sent_by_the_next_run),
                TEST(lost__unacknowledged__sent_again_as_history_in_order),
                TEST(lost__unacknowledged_for_flush__to_the_file_at_once),
                TEST(lost__history_unacknowledged__all_of_it_again_in_order),
                TEST(drain__receive_maximum_is_1__one_by_one_behind_what_happens_now),
                TEST(drain__something_happens__one_by_one_with_gaps_for_a_while),
                TEST(drain__connection_begins__is_nothing_that_happens),
                TEST(drain__no_memory_for_a_while__goes_on_in_order),
                TEST(drain__clock_not_trusted__waits_until_it_is),
                TEST(stop__something_unacknowledged__sent_by_the_next_run),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
