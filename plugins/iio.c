/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iio: any sensor or converter that has a driver in the kernel's Industrial I/O: DHT11 and DHT22, BME280, BH1750,
 * ADS1115 and hundreds more.
 *
 * `device` is the content of its file `name` or `label` ("bme280"), or where several have that name, a part of its
 * path: its address "1-0076", or its directory "iio:device0", whose number may change at the next boot.
 *
 * A file in_X_input holds a value as it is, in_X_raw one that is (raw + offset) * scale, where scale and offset are
 * the channel's own or shared by its type. That makes the kernel's units, mostly thousandths, which become those that
 * people use. in_temp is the channel `temperature`, in_humidityrelative is `humidity`, all others keep the kernel's
 * names: `pressure`, `voltage0`. `channels` selects by either; without it, all that are there at the start become
 * channels. Those that rules use must be in `channels`, since nothing is opened to check a config.
 *
 * A DHT11 misses some of its readings: such an error is tried again after `retry_after`, up to `retries` times in one
 * reading of all channels. What still fails is null; the device fails when nothing can be read.
 *
 * Impossible values are errors too: a temperature below absolute zero, a humidity far from 0 to 100 %, and 0 °C at 0
 * %, a DHT's frame of zeros, whose checksum is right.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sconce/plugin.h>
#include <sconce/sysfs.h>

#define CHANNELS_MAX 48
#define NAME_SIZE    48

/* What a channel is by how its name begins; more than a type where a modifier says more. One of the kernel's
 * units is `factor` / `divisor` of those of people. */
static const struct quantity {
        const char *prefix, *key, *name, *unit, *device_class;
        double factor, divisor;
        double min, max; /* what can be; both 0: anything */
} quantities[] = {
        { "temp", "temperature", "Temperature", "°C", "temperature", 1, 1000, -273.15, 1e6 },
        /* A little more than the air can have: sensors have tolerances. */
        { "humidityrelative", "humidity", "Humidity", "%", "humidity", 1, 1000, -6, 119 },
        { "pressure", NULL, NULL, "hPa", "pressure", 10, 1, 0, 0 },
        { "illuminance", NULL, NULL, "lx", "illuminance", 1, 1, 0, 0 },
        { "voltage", NULL, NULL, "V", "voltage", 1, 1000, 0, 0 },
        { "current", NULL, NULL, "A", "current", 1, 1000, 0, 0 },
        { "power", NULL, NULL, "W", "power", 1, 1000, 0, 0 },
        { "energy", NULL, NULL, "Wh", "energy", 1, 3600, 0, 0 },
        { "resistance", NULL, NULL, "Ω", NULL, 1, 1, 0, 0 },
        { "concentration_co2", "co2", "CO₂", "ppm", "carbon_dioxide", 10000, 1, 0, 0 },
        { "concentration_voc", "voc", "VOC", "ppb", "volatile_organic_compounds_parts", 1e7, 1, 0, 0 },
        { "concentration", NULL, NULL, "%", NULL, 1, 1, 0, 0 },
        { "massconcentration_pm1", "pm1", "PM1", "µg/m³", "pm1", 1, 1, 0, 0 },
        { "massconcentration_pm2p5", "pm2p5", "PM2.5", "µg/m³", "pm25", 1, 1, 0, 0 },
        { "massconcentration_pm4", "pm4", "PM4", "µg/m³", "pm4", 1, 1, 0, 0 },
        { "massconcentration_pm10", "pm10", "PM10", "µg/m³", "pm10", 1, 1, 0, 0 },
        { "distance", NULL, NULL, "m", "distance", 1, 1, 0, 0 },
        { "ph", NULL, NULL, "pH", "ph", 1, 1, 0, 0 },
        { "accel", NULL, NULL, "m/s²", NULL, 1, 1, 0, 0 },
        { "gravity", NULL, NULL, "m/s²", NULL, 1, 1, 0, 0 },
        { "anglvel", NULL, NULL, "rad/s", NULL, 1, 1, 0, 0 },
        { "magn", NULL, NULL, "G", NULL, 1, 1, 0, 0 },
        { "incli", NULL, NULL, "°", NULL, 1, 1, 0, 0 },
};
/* intensity, proximity, count, steps and so on are bare numbers. */
static const struct quantity bare = { .factor = 1, .divisor = 1 };

