/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thermal: the temperature of the board's processor, or of another thermal zone that the kernel knows.
 *
 * Zones are directories like /sys/class/thermal/thermal_zone0. `zone` names one by its directory, whose number may
 * change at the next boot, or by the content of its file `type` ("cpu-thermal" on a Raspberry Pi).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sconce/plugin.h>

#define PATH_SIZE     512
#define ABSOLUTE_ZERO (-273150) /* thousandths of a degree; some drivers have a number below it for "none" */

struct thermal {
        const char *zone;
        const char *root;
        char path[PATH_SIZE]; /* of the zone's file `temp` */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_STRING(struct thermal, zone, "zone", 0, "The zone's directory or its type",
                             .def = "thermal_zone0"),
        SCONCE_OPTION_PATH(struct thermal, root, "root", 0, "Where the kernel shows its zones",
                           .def = "/sys/class/thermal"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "temperature",
          .kind = SCONCE_SENSOR,
          .unit = "°C",
          .device_class = "temperature",
          .help = "Temperature of the zone" },
        { .key = NULL },
};

/* ---- The zone ------------------------------------------------------------------------------------------ */

static bool is_zone(const struct thermal *thermal, const char *name)
{
        char path[PATH_SIZE], type[64];

        if (snprintf(path, PATH_SIZE, "%s/%s/type", thermal->root, name) >= PATH_SIZE)
                return false;
        if (strcmp(name, thermal->zone) == 0)
                return true;
        return sconce_read_line(path, type, sizeof(type)) == 0 && strcmp(type, thermal->zone) == 0;
}

static int filter(const struct dirent *entry)
{
        return strncmp(entry->d_name, "thermal_zone", 12) == 0;
}

/* How many there are, the last one's path, and all their names. */
static int count_zones(struct thermal *thermal, char *names, size_t size)
{
        struct dirent **entries;
        int found = 0, count = scandir(thermal->root, &entries, filter, versionsort);
        size_t used = 0;

        if (count < 0)
                return -errno;
        for (int i = 0; i < count; i++) {
                const char *name = entries[i]->d_name;
                if (is_zone(thermal, name)) {
                        (void)snprintf(thermal->path, PATH_SIZE, "%s/%s/temp", thermal->root, name);
                        if (used < size)
                                used += (size_t)snprintf(names + used, size - used, "%s%s", found ? ", " : "", name);
                        found++;
                }
                free(entries[i]);
        }
        free(entries);
        return found;
}

/* Zones come and go with their drivers, and get other numbers: so each reading finds it again. */
static int find_zone(struct sconce_device *dev, void *instance)
{
        struct thermal *thermal = instance;
        char names[160] = "";
        int found = count_zones(thermal, names, sizeof(names));

        if (found == 1)
                return 0;
        if (found < 0) {
                sconce_error(dev, "%s: cannot be read: %s", thermal->root, strerror(-found));
                return found;
        }
        if (found == 0) {
                sconce_error(dev, "there is no thermal zone \"%s\" in %s", thermal->zone, thermal->root);
                return -ENOENT;
        }
        sconce_error(dev, "%d thermal zones are of the type \"%s\": %s; name one by its directory", found,
                     thermal->zone, names);
        return -ENOTUNIQ;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int thermal_read(struct sconce_device *dev, void *instance)
{
        struct thermal *thermal = instance;
        double millidegrees = 0;

        int r = find_zone(dev, thermal);
        if (r == 0)
                r = sconce_read_number(dev, thermal->path, &millidegrees);
        if (r == 0 && millidegrees < ABSOLUTE_ZERO) {
                sconce_error(dev, "the zone shows %g °C, which is impossible", millidegrees / 1000);
                r = -ERANGE;
        }
        return r < 0 ? r : sconce_report_number(dev, "temperature", millidegrees / 1000);
}

static const struct sconce_plugin thermal = {
        .name = "thermal",
        .summary = "Temperature of the board's processor",
        .flags = SCONCE_BLOCKING, /* a sensor behind a slow bus may take its time */
        .instance_size = sizeof(struct thermal),
        .options = options,
        .channels = channels,
        .every = "30s",
        .start = find_zone,
        .read = thermal_read,
};
SCONCE_PLUGIN(thermal)
