/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood costs a house: hand on an input -> rule -> lamp, and the length of a pulse, when nobody sends anything and
 * under the heaviest that mosquitto delivers: large JSON, small commands, retained ones, `get`s.
 *
 *   flood [PRESSES]
 *
 * Both in turns of a few presses, so that whatever else the machine does hits them alike. Flooder and broker have processor
 * 0, the agent and the hand processor 1: what is measured is the agent's own order, not who else wants the processor.
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
#include "bench/party.h"
#include "system/certs.h"
#include "system/chip.h"
#include "system/pump.h"

#define MAX_PRESSES 10000
/* Quiet, then flooded, then quiet again. */
#define TURN_PRESSES 20
#define PULSE_MS     50.0
#define CALM_MS      2000
#define CALM_TRIES   60
enum { DOOR = 4, LAMP = 17, GATE = 5 };

static const char devices[] = "[contact door]\nline = GPIO4\ndebounce = 0ms\n"
                              "[lamp kitchen]\nline = GPIO17\n[lamp flooded]\nline = GPIO18\n"
                              "[switch gate]\nline = GPIO5\npulse = 50ms\n"
                              "[rule on]\nwhen = door.state = ON\nthen = [\"kitchen ON\", \"gate ON\"]\n"
                              "[rule off]\nwhen = door.state = OFF\nthen = kitchen OFF\n";

static char large[60000];

static const struct flood {
        const char *name, *topic, *payload; /* NULL: the large one */
        bool retain;
} floods[] = {
        { "json", "sconce/hall/flooded/set", NULL, false },
        { "commands", "sconce/hall/flooded/set", "TOGGLE", false },
        { "retained", "sconce/hall/flooded/set", "ON", true },
        { "gets", "sconce/hall/get", "", false },
};

static volatile sig_atomic_t pause_wanted;

static void on_pause(int number)
{
        pause_wanted = number;
}

static void pause_flood(struct mosquitto *mosq)
{
        pause_wanted = 0;
        while (mosquitto_want_write(mosq))
                if (mosquitto_loop(mosq, 100, 1) != MOSQ_ERR_SUCCESS)
                        _exit(1);
        (void)raise(SIGSTOP);
}

