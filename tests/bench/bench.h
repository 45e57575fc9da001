/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks share: a broker on loopback with the shipped config, over mutual TLS, and the rows that
 * tests/bench/report computes the figures from.
 *
 * Broker and measurer have processor 0, who is measured processor 1. Left to the scheduler, two copies of one program
 * differed by 40 % on a busy machine.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "system/broker.h"

enum { CPU_BROKER = 0, CPU_MEASURED = 1 };

struct bench {
        const char *pki;
        struct broker *broker;
};

void bench_open(struct bench *bench); /* temporary directory, certificates, broker */
void bench_close(void);
void bench_pin(pid_t pid, unsigned cpu);          /* where there are as many; 0: ourselves */
void bench_pin_broker(const struct bench *bench); /* the broker and ourselves */

/* A number of the command line; ends the program with 2 where it is none from 1 to `max`. */
size_t bench_number(const char *text, size_t max);

/* One pair: the party's value and the floor's, measured in turn. */
void put_pair(const char *figure, const char *party, double value, double floor);
void put_value(const char *figure, const char *party, double value);

double quantile(double *values, size_t n, double q); /* sorts them */
