/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers: each reading is the next number of a series, and some raise an event, which has the last digit of its own
 * number. Who loads it gives it the numbers: so it knows what there is to be delivered, and when it was read.
 */
#include <errno.h>
#include <stdio.h>

#include <sconce/plugin.h>

#include "numbers.h"

struct numbers {
        int64_t series;
};

__attribute__((visibility("default"))) struct numbers_source numbers_source;

static const char *const digits[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL };

static const struct sconce_option options[] = {
        SCONCE_OPTION_INT(struct numbers, series, "series", SCONCE_REQUIRED, "Which series it is", .min = "0",
                          .max = "15"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "number", .kind = SCONCE_SENSOR },
        { .key = "tick", .kind = SCONCE_EVENT, .choices = digits },
        { .key = NULL },
};

static int numbers_read(struct sconce_device *dev, void *instance)
{
        const struct numbers *self = instance;
        unsigned series = (unsigned)self->series;

        if (!numbers_source.reading)
                return -ENODATA;
        int event = numbers_source.event(series);
        if (event >= 0)
                (void)sconce_event(dev, "tick", digits[event % 10]);
        return sconce_report_number(dev, "number", numbers_source.reading(series));
}

static int numbers_start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static const struct sconce_plugin numbers = {
        .name = "numbers",
        .summary = "Numbers its readings",
        .instance_size = sizeof(struct numbers),
        .options = options,
        .channels = channels,
        .every = "1m",
        .start = numbers_start,
        .read = numbers_read,
};
SCONCE_PLUGIN(numbers)
