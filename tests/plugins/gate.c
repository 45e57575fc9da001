/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose callbacks hang for as long as nobody writes to its FIFO, like a sensor that holds the bus. */
#include <sconce/plugin.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct gate {
        const char *fifo;
};

/* Opening a FIFO for reading waits for somebody to open it for writing; who opens it and leaves without a word lets
 * nobody through. */
static int pass(const struct gate *gate, double *ret_number)
{
        char text[32];
        ssize_t got;

        do {
                int fd = open(gate->fifo, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                got = read(fd, text, sizeof(text) - 1);
                (void)close(fd);
        } while (got == 0);
        if (got < 0)
                return -EIO;
        text[got] = '\0';
        *ret_number = strtod(text, NULL);
        return 0;
}

static int gate_read(struct sconce_device *dev, void *instance)
{
        double number;
        int r = pass(instance, &number);

        return r < 0 ? r : sconce_report_number(dev, "value", number);
}

static int gate_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct sconce_value *level = sconce_command_find(command, "level");
        double number;
        int r = pass(instance, &number);

        if (r < 0 || !level)
                return r;
        return sconce_report_number(dev, "level", level->number);
}

static int gate_start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct gate, fifo, "fifo", SCONCE_REQUIRED, "FIFO that opens the gate"),
        { 0 },
};

static const struct sconce_channel channels[] = {
        { .key = "value", .kind = SCONCE_SENSOR },
        { .key = "level", .kind = SCONCE_NUMBER, .min = 0, .max = 100 },
        { 0 },
};

static const struct sconce_plugin gate = {
        .name = "gate",
        .summary = "Hangs while nobody writes to its FIFO",
        .flags = SCONCE_BLOCKING,
        .instance_size = sizeof(struct gate),
        .options = options,
        .channels = channels,
        .deadline = "500ms",
        .start = gate_start,
        .command = gate_command,
        .read = gate_read,
};

SCONCE_PLUGIN(gate)
