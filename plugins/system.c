/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system: the machine itself: load, memory, disk, Wi-Fi, and the supply of a Raspberry Pi.
 *
 * What a board lacks is null, and no error. Memory in use is what programs could not get (MemAvailable), not what the
 * kernel keeps for speed; the disk's is what `df` shows. The Wi-Fi signal is from /proc/net/wireless, which the
 * kernels of Debian and Raspberry Pi OS have: nl80211 would need a netlink socket, which the service may not open. A
 * Raspberry Pi's firmware reports under-voltage and throttling in one number (get_throttled); kernels without it have
 * the alarm of a chip called rpi_volt.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <sconce/plugin.h>

#define CHIPS_MAX 32

/* Bits of get_throttled, for now; sixteen places up the same, for any time since the boot. */
#define UNDER_VOLTAGE    0x1UL
#define FREQUENCY_CAPPED 0x2UL
#define THROTTLED        0x4UL
#define SOFT_LIMIT       0x8UL

struct system {
        const char *disk;
        const char *wifi;
        const char *proc;
        const char *sys;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct system, disk, "disk", 0, "A directory of the file system to watch", .def = "/"),
        SCONCE_OPTION_STRING(struct system, wifi, "wifi", 0,
                             "The Wi-Fi interface, such as wlan0; without it, the first one"),
        SCONCE_OPTION_PATH(struct system, proc, "proc", 0, "Where the kernel shows load, memory and Wi-Fi",
                           .def = "/proc"),
        SCONCE_OPTION_PATH(struct system, sys, "sys", 0, "Where the kernel shows the board's devices", .def = "/sys"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "load",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .help = "Processes that ran or waited to run, averaged over a minute" },
        { .key = "memory_used",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .unit = "%",
          .help = "Memory that programs could not get" },
        { .key = "disk_used",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .unit = "%",
          .help = "How full the file system of `disk` is" },
        { .key = "wifi_signal",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .unit = "dBm",
          .device_class = "signal_strength",
          .name = "Wi-Fi signal",
          .help = "Strength of the Wi-Fi signal: -50 is strong, -80 weak" },
        { .key = "under_voltage",
          .kind = SCONCE_BINARY_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .device_class = "problem",
          .name = "Under-voltage",
          .help = "The board's supply is too weak right now" },
        { .key = "throttled",
          .kind = SCONCE_BINARY_SENSOR,
          .flags = SCONCE_DIAGNOSTIC,
          .device_class = "problem",
          .help = "The board's processor is slowed down, for its supply or its heat" },
        { .key = NULL },
};

/* ---- What it reads: null where there is nothing to read ------------------------------------------------ */

static double one_decimal(double number)
{
        return (double)(long)(number * 10 + 0.5) / 10;
}

static FILE *open_proc(const struct system *system, const char *name)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", system->proc, name);
        return fopen(path, "re");
}

static struct sconce_value read_load(const struct system *system)
{
        char path[PATH_MAX], line[128];
        double load;

        (void)snprintf(path, sizeof(path), "%s/loadavg", system->proc);
        bool ok = sconce_read_line(path, line, sizeof(line)) == 0 && sscanf(line, "%16lf", &load) == 1 && load >= 0 &&
                  load < 1e6;
        return ok ? SCONCE_NUM("load", load) : SCONCE_NONE("load");
}

static struct sconce_value read_memory(const struct system *system)
{
        FILE *file = open_proc(system, "meminfo");
        unsigned long long total = 0, available = 0, kib;
        char line[128], key[32];

        if (!file)
                return SCONCE_NONE("memory_used");
        while (fgets(line, sizeof(line), file)) {
                if (sscanf(line, "%31[^:]: %20llu kB", key, &kib) != 2)
                        continue;
                if (strcmp(key, "MemTotal") == 0)
                        total = kib;
                else if (strcmp(key, "MemAvailable") == 0)
                        available = kib;
        }
        (void)fclose(file);
        if (total == 0 || available == 0 || available > total)
                return SCONCE_NONE("memory_used");
        return SCONCE_NUM("memory_used", one_decimal((double)(total - available) * 100 / (double)total));
}

