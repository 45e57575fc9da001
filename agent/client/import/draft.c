/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/draft.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "util/reserved.h"
#include "util/text.h"

void import_done(struct import *import)
{
        free(import->ids);
        free(import->lines);
        import->ids = import->lines = NULL;
}

/* ---- What is lost -------------------------------------------------------------------------------------------- */

static void PRINTF_LIKE(3, 0) note(struct import *import, unsigned line, const char *format, va_list args)
{
        CLEANUP_FREE char *text = NULL;

        if (vasprintf(&text, format, args) < 0) {
                text = NULL;
                import->failed = true;
                return;
        }
        text_defang(text);
        fprintf(import->notes, "%s:%u: %s\n", import->path, line, text);
}

void import_note(struct import *import, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        note(import, line, format, args);
        va_end(args);
}

static const struct import_key *key_find(const struct import_key *keys, const char *name)
{
        for (; keys->name; keys++)
                if (strcmp(keys->name, name) == 0)
                        return keys;
        return NULL;
}

void import_keys(struct import *import, const struct tree_node *map, const struct import_key *keys)
{
        char shown[TEXT_SHOWN_MAX];

        for (size_t i = 0; map->kind == TREE_MAP && i < map->count; i++) {
                const struct tree_item *item = &map->items[i];
                const struct import_key *key = key_find(keys, item->key);
                const struct tree_node *value = item->node;
                if (strcmp(item->key, "<<") == 0 || strncmp(item->key, "x-", 2) == 0 || tree_is_null(value))
                        continue; /* `x-`: what anchors are kept under */
                if (!key)
                        import_note(import, item->line, "%s: an unknown key: left out", text_show(item->key, shown));
                else if (key->lost && !(key->usual && value->kind == TREE_TEXT && !strcasecmp(value->text, key->usual)))
                        import_note(import, item->line, "%s: %s", key->name, key->lost);
        }
}

const struct tree_item *import_items(struct import *import, const struct tree_node *node, const char *what,
                                     size_t *ret_count)
{
        *ret_count = 0;
        if (tree_is_null(node))
                return NULL;
        if (node->tag)
                import_note(import, node->line, "%s: %s is not read: import that file by itself", what, node->tag);
        else if (node->kind != TREE_LIST)
                import_note(import, node->line, "%s: must be a list, each item of which begins with \"- \": left out",
                            what);
        else
                *ret_count = node->count;
        return *ret_count ? node->items : NULL;
}

/* ---- Ids and lines ------------------------------------------------------------------------------------------- */

static const struct import_used *used_find(const struct import_used *used, size_t count, const char *text)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(used[i].text, text) == 0)
                        return &used[i];
        return NULL;
}

static void used_add(struct import *import, struct import_used **used, size_t *count, const char *text, unsigned line)
{
        if ((*count & (*count - 1)) == 0) {
                struct import_used *grown = realloc(*used, (*count ? 2 * *count : 1) * sizeof(struct import_used));
                if (!grown) {
                        import->failed = true;
                        return;
                }
                *used = grown;
        }
        (void)snprintf((*used)[*count].text, IMPORT_LINE_MAX, "%s", text);
        (*used)[(*count)++].line = line;
}

/* Letters that names are full of, in the plain ones that an id takes. */
static const struct {
        const char *letters, *plain;
} plain_letters[] = {
        { "äÄæÆ", "ae" }, { "öÖœŒ", "oe" },  { "üÜ", "ue" },      { "ß", "ss" },           { "àáâãÀÁÂÃ", "a" },
        { "åÅ", "aa" },   { "çčćÇČĆ", "c" }, { "ďđĎĐ", "d" },     { "èéêëěęÈÉÊËĚĘ", "e" }, { "ìíîïÌÍÎÏ", "i" },
        { "łŁ", "l" },    { "ñňńÑŇŃ", "n" }, { "òóôõÒÓÔÕ", "o" }, { "øØ", "oe" },          { "řŘ", "r" },
        { "šśŠŚ", "s" },  { "ťŤ", "t" },     { "ùúûůÙÚÛŮ", "u" }, { "ýÿÝ", "y" },          { "žźżŽŹŻ", "z" },
        { "'’", "" },
};

