/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first fault of syntax in a section mutes the rest of that section, because one fault makes many; the
 * keys are kept as broken, so that nobody calls them missing.
 */
#include "config/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/sections.h"
#include "util/text.h"

#define BLANKS " \t"

/* ---- Problems -------------------------------------------------------------------------------- */

/* A fault of syntax: the first in a section is reported. */
static void PRINTF_LIKE(3, 4) complain(struct parse *parse, unsigned line, const char *format, ...)
{
        if (parse->muted)
                return;
        parse->muted = true;
        char label[CONFIG_LABEL_MAX] = "";
        if (parse->in_section) {
                config_label(&parse->config->sections[parse->section], label);
                (void)strcat(label, " ");
        }
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(parse->problems, parse->file, line, label, format, arguments);
        va_end(arguments);
}

/* ---- Section headers ------------------------------------------------------------------------- */

#define WORDS_MAX 2

struct word {
        char *text;
        size_t length;
};

/* Finds the words before the bracket, of which there may be one more than a header has. */
static size_t find_words(char *inside, struct word words[static WORDS_MAX + 1])
{
        size_t count = 0;
        while (count <= WORDS_MAX) {
                inside += strspn(inside, BLANKS);
                if (*inside == ']')
                        break;
                words[count++] = (struct word){ inside, strcspn(inside, BLANKS "]") };
                inside += words[count - 1].length;
        }
        return count;
}

static int complain_header(struct parse *parse, const char *line, const char *why)
{
        char shown[TEXT_SHOWN_MAX];
        complain(parse, parse->reader.line, "%s: %s", text_show(line, shown), why);
        return 0;
}

static int open_section(struct parse *parse, const char *kind, const char *id)
{
        struct config *config = parse->config;
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
        const char *end = strchr(line, ']');
        if (!end)
                return complain_header(parse, line,
                                       "the \"[\" of a section header is closed on its line, as in [lamp kitchen]");
        end += 1 + strspn(end + 1, BLANKS);
        if (*end && *end != '#' && *end != ';')
                return complain_header(parse, line, "only a comment may follow a section header");
        struct word words[WORDS_MAX + 1] = { 0 };
        size_t count = find_words(line + 1, words);
        if (count == 0 || count > WORDS_MAX)
                return complain_header(parse, line, "a section header is [WORD] or, for a device, [PLUGIN ID]");
        for (size_t i = 0; i < count; i++)
                words[i].text[words[i].length] = '\0';
        return open_section(parse, words[0].text, words[1].text);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* How long the key is at the beginning of a line. Not by strspn(), which makes a table of all characters each time. */
static size_t key_length(const char *line)
{
        size_t length = 0;
        while ((line[length] >= 'a' && line[length] <= 'z') || (line[length] >= 'A' && line[length] <= 'Z') ||
               (line[length] >= '0' && line[length] <= '9') || (line[length] && strchr("_-.", line[length])))
                length++;
        return length;
}

/* Puts the key into the section; `value` NULL: broken. */
static int set_key(struct parse *parse, const char *key, unsigned line, struct value *value)
{
        if (!parse->in_section)
                return 0;
        struct config_section *section = &parse->config->sections[parse->section];
        struct config_origin origin = { parse->file, line }, before;
        char label[CONFIG_LABEL_MAX];
        int r = section_set(section, key, origin, value, &before);
        if (r == -ENOMEM)
                return r;
        if (r == -E2BIG)
                complain(parse, line, "more than %u keys", ENTRIES_MAX);
        if (r == 1 && !parse->muted)
                problems_add(parse->problems, parse->file, line, "%s %s: is in this file twice, first at line %u",
                             config_label(section, label), key, before.line);
        return 0;
}

/*
 * A line that is no KEY = VALUE may hold a secret: with a colon, in other letters, with a quote or a dot too many.
 * Where secrets stand, and where a word sounds like one, only its first word is shown.
 */
static const char *show_broken(const struct parse *parse, const char *line, char shown[static TEXT_SHOWN_MAX])
{
        static const char *const words[] = { "pass", "pwd", "secret", "token", "key", "pin", "auth", "cred" };
        bool secret = parse->in_section && strcmp(parse->config->sections[parse->section].kind, "broker") == 0;

        for (size_t i = 0; i < ARRAY_SIZE(words) && !secret; i++)
                secret = strcasestr(line, words[i]) != NULL;
        if (!secret)
                return text_show(line, shown);
        /* Alone, it may be the second line of a secret. */
        size_t length = key_length(line);
        if (length == 0 || line[length] == '\0')
                length = 0;
        (void)snprintf(shown, TEXT_SHOWN_MAX, "\"%.*s…\"", (int)MIN(length, 64U), line);
        return shown;
}

static int read_key(struct parse *parse, char *line)
{
        unsigned number = parse->reader.line;
        char shown[TEXT_SHOWN_MAX];
        char *end = line + key_length(line);
        char *equals = end + strspn(end, BLANKS);
        if (end == line || *equals != '=') {
                complain(parse, number, "%s: a line is KEY = VALUE, [SECTION], @include \"FILE\" or a # comment",
                         show_broken(parse, line, shown));
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

/* ---- Includes -------------------------------------------------------------------------------- */

static bool has_control(const char *text)
{
        for (; *text; text++) {
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        return true;
        }
        return false;
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
        if (r < 0) {
                complain(parse, number, "@include: %s", fault.text);
                return 0;
        }
        rest += strspn(rest, BLANKS);
        if (has_control(path)) {
                complain(parse, number, "%s: a file's name without control characters", shown);
        } else if (*rest && *rest != '#' && *rest != ';') {
                complain(parse, number, "%s: only a comment may follow @include \"FILE\"", shown);
        } else {
                return parse->include(parse->userdata, path, (struct config_origin){ parse->file, number });
        }
        return 0;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

int parse_lines(struct parse *parse)
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
