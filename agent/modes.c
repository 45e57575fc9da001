/* SPDX-License-Identifier: Apache-2.0 */
#include "modes.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/rule.h"
#include "plugin/describe.h"
#include "service_job.h"
#include "setup.h"
#include "surroundings.h"
#include "util/log.h"

/* Nothing of this makes the config wrong. */
static void warn_of_surroundings(const struct mode_options *options, const struct config *config,
                                 const struct settings *settings)
{
        struct problems warnings = { 0 };
        struct home_options devices;

        setup_devices_options(settings, options->plugin_dir, &devices);
        surroundings_check(config, settings, &warnings);
        home_hint(&devices, config, &warnings);
        for (size_t i = 0; i < warnings.count; i++)
                log_warning("%s", warnings.items[i]);
        problems_done(&warnings);
}

int mode_check(const struct mode_options *options)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct settings settings;
        int r = setup_read(options->config_path, options->plugin_dir, NULL, &config, &settings);

        if (r != 0)
                return r == SETUP_BAD_CONFIG ? MODE_BAD_CONFIG : r;
        warn_of_surroundings(options, config, &settings);
        settings_done(&settings);
        printf("%s: OK\n", options->config_path);
        return 0;
}

int mode_describe(const struct mode_options *options)
{
        if (options->argument && settings_describe_one(stdout, options->argument, DESCRIBE_TEXT))
                return 0;
        if (!options->argument) {
                settings_describe(stdout, DESCRIBE_TEXT);
                (void)putchar('\n');
        }
        return plugins_describe(options->plugin_dir, options->argument, DESCRIBE_TEXT, stdout);
}

int mode_dump_config(const struct mode_options *options)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct settings settings;
        int r = setup_read(options->config_path, options->plugin_dir, NULL, &config, &settings);

        if (r != 0)
                return r == SETUP_BAD_CONFIG ? MODE_BAD_CONFIG : r;
        settings_dump(stdout, config);
        r = devices_dump(options->plugin_dir, config, stdout);
        rules_dump(stdout, config);
        settings_done(&settings);
        return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        (void)remove(path);
        return 0;
}

/* A look creates nothing: where the simulated chip is not there yet, another one is shown. NULL: there is one, or it is
 * a real chip. */
static char *new_sim_dir(const struct settings *settings)
{
        char chip[PATH_MAX], dir[] = "/tmp/sconced-lines.XXXXXX";

        (void)snprintf(chip, sizeof(chip), "%s/gpiochip0", settings->gpio.sim_dir);
        if (strcmp(settings->gpio.chip, "sim") != 0 || access(chip, F_OK) == 0 || !mkdtemp(dir))
                return NULL;
        return strdup(dir);
}

int mode_lines(const struct mode_options *options)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct settings settings;
        struct loop loop;
        struct gpio *gpio = NULL;
        struct fault fault = { 0 };
        /* Anyone who looks for the right line may not have a right config yet, or none. */
        int r = setup_read_gpio(options->config_path, &config, &settings);

        if (r < 0)
                return r;
        CLEANUP_FREE char *stand_in = new_sim_dir(&settings);
        if (stand_in)
                settings.gpio.sim_dir = stand_in;
        r = loop_init(&loop);
        if (r >= 0)
                r = setup_gpio(&loop, &settings.gpio, NULL, &gpio);
        if (r >= 0)
                r = gpio_print_lines(gpio, stdout, &fault);
        if (fault.code < 0)
                log_error("%s", fault.text);
        gpio_free(gpio);
        loop_done(&loop);
        settings_done(&settings);
        if (stand_in)
                (void)nftw(stand_in, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        return r < 0 ? r : 0;
}

/* NULL: what was noted is not known, and the config alone decides. */
static struct store *peek_store(void)
{
        CLEANUP_FREE char *dir = setup_state_dir();
        struct store *store = NULL;
        struct fault fault = { 0 };

        if (dir && store_peek(dir, &store, &fault) < 0)
                log_warning("%s: outputs that were on for a limited time by a command are not known", fault.text);
        return store;
}

/* After a crash: plugins' code is not run again, only lines are set. */
static int make_safe(const struct mode_options *options, const struct settings *settings, const struct config *config)
{
        struct home_options devices;
        struct loop loop;
        CLEANUP(store_freep) struct store *store = peek_store();
        struct gpio *gpio = NULL;
        unsigned failed = 0;
        int r = loop_init(&loop);

        if (r >= 0)
                r = setup_gpio(&loop, &settings->gpio, NULL, &gpio);
        if (r >= 0) {
                setup_devices_options(settings, options->plugin_dir, &devices);
                devices.loop = &loop;
                devices.gpio = gpio;
                devices.store = store;
                r = home_outputs_safe(&devices, config, &failed);
        }
        gpio_free(gpio);
        loop_done(&loop);
        return r < 0 || failed > 0 ? -EIO : 0;
}

/* For ExecStopPost=, which always runs: a clean stop has carried out on_exit, a wrong config (78) touched nothing. What remains
 * is what a restart was to find on. */
static bool ended_in_order(void)
{
        const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"), *status = getenv("EXIT_STATUS");

        if (!result)
                return false;
        return strcmp(result, "success") == 0 ||
               (code && status && strcmp(code, "exited") == 0 && strcmp(status, "78") == 0);
}

static int bring_driven(struct driven *driven, unsigned (*bring)(struct driven *driven, struct gpio *gpio))
{
        const struct gpio_settings where = { .chip = driven_chip(driven), .sim_dir = driven_sim_dir(driven) };
        struct loop loop;
        struct gpio *gpio = NULL;
        unsigned failed = 0;
        int r = loop_init(&loop);

        if (r >= 0)
                r = setup_gpio(&loop, &where, NULL, &gpio);
        if (r >= 0)
                failed = bring(driven, gpio);
        gpio_free(gpio);
        loop_done(&loop);
        return r < 0 || failed > 0 ? -EIO : 0;
}

/* What was to stay on over a restart, until its max_on: the restart may have been cancelled after the stop had begun, or ended
 * with a wrong config. */
static int end_restart(const struct mode_options *options)
{
        CLEANUP(driven_freep) struct driven *driven = NULL;
        struct fault fault = { 0 };

        if (setup_driven_read(options->config_path, &driven, &fault) < 0 || !driven_has_left(driven) ||
            service_is_restarting())
                return 0;
        return bring_driven(driven, driven_settle_left);
}

int mode_outputs_safe(const struct mode_options *options)
{
        CLEANUP_CONFIG struct config *config = NULL;
        CLEANUP(driven_freep) struct driven *driven = NULL;
        struct settings settings;
        struct fault fault = { 0 };

        if (ended_in_order())
                return end_restart(options);
        int known = setup_driven_read(options->config_path, &driven, &fault);
        if (known == 0) /* whether or not the config still names it */
                return bring_driven(driven, driven_make_safe);
        if (known != -ENOENT)
                log_warning("%s: the config decides", fault.text);
        /* What is wrong with one section must not keep the outputs of others from being made safe. */
        int wrong = setup_read_gpio(options->config_path, &config, &settings);

        if (wrong < 0)
                return wrong;
        int r = make_safe(options, &settings, config);
        settings_done(&settings);
        if (config->n_files == 0)
                return MODE_BAD_CONFIG;
        return wrong ? -EIO : r;
}
