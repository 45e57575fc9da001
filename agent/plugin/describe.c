/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/describe.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel/channels.h"
#include "config/dump.h"
#include "plugin/device_config.h"
#include "plugin/loader.h"
#include "util/log.h"

/* "number, %, 0 to 100, written" */
static void print_kind(FILE *out, const struct sconce_channel *row)
{
        const struct channel channel = { .row = *row, .kind = kind_get(row->kind) };
        char min[JSON_NUMBER_MAX], max[JSON_NUMBER_MAX];

        (void)fputs(channel.kind->name, out);
        if (row->unit)
                (void)fprintf(out, ", %s", row->unit);
        if (row->min != 0 || row->max != 0) {
                json_number_text(row->min, min);
                json_number_text(row->max, max);
                (void)fprintf(out, ", %s to %s", min, max);
        }
        for (size_t i = 0; row->choices && row->choices[i]; i++)
                (void)fprintf(out, "%s%s", i ? " | " : ", ", row->choices[i]);
        (void)fprintf(out, ", %s", channel_is_writable(&channel) ? "written" : "read");
}

static void print_channel(FILE *out, const struct sconce_channel *row, enum describe_form form)
{
        CLEANUP_FREE char *kind = NULL;
        size_t size;
        FILE *memory = open_memstream(&kind, &size);

        if (!memory)
                return;
        print_kind(memory, row);
        (void)fclose(memory);
        if (form == DESCRIBE_TEXT) {
                (void)fprintf(out, "  %s: %s\n", row->key, kind);
                if (row->help)
                        (void)fprintf(out, "      %s\n", row->help);
        } else {
                describe_item(out, row->key, kind, row->help ? row->help : "", form);
        }
}

static void print_options(FILE *out, const struct plugin *plugin, enum describe_form form)
{
        struct option_target targets[TARGETS_MAX];
        /* The pages have what all devices share in one place: its own rows and its lines' come first. */
        size_t count = plugin_targets(plugin, targets), own = 1 + plugin->n_lines;

        options_describe_head(out, form);
        for (size_t i = 0; i < (form == DESCRIBE_TEXT ? count : own); i++)
                options_describe(out, targets[i].rows, form);
}

static void print_channels(FILE *out, const struct plugin *plugin, enum describe_form form)
{
        static const char *const heads[] = {
                [DESCRIBE_TEXT] = "\nChannels\n",
                [DESCRIBE_MARKDOWN] = "\n| channel | kind | meaning |\n| --- | --- | --- |\n",
                [DESCRIBE_ROFF] = ".SH CHANNELS\n",
        };
        static const char *const nones[] = {
                [DESCRIBE_TEXT] = "\nChannels\n  none that are known before the device is\n",
                [DESCRIBE_MARKDOWN] = "\nIts channels depend on its options, or on what it finds.\n",
                [DESCRIBE_ROFF] = ".SH CHANNELS\nThey depend on its options, or on what it finds.\n",
        };

        (void)fputs(plugin->n_channels > 0 ? heads[form] : nones[form], out);
        for (size_t i = 0; i < plugin->n_channels; i++)
                print_channel(out, &plugin->table.channels[i], form);
}

/* "sconce\-lamp", as the man page is called. */
static void print_page_name(FILE *out, const struct plugin *plugin)
{
        (void)fputs("sconce\\-", out);
        describe_line(out, plugin->table.name, DESCRIBE_ROFF);
}

/* All of its man page that stands above its options. What apropos(1) lists is no sentence: it begins small. */
static void print_page_head(FILE *out, const struct plugin *plugin)
{
        const char *name = plugin->table.name, *summary = plugin->table.summary;
        char first[] = { (char)(isupper((unsigned char)summary[1]) ? summary[0] : tolower((unsigned char)*summary)),
                         '\0' };

        (void)fputs(".SH NAME\n", out);
        print_page_name(out, plugin);
        (void)fputs(" \\- ", out);
        describe_line(out, first, DESCRIBE_ROFF);
        describe_line(out, summary + 1, DESCRIBE_ROFF);
        (void)fprintf(out,
                      "\n.SH SYNOPSIS\n.B [%s ID]\n.br\n.IR KEY \" = \" VALUE\n.SH DESCRIPTION\nA section\n.B [%s ID]\n"
                      "of\n.BR sconce.conf (5)\nmakes one device of this plugin.\n.B ID\nnames it in the topics:\n"
                      ".BI sconce/ NODE / ID /state\\fR.\n.SH OPTIONS\nThe keys that devices have in common, such as\n"
                      ".BR name ,\n.B area\nand\n.BR every ,\nare in\n.BR sconce.conf (5).\n",
                      name, name);
}

static void print_plugin(FILE *out, const struct plugin *plugin, enum describe_form form)
{
        const struct sconce_plugin *table = &plugin->table;

        if (form == DESCRIBE_TEXT)
                (void)fprintf(out, "%s %s: %s\n\nOptions of [%s ID]\n", table->name, plugin->version, table->summary,
                              table->name);
        else if (form == DESCRIBE_ROFF)
                print_page_head(out, plugin);
        else /* the name is the page's own */
                (void)fprintf(out, "%s.\n\n", table->summary);
        print_options(out, plugin, form);
        print_channels(out, plugin, form);
}

