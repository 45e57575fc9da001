/* SPDX-License-Identifier: Apache-2.0 */
/* Values for options and channels: sensible ones, those at the edges, and wrong ones. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/types.h"
#include "channel/channels.h"
#include "sdk/runner/runner.h"

/* ---- Options ------------------------------------------------------------------------------------------- */

/* What each type takes where the row has no default or bounds, and what no row of the type takes. */
static const struct {
        const char *usual, *wrong[2];
} types[] = {
        [SCONCE_TYPE_BOOL] = { "yes", { "perhaps", "2" } },
        [SCONCE_TYPE_INT] = { "1", { "many", "1.5" } },
        [SCONCE_TYPE_FLOAT] = { "1", { "much", "nan" } },
        [SCONCE_TYPE_STRING] = { "test", { NULL, NULL } },
        [SCONCE_TYPE_ENUM] = { NULL, { "no-such-choice", NULL } },
        [SCONCE_TYPE_DURATION] = { "1s", { "10", "soon" } },
        [SCONCE_TYPE_SIZE] = { "1K", { "much", "-1" } },
        [SCONCE_TYPE_PERCENT] = { "50", { "half", "101" } },
        [SCONCE_TYPE_PATH] = { "/nowhere", { "not/absolute", NULL } },
        [SCONCE_TYPE_LINE] = { "GPIO%u", { NULL, NULL } },
        [SCONCE_TYPE_PWM] = { "pwmchip0:%u", { NULL, NULL } },
        [SCONCE_TYPE_LED] = { "led%u", { NULL, NULL } },
};

static const char *usual_of(const struct sconce_option *row)
{
        if (row->def)
                return row->def;
        if (row->min)
                return row->min;
        if (row->max)
                return row->max;
        if (row->type == SCONCE_TYPE_ENUM)
                return row->choices[0];
        return (size_t)row->type < ARRAY_SIZE(types) && types[row->type].usual ? types[row->type].usual : "";
}

void invent_option(const struct sconce_option *row, unsigned index, char text[static TEXT_SIZE])
{
        const char *usual = usual_of(row), *number = strstr(usual, "%u");

        if (number)
                (void)snprintf(text, TEXT_SIZE, "%.*s%u", (int)(number - usual), usual, 17 + index);
        else
                (void)snprintf(text, TEXT_SIZE, "%s", usual);
}

/* "100ms" and -1 -> a value below it, in the same unit. */
static void beyond(const char *bound, int direction, char text[static TEXT_SIZE])
{
        char *unit;
        double number = strtod(bound, &unit);

        (void)snprintf(text, TEXT_SIZE, "%.0f%s", number + direction * (fabs(number) + 1), unit);
}

/* What the type takes beside bounds and default. */
static const char *const *usual_samples(const struct sconce_option *row)
{
        static const char *const none[] = { NULL }, *const flags[] = { "no", "yes", NULL };
        static const char *const words[] = { "x", "é %s %n \" ' \\ ; #", NULL };

        switch (row->type) {
        case SCONCE_TYPE_ENUM:
                return row->choices ? row->choices : none;
        case SCONCE_TYPE_BOOL:
                return flags;
        case SCONCE_TYPE_STRING:
                return words;
        default:
                return none;
        }
}

static bool good_sample(const struct sconce_option *row, unsigned nth, char text[static TEXT_SIZE])
{
        const char *const fixed[] = { row->min, row->max, row->def }, *const *more = usual_samples(row);
        const char *found = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(fixed) && !found; i++)
                if (fixed[i] && nth-- == 0)
                        found = fixed[i];
        for (; *more && !found; more++)
                if (nth-- == 0)
                        found = *more;
        (void)snprintf(text, TEXT_SIZE, "%s", found ? found : "");
        return found;
}

static bool bad_sample(const struct sconce_option *row, unsigned nth, char text[static TEXT_SIZE])
{
        const char *const *wrong = types[row->type].wrong;

        for (size_t i = 0; i < ARRAY_SIZE(types[0].wrong); i++)
                if (wrong[i] && nth-- == 0) {
                        (void)snprintf(text, TEXT_SIZE, "%s", wrong[i]);
                        return true;
                }
        if (row->min && nth-- == 0)
                beyond(row->min, -1, text);
        else if (row->max && nth-- == 0)
                beyond(row->max, 1, text);
        else
                return false;
        return true;
}

