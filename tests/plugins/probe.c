/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: one channel of each kind, everything written is reported back, and files decide what fails. In its
 * directory: no file `start` fails the start, `read` holds the sensor's number, or `none` where it has no value,
 * and its absence fails the read, a file `refuse` holds the errno that commands fail with, `log` gets a line for each
 * callback; where there is a file `heal`, its timer ends what it feels.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sconce/plugin.h>

struct probe {
        const char *dir;
        bool extra;  /* adds a channel in configure */
        bool reject; /* configure refuses */
        struct sconce_timer *timer;
        unsigned ticks;
};

static const char *const moods[] = { "calm", "bright", NULL };
static const char *const presses[] = { "single", "double", NULL };

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct probe, dir, "dir", SCONCE_REQUIRED, "Where its files are"),
        SCONCE_OPTION_BOOL(struct probe, extra, "extra", 0, "Whether it has one channel more", .def = "no"),
        SCONCE_OPTION_BOOL(struct probe, reject, "reject", 0, "Whether it rejects its config", .def = "no"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "light", .kind = SCONCE_LIGHT },
        { .key = "level", .kind = SCONCE_NUMBER, .unit = "%", .min = -10, .max = 100 },
        { .key = "hold", .kind = SCONCE_DURATION, .max = 3600, .flags = SCONCE_COMMAND_ONLY },
        { .key = "cover", .kind = SCONCE_COVER },
        { .key = "mood", .kind = SCONCE_SELECT, .choices = moods },
        { .key = "note", .kind = SCONCE_TEXT, .flags = SCONCE_WRITABLE },
        { .key = "ring", .kind = SCONCE_BUTTON },
        { .key = "sensor", .kind = SCONCE_SENSOR, .unit = "°C", .device_class = "temperature" },
        { .key = "press", .kind = SCONCE_EVENT, .choices = presses },
        { .key = NULL },
};

static void note(const struct probe *probe, const char *what)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/log", probe->dir);
        FILE *file = fopen(path, "ae");
        if (!file)
                return;
        (void)fprintf(file, "%s\n", what);
        (void)fclose(file);
}

static bool read_file(const struct probe *probe, const char *name, char *text, size_t size)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", probe->dir, name);
        FILE *file = fopen(path, "re");
        if (!file)
                return false;
        if (!fgets(text, (int)size, file))
                text[0] = '\0';
        (void)fclose(file);
        return true;
}

static int probe_configure(struct sconce_device *dev, void *instance)
{
        const struct probe *probe = instance;
        const struct sconce_channel extra = { .key = "extra", .kind = SCONCE_SENSOR };

        if (probe->reject) {
                sconce_error(dev, "reject: is not possible here");
                return -EINVAL;
        }
        return probe->extra ? sconce_channel_add(dev, &extra) : 0;
}

static void tick(struct sconce_device *dev, void *instance, void *userdata)
{
        struct probe *probe = instance;
        char text[8];

        (void)userdata;
        probe->ticks++;
        if (read_file(probe, "heal", text, sizeof(text)))
                (void)sconce_health(dev, 0, NULL);
        sconce_event(dev, "press", probe->ticks % 2 ? "single" : "double");
}

static int probe_start(struct sconce_device *dev, void *instance)
{
        struct probe *probe = instance;
        char text[64];

        note(probe, "start");
        if (!read_file(probe, "start", text, sizeof(text))) {
                sconce_error(dev, "the probe is not plugged in");
                return -ENODEV;
        }
        return sconce_timer_new(dev, tick, NULL, &probe->timer);
}

static void probe_stop(struct sconce_device *dev, void *instance)
{
        (void)dev;
        note(instance, "stop");
}

/* "tick", "sick", "itch" and "well" in the note do things; everything is reported back. */
static int act(struct sconce_device *dev, struct probe *probe, const char *text)
{
        if (strcmp(text, "tick") == 0)
                return sconce_timer_arm(dev, probe->timer, 1000000);
        if (strcmp(text, "sick") == 0)
                return sconce_health(dev, -EIO, "the probe feels sick");
        if (strcmp(text, "itch") == 0)
                return sconce_problem(dev, -ETIMEDOUT, "the probe itches");
        if (strcmp(text, "well") == 0)
                return sconce_problem(dev, 0, NULL);
        if (strcmp(text, "wrong type") == 0)
                return sconce_report_text(dev, "light", "ON");
        return 0;
}

static int probe_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct probe *probe = instance;
        char text[64];

        note(probe, "command");
        if (read_file(probe, "refuse", text, sizeof(text))) {
                sconce_error(dev, "the probe will not");
                return -atoi(text);
        }
        for (size_t i = 0; i < command->count; i++) {
                const struct sconce_value *value = &command->values[i];
                if (strcmp(value->channel, "ring") == 0 || strcmp(value->channel, "hold") == 0) {
                        char line[96];
                        (void)snprintf(line, sizeof(line), "%s %d %g", value->channel, value->on, value->number);
                        note(probe, line);
                        continue;
                }
                int r = value->type == SCONCE_VALUE_TEXT ? act(dev, probe, value->text) : 0;
                if (r == 0)
                        r = sconce_report(dev, value, 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int probe_read(struct sconce_device *dev, void *instance)
{
        const struct probe *probe = instance;
        char text[64];

        note(probe, "read");
        if (!read_file(probe, "read", text, sizeof(text)))
                return -EIO;
        sconce_health(dev, 0, NULL);
        if (strcmp(text, "none") == 0)
                return sconce_report(dev, &SCONCE_NONE("sensor"), 1);
        return sconce_report_number(dev, "sensor", strtod(text, NULL));
}

static const struct sconce_plugin probe = {
        .name = "probe",
        .summary = "One channel of each kind",
        .version = "2.5",
        .instance_size = sizeof(struct probe),
        .options = options,
        .channels = channels,
        .configure = probe_configure,
        .start = probe_start,
        .stop = probe_stop,
        .command = probe_command,
        .read = probe_read,
};
SCONCE_PLUGIN(probe)
