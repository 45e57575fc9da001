/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command -> line -> state over mutual TLS on loopback, one at a time: sconced's time against the bare echo's, in paired
 * rounds, so that whatever else the machine does falls on both: broker and measurer on one core, the two that are
 * measured on another. Left to the scheduler, two copies of one program differed by 40 % on a busy machine.
 *
 *   latency [ROUNDS [COMMANDS-PER-ROUND]]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bus/mosquitto.h"
#include "system/certs.h"
#include "system/workdir.h"

#define MAX_ROUNDS   1000
#define MAX_COMMANDS 100000
#define WARM_UP      200

static const char lamp[] = "[lamp kitchen]\nline = GPIO17\nrate = 100000\n";

/* The measuring client does as little as can be: harness and pump would add their time to both sides. */
struct probe {
        struct mosquitto *mosq;
        bool connected;
        unsigned states, acks;
        size_t state_bytes;
};

struct party { /* who is measured */
        const char *command_topic;
        pid_t pid;
        double p50_us[MAX_ROUNDS], p99_us[MAX_ROUNDS], cpu_us[MAX_ROUNDS];
};

static void on_connect(struct mosquitto *mosq, void *userdata, int reason)
{
        struct probe *probe = userdata;
        (void)mosq;
        probe->connected = reason == 0;
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

static void on_message(struct mosquitto *mosq, void *userdata, const struct mosquitto_message *message)
{
        struct probe *probe = userdata;
        (void)mosq;
        probe->states++;
        probe->state_bytes = (size_t)message->payloadlen;
}

static void turn(struct probe *probe)
{
        struct pollfd pollfd = { .fd = mosquitto_socket(probe->mosq), .events = POLLIN };

        if (mosquitto_want_write(probe->mosq))
                pollfd.events |= POLLOUT;
        if (poll(&pollfd, 1, 5000) <= 0)
                give_up("nothing came for 5 seconds");
        if (pollfd.revents & POLLOUT && mosquitto_loop_write(probe->mosq, 1) != MOSQ_ERR_SUCCESS)
                give_up("the connection is lost");
        if (pollfd.revents & ~POLLOUT && mosquitto_loop_read(probe->mosq, 1) != MOSQ_ERR_SUCCESS)
                give_up("the connection is lost");
}

static void probe_open(struct probe *probe, const struct bench *bench)
{
        char path[3][4096];

        probe->mosq = mosquitto_new("probe", true, probe);
        (void)mosquitto_int_option(probe->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
        (void)mosquitto_int_option(probe->mosq, MOSQ_OPT_TCP_NODELAY, 1);
        mosquitto_connect_callback_set(probe->mosq, on_connect);
        mosquitto_publish_callback_set(probe->mosq, on_publish);
        mosquitto_subscribe_callback_set(probe->mosq, on_subscribe);
        mosquitto_message_callback_set(probe->mosq, on_message);
        (void)snprintf(path[0], sizeof(path[0]), "%s.crt", pki_ca(bench->pki));
        (void)snprintf(path[1], sizeof(path[1]), "%s.crt", pki_issued(bench->pki, "tester"));
        (void)snprintf(path[2], sizeof(path[2]), "%s.key", pki_issued(bench->pki, "tester"));
        if (mosquitto_tls_set(probe->mosq, path[0], NULL, path[1], path[2], NULL) != MOSQ_ERR_SUCCESS ||
            mosquitto_connect(probe->mosq, "localhost", (int)bench->broker->port.number, 600) != MOSQ_ERR_SUCCESS)
                give_up("cannot connect");
        while (!probe->connected)
                turn(probe);
        (void)mosquitto_subscribe(probe->mosq, NULL, "sconce/+/kitchen/state", 1);
        while (!probe->acks)
                turn(probe);
}

/* One command, until its state is here; then whatever is still under way is waited for, outside the measured time. */
static double one_command(struct probe *probe, const char *topic, bool on)
{
        const char *payload = on ? "ON" : "OFF";
        unsigned states = probe->states + 1, acks = probe->acks + 1;
        struct timespec begin, end;

        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        (void)mosquitto_publish(probe->mosq, NULL, topic, (int)strlen(payload), payload, 1, false);
        while (probe->states < states)
                turn(probe);
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        while (probe->acks < acks || mosquitto_want_write(probe->mosq))
                turn(probe);
        return (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double quantile(double *values, size_t n, double q)
{
        qsort(values, n, sizeof(*values), compare);
        return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

static void one_round(struct probe *probe, struct party *party, size_t round, size_t commands)
{
        static double us[MAX_COMMANDS];
        uint64_t cpu = cpu_ns(party->pid);

        for (size_t i = 0; i < commands; i++)
                us[i] = one_command(probe, party->command_topic, i % 2 == 0);
        party->cpu_us[round] = (double)(cpu_ns(party->pid) - cpu) / 1e3 / (double)commands;
        party->p50_us[round] = quantile(us, commands, 0.5);
        party->p99_us[round] = quantile(us, commands, 0.99);
}

static struct process *start_echo(const struct bench *bench, size_t state_bytes)
{
        char port[16], bytes[16], ca[4096], crt[4096], key[4096];
        const char *issued = pki_issued(bench->pki, "floor");

        (void)snprintf(port, sizeof(port), "%u", bench->broker->port.number);
        (void)snprintf(bytes, sizeof(bytes), "%zu", state_bytes);
        (void)snprintf(ca, sizeof(ca), "%s.crt", pki_ca(bench->pki));
        (void)snprintf(crt, sizeof(crt), "%s.crt", issued);
        (void)snprintf(key, sizeof(key), "%s.key", issued);
        const char *const argv[] = {
                build_path("tests/bench/echo"), "localhost", port, ca, crt, key, "floor", "kitchen", bytes, NULL
        };
        struct process *echo = process_start(argv, &(struct process_options){ .name = "echo" });
        (void)process_wait_log(echo, "ready", SOON_MS);
        return echo;
}

static void report(struct party *echo, struct party *sconced, size_t rounds)
{
        double ratios[MAX_ROUNDS], cpu_ratios[MAX_ROUNDS];

        for (size_t i = 0; i < rounds; i++) {
                ratios[i] = sconced->p50_us[i] / echo->p50_us[i];
                cpu_ratios[i] = sconced->cpu_us[i] / echo->cpu_us[i];
                printf("round %2zu: p50 echo %6.1f us, sconced %6.1f us, ratio %.3f; cpu %5.1f and %5.1f us a "
                       "command\n",
                       i + 1, echo->p50_us[i], sconced->p50_us[i], ratios[i], echo->cpu_us[i], sconced->cpu_us[i]);
        }
        printf("command -> line -> state, p50: median of %zu paired ratios %.3f (bar 1.10), quartiles %.3f and %.3f\n",
               rounds, quantile(ratios, rounds, 0.5), quantile(ratios, rounds, 0.25), quantile(ratios, rounds, 0.75));
        printf("  p50: echo %.1f us, sconced %.1f us; p99: echo %.1f us, sconced %.1f us (medians over rounds)\n",
               quantile(echo->p50_us, rounds, 0.5), quantile(sconced->p50_us, rounds, 0.5),
               quantile(echo->p99_us, rounds, 0.5), quantile(sconced->p99_us, rounds, 0.5));
        printf("  cpu a command: echo %.1f us, sconced %.1f us, median ratio %.3f\n",
               quantile(echo->cpu_us, rounds, 0.5), quantile(sconced->cpu_us, rounds, 0.5),
               quantile(cpu_ratios, rounds, 0.5));
}

int main(int argc, char *argv[])
{
        static struct party echo = { .command_topic = "sconce/floor/kitchen/set" };
        static struct party sconced = { .command_topic = "sconce/hall/kitchen/set" };
        size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 31;
        size_t commands = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
        struct probe probe = { 0 };
        struct bench bench;

        if (!rounds || rounds > MAX_ROUNDS || !commands || commands > MAX_COMMANDS) {
                (void)fprintf(stderr, "usage: latency [ROUNDS [COMMANDS-PER-ROUND]]\n");
                return 2;
        }
        bench_open(&bench);
        sconced.pid = bench_daemon(&bench, lamp)->process->pid;
        bench_pin(sconced.pid, 1);
        probe_open(&probe, &bench);
        (void)one_command(&probe, sconced.command_topic, true);
        echo.pid = start_echo(&bench, probe.state_bytes)->pid;
        bench_pin(echo.pid, 1);
        bench_pin(bench.broker->process->pid, 0);
        bench_pin(0, 0);
        for (size_t i = 0; i < WARM_UP; i++) {
                (void)one_command(&probe, sconced.command_topic, i % 2 == 0);
                (void)one_command(&probe, echo.command_topic, i % 2 == 0);
        }
        for (size_t round = 0; round < rounds; round++) {
                /* A B B A …: neither is always the second. */
                one_round(&probe, round % 2 ? &sconced : &echo, round, commands);
                one_round(&probe, round % 2 ? &echo : &sconced, round, commands);
        }
        report(&echo, &sconced, rounds);
        mosquitto_destroy(probe.mosq);
        bench_close();
        return 0;
}
