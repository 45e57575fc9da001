/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/probe.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bus/mosquitto.h"
#include "system/certs.h"
#include "system/pump.h"
#include "system/workdir.h"

#define US_PER_MS 1000ULL
/* A Node-RED takes its time to start on a busy machine. */
#define START_US (60 * 1000 * US_PER_MS)
#define AGAIN_MS 100

static void on_connect(struct mosquitto *mosq, void *userdata, int reason)
{
        struct probe *probe = userdata;

        (void)mosq;
        probe->is_connected = reason == 0;
}

static void on_publish(struct mosquitto *mosq, void *userdata, int mid)
{
        struct probe *probe = userdata;

        (void)mosq;
        (void)mid;
        probe->acks++;
}

static void on_subscribe(struct mosquitto *mosq, void *userdata, int mid, int n, const int *granted)
{
        (void)n;
        (void)granted;
        on_publish(mosq, userdata, mid);
}

static void on_status(struct probe *probe, const struct mosquitto_message *message)
{
        bool is_online = message->payloadlen == 6 && memcmp(message->payload, "online", 6) == 0;

        if (is_online && !probe->is_online)
                probe->online_us = now_us();
        probe->is_online = is_online;
}

static bool ends_with(const char *text, const char *end)
{
        size_t size = strlen(text), end_size = strlen(end);

        return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void on_history(struct probe *probe)
{
        probe->history_last_us = now_us();
        if (probe->history++ == 0)
                probe->history_first_us = probe->history_last_us;
}

static void on_message(struct mosquitto *mosq, void *userdata, const struct mosquitto_message *message)
{
        struct probe *probe = userdata;
        const struct running *running = probe->running;
        size_t node = running ? strlen("sconce/") + strlen(running->party->node) + 1 : 0;

        (void)mosq;
        if (probe->lamp && strcmp(message->topic, probe->lamp->state) == 0)
                probe->states += !message->retain;
        if (!running || message->retain || strncmp(message->topic, running->status, node) != 0)
                return;
        if (!probe->lamp && strcmp(message->topic, running->state) == 0)
                probe->states++;
        else if (strcmp(message->topic, running->status) == 0)
                on_status(probe, message);
        else if (ends_with(message->topic, "/history"))
                on_history(probe);
        else if (message->topic[node] == 'm')
                probe->readings++;
}

bool probe_look(struct probe *probe, int within_ms)
{
        struct pollfd pollfd = { .fd = mosquitto_socket(probe->mosq), .events = POLLIN };

        if (mosquitto_want_write(probe->mosq))
                pollfd.events |= POLLOUT;
        if (poll(&pollfd, 1, within_ms) <= 0)
                return false;
        if (pollfd.revents & POLLOUT && mosquitto_loop_write(probe->mosq, 1) != MOSQ_ERR_SUCCESS)
                give_up("the connection is lost");
        if (pollfd.revents & ~POLLOUT && mosquitto_loop_read(probe->mosq, 1) != MOSQ_ERR_SUCCESS)
                give_up("the connection is lost");
        return true;
}

void probe_turn(struct probe *probe)
{
        if (!probe_look(probe, (int)SOON_MS))
                give_up("nothing came from %s for long", probe->running ? probe->running->party->name : "the broker");
}

void probe_open(struct probe *probe, const struct bench *bench)
{
        const char *tester = pki_issued(bench->pki, "tester");

        bench_pin_broker(bench);
        *probe = (struct probe){ .mosq = mosquitto_new("probe", true, probe) };
        (void)mosquitto_int_option(probe->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
        (void)mosquitto_int_option(probe->mosq, MOSQ_OPT_TCP_NODELAY, 1);
        (void)mosquitto_int_option(probe->mosq, MOSQ_OPT_SEND_MAXIMUM, UINT16_MAX);
        mosquitto_connect_callback_set(probe->mosq, on_connect);
        mosquitto_publish_callback_set(probe->mosq, on_publish);
        mosquitto_subscribe_callback_set(probe->mosq, on_subscribe);
        mosquitto_message_callback_set(probe->mosq, on_message);
        if (mosquitto_tls_set(probe->mosq, format_text("%s.crt", pki_ca(bench->pki)), NULL,
                              format_text("%s.crt", tester), format_text("%s.key", tester), NULL) != MOSQ_ERR_SUCCESS ||
            mosquitto_connect(probe->mosq, "localhost", (int)bench->broker->port.number, 0) != MOSQ_ERR_SUCCESS)
                give_up("cannot connect");
        while (!probe->is_connected)
                probe_turn(probe);
        (void)mosquitto_subscribe(probe->mosq, NULL, "sconce/#", 1);
        while (!probe->acks)
                probe_turn(probe);
}

void probe_close(struct probe *probe)
{
        mosquitto_destroy(probe->mosq);
        probe->mosq = NULL;
}

void probe_watch(struct probe *probe, const struct running *running)
{
        probe->running = running;
}

void probe_send(struct probe *probe, const char *topic, const char *payload)
{
        (void)mosquitto_publish(probe->mosq, NULL, topic, (int)strlen(payload), payload, 1, false);
}

/* Whatever is still under way, outside of the measured time. */
static void settle(struct probe *probe, unsigned acks)
{
        while (probe->acks < acks || mosquitto_want_write(probe->mosq))
                probe_turn(probe);
}

/* With what it has printed, which is not read meanwhile. */
_Noreturn static void fail_of(const struct running *running, const char *what)
{
        pump_once(AGAIN_MS);
        pump_once(AGAIN_MS);
        give_up("%s %s", running->party->name, what);
}

double probe_start(struct probe *probe, struct running *running, const struct bench *bench)
{
        uint64_t begin_us = now_us();

        probe_watch(probe, running);
        probe->is_online = false;
        party_start(running, bench);
        while (!probe->is_online) {
                (void)probe_look(probe, AGAIN_MS);
                if (now_us() - begin_us > START_US)
                        fail_of(running, "does not come online");
        }
        /* Online may come before the subscription. */
        for (unsigned states = probe->states; probe->states == states;) {
                probe_send(probe, running->set, "ON");
                while (probe_look(probe, AGAIN_MS) && probe->states == states) {
                }
                if (now_us() - begin_us > START_US)
                        fail_of(running, "answers no command");
        }
        while (probe_look(probe, AGAIN_MS)) {
        }
        return (double)(probe->online_us - begin_us);
}

void probe_end(struct probe *probe, struct running *running)
{
        probe_watch(probe, running);
        probe->is_online = true;
        party_kill(running);
        while (probe->is_online)
                probe_turn(probe);
}

double probe_command(struct probe *probe, bool on)
{
        unsigned states = probe->states + 1, acks = probe->acks + 1;
        uint64_t begin_us = now_us();

        probe_send(probe, probe->running->set, on ? "ON" : "OFF");
        while (probe->states < states)
                probe_turn(probe);
        double us = (double)(now_us() - begin_us);
        settle(probe, acks);
        return us;
}

void probe_commands(struct probe *probe, unsigned window, unsigned count)
{
        unsigned begin = probe->states, acks = probe->acks + count;

        for (unsigned sent = 0; probe->states - begin < count;) {
                while (sent < count && sent - (probe->states - begin) < window)
                        probe_send(probe, probe->running->set, sent++ % 2 ? "OFF" : "ON");
                probe_turn(probe);
        }
        settle(probe, acks);
}

double probe_rate(struct probe *probe, unsigned window, unsigned for_ms)
{
        unsigned begin = probe->states, acks = probe->acks, sent = 0;
        uint64_t begin_us = now_us();

        while (now_us() - begin_us < for_ms * US_PER_MS) {
                while (sent - (probe->states - begin) < window)
                        probe_send(probe, probe->running->set, sent++ % 2 ? "OFF" : "ON");
                probe_turn(probe);
        }
        double rate = (probe->states - begin) * 1e6 / (double)(now_us() - begin_us);
        while (probe->states - begin < sent)
                probe_turn(probe);
        settle(probe, acks + sent);
        return rate;
}

double probe_trigger(struct probe *probe, unsigned count)
{
        unsigned readings = probe->readings + count, acks = probe->acks + 1;
        uint64_t begin_us = now_us();

        probe_send(probe, probe->running->trigger, "ON");
        while (probe->readings < readings)
                probe_turn(probe);
        double us = (double)(now_us() - begin_us);
        settle(probe, acks);
        return us;
}
