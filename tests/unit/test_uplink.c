/* SPDX-License-Identifier: Apache-2.0 */
/* uplink: what goes to a scripted broker, and what becomes of that which comes from it. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_broker.h"
#include "fakes/house.h"
#include "channel/cause.h"
#include "channel/result.h"
#include "fakes/pem.h"
#include "uplink.h"

#define LAMP   "[lamp kitchen]\nline = GPIO17\n"
#define SET    "sconce/hall/kitchen/set"
#define STATUS "sconce/hall/status"

/* MQTT 5's properties, as they are on the wire. */
#define REPLY_TO(length, topic)    "\x08" length topic
#define CORRELATION(length, bytes) "\x09" length bytes
#define CONTENT_TYPE_JSON                                                                                              \
        "\x03\x00\x10"                                                                                                 \
        "application/json"
#define CONNACK_PACKETS_OF_176_BYTES "\x20\x08\x00\x00\x05\x27\x00\x00\x00\xb0"
#define CONNACK_PACKETS_OF_300_BYTES "\x20\x08\x00\x00\x05\x27\x00\x00\x01\x2c"

enum { NOT_AUTHORIZED = 0x87, IN_FLIGHT_MAX = 256, RETAINED_LOGGED_MAX = 64 };

struct scene {
        struct house *house;
        struct fake_broker broker;
        char url[64];
        const char *urls[2];
        struct uplink_options options;
        struct uplink *uplink;
        unsigned n_up, n_down, n_refused;
        char why[512], refused[512];
        bool is_stopped;
        bool is_theirs; /* what the handlers of others make of what comes */
        unsigned n_births, n_messages, n_subscribed;
};

static struct scene scene;

/* ---- The scene ------------------------------------------------------------------------------------------------- */

static void on_up(void *userdata)
{
        (void)userdata;
        scene.n_up++;
}

static void on_down(void *userdata, const char *why)
{
        (void)userdata;
        scene.n_down++;
        (void)snprintf(scene.why, sizeof(scene.why), "%s", why);
}

static void on_refused(void *userdata, const char *why)
{
        (void)userdata;
        scene.n_refused += why != NULL;
        (void)snprintf(scene.refused, sizeof(scene.refused), "%s", why ? why : "");
}

static int setup(void **state)
{
        memset(&scene, 0, sizeof(scene));
        if (house_setup(state) != 0)
                return -1;
        scene.house = *state;
        return 0;
}

/* Another scene may begin in the same house. */
static void end(void)
{
        struct house *house = scene.house;

        uplink_free(scene.uplink);
        fake_broker_stop(&scene.broker);
        memset(&scene, 0, sizeof(scene));
        scene.house = house;
}

static int teardown(void **state)
{
        end();
        *state = scene.house;
        return house_teardown(state);
}

static void prepare(const struct fake_step *steps, size_t n_steps)
{
        fake_broker_start(&scene.broker, steps, n_steps, NULL);
        (void)snprintf(scene.url, sizeof(scene.url), "mqtt://127.0.0.1:%u", scene.broker.port);
        scene.urls[0] = scene.url;
        scene.options = (struct uplink_options){
                .loop = &scene.house->gpio.loop,
                .clock = scene.house->clock,
                .store = scene.house->store,
                .home = scene.house->devices,
                .base = "sconce",
                .node = "hall",
                .session = { .client_id = "sconce-hall",
                             .urls = scene.urls,
                             .n_urls = 1,
                             .version = SESSION_VERSION_5,
                             .keepalive_us = 3600 * USEC_PER_SEC,
                             .connect_timeout_us = 3600 * USEC_PER_SEC,
                             .handshake_timeout_us = 3600 * USEC_PER_SEC },
        };
        house_apply(scene.house, LAMP);
        house_forget(scene.house);
}

static void start_with(const struct uplink_handlers *handlers)
{
        assert_int_equal(uplink_new(&scene.options, handlers, &scene.uplink), 0);
        assert_int_equal(session_start(uplink_session(scene.uplink)), 0);
}

static void start(void)
{
        start_with(&(struct uplink_handlers){ .up = on_up, .down = on_down, .refused = on_refused });
}

typedef bool (*condition_fn)(const struct house *house, void *userdata);

static bool is_up(const struct house *house, void *userdata)
{
        (void)house;
        return scene.n_up >= *(const unsigned *)userdata;
}

/* The back-off passes meanwhile; from the next connection on time stands still again, or it would outrun the
 * handshake. */
static bool is_up_in_time(const struct house *house, void *userdata)
{
        unsigned n = *(const unsigned *)userdata;

        if (fake_broker_connections(&scene.broker) < n)
                loop_advance(&scene.house->gpio.loop, 100 * USEC_PER_MSEC);
        return is_up(house, userdata);
}

static bool is_down(const struct house *house, void *userdata)
{
        (void)house;
        return scene.n_down >= *(const unsigned *)userdata;
}

static bool is_refused(const struct house *house, void *userdata)
{
        (void)house;
        return uplink_dropped(scene.uplink) >= *(const unsigned *)userdata;
}

static bool is_reported(const struct house *house, void *userdata)
{
        (void)house;
        return scene.n_refused >= *(const unsigned *)userdata;
}

static bool is_stopped(const struct house *house, void *userdata)
{
        (void)house;
        (void)userdata;
        return scene.is_stopped;
}

static void await(condition_fn condition, unsigned n)
{
        house_wait(scene.house, condition, &n);
}

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

/* Until the broker has got so many messages on a topic, with this in them. */
static void await_got(const char *topic, const char *part, unsigned n)
{
        house_wait(scene.house, has_got, &(struct awaited){ topic, part, n });
}

