/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file's name to a struct config: the file, its drop-ins, their includes.
 *
 * Each file is read once and stands for itself: an included file opens its own sections, and after it the including
 * file's section goes on. The first fault of syntax in a section mutes the rest of that section, because one fault
 * makes many; the keys are kept as broken, so that nobody calls them missing.
 */
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/reader.h"
#include "config/sections.h"
#include "util/text.h"

#define INCLUDE_DEPTH_MAX 10
#define BLANKS            " \t"

#define KEY_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* What tells that two names are one file. */
struct identity {
        dev_t device;
        ino_t inode;
        bool being_read; /* further up in the chain of includes */
};

struct loader {
        struct config *config;
        struct problems *problems;
        struct identity *identities; /* one for each of config->files */
        EVP_MD_CTX *hash;
};

/* One file that is being read. */
struct parse {
        struct loader *loader;
        struct reader reader;
        const char *file;
        unsigned depth;       /* of includes */
        size_t section;       /* index: the array moves when an include adds to it */
        bool in_section;      /* else: before the first header, or below one that is wrong */
        bool muted;           /* a problem has been told in this section */
};

static int load_file(struct loader *loader, const char *path, struct config_origin from, unsigned depth);

/* ---- Problems ------------------------------------------------------------------------------------------------ */

/* A fault of syntax: the first in a section is told. */
static void PRINTF_LIKE(3, 4) complain(struct parse *parse, unsigned line, const char *format, ...)
{
        if (parse->muted)
                return;
        parse->muted = true;
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        char label[CONFIG_LABEL_MAX] = "";
        if (parse->in_section)
                config_label(&parse->loader->config->sections[parse->section], label);
        problems_add(parse->loader->problems, parse->file, line, "%s%s%s", label, *label ? " " : "", text);
}

/* ---- Section headers ----------------------------------------------------------------------------------------- */

/* Cuts the next word off a header's inside. NULL at its end. */
static char *next_word(char **at)
{
        char *word = *at + strspn(*at, BLANKS);
        if (*word == '\0')
                return NULL;
        char *end = word + strcspn(word, BLANKS);
        *at = *end ? end + 1 : end;
        *end = '\0';
        return word;
}

static int open_section(struct parse *parse, const char *kind, const char *id)
{
        struct config *config = parse->loader->config;
        struct config_origin origin = { parse->file, parse->reader.line }, before;
        struct config_section *section;
        int r = section_open(config, kind, id, origin, &section, &before);
        if (r == -ENOMEM)
                return r;
        if (r == -E2BIG)
                complain(parse, origin.line, "more than %u sections", SECTIONS_MAX);
        if (r == 1)
                complain(parse, origin.line, "[%s%s%s]: is in this file twice, first at line %u", kind, id ? " " : "",
                         id ? id : "", before.line);
        if (r == 0) {
                parse->section = (size_t)(section - config->sections);
                parse->in_section = true;
        }
        return 0;
}

static int read_header(struct parse *parse, char *line)
{
        parse->in_section = false;
        parse->muted = false;
        unsigned number = parse->reader.line;
        char shown[TEXT_SHOWN_MAX];
        text_show(line, shown);
        char *end = strchr(line, ']');
        if (!end) {
                complain(parse, number, "%s: the \"[\" of a section header is closed on its line, as in [lamp kitchen]", shown);
                return 0;
        }
        *end++ = '\0';
        end += strspn(end, BLANKS);
        if (*end && *end != '#' && *end != ';') {
                complain(parse, number, "%s: only a comment may follow a section header", shown);
                return 0;
        }
        char *at = line + 1;
        const char *kind = next_word(&at);
        const char *id = kind ? next_word(&at) : NULL;
        if (!kind || (id && next_word(&at))) {
                complain(parse, number, "%s: a section header is [WORD] or, for a device, [PLUGIN ID]", shown);
                return 0;
        }
        return open_section(parse, kind, id);
}

/* ---- Keys ---------------------------------------------------------------------------------------------------- */

