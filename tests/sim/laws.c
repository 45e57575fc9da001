/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/laws.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/session.h"
#include "sim/world.h"

#define MS USEC_PER_MSEC

/* An exact timer is up to a millisecond late, and what else is due comes before it. */
#define SLACK_US (5 * MS)
/* A contact's debounce, and what follows. */
#define HAND_FROM_US (19 * MS)
#define HAND_TO_US   (60 * MS)
/* How much longer than save_after it may take until something is on the disk: a slow card, twice. */
#define DISK_US (4 * USEC_PER_SEC)
/* A reload is one turn of the loop, but the signal waits its turn. */
#define RELOAD_US (100 * MS)
/* A member's turn: the other one off, the dead time, and some. */
#define TURN_US (500 * MS)
/* Within this, a repeated command is not carried out again. */
#define REPEAT_US (60 * USEC_PER_SEC)

#define FOR_EACH_OUTPUT(i) for (size_t i = 0; i < world->house.count; i++)

static const struct output *output_at(size_t i)
{
        return &world->house.outputs[i];
}

static struct output_law *law_at(size_t i)
{
        return &world->laws.outputs[i];
}

static double seconds(uint64_t us)
{
        return (double)us / (double)USEC_PER_SEC;
}

/* ---- Where an output belongs ------------------------------------------------------------------------------------- */

static bool is_declared(const struct output *output, bool on)
{
        return output->on_offline != WISH_KEEP && (output->on_offline == WISH_ON) == on;
}

static void remember(size_t i, bool on)
{
        struct output_law *law = law_at(i);

        law->wanted = on;
        memmove(&law->past[1], &law->past[0], (PAST_MAX - 1) * sizeof(law->past[0]));
        law->past[0].at_us = world->now_us;
        law->past[0].on = on;
        law->n_past = MIN(law->n_past + 1, (size_t)PAST_MAX);
}

static void set_end(size_t i, uint64_t end_us)
{
        law_at(i)->end_us = law_at(i)->latest_us = end_us;
}

/* A contact that has been pushed has not settled yet, and begins the time once more. */
static void begin_pulse(size_t i)
{
        const struct output *output = output_at(i);
        uint64_t hand_us = output->touch_line ? world->laws.hand_us[output->touch_line - 40] + HAND_TO_US : 0;

        set_end(i, world->now_us + output->pulse_us);
        law_at(i)->latest_us = MAX(world->now_us, hand_us) + output->pulse_us;
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

/* ---- Causes ------------------------------------------------------------------------------------------------------ */

static bool is_of_hand(const struct output *output)
{
        if (!output->touch_line)
                return false;
        uint64_t hand_us = world->laws.hand_us[output->touch_line - 40];
        return hand_us > 0 && world->now_us >= hand_us + HAND_FROM_US && world->now_us <= hand_us + HAND_TO_US;
}

static bool is_of_loss(const struct output *output, bool on)
{
        const struct laws *laws = &world->laws;

        return is_declared(output, on) && laws->lost_from_us > 0 &&
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

        return !on && ((law->end_us > 0 && world->now_us + SLACK_US >= law->end_us) ||
                       (max_on_us > 0 && world->now_us + SLACK_US >= law->light_us + max_on_us));
}

static bool is_of_reload(size_t i)
{
        const struct laws *laws = &world->laws;

        return laws->reload_us > 0 && world->now_us <= laws->reload_us + RELOAD_US && laws->reloaded & 1ULL << i;
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
        return is_of_group(output) || is_of_reload(i) || is_of_time(i, on) || is_of_hand(output) ||
               is_of_loss(output, on);
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
                                 output->line, seconds(world->now_us - law->off_us), other->id, other->line,
                                 seconds(dead_us));
        }
}

static void judge_start(const struct output *output)
{
        if (output->pulse_us > 0 || output->travel_us > 0)
                violated("start", "%s GPIO%u goes on by itself at the start", output->id, output->line);
}

