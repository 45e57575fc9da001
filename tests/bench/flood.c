/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood costs a house: hand on an input -> rule -> lamp, and the length of a pulse, when nobody sends anything and
 * under the heaviest that mosquitto delivers: large JSON, small commands, retained ones, `get`s.
 *
 *   flood [PRESSES]
 */
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "system/certs.h"
#include "system/chip.h"
#include "system/pump.h"

#define MAX_PRESSES 10000
enum { DOOR = 4, LAMP = 17, GATE = 5 };

static const char devices[] = "[contact door]\nline = GPIO4\ndebounce = 0ms\n"
                              "[lamp kitchen]\nline = GPIO17\n[lamp flooded]\nline = GPIO18\n"
                              "[switch gate]\nline = GPIO5\npulse = 200ms\n"
                              "[rule on]\nwhen = door.state = ON\nthen = [\"kitchen ON\", \"gate ON\"]\n"
                              "[rule off]\nwhen = door.state = OFF\nthen = kitchen OFF\n";

static char large[60000];

static const struct flood {
        const char *name, *topic, *payload; /* NULL: the large one */
        bool retain;
} floods[] = {
        { "large JSON", "sconce/hall/flooded/set", NULL, false },
        { "small commands", "sconce/hall/flooded/set", "TOGGLE", false },
        { "retained ones", "sconce/hall/flooded/set", "ON", true },
        { "gets", "sconce/hall/get", "", false },
};

/* As fast as the broker takes it, until it is killed. */
static pid_t start_flood(const struct bench *bench, const struct flood *flood)
{
        char ca[4096], crt[4096], key[4096];
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)snprintf(ca, sizeof(ca), "%s.crt", pki_ca(bench->pki));
        (void)snprintf(crt, sizeof(crt), "%s.crt", pki_issued(bench->pki, "tester"));
        (void)snprintf(key, sizeof(key), "%s.key", pki_issued(bench->pki, "tester"));
        struct mosquitto *mosq = mosquitto_new("flood", true, NULL);
        if (mosquitto_tls_set(mosq, ca, NULL, crt, key, NULL) != MOSQ_ERR_SUCCESS ||
            mosquitto_connect(mosq, "localhost", (int)bench->broker->port.number, 600) != MOSQ_ERR_SUCCESS)
                _exit(1);
        const char *payload = flood->payload ? flood->payload : large;
        while (mosquitto_loop(mosq, 0, 1) == MOSQ_ERR_SUCCESS)
                for (int i = 0; i < 8 && !mosquitto_want_write(mosq); i++)
                        (void)mosquitto_publish(mosq, NULL, flood->topic, (int)strlen(payload), payload, 0, flood->retain);
        _exit(1);
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return (x > y) - (x < y);
}

struct figures {
        double p50_us, p99_us, overrun_ms;
};

/* When the line changed last, by the chip's own record, and how long it had been as it was before. */
static uint64_t last_edge(const struct daemon *daemon, unsigned offset, uint64_t *ret_length_ns)
{
        char path[4096];
        unsigned long long at, edge = 0, before = 0;
        unsigned line, high;

        (void)snprintf(path, sizeof(path), "%s/edges", daemon->lines);
        FILE *file = fopen(path, "re");
        while (file && fscanf(file, "%llu %u %u", &at, &line, &high) == 3)
                if (line == offset) {
                        before = edge;
                        edge = at;
                }
        if (file)
                (void)fclose(file);
        *ret_length_ns = edge - before;
        return edge;
}

static struct figures measure(const struct daemon *daemon, size_t presses)
{
        static uint64_t us[MAX_PRESSES];
        struct figures figures = { 0 };
        uint64_t length_ns;

        for (size_t i = 0; i < presses; i++) {
                uint64_t begin_us = now_us();
                chip_pull(daemon->lines, DOOR, i % 2 == 0);
                chip_wait(daemon->lines, LAMP, i % 2 == 0);
                us[i] = last_edge(daemon, LAMP, &length_ns) / 1000 - begin_us;
                if (i % 2 != 0)
                        continue;
                chip_wait(daemon->lines, GATE, 0);
                (void)last_edge(daemon, GATE, &length_ns);
                double overrun_ms = (double)length_ns / 1e6 - 200;
                figures.overrun_ms = overrun_ms > figures.overrun_ms ? overrun_ms : figures.overrun_ms;
        }
        qsort(us, presses, sizeof(us[0]), compare);
        figures.p50_us = (double)us[presses / 2];
        figures.p99_us = (double)us[(presses - 1) * 99 / 100];
        return figures;
}

int main(int argc, char *argv[])
{
        size_t presses = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
        struct bench bench;

        if (!presses || presses > MAX_PRESSES) {
                (void)fprintf(stderr, "usage: flood [PRESSES]\n");
                return 2;
        }
        size_t at = (size_t)snprintf(large, sizeof(large), "{\"k0\":0");
        for (unsigned i = 1; at < sizeof(large) - 32; i++)
                at += (size_t)snprintf(large + at, sizeof(large) - at, ",\"k%u\":%u", i, i);
        (void)snprintf(large + at, sizeof(large) - at, "}");
        bench_open(&bench);
        const struct daemon *daemon = bench_daemon(&bench, devices);
        (void)measure(daemon, 10);
        for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
                struct figures quiet = measure(daemon, presses);
                pid_t pid = start_flood(&bench, &floods[i]);
                struct figures flooded = measure(daemon, presses);
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                printf("flood of %-14s input -> lamp: p50 %4.0f -> %4.0f us, p99 %4.0f -> %4.0f us, ratio %.2f (bar 3); pulse "
                       "overruns %.1f -> %.1f ms (bar 20)\n",
                       floods[i].name, quiet.p50_us, flooded.p50_us, quiet.p99_us, flooded.p99_us,
                       flooded.p99_us / quiet.p99_us, quiet.overrun_ms, flooded.overrun_ms);
                (void)fflush(stdout);
        }
        bench_close();
        return 0;
}
