/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon holds after a long life: as much memory, and as many descriptors and threads, as after its first minute. The
 * real daemon and a real mosquitto over mutual TLS, the simulated chip. Each kind of thing is done a few times first, then
 * often.
 *
 * SOAK_COMMANDS (50,000), SOAK_RELOADS (100, even), SOAK_RECONNECTS (100), SOAK_READINGS (10,000).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/memory.h"
#include "system/stage.h"

enum { GATE_FIRST = 5, GATES = 4, WINDOW = 100, MORE_BYTES = 4096, PATIENCE_MS = 60000 };

#define REPLY "sconce/reply/tester/soak"

#define COMMON                                                                                                         \
        "[history]\nflush = 200ms\n[lamp kitchen]\nline = GPIO17\nrate = 100000\n[switch pump]\nline = "               \
        "GPIO22\nmax_on = 1h\n"                                                                                        \
        "[contact gate0]\nline = GPIO5\ndebounce = 0ms\n[contact gate1]\nline = GPIO6\ndebounce = 0ms\n"               \
        "[contact gate2]\nline = GPIO7\ndebounce = 0ms\n[contact gate3]\nline = GPIO8\ndebounce = 0ms\n"               \
        "[rule follow]\nwhen = gate0.state = ON\nthen = pump TOGGLE\n"

/* A reload goes from one to the other: a device comes and goes, one has another name, one another option. */
static const char *const houses[] = {
        COMMON "[lamp porch]\nline = GPIO27\nname = Porch\n",
        COMMON "[lamp porch]\nline = GPIO27\nname = Veranda\nmax_on = 2h\n[cover shutter]\nup = GPIO20\ndown = GPIO21\n"
               "up_time = 20s\ndown_time = 20s\n",
};

static struct {
        struct memory_page *page;
        struct daemon *hall;
        struct client *commander;                       /* hears answers and what comes late */
        size_t commands, reloads, reconnects, readings; /* done */
        size_t flips, finds;
} soak;

/* ---- What is done ------------------------------------------------------------------------------------------------- */

/* Is answered after all that was sent before it, and not remembered as a command with an id is for a minute. */
static void settle(void)
{
        client_publish(soak.commander, &(struct request){ .topic = "sconce/hall/kitchen/get",
                                                          .payload = "{\"trend\":\"24h\",\"channel\":\"state\"}",
                                                          .response_topic = REPLY });
        (void)client_wait(soak.commander, REPLY, NULL, NULL);
        client_forget(soak.commander);
}

/* A window at a time: while too much is unacknowledged the agent leaves out answers. */
static void command(size_t count)
{
        for (size_t i = 1; i <= count; i++) {
                client_send(soak.commander, "sconce/hall/kitchen/set", i % 2 ? "ON" : "OFF");
                if (i % WINDOW == 0)
                        settle();
        }
        settle();
        soak.commands += count;
}

static void reload(size_t count)
{
        for (size_t i = 0; i < count; i++) {
                soak.reloads++;
                daemon_write_config(soak.hall, houses[soak.reloads % ARRAY_SIZE(houses)]);
                process_signal(soak.hall->process, SIGHUP);
                (void)process_wait_log(soak.hall->process, "reloaded", SOON_MS);
        }
}

static void enter_commander(void)
{
        soak.commander = stage_client("tester", "commander");
        client_subscribe(soak.commander, REPLY);
        client_subscribe(soak.commander, "sconce/hall/+/history");
        client_subscribe(soak.commander, "sconce/hall/node/state");
}

static void lose_broker(void)
{
        client_free(soak.commander);
        soak.commander = NULL;
        broker_kill(stage.broker);
        (void)process_wait_log(soak.hall->process, "lost the connection", SOON_MS);
}

/* What comes late is not retained: the agent stands still until somebody listens. A changed [broker] makes it connect at once,
 * not after a back-off that grows from loss to loss. Its subscriptions are in place before it publishes states. */
static void find_broker(void)
{
        static const char *const keys[] = { "keepalive = 50s", "keepalive = 60s" };

        process_signal(soak.hall->process, SIGSTOP);
        broker_start(stage.broker);
        enter_commander();
        soak.hall->options.broker_keys = keys[soak.finds++ % ARRAY_SIZE(keys)];
        daemon_write_config(soak.hall, houses[soak.reloads % ARRAY_SIZE(houses)]);
        process_signal(soak.hall->process, SIGCONT);
        process_signal(soak.hall->process, SIGHUP);
        (void)client_wait(soak.commander, "sconce/hall/node/state", NULL, NULL);
        (void)process_wait_log(soak.hall->process, "connected to", SOON_MS);
}

