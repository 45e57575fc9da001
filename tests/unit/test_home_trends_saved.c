/* SPDX-License-Identifier: Apache-2.0 */
/* home/trends_saved: what of trends is there again after a stop, a crash, a boot without a clock, and what is forgotten. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "channel/trend_save.h"
#include "home/inside.h"
#include "fakes/house.h"
#include "fakes/in_range.h"
#include "store/job.h"
#include "store/trend_table.h"
#include "util/boot.h"

#define HOUR_US (3600 * USEC_PER_SEC)
#define LAMP    "[lamp kitchen]\nline = GPIO17\n"

/* ---- A house with a file --------------------------------------------------------------------------------- */

static struct store *file;
static char file_dir[PATH_MAX];

static void open_file(struct house *house)
{
        const struct store_options options = {
                .loop = &house->gpio.loop, .dir = file_dir, .save_after_us = USEC_PER_SEC, .run = "test"
        };

        assert_int_equal(store_new(&options, &file), 0);
        house->options.store = file;
        house_crash(house);
}

static int setup(void **state)
{
        int r = house_setup(state);
        struct house *house = *state;

        (void)snprintf(file_dir, sizeof(file_dir), "%s", house->gpio.dir);
        open_file(house);
        return r;
}

static int teardown(void **state)
{
        struct house *house = *state;

        if (house->devices)
                home_stop(house->devices);
        store_close(file); /* while the home is there that it reads for */
        home_free(TAKE_PTR(house->devices));
        store_free(TAKE_PTR(file));
        static const char *const names[] = { "sconce.db", "sconce.db-wal", "sconce.db-shm" };
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[PATH_MAX];
                house_path(house, names[i], path);
                (void)remove(path);
        }
        return house_teardown(state);
}

/* What the file has, after all that was handed to it before. */
struct content {
        bool is_there;
        size_t count;
        char names[512];
};

static void on_content(void *userdata, int r, const struct trend_rows *rows)
{
        struct content *content = userdata;

        assert_int_equal(r, 0);
        content->is_there = true;
        content->count = rows->count;
        for (size_t i = 0; i < rows->count; i++)
                (void)snprintf(content->names + strlen(content->names), sizeof(content->names) - strlen(content->names),
                               "%s.%s ", rows->items[i].device, rows->items[i].channel);
}

static bool is_content(const struct house *house, void *userdata)
{
        (void)house;
        return ((struct content *)userdata)->is_there;
}

static struct content content_of(struct house *house)
{
        struct content content = { 0 };

        assert_int_equal(trend_read(file, on_content, &content), 0);
        house_wait(house, is_content, &content);
        return content;
}

static void assert_content(struct house *house, const char *expected)
{
        const struct content content = content_of(house);

        assert_string_equal(content.names, expected);
}

static struct channel *state_of(const struct house *house)
{
        struct device *kitchen = home_find(house->devices, "kitchen");

        return channels_find(&kitchen->channels, "state");
}

static unsigned hours_of(const struct house *house, struct trend *trend)
{
        const struct trend_clock *clock = &house->devices->context.trends.clock;
        unsigned count = 0;

        if (!trend)
                return 0;
        trend_catch_up(trend, clock, loop_now_us(house->options.loop));
        for (uint32_t i = 0; i < TREND_WEEK_BUCKETS; i++)
                count += trend_get(trend, TREND_WEEK, i).is_known;
        return count;
}

/* How many hours of the lamp are known, up to now. */
static unsigned hours_known(const struct house *house)
{
        return hours_of(house, state_of(house)->trend);
}

static void begin(struct house *house)
{
        house_apply(house, LAMP);
        (void)content_of(house); /* it has been read by then */
}

/* The process dies, and another one begins. */
static void crash(struct house *house)
{
        store_free(TAKE_PTR(file));
        open_file(house);
        begin(house);
}

static void put(const char *device, const char *channel, const void *data, size_t size)
{
        struct trend_rows rows = { 0 };

        assert_int_equal(trend_rows_add(&rows, device, channel, data, size), 0);
        assert_int_equal(trend_write(file, &rows), 0);
}

/* A trend of 10 hours ON, up to an hour ago, of another boot. */
static void put_of_another_boot(const struct house *house, const char *device)
{
        struct trend_clock other = { .is_known = true, .boot = "another boot" };
        CLEANUP_TREND struct trend *trend = NULL;
        unsigned char bytes[TREND_SAVED_MAX];
        int64_t offset_us;

        assert_true(clock_offset(house->clock, &offset_us));
        uint64_t now_us = loop_now_us(house->options.loop) + (uint64_t)offset_us; /* booted in 1970 */
        assert_int_equal(trend_new(true, &trend), 0);
        trend_on_off(trend, &other, now_us - 11 * HOUR_US, true);
        trend_unknown(trend, &other, now_us - HOUR_US);
        size_t size = trend_save(trend, &other, now_us - HOUR_US, bytes);
        assert_true(size > 0);
        put(device, "state", bytes, size);
}

