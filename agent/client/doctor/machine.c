/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/machine.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "util/clock.h"
#include "util/file.h"

#define SERVICE_USER "sconce"
#define STATE_DIR    "/var/lib/sconce"
#define BOOT_CONFIG  "/boot/firmware/config.txt"

/* The outbox alone may want more (max_bytes of [history]); below this SQLite soon fails. */
#define FREE_ENOUGH_BYTES (16ULL * 1024 * 1024)

#define UNDER_VOLTAGE_NOW  0x1UL
#define UNDER_VOLTAGE_ONCE 0x10000UL

static bool is_there(const struct checkup *checkup, const char *path)
{
        CLEANUP_FREE char *all = checkup_path(checkup, path);
        return all && access(all, F_OK) == 0;
}

/* A short file's first line; "": there is none. */
static void read_line(const char *path, char *text, size_t size)
{
        struct file file = { 0 };

        text[0] = '\0';
        if (file_read(path, 4096, &file, NULL) == 0)
                (void)snprintf(text, size, "%.*s", (int)strcspn(file.data, "\n"), file.data);
        file_done(&file);
}

/* ---- The clock ----------------------------------------------------------------------------------------------- */

#ifndef SCONCE_BUILD_EPOCH
#define SCONCE_BUILD_EPOCH 0
#endif

/* Below a root of a test's own the kernel is not asked: its stamp decides. */
static int refuse(struct timex *state)
{
        (void)state;
        return -1;
}

static void judge_sync(struct checkup *checkup, const char *now, struct verdict *verdict)
{
        CLEANUP_FREE char *stamp = checkup_path(checkup, "/run/systemd/timesync/synchronized");
        const struct clock_sources sources = { .ask_kernel = checkup->root[0] ? refuse : adjtimex,
                                               .stamp = stamp ? stamp : "" };

        if (clock_is_synchronised(&sources)) {
                verdict_ok(verdict, "%s, synchronised", now);
        } else if (checkup->settings.config.node.clock == CLOCK_MODE_TRUSTED) {
                verdict_ok(verdict, "%s, trusted by [node] clock", now);
        } else {
                verdict_wrong(verdict, "the clock shows %s, and is not synchronised", now);
                verdict->blocks = false;
                verdict_mend(verdict, "sudo timedatectl set-ntp true");
        }
}

void doctor_clock(struct checkup *checkup, struct verdict *verdict)
{
        time_t now = time(NULL);
        struct tm utc;
        char text[32] = "";

        if (gmtime_r(&now, &utc))
                (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        if (now < SCONCE_BUILD_EPOCH) {
                verdict_wrong(verdict, "the clock shows %s, a time before this program was built", text);
                verdict_mend(verdict, "sudo timedatectl set-ntp true");
        } else {
                judge_sync(checkup, text, verdict);
        }
}

/* ---- What the service's user may do -------------------------------------------------------------------------- */

#define GROUPS_MAX 64

struct service_user {
        uid_t uid;
        gid_t groups[GROUPS_MAX]; /* the primary one first */
        size_t count;
};

static int find_user(const struct checkup *checkup, struct service_user *ret)
{
        CLEANUP_FREE char *path = checkup_path(checkup, "/etc/passwd");
        CLEANUP_FILE FILE *file = path ? fopen(path, "re") : NULL;
        const struct passwd *entry;

        while (file && (entry = fgetpwent(file))) {
                if (strcmp(entry->pw_name, SERVICE_USER) != 0)
                        continue;
                *ret = (struct service_user){ .uid = entry->pw_uid, .groups = { entry->pw_gid }, .count = 1 };
                return 0;
        }
        return -ENOENT;
}

/* Adds the groups that list the user. Whether the group `wanted` is there, and lists it. */
static void find_groups(const struct checkup *checkup, struct service_user *user, const char *wanted, bool *ret_exists,
                        bool *ret_member)
{
        CLEANUP_FREE char *path = checkup_path(checkup, "/etc/group");
        CLEANUP_FILE FILE *file = path ? fopen(path, "re") : NULL;
        const struct group *entry;

        *ret_exists = *ret_member = false;
        while (file && (entry = fgetgrent(file))) {
                bool is_wanted = strcmp(entry->gr_name, wanted) == 0, member = entry->gr_gid == user->groups[0];
                for (char **name = entry->gr_mem; !member && *name; name++)
                        member = strcmp(*name, SERVICE_USER) == 0;
                if (member && user->count < GROUPS_MAX)
                        user->groups[user->count++] = entry->gr_gid;
                *ret_exists |= is_wanted;
                *ret_member |= is_wanted && member;
        }
}

/* `wanted`: S_IROTH to read a file, S_IXOTH to enter a directory. */
static bool user_may(const struct service_user *user, const struct stat *st, mode_t wanted)
{
        if (st->st_uid == user->uid)
                return st->st_mode & (wanted << 6);
        for (size_t i = 0; i < user->count; i++)
                if (user->groups[i] == st->st_gid)
                        return st->st_mode & (wanted << 3);
        return st->st_mode & wanted;
}

/* Anyone who may write to a directory can put another file in the place of ours, but where it is sticky, as /tmp is. */
static bool judge_directory(const struct service_user *user, const char *path, struct verdict *verdict)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return true;
        if (!user_may(user, &st, S_IXOTH)) {
                verdict_wrong(verdict, "the service's user %s may not enter the directory %s", SERVICE_USER, path);
                verdict_mend(verdict, "sudo chmod a+x %s", path);
        } else if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX)) {
                verdict_wrong(verdict, "every user may replace what is in the directory %s", path);
                verdict_mend(verdict, "sudo chmod o-w %s", path);
        }
        return verdict->status == VERDICT_OK;
}

