/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system/workdir.h"

struct memory_page *memory_page_new(const char *const **ret_env)
{
        static const char *env[4];
        const char *path = work_path("memory");
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct memory_page *page = MAP_FAILED;

        if (fd >= 0 && ftruncate(fd, sizeof(*page)) == 0)
                page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                give_up("cannot share %s", path);
        (void)close(fd);
        env[0] = format_text("LD_PRELOAD=%s", build_path("tests/preload/memory.so"));
        env[1] = format_text("SCONCE_TEST_MEMORY=%s", path);
        /* What a thread keeps for itself would count as in use. */
        env[2] = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1";
        *ret_env = env;
        return page;
}

static size_t count_entries(const struct daemon *daemon, const char *of)
{
        char path[64];
        size_t count = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)daemon->process->pid, of);
        DIR *dir = opendir(path);
        if (!dir)
                give_up("cannot read %s", path);
        for (const struct dirent *entry; (entry = readdir(dir));)
                count += entry->d_name[0] != '.';
        (void)closedir(dir);
        return count;
}

struct question {
        struct memory_page *page;
        uint64_t before;
};

static bool is_answered(void *userdata)
{
        const struct question *question = userdata;

        return atomic_load(&question->page->answered) > question->before;
}

struct holdings memory_holdings(struct memory_page *page, const struct daemon *daemon, struct client *client)
{
        struct question question = { page, atomic_load(&page->answered) };

        atomic_store(&page->asked, 1);
        client_send(client, daemon_topic(daemon, "node/get"), "");
        if (!pump_until(is_answered, &question, SOON_MS))
                give_up("%s does not state what it has in use", daemon->name);
        return (struct holdings){ .bytes = page->in_use,
                                  .fds = count_entries(daemon, "fd"),
                                  .threads = count_entries(daemon, "task") };
}
