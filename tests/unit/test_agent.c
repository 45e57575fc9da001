/* SPDX-License-Identifier: Apache-2.0 */
/* agent: one whole run of it on a thread of its own, with the simulated chip and scripted brokers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent.h"
#include "fakes/fake_broker.h"
#include "fakes/gpio_fixture.h"
#include "fakes/plugin_file.h"
#include "signals.h"
#include "util/log.h"
#include "util/thread.h"

#define SOON_US (20 * USEC_PER_SEC)
#define STATUS  "sconce/hall/status"
#define STATE   "sconce/hall/kitchen/state"
#define NODE    "sconce/hall/node/state"
#define INFO    "sconce/hall/info"
#define LAMP    "[lamp kitchen]\nline = GPIO17\n"

enum { NOT_AUTHORIZED = 0x87 };

struct scene {
        struct gpio_fixture gpio; /* the directory, and a look at the lines */
        struct fake_broker broker, other;
        const char *sim_dir; /* below that directory */
        char config[PATH_MAX], plugins[PATH_MAX], text[PATH_MAX + 8192];
        struct agent_options options;
        pthread_t thread;
        bool is_running;
        int result;
        enum agent_end end;
        pthread_mutex_t lock;
        pthread_cond_t news;
        char log[65536]; /* under the lock */
};

static struct scene scene;

static const struct fake_step serve[] = { { .act = FAKE_SERVE } };

/* ---- The scene ------------------------------------------------------------------------------------------------- */

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)about;
        (void)pthread_mutex_lock(&scene.lock);
        size_t used = strlen(scene.log);
        (void)snprintf(scene.log + used, sizeof(scene.log) - used, "%d %s\n", level, text);
        (void)pthread_cond_broadcast(&scene.news);
        (void)pthread_mutex_unlock(&scene.lock);
}

static void put(const char *name, const char *text)
{
        char path[PATH_MAX + 64];

        (void)snprintf(path, sizeof(path), "%s/%s", scene.gpio.dir, name);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fputs(text, file);
        assert_int_equal(fchmod(fileno(file), 0600), 0); /* as passwords want it */
        assert_int_equal(fclose(file), 0);
}

/* The config: [gpio] as the scene has it, [node] hall, then the given text. */
static void write_config(const char *text)
{
        (void)snprintf(scene.text, sizeof(scene.text),
                       "[node]\nname = hall\nclock = trusted\n[gpio]\nchip = sim\nsim_dir = %s%s\n%s", scene.gpio.dir,
                       scene.sim_dir, text);
        put("a.conf", scene.text);
}

/* The same with a broker and what follows in its section. */
static void write_broker(const struct fake_broker *broker, const char *text)
{
        char all[PATH_MAX + 2048];

        (void)snprintf(all, sizeof(all), "[broker]\nurl = mqtt://127.0.0.1:%u\nversion = 5\n%s", broker->port, text);
        write_config(all);
}

static int setup(void **state)
{
        char path[PATH_MAX];

        (void)state;
        memset(&scene, 0, sizeof(scene));
        (void)pthread_mutex_init(&scene.lock, NULL);
        thread_cond_init(&scene.news);
        log_set_sink(on_log, NULL);
        gpio_fixture_init(&scene.gpio, true);
        (void)snprintf(scene.config, sizeof(scene.config), "%s/a.conf", scene.gpio.dir);
        (void)snprintf(scene.plugins, sizeof(scene.plugins), "%s/plugins", build_dir());
        (void)snprintf(path, sizeof(path), "%s", scene.gpio.dir);
        (void)setenv("STATE_DIRECTORY", path, 1);
        (void)setenv("RUNTIME_DIRECTORY", path, 1);
        scene.options = (struct agent_options){ .config_path = scene.config,
                                                .plugin_dir = scene.plugins,
                                                .log_level = LOG_INFO };
        scene.sim_dir = "";
        log_set_level(LOG_INFO);
        fake_broker_start(&scene.broker, serve, 1, NULL);
        return 0;
}

