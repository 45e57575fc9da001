/* SPDX-License-Identifier: Apache-2.0 */
#include "client/chart.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"

enum { ROWS = 9, LABEL_MAX = 24 };

/* What a cell of the plot is made of. */
struct raster {
        int across, down; /* dots in a cell */
};
static const struct raster braille = { 2, 4 }, stars = { 1, 1 };

/* Where numbers are on the page. */
struct plot {
        const struct chart *chart;
        struct raster raster;
        int columns;        /* cells */
        double bottom, top; /* of the scale */
        int decimals;       /* of its labels */
        int label_width;
        unsigned char *cells; /* the dots of each, ROWS * columns, top first */
};

static const char *glyph(const struct chart *chart, const char *pretty, const char *plain)
{
        return chart->is_ascii ? plain : pretty;
}

/* ---- Text ------------------------------------------------------------------------------------------------ */

/* Without UTF-8 what a unit has of it: °C as C, m³ as m3. */
static void put_plain(FILE *out, const char *text)
{
        static const struct {
                const char *pretty, *plain;
        } known[] = { { "²", "2" }, { "³", "3" }, { "µ", "u" }, { "μ", "u" }, { "Ω", "Ohm" } };

        while (*text) {
                size_t i = 0;
                while (i < ARRAY_SIZE(known) && strncmp(text, known[i].pretty, strlen(known[i].pretty)) != 0)
                        i++;
                if (i < ARRAY_SIZE(known)) {
                        fputs(known[i].plain, out);
                        text += strlen(known[i].pretty);
                } else if ((unsigned char)*text < 0x80) {
                        fputc(*text++, out);
                } else {
                        text++;
                }
        }
}

static void put_text(FILE *out, const struct chart *chart, const char *text)
{
        if (chart->is_ascii)
                put_plain(out, text);
        else
                fputs(text, out);
}

static void put_repeated(FILE *out, const char *text, int times)
{
        while (times-- > 0)
                fputs(text, out);
}

/* ---- The time axis --------------------------------------------------------------------------------------- */

static bool is_week(const struct chart *chart)
{
        return chart->step_s >= 3600;
}

/* Every so many hours, so that labels have room. */
static int hours_between_ticks(const struct chart *chart, int columns)
{
        static const int hours[] = { 1, 2, 3, 4, 6, 12, 24, 48 };
        int label = is_week(chart) ? 9 : 7, span_h = (int)(chart->count * chart->step_s / 3600);
        size_t i = is_week(chart) ? 6 : 0;

        while (i + 1 < ARRAY_SIZE(hours) && span_h / hours[i] * label > columns)
                i++;
        return hours[i];
}

/* The label where one belongs: at a full hour by the clock of who looks, or so many hours ago. */
static bool tick_label(const struct chart *chart, size_t bucket, int hours, char text[static LABEL_MAX])
{
        time_t at = (time_t)(chart->start_s + (int64_t)bucket * chart->step_s);
        int ago_min = (int)((chart->count - bucket) * chart->step_s / 60);
        struct tm local;

        if (!chart->has_start) {
                (void)snprintf(text, LABEL_MAX, is_week(chart) ? "-%dd" : "-%dh",
                               ago_min / (is_week(chart) ? 1440 : 60));
                return ago_min % (hours * 60) == 0;
        }
        if (!localtime_r(&at, &local))
                return false;
        (void)strftime(text, LABEL_MAX, is_week(chart) ? "%a %d" : "%H:%M", &local);
        if (is_week(chart))
                return local.tm_hour == 0 && (hours <= 24 || local.tm_yday % 2 == 0);
        return local.tm_min == 0 && local.tm_hour % hours == 0;
}

/* A line of marks, and their labels below it. */
static void put_axis(FILE *out, const struct chart *chart, int indent, int columns)
{
        int hours = hours_between_ticks(chart, columns), drawn = 0, written = 0;
        char label[LABEL_MAX], labels[CHART_WIDTH_MAX + LABEL_MAX + 1] = "";

        put_repeated(out, " ", indent);
        fputs(glyph(chart, "└", "+"), out);
        for (size_t i = 0; i < chart->count; i++) {
                int at = (int)(i * (size_t)columns / chart->count);
                if (at < drawn || !tick_label(chart, i, hours, label))
                        continue;
                put_repeated(out, glyph(chart, "─", "-"), at - drawn);
                fputs(glyph(chart, "┬", "+"), out);
                drawn = at + 1;
                int from = MAX(at - (int)strlen(label) / 2, 0);
                if ((written > 0 && from <= written) || from + (int)strlen(label) > columns)
                        continue;
                written += snprintf(labels + written, sizeof(labels) - (size_t)written, "%*s%s", from - written, "",
                                    label);
        }
        put_repeated(out, glyph(chart, "─", "-"), columns - drawn);
        fputs("\n", out);
        put_repeated(out, " ", indent + 1);
        fprintf(out, "%s\n", labels);
}