static void note_on(size_t i)
{
        const struct output *output = output_at(i);
        struct output_law *law = law_at(i);

        if (law->on_us == 0 || world->laws.context != CONTEXT_START)
                law->light_us = world->now_us;
        law->on_us = world->now_us;
        if (output->pulse_us)
                begin_pulse(i);
        else
                set_end(i, 0);
        judge_group(i);
        if (world->laws.context == CONTEXT_START)
                judge_start(output);
}

static void judge_edge(size_t i, bool on)
{
        struct output_law *law = law_at(i);
        const struct output *output = output_at(i);
        bool is_running = world->laws.context == CONTEXT_NONE || world->laws.context == CONTEXT_COMMAND;

        trace("%s GPIO%u %s", output->id, output->line, on ? "on" : "off");
        if (!has_cause(i, on))
                violated("cause", "%s GPIO%u goes %s without a cause", output->id, output->line, on ? "on" : "off");
        law->on = on;
        world->n_edges++;
        world->laws.n_edges++;
        if (on)
                note_on(i);
        else
                law->off_us = world->now_us;
        if (is_running)
                remember(i, on);
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
        if (line < 40 || line > 41 || !on)
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

        if (output->on_offline == WISH_ON && is_over(world->laws.lost_from_us, 0))
                set_end(i, 0); /* on_offline holds it on */
        if (law->end_us > 0)
                law->timed_us = world->now_us;
        if (law->latest_us > 0 && now_us > law->latest_us + SLACK_US)
                violated("time", "%s GPIO%u is on %.3f s after its time", output->id, output->line,
                         seconds(now_us - law->latest_us));
        if (output->max_on_us > 0 && now_us > law->on_us + output->max_on_us + SLACK_US)
                violated("max_on", "%s GPIO%u has been on for %.3f s, max_on %.3f s", output->id, output->line,
                         seconds(now_us - law->on_us), seconds(output->max_on_us));
        if (output->travel_us > 0 && now_us > law->on_us + output->travel_us * 110 / 100 + SLACK_US)
                violated("cover", "%s GPIO%u has driven for %.3f s, its way takes %.3f s", output->id, output->line,
                         seconds(now_us - law->on_us), seconds(output->travel_us));
}

static void judge_loss(size_t i)
{
        const struct output *output = output_at(i);
        const struct output_law *law = law_at(i);

        if (output->on_offline == WISH_KEEP || law->was_touched || (output->max_on_us && output->on_offline == WISH_ON))
                return;
        if (law->on != (output->on_offline == WISH_ON))
                violated("on_offline", "%s GPIO%u is %s, %.3f s after the broker was lost", output->id, output->line,
                         law->on ? "on" : "off", seconds(world->now_us - world->laws.lost_to_us));
}

void laws_turn(void)
{
        struct laws *laws = &world->laws;

        if (laws->context != CONTEXT_NONE)
                return;
        laws->is_disk_bad &= world->now_us < laws->disk_bad_until_us;
        FOR_EACH_OUTPUT(i)
        if (law_at(i)->on)
                judge_times(i);
        if (!is_over(laws->lost_to_us, SLACK_US))
                return;
        FOR_EACH_OUTPUT(i)
        judge_loss(i);
}

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

struct command *laws_command(void)
{
        struct laws *laws = &world->laws;
        struct command *command = &laws->commands[++laws->n_commands % COMMANDS_KEPT];

        *command = (struct command){ .number = laws->n_commands };
        (void)snprintf(command->mark, sizeof(command->mark), "c%u", command->number);
        return command;
}

static struct command *command_of(unsigned number)
{
        struct command *command = &world->laws.commands[number % COMMANDS_KEPT];

        return number > 0 && command->number == number ? command : NULL;
}

