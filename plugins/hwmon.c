/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hwmon: what the kernel's drivers for monitoring chips measure: temperatures, voltages, fans and so on.
 *
 * `chip` is the content of the chip's file `name` ("lm75"), or where several have that name, a part of its path: its
 * address "1-0048", or its directory "hwmon2", whose number may change at the next boot. `channels` selects by the
 * kernel's names; without it, all that are there at the start become channels, named by the chip's labels. Those that
 * rules use must be in `channels`, since nothing is opened to check a config.
 *
 * Units are those that people use: °C, V, A, W, not thousandths. What is faulty (temp1_fault) or cannot be read is
 * null; the device fails when nothing can be read. A chip that is gone is searched for again.
 *
 * The kernel's thermal zones have a plugin of their own: thermal.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <sconce/plugin.h>
#include <sconce/sysfs.h>

#define CHANNELS_MAX 48
#define KEY_SIZE     24

#define ABSOLUTE_ZERO (-273.15)

/* What a channel's name begins with, and how people speak of it. One of their units is `divisor` of the kernel's. */
static const struct quantity {
        const char *prefix, *unit, *device_class, *help;
        double divisor;
        uint32_t flags;
} quantities[] = {
        { "temp", "°C", "temperature", "Temperature", 1e3, 0 },
        { "in", "V", "voltage", "Voltage", 1e3, 0 },
        { "curr", "A", "current", "Current", 1e3, 0 },
        { "power", "W", "power", "Power", 1e6, 0 },
        { "energy", "Wh", "energy", "Energy so far", 3.6e9, SCONCE_TOTAL },
        { "humidity", "%", "humidity", "Relative humidity", 1e3, 0 },
        { "fan", "rpm", NULL, "Speed of the fan", 1, 0 },
        { "freq", "Hz", "frequency", "Frequency", 1, 0 },
};

struct reading {
        char key[KEY_SIZE];
        const struct quantity *quantity;
        bool is_failing; /* and it has been logged */
};

struct hwmon {
        const char *chip;
        const char *root;
        struct sconce_list names; /* the option `channels` */

        struct reading readings[CHANNELS_MAX];
        size_t count;
        struct sconce_sysfs sysfs; /* where it is */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_STRING(struct hwmon, chip, "chip", SCONCE_REQUIRED,
                             "The chip's name, part of its path (its address), or its directory"),
        SCONCE_OPTION_LIST(struct hwmon, names, SCONCE_TYPE_STRING, "channels", 0,
                           "Which of its channels, such as temp1, in0, fan1; without it, all"),
        SCONCE_OPTION_PATH(struct hwmon, root, "root", 0, "Where the kernel shows its chips",
                           .def = "/sys/class/hwmon"),
        { .key = NULL },
};

/* ---- Channels ------------------------------------------------------------------------------------------ */

/* "temp1": a quantity and a number. */
static const struct quantity *find_quantity(const char *key)
{
        size_t letters = strspn(key, "abcdefghijklmnopqrstuvwxyz");

        if (!isdigit((unsigned char)key[letters]) || key[letters + strspn(key + letters, "0123456789")])
                return NULL;
        for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++)
                if (strlen(quantities[i].prefix) == letters && strncmp(quantities[i].prefix, key, letters) == 0)
                        return &quantities[i];
        return NULL;
}

static bool is_known(const struct hwmon *hwmon, const char *key)
{
        for (size_t i = 0; i < hwmon->count; i++)
                if (strcmp(hwmon->readings[i].key, key) == 0)
                        return true;
        return false;
}

static int add_reading(struct sconce_device *dev, struct hwmon *hwmon, const char *key, const char *label)
{
        const struct quantity *quantity = find_quantity(key);
        struct sconce_channel row = { .key = key, .kind = SCONCE_SENSOR, .name = label };

        if (!quantity || strlen(key) >= KEY_SIZE)
                return -EINVAL;
        if (is_known(hwmon, key)) /* it has an _input and an _average */
                return 0;
        if (hwmon->count == CHANNELS_MAX)
                return -E2BIG;
        row.unit = quantity->unit;
        row.device_class = quantity->device_class;
        row.help = quantity->help;
        row.flags = quantity->flags;
        struct reading *reading = &hwmon->readings[hwmon->count++];
        (void)snprintf(reading->key, sizeof(reading->key), "%s", key);
        reading->quantity = quantity;
        return sconce_channel_add(dev, &row);
}

