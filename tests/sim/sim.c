/* SPDX-License-Identifier: Apache-2.0 */
/* The house in a bottle: seeds are played one after the other, some at a time. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/numbers.h"
#include "sim/life.h"
#include "sim/scratch.h"
#include "sim/world.h"

struct plan {
        uint64_t seed, seeds, jobs, days, devices, most_failures;
        char plugin_dir[SCRATCH_MAX];
};

/* ---- One seed ---------------------------------------------------------------------------------------------------- */

static void print_outcome(void)
{
        (void)printf("seed %" PRIu64 ": %u days, %u devices, %u steps, %" PRIu64 " edges, %" PRIu64
                     " messages, %" PRIu64 " lives, trace %016" PRIx64 "\n",
                     world->seed, world->days, house_devices(&world->house), world->step, world->n_edges,
                     world->n_messages, world->n_lives, world->hash);
}

static int play(const struct plan *plan, uint64_t seed)
{
        char dir[SCRATCH_MAX];

        if (!world_new(seed, (unsigned)plan->days, (unsigned)plan->devices))
                return LIFE_FAILED;
        if (!scratch_enter("sim", dir) || symlink(plan->plugin_dir, "plugins") < 0)
                return LIFE_FAILED;
        /* A broken law ends the process that finds it, this one too: what is left behind is removed outside. */
        pid_t pid = fork();
        if (pid == 0) {
                int r = life_run("/proc/self/cwd/plugins");
                if (r == 0 && plan->seeds == 1)
                        print_outcome();
                (void)fflush(NULL);
                _exit(r);
        }
        int status = LIFE_FAILED << 8;
        (void)waitpid(pid, &status, 0);
        if (!scratch_leave(dir))
                return LIFE_FAILED;
        if (WIFSIGNALED(status))
                (void)printf("seed %" PRIu64 ": the simulator ended by signal %d\n", seed, WTERMSIG(status));
        return WIFEXITED(status) ? WEXITSTATUS(status) : LIFE_FAILED;
}

/* ---- Many -------------------------------------------------------------------------------------------------------- */

static uint64_t wait_for_one(void)
{
        int status;

        return waitpid(-1, &status, 0) > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static uint64_t play_all(const struct plan *plan)
{
        uint64_t running = 0, failed = 0, at = plan->seed;

        for (; at < plan->seed + plan->seeds && failed < plan->most_failures; at++) {
                if (running == plan->jobs) {
                        failed += wait_for_one();
                        running--;
                }
                (void)fflush(NULL);
                pid_t pid = fork();
                if (pid == 0) {
                        int r = play(plan, at);
                        (void)fflush(NULL);
                        _exit(r);
                }
                running++;
        }
        for (; running > 0; running--)
                failed += wait_for_one();
        (void)printf("sim: %" PRIu64 " seeds of %" PRIu64 " days, %" PRIu64 " broke a law\n", at - plan->seed,
                     plan->days, failed);
        return failed;
}

/* Once for all processes, and by a link in the one directory that the agent looks into. */
static void *load_plugin(const struct plan *plan, const char *from, const char *name)
{
        char path[4400], real[4096];

        (void)snprintf(path, sizeof(path), "%s/%s", plan->plugin_dir, name);
        if (!realpath(from, real) || symlink(real, path) < 0)
                return NULL;
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void load_plugins(const struct plan *plan, const char *dir)
{
        char path[4400];
        DIR *list = opendir(dir);

        for (struct dirent *entry; list && (entry = readdir(list));)
                if (strlen(entry->d_name) > 3 && strcmp(entry->d_name + strlen(entry->d_name) - 3, ".so") == 0) {
                        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
                        (void)load_plugin(plan, path, entry->d_name);
                }
        if (list)
                (void)closedir(list);
}

static bool load_numbers(const struct plan *plan, const char *from)
{
        void *handle = load_plugin(plan, from, "numbers.so");
        struct numbers_source *source = handle ? dlsym(handle, "numbers_source") : NULL;

        if (source)
                *source = (struct numbers_source){ .reading = history_law_reading, .event = history_law_event };
        return source;
}

/* The agent's SHA-256, so that not each of its processes has OpenSSL read its tables. */
static void warm_up(void)
{
        unsigned char digest[EVP_MAX_MD_SIZE];

        (void)EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
        struct plan plan = { .seed = setting("SEED", 1),
                             .seeds = setting("SEEDS", 1),
                             .days = setting("DAYS", 1),
                             .devices = setting("DEVICES", 0),
                             .jobs = setting("JOBS", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)),
                             .most_failures = setting("FAILURES", 1) };

        if (argc != 3 || (plan.devices > 0 && (plan.devices < DEVICES_LEAST || plan.devices > DEVICES_MOST))) {
                (void)fprintf(stderr,
                              "usage: [SEED=n] [SEEDS=n] [DAYS=n] [DEVICES=10 to 15] [JOBS=n] [FAILURES=n] [SHOW=1] %s "
                              "PLUGINS NUMBERS\n",
                              argv[0]);
                return 2;
        }
        world_shows = setting("SHOW", 0);
        if (!scratch_make("sim-plugins", plan.plugin_dir))
                return 2;
        load_plugins(&plan, argv[1]);
        warm_up();
        int r = !load_numbers(&plan, argv[2]) ? 2 : plan.seeds == 1 ? play(&plan, plan.seed) != 0 : play_all(&plan) > 0;
        (void)scratch_remove(plan.plugin_dir);
        return r;
}