/* As fast as the broker takes it, until SIGUSR1 pauses or SIGKILL ends it. It begins stopped. */
static pid_t start_flood(const struct bench *bench, const struct flood *flood)
{
        char ca[4096], crt[4096], key[4096];
        pid_t pid = fork();

        if (pid != 0) {
                (void)waitpid(pid, NULL, WUNTRACED);
                return pid;
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench_pin(0, 0);
        (void)signal(SIGUSR1, on_pause);
        (void)raise(SIGSTOP);
        (void)snprintf(ca, sizeof(ca), "%s.crt", pki_ca(bench->pki));
        (void)snprintf(crt, sizeof(crt), "%s.crt", pki_issued(bench->pki, "tester"));
        (void)snprintf(key, sizeof(key), "%s.key", pki_issued(bench->pki, "tester"));
        struct mosquitto *mosq = mosquitto_new("flood", true, NULL);
        if (mosquitto_tls_set(mosq, ca, NULL, crt, key, NULL) != MOSQ_ERR_SUCCESS ||
            mosquitto_connect(mosq, "localhost", (int)bench->broker->port.number, 600) != MOSQ_ERR_SUCCESS)
                _exit(1);
        const char *payload = flood->payload ? flood->payload : large;
        while (mosquitto_loop(mosq, 0, 1) == MOSQ_ERR_SUCCESS) {
                if (pause_wanted)
                        pause_flood(mosq);
                for (int i = 0; i < 8 && !mosquitto_want_write(mosq); i++)
                        (void)mosquitto_publish(mosq, NULL, flood->topic, (int)strlen(payload), payload, 0,
                                                flood->retain);
        }
        _exit(1);
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return (x > y) - (x < y);
}

/* ---- The record of edges ----------------------------------------------------------------------------------------- */

static FILE *edges;
static struct {
        uint64_t at_ns, length_ns; /* the last edge, and how long the line had been as it was before */
} lines[64];

static void read_edges(void)
{
        unsigned long long at_ns;
        unsigned line, high;

        clearerr(edges);
        while (fscanf(edges, "%llu %u %u", &at_ns, &line, &high) == 3) {
                line %= ARRAY_SIZE(lines);
                lines[line].length_ns = at_ns - lines[line].at_ns;
                lines[line].at_ns = at_ns;
        }
}

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

struct figures {
        uint64_t us[MAX_PRESSES];
        size_t count;
        double overrun_ms;
};

/* The hand: on and off again, and the pulse that `on` has set off comes to its end. */
static void press(const struct daemon *daemon, struct figures *figures)
{
        for (int on = 1; on >= 0; on--) {
                uint64_t begin_us = now_us();
                chip_pull(daemon->lines, DOOR, on);
                chip_wait(daemon->lines, LAMP, on);
                read_edges();
                figures->us[figures->count++] = lines[LAMP].at_ns / 1000 - begin_us;
        }
        chip_wait(daemon->lines, GATE, 0);
        read_edges();
        figures->overrun_ms = MAX(figures->overrun_ms, (double)lines[GATE].length_ns / 1e6 - PULSE_MS);
}

static void turn(const struct daemon *daemon, size_t presses, struct figures *figures)
{
        for (size_t i = 0; i < presses; i += 2)
                press(daemon, figures);
}

static bool is_calm(void *userdata)
{
        return client_look(userdata, "sconce/hall/kitchen/result") != NULL;
}

/* A command behind all that the flooder has sent is answered when the node is through with it. Again where it is not: of a
 * queue that is full the broker drops what comes. */
static void wait_for_calm(struct client *client, pid_t flooder)
{
        client_forget(client);
        (void)kill(flooder, SIGUSR1);
        (void)waitpid(flooder, NULL, WUNTRACED);
        for (unsigned tries = 0; tries == 0 || !pump_until(is_calm, client, CALM_MS); tries++) {
                if (tries == CALM_TRIES)
                        give_up("the node is not through with the flood");
                client_send(client, "sconce/hall/kitchen/set", "{\"state\":\"OFF\",\"id\":\"calm\"}");
        }
}

static double percentile(struct figures *figures, size_t percent)
{
        qsort(figures->us, figures->count, sizeof(figures->us[0]), compare);
        return (double)figures->us[(figures->count - 1) * percent / 100];
}

static void report(const char *name, struct figures *quiet, struct figures *flooded)
{
        char figure[64];

        (void)snprintf(figure, sizeof(figure), "flood-%s", name);
        put_pair(figure, "sconce", percentile(flooded, 99), percentile(quiet, 99));
        (void)snprintf(figure, sizeof(figure), "pulse-%s", name);
        put_value(figure, "sconce", flooded->overrun_ms - quiet->overrun_ms);
}

static void measure(const struct bench *bench, const struct daemon *daemon, struct client *client,
                    const struct flood *flood, size_t presses)
{
        static struct figures quiet, flooded;
        pid_t pid = start_flood(bench, flood);

        quiet = flooded = (struct figures){ 0 };
        while (flooded.count < presses) {
                size_t count = MIN(presses - flooded.count, TURN_PRESSES);
                turn(daemon, count, &quiet);
                (void)kill(pid, SIGCONT);
                turn(daemon, count, &flooded);
                wait_for_calm(client, pid);
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        report(flood->name, &quiet, &flooded);
}

static void write_large(void)
{
        size_t at = (size_t)snprintf(large, sizeof(large), "{\"k0\":0");

        for (unsigned i = 1; at < sizeof(large) - 32; i++)
                at += (size_t)snprintf(large + at, sizeof(large) - at, ",\"k%u\":%u", i, i);
        (void)snprintf(large + at, sizeof(large) - at, "}");
}

static struct client *new_client(const struct bench *bench)
{
        struct client *client = client_new(&(struct client_options){ .id = "calm",
                                                                     .port = bench->broker->port.number,
                                                                     .ca = pki_ca(bench->pki),
                                                                     .cert = pki_issued(bench->pki, "tester") });

        client_subscribe(client, "sconce/hall/kitchen/result");
        client_subscribe(client, "sconce/hall/status");
        return client;
}

static void open_edges(const struct daemon *daemon)
{
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/edges", daemon->lines);
        edges = fopen(path, "re");
        if (!edges)
                give_up("no record of edges at %s", path);
}

int main(int argc, char *argv[])
{
        size_t presses = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
        static struct figures first;
        struct running sconced;
        struct bench bench;

        if (!presses || presses % 2 || presses > MAX_PRESSES) {
                (void)fprintf(stderr, "usage: flood [PRESSES]   (an even number, %d at most)\n", MAX_PRESSES);
                return 2;
        }
        write_large();
        bench_open(&bench);
        bench_pin_broker(&bench);
        struct client *client = new_client(&bench);
        party_new(&sconced, &bench, "sconce", devices, 0);
        party_start(&sconced, &bench);
        const struct daemon *daemon = sconced.daemon;
        daemon_wait_online(daemon, client);
        bench_pin(0, CPU_MEASURED); /* the hand */
        open_edges(daemon);
        turn(daemon, TURN_PRESSES, &first);
        for (size_t i = 0; i < ARRAY_SIZE(floods); i++)
                measure(&bench, daemon, client, &floods[i], presses);
        (void)fclose(edges);
        bench_close();
        return 0;
}
