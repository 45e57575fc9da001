/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/synonyms.h"
#include "util/suggest.h"
#include "config/types.h"
#include "config/value.h"
#include "util/text.h"

/* ---- Store ----------------------------------------------------------------------------------- */

void *option_store_alloc(struct option_store *store, size_t size)
{
        void **grown = realloc(store->blocks, (store->count + 1) * sizeof(*grown));
        if (!grown)
                return NULL;
        store->blocks = grown;
        void *block = calloc(1, size ? size : 1);
        if (block)
                grown[store->count++] = block;
        return block;
}

char *option_store_strdup(struct option_store *store, const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = option_store_alloc(store, size);
        return copy ? memcpy(copy, text, size) : NULL;
}

void option_store_done(struct option_store *store)
{
        for (size_t i = 0; i < store->count; i++)
                free(store->blocks[i]);
        free(store->blocks);
        *store = (struct option_store){ 0 };
}

/* ---- One value ------------------------------------------------------------------------------- */

struct engine {
        const struct config_section *section; /* NULL: defaults alone */
        const struct option_target *targets;
        size_t n_targets;
        const struct option_hooks *hooks;
        struct option_store *store;
        struct problems *problems;
        bool faulty;
};

static bool is_text(const struct sconce_option *row)
{
        return row->type == SCONCE_TYPE_STRING || row->type == SCONCE_TYPE_PATH;
}

/* LINE, PWM and LED, which become handles of gpio's. */
static bool is_handle(const struct sconce_option *row)
{
        const struct option_type *type = option_type(row->type);
        return type && !type->parse;
}

static int convert_handle(struct engine *engine, const struct sconce_option *row, const char *text,
                          char reason[static TYPE_REASON_MAX], void *ret)
{
        const struct option_hooks *hooks = engine->hooks;

        if (hooks && row->type == SCONCE_TYPE_LINE)
                return hooks->line(text, reason, ret);
        if (hooks)
                return (row->type == SCONCE_TYPE_PWM ? hooks->pwm : hooks->led)(text, reason, ret);
        return reason_set(reason, "a %s cannot be used here", option_type(row->type)->name);
}

/* Converts one text into the row's C type at `ret`; a text is copied into the store. */
static int convert(struct engine *engine, const struct sconce_option *row, const char *text,
                   char reason[static TYPE_REASON_MAX], void *ret)
{
        const char *copy = text;

        if (is_handle(row))
                return convert_handle(engine, row, text, reason, ret);
        if (is_text(row)) {
                copy = option_store_strdup(engine->store, text);
                if (!copy)
                        return -ENOMEM;
        }
        return option_parse(row, copy, reason, ret);
}

static void PRINTF_LIKE(4, 5)
        complain(struct engine *engine, const struct config_entry *entry, const char *key, const char *format, ...)
{
        const struct config_section *section = engine->section;
        const char *file = entry ? entry->file : section ? section->file : NULL;
        unsigned line = entry ? entry->line : section ? section->line : 0;
        char prefix[CONFIG_LABEL_MAX + TEXT_SHOWN_MAX + 8], shown[TEXT_SHOWN_MAX], label[CONFIG_LABEL_MAX];
        (void)snprintf(prefix, sizeof(prefix), "%s%s%s: ", section ? config_label(section, label) : "",
                       section ? " " : "", text_show(key, shown));
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(engine->problems, file, line, prefix, format, arguments);
        va_end(arguments);
        engine->faulty = true;
}

static void complain_value(struct engine *engine, const struct config_entry *entry, const struct sconce_option *row,
                           const char *text, const char *reason)
{
        char shown[TEXT_SHOWN_MAX], type[40];
        if (row->flags & SCONCE_SECRET)
                complain(engine, entry, row->key, "not a valid %s (the text is a secret and not shown)",
                         option_type_name(row, type));
        else if (entry)
                complain(engine, entry, row->key, "%s: %s", text_show(text, shown), reason);
        else
                complain(engine, entry, row->key, "its default %s: %s", text_show(text, shown), reason);
}

/* ---- One row --------------------------------------------------------------------------------- */

/* Converts all texts of a list; each that is wrong is reported. */
static int fill_list(struct engine *engine, const struct sconce_option *row, const struct config_entry *entry,
                     char *const *texts, size_t count, struct sconce_list *ret)
{
        const struct option_type *type = option_type(row->type);
        char *items = type ? option_store_alloc(engine->store, count * type->size) : NULL;
        if (type && !items)
                return -ENOMEM;
        int result = 0;
        for (size_t i = 0; i < count; i++) {
                char reason[TYPE_REASON_MAX] = "";
                int r = type ? convert(engine, row, texts[i], reason, items + i * type->size) : -EINVAL;
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        complain_value(engine, entry, row, texts[i], reason);
                        result = r;
                }
        }
        *ret = (struct sconce_list){ .count = count, .items = items };
        return result;
}