/* From the root down: what is behind a closed door cannot be looked at. Links are followed first. */
static bool judge_way(const struct service_user *user, const char *file, struct verdict *verdict)
{
        CLEANUP_FREE char *path = realpath(file, NULL);

        for (char *slash = path ? strchr(path + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                bool is_right = judge_directory(user, path, verdict);
                *slash = '/';
                if (!is_right)
                        return false;
        }
        return true;
}

/* A file that is not there is the certificate's business. */
static void judge_files(const struct checkup *checkup, const struct service_user *user, struct verdict *verdict)
{
        const struct tls_options *tls = &checkup->settings.config.tls;
        const char *const files[] = { tls->key, tls->cert, tls->ca, tls->crl, checkup->path };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                struct stat st;
                if (!files[i] || stat(files[i], &st) < 0)
                        continue;
                if (!judge_way(user, files[i], verdict))
                        return;
                if (user_may(user, &st, S_IROTH))
                        continue;
                verdict_wrong(verdict, "the service's user %s may not read %s", SERVICE_USER, files[i]);
                verdict_mend(verdict, "sudo chown %s %s", SERVICE_USER, files[i]);
                return;
        }
}

void doctor_rights(struct checkup *checkup, struct verdict *verdict)
{
        const char *chip = checkup->settings.config.gpio.chip;
        struct service_user user;
        bool exists, member;

        if (find_user(checkup, &user) < 0) {
                verdict_skip(verdict, "this machine has no user %s: the service is not installed", SERVICE_USER);
                return;
        }
        find_groups(checkup, &user, "gpio", &exists, &member);
        verdict_ok(verdict, "%s may use the lines and read its files", SERVICE_USER);
        if (!member && (!chip || strcmp(chip, "sim") != 0)) {
                verdict_wrong(verdict, "the service's user %s is not in the group gpio", SERVICE_USER);
                verdict_mend(verdict, "sudo %susermod -aG gpio %s && sudo systemctl restart sconced",
                             exists ? "" : "groupadd -r gpio && sudo ", SERVICE_USER);
                return;
        }
        judge_files(checkup, &user, verdict);
}

/* ---- Overlays ------------------------------------------------------------------------------------------------ */

/* How many entries of a directory begin like that. */
static size_t count_entries(const struct checkup *checkup, const char *path, const char *prefix)
{
        CLEANUP_FREE char *all = checkup_path(checkup, path);
        DIR *dir = all ? opendir(all) : NULL;
        const struct dirent *entry;
        size_t count = 0;

        while (dir && (entry = readdir(dir)))
                count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
        if (dir)
                (void)closedir(dir);
        return count;
}

static void mend_overlay(const struct checkup *checkup, const char *overlay, struct verdict *verdict)
{
        const char *file = is_there(checkup, BOOT_CONFIG) ? BOOT_CONFIG : "/boot/config.txt";
        verdict_mend(verdict, "echo dtoverlay=%s | sudo tee -a %s && sudo reboot", overlay, file);
}