static void *run(void *userdata)
{
        struct agent *agent = NULL;

        (void)userdata;
        scene.result = agent_new(&scene.options, &agent);
        if (scene.result == 0)
                scene.result = agent_run(agent, &scene.end);
        agent_free(agent);
        return NULL;
}

static void start(void)
{
        assert_int_equal(pthread_create(&scene.thread, NULL, run, NULL), 0);
        scene.is_running = true;
}

static void join(void)
{
        (void)pthread_join(scene.thread, NULL);
        scene.is_running = false;
}

static void stop_agent(void)
{
        (void)kill(getpid(), SIGTERM);
        join();
        assert_int_equal(scene.result, 0);
        assert_int_equal(scene.end, AGENT_STOP);
}

static int teardown(void **state)
{
        (void)state;
        if (scene.is_running) {
                (void)kill(getpid(), SIGTERM);
                join();
        }
        fake_broker_stop(&scene.broker);
        fake_broker_stop(&scene.other);
        log_set_sink(NULL, NULL);
        gpio_fixture_done(&scene.gpio);
        (void)pthread_cond_destroy(&scene.news);
        (void)pthread_mutex_destroy(&scene.lock);
        return 0;
}

static unsigned count_logged(const char *text)
{
        unsigned count = 0;

        for (const char *at = scene.log; (at = strstr(at, text)); at += strlen(text))
                count++;
        return count;
}

/* Until the log has the text so often. */
static void await_log(const char *text, unsigned n)
{
        const struct timespec until = thread_deadline(SOON_US);
        int r = 0;

        (void)pthread_mutex_lock(&scene.lock);
        while (count_logged(text) < n && r == 0)
                r = pthread_cond_timedwait(&scene.news, &scene.lock, &until);
        bool has_come = count_logged(text) >= n;
        (void)pthread_mutex_unlock(&scene.lock);
        if (!has_come)
                fail_msg("not logged: %s; but:\n%s", text, scene.log);
}

static void await(struct fake_broker *broker, const char *topic, const char *part, unsigned n)
{
        if (!fake_broker_wait(broker, topic, part, n))
                fail_msg("the broker waited in vain for %s %s; logged:\n%s", topic, part ? part : "", scene.log);
}

static void send_command(struct fake_broker *broker, const char *topic, const char *payload)
{
        fake_broker_send(broker, topic, payload, false, NULL, 0);
}

static void start_with_lamp(void)
{
        write_broker(&scene.broker, LAMP);
        start();
        await(&scene.broker, STATE, NULL, 1);
}

/* ---- A run ----------------------------------------------------------------------------------------------------- */

static void agent_run__broker_is_there__publishes_all_and_obeys(void **state)
{
        (void)state;
        start_with_lamp();
        await(&scene.broker, STATUS, "online", 1);
        await(&scene.broker, INFO, "\"kitchen\":{\"plugin\":\"lamp\"", 1);
        await(&scene.broker, NODE, "\"problems\":[]", 1);
        assert_true(fake_broker_last(&scene.broker, STATE).retain);
        send_command(&scene.broker, "sconce/hall/kitchen/set", "ON");
        await(&scene.broker, STATE, "\"state\":\"ON\"", 1);
        assert_int_equal(sim_value(&scene.gpio, 17), 1);
        stop_agent();
        assert_string_equal(fake_broker_last(&scene.broker, STATUS).payload, "offline");
}

static void agent_run__bad_config__nothing_is_touched(void **state)
{
        (void)state;
        write_broker(&scene.broker, "[lamp kitchen]\nlin = GPIO17\n");
        start();
        join();
        assert_int_equal(scene.result, 0);
        assert_int_equal(scene.end, AGENT_BAD_CONFIG);
        assert_int_equal(fake_broker_connections(&scene.broker), 0);
        assert_non_null(strstr(scene.log, "[lamp kitchen] lin: "));
        char path[PATH_MAX + 8];
        (void)snprintf(path, sizeof(path), "%s/gpiochip0", scene.gpio.dir);
        assert_int_equal(access(path, F_OK), -1);
}

