/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a command: its config, its session, what it has seen of the house, and its end. A command is a
 * chain of steps; each asks the broker for something and names the step that follows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bus/session.h"
#include "client/arguments.h"
#include "client/command.h"
#include "client/view.h"
#include "client/look.h"
#include "client/renewal.h"
#include "client/settings.h"
#include "util/loop.h"

/* Of what is asked of one device: see client/errand.h. */
struct errand {
        struct view_name name;
        int publish_id;  /* of the message that asks */
        json_t *id;      /* of the command, that its result must carry; NULL: it has none */
        json_t *refusal; /* of a command without an id; NULL: none has come */
        bool acknowledged, expires;
        bool has_asked; /* `history`: in this run, whatever came of it */
        client_step then;
};

/* What `forget` has found and not cleared yet, and how far it is. */
struct forgetting {
        json_t *topics;        /* an object: each topic once */
        json_t *announcements; /* the same: those by which Home Assistant knows its devices */
        bool is_still_announced;
        size_t under_way, cleared;
};

/* What `history` has printed last, so that it is not printed twice; 0: nothing yet. */
enum { PRINTED_MAX = 256 };
struct printed {
        uint64_t hashes[PRINTED_MAX];
        size_t next;
};

struct client {
        const struct arguments *arguments;
        FILE *out;
        struct client_settings settings;
        char *reply_topic; /* BASE/reply/NAME/RANDOM: of this run alone */
        struct loop loop;
        struct session *session;
        struct timer *deadline, *grace;
        struct view home;
        struct look look;
        struct errand errand;
        struct forgetting forget;
        struct printed printed[2]; /* as it happened, and late */
        bool has_connected, ending;
        bool abandons;                                          /* at the end nothing more is sent */
        bool is_interrupted;                                    /* by Ctrl-C, or nobody reads any more */
        struct renewal *renewal;                                /* when the work is done; NULL: nothing of it */
        int optional_id;                                        /* of a SUBSCRIBE that may be refused */
        char first_fault[sizeof(((struct fault *)NULL)->text)]; /* of the attempts to connect */
        int exit_code;
        /* Set by the command as it goes; NULL: nothing to do. */
        void (*on_message)(struct client *client, const struct session_message *message);
        void (*on_acknowledged)(struct client *client, int id, int reason);
        client_step on_late;
};

/* Runs the command to its end; the exit code. */
int client_run(const struct arguments *arguments, FILE *out) MUST_CHECK;

/* Ends the run, with a sentence on stderr or without. The first end counts. */
void client_end(struct client *client, int exit_code);
void client_fail(struct client *client, int exit_code, const char *format, ...) PRINTF_LIKE(3, 4);
/* The output cannot be written: without a word where nobody reads it any more (`| head`). `error`: an errno. */
void client_cannot_write(struct client *client, int error);

/* These end the run when they fail. `suffix`: below BASE/. ret_id may be NULL. */
void client_subscribe(struct client *client, const char *suffix, int qos, int *ret_id);
void client_publish(struct client *client, struct session_message *message, const char *suffix, int *ret_id);

/* From now on the time-out counts; then `late` is called. */
void client_wait(struct client *client, client_step late);

/* BASE/SUFFIX; free() it. NULL without memory. */
char *client_topic(const struct client *client, const char *suffix) MUST_CHECK;
/* Whether the topic is BASE/SUFFIX. */
bool client_is_topic(const struct client *client, const char *topic, const char *suffix);
