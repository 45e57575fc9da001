/* SPDX-License-Identifier: Apache-2.0 */
/* What is saved: a line each. "set WHAT DEVICE KEY VALUE" changes a row (deletes it without VALUE), "copy", "again",
 * "all", "sweep", "settle" do what the writer does, "restore DEVICE CHANNEL TEXT" brings back a channel's value. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/devices.h"
#include "fuzz/fuzz.h"
#include "store/rows.h"

/* ---- Rows ---------------------------------------------------------------------------------------------- */

static bool is_before(const struct row *a, const struct row *b)
{
        int device = strcmp(a->device, b->device);

        if (a->what != b->what)
                return a->what < b->what;
        return device < 0 || (device == 0 && strcmp(a->key, b->key) < 0);
}

static size_t count_dirty(const struct rows *rows)
{
        size_t count = 0;

        for (size_t i = 0; i < rows->count; i++)
                count += rows->items[i]->dirty;
        return count;
}

static void check_rows(const struct rows *rows)
{
        for (size_t i = 0; i < rows->count; i++) {
                const struct row *row = rows->items[i];
                must(i == 0 || is_before(rows->items[i - 1], row));
                must(rows_find(rows, row->what, row->device, row->key) == row);
        }
        must(rows_have_dirty(rows) == (count_dirty(rows) > 0));
}

static void set(struct rows *rows, char *words)
{
        const char *name = strsep(&words, " "), *device = strsep(&words, " "), *key = strsep(&words, " ");
        enum store_what what;

        if (!key || store_what_from_name(name, &what) < 0)
                return;
        must(same_text(store_what_name(what), name));
        const struct row *row = rows_find(rows, what, device, key);
        bool changes = row ? !same_text(row->value, words) : words != NULL;
        must(rows_set(rows, what, device, key, words) == changes);
        row = rows_find(rows, what, device, key);
        must(row ? same_text(row->value, words) : !words);
        must(!changes || row->dirty);
        must(rows_set(rows, what, device, key, words) == 0);
}

static void hand_over(struct rows *rows, bool fails)
{
        struct rows copies = { 0 };
        size_t dirty = count_dirty(rows);

        must(rows_copy_dirty(rows, &copies) == 0);
        must(!rows_have_dirty(rows) && copies.count == dirty);
        check_rows(&copies);
        if (fails) {
                rows_dirty_again(rows, &copies);
                must(count_dirty(rows) == dirty);
        }
        rows_done(&copies);
}

static void copy(struct rows *rows, char *words)
{
        (void)words;
        hand_over(rows, false);
}

static void again(struct rows *rows, char *words)
{
        (void)words;
        hand_over(rows, true);
}

static void all(struct rows *rows, char *words)
{
        (void)words;
        rows_dirty_all(rows);
        must(count_dirty(rows) == rows->count);
}

static void sweep(struct rows *rows, char *words)
{
        size_t dirty = count_dirty(rows);

        (void)words;
        rows_sweep(rows);
        must(count_dirty(rows) == dirty);
        for (size_t i = 0; i < rows->count; i++)
                must(rows->items[i]->value || rows->items[i]->dirty);
}

static void settle(struct rows *rows, char *words)
{
        (void)words;
        rows_settle(rows);
        must(count_dirty(rows) == 0);
        for (size_t i = 0; i < rows->count; i++)
                must(rows->items[i]->value);
}

/* ---- Values of channels -------------------------------------------------------------------------------- */

static void check_kept(const struct channel *channel)
{
        struct channel restored = { .row = channel->row, .kind = channel->kind };
        char *text = channel_kept_text(channel);
        struct sconce_value value, same;

        must(text && channel_kept(channel, &value) == 0 && value.type == channel->kind->type);
        must(channel_is_writable(channel));
        if (value.type == SCONCE_VALUE_NUMBER)
                must(isfinite(value.number));
        if (value.type == SCONCE_VALUE_NUMBER && channel->row.max > channel->row.min)
                must(value.number >= channel->row.min && value.number <= channel->row.max);
        channel_restore(&restored, text);
        must(channel_kept(&restored, &same) == 0 && same.type == value.type && same.on == value.on);
        must(same.type != SCONCE_VALUE_NUMBER || same.number == value.number);
        must(same.type != SCONCE_VALUE_TEXT || same_text(same.text, value.text));
        free(restored.kept.text);
        free(text);
}

static void restore(struct rows *rows, char *words)
{
        const char *device = strsep(&words, " "), *key = strsep(&words, " ");
        const struct channel *channel;

        (void)rows;
        if (!words || !(channel = channels_find(device_channels(input_choice(device, device_names, n_devices)), key)))
                return;
        struct channel restored = { .row = channel->row, .kind = channel->kind };
        channel_restore(&restored, words);
        if (restored.kept.type != SCONCE_VALUE_NONE)
                check_kept(&restored);
        free(restored.kept.text);
}

/* -------------------------------------------------------------------------------------------------------- */

static const char *const verbs[] = { "set", "copy", "again", "all", "sweep", "settle", "restore" };
static void (*const moves[])(struct rows *, char *) = { set, copy, again, all, sweep, settle, restore };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        struct rows rows = { 0 };
        char *line;

        while ((line = input_line(&input))) {
                char *words = line;
                const char *verb = strsep(&words, " ");
                moves[input_choice(verb, verbs, ARRAY_SIZE(verbs))](&rows, words);
                check_rows(&rows);
                free(line);
        }
        rows_done(&rows);
        return 0;
}
