/* SPDX-License-Identifier: Apache-2.0 */
#include "client/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "client/shown.h"
#include "util/cleanup.h"

DEFINE_CLEANUP(struct libscols_table, scols_unref_table);
#define CLEANUP_TABLE CLEANUP(scols_unref_tablep)

#define DUMP_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

char *table_text(const json_t *value)
{
        if (!value || json_is_null(value))
                return strdup("");
        if (json_is_string(value))
                return shown_text(json_string_value(value), json_string_length(value));
        CLEANUP_FREE char *json = json_dumps(value, DUMP_FLAGS | JSON_COMPACT);
        return json ? shown_text(json, strlen(json)) : NULL;
}

int table_json(FILE *out, const json_t *value, bool indented)
{
        CLEANUP_FREE char *json = json_dumps(value, DUMP_FLAGS | (indented ? JSON_INDENT(2) : JSON_COMPACT));
        CLEANUP_FREE char *shown = json ? shown_json(json) : NULL;

        if (!shown)
                return -ENOMEM;
        return fprintf(out, "%s\n", shown) < 0 ? -EIO : 0;
}

static int add_columns(struct libscols_table *table, const struct table_column *columns)
{
        for (const struct table_column *column = columns; column->heading; column++) {
                int flags = (column->right ? SCOLS_FL_RIGHT : 0) | (column->cut ? SCOLS_FL_TRUNC : 0);
                if (!scols_table_new_column(table, column->heading, column->cut ? 0.3 : 0, flags))
                        return -ENOMEM;
        }
        return 0;
}

static int add_row(struct libscols_table *table, const json_t *row, const struct table_column *columns)
{
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (!line)
                return -ENOMEM;
        for (size_t i = 0; columns[i].heading; i++) {
                CLEANUP_FREE char *text = table_text(json_object_get(row, columns[i].key));
                if (!text || scols_line_set_data(line, i, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int table_print(FILE *out, json_t *rows, const struct table_column *columns, bool as_json)
{
        if (as_json)
                return table_json(out, rows, true);

        CLEANUP_TABLE struct libscols_table *table = scols_new_table();
        if (!table || scols_table_set_stream(table, out) < 0)
                return -ENOMEM;
        /* The cells are escaped already; twice would show the escapes instead. */
        (void)scols_table_enable_noencoding(table, 1);
        int r = add_columns(table, columns);
        size_t index;
        json_t *row;
        json_array_foreach(rows, index, row) if (r == 0) r = add_row(table, row, columns);
        if (r < 0)
                return r;
        return scols_print_table(table) == 0 ? 0 : -EIO;
}