/* `entry` NULL: the texts are the row's default. */
static int fill_row(struct engine *engine, const struct sconce_option *row, void *field,
                    const struct config_entry *entry, char *const *texts, size_t count)
{
        if (row->flags & SCONCE_LIST)
                return fill_list(engine, row, entry, texts, count, field);
        char reason[TYPE_REASON_MAX] = "";
        int r = convert(engine, row, texts[0], reason, field);
        if (r < 0 && r != -ENOMEM)
                complain_value(engine, entry, row, texts[0], reason);
        return r;
}

/* "pwm led" as people write it; whether the section has one of them. */
static bool has_needed(const struct engine *engine, const char *needs, char text[static 160])
{
        char keys[160], *rest = keys;
        const char *key;
        size_t used = 0;

        (void)snprintf(keys, sizeof(keys), "%s", needs);
        while ((key = strsep(&rest, " "))) {
                if (config_entry_find(engine->section, key))
                        return true;
                if (used < 160)
                        used += (size_t)snprintf(text + used, 160 - used, "%s%s",
                                                 used == 0 ? ""
                                                 : rest    ? ", "
                                                           : " or ",
                                                 key);
        }
        return false;
}

static int fill_from_entry(struct engine *engine, const struct sconce_option *row, void *field,
                           const struct config_entry *entry)
{
        char needed[160];

        if (row->needs && !has_needed(engine, row->needs, needed)) {
                complain(engine, entry, row->key, "it goes with %s, which is not given", needed);
                return 0;
        }
        if (entry->broken) {
                engine->faulty = true;
                return 0;
        }
        if (entry->is_list && !(row->flags & SCONCE_LIST)) {
                complain(engine, entry, row->key, "takes one value, not a list");
                return 0;
        }
        if (entry->cut && (row->flags & SCONCE_SECRET)) {
                complain(engine, entry, row->key,
                         "white space and \"#\" or \";\" begin a comment: quote the secret, as in %s = \"…\"",
                         row->key);
                return 0;
        }
        return fill_row(engine, row, field, entry, entry->values, entry->count);
}

static int fill_from_default(struct engine *engine, const struct sconce_option *row, void *field)
{
        CLEANUP(value_done) struct value value = { 0 };
        struct value_fault fault = { 0 };
        int r = value_read_text(row->def, &value, &fault);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                complain_value(engine, NULL, row, row->def, fault.text);
                return 0;
        }
        return fill_row(engine, row, field, NULL, value.texts, value.count);
}

static int fill_missing(struct engine *engine, const struct sconce_option *row, void *field)
{
        if (row->flags & SCONCE_REQUIRED) {
                complain(engine, NULL, row->key, "is missing: %s", row->help ? row->help : "it is required");
                return 0;
        }
        if (row->type == SCONCE_TYPE_ENUM && !(row->flags & SCONCE_LIST))
                *(int *)field = -1;
        return row->def ? fill_from_default(engine, row, field) : 0;
}

/* ---- All rows -------------------------------------------------------------------------------- */

const struct sconce_option *option_row_find(const struct sconce_option *rows, const char *key)
{
        for (; rows && rows->key; rows++)
                if (strcmp(rows->key, key) == 0)
                        return rows;
        return NULL;
}

static const struct sconce_option *find_row(const struct engine *engine, const char *key, void **ret_field)
{
        for (size_t t = 0; t < engine->n_targets; t++) {
                const struct option_target *target = &engine->targets[t];
                const struct sconce_option *row = option_row_find(target->rows, key);
                if (row) {
                        *ret_field = (char *)target->base + row->offset;
                        return row;
                }
        }
        return NULL;
}

/* The keys that a section may have, or where to find them when they are too many for a sentence. */
static void list_keys(const struct engine *engine, char *text, size_t size)
{
        size_t used = 0;
        for (size_t t = 0; t < engine->n_targets; t++) {
                for (const struct sconce_option *row = engine->targets[t].rows; row && row->key && used < size; row++)
                        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "; there are ",
                                                 row->key);
        }
        if (used >= size)
                (void)snprintf(text, size, "; `sconced --describe %.64s` lists the keys", engine->section->kind);
}