/* ---- Numbers --------------------------------------------------------------------------------------------- */

struct band {
        bool is_known;
        double low, high;
};

/* Of the buckets that fall into one column of dots. */
static struct band band_of(const struct chart *chart, int column, int columns)
{
        size_t from = (size_t)column * chart->count / (size_t)columns;
        size_t to = MAX((size_t)(column + 1) * chart->count / (size_t)columns, from + 1);
        struct band band = { 0 };

        for (size_t i = from; i < to; i++) {
                const struct chart_bucket *bucket = &chart->buckets[i];
                if (!bucket->is_known)
                        continue;
                band.low = band.is_known ? MIN(band.low, bucket->min) : bucket->min;
                band.high = band.is_known ? MAX(band.high, bucket->max) : bucket->max;
                band.is_known = true;
        }
        return band;
}

/* Dots from the bottom. On the plot, also where minimum and maximum contradict each other: a node may send anything. */
static int height_of(const struct plot *plot, double number)
{
        int dots = ROWS * plot->raster.down;
        double share = (number - plot->bottom) / (plot->top - plot->bottom);

        return share > 0 ? (int)lround(MIN(share, 1.0) * (dots - 1)) : 0; /* NaN too, where the scale is infinite */
}

static void set_dot(struct plot *plot, int x, int height)
{
        static const unsigned char bits[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };
        int y = ROWS * plot->raster.down - 1 - height;
        int cell = y / plot->raster.down * plot->columns + x / plot->raster.across;

        plot->cells[cell] |= bits[y % plot->raster.down][x % plot->raster.across];
}

/* Each column reaches its neighbour, so that what is known is one line. */
static void draw(struct plot *plot)
{
        int columns = plot->columns * plot->raster.across, before_low = -1, before_high = -1;

        for (int x = 0; x < columns; x++) {
                const struct band band = band_of(plot->chart, x, columns);
                if (!band.is_known) {
                        before_low = -1;
                        continue;
                }
                int low = height_of(plot, band.low), high = height_of(plot, band.high);
                int from = before_low >= 0 && low > before_high + 1 ? before_high + 1 : low;
                int to = before_low >= 0 && high < before_low - 1 ? before_low - 1 : high;
                for (int height = from; height <= to; height++)
                        set_dot(plot, x, height);
                before_low = low;
                before_high = high;
        }
}

static void put_cell(FILE *out, const struct chart *chart, unsigned char dots)
{
        const char shown[] = { (char)0xe2, (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f)), '\0' };

        if (dots == 0)
                fputs(" ", out);
        else
                fputs(chart->is_ascii ? "*" : shown, out);
}

static void label_of(const struct plot *plot, int row, char text[static LABEL_MAX])
{
        double at = plot->top - (plot->top - plot->bottom) * row / (ROWS - 1);

        text[0] = '\0';
        if (row == 0 || row == ROWS / 2 || row == ROWS - 1)
                (void)snprintf(text, LABEL_MAX, "%.*f", plot->decimals, at);
}

static void put_rows(FILE *out, const struct plot *plot)
{
        char label[LABEL_MAX];

        for (int row = 0; row < ROWS; row++) {
                label_of(plot, row, label);
                int end = plot->columns;
                while (end > 0 && plot->cells[row * plot->columns + end - 1] == 0)
                        end--;
                fprintf(out, "%*s %s", plot->label_width, label,
                        *label ? glyph(plot->chart, "┤", "+") : glyph(plot->chart, "│", "|"));
                for (int column = 0; column < end; column++)
                        put_cell(out, plot->chart, plot->cells[row * plot->columns + column]);
                fputs("\n", out);
        }
}

/* What there was at all, for the scale and below it. */
struct sums {
        bool is_known;
        double min, max, sum, count;
};

static struct sums sums_of(const struct chart *chart)
{
        struct sums sums = { 0 };

        for (size_t i = 0; i < chart->count; i++) {
                const struct chart_bucket *bucket = &chart->buckets[i];
                if (!bucket->is_known)
                        continue;
                sums.min = sums.is_known ? MIN(sums.min, bucket->min) : bucket->min;
                sums.max = sums.is_known ? MAX(sums.max, bucket->max) : bucket->max;
                sums.sum += bucket->mean * bucket->count;
                sums.count += bucket->count;
                sums.is_known = true;
        }
        return sums;
}

/* A course that does not change is in the middle. */
static void set_scale(struct plot *plot, const struct sums *sums)
{
        double room = sums->max > sums->min ? 0 : MAX(fabs(sums->max) * 0.01, 1);
        char label[LABEL_MAX];

        plot->bottom = sums->min - room;
        plot->top = sums->max + room;
        plot->decimals = (int)MIN(MAX(1 - floor(log10((plot->top - plot->bottom) / 2)), 0), 6);
        for (int row = 0; row < ROWS; row++) {
                label_of(plot, row, label);
                plot->label_width = MAX(plot->label_width, (int)strlen(label));
        }
}