void laws_before(const struct message *message)
{
        struct laws *laws = &world->laws;

        laws->current = message->number;
        laws->is_refused = false;
        laws->n_edges = 0;
        FOR_EACH_OUTPUT(i)
        laws->before[i] = law_at(i)->on;
        trace("command %s %.*s%s", message->topic, (int)message->size, message->payload,
              message->retain ? " (retained)" : "");
        if (laws->context == CONTEXT_NONE && message->number > 0)
                laws->context = CONTEXT_COMMAND;
        if (laws->context == CONTEXT_NONE && message->restarts)
                laws_stop();
}

/* 1: it has to be carried out; 0: it must not; -1: either, it is on the edge. */
static int has_to_act(const struct command *command, const struct message *message)
{
        uint64_t wall_us = (uint64_t)((int64_t)world->now_us + world->wall_us);
        const struct command *first = command->repeats ? command_of(command->repeats) : NULL;

        if (message->retain || command->word == WORD_BAD || command->word == WORD_GET)
                return 0;
        if (command->expires_us && !world->is_synchronised)
                return -1;
        if (command->expires_us && wall_us > command->expires_us + SLACK_US)
                return 0;
        if (command->expires_us && wall_us + MINUTE_US > command->expires_us && output_at(command->output)->group)
                return -1; /* the dead time may take longer */
        if (command->expires_us && wall_us + SLACK_US > command->expires_us)
                return -1;
        if (!command->repeats)
                return 1;
        if (!first || !first->was_accepted || first->taken_us < world->laws.started_us)
                return -1;
        uint64_t ago_us = world->now_us - first->taken_us;
        return ago_us < REPEAT_US - USEC_PER_SEC ? 0 : ago_us > REPEAT_US + USEC_PER_SEC ? 1 : -1;
}

static bool is_to_be_on(const struct command *command)
{
        return command->word == WORD_ON || command->word == WORD_FOR ||
               (command->word == WORD_TOGGLE && !world->laws.before[command->output]);
}

static void judge_carried_out(const struct command *command)
{
        const struct output *output = output_at(command->output);
        bool on = is_to_be_on(command);

        if (output->part != PART_PLAIN && output->part != PART_PULSE && (output->part != PART_MEMBER || on))
                return;
        if (law_at(command->output)->on != on)
                violated("obedience", "%s is %s after command %s", output->id, on ? "off" : "on", command->mark);
}

/* What the command allows from now on. */
static void note_carried_out(struct command *command)
{
        const struct output *output = output_at(command->output);
        struct output_law *law = law_at(command->output);
        bool on = is_to_be_on(command);

        command->was_accepted = true;
        command->taken_us = world->now_us;
        if (command->word == WORD_FOR)
                law->for_us = world->now_us;
        if (output->part == PART_PLAIN)
                set_end(command->output, command->word == WORD_FOR ? world->now_us + command->for_us : 0);
        if (output->part == PART_PULSE && on)
                begin_pulse(command->output);
        if (output->part == PART_MEMBER)
                law->until_us = world->now_us + world->house.dead_us + world->house.extra_dead_ms * MS + TURN_US;
        if (output->travel_us)
                law->until_us = world->now_us + output->dead_us + 3 * output->travel_us + TURN_US;
}

static void judge_command(struct command *command, const struct message *message)
{
        struct laws *laws = &world->laws;
        int acts = has_to_act(command, message);

        if (acts == 0 && laws->n_edges > 0)
                violated(message->retain ? "retained" : "stale", "command %s for %s moves something%s", command->mark,
                         output_at(command->output)->id,
                         message->retain    ? ", it is a replay"
                         : command->repeats ? ", it is a repeat"
                                            : "");
        if (acts == 1 && laws->is_refused)
                violated("obedience", "command %s for %s is refused", command->mark, output_at(command->output)->id);
        if (command->word == WORD_BAD && !message->retain && !laws->is_refused)
                violated("results", "command %s for %s is wrong, and not refused", command->mark,
                         output_at(command->output)->id);
        if (laws->is_refused || acts == 0)
                return;
        if (acts == 1)
                judge_carried_out(command);
        note_carried_out(command);
}

