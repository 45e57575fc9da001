/* SPDX-License-Identifier: Apache-2.0 */
#include "device/driven.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/pin.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"
#include "util/log.h"

#define FILE_MAX (1024U * 1024)
/* How long a busy line is waited for in all: 0.2 s. */
#define BUSY_TRIES   20
#define BUSY_WAIT_US 10000

struct item {
        struct driven_output output;
        char *device, *text; /* its texts */
        bool is_old;         /* an earlier run's, which nobody has driven since */
        bool is_safe;        /* --outputs-safe, or an orderly end, has brought it where it belongs */
        bool is_past;        /* old, and its device has been started since */
};

struct driven {
        char *path; /* NULL: there is no place for it */
        char *chip, *sim_dir;
        struct item *items;
        size_t count;
        bool is_dirty;
        char problem_text[sizeof(((struct fault *)0)->text)]; /* "": none */
        void (*problem)(void *userdata, const char *text);
        void *userdata;
};

static const char *const exits[] = { [ON_EVENT_KEEP] = "keep", [ON_EVENT_ON] = "on", [ON_EVENT_OFF] = "off" };
static const char *const kinds[] = { "line", "pwm", "led" };

/* ---- Entries ------------------------------------------------------------------------------------------- */

static void item_done(struct item *item)
{
        free(item->device);
        free(item->text);
}

static void drop(struct driven *driven, size_t index)
{
        item_done(&driven->items[index]);
        driven->items[index] = driven->items[--driven->count];
}

static int add(struct driven *driven, const struct driven_output *output)
{
        struct item *more = realloc(driven->items, (driven->count + 1) * sizeof(*more));
        struct item item = { .output = *output, .device = strdup(output->device), .text = strdup(output->text) };

        if (more)
                driven->items = more;
        if (!more || !item.device || !item.text) {
                item_done(&item);
                return -ENOMEM;
        }
        item.output.device = item.device;
        item.output.text = item.text;
        more[driven->count++] = item;
        return 0;
}

/* Two spellings of one line, as far as the texts tell: an earlier run may have written it otherwise. */
static bool is_same(const struct driven *driven, const struct item *item, const struct driven_output *output)
{
        CLEANUP_LINE struct sconce_line *line = NULL, *other = NULL;
        char reason[160];

        if (strcmp(item->output.kind, output->kind) != 0)
                return false;
        if (strcmp(item->text, output->text) == 0)
                return true;
        return item->is_old && strcmp(output->kind, "line") == 0 && line_parse(item->text, reason, &line) == 0 &&
               line_parse(output->text, reason, &other) == 0 && line_same(line, other, driven->chip);
}

/* ---- The file ------------------------------------------------------------------------------------------ */

#define ITEM_FORMAT "{ss ss ss sb si si ss sb sb sb}"

static void put_text(struct json_text *text, const char *key, const char *value)
{
        json_put_key(text, key);
        json_put_string(text, value);
}

static void put_integer(struct json_text *text, const char *key, int value)
{
        json_put_key(text, key);
        json_put_integer(text, value);
}

static void put_bool(struct json_text *text, const char *key, bool value)
{
        json_put_key(text, key);
        if (value)
                json_put_literal(text, "true");
        else
                json_put_literal(text, "false");
}

/* As ITEM_FORMAT has it. */
static void put_item(struct json_text *text, const struct item *item)
{
        const struct driven_output *output = &item->output;

        json_put_open(text, '{');
        put_text(text, "device", output->device);
        put_text(text, "kind", output->kind);
        put_text(text, "output", output->text);
        put_bool(text, "active_low", output->settings.active_low);
        put_integer(text, "bias", output->settings.bias);
        put_integer(text, "drive", output->settings.drive);
        put_text(text, "exit", exits[output->exit]);
        put_bool(text, "limited", output->is_limited);
        put_bool(text, "for", output->is_for);
        put_bool(text, "safe", item->is_safe);
        json_put_literal(text, "}");
}

static void put_all(struct json_text *text, const struct driven *driven)
{
        json_put_open(text, '{');
        put_text(text, "boot", clock_boot_id());
        put_text(text, "chip", driven->chip);
        put_text(text, "sim_dir", driven->sim_dir);
        json_put_key(text, "outputs");
        json_put_literal(text, "[");
        for (size_t i = 0; i < driven->count; i++)
                put_item(text, &driven->items[i]);
        json_put_literal(text, "]}\n");
}

