/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/group.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

typedef uint64_t (*read_fn)(FILE *file, const char *row);

static uint64_t read_at(const char *path, const char *row, read_fn read)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");

        return file ? read(file, row) : 0;
}

/* The sum over all threads of what `read` finds in their `file`. */
static uint64_t sum_tasks(pid_t pid, const char *file, const char *row, read_fn read)
{
        char path[512];
        uint64_t sum = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
        DIR *dir = opendir(path);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, entry->d_name, file);
                sum += read_at(path, row, read);
        }
        if (dir)
                (void)closedir(dir);
        return sum;
}

static uint64_t sum_process(pid_t pid, const char *file, const char *row, read_fn read)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
        return read_at(path, row, read);
}

static uint64_t sum_group(pid_t group, uint64_t (*sum)(pid_t, const char *, const char *, read_fn), const char *file,
                          const char *row, read_fn read)
{
        uint64_t total = 0;
        DIR *proc = opendir("/proc");

        for (struct dirent *entry; proc && (entry = readdir(proc));) {
                pid_t pid = atoi(entry->d_name);
                if (pid > 0 && getpgid(pid) == group)
                        total += sum(pid, file, row, read);
        }
        if (proc)
                (void)closedir(proc);
        return total;
}

static uint64_t read_first(FILE *file, const char *row)
{
        unsigned long long first = 0;

        (void)row;
        return fscanf(file, "%llu", &first) == 1 ? first : 0;
}

/* Of the row that begins so. */
static uint64_t read_rows(FILE *file, const char *row)
{
        char line[256];
        uint64_t sum = 0;

        while (fgets(line, sizeof(line), file))
                if (strncmp(line, row, strlen(row)) == 0)
                        sum += strtoull(line + strlen(row), NULL, 10);
        return sum;
}

uint64_t group_wakeups(pid_t group)
{
        return sum_group(group, sum_tasks, "status", "voluntary_ctxt_switches:", read_rows);
}

uint64_t group_cpu_ns(pid_t group)
{
        return sum_group(group, sum_tasks, "schedstat", "", read_first);
}

long group_kb(pid_t group, const char *row)
{
        return (long)sum_group(group, sum_process, "smaps_rollup", row, read_rows);
}

unsigned group_threads(pid_t group)
{
        return (unsigned)sum_group(group, sum_process, "status", "Threads:", read_rows);
}
