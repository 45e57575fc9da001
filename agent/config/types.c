/* SPDX-License-Identifier: Apache-2.0 */
#include "config/types.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/suggest.h"

#define DIGITS "0123456789"

int reason_set(char reason[static TYPE_REASON_MAX], const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(reason, TYPE_REASON_MAX, format, arguments);
        va_end(arguments);
        return -EINVAL;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static int parse_bool(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        static const struct {
                const char *word;
                bool value;
        } words[] = { { "yes", true },  { "no", false },  { "on", true },
                      { "off", false }, { "true", true }, { "false", false } };
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                if (strcasecmp(text, words[i].word) == 0) {
                        *(bool *)ret = words[i].value;
                        return 0;
                }
        }
        return reason_set(reason, "neither yes nor no: write yes, no, on, off, true or false");
}

static int parse_string(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        (void)reason;
        *(const char **)ret = text;
        return 0;
}

static int parse_path(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        if (text[0] != '/')
                return reason_set(reason, "a path begins with \"/\"");
        *(const char **)ret = text;
        return 0;
}

/* "must be a, b or c"; of a long list what fits into `room`, since what was meant follows. */
static size_t list_choices(const char *const *choices, char *reason, size_t room)
{
        static const char more[] = ", and so on (see sconced --describe)";
        size_t used = (size_t)snprintf(reason, room, "must be");

        for (size_t i = 0; choices[i]; i++) {
                const char *joint = i == 0 ? " " : choices[i + 1] ? ", " : " or ";
                size_t length = strlen(joint) + strlen(choices[i]);
                if (used + length + (choices[i + 1] ? sizeof(more) : 1) > room)
                        return used + (size_t)snprintf(reason + used, room - used, "%s", more);
                used += (size_t)snprintf(reason + used, room - used, "%s%s", joint, choices[i]);
        }
        return used;
}

static int parse_enum(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        struct suggestion near = { .wanted = text };
        char meant[SUGGESTION_MAX];

        for (int i = 0; row->choices && row->choices[i]; i++) {
                if (strcmp(row->choices[i], text) == 0) {
                        *(int *)ret = i;
                        return 0;
                }
                suggestion_offer(&near, row->choices[i]);
        }
        (void)suggestion_text(&near, meant);
        size_t used = row->choices ? list_choices(row->choices, reason, TYPE_REASON_MAX - strlen(meant)) : 0;
        (void)snprintf(reason + used, TYPE_REASON_MAX - used, "%s", meant);
        return -EINVAL;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static int parse_int(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        bool negative = text[0] == '-';
        const char *digits = text + negative;
        if (*digits == '\0' || digits[strspn(digits, DIGITS)] != '\0')
                return reason_set(reason, "not a whole number: write digits, as in 42");
        int64_t value = 0;
        for (; *digits; digits++) {
                int digit = negative ? -(*digits - '0') : *digits - '0';
                if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
                        return -ERANGE;
        }
        *(int64_t *)ret = value;
        return 0;
}

/* [-]DIGITS[.DIGITS][e[+-]DIGITS]: no hexadecimal, no words, though strtod takes them. */
static bool is_decimal(const char *text)
{
        text += *text == '-';
        size_t whole = strspn(text, DIGITS);
        text += whole;
        size_t fraction = *text == '.' ? strspn(text + 1, DIGITS) : 0;
        if (whole == 0 || (*text == '.' && fraction == 0))
                return false;
        text += fraction ? fraction + 1 : 0;
        if (*text == 'e' || *text == 'E') {
                text++;
                text += *text == '-' || *text == '+';
                size_t exponent = strspn(text, DIGITS);
                if (exponent == 0)
                        return false;
                text += exponent;
        }
        return *text == '\0';
}

/* A number is written with a point in every locale. */
static double decimal_value(const char *text)
{
        static locale_t plain;
        if (!plain)
                plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        return plain ? strtod_l(text, NULL, plain) : strtod(text, NULL);
}

/* NaN and the infinities are numbers to strtod, and out of every range. */
static bool is_not_finite_word(const char *text)
{
        static const char *const words[] = { "nan", "inf", "infinity" };
        text += *text == '-' || *text == '+';
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                if (strcasecmp(text, words[i]) == 0)
                        return true;
        }
        return false;
}

static int parse_float(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        if (is_not_finite_word(text))
                return -ERANGE;
        if (!is_decimal(text))
                return reason_set(reason, "not a number: write digits with a point, as in 21.5");
        double value = decimal_value(text);
        if (!isfinite(value))
                return -ERANGE;
        *(double *)ret = value;
        return 0;
}