bool option_sample(const struct sconce_option *row, bool good, unsigned nth, char text[static TEXT_SIZE])
{
        if ((size_t)row->type >= ARRAY_SIZE(types))
                return false;
        return good ? good_sample(row, nth, text) : bad_sample(row, nth, text);
}

int option_check_text(const struct sconce_option *row, const char *text, char reason[static 160])
{
        union {
                bool flag;
                int64_t number;
                double real;
                const char *text;
                int index;
                uint64_t size;
        } value;

        /* Lines and dimmers are names, which are not looked up here. */
        if (row->type == SCONCE_TYPE_LINE || row->type == SCONCE_TYPE_PWM || row->type == SCONCE_TYPE_LED)
                return 0;
        return option_parse(row, text, reason, &value);
}

/* ---- Channels ------------------------------------------------------------------------------------------ */

bool channel_row_is_writable(const struct sconce_channel *row)
{
        const struct channel channel = { .row = *row, .kind = kind_get(row->kind) };

        return channel.kind && channel_is_writable(&channel);
}

/* The texts that a channel takes; those of a free one are ours. */
static const char *const *texts_of(const struct sconce_channel *row)
{
        static const char *const moves[] = { "OPEN", "STOP", "CLOSE", NULL };
        static const char *const words[] = { "", "x", "é %s %n \" \\", NULL };

        if (row->kind == SCONCE_COVER)
                return moves;
        return row->choices ? row->choices : words;
}

static void bounds_of(const struct sconce_channel *row, double *min, double *max)
{
        const bool bounded = row->min != 0 || row->max != 0;

        *min = bounded ? row->min : row->kind == SCONCE_DURATION ? 0 : -1e9;
        *max = bounded ? row->max : row->kind == SCONCE_DURATION ? 86400 : 1e9;
}

static bool number_sample(const struct sconce_channel *row, unsigned nth, struct sconce_value *ret)
{
        double min, max;

        bounds_of(row, &min, &max);
        const double numbers[] = { min, max, min + (max - min) / 2 };
        if (nth >= ARRAY_SIZE(numbers))
                return false;
        *ret = SCONCE_NUM(row->key, numbers[nth]);
        return true;
}

bool channel_sample(const struct sconce_channel *row, unsigned nth, struct sconce_value *ret)
{
        const enum sconce_value_type type = kind_get(row->kind)->type;

        if (type == SCONCE_VALUE_NUMBER)
                return number_sample(row, nth, ret);
        if (type == SCONCE_VALUE_BOOL) {
                /* A button is pressed, and that is all. */
                if (nth >= (row->kind == SCONCE_BUTTON ? 1 : 2))
                        return false;
                *ret = SCONCE_BOOL(row->key, nth == 0);
                return true;
        }
        const char *const *texts = texts_of(row);
        for (unsigned i = 0; texts[i]; i++)
                if (i == nth) {
                        *ret = SCONCE_STR(row->key, texts[i]);
                        return true;
                }
        return false;
}

unsigned random_below(struct subject *subject, unsigned end)
{
        return (unsigned)(nrand48(subject->random) % (long)end);
}

struct sconce_value channel_random(struct subject *subject, const struct sconce_channel *row)
{
        struct sconce_value value = SCONCE_NONE(row->key);
        unsigned samples = 0;
        double min, max;

        while (channel_sample(row, samples, &value))
                samples++;
        if (value.type == SCONCE_VALUE_NUMBER && random_below(subject, 2)) {
                bounds_of(row, &min, &max);
                value.number = min + (max - min) * erand48(subject->random);
                if (row->step > 0)
                        value.number = fmin(max, min + round((value.number - min) / row->step) * row->step);
                return value;
        }
        (void)channel_sample(row, random_below(subject, samples), &value);
        return value;
}
