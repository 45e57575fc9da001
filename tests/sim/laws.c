/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/laws.h"

#include <string.h>

#include "sim/law.h"

/* A contact's debounce, and what follows. */
#define HAND_FROM_US (19 * MS)
#define HAND_TO_US   (60 * MS)

/* What ends the count of max_on. */
#define REST_US (2 * USEC_PER_SEC)

/* ---- Where an output belongs ------------------------------------------------------------------------------------- */

bool law_is_unsettled(const struct output *output)
{
        const struct laws *laws = &world->laws;

        return output->part == PART_PLAIN && laws->settings_us > 0 && world->now_us <= laws->settings_us + RELOAD_US;
}

bool law_is_declared(const struct output *output, bool on)
{
        return output->on_offline != WISH_KEEP && (output->on_offline == WISH_ON) == on;
}

void law_remember(size_t i, bool on)
{
        struct output_law *law = law_at(i);

        law->wanted = on;
        memmove(&law->past[1], &law->past[0], (PAST_MAX - 1) * sizeof(law->past[0]));
        law->past[0].at_us = world->now_us;
        law->past[0].on = on;
        law->n_past = MIN(law->n_past + 1, (size_t)PAST_MAX);
}

void law_set_end(size_t i, uint64_t end_us)
{
        law_at(i)->end_us = law_at(i)->latest_us = end_us;
}

/* A contact that has been pushed has not settled yet, and begins the time once more. */
void law_begin_pulse(size_t i)
{
        const struct output *output = output_at(i);
        uint64_t hand_us = output->touch_line ? world->laws.hand_us[output->touch_line - 40] + HAND_TO_US : 0;

        law_set_end(i, world->now_us + output->pulse_us);
        law_at(i)->latest_us = MAX(world->now_us, hand_us) + output->pulse_us;
}

/* ---- Causes ------------------------------------------------------------------------------------------------------ */

static bool is_of_hand(const struct output *output)
{
        if (!output->touch_line)
                return false;
        uint64_t hand_us = world->laws.hand_us[output->touch_line - 40];
        return hand_us > 0 && world->now_us >= hand_us + HAND_FROM_US && world->now_us <= hand_us + HAND_TO_US;
}

bool law_is_of_loss(const struct output *output, bool on)
{
        const struct laws *laws = &world->laws;

        return law_is_declared(output, on) && laws->lost_from_us > 0 &&
               world->now_us + SLACK_US >= laws->lost_from_us + world->house.offline_after_us;
}

static bool is_of_group(const struct output *output)
{
        FOR_EACH_OUTPUT(i)
        if (output->group && output_at(i)->group == output->group && law_at(i)->until_us >= world->now_us)
                return true;
        return false;
}

static bool is_of_time(size_t i, bool on)
{
        const struct output_law *law = law_at(i);
        uint64_t max_on_us = output_at(i)->max_on_us;

        bool is_taken = law->taken_end_us > 0 && world->now_us + SLACK_US >= law->taken_end_us &&
                        world->now_us <= law->taken_end_us + SLACK_US;

        return !on && (is_taken || (law->end_us > 0 && world->now_us + SLACK_US >= law->end_us) ||
                       (max_on_us > 0 && world->now_us + SLACK_US >= law->light_us + max_on_us));
}

static bool is_of_reload(size_t i)
{
        const struct laws *laws = &world->laws;

        return laws_is_reloading() && laws->reloaded & 1ULL << i;
}

static bool is_of_command(size_t i)
{
        const struct command *command = &world->laws.commands[world->laws.current % COMMANDS_KEPT];
        const struct output *meant = output_at(command->output), *output = output_at(i);

        return strcmp(meant->id, output->id) == 0 || (meant->group && meant->group == output->group);
}

static bool has_cause(size_t i, bool on)
{
        const struct output *output = output_at(i);

        switch (world->laws.context) {
        case CONTEXT_NONE:
                break;
        case CONTEXT_COMMAND:
                if (is_of_command(i))
                        return true;
                break;
        default: /* looked at when it is over */
                return true;
        }
        return waits_law_is_cause(i, on) || is_of_group(output) || is_of_reload(i) || is_of_time(i, on) ||
               is_of_hand(output) || law_is_of_loss(output, on);
}

/* ---- Edges ------------------------------------------------------------------------------------------------------- */

