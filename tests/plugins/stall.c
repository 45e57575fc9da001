/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that breaks the rule: its start blocks the event loop, until somebody writes to its FIFO. */
#include <sconce/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct stall {
        const char *fifo;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct stall, fifo, "fifo", SCONCE_REQUIRED, "What it waits at"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_BINARY_SENSOR },
        { .key = NULL },
};

static int stall_start(struct sconce_device *dev, void *instance)
{
        const struct stall *stall = instance;
        char word;
        int fd = open(stall->fifo, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        (void)!read(fd, &word, 1);
        (void)close(fd);
        return sconce_report_bool(dev, "state", true);
}

static const struct sconce_plugin stall = {
        .name = "stall",
        .summary = "Blocks the loop at its start",
        .instance_size = sizeof(struct stall),
        .options = options,
        .channels = channels,
        .start = stall_start,
};
SCONCE_PLUGIN(stall)