void doctor_pwm(struct checkup *checkup, struct verdict *verdict)
{
        const struct config_entry *entry = checkup_find_key(checkup, "pwm");

        if (!entry) {
                verdict_skip(verdict, "no device of the config uses it");
        } else if (count_entries(checkup, "/sys/class/pwm", "pwmchip") > 0) {
                verdict_ok(verdict, "the kernel has a PWM chip");
        } else {
                verdict_wrong(verdict, "the kernel has no PWM chip, which %s:%u wants", entry->file, entry->line);
                mend_overlay(checkup, "pwm", verdict);
        }
}

void doctor_onewire(struct checkup *checkup, struct verdict *verdict)
{
        const struct config_section *device = checkup_find_device(checkup, "w1");

        /* `root` is another place than /sys, for those who try it out. */
        if (!device || config_entry_find(device, "root")) {
                verdict_skip(verdict, "no device of the config uses it");
        } else if (count_entries(checkup, "/sys/bus/w1/devices", "w1_bus_master") > 0) {
                verdict_ok(verdict, "the kernel has a 1-Wire bus");
        } else {
                verdict_wrong(verdict, "the kernel has no 1-Wire bus, which %s:%u wants", device->file, device->line);
                mend_overlay(checkup, "w1-gpio", verdict);
        }
}

/* ---- Power --------------------------------------------------------------------------------------------------- */

static bool read_attribute(const struct checkup *checkup, const char *dir, const char *name, char text[static 64])
{
        CLEANUP_FREE char *path = NULL;

        if (asprintf(&path, "%s%s/%s", checkup->root, dir, name) < 0) {
                path = NULL;
                return false;
        }
        read_line(path, text, 64);
        return text[0];
}

/* The driver raspberrypi-hwmon: its alarm is on while the voltage is low. */
static bool is_alarm_on(const struct checkup *checkup, bool *ret_known)
{
        char dir[64], text[64];

        for (unsigned i = 0; i < 16; i++) {
                (void)snprintf(dir, sizeof(dir), "/sys/class/hwmon/hwmon%u", i);
                if (!read_attribute(checkup, dir, "name", text) || strcmp(text, "rpi_volt") != 0)
                        continue;
                *ret_known = read_attribute(checkup, dir, "in0_lcrit_alarm", text);
                return *ret_known && strcmp(text, "0") != 0;
        }
        return false;
}

static unsigned long throttled(const struct checkup *checkup, bool *ret_known)
{
        char text[64];

        if (!read_attribute(checkup, "/sys/devices/platform/soc/soc:firmware", "get_throttled", text))
                return 0;
        *ret_known = true;
        return strtoul(text, NULL, 16);
}

void doctor_power(struct checkup *checkup, struct verdict *verdict)
{
        bool known = false, alarm = is_alarm_on(checkup, &known);
        unsigned long bits = throttled(checkup, &known);

        if (!known) {
                verdict_skip(verdict, "this board does not measure it");
        } else if (alarm || bits & UNDER_VOLTAGE_NOW) {
                verdict_wrong(verdict, "the supply's voltage is too low: use the board's own supply and a short cable");
                verdict_mend(verdict, "vcgencmd get_throttled");
        } else if (bits & UNDER_VOLTAGE_ONCE) {
                verdict_wrong(verdict, "the supply's voltage was too low since the start: use the board's own supply "
                                       "and a short cable");
                verdict_mend(verdict, "vcgencmd get_throttled");
        } else {
                verdict_ok(verdict, "the supply's voltage is high enough");
        }
}

/* ---- The disk ------------------------------------------------------------------------------------------------ */

void doctor_disk(struct checkup *checkup, struct verdict *verdict)
{
        CLEANUP_FREE char *path = checkup_path(checkup, STATE_DIR);
        struct statvfs disk;

        if (!path || statvfs(path, &disk) < 0) {
                verdict_skip(verdict, "%s: %s", STATE_DIR, strerror(path ? errno : ENOMEM));
                return;
        }
        unsigned long long left = (unsigned long long)disk.f_bavail * disk.f_frsize;
        if (left < FREE_ENOUGH_BYTES || (disk.f_files > 0 && disk.f_favail == 0)) {
                verdict_wrong(verdict, "the disk with %s is full: %llu KiB and %llu files are left", STATE_DIR,
                              left / 1024, (unsigned long long)disk.f_favail);
                verdict_mend(verdict, "sudo journalctl --vacuum-size=50M && sudo apt-get clean");
        } else {
                verdict_ok(verdict, "%llu MiB are left for %s", left / 1024 / 1024, STATE_DIR);
        }
}
