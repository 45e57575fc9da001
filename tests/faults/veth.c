/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/veth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "system/process.h"
#include "system/workdir.h"

static const char *far_end; /* a path: a child has none of our descriptors */

int veth_enter(void *userdata)
{
        int fd = open(far_end, O_RDONLY | O_CLOEXEC);

        (void)userdata;
        return fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
}

static void ip(const char *const arguments[], int (*where)(void *userdata))
{
        const char *argv[16] = { "ip" };
        const struct process_options options = { .name = "ip", .prepare = where };
        int status;

        (void)put_words(argv + 1, arguments);
        struct process *process = process_run(argv, &options, &status);
        if (status != 0)
                give_up("ip %s %s … ended with status %d", arguments[0], arguments[1], status);
        process_free(process);
}
#define IP(where, ...) ip((const char *const[]){ __VA_ARGS__, NULL }, where)

bool veth_make(void)
{
        if (unshare(CLONE_NEWNET) < 0)
                return false;
        int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        far_end = format_text("/proc/%d/fd/%d", (int)getpid(), fd);
        if (fd < 0 || unshare(CLONE_NEWNET) < 0)
                give_up("no second network namespace: %s", strerror(errno));
        IP(NULL, "link", "set", "lo", "up");
        IP(NULL, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far_end);
        IP(NULL, "address", "add", VETH_ADDRESS "/30", "dev", "near");
        IP(NULL, "link", "set", "near", "up");
        IP(veth_enter, "address", "add", "10.99.0.2/30", "dev", "far");
        IP(veth_enter, "link", "set", "far", "up");
        return true;
}

void veth_set(bool up)
{
        IP(NULL, "link", "set", "near", up ? "up" : "down");
}
