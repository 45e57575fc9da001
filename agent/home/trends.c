/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for trends. A few wait at a time, and their devices are answered for in turn, as many a second as are read by
 * `get`, out of the same measure: a flood of either holds up nobody.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel/trend_request.h"
#include "home/inside.h"
#include "util/text.h"

#define TURN_US (20 * USEC_PER_MSEC)

/* One that waits. What `meta` points to is owned here, behind it. */
struct trend_ask {
        struct trend_request request;
        char device[DEVICE_ID_MAX + 1]; /* "": all */
        size_t at;                      /* the next of them */
        struct command_meta meta;
};

/* ---- Refusals -------------------------------------------------------------------------------------------- */

static void answer_refused(struct home *home, const char *device, const struct trend_request *request,
                           const struct result *result, const struct command_meta *meta)
{
        if (rate_take(&home->refusals, loop_now_us(home->context.loop)))
                answers_publish(&home->context, device ? device : NODE_ID, result, request->id, meta);
        else
                home->n_unknown++;
}

/* One of the devices at least has the channel. */
static int check_any(const struct home *home, const struct trend_request *request, struct result *result)
{
        for (size_t i = 0; i < home->count; i++)
                if (trend_request_check(request, &home->items[i]->channels, result) == 0)
                        return 0;
        return refuse(result, RESULT_UNKNOWN_CHANNEL, "no device has a channel \"%s\" with a trend", request->channel);
}

static int check(const struct home *home, const char *id, const struct trend_request *request,
                 const struct command_meta *meta, struct result *result)
{
        const struct device *device = id ? home_find(home, id) : NULL;

        if (id && !device)
                return refuse(result, RESULT_UNKNOWN_DEVICE, "there is no device \"%s\"", id);
        if (!meta->reply_to)
                return refuse(result, RESULT_MALFORMED,
                              "a trend is sent to the request's response topic (MQTT 5), which has to be below "
                              "the base's reply/: there is none");
        if (home->trends.count >= TRENDS_WAITING_MAX)
                return refuse(result, RESULT_BUSY, "%d requests for trends are waiting already", TRENDS_WAITING_MAX);
        return device ? trend_request_check(request, &device->channels, result) : check_any(home, request, result);
}

/* ---- Answers --------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct device *device, const struct trend_request *request)
{
        struct result ignored;

        return trend_request_check(request, &device->channels, &ignored) == 0;
}

static void answer(struct home *home, struct device *device, const struct trend_ask *ask)
{
        const struct home_sink *sink = &home->context.sink;

        /* Nobody gets the answer that another's command waits for. */
        if (!sink->trend || answers_is_taken(&home->context.answers, &ask->meta))
                return;
        device_trend_clock(&home->context, loop_now_us(home->context.loop));
        channels_catch_up_trends(&device->channels);
        sink->trend(sink->userdata, device->id, &device->channels, &ask->request, &ask->meta);
}

/* The next device that it asks for; NULL: there is none left. */
static struct device *next_of(struct home *home, struct trend_ask *ask)
{
        if (*ask->device)
                return ask->at++ == 0 ? home_find(home, ask->device) : NULL;
        while (ask->at < home->count) {
                struct device *device = home->items[ask->at++];
                if (is_wanted(device, &ask->request))
                        return device;
        }
        return NULL;
}

static void drop_first(struct trends *trends)
{
        free(trends->waiting[0]);
        memmove(trends->waiting, trends->waiting + 1, --trends->count * sizeof(trends->waiting[0]));
}

/* One, which takes as long as many commands do; the others have their turn later, after what is due meanwhile. */
static void go_on(struct home *home)
{
        struct trends *trends = &home->trends;
        bool is_answered = false;

        while (trends->count > 0) {
                struct trend_ask *ask = trends->waiting[0];
                struct device *device = next_of(home, ask);
                if (!device) {
                        drop_first(trends);
                        continue;
                }
                if (is_answered || !rate_take(&home->gets.rate, loop_now_us(home->context.loop))) {
                        ask->at--;
                        timer_arm(trends->timer, is_answered ? 0 : TURN_US);
                        return;
                }
                answer(home, device, ask);
                is_answered = true;
        }
}

static void on_turn(void *userdata)
{
        go_on(userdata);
}

/* ---- Requests -------------------------------------------------------------------------------------------- */

static struct trend_ask *ask_new(const char *id, const struct trend_request *request, const struct command_meta *meta)
{
        size_t reply_size = strlen(meta->reply_to) + 1, marks = meta->correlation ? meta->correlation_size : 0;
        struct trend_ask *ask = calloc(1, sizeof(*ask) + reply_size + marks);

        if (!ask)
                return NULL;
        char *owned = (char *)(ask + 1);
        ask->request = *request;
        (void)snprintf(ask->device, sizeof(ask->device), "%s", id ? id : "");
        ask->meta.reply_to = memcpy(owned, meta->reply_to, reply_size);
        if (marks > 0)
                ask->meta.correlation = memcpy(owned + reply_size, meta->correlation, marks);
        ask->meta.correlation_size = marks;
        return ask;
}

static int wait_its_turn(struct home *home, const char *id, const struct trend_request *request,
                         const struct command_meta *meta, struct result *result)
{
        struct trends *trends = &home->trends;

        int r = trends->timer ? 0 : timer_new(home->context.loop, TIMER_EXACT_US, on_turn, home, &trends->timer);
        struct trend_ask *ask = r == 0 ? ask_new(id, request, meta) : NULL;
        if (!ask)
                return refuse(result, RESULT_FAILED, "out of memory");
        timer_set_priority(trends->timer, LOOP_NETWORK);
        trends->waiting[trends->count++] = ask;
        return 0;
}

void home_trend(struct home *home, const char *id, const void *payload, size_t size, const struct command_meta *meta)
{
        struct trend_request request;
        struct result result;

        if (id && !text_is_id(id)) {
                home->n_unknown++;
                return;
        }
        int r = trend_request_parse(payload, size, &home->context.limits, &request, &result);
        if (r == 0)
                r = check(home, id, &request, meta, &result);
        if (r == 0)
                r = wait_its_turn(home, id, &request, meta, &result);
        if (r < 0)
                answer_refused(home, id, &request, &result, meta);
        else if (!timer_armed(home->trends.timer))
                go_on(home);
}

void trends_done(struct home *home)
{
        while (home->trends.count > 0)
                drop_first(&home->trends);
        timer_free(home->trends.timer);
}
