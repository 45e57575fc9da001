/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random houses under random moves, for STRESS_SECONDS: rounds of one house each, whose seeds follow STRESS_SEED. The
 * judge looks at each round's record; here each law is one test over all of them. A round depends on its seed alone, so
 * one that broke a law comes again by itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/judge.h"
#include "stress/moves.h"

#define MOVES_LEAST 20
#define MOVES_MOST  50
#define LONG_RUN_S  120 /* from here on there is time for slow moves */
#define SHOWN_MAX   12  /* violations a round */
#define AROUND_US   (1500 * USEC_PER_MSEC)

static size_t violations[LAWS], looked_at[LAWS];
static uint64_t worst_us[LAWS];
static char first_text[LAWS][224]; /* of each law's first violation, with what plays it again */

static uint64_t number(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);
        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- What is shown ----------------------------------------------------------------------------------------------- */

static double seconds(const struct scene *scene, uint64_t at_us)
{
        return ((double)at_us - (double)scene->record.rows[0].from_us) / USEC_PER_SEC;
}

static void show_row(const struct scene *scene, const struct row *row)
{
        (void)printf("      %9.4f - %9.4f  %s", seconds(scene, row->from_us), seconds(scene, row->to_us),
                     row_name(row->kind));
        for (size_t i = 0; i < scene->house.count; i++)
                if (row->outputs & 1ULL << i)
                        (void)printf(" %s", scene->house.outputs[i].id);
        if (row->kind == ROW_COMMAND)
                (void)printf(" %s %llu ms%s", word_name(row->word), row->length_us / USEC_PER_MSEC,
                             row->is_accepted   ? ""
                             : row->is_answered ? ", refused"
                                                : ", no answer");
        (void)printf("\n");
}

static void show_edge(const struct scene *scene, const struct edge *edge)
{
        for (size_t i = 0; i < scene->house.count; i++) {
                const struct output *output = &scene->house.outputs[i];
                if (output->line == edge->line && output->part != PART_VICTIM)
                        (void)printf("      %9.4f               GPIO%u %s %s\n", seconds(scene, edge->at_us),
                                     edge->line, output->id, edge->level != output->active_low ? "on" : "off");
        }
}

/* What was done and what changed in that time, in order. */
static void show_between(const struct scene *scene, uint64_t from_us, uint64_t to_us)
{
        const struct record *record = &scene->record;
        size_t row = 0, edge = 0;

        while (row < record->n_rows || edge < record->n_edges) {
                bool is_row = edge == record->n_edges ||
                              (row < record->n_rows && record->rows[row].from_us <= record->edges[edge].at_us);
                uint64_t begin_us = is_row ? record->rows[row].from_us : record->edges[edge].at_us;
                uint64_t end_us = is_row ? record->rows[row].to_us : begin_us;
                bool is_within = end_us >= from_us && begin_us <= to_us;
                if (is_within && is_row)
                        show_row(scene, &record->rows[row]);
                else if (is_within)
                        show_edge(scene, &record->edges[edge]);
                row += is_row;
                edge += !is_row;
        }
}

static void show_verdict(const struct scene *scene, const struct verdict *verdict, uint64_t seed)
{
        for (size_t i = 0; i < MIN(verdict->count, SHOWN_MAX); i++) {
                const struct violation *violation = &verdict->violations[i];
                (void)printf("    %s: at %.4f s %s\n", law_name(violation->law), seconds(scene, violation->at_us),
                             violation->text);
        }
        if (verdict->count > 0) {
                uint64_t at_us = verdict->violations[0].at_us;
                show_between(scene, at_us - AROUND_US, at_us + AROUND_US / 4);
                (void)printf("    again: %sSTRESS_SEED=%" PRIu64 " STRESS_SECONDS=1 make check-stress\n",
                             scene->is_long ? "STRESS_LONG=1 " : "", seed);
        }
}

/* ---- Rounds ------------------------------------------------------------------------------------------------------ */

static void note_first(const struct scene *scene, const struct verdict *verdict, uint64_t seed)
{
        for (size_t i = 0; i < MIN(verdict->count, VIOLATIONS_MAX); i++) {
                const struct violation *violation = &verdict->violations[i];
                if (!*first_text[violation->law])
                        (void)snprintf(first_text[violation->law], sizeof(first_text[0]),
                                       "%sSTRESS_SEED=%" PRIu64 ", at %.4f s: %s",
                                       scene->is_long ? "STRESS_LONG=1 " : "", seed, seconds(scene, violation->at_us),
                                       violation->text);
        }
}

static void add_up(const struct verdict *verdict)
{
        for (size_t law = 0; law < LAWS; law++) {
                violations[law] += verdict->by_law[law];
                looked_at[law] += verdict->looked_at[law];
                worst_us[law] = MAX(worst_us[law], verdict->worst_us[law]);
        }
}