static void begin(const struct fake_step *steps, size_t n_steps)
{
        prepare(steps, n_steps);
        start();
        await(is_up, 1);
}
#define STEPS(...)                                                                                                     \
        (const struct fake_step[]){ __VA_ARGS__ },                                                                     \
                sizeof((const struct fake_step[]){ __VA_ARGS__ }) / sizeof(struct fake_step)

static const struct fake_step serve[] = { { .act = FAKE_SERVE } };
static const struct fake_step deaf[] = { { .act = FAKE_DEAF } };

static void publish(const char *device, enum device_topic topic, const char *payload)
{
        uplink_publish(scene.uplink, device, topic, payload, strlen(payload), NULL);
}

/* A command whose answer goes to `reply/test/1`: it comes when all before it has been dealt with. */
static void send_command(const char *topic, const char *payload, bool retain)
{
        static const char properties[] = REPLY_TO("\x00\x13", "sconce/reply/test/1") CORRELATION("\x00\x02", "42");

        fake_broker_send(&scene.broker, topic, payload, retain, properties, sizeof(properties) - 1);
}

static bool has_result(const struct house *house, void *userdata)
{
        return house_count(house, "kitchen", DEVICE_RESULT) >= *(const unsigned *)userdata;
}

static bool has_result_or_is_down(const struct house *house, void *userdata)
{
        return has_result(house, userdata) || is_down(house, userdata);
}

/* Where the newest result wants to go; NULL: to the device's topic. */
static const char *last_reply_to(void)
{
        for (size_t i = scene.house->n_published; i > 0; i--)
                if (scene.house->published[i - 1].topic == DEVICE_RESULT)
                        return scene.house->published[i - 1].reply_to;
        return "there is no result";
}

/* ---- The connection -------------------------------------------------------------------------------------------- */

static void start__broker_is_there__online_retained_and_then_up(void **state)
{
        (void)state;
        begin(serve, 1);
        await_got(STATUS, NULL, 1);
        struct fake_publish status = fake_broker_last(&scene.broker, STATUS);
        assert_string_equal(status.payload, "online");
        assert_true(status.retain);
        assert_true(session_is_connected(uplink_session(scene.uplink)));
        assert_int_equal(scene.n_up, 1);
        assert_true(fake_broker_connect_holds(&scene.broker, "\x00\x0bsconce-hall", 13));
        assert_true(fake_broker_connect_holds(&scene.broker, "\x00\x12" STATUS "\x00\x07offline", 2 + 18 + 2 + 7));
}

static void start__client_id_is_given__used(void **state)
{
        (void)state;
        prepare(serve, 1);
        scene.options.session.client_id = "sconce-hall-1234";
        start();
        await(is_up, 1);
        assert_true(fake_broker_connect_holds(&scene.broker, "\x00\x10sconce-hall-1234", 18));
}

static void down__broker_hangs_up__gives_the_reason_and_comes_back(void **state)
{
        (void)state;
        begin(serve, 1);
        await_got(STATUS, "online", 1);
        fake_broker_hang_up(&scene.broker);
        await(is_down, 1);
        assert_false(session_is_connected(uplink_session(scene.uplink)));
        assert_non_null(strstr(scene.why, "connection"));
        await(is_up_in_time, 2);
        await_got(STATUS, "online", 2);
}

static void down__attempt_fails__gives_the_reason(void **state)
{
        (void)state;
        prepare(STEPS({ .act = FAKE_ANSWER, FAKE_FIELDS(answer, "\x20\x03\x00\x87\x00") }));
        start();
        await(is_down, 1);
        assert_int_equal(scene.n_up, 0);
        assert_non_null(strstr(scene.why, "127.0.0.1"));
        assert_non_null(strstr(scene.why, "not authorized"));
}

static void on_stopped(void *userdata)
{
        (void)userdata;
        scene.is_stopped = true;
}

static void uplink_stop__connected__offline_is_the_last_word(void **state)
{
        (void)state;
        begin(serve, 1);
        uplink_stop(scene.uplink, on_stopped, NULL);
        await(is_stopped, 1);
        assert_string_equal(fake_broker_last(&scene.broker, STATUS).payload, "offline");
        assert_int_equal(fake_broker_got(&scene.broker, STATUS, "online"), 1);
}

/* ---- What others listen to ------------------------------------------------------------------------------------- */

#define BIRTH "homeassistant/status"

static void on_birth(void *userdata)
{
        (void)userdata;
        scene.n_births++;
}

static bool on_message(void *userdata, const struct session_message *message)
{
        (void)userdata;
        scene.n_messages += strcmp(message->topic, BIRTH) == 0;
        return scene.is_theirs;
}

static bool on_subscribed(void *userdata, int id, int reason)
{
        (void)userdata;
        (void)id;
        (void)reason;
        scene.n_subscribed++;
        return scene.is_theirs;
}

static void begin_with_birth(const struct fake_step *steps, size_t n_steps, bool has_others, bool is_theirs)
{
        prepare(steps, n_steps);
        scene.is_theirs = is_theirs;
        scene.options.announcements = (struct announcements_options){ .prefix = "homeassistant",
                                                                      .birth_topic = BIRTH,
                                                                      .birth_payload = "online" };
        start_with(&(struct uplink_handlers){ .up = on_up,
                                              .down = on_down,
                                              .refused = on_refused,
                                              .birth = on_birth,
                                              .message = has_others ? on_message : NULL,
                                              .subscribed = has_others ? on_subscribed : NULL });
        await(is_up, 1);
}

