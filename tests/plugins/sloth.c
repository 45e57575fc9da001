/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sloth: a blocking plugin that opens a FIFO in every callback, and so hangs until somebody writes to it.
 * `DIR/read` gates reads, `DIR/command` commands; where there is none, it goes on at once. A word in the file
 * `DIR/word` makes a read do more. `DIR/read.waits` is there while a read is at its gate, `DIR/stopped` after a stop.
 * It also tries what a thread may not.
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

static const char *const presses[] = { "single", NULL };

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "gate", .kind = SCONCE_TEXT },
        { .key = "press", .kind = SCONCE_EVENT, .choices = presses },
        { .key = NULL },
};

static void leave_mark(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd >= 0)
                (void)close(fd);
}

/* Waits at a gate. A number that comes through is the errno to fail with. */
static int pass_gate(struct sconce_device *dev, const struct sloth *sloth, const char *name)
{
        char path[512], waits[520], text[32] = "";

        (void)snprintf(path, sizeof(path), "%s/%s", sloth->dir, name);
        (void)snprintf(waits, sizeof(waits), "%s.waits", path);
        if (access(path, F_OK) < 0)
                return errno == ENOENT ? 0 : -errno;
        leave_mark(waits);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r = -errno;
        (void)unlink(waits);
        if (fd < 0)
                return r == -ENOENT ? 0 : r;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        if (n > 0 && atoi(text) > 0) {
                sconce_error(dev, "the gate answers %d", atoi(text));
                return -atoi(text);
        }
        return 0;
}

/* What belongs to the event loop: true where all of it is refused. */
static bool is_kept_out(struct sconce_device *dev)
{
        struct sconce_timer *timer;
        struct sconce_watch *watch;
        struct sconce_value first;
        char text[8];
        double level;
        bool on;
        const int results[] = {
                sconce_first(dev, "state", &first),
                sconce_timed(dev, true),
                sconce_line_output(dev, NULL, 0),
                sconce_line_input(dev, NULL, NULL),
                sconce_line_set(dev, NULL, true),
                sconce_line_get(dev, NULL, &on),
                sconce_dimmer_open(dev, NULL, 0, 0),
                sconce_dimmer_set(dev, NULL, 1),
                sconce_dimmer_get(dev, NULL, &level),
                sconce_timer_new(dev, NULL, NULL, &timer),
                sconce_timer_arm(dev, NULL, 1),
                sconce_timer_disarm(dev, NULL),
                sconce_fd_watch(dev, 0, 0, NULL, NULL, &watch),
                sconce_fd_unwatch(dev, NULL),
                sconce_save(dev, "key", "text"),
                sconce_load(dev, "key", text, sizeof(text)),
        };

        for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
                if (results[i] != -EXDEV)
                        return false;
        return true;
}

static int sloth_start(struct sconce_device *dev, void *instance)
{
        struct sloth *sloth = instance;
        const struct sconce_channel extra = { .key = "thread", .kind = SCONCE_TEXT };
        const struct sconce_channel broken = { .key = "No Key", .kind = SCONCE_TEXT };

        int r = pass_gate(dev, sloth, "start");
        if (r < 0)
                return r;
        if (!is_kept_out(dev) || sconce_channel_add(dev, &broken) != -EINVAL || sconce_health(dev, 5, "no") != -EINVAL)
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
        char stopped[512];

        (void)pass_gate(dev, sloth, "stop");
        (void)sconce_report_text(dev, "gate", "stopped");
        free(sloth->heap);
        (void)snprintf(stopped, sizeof(stopped), "%s/stopped", sloth->dir);
        leave_mark(stopped);
}

static int sloth_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        int r = pass_gate(dev, instance, "command");
        return r < 0 ? r : sconce_report(dev, command->values, command->count);
}

static int act(struct sconce_device *dev, const char *word)
{
        if (strcmp(word, "ring") == 0)
                return sconce_event(dev, "press", "single");
        if (strcmp(word, "sick") == 0)
                return sconce_health(dev, -EIO, "it feels sick");
        if (strcmp(word, "well") == 0)
                return sconce_health(dev, 0, NULL);
        if (strcmp(word, "itch") == 0)
                return sconce_problem(dev, -EIO, "it itches");
        if (strcmp(word, "wrong type") == 0)
                return sconce_report_text(dev, "state", "ON");
        if (strcmp(word, "who") == 0)
                sconce_log(dev, SCONCE_LOG_NOTICE, "%s has %u ms%s", sconce_id(dev),
                           (unsigned)(sconce_deadline_us(dev) / 1000), sconce_now_us(dev) > 0 ? " and a clock" : "");
        return 0;
}

static int sloth_read(struct sconce_device *dev, void *instance)
{
        const struct sloth *sloth = instance;
        char path[512], word[32];

        (void)snprintf(path, sizeof(path), "%s/word", sloth->dir);
        int r = sconce_read_line(path, word, sizeof(word)) >= 0 ? act(dev, word) : 0;
        if (r == 0)
                r = pass_gate(dev, instance, "read");
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
