/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "system/certs.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/workdir.h"

void bench_open(struct bench *bench)
{
        workdir_make();
        bench->pki = pki_make("pki");
        PKI_RUN(bench->pki, "node", "hall");
        PKI_RUN(bench->pki, "node", "floor");
        PKI_RUN(bench->pki, "node", "shed");
        PKI_RUN(bench->pki, "node", "barn");
        PKI_RUN(bench->pki, "node", "peer");
        PKI_RUN(bench->pki, "node", "output");
        PKI_RUN(bench->pki, "client", "tester");
        PKI_RUN(bench->pki, "grant", "hall", "shed", "barn");
        bench->broker = broker_new(&(struct broker_options){ .pki = bench->pki, .quiet = true });
}

void bench_close(void)
{
        client_free_all();
        daemon_free_all_but(NULL);
        broker_free_all_but(NULL);
        process_free_all();
        workdir_remove();
}

void bench_pin(pid_t pid, unsigned cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        (void)sched_setaffinity(pid, sizeof(set), &set);
}

void bench_pin_broker(const struct bench *bench)
{
        bench_pin(bench->broker->process->pid, CPU_BROKER);
        bench_pin(0, CPU_BROKER);
}

size_t bench_number(const char *text, size_t max)
{
        char *end;
        size_t number = strtoul(text, &end, 10);

        if (*end == '\0' && number >= 1 && number <= max)
                return number;
        (void)fprintf(stderr, "%s is not a number from 1 to %zu\n", text, max);
        exit(2);
}

void put_pair(const char *figure, const char *party, double value, double floor)
{
        printf("pair\t%s\t%s\t%.9g\t%.9g\n", figure, party, value, floor);
        (void)fflush(stdout);
}

void put_value(const char *figure, const char *party, double value)
{
        printf("value\t%s\t%s\t%.9g\n", figure, party, value);
        (void)fflush(stdout);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

double quantile(double *values, size_t n, double q)
{
        qsort(values, n, sizeof(*values), compare);
        return values[(size_t)(q * (double)(n - 1) + 0.5)];
}