static void message__of_a_foreign_topic__theirs_or_a_birth(void **state)
{
        static const struct {
                bool has_others, is_theirs;
                unsigned n_messages, n_births;
        } rows[] = { { true, true, 1, 0 }, { true, false, 1, 1 }, { false, false, 0, 1 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin_with_birth(serve, 1, rows[i].has_others, rows[i].is_theirs);
                house_forget(scene.house);
                fake_broker_send(&scene.broker, BIRTH, "online", false, NULL, 0);
                send_command(SET, "ON", false);
                await(has_result, 1);
                assert_int_equal(scene.n_messages, rows[i].n_messages);
                assert_int_equal(scene.n_births, rows[i].n_births);
                end();
        }
}

static unsigned subscriptions_reported(void)
{
        unsigned count = 0;

        for (const char *at = scene.house->log; (at = strstr(at, "the subscription to " BIRTH)); at++)
                count++;
        return count;
}

static bool is_subscription_reported(const struct house *house, void *userdata)
{
        (void)house;
        return subscriptions_reported() >= *(const unsigned *)userdata;
}

static bool is_subscribed(const struct house *house, void *userdata)
{
        (void)house;
        return scene.n_subscribed >= *(const unsigned *)userdata;
}

static void subscribed__refused__reported_unless_it_is_theirs(void **state)
{
        static const struct fake_step refuses = { .act = FAKE_SERVE, .granted = NOT_AUTHORIZED };

        (void)state;
        begin_with_birth(&refuses, 1, true, true);
        await(is_subscribed, 1);
        assert_int_equal(subscriptions_reported(), 0);
        end();
        begin_with_birth(&refuses, 1, true, false);
        await(is_subscription_reported, 1);
        end();
        begin_with_birth(&refuses, 1, false, false);
        await(is_subscription_reported, 2);
}

/* ---- Out ------------------------------------------------------------------------------------------------------- */

static void uplink_publish__each_topic__its_name_and_retain_flag(void **state)
{
        static const struct {
                enum device_topic topic;
                const char *name, *payload;
                bool retain, is_json;
        } rows[] = {
                { DEVICE_STATUS, "sconce/hall/kitchen/status", "online", true, false },
                { DEVICE_ERROR, "sconce/hall/kitchen/error", "{\"code\":\"ebusy\"}", true, true },
                { DEVICE_STATE, "sconce/hall/kitchen/state", "{\"state\":\"ON\"}", true, true },
                { DEVICE_EVENT, "sconce/hall/kitchen/event", "{\"channel\":\"press\"}", false, true },
                { DEVICE_RESULT, "sconce/hall/kitchen/result", "{\"ok\":true}", false, true },
        };

        (void)state;
        begin(serve, 1);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                publish("kitchen", rows[i].topic, rows[i].payload);
                await_got(rows[i].name, rows[i].payload, 1);
                struct fake_publish got = fake_broker_last(&scene.broker, rows[i].name);
                assert_string_equal(got.payload, rows[i].payload);
                assert_int_equal(got.retain, rows[i].retain);
                assert_int_equal(memmem(got.properties, got.properties_size, CONTENT_TYPE_JSON, 19) != NULL,
                                 rows[i].is_json);
        }
}

static void uplink_publish__result_with_reply_to__goes_there(void **state)
{
        const struct command_meta meta = { .reply_to = "sconce/reply/test/1",
                                           .correlation = "42",
                                           .correlation_size = 2 };

        (void)state;
        begin(serve, 1);
        uplink_publish(scene.uplink, "kitchen", DEVICE_RESULT, "{}", 2, &meta);
        await_got("sconce/reply/test/1", "{}", 1);
        struct fake_publish got = fake_broker_last(&scene.broker, "sconce/reply/test/1");
        assert_non_null(memmem(got.properties, got.properties_size, CORRELATION("\x00\x02", "42"), 5));
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/result", NULL), 0);
}

static void uplink_publish__result_without_reply_to__goes_to_the_device(void **state)
{
        (void)state;
        begin(serve, 1);
        uplink_publish(scene.uplink, "kitchen", DEVICE_RESULT, "{}", 2, &(struct command_meta){ .asker = "test" });
        await_got("sconce/hall/kitchen/result", "{}", 1);
}

static void publish_kept(const char *device, const char *payload)
{
        (void)!uplink_publish_kept(scene.uplink, device, DEVICE_STATE, payload, strlen(payload));
}

/* The history keeps it, and comes again. */
static void uplink_publish_kept__not_connected_or_no_topic__is_not_on_its_way(void **state)
{
        char long_name[TOPIC_MAX + 1];

        (void)state;
        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        prepare(serve, 1);
        start();
        publish_kept("kitchen", "1");
        await(is_up, 1);
        publish_kept(long_name, "2");
        publish_kept("kitchen", "3");
        await_got("sconce/hall/kitchen/state", "3", 1);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", "1"), 0);
        assert_int_equal(uplink_dropped(scene.uplink), 0);
}

static void begin_announcing(const char *prefix)
{
        prepare(serve, 1);
        scene.options.announcements = (struct announcements_options){ prefix, "homeassistant/status", "online" };
        start();
        await(is_up, 1);
}

/* Home Assistant hears first that the device is gone: its own topics are cleared once that is acknowledged. */
static void uplink_publish__empty_where_devices_are_announced__state_and_status_wait(void **state)
{
        (void)state;
        begin_announcing("homeassistant");
        publish("kitchen", DEVICE_STATUS, "");
        publish("kitchen", DEVICE_STATE, "");
        publish("kitchen", DEVICE_ERROR, "");
        await_got("sconce/hall/kitchen/error", NULL, 1);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/status", NULL), 0);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", NULL), 0);
        publish("kitchen", DEVICE_STATUS, "online");
        await_got("sconce/hall/kitchen/status", "online", 1);
        end();
        begin_announcing(NULL);
        publish("kitchen", DEVICE_STATUS, "");
        await_got("sconce/hall/kitchen/status", NULL, 1);
}

