/* SPDX-License-Identifier: Apache-2.0 */
/* A house to test in: devices from config texts, the real plugins, the simulated chip, the fake clock, and
 * everything reported. */
#pragma once

#include "publish.h"
#include "fakes/gpio_fixture.h"

struct published_message {
        char *device, *payload;
        enum device_topic topic;
        char *reply_to; /* NULL: none */
};

struct house {
        struct gpio_fixture gpio;
        struct clock *clock;
        struct home_options options;
        struct store *store; /* in memory, and there for the next run too */
        struct publisher publisher;
        struct home *devices;
        struct problems problems;
        struct published_message *published;
        size_t n_published;
        unsigned info_changes, restarts, reloads;
        char plugin_dir[4096];
        char *log; /* what was logged, "LEVEL device: text" a line */
        size_t log_size;
};

/* CMocka's setup and teardown: *state is the house, with no device but `node` in it. */
int house_setup(void **state);
int house_setup_more(void **state); /* with the plugins of tests/plugins too */
int house_setup_chips(
        void **state); /* the same on gpiochip0 of fakes/fake_chip.h, plugged in, instead of the simulated chip */
int house_teardown(void **state);

/* The process ends, in order or not, and another one begins: no device but `node` again. */
void house_restart(struct house *house);
void house_crash(struct house *house);
/* After a crash it has a store whose directory is not there. */
void house_fail_store(struct house *house);
void house_end(struct house *house);  /* in order, as far as what is driven and saved goes */
void house_stop(struct house *house); /* in order, and no other one begins */
/* What was saved was saved in an earlier boot. */
void house_reboot(struct house *house, const char *device);

/* Applies a config text; it must be right. */
void house_apply(struct house *house, const char *text);
/* The same without asking whether it is right. */
void house_apply_anyway(struct house *house, const char *text);
/* What is wrong with a config text, a line each, files without their directory; free() it. "" for nothing. */
char *house_check(struct house *house, const char *text);
void house_assert_wrong(struct house *house, const char *text, const char *expected);

/* `sconced --outputs-safe` with a config text; returns how many failed. */
unsigned house_outputs_safe(struct house *house, const char *text);

/* A command: `payload` is a string. */
void house_set(struct house *house, const char *device, const char *payload);
void house_set_channel(struct house *house, const char *device, const char *channel, const char *payload);

/* The newest message of a topic since the last forgetting; NULL: none. How many there were. */
const char *house_published(const struct house *house, const char *device, enum device_topic topic);
size_t house_count(const struct house *house, const char *device, enum device_topic topic);
void house_forget(struct house *house);
/* The `devices` and `plugins` objects of `info`; free() them. */
int house_info(const struct house *house, char **ret_devices, char **ret_plugins);

/* The same, without `"time":…`: what is left of {"time":"…","state":"ON"} is {"state":"ON"}. */
void house_assert_published(const struct house *house, const char *device, enum device_topic topic,
                            const char *expected);
/* The newest result; NULL expects none. */
void house_assert_result(const struct house *house, const char *device, const char *expected);

void house_pass(struct house *house, uint64_t time_us); /* on the fake clock */
/* Runs the loop until it is so, or fails after some seconds. */
void house_wait(struct house *house, bool (*is_so)(const struct house *house, void *userdata), void *userdata);
/* Until the device's topic has been published so often. */
void house_wait_published(struct house *house, const char *device, enum device_topic topic, size_t times);

/* Files in the house's directory. */
void house_path(const struct house *house, const char *name, char path[static PATH_MAX]);
void house_write(const struct house *house, const char *name, const char *text);
void house_remove(const struct house *house, const char *name);
char *house_read(const struct house *house, const char *name); /* free() it; "" where there is no file */

/* True when the log has this in it. */
bool house_logged(const struct house *house, const char *text);
