/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold at every moment. The laws see the world alone: edges, messages, who is alive. A broken one ends the run.
 *
 * A command is looked at while the agent takes it: what it must not carry out moves nothing in that turn, what it must
 * carry out has moved when the turn is over. Each other edge needs a cause: a hand, a time that is over, the loss of the
 * broker, a start, a stop, a reload that touches the device.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/house.h"
#include "sim/laws_history.h"
#include "sim/laws_waits.h"

struct message;

enum word { WORD_ON, WORD_OFF, WORD_TOGGLE, WORD_FOR, WORD_OPEN, WORD_CLOSE, WORD_STOP, WORD_BAD, WORD_GET };

/* A command as a client sent it. */
struct command {
        unsigned number;
        size_t output; /* of the device: the first */
        enum word word;
        uint64_t for_us;
        uint64_t expires_us; /* in wall time; 0: never */
        unsigned repeats;    /* the number of the one that it repeats; 0: none */
        bool was_accepted;
        bool has_id;    /* the mark is in its payload */
        char reply[64]; /* where its sender waits for the result; "": nowhere */
        uint64_t taken_us;
        char mark[40]; /* its id and its correlation data, where it has them */
};

#define COMMANDS_KEPT 256

enum context { CONTEXT_NONE, CONTEXT_COMMAND, CONTEXT_START, CONTEXT_STOP, CONTEXT_DEATH, CONTEXT_SAFE };

#define PAST_MAX 16

struct output_law {
        bool on;
        uint64_t on_us, off_us; /* the last edges */
        uint64_t limited_us;    /* max_on counts from then at the latest */
        uint64_t light_us;      /* and from then at the earliest */
        uint64_t end_us;        /* it may go off from then on; 0: there is no such time */
        uint64_t taken_end_us;  /* the one that on_offline has taken; it may have come at the same moment */
        uint64_t latest_us;     /* it is off by then: a hand may have begun its time again */
        uint64_t until_us;      /* a cover's drive or a member's turn may go on until then */
        bool was_touched;       /* since the broker was lost */
        bool was_for;           /* on for a limited time when the agent died, */
        uint64_t for_us;        /* and since then */
        uint64_t timed_us;      /* when that was last so: it may be in the file still */
        bool wanted;            /* as it was last while the agent ran in order */
        struct {
                uint64_t at_us;
                bool on;
        } past[PAST_MAX]; /* of that, the newest first */
        size_t n_past;
        bool may_be[2]; /* after the next start */
        struct wait_law wait;
        bool before_stop;
        bool was_unsettled; /* when the agent ended: the old settings may have counted, or a hand that came late */
        bool was_on;        /* when the agent started */
        bool was_held;      /* by the store or for the program that is executed, when the agent started */
};

struct laws {
        struct output_law outputs[OUTPUTS_MAX];
        struct command commands[COMMANDS_KEPT];
        unsigned n_commands;
        enum context context;
        /* While the agent takes a command. */
        unsigned current;
        bool is_refused;
        unsigned n_edges, n_results;
        bool before[OUTPUTS_MAX];

        bool is_seen; /* there was a connection in this boot, and that is in the file */
        uint64_t seen_us;
        uint64_t lost_from_us, lost_to_us; /* the agent counts from a moment between; 0: not at all */
        uint64_t past_from_us, past_to_us; /* the loss before: a connection that has ended it may not be in the file */
        uint64_t before_start[2];          /* the two of them */
        bool is_pushed[2];                 /* touch lines 40 and 41 */
        uint64_t hand_us[2];               /* when each was pushed last */
        uint64_t settings_us;              /* on_exit or max_on of a plain output was changed in the config */
        uint64_t reload_us;
        uint64_t reloaded;    /* a bit for each output that the reload touches */
        bool is_stop_mixed;   /* a command came during the stop */
        uint64_t stopping_us; /* it was asked to stop */
        uint64_t died_us, started_us;
        bool was_clean;        /* that end */
        bool is_first_start;   /* of this boot */
        bool is_perhaps_first; /* the one before died before that was sure to be in the file */
        bool is_disk_bad;      /* what is saved is not sure */
        uint64_t disk_bad_until_us;
        unsigned n_settled;
        struct history_laws history;
};

void laws_edge(unsigned line, bool high);
void laws_turn(void); /* after each thing that happened */

struct command *laws_command(void);                             /* a new one, */
struct command *laws_command_like(const struct command *other); /* with the same wish and mark */
void laws_before(const struct message *message);
void laws_after(const struct message *message);
void laws_sent(const struct message *message);              /* by the agent */
void laws_published(const struct message *message, int id); /* it has reached the broker */

void laws_disk_bad(uint64_t for_us); /* the card fails for so long */
void laws_connected(void);
void laws_lost(void);
void laws_hand(unsigned line, bool on); /* somebody pushes or lets go */
void laws_reload(uint64_t outputs);     /* begins now, and touches these */
bool laws_is_reloading(void);           /* one may not be over yet */
void laws_settings(size_t output);      /* it changes that one's on_exit or max_on, in place */
void laws_stop(void);                   /* the agent is asked to stop */

void laws_starting(bool is_new_boot);
void laws_started(void);
void laws_not_started(void);        /* the config is wrong */
void laws_stopped(bool is_restart); /* in order */
void laws_died(bool with_power);
void laws_safe(void); /* --outputs-safe begins */
void laws_made_safe(void);
void laws_settled(void); /* at a quiet moment: what is published is what is */
