/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker that answers the agent with mutations of MQTT 5 sessions. The agent is a whole one, from agent_run() down, on a
 * thread of its own with the simulated chip; the broker is another thread. Between the agent's uplink and its session stands a
 * counter for each handler (--wrap=session_new), which also retries at once: thousands of connections are wanted in a minute.
 * Each connection has a few mutations before its CONNACK, or a few dozen after it; then the broker closes its side, and
 * waits for the agent to close the other.
 *
 * HOSTILE_MUTATIONS (20,000), SEED (1); HOSTILE_SHOW prints the agent's log.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent.h"
#include "bus/session.h"
#include "bus/topics.h"
#include "fakes/gpio_fixture.h"
#include "fakes/plugin_file.h"
#include "faults/packets.h"
#include "signals.h"
#include "util/log.h"
#include "util/text.h"

#define ANSWER_S         20 /* longer than anything takes: the agent has come to a standstill */
#define STALLS           3
#define LEAK_BYTES       4096
#define ASSERTION_BYTES  512 /* what libmosquitto leaves on the average (bus/assertion.h) */
#define GROWTH_BYTES     (1024 * 1024)
#define STALL_CPU_SHARE  5      /* per cent of a processor, while the agent waits for the rest of a packet */
#define MARK_FIRST       0x4200 /* packet ids */
#define PUBLISHED_PREFIX "sconce/hall/"

/* ---- What our own handlers were called with ---------------------------------------------------------------------- */

enum message_class { MESSAGE_SET, MESSAGE_GET, MESSAGE_STATUS, MESSAGE_RETAINED, MESSAGE_FOREIGN, MESSAGE_CLASSES };

static struct {
        uint64_t connected, disconnected, messages[MESSAGE_CLASSES], with_properties, acknowledged, refused, subscribed,
                failed, assertions;
} calls;

/* What stands between: the uplink's handlers, the options that it has given, and a hand that does not wait for the
 * back-off. */
static const struct session_handlers *handlers;
static struct session_options options;
static struct session *session;
static struct timer *hurry;

bool __real_assertion_survived(int (*fn)(void *userdata), void *userdata, int *ret);
bool __wrap_assertion_survived(int (*fn)(void *userdata), void *userdata, int *ret);
void __real_session_free(struct session *gone);
void __wrap_session_free(struct session *gone);
int __real_session_new(struct loop *loop, const struct session_options *given, const struct session_handlers *to,
                       void *userdata, struct session **ret);
int __wrap_session_new(struct loop *loop, const struct session_options *given, const struct session_handlers *to,
                       void *userdata, struct session **ret);

static void on_connected(void *userdata)
{
        calls.connected++;
        handlers->connected(userdata);
}

static void on_disconnected(void *userdata, const char *why)
{
        calls.disconnected++;
        timer_arm(hurry, USEC_PER_MSEC);
        handlers->disconnected(userdata, why);
}

static enum message_class class_of(const struct session_message *message)
{
        static const enum message_class classes[] = {
                [TOPIC_SET] = MESSAGE_SET, [TOPIC_GET] = MESSAGE_GET, [TOPIC_STATUS] = MESSAGE_STATUS
        };
        struct topic topic;

        if (topic_parse(message->topic, "sconce", "hall", &topic) < 0)
                return MESSAGE_FOREIGN;
        return message->retain && topic.kind != TOPIC_STATUS ? MESSAGE_RETAINED : classes[topic.kind];
}

static void on_message(void *userdata, const struct session_message *message)
{
        calls.messages[class_of(message)]++;
        calls.with_properties += message->response_topic || message->correlation || message->expires ||
                                 message->expiry_s;
        handlers->message(userdata, message);
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        calls.acknowledged++;
        calls.refused += reason >= REASON_REFUSED;
        handlers->acknowledged(userdata, id, reason);
}

static void on_attempt_failed(void *userdata, const struct fault *fault)
{
        calls.failed++;
        timer_arm(hurry, USEC_PER_MSEC);
        handlers->attempt_failed(userdata, fault);
}

static void on_subscribed(void *userdata, int id, int reason)
{
        calls.subscribed++;
        handlers->subscribed(userdata, id, reason);
}