static int describe_file(const char *path, enum describe_form form, FILE *out)
{
        CLEANUP_PLUGIN struct plugin *plugin = NULL;
        struct fault fault;

        int r = plugin_load(path, &fault, &plugin);
        if (r < 0) {
                log_error("%s", fault.text);
                return r;
        }
        print_plugin(out, plugin, form);
        return 0;
}

/* One row of the list of plugins. */
static void print_row(FILE *out, const struct plugin *plugin, enum describe_form form)
{
        const struct sconce_plugin *table = &plugin->table;

        if (form == DESCRIBE_MARKDOWN) {
                (void)fprintf(out, "| [%s](%s.md) | %s |\n", table->name, table->name, table->summary);
                return;
        }
        (void)fputs(".TP\n.BR ", out);
        print_page_name(out, plugin);
        (void)fputs(" (5)\n", out);
        describe_line(out, table->summary, form);
        (void)fputc('\n', out);
}

static void print_reference(FILE *out, const struct plugin *plugin, enum describe_form form)
{
        (void)form;
        (void)fputs(".BR ", out);
        print_page_name(out, plugin);
        (void)fputs(" (5),\n", out);
}

typedef void (*print_fn)(FILE *out, const struct plugin *plugin, enum describe_form form);

static int describe_name(const char *dir, const char *name, print_fn print, enum describe_form form, FILE *out)
{
        struct loader loader;
        const struct plugin *plugin;
        struct fault fault;

        int r = loader_init(&loader, dir);
        if (r < 0)
                return r;
        r = loader_get(&loader, name, &fault, &plugin);
        if (r == 0)
                print(out, plugin, form);
        else if (r == -ENOENT) /* a refused one has been named already */
                log_error("%s", fault.text);
        loader_done(&loader);
        return r;
}

static int describe_all(const char *dir, print_fn print, enum describe_form form, FILE *out)
{
        char **names = NULL;
        size_t count = 0;
        int result = plugin_names(dir, &names, &count);

        if (result < 0)
                log_error("%s: %s", dir, strerror(-result));
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && form == DESCRIBE_TEXT)
                        (void)fputc('\n', out);
                int r = names[i] ? describe_name(dir, names[i], print, form, out) : -ENOMEM;
                result = r < 0 ? r : result;
                free(names[i]);
        }
        free(names);
        return result;
}

int plugins_describe_list(const char *plugin_dir, enum describe_form form, FILE *out)
{
        if (form == DESCRIBE_MARKDOWN)
                (void)fputs("| plugin | is |\n| --- | --- |\n", out);
        return describe_all(plugin_dir, print_row, form, out);
}

int plugins_describe_references(const char *plugin_dir, FILE *out)
{
        return describe_all(plugin_dir, print_reference, DESCRIBE_ROFF, out);
}

int plugins_describe(const char *plugin_dir, const char *plugin, enum describe_form form, FILE *out)
{
        size_t length = plugin ? strlen(plugin) : 0;

        if (!plugin)
                return describe_all(plugin_dir, print_plugin, form, out);
        if (strchr(plugin, '/') || (length > 3 && strcmp(plugin + length - 3, ".so") == 0))
                return describe_file(plugin, form, out);
        return describe_name(plugin_dir, plugin, print_plugin, form, out);
}

void shared_describe(enum describe_form form, FILE *out)
{
        static const struct {
                const char *heading;
                const struct sconce_option *rows;
        } tables[] = {
                { "Every device", shared_common_rows },
                { "Every output", shared_output_rows },
                { "Every switch and lamp", shared_interlock_rows },
                { "Every device that measures", reading_rows },
        };

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
                if (i > 0 && form == DESCRIBE_MARKDOWN)
                        (void)fputc('\n', out);
                describe_heading(out, tables[i].heading, form);
                options_describe_head(out, form);
                options_describe(out, tables[i].rows, form);
        }
}

void kinds_describe(enum describe_form form, FILE *out)
{
        static const char *const types[] = {
                [SCONCE_VALUE_BOOL] = "on or off",
                [SCONCE_VALUE_NUMBER] = "a number",
                [SCONCE_VALUE_TEXT] = "a text",
        };
        const struct kind *kind;

        for (int i = 1; (kind = kind_get((enum sconce_kind)i)); i++) {
                char what[80];
                (void)snprintf(what, sizeof(what), "%s%s, %s%s", types[kind->type],
                               kind->has_choices ? " out of its choices" : "", kind->written ? "written" : "read",
                               kind->has_state ? "" : ", not in the state");
                describe_item(out, kind->name, "", what, form);
        }
}

int devices_dump(const char *plugin_dir, const struct config *config, FILE *out)
{
        struct option_target targets[TARGETS_MAX];
        const struct plugin *plugin;
        struct loader loader;
        struct fault fault;

        int r = loader_init(&loader, plugin_dir);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                char header[CONFIG_LABEL_MAX];
                if (!config_is_device(config, i))
                        continue;
                (void)snprintf(header, sizeof(header), "%s %s", section->kind, section->id);
                struct option_store store = { 0 };
                struct reading_overrides overrides;
                int count = loader_get(&loader, section->kind, &fault, &plugin) < 0
                                    ? 0
                                    : section_targets(plugin, section, &store, targets, &overrides);
                options_dump(out, header, section, targets, (size_t)MAX(count, 0));
                option_store_done(&store);
        }
        loader_done(&loader);
        return 0;
}
