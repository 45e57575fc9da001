/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends of the agent, in order and not: where an output has to be after each. */
#include <string.h>
#include <unistd.h>

#include "sim/law.h"
#include "sim/laws.h"

static uint64_t sure_us(void)
{
        if (world->laws.is_disk_bad)
                return INT64_MAX;
        return world->house.save_after_us + DISK_US;
}

static void begin_counting(bool is_new_boot)
{
        struct laws *laws = &world->laws;

        laws->before_start[0] = laws->lost_from_us;
        laws->before_start[1] = laws->lost_to_us;
        bool is_sure = laws->was_clean || laws->died_us > laws->seen_us + sure_us();

        if (is_new_boot) {
                laws->is_seen = false;
                laws->past_from_us = 0;
                laws->lost_from_us = laws->lost_to_us = 0;
        } else if (laws->is_seen && laws->lost_from_us == 0) {
                bool is_past = !laws->was_clean && laws->past_from_us > 0 &&
                               laws->died_us < laws->past_to_us + sure_us();
                laws->lost_from_us = is_past ? laws->past_from_us : world->now_us;
                laws->lost_to_us = is_sure ? world->now_us + 10 * USEC_PER_SEC : 0;
        } else if (laws->is_seen && laws->died_us < laws->lost_from_us + sure_us() && !laws->was_clean) {
                laws->lost_to_us = is_sure ? world->now_us + 10 * USEC_PER_SEC : 0;
        }
}

void laws_starting(bool is_new_boot)
{
        struct laws *laws = &world->laws;

        trace("sconced starts");
        begin_counting(is_new_boot);
        if (is_new_boot)
                history_law_boot();
        history_law_begin();
        laws->context = CONTEXT_START;
        FOR_EACH_OUTPUT(i)
        {
                law_at(i)->was_held = fd_store_holds(output_at(i)->line);
                law_at(i)->was_on = law_at(i)->on;
        }
        laws->is_perhaps_first = !is_new_boot && !laws->was_clean && (laws->is_perhaps_first || laws->is_first_start) &&
                                 laws->died_us < laws->started_us + sure_us();
        laws->is_first_start = is_new_boot;
        laws->reload_us = 0;
        laws->is_stop_mixed = false;
}

/* The config was wrong: nothing was touched, and nothing is counted. */
void laws_not_started(void)
{
        FOR_EACH_OUTPUT(i)
        law_at(i)->before_stop = law_at(i)->on;
        world->laws.lost_from_us = world->laws.before_start[0];
        world->laws.lost_to_us = world->laws.before_start[1];
        world->laws.context = CONTEXT_STOP;
}

static bool may_start(const struct output *output, const struct output_law *law, bool on)
{
        const struct laws *laws = &world->laws;
        bool by_power = output->power_on == POWER_LAST   ? law->may_be[on]
                        : output->power_on == POWER_KEEP ? on == law->was_on
                                                         : on == (output->power_on == POWER_ON);

        if (law_is_of_loss(output, on))
                return true;
        /* Its time is not counted any more: it is off, unless the power failed before that was in the file. */
        if (law->was_for)
                return !on || (laws->is_first_start && by_power && laws->died_us < law->for_us + sure_us());
        if (!on && laws->died_us < law->timed_us + sure_us())
                return true;
        if (laws->is_first_start)
                return by_power;
        return law->may_be[on] || (laws->is_perhaps_first && by_power);
}

/* Those of a group come later, one after the other. */
void laws_started(void)
{
        struct laws *laws = &world->laws;

        if (access("state/sconce.db.damaged", F_OK) == 0)
                violated("store", "the database was set aside as damaged");
        bool was_disk_bad = laws->is_disk_bad; /* then nothing is known of what was saved, or read */
        if (was_disk_bad)
                laws->lost_to_us = 0;
        if (laws->is_disk_bad)
                laws->history.disk_well_us = world->now_us;
        laws->is_disk_bad = world->disk.fault != DISK_WELL || world->disk.hangs_until_us > world->now_us;
        if (laws->is_disk_bad)
                laws->history.disk_bad_us = laws->history.began_us;

        laws->context = CONTEXT_NONE;
        laws->started_us = world->now_us;
        FOR_EACH_OUTPUT(i)
        {
                const struct output *output = output_at(i);
                struct output_law *law = law_at(i);
                if (output->part == PART_MEMBER)
                        law->until_us = world->now_us + 2 * world->house.dead_us + world->house.extra_dead_ms * MS +
                                        2 * TURN_US;
                waits_law_started(i, was_disk_bad);
                law->was_unsettled = false;
                bool is_news = law->n_past == 0 || law->past[0].on != law->on;
                /* What is off may only wait to go on; what is on is saved so, also where on_offline has switched it on. */
                if (output->part == PART_PUMP && law->on && is_news)
                        law_remember(i, true);
                if (output->part != PART_PLAIN)
                        continue;
                if (!was_disk_bad && !house_is_timed(output) && !may_start(output, law, law->on))
                        violated("saved", "%s GPIO%u is %s after the start", output->id, output->line,
                                 law->on ? "on" : "off");
                if (is_news)
                        law_remember(i, law->on);
                if (law->was_for)
                        law->timed_us = world->now_us;
                law->was_for = false;
        }
}

void laws_reload(uint64_t outputs)
{
        struct laws *laws = &world->laws;

        laws->reload_us = world->now_us;
        laws->reloaded = outputs;
        FOR_EACH_OUTPUT(i)
        if (output_at(i)->part == PART_MEMBER && outputs & 1ULL << i)
                law_at(i)->until_us = world->now_us + 2 * world->house.dead_us + world->house.extra_dead_ms * MS +
                                      2 * TURN_US;
}

