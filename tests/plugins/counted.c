/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counted: a sensor that counts. Each reading is the next number, and is noted in a file before it is reported: a row of
 * 32 bytes with the number and the time, CLOCK_BOOTTIME in microseconds. The file is what is known of the readings
 * made when the agent has been killed, and where the next process counts on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sconce/plugin.h>

enum { ROW_BYTES = 32 };

struct counted {
        const char *file;
        int64_t count;
        uint64_t period_us;
        int64_t made;
        int fd;
        struct sconce_timer *timer;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct counted, file, "file", SCONCE_REQUIRED, "Where the readings are noted"),
        SCONCE_OPTION_INT(struct counted, count, "count", 0, "How many readings there are", .def = "500"),
        SCONCE_OPTION_DURATION(struct counted, period_us, "period", 0, "How long between two", .def = "40ms"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "number", .kind = SCONCE_SENSOR },
        { .key = NULL },
};

static bool note(struct sconce_device *dev, const struct counted *counted)
{
        char row[64];

        (void)snprintf(row, sizeof(row), "%10" PRId64 " %20" PRIu64 "\n", counted->made + 1, sconce_now_us(dev));
        return write(counted->fd, row, ROW_BYTES) == ROW_BYTES;
}

static void tick(struct sconce_device *dev, void *instance, void *userdata)
{
        struct counted *counted = instance;

        (void)userdata;
        if (counted->made >= counted->count || !note(dev, counted))
                return;
        counted->made++;
        (void)sconce_report_number(dev, "number", (double)counted->made);
        (void)sconce_timer_arm(dev, counted->timer, counted->period_us);
}

static int counted_start(struct sconce_device *dev, void *instance)
{
        struct counted *counted = instance;
        struct stat st;

        counted->fd = open(counted->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (counted->fd < 0 || fstat(counted->fd, &st) < 0)
                return -errno;
        counted->made = st.st_size / ROW_BYTES;
        int r = sconce_timer_new(dev, tick, NULL, &counted->timer);
        return r < 0 ? r : sconce_timer_arm(dev, counted->timer, counted->period_us);
}

static void counted_stop(struct sconce_device *dev, void *instance)
{
        const struct counted *counted = instance;

        (void)dev;
        (void)close(counted->fd);
}

static const struct sconce_plugin counted = {
        .name = "counted",
        .summary = "Counts, and notes what it has counted",
        .instance_size = sizeof(struct counted),
        .options = options,
        .channels = channels,
        .start = counted_start,
        .stop = counted_stop,
};
SCONCE_PLUGIN(counted)
