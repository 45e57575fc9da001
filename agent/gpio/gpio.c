/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/gpio.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "gpio/dimmer.h"
#include "gpio/kept.h"
#include "gpio/line.h"
#include "gpio/sysfs.h"
#include "util/log.h"

#define CHIP_PREFIX "gpiochip"

static bool all_digits(const char *text)
{
        return text[0] && text[strspn(text, "0123456789")] == '\0';
}

/* ---- Chips that go ---------------------------------------------------------------------------------- */

static void unlink_chip(struct gpio *gpio, struct chip *chip)
{
        for (struct chip **at = &gpio->chips; *at; at = &(*at)->next) {
                if (*at == chip) {
                        *at = chip->next;
                        return;
                }
        }
}

/* In order, because people see it: gpiochip2 before gpiochip10. */
static void link_chip(struct gpio *gpio, struct chip *chip)
{
        struct chip **at = &gpio->chips;

        while (*at && strverscmp((*at)->name, chip->name) < 0)
                at = &(*at)->next;
        chip->next = *at;
        *at = chip;
}

static struct sconce_line *line_on(struct gpio *gpio, const struct chip *chip)
{
        for (struct sconce_line *line = gpio->lines; line; line = line->next)
                if (line->place.chip == chip)
                        return line;
        return NULL;
}

/* Every line is closed before its owner is informed, so this ends in any case. */
static void on_chip_gone(void *userdata, struct chip *chip)
{
        struct gpio *gpio = userdata;
        struct sconce_line *line;

        chip->gone = true;
        unlink_chip(gpio, chip);
        while ((line = line_on(gpio, chip)))
                line_gone(line);
        chip->ops->close(chip);
}

static struct chip *opened(struct gpio *gpio, const struct chip_ops *ops, const char *name)
{
        for (struct chip *chip = gpio->chips; chip; chip = chip->next)
                if (!chip->gone && chip->ops == ops && strcmp(chip->name, name) == 0)
                        return chip;
        return NULL;
}

/* Whether or not a line has already found out. */
static void drop_chip(struct gpio *gpio, const char *name)
{
        for (struct chip *chip = gpio->chips; chip; chip = chip->next) {
                if (chip->ops == gpio->ops && strcmp(chip->name, name) == 0) {
                        on_chip_gone(gpio, chip);
                        return;
                }
        }
}

/* Older kernels do not report an unplugged chip on its lines; but the node in /dev always goes. */
static int on_dev_change(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct gpio *gpio = userdata;
        _Alignas(struct inotify_event) char buffer[4096];

        (void)source;
        (void)revents;
        ssize_t n = read(fd, buffer, sizeof(buffer));
        for (ssize_t at = 0; at < n;) {
                const struct inotify_event *event = (const void *)(buffer + at);
                if (event->len > 0)
                        drop_chip(gpio, event->name);
                at += (ssize_t)(sizeof(*event) + event->len);
        }
        return 0;
}

static void watch_dev(struct gpio *gpio)
{
        if (gpio->dev_watch_tried)
                return;
        gpio->dev_watch_tried = true;
        gpio->dev_watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (gpio->dev_watch_fd >= 0 &&
            inotify_add_watch(gpio->dev_watch_fd, gpio->dev_dir, IN_DELETE | IN_MOVED_FROM) >= 0 &&
            sd_event_add_io(gpio->loop->event, &gpio->dev_watch, gpio->dev_watch_fd, EPOLLIN, on_dev_change, gpio) >= 0)
                return;
        cleanup_closep(&gpio->dev_watch_fd);
        gpio->dev_watch_fd = -1;
        log_warning("cannot watch %s: an unplugged GPIO chip is noticed only when it is used", gpio->dev_dir);
}

/* ---- Chips that come -------------------------------------------------------------------------------- */

static int cannot_open(struct fault *fault, int code, const char *path)
{
        switch (code) {
        case -EACCES:
        case -EPERM:
                return fault_set(fault, -EACCES,
                                 "cannot open %s: permission denied; add the user of this program to the group that "
                                 "owns it (on Debian and Raspberry Pi OS: gpio) and start it again",
                                 path);
        case -ENOTTY:
        case -ENODEV:
        case -EINVAL:
                return fault_set(fault, code, "%s is not a GPIO chip", path);
        default:
                return fault_set(fault, code, "cannot open %s: %s", path, strerror(-code));
        }
}

static int open_chip(struct gpio *gpio, const struct chip_ops *ops, const char *path, struct chip **ret)
{
        const struct chip_place place = { .loop = gpio->loop, .path = path, .gone = on_chip_gone, .userdata = gpio };
        struct chip *chip;
        int r;

        if (ops == gpio->ops)
                watch_dev(gpio);
        r = ops->open(&place, &chip);
        if (r < 0)
                return r;
        struct chip *same = opened(gpio, ops, chip->name);
        if (same) { /* by another path or number */
                chip->ops->close(chip);
                *ret = same;
                return 0;
        }
        link_chip(gpio, chip);
        *ret = chip;
        return 0;
}