static int hwmon_configure(struct sconce_device *dev, void *instance)
{
        struct hwmon *hwmon = instance;
        const char *const *names = hwmon->names.items;

        for (size_t i = 0; i < hwmon->names.count; i++) {
                int r = add_reading(dev, hwmon, names[i], NULL);
                if (r == -E2BIG)
                        sconce_error(dev, "channels: more than %d", CHANNELS_MAX);
                else if (r < 0)
                        sconce_error(
                                dev,
                                "channels: \"%s\" is not a channel; channels are called temp1, in0, curr1, power1, "
                                "energy1, humidity1, fan1, freq1 and so on",
                                names[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* temp1_input, power1_average: what has a value, with the name cut off behind the number. */
static bool is_value(char *file)
{
        char *underscore = strchr(file, '_');

        if (!underscore || (strcmp(underscore, "_input") != 0 && strcmp(underscore, "_average") != 0))
                return false;
        *underscore = '\0';
        return find_quantity(file) != NULL;
}

static int add_found(struct sconce_device *dev, void *instance, const char *file)
{
        struct hwmon *hwmon = instance;
        char path[PATH_MAX], label[64], key[NAME_MAX + 1];

        (void)snprintf(key, sizeof(key), "%s", file);
        if (!is_value(key) || strlen(key) >= KEY_SIZE)
                return 0;
        sconce_sysfs_path(&hwmon->sysfs, "", key, "_label", path);
        bool has_label = sconce_read_line(path, label, sizeof(label)) == 0 && label[0];
        int r = add_reading(dev, hwmon, key, has_label ? label : NULL);
        if (r != -E2BIG)
                return r < 0 ? r : 1;
        sconce_log(dev, SCONCE_LOG_WARNING, "more than %d channels: %s is left out", CHANNELS_MAX, key);
        return 0;
}

static int hwmon_start(struct sconce_device *dev, void *instance)
{
        struct hwmon *hwmon = instance;

        hwmon->sysfs = (struct sconce_sysfs){
                .noun = "chip", .root = hwmon->root, .prefix = "hwmon", .files = { "name" }, .wanted = hwmon->chip
        };
        int r = sconce_sysfs_find(dev, &hwmon->sysfs);
        return r < 0 || hwmon->count > 0 ? r : sconce_sysfs_each(dev, &hwmon->sysfs, add_found, hwmon);
}

/* ---- Reading ------------------------------------------------------------------------------------------- */

static bool is_faulty(const struct hwmon *hwmon, const struct reading *reading)
{
        char path[PATH_MAX], text[8];

        sconce_sysfs_path(&hwmon->sysfs, "", reading->key, "_fault", path);
        return sconce_read_line(path, text, sizeof(text)) == 0 && strcmp(text, "1") == 0;
}

static int read_value(struct sconce_device *dev, const struct hwmon *hwmon, const struct reading *reading, double *ret)
{
        char path[PATH_MAX];
        double number;

        if (is_faulty(hwmon, reading)) {
                sconce_error(dev, "%s: the chip reports that its sensor is faulty", reading->key);
                return -EIO;
        }
        sconce_sysfs_path(&hwmon->sysfs, "", reading->key, "_input", path);
        int r = sconce_read_number(dev, path, &number);
        if (r == -ENOENT) {
                sconce_sysfs_path(&hwmon->sysfs, "", reading->key, "_average", path);
                r = sconce_read_number(dev, path, &number);
                if (r == -ENOENT)
                        sconce_error(dev, "%s: the chip does not have it", reading->key);
        }
        if (r < 0)
                return r;
        *ret = number / reading->quantity->divisor;
        if (strcmp(reading->quantity->prefix, "temp") == 0 && *ret < ABSOLUTE_ZERO) {
                sconce_error(dev, "%s: the chip shows %g °C, which is impossible", reading->key, *ret);
                return -ERANGE;
        }
        return 0;
}

/* The first time that one of several fails; the error topic speaks of all of them only. */
static void note(struct sconce_device *dev, const struct hwmon *hwmon, struct reading *reading, int r)
{
        if (r < 0 && !reading->is_failing && hwmon->count > 1)
                sconce_log(dev, SCONCE_LOG_WARNING, "%s: no value: %s", reading->key, strerror(-r));
        reading->is_failing = r < 0;
}

static int hwmon_read(struct sconce_device *dev, void *instance)
{
        struct sconce_value values[CHANNELS_MAX];
        struct hwmon *hwmon = instance;
        size_t good = 0;
        int error = 0;

        int r = sconce_sysfs_is_there(&hwmon->sysfs) ? 0 : sconce_sysfs_find(dev, &hwmon->sysfs);
        if (r < 0)
                return r;
        for (size_t i = 0; i < hwmon->count; i++) {
                struct reading *reading = &hwmon->readings[i];
                double number = 0;
                r = read_value(dev, hwmon, reading, &number);
                note(dev, hwmon, reading, r);
                values[i] = r < 0 ? SCONCE_NONE(reading->key) : SCONCE_NUM(reading->key, number);
                good += r == 0;
                error = r < 0 ? r : error;
        }
        return good > 0 ? sconce_report(dev, values, hwmon->count) : error;
}

static const struct sconce_plugin hwmon = {
        .name = "hwmon",
        .summary = "A monitoring chip that the kernel knows: temperatures, voltages, fans",
        .flags = SCONCE_BLOCKING, /* the chip may be behind a slow bus */
        .instance_size = sizeof(struct hwmon),
        .options = options,
        .every = "30s",
        .configure = hwmon_configure,
        .start = hwmon_start,
        .read = hwmon_read,
};
SCONCE_PLUGIN(hwmon)
