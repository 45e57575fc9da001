/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/house.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/driven.h"
#include "fakes/fake_chip.h"
#include "fakes/plugin_file.h"
#include "info.h"
#include "util/log.h"
#include "fakes/json_taken.h"

#define SOON_S 20

/* ---- What it reports ------------------------------------------------------------------------------------- */

static struct house *house_of(struct publisher *publisher)
{
        return CONTAINER_OF(publisher, struct house, publisher);
}

static void on_send(struct publisher *publisher, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta)
{
        struct house *house = house_of(publisher);
        struct published_message *published = realloc(house->published, (house->n_published + 1) * sizeof(*published));

        assert_non_null(published);
        house->published = published;
        published[house->n_published++] = (struct published_message){
                .device = strdup(device),
                .payload = strndup(payload, size),
                .topic = topic,
                .reply_to = meta && meta->reply_to ? strdup(meta->reply_to) : NULL,
        };
        assert_int_equal(strlen(published[house->n_published - 1].payload), size);
}

static void on_info_changed(void *userdata)
{
        house_of(userdata)->info_changes++;
}

static void on_restart(void *userdata)
{
        house_of(userdata)->restarts++;
}

static void on_reload(void *userdata)
{
        house_of(userdata)->reloads++;
}

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        struct house *house = userdata;
        char *line = NULL;
        const char *device = about && about->device ? about->device : "";

        int length = asprintf(&line, "%d %s%s%s\n", level, device, *device ? ": " : "", text);
        assert_true(length > 0);
        char *log = realloc(house->log, house->log_size + (size_t)length + 1);
        assert_non_null(log);
        memcpy(log + house->log_size, line, (size_t)length + 1);
        house->log = log;
        house->log_size += (size_t)length;
        free(line);
}

void house_forget(struct house *house)
{
        for (size_t i = 0; i < house->n_published; i++) {
                free(house->published[i].device);
                free(house->published[i].payload);
                free(house->published[i].reply_to);
        }
        free(house->published);
        house->published = NULL;
        house->n_published = 0;
}

/* ---- Setting up ---------------------------------------------------------------------------------------- */

static void link_plugins(const char *from, const char *to)
{
        DIR *directory = opendir(from);
        const struct dirent *entry;

        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                char target[4096], path[8192];
                size_t length = strlen(entry->d_name);
                if (length < 3 || strcmp(entry->d_name + length - 3, ".so") != 0)
                        continue;
                (void)snprintf(target, sizeof(target), "%s/%s", from, entry->d_name);
                (void)snprintf(path, sizeof(path), "%s/%s", to, entry->d_name);
                assert_int_equal(symlink(target, path), 0);
        }
        (void)closedir(directory);
}

static void find_plugins(struct house *house, bool more)
{
        const char *build = build_dir();
        char from[4096];

        if (!more) {
                (void)snprintf(house->plugin_dir, sizeof(house->plugin_dir), "%s/plugins", build);
                return;
        }
        (void)snprintf(house->plugin_dir, sizeof(house->plugin_dir), "%.4000s/plugins", house->gpio.dir);
        assert_int_equal(mkdir(house->plugin_dir, 0700), 0);
        (void)snprintf(from, sizeof(from), "%s/plugins", build);
        link_plugins(from, house->plugin_dir);
        (void)snprintf(from, sizeof(from), "%s/tests/plugins", build);
        link_plugins(from, house->plugin_dir);
}

enum variant { PLAIN, MORE, CHIPS };

static void move_in(struct house *house)
{
        struct home_sink sink = publisher_sink(&house->publisher);

        sink.info_changed = on_info_changed;
        sink.restart = on_restart;
        sink.reload = on_reload;
        assert_int_equal(home_new(&house->options, &sink, &house->devices), 0);
}

void house_crash(struct house *house)
{
        home_free(house->devices);
        move_in(house);
}

/* There is no such directory, and the last job has failed of it. */
void house_fail_store(struct house *house)
{
        const struct store_options options = { .loop = &house->gpio.loop, .dir = "/dev/null/nowhere" };

        store_free(house->store);
        assert_int_equal(store_new(&options, &house->store), 0);
        house->options.store = house->store;
        house_crash(house);
        assert_true(store_is_failing(house->store));
}

void house_end(struct house *house)
{
        home_stop(house->devices);
        if (house->options.driven && !store_is_failing(house->store))
                driven_saved(house->options.driven);
}