static void on_hurry(void *userdata)
{
        (void)userdata;
        session_retry_now(session);
        if (!session_is_connected(session))
                timer_arm(hurry, USEC_PER_MSEC);
}

int __wrap_session_new(struct loop *loop, const struct session_options *given, const struct session_handlers *to,
                       void *userdata, struct session **ret)
{
        static const struct session_handlers counting = {
                .connected = on_connected,
                .disconnected = on_disconnected,
                .message = on_message,
                .acknowledged = on_acknowledged,
                .attempt_failed = on_attempt_failed,
                .subscribed = on_subscribed,
        };

        handlers = to;
        options = *given;
        options.keepalive_us = 2 * USEC_PER_SEC; /* a stalled connection is pinged after half of it */
        int r = __real_session_new(loop, &options, &counting, userdata, &session);
        if (r == 0)
                r = timer_new(loop, TIMER_EXACT_US, on_hurry, NULL, &hurry);
        *ret = session;
        return r;
}

void __wrap_session_free(struct session *gone)
{
        timer_free(hurry);
        hurry = NULL;
        session = NULL;
        __real_session_free(gone);
}

/* Each leaves what libmosquitto had read of the packet. */
bool __wrap_assertion_survived(int (*fn)(void *userdata), void *userdata, int *ret)
{
        bool is_back = __real_assertion_survived(fn, userdata, ret);

        calls.assertions += !is_back;
        return is_back;
}

/* ---- What the agent logs ----------------------------------------------------------------------------------------- */

static struct {
        pthread_mutex_t lock;
        uint64_t lines;
        char unfit[512]; /* the first line that is not fit for a terminal */
} logged = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_fit(const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                uint32_t code = 0;
                size_t length = text_decode(text, left, &code);
                if (length == 0 || !text_is_fit(code))
                        return false;
                text += length;
                left -= length;
        }
        return true;
}

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)about;
        (void)pthread_mutex_lock(&logged.lock);
        logged.lines++;
        if (getenv("HOSTILE_SHOW"))
                (void)fprintf(stderr, "<%d> %s\n", level, text);
        if (!logged.unfit[0] && !is_fit(text))
                (void)snprintf(logged.unfit, sizeof(logged.unfit), "%s", text);
        (void)pthread_mutex_unlock(&logged.lock);
}

/* ---- The agent --------------------------------------------------------------------------------------------------- */

static struct {
        struct gpio_fixture gpio;
        int listener;
        uint16_t port;
        char config[PATH_MAX];
        struct agent_options options;
        pthread_t thread;
        int result;
} scene;

enum { KITCHEN = 17, UNTOUCHED = 26 };

static const char devices[] =
        "[lamp kitchen]\nline = GPIO17\nrate = 100000\n"
        "[switch pump]\nline = GPIO22\nmax_on = 1h\nrate = 100000\n"
        "[switch left]\nline = GPIO23\ninterlock = motor\ndead_time = 10ms\nrate = 100000\n"
        "[switch right]\nline = GPIO24\ninterlock = motor\nrate = 100000\n"
        "[cover shutter]\nup = GPIO20\ndown = GPIO21\nup_time = 2s\ndown_time = 2s\ndead_time = 50ms\nrate = 100000\n"
        "[contact door]\nline = GPIO4\n"
        "[switch untouched]\nline = GPIO26\n"
        "[rule follow]\nwhen = door.state = ON\nthen = kitchen TOGGLE\n";

static void write_config(void)
{
        FILE *file = fopen(scene.config, "we");

        assert_non_null(file);
        (void)fprintf(file,
                      "[node]\nname = hall\nclock = trusted\n[gpio]\nchip = sim\nsim_dir = %s\n"
                      "[broker]\nurl = mqtt://127.0.0.1:%u\nversion = 5\noffline_after = 1h\n%s",
                      scene.gpio.dir, scene.port, devices);
        assert_int_equal(fclose(file), 0);
}