struct reading {
        char key[NAME_SIZE];    /* "temperature" */
        char kernel[NAME_SIZE]; /* "temp" */
        const struct quantity *quantity;
        bool is_failing; /* and it has been logged */
};

struct iio {
        const char *device;
        const char *root;
        struct sconce_list names; /* the option `channels` */
        int64_t retries;
        uint64_t retry_after_us;

        struct reading readings[CHANNELS_MAX];
        size_t count;
        struct sconce_sysfs sysfs; /* where it is */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_STRING(struct iio, device, "device", SCONCE_REQUIRED,
                             "The device's name or label, part of its path (its address), or its directory"),
        SCONCE_OPTION_LIST(struct iio, names, SCONCE_TYPE_STRING, "channels", 0,
                           "Which of its channels, such as temp, humidityrelative, voltage0; without it, all"),
        SCONCE_OPTION_INT(struct iio, retries, "retries", 0,
                          "How often in one reading an error of the sensor is tried again", .def = "3", .min = "0",
                          .max = "10"),
        SCONCE_OPTION_DURATION(struct iio, retry_after_us, "retry_after", 0, "Pause before it is tried again",
                               .def = "2s", .max = "10s"),
        SCONCE_OPTION_PATH(struct iio, root, "root", 0, "Where the kernel shows its devices",
                           .def = "/sys/bus/iio/devices"),
        { .key = NULL },
};

/* ---- Channels ------------------------------------------------------------------------------------------ */

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

/* What follows a word that `name` begins with: its number or modifier, "0" of "temp0"; NULL where it begins otherwise.
 * A word with a modifier (concentration_co2) is all of the name. */
static const char *behind(const char *name, const char *word)
{
        size_t length = strlen(word);
        const char *rest = name + length;

        if (strncmp(name, word, length) != 0)
                return NULL;
        if (*rest == '\0')
                return rest;
        return strchr(word, '_') || !strchr(DIGITS "_-", *rest) ? NULL : rest;
}

static const struct quantity *find_quantity(const char *kernel)
{
        for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++)
                if (behind(kernel, quantities[i].prefix))
                        return &quantities[i];
        return &bare;
}

/* From the user's name to the kernel's: "temperature0" is "temp0". */
static void kernel_name(const char *name, char kernel[static NAME_SIZE])
{
        for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
                const char *rest = quantities[i].key ? behind(name, quantities[i].key) : NULL;
                if (rest) {
                        (void)snprintf(kernel, NAME_SIZE, "%s%s", quantities[i].prefix, rest);
                        return;
                }
        }
        (void)snprintf(kernel, NAME_SIZE, "%s", name);
}

/* From the kernel's name to that in topics: "temperature0", "voltage0_voltage1". */
static void channel_key(const struct quantity *quantity, const char *kernel, char key[static NAME_SIZE])
{
        if (quantity->key)
                (void)snprintf(key, NAME_SIZE, "%s%s", quantity->key, kernel + strlen(quantity->prefix));
        else
                (void)snprintf(key, NAME_SIZE, "%s", kernel);
        for (char *at = key; *at; at++)
                if (*at == '-')
                        *at = '_';
}

static bool is_known(const struct iio *iio, const char *kernel)
{
        for (size_t i = 0; i < iio->count; i++)
                if (strcmp(iio->readings[i].kernel, kernel) == 0)
                        return true;
        return false;
}

static int add_reading(struct sconce_device *dev, struct iio *iio, const char *kernel)
{
        const struct quantity *quantity = find_quantity(kernel);
        struct sconce_channel row = { .kind = SCONCE_SENSOR, .help = "As the kernel's driver measures it" };

        if (is_known(iio, kernel)) /* it has an _input and a _raw */
                return 0;
        if (iio->count == CHANNELS_MAX)
                return -E2BIG;
        struct reading *reading = &iio->readings[iio->count++];
        (void)snprintf(reading->kernel, NAME_SIZE, "%s", kernel);
        channel_key(quantity, kernel, reading->key);
        reading->quantity = quantity;
        row.key = reading->key;
        row.unit = quantity->unit;
        row.device_class = quantity->device_class;
        row.name = quantity->name && strcmp(kernel, quantity->prefix) == 0 ? quantity->name : NULL;
        return sconce_channel_add(dev, &row);
}