static void complain_unknown(struct engine *engine, const struct config_entry *entry)
{
        struct suggestion near = { .wanted = entry->key, .synonyms = key_synonyms };
        for (size_t t = 0; t < engine->n_targets; t++) {
                for (const struct sconce_option *row = engine->targets[t].rows; row && row->key; row++)
                        suggestion_offer(&near, row->key);
        }
        char hint[200];
        if (near.best)
                (void)suggestion_text(&near, hint);
        else
                list_keys(engine, hint, sizeof(hint));
        complain(engine, entry, entry->key, "unknown key%s", hint);
}

/* The entries first, so that problems come in the file's order. */
static int read_entries(struct engine *engine)
{
        for (size_t i = 0; engine->section && i < engine->section->count; i++) {
                const struct config_entry *entry = &engine->section->entries[i];
                void *field;
                const struct sconce_option *row = find_row(engine, entry->key, &field);
                if (row) {
                        int r = fill_from_entry(engine, row, field, entry);
                        if (r == -ENOMEM)
                                return r;
                } else {
                        complain_unknown(engine, entry);
                }
        }
        return 0;
}

static int read_missing(struct engine *engine)
{
        for (size_t t = 0; t < engine->n_targets; t++) {
                const struct option_target *target = &engine->targets[t];
                for (const struct sconce_option *row = target->rows; row && row->key; row++) {
                        if (engine->section && config_entry_find(engine->section, row->key))
                                continue;
                        int r = fill_missing(engine, row, (char *)target->base + row->offset);
                        if (r == -ENOMEM)
                                return r;
                }
        }
        return 0;
}

int options_read(const struct config_section *section, const struct option_target *targets, size_t n_targets,
                 const struct option_hooks *hooks, struct option_store *store, struct problems *problems)
{
        struct engine engine = {
                .section = section,
                .targets = targets,
                .n_targets = n_targets,
                .hooks = hooks,
                .store = store,
                .problems = problems,
        };
        int r = read_entries(&engine);
        if (r == 0)
                r = read_missing(&engine);
        if (r < 0 || problems->lost)
                return -ENOMEM;
        return engine.faulty ? -EINVAL : 0;
}

const char *option_type_name(const struct sconce_option *row, char text[static 40])
{
        const struct option_type *type = option_type(row->type);
        if (!type)
                (void)snprintf(text, 40, "unknown type");
        else if (row->flags & SCONCE_LIST)
                (void)snprintf(text, 40, "list of %s", type->plural);
        else
                (void)snprintf(text, 40, "%s", type->name);
        return text;
}

/* ---- Tables from plugins --------------------------------------------------------------------- */

static bool is_key(const char *key)
{
        return key[0] >= 'a' && key[0] <= 'z' && key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* Whether a default or a bound is a value of its type; the bounds themselves are not held against it. */
static int check_row_text(const struct sconce_option *row, bool is_bound, const char *text,
                          char reason[static TYPE_REASON_MAX])
{
        union option_value ignored;
        struct sconce_option plain = *row;
        if (is_bound)
                plain.min = plain.max = NULL;
        if (!text || is_handle(row))
                return 0;
        CLEANUP(value_done) struct value value = { 0 };
        struct value_fault fault;
        int r = value_read_text(text, &value, &fault);
        if (r == -EINVAL)
                (void)reason_set(reason, "%.150s", fault.text);
        for (size_t i = 0; r == 0 && i < value.count; i++)
                r = option_parse(&plain, value.texts[i], reason, &ignored);
        return r;
}

static int check_row(const struct sconce_option *row, char reason[static TYPE_REASON_MAX])
{
        if (!is_key(row->key))
                return reason_set(reason, "a key is a-z, 0-9 and \"_\", and begins with a letter");
        if (!option_type(row->type))
                return reason_set(reason, "a type that this version does not know (%d)", (int)row->type);
        if (row->type == SCONCE_TYPE_ENUM && (!row->choices || !row->choices[0]))
                return reason_set(reason, "an enum without choices");
        int r = check_row_text(row, true, row->min, reason);
        if (r == 0)
                r = check_row_text(row, true, row->max, reason);
        return r < 0 ? r : check_row_text(row, false, row->def, reason);
}

int option_rows_check(const struct sconce_option *rows, char reason[static 160])
{
        for (const struct sconce_option *row = rows; row && row->key; row++) {
                char why[TYPE_REASON_MAX] = "";
                int r = check_row(row, why);
                if (r == -ENOMEM) {
                        (void)reason_set(reason, "out of memory");
                        return r;
                }
                if (r < 0)
                        return reason_set(reason, "option %.40s: %.100s", row->key, why);
        }
        return 0;
}