static void agent_run__no_broker__lamps_work_and_a_reload_connects(void **state)
{
        (void)state;
        write_config(LAMP);
        start();
        await_log("no broker is configured", 1);
        write_broker(&scene.broker, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, STATE, NULL, 1);
        await(&scene.broker, NODE, "\"problems\":[]", 1);
        stop_agent();
}

static void agent_run__ended_by_a_stop__next_run_logs_no_crash(void **state)
{
        (void)state;
        start_with_lamp();
        stop_agent();
        start();
        await(&scene.broker, STATUS, "online", 2);
        stop_agent();
        assert_null(strstr(scene.log, "the run before did not end in order"));
}

static void sigusr1__twice__debug_on_and_off(void **state)
{
        (void)state;
        start_with_lamp();
        (void)kill(getpid(), SIGUSR1);
        await_log("debug messages are on", 1);
        (void)kill(getpid(), SIGUSR1);
        await_log("debug messages are off", 1);
        assert_int_equal(log_level(), LOG_INFO);
        stop_agent();
}

/* ---- The node's buttons ---------------------------------------------------------------------------------------- */

static void restart_button__pressed__ends_for_a_restart(void **state)
{
        (void)state;
        start_with_lamp();
        send_command(&scene.broker, "sconce/hall/node/set/restart", "PRESS");
        join();
        assert_int_equal(scene.result, 0);
        assert_int_equal(scene.end, AGENT_RESTART);
        assert_string_equal(fake_broker_last(&scene.broker, STATUS).payload, "offline");
}

static void reload_button__pressed__reads_the_config_again(void **state)
{
        (void)state;
        start_with_lamp();
        write_broker(&scene.broker, LAMP "[lamp hall]\nline = GPIO22\n");
        send_command(&scene.broker, "sconce/hall/node/set/reload", "PRESS");
        await(&scene.broker, "sconce/hall/hall/state", "OFF", 1);
        await(&scene.broker, INFO, "\"hall\":{\"plugin\":\"lamp\"", 1);
        stop_agent();
}

/* ---- Reloading ------------------------------------------------------------------------------------------------- */

static void reload__bad_config__old_one_stays_and_is_a_problem_until_mended(void **state)
{
        (void)state;
        start_with_lamp();
        write_broker(&scene.broker, "[lamp kitchen]\nlin = GPIO17\n");
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, NODE, "config: the config on disk is wrong", 1);
        await_log("the config is not reloaded", 1);
        send_command(&scene.broker, "sconce/hall/kitchen/set", "ON");
        await(&scene.broker, STATE, "\"state\":\"ON\"", 1);
        unsigned n = fake_broker_got(&scene.broker, NODE, "\"problems\":[]");
        write_broker(&scene.broker, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, NODE, "\"problems\":[]", n + 1);
        assert_int_equal(sim_edge_count(&scene.gpio, 17), 1);
        assert_int_equal(fake_broker_connections(&scene.broker), 1);
        stop_agent();
}

static void reload__new_broker__goodbye_to_the_old_and_no_glitch(void **state)
{
        (void)state;
        fake_broker_start(&scene.other, serve, 1, NULL);
        start_with_lamp();
        send_command(&scene.broker, "sconce/hall/kitchen/set", "ON");
        await(&scene.broker, STATE, "\"state\":\"ON\"", 1);
        write_broker(&scene.other, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.other, STATE, "\"state\":\"ON\"", 1);
        await(&scene.broker, STATUS, "offline", 1);
        assert_int_equal(sim_edge_count(&scene.gpio, 17), 1);
        /* Two in a row: the last one counts. */
        write_broker(&scene.broker, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, STATE, "\"state\":\"ON\"", 2);
        stop_agent();
}