void laws_after(const struct message *message)
{
        struct laws *laws = &world->laws;
        struct command *command = command_of(message->number);

        if (laws->context == CONTEXT_STOP && command) { /* it came between the signal and the stop */
                laws->is_stop_mixed = true;
                if (laws->n_edges > 0)
                        remember(command->output, law_at(command->output)->on);
        }
        if (laws->context != CONTEXT_COMMAND)
                return;
        laws->context = CONTEXT_NONE;
        if (command)
                judge_command(command, message);
}

/* A result carries the mark of its command, to the topic that this one's sender listens on. */
static void judge_result(const struct message *message)
{
        const char *at = message->correlation[0] ? message->correlation : NULL;
        const char *id = strstr(message->payload, "\"id\":\"");
        unsigned number;

        if (!at)
                at = id ? id + strlen("\"id\":\"") : "";
        if (sscanf(at, "c%u", &number) != 1)
                return;
        struct command *command = command_of(number);
        if (!command)
                return;
        command->was_answered = true;
        if (strncmp(message->topic, "sconce/reply/", strlen("sconce/reply/")) == 0 &&
            strcmp(message->topic, command->reply) != 0)
                violated("results", "the result of %s goes to %s, and not to %s", command->mark, message->topic,
                         command->reply);
}

void laws_sent(const struct message *message)
{
        size_t length = strlen(message->topic);
        bool is_result = strncmp(message->topic, "sconce/reply/", strlen("sconce/reply/")) == 0 ||
                         (length > 7 && strcmp(message->topic + length - 7, "/result") == 0);

        if (!is_result)
                return;
        if (strstr(message->payload, "\"ok\":false"))
                world->laws.is_refused = true;
        judge_result(message);
}

void laws_published(const struct message *message)
{
        bool is_masked = strcmp(message->topic, "sconce/" NODE "/node/state") == 0; /* it has the process's memory */

        trace("publish %s %.*s", message->topic, is_masked ? 0 : (int)message->size, message->payload);
}

/* What failed is tried again an hour later at the latest. */
void laws_disk_bad(uint64_t for_us)
{
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
        laws->lost_from_us = laws->lost_to_us = 0;
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

/* ---- Lives ------------------------------------------------------------------------------------------------------- */

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
                laws->lost_from_us = laws->lost_to_us = 0;
        } else if (laws->is_seen && laws->lost_from_us == 0) {
                laws->lost_from_us = world->now_us;
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
        laws->context = CONTEXT_START;
        laws->is_perhaps_first = !is_new_boot && !laws->was_clean && (laws->is_perhaps_first || laws->is_first_start) &&
                                 laws->died_us < laws->started_us + sure_us();
        laws->is_first_start = is_new_boot;
        laws->reload_us = 0;
        laws->is_stop_mixed = false;
}

/* The config was wrong: nothing was touched, and nothing is counted. */
void laws_not_started(void)
{
        world->laws.lost_from_us = world->laws.before_start[0];
        world->laws.lost_to_us = world->laws.before_start[1];
}

