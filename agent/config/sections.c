/* SPDX-License-Identifier: Apache-2.0 */
#include "config/sections.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

static void entry_done(struct config_entry *entry)
{
        for (size_t i = 0; i < entry->count; i++)
                free(entry->values[i]);
        free(entry->values);
        free(entry->key);
}

static void section_done(struct config_section *section)
{
        for (size_t i = 0; i < section->count; i++)
                entry_done(&section->entries[i]);
        for (size_t i = 0; i < section->n_replaced; i++)
                entry_done(&section->replaced[i]);
        free(section->entries);
        free(section->replaced);
        free(section->opened);
        free(section->kind);
        free(section->id);
}

void config_section_free(struct config_section *section)
{
        if (section)
                section_done(section);
        free(section);
}

static int copy_entry(const struct config_entry *from, struct config_entry *to)
{
        to->is_list = from->is_list;
        to->broken = from->broken;
        to->key = strdup(from->key);
        to->values = calloc(from->count + 1, sizeof(*to->values));
        if (!to->key || !to->values)
                return -ENOMEM;
        for (; to->count < from->count; to->count++)
                if (!(to->values[to->count] = strdup(from->values[to->count])))
                        return -ENOMEM;
        return 0;
}

int config_section_copy(const struct config_section *section, struct config_section **ret)
{
        CLEANUP_CONFIG_SECTION struct config_section *copy = calloc(1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        copy->kind = strdup(section->kind);
        copy->id = strdup(section->id);
        copy->entries = calloc(section->count + 1, sizeof(*copy->entries));
        int r = copy->kind && copy->id && copy->entries ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < section->count; i++)
                r = copy_entry(&section->entries[i], &copy->entries[copy->count++]);
        if (r == 0)
                *ret = TAKE_PTR(copy);
        return r;
}

void config_free(struct config *config)
{
        if (!config)
                return;
        for (size_t i = 0; i < config->count; i++)
                section_done(&config->sections[i]);
        for (size_t i = 0; i < config->n_files; i++)
                free(config->files[i]);
        free(config->sections);
        free(config->files);
        free(config);
}

static bool same_id(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static uint64_t id_hash(const char *id)
{
        return id ? text_hash(HASH_BEGIN, id) : 0;
}

static struct config_section *find_section(const struct config *config, const char *kind, const char *id)
{
        uint64_t hash = id_hash(id);

        for (size_t i = 0; i < config->count; i++) {
                struct config_section *section = &config->sections[i];
                if (section->id_hash == hash && strcmp(section->kind, kind) == 0 && same_id(section->id, id))
                        return section;
        }
        return NULL;
}

const struct config_section *config_find(const struct config *config, const char *kind, const char *id)
{
        return find_section(config, kind, id);
}

static struct config_entry *find_entry(struct config_entry *entries, size_t count, const char *key)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(entries[i].key, key) == 0)
                        return &entries[i];
        }
        return NULL;
}

const struct config_entry *config_entry_find(const struct config_section *section, const char *key)
{
        return find_entry(section->entries, section->count, key);
}

const char *config_label(const struct config_section *section, char label[static CONFIG_LABEL_MAX])
{
        (void)snprintf(label, CONFIG_LABEL_MAX, section->id ? "[%.70s %.70s]" : "[%.70s]", section->kind, section->id);
        return label;
}

void config_complain(const struct config_section *section, const char *key, struct problems *problems,
                     const char *format, ...)
{
        const struct config_entry *entry = key ? config_entry_find(section, key) : NULL;
        char label[CONFIG_LABEL_MAX], prefix[CONFIG_LABEL_MAX + 80];
        va_list arguments;

        (void)snprintf(prefix, sizeof(prefix), "%s%s%.70s: ", config_label(section, label), key ? " " : "",
                       key ? key : "");
        va_start(arguments, format);
        problems_vadd(problems, entry ? entry->file : section->file, entry ? entry->line : section->line, prefix,
                      format, arguments);
        va_end(arguments);
}

