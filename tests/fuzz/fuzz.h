/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. A target is one file, fuzz_NAME.c, with one function: it takes any bytes, and what must
 * hold for every input is a must(). The same file is linked to libFuzzer (`make fuzz`) and to replay.c, which gives it
 * its seeds (`make check-unit`).
 *
 * Inputs are text, so that seeds can be read and written by hand: lines, of which the first ones choose.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds in every build; where it does not, the process ends, and libFuzzer keeps the input. */
#define must(condition) ((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__))
void fuzz_broken(const char *condition, const char *file, int line) __attribute__((noreturn));

/* An input, taken from the front. */
struct input {
        const char *at;
        size_t left;
};

struct input input_of(const uint8_t *data, size_t size);
/* The next line without its end, up to a NUL in it; NULL when nothing is left. free() it. */
char *input_line(struct input *input);
/* What is left, up to a NUL in it; free() it. */
char *input_rest(struct input *input);

/* The word's place among `words`; any other word is taken for one of them, so that nothing is lost on names. */
size_t input_choice(const char *word, const char *const *words, size_t count);

/* The two texts are the same, or both NULL. */
bool same_text(const char *a, const char *b);
/* A sentence for people: there, and ended within its buffer. */
bool is_sentence(const char *text, size_t size);

/* The bytes as a file that has a name but no place in a file system; the name stays valid until the next one. */
const char *input_file(const void *data, size_t size);
