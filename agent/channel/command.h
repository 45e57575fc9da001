/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a payload to typed values, all checked against the device's channels: a command is taken whole or refused whole,
 * with a code and a sentence. Nothing here knows devices; TOGGLE stays open until it is carried out.
 */
#pragma once

#include <jansson.h>
#include <sconce/plugin.h>

#include "channel/channels.h"
#include "channel/result.h"

#define COMMAND_VALUES_MAX 32
#define COMMAND_ID_MAX     64                       /* bytes, as it was given */
#define COMMAND_ID_TEXT    (COMMAND_ID_MAX * 6 + 3) /* as JSON */

#define COMMAND_EXPIRES_EXAMPLE "2026-11-22T19:30:05Z"

struct command_limits {
        size_t max_bytes;
        unsigned max_depth;
};

struct command {
        struct sconce_value values[COMMAND_VALUES_MAX];
        size_t count;
        uint32_t toggles;         /* bit i: values[i] is to be the opposite of what is */
        char id[COMMAND_ID_TEXT]; /* as JSON; "" for none */
        const char *expires;      /* as clock_parse() takes it; NULL: never */
        json_t *json;             /* texts point into one of these */
        char *text;
};

/* What a payload means for a device, or (channel) to one channel of it. 0, 1 for an empty payload (nothing to
 * do), -EINVAL when refused, with no values left. The command is to be given to command_done() in every case. */
int command_parse(const struct channels *channels, const char *channel, const void *payload, size_t size,
                  const struct command_limits *limits, struct command *ret, struct result *result) MUST_CHECK;
void command_done(struct command *command);

/* For other payloads of the same rules: size, UTF-8 and depth; and the id, as JSON. -EINVAL when refused. */
int command_check_bytes(const struct command_limits *limits, const char *text, size_t size, struct result *result)
        MUST_CHECK;
/* Refuses what json_loadb() has not read. Without a word of it there was no memory. */
int command_refuse_json(const json_error_t *error, struct result *result);
int command_take_id(const json_t *json, char id[static COMMAND_ID_TEXT], struct result *result) MUST_CHECK;

/* Turns TOGGLE into ON or OFF. */
void command_resolve(struct command *command, const struct channels *channels);

#define CLEANUP_COMMAND CLEANUP(command_done)
