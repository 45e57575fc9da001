/* SPDX-License-Identifier: Apache-2.0 */
/*
 * w1: thermometers on a 1-Wire bus: DS18B20 and its relatives, through the kernel's w1 driver.
 *
 * With `id` the device is that one thermometer; without it, all that are on the bus, each a channel, also those that
 * are plugged in later. Of several, one that is gone or cannot be read is null, and the others go on; the device fails
 * when none can be read.
 *
 * Each kind of bus error has its sentence. A bad checksum or no answer is tried once more. A bus shorted to ground
 * reads nine zeros, whose checksum is right. 85 °C is shown before the first measurement, and when the supply fails
 * during one: it counts only where the reading before was near it. What its kind cannot measure (127.9 °C of a
 * DS18B20) is an error too.
 *
 * On a Raspberry Pi: dtoverlay=w1-gpio in config.txt.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sconce/plugin.h>

#define SENSORS_MAX 32
#define ID_SIZE     16 /* "28-0316a2791bff" */
#define ATTEMPTS    2

#define POWER_ON_MILLIDEGREES 85000
#define NEAR_MILLIDEGREES     10000

struct thermometer {
        char id[ID_SIZE];
        char key[ID_SIZE + 1];
        bool has_last; /* the reading before this one succeeded, with: */
        long last_millidegrees;
        bool is_failing; /* and it has been logged */
};

struct w1 {
        const char *id;
        const char *root;
        struct thermometer sensors[SENSORS_MAX];
        size_t count;
        bool is_full; /* and it has been logged */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_STRING(struct w1, id, "id", 0,
                             "The thermometer's id, such as 28-0316a2791bff; without it, all on the bus"),
        SCONCE_OPTION_PATH(struct w1, root, "root", 0, "Where the kernel shows what is on its 1-Wire buses",
                           .def = "/sys/bus/w1/devices"),
        { .key = NULL },
};

static const struct sconce_channel temperature = {
        .key = "temperature",
        .kind = SCONCE_SENSOR,
        .unit = "°C",
        .device_class = "temperature",
        .help = "Temperature at the sensor",
};

/* What an id begins with, and from where to where its kind measures, in thousandths of a degree. */
static const struct family {
        const char *prefix;
        long min, max;
} families[] = {
        { "10-", -55000, 125000 },   /* DS18S20 */
        { "22-", -55000, 125000 },   /* DS1822 */
        { "28-", -55000, 125000 },   /* DS18B20 */
        { "3b-", -270000, 1768000 }, /* DS1825; MAX31850 with any of its thermocouples */
        { "42-", -55000, 125000 },   /* DS28EA00 */
};

static const struct family *find_family(const char *id)
{
        for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
                if (strncmp(id, families[i].prefix, 3) == 0)
                        return &families[i];
        return NULL;
}

static bool is_thermometer(const char *name)
{
        return strlen(name) == ID_SIZE - 1 && strspn(name + 3, "0123456789abcdef") == ID_SIZE - 4 && find_family(name);
}

/* ---- One reading --------------------------------------------------------------------------------------- */

struct why {
        char text[192];
};

static int __attribute__((format(printf, 3, 4))) explain(struct why *why, int error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(why->text, sizeof(why->text), format, arguments);
        va_end(arguments);
        return error;
}

/* The two lines of w1_slave, in one read, since each read is a measurement:
 *
 *         72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
 *         72 01 4b 46 7f ff 0e 10 57 t=23125
 */
static int read_slave(const char *path, char bytes[static 64], char text[static 64])
{
        FILE *file = fopen(path, "re");

        if (!file)
                return -errno;
        errno = 0;
        if (!fgets(bytes, 64, file))
                bytes[0] = '\0';
        if (!fgets(text, 64, file))
                text[0] = '\0';
        int r = ferror(file) ? (errno ? -errno : -EIO) : 0;
        (void)fclose(file);
        return r;
}

static int parse_millidegrees(const char *text, long *ret)
{
        char *end;

        errno = 0;
        long number = strtol(text, &end, 10);
        if (end == text || (*end != '\n' && *end != '\0') || errno != 0)
                return -EBADMSG;
        *ret = number;
        return 0;
}

