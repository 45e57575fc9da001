/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are libconfig's, but for three things. A bare word is a text (libconfig knows none, and its version 1.5 wraps
 * large integers silently), so every bare value is quoted before libconfig sees it. What differs between versions 1.5
 * and 1.7 (a trailing comma, unknown escapes, mixed lists) is settled here. And what libconfig takes but nobody means,
 * such as two strings side by side where a comma was forgotten, is refused. A single text without escapes, as most are, is
 * complete after that: libconfig gets the others.
 */
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/helper.h"
#include "util/cleanup.h"
#include "util/json.h"

#define BLANKS   " \t"
#define OPENING  "[({"
#define CLOSING  "])}"
#define COMMENTS "#;"

/* The present place in a value's text, and the text that libconfig is going to get. */
struct scan {
        struct reader *reader; /* that has the lines which follow */
        char *at;
        unsigned line;
        struct json_text out; /* of a stream, the buffer alone would cost more than all that is written to it */
        struct value_fault *fault;
        bool cut; /* a comment follows a bare value */
};

static bool is_one_of(char c, const char *set)
{
        return c != '\0' && strchr(set, c);
}

static void put(struct scan *scan, const char *text, size_t size)
{
        json_put_raw(&scan->out, text, size);
}

/* Copies so many characters at the scan's place. */
static void copy(struct scan *scan, size_t size)
{
        put(scan, scan->at, size);
        scan->at += size;
}