static void open_listener(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        const struct timeval limit = { .tv_sec = ANSWER_S };

        scene.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(scene.listener >= 0);
        assert_int_equal(bind(scene.listener, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(scene.listener, 16), 0);
        assert_int_equal(getsockname(scene.listener, (struct sockaddr *)&address, &size), 0);
        assert_int_equal(setsockopt(scene.listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
        scene.port = ntohs(address.sin_port);
}

static int setup(void **state)
{
        static char plugins[PATH_MAX];

        (void)state;
        (void)signal(SIGPIPE, SIG_IGN);
        log_set_sink(on_log, NULL);
        log_set_level(LOG_DEBUG);
        gpio_fixture_init(&scene.gpio, true);
        (void)snprintf(scene.config, sizeof(scene.config), "%s/a.conf", scene.gpio.dir);
        (void)snprintf(plugins, sizeof(plugins), "%s/plugins", build_dir());
        (void)setenv("STATE_DIRECTORY", scene.gpio.dir, 1);
        (void)setenv("RUNTIME_DIRECTORY", scene.gpio.dir, 1);
        scene.options = (struct agent_options){ .config_path = scene.config,
                                                .plugin_dir = plugins,
                                                .log_level = LOG_DEBUG };
        open_listener();
        write_config();
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)close(scene.listener);
        log_set_sink(NULL, NULL);
        gpio_fixture_done(&scene.gpio);
        return 0;
}

static void *run(void *userdata)
{
        struct agent *agent = NULL;
        enum agent_end end = AGENT_BAD_CONFIG;

        (void)userdata;
        scene.result = agent_new(&scene.options, &agent);
        if (scene.result == 0)
                scene.result = agent_run(agent, &end);
        if (scene.result == 0 && end != AGENT_STOP)
                scene.result = -ECANCELED;
        agent_free(agent);
        return NULL;
}

/* ---- The broker -------------------------------------------------------------------------------------------------- */

static struct {
        uint64_t mutations, after_connack, connections, published, results;
} done;

/* Reads whole packets; what is larger than its room is read over. False: the connection has ended. */
struct reader {
        int fd;
        uint8_t type;
        uint8_t bytes[4096];
        size_t size;
};

static bool read_all(int fd, uint8_t *bytes, size_t size)
{
        while (size > 0) {
                ssize_t n = recv(fd, bytes, size, 0);
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        fail_msg("the agent neither answered nor hung up within %d s", ANSWER_S);
                if (n <= 0)
                        return false;
                bytes += n;
                size -= (size_t)n;
        }
        return true;
}

static bool read_packet(struct reader *reader)
{
        uint8_t byte = 0x80;
        size_t size = 0;

        if (!read_all(reader->fd, &reader->type, 1))
                return false;
        reader->type >>= 4;
        for (unsigned shift = 0; byte & 0x80U; shift += 7) {
                if (!read_all(reader->fd, &byte, 1))
                        return false;
                assert_true(shift < 28);
                size |= (size_t)(byte & 0x7fU) << shift;
        }
        reader->size = MIN(size, sizeof(reader->bytes));
        if (!read_all(reader->fd, reader->bytes, reader->size))
                return false;
        for (uint8_t over[1024]; size > sizeof(reader->bytes); size -= MIN(size - sizeof(reader->bytes), sizeof(over)))
                if (!read_all(reader->fd, over, MIN(size - sizeof(reader->bytes), sizeof(over))))
                        return false;
        return true;
}

/* Nothing that a broker sends makes the agent publish elsewhere than it may, or what is not a topic's. */
static void check_published(const struct reader *reader)
{
        char topic[TOPIC_MAX];
        size_t size = (size_t)(reader->bytes[0] << 8 | reader->bytes[1]);

        done.published++;
        assert_true(reader->size >= 2 && size < sizeof(topic) && size + 2 <= reader->size);
        memcpy(topic, reader->bytes + 2, size);
        topic[size] = '\0';
        bool is_ours = strncmp(topic, PUBLISHED_PREFIX, strlen(PUBLISHED_PREFIX)) == 0 ||
                       strncmp(topic, "homeassistant/device/hall/", 26) == 0 ||
                       strncmp(topic, "sconce/reply/", 13) == 0;
        if (!is_ours || strlen(topic) != size || strpbrk(topic, "+#") || text_utf8_valid(topic, size) != size)
                fail_msg("the agent published on \"%s\"", topic);
        done.results += strstr(topic, "/result") || strncmp(topic, "sconce/reply/", 13) == 0;
}

static int accept_agent(void)
{
        struct reader reader;
        int fd = accept(scene.listener, NULL, NULL);
        const struct timeval limit = { .tv_sec = ANSWER_S };

        if (fd < 0)
                fail_msg("the agent did not come back within %d s", ANSWER_S);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
        assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)), 0);
        reader.fd = fd;
        assert_true(read_packet(&reader));
        assert_int_equal(reader.type, 1); /* CONNECT */
        done.connections++;
        return fd;
}

