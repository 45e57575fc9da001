/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/reading_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/macro.h"

static const char *const filter_choices[] = {
        [READING_FILTER_NONE] = "none",
        [READING_FILTER_MEDIAN] = "median",
        [READING_FILTER_AVERAGE] = "average",
        NULL,
};

const struct sconce_option reading_rows[] = {
        SCONCE_OPTION_FLOAT(struct reading_config, delta, "delta", SCONCE_RELOADABLE,
                            "How far a reading must move to be published; 0: any change. By default every reading is",
                            .min = "0"),
        SCONCE_OPTION_FLOAT(struct reading_config, multiplier, "multiplier", SCONCE_RELOADABLE,
                            "What a reading is multiplied by", .def = "1"),
        SCONCE_OPTION_FLOAT(struct reading_config, offset, "offset", SCONCE_RELOADABLE, "What is then added to it",
                            .def = "0"),
        SCONCE_OPTION_INT(struct reading_config, round, "round", SCONCE_RELOADABLE,
                          "Decimals that it is rounded to; by default all are published", .min = "0", .max = "9"),
        SCONCE_OPTION_ENUM(struct reading_config, filter, "filter", SCONCE_RELOADABLE,
                           "What of the last filter_size readings is taken", .def = "none", .choices = filter_choices),
        SCONCE_OPTION_INT(struct reading_config, filter_size, "filter_size", SCONCE_RELOADABLE,
                          "How many readings the filter looks at", .def = "5", .min = "2", .max = "99"),
        /* The last: it is the device's alone. */
        SCONCE_OPTION_DURATION(struct reading_config, heartbeat_us, "heartbeat", SCONCE_RELOADABLE,
                               "How soon the state is published again though nothing is new; with it and without "
                               "delta, only changes are published between",
                               .min = "100ms", .max = "365d"),
        { .key = NULL },
};

/* The rows that a channel can have of its own. */
#define CHANNEL_ROWS (ARRAY_SIZE(reading_rows) - 2)

/* ---- Finding ------------------------------------------------------------------------------------------- */

static bool is_known(const struct option_target *targets, size_t n_targets, const char *key)
{
        for (size_t i = 0; i < n_targets; i++)
                if (option_row_find(targets[i].rows, key))
                        return true;
        return false;
}

/* The length of CHANNEL in CHANNEL_delta; 0 for another key. */
static size_t channel_length(const char *key)
{
        size_t length = strlen(key);

        for (size_t i = 0; i < CHANNEL_ROWS; i++) {
                size_t suffix = strlen(reading_rows[i].key);
                if (length > suffix + 1 && key[length - suffix - 1] == '_' &&
                    strcmp(key + length - suffix, reading_rows[i].key) == 0)
                        return length - suffix - 1;
        }
        return 0;
}

static struct reading_override *find(const struct reading_overrides *overrides, const char *key, size_t length)
{
        for (size_t i = 0; i < overrides->count; i++) {
                struct reading_override *item = &overrides->items[i];
                if (strlen(item->channel) == length && memcmp(item->channel, key, length) == 0)
                        return item;
        }
        return NULL;
}

/* The rows of one channel, without defaults: what is not written is inherited. */
static struct sconce_option *make_rows(const char *channel, struct option_store *store)
{
        struct sconce_option *rows = option_store_alloc(store, (CHANNEL_ROWS + 1) * sizeof(*rows));

        for (size_t i = 0; rows && i < CHANNEL_ROWS; i++) {
                char key[96];
                rows[i] = reading_rows[i];
                rows[i].def = NULL;
                (void)snprintf(key, sizeof(key), "%s_%s", channel, reading_rows[i].key);
                if (!(rows[i].key = option_store_strdup(store, key)))
                        return NULL;
        }
        return rows;
}

int reading_overrides_find(const struct config_section *section, struct option_store *store,
                           struct option_target *targets, size_t n_targets, struct reading_overrides *ret)
{
        size_t n_known = n_targets;

        *ret = (struct reading_overrides){ 0 };
        for (size_t i = 0; section && i < section->count; i++) {
                const char *key = section->entries[i].key;
                size_t length = is_known(targets, n_known, key) ? 0 : channel_length(key);
                if (length == 0 || length >= sizeof(ret->items->channel) || find(ret, key, length))
                        continue;
                if (ret->count == READING_OVERRIDES_MAX)
                        return -E2BIG;
                if (!ret->items &&
                    !(ret->items = option_store_alloc(store, READING_OVERRIDES_MAX * sizeof(*ret->items))))
                        return -ENOMEM;
                struct reading_override *item = &ret->items[ret->count++];
                memcpy(item->channel, key, length);
                targets[n_targets] = (struct option_target){ .rows = make_rows(item->channel, store),
                                                             .base = &item->config };
                if (!targets[n_targets++].rows)
                        return -ENOMEM;
        }
        return (int)n_targets;
}

/* ---- Inheriting ---------------------------------------------------------------------------------------- */

static size_t field_size(const struct sconce_option *row)
{
        return row->type == SCONCE_TYPE_ENUM ? sizeof(int) : sizeof(int64_t);
}

_Static_assert(sizeof(double) == sizeof(int64_t), "field_size() takes them for equal");

static void inherit(const struct config_section *section, const struct reading_config *all,
                    struct reading_override *item)
{
        for (size_t i = 0; i < CHANNEL_ROWS; i++) {
                char key[96];
                size_t offset = reading_rows[i].offset;
                (void)snprintf(key, sizeof(key), "%s_%s", item->channel, reading_rows[i].key);
                if (!config_entry_find(section, key))
                        memcpy((char *)&item->config + offset, (const char *)all + offset,
                               field_size(&reading_rows[i]));
        }
}

void reading_overrides_inherit(const struct config_section *section, const struct reading_config *all,
                               struct reading_overrides *overrides)
{
        for (size_t i = 0; i < overrides->count; i++)
                inherit(section, all, &overrides->items[i]);
}

const struct reading_config *reading_overrides_get(const struct reading_overrides *overrides, const char *channel,
                                                   const struct reading_config *all)
{
        const struct reading_override *item = find(overrides, channel, strlen(channel));

        return item ? &item->config : all;
}
