/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
        [STORE_VALUE] = "value", [STORE_SAVED] = "saved", [STORE_MARK] = "mark",
        [STORE_TOPIC] = "topic", [STORE_PARTS] = "parts",
};

const char *store_what_name(enum store_what what)
{
        return names[what];
}

int store_what_from_name(const char *name, enum store_what *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (strcmp(names[i], name) == 0) {
                        *ret = (enum store_what)i;
                        return 0;
                }
        }
        return -EINVAL;
}

/* ---- One row ------------------------------------------------------------------------------------------- */

static void row_free(struct row *row)
{
        if (!row)
                return;
        free(row->device);
        free(row->key);
        free(row->value);
        free(row);
}

DEFINE_CLEANUP(struct row, row_free);

static int row_new(enum store_what what, const char *device, const char *key, struct row **ret)
{
        CLEANUP(row_freep) struct row *row = calloc(1, sizeof(*row));

        if (!row)
                return -ENOMEM;
        row->what = what;
        row->device = strdup(device);
        row->key = strdup(key);
        if (!row->device || !row->key)
                return -ENOMEM;
        *ret = TAKE_PTR(row);
        return 0;
}

static int compare(const struct row *row, enum store_what what, const char *device, const char *key)
{
        if (row->what != what)
                return row->what < what ? -1 : 1;
        int r = strcmp(row->device, device);
        return r != 0 ? r : strcmp(row->key, key);
}

static bool has_value(const struct row *row, const char *value)
{
        if (!row->value || !value)
                return row->value == value;
        return strcmp(row->value, value) == 0;
}

static int row_set(struct row *row, const char *value)
{
        size_t size = value ? strlen(value) + 1 : 0;
        char *room = value ? realloc(row->value, size) : NULL;

        if (value && !room)
                return -ENOMEM;
        if (value)
                memcpy(room, value, size);
        else
                free(row->value);
        row->value = room;
        row->dirty = true;
        return 0;
}

/* ---- All of them --------------------------------------------------------------------------------------- */

size_t rows_place(const struct rows *rows, enum store_what what, const char *device, const char *key)
{
        size_t from = 0, to = rows->count;

        while (from < to) {
                size_t middle = from + (to - from) / 2;
                if (compare(rows->items[middle], what, device, key) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

struct row *rows_find(const struct rows *rows, enum store_what what, const char *device, const char *key)
{
        size_t at = rows_place(rows, what, device, key);

        if (at == rows->count || compare(rows->items[at], what, device, key) != 0)
                return NULL;
        return rows->items[at];
}

static int insert(struct rows *rows, struct row *row)
{
        struct row **items = realloc(rows->items, (rows->count + 1) * sizeof(struct row *));

        if (!items)
                return -ENOMEM;
        rows->items = items;
        size_t at = rows_place(rows, row->what, row->device, row->key);
        memmove(&items[at + 1], &items[at], (rows->count - at) * sizeof(struct row *));
        items[at] = row;
        rows->count++;
        return 0;
}

int rows_set(struct rows *rows, enum store_what what, const char *device, const char *key, const char *value)
{
        struct row *known = rows_find(rows, what, device, key);
        CLEANUP(row_freep) struct row *row = NULL;

        if (known ? has_value(known, value) : !value)
                return 0;
        int r = known ? 0 : row_new(what, device, key, &row);
        if (r == 0)
                r = row_set(known ? known : row, value);
        if (r == 0 && row)
                r = insert(rows, row);
        if (r < 0)
                return r;
        row = NULL; /* theirs */
        return 1;
}

bool rows_have_dirty(const struct rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                if (rows->items[i]->dirty)
                        return true;
        return false;
}

static int append_copy(struct rows *rows, const struct row *row)
{
        CLEANUP(row_freep) struct row *copy = NULL;
        int r = row_new(row->what, row->device, row->key, &copy);

        if (r == 0)
                r = row_set(copy, row->value);
        if (r == 0)
                r = insert(rows, copy);
        if (r == 0)
                copy = NULL; /* theirs */
        return r;
}

int rows_copy_dirty(struct rows *rows, struct rows *ret)
{
        for (size_t i = 0; i < rows->count; i++) {
                int r = rows->items[i]->dirty ? append_copy(ret, rows->items[i]) : 0;
                if (r < 0) {
                        rows_done(ret);
                        return r;
                }
        }
        for (size_t i = 0; i < rows->count; i++)
                rows->items[i]->dirty = false;
        return 0;
}

void rows_dirty_again(struct rows *rows, const struct rows *copies)
{
        for (size_t i = 0; i < copies->count; i++) {
                const struct row *copy = copies->items[i];
                struct row *row = rows_find(rows, copy->what, copy->device, copy->key);
                if (row)
                        row->dirty = true;
        }
}

void rows_dirty_all(struct rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                rows->items[i]->dirty = true;
}

void rows_sweep(struct rows *rows)
{
        size_t kept = 0;

        for (size_t i = 0; i < rows->count; i++) {
                if (rows->items[i]->value || rows->items[i]->dirty)
                        rows->items[kept++] = rows->items[i];
                else
                        row_free(rows->items[i]);
        }
        rows->count = kept;
}

void rows_settle(struct rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                rows->items[i]->dirty = false;
        rows_sweep(rows);
}

void rows_done(struct rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                row_free(rows->items[i]);
        free(rows->items);
        *rows = (struct rows){ 0 };
}
