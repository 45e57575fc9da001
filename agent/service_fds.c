/* SPDX-License-Identifier: Apache-2.0 */
#include "service_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "gpio/held.h"
#include "util/clock.h"
#include "util/log.h"

/* "FD NAME", each ended by a newline: what a run hands over to the program that it executes. */
#define ENV_FDS "SCONCE_KEPT_LINES"
/* systemd does it within milliseconds; where it hangs, the line is busy and its device tries again. */
#define SYNC_MAX_US (1 * USEC_PER_SEC)

/* ---- systemd's store --------------------------------------------------------------------------------------------- */

static int put(void *userdata, const char *name, int fd)
{
        char text[FD_NAME_SIZE + 32];

        (void)userdata;
        (void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
        int r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
        return MIN(r, 0);
}

static int take_out(void *userdata, const char *name)
{
        (void)userdata;
        int r = sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
        return MIN(r, 0);
}

static int sync_store(void *userdata)
{
        (void)userdata;
        int r = sd_notify_barrier(0, SYNC_MAX_US);
        return MIN(r, 0);
}

const struct fd_store *service_fd_store(void)
{
        static const struct fd_store store = { .put = put, .remove = take_out, .sync = sync_store };

        return getenv("NOTIFY_SOCKET") ? &store : NULL;
}

/* ---- From run to run --------------------------------------------------------------------------------------------- */

/* The environment may have come from anywhere, and its numbers may be fds of our own by now: only a line is closed. */
static void adopt(struct gpio *gpio, const char *name, int fd)
{
        if (held_is_line(fd))
                gpio_adopt(gpio, name, fd);
        else
                log_warning("fd %d (%.80s), which the environment names, is no GPIO line: it is left alone", fd, name);
}

static void take_listed(struct gpio *gpio)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names);

        if (n < 0)
                log_warning("the outputs that systemd holds cannot be taken over: %s", strerror(-n));
        for (int i = 0; i < n; i++) {
                adopt(gpio, names[i], SD_LISTEN_FDS_START + i);
                free(names[i]);
        }
        free(names);
}

static int inherited(const char *text, char **ret_name)
{
        long fd = strtol(text, ret_name, 10);

        if (**ret_name != ' ' || fd <= STDERR_FILENO || fd > INT_MAX)
                return -EINVAL;
        (*ret_name)++;
        return fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : (int)fd;
}

static void take_inherited(struct gpio *gpio)
{
        const char *env = getenv(ENV_FDS);
        CLEANUP_FREE char *text = env ? strdup(env) : NULL;
        char *rest = text, *name;

        (void)unsetenv(ENV_FDS);
        for (char *line; (line = strsep(&rest, "\n"));) {
                int fd = inherited(line, &name);
                if (fd >= 0)
                        adopt(gpio, name, fd);
        }
}

void service_take_fds(struct gpio *gpio)
{
        take_listed(gpio);
        take_inherited(gpio);
}

/* What cannot be handed over is let go with this process. */
static void hand_over(void *userdata, const char *name, int fd)
{
        char **text = userdata;
        char *more;
        int copy = fcntl(fd, F_DUPFD, STDERR_FILENO + 1);

        if (copy >= 0 && asprintf(&more, "%s%d %s\n", *text ? *text : "", copy, name) >= 0) {
                free(*text);
                *text = more;
                return;
        }
        log_warning("%s is let go for a moment: %s", name, strerror(errno));
        if (copy >= 0)
                (void)close(copy);
}

void service_hand_over_fds(struct gpio *gpio)
{
        CLEANUP_FREE char *text = NULL;

        gpio_hand_over(gpio, hand_over, &text);
        if (text && setenv(ENV_FDS, text, 1) < 0)
                log_warning("outputs are let go for a moment: %s", strerror(errno));
}