static struct sconce_value read_disk(const struct system *system)
{
        struct statvfs fs;

        if (statvfs(system->disk, &fs) < 0 || fs.f_blocks == 0)
                return SCONCE_NONE("disk_used");
        double used = (double)(fs.f_blocks - fs.f_bfree), available = (double)fs.f_bavail;
        return SCONCE_NUM("disk_used", one_decimal(used * 100 / (used + available)));
}

/* " wlan0: 0000   54.  -56.  -256 …" behind two lines of headings. */
static struct sconce_value read_wifi(const struct system *system)
{
        FILE *file = open_proc(system, "net/wireless");
        char line[256], name[32];
        double level, found = 0;

        if (!file)
                return SCONCE_NONE("wifi_signal");
        while (found == 0 && fgets(line, sizeof(line), file)) {
                if (sscanf(line, " %31[^:|]: %*x %*f %16lf", name, &level) != 2)
                        continue;
                if (!system->wifi || strcmp(system->wifi, name) == 0)
                        found = level;
        }
        (void)fclose(file);
        /* Old drivers count from 0 up, in units of their own. */
        return found < 0 && found > -256 ? SCONCE_NUM("wifi_signal", found) : SCONCE_NONE("wifi_signal");
}

/* ---- The Raspberry Pi ---------------------------------------------------------------------------------- */

static int read_throttled(const struct system *system, unsigned long *ret)
{
        char path[PATH_MAX], text[32], *end;

        (void)snprintf(path, sizeof(path), "%s/devices/platform/soc/soc:firmware/get_throttled", system->sys);
        int r = sconce_read_line(path, text, sizeof(text));
        if (r < 0)
                return r;
        unsigned long bits = strtoul(text, &end, 16);
        if (end == text || *end != '\0')
                return -EBADMSG;
        *ret = bits;
        return 0;
}

static struct sconce_value read_alarm(const struct system *system)
{
        char path[PATH_MAX], text[32];

        for (int i = 0; i < CHIPS_MAX; i++) {
                (void)snprintf(path, sizeof(path), "%s/class/hwmon/hwmon%d/name", system->sys, i);
                if (sconce_read_line(path, text, sizeof(text)) < 0 || strcmp(text, "rpi_volt") != 0)
                        continue;
                (void)snprintf(path, sizeof(path), "%s/class/hwmon/hwmon%d/in0_lcrit_alarm", system->sys, i);
                if (sconce_read_line(path, text, sizeof(text)) == 0)
                        return SCONCE_BOOL("under_voltage", strcmp(text, "0") != 0);
        }
        return SCONCE_NONE("under_voltage");
}

static void read_firmware(const struct system *system, struct sconce_value values[static 2])
{
        unsigned long bits;

        if (read_throttled(system, &bits) < 0) {
                values[0] = read_alarm(system);
                values[1] = SCONCE_NONE("throttled");
                return;
        }
        values[0] = SCONCE_BOOL("under_voltage", bits & UNDER_VOLTAGE);
        values[1] = SCONCE_BOOL("throttled", bits & (FREQUENCY_CAPPED | THROTTLED | SOFT_LIMIT));
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int system_read(struct sconce_device *dev, void *instance)
{
        const struct system *system = instance;
        struct sconce_value values[6] = {
                read_load(system),
                read_memory(system),
                read_disk(system),
                read_wifi(system),
        };

        read_firmware(system, &values[4]);
        return sconce_report(dev, values, 6);
}

static int system_start(struct sconce_device *dev, void *instance)
{
        (void)dev, (void)instance;
        return 0;
}

static const struct sconce_plugin plugin = {
        .name = "system",
        .summary = "The machine itself: load, memory, disk, Wi-Fi, supply",
        .flags = SCONCE_BLOCKING, /* a file system may be far away */
        .instance_size = sizeof(struct system),
        .options = options,
        .channels = channels,
        .every = "1m",
        .start = system_start,
        .read = system_read,
};
SCONCE_PLUGIN(plugin)