static void uplink_publish__not_connected__is_not_queued(void **state)
{
        (void)state;
        prepare(serve, 1);
        start();
        publish("kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
        await(is_up, 1);
        publish("kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
        await_got("sconce/hall/kitchen/state", "ON", 1);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", NULL), 1);
        assert_int_equal(uplink_dropped(scene.uplink), 0);
}

static void uplink_info__connected__retained_json(void **state)
{
        (void)state;
        begin(serve, 1);
        uplink_info(scene.uplink, "{\"devices\":{}}", 14);
        await_got("sconce/hall/info", "{\"devices\":{}}", 1);
        assert_true(fake_broker_last(&scene.broker, "sconce/hall/info").retain);
}

static void uplink_publish__envelope__wraps_json_alone(void **state)
{
        (void)state;
        prepare(serve, 1);
        scene.options.envelope = true;
        start();
        await(is_up, 1);
        publish("kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
        publish("kitchen", DEVICE_EVENT, "{}");
        publish("kitchen", DEVICE_ERROR, "");
        publish("kitchen", DEVICE_STATUS, "online");
        await_got("sconce/hall/kitchen/status", "online", 1);
        struct fake_publish got = fake_broker_last(&scene.broker, "sconce/hall/kitchen/state");
        assert_non_null(strstr(got.payload, "{\"header\":{\"node\":\"hall\",\"device\":\"kitchen\",\"time\":\"20"));
        assert_non_null(strstr(got.payload, "\"seq\":1},\"content\":{\"state\":\"ON\"},\"footer\":{\"sha256\":\""));
        got = fake_broker_last(&scene.broker, "sconce/hall/kitchen/event");
        assert_non_null(strstr(got.payload, "\"seq\":2},\"content\":{},"));
        /* What clears a topic stays empty. */
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/error", NULL), 1);
        assert_string_equal(fake_broker_last(&scene.broker, "sconce/hall/kitchen/error").payload, "");
        assert_string_equal(fake_broker_last(&scene.broker, "sconce/hall/kitchen/status").payload, "online");
}

static void acknowledged__refused__reported_once_and_counted(void **state)
{
        (void)state;
        begin(STEPS({ .act = FAKE_SERVE, .puback = NOT_AUTHORIZED, .refused = "kitchen" }));
        publish("kitchen", DEVICE_STATE, "{}");
        publish("kitchen", DEVICE_STATE, "{}");
        await(is_refused, 2);
        assert_int_equal(scene.n_refused, 1);
        assert_string_equal(scene.refused, "the broker refuses what node hall publishes (not authorized)");
        assert_true(session_is_connected(uplink_session(scene.uplink)));
        /* Another connection may be another matter. */
        fake_broker_hang_up(&scene.broker);
        await(is_down, 1);
        await(is_up_in_time, 2);
        assert_string_equal(scene.refused, "");
        publish("kitchen", DEVICE_STATE, "{}");
        await(is_reported, 2);
}

/* The certificate of `name` is for a first broker, which is not there. */
static const char *refused_with_certificate(const char *name)
{
        struct pem_dir dir;
        char file[16];

        assert_int_equal(pem_dir_make(&dir), 0);
        pem_pair(&dir, name, 30);
        prepare(STEPS({ .act = FAKE_SERVE, .puback = NOT_AUTHORIZED, .refused = "kitchen" }));
        scene.urls[0] = "mqtts://127.0.0.1:1";
        scene.urls[1] = scene.url;
        scene.options.session.n_urls = 2;
        (void)snprintf(file, sizeof(file), "%s.crt", name);
        const char *certificate = pem_path(&dir, file);
        (void)snprintf(file, sizeof(file), "%s.key", name);
        const struct tls_options tls = { .ca = certificate, .cert = certificate, .key = pem_path(&dir, file) };
        scene.options.session.tls = &tls;
        start();
        await(is_up_in_time, 1);
        publish("kitchen", DEVICE_STATE, "{}");
        await(is_reported, 1);
        pem_dir_remove(&dir);
        uplink_free(TAKE_PTR(scene.uplink)); /* it borrows what ends here */
        return scene.refused;
}

/* It is by the certificate's name that the broker's list goes. */
static void acknowledged__refused_with_a_certificate__names_it_where_it_is_another(void **state)
{
        (void)state;
        assert_string_equal(refused_with_certificate("hall"),
                            "the broker refuses what node hall publishes (not authorized)");
        end();
        assert_string_equal(refused_with_certificate("cellar"),
                            "the broker refuses what node hall publishes (not authorized): its certificate is for "
                            "\"cellar\", see [node] name");
}

/* ---- Commands for other nodes ----------------------------------------------------------------------------------- */

#define LIGHT               "sconce/shed/lamp/set"
#define CONNACK_WINDOW_OF_7 "\x20\x06\x00\x00\x03\x21\x00\x07"
#define EXPIRY_5_SECONDS    "\x02\x00\x00\x00\x05"
#define CHAIN_3                                                                                                        \
        "\x26\x00\x0csconce-chain"                                                                                     \
        "\x00\x01"                                                                                                     \
        "3"

#define CHAIN_8                                                                                                        \
        "\x26\x00\x0csconce-chain"                                                                                     \
        "\x00\x01"                                                                                                     \
        "8"

enum { NOBODY_LISTENS = 0x10 };

/* The first action of the rule `away`, as that would command it. */
static int command_shed(const char *channel, const char *payload, struct result *result)
{
        char rule[] = "away";
        const struct command_cause cause = { .rule = rule, .depth = 3 };

        return uplink_command_other(
                scene.uplink,
                &(struct distant_command){
                        .node = "shed", .device = "lamp", .channel = channel, .payload = payload, .cause = &cause },
                result);
}

static void begin_with_rule(const struct fake_step *steps, size_t n_steps)
{
        prepare(steps, n_steps);
        house_apply(scene.house, LAMP "[rule away]\nwhen = kitchen.state = ON\nthen = shed/lamp ON\n");
        start();
        await(is_up, 1);
}

static bool has_logged(const struct house *house, void *userdata)
{
        return house_logged(house, userdata);
}

static void await_logged(const char *text)
{
        char copy[320];

        (void)snprintf(copy, sizeof(copy), "%s", text);
        house_wait(scene.house, has_logged, copy);
}

static void command_other__connected__expires_and_carries_its_chain(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(serve, 1);
        assert_true(uplink_reaches_others(scene.uplink));
        assert_int_equal(command_shed(NULL, "ON", &result), 0);
        assert_int_equal(command_shed("brightness", "{\"a\": 1}", &result), 0);
        await_got(LIGHT "/brightness", "{\"a\": 1}", 1);
        struct fake_publish got = fake_broker_last(&scene.broker, LIGHT);
        assert_string_equal(got.payload, "ON");
        assert_false(got.retain);
        assert_true(got.id > 0); /* QoS 1 */
        assert_non_null(memmem(got.properties, got.properties_size, FAKE_BYTES(EXPIRY_5_SECONDS)));
        assert_non_null(memmem(got.properties, got.properties_size, FAKE_BYTES(CHAIN_3)));
        assert_non_null(memmem(got.properties, got.properties_size,
                               FAKE_BYTES("\x00\x07"
                                          "expires\x00\x18"
                                          "20")));
}

/* Nothing of it is sent later. */
static void command_other__not_connected__refused(void **state)
{
        struct result result = { 0 };

        (void)state;
        prepare(serve, 1);
        start();
        assert_false(uplink_reaches_others(scene.uplink));
        assert_int_equal(command_shed(NULL, "ON", &result), -EINVAL);
        assert_string_equal(result.message, "no broker is connected, and it is not sent later");
        await(is_up, 1);
        assert_int_equal(command_shed("second", "ON", &result), 0);
        await_got(LIGHT "/second", NULL, 1);
        assert_int_equal(fake_broker_got(&scene.broker, LIGHT, NULL), 0);
}

static void command_other__mqtt_3_1_1__refused(void **state)
{
        struct result result = { 0 };

        (void)state;
        prepare(serve, 1);
        scene.options.session.version = SESSION_VERSION_311;
        start();
        await(is_up, 1);
        assert_false(uplink_reaches_others(scene.uplink));
        assert_int_equal(command_shed(NULL, "ON", &result), -EINVAL);
        assert_string_equal(result.message, "that takes MQTT 5, and this connection is MQTT 3.1.1");
}

static void command_other__to_itself__refused(void **state)
{
        struct result result = { 0 };
        const struct command_cause cause = { .depth = 1 };

        (void)state;
        begin(serve, 1);
        const struct distant_command command = { .node = "hall", .device = "x", .payload = "ON", .cause = &cause };
        assert_int_equal(uplink_command_other(scene.uplink, &command, &result), -EINVAL);
        assert_string_equal(result.message, "hall is this node: write the device alone");
}

static void command_other__refused_by_the_broker__logged_with_what_to_do(void **state)
{
        static const struct {
                uint8_t reason;
                const char *why;
        } samples[] = {
                { NOT_AUTHORIZED, "the broker does not let this node command shed: sudo sconce-pki grant hall shed, on "
                                  "the broker's machine" },
                { NOBODY_LISTENS, "no node shed is there: does it run, and is it called so?" },
                { 0x97, "the broker refuses it (quota exceeded)" },
        };
        struct result result = { 0 };
        char line[320];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                begin_with_rule(STEPS({ .act = FAKE_SERVE, .puback = samples[i].reason, .refused = "shed" }));
                assert_int_equal(command_shed(NULL, "ON", &result), 0);
                (void)snprintf(line, sizeof(line), "rule away: shed/lamp ON was not carried out: %s", samples[i].why);
                await_logged(line);
                /* It is the rule's business, not the node's: nothing of ours was refused. */
                assert_int_equal(scene.n_refused, 0);
                assert_int_equal(uplink_dropped(scene.uplink), 0);
                end();
        }
}

static void command_other__connection_lost_before_the_answer__logged(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(deaf, 1);
        assert_int_equal(command_shed(NULL, "ON", &result), 0);
        await_got(LIGHT, NULL, 1);
        fake_broker_hang_up(&scene.broker);
        await_logged("rule away: shed/lamp ON was not carried out: the connection ended before the broker had "
                     "acknowledged it");
}

/* Behind the window it would wait, and come late. */
static void command_other__window_is_full__goes_past_it_without_an_answer(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(STEPS({ .act = FAKE_DEAF, FAKE_FIELDS(answer, CONNACK_WINDOW_OF_7) }));
        while (session_in_flight(uplink_session(scene.uplink)) < 9)
                publish("kitchen", DEVICE_STATE, "{}");
        assert_int_equal(command_shed(NULL, "ON", &result), 1);
        await_got(LIGHT, "ON", 1);
        assert_int_equal(fake_broker_last(&scene.broker, LIGHT).id, 0); /* QoS 0 */
        assert_true(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", NULL) < 8);
}

static void command_other__broker_does_not_answer__refused_after_so_many(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(deaf, 1);
        for (int i = 0; i < 64; i++)
                assert_int_equal(command_shed(NULL, "ON", &result), 0);
        assert_int_equal(command_shed(NULL, "ON", &result), -EINVAL);
        assert_string_equal(result.message, "the broker is too slow: it has not acknowledged what was sent before");
}

static void command_other__too_much_is_unacknowledged__refused(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(deaf, 1);
        while (session_in_flight(uplink_session(scene.uplink)) < IN_FLIGHT_MAX)
                publish("kitchen", DEVICE_STATE, "{}");
        assert_int_equal(command_shed(NULL, "ON", &result), -EINVAL);
        assert_string_equal(result.message, "the broker is too slow: it has not acknowledged what was sent before");
}

/* The other node would compare its clock with one that is wrong. */
static void command_other__own_clock_is_not_right__without_a_moment_of_its_end(void **state)
{
        struct result result = { 0 };

        (void)state;
        begin_with_rule(serve, 1);
        clock_set_mode(scene.house->clock, CLOCK_MODE_AUTO);
        assert_int_equal(command_shed(NULL, "ON", &result), 0);
        await_got(LIGHT, "ON", 1);
        struct fake_publish got = fake_broker_last(&scene.broker, LIGHT);
        assert_non_null(memmem(got.properties, got.properties_size, FAKE_BYTES(EXPIRY_5_SECONDS)));
        assert_null(memmem(got.properties, got.properties_size, FAKE_BYTES("expires")));
}

/* A rule of another node has sent it. */
static void on_message__command_with_a_chain__goes_on_in_the_rules(void **state)
{
        static const char properties[] = CHAIN_8;

        (void)state;
        prepare(serve, 1);
        house_apply(scene.house, LAMP "[rule on]\nwhen = kitchen.state = ON\nthen = kitchen OFF\n");
        start();
        await(is_up, 1);
        fake_broker_send(&scene.broker, SET, "ON", false, properties, sizeof(properties) - 1);
        await_logged("rule on was not carried out: 8 rules before it have set each other off in a row");
        assert_int_equal(sim_value(&scene.house->gpio, 17), 1);
}

static void uplink_publish__larger_than_the_broker_takes__left_out_and_logged_once(void **state)
{
        char large[200] = "";

        (void)state;
        begin(STEPS({ .act = FAKE_SERVE, FAKE_FIELDS(answer, CONNACK_PACKETS_OF_176_BYTES) }));
        memset(large, 'x', sizeof(large) - 1);
        publish("kitchen", DEVICE_STATE, large);
        publish("kitchen", DEVICE_STATE, large);
        publish("kitchen", DEVICE_STATUS, "online");
        await_got("sconce/hall/kitchen/status", "online", 1);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", NULL), 0);
        assert_int_equal(uplink_dropped(scene.uplink), 2);
        const char *logged = strstr(scene.house->log, "its 199 bytes are more than the broker takes");
        assert_non_null(logged);
        assert_null(strstr(logged + 1, "its 199 bytes"));
}

/* Whoever waits for an answer gets one, if not the one that was meant. */
static void uplink_publish__answer_over_the_brokers_limit__a_refusal_instead(void **state)
{
        const struct command_meta meta = { .reply_to = "sconce/reply/test/1",
                                           .correlation = "42",
                                           .correlation_size = 2 };
        char large[400] = "";

        (void)state;
        begin(STEPS({ .act = FAKE_SERVE, FAKE_FIELDS(answer, CONNACK_PACKETS_OF_300_BYTES) }));
        memset(large, 'x', sizeof(large) - 1);
        uplink_publish(scene.uplink, "kitchen", DEVICE_RESULT, large, strlen(large), &meta);
        await_got("sconce/reply/test/1", "\"code\":\"too_large\"", 1);
        struct fake_publish got = fake_broker_last(&scene.broker, "sconce/reply/test/1");
        assert_non_null(memmem(got.properties, got.properties_size, CORRELATION("\x00\x02", "42"), 5));
        assert_non_null(strstr(got.payload, "the answer's 399 bytes are more than the broker takes"));
        assert_int_equal(uplink_dropped(scene.uplink), 1);
}

/* Nobody has named a place of their own: the device's topic would bring it to all. */
static void uplink_publish__result_over_the_brokers_limit__left_out(void **state)
{
        char large[400] = "";

        (void)state;
        begin(STEPS({ .act = FAKE_SERVE, FAKE_FIELDS(answer, CONNACK_PACKETS_OF_300_BYTES) }));
        memset(large, 'x', sizeof(large) - 1);
        uplink_publish(scene.uplink, "kitchen", DEVICE_RESULT, large, strlen(large), NULL);
        uplink_publish(scene.uplink, "kitchen", DEVICE_RESULT, large, strlen(large),
                       &(struct command_meta){ .asker = "test" });
        publish("kitchen", DEVICE_STATUS, "online");
        await_got("sconce/hall/kitchen/status", "online", 1);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/result", NULL), 0);
        assert_int_equal(uplink_dropped(scene.uplink), 2);
}

static void uplink_publish__broker_acknowledges_nothing__waits_and_catches_up(void **state)
{
        (void)state;
        begin(deaf, 1);
        for (unsigned i = 0; i < IN_FLIGHT_MAX; i++)
                publish("kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
        /* The newest state is published when there is room again; an event or a result is lost. */
        publish("kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
        assert_int_equal(uplink_dropped(scene.uplink), 0);
        publish("kitchen", DEVICE_EVENT, "{}");
        publish("kitchen", DEVICE_RESULT, "{}");
        assert_int_equal(uplink_dropped(scene.uplink), 2);
        assert_int_equal(session_in_flight(uplink_session(scene.uplink)), IN_FLIGHT_MAX);
        await_got("sconce/hall/kitchen/state", NULL, IN_FLIGHT_MAX - 1);
        assert_int_equal(scene.n_up, 1);
        fake_broker_acknowledge(&scene.broker);
        await(is_up, 2);
        assert_true(session_in_flight(uplink_session(scene.uplink)) < IN_FLIGHT_MAX / 2);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/state", "ON"), 0);
        assert_int_equal(fake_broker_got(&scene.broker, "sconce/hall/kitchen/event", NULL), 0);
}

static void start__retained_topics_of_an_earlier_config__cleared_and_forgotten(void **state)
{
        (void)state;
        prepare(serve, 1);
        assert_int_equal(store_put(scene.house->store, STORE_TOPIC, "", "sconce/hall/gone/state", ""), 0);
        start();
        await(is_up, 1);
        await_got("sconce/hall/gone/state", NULL, 1);
        struct fake_publish got = fake_broker_last(&scene.broker, "sconce/hall/gone/state");
        assert_string_equal(got.payload, "");
        assert_true(got.retain);
        /* By the next acknowledgement it has been acknowledged too. */
        send_command(SET, "ON", false);
        await(has_result, 1);
        assert_null(store_get(scene.house->store, STORE_TOPIC, "", "sconce/hall/gone/state"));
        assert_non_null(store_get(scene.house->store, STORE_TOPIC, "", STATUS));
}

/* ---- In -------------------------------------------------------------------------------------------------------- */

static void command__with_response_topic__carried_out_and_answered_there(void **state)
{
        (void)state;
        begin(serve, 1);
        send_command(SET, "ON", false);
        await(has_result, 1);
        assert_string_equal(last_reply_to(), "sconce/reply/test/1");
        assert_int_equal(sim_value(&scene.house->gpio, 17), 1);
}

static void command__for_one_channel__reaches_it(void **state)
{
        (void)state;
        begin(serve, 1);
        send_command("sconce/hall/kitchen/set/state", "ON", false);
        await(has_result, 1);
        assert_int_equal(sim_value(&scene.house->gpio, 17), 1);
}

static void command__retained__never_acted_on_and_logged_once(void **state)
{
        (void)state;
        begin(serve, 1);
        send_command(SET, "ON", true);
        send_command(SET, "ON", true);
        send_command(SET, "sideways", false);
        await(has_result, 1);
        assert_int_equal(house_count(scene.house, "kitchen", DEVICE_RESULT), 1);
        assert_int_equal(sim_value(&scene.house->gpio, 17), 0);
        const char *logged = strstr(scene.house->log, "a retained command is never acted on");
        assert_non_null(logged);
        assert_null(strstr(logged + 1, "a retained command is never acted on"));
}

/* Anyone who may publish can think up topics: the log ends, what is refused does not. */
static void command__retained_on_many_topics__logged_for_the_first_alone(void **state)
{
        char topic[64];
        unsigned n = 0;

        (void)state;
        begin(serve, 1);
        for (unsigned i = 0; i < RETAINED_LOGGED_MAX + 4; i++) {
                (void)snprintf(topic, sizeof(topic), "sconce/hall/thing%u/set", i);
                send_command(topic, "ON", true);
        }
        send_command(SET, "ON", true);
        send_command(SET, "sideways", false);
        await(has_result, 1);
        for (const char *at = scene.house->log; (at = strstr(at, "never acted on")); at++)
                n++;
        assert_int_equal(n, RETAINED_LOGGED_MAX);
        assert_int_equal(sim_value(&scene.house->gpio, 17), 0);
}

/* What any publisher may name as its response topic must not be written by the node. */
static void get__trend__answered_on_the_response_topic(void **state)
{
        (void)state;
        begin(serve, 1);
        house_forget(scene.house);
        send_command("sconce/hall/kitchen/get", "{\"trend\":\"24h\",\"channel\":\"state\"}", false);
        await(has_result, 1);
        assert_non_null(strstr(house_published(scene.house, "kitchen", DEVICE_RESULT), "\"step_s\":300"));
        assert_string_equal(last_reply_to(), "sconce/reply/test/1");
        assert_int_equal(house_count(scene.house, "kitchen", DEVICE_STATE), 0);
}

static void command__response_topic_elsewhere__answered_on_result(void **state)
{
        static const char *const topics[] = {
                REPLY_TO("\x00\x0f", "homeassistant/x"),
                REPLY_TO("\x00\x10", "sconce/reply/a/+"),
                REPLY_TO("\x00\x10", "sconce/reply/a/#"),
        };
        static const size_t sizes[] = { 3 + 15, 3 + 16, 3 + 16 };

        (void)state;
        for (unsigned i = 0; i < ARRAY_SIZE(topics); i++) {
                begin(serve, 1);
                fake_broker_send(&scene.broker, SET, "{\"state\":\"SIDEWAYS\"}", false, topics[i], sizes[i]);
                await(has_result_or_is_down, 1);
                /* From 2.0.21 on libmosquitto itself ends a connection that brings a wildcard there. */
                if (scene.n_down == 0 || i == 0)
                        assert_null(last_reply_to());
                assert_int_equal(fake_broker_got(&scene.broker, "sconce/reply/a/+", NULL), 0);
                assert_int_equal(fake_broker_got(&scene.broker, "sconce/reply/a/#", NULL), 0);
                end();
        }
}

static void command__topic_of_another_node__is_not_ours(void **state)
{
        (void)state;
        begin(serve, 1);
        send_command("sconce/attic/kitchen/set", "ON", false);
        send_command("sconce/hall/kitchen/set/state/x", "ON", false);
        send_command(SET, "OFF", false);
        await(has_result, 1);
        assert_int_equal(house_count(scene.house, "kitchen", DEVICE_RESULT), 1);
        assert_int_equal(sim_edge_count(&scene.house->gpio, 17), 0);
}

static bool has_state(const struct house *house, void *userdata)
{
        return house_count(house, userdata, DEVICE_STATE) >= 1;
}

static void get__one_device_and_all__read_again(void **state)
{
        (void)state;
        begin(serve, 1);
        fake_broker_send(&scene.broker, "sconce/hall/kitchen/get", "", false, NULL, 0);
        house_wait(scene.house, has_state, (char[]){ "kitchen" });
        assert_int_equal(house_count(scene.house, "node", DEVICE_STATE), 0);
        fake_broker_send(&scene.broker, "sconce/hall/get", "", false, NULL, 0);
        house_wait(scene.house, has_state, (char[]){ "node" });
}

static bool has_told_of_another(const struct house *house, void *userdata)
{
        (void)userdata;
        return strstr(house->log, "\"online\" is published again") != NULL;
}

static void own_status__another_client_wrote_offline__online_again_at_most_once_a_second(void **state)
{
        (void)state;
        begin(serve, 1);
        house_pass(scene.house, 5 * USEC_PER_SEC);
        for (int i = 0; i < 3; i++)
                fake_broker_send(&scene.broker, STATUS, "offline", false, NULL, 0);
        send_command(SET, "ON", false);
        await(has_result, 1);
        await_got(STATUS, "online", 2);
        assert_int_equal(fake_broker_got(&scene.broker, STATUS, "online"), 2);
        house_pass(scene.house, USEC_PER_SEC);
        await_got(STATUS, "online", 3);
        await(has_told_of_another, 1);
        const char *logged = strstr(scene.house->log, "\"online\" is published again");
        assert_null(strstr(logged + 1, "\"online\" is published again"));
}

/* As a broker does with the will of each client when it stops. */
static void own_status__offline_and_then_the_end__is_nobody_elses(void **state)
{
        (void)state;
        begin(serve, 1);
        await_got(STATUS, "online", 1);
        fake_broker_send(&scene.broker, STATUS, "offline", false, NULL, 0);
        fake_broker_hang_up(&scene.broker);
        await(is_down, 1);
        await(is_up_in_time, 2);
        await_got(STATUS, "online", 2);
        assert_null(strstr(scene.house->log, "somebody else has written"));
}

static void own_status__replayed_or_online__left_alone(void **state)
{
        (void)state;
        begin(serve, 1);
        fake_broker_send(&scene.broker, STATUS, "offline", true, NULL, 0);
        fake_broker_send(&scene.broker, STATUS, "online", false, NULL, 0);
        send_command(SET, "ON", false);
        await(has_result, 1);
        publish("kitchen", DEVICE_EVENT, "{}");
        await_got("sconce/hall/kitchen/event", NULL, 1);
        assert_int_equal(fake_broker_got(&scene.broker, STATUS, "online"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(start__broker_is_there__online_retained_and_then_up),
                TEST(start__client_id_is_given__used),
                TEST(down__broker_hangs_up__gives_the_reason_and_comes_back),
                TEST(down__attempt_fails__gives_the_reason),
                TEST(uplink_stop__connected__offline_is_the_last_word),
                TEST(message__of_a_foreign_topic__theirs_or_a_birth),
                TEST(subscribed__refused__reported_unless_it_is_theirs),
                TEST(uplink_publish__each_topic__its_name_and_retain_flag),
                TEST(uplink_publish__result_with_reply_to__goes_there),
                TEST(uplink_publish__result_without_reply_to__goes_to_the_device),
                TEST(uplink_publish_kept__not_connected_or_no_topic__is_not_on_its_way),
                TEST(uplink_publish__empty_where_devices_are_announced__state_and_status_wait),
                TEST(uplink_publish__not_connected__is_not_queued),
                TEST(uplink_info__connected__retained_json),
                TEST(uplink_publish__envelope__wraps_json_alone),
                TEST(acknowledged__refused__reported_once_and_counted),
                TEST(acknowledged__refused_with_a_certificate__names_it_where_it_is_another),
                TEST(command_other__connected__expires_and_carries_its_chain),
                TEST(command_other__not_connected__refused),
                TEST(command_other__mqtt_3_1_1__refused),
                TEST(command_other__to_itself__refused),
                TEST(command_other__refused_by_the_broker__logged_with_what_to_do),
                TEST(command_other__connection_lost_before_the_answer__logged),
                TEST(command_other__window_is_full__goes_past_it_without_an_answer),
                TEST(command_other__broker_does_not_answer__refused_after_so_many),
                TEST(command_other__too_much_is_unacknowledged__refused),
                TEST(command_other__own_clock_is_not_right__without_a_moment_of_its_end),
                TEST(on_message__command_with_a_chain__goes_on_in_the_rules),
                TEST(uplink_publish__larger_than_the_broker_takes__left_out_and_logged_once),
                TEST(uplink_publish__answer_over_the_brokers_limit__a_refusal_instead),
                TEST(uplink_publish__result_over_the_brokers_limit__left_out),
                TEST(uplink_publish__broker_acknowledges_nothing__waits_and_catches_up),
                TEST(start__retained_topics_of_an_earlier_config__cleared_and_forgotten),
                TEST(command__with_response_topic__carried_out_and_answered_there),
                TEST(command__for_one_channel__reaches_it),
                TEST(command__retained__never_acted_on_and_logged_once),
                TEST(command__retained_on_many_topics__logged_for_the_first_alone),
                TEST(get__trend__answered_on_the_response_topic),
                TEST(command__response_topic_elsewhere__answered_on_result),
                TEST(command__topic_of_another_node__is_not_ours),
                TEST(get__one_device_and_all__read_again),
                TEST(own_status__another_client_wrote_offline__online_again_at_most_once_a_second),
                TEST(own_status__offline_and_then_the_end__is_nobody_elses),
                TEST(own_status__replayed_or_online__left_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
