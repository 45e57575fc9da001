/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin as an older header would have built it: its structs lack what was appended since, and its plugin
 * struct ends before `command`. What lies behind each row is the next row, so that a walk by the wrong stride
 * goes astray.
 */
#include <sconce/plugin.h>

struct older_option {
        const char *key;
        enum sconce_option_type type;
        uint32_t flags;
        size_t offset;
        const char *help, *def, *min, *max;
        const char *const *choices;
        const char *unit;
};

struct older_channel {
        const char *key;
        enum sconce_kind kind;
        uint32_t flags;
        const char *unit, *device_class;
        double min, max, step;
        const char *const *choices;
        const char *help;
};

struct older_plugin {
        const char *name, *summary, *version;
        uint32_t flags;
        size_t instance_size;
        const void *options, *channels;
        const char *every, *deadline;
        int (*configure)(struct sconce_device *dev, void *instance);
        int (*start)(struct sconce_device *dev, void *instance);
        void *not_ours[8]; /* what follows in memory is not part of the struct */
};

struct older {
        int64_t first, second;
};

static const struct older_option options[] = {
        { .key = "first",
          .type = SCONCE_TYPE_INT,
          .offset = offsetof(struct older, first),
          .help = "One",
          .def = "11" },
        { .key = "second",
          .type = SCONCE_TYPE_INT,
          .offset = offsetof(struct older, second),
          .help = "Two",
          .def = "22" },
        { .key = NULL },
};

static const struct older_channel channels[] = {
        { .key = "first", .kind = SCONCE_SENSOR, .unit = "m", .help = "One" },
        { .key = "second", .kind = SCONCE_SENSOR, .unit = "s", .help = "Two" },
        { .key = NULL },
};

static int start(struct sconce_device *dev, void *instance)
{
        const struct older *older = instance;
        const struct sconce_value values[] = {
                SCONCE_NUM("first", (double)older->first),
                SCONCE_NUM("second", (double)older->second),
        };
        return sconce_report(dev, values, 2);
}

static const struct older_plugin plugin = {
        .name = "older",
        .summary = "Built with an older header",
        .version = "0.9",
        .instance_size = sizeof(struct older),
        .options = options,
        .channels = channels,
        .start = start,
        .not_ours = { (void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1 },
};

extern const struct sconce_module sconce_module;
__attribute__((visibility("default"))) const struct sconce_module sconce_module = {
        .abi = SCONCE_ABI,
        .size = sizeof(struct sconce_module),
        .plugin_size = offsetof(struct older_plugin, not_ours),
        .option_size = sizeof(struct older_option),
        .channel_size = sizeof(struct older_channel),
        .plugin = (const void *)&plugin,
};
