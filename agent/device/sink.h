/* SPDX-License-Identifier: Apache-2.0 */
/* What devices hand up to the world, and where a command wants its answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channels;
struct distant_command;
struct fault;
struct result;
struct trend_request;

/* Where a command wants its answer. All borrowed for the call. */
struct command_meta {
        const char *reply_to;    /* an opaque address (a response topic), NULL: none */
        const void *correlation; /* NULL: none */
        size_t correlation_size;
        const char *asker; /* who sent it, as far as that can be known; need not end; NULL: nobody knows */
        size_t asker_size;
        uint64_t expires_us; /* CLOCK_BOOTTIME; 0: never */
        const char *expires; /* as clock_parse() takes it; NULL: never */
        unsigned depth;      /* of the rule of another node that sends it; 0: none does */
};

/*
 * What goes up: values and times, in order. No member may call back into the home, or free anything; all pointers are
 * borrowed for the call. Called while nobody listens too: home_publish_next() gives the newest. A member may be NULL.
 */
struct home_sink {
        void (*status)(void *userdata, const char *device, bool online);
        /* What is wrong with it; `fault` NULL: nothing any more. */
        void (*error)(void *userdata, const char *device, const struct fault *fault, uint64_t since_us);
        /* All that it is now, as of channels->time_us. */
        void (*state)(void *userdata, const char *device, const struct channels *channels);
        void (*event)(void *userdata, const char *device, const char *channel, const char *event_type,
                      uint64_t time_us);
        /* The answer to a command: `id` is JSON, "" for none, and `meta` says where to; NULL: nowhere else. */
        void (*result)(void *userdata, const char *device, const struct result *result, const char *id,
                       const struct command_meta *meta);
        /* The answer to a request for trends, which have been brought up to now. */
        void (*trend)(void *userdata, const char *device, const struct channels *channels,
                      const struct trend_request *request, const struct command_meta *meta);
        /* It is not in the config any more. */
        void (*gone)(void *userdata, const char *device);
        /* Devices or channels changed: `info` is to be built and sent again. */
        void (*info_changed)(void *userdata);
        /* A rule's command for another node. 0: it is on its way, and home_command_over() gets its result; 1: it is, and
         * nothing will be heard of it; -EINVAL: it is not, see `result`. */
        int (*command_other)(void *userdata, const struct distant_command *command, struct result *result);
        bool (*reaches_others)(void *userdata); /* whether it would go out now */
        /* The node's buttons, before the command's result is published: to be carried out later, from the loop. */
        void (*restart)(void *userdata);
        void (*reload)(void *userdata);
        void *userdata;
};