static int parse_percent(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        char number[64];
        size_t length = strlen(text);
        length -= length > 0 && text[length - 1] == '%';
        (void)snprintf(number, sizeof(number), "%.*s", (int)MIN(length, sizeof(number) - 1), text);
        int r = length < sizeof(number) ? parse_float(row, number, reason, ret) : -EINVAL;
        if (r == -EINVAL)
                (void)reason_set(reason, "not a percentage: write a number from 0 to 100, as in 50%%");
        return r;
}

/* ---- A number with a unit -------------------------------------------------------------------- */

struct unit {
        const char *name;
        uint64_t factor;
};

/* DIGITS[.DIGITS] at the start of a text. */
struct decimal {
        const char *whole, *fraction;
        size_t n_whole, n_fraction; /* digits; the fraction's without zeros at its end */
        const char *rest;
};

static bool split_decimal(const char *text, struct decimal *ret)
{
        struct decimal d = { .whole = text, .n_whole = strspn(text, DIGITS) };
        d.rest = text + d.n_whole;
        if (*d.rest == '.') {
                d.fraction = d.rest + 1;
                d.n_fraction = strspn(d.fraction, DIGITS);
                d.rest = d.fraction + d.n_fraction;
                if (d.n_fraction == 0)
                        return false;
        }
        while (d.n_fraction > 0 && d.fraction[d.n_fraction - 1] == '0')
                d.n_fraction--;
        *ret = d;
        return d.n_whole > 0;
}

#define TOO_FINE 1

/* The decimal times the factor, exactly. TOO_FINE: that is not a whole number. */
static int scale(const struct decimal *d, uint64_t factor, uint64_t *ret)
{
        /* With so few digits the largest unit (a day in microseconds) times the fraction stays below 2^64. */
        static const size_t fraction_max = 8;
        uint64_t whole = 0, fraction = 0, divisor = 1;
        for (size_t i = 0; i < d->n_whole; i++) {
                if (__builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, d->whole[i] - '0', &whole))
                        return -ERANGE;
        }
        if (d->n_fraction > fraction_max)
                return TOO_FINE;
        for (size_t i = 0; i < d->n_fraction; i++) {
                fraction = fraction * 10 + (uint64_t)(d->fraction[i] - '0');
                divisor *= 10;
        }
        if (fraction * factor % divisor != 0)
                return TOO_FINE;
        if (__builtin_mul_overflow(whole, factor, &whole) ||
            __builtin_add_overflow(whole, fraction * factor / divisor, &whole))
                return -ERANGE;
        *ret = whole;
        return 0;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
        for (; units->name; units++) {
                if (strcmp(units->name, name) == 0)
                        return units;
        }
        return NULL;
}

static int parse_duration(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        static const struct unit units[] = {
                { "ms", 1000 },
                { "s", 1000000 },
                { "m", 60 * 1000000 },
                { "h", 3600 * 1000000ULL },
                { "d", 86400 * 1000000ULL },
                { NULL, 0 },
        };
        bool negative = text[0] == '-';
        struct decimal d;
        if (!split_decimal(text + negative, &d))
                return reason_set(reason, "a duration is a number and a unit: ms, s, m, h or d, as in 1.5h");
        if (*d.rest == '\0')
                return reason_set(reason, "a duration needs a unit: ms, s, m, h or d, as in %.20ss", text);
        const struct unit *unit = find_unit(units, d.rest + strspn(d.rest, " "));
        if (!unit)
                return reason_set(reason, "a duration has one unit: ms, s, m, h or d, as in %.*ss",
                                  (int)MIN(d.rest - text, 20), text);
        int r = negative ? -ERANGE : scale(&d, unit->factor, ret);
        if (r != TOO_FINE)
                return r;
        return reason_set(reason, "finer than a microsecond");
}

static int parse_size(const struct sconce_option *row, const char *text, char *reason, void *ret)
{
        (void)row;
        static const struct unit units[] = {
                { "", 1 }, { "K", 1UL << 10 }, { "M", 1UL << 20 }, { "G", 1UL << 30 }, { NULL, 0 },
        };
        bool negative = text[0] == '-';
        struct decimal d;
        const struct unit *unit = split_decimal(text + negative, &d) ? find_unit(units, d.rest + strspn(d.rest, " "))
                                                                     : NULL;
        if (!unit)
                return reason_set(reason,
                                  "a size is a number of bytes, or one with K, M or G (powers of 1024), as in 64K");
        int r = negative ? -ERANGE : scale(&d, unit->factor, ret);
        if (r != TOO_FINE)
                return r;
        return reason_set(reason, "not a whole number of bytes");
}