static void judge_group(size_t i)
{
        const struct output *output = output_at(i);

        FOR_EACH_OUTPUT(k)
        {
                const struct output *other = output_at(k);
                const struct output_law *law = law_at(k);
                uint64_t dead_us = output->part == PART_MEMBER ? world->house.dead_us : output->dead_us;
                if (k == i || !output->group || other->group != output->group)
                        continue;
                if (law->on)
                        violated("interlock", "%s GPIO%u goes on while %s GPIO%u is on", output->id, output->line,
                                 other->id, other->line);
                if (law->off_us > 0 && world->now_us - law->off_us < dead_us)
                        violated("dead time", "%s GPIO%u goes on %.3f s after %s GPIO%u, dead time %.3f s", output->id,
                                 output->line, law_seconds(world->now_us - law->off_us), other->id, other->line,
                                 law_seconds(dead_us));
        }
}

static void judge_start(const struct output *output)
{
        if (output->pulse_us > 0 || output->travel_us > 0)
                violated("start", "%s GPIO%u goes on by itself at the start", output->id, output->line);
}

/* Over a start, where a member has its turn a little later, and over a reload that restarts the device. */
static bool may_go_on_counting(size_t i)
{
        const struct laws *laws = &world->laws;
        const struct output_law *law = law_at(i);
        /* The agent judges at its start; where it was killed, the file may not have it that the output went off. */
        bool is_short = !laws->was_clean || laws->started_us < law->off_us + REST_US;
        uint64_t until_us = is_short ? MAX(law->until_us, law->off_us + REST_US) : law->off_us + REST_US;
        bool is_in_turn = law->off_us < laws->started_us && world->now_us < until_us;

        return laws->context == CONTEXT_START || is_in_turn || is_of_reload(i);
}

/* A restart in order that is quick does not begin the time of max_on again. */
static bool has_not_rested(size_t i)
{
        const struct laws *laws = &world->laws;
        const struct output_law *law = law_at(i);

        return laws->context == CONTEXT_START && laws->was_clean && !laws->is_first_start && !law->was_unsettled &&
               law->before_stop && world->now_us < law->off_us + REST_US;
}

static void note_on(size_t i)
{
        const struct output *output = output_at(i);
        struct output_law *law = law_at(i);

        if (law->on_us == 0 || !may_go_on_counting(i))
                law->light_us = world->now_us;
        law->on_us = world->now_us;
        if (!has_not_rested(i))
                law->limited_us = world->now_us;
        if (output->pulse_us)
                law_begin_pulse(i);
        else
                law_set_end(i, 0);
        judge_group(i);
        if (world->laws.context == CONTEXT_START)
                judge_start(output);
}

/* A line that the store or the next program holds stays as it is, and is taken over so. */
static void judge_blink(size_t i, bool on)
{
        const struct laws *laws = &world->laws;
        const struct output *output = output_at(i);
        bool is_between = laws->context == CONTEXT_DEATH || laws->context == CONTEXT_SAFE;
        bool is_held = laws->context == CONTEXT_START ? law_at(i)->was_held
                                                      : is_between && fd_store_holds(output->line);

        if (is_held && output->part == PART_PLAIN && !law_at(i)->was_unsettled && output->on_exit == WISH_KEEP &&
            !laws->is_stop_mixed && !law_is_of_loss(output, on))
                violated("blink", "%s GPIO%u goes %s, and it was held", output->id, output->line, on ? "on" : "off");
}

static void judge_edge(size_t i, bool on)
{
        struct output_law *law = law_at(i);
        const struct output *output = output_at(i);
        bool is_running = world->laws.context == CONTEXT_NONE || world->laws.context == CONTEXT_COMMAND;
        bool is_late_hand = world->laws.context == CONTEXT_STOP &&
                            is_of_hand(output); /* it came before the stop began */

        trace("%s GPIO%u %s", output->id, output->line, on ? "on" : "off");
        if (!has_cause(i, on))
                violated("cause", "%s GPIO%u goes %s without a cause", output->id, output->line, on ? "on" : "off");
        judge_blink(i, on);
        waits_law_edge(i, on);
        law->on = on;
        world->n_edges++;
        world->laws.n_edges++;
        if (on)
                note_on(i);
        else
                law->off_us = world->now_us;
        if (is_running)
                law_remember(i, on);
        law->was_unsettled |= is_late_hand;
}

void laws_edge(unsigned line, bool high)
{
        FOR_EACH_OUTPUT(i)
        if (output_at(i)->line == line && law_at(i)->on != (high != output_at(i)->active_low))
                judge_edge(i, high != output_at(i)->active_low);
}

