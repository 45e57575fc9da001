/* SPDX-License-Identifier: Apache-2.0 */
#include "config/describe.h"

#include <string.h>

#include "config/options.h"
#include "util/cleanup.h"
#include "util/macro.h"

static void print_choices(FILE *out, const struct sconce_option *row)
{
        for (size_t i = 0; row->choices && row->choices[i]; i++)
                (void)fprintf(out, "%s%s", i ? " | " : "", row->choices[i]);
}

/* "keep | on | off", "duration, from 1s to 1m", "list of strings". */
static void print_type(FILE *out, const struct sconce_option *row)
{
        char name[40];
        if (row->type == SCONCE_TYPE_ENUM && row->choices) {
                (void)fputs(row->flags & SCONCE_LIST ? "list of " : "", out);
                print_choices(out, row);
                return;
        }
        (void)fputs(option_type_name(row, name), out);
        if (row->min && row->max)
                (void)fprintf(out, ", from %s to %s", row->min, row->max);
        else if (row->min)
                (void)fprintf(out, ", at least %s", row->min);
        else if (row->max)
                (void)fprintf(out, ", at most %s", row->max);
        if (row->unit)
                (void)fprintf(out, "%s%s", row->min || row->max ? " " : ", in ", row->unit);
}

#define FOR_DOCS (SCONCE_REQUIRED | SCONCE_SECRET)

/* All flags of a row that has one of `wanted`, between `before` and `after`. */
static void print_flags(FILE *out, const struct sconce_option *row, uint32_t wanted, const char *before,
                        const char *after)
{
        static const struct {
                uint32_t flag;
                const char *word;
        } words[] = {
                { SCONCE_REQUIRED, "required" },     { SCONCE_SECRET, "secret" },
                { SCONCE_OUTPUT, "output" },         { SCONCE_TIMES_OUTPUT, "makes the output timed" },
                { SCONCE_RELOADABLE, "reloadable" },
        };
        const char *joint = before;
        for (size_t i = 0; i < ARRAY_SIZE(words) && row->flags & wanted; i++) {
                if (row->flags & words[i].flag) {
                        (void)fprintf(out, "%s%s", joint, words[i].word);
                        joint = ", ";
                }
        }
        if (row->flags & wanted)
                (void)fputs(after, out);
}

static void describe_text(FILE *out, const struct sconce_option *row)
{
        (void)fprintf(out, "  %s = ", row->key);
        print_type(out, row);
        if (row->def)
                (void)fprintf(out, "  (default %s)", *row->def ? row->def : "\"\"");
        print_flags(out, row, FOR_DOCS | SCONCE_OUTPUT | SCONCE_TIMES_OUTPUT | SCONCE_RELOADABLE, "  [", "]");
        (void)fprintf(out, "\n      %s\n", row->help ? row->help : "");
}

/* What print_type() prints; free() it; NULL without memory. */
static char *type_text(const struct sconce_option *row)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (out) {
                print_type(out, row);
                (void)fclose(out);
        }
        return text;
}

static void put_cell(FILE *out, const char *text)
{
        for (; *text; text++)
                (void)fprintf(out, "%s%c", *text == '|' ? "\\" : "", *text);
}

static void describe_markdown(FILE *out, const struct sconce_option *row)
{
        CLEANUP_FREE char *type = type_text(row);

        (void)fprintf(out, "| `%s` | ", row->key);
        put_cell(out, type ? type : "");
        (void)fprintf(out, " | %s%s%s | ", row->def ? "`" : "", row->def ? row->def : "", row->def ? "`" : "");
        put_cell(out, row->help ? row->help : "");
        print_flags(out, row, FOR_DOCS, " (", ")");
        (void)fputs(" |\n", out);
}

/* Text of a man page: nothing in it is a request or an escape, and a minus can be copied to a command line. */
static void put_roff(FILE *out, const char *text)
{
        if (*text == '.' || *text == '\'')
                (void)fputs("\\&", out);
        for (; *text; text++)
                (void)fprintf(out, *text == '\\' ? "\\e" : *text == '-' ? "\\-" : "%c", *text);
}

static void describe_roff(FILE *out, const struct sconce_option *row)
{
        CLEANUP_FREE char *type = type_text(row);

        (void)fputs(".TP\n\\fB", out);
        put_roff(out, row->key);
        (void)fputs("\\fR = \\fI", out);
        put_roff(out, type ? type : "");
        (void)fputs("\\fR", out);
        if (row->def) {
                (void)fputs("  (default ", out);
                put_roff(out, *row->def ? row->def : "\"\"");
                (void)fputs(")", out);
        }
        (void)fputs("\n", out);
        put_roff(out, row->help ? row->help : "");
        print_flags(out, row, FOR_DOCS, " (", ")");
        (void)fputs("\n", out);
}

void describe_heading(FILE *out, const char *text, enum describe_form form)
{
        static const struct {
                const char *before, *after;
        } frames[] = {
                [DESCRIBE_TEXT] = { "", "\n" },
                [DESCRIBE_MARKDOWN] = { "### ", "\n\n" },
                [DESCRIBE_ROFF] = { ".SS ", "\n" },
        };
        if (form == DESCRIBE_MARKDOWN && text[0] == '[') /* or else it would be a link */
                (void)fprintf(out, "### `%s`\n\n", text);
        else
                (void)fprintf(out, "%s%s%s", frames[form].before, text, frames[form].after);
}

void describe_item(FILE *out, const char *term, const char *is, const char *help, enum describe_form form)
{
        if (form == DESCRIBE_MARKDOWN) {
                (void)fprintf(out, "| `%s` | ", term);
                put_cell(out, is);
                (void)fputs(" | ", out);
                put_cell(out, help);
                (void)fputs(" |\n", out);
                return;
        }
        (void)fputs(".TP\n\\fB", out);
        put_roff(out, term);
        (void)fputs(*is ? "\\fR  " : "\\fR", out);
        put_roff(out, is);
        (void)fputs("\n", out);
        put_roff(out, help);
        (void)fputs("\n", out);
}

void describe_line(FILE *out, const char *text, enum describe_form form)
{
        if (form == DESCRIBE_ROFF)
                put_roff(out, text);
        else
                (void)fputs(text, out);
}

void options_describe_head(FILE *out, enum describe_form form)
{
        if (form == DESCRIBE_MARKDOWN)
                (void)fputs("| key | type | default | meaning |\n| --- | --- | --- | --- |\n", out);
}

void options_describe(FILE *out, const struct sconce_option *rows, enum describe_form form)
{
        static void (*const forms[])(FILE * out, const struct sconce_option *row) = {
                [DESCRIBE_TEXT] = describe_text,
                [DESCRIBE_MARKDOWN] = describe_markdown,
                [DESCRIBE_ROFF] = describe_roff,
        };
        for (const struct sconce_option *row = rows; row && row->key; row++)
                forms[form](out, row);
}