static int get_sim(struct gpio *gpio, struct chip **ret, struct fault *fault)
{
        struct chip *chip = opened(gpio, &sim_ops, SIM_CHIP_NAME);
        int r = chip ? 0 : open_chip(gpio, &sim_ops, gpio->sim_dir, &chip);

        if (r < 0)
                return fault_set(fault, r, "cannot use %s for the simulated chip: %s", gpio->sim_dir, strerror(-r));
        *ret = chip;
        return 0;
}

static int get_path(struct gpio *gpio, const char *path, struct chip **ret, struct fault *fault)
{
        int r = open_chip(gpio, gpio->ops, path, ret);
        return r < 0 && r != -ENOENT ? cannot_open(fault, r, path) : r;
}

static int get_named(struct gpio *gpio, const char *name, struct chip **ret, struct fault *fault)
{
        char path[PATH_MAX];
        struct chip *chip = opened(gpio, gpio->ops, name);

        if (chip) {
                *ret = chip;
                return 0;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", gpio->dev_dir, name);
        return get_path(gpio, path, ret, fault);
}

static int compare_numbers(const void *a, const void *b)
{
        unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
        return x < y ? -1 : x > y;
}

#define MAX_CHIPS 64

/* The numbers N of the chips in /dev, in order. A link to a renumbered chip counts: opened, it is that chip. */
static size_t list_numbers(struct gpio *gpio, unsigned numbers[static MAX_CHIPS])
{
        size_t n = 0;
        DIR *dir = opendir(gpio->dev_dir);

        for (struct dirent *entry; dir && n < MAX_CHIPS && (entry = readdir(dir));) {
                const char *digits = entry->d_name + strlen(CHIP_PREFIX);
                if (strncmp(entry->d_name, CHIP_PREFIX, strlen(CHIP_PREFIX)) == 0 && all_digits(digits))
                        numbers[n++] = (unsigned)strtoul(digits, NULL, 10);
        }
        if (dir)
                closedir(dir);
        qsort(numbers, n, sizeof(*numbers), compare_numbers);
        return n;
}

int chips_open_all(struct gpio *gpio, struct fault *fault)
{
        unsigned numbers[MAX_CHIPS];
        struct chip *chip;
        int worst = 0;

        if (gpio->sim_only)
                return get_sim(gpio, &chip, fault);
        size_t n = list_numbers(gpio, numbers);
        for (size_t i = 0; i < n; i++) {
                char name[GPIO_NAME_SIZE];
                (void)snprintf(name, sizeof(name), CHIP_PREFIX "%u", numbers[i]);
                int r = get_named(gpio, name, &chip, fault);
                if (r < 0 && r != -ENOENT)
                        worst = r;
        }
        return worst;
}

/* "gpiochip0, gpiochip1" */
static void chips_names(struct gpio *gpio, char *text, size_t size)
{
        unsigned numbers[MAX_CHIPS];
        size_t n = list_numbers(gpio, numbers), at = 0;

        text[0] = '\0';
        for (size_t i = 0; i < n && at < size; i++)
                at += (size_t)snprintf(text + at, size - at, "%s" CHIP_PREFIX "%u", i ? ", " : "", numbers[i]);
}

static int no_such_chip(struct gpio *gpio, const char *text, struct fault *fault)
{
        char names[160];

        if (gpio->sim_only)
                return fault_set(fault, -ENOENT,
                                 "there is no chip \"%s\": while the default chip is \"sim\", the simulated "
                                 "chip (" SIM_CHIP_NAME ") is the only one",
                                 text);
        chips_names(gpio, names, sizeof(names));
        if (!names[0])
                return fault_set(fault, -ENOENT,
                                 "there is no chip \"%s\": this machine has no GPIO chip that the kernel knows "
                                 "(`chip = sim` in [gpio] simulates one)",
                                 text);
        return fault_set(fault, -ENOENT, "there is no chip \"%s\"; there are: %s", text, names);
}

static void sysfs_path(const struct gpio *gpio, const struct chip *chip, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/bus/gpio/devices/%s", gpio->sysfs, chip->name);
}

/* Two expanders of one kind have one label, but not one address: …/i2c-1/1-0020/gpiochip2. */
static int two_chips(const struct gpio *gpio, const char *text, const struct chip *a, const struct chip *b,
                     struct fault *fault)
{
        const struct chip *const chips[] = { a, b };
        char path[PATH_MAX], address[2][64];

        for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
                sysfs_path(gpio, chips[i], path);
                sysfs_parent(path, address[i], sizeof(address[i]));
        }
        if (!address[0][0] || !address[1][0] || strcmp(address[0], address[1]) == 0)
                return fault_set(fault, -EINVAL, "two chips have the label \"%s\": %s and %s; name one of them", text,
                                 a->name, b->name);
        return fault_set(fault, -EINVAL,
                         "two chips have the label \"%s\": %s and %s; name one by its address, %s or %s", text, a->name,
                         b->name, address[0], address[1]);
}