static int find_word(const char *const words[], size_t count, const char *word)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(words[i], word) == 0)
                        return (int)i;
        return -1;
}

/* They are indexes into tables of the GPIO libraries' words. */
static bool settings_are_known(const struct line_settings *settings)
{
        return settings->bias >= LINE_BIAS_AS_IS && settings->bias <= LINE_BIAS_PULL_DOWN &&
               settings->drive >= LINE_DRIVE_PUSH_PULL && settings->drive <= LINE_DRIVE_OPEN_SOURCE;
}

static int add_json(struct driven *driven, json_t *json)
{
        struct driven_output output = { 0 };
        const char *exit;
        int active_low, limited, is_for, safe;

        if (json_unpack(json, ITEM_FORMAT, "device", &output.device, "kind", &output.kind, "output", &output.text,
                        "active_low", &active_low, "bias", &output.settings.bias, "drive", &output.settings.drive,
                        "exit", &exit, "limited", &limited, "for", &is_for, "safe", &safe) < 0)
                return -EBADMSG;
        int kind = find_word(kinds, ARRAY_SIZE(kinds), output.kind), event = find_word(exits, ARRAY_SIZE(exits), exit);
        if (kind < 0 || event < 0 || !settings_are_known(&output.settings))
                return -EBADMSG;
        output.kind = kinds[kind]; /* as long as we live */
        output.exit = (enum on_event)event;
        output.settings.active_low = active_low;
        output.is_limited = limited;
        output.is_for = is_for;
        int r = add(driven, &output);
        if (r == 0) {
                driven->items[driven->count - 1].is_old = true;
                driven->items[driven->count - 1].is_safe = safe;
        }
        return r;
}

static int take_json(struct driven *driven, json_t *json)
{
        const char *boot, *chip, *sim_dir;
        json_t *outputs;

        if (json_unpack(json, "{ss ss ss so}", "boot", &boot, "chip", &chip, "sim_dir", &sim_dir, "outputs", &outputs) <
            0)
                return -EBADMSG;
        if (strcmp(boot, clock_boot_id()) != 0)
                return -ENOENT;
        driven->chip = strdup(chip);
        driven->sim_dir = strdup(sim_dir);
        int r = driven->chip && driven->sim_dir ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < json_array_size(outputs); i++)
                r = add_json(driven, json_array_get(outputs, i));
        return r;
}

/* -ENOENT: there is none, or it is of another boot. */
static int load(struct driven *driven, struct fault *fault)
{
        struct file file;
        struct fault why = { 0 };
        int r = driven->path ? file_read(driven->path, FILE_MAX, &file, &why) : -ENOENT;

        if (r == -ENOENT)
                return r;
        if (r < 0)
                return fault_set(fault, r, "%s %s", driven->path, why.text);
        json_error_t error;
        json_t *json = json_loadb(file.data, file.size, 0, &error);
        r = json ? take_json(driven, json) : *error.text ? -EBADMSG : -ENOMEM; /* which it has no words for */
        json_decref(json);
        file_done(&file);
        if (r == -EBADMSG)
                return fault_set(fault, r, "%s is not as sconced writes it", driven->path);
        return r;
}

static int write_to(int fd, const struct driven *driven)
{
        CLEANUP_JSON_TEXT struct json_text text = { 0 };

        put_all(&text, driven);
        if (text.failed)
                return -ENOMEM; /* better the record before than one that lacks an output */
        ssize_t n = write(fd, text.data, text.size);
        return n < 0 ? -errno : (size_t)n < text.size ? -ENOSPC : 0;
}