/* ---- Tests ----------------------------------------------------------------------------------------------- */

static void home_stop__clean__trends_are_there_again(void **state)
{
        struct house *house = *state;

        begin(house);
        house_pass(house, 5 * HOUR_US / 2); /* past two savings; the rest is of the stop */
        house_set(house, "kitchen", "ON");
        house_pass(house, 10 * HOUR_US / 60);
        unsigned before = hours_known(house);
        assert_uint_in_range(before, 3, 4);
        home_stop(house->devices);
        store_close(file);
        crash(house);
        assert_int_equal(hours_known(house), before);
        struct trend_point last = trend_get(state_of(house)->trend, TREND_WEEK, TREND_WEEK_BUCKETS - 1);
        struct trend_point last_but_one = trend_get(state_of(house)->trend, TREND_WEEK, TREND_WEEK_BUCKETS - 2);
        assert_true(last.on > 0 || last_but_one.on > 0);
}

/* What is of channels that wait to be found is saved, too: a device of no plugin has none. */
static void home_stop__plugin_is_wrong__trend_is_saved(void **state)
{
        struct house *house = *state;

        begin(house);
        house_pass(house, HOUR_US / 2);
        house_apply_anyway(house, "[lamb kitchen]\n");
        assert_null(state_of(house));
        home_stop(house->devices);
        const struct content content = content_of(house);
        assert_non_null(strstr(content.names, "kitchen.state "));
}

#define CELLAR "[exec cellar]\ncommand = [\"/bin/echo\", \"21.5\"]\nchannels = [\"temperature\"]\n"

static bool has_cellar(const struct house *house, void *userdata)
{
        const struct device *cellar = home_find(house->devices, "cellar");
        const struct channel *channel = channels_find(&cellar->channels, "temperature");

        return channel && channel->trend && (!userdata || channel->trend->is_settled);
}

/* A device on a thread of its own, whose channels end with it. */
static void home_stop__device_has_a_worker__its_trend_is_there_again(void **state)
{
        struct house *house = *state;
        char settled;

        house_apply(house, CELLAR);
        house_wait(house, has_cellar, NULL);
        house_pass(house, 4 * USEC_PER_SEC);
        house_wait(house, has_cellar, &settled);
        house_pass(house, 2 * HOUR_US);
        home_stop(house->devices);
        store_close(file);
        store_free(TAKE_PTR(file));
        open_file(house);
        house_apply(house, CELLAR);
        house_wait(house, has_cellar, NULL);
        house_pass(house, 4 * USEC_PER_SEC);
        house_wait(house, has_cellar, &settled);
        const struct device *cellar = home_find(house->devices, "cellar");
        struct trend *trend = channels_find(&cellar->channels, "temperature")->trend;
        (void)hours_of(house, trend); /* up to now */
        assert_true(trend_get(trend, TREND_WEEK, TREND_WEEK_BUCKETS - 3).is_known ||
                    trend_get(trend, TREND_WEEK, TREND_WEEK_BUCKETS - 4).is_known);
}

static void crash__after_hours__the_last_hour_is_lost_at_the_most(void **state)
{
        struct house *house = *state;

        begin(house);
        for (unsigned i = 0; i < 5; i++) {
                house_set(house, "kitchen", i % 2 ? "OFF" : "ON");
                house_pass(house, HOUR_US);
        }
        house_pass(house, HOUR_US / 2);
        (void)content_of(house);
        unsigned before = hours_known(house);
        assert_uint_in_range(before, 6, 7);
        crash(house);
        assert_uint_in_range(hours_known(house), before - 1, before);
}

static void save__an_hour__is_written_once(void **state)
{
        struct house *house = *state;

        begin(house);
        assert_content(house, "");
        house_pass(house, HOUR_US - 2 * USEC_PER_SEC);
        assert_content(house, "");
        house_pass(house, 4 * USEC_PER_SEC);
        assert_content(house, "node.uptime_s node.queue node.dropped node.memory_kb kitchen.state ");
}

/* Nor because the node reads itself each minute. */
static void save__an_hour_without_a_report__is_not_written(void **state)
{
        struct house *house = *state;

        begin(house);
        house_pass(house, HOUR_US + 2 * USEC_PER_SEC);
        put("kitchen", "state", NULL, 0);
        put("node", "queue", NULL, 0);
        assert_content(house, "node.uptime_s node.dropped node.memory_kb ");
        house_set(house, "kitchen", "OFF"); /* as it was */
        house_pass(house, 3 * HOUR_US);
        assert_content(house, "node.uptime_s node.dropped node.memory_kb ");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOUR_US);
        assert_content(house, "node.uptime_s node.queue node.dropped node.memory_kb kitchen.state ");
}

static void start__of_another_boot__is_read(void **state)
{
        struct house *house = *state;

        put_of_another_boot(house, "kitchen");
        begin(house);
        assert_uint_in_range(hours_known(house), 11, 12); /* and what is known by now */
}

