/* SPDX-License-Identifier: Apache-2.0 */
/* util/loop: timers, in which order they fire, and what comes before them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/loop.h"

#define SOON_US    (15 * USEC_PER_SEC)
#define N_TIMERS   300
#define ROUNDS     4000
#define NOT_ARMED  UINT64_MAX
#define FIRED_SIZE 64

static struct loop loop;
static char fired[FIRED_SIZE]; /* the names of the timers, in order */

static void note(const char *name)
{
        assert_true(strlen(fired) + strlen(name) < sizeof(fired));
        (void)strcat(fired, name);
}

static void on_named(void *userdata)
{
        note(userdata);
}

static int setup_fake(void **state)
{
        (void)state;
        fired[0] = '\0';
        return loop_init_fake(&loop);
}

static int setup(void **state)
{
        (void)state;
        fired[0] = '\0';
        return loop_init(&loop);
}

static int teardown(void **state)
{
        (void)state;
        loop_done(&loop);
        return 0;
}

static struct timer *timer_of(uint64_t accuracy_us, timer_fn fn, void *userdata)
{
        struct timer *timer = NULL;

        assert_int_equal(timer_new(&loop, accuracy_us, fn, userdata, &timer), 0);
        return timer;
}

static char *name_of(char c)
{
        static char names[128][2];

        names[(unsigned)c][0] = c;
        return names[(unsigned)c];
}

static struct timer *named(char c)
{
        return timer_of(TIMER_EXACT_US, on_named, name_of(c));
}

static void turn_until(size_t count)
{
        while (strlen(fired) < count)
                assert_true(sd_event_run(loop.event, SOON_US) > 0);
}

/* ---- In which order -------------------------------------------------------------------------------------------- */

static void timers__armed_in_any_order__fire_by_time(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a'), *b = named('b'), *c = named('c');

        (void)state;
        timer_arm(b, 2);
        timer_arm(c, 3);
        timer_arm(a, 1);
        loop_advance(&loop, 2);
        assert_string_equal(fired, "ab");
        assert_true(timer_armed(c));
        loop_advance(&loop, 1);
        assert_string_equal(fired, "abc");
        assert_false(timer_armed(c));
}

static void timers__of_one_time__fire_as_they_were_armed(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a'), *b = named('b'), *c = named('c'), *d = named('d');

        (void)state;
        timer_arm(c, 1);
        timer_arm(a, 1);
        timer_arm(d, 1);
        timer_arm(b, 1);
        timer_arm(c, 1);
        loop_advance(&loop, 1);
        assert_string_equal(fired, "adbc");
}

static void timer__armed_again_and_disarmed__fires_once_or_never(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a'), *b = named('b');

        (void)state;
        timer_arm(a, 5);
        timer_arm(a, 1);
        timer_arm(b, 1);
        timer_disarm(b);
        timer_disarm(b);
        loop_advance(&loop, 10);
        assert_string_equal(fired, "a");
}

/* Against a list that is searched. */
static void timers__hundreds_armed_and_disarmed_at_random__as_a_list_has_them(void **state)
{
        static struct timer *timers[N_TIMERS];
        static uint64_t due_us[N_TIMERS];
        unsigned seed = 1;
        size_t n_fired = 0;

        (void)state;
        for (size_t i = 0; i < N_TIMERS; i++) {
                timers[i] = named((char)('0' + i % 10));
                due_us[i] = NOT_ARMED;
        }
        for (unsigned round = 0; round < ROUNDS; round++) {
                size_t i = (size_t)rand_r(&seed) % N_TIMERS;
                uint64_t delay_us = (uint64_t)rand_r(&seed) % 1000 + 1;
                if (rand_r(&seed) % 4 == 0) {
                        timer_disarm(timers[i]);
                        due_us[i] = NOT_ARMED;
                } else {
                        timer_arm(timers[i], delay_us);
                        due_us[i] = loop_now_us(&loop) + delay_us;
                }
                fired[0] = '\0';
                loop_advance(&loop, 2);
                size_t expected = 0;
                for (size_t j = 0; j < N_TIMERS; j++) {
                        bool is_due = due_us[j] <= loop_now_us(&loop);
                        expected += is_due;
                        due_us[j] = is_due ? NOT_ARMED : due_us[j];
                        assert_int_equal(timer_armed(timers[j]), due_us[j] != NOT_ARMED);
                }
                assert_int_equal(strlen(fired), expected);
                n_fired += expected;
        }
        assert_true(n_fired > ROUNDS / 4);
        for (size_t i = 0; i < N_TIMERS; i++)
                timer_free(timers[i]);
}

/* ---- On the real clock ----------------------------------------------------------------------------------------- */

static struct timer *again;

static void on_again(void *userdata)
{
        note(userdata);
        if (strlen(fired) < 6)
                timer_arm(again, 0);
}

static int on_pipe(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        char byte;

        (void)source;
        (void)events;
        note(userdata);
        return read(fd, &byte, 1) == 1 ? 0 : -EIO;
}

struct pipe {
        sd_event_source *source;
        int ends[2];
};

static void fill(struct pipe *pipe_, enum loop_priority priority, char c)
{
        assert_int_equal(pipe(pipe_->ends), 0);
        assert_true(write(pipe_->ends[1], "x", 1) == 1);
        assert_true(loop_add_io(&loop, pipe_->ends[0], priority, on_pipe, name_of(c), &pipe_->source) >= 0);
}

static void empty(struct pipe *pipe_)
{
        sd_event_source_disable_unref(pipe_->source);
        (void)close(pipe_->ends[0]);
        (void)close(pipe_->ends[1]);
}

