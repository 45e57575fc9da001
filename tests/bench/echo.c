/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor that sconced is measured against: a bare libmosquitto client on an external loop that answers each command with a
 * state message of the same size on the same kind of topic. It parses nothing and drives no line.
 *
 *   echo HOST PORT CA CERT KEY NAME DEVICE STATE-BYTES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus/mosquitto.h"

static char state_topic[256], command_topic[256];
static char state[4096];
static int state_bytes;

static void on_connect(struct mosquitto *mosq, void *userdata, int reason, int flags,
                       const mosquitto_property *properties)
{
        (void)userdata;
        (void)flags;
        (void)properties;
        if (reason == 0)
                (void)mosquitto_subscribe(mosq, NULL, command_topic, 1);
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
        (void)message;
        (void)properties;
        (void)mosquitto_publish_v5(mosq, NULL, state_topic, state_bytes, state, 1, true, NULL);
}

static struct mosquitto *connect_to(char *argv[])
{
        struct mosquitto *mosq = mosquitto_new(argv[6], true, NULL);

        if (!mosq)
                return NULL;
        (void)mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
        mosquitto_connect_v5_callback_set(mosq, on_connect);
        mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
        mosquitto_message_v5_callback_set(mosq, on_message);
        if (mosquitto_tls_set(mosq, argv[3], NULL, argv[4], argv[5], NULL) != MOSQ_ERR_SUCCESS ||
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
                int n = epoll_wait(epoll, &event, 1, 5000);
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
        if (argc != 9) {
                (void)fprintf(stderr, "usage: echo HOST PORT CA CERT KEY NAME DEVICE STATE-BYTES\n");
                return 2;
        }
        state_bytes = atoi(argv[8]);
        if (state_bytes < 0 || (size_t)state_bytes > sizeof(state))
                return 2;
        memset(state, 'x', sizeof(state));
        (void)snprintf(command_topic, sizeof(command_topic), "sconce/%s/%s/set", argv[6], argv[7]);
        (void)snprintf(state_topic, sizeof(state_topic), "sconce/%s/%s/state", argv[6], argv[7]);
        (void)mosquitto_lib_init();
        struct mosquitto *mosq = connect_to(argv);
        if (!mosq) {
                (void)fprintf(stderr, "cannot connect\n");
                return 1;
        }
        return run(mosq);
}