static int parse_slave(const char *id, const char *bytes, const char *text, long *ret, struct why *why)
{
        const char *verdict = strstr(bytes, " : crc="), *number = strstr(text, " t=");

        if (!*bytes) /* the kernel's driver shows nothing, and no error */
                return explain(why, -EIO, "%s does not answer", id);
        if (!verdict || !number || parse_millidegrees(number + 3, ret) < 0)
                return explain(why, -EBADMSG, "%s: the kernel's text is not a reading", id);
        if (!strstr(verdict, " YES"))
                return explain(why, -EIO, "%s: the checksum is wrong: check wiring, length and pull-up", id);
        if (strncmp(bytes, "00 00 00 00 00 00 00 00 00 ", 27) == 0)
                return explain(why, -EIO, "%s: reads only zeros: the bus seems to be shorted to ground", id);
        return 0;
}

/* Drivers that show no w1_slave. */
static int read_plain(const struct w1 *w1, const char *id, long *ret, struct why *why)
{
        char path[PATH_MAX], text[32];

        (void)snprintf(path, sizeof(path), "%s/%s/temperature", w1->root, id);
        int r = sconce_read_line(path, text, sizeof(text));
        if (r == -ENOENT || r == -ENOTDIR || r == -ENODEV)
                return explain(why, -ENOENT, "%s is not on the bus", id);
        if (r < 0)
                return explain(why, r, "%s: cannot be read: %s", id, strerror(-r));
        if (!*text)
                return explain(why, -EIO, "%s does not answer", id);
        if (parse_millidegrees(text, ret) < 0)
                return explain(why, -EBADMSG, "%s: the kernel's text is not a reading", id);
        return 0;
}

static int measure(const struct w1 *w1, const char *id, long *ret, struct why *why)
{
        char path[PATH_MAX], bytes[64], text[64];

        (void)snprintf(path, sizeof(path), "%s/%s/w1_slave", w1->root, id);
        int r = read_slave(path, bytes, text);
        if (r == -ENOENT || r == -ENODEV)
                return read_plain(w1, id, ret, why);
        if (r < 0)
                return explain(why, r, "%s: cannot be read: %s", id, strerror(-r));
        return parse_slave(id, bytes, text, ret, why);
}

static int check_power_on(const struct thermometer *sensor, long millidegrees, struct why *why)
{
        if (millidegrees != POWER_ON_MILLIDEGREES ||
            (sensor->has_last && labs(sensor->last_millidegrees - millidegrees) <= NEAR_MILLIDEGREES))
                return 0;
        return explain(why, -EIO, "%s: 85 °C is what it shows when it has not measured: check its supply", sensor->id);
}

static int check_range(const struct thermometer *sensor, long millidegrees, struct why *why)
{
        const struct family *family = find_family(sensor->id);

        if (family && millidegrees >= family->min && millidegrees <= family->max)
                return 0;
        return explain(why, -ERANGE, "%s: shows %g °C, which its type cannot measure: check its wiring", sensor->id,
                       (double)millidegrees / 1000);
}

static int read_sensor(const struct w1 *w1, struct thermometer *sensor, long *ret, struct why *why)
{
        long millidegrees = 0;
        int r = -EIO;

        for (int i = 0; i < ATTEMPTS && r < 0 && r != -ENOENT; i++) {
                r = measure(w1, sensor->id, &millidegrees, why);
                if (r == 0)
                        r = check_range(sensor, millidegrees, why);
                if (r == 0)
                        r = check_power_on(sensor, millidegrees, why);
        }
        sensor->has_last = r == 0;
        sensor->last_millidegrees = millidegrees;
        *ret = millidegrees;
        return r;
}

/* ---- Which there are ----------------------------------------------------------------------------------- */

static struct thermometer *find(struct w1 *w1, const char *id)
{
        for (size_t i = 0; i < w1->count; i++)
                if (strcmp(w1->sensors[i].id, id) == 0)
                        return &w1->sensors[i];
        return NULL;
}