static void send_draft(int fd, const struct draft *draft)
{
        struct packet_bytes packet;

        draft_encode(draft, &packet);
        (void)!send(fd, packet.bytes, packet.size, MSG_NOSIGNAL);
}

/* It may have hung up by now. */
static void send_mutation(int fd, const struct draft *draft, struct dice *dice)
{
        struct packet_bytes packet;

        draft_mutate(draft, dice, &packet);
        (void)!send(fd, packet.bytes, packet.size, MSG_NOSIGNAL);
}

/* A message behind a mutation, nobody's: when it is acknowledged, the agent has read what stood before it. */
static void send_mark(int fd, uint16_t number)
{
        struct draft draft = draft_publish("sconce/hall/mark", "");

        draft.first |= 2;
        draft.id = (uint16_t)(MARK_FIRST + number);
        send_draft(fd, &draft);
}

static void send_acknowledgements(int fd, struct dice *dice)
{
        struct draft draft = draft_acknowledgement(PACKET_SUBACK, 1);

        send_draft(fd, &draft);
        for (uint16_t id = 2; dice_chance(dice, 95) && id < 40; id++) {
                draft = draft_acknowledgement(PACKET_PUBACK, id);
                send_draft(fd, &draft);
        }
}

/* Until the agent has seen the end and hung up too. How many marks it has acknowledged. */
static uint64_t drain(int fd)
{
        struct reader reader = { .fd = fd };
        uint64_t marks = 0;

        (void)shutdown(fd, SHUT_WR);
        while (read_packet(&reader)) {
                if (reader.type == PACKET_PUBLISH)
                        check_published(&reader);
                marks += reader.type == PACKET_PUBACK && reader.size >= 2 && reader.bytes[0] == MARK_FIRST >> 8;
        }
        (void)close(fd);
        return marks;
}

static void mutate_before(int fd, struct dice *dice)
{
        struct draft draft = dice_chance(dice, 70) ? draft_connack(dice) : draft_any(dice);

        send_mutation(fd, &draft, dice);
        (void)drain(fd);
        done.mutations++;
}

/* What the agent has not read does not count, but for the one that it has ended the connection for. */
static void mutate_after(int fd, struct dice *dice)
{
        struct draft draft = draft_connack(dice);
        uint64_t n = dice_between(dice, 8, 40);

        send_draft(fd, &draft);
        send_acknowledgements(fd, dice);
        for (uint16_t i = 0; i < n; i++) {
                draft = draft_any(dice);
                send_mutation(fd, &draft, dice);
                send_mark(fd, i);
        }
        uint64_t marks = drain(fd);
        done.mutations += MIN(marks + 1, n);
        done.after_connack += MIN(marks + 1, n);
}

/* The plan of a connection is its own, whatever became of the one before. */
static void converse(uint64_t seed, uint64_t mutations)
{
        for (uint64_t until = done.mutations + mutations; done.mutations < until;) {
                struct dice dice = dice_of(seed * 1000003 + done.connections);
                int fd = accept_agent();
                if (dice_chance(&dice, 20))
                        mutate_before(fd, &dice);
                else
                        mutate_after(fd, &dice);
        }
}

/* ---- Standing still ---------------------------------------------------------------------------------------------- */