bool laws_is_reloading(void)
{
        return world->laws.reload_us > 0 && world->now_us <= world->laws.reload_us + RELOAD_US;
}

/* A run without max_on does not leave to the next since when the output is on. */
void laws_settings(size_t output)
{
        struct output_law *law = law_at(output);

        world->laws.settings_us = world->now_us;
        if (output_at(output)->max_on_us > 0 && law->on)
                law->limited_us = MAX(law->on_us, world->laws.started_us);
}

void laws_stop(void)
{
        world->laws.context = CONTEXT_STOP;
        world->laws.stopping_us = world->now_us;
        FOR_EACH_OUTPUT(i)
        {
                law_at(i)->before_stop = law_at(i)->on;
                law_at(i)->was_for = law_at(i)->end_us > 0 && law_at(i)->on;
                law_at(i)->was_unsettled |= law_is_unsettled(output_at(i));
        }
}
/* What may be in the file by now: what was true when the last sure write began, and all since. */
static void set_may_be(size_t i, bool is_sure)
{
        struct output_law *law = law_at(i);
        uint64_t old_us = is_sure ? 0 : world->house.save_after_us + DISK_US;

        law->may_be[0] = law->may_be[1] = world->laws.is_disk_bad || (!is_sure && law->n_past == PAST_MAX);
        for (size_t k = 0; k < law->n_past; k++) {
                law->may_be[law->past[k].on] = true;
                if (law->past[k].at_us + old_us <= world->now_us)
                        return;
        }
        if (law->n_past < PAST_MAX)
                law->may_be[false] = true; /* as it came from the shop */
}

static void end_life(bool is_sure)
{
        struct laws *laws = &world->laws;

        laws->died_us = world->now_us;
        laws->was_clean = is_sure;
        history_law_end(is_sure);
        FOR_EACH_OUTPUT(i)
        {
                set_may_be(i, is_sure);
                law_set_end(i, 0);
                law_at(i)->until_us = 0;
                if (laws->is_disk_bad)
                        law_at(i)->light_us = 0; /* it may have an older one in the file */
                law_at(i)->was_unsettled |= law_is_unsettled(output_at(i));
                if (law_at(i)->was_unsettled)
                        law_at(i)->may_be[0] = law_at(i)->may_be[1] = true;
                waits_law_end(i, is_sure);
        }
}

/* Where an output has to be after the agent's end; -1: where it was. */
static int at_exit(const struct output *output, const struct output_law *law, bool is_stop)
{
        if (is_stop && waits_law_goes_off((size_t)(output - world->house.outputs)))
                return false;
        if (is_stop && output->part == PART_PLAIN && !law->was_for && output->on_exit == WISH_ON)
                return true; /* nobody counts max_on any more, as was written out */
        if (house_is_timed(output) || law->was_for || output->on_exit == WISH_OFF)
                return false;
        return output->on_exit == WISH_ON ? true : -1;
}

/* Over a restart max_on goes on counting where it has a minute left, and nothing else ends it; it may go off all the same,
 * where the next run would not know. */
#define STAYS_MIN_US (60 * USEC_PER_SEC)

static bool may_stay_on(const struct output *output, const struct output_law *law)
{
        return output->part == PART_PLAIN && output->max_on_us > 0 && output->pulse_us == 0 && !law->was_for &&
               output->on_exit == WISH_KEEP && law->on && law->before_stop &&
               law->limited_us + output->max_on_us >= world->laws.stopping_us + STAYS_MIN_US;
}

/* An end in order, or the part of one before a kill, has left it on with nobody who counts, as its on_exit declares. */
static bool is_left_on(const struct output *output)
{
        const struct laws *laws = &world->laws;

        return laws->context == CONTEXT_SAFE && laws->stopping_us > laws->started_us && output->part == PART_PLAIN &&
               output->max_on_us > 0 && output->on_exit == WISH_ON;
}

/* Whether one can say where it has to be. */
static bool is_certain(size_t i, bool is_restart)
{
        const struct output *output = output_at(i);
        const struct output_law *law = law_at(i);

        if (law->was_unsettled || law_is_unsettled(output) || world->laws.is_stop_mixed || is_left_on(output))
                return false;
        if (world->laws.context == CONTEXT_STOP && waits_law_may_go_off(i))
                return false;
        return (output->part != PART_MEMBER || output->max_on_us > 0) && !(is_restart && may_stay_on(output, law));
}

static void judge_exit(const char *law_name, bool is_restart)
{
        FOR_EACH_OUTPUT(i)
        {
                const struct output *output = output_at(i);
                const struct output_law *law = law_at(i);
                int level = at_exit(output, law, world->laws.context == CONTEXT_STOP);
                if ((!world->lines.are_kept && !fd_store_holds(output->line)) || !is_certain(i, is_restart) ||
                    (level < 0 && law->on == law->before_stop) || level == law->on)
                        continue;
                violated(law_name, "%s GPIO%u is %s", output->id, output->line, law->on ? "on" : "off");
        }
}

void laws_stopped(bool is_restart)
{
        trace("sconced has stopped");
        judge_exit("on_exit", is_restart);
        end_life(!world->laws.is_disk_bad);
}

void laws_died(bool with_power)
{
        trace(with_power ? "the power fails" : "sconced is killed");
        bool was_stopping = world->laws.context == CONTEXT_STOP;
        world->laws.context = CONTEXT_DEATH;
        FOR_EACH_OUTPUT(i)
        {
                struct output_law *law = law_at(i);
                law->before_stop = law->on;
                law->was_for = (was_stopping && law->was_for) || (law->on && law->end_us > 0);
        }
        end_life(false);
}

void laws_safe(void)
{
        trace("--outputs-safe");
        world->laws.context = CONTEXT_SAFE;
}

void laws_made_safe(void)
{
        judge_exit("outputs-safe", false);
}
