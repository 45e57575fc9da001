/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor that the others are measured against: a bare libmosquitto client on an external loop that publishes what
 * sconced publishes (the same topics, JSON, QoS, retain; its status and will) and does nothing else: it looks at no
 * command, has no line, and keeps nothing. A command is answered by the state of its lamp; one of the device
 * `trigger` by READINGS readings, too, and one of `backlog` by as many messages of the history, a few of them at once.
 *
 *   echo HOST PORT DIRECTORY NODE READINGS
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bus/mosquitto.h"

static const char *node;
static char trigger_topic[256], backlog_topic[256];
static unsigned readings, made;
/* Of the backlog: what is not sent yet, and what is not acknowledged; as many as sconced has at once. */
static unsigned left, in_flight;
enum { IN_FLIGHT_MAX = 64, STAMP_MAX = 32 };

static void write_stamp(char stamp[static STAMP_MAX])
{
        struct timespec now;
        struct tm tm;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        size_t size = strftime(stamp, STAMP_MAX, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
        (void)snprintf(stamp + size, STAMP_MAX - size, ".%03ldZ", now.tv_nsec / 1000000);
}

static void publish(struct mosquitto *mosq, const char *device, const char *value, int size)
{
        char topic[256], payload[256], stamp[STAMP_MAX];

        write_stamp(stamp);
        (void)snprintf(topic, sizeof(topic), "sconce/%s/%s/state", node, device);
        int length = snprintf(payload, sizeof(payload), "{\"time\":\"%s\",%.*s}", stamp, size, value);
        (void)mosquitto_publish_v5(mosq, NULL, topic, length, payload, 1, true, NULL);
}

static void publish_state(struct mosquitto *mosq, const char *device, const struct mosquitto_message *message)
{
        char value[32];

        int size = snprintf(value, sizeof(value), "\"state\":\"%.*s\"",
                            message->payloadlen < 8 ? message->payloadlen : 8, (const char *)message->payload);
        publish(mosq, device, value, size);
}

static void publish_readings(struct mosquitto *mosq)
{
        char device[32], value[32];

        for (unsigned i = 0; i < readings; i++) {
                (void)snprintf(device, sizeof(device), "m%u", i);
                int size = snprintf(value, sizeof(value), "\"number\":%u", ++made);
                publish(mosq, device, value, size);
        }
}

static void publish_history(struct mosquitto *mosq)
{
        static const char boot[] = "01234567-89ab-cdef-0123-456789abcdef";
        char topic[256], payload[256], stamp[STAMP_MAX];

        made++;
        write_stamp(stamp);
        (void)snprintf(topic, sizeof(topic), "sconce/%s/m0/history", node);
        int length = snprintf(payload, sizeof(payload),
                              "{\"seq\":%u,\"boot\":\"%s\",\"time\":\"%s\",\"state\":{\"number\":%u}}", made, boot,
                              stamp, made);
        (void)mosquitto_publish_v5(mosq, NULL, topic, length, payload, 1, false, NULL);
}

static void drain(struct mosquitto *mosq)
{
        for (; left > 0 && in_flight < IN_FLIGHT_MAX; left--, in_flight++)
                publish_history(mosq);
}

static void on_publish(struct mosquitto *mosq, void *userdata, int mid, int reason,
                       const mosquitto_property *properties)
{
        (void)userdata;
        (void)mid;
        (void)reason;
        (void)properties;
        if (in_flight > 0)
                in_flight--;
        drain(mosq);
}

static void on_connect(struct mosquitto *mosq, void *userdata, int reason, int flags,
                       const mosquitto_property *properties)
{
        char topics[3][256];
        char *const names[] = { topics[0], topics[1], topics[2] };

        (void)userdata;
        (void)flags;
        (void)properties;
        if (reason != 0)
                return;
        (void)snprintf(topics[0], sizeof(topics[0]), "sconce/%s/status", node);
        (void)mosquitto_publish_v5(mosq, NULL, topics[0], 6, "online", 1, true, NULL);
        (void)snprintf(topics[0], sizeof(topics[0]), "sconce/%s/+/set", node);
        (void)snprintf(topics[1], sizeof(topics[1]), "sconce/%s/+/get", node);
        (void)snprintf(topics[2], sizeof(topics[2]), "sconce/%s/get", node);
        (void)mosquitto_subscribe_multiple(mosq, NULL, 3, names, 1, 0, NULL);
}

static void on_subscribe(struct mosquitto *mosq, void *userdata, int mid, int n, const int *granted,
                         const mosquitto_property *properties)
{
        (void)mosq;
        (void)userdata;
        (void)mid;
        (void)n;
        (void)granted;
        (void)properties;
        (void)fprintf(stderr, "ready\n");
}

static void on_message(struct mosquitto *mosq, void *userdata, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
        (void)userdata;
        (void)properties;
        if (strcmp(message->topic, backlog_topic) == 0) {
                left = readings;
                drain(mosq);
                return;
        }
        bool is_trigger = strcmp(message->topic, trigger_topic) == 0;
        publish_state(mosq, is_trigger ? "trigger" : "kitchen", message);
        if (is_trigger)
                publish_readings(mosq);
}

static struct mosquitto *connect_to(char *argv[])
{
        struct mosquitto *mosq = mosquitto_new(node, true, NULL);
        char files[3][4096], topic[256];
        static const char *const names[] = { "ca.crt", "node.crt", "node.key" };

        if (!mosq)
                return NULL;
        for (size_t i = 0; i < 3; i++)
                (void)snprintf(files[i], sizeof(files[i]), "%s/%s", argv[3], names[i]);
        (void)snprintf(topic, sizeof(topic), "sconce/%s/status", node);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, UINT16_MAX);
        mosquitto_connect_v5_callback_set(mosq, on_connect);
        mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
        mosquitto_publish_v5_callback_set(mosq, on_publish);
        mosquitto_message_v5_callback_set(mosq, on_message);
        if (mosquitto_will_set(mosq, topic, 7, "offline", 1, true) != MOSQ_ERR_SUCCESS ||
            mosquitto_tls_set(mosq, files[0], NULL, files[1], files[2], NULL) != MOSQ_ERR_SUCCESS ||
            mosquitto_connect_bind_v5(mosq, argv[1], atoi(argv[2]), 60, NULL, NULL) != MOSQ_ERR_SUCCESS)
                return NULL;
        return mosq;
}

