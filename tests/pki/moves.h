/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of moves on one DIR of sconce-pki. A move is drawn without a look at what there is, so that a sequence of which
 * moves were taken out is one, too; what it meets then decides what should come of it.
 */
#pragma once

#include "pki/check.h"
#include "stress/dice.h"

enum { MOVES_MAX = 60 };

struct move {
        unsigned what;                 /* a row of the table in moves.c */
        unsigned holder, other, third; /* names */
        unsigned die[3];               /* 0 to 99, for whatever it has to decide */
};

struct moves {
        struct move rows[MOVES_MAX];
        unsigned count;
        bool is_split; /* the signer is another user, where this program is root's */
};

/* What has come about, over all sequences. */
struct tally {
        unsigned moves, issued, joined, renewed, kept_up, revoked, again, rolls, rolls_ended;
        unsigned refused, misused;        /* commands that ended with 1 and 2, as they should */
        unsigned unanswered, turned_away; /* requests without an answer, and with a refusal, as they should */
        unsigned killed, expired;         /* of those: codes that wrong tries have ended; what was out of time */
        unsigned pending;                 /* answers whose files were put in place by a later command */
        unsigned too_often;               /* renewals beyond a day's */
        unsigned granted, taken_back;     /* rights of a node on another's devices */
        unsigned by_revoked; /* of those: by a certificate or a code that was revoked, or a generation before */
};

void moves_draw(struct dice *dice, struct moves *ret);
/* On a DIR that is not there yet. False: `why` says what is not as it should be after the last move in `trace`. */
bool moves_play(const struct moves *moves, const char *dir, struct tally *tally, char why[static WHY_MAX],
                char **trace);
