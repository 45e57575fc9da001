/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/certs.h"
#include "system/workdir.h"
#include "util/cleanup.h"

static struct client *watcher;

void bench_open(struct bench *bench)
{
        workdir_make();
        bench->pki = pki_make("pki");
        PKI_RUN(bench->pki, "node", "hall");
        PKI_RUN(bench->pki, "node", "floor");
        PKI_RUN(bench->pki, "client", "tester");
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

struct daemon *bench_daemon(const struct bench *bench, const char *devices)
{
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "hall",
                                                                     .broker = bench->broker,
                                                                     .pki = bench->pki,
                                                                     .devices = devices,
                                                                     .log_level = "notice" });

        if (!watcher) {
                watcher = client_new(&(struct client_options){ .id = "watcher",
                                                               .port = bench->broker->port.number,
                                                               .ca = pki_ca(bench->pki),
                                                               .cert = pki_issued(bench->pki, "tester") });
                client_subscribe(watcher, "sconce/hall/status");
        }
        client_forget(watcher);
        daemon_start(daemon);
        daemon_wait_online(daemon, watcher);
        return daemon;
}

void bench_pin(pid_t pid, unsigned cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        (void)sched_setaffinity(pid, sizeof(set), &set);
}

/* ---- /proc ------------------------------------------------------------------------------------------------------- */

/* The sum over all threads of what `read` finds in their `file`. */
static uint64_t sum_tasks(pid_t pid, const char *file, uint64_t (*read)(FILE *file))
{
        char path[512];
        uint64_t sum = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
        DIR *dir = opendir(path);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, entry->d_name, file);
                CLEANUP_FILE FILE *in = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
                if (in)
                        sum += read(in);
        }
        if (dir)
                (void)closedir(dir);
        return sum;
}

static uint64_t read_run_time(FILE *file)
{
        unsigned long long ns = 0;
        return fscanf(file, "%llu", &ns) == 1 ? ns : 0;
}

uint64_t cpu_ns(pid_t pid)
{
        return sum_tasks(pid, "schedstat", read_run_time);
}

static uint64_t read_switches(FILE *file)
{
        char line[256];
        uint64_t sum = 0;

        while (fgets(line, sizeof(line), file))
                if (strstr(line, "voluntary_ctxt_switches:"))
                        sum += strtoull(strchr(line, ':') + 1, NULL, 10);
        return sum;
}

uint64_t context_switches(pid_t pid)
{
        return sum_tasks(pid, "status", read_switches);
}

long smaps_kb(pid_t pid, const char *row)
{
        char path[64], line[256];
        long kb = -1;

        (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, row, strlen(row)) == 0)
                        kb = strtol(line + strlen(row), NULL, 10);
        return kb;
}
