/* SPDX-License-Identifier: Apache-2.0 */
/* From what a command gives for a channel to the channel's value: typed, in range, one of its choices. */
#pragma once

#include <sconce/plugin.h>

#include "channel/result.h"

/* ---- Words of commands ----------------------------------------------------------------------------------- */

enum word { WORD_NONE, WORD_ON, WORD_OFF, WORD_TOGGLE, WORD_OPEN, WORD_CLOSE, WORD_STOP, WORD_PRESS };

/* Ends with an empty row. */
extern const struct word_text {
        const char *text;
        enum word word;
} word_texts[];

enum word word_find(const char *text);

/* ---- Values ---------------------------------------------------------------------------------------------- */

/* One value as it came, before anybody knows what it is for. */
struct given {
        enum { GIVEN_TEXT, GIVEN_NUMBER, GIVEN_BOOL, GIVEN_OTHER } type;
        const char *text;
        double number;
        bool on;
};

/* A text that spells a number is one, wherever it comes from: a template or a shell knows no other types. */
bool given_number(const struct given *given, double *ret);

/* A choice in its own spelling. Case does not count, unless two choices differ by it; NULL: there is none. */
const char *choice_find(const char *const *choices, const char *text);

/* The columns of the kinds: each sets what is given in `ret`, whose channel and type are set already. 0, -EINVAL when
 * refused, CONVERT_TOGGLE: it is to be the opposite of what is. */
#define CONVERT_TOGGLE 1
typedef int convert_fn(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                       struct result *result);
convert_fn convert_on_off, convert_press, convert_number, convert_duration, convert_cover, convert_choice, convert_text;
