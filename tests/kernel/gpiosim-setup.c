/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpiosim-setup: makes, unplugs and removes chips of the kernel's gpio-sim, for tests and by hand. One
 * program, because starting a process inside User-mode Linux takes 24 ms and a chip of 54 lines is 120 files.
 *
 * What it prints is what a test reads from its environment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/gpiosim.h"

#define MAX_HOGS 8

struct request {
        const char *name;
        struct gpiosim_layout layout;
        struct gpiosim_hog hogs[MAX_HOGS];
        char **command; /* of "exec" */
};

static const char usage[] =
        "usage: gpiosim-setup create|exec|show|unplug|replug|remove [OPTION...] [COMMAND [ARGUMENT...]]\n"
        "\n"
        "  create   make a chip and plug it in          show     print where it is\n"
        "  exec     the same, then run COMMAND with it  unplug   take it away, remembering its layout\n"
        "  remove   forget it                           replug   bring it back\n"
        "\n"
        "  -n NAME    the chip's name in configfs, pi unless given\n"
        "  -l LABEL   its label, pinctrl-bcm2835 unless given\n"
        "  -c COUNT   lines, 54 unless given\n"
        "  -p PREFIX  line N is named PREFIXN, GPIO unless given; \"\" for lines without names\n"
        "  -H OFFSET:CONSUMER:DIRECTION  a line that the kernel holds: input, output-high or output-low\n"
        "\n"
        "Prints SCONCE_TEST_CHIP (gpiochipN) and SCONCE_TEST_LINES (the directory of "
        "sim_gpioN/{value,pull}),\n"
        "or puts them into the COMMAND's environment.\n";

static int print_chip(const struct gpiosim *sim)
{
        printf("SCONCE_TEST_CHIP=%s\nSCONCE_TEST_LINES=%s\n", sim->chip, sim->lines_dir);
        return 0;
}

static int create(const struct request *request)
{
        struct gpiosim sim;
        int r = gpiosim_create(request->name, &request->layout, &sim);

        return r < 0 ? r : print_chip(&sim);
}

static int create_and_exec(const struct request *request)
{
        struct gpiosim sim;
        int r = gpiosim_create(request->name, &request->layout, &sim);

        if (r < 0)
                return r;
        setenv("SCONCE_TEST_CHIP", sim.chip, true);
        setenv("SCONCE_TEST_LINES", sim.lines_dir, true);
        execvp(request->command[0], request->command);
        return -errno;
}

static int show(const struct request *request)
{
        struct gpiosim sim;
        int r = gpiosim_find(request->name, &sim);

        return r < 0 ? r : print_chip(&sim);
}

static int unplug(const struct request *request)
{
        struct gpiosim sim;
        int r = gpiosim_find(request->name, &sim);

        return r < 0 ? r : gpiosim_unplug(&sim);
}

static int replug(const struct request *request)
{
        struct gpiosim sim;
        int r = gpiosim_find(request->name, &sim);

        if (r == 0)
                r = gpiosim_plug(&sim);
        return r < 0 ? r : print_chip(&sim);
}

static int forget(const struct request *request)
{
        return gpiosim_remove(request->name);
}

static const struct action {
        const char *name;
        int (*run)(const struct request *request);
        bool takes_command;
} actions[] = {
        { "create", create, false }, { "exec", create_and_exec, true }, { "show", show, false },
        { "unplug", unplug, false }, { "replug", replug, false },       { "remove", forget, false },
};

__attribute__((noreturn)) static void refuse(const char *what)
{
        fprintf(stderr, "gpiosim-setup: %s\n\n%s", what, usage);
        exit(2);
}

static unsigned parse_number(const char *text)
{
        char *end;
        unsigned long number = strtoul(text, &end, 10);

        if (end == text || *end || number > 1024)
                refuse("a line number or count is from 0 to 1024");
        return (unsigned)number;
}

/* OFFSET:CONSUMER:DIRECTION, cut in place. */
static void add_hog(struct request *request, char *text)
{
        char *consumer = strchr(text, ':'), *direction = consumer ? strchr(consumer + 1, ':') : NULL;

        if (!direction || request->layout.hog_count == MAX_HOGS)
                refuse("-H wants OFFSET:CONSUMER:DIRECTION, eight times at most");
        *consumer++ = *direction++ = '\0';
        request->hogs[request->layout.hog_count++] = (struct gpiosim_hog){ parse_number(text), consumer, direction };
}

static void parse_options(int argc, char *argv[], struct request *request)
{
        int option;

        while ((option = getopt(argc, argv, "+n:l:c:p:H:")) != -1)
                switch (option) {
                case 'n':
                        request->name = optarg;
                        break;
                case 'l':
                        request->layout.label = optarg;
                        break;
                case 'c':
                        request->layout.line_count = parse_number(optarg);
                        break;
                case 'p':
                        request->layout.name_prefix = *optarg ? optarg : NULL;
                        break;
                case 'H':
                        add_hog(request, optarg);
                        break;
                default:
                        refuse("unknown option");
                }
        request->command = argv + optind;
}

static const struct action *find_action(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
                if (strcmp(actions[i].name, name) == 0)
                        return &actions[i];
        refuse("unknown action");
}

int main(int argc, char *argv[])
{
        struct request request = {
                .name = "pi",
                .layout = { .label = "pinctrl-bcm2835", .line_count = 54, .name_prefix = "GPIO" },
        };
        const struct action *action;
        int r;

        if (argc < 2)
                refuse("do what?");
        action = find_action(argv[1]);
        request.layout.hogs = request.hogs;
        parse_options(argc - 1, argv + 1, &request);
        if (action->takes_command != (request.command[0] != NULL))
                refuse(action->takes_command ? "exec wants a command" : "too many arguments");

        r = action->run(&request);
        if (r < 0)
                fprintf(stderr, "gpiosim-setup: cannot %s chip %s: %s%s\n", action->name, request.name, strerror(-r),
                        r == -ENOENT ? " (is this a kernel with gpio-sim, and configfs mounted?)" : "");
        return r < 0;
}