static bool is_called(const struct gpio *gpio, const struct chip *chip, const char *text)
{
        char path[PATH_MAX];

        if (strcmp(chip->label, text) == 0)
                return true;
        sysfs_path(gpio, chip, path);
        return sysfs_is_in(path, text);
}

/* By its label, or its address: a part of its path below /sys. */
static int get_labelled(struct gpio *gpio, const char *label, struct chip **ret, struct fault *fault)
{
        struct chip *found = NULL;
        int opened_all = chips_open_all(gpio, fault);

        for (struct chip *chip = gpio->chips; chip; chip = chip->next) {
                if (chip->gone || chip->ops != gpio->ops || !is_called(gpio, chip, label))
                        continue;
                if (found)
                        return two_chips(gpio, label, found, chip, fault);
                found = chip;
        }
        if (found) {
                *ret = found;
                return 0;
        }
        return opened_all < 0 ? opened_all : -ENOENT;
}

static bool names_sim(const char *text)
{
        static const char *const names[] = { "sim", SIM_CHIP_NAME, SIM_CHIP_LABEL, "0" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], text) == 0)
                        return true;
        return false;
}

int chips_get(struct gpio *gpio, const char *text, struct chip **ret, struct fault *fault)
{
        char name[GPIO_NAME_SIZE];
        int r;

        if (!text)
                text = gpio->default_chip;
        if (strcmp(text, "sim") == 0 || (gpio->sim_only && names_sim(text)))
                return get_sim(gpio, ret, fault);
        if (gpio->sim_only)
                return no_such_chip(gpio, text, fault);
        if (text[0] == '/') {
                r = get_path(gpio, text, ret, fault);
        } else {
                (void)snprintf(name, sizeof(name), "%s%s", all_digits(text) ? CHIP_PREFIX : "", text);
                r = strncmp(name, CHIP_PREFIX, strlen(CHIP_PREFIX)) == 0 ? get_named(gpio, name, ret, fault) : -ENOENT;
                if (r == -ENOENT)
                        r = get_labelled(gpio, text, ret, fault);
        }
        return r == -ENOENT ? no_such_chip(gpio, text, fault) : r;
}

void chips_trim(struct gpio *gpio)
{
        for (struct chip **at = &gpio->chips; *at;) {
                struct chip *chip = *at;
                /* The simulated chip looks after the lines that nobody holds, so it stays. */
                if ((chip->ops == &sim_ops && !chip->gone) || line_on(gpio, chip)) {
                        at = &chip->next;
                        continue;
                }
                *at = chip->next;
                chip->ops->close(chip);
        }
}

/* ---- The whole -------------------------------------------------------------------------------------- */

int gpio_new_on(struct loop *loop, const struct gpio_options *options, const struct chip_ops *ops, const char *dev_dir,
                struct gpio **ret)
{
        CLEANUP_GPIO struct gpio *gpio = calloc(1, sizeof(*gpio));

        if (!gpio)
                return -ENOMEM;
        gpio->loop = loop;
        gpio->ops = ops;
        gpio->fd_store = options->fd_store;
        gpio->dev_watch_fd = -1;
        gpio->dev_dir = strdup(dev_dir);
        gpio->default_chip = strdup(options->chip ? options->chip : CHIP_PREFIX "0");
        gpio->sim_dir = strdup(options->sim_dir ? options->sim_dir : "/run/sconce/sim");
        gpio->consumer = strdup(options->consumer ? options->consumer : "sconced");
        if (!gpio->dev_dir || !gpio->default_chip || !gpio->sim_dir || !gpio->consumer)
                return -ENOMEM;
        gpio->sim_only = strcmp(gpio->default_chip, "sim") == 0;
        gpio->sysfs = strdup(options->sysfs ? options->sysfs : gpio->sim_only ? gpio->sim_dir : "/sys");
        if (!gpio->sysfs)
                return -ENOMEM;
        if (gpio->sim_only) {
                /* From the start, so that its files are there and follow their pulls; each line reports a failure. */
                struct chip *chip;
                struct fault fault;
                if (get_sim(gpio, &chip, &fault) < 0)
                        log_warning("%s", fault.text);
        }
        *ret = TAKE_PTR(gpio);
        return 0;
}

int gpio_new(struct loop *loop, const struct gpio_options *options, struct gpio **ret)
{
        return gpio_new_on(loop, options, &gpiod_ops, "/dev", ret);
}

void gpio_free(struct gpio *gpio)
{
        if (!gpio)
                return;
        while (gpio->lines)
                line_close(gpio->lines);
        kept_done(gpio);
        while (gpio->dimmers)
                dimmer_close(gpio->dimmers);
        while (gpio->chips) {
                struct chip *chip = gpio->chips;
                gpio->chips = chip->next;
                chip->ops->close(chip);
        }
        sd_event_source_disable_unref(gpio->dev_watch);
        cleanup_closep(&gpio->dev_watch_fd);
        free(gpio->dev_dir);
        free(gpio->default_chip);
        free(gpio->sim_dir);
        free(gpio->consumer);
        free(gpio->sysfs);
        free(gpio);
}
