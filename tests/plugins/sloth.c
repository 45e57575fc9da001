/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sloth: a blocking plugin that opens a FIFO in every callback, and so hangs until somebody writes to it.
 * `DIR/read` gates reads, `DIR/command` commands; where there is none, it goes on at once. It also tries what
 * a thread may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sconce/plugin.h>

struct sloth {
        const char *dir;
        char *heap; /* to be freed by stop, also after a hang */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct sloth, dir, "dir", SCONCE_REQUIRED, "Where its gates are"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "gate", .kind = SCONCE_TEXT },
        { .key = NULL },
};

/* Waits at a gate. A number that comes through is the errno to fail with. */
static int pass_gate(struct sconce_device *dev, const struct sloth *sloth, const char *name)
{
        char path[512], text[32] = "";

        (void)snprintf(path, sizeof(path), "%s/%s", sloth->dir, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        if (n > 0 && atoi(text) > 0) {
                sconce_error(dev, "the gate says %d", atoi(text));
                return -atoi(text);
        }
        return 0;
}

static int sloth_start(struct sconce_device *dev, void *instance)
{
        struct sloth *sloth = instance;
        const struct sconce_channel extra = { .key = "thread", .kind = SCONCE_TEXT };
        struct sconce_timer *timer;
        struct sconce_value first;

        int r = pass_gate(dev, sloth, "start");
        if (r < 0)
                return r;
        if (sconce_timer_new(dev, NULL, NULL, &timer) != -EXDEV || sconce_first(dev, "state", &first) != -EXDEV ||
            sconce_save(dev, "key", "text") != -EXDEV)
                return -EPROTO;
        r = sconce_channel_add(dev, &extra);
        if (r < 0)
                return r;
        sloth->heap = strdup("the thread's own");
        const struct sconce_value values[] = {
                SCONCE_BOOL("state", false),
                SCONCE_STR("thread", sloth->heap),
        };
        return sconce_report(dev, values, 2);
}

static void sloth_stop(struct sconce_device *dev, void *instance)
{
        struct sloth *sloth = instance;

        (void)pass_gate(dev, sloth, "stop");
        (void)sconce_report_text(dev, "gate", "stopped");
        free(sloth->heap);
}

static int sloth_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        int r = pass_gate(dev, instance, "command");
        return r < 0 ? r : sconce_report(dev, command->values, command->count);
}

static int sloth_read(struct sconce_device *dev, void *instance)
{
        int r = pass_gate(dev, instance, "read");
        return r < 0 ? r : sconce_report_text(dev, "gate", "passed");
}

static const struct sconce_plugin sloth = {
        .name = "sloth",
        .summary = "Takes its time",
        .flags = SCONCE_BLOCKING,
        .instance_size = sizeof(struct sloth),
        .options = options,
        .channels = channels,
        .deadline = "2s",
        .start = sloth_start,
        .stop = sloth_stop,
        .command = sloth_command,
        .read = sloth_read,
};
SCONCE_PLUGIN(sloth)