static uint64_t cpu_us(void)
{
        struct timespec now;
        clockid_t clock;

        assert_int_equal(pthread_getcpuclockid(scene.thread, &clock), 0);
        assert_int_equal(clock_gettime(clock, &now), 0);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t real_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static void await_packet(struct reader *reader, uint8_t type)
{
        do
                assert_true(read_packet(reader));
        while (reader->type != type);
}

/* The start of a packet whose rest never comes: from the first ping to the hang-up that follows it, per cent of a
 * processor. */
static unsigned stall(void)
{
        struct dice dice = dice_of(1);
        struct draft draft = draft_connack(&dice);
        struct reader reader = { .fd = accept_agent() };

        send_draft(reader.fd, &draft);
        await_packet(&reader, PACKET_SUBSCRIBE);
        (void)!send(reader.fd, "\x30\xff\x7f\x00\x10sconce", 11, MSG_NOSIGNAL);
        await_packet(&reader, PACKET_PINGREQ);
        uint64_t from_us = real_us(), cpu_from_us = cpu_us();
        while (read_packet(&reader))
                ;
        unsigned share = (unsigned)((cpu_us() - cpu_from_us) * 100 / MAX(real_us() - from_us, 1));
        (void)close(reader.fd);
        return share;
}

/* ---- After it ---------------------------------------------------------------------------------------------------- */

/* All that the agent publishes is of QoS 1. */
static void acknowledge(const struct reader *reader)
{
        size_t at = 2 + (size_t)(reader->bytes[0] << 8 | reader->bytes[1]);

        assert_true(at + 2 <= reader->size);
        struct draft draft = draft_acknowledgement(PACKET_PUBACK,
                                                   (uint16_t)(reader->bytes[at] << 8 | reader->bytes[at + 1]));
        send_draft(reader->fd, &draft);
}

/* It obeys as if nothing had been: both ways, so that one of them moves. */
static void expect_obedience(void)
{
        static const char *const words[] = { "ON", "OFF", "ON" };
        struct dice dice = dice_of(1);
        struct draft draft = draft_connack(&dice);
        struct reader reader = { .fd = accept_agent() };

        send_draft(reader.fd, &draft);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                char text[64];
                (void)snprintf(text, sizeof(text), "{\"state\":\"%s\",\"id\":\"after-%zu\"}", words[i], i);
                draft = draft_publish("sconce/hall/kitchen/set", text);
                send_draft(reader.fd, &draft);
                (void)snprintf(text, sizeof(text), "\"id\":\"after-%zu\"", i);
                do {
                        await_packet(&reader, PACKET_PUBLISH);
                        acknowledge(&reader);
                } while (!memmem(reader.bytes, reader.size, text, strlen(text)));
                assert_non_null(memmem(reader.bytes, reader.size, "\"ok\":true", 9));
                assert_int_equal(sim_value(&scene.gpio, KITCHEN), i % 2 == 0);
        }
        (void)drain(reader.fd);
}

struct things {
        size_t bytes, fds, threads;
};

static size_t count_entries(const char *path)
{
        DIR *dir = opendir(path);
        size_t count = 0;

        assert_non_null(dir);
        while (readdir(dir))
                count++;
        (void)closedir(dir);
        return count;
}

static struct things count_things(void)
{
        return (struct things){ .bytes = mallinfo2().uordblks,
                                .fds = count_entries("/proc/self/fd"),
                                .threads = count_entries("/proc/self/task") };
}

/* One life of the agent: what it has held in memory more at the end than after its first tenth. */
static size_t live(uint64_t seed, uint64_t mutations)
{
        assert_int_equal(pthread_create(&scene.thread, NULL, run, NULL), 0);
        converse(seed, mutations / 10);
        size_t first = mallinfo2().uordblks;
        converse(seed, mutations - mutations / 10);
        size_t last = mallinfo2().uordblks;
        expect_obedience();
        return last > first ? last - first : 0;
}

/* The connection that is being made while it stops is refused: no broker is needed for an end. */
static void stop_agent(void)
{
        (void)kill(getpid(), SIGTERM);
        (void)pthread_join(scene.thread, NULL);
        assert_int_equal(scene.result, 0);
}

