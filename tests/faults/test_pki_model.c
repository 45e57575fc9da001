/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random sequences of what sconce-pki is asked for (init, broker, node, client, invite, grant, renew, revoke, roll, publish, list, what
 * may not be; joins and renewals by the signer, its upkeep; codes and requests used again, forged, out of time), each on a DIR
 * of its own, against a model of what docs/pki.md promises. After each move the exit status or answer is the model's, and so
 * are the registry, the lists of revoked certificates, the access list, the keys of the invited, and what was issued.
 *
 * PKI_SEQUENCES (100) sequences from PKI_SEED (1) on. What went wrong is printed with its seed and the moves that lead to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs/directory.h"
#include "pki/moves.h"
#include "util/cleanup.h"
#include "util/macro.h"

enum { ENOUGH = 50 }; /* sequences in which everything comes about */

static char base[64];

static unsigned long setting(const char *name, unsigned long otherwise)
{
        const char *text = getenv(name);
        return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

static bool play(const struct moves *moves, struct tally *tally, char why[static WHY_MAX], char **trace)
{
        char dir[96];

        (void)snprintf(dir, sizeof(dir), "%s/pki", base);
        bool is_well = moves_play(moves, dir, tally, why, trace);
        directory_remove(dir);
        return is_well;
}

static void take_out(const struct moves *moves, unsigned at, unsigned count, struct moves *ret)
{
        *ret = *moves;
        memmove(&ret->rows[at], &ret->rows[at + count], (moves->count - at - count) * sizeof(*ret->rows));
        ret->count -= count;
}

/* Whatever goes wrong without a move goes wrong without it. */
static void shorten(struct moves *moves)
{
        struct tally tally = { 0 };
        static char why[WHY_MAX];

        for (unsigned size = moves->count / 2; size > 0; size /= 2)
                for (unsigned at = 0; at + size <= moves->count;) {
                        CLEANUP_FREE char *trace = NULL;
                        struct moves less;
                        take_out(moves, at, size, &less);
                        if (play(&less, &tally, why, &trace))
                                at += size;
                        else
                                *moves = less;
                }
}

static void fail_with(unsigned long seed, struct moves *moves)
{
        CLEANUP_FREE char *trace = NULL;
        struct tally tally = { 0 };
        static char why[WHY_MAX];

        shorten(moves);
        (void)play(moves, &tally, why, &trace);
        (void)printf("%s%s\n", trace, why); /* longer than CMocka prints */
        fail_msg("PKI_SEED=%lu PKI_SEQUENCES=1 does it again", seed);
}

static void sequences__of_random_moves__registry_lists_and_rights_are_the_models(void **state)
{
        unsigned long seed = setting("PKI_SEED", 1), count = setting("PKI_SEQUENCES", 100);
        struct tally sum = { 0 };

        (void)state;
        for (unsigned long i = 0; i < count; i++) {
                CLEANUP_FREE char *trace = NULL;
                struct dice dice = dice_of(seed + i);
                struct moves moves;
                static char why[WHY_MAX];
                moves_draw(&dice, &moves);
                if (!play(&moves, &sum, why, &trace))
                        fail_with(seed + i, &moves);
        }
        if (count >= ENOUGH)
                assert_true(sum.joined && sum.renewed && sum.kept_up && sum.revoked && sum.again && sum.rolls_ended &&
                            sum.misused && sum.granted && sum.taken_back && sum.turned_away && sum.killed &&
                            sum.expired && sum.by_revoked);
        (void)printf(
                "fact: | random sequences of sconce-pki's commands, joins, renewals, upkeeps, forged and repeated "
                "requests, against a model | %lu sequences of %u moves, seeds %lu to %lu | %u certificates, %u by "
                "joining, %u by renewal, %u by upkeep, %u put in place by a later command; %u revocations, %u names "
                "issued again, %u times a right to command another node granted and %u times taken back, %u rolls, %u "
                "of "
                "them to their end; %u commands refused, %u misused; %u requests without an answer, %u turned away: %u "
                "by a revoked certificate or code, %u out of time, %u too often in a day, %u after wrong tries; after "
                "each move registry, "
                "revocation lists, access list, join.psk and issued files were the model's, 0 differences |\n",
                count, sum.moves, seed, seed + count - 1, sum.issued, sum.joined, sum.renewed, sum.kept_up, sum.pending,
                sum.revoked, sum.again, sum.granted, sum.taken_back, sum.rolls, sum.rolls_ended, sum.refused,
                sum.misused, sum.unanswered, sum.turned_away, sum.by_revoked, sum.expired, sum.too_often, sum.killed);
}

static int begin(void **state)
{
        const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

        (void)state;
        (void)snprintf(base, sizeof(base), "%s/sconce-model.XXXXXX", where);
        /* The signer's user has to get through it. */
        return mkdtemp(base) && chmod(base, 0711) == 0 ? 0 : -1;
}

static int end(void **state)
{
        (void)state;
        directory_remove(base);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(sequences__of_random_moves__registry_lists_and_rights_are_the_models,
                                                begin, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
