/* SPDX-License-Identifier: Apache-2.0 */
#include "course.h"

#include <string.h>
#include <time.h>

#include "channel/trend_request.h"

/* Which buckets: all channels of a message have the same. */
struct span {
        enum trend_span which;
        int64_t newest; /* the number of the last one */
};

/* Of a clock that went back a little some channel may be one ahead. */
static int64_t newest_of(const struct channels *channels, const struct trend_request *request)
{
        int64_t newest = trend_newest(NULL, channels->clock, request->span);

        for (size_t i = 0; i < channels->count; i++) {
                const struct channel *channel = &channels->items[i];
                if (channel->trend && trend_request_wants(request, channel))
                        newest = MAX(newest, trend_newest(channel->trend, channels->clock, request->span));
        }
        return newest;
}

static struct trend_point point_of(const struct channel *channel, const struct span *span, uint32_t index)
{
        const struct trend *trend = channel->trend;
        int64_t behind = trend ? span->newest - trend->courses[span->which].number : 0;
        int64_t at = index + behind;

        if (!trend || at < 0 || at >= trend_forms[span->which].count)
                return (struct trend_point){ 0 };
        return trend_get(trend, span->which, (uint32_t)at);
}

/* ---- JSON ------------------------------------------------------------------------------------------------ */

static void write_start(const struct channels *channels, const struct span *span, struct json_text *out)
{
        const struct trend_form *form = &trend_forms[span->which];
        time_t start = (time_t)((span->newest - form->count + 1) * form->step_s);
        char text[32];
        struct tm utc;

        json_put_key(out, "start");
        if (channels->clock->is_known && gmtime_r(&start, &utc) &&
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
                json_put_string(out, text);
        else
                json_put_literal(out, "null");
}

enum { COLUMN_MIN, COLUMN_MEAN, COLUMN_MAX, COLUMN_COUNT, COLUMN_ON, COLUMN_KNOWN_S, COLUMNS };
static const char *const column_names[COLUMNS] = { "min", "mean", "max", "count", "on", "known_s" };

static double column_of(const struct trend_point *point, int column)
{
        const double values[COLUMNS] = { point->min, point->mean, point->max, point->count, point->on, point->known_s };

        return values[column];
}

static void write_column(const struct trend_point points[], uint32_t count, int column, struct json_text *out)
{
        json_put_key(out, column_names[column]);
        json_put_open(out, '[');
        for (uint32_t i = 0; i < count; i++) {
                json_put_item(out);
                if (points[i].is_known || column == COLUMN_COUNT || column == COLUMN_KNOWN_S)
                        json_put_number(out, column_of(&points[i], column));
                else
                        json_put_literal(out, "null");
        }
        json_put_literal(out, "]");
}

static void write_channel(const struct channel *channel, const struct span *span, struct json_text *out)
{
        bool is_share = channel->kind->type == SCONCE_VALUE_BOOL;
        struct trend_point points[TREND_BUCKETS_MAX]; /* rounding takes longer than writing */
        uint32_t count = trend_forms[span->which].count;

        for (uint32_t i = 0; i < count; i++)
                points[i] = point_of(channel, span, i);
        json_put_key(out, channel->row.key);
        json_put_open(out, '{');
        if (channel->row.unit) {
                json_put_key(out, "unit");
                json_put_string(out, channel->row.unit);
        }
        for (int column = is_share ? COLUMN_ON : COLUMN_MIN; column < (is_share ? COLUMNS : COLUMN_ON); column++)
                write_column(points, count, column, out);
        json_put_literal(out, "}");
}

static void write_head(const char *device, const struct channels *channels, const struct trend_request *request,
                       const struct span *span, struct json_text *out)
{
        json_put_key(out, "ok");
        json_put_literal(out, "true");
        if (*request->id) {
                json_put_key(out, "id");
                json_put_raw(out, request->id, strlen(request->id));
        }
        json_put_key(out, "device");
        json_put_string(out, device);
        json_put_key(out, "trend");
        json_put_string(out, trend_forms[span->which].name);
        write_start(channels, span, out);
        json_put_key(out, "step_s");
        json_put_integer(out, trend_forms[span->which].step_s);
}

void course_write(const char *device, const struct channels *channels, const struct trend_request *request,
                  struct json_text *out)
{
        const struct span span = { request->span, newest_of(channels, request) };

        json_put_open(out, '{');
        write_head(device, channels, request, &span, out);
        json_put_key(out, "channels");
        json_put_open(out, '{');
        for (size_t i = 0; i < channels->count; i++)
                if (trend_request_wants(request, &channels->items[i]))
                        write_channel(&channels->items[i], &span, out);
        json_put_literal(out, "}");
        json_put_literal(out, "}");
}