static bool is_name(const char *name)
{
        size_t length = strlen(name);

        /* Room for the longer of its two names. */
        return length > 0 && length < NAME_SIZE - 16 && strspn(name, LETTERS) > 0 &&
               strspn(name, LETTERS DIGITS "_-") == length;
}

static int iio_configure(struct sconce_device *dev, void *instance)
{
        struct iio *iio = instance;
        const char *const *names = iio->names.items;

        for (size_t i = 0; i < iio->names.count; i++) {
                char kernel[NAME_SIZE];
                if (!is_name(names[i])) {
                        sconce_error(dev,
                                     "channels: \"%s\" is not a channel; channels are called as the kernel does: temp, "
                                     "humidityrelative, pressure, voltage0 and so on",
                                     names[i]);
                        return -EINVAL;
                }
                kernel_name(names[i], kernel);
                int r = add_reading(dev, iio, kernel);
                if (r == -E2BIG)
                        sconce_error(dev, "channels: more than %d", CHANNELS_MAX);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* in_temp_input, in_voltage0_raw: the name between. */
static bool is_value(const char *file, char kernel[static NAME_SIZE])
{
        const char *last = strrchr(file, '_');

        if (strncmp(file, "in_", 3) != 0 || last < file + 3 ||
            (strcmp(last, "_input") != 0 && strcmp(last, "_raw") != 0) || last - file - 3 >= NAME_SIZE)
                return false;
        (void)snprintf(kernel, NAME_SIZE, "%.*s", (int)(last - file - 3), file + 3);
        return is_name(kernel);
}

static int add_found(struct sconce_device *dev, void *instance, const char *file)
{
        struct iio *iio = instance;
        char kernel[NAME_SIZE];

        if (!is_value(file, kernel))
                return 0;
        int r = add_reading(dev, iio, kernel);
        if (r != -E2BIG)
                return r < 0 ? r : 1;
        sconce_log(dev, SCONCE_LOG_WARNING, "more than %d channels: %s is left out", CHANNELS_MAX, file);
        return 0;
}

static int iio_start(struct sconce_device *dev, void *instance)
{
        struct iio *iio = instance;

        iio->sysfs = (struct sconce_sysfs){ .noun = "device",
                                            .root = iio->root,
                                            .prefix = "iio:device",
                                            .files = { "name", "label" },
                                            .wanted = iio->device };
        int r = sconce_sysfs_find(dev, &iio->sysfs);
        return r < 0 || iio->count > 0 ? r : sconce_sysfs_each(dev, &iio->sysfs, add_found, iio);
}

/* ---- Reading ------------------------------------------------------------------------------------------- */

static int read_file(struct sconce_device *dev, const struct iio *iio, const char *before, const char *name,
                     const char *after, double *ret)
{
        char path[PATH_MAX];

        sconce_sysfs_path(&iio->sysfs, before, name, after, path);
        return sconce_read_number(dev, path, ret);
}

/* "voltage" of "voltage0", "voltage-voltage" of "voltage0-voltage1". */
static void without_numbers(const char *kernel, char type[static NAME_SIZE])
{
        size_t length = 0;

        for (; *kernel && length + 1 < NAME_SIZE; kernel++)
                if (!strchr(DIGITS, *kernel))
                        type[length++] = *kernel;
        type[length] = '\0';
}

/* A scale or an offset: the channel's own, or what it shares with others. Without one it stays what it is. */
static int read_factor(struct sconce_device *dev, const struct iio *iio, const char *kernel, const char *what,
                       double *factor)
{
        char type[NAME_SIZE], word[NAME_SIZE];

        without_numbers(kernel, type);
        (void)snprintf(word, sizeof(word), "%.*s", (int)strspn(kernel, LETTERS), kernel);
        const struct {
                const char *before, *name;
        } places[] = { { "in_", kernel }, { "in_", type }, { "in_", word }, { "in", "" } };
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                int r = read_file(dev, iio, places[i].before, places[i].name, what, factor);
                if (r != -ENOENT)
                        return r;
        }
        return 0;
}

static int read_value(struct sconce_device *dev, const struct iio *iio, const struct reading *reading, double *ret)
{
        double number, offset = 0, scale = 1;

        int r = read_file(dev, iio, "in_", reading->kernel, "_input", &number);
        if (r == -ENOENT) {
                r = read_file(dev, iio, "in_", reading->kernel, "_raw", &number);
                if (r == -ENOENT)
                        sconce_error(dev, "%s: the device does not have it", reading->kernel);
                if (r == 0)
                        r = read_factor(dev, iio, reading->kernel, "_offset", &offset);
                if (r == 0)
                        r = read_factor(dev, iio, reading->kernel, "_scale", &scale);
        }
        if (r < 0)
                return r;
        *ret = (number + offset) * scale * reading->quantity->factor / reading->quantity->divisor;
        return 0;
}

/* Of a temperature the humidity that is measured with it, and the other way round. */
static bool find_partner(const struct reading *reading, struct reading *ret)
{
        static const char *const pairs[][2] = { { "temp", "humidityrelative" }, { "humidityrelative", "temp" } };

        for (size_t i = 0; i < 2; i++) {
                if (strcmp(reading->quantity->prefix ? reading->quantity->prefix : "", pairs[i][0]) != 0)
                        continue;
                (void)snprintf(ret->kernel, NAME_SIZE, "%s%.8s", pairs[i][1], reading->kernel + strlen(pairs[i][0]));
                ret->quantity = find_quantity(ret->kernel);
                return true;
        }
        return false;
}

static int check_value(struct sconce_device *dev, const struct iio *iio, const struct reading *reading, double value)
{
        const struct quantity *quantity = reading->quantity;
        struct reading partner;
        double other;

        if (quantity->min < quantity->max && (value < quantity->min || value > quantity->max)) {
                sconce_error(dev, "%s: the sensor shows %g %s, which is impossible", reading->key, value,
                             quantity->unit);
                return -ERANGE;
        }
        if (value != 0 || !find_partner(reading, &partner) || read_value(dev, iio, &partner, &other) < 0 || other != 0)
                return 0;
        sconce_error(dev, "the sensor shows only zeros (0 °C at 0 %%): check its wiring and supply");
        return -EIO;
}

static void wait_us(uint64_t us)
{
        struct timespec left = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };

        while (nanosleep(&left, &left) != 0 && errno == EINTR)
                ;
}

