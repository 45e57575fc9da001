/* SPDX-License-Identifier: Apache-2.0 */
/* What a `get` asks for when it is about trends: {"trend":"24h","channel":"temperature","id":1}. Any other payload of a
 * `get` asks for a reading. Pure. */
#pragma once

#include "channel/command.h"

#define TREND_CHANNEL_MAX 64

struct trend_request {
        enum trend_span span;
        char channel[TREND_CHANNEL_MAX]; /* "": all of them */
        char id[COMMAND_ID_TEXT];        /* as JSON; "" for none */
};

/* It is meant to be one: an object with the word in it. */
bool trend_is_request(const void *payload, size_t size);
/* -EINVAL when refused; the id is there as soon as it could be read. */
int trend_request_parse(const void *payload, size_t size, const struct command_limits *limits,
                        struct trend_request *ret, struct result *result) MUST_CHECK;
/* Its channel is there and has a trend. -EINVAL when refused. */
int trend_request_check(const struct trend_request *request, const struct channels *channels, struct result *result)
        MUST_CHECK;
/* The channel is among those that it asks for. */
bool trend_request_wants(const struct trend_request *request, const struct channel *channel);
