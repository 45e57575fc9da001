/* SPDX-License-Identifier: Apache-2.0 */
/* The device `node`: the agent itself, as a plugin like any other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "home/inside.h"

#define SENSOR .kind = SCONCE_SENSOR, .flags = SCONCE_DIAGNOSTIC

static const struct sconce_channel channels[] = {
        { .key = "uptime_s",
          SENSOR,
          .unit = "s",
          .device_class = "duration",
          .step = 1,
          .help = "How long the agent has been running",
          .name = "Uptime" },
        { .key = "queue", SENSOR, .help = "Messages, readings and events that the broker has not acknowledged yet" },
        { .key = "dropped",
          .kind = SCONCE_SENSOR,
          .flags = SCONCE_DIAGNOSTIC | SCONCE_TOTAL,
          .help = "Messages that could not be delivered, and commands for no device" },
        { .key = "memory_kb",
          SENSOR,
          .unit = "kB",
          .device_class = "data_size",
          .help = "Memory in use",
          .name = "Memory" },
        { .key = "dropped_by",
          .kind = SCONCE_TEXT_LIST,
          .flags = SCONCE_DIAGNOSTIC,
          .help = "Readings and events of the history that were dropped, by reason" },
        { .key = "oldest",
          SENSOR,
          .unit = "s",
          .device_class = "duration",
          .step = 1,
          .help = "How old the oldest reading is that waits for the broker" },
        { .key = "certificate_days",
          SENSOR,
          .unit = "d",
          .device_class = "duration",
          .step = 1,
          .help = "Days until the node's certificate expires",
          .name = "Certificate" },
        { .key = "problems", .kind = SCONCE_TEXT_LIST, .flags = SCONCE_DIAGNOSTIC, .help = "What is wrong just now" },
        { .key = "restart",
          .kind = SCONCE_BUTTON,
          .flags = SCONCE_DIAGNOSTIC,
          .device_class = "restart",
          .help = "Stops cleanly and starts the same program again" },
        { .key = "reload", .kind = SCONCE_BUTTON, .flags = SCONCE_DIAGNOSTIC, .help = "Reads the config again" },
        { .key = NULL },
};

static double memory_kb(void)
{
        CLEANUP_FILE FILE *file = fopen("/proc/self/statm", "re");
        unsigned long total, resident;

        if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2)
                return 0;
        return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static int node_read(struct sconce_device *dev, void *instance)
{
        const struct home *home = home_of(device_of(dev));
        struct node_facts facts = { 0 };
        char problems[PROBLEMS_MAX];

        (void)instance;
        if (home->ask_facts)
                home->ask_facts(home->facts_userdata, &facts);
        home_list_problems(home, problems);
        const struct sconce_value values[] = {
                SCONCE_NUM("uptime_s", (double)((sconce_now_us(dev) - home->started_us) / USEC_PER_SEC)),
                SCONCE_NUM("queue", facts.queue),
                SCONCE_NUM("dropped", (double)(facts.dropped + home->n_unknown + home->context.n_dropped)),
                SCONCE_NUM("memory_kb", memory_kb()),
                SCONCE_STR("dropped_by", facts.dropped_by),
                facts.has_oldest ? SCONCE_NUM("oldest", facts.oldest_s) : SCONCE_NONE("oldest"),
                facts.has_certificate ? SCONCE_NUM("certificate_days", (double)facts.certificate_days)
                                      : SCONCE_NONE("certificate_days"),
                SCONCE_STR("problems", problems),
        };
        return sconce_report(dev, values, ARRAY_SIZE(values));
}

static int node_start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static int node_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct home_sink *sink = &home_of(device_of(dev))->context.sink;

        (void)instance;
        if (sconce_command_find(command, "reload") && sink->reload)
                sink->reload(sink->userdata);
        if (sconce_command_find(command, "restart") && sink->restart)
                sink->restart(sink->userdata);
        return 0;
}

static const struct sconce_plugin node_plugin = {
        .name = "node",
        .summary = "The agent itself",
        .channels = channels,
        .every = "1m",
        .start = node_start,
        .command = node_command,
        .read = node_read,
};

const struct sconce_module node_module = {
        .abi = SCONCE_ABI,
        .size = sizeof(struct sconce_module),
        .plugin_size = sizeof(struct sconce_plugin),
        .option_size = sizeof(struct sconce_option),
        .channel_size = sizeof(struct sconce_channel),
        .plugin = &node_plugin,
};

/* What is reported alone gets the time of now for the rest as well: so all of it is read where it can be. */
void node_publish_problems(struct device *device)
{
        char problems[PROBLEMS_MAX];

        if (device->life.phase == DEVICE_RUNNING) {
                device_read(device);
                return;
        }
        home_list_problems(home_of(device), problems);
        (void)!device_report(device, 0, &SCONCE_STR("problems", problems), 1);
}