static int run(struct mosquitto *mosq)
{
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        uint32_t watched = 0;

        for (int r = MOSQ_ERR_SUCCESS; r == MOSQ_ERR_SUCCESS;) {
                uint32_t wanted = mosquitto_want_write(mosq) ? EPOLLIN | EPOLLOUT : EPOLLIN;
                struct epoll_event event = { .events = wanted };

                if (wanted != watched)
                        (void)epoll_ctl(epoll, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, mosquitto_socket(mosq), &event);
                watched = wanted;
                /* mosquitto looks at its keep-alive once in 30 seconds, as sconced does. */
                int n = epoll_wait(epoll, &event, 1, 30000);
                if (n == 0)
                        r = mosquitto_loop_misc(mosq);
                if (n == 1 && event.events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                        r = mosquitto_loop_read(mosq, 1);
                while (r == MOSQ_ERR_SUCCESS && mosquitto_want_write(mosq)) {
                        r = mosquitto_loop_write(mosq, 1);
                        /* During the handshake it may go on wanting: then the socket has to become writable first. */
                        if (mosquitto_want_write(mosq))
                                break;
                }
        }
        (void)close(epoll);
        return 1;
}

int main(int argc, char *argv[])
{
        if (argc != 6) {
                (void)fprintf(stderr, "usage: echo HOST PORT DIRECTORY NODE READINGS\n");
                return 2;
        }
        node = argv[4];
        (void)snprintf(trigger_topic, sizeof(trigger_topic), "sconce/%s/trigger/set", node);
        (void)snprintf(backlog_topic, sizeof(backlog_topic), "sconce/%s/backlog/set", node);
        readings = (unsigned)strtoul(argv[5], NULL, 10);
        (void)mosquitto_lib_init();
        struct mosquitto *mosq = connect_to(argv);
        if (!mosq) {
                (void)fprintf(stderr, "cannot connect\n");
                return 1;
        }
        return run(mosq);
}
