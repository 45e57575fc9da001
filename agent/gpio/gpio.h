/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPIO lines by name or number, on libgpiod 1, libgpiod 2 or the built-in simulated chip.
 *
 * A line is first a specification (parsed from the config, nothing opened), then requested once as an output
 * or an input with everything in that one request: direction, first value, bias, drive, edge, debounce. All
 * levels here are logical: active_low is undone. Everything runs on the event loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util/fault.h"
#include "util/loop.h"

struct gpio;
struct sconce_line;

enum line_bias { LINE_BIAS_AS_IS, LINE_BIAS_DISABLED, LINE_BIAS_PULL_UP, LINE_BIAS_PULL_DOWN };
enum line_drive { LINE_DRIVE_PUSH_PULL, LINE_DRIVE_OPEN_DRAIN, LINE_DRIVE_OPEN_SOURCE };

struct line_settings {
        bool active_low;
        int bias;             /* enum line_bias */
        int drive;            /* enum line_drive; outputs */
        uint64_t debounce_us; /* inputs; 0: none */
};

struct line_edge {
        bool active;
        uint32_t lost;    /* edges before this one that were dropped, where the kernel counts */
        uint64_t time_us; /* CLOCK_BOOTTIME */
};

/* `fault` NULL: a debounced change; else the line is gone (chip unplugged): it is closed already. */
typedef void (*line_edge_fn)(void *userdata, const struct line_edge *edge, const struct fault *fault);

/*
 * Who keeps outputs while no process has them: systemd, which has a copy of each one's fd under a name and gives it to the
 * next process. All return 0 or a negative errno.
 */
struct fd_store {
        int (*put)(void *userdata, const char *name, int fd);
        int (*remove)(void *userdata, const char *name); /* asked for only: see sync */
        int (*sync)(void *userdata);                     /* waits until all that was asked for has been done */
        void *userdata;
};
#define FD_NAME_SIZE 192

struct gpio_options {
        const char *chip;                /* default chip: number, name, label or path, or "sim" */
        const char *sim_dir;             /* of the simulated chip */
        const char *consumer;            /* what other programs see as the user of our lines: "sconced" */
        const char *sysfs;               /* where PWM channels and LEDs are (gpio/dimmer.h); NULL: /sys, and
                                 sim_dir where the default chip is the simulated one */
        const struct fd_store *fd_store; /* as long as it lives; NULL: there is none */
};

/* Opens nothing yet: a chip is opened when its first line is. */
int gpio_new(struct loop *loop, const struct gpio_options *options, struct gpio **ret) MUST_CHECK;
void gpio_free(struct gpio *gpio); /* all lines must be closed */

/* Parses NAME, OFFSET, CHIP:NAME or CHIP:OFFSET. `gpio` may be NULL (--check): opens nothing either way. */
int line_parse(const char *text, char reason[static 160], struct sconce_line **ret) MUST_CHECK;
void line_free(struct sconce_line *line);              /* closes it too */
const char *line_text(const struct sconce_line *line); /* as written */
/* The same line, judged by the text (default chip and number or name alike). */
bool line_same(const struct sconce_line *a, const struct sconce_line *b, const char *default_chip);
void line_set_settings(struct sconce_line *line, const struct line_settings *settings);
const struct line_settings *line_settings(const struct sconce_line *line);

/* Requests the line; first_value 0, 1 or -1 (drive what it shows). -ENOENT no such chip or line, -EBUSY with
 * the consumer in words, -EACCES, -ENODEV, -EEXIST when another of our devices holds it; -EINVAL ambiguous
 * name (lists the chips). `on_gone` (may be NULL) hears of an unplugged chip, with edge NULL. */
int line_open_output(struct gpio *gpio, struct sconce_line *line, int first_value, line_edge_fn on_gone, void *userdata,
                     struct fault *fault) MUST_CHECK;
int line_open_input(struct gpio *gpio, struct sconce_line *line, line_edge_fn on_edge, void *userdata,
                    struct fault *fault) MUST_CHECK;
void line_close(struct sconce_line *line);
bool line_is_open(const struct sconce_line *line);
/* The first level of an input counts when it has been stable for debounce_us. Until then line_get() shows what the line
 * showed at its request, and no edge is reported. `fn` gets the userdata of line_open_input(), once. */
bool line_is_settled(const struct sconce_line *line);
void line_on_first(struct sconce_line *line, void (*fn)(void *userdata));

int line_set(struct sconce_line *line, bool active, struct fault *fault) MUST_CHECK;
int line_get(struct sconce_line *line, bool *ret_active, struct fault *fault) MUST_CHECK;

/* ---- Outputs that outlive the process (kept.c) ------------------------------------------------------------------- */
/* Whether an output is to stay as it is driven while no process has it, for this device; NULL: not. Before it is opened,
 * or while it is open. Closed, it waits for the next who opens it. Where that is not possible (the simulated chip, an old
 * kernel) nothing is done. Negative errno: it could not be taken out of the store. */
int line_keep(struct sconce_line *line, const char *device) MUST_CHECK;
bool line_is_kept(const struct sconce_line *line);
/* What an earlier run has left the output of this device at, requested as now. It counts, however that run ended: what was
 * saved may be older, by the last seconds before a crash, or by all that a card has not taken. */
bool line_found(struct gpio *gpio, const struct sconce_line *line, const char *device, bool *ret_active);

/* Takes over one that an earlier run has left, before any line is opened. */
void gpio_adopt(struct gpio *gpio, const char *name, int fd);
/* Lets go, as they are, of those that wait for a device that does not want one. */
void gpio_let_go(struct gpio *gpio, bool (*is_wanted)(void *userdata, const char *device), void *userdata);
/* Switches off those that wait for this device, which go on waiting. line_found() still answers what they were left at.
 * Returns how many were on. */
unsigned gpio_switch_off(struct gpio *gpio, const char *device);
/* Shows all that wait to `take`, which may copy the fd: the program is to be executed again. */
void gpio_hand_over(struct gpio *gpio, void (*take)(void *userdata, const char *name, int fd), void *userdata);

/* `sconced --lines`: every chip and line, its name, direction, and who uses it. */
int gpio_print_lines(struct gpio *gpio, FILE *out, struct fault *fault) MUST_CHECK;

DEFINE_CLEANUP(struct sconce_line, line_free);
DEFINE_CLEANUP(struct gpio, gpio_free);
#define CLEANUP_LINE CLEANUP(line_freep)
#define CLEANUP_GPIO CLEANUP(gpio_freep)
