/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: which have to be carried out, which must not be, and what becomes of their results. */
#include <stdio.h>
#include <string.h>

#include "sim/law.h"
#include "sim/laws.h"

/* Within this, a repeated command is not carried out again. */
#define REPEAT_US (60 * USEC_PER_SEC)

struct command *laws_command(void)
{
        struct laws *laws = &world->laws;
        struct command *command = &laws->commands[++laws->n_commands % COMMANDS_KEPT];

        *command = (struct command){ .number = laws->n_commands };
        (void)snprintf(command->mark, sizeof(command->mark), "c%u", command->number);
        return command;
}

struct command *laws_command_like(const struct command *other)
{
        struct command copy = *other, *command = laws_command();

        copy.number = command->number;
        *command = copy;
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
        laws->n_edges = laws->n_results = 0;
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

        if (command->word == WORD_STOP && (law_at(command->output)->on || law_at(command->output + 1)->on))
                violated("stop", "%s drives on after command %s", output->id, command->mark);
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
                law_set_end(command->output, command->word == WORD_FOR ? world->now_us + command->for_us : 0);
        if (output->part == PART_PULSE && on)
                law_begin_pulse(command->output);
        if (output->part == PART_MEMBER)
                law->until_us = world->now_us + world->house.dead_us + world->house.extra_dead_ms * MS + TURN_US;
        if (output->travel_us)
                law->until_us = command->word == WORD_STOP
                                        ? 0
                                        : world->now_us + output->dead_us + 3 * output->travel_us + TURN_US;
}

/* At once, since no device of ours is slow: one that was asked for, or the reason of a refusal. */
static void judge_answered(const struct command *command, const struct message *message)
{
        const struct laws *laws = &world->laws;
        bool is_asked_for = !message->retain && (laws->is_refused || command->reply[0] || command->has_id);

        if (laws->n_results != is_asked_for)
                violated("results", "command %s for %s has %u results%s", command->mark, output_at(command->output)->id,
                         laws->n_results, message->retain ? ", it is a replay" : "");
}

static void judge_command(struct command *command, const struct message *message)
{
        struct laws *laws = &world->laws;
        int acts = has_to_act(command, message);

        judge_answered(command, message);
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
        waits_law_command(command->output, command, acts == 1 || !command->repeats, is_to_be_on(command));
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
                        law_remember(command->output, law_at(command->output)->on);
                if (!laws->is_refused)
                        law_at(command->output)->was_for = command->word == WORD_FOR;
        }
        if (laws->context != CONTEXT_COMMAND)
                return;
        laws->context = CONTEXT_NONE;
        if (command)
                judge_command(command, message);
}

/* A result goes to the topic that its command names, with that one's mark; without one to the device's own. */
static void judge_result(const struct command *command, const struct message *message)
{
        bool has_reply = command->reply[0];
        char topic[96], id[64] = "\"id\":";

        (void)snprintf(topic, sizeof(topic), "sconce/" NODE "/%s/result", output_at(command->output)->id);
        if (strcmp(message->topic, has_reply ? command->reply : topic) != 0)
                violated("results", "the result of %s goes to %s, and not to %s", command->mark, message->topic,
                         has_reply ? command->reply : topic);
        if (strcmp(message->correlation, has_reply ? command->mark : "") != 0)
                violated("results", "the result of %s has the correlation data \"%s\"", command->mark,
                         message->correlation);
        if (command->has_id)
                (void)snprintf(id, sizeof(id), "\"id\":\"%s\"", command->mark);
        if (!strstr(message->payload, id) == command->has_id)
                violated("results", "the result of %s is %s", command->mark, message->payload);
}

void laws_sent(const struct message *message)
{
        struct laws *laws = &world->laws;
        size_t length = strlen(message->topic);
        bool is_result = strncmp(message->topic, "sconce/reply/", strlen("sconce/reply/")) == 0 ||
                         (length > 7 && strcmp(message->topic + length - 7, "/result") == 0);

        if (!is_result)
                return;
        if (strstr(message->payload, "\"ok\":false"))
                laws->is_refused = true;
        laws->n_results++;
        if (laws->context == CONTEXT_COMMAND)
                judge_result(&laws->commands[laws->current % COMMANDS_KEPT], message);
        else if (laws->context == CONTEXT_NONE)
                violated("results", "nobody has asked for %s %s", message->topic, message->payload);
}