void laws_hand(unsigned line, bool on)
{
        struct laws *laws = &world->laws;
        uint64_t over_us = laws->lost_from_us + world->house.offline_after_us;

        trace("hand %s GPIO%u", on ? "on" : "off", line);
        if (line < 40 || line > 41)
                return;
        bool is_news = on && !laws->is_pushed[line - 40];
        laws->is_pushed[line - 40] = on;
        if (!is_news)
                return;
        laws->hand_us[line - 40] = world->now_us;
        FOR_EACH_OUTPUT(i)
        {
                const struct output *output = output_at(i);
                if (output->touch_line != line)
                        continue;
                if (laws->lost_from_us && world->now_us + 100 * MS >= over_us)
                        law_at(i)->was_touched = true;
                if (output->pulse_us)
                        law_at(i)->latest_us = world->now_us + HAND_TO_US + output->pulse_us;
        }
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

static bool is_over(uint64_t lost_us, uint64_t slack_us)
{
        return lost_us > 0 && world->now_us > lost_us + world->house.offline_after_us + slack_us;
}

static void judge_times(size_t i)
{
        const struct output *output = output_at(i);
        struct output_law *law = law_at(i);
        uint64_t now_us = world->now_us;

        if (output->on_offline == WISH_ON && is_over(world->laws.lost_from_us, 0)) {
                law->taken_end_us = law->end_us ? law->end_us : law->taken_end_us;
                law_set_end(i, 0); /* on_offline holds it on */
        }
        if (law->end_us > 0)
                law->timed_us = world->now_us;
        if (law->latest_us > 0 && now_us > law->latest_us + SLACK_US)
                violated("time", "%s GPIO%u is on %.3f s after its time", output->id, output->line,
                         law_seconds(now_us - law->latest_us));
        if (output->max_on_us > 0 && !law_is_unsettled(output) &&
            now_us > law->limited_us + output->max_on_us + SLACK_US)
                violated("max_on", "%s GPIO%u has been on for %.3f s, max_on %.3f s", output->id, output->line,
                         law_seconds(now_us - law->limited_us), law_seconds(output->max_on_us));
        if (output->travel_us > 0 && now_us > law->on_us + output->travel_us * 110 / 100 + SLACK_US)
                violated("cover", "%s GPIO%u has driven for %.3f s, its way takes %.3f s", output->id, output->line,
                         law_seconds(now_us - law->on_us), law_seconds(output->travel_us));
}

static void judge_loss(size_t i)
{
        const struct output *output = output_at(i);
        const struct output_law *law = law_at(i);

        if (output->on_offline == WISH_KEEP || law->was_touched ||
            (output->had_max_on && output->on_offline == WISH_ON))
                return;
        if (law->on != (output->on_offline == WISH_ON))
                violated("on_offline", "%s GPIO%u is %s, %.3f s after the broker was lost", output->id, output->line,
                         law->on ? "on" : "off", law_seconds(world->now_us - world->laws.lost_to_us));
}

/* What goes off by itself must be there for --outputs-safe. */
static void judge_stored(size_t i)
{
        const struct output *output = output_at(i);

        if (fd_store_has(output->line) && !law_is_unsettled(output) &&
            (house_is_timed(output) || (law_at(i)->on && law_at(i)->end_us > 0)))
                violated("fd store", "%s GPIO%u is timed, and systemd holds it", output->id, output->line);
}

void laws_turn(void)
{
        struct laws *laws = &world->laws;

        if (laws->context != CONTEXT_NONE)
                return;
        if (laws->is_disk_bad && world->now_us >= laws->disk_bad_until_us) {
                laws->is_disk_bad = false;
                laws->history.disk_well_us = world->now_us;
        }
        FOR_EACH_OUTPUT(i)
        {
                waits_law_turn(i);
                if (law_at(i)->on)
                        judge_times(i); /* which knows what has no time any more */
                judge_stored(i);
        }
        if (!is_over(laws->lost_to_us, SLACK_US))
                return;
        FOR_EACH_OUTPUT(i)
        judge_loss(i);
}

/* What failed is tried again an hour later at the latest. */
void laws_disk_bad(uint64_t for_us)
{
        if (!world->laws.is_disk_bad)
                world->laws.history.disk_bad_us = world->now_us;
        world->laws.is_disk_bad = true;
        world->laws.disk_bad_until_us = MAX(world->laws.disk_bad_until_us, world->now_us + for_us + 2 * HOUR_US);
}

/* ---- The broker -------------------------------------------------------------------------------------------------- */

void laws_connected(void)
{
        struct laws *laws = &world->laws;

        if (!laws->is_seen)
                laws->seen_us = world->now_us;
        laws->is_seen = true;
        laws->past_from_us = laws->lost_from_us;
        laws->past_to_us = world->now_us;
        laws->lost_from_us = laws->lost_to_us = 0;
        history_law_connected();
        FOR_EACH_OUTPUT(i)
        law_at(i)->was_touched = false;
}

void laws_lost(void)
{
        struct laws *laws = &world->laws;

        trace("the node has lost the broker");
        if (laws->context == CONTEXT_STOP)
                return;
        if (laws->lost_from_us == 0)
                laws->lost_from_us = laws->lost_to_us = world->now_us;
}