/* All that stands in the directories that the agent writes to has a name that is its own. */
static void expect_own_files(void)
{
        static const char *const own[] = { ".",
                                           "..",
                                           "a.conf",
                                           "gpiochip0",
                                           "sconce.db",
                                           "sconce.db-wal",
                                           "sconce.db-shm",
                                           "driven-*.json",
                                           "starting",
                                           "waits-*" };
        DIR *dir = opendir(scene.gpio.dir);
        size_t i = 0;

        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir)); i = 0) {
                while (i < ARRAY_SIZE(own) && fnmatch(own[i], entry->d_name, FNM_PERIOD) != 0)
                        i++;
                if (i == ARRAY_SIZE(own))
                        fail_msg("the agent made a file \"%s\"", entry->d_name);
        }
        (void)closedir(dir);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void print_fact(uint64_t seed, size_t leaked, size_t more, unsigned share)
{
        printf("fact: | a broker that answers with mutations of MQTT 5 sessions | %" PRIu64 " mutations, %" PRIu64
               " of them after CONNACK, in %" PRIu64 " connections, seed %" PRIu64
               " | our handlers ran: connected %" PRIu64 ", messages %" PRIu64 " set, %" PRIu64 " get, %" PRIu64
               " status, %" PRIu64 " retained, %" PRIu64 " other (%" PRIu64 " with properties), acknowledged %" PRIu64
               " (%" PRIu64 " refused), subscribed %" PRIu64 ", disconnected %" PRIu64 ", attempt failed %" PRIu64
               "; %" PRIu64 " commands answered; %" PRIu64
               " packets at which libmosquitto asserts ended their connection alone, and left %zu bytes; %zu fds and "
               "threads more than before; %u %% of a processor while a packet is incomplete; %" PRIu64
               " log lines, each fit for a terminal |\n",
               done.mutations, done.after_connack, done.connections, seed, calls.connected, calls.messages[MESSAGE_SET],
               calls.messages[MESSAGE_GET], calls.messages[MESSAGE_STATUS], calls.messages[MESSAGE_RETAINED],
               calls.messages[MESSAGE_FOREIGN], calls.with_properties, calls.acknowledged, calls.refused,
               calls.subscribed, calls.disconnected, calls.failed, done.results, calls.assertions, leaked, more, share,
               logged.lines);
}

static void expect_all_handlers_ran(void)
{
        for (size_t i = 0; i < MESSAGE_CLASSES; i++)
                assert_true(calls.messages[i] > 0);
        assert_true(calls.connected > 0 && calls.disconnected > 0 && calls.with_properties > 0);
        assert_true(calls.acknowledged > 0 && calls.refused > 0 && calls.subscribed > 0 && calls.failed > 0);
        assert_true(done.after_connack * 2 >= done.mutations);
        assert_true(done.results > 0);
}

static void hostile_broker__mutated_sessions__are_survived_without_a_trace(void **state)
{
        uint64_t seed = number_of("SEED", 1), mutations = number_of("HOSTILE_MUTATIONS", 20000);
        unsigned share = 0;

        (void)state;
        (void)live(seed, mutations / 10); /* what libraries keep for good is there from then on */
        stop_agent();
        struct things before = count_things();
        uint64_t asserted = calls.assertions;
        size_t grown = live(seed + 1, mutations - done.mutations);
        for (int i = 0; i < STALLS; i++)
                share = MAX(share, stall());
        assert_int_equal(sim_edge_count(&scene.gpio, UNTOUCHED), 0);
        stop_agent();
        struct things after = count_things();
        size_t leaked = after.bytes > before.bytes ? after.bytes - before.bytes : 0;

        print_fact(seed, leaked, after.fds + after.threads - before.fds - before.threads, share);
        assert_true(done.mutations >= mutations);
        expect_all_handlers_ran();
        expect_own_files();
        assert_string_equal(logged.unfit, "");
        size_t by_assertions = (calls.assertions - asserted) * ASSERTION_BYTES;
        assert_true(leaked <= LEAK_BYTES + by_assertions);
        assert_true(grown <= GROWTH_BYTES + by_assertions);
        assert_int_equal(after.fds, before.fds);
        assert_int_equal(after.threads, before.threads);
        assert_true(share <= STALL_CPU_SHARE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(hostile_broker__mutated_sessions__are_survived_without_a_trace, setup,
                                                teardown),
        };
        signals_hold();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
