/* SPDX-License-Identifier: Apache-2.0 */
/* Chips of the kernel's gpio-sim driver, made through configfs. */
#include "kernel/gpiosim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

#define CONFIG_DIR "/sys/kernel/config/gpio-sim"
#define DEVICE_DIR "/sys/devices/platform"
#define BANK       "bank0"

/* CONFIG_DIR/NAME/ and the given rest of the path. */
static int config_path(const char *name, const char *rest, char path[static GPIOSIM_PATH_MAX])
{
        int length = snprintf(path, GPIOSIM_PATH_MAX, CONFIG_DIR "/%s/%s", name, rest);

        return length >= GPIOSIM_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_item(const char *name, const char *rest)
{
        char path[GPIOSIM_PATH_MAX];
        int r = config_path(name, rest, path);

        if (r < 0)
                return r;
        return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int write_attribute(const char *name, const char *rest, const char *value)
{
        char path[GPIOSIM_PATH_MAX];
        CLEANUP_CLOSE int fd = -1;
        int r = config_path(name, rest, path);

        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, value, strlen(value)) < 0)
                return -errno;
        return 0;
}

/* Without the newline at the end. */
static int read_attribute(const char *name, const char *rest, char value[static GPIOSIM_NAME_MAX])
{
        char path[GPIOSIM_PATH_MAX];
        CLEANUP_CLOSE int fd = -1;
        ssize_t length;
        int r = config_path(name, rest, path);

        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        length = read(fd, value, GPIOSIM_NAME_MAX - 1);
        if (length < 0)
                return -errno;
        value[length] = '\0';
        value[strcspn(value, "\n")] = '\0';
        return 0;
}

static int name_line(const char *name, unsigned offset, const char *prefix)
{
        char rest[GPIOSIM_NAME_MAX], line_name[GPIOSIM_NAME_MAX];
        int r;

        snprintf(rest, sizeof(rest), BANK "/line%u", offset);
        r = make_item(name, rest);
        if (r < 0 || !prefix)
                return r;
        snprintf(rest, sizeof(rest), BANK "/line%u/name", offset);
        snprintf(line_name, sizeof(line_name), "%s%u", prefix, offset);
        return write_attribute(name, rest, line_name);
}

static int hog_line(const char *name, unsigned line_count, const struct gpiosim_hog *hog)
{
        char rest[GPIOSIM_NAME_MAX];
        int r;

        if (hog->offset >= line_count)
                return -ERANGE;
        snprintf(rest, sizeof(rest), BANK "/line%u/hog", hog->offset);
        r = make_item(name, rest);
        if (r < 0)
                return r;
        snprintf(rest, sizeof(rest), BANK "/line%u/hog/name", hog->offset);
        r = write_attribute(name, rest, hog->consumer);
        if (r < 0)
                return r;
        snprintf(rest, sizeof(rest), BANK "/line%u/hog/direction", hog->offset);
        return write_attribute(name, rest, hog->direction);
}

static int lay_out(const char *name, const struct gpiosim_layout *layout)
{
        char count[16];
        int r;

        snprintf(count, sizeof(count), "%u", layout->line_count);
        r = make_item(name, BANK);
        if (r == 0)
                r = write_attribute(name, BANK "/num_lines", count);
        if (r == 0)
                r = write_attribute(name, BANK "/label", layout->label);
        for (unsigned offset = 0; r == 0 && offset < layout->line_count; offset++)
                r = name_line(name, offset, layout->name_prefix);
        for (size_t i = 0; r == 0 && i < layout->hog_count; i++)
                r = hog_line(name, layout->line_count, &layout->hogs[i]);
        return r;
}

/* Only the directories that we made can be removed, innermost first; configfs owns the rest. */
static void remove_directory(const char *path, unsigned depth)
{
        DIR *directory = opendir(path);
        struct dirent *entry;
        char inner[GPIOSIM_PATH_MAX];

        while (directory && depth && (entry = readdir(directory)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
                    snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) < (int)sizeof(inner))
                        remove_directory(inner, depth - 1);
        if (directory)
                closedir(directory);
        rmdir(path);
}

int gpiosim_find(const char *name, struct gpiosim *ret)
{
        struct gpiosim sim = { 0 };
        char device[GPIOSIM_NAME_MAX], live[GPIOSIM_NAME_MAX];
        int r;

        if (strlen(name) >= sizeof(sim.name))
                return -ENAMETOOLONG;
        strcpy(sim.name, name);
        r = read_attribute(name, "live", live);
        if (r < 0)
                return r;
        if (strcmp(live, "1") == 0) {
                r = read_attribute(name, "dev_name", device);
                if (r == 0)
                        r = read_attribute(name, BANK "/chip_name", sim.chip);
                if (r < 0)
                        return r;
                snprintf(sim.lines_dir, sizeof(sim.lines_dir), DEVICE_DIR "/%s/%s", device, sim.chip);
        }
        *ret = sim;
        return 0;
}

static int set_live(struct gpiosim *sim, bool live)
{
        int r = gpiosim_find(sim->name, sim);

        /* The kernel refuses to plug in what is plugged in. */
        if (r < 0 || live == (sim->chip[0] != '\0'))
                return r;
        r = write_attribute(sim->name, "live", live ? "1" : "0");
        return r < 0 ? r : gpiosim_find(sim->name, sim);
}

int gpiosim_plug(struct gpiosim *sim)
{
        return set_live(sim, true);
}

int gpiosim_unplug(struct gpiosim *sim)
{
        return set_live(sim, false);
}

int gpiosim_remove(const char *name)
{
        struct gpiosim sim;
        char path[GPIOSIM_PATH_MAX];
        int r = gpiosim_find(name, &sim);

        if (r == 0)
                r = gpiosim_unplug(&sim);
        if (r == 0)
                r = config_path(name, "", path);
        if (r < 0)
                return r;
        remove_directory(path, 3);
        return access(path, F_OK) == 0 ? -EBUSY : 0;
}

int gpiosim_create(const char *name, const struct gpiosim_layout *layout, struct gpiosim *ret)
{
        struct gpiosim sim;
        int r = make_item(name, "");

        if (r < 0)
                return r;
        r = lay_out(name, layout);
        if (r == 0)
                r = gpiosim_find(name, &sim);
        if (r == 0)
                r = gpiosim_plug(&sim);
        if (r < 0) {
                int ignored = gpiosim_remove(name);

                (void)ignored;
                return r;
        }
        *ret = sim;
        return 0;
}
