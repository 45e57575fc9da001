/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <errno.h>
#include <string.h>

#include "util/text.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";

static unsigned line_of(const struct file *file, size_t offset)
{
        unsigned line = 1;
        for (size_t i = 0; i < offset; i++)
                line += file->data[i] == '\n';
        return line;
}

/* The offset of a carriage return that does not end a line, `size` when there is none. */
static size_t find_lone_return(const struct file *file)
{
        for (size_t i = 0; i < file->size; i++) {
                if (file->data[i] == '\r' && i + 1 < file->size && file->data[i + 1] != '\n')
                        return i;
        }
        return file->size;
}

static size_t find_long_line(const struct file *file)
{
        size_t start = 0;
        for (size_t i = 0; i < file->size; i++) {
                if (file->data[i] == '\n')
                        start = i + 1;
                else if (i - start >= READER_LINE_MAX)
                        return start;
        }
        return file->size;
}

static size_t find_nul(const struct file *file)
{
        const char *nul = memchr(file->data, '\0', file->size);
        return nul ? (size_t)(nul - file->data) : file->size;
}

static size_t find_bad_utf8(const struct file *file)
{
        return text_utf8_valid(file->data, file->size);
}

static int check_bytes(const char *path, const struct file *file, struct problems *problems)
{
        static const struct {
                size_t (*find)(const struct file *file);
                const char *sentence;
        } checks[] = {
                { find_nul, "a NUL byte: this is not a text file" },
                { find_bad_utf8, "not valid UTF-8: save the file as UTF-8" },
                { find_lone_return, "a carriage return within the line: lines end with LF or CR LF" },
                { find_long_line, "the line is longer than 64 KiB" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
                size_t offset = checks[i].find(file);
                if (offset == file->size)
                        continue;
                problems_add(problems, path, line_of(file, offset), "%s", checks[i].sentence);
                return -EINVAL;
        }
        return 0;
}

int reader_open(const char *path, struct problems *problems, struct reader *ret)
{
        struct fault fault = { 0 };
        struct reader reader = { 0 };
        int r = file_read(path, READER_FILE_MAX, &reader.file, &fault);
        if (r == -ENOMEM || r == -ENOENT)
                return r;
        if (r < 0) {
                problems_add(problems, path, 0, "%s", fault.text);
                return -EINVAL;
        }
        r = check_bytes(path, &reader.file, problems);
        if (r < 0) {
                reader_close(&reader);
                return r;
        }
        reader.next = reader.file.data;
        if (strncmp(reader.next, byte_order_mark, strlen(byte_order_mark)) == 0)
                reader.next += strlen(byte_order_mark);
        *ret = reader;
        return 0;
}

void reader_close(struct reader *reader)
{
        file_done(&reader->file);
        *reader = (struct reader){ 0 };
}

char *reader_line(struct reader *reader)
{
        char *line = reader->next;
        if (!line || line >= reader->file.data + reader->file.size)
                return NULL;
        char *end = line + strcspn(line, "\n");
        reader->next = end + 1;
        *end = '\0';
        /* A blank instead of a second NUL, so that a reader put back to an earlier line counts the same lines. */
        if (end > line && end[-1] == '\r')
                end[-1] = ' ';
        reader->line++;
        return line;
}
