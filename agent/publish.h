/* SPDX-License-Identifier: Apache-2.0 */
/* The node's home to MQTT: what struct home_sink hands up becomes the payloads of a device's topics. JSON is made here
 * and in info.c. */
#pragma once

#include "home/home.h"
#include "util/json.h"

enum device_topic {                /* the last word of a device's topics */
                    DEVICE_STATUS, /* "online"/"offline", retained */
                    DEVICE_ERROR,  /* JSON, or empty when it works again; retained */
                    DEVICE_STATE,  /* JSON, retained */
                    DEVICE_EVENT,  /* JSON */
                    DEVICE_RESULT, /* JSON: the answer to a command */
};

const char *device_topic_word(enum device_topic topic);

struct publisher {
        struct clock *clock; /* NULL: no times */
        /* A device's new payload. `meta` carries a result's reply_to and correlation; NULL for other topics. */
        void (*send)(struct publisher *publisher, const char *device, enum device_topic topic, const char *payload,
                     size_t size, const struct command_meta *meta);
        struct json_text text; /* its memory is used again; json_text_done() it at the end */
        /* While a state or an event is sent: when it was so (0: never), and where in the text its time ends. */
        uint64_t stamp_us;
        size_t after_time;
};

/* A sink with `publisher` as its userdata; what is no payload (info_changed, the buttons) is left to the caller. */
struct home_sink publisher_sink(struct publisher *publisher);

/* {"time":…,"state":"ON",…} */
void write_state(const struct channels *channels, struct clock *clock, struct json_text *out);
/* "KEY":"…", or null while the clock cannot be trusted; the object is open already. */
void write_time(const char *key, struct clock *clock, uint64_t time_us, struct json_text *out);
/* "KEY":"TEXT", and nothing where `text` is NULL. */
void write_text(const char *key, const char *text, struct json_text *out);