static const char *plain_letter(const char *letter, size_t length)
{
        for (size_t i = 0; i < ARRAY_SIZE(plain_letters); i++)
                if (memmem(plain_letters[i].letters, strlen(plain_letters[i].letters), letter, length))
                        return plain_letters[i].plain;
        return NULL;
}

static void id_add(char id[static IMPORT_ID_MAX], const char *text)
{
        size_t length = strlen(id);

        for (; *text && length < IMPORT_ID_MAX - 5; text++) { /* leaves room for a number */
                bool fits = isalnum((unsigned char)*text) || (*text == '_' && length);
                if (!fits && (length == 0 || id[length - 1] == '-'))
                        continue;
                id[length++] = fits ? (char)tolower((unsigned char)*text) : '-';
        }
        id[length] = '\0';
}

static void id_make(char id[static IMPORT_ID_MAX], const char *name)
{
        size_t left = strlen(name), length;
        uint32_t code;

        for (id[0] = '\0'; left && (length = text_decode(name, left, &code)) > 0; name += length, left -= length) {
                char letter[] = { *name, '\0' };
                const char *plain = plain_letter(name, length);
                id_add(id, plain ? plain : length == 1 ? letter : "-");
        }
        for (length = strlen(id); length > 0 && id[length - 1] == '-'; length--)
                id[length - 1] = '\0';
}

static bool id_is_free(const struct import *import, const char *id)
{
        return *id && !word_is_reserved(id, RESERVED_DEVICE) && !used_find(import->ids, import->n_ids, id);
}

static void id_choose(struct draft *draft, const char *name, const char *fallback)
{
        struct import *import = draft->import;
        size_t length;

        id_make(draft->id, name);
        if (!*draft->id)
                id_make(draft->id, fallback);
        length = strlen(draft->id);
        for (unsigned i = 2; !id_is_free(import, draft->id) && i < 10000; i++)
                (void)snprintf(draft->id + length, IMPORT_ID_MAX - length, "-%u", i);
        used_add(import, &import->ids, &import->n_ids, draft->id, draft->line);
}

/* ---- One section --------------------------------------------------------------------------------------------- */

void draft_begin(struct draft *draft, struct import *import, unsigned line, const char *name, const char *fallback)
{
        *draft = (struct draft){ .import = import, .line = line, .first_line = import->n_lines };
        draft->file = open_memstream(&draft->text, &draft->size);
        if (!draft->file) {
                import->failed = draft->bad = true;
                return;
        }
        id_choose(draft, name ? name : "", fallback);
        if (name)
                draft_rename(draft, name);
}

void draft_rename(struct draft *draft, const char *name)
{
        free(draft->name);
        draft->name = strdup(name);
        if (!draft->name)
                draft->import->failed = true;
}

void draft_put(struct draft *draft, const char *key, const char *format, ...)
{
        va_list args;

        if (!draft->file)
                return;
        fprintf(draft->file, "%s = ", key);
        va_start(args, format);
        vfprintf(draft->file, format, args);
        va_end(args);
        fputc('\n', draft->file);
}

