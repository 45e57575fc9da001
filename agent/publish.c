/* SPDX-License-Identifier: Apache-2.0 */
#include "publish.h"

#include <string.h>

#include "channel/channels.h"
#include "channel/result.h"
#include "course.h"
#include "util/log.h"

const char *device_topic_word(enum device_topic topic)
{
        static const char *const words[] = {
                [DEVICE_STATUS] = "status", [DEVICE_ERROR] = "error",   [DEVICE_STATE] = "state",
                [DEVICE_EVENT] = "event",   [DEVICE_RESULT] = "result",
        };

        return words[topic];
}

void write_time(const char *key, struct clock *clock, uint64_t time_us, struct json_text *out)
{
        char quoted[CLOCK_TEXT_MAX + 2] = "\"";

        json_put_key(out, key);
        if (time_us == 0 || !clock || !clock_format(clock, time_us, quoted + 1)) {
                json_put_literal(out, "null");
                return;
        }
        size_t size = strlen(quoted);
        quoted[size++] = '"';
        json_put_raw(out, quoted, size);
}

void write_text(const char *key, const char *text, struct json_text *out)
{
        if (!text)
                return;
        json_put_key(out, key);
        json_put_string(out, text);
}

static void write_channels(const struct channels *channels, struct json_text *out)
{
        for (size_t i = 0; i < channels->count; i++) {
                if (!channel_has_state(&channels->items[i]))
                        continue;
                json_put_key(out, channels->items[i].row.key);
                channel_write_value(&channels->items[i], out);
        }
        json_put_literal(out, "}");
}

void write_state(const struct channels *channels, struct clock *clock, struct json_text *out)
{
        json_put_open(out, '{');
        write_time("time", clock, channels->time_us, out);
        write_channels(channels, out);
}

/* ---- The sink ------------------------------------------------------------------------------------------ */

static struct json_text *begin(struct publisher *publisher)
{
        json_text_reset(&publisher->text);
        return &publisher->text;
}

/* Its time, which for the history is written later. */
static void begin_timed(struct publisher *publisher, uint64_t time_us)
{
        struct json_text *out = begin(publisher);

        json_put_open(out, '{');
        write_time("time", publisher->clock, time_us, out);
        publisher->stamp_us = time_us;
        publisher->after_time = out->size;
}

/* Without memory a message is left out. */
static void send(struct publisher *publisher, const char *device, enum device_topic topic,
                 const struct command_meta *meta)
{
        if (publisher->text.failed)
                log_write(LOG_WARNING, &(struct log_about){ .device = device },
                          "its %s is not published: out of memory", device_topic_word(topic));
        else
                publisher->send(publisher, device, topic, publisher->text.data, publisher->text.size, meta);
}

static void on_status(void *userdata, const char *device, bool online)
{
        struct publisher *publisher = userdata;

        publisher->send(publisher, device, DEVICE_STATUS, online ? "online" : "offline", online ? 6 : 7, NULL);
}

static void on_error(void *userdata, const char *device, const struct fault *fault, uint64_t since_us)
{
        struct publisher *publisher = userdata;
        struct json_text *out = begin(publisher);
        char code[32];

        if (!fault) {
                publisher->send(publisher, device, DEVICE_ERROR, "", 0, NULL);
                return;
        }
        json_put_open(out, '{');
        write_time("time", publisher->clock, since_us, out);
        fault_code_name(fault->code, code);
        write_text("code", code, out);
        write_text("message", fault->text, out);
        json_put_literal(out, "}");
        send(publisher, device, DEVICE_ERROR, NULL);
}

static void on_state(void *userdata, const char *device, const struct channels *channels)
{
        struct publisher *publisher = userdata;

        begin_timed(publisher, channels->time_us);
        write_channels(channels, &publisher->text);
        send(publisher, device, DEVICE_STATE, NULL);
}

static void on_event(void *userdata, const char *device, const char *channel, const char *event_type, uint64_t time_us)
{
        struct publisher *publisher = userdata;
        struct json_text *out = &publisher->text;

        begin_timed(publisher, time_us);
        write_text("channel", channel, out);
        write_text("event_type", event_type, out);
        json_put_literal(out, "}");
        send(publisher, device, DEVICE_EVENT, NULL);
}

static void on_result(void *userdata, const char *device, const struct result *result, const char *id,
                      const struct command_meta *meta)
{
        struct publisher *publisher = userdata;

        result_write(result, id, begin(publisher));
        send(publisher, device, DEVICE_RESULT, meta);
}

static void on_trend(void *userdata, const char *device, const struct channels *channels,
                     const struct trend_request *request, const struct command_meta *meta)
{
        struct publisher *publisher = userdata;

        course_write(device, channels, request, begin(publisher));
        send(publisher, device, DEVICE_RESULT, meta);
}

static void on_gone(void *userdata, const char *device)
{
        static const enum device_topic retained[] = { DEVICE_STATUS, DEVICE_ERROR, DEVICE_STATE };
        struct publisher *publisher = userdata;

        for (size_t i = 0; i < ARRAY_SIZE(retained); i++)
                publisher->send(publisher, device, retained[i], "", 0, NULL);
}

struct home_sink publisher_sink(struct publisher *publisher)
{
        return (struct home_sink){
                .status = on_status,
                .error = on_error,
                .state = on_state,
                .event = on_event,
                .result = on_result,
                .trend = on_trend,
                .gone = on_gone,
                .userdata = publisher,
        };
}