static bool may_start(const struct output *output, const struct output_law *law, bool on)
{
        const struct laws *laws = &world->laws;
        bool by_power = output->power_on == POWER_LAST ? law->may_be[on] : on == (output->power_on == POWER_ON);

        if (is_of_loss(output, on))
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
        laws->is_disk_bad = world->disk.fault != DISK_WELL || world->disk.hangs_until_us > world->now_us;

        laws->context = CONTEXT_NONE;
        laws->started_us = world->now_us;
        FOR_EACH_OUTPUT(i)
        {
                const struct output *output = output_at(i);
                struct output_law *law = law_at(i);
                if (output->part == PART_MEMBER)
                        law->until_us = world->now_us + 2 * world->house.dead_us + world->house.extra_dead_ms * MS +
                                        2 * TURN_US;
                if (output->part != PART_PLAIN)
                        continue;
                if (!house_is_timed(output) && !may_start(output, law, law->on))
                        violated("saved", "%s GPIO%u is %s after the start", output->id, output->line,
                                 law->on ? "on" : "off");
                if (law->n_past == 0 || law->past[0].on != law->on)
                        remember(i, law->on);
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

void laws_stop(void)
{
        world->laws.context = CONTEXT_STOP;
        FOR_EACH_OUTPUT(i)
        {
                law_at(i)->before_stop = law_at(i)->on;
                law_at(i)->was_for = law_at(i)->end_us > 0 && law_at(i)->on;
        }
}

static void end_life(bool is_sure)
{
        struct laws *laws = &world->laws;

        laws->died_us = world->now_us;
        laws->was_clean = is_sure;
        FOR_EACH_OUTPUT(i)
        {
                set_may_be(i, is_sure);
                set_end(i, 0);
                law_at(i)->until_us = 0;
        }
}

/* Where an output has to be after the agent's end; -1: where it was. */
static int at_exit(const struct output *output, const struct output_law *law)
{
        if (house_is_timed(output) || law->was_for || output->on_exit == WISH_OFF)
                return false;
        return output->on_exit == WISH_ON ? true : -1;
}

static void judge_exit(const char *law_name)
{
        FOR_EACH_OUTPUT(i)
        {
                const struct output *output = output_at(i);
                const struct output_law *law = law_at(i);
                int level = at_exit(output, law);
                if (output->part == PART_MEMBER && !output->max_on_us)
                        continue;
                if (!world->lines.are_kept || world->laws.is_stop_mixed || (level < 0 && law->on == law->before_stop) ||
                    level == law->on)
                        continue;
                violated(law_name, "%s GPIO%u is %s", output->id, output->line, law->on ? "on" : "off");
        }
}

void laws_stopped(void)
{
        trace("sconced has stopped");
        judge_exit("on_exit");
        end_life(true);
}

void laws_died(bool with_power)
{
        trace(with_power ? "the power fails" : "sconced is killed");
        world->laws.context = CONTEXT_DEATH;
        FOR_EACH_OUTPUT(i)
        {
                struct output_law *law = law_at(i);
                law->before_stop = law->on;
                law->was_for = law->on && law->end_us > 0;
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
        judge_exit("outputs-safe");
}

/* ---- What is published ------------------------------------------------------------------------------------------- */

static bool is_quiet(void)
{
        const struct laws *laws = &world->laws;
        uint64_t since_us, quiet_us = world->now_us - USEC_PER_SEC;

        if (laws->context != CONTEXT_NONE || !session_stands(&since_us) || !world->broker.is_connected ||
            since_us > world->now_us - 5 * USEC_PER_SEC || world->broker.n_up > 0 || laws->reload_us > quiet_us)
                return false;
        FOR_EACH_OUTPUT(i)
        if (law_at(i)->on_us > quiet_us || law_at(i)->off_us > quiet_us)
                return false;
        return true;
}

static void judge_state(size_t i)
{
        const struct output *output = output_at(i);
        const char *word = output->part == PART_UP ? "opening" : output->part == PART_DOWN ? "closing" : "ON";
        char topic[96], wanted[32];

        (void)snprintf(topic, sizeof(topic), "sconce/" NODE "/%s/state", output->id);
        (void)snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", word);
        const struct retained_message *kept = broker_retained(topic);
        if (!kept)
                violated("state", "%s has no state", output->id);
        if (!strstr(kept->payload, wanted) != !law_at(i)->on)
                violated("state", "%s GPIO%u is %s, and its state is %s", output->id, output->line,
                         law_at(i)->on ? "on" : "off", kept->payload);
}

void laws_settled(void)
{
        if (!is_quiet())
                return;
        world->laws.n_settled++;
        FOR_EACH_OUTPUT(i)
        judge_state(i);
        const struct retained_message *status = broker_retained("sconce/" NODE "/status");
        if (!status || strcmp(status->payload, "online") != 0)
                violated("state", "the node is there, and its status is %s", status ? status->payload : "not");
}