/* A channel for one of several: "28-0316a2791bff" is t28_0316a2791bff. */
static int add_found(struct sconce_device *dev, struct w1 *w1, const char *id)
{
        if (w1->count == SENSORS_MAX) {
                if (!w1->is_full)
                        sconce_log(dev, SCONCE_LOG_WARNING, "more than %d thermometers: %s is left out", SENSORS_MAX,
                                   id);
                w1->is_full = true;
                return 0;
        }
        struct thermometer sensor = { 0 };
        (void)snprintf(sensor.id, sizeof(sensor.id), "%.15s", id);
        (void)snprintf(sensor.key, sizeof(sensor.key), "t%.15s", id);
        sensor.key[3] = '_';
        struct sconce_channel row = temperature;
        row.key = sensor.key;
        row.name = sensor.id;
        int r = sconce_channel_add(dev, &row);
        if (r == 0)
                w1->sensors[w1->count++] = sensor;
        return r;
}

static int filter(const struct dirent *entry)
{
        return is_thermometer(entry->d_name);
}

static int look_around(struct sconce_device *dev, struct w1 *w1)
{
        struct dirent **found;
        int r = 0;

        int count = scandir(w1->root, &found, filter, alphasort);
        if (count < 0) {
                r = -errno;
                sconce_error(dev, "%s: cannot be read: %s; is the kernel's w1 driver loaded?", w1->root, strerror(-r));
                return r;
        }
        for (int i = 0; i < count; i++) {
                if (r == 0 && !find(w1, found[i]->d_name))
                        r = add_found(dev, w1, found[i]->d_name);
                free(found[i]);
        }
        free(found);
        return r;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int w1_configure(struct sconce_device *dev, void *instance)
{
        struct w1 *w1 = instance;

        if (!w1->id)
                return 0;
        if (!is_thermometer(w1->id)) {
                sconce_error(dev,
                             "id: \"%s\" is not a thermometer's id: one of 10-, 22-, 28-, 3b-, 42- and twelve small "
                             "hexadecimal digits, as in 28-0316a2791bff",
                             w1->id);
                return -EINVAL;
        }
        (void)snprintf(w1->sensors[0].id, ID_SIZE, "%s", w1->id);
        (void)snprintf(w1->sensors[0].key, sizeof(w1->sensors[0].key), "%s", temperature.key);
        w1->count = 1;
        return sconce_channel_add(dev, &temperature);
}

static int w1_start(struct sconce_device *dev, void *instance)
{
        struct w1 *w1 = instance;

        return w1->id ? 0 : look_around(dev, w1);
}

/* The first time that one of several fails; their error topic speaks of all of them only. */
static void note(struct sconce_device *dev, const struct w1 *w1, struct thermometer *sensor, bool is_failing,
                 const struct why *why)
{
        if (is_failing && !sensor->is_failing && !w1->id)
                sconce_log(dev, SCONCE_LOG_WARNING, "%s", why->text);
        sensor->is_failing = is_failing;
}

static int w1_read(struct sconce_device *dev, void *instance)
{
        struct sconce_value values[SENSORS_MAX];
        struct w1 *w1 = instance;
        struct why why = { .text = "there is no thermometer on the bus" };
        int r = w1->id ? 0 : look_around(dev, w1), error = -ENOENT;
        size_t good = 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < w1->count; i++) {
                struct thermometer *sensor = &w1->sensors[i];
                long millidegrees;
                r = read_sensor(w1, sensor, &millidegrees, &why);
                note(dev, w1, sensor, r < 0, &why);
                values[i] = r < 0 ? SCONCE_NONE(sensor->key) : SCONCE_NUM(sensor->key, (double)millidegrees / 1000);
                good += r == 0;
                error = r < 0 ? r : error;
        }
        if (good > 0)
                return sconce_report(dev, values, w1->count);
        sconce_error(dev, "%s", why.text);
        return error;
}

static const struct sconce_plugin w1 = {
        .name = "w1",
        .summary = "Thermometers on a 1-Wire bus (DS18B20)",
        .flags = SCONCE_BLOCKING, /* a measurement takes 750 ms */
        .instance_size = sizeof(struct w1),
        .options = options,
        .every = "1m",
        .deadline = "1m", /* for all that are on the bus, one after the other, twice */
        .configure = w1_configure,
        .start = w1_start,
        .read = w1_read,
};
SCONCE_PLUGIN(w1)
