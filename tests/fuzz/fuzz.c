/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_broken(const char *condition, const char *file, int line)
{
        (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
        abort();
}

struct input input_of(const uint8_t *data, size_t size)
{
        return (struct input){ size > 0 ? (const char *)data : "", size };
}

static char *take(struct input *input, size_t length, size_t skip)
{
        char *text = strndup(input->at, length);

        must(text);
        input->at += length + skip;
        input->left -= length + skip;
        return text;
}

char *input_line(struct input *input)
{
        if (input->left == 0)
                return NULL;
        const char *end = memchr(input->at, '\n', input->left);
        return end ? take(input, (size_t)(end - input->at), 1) : take(input, input->left, 0);
}

char *input_rest(struct input *input)
{
        return take(input, input->left, 0);
}

size_t input_choice(const char *word, const char *const *words, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (same_text(word, words[i]))
                        return i;
        return word ? (unsigned char)word[0] % count : 0;
}

bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool is_sentence(const char *text, size_t size)
{
        return strnlen(text, size) < size && text[0] != '\0';
}

const char *input_file(const void *data, size_t size)
{
        static char path[40];
        static int fd = -1;

        if (fd < 0)
                fd = memfd_create("input", MFD_CLOEXEC);
        must(fd >= 0 && ftruncate(fd, 0) == 0);
        must(pwrite(fd, data, size, 0) == (ssize_t)size);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return path;
}
