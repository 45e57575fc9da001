/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/laws_waits.h"

#include "sim/law.h"
#include "sim/laws.h"

static struct wait_law *wait_at(size_t i)
{
        return &law_at(i)->wait;
}

static bool is_pump(size_t i)
{
        return output_at(i)->part == PART_PUMP;
}

static void take_back(size_t i)
{
        wait_at(i)->is_there = wait_at(i)->is_unsure = false;
}

static bool is_free(size_t i)
{
        const struct output_law *law = law_at(i);
        uint64_t since_us = law->on ? law->on_us : law->off_us;

        return since_us == 0 ||
               world->now_us + SLACK_US >= since_us + (law->on ? output_at(i)->min_on_us : output_at(i)->min_off_us);
}

/* The agent counts from its start on where it does not know better. */
static uint64_t due_us(size_t i)
{
        const struct output_law *law = law_at(i);
        const struct output *output = output_at(i);
        uint64_t since_us = MAX(law->on ? law->on_us : law->off_us, world->laws.started_us);

        return MAX(world->now_us, since_us + (law->on ? output->min_on_us : output->min_off_us));
}

void waits_law_command(size_t i, const struct command *command, bool is_sure, bool on)
{
        struct wait_law *wait = wait_at(i);

        if (!is_pump(i))
                return;
        if (!is_sure) {
                wait->is_unsure = true;
        } else if ((command->word == WORD_TOGGLE && wait->is_there && !wait->is_unsure) || on == law_at(i)->on) {
                take_back(i);
        } else if (command->word == WORD_TOGGLE && wait->is_unsure) {
                wait->is_there = false;
        } else {
                bool was_off = wait->is_there && !wait->on && !on;
                *wait = (struct wait_law){ .is_there = true,
                                           .on = on,
                                           .due_us = due_us(i),
                                           .since_us = was_off ? wait->since_us : world->now_us };
        }
}

bool waits_law_is_cause(size_t i, bool on)
{
        return is_pump(i) && (wait_at(i)->is_unsure || (wait_at(i)->is_there && wait_at(i)->on == on));
}

/* What the agent itself switches off does not wait. */
void waits_law_edge(size_t i, bool on)
{
        const struct output_law *law = law_at(i);
        bool is_running = world->laws.context == CONTEXT_NONE || world->laws.context == CONTEXT_COMMAND;

        if (!is_pump(i))
                return;
        if (world->laws.context == CONTEXT_START && on)
                is_running = true; /* it rests over a start, too, however the run before has ended */
        if (is_running && !is_free(i) && !law_is_of_loss(output_at(i), on))
                violated(on ? "min_off" : "min_on", "%s GPIO%u goes %s after %.3f s", output_at(i)->id,
                         output_at(i)->line, on ? "on" : "off",
                         law_seconds(world->now_us - (on ? law->off_us : law->on_us)));
        if (world->laws.context == CONTEXT_STOP)
                return; /* what waits is carried out there */
        if (!wait_at(i)->is_unsure || law_is_of_loss(output_at(i), on))
                take_back(i);
}

void waits_law_turn(size_t i)
{
        const struct wait_law *wait = wait_at(i);
        const struct output *output = output_at(i);

        if (!is_pump(i) || !wait->is_there || wait->is_unsure)
                return;
        if (law_is_of_loss(output, true) || law_is_of_loss(output, false))
                take_back(i);
        else if (world->now_us > wait->due_us + SLACK_US)
                violated("waits", "%s GPIO%u is not %s %.3f s after it might be", output->id, output->line,
                         wait->on ? "on" : "off", law_seconds(world->now_us - wait->due_us));
}

bool waits_law_goes_off(size_t i)
{
        return is_pump(i) && wait_at(i)->is_there && !wait_at(i)->on && !wait_at(i)->is_unsure;
}

bool waits_law_may_go_off(size_t i)
{
        return is_pump(i) && wait_at(i)->is_unsure;
}

void waits_law_started(size_t i, bool was_disk_bad)
{
        if (!is_pump(i))
                return;
        if (!was_disk_bad && wait_at(i)->was_off && law_at(i)->on && !law_is_of_loss(output_at(i), true))
                violated("waits", "%s GPIO%u is on, and an OFF had waited", output_at(i)->id, output_at(i)->line);
        /* What was on and is found off waits for min_off. */
        bool is_perhaps_on = !law_at(i)->on && law_at(i)->may_be[true];
        *wait_at(i) = (struct wait_law){ .is_unsure = was_disk_bad || is_perhaps_on };
}

void waits_law_end(size_t i, bool is_clean)
{
        struct wait_law *wait = wait_at(i);
        bool is_saved = !is_clean && !world->laws.is_disk_bad &&
                        wait->since_us + world->house.save_after_us + DISK_US <= world->now_us;

        if (is_pump(i))
                *wait = (struct wait_law){ .was_off = waits_law_goes_off(i) && is_saved };
}