static void reload__gpio_changed__needs_a_restart_until_taken_back(void **state)
{
        (void)state;
        start_with_lamp();
        scene.sim_dir = "/new";
        write_broker(&scene.broker, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, NODE, "restart: [gpio] changed: that needs a restart of sconced", 1);
        unsigned n = fake_broker_got(&scene.broker, NODE, "\"problems\":[]");
        scene.sim_dir = "";
        write_broker(&scene.broker, LAMP);
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, NODE, "\"problems\":[]", n + 1);
        stop_agent();
}

static void reload__new_password_in_the_same_file__connects_with_it(void **state)
{
        char text[PATH_MAX + 64];

        (void)state;
        put("password", "first\n");
        (void)snprintf(text, sizeof(text), "user = hall\npassword_file = %s/password\n%s", scene.gpio.dir, LAMP);
        write_broker(&scene.broker, text);
        start();
        await(&scene.broker, STATE, NULL, 1);
        assert_true(fake_broker_connect_holds(&scene.broker,
                                              "\x00\x05"
                                              "first",
                                              7));
        (void)kill(getpid(), SIGHUP);
        await_log("reloaded", 1);
        assert_int_equal(fake_broker_connections(&scene.broker), 1);
        put("password", "second\n");
        (void)kill(getpid(), SIGHUP);
        await(&scene.broker, STATUS, "online", 2);
        assert_true(fake_broker_connect_holds(&scene.broker, "\x00\x06second", 8));
        stop_agent();
}

/* ---- The link -------------------------------------------------------------------------------------------------- */

static void start__password_file_comes_later__connects_by_itself(void **state)
{
        char text[PATH_MAX + 64];

        (void)state;
        (void)snprintf(text, sizeof(text), "user = hall\npassword_file = %s/password\n%s", scene.gpio.dir, LAMP);
        write_broker(&scene.broker, text);
        start();
        await_log("it is tried again", 1);
        assert_int_equal(fake_broker_connections(&scene.broker), 0);
        put("password", "first\n");
        await(&scene.broker, STATE, NULL, 1);
        await(&scene.broker, NODE, "\"problems\":[]", 1);
        stop_agent();
        assert_int_equal(count_logged("it is tried again"), 1);
}

static void connected__publishes_refused__is_a_problem_of_the_node(void **state)
{
        static const struct fake_step refuse[] = {
                { .act = FAKE_SERVE, .puback = NOT_AUTHORIZED, .refused = "kitchen" }
        };

        (void)state;
        fake_broker_start(&scene.other, refuse, 1, NULL);
        write_broker(&scene.other, LAMP);
        start();
        await(&scene.other, NODE, "access: the broker refuses what node hall publishes (not authorized)", 1);
        stop_agent();
}

static void connected__broker_hangs_up__comes_back_with_all_states(void **state)
{
        (void)state;
        start_with_lamp();
        fake_broker_hang_up(&scene.broker);
        await(&scene.broker, STATUS, "online", 2);
        await(&scene.broker, STATE, NULL, 2);
        await(&scene.broker, INFO, NULL, 2);
        stop_agent();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(agent_run__broker_is_there__publishes_all_and_obeys),
                TEST(agent_run__bad_config__nothing_is_touched),
                TEST(agent_run__no_broker__lamps_work_and_a_reload_connects),
                TEST(agent_run__ended_by_a_stop__next_run_logs_no_crash),
                TEST(sigusr1__twice__debug_on_and_off),
                TEST(restart_button__pressed__ends_for_a_restart),
                TEST(reload_button__pressed__reads_the_config_again),
                TEST(reload__bad_config__old_one_stays_and_is_a_problem_until_mended),
                TEST(reload__new_broker__goodbye_to_the_old_and_no_glitch),
                TEST(reload__gpio_changed__needs_a_restart_until_taken_back),
                TEST(reload__new_password_in_the_same_file__connects_with_it),
                TEST(start__password_file_comes_later__connects_by_itself),
                TEST(connected__publishes_refused__is_a_problem_of_the_node),
                TEST(connected__broker_hangs_up__comes_back_with_all_states),
        };
        signals_hold();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
