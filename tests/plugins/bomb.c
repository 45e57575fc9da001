/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bomb: a plugin that ends the agent, or stands still. A word in one of the files `configure`, `start`, `read`,
 * `command`, `stop` of its directory, each for the callback of that name, is what it does there; without the file it
 * works: it counts its commands and drives its line. tests/plugins/mine.c is the same on a thread of its own, without a
 * line.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sconce/plugin.h>

#ifndef BOMB_NAME
#define BOMB_NAME  "bomb"
#define BOMB_FLAGS 0
#define BOMB_LINE
#endif

struct bomb {
        const char *dir;
        struct sconce_line *line;
        double commands;
        char *kept;
        char last[16]; /* the end of the instance: what is written past it is nobody's */
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct bomb, dir, "dir", SCONCE_REQUIRED, "Where the words are"),
#ifdef BOMB_LINE
        SCONCE_OPTION_LINE(struct bomb, line, "line", SCONCE_OUTPUT, "Line that it drives"),
#endif
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "commands", .kind = SCONCE_SENSOR },
        { .key = NULL },
};

/* ---- What it does -------------------------------------------------------------------------------------- */

static void do_abort(struct bomb *bomb)
{
        (void)bomb;
        abort();
}

static void do_fault(struct bomb *bomb)
{
        (void)bomb;
        (void)raise(SIGSEGV);
}

/* A real one, by the processor. */
static void do_trap(struct bomb *bomb)
{
        (void)bomb;
        __builtin_trap();
}

static void do_exit(struct bomb *bomb)
{
        (void)bomb;
        exit(EXIT_SUCCESS); // NOLINT
}

static void do_kill(struct bomb *bomb)
{
        (void)bomb;
        (void)kill(getpid(), SIGKILL);
}

static void do_sleep(struct bomb *bomb)
{
        (void)bomb;
        for (;;)
                (void)pause();
}

static void do_leak(struct bomb *bomb)
{
        bomb->kept = malloc(100000);
        if (bomb->kept)
                memset(bomb->kept, 1, 100000);
}

static void do_overrun(struct bomb *bomb)
{
        volatile char *at = bomb->last;

        at[sizeof(bomb->last) + 8] = 1;
}

static const struct {
        const char *word;
        void (*fn)(struct bomb *bomb);
} deeds[] = {
        { "abort", do_abort }, { "fault", do_fault }, { "trap", do_trap }, { "exit", do_exit },
        { "kill", do_kill },   { "sleep", do_sleep }, { "leak", do_leak }, { "overrun", do_overrun },
};

static void act(struct bomb *bomb, const char *callback)
{
        char path[512], word[16] = "";

        (void)snprintf(path, sizeof(path), "%s/%s", bomb->dir, callback);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        if (fscanf(file, "%15s", word) != 1)
                word[0] = '\0';
        (void)fclose(file);
        for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
                if (strcmp(deeds[i].word, word) == 0)
                        deeds[i].fn(bomb);
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int bomb_configure(struct sconce_device *dev, void *instance)
{
        (void)dev;
        act(instance, "configure");
        return 0;
}

static int bomb_start(struct sconce_device *dev, void *instance)
{
        struct bomb *bomb = instance;
        int r = bomb->line ? sconce_line_output(dev, bomb->line, true) : 0;

        if (r < 0)
                return r;
        act(bomb, "start");
        return sconce_report(dev, &SCONCE_BOOL("state", bomb->line != NULL), 1);
}

static int bomb_read(struct sconce_device *dev, void *instance)
{
        struct bomb *bomb = instance;

        act(bomb, "read");
        return sconce_report_number(dev, "commands", bomb->commands);
}

static int bomb_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct bomb *bomb = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");

        act(bomb, "command");
        bomb->commands++;
        if (state && bomb->line && sconce_line_set(dev, bomb->line, state->on) < 0)
                return -1;
        const struct sconce_value values[] = {
                SCONCE_BOOL("state", state && state->on),
                SCONCE_NUM("commands", bomb->commands),
        };
        return sconce_report(dev, values, 2);
}

static void bomb_stop(struct sconce_device *dev, void *instance)
{
        (void)dev;
        act(instance, "stop");
}

static const struct sconce_plugin bomb = {
        .name = BOMB_NAME,
        .summary = "Ends the agent, or stands still, where it is asked to",
        .flags = BOMB_FLAGS,
        .instance_size = sizeof(struct bomb),
        .options = options,
        .channels = channels,
        .deadline = "500ms",
        .configure = bomb_configure,
        .start = bomb_start,
        .stop = bomb_stop,
        .command = bomb_command,
        .read = bomb_read,
};
SCONCE_PLUGIN(bomb)