/* Puts the key into the section; `value` NULL: broken. */
static int set_key(struct parse *parse, const char *key, unsigned line, struct value *value)
{
        if (!parse->in_section)
                return 0;
        struct config_section *section = &parse->loader->config->sections[parse->section];
        struct config_origin origin = { parse->file, line }, before;
        char label[CONFIG_LABEL_MAX];
        int r = section_set(section, key, origin, value, &before);
        if (r == -ENOMEM)
                return r;
        if (r == -E2BIG)
                complain(parse, line, "more than %u keys", ENTRIES_MAX);
        if (r == 1 && !parse->muted)
                problems_add(parse->loader->problems, parse->file, line, "%s %s: is in this file twice, first at line %u",
                             config_label(section, label), key, before.line);
        return 0;
}

static int read_key(struct parse *parse, char *line)
{
        unsigned number = parse->reader.line;
        char shown[TEXT_SHOWN_MAX];
        char *end = line + strspn(line, KEY_CHARACTERS);
        char *equals = end + strspn(end, BLANKS);
        if (end == line || *equals != '=') {
                complain(parse, number, "%s: a line is KEY = VALUE, [SECTION], @include \"FILE\" or a # comment",
                         text_show(line, shown));
                return 0;
        }
        *end = '\0';
        const char *key = line;
        if (!parse->in_section)
                complain(parse, number, "%s: stands before the first section of its file", text_show(key, shown));

        CLEANUP(value_done) struct value value = { 0 };
        struct value_fault fault;
        int r = value_read(&parse->reader, equals + 1, &value, &fault);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain(parse, fault.line, "%s: %s", text_show(key, shown), fault.text);
        return set_key(parse, key, number, r < 0 ? NULL : &value);
}

/* ---- Includes ------------------------------------------------------------------------------------------------ */

/* PATH as seen from the directory of the file that names it. */
static char *resolve(const char *from, const char *path)
{
        const char *slash = strrchr(from, '/');
        char *resolved;
        int length = slash && path[0] != '/' ? (int)(slash - from) + 1 : 0;
        return asprintf(&resolved, "%.*s%s", length, from, path) < 0 ? NULL : resolved;
}

static int read_include(struct parse *parse, char *line)
{
        static const char directive[] = "@include";
        unsigned number = parse->reader.line;
        char shown[TEXT_SHOWN_MAX];
        text_show(line, shown);
        char *at = line + strlen(directive);
        if (strncmp(line, directive, strlen(directive)) != 0 || *(at += strspn(at, BLANKS)) != '"') {
                complain(parse, number, "%s: write @include \"FILE\"", shown);
                return 0;
        }
        CLEANUP_FREE char *path = NULL;
        char *rest;
        struct value_fault fault = { .line = number };
        int r = value_read_quoted(at, &path, &rest, &fault);
        if (r == -ENOMEM)
                return r;
        rest += r < 0 ? 0 : strspn(rest, BLANKS);
        if (r < 0) {
                complain(parse, number, "@include: %s", fault.text);
        } else if (*rest && *rest != '#' && *rest != ';') {
                complain(parse, number, "%s: only a comment may follow @include \"FILE\"", shown);
        } else if (parse->depth == INCLUDE_DEPTH_MAX) {
                complain(parse, number, "@include: more than %d files deep", INCLUDE_DEPTH_MAX);
        } else {
                CLEANUP_FREE char *resolved = resolve(parse->file, path);
                if (!resolved)
                        return -ENOMEM;
                return load_file(parse->loader, resolved, (struct config_origin){ parse->file, number }, parse->depth + 1);
        }
        return 0;
}

/* ---- Files --------------------------------------------------------------------------------------------------- */

static int parse_lines(struct parse *parse)
{
        int r = 0;
        char *line;
        while (r >= 0 && (line = reader_line(&parse->reader))) {
                line += strspn(line, BLANKS);
                if (*line == '\0' || *line == '#' || *line == ';')
                        continue;
                if (*line == '[')
                        r = read_header(parse, line);
                else if (*line == '@')
                        r = read_include(parse, line);
                else
                        r = read_key(parse, line);
        }
        return r;
}

/* Says why a file that is named twice is not read again. */
static void complain_twice(struct loader *loader, const char *path, struct config_origin from, const struct identity *known)
{
        const char *known_as = loader->config->files[known - loader->identities];
        char shown[TEXT_SHOWN_MAX];
        problems_add(loader->problems, from.file ? from.file : path, from.line,
                     known->being_read ? "@include: %s includes itself, directly or through others" :
                                         "@include: %s has been read already; each file is read once",
                     text_show(known_as, shown));
}

