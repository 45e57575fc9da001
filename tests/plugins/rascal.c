/* SPDX-License-Identifier: Apache-2.0 */
/* rascal: breaks one rule of plugins, the one that `how` names; without it, it behaves. For
 * sconce-plugin-test, which is to find out. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sconce/plugin.h>

struct rascal {
        const char *how;
        struct sconce_timer *timer;
        unsigned ticks;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_STRING(struct rascal, how, "how", 0, "The rule that it breaks", .def = "not"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH, .help = "Whether it is on" },
        { .key = "reading", .kind = SCONCE_SENSOR, .help = "How often its timer fired" },
        { .key = NULL },
};

static struct sconce_timer *kept_timer; /* over its stop */
static bool is_hurt;                    /* for good */

static bool is(const struct rascal *rascal, const char *how)
{
        return strcmp(rascal->how, how) == 0;
}

/* ---- Misdeeds in start --------------------------------------------------------------------------------- */

static void hang(void)
{
        for (volatile bool forever = true; forever;)
                ;
}

static void end_process(void)
{
        exit(3);
}

static void close_standard(void)
{
        for (int fd = 0; fd < 3; fd++)
                (void)close(fd);
}

static void close_everything(void)
{
        closefrom(3);
}

/* Whatever it belongs to. The first two letters are those that a finished check begins with. */
static void write_everywhere(void)
{
        for (int fd = 3; fd < 300; fd++)
                (void)!write(fd, "E \n", 3);
}

static void leak_memory(void)
{
        const size_t size = 65536;
        char *lost = malloc(size);

        if (lost)
                memset(lost, 1, size);
        __asm__ volatile("" : : "r"(lost) : "memory"); /* not optimised away */
}

static void leak_descriptor(void)
{
        (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void *rest(void *unused)
{
        (void)pause();
        return unused;
}

static void leave_thread(void)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, rest, NULL) == 0)
                (void)pthread_detach(thread);
}

static void leave_process(void)
{
        if (fork() == 0) {
                (void)pause();
                _exit(0);
        }
}

static void take_signal(void)
{
        (void)signal(SIGTERM, SIG_IGN);
}

static void change_directory(void)
{
        (void)!chdir("/proc");
}

static void change_umask(void)
{
        (void)umask(0);
}

static const struct {
        const char *how;
        void (*act)(void);
} misdeeds[] = {
        { "hang", hang },
        { "end process", end_process },
        { "close standard", close_standard },
        { "close everything", close_everything },
        { "write everywhere", write_everywhere },
        { "leak memory", leak_memory },
        { "leak descriptor", leak_descriptor },
        { "leave thread", leave_thread },
        { "leave process", leave_process },
        { "take signal", take_signal },
        { "change directory", change_directory },
        { "change umask", change_umask },
};

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int rascal_configure(struct sconce_device *dev, void *instance)
{
        const struct rascal *rascal = instance;

        if (is(rascal, "report in configure"))
                (void)sconce_report_bool(dev, "state", false);
        if (is(rascal, "refuse")) {
                sconce_error(dev, "how: is never right");
                return -EINVAL;
        }
        return 0;
}

static void tick(struct sconce_device *dev, void *instance, void *userdata)
{
        struct rascal *rascal = instance;

        (void)userdata;
        (void)sconce_report_number(dev, "reading", ++rascal->ticks);
}

static int rascal_start(struct sconce_device *dev, void *instance)
{
        struct rascal *rascal = instance;

        for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++)
                if (is(rascal, misdeeds[i].how))
                        misdeeds[i].act();
        if (is(rascal, "overrun"))
                memset((char *)instance + sizeof(*rascal), 0, 4);
        if (is(rascal, "unknown channel"))
                (void)sconce_report_bool(dev, "colour", false);
        if (is(rascal, "wrong type"))
                (void)sconce_report_text(dev, "state", "ON");
        if (is(rascal, "positive start"))
                return 1;
        if (is(rascal, "stale timer") && kept_timer)
                return sconce_timer_arm(dev, kept_timer, 1000);
        int r = sconce_timer_new(dev, tick, NULL, &rascal->timer);
        kept_timer = rascal->timer;
        if (r < 0)
                is_hurt = true;
        if (is_hurt && is(rascal, "stay hurt"))
                return -ENODEV;
        return r < 0 ? r : sconce_timer_arm(dev, rascal->timer, 1000000);
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int rascal_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct rascal *rascal = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");
        volatile uintptr_t address = 16; /* nothing is there */

        if (is(rascal, "crash"))
                *(volatile int *)address = 1;
        if (is(rascal, "abort"))
                abort();
        if (is(rascal, "sleep"))
                (void)nanosleep(&(const struct timespec){ .tv_nsec = 150000000 }, NULL);
        if (is(rascal, "positive command"))
                return 5;
        if (is(rascal, "carry out nothing"))
                return -EIO;
        return !state || is(rascal, "report nothing") ? 0 : sconce_report_bool(dev, "state", state->on);
}

static const struct sconce_plugin rascal = {
        .name = "rascal",
        .summary = "Breaks a rule of plugins",
        .instance_size = sizeof(struct rascal),
        .options = options,
        .channels = channels,
        .configure = rascal_configure,
        .start = rascal_start,
        .command = rascal_command,
};
SCONCE_PLUGIN(rascal)
