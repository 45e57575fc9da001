/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/life.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "modes.h"
#include "sim/moves.h"
#include "sim/scratch.h"
#include "sim/world.h"
#include "util/log.h"

#define MS USEC_PER_MSEC

/* By names that are the same wherever the directory is. */
#define HERE        "/proc/self/cwd"
#define CONFIG_PATH HERE "/sconce.conf"

/* ---- In a process of the agent ----------------------------------------------------------------------------------- */

static void begin_process(void)
{
        (void)setenv("STATE_DIRECTORY", HERE "/state", 1);
        (void)setenv("RUNTIME_DIRECTORY", HERE "/run", 1);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("JOURNAL_STREAM");
        disk_begin_process();
        log_open();
        log_set_level(world_shows ? LOG_INFO : LOG_EMERG);
}

static int run_agent(const char *plugin_dir)
{
        static const enum life_end ends[] = {
                [AGENT_STOP] = LIFE_STOPPED, [AGENT_RESTART] = LIFE_RESTART, [AGENT_BAD_CONFIG] = LIFE_BAD_CONFIG
        };
        const struct agent_options options = { .config_path = CONFIG_PATH, .plugin_dir = plugin_dir };
        enum agent_end end = AGENT_STOP;
        struct agent *agent = NULL;
        int r = agent_new(&options, &agent);

        if (r == 0)
                r = agent_run(agent, &end);
        agent_free(agent);
        return r < 0 ? LIFE_FAILED : (int)ends[end];
}

static int run_outputs_safe(const char *plugin_dir)
{
        const struct mode_options options = { .config_path = CONFIG_PATH, .plugin_dir = plugin_dir };

        return mode_outputs_safe(&options) == 0 ? LIFE_STOPPED : LIFE_FAILED;
}

/* As systemd describes the end of a run whose config is wrong. */
static int run_outputs_safe_after_config(const char *plugin_dir)
{
        (void)setenv("SERVICE_RESULT", "exit-code", 1);
        (void)setenv("EXIT_CODE", "exited", 1);
        (void)setenv("EXIT_STATUS", "78", 1);
        return run_outputs_safe(plugin_dir);
}

static int look_at_disk(const char *plugin_dir)
{
        (void)plugin_dir;
        return disk_is_whole() ? LIFE_STOPPED : LIFE_FAILED;
}

static enum life_end in_process(int (*run)(const char *plugin_dir), const char *plugin_dir)
{
        int status = 0;

        (void)fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                begin_process();
                int end = run(plugin_dir);
                (void)fflush(NULL);
                _exit(end);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                violated("simulator", "no process: %s", strerror(errno));
        if (WIFSIGNALED(status))
                violated("life", "the agent ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return (enum life_end)WEXITSTATUS(status);
}

/* ---- Between two of them ----------------------------------------------------------------------------------------- */

static void pass(uint64_t least_us, uint64_t most_us)
{
        world_pass_until(world->now_us + noise_between(least_us, most_us));
}

static void stop_in_order(uint64_t until_next_us, bool is_restart, bool is_stored)
{
        broker_node_died();
        laws_stopped(is_restart);
        lines_let_go();
        if (!is_stored)
                fd_store_clear(false);
        pass(10 * MS, until_next_us);
}

/* ExecStopPost= */
static void make_safe(int (*run)(const char *plugin_dir), const char *plugin_dir)
{
        pass(5 * MS, 300 * MS);
        laws_safe();
        if (in_process(run, plugin_dir) != LIFE_STOPPED)
                violated("outputs-safe", "it fails");
        lines_let_go();
        laws_made_safe();
}

/* Of what is driven: also of what was to stay on over a restart. */
static bool has_record(void)
{
        glob_t found;
        bool is_there = glob("run/driven*.json", 0, NULL, &found) == 0;

        globfree(&found);
        return is_there;
}

/* systemd notices, runs ExecStopPost=, waits for RestartSec= and starts the agent again. */
static void clean_up_after_kill(const char *plugin_dir)
{
        fd_store_forget_inherited();
        lines_let_go();
        broker_node_died();
        make_safe(run_outputs_safe, plugin_dir);
        pass(100 * MS, 2000 * MS);
}

static void remove_run_files(void)
{
        if (!scratch_remove("run") || mkdir("run", 0755) < 0)
                violated("simulator", "the runtime directory cannot be removed");
}

/* The clock of a Raspberry Pi is where it was saved, until a server is asked. */
static void lose_power(void)
{
        broker_node_died();
        disk_cut();
        if (in_process(look_at_disk, NULL) != LIFE_STOPPED)
                violated("store", "the database is damaged after a power cut");
        fd_store_clear(true);
        lines_power_up();
        remove_run_files();
        pass(USEC_PER_SEC, 60 * USEC_PER_SEC);
        world->is_synchronised = false;
        world->wall_us -= (int64_t)noise_between(0, 600) * (int64_t)USEC_PER_SEC;
        (void)world_later(EVENT_TIME, noise_between(20, 3000) * USEC_PER_SEC);
        world_boot();
        history_law_clock();
        pass(5 * USEC_PER_SEC, 20 * USEC_PER_SEC);
}

static void first_boot(void)
{
        (void)mkdir("state", 0755);
        (void)mkdir("run", 0755);
        (void)mkdir("thermal", 0755);
        (void)mkdir("thermal/thermal_zone0", 0755);
        FILE *file = fopen("thermal/thermal_zone0/temp", "we");
        if (file) {
                (void)fputs("21000\n", file);
                (void)fclose(file);
        }
        world->lines.are_kept = dice_chance(&world->dice, 60);
        world->stored.is_there = dice_chance(&world->dice, 70);
        world->broker.is_up = world->broker.is_reachable = true;
        world->broker.latency_us = (unsigned)dice_between(&world->dice, 300, 50000);
        house_build(&world->house, world->n_devices);
        house_write(&world->house);
        world_boot();
        lines_power_up();
        for (size_t i = 0; i < world->house.count; i++)
                world->laws.outputs[i].may_be[false] = true;
        moves_begin();
}

int life_run(const char *plugin_dir)
{
        bool is_new_boot = true;

        first_boot();
        while (world->now_us < world->end_us) {
                world->n_lives++;
                laws_starting(is_new_boot);
                enum life_end end = in_process(run_agent, plugin_dir);
                is_new_boot = end == LIFE_CUT || (is_new_boot && end == LIFE_BAD_CONFIG);
                switch (end) {
                case LIFE_BAD_CONFIG: /* somebody mends it */
                        laws_not_started();
                        if (has_record()) /* systemd does this after a start that failed, too */
                                make_safe(run_outputs_safe_after_config, plugin_dir);
                        fd_store_clear(false); /* it is not started again by itself */
                        house_write(&world->house);
                        pass(USEC_PER_SEC, MINUTE_US);
                        break;
                case LIFE_STOPPED:
                        fd_store_forget_inherited();
                        stop_in_order(30 * USEC_PER_SEC, false, noise_chance(50)); /* systemctl restart or stop */
                        break;
                case LIFE_RESTART:
                        stop_in_order(100 * MS, true, true);
                        break;
                case LIFE_KILLED:
                        clean_up_after_kill(plugin_dir);
                        break;
                case LIFE_CUT:
                        lose_power();
                        break;
                case LIFE_OVER:
                        history_law_over();
                        return 0;
                case LIFE_VIOLATED:
                        return 1;
                default:
                        violated("life", "the agent ended with %d", (int)end);
                }
        }
        return 0;
}