/* What arms itself for at once, again and again, holds nothing else up. */
static void outputs__one_arms_itself_at_once__the_other_and_a_line_come_between(void **state)
{
        CLEANUP_TIMER struct timer *b = named('b');
        struct pipe line;

        (void)state;
        fill(&line, LOOP_OUTPUTS, 'l');
        again = timer_of(TIMER_EXACT_US, on_again, name_of('a'));
        timer_arm(again, 0);
        timer_arm(b, 0);
        turn_until(6);
        assert_int_equal(strcspn(fired, "b"), 1 + (strcspn(fired, "l") == 0));
        assert_true(strcspn(fired, "l") <= 3);
        timer_free(again);
        empty(&line);
}

static void network__outputs_are_due__comes_after_all_of_them(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a'), *b = named('b'),
                                   *house = timer_of(TIMER_LAZY_US, on_named, name_of('h'));
        CLEANUP_TIMER struct timer *network = named('n');
        struct pipe socket;

        (void)state;
        fill(&socket, LOOP_NETWORK, 's');
        timer_set_priority(network, LOOP_NETWORK);
        timer_arm(network, 0);
        timer_arm(house, 0);
        timer_arm(a, 0);
        timer_arm(b, 0);
        turn_until(5);
        assert_memory_equal(fired, "abh", 3);
        empty(&socket);
}

static void on_free(void *userdata)
{
        struct timer **timer = userdata;

        note("f");
        timer_free(*timer);
        *timer = NULL;
}

static void timer__freed_by_one_that_is_due_with_it__does_not_fire(void **state)
{
        struct timer *gone = named('g');
        CLEANUP_TIMER struct timer *frees = timer_of(TIMER_EXACT_US, on_free, &gone), *b = named('b');

        (void)state;
        timer_arm(frees, 0);
        timer_arm(gone, 0);
        timer_arm(b, 0);
        turn_until(2);
        assert_string_equal(fired, "fb");
}

/* So many turns are made until nothing is due any more for longer than the timers' times. */
static unsigned turns(void)
{
        unsigned n = 0;

        while (sd_event_run(loop.event, 20 * USEC_PER_MSEC) > 0)
                n++;
        return n;
}

static void timer__disarmed__wakes_nobody(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a'), *b = named('b');

        (void)state;
        timer_arm(a, 1000);
        timer_disarm(a);
        assert_int_equal(turns(), 0);
        timer_arm(a, 1000);
        timer_arm(b, 4000);
        timer_disarm(a);
        assert_int_equal(turns(), 1);
        assert_string_equal(fired, "b");
}

static void timer__armed_for_another_time__wakes_once(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a');

        (void)state;
        timer_arm(a, 1000);
        timer_arm(a, 0);
        assert_int_equal(turns(), 1);
        timer_arm(a, 0);
        timer_arm(a, 1000);
        assert_int_equal(turns(), 1);
        assert_string_equal(fired, "aa");
}

static void timer__armed_for_ever__is_never_due(void **state)
{
        CLEANUP_TIMER struct timer *a = named('a');

        (void)state;
        timer_arm(a, UINT64_MAX);
        assert_true(timer_armed(a));
        assert_int_equal(turns(), 0);
}

/* As a sensor does that takes its time. */
static void on_slow(void *userdata)
{
        uint64_t begin_us = loop_now_us(&loop);

        while (loop_now_us(&loop) < begin_us + 300)
                ;
        note(userdata);
}

static struct pipe edge;

/* An edge of a line comes while it runs. */
static void on_slow_with_edge(void *userdata)
{
        fill(&edge, LOOP_OUTPUTS, 'e');
        on_slow(userdata);
}

static void fire_two_slow(uint64_t accuracy_us)
{
        CLEANUP_TIMER struct timer *a = timer_of(accuracy_us, on_slow_with_edge, name_of('a'));
        CLEANUP_TIMER struct timer *b = timer_of(accuracy_us, on_slow, name_of('b'));

        timer_arm(a, 0);
        timer_arm(b, 0);
        turn_until(3);
        empty(&edge);
}

static void house__slow_ones_are_due_together__an_edge_comes_between(void **state)
{
        (void)state;
        fire_two_slow(TIMER_LAZY_US);
        assert_string_equal(fired, "aeb");
}

static void outputs__slow_ones_are_due_together__all_in_one_turn(void **state)
{
        (void)state;
        fire_two_slow(TIMER_EXACT_US);
        assert_string_equal(fired, "abe");
}

#define FAKE(function) cmocka_unit_test_setup_teardown(function, setup_fake, teardown)
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE(timers__armed_in_any_order__fire_by_time),
                FAKE(timers__of_one_time__fire_as_they_were_armed),
                FAKE(timer__armed_again_and_disarmed__fires_once_or_never),
                FAKE(timers__hundreds_armed_and_disarmed_at_random__as_a_list_has_them),
                TEST(outputs__one_arms_itself_at_once__the_other_and_a_line_come_between),
                TEST(network__outputs_are_due__comes_after_all_of_them),
                TEST(timer__freed_by_one_that_is_due_with_it__does_not_fire),
                TEST(timer__disarmed__wakes_nobody),
                TEST(timer__armed_for_another_time__wakes_once),
                TEST(timer__armed_for_ever__is_never_due),
                TEST(house__slow_ones_are_due_together__an_edge_comes_between),
                TEST(outputs__slow_ones_are_due_together__all_in_one_turn),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