void house_restart(struct house *house)
{
        house_end(house);
        house_crash(house);
}

void house_stop(struct house *house)
{
        house_end(house);
        home_free(house->devices);
        house->devices = NULL;
}

void house_reboot(struct house *house, const char *device)
{
        assert_int_equal(store_put(house->store, STORE_MARK, device, "boot", "an earlier one"), 0);
}

static int setup(void **state, enum variant variant)
{
        struct house *house = calloc(1, sizeof(*house));

        assert_non_null(house);
        *state = house;
        log_set_sink(on_log, house);
        gpio_fixture_init(&house->gpio, true);
        find_plugins(house, variant != PLAIN);
        if (variant == CHIPS) {
                fake_chips_reset();
                fake_plug(&house->gpio, 0);
                fake_open(&house->gpio, "gpiochip0");
        } else {
                gpio_fixture_open_sim(&house->gpio);
        }
        assert_int_equal(clock_new(&house->gpio.loop, CLOCK_MODE_TRUSTED, &house->clock), 0);
        house->options = (struct home_options){
                .loop = &house->gpio.loop,
                .clock = house->clock,
                .gpio = house->gpio.gpio,
                .plugin_dir = house->plugin_dir,
                .max_payload_bytes = 4096,
                .max_depth = 8,
                .default_chip = variant == CHIPS ? "gpiochip0" : "sim",
        };
        assert_int_equal(store_new(&(struct store_options){ .loop = NULL }, &house->store), 0);
        house->options.store = house->store;
        house->publisher = (struct publisher){ .clock = house->clock, .send = on_send };
        move_in(house);
        return 0;
}

int house_setup(void **state)
{
        return setup(state, PLAIN);
}

int house_setup_more(void **state)
{
        return setup(state, MORE);
}

int house_setup_chips(void **state)
{
        return setup(state, CHIPS);
}

int house_teardown(void **state)
{
        struct house *house = *state;

        if (house->devices)
                home_stop(house->devices);
        home_free(house->devices);
        json_text_done(&house->publisher.text);
        store_free(house->store);
        clock_free(house->clock);
        gpio_fixture_done(&house->gpio);
        problems_done(&house->problems);
        house_forget(house);
        log_set_sink(NULL, NULL);
        free(house->log);
        free(house);
        return 0;
}

void house_path(const struct house *house, const char *name, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/%s", house->gpio.dir, name);
}

