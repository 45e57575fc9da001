/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/convert.h"

#include <string.h>
#include <strings.h>

#include "config/types.h"
#include "util/json.h"
#include "util/text.h"

const struct word_text word_texts[] = {
        { "ON", WORD_ON },       { "OFF", WORD_OFF },   { "TOGGLE", WORD_TOGGLE }, { "TRUE", WORD_ON },
        { "FALSE", WORD_OFF },   { "OPEN", WORD_OPEN }, { "CLOSE", WORD_CLOSE },   { "STOP", WORD_STOP },
        { "PRESS", WORD_PRESS }, { "UP", WORD_OPEN },   { "DOWN", WORD_CLOSE },    { NULL, WORD_NONE },
};

enum word word_find(const char *text)
{
        for (const struct word_text *row = word_texts; row->text; row++)
                if (strcasecmp(row->text, text) == 0)
                        return row->word;
        return WORD_NONE;
}

/* ---- One value for one channel ------------------------------------------------------------------------- */

static int wrong_type(const struct sconce_channel *row, const struct given *given, struct result *result,
                      const char *wanted)
{
        if (given->type == GIVEN_TEXT)
                return refuse(result, RESULT_TYPE, "%s: \"%.40s\" is not %s", row->key, given->text, wanted);
        return refuse(result, RESULT_TYPE, "%s takes %s", row->key, wanted);
}

bool given_number(const struct given *given, double *ret)
{
        if (given->type == GIVEN_NUMBER) {
                *ret = given->number;
                return true;
        }
        return given->type == GIVEN_TEXT && json_parse_number(given->text, strlen(given->text), ret);
}

int convert_on_off(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                   struct result *result)
{
        static const char wanted[] = "ON, OFF or TOGGLE";
        enum word word = given->type == GIVEN_TEXT ? word_find(given->text) : WORD_NONE;
        double number;

        if (given->type == GIVEN_BOOL)
                word = given->on ? WORD_ON : WORD_OFF;
        else if (given_number(given, &number) && (number == 0 || number == 1))
                word = number == 1 ? WORD_ON : WORD_OFF;
        if (word != WORD_ON && word != WORD_OFF && word != WORD_TOGGLE)
                return wrong_type(row, given, result, wanted);
        ret->on = word == WORD_ON;
        return word == WORD_TOGGLE ? CONVERT_TOGGLE : 0;
}

int convert_press(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                  struct result *result)
{
        if (given->type != GIVEN_TEXT || word_find(given->text) != WORD_PRESS)
                return wrong_type(row, given, result, "PRESS");
        ret->on = true;
        return 0;
}

static int set_number(const struct sconce_channel *row, double number, struct sconce_value *ret, struct result *result)
{
        char is[JSON_NUMBER_MAX], min[JSON_NUMBER_MAX], max[JSON_NUMBER_MAX];

        if ((row->min != 0 || row->max != 0) && (number < row->min || number > row->max)) {
                json_number_text(number, is);
                json_number_text(row->min, min);
                json_number_text(row->max, max);
                return refuse(result, RESULT_RANGE, "%s: %s is out of range: %s to %s is allowed", row->key, is, min,
                              max);
        }
        ret->number = number;
        return 0;
}

int convert_number(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                   struct result *result)
{
        double number;

        if (!given_number(given, &number))
                return wrong_type(row, given, result, "a number");
        return set_number(row, number, ret, result);
}

int convert_duration(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                     struct result *result)
{
        static const struct sconce_option option = { .key = "duration", .type = SCONCE_TYPE_DURATION };
        char reason[160];
        uint64_t duration_us;
        double number;

        if (given_number(given, &number)) {
                if (number < 0)
                        return refuse(result, RESULT_RANGE, "%s: a time cannot be negative", row->key);
                return set_number(row, number, ret, result);
        }
        if (given->type != GIVEN_TEXT || option_parse(&option, given->text, reason, &duration_us) < 0)
                return wrong_type(row, given, result, "a time in seconds, or one like \"30s\"");
        return set_number(row, (double)duration_us / (double)USEC_PER_SEC, ret, result);
}

int convert_cover(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                  struct result *result)
{
        static const char *const texts[] = { [WORD_OPEN] = "OPEN", [WORD_CLOSE] = "CLOSE", [WORD_STOP] = "STOP" };
        enum word word = given->type == GIVEN_TEXT ? word_find(given->text) : WORD_NONE;

        if (word >= ARRAY_SIZE(texts) || !texts[word])
                return wrong_type(row, given, result, "OPEN, CLOSE or STOP");
        ret->text = texts[word];
        return 0;
}

const char *choice_find(const char *const *choices, const char *text)
{
        const char *alike = NULL;

        for (const char *const *choice = choices; *choice; choice++) {
                if (strcmp(*choice, text) == 0)
                        return *choice;
                if (!alike && strcasecmp(*choice, text) == 0)
                        alike = *choice;
        }
        return alike;
}

int convert_choice(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                   struct result *result)
{
        char list[160] = "";

        if (given->type != GIVEN_TEXT)
                return wrong_type(row, given, result, "one of its choices as a text");
        const char *found = choice_find(row->choices, given->text);
        if (found) {
                ret->text = found;
                return 0;
        }
        for (const char *const *choice = row->choices; *choice; choice++)
                text_list_add(list, sizeof(list), *choice);
        return refuse(result, RESULT_RANGE, "%s: \"%.40s\" is not one of: %s", row->key, given->text, list);
}

int convert_text(const struct sconce_channel *row, const struct given *given, struct sconce_value *ret,
                 struct result *result)
{
        if (given->type != GIVEN_TEXT)
                return wrong_type(row, given, result, "a text");
        ret->text = given->text;
        return 0;
}