static void reconnect(size_t count)
{
        for (size_t i = 0; i < count; i++) {
                soak.reconnects++;
                lose_broker();
                find_broker();
        }
}

static size_t count_come(void)
{
        size_t count = 0;

        for (unsigned i = 0; i < GATES; i++) {
                char topic[64];
                (void)snprintf(topic, sizeof(topic), "sconce/hall/gate%u/history", i);
                count += client_count(soak.commander, topic);
        }
        return count;
}

static bool have_come(void *userdata)
{
        return count_come() >= *(const size_t *)userdata;
}

/* One outage, in which the gates move in turn; all of it comes when the broker is back. */
static void read_stored(size_t count)
{
        lose_broker();
        for (size_t i = 0; i < count; i++, soak.flips++) {
                unsigned line = GATE_FIRST + (unsigned)(soak.flips % GATES);
                bool up = soak.flips / GATES % 2 == 0;
                chip_pull(soak.hall->lines, line, up);
                chip_wait(soak.hall->lines, line, up);
        }
        find_broker();
        if (!pump_until(have_come, &count, PATIENCE_MS))
                give_up("of %zu readings %zu have come", count, count_come());
        soak.readings += count;
        client_forget(soak.commander);
}

/* ---- What is held ------------------------------------------------------------------------------------------------- */

struct comparison {
        struct holdings before, now;
};

static bool is_as_before(void *userdata)
{
        struct comparison *comparison = userdata;
        const struct holdings *before = &comparison->before, *now = &comparison->now;

        comparison->now = memory_holdings(soak.page, soak.hall, soak.commander);
        return now->bytes <= before->bytes + MORE_BYTES && now->fds == before->fds && now->threads == before->threads;
}

static size_t number_of(const char *name, size_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

static void print_fact(const struct comparison *comparison)
{
        const struct holdings *before = &comparison->before, *now = &comparison->now;

        printf("fact: | a long life of the agent: mutual TLS, real mosquitto | %zu commands, %zu reloads, %zu "
               "reconnects, %zu "
               "stored readings | %+jd bytes in use (mallinfo2) beside %zu, %+jd descriptors beside %zu, %+jd threads "
               "beside %zu |\n",
               soak.commands, soak.reloads, soak.reconnects, soak.readings, (intmax_t)(now->bytes - before->bytes),
               before->bytes, (intmax_t)(now->fds - before->fds), before->fds,
               (intmax_t)(now->threads - before->threads), before->threads);
}

static void life__is_long__holds_what_it_held_at_first(void **state)
{
        struct comparison comparison;
        size_t readings = number_of("SOAK_READINGS", 10000);

        (void)state;
        command(20 * WINDOW);
        read_stored(readings); /* SQLite keeps the pages that it has needed */
        reconnect(4);
        reload(4);
        command(WINDOW);
        comparison.before = memory_holdings(soak.page, soak.hall, soak.commander);
        soak.commands = soak.reloads = soak.reconnects = soak.readings = 0;

        read_stored(readings);
        reconnect(number_of("SOAK_RECONNECTS", 100));
        command(number_of("SOAK_COMMANDS", 50000));
        reload(number_of("SOAK_RELOADS", 100));
        command(WINDOW);
        bool is_same = pump_until(is_as_before, &comparison, SOON_MS);
        print_fact(&comparison);
        assert_true(is_same);
        daemon_stop(soak.hall);
}

static int open_soak(void **state)
{
        const char *const *env;

        (void)state;
        workdir_make();
        stage.pki = pki_of_stage();
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki, .quiet = true });
        stage_rejoin();
        soak.page = memory_page_new(&env);
        soak.hall = daemon_new(&(struct daemon_options){ .name = "hall",
                                                         .broker = stage.broker,
                                                         .pki = stage.pki,
                                                         .devices = houses[0],
                                                         .log_level = "info",
                                                         .env = env });
        daemon_start(soak.hall);
        daemon_wait_online(soak.hall, stage.tester);
        client_free(stage.tester); /* it keeps all that it hears */
        stage.tester = NULL;
        enter_commander();
        return 0;
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(life__is_long__holds_what_it_held_at_first),
};

STAGE_MAIN(tests, open_soak)
