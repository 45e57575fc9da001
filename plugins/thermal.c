/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thermal: the temperature of the board's processor, or of another thermal zone that the kernel knows.
 *
 * Zones are directories like /sys/class/thermal/thermal_zone0. `zone` names one by its directory or by what
 * its file `type` says
 * ("cpu-thermal" on a Raspberry Pi).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sconce/plugin.h>

#define PATH_SIZE 512

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

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

/* True when ROOT/NAME is the zone that is wanted; then the path is filled in. */
static bool is_zone(struct thermal *thermal, const char *name)
{
        char path[PATH_SIZE], type[64];

        if (snprintf(thermal->path, PATH_SIZE, "%s/%s/temp", thermal->root, name) >= PATH_SIZE ||
            snprintf(path, PATH_SIZE, "%s/%s/type", thermal->root, name) >= PATH_SIZE)
                return false;
        if (strcmp(name, thermal->zone) == 0)
                return true;
        return sconce_read_line(path, type, sizeof(type)) == 0 && strcmp(type, thermal->zone) == 0;
}

static int thermal_start(struct sconce_device *dev, void *instance)
{
        struct thermal *thermal = instance;
        const struct dirent *entry;
        bool found = false;

        DIR *directory = opendir(thermal->root);
        if (!directory) {
                int r = -errno;
                sconce_error(dev, "%s: cannot be read: %s", thermal->root, strerror(errno));
                return r;
        }
        while (!found && (entry = readdir(directory)))
                found = strncmp(entry->d_name, "thermal_zone", 12) == 0 && is_zone(thermal, entry->d_name);
        (void)closedir(directory);
        if (found)
                return 0;
        sconce_error(dev, "there is no thermal zone \"%s\" in %s", thermal->zone, thermal->root);
        return -ENOENT;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int thermal_read(struct sconce_device *dev, void *instance)
{
        const struct thermal *thermal = instance;
        double millidegrees;

        int r = sconce_read_number(dev, thermal->path, &millidegrees);
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
        .start = thermal_start,
        .read = thermal_read,
};
SCONCE_PLUGIN(thermal)
