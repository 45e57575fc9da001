/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stubborn: a kernel LED that is driven by what comes through a FIFO alone: a level from 0 to 1, or a word. It refuses
 * all commands, so that the agent has to bring its output where it belongs by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <sconce/plugin.h>

struct stubborn {
        const char *fifo;
        struct sconce_dimmer *led;
        struct sconce_watch *watch;
        int fd;
        unsigned lines;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct stubborn, fifo, "fifo", SCONCE_REQUIRED, "What it reads"),
        SCONCE_OPTION_LED(struct stubborn, led, "led", SCONCE_OUTPUT | SCONCE_REQUIRED, "Its LED"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "level", .kind = SCONCE_SENSOR },
        { .key = "lines", .kind = SCONCE_SENSOR },
        { .key = NULL },
};

static void on_ready(struct sconce_device *dev, void *instance, uint32_t events, void *userdata);

/* What is not its own: each call is refused. */
static int try_strangers(struct sconce_device *dev)
{
        void *stranger = dev;
        struct sconce_watch *watch;
        double level;
        bool on;

        if (sconce_dimmer_open(dev, NULL, 0, 0) != -EINVAL || sconce_dimmer_set(dev, NULL, 1) != -EINVAL ||
            sconce_dimmer_get(dev, NULL, &level) != -ENODEV || sconce_line_output(dev, NULL, 0) != -EINVAL ||
            sconce_line_set(dev, NULL, true) != -EINVAL || sconce_line_get(dev, NULL, &on) != -EINVAL ||
            sconce_dimmer_set(dev, stranger, 1) != -EINVAL || sconce_line_set(dev, stranger, true) != -EINVAL ||
            sconce_fd_watch(dev, 0, EPOLLIN, NULL, NULL, &watch) != -EINVAL ||
            sconce_fd_unwatch(dev, NULL) != -EINVAL || sconce_timer_arm(dev, NULL, 1) != -EINVAL ||
            sconce_timer_disarm(dev, NULL) != -EINVAL || sconce_event(dev, "state", "single") != -EINVAL)
                return -EPROTO;
        return 0;
}

/* More watches than a plugin may have; none stays. */
static int try_too_many(struct sconce_device *dev, const struct stubborn *stubborn)
{
        struct sconce_watch *watches[128];
        int pipes[128][2], r = 0;
        size_t n = 0;

        (void)stubborn;
        while (r == 0 && n < 128 && pipe2(pipes[n], O_CLOEXEC) == 0) {
                r = sconce_fd_watch(dev, pipes[n][0], EPOLLIN, on_ready, NULL, &watches[n]);
                n++;
        }
        for (size_t i = 0; i < n; i++) {
                if (i + 1 < n)
                        (void)sconce_fd_unwatch(dev, watches[i]);
                (void)close(pipes[i][0]);
                (void)close(pipes[i][1]);
        }
        return r == -ENOSPC ? 0 : -EPROTO;
}

static int act(struct sconce_device *dev, struct stubborn *stubborn, const char *text)
{
        if (strcmp(text, "strangers") == 0)
                return try_strangers(dev);
        if (strcmp(text, "too many") == 0)
                return try_too_many(dev, stubborn);
        if (strcmp(text, "twice") == 0) {
                (void)sconce_dimmer_set(dev, stubborn->led, 1);
                return sconce_dimmer_set(dev, stubborn->led, 1);
        }
        if (strcmp(text, "leave") == 0)
                return sconce_fd_unwatch(dev, stubborn->watch);
        return sconce_dimmer_set(dev, stubborn->led, strtod(text, NULL));
}

static void on_ready(struct sconce_device *dev, void *instance, uint32_t events, void *userdata)
{
        struct stubborn *stubborn = instance;
        char text[32] = "";
        double level = -1;

        (void)events;
        (void)userdata;
        ssize_t n = read(stubborn->fd, text, sizeof(text) - 1);
        if (n <= 0)
                return;
        text[strcspn(text, "\n")] = '\0';
        int r = act(dev, stubborn, text);
        if (r < 0)
                (void)sconce_health(dev, r, text);
        (void)sconce_dimmer_get(dev, stubborn->led, &level);
        const struct sconce_value values[] = {
                SCONCE_BOOL("state", level > 0),
                SCONCE_NUM("level", level),
                SCONCE_NUM("lines", ++stubborn->lines),
        };
        (void)sconce_report(dev, values, 3);
}

static int stubborn_start(struct sconce_device *dev, void *instance)
{
        struct stubborn *stubborn = instance;

        stubborn->lines = 0;
        stubborn->fd = open(stubborn->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* never at its end */
        if (stubborn->fd < 0)
                return -errno;
        int r = sconce_dimmer_open(dev, stubborn->led, 0, 0);
        if (r == 0)
                r = sconce_fd_watch(dev, stubborn->fd, EPOLLIN, on_ready, NULL, &stubborn->watch);
        if (r < 0)
                (void)close(stubborn->fd);
        return r < 0 ? r : sconce_report_number(dev, "lines", 0);
}

static void stubborn_stop(struct sconce_device *dev, void *instance)
{
        const struct stubborn *stubborn = instance;

        (void)dev;
        (void)close(stubborn->fd);
}

static int stubborn_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        (void)instance;
        (void)command;
        sconce_error(dev, "%s does as it likes", sconce_id(dev));
        return -EPERM;
}

static const struct sconce_plugin stubborn = {
        .name = "stubborn",
        .summary = "Drives its LED as it likes",
        .instance_size = sizeof(struct stubborn),
        .options = options,
        .channels = channels,
        .start = stubborn_start,
        .stop = stubborn_stop,
        .command = stubborn_command,
};
SCONCE_PLUGIN(stubborn)
