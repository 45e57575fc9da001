/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dump.h"

#include <string.h>

#include "util/text.h"

#define MASK "********"

/* Whether the text reads back as itself without quotes. */
static bool is_bare(const char *text)
{
        size_t length = strlen(text);
        if (length == 0 || strchr("\"[({#;' \t", text[0]) || strchr(" \t", text[length - 1]))
                return false;
        for (const char *c = text; *c; c++) {
                if ((unsigned char)*c < 0x20 || *c == 0x7f || ((*c == ' ') && (c[1] == '#' || c[1] == ';')))
                        return false;
        }
        return true;
}

static void put_quoted(FILE *out, const char *text)
{
        (void)fputc('"', out);
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        (void)fprintf(out, "\\%c", *text);
                else if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        (void)fprintf(out, "\\x%02x", (unsigned char)*text);
                else
                        (void)fputc(*text, out);
        }
        (void)fputc('"', out);
}

static void put_value(FILE *out, const struct config_entry *entry)
{
        if (!entry->is_list) {
                const char *text = entry->count ? entry->values[0] : "";
                if (is_bare(text))
                        (void)fputs(text, out);
                else
                        put_quoted(out, text);
                return;
        }
        (void)fputc('[', out);
        for (size_t i = 0; i < entry->count; i++) {
                (void)fputs(i ? ", " : "", out);
                put_quoted(out, entry->values[i]);
        }
        (void)fputc(']', out);
}

static void put_origin(FILE *out, const struct config_entry *entry)
{
        char shown[TEXT_SHOWN_MAX];
        (void)fprintf(out, "  # %s:%u\n", text_show(entry->file, shown), entry->line);
}

static void dump_entry(FILE *out, const struct config_entry *entry, bool secret)
{
        (void)fprintf(out, "%s%s = ", secret ? "# " : "", entry->key);
        if (secret)
                (void)fputs(MASK, out);
        else
                put_value(out, entry);
        put_origin(out, entry);
}

/* The URI of a key on a card may hold the card's PIN. */
static bool holds_pin(const struct config_entry *entry)
{
        for (size_t i = 0; i < entry->count; i++)
                if (text_pin(entry->values[i]))
                        return true;
        return false;
}

static void dump_row(FILE *out, const struct config_section *section, const struct sconce_option *row)
{
        const struct config_entry *entry = section ? config_entry_find(section, row->key) : NULL;
        bool secret = row->flags & SCONCE_SECRET;
        if (entry && !entry->broken)
                dump_entry(out, entry, secret || holds_pin(entry));
        else if (row->def)
                (void)fprintf(out, "%s = %s  # default\n", row->key, *row->def ? row->def : "\"\"");
        else
                (void)fprintf(out, "# %s is not set\n", row->key);
}

void options_dump(FILE *out, const char *header, const struct config_section *section,
                  const struct option_target *targets, size_t n_targets)
{
        (void)fprintf(out, "[%s]\n", header);
        for (size_t t = 0; t < n_targets; t++) {
                for (const struct sconce_option *row = targets[t].rows; row && row->key; row++)
                        dump_row(out, section, row);
        }
        for (size_t i = 0; n_targets == 0 && section && i < section->count; i++)
                dump_entry(out, &section->entries[i], true);
        (void)fputc('\n', out);
}