void house_write(const struct house *house, const char *name, const char *text)
{
        char path[PATH_MAX];

        house_path(house, name, path);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

void house_remove(const struct house *house, const char *name)
{
        char path[PATH_MAX];

        house_path(house, name, path);
        assert_int_equal(unlink(path), 0);
}

char *house_read(const struct house *house, const char *name)
{
        char path[PATH_MAX], *text = NULL;
        size_t size = 0;

        house_path(house, name, path);
        FILE *file = fopen(path, "re");
        if (file && getdelim(&text, &size, '\0', file) < 0) {
                free(text);
                text = NULL;
        }
        if (file)
                (void)fclose(file);
        return text ? text : strdup("");
}

bool house_logged(const struct house *house, const char *text)
{
        return house->log && strstr(house->log, text);
}

static struct config *load(struct house *house, const char *text)
{
        struct config *config = NULL;
        char path[PATH_MAX];

        house_write(house, "a.conf", text);
        house_path(house, "a.conf", path);
        assert_int_equal(config_load(path, &house->problems, &config), 0);
        return config;
}

void house_apply_anyway(struct house *house, const char *text)
{
        CLEANUP_CONFIG struct config *config = load(house, text);

        assert_int_equal(home_apply(house->devices, config), 0);
}

void house_apply(struct house *house, const char *text)
{
        char *wrong = house_check(house, text);

        assert_string_equal(wrong, "");
        free(wrong);
        house_apply_anyway(house, text);
}

/* Takes the directory out of "DIR/a.conf:3: …". */
static void append_without_dir(const struct house *house, const char *text, FILE *out)
{
        size_t length = strlen(house->gpio.dir);

        while (*text) {
                if (strncmp(text, house->gpio.dir, length) == 0 && text[length] == '/')
                        text += length + 1;
                (void)fputc(*text++, out);
        }
        (void)fputc('\n', out);
}

char *house_check(struct house *house, const char *text)
{
        CLEANUP_CONFIG struct config *config = load(house, text);
        char *all = NULL;
        size_t size;

        assert_int_equal(home_check(&house->options, config, &house->problems), 0);
        FILE *out = open_memstream(&all, &size);
        assert_non_null(out);
        for (size_t i = 0; i < house->problems.count; i++)
                append_without_dir(house, house->problems.items[i], out);
        (void)fclose(out);
        problems_done(&house->problems);
        return all;
}

void house_assert_wrong(struct house *house, const char *text, const char *expected)
{
        char *wrong = house_check(house, text);

        assert_string_equal(wrong, expected);
        free(wrong);
}

unsigned house_outputs_safe(struct house *house, const char *text)
{
        CLEANUP_CONFIG struct config *config = load(house, text);
        unsigned failed = 0;

        assert_int_equal(home_outputs_safe(&house->options, config, &failed), 0);
        return failed;
}

/* ---- Using --------------------------------------------------------------------------------------------- */

void house_set(struct house *house, const char *device, const char *payload)
{
        home_command(house->devices, device, NULL, payload, strlen(payload), NULL);
}

void house_set_channel(struct house *house, const char *device, const char *channel, const char *payload)
{
        home_command(house->devices, device, channel, payload, strlen(payload), NULL);
}

static bool is_of(const struct published_message *published, const char *device, enum device_topic topic)
{
        return published->topic == topic && strcmp(published->device, device) == 0;
}

const char *house_published(const struct house *house, const char *device, enum device_topic topic)
{
        for (size_t i = house->n_published; i > 0; i--)
                if (is_of(&house->published[i - 1], device, topic))
                        return house->published[i - 1].payload;
        return NULL;
}

size_t house_count(const struct house *house, const char *device, enum device_topic topic)
{
        size_t count = 0;

        for (size_t i = 0; i < house->n_published; i++)
                count += is_of(&house->published[i], device, topic);
        return count;
}

int house_info(const struct house *house, char **ret_devices, char **ret_plugins)
{
        struct json_text devices = { 0 }, plugins = { 0 };

        info_write_devices(house->devices, &devices);
        info_write_plugins(house->devices, &plugins);
        *ret_devices = json_text_take(&devices);
        *ret_plugins = json_text_take(&plugins);
        return *ret_devices && *ret_plugins ? 0 : -1;
}

/* Cuts {"time":…, out of a JSON object. */
static void without_time(const char *json, char text[static 1024])
{
        static const char head[] = "{\"time\":";
        const char *rest = json;

        if (strncmp(json, head, strlen(head)) == 0) {
                rest = json + strlen(head);
                rest += strcspn(rest, ",}");
                rest += *rest == ',';
        }
        (void)snprintf(text, 1024, "%s%s", rest == json ? "" : "{", rest);
}

void house_assert_published(const struct house *house, const char *device, enum device_topic topic,
                            const char *expected)
{
        const char *is = house_published(house, device, topic);
        char text[1024];

        if (!expected) {
                if (is)
                        fail_msg("%s published %s", device, is);
                return;
        }
        if (!is)
                fail_msg("%s published nothing; expected %s", device, expected);
        without_time(is, text);
        assert_string_equal(text, expected);
}

void house_assert_result(const struct house *house, const char *device, const char *expected)
{
        house_assert_published(house, device, DEVICE_RESULT, expected);
}

void house_pass(struct house *house, uint64_t time_us)
{
        loop_advance(&house->gpio.loop, time_us);
        fixture_settle(&house->gpio);
}

void house_wait(struct house *house, bool (*is_so)(const struct house *house, void *userdata), void *userdata)
{
        struct timespec now, until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SOON_S;
        while (!is_so(house, userdata)) {
                (void)sd_event_run(house->gpio.loop.event, 100 * USEC_PER_MSEC);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                if (now.tv_sec > until.tv_sec)
                        fail_msg("it has not come about within %d s", SOON_S);
        }
}

struct awaited {
        const char *device;
        enum device_topic topic;
        size_t times;
};

static bool has_told(const struct house *house, void *userdata)
{
        const struct awaited *awaited = userdata;

        return house_count(house, awaited->device, awaited->topic) >= awaited->times;
}

void house_wait_published(struct house *house, const char *device, enum device_topic topic, size_t times)
{
        house_wait(house, has_told, &(struct awaited){ device, topic, times });
}