/* Room for one more element at the end of an array, zeroed. */
static void *append(void *array, size_t *count, size_t size)
{
        char **items = array;
        char *grown = realloc(*items, (*count + 1) * size);
        if (!grown)
                return NULL;
        *items = grown;
        return memset(grown + size * (*count)++, 0, size);
}

/* Grows by doubling: a thousand rules would be copied a thousand times. */
static struct config_section *add_section(struct config *config)
{
        if ((config->count & (config->count - 1)) == 0) {
                struct config_section *grown = realloc(config->sections, MAX(config->count * 2, 8U) * sizeof(*grown));
                if (!grown)
                        return NULL;
                config->sections = grown;
        }
        struct config_section *section = &config->sections[config->count++];
        *section = (struct config_section){ 0 };
        return section;
}

static int section_new(struct config *config, const char *kind, const char *id, struct config_origin origin,
                       struct config_section **ret)
{
        if (config->count >= SECTIONS_MAX)
                return -E2BIG;
        struct config_section *section = add_section(config);
        if (!section)
                return -ENOMEM;
        section->kind = strdup(kind);
        section->id = id ? strdup(id) : NULL;
        section->id_hash = id_hash(id);
        section->file = origin.file;
        section->line = origin.line;
        if (!section->kind || (id && !section->id)) {
                section_done(section);
                config->count--;
                return -ENOMEM;
        }
        *ret = section;
        return 0;
}

int section_open(struct config *config, const char *kind, const char *id, struct config_origin origin,
                 struct config_section **ret, struct config_origin *ret_before)
{
        struct config_section *section = find_section(config, kind, id);
        if (!section) {
                int r = section_new(config, kind, id, origin, &section);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < section->n_opened; i++) {
                if (section->opened[i].file == origin.file) {
                        *ret_before = section->opened[i];
                        return 1;
                }
        }
        struct config_origin *opened = append(&section->opened, &section->n_opened, sizeof(*opened));
        if (!opened)
                return -ENOMEM;
        *opened = origin;
        *ret = section;
        return 0;
}

/* The entry of this key that this very file has written, whether it still holds or not. */
static const struct config_entry *written_by(const struct config_section *section, const char *key, const char *file)
{
        const struct config_entry *entry = config_entry_find(section, key);
        if (entry && entry->file == file)
                return entry;
        for (size_t i = 0; i < section->n_replaced; i++) {
                entry = &section->replaced[i];
                if (entry->file == file && strcmp(entry->key, key) == 0)
                        return entry;
        }
        return NULL;
}

/* Moves what holds to the replaced ones, so that its place can take the new one. */
static int make_way(struct config_section *section, struct config_entry *entry)
{
        struct config_entry *replaced = append(&section->replaced, &section->n_replaced, sizeof(*replaced));
        if (!replaced)
                return -ENOMEM;
        *replaced = *entry;
        *entry = (struct config_entry){ 0 };
        return 0;
}

static void fill_entry(struct config_entry *entry, char *key, struct config_origin origin, struct value *value)
{
        *entry = (struct config_entry){ .key = key, .file = origin.file, .line = origin.line, .broken = !value };
        if (!value)
                return;
        entry->values = TAKE_PTR(value->texts);
        entry->count = value->count;
        entry->is_list = value->is_list;
        entry->cut = value->cut;
        value->count = 0;
}

int section_set(struct config_section *section, const char *key, struct config_origin origin, struct value *value,
                struct config_origin *ret_before)
{
        const struct config_entry *before = written_by(section, key, origin.file);
        if (before) {
                *ret_before = (struct config_origin){ before->file, before->line };
                return 1;
        }
        if (section->count + section->n_replaced >= ENTRIES_MAX)
                return -E2BIG;
        CLEANUP_FREE char *own_key = strdup(key);
        if (!own_key)
                return -ENOMEM;
        struct config_entry *entry = find_entry(section->entries, section->count, key);
        if (entry) {
                int r = make_way(section, entry);
                if (r < 0)
                        return r;
        } else {
                entry = append(&section->entries, &section->count, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
        }
        fill_entry(entry, TAKE_PTR(own_key), origin, value);
        return 0;
}
