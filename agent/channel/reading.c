/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"

/* Of delta, for what binary fractions lose: 0.5 - 0.3 counts as 0.2. */
#define DELTA_SLACK 1e-9

void reading_configure(struct reading *reading, const struct reading_config *config)
{
        if (reading->config.filter_size != config->filter_size)
                reading_gap(reading);
        reading->config = *config;
}

void reading_done(struct reading *reading)
{
        free(reading->window);
        reading->window = NULL;
}

void reading_gap(struct reading *reading)
{
        reading->count = reading->next = 0;
}

/* ---- Filters ------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(const double *numbers, size_t count)
{
        double sorted[READING_WINDOW_MAX];

        memcpy(sorted, numbers, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_numbers);
        return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double average(const double *numbers, size_t count)
{
        double sum = 0;

        for (size_t i = 0; i < count; i++)
                sum += numbers[i];
        return sum / (double)count;
}

static double (*const filters[])(const double *numbers, size_t count) = {
        [READING_FILTER_MEDIAN] = median,
        [READING_FILTER_AVERAGE] = average,
};

static double filter(struct reading *reading, double raw)
{
        size_t size = (size_t)reading->config.filter_size;

        if (reading->config.filter <= READING_FILTER_NONE || size < 2)
                return raw;
        if (!reading->window && !(reading->window = calloc(READING_WINDOW_MAX, sizeof(*reading->window))))
                return raw; /* without memory unfiltered is better than nothing */
        reading->window[reading->next] = raw;
        reading->next = (reading->next + 1) % size;
        reading->count = MIN(reading->count + 1, size);
        return filters[reading->config.filter](reading->window, reading->count);
}

/* ---- Conversion ---------------------------------------------------------------------------------------- */

static double round_to(double number, int64_t decimals)
{
        double scale = pow(10, (double)decimals), rounded = round(number * scale) / scale;

        /* Too large to have such decimals. */
        return isfinite(rounded) ? rounded : number;
}

double reading_refine(struct reading *reading, double raw)
{
        const struct reading_config *config = &reading->config;
        double number = filter(reading, raw) * config->multiplier + config->offset;

        return config->round < 0 ? number : round_to(number, config->round);
}

/* ---- News ---------------------------------------------------------------------------------------------- */

bool reading_is_news(const struct reading *reading, bool is_known, double number)
{
        double delta = reading->config.delta;

        if (!is_known || !reading->is_reported)
                return is_known != reading->is_reported;
        if (number == reading->published)
                return false;
        return delta <= 0 || fabs(number - reading->published) >= delta * (1 - DELTA_SLACK);
}

void reading_published(struct reading *reading, bool is_known, double number)
{
        reading->is_reported = is_known;
        reading->published = number;
}