/* Notes the file and its hash. 1: it has been read before (told). */
static int register_file(struct loader *loader, const char *path, const struct file *file, struct config_origin from)
{
        struct config *config = loader->config;
        for (size_t i = 0; i < config->n_files; i++) {
                const struct identity *known = &loader->identities[i];
                if (known->device == file->status.st_dev && known->inode == file->status.st_ino) {
                        complain_twice(loader, path, from, known);
                        return 1;
                }
        }
        struct identity *identities = realloc(loader->identities, (config->n_files + 1) * sizeof(*identities));
        if (!identities)
                return -ENOMEM;
        loader->identities = identities;
        char **files = realloc(config->files, (config->n_files + 1) * sizeof(*files));
        if (!files)
                return -ENOMEM;
        config->files = files;
        files[config->n_files] = strdup(path);
        if (!files[config->n_files] || EVP_DigestUpdate(loader->hash, file->data, file->size) != 1)
                return -ENOMEM;
        identities[config->n_files++] = (struct identity){ file->status.st_dev, file->status.st_ino, true };
        return 0;
}

static void complain_missing(struct loader *loader, const char *path, struct config_origin from)
{
        if (!from.file) {
                problems_add(loader->problems, path, 0, "cannot be read: %s", strerror(ENOENT));
                return;
        }
        const char *hint = strpbrk(path, "*?") ? "; wildcards are not expanded" : "";
        problems_add(loader->problems, from.file, from.line, "@include: %s cannot be read: %s%s", path, strerror(ENOENT),
                     hint);
}

/* `from` is the place that includes it, file NULL for none. */
static int load_file(struct loader *loader, const char *path, struct config_origin from, unsigned depth)
{
        struct parse parse = { .loader = loader, .depth = depth };
        int r = reader_open(path, loader->problems, &parse.reader);
        if (r == -ENOENT)
                complain_missing(loader, path, from);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = register_file(loader, path, &parse.reader.file, from);
        if (r == 0) {
                size_t number = loader->config->n_files - 1;
                parse.file = loader->config->files[number];
                r = parse_lines(&parse);
                loader->identities[number].being_read = false;
        }
        reader_close(&parse.reader);
        return r < 0 ? r : 0;
}

static int is_drop_in(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);
        return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* The C locale's order, whatever the environment says. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(struct loader *loader, const char *path)
{
        CLEANUP_FREE char *directory = resolve(path, "conf.d");
        if (!directory)
                return -ENOMEM;
        struct dirent **entries = NULL;
        int count = scandir(directory, &entries, is_drop_in, by_bytes);
        if (count < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                if (errno != ENOENT)
                        problems_add(loader->problems, directory, 0, "cannot be read: %s", strerror(errno));
                return 0;
        }
        int r = 0;
        for (int i = 0; i < count; i++) {
                CLEANUP_FREE char *file = NULL;
                if (r == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0)
                        r = -ENOMEM;
                if (r == 0)
                        r = load_file(loader, file, (struct config_origin){ 0 }, 0);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int finish_hash(struct loader *loader)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (EVP_DigestFinal_ex(loader->hash, digest, &size) != 1 || size * 2 >= sizeof(loader->config->sha256))
                return -ENOMEM;
        for (unsigned i = 0; i < size; i++)
                (void)snprintf(loader->config->sha256 + 2UL * i, 3, "%02x", digest[i]);
        return 0;
}

static int load_all(struct loader *loader, const char *path, bool drop_ins)
{
        loader->hash = EVP_MD_CTX_new();
        if (!loader->hash || EVP_DigestInit_ex(loader->hash, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        int r = load_file(loader, path, (struct config_origin){ 0 }, 0);
        if (r == 0 && drop_ins)
                r = load_drop_ins(loader, path);
        return r < 0 ? r : finish_hash(loader);
}

static int load(const char *path, bool drop_ins, struct problems *problems, struct config **ret)
{
        CLEANUP_CONFIG struct config *config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;
        struct loader loader = { .config = config, .problems = problems };
        int r = load_all(&loader, path, drop_ins);
        EVP_MD_CTX_free(loader.hash);
        free(loader.identities);
        if (r < 0 || problems->lost)
                return -ENOMEM;
        *ret = TAKE_PTR(config);
        return 0;
}

int config_load(const char *path, struct problems *problems, struct config **ret)
{
        return load(path, true, problems, ret);
}

int config_load_file(const char *path, struct problems *problems, struct config **ret)
{
        return load(path, false, problems, ret);
}