/* ---- The table ------------------------------------------------------------------------------- */

#define DEFINE_COMPARE(name, type)                                                                                     \
        static int name(const void *a, const void *b)                                                                  \
        {                                                                                                              \
                type x = *(const type *)a, y = *(const type *)b;                                                       \
                return (x > y) - (x < y);                                                                              \
        }
DEFINE_COMPARE(compare_int, int64_t)
DEFINE_COMPARE(compare_unsigned, uint64_t)
DEFINE_COMPARE(compare_double, double)

#define OF(type) sizeof(type), _Alignof(type)

static const struct option_type types[] = {
        [SCONCE_TYPE_BOOL] = { "bool", "bools", OF(bool), NULL, NULL, parse_bool, NULL },
        [SCONCE_TYPE_INT] = { "int", "ints", OF(int64_t), "-9223372036854775808", "9223372036854775807", parse_int,
                              compare_int },
        [SCONCE_TYPE_FLOAT] = { "float", "floats", OF(double), NULL, NULL, parse_float, compare_double },
        [SCONCE_TYPE_STRING] = { "string", "strings", OF(const char *), NULL, NULL, parse_string, NULL },
        [SCONCE_TYPE_ENUM] = { "enum", "enums", OF(int), NULL, NULL, parse_enum, NULL },
        /* A century: any sum with a clock's time still fits. */
        [SCONCE_TYPE_DURATION] = { "duration", "durations", OF(uint64_t), "0s", "36500d", parse_duration,
                                   compare_unsigned },
        [SCONCE_TYPE_SIZE] = { "size", "sizes", OF(uint64_t), "0", "1048576G", parse_size, compare_unsigned },
        [SCONCE_TYPE_PERCENT] = { "percent", "percents", OF(double), "0", "100", parse_percent, compare_double },
        [SCONCE_TYPE_PATH] = { "path", "paths", OF(const char *), NULL, NULL, parse_path, NULL },
        /* Handles of gpio's, without a parser here. */
        [SCONCE_TYPE_LINE] = { "line", "lines", OF(struct sconce_line *), NULL, NULL, NULL, NULL },
        [SCONCE_TYPE_PWM] = { "PWM channel", "PWM channels", OF(struct sconce_dimmer *), NULL, NULL, NULL, NULL },
        [SCONCE_TYPE_LED] = { "LED", "LEDs", OF(struct sconce_dimmer *), NULL, NULL, NULL, NULL },
};

const struct option_type *option_type(enum sconce_option_type type)
{
        return (size_t)type < ARRAY_SIZE(types) && types[type].name ? &types[type] : NULL;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* Whether the value lies on the wrong side of a bound; `wrong` is the comparison's sign there. */
static bool is_beyond(const struct sconce_option *row, const struct option_type *type, const char *bound,
                      const void *value, int wrong)
{
        union option_value limit;
        char ignored[TYPE_REASON_MAX];
        return bound && type->compare && type->parse(row, bound, ignored, &limit) == 0 &&
               type->compare(value, &limit) == wrong;
}

static int out_of_range(const struct sconce_option *row, const struct option_type *type, char *reason)
{
        const char *min = row->min ? row->min : type->min, *max = row->max ? row->max : type->max;
        const char *unit = row->unit ? row->unit : "";
        const char *blank = *unit ? " " : "";
        if (min && max)
                (void)snprintf(reason, TYPE_REASON_MAX, "out of range: from %s to %s%s%s", min, max, blank, unit);
        else if (min || max)
                (void)snprintf(reason, TYPE_REASON_MAX, "out of range: at %s %s%s%s", min ? "least" : "most",
                               min ? min : max, blank, unit);
        else
                (void)snprintf(reason, TYPE_REASON_MAX, "out of range");
        return -ERANGE;
}

int option_parse(const struct sconce_option *row, const char *text, char reason[static TYPE_REASON_MAX], void *ret)
{
        const struct option_type *type = option_type(row->type);
        if (!type || !type->parse)
                return reason_set(reason, "an option of a type that this version does not know");
        union option_value value;
        int r = type->parse(row, text, reason, &value);
        if (r == 0 && (is_beyond(row, type, row->min ? row->min : type->min, &value, -1) ||
                       is_beyond(row, type, row->max ? row->max : type->max, &value, 1)))
                r = -ERANGE;
        if (r == 0)
                memcpy(ret, &value, type->size);
        return r == -ERANGE ? out_of_range(row, type, reason) : r;
}