static int by_begin(const void *a, const void *b)
{
        const struct row *one = a, *other = b;
        return one->from_us < other->from_us ? -1 : one->from_us > other->from_us;
}

static void play(uint64_t seed, bool is_long, uint64_t begun_us)
{
        struct verdict verdict;
        struct scene scene;
        struct dice dice = dice_of(~seed);
        size_t n = dice_between(&dice, MOVES_LEAST, MOVES_MOST);

        scene_open(&scene, seed, is_long);
        for (size_t i = 0; i < n; i++)
                moves_make(&scene);
        moves_make_the_rest(&scene);
        scene_end(&scene);
        qsort(scene.record.rows, scene.record.n_rows, sizeof(*scene.record.rows), by_begin);
        judge(&scene.house, &scene.record, &scene.noise, &verdict);
        add_up(&verdict);
        note_first(&scene, &verdict, seed);
        (void)printf("  %4u s  seed %" PRIu64 ": %zu moves, %zu edges, held up %llu ms, %zu violations\n",
                     (unsigned)((now_us() - begun_us) / USEC_PER_SEC), seed, n, scene.record.n_edges,
                     noise_all(&scene.noise) / USEC_PER_MSEC, verdict.count);
        if (getenv("STRESS_SHOW"))
                show_between(&scene, 0, NEVER);
        show_verdict(&scene, &verdict, seed);
        (void)fflush(stdout);
        scene_close(&scene);
}

/* A disk that others keep busy holds up who writes a log to it, and no one can say for how long. */
static void stay_in_memory(void)
{
        if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
                (void)setenv("TMPDIR", "/dev/shm", 1);
}

static int play_all(void **state)
{
        (void)state;
        uint64_t begun_us = now_us(), for_s = number("STRESS_SECONDS", 30);
        uint64_t seed = number("STRESS_SEED", begun_us % 1000000 + 1);

        (void)printf("stress: STRESS_SEED=%" PRIu64 " STRESS_SECONDS=%" PRIu64 "\n", seed, for_s);
        metronome_start();
        stay_in_memory();
        workdir_make();
        stage.pki = pki_of_stage();
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki, .quiet = true });
        do
                play(seed++, for_s >= LONG_RUN_S || getenv("STRESS_LONG"), begun_us);
        while (now_us() - begun_us < for_s * USEC_PER_SEC);
        for (size_t law = 0; law < LAWS; law++)
                (void)printf("  %-12s looked at %zu times, %zu violations, at most %.1f ms late\n", law_name(law),
                             looked_at[law], violations[law], (double)worst_us[law] / USEC_PER_MSEC);
        (void)fflush(stdout);
        return 0;
}

static void assert_kept(enum law law)
{
        if (violations[law] > 0)
                fail_msg("%zu violations, the first with %s", violations[law], first_text[law]);
        assert_true(looked_at[law] > 0); /* each round ends with something for each law */
}

#define LAW_TEST(name, law)                                                                                            \
        static void name(void **state)                                                                                 \
        {                                                                                                              \
                (void)state;                                                                                           \
                assert_kept(law);                                                                                      \
        }

LAW_TEST(interlock__random_moves__one_at_most_is_on_with_dead_time, LAW_INTERLOCK)
LAW_TEST(cover__random_moves__one_way_at_a_time_and_no_longer_than_its_way, LAW_COVER)
LAW_TEST(timed__random_moves__ends_in_time, LAW_TIME)
LAW_TEST(outputs_safe__sigkill__timed_outputs_are_off_and_stay_off, LAW_SAFE)
LAW_TEST(on_offline__broker_lost__holds_until_it_is_back, LAW_OFFLINE)
LAW_TEST(edge__random_moves__has_a_cause, LAW_CAUSE)
LAW_TEST(min_on__random_moves__kept, LAW_REST)
LAW_TEST(button__floods_and_losses__answered_in_time, LAW_LOCAL)
LAW_TEST(state__settled__is_the_line, LAW_STATE)

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(interlock__random_moves__one_at_most_is_on_with_dead_time),
        cmocka_unit_test(cover__random_moves__one_way_at_a_time_and_no_longer_than_its_way),
        cmocka_unit_test(timed__random_moves__ends_in_time),
        cmocka_unit_test(outputs_safe__sigkill__timed_outputs_are_off_and_stay_off),
        cmocka_unit_test(on_offline__broker_lost__holds_until_it_is_back),
        cmocka_unit_test(edge__random_moves__has_a_cause),
        cmocka_unit_test(min_on__random_moves__kept),
        cmocka_unit_test(button__floods_and_losses__answered_in_time),
        cmocka_unit_test(state__settled__is_the_line),
};

STAGE_MAIN(tests, play_all)