/* Until the clock is right nobody knows where it belongs, and nothing is written over it. */
static void start__no_clock__waits_and_is_kept(void **state)
{
        struct house *house = *state;

        put_of_another_boot(house, "kitchen");
        clock_set_mode(house->clock, CLOCK_MODE_AUTO);
        begin(house);
        assert_int_equal(hours_known(house), 0);
        house_pass(house, 5 * HOUR_US / 2);
        (void)content_of(house);
        clock_set_mode(house->clock, CLOCK_MODE_TRUSTED);
        home_clock_set(house->devices);
        (void)content_of(house);
        assert_uint_in_range(hours_known(house), 13, 15);
}

static bool is_true(const struct house *house, void *userdata)
{
        (void)house;
        return *(const bool *)userdata;
}

struct marker {
        struct store_job job;
        bool *is_done;
};

static void work(struct store_job *job, struct database *database)
{
        (void)job;
        (void)database;
}

static void on_marker_done(struct store_job *job)
{
        *CONTAINER_OF(job, struct marker, job)->is_done = true;
}

static void free_marker(struct store_job *job)
{
        free(CONTAINER_OF(job, struct marker, job));
}

/* What was asked of the file before is done by then; unlike content_of() this does not open it. */
static void pass_job(struct house *house)
{
        static const struct store_job_ops ops = { .work = work, .done = on_marker_done, .free = free_marker };
        struct marker *marker = calloc(1, sizeof(*marker));
        bool is_done = false;

        assert_non_null(marker);
        marker->job.ops = &ops;
        marker->is_done = &is_done;
        assert_int_equal(store_post(file, &marker->job), 0);
        house_wait(house, is_true, &is_done);
}

static void run_sql(const struct house *house, const char *sql)
{
        sqlite3 *sqlite = NULL;
        char path[PATH_MAX];

        house_path(house, "sconce.db", path);
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

/* Ten hours of the lamp are saved, and the first read fails. */
static void begin_unread(struct house *house)
{
        put_of_another_boot(house, "kitchen");
        assert_content(house, "kitchen.state ");
        run_sql(house, "ALTER TABLE trend RENAME TO away");
        house_apply(house, LAMP);
        pass_job(house);
        assert_int_equal(hours_known(house), 0);
        run_sql(house, "ALTER TABLE away RENAME TO trend");
}

static void start__cannot_be_read__tried_again(void **state)
{
        struct house *house = *state;

        begin_unread(house);
        house_pass(house, 3 * USEC_PER_SEC);
        (void)content_of(house);
        assert_uint_in_range(hours_known(house), 11, 12);
}

static void home_stop__could_not_be_read__nothing_is_saved_over_it(void **state)
{
        struct house *house = *state;

        begin_unread(house);
        house_pass(house, USEC_PER_SEC); /* it has a trend by then */
        home_stop(house->devices);
        store_close(file);
        crash(house);
        assert_uint_in_range(hours_known(house), 11, 12);
}

static void start__damaged__begins_again(void **state)
{
        struct house *house = *state;

        put("kitchen", "state", "Tnonsense", 9);
        begin(house);
        assert_int_equal(hours_known(house), 0);
        assert_true(house_logged(house, "what was saved of the trend of state cannot be read: it begins again"));
        house_pass(house, HOUR_US + USEC_PER_SEC);
        (void)content_of(house);
        crash(house);
        assert_uint_in_range(hours_known(house), 2, 3);
}

static void device__is_gone__its_trend_is_forgotten(void **state)
{
        struct house *house = *state;

        put_of_another_boot(house, "hall");
        put_of_another_boot(house, "kitchen");
        assert_content(house, "hall.state kitchen.state ");
        begin(house);
        assert_content(house, "kitchen.state ");
        /* By a reload: a minute later. */
        house_apply(house, "");
        house_pass(house, 61 * USEC_PER_SEC);
        (void)content_of(house);
        assert_content(house, "");
}

/* What is of a channel that its device has not found yet stays. */
static void channel__is_not_there_yet__its_trend_stays(void **state)
{
        struct house *house = *state;

        put("kitchen", "later", "Tnonsense", 9);
        begin(house);
        house_pass(house, 61 * USEC_PER_SEC);
        (void)content_of(house);
        assert_content(house, "kitchen.later ");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(home_stop__clean__trends_are_there_again),
                TEST(home_stop__plugin_is_wrong__trend_is_saved),
                TEST(home_stop__device_has_a_worker__its_trend_is_there_again),
                TEST(crash__after_hours__the_last_hour_is_lost_at_the_most),
                TEST(save__an_hour__is_written_once),
                TEST(save__an_hour_without_a_report__is_not_written),
                TEST(start__of_another_boot__is_read),
                TEST(start__no_clock__waits_and_is_kept),
                TEST(start__cannot_be_read__tried_again),
                TEST(home_stop__could_not_be_read__nothing_is_saved_over_it),
                TEST(start__damaged__begins_again),
                TEST(device__is_gone__its_trend_is_forgotten),
                TEST(channel__is_not_there_yet__its_trend_stays),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