static int print_numbers(FILE *out, const struct chart *chart)
{
        const struct sums sums = sums_of(chart);
        struct plot plot = { .chart = chart, .raster = chart->is_ascii ? stars : braille };

        set_scale(&plot, &sums);
        plot.columns = MAX(chart->width - plot.label_width - 3, 10);
        CLEANUP_FREE unsigned char *cells = calloc((size_t)(ROWS * plot.columns), 1);
        if (!cells)
                return -ENOMEM;
        plot.cells = cells;
        draw(&plot);
        put_rows(out, &plot);
        put_axis(out, chart, plot.label_width + 1, plot.columns);
        fprintf(out, "min %.7g  mean %.*f  max %.7g", sums.min, plot.decimals + 1, sums.sum / MAX(sums.count, 1),
                sums.max);
        if (*chart->unit) {
                fputs(" ", out);
                put_text(out, chart, chart->unit);
        }
        fprintf(out, "  of %.0f readings\n", sums.count);
        return 0;
}

/* ---- On or off ------------------------------------------------------------------------------------------- */

static const char *bar_of(const struct chart *chart, double on)
{
        static const char *const bars[] = { "·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        static const char *const digits[] = { ".", "1", "2", "3", "4", "5", "6", "7", "8", "9", "#" };

        if (chart->is_ascii)
                return digits[on > 0 ? MIN(MAX((int)(on * 10), 1), 10) : 0];
        return bars[on > 0 ? MIN(MAX((int)(on * 8 + 0.5), 1), 8) : 0];
}

static double on_of(const struct chart_bucket *bucket)
{
        return bucket->is_known ? MIN(MAX(bucket->on, 0.0), 1.0) : 0;
}

/* In the first and the last bucket not all of the time is known, nor where something was offline. */
static double known_s_of(const struct chart *chart, size_t index)
{
        const struct chart_bucket *bucket = &chart->buckets[index];

        return bucket->is_known ? MIN(MAX(bucket->known_s, 0.0), chart->step_s) : 0;
}

/* The share of the buckets in a column; negative: none is known. */
static double share_of(const struct chart *chart, int column, int columns)
{
        size_t from = (size_t)column * chart->count / (size_t)columns;
        size_t to = MAX((size_t)(column + 1) * chart->count / (size_t)columns, from + 1);
        double sum = 0, known = 0;

        for (size_t i = from; i < to; i++) {
                sum += on_of(&chart->buckets[i]) * known_s_of(chart, i);
                known += known_s_of(chart, i);
        }
        return known > 0 ? sum / known : -1;
}

static void print_share(FILE *out, const struct chart *chart)
{
        static const int label_width = 2;
        int columns = MAX(chart->width - label_width - 3, 10), end = columns;
        double on_s = 0, known_s = 0;

        while (end > 0 && share_of(chart, end - 1, columns) < 0)
                end--;
        fprintf(out, "on %s", glyph(chart, "│", "|"));
        for (int column = 0; column < end; column++) {
                double on = share_of(chart, column, columns);
                fputs(on < 0 ? " " : bar_of(chart, on), out);
        }
        fputs("\n", out);
        put_axis(out, chart, label_width + 1, columns);
        for (size_t i = 0; i < chart->count; i++) {
                on_s += on_of(&chart->buckets[i]) * known_s_of(chart, i);
                known_s += known_s_of(chart, i);
        }
        int minutes = (int)lround(on_s / 60);
        if (on_s < 60)
                fprintf(out, "on for %.0f s", on_s);
        else
                fprintf(out, "on for %d h %02d min", minutes / 60, minutes % 60);
        fprintf(out, ", %.0f %% of what is known\n", known_s > 0 ? on_s / known_s * 100 : 0);
}

/* ---- All ------------------------------------------------------------------------------------------------- */

static bool is_anything_known(const struct chart *chart)
{
        for (size_t i = 0; i < chart->count; i++)
                if (chart->buckets[i].is_known)
                        return true;
        return false;
}

int chart_print(FILE *out, const struct chart *chart)
{
        struct chart fitted = *chart;
        int r = 0;

        fitted.width = MIN(MAX(chart->width, CHART_WIDTH_MIN), CHART_WIDTH_MAX);
        put_text(out, chart, chart->title);
        fputs("\n", out);
        if (!is_anything_known(chart))
                fputs("nothing is known of that time\n", out);
        else if (chart->is_share)
                print_share(out, &fitted);
        else
                r = print_numbers(out, &fitted);
        return r < 0 ? r : ferror(out) ? -EIO : 0;
}