void import_put_quoted(FILE *file, const char *text)
{
        CLEANUP_FREE char *fit = strdup(text);

        fputc('"', file);
        if (fit)
                text_defang(fit);
        for (const char *c = fit; c && *c; c++)
                fprintf(file, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        fputc('"', file);
}

void draft_put_flag(struct draft *draft, const char *key, bool value)
{
        if (value)
                draft_put(draft, key, "yes");
}

void draft_comment(struct draft *draft, const char *format, ...)
{
        va_list args;

        if (!draft->file)
                return;
        fputs("# ", draft->file);
        va_start(args, format);
        vfprintf(draft->file, format, args);
        va_end(args);
        fputc('\n', draft->file);
}

void draft_refuse(struct draft *draft, unsigned line, const char *format, ...)
{
        va_list args;

        draft->bad = true;
        va_start(args, format);
        note(draft->import, line, format, args);
        va_end(args);
}

void draft_put_line(struct draft *draft, const char *key, unsigned at, const char *line)
{
        struct import *import = draft->import;
        const struct import_used *other = used_find(import->lines, import->n_lines, line);

        if (other) {
                draft_refuse(draft, at,
                             "%s: GPIO line %s belongs to the device in line %u: a line serves one device; left out",
                             draft->id, line, other->line);
                return;
        }
        used_add(import, &import->lines, &import->n_lines, line, at);
        draft_put(draft, key, "%s", line);
}

/* Not where it is the id over again. */
static void put_name(const struct draft *draft)
{
        if (!draft->name || !*draft->name || strcmp(draft->name, draft->id) == 0)
                return;
        fputs("name = ", draft->import->out);
        import_put_quoted(draft->import->out, draft->name);
        fputc('\n', draft->import->out);
}

void draft_end(struct draft *draft, const char *kind)
{
        struct import *import = draft->import;

        if (draft->file && fclose(draft->file) != 0)
                import->failed = draft->bad = true;
        if (!draft->bad && import->devices >= IMPORT_DEVICES_MAX)
                draft_refuse(draft, draft->line, "%s: more than %d devices: left out", draft->id, IMPORT_DEVICES_MAX);
        if (draft->bad) {
                /* What it had taken is free for another. */
                import->n_lines = draft->first_line;
                if (import->n_ids)
                        import->n_ids--;
        } else {
                fprintf(import->out, "\n[%s %s]\n", kind, draft->id);
                put_name(draft);
                fputs(draft->text, import->out);
                import->devices++;
        }
        free(draft->text);
        free(draft->name);
}

/* ---- Values -------------------------------------------------------------------------------------------------- */

static const struct tree_node *value_of(struct draft *draft, const struct tree_node *map, const char *key)
{
        const struct tree_node *node = tree_get(map, key);

        if (tree_is_null(node))
                return NULL;
        if (node->tag) {
                draft_refuse(draft, node->line, "%s: %s is not read: write the value in; left out", key, node->tag);
                return NULL;
        }
        if (node->kind != TREE_TEXT) {
                draft_refuse(draft, node->line, "%s: must be one value, not a list or map; left out", key);
                return NULL;
        }
        return node;
}

const char *draft_text(struct draft *draft, const struct tree_node *map, const char *key)
{
        const struct tree_node *node = value_of(draft, map, key);
        return node ? node->text : NULL;
}

bool draft_bool(struct draft *draft, const struct tree_node *map, const char *key, bool fallback)
{
        static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "n", "y" };
        const struct tree_node *node = value_of(draft, map, key);
        char shown[TEXT_SHOWN_MAX];

        if (!node)
                return fallback;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcasecmp(node->text, words[i]) == 0)
                        return i % 2;
        draft_refuse(draft, node->line, "%s: %s is neither yes nor no; left out", key, text_show(node->text, shown));
        return fallback;
}

bool draft_number(struct draft *draft, const struct tree_node *map, const char *key, double max, double *ret)
{
        const struct tree_node *node = value_of(draft, map, key);
        char shown[TEXT_SHOWN_MAX], *end = NULL;

        if (!node)
                return false;
        double number = strtod(node->text, &end);
        if (*end || end == node->text || !(number >= 0) || number > max) {
                draft_refuse(draft, node->line, "%s: %s is not a number from 0 to %.0f; left out", key,
                             text_show(node->text, shown), max);
                return false;
        }
        *ret = number;
        return true;
}

bool draft_unsigned(struct draft *draft, const struct tree_node *map, const char *key, unsigned max, unsigned *ret)
{
        const char *text = draft_text(draft, map, key);
        char shown[TEXT_SHOWN_MAX], *end = NULL;

        if (!text)
                return !draft->bad;
        errno = 0;
        unsigned long number = strtoul(text, &end, 0);
        if (errno || *end || end == text || *text == '-' || number > max) {
                draft_refuse(draft, tree_get(map, key)->line, "%s: %s is not a whole number up to %u; left out", key,
                             text_show(text, shown), max);
                return false;
        }
        *ret = (unsigned)number;
        return true;
}