static bool is_control(char c)
{
        return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int fail_control(struct scan *scan)
{
        return value_fail(scan->fault, scan->line, "a control character (0x%02x) in the value",
                          (unsigned char)*scan->at);
}

/* ---- Quoted texts ---------------------------------------------------------------------------- */

/* Copies the escape at the scan's place. Only those that all versions of libconfig read alike. */
static int scan_escape(struct scan *scan)
{
        const char *at = scan->at;
        size_t length = 2;
        if (at[1] == 'x') {
                if (!isxdigit((unsigned char)at[2]) || !isxdigit((unsigned char)at[3]))
                        return value_fail(scan->fault, scan->line, "\\x needs two hexadecimal digits, as in \\x41");
                if (at[2] == '0' && at[3] == '0')
                        return value_fail(scan->fault, scan->line, "\\x00: a text holds no NUL");
                length = 4;
        } else if (!is_one_of(at[1], "\\\"nrtf")) {
                return value_fail(scan->fault, scan->line,
                                  "an unknown escape in quotes: there are \\\\ \\\" \\n \\r \\t \\f \\xHH; a plain "
                                  "backslash is \\\\");
        }
        copy(scan, length);
        return 0;
}

/* How much there is of what stands for itself. */
static size_t plain_length(const char *at)
{
        size_t length = 0;

        while (at[length] && !is_control(at[length]) && at[length] != '\\' && at[length] != '"')
                length++;
        return length;
}

/* Copies the quoted text at the scan's place, with its quotes. */
static int scan_quoted(struct scan *scan)
{
        copy(scan, 1);
        while (*scan->at != '"') {
                if (*scan->at == '\0' || *scan->at == '\n')
                        return value_fail(scan->fault, scan->line, "the double quote is not closed on its line");
                if (is_control(*scan->at))
                        return fail_control(scan);
                if (*scan->at == '\\') {
                        int r = scan_escape(scan);
                        if (r < 0)
                                return r;
                } else {
                        copy(scan, plain_length(scan->at));
                }
        }
        copy(scan, 1);
        return 0;
}

/* Writes a bare text in quotes. */
static int write_bare(struct scan *scan, const char *end)
{
        put(scan, "\"", 1);
        while (scan->at < end) {
                size_t plain = MIN(plain_length(scan->at), (size_t)(end - scan->at));
                copy(scan, plain);
                if (scan->at < end && is_control(*scan->at))
                        return fail_control(scan);
                if (scan->at < end) {
                        put(scan, "\\", 1);
                        copy(scan, 1);
                }
        }
        put(scan, "\"", 1);
        return 0;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Walks one line of a bracketed value. Returns the place after the bracket that closes it, NULL when it goes on. */
static char *find_close(char *line, unsigned *depth)
{
        bool at_word_start = true;
        for (char *c = line; *c; c++) {
                if (at_word_start && is_one_of(*c, COMMENTS))
                        return NULL;
                if (*c == '"') {
                        do {
                                c += *c == '\\' && c[1] ? 2 : 1;
                        } while (*c && *c != '"');
                        if (!*c)
                                return NULL;
                }
                if (is_one_of(*c, OPENING))
                        ++*depth;
                if (is_one_of(*c, CLOSING) && --*depth == 0)
                        return c + 1;
                at_word_start = is_one_of(*c, BLANKS "\"," OPENING CLOSING);
        }
        return NULL;
}

/* Collects the lines from the opening bracket to the one that closes it. Where none does, the reader is put
 * back, so that the rest of the file is still read. */
static int gather_lines(struct reader *reader, char *text, char **ret_joined, char **ret_rest,
                        struct value_fault *fault)
{
        const struct reader before = *reader;
        CLEANUP_FREE char *joined = NULL;
        size_t size;
        FILE *out = open_memstream(&joined, &size);
        if (!out)
                return -ENOMEM;
        char opening = *text;
        unsigned depth = 0;
        char *end = find_close(text, &depth);
        while (!end && text) {
                (void)fprintf(out, "%s\n", text);
                text = reader_line(reader);
                end = text ? find_close(text, &depth) : NULL;
        }
        if (end)
                (void)fwrite(text, 1, (size_t)(end - text), out);
        if (fclose(out) != 0 || !joined)
                return -ENOMEM;
        if (!end) {
                *reader = before;
                (void)value_fail(fault, reader->line, "the \"%c\" that opens here is never closed", opening);
                return -EINVAL;
        }
        *ret_joined = TAKE_PTR(joined);
        *ret_rest = end;
        return 0;
}

/* Skips blanks, comments and line ends; these are copied, so that libconfig counts the same lines. */
static void skip_space(struct scan *scan)
{
        for (;;) {
                scan->at += strspn(scan->at, BLANKS);
                if (is_one_of(*scan->at, COMMENTS))
                        scan->at += strcspn(scan->at, "\n");
                if (*scan->at != '\n')
                        return;
                copy(scan, 1);
                scan->line++;
        }
}

static int scan_bare_element(struct scan *scan)
{
        const char *start = scan->at;
        const char *end = start + strcspn(start, BLANKS "\n,\"" OPENING CLOSING);
        if (is_one_of(*end, "\"" OPENING) || *end == '}')
                return value_fail(scan->fault, scan->line,
                                  "a text with a bracket or a quote in it is written in quotes within a list");
        if (strncmp(start, "//", 2) == 0 || strncmp(start, "/*", 2) == 0)
                return value_fail(scan->fault, scan->line, "comments begin with \"#\" or \";\"");
        return write_bare(scan, end);
}

static int scan_element(struct scan *scan)
{
        if (*scan->at == '{')
                return value_fail(scan->fault, scan->line, "no value is a group { }: a list is written [a, b]");
        if (is_one_of(*scan->at, OPENING))
                return value_fail(scan->fault, scan->line, "a list within a list");
        if (*scan->at == '"')
                return scan_quoted(scan);
        return scan_bare_element(scan);
}

/* Copies a list without its trailing comma. */
static int scan_list(struct scan *scan)
{
        char closing = *scan->at == '[' ? ']' : ')';
        copy(scan, 1);
        for (bool first = true;; first = false) {
                skip_space(scan);
                if (is_one_of(*scan->at, CLOSING))
                        break;
                if (*scan->at == ',')
                        return value_fail(scan->fault, scan->line, "a comma without a value before it");
                if (!first)
                        put(scan, ",", 1);
                int r = scan_element(scan);
                if (r < 0)
                        return r;
                skip_space(scan);
                if (is_one_of(*scan->at, CLOSING))
                        break;
                if (*scan->at++ != ',')
                        return value_fail(scan->fault, scan->line, "a comma is missing between two values of the list");
        }
        if (*scan->at != closing)
                return value_fail(scan->fault, scan->line, "the list is closed by \"%c\" instead of \"%c\"", *scan->at,
                                  closing);
        copy(scan, 1);
        return 0;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Only a comment may follow. */
static int check_rest(const char *rest, const char *after, unsigned line, struct value_fault *fault)
{
        rest += strspn(rest, BLANKS);
        if (*rest == '\0' || is_one_of(*rest, COMMENTS))
                return 0;
        return value_fail(
                fault, line,
                "text after the closed %s: put the whole value in double quotes, with \\\" for a quote inside", after);
}

static int scan_quoted_value(struct scan *scan)
{
        int r = scan_quoted(scan);
        return r < 0 ? r : check_rest(scan->at, "quote", scan->line, scan->fault);
}

static int scan_list_value(struct scan *scan)
{
        CLEANUP_FREE char *joined = NULL;
        char *rest;
        int r = gather_lines(scan->reader, scan->at, &joined, &rest, scan->fault);
        if (r < 0)
                return r;
        scan->at = joined;
        r = *joined == '{' ? scan_element(scan) : scan_list(scan);
        scan->at = rest;
        return r < 0 ? r : check_rest(rest, "bracket", scan->line, scan->fault);
}

/* A bare value ends at white space that a comment follows. */
static int scan_bare_value(struct scan *scan)
{
        const char *end = scan->at + strlen(scan->at);
        for (const char *c = scan->at; *c; c++) {
                if (is_one_of(*c, COMMENTS) && is_one_of(c[-1], BLANKS)) {
                        end = c;
                        scan->cut = true;
                        break;
                }
        }
        while (end > scan->at && is_one_of(end[-1], BLANKS))
                end--;
        if (*scan->at == '\'' && end - scan->at > 1 && end[-1] == '\'')
                return value_fail(scan->fault, scan->line, "single quotes do not quote: use double quotes");
        return write_bare(scan, end);
}

static int scan_value(struct scan *scan)
{
        if (*scan->at == '\0' || is_one_of(*scan->at, COMMENTS))
                return value_fail(scan->fault, scan->line, "nothing stands after \"=\": write \"\" for an empty text");
        if (*scan->at == '"')
                return scan_quoted_value(scan);
        if (is_one_of(*scan->at, OPENING))
                return scan_list_value(scan);
        return scan_bare_value(scan);
}

#define BEFORE "v = "
#define AFTER  ";\n"

/* One text without an escape is what stands between its quotes. */
static bool is_plain(const char *rewritten)
{
        return rewritten[strlen(BEFORE)] == '"' && !strchr(rewritten, '\\');
}

static int take_plain(const char *rewritten, size_t size, struct value *ret)
{
        CLEANUP(value_done) struct value value = { .texts = calloc(2, sizeof(*value.texts)) };
        if (!value.texts)
                return -ENOMEM;
        value.texts[0] = strndup(rewritten + strlen(BEFORE "\""), size - strlen(BEFORE "\"\"" AFTER));
        if (!value.texts[0])
                return -ENOMEM;
        value.count = 1;
        *ret = value;
        value = (struct value){ 0 };
        return 0;
}

/* Rewrites the value at the scan's place for libconfig, and has it read where there is something to read: a list, an escape. */
static int read_scanned(struct scan *scan, int (*scan_it)(struct scan *scan), struct value *ret)
{
        unsigned line = scan->line;
        put(scan, BEFORE, strlen(BEFORE));
        int r = scan_it(scan);
        put(scan, AFTER, sizeof(AFTER));
        CLEANUP_FREE char *rewritten = scan->out.data;
        if (scan->out.failed)
                return -ENOMEM;
        if (r == 0)
                r = is_plain(rewritten) ? take_plain(rewritten, scan->out.size - 1, ret)
                                        : helper_parse(rewritten, line, ret, scan->fault);
        if (r == 0)
                ret->cut = scan->cut;
        return r;
}

int value_read(struct reader *reader, char *text, struct value *ret, struct value_fault *fault)
{
        struct scan scan = {
                .reader = reader, .at = text + strspn(text, BLANKS), .line = reader->line, .fault = fault
        };
        return read_scanned(&scan, scan_value, ret);
}

int value_read_text(const char *text, struct value *ret, struct value_fault *fault)
{
        CLEANUP_FREE char *copy = strdup(*text ? text : "\"\"");
        if (!copy)
                return -ENOMEM;
        struct reader reader = { .line = 1 };
        return value_read(&reader, copy, ret, fault);
}

int value_read_quoted(char *text, char **ret_text, char **ret_end, struct value_fault *fault)
{
        CLEANUP(value_done) struct value value = { 0 };
        struct scan scan = { .at = text, .line = fault->line, .fault = fault };
        int r = read_scanned(&scan, scan_quoted, &value);
        if (r < 0)
                return r;
        *ret_text = TAKE_PTR(value.texts[0]);
        *ret_end = scan.at;
        return 0;
}
