/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin as a newer header of the same ABI would build it: every struct has grown by fields that this agent
 * does not know. */
#include <sconce/plugin.h>

struct newer_option {
        struct sconce_option known;
        const char *more[5];
};

struct newer_channel {
        struct sconce_channel known;
        double more[3];
};

struct newer_plugin {
        struct sconce_plugin known;
        void *more[4];
};

struct newer {
        int64_t first, second;
};

static const struct newer_option options[] = {
        { .known = SCONCE_OPTION_INT(struct newer, first, "first", 0, "One", .def = "11"), .more = { "x", "y" } },
        { .known = SCONCE_OPTION_INT(struct newer, second, "second", 0, "Two", .def = "22"), .more = { "x", "y" } },
        { .known = { .key = NULL } },
};

static const struct newer_channel channels[] = {
        { .known = { .key = "first", .kind = SCONCE_SENSOR, .unit = "m" }, .more = { 1, 2, 3 } },
        { .known = { .key = "second", .kind = SCONCE_SENSOR, .unit = "s" }, .more = { 1, 2, 3 } },
        { .known = { .key = NULL } },
};

static int start(struct sconce_device *dev, void *instance)
{
        const struct newer *newer = instance;
        const struct sconce_value values[] = {
                SCONCE_NUM("first", (double)newer->first),
                SCONCE_NUM("second", (double)newer->second),
        };
        return sconce_report(dev, values, 2);
}

static const struct newer_plugin plugin = {
        .known = {
                .name = "newer",
                .summary = "Built with a newer header",
                .instance_size = sizeof(struct newer),
                .options = &options[0].known,
                .channels = &channels[0].known,
                .start = start,
        },
        .more = { (void *)1, (void *)1, (void *)1, (void *)1 },
};

extern const struct sconce_module sconce_module;
__attribute__((visibility("default"))) const struct sconce_module sconce_module = {
        .abi = SCONCE_ABI,
        .size = sizeof(struct sconce_module) + 16,
        .plugin_size = sizeof(struct newer_plugin),
        .option_size = sizeof(struct newer_option),
        .channel_size = sizeof(struct newer_channel),
        .plugin = &plugin.known,
};