/* Sensors of one wire miss a reading now and then. */
static bool may_pass(int r)
{
        return r == -EIO || r == -ETIMEDOUT || r == -EAGAIN;
}

static int read_patiently(struct sconce_device *dev, const struct iio *iio, const struct reading *reading,
                          int64_t *retries, double *ret)
{
        for (;;) {
                int r = read_value(dev, iio, reading, ret);
                if (r == 0)
                        r = check_value(dev, iio, reading, *ret);
                if (!may_pass(r) || *retries == 0)
                        return r;
                --*retries;
                wait_us(iio->retry_after_us);
        }
}

/* The first time that one of several fails; the error topic speaks of all of them only. */
static void note(struct sconce_device *dev, const struct iio *iio, struct reading *reading, int r)
{
        if (r < 0 && !reading->is_failing && iio->count > 1)
                sconce_log(dev, SCONCE_LOG_WARNING, "%s: no value: %s", reading->key, strerror(-r));
        reading->is_failing = r < 0;
}

static int iio_read(struct sconce_device *dev, void *instance)
{
        struct sconce_value values[CHANNELS_MAX];
        struct iio *iio = instance;
        int64_t retries = iio->retries;
        size_t good = 0;
        int error = 0;

        int r = sconce_sysfs_is_there(&iio->sysfs) ? 0 : sconce_sysfs_find(dev, &iio->sysfs);
        if (r < 0)
                return r;
        for (size_t i = 0; i < iio->count; i++) {
                struct reading *reading = &iio->readings[i];
                double number = 0;
                r = read_patiently(dev, iio, reading, &retries, &number);
                note(dev, iio, reading, r);
                values[i] = r < 0 ? SCONCE_NONE(reading->key) : SCONCE_NUM(reading->key, number);
                good += r == 0;
                error = r < 0 ? r : error;
        }
        return good > 0 ? sconce_report(dev, values, iio->count) : error;
}

static const struct sconce_plugin iio = {
        .name = "iio",
        .summary = "A sensor or converter that the kernel's Industrial I/O knows",
        .flags = SCONCE_BLOCKING, /* a conversion may take a second, and be tried again */
        .instance_size = sizeof(struct iio),
        .options = options,
        .every = "30s",
        .deadline = "15s",
        .configure = iio_configure,
        .start = iio_start,
        .read = iio_read,
};
SCONCE_PLUGIN(iio)