/* Whole or not at all, for a reader after a crash. Not synced: it need not outlive the boot. */
static int replace_file(const struct driven *driven)
{
        CLEANUP_FREE char *next = NULL;

        if (!driven->path)
                return -ENOENT;
        if (asprintf(&next, "%s.new", driven->path) < 0)
                return -ENOMEM;
        (void)unlink(next);
        CLEANUP_CLOSE int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        file_give_to_owner(fd, next);
        int r = write_to(fd, driven);
        if (r == 0 && rename(next, driven->path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(next);
        return r;
}

void driven_report(struct driven *driven)
{
        if (driven->problem && driven->problem_text[0])
                driven->problem(driven->userdata, driven->problem_text);
}

static void set_problem(struct driven *driven, const struct fault *fault)
{
        const char *text = fault ? fault->text : "";

        if (strcmp(driven->problem_text, text) == 0)
                return;
        (void)snprintf(driven->problem_text, sizeof(driven->problem_text), "%s", text);
        if (fault)
                log_error("%s", fault->text);
        else
                log_notice("which outputs are driven can be written down again");
        if (driven->problem)
                driven->problem(driven->userdata, fault ? fault->text : NULL);
}

int driven_write(struct driven *driven, struct fault *fault)
{
        struct fault why = { 0 };

        if (!driven->is_dirty)
                return 0;
        int r = replace_file(driven);
        driven->is_dirty = r < 0;
        if (r == 0) {
                set_problem(driven, NULL);
                return 0;
        }
        if (driven->path)
                (void)fault_set(&why, r, "%s cannot be written: %s", driven->path, strerror(-r));
        else
                (void)fault_set(&why, r, "there is no runtime directory to write down which outputs are driven");
        set_problem(driven, &why);
        return fault_set(fault, r, "%s", why.text);
}

bool driven_is_written(const struct driven *driven)
{
        return !driven->is_dirty;
}

/* ---- What is driven ------------------------------------------------------------------------------------ */

int driven_note(struct driven *driven, const struct driven_output *output)
{
        for (size_t i = driven->count; i > 0; i--) {
                struct item *item = &driven->items[i - 1];
                item->is_past |= item->is_old && strcmp(item->device, output->device) == 0;
                if (is_same(driven, item, output) || (item->is_past && item->is_safe))
                        drop(driven, i - 1);
        }
        int r = add(driven, output);
        driven->is_dirty = true;
        return r < 0 ? r : driven_write(driven, NULL);
}

int driven_limit(struct driven *driven, const char *device, bool is_for)
{
        for (size_t i = 0; i < driven->count; i++) {
                struct item *item = &driven->items[i];
                if (item->is_old || strcmp(item->device, device) != 0 || item->output.is_for == is_for)
                        continue;
                item->output.is_for = is_for;
                driven->is_dirty = true;
        }
        return driven_write(driven, NULL);
}

void driven_release(struct driven *driven, const char *device, bool keep)
{
        for (size_t i = driven->count; i > 0; i--) {
                struct item *item = &driven->items[i - 1];
                if (item->is_old || strcmp(item->device, device) != 0)
                        continue;
                if (keep) {
                        item->is_safe = true;
                        item->output.is_limited = false; /* it was not cut off */
                } else {
                        drop(driven, i - 1);
                }
                driven->is_dirty = true;
        }
        (void)!driven_write(driven, NULL);
}

void driven_saved(struct driven *driven)
{
        for (size_t i = driven->count; i > 0; i--) {
                if (driven->items[i - 1].is_old || !driven->items[i - 1].is_safe)
                        continue;
                drop(driven, i - 1);
                driven->is_dirty = true;
        }
        (void)!driven_write(driven, NULL);
}

/* Of a device that has not been started since. */
static bool is_left_of(const struct item *item, const char *device)
{
        return item->is_old && !item->is_past && strcmp(item->device, device) == 0;
}

struct driven_past driven_past(const struct driven *driven, const char *device)
{
        struct driven_past past = { 0 };

        for (size_t i = 0; i < driven->count; i++) {
                const struct item *item = &driven->items[i];
                if (!is_left_of(item, device))
                        continue;
                past.is_known = true;
                past.was_for |= item->output.is_for;
                past.was_cut_off |= item->is_safe && item->output.is_limited;
        }
        return past;
}

/* ---- After a crash ------------------------------------------------------------------------------------- */

/* The service manager may be about to close its copy of a line that it was asked for before the crash. */
static int drive(struct gpio *gpio, const struct pin *pin, bool on, unsigned tries, struct fault *fault)
{
        int r = pin_drive(gpio, pin, on, fault);

        for (unsigned i = 0; r == -EBUSY && i < tries; i++) {
                (void)usleep(BUSY_WAIT_US);
                r = pin_drive(gpio, pin, on, fault);
        }
        return r;
}

static int item_safe(struct item *item, struct gpio *gpio)
{
        const struct driven_output *output = &item->output;
        /* What would switch it off in time is gone, whatever becomes of it at an end in order. */
        enum on_event exit = output->is_for || output->is_limited ? ON_EVENT_OFF : output->exit;
        const struct log_about about = { .device = output->device };
        CLEANUP(pin_done) struct pin pin = { 0 };
        struct fault fault = { 0 };
        bool on = exit == ON_EVENT_ON;

        if (exit == ON_EVENT_KEEP)
                return 0;
        int r = pin_parse(output->kind, output->text, &output->settings, &pin, &fault);
        if (r == 0)
                r = drive(gpio, &pin, on, item->is_safe ? 0 : BUSY_TRIES, &fault);
        if (r == -EBUSY && item->is_safe) /* it is where it belongs, and somebody else's since */
                return 0;
        if (r < 0)
                log_write(LOG_ERR, &about, "cannot be made safe: %s", fault.text);
        else
                log_write(LOG_NOTICE, &about, "%s is %s", output->text, on ? "on" : "off");
        item->is_safe = r == 0;
        return r;
}

unsigned driven_make_safe(struct driven *driven, struct gpio *gpio)
{
        unsigned failed = 0;

        for (size_t i = 0; i < driven->count; i++)
                failed += item_safe(&driven->items[i], gpio) < 0;
        driven->is_dirty = true;
        (void)!driven_write(driven, NULL);
        return failed;
}

static bool is_left(const struct item *item)
{
        return item->is_old && !item->is_safe && (item->output.is_limited || item->output.is_for);
}

bool driven_has_left(const struct driven *driven)
{
        for (size_t i = 0; i < driven->count; i++)
                if (is_left(&driven->items[i]))
                        return true;
        return false;
}

unsigned driven_settle_left(struct driven *driven, struct gpio *gpio)
{
        unsigned failed = 0;

        for (size_t i = 0; i < driven->count; i++) {
                struct item *item = &driven->items[i];
                if (is_left(item)) {
                        failed += item_safe(item, gpio) < 0;
                        driven->is_dirty = true;
                }
        }
        (void)!driven_write(driven, NULL);
        return failed;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static int allocate(const char *path, struct driven **ret)
{
        CLEANUP(driven_freep) struct driven *driven = calloc(1, sizeof(*driven));

        if (!driven)
                return -ENOMEM;
        driven->path = path ? strdup(path) : NULL;
        if (path && !driven->path)
                return -ENOMEM;
        *ret = TAKE_PTR(driven);
        return 0;
}

/* What was driven on another chip is not found by its texts any more. */
static int set_place(struct driven *driven, const struct driven_options *options)
{
        if (driven->chip && driven->sim_dir &&
            (strcmp(driven->chip, options->chip) != 0 || strcmp(driven->sim_dir, options->sim_dir) != 0))
                while (driven->count > 0)
                        drop(driven, driven->count - 1);
        free(driven->chip);
        free(driven->sim_dir);
        driven->chip = strdup(options->chip);
        driven->sim_dir = strdup(options->sim_dir);
        return driven->chip && driven->sim_dir ? 0 : -ENOMEM;
}

int driven_new(const struct driven_options *options, struct driven **ret)
{
        CLEANUP(driven_freep) struct driven *driven = NULL;
        struct fault fault = { 0 };
        int r = allocate(options->path, &driven);

        if (r < 0)
                return r;
        r = load(driven, &fault);
        if (r == -ENOMEM) /* the record stays as it is, for the next start */
                return r;
        if (r < 0 && r != -ENOENT)
                log_warning("%s: what an earlier run has driven is not known",
                            fault.text[0] ? fault.text : strerror(-r));
        r = set_place(driven, options);
        if (r < 0)
                return r;
        driven->problem = options->problem;
        driven->userdata = options->userdata;
        driven->is_dirty = true;
        (void)!driven_write(driven, NULL);
        *ret = TAKE_PTR(driven);
        return 0;
}

int driven_read(const char *path, struct driven **ret, struct fault *fault)
{
        CLEANUP(driven_freep) struct driven *driven = NULL;
        int r = allocate(path, &driven);

        if (r == 0)
                r = load(driven, fault);
        if (r == 0)
                *ret = TAKE_PTR(driven);
        return r;
}

void driven_free(struct driven *driven)
{
        if (!driven)
                return;
        for (size_t i = 0; i < driven->count; i++)
                item_done(&driven->items[i]);
        free(driven->items);
        free(driven->path);
        free(driven->chip);
        free(driven->sim_dir);
        free(driven);
}

const char *driven_chip(const struct driven *driven)
{
        return driven->chip;
}

const char *driven_sim_dir(const struct driven *driven)
{
        return driven->sim_dir;
}
