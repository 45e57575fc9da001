/* SPDX-License-Identifier: Apache-2.0 */
/* A whole config file with any bytes: read, checked against the daemon's sections, the plugins' tables and the
 * rules' words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/builtin.h"
#include "config/config.h"
#include "config/rule.h"
#include "fakes/plugin_file.h"
#include "fuzz/fuzz.h"
#include "plugin/device_config.h"
#include "plugin/loader.h"
#include "rule/rule.h"
#include "util/text.h"

static struct config *load(const void *data, size_t size, struct problems *problems)
{
        struct config *config = NULL;

        must(config_load_file(input_file(data, size), problems, &config) == 0 && config);
        must(strlen(config->sha256) == 64 && !problems->lost);
        for (size_t i = 0; i < problems->count; i++)
                must(text_utf8_valid(problems->items[i], strlen(problems->items[i])) == strlen(problems->items[i]));
        return config;
}

/* ---- As it was read ------------------------------------------------------------------------------------ */

static void check_entry(const struct config_section *section, const struct config_entry *entry)
{
        must(entry->key[0] != '\0' && config_entry_find(section, entry->key) == entry);
        must(entry->broken ? entry->count == 0 : entry->is_list || entry->count == 1);
        for (size_t i = 0; i < entry->count; i++)
                must(text_utf8_valid(entry->values[i], strlen(entry->values[i])) == strlen(entry->values[i]));
}

static void put_text(FILE *out, const char *text)
{
        (void)fputc('"', out);
        for (; *text; text++)
                (void)fprintf(out, (unsigned char)*text < 0x20 || strchr("\"\\\x7f", *text) ? "\\x%02x" : "%c",
                              (unsigned char)*text);
        (void)fputc('"', out);
}

static void put_entry(FILE *out, const struct config_entry *entry)
{
        (void)fprintf(out, "%s = %s", entry->key, entry->is_list ? "[" : "");
        for (size_t i = 0; i < entry->count; i++) {
                (void)fputs(i ? "," : "", out);
                put_text(out, entry->values[i]);
        }
        (void)fputs(entry->is_list ? "]\n" : "\n", out);
}

/* Everything that was understood, as a config again. free() it. */
static char *write_config(const struct config *config)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        must(out);
        for (size_t s = 0; s < config->count; s++) {
                const struct config_section *section = &config->sections[s];
                must(config_find(config, section->kind, section->id) == section);
                (void)fprintf(out, "[%s%s%s]\n", section->kind, section->id ? " " : "", section->id ? section->id : "");
                for (size_t i = 0; i < section->count; i++) {
                        check_entry(section, &section->entries[i]);
                        if (!section->entries[i].broken)
                                put_entry(out, &section->entries[i]);
                }
        }
        must(fclose(out) == 0);
        return text;
}

static void check_again(const struct config *config)
{
        struct problems problems = { 0 };
        char *text = write_config(config);
        struct config *again = load(text, strlen(text), &problems);
        char *same = write_config(again);

        must(problems.count == 0 && same_text(text, same));
        config_free(again);
        free(same);
        free(text);
}

/* ---- What it means ------------------------------------------------------------------------------------- */

static bool has_broken(const struct config_section *section)
{
        for (size_t i = 0; i < section->count; i++)
                if (section->entries[i].broken)
                        return true;
        return false;
}

/* Refused with a sentence, or taken without one; an entry that could not be read has its sentence already. */
static void must_fit(int r, size_t before, const struct problems *problems, bool is_broken)
{
        must(r == 0 || r == -EINVAL);
        must(r == 0 ? problems->count == before : problems->count > before || is_broken);
}

static void check_settings(const struct config *config, enum settings_for whom, struct problems *problems)
{
        struct settings settings;
        size_t before = problems->count;
        bool is_broken = false;

        for (size_t i = 0; i < config->count; i++)
                is_broken |= has_broken(&config->sections[i]);
        int r = settings_read(config, whom, problems, &settings);
        must_fit(r, before, problems, is_broken);
        if (r == 0)
                settings_done(&settings);
}

static struct loader *plugins(void)
{
        static struct loader loader;
        char dir[4096];

        (void)snprintf(dir, sizeof(dir), "%s/plugins", build_dir());
        must(loader.dir || loader_init(&loader, dir) == 0);
        return &loader;
}

static void check_device(const struct config_section *section, struct problems *problems)
{
        struct device_config *device = NULL;
        const struct plugin *plugin;
        size_t before = problems->count;

        if (!text_is_id(section->kind) || loader_get(plugins(), section->kind, NULL, &plugin) < 0)
                return;
        int r = device_config_new(plugin, section, problems, &device);
        must_fit(r, before, problems, has_broken(section));
        must((r == 0) == (device != NULL));
        device_config_free(device);
}

static void check_rule(const struct config_section *section, struct problems *problems)
{
        struct rule *rule = NULL;
        size_t before = problems->count;
        int r = rule_new(section, problems, &rule);

        must(r == 0 || r == -EINVAL);
        must(r == 0 || problems->count > before || has_broken(section));
        must((r == 0) == (rule != NULL));
        rule_free(rule);
}

static void check_sections(const struct config *config, struct problems *problems)
{
        for (size_t i = 0; i < config->count; i++) {
                if (section_is_rule(&config->sections[i]))
                        check_rule(&config->sections[i], problems);
                else if (config->sections[i].id)
                        check_device(&config->sections[i], problems);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct problems problems = { 0 };
        struct config *config = load(data, size, &problems);

        check_again(config);
        check_settings(config, SETTINGS_DAEMON, &problems);
        check_settings(config, SETTINGS_CLIENT, &problems);
        check_sections(config, &problems);
        must(!problems.lost);
        config_free(config);
        problems_done(&problems);
        return 0;
}
