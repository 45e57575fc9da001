/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/moves.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/events.h"
#include "sim/machine.h"
#include "sim/world.h"

#define MS USEC_PER_MSEC

static uint64_t below(uint64_t limit)
{
        return dice_below(&world->dice, limit);
}

static uint64_t between(uint64_t least, uint64_t most)
{
        return dice_between(&world->dice, least, most);
}

static bool chance(unsigned percent)
{
        return dice_chance(&world->dice, percent);
}

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

static const char *const words[] = {
        [WORD_ON] = "ON",       [WORD_OFF] = "OFF",   [WORD_TOGGLE] = "TOGGLE", [WORD_FOR] = "ON", [WORD_OPEN] = "OPEN",
        [WORD_CLOSE] = "CLOSE", [WORD_STOP] = "STOP", [WORD_BAD] = "SIDEWAYS",  [WORD_GET] = ""
};

static enum word any_word(const struct output *output)
{
        static const enum word of_covers[] = { WORD_OPEN, WORD_CLOSE, WORD_STOP, WORD_OPEN, WORD_CLOSE, WORD_BAD };
        static const enum word of_others[] = { WORD_ON, WORD_OFF, WORD_TOGGLE, WORD_ON, WORD_OFF, WORD_BAD };

        if (output->travel_us)
                return of_covers[below(ARRAY_SIZE(of_covers))];
        if (output->takes_for && chance(40))
                return WORD_FOR;
        return of_others[below(ARRAY_SIZE(of_others))];
}

/* As `sconce set` gives it: the end of its patience, or one that is over. */
static void set_expiry(struct command *command, struct message *message)
{
        int64_t wall_us = (int64_t)world->now_us + world->wall_us;
        int64_t at_us = wall_us + (chance(50) ? 1 : -1) * (int64_t)between(20 * MS, 20 * USEC_PER_SEC);
        time_t seconds = (time_t)(at_us / (int64_t)USEC_PER_SEC);
        struct tm utc;
        char text[32];

        (void)gmtime_r(&seconds, &utc);
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        (void)snprintf(message->expires, sizeof(message->expires), "%s.%03dZ", text,
                       (int)(at_us % (int64_t)USEC_PER_SEC / (int64_t)MS));
        command->expires_us = (uint64_t)at_us / MS * MS;
}

static void write_payload(const struct command *command, bool with_id, char *text, size_t size)
{
        char limit[48] = "", id[64] = "";

        if (command->word == WORD_FOR)
                (void)snprintf(limit, sizeof(limit), ",\"for\":%g", (double)command->for_us / (double)USEC_PER_SEC);
        if (with_id)
                (void)snprintf(id, sizeof(id), ",\"id\":\"%s\"", command->mark);
        if (with_id || limit[0])
                (void)snprintf(text, size, "{\"state\":\"%s\"%s%s}", words[command->word], limit, id);
        else
                (void)snprintf(text, size, "%s", words[command->word]);
}

static struct message *compose(struct command *command)
{
        const struct output *output = &world->house.outputs[command->output];
        char topic[96], text[160];
        bool with_id = chance(30);

        (void)snprintf(topic, sizeof(topic), "sconce/" NODE "/%s/set", output->id);
        command->has_id = with_id;
        write_payload(command, with_id, text, sizeof(text));
        struct message *message = message_new(topic, text, strlen(text));
        message->number = command->number;
        if (chance(40)) {
                (void)snprintf(command->reply, sizeof(command->reply), "sconce/reply/client%u/r", (unsigned)below(3));
                (void)snprintf(message->response_topic, sizeof(message->response_topic), "%s", command->reply);
                (void)snprintf(message->correlation, sizeof(message->correlation), "%s", command->mark);
        }
        return message;
}

static struct message *any_command(struct command **ret)
{
        struct command *command = laws_command();

        command->output = below(world->house.count);
        if (world->house.outputs[command->output].part == PART_DOWN)
                command->output--;
        command->word = any_word(&world->house.outputs[command->output]);
        command->for_us = chance(50) ? between(20, 5000) * MS : between(1, 7200) * USEC_PER_SEC;
        *ret = command;
        return compose(command);
}

static void do_command(void)
{
        struct command *command;

        broker_command(any_command(&command));
}

static void do_expiring(void)
{
        struct command *command;
        struct message *message = any_command(&command);

        set_expiry(command, message);
        broker_command(message);
}

/* The same asker, mark and payload again: a sender that has heard nothing. */
static void do_repeat(void)
{
        struct command *first, *again;
        struct message *message = any_command(&first);
        if (!message->correlation[0] && !strstr(message->payload, "\"id\"")) {
                broker_command(message);
                return;
        }
        struct message *copy = message_new(message->topic, message->payload, message->size);
        memcpy(copy->response_topic, message->response_topic, sizeof(copy->response_topic));
        memcpy(copy->correlation, message->correlation, sizeof(copy->correlation));
        again = laws_command_like(first);
        again->repeats = first->number;
        copy->number = again->number;
        broker_command(message);
        broker_command(copy);
}

/* Another asker has the same mark and the same wish: it is a command of its own. */
static void do_rival(void)
{
        struct command *first, *rival;
        struct message *message = any_command(&first);

        if (first->reply[0]) {
                struct message *copy = message_new(message->topic, message->payload, message->size);
                rival = laws_command_like(first);
                (void)snprintf(rival->reply, sizeof(rival->reply), "sconce/reply/rival/r");
                memcpy(copy->response_topic, rival->reply, sizeof(rival->reply));
                memcpy(copy->correlation, message->correlation, sizeof(copy->correlation));
                copy->number = rival->number;
                broker_command(copy);
        }
        broker_command(message);
}

/* Somebody publishes with the retain flag: carried out now, and never at a replay. */
static void do_retained(void)
{
        struct command *command;
        struct message *message = any_command(&command);
        struct message *kept = message_new(message->topic, message->payload, message->size);

        kept->number = command->number;
        broker_command(message);
        broker_retain(kept);
}

static void do_burst(void)
{
        for (uint64_t n = between(5, 60); n > 0; n--)
                do_command();
}

static void do_get(void)
{
        broker_command(message_new("sconce/" NODE "/get", "", 0));
}

/* ---- Hands and sensors ------------------------------------------------------------------------------------------- */

static void push(unsigned line, bool on, uint64_t after_us)
{
        world_later(EVENT_HAND, after_us)->number = (int)(line << 1 | on);
}

/* A contact bounces for a few milliseconds. */
static void do_hand(void)
{
        unsigned line = 40 + (unsigned)below(2);
        uint64_t at_us = 0, held_us = between(60, 400) * MS;

        for (uint64_t n = below(4); n > 0; n--) {
                push(line, true, at_us);
                at_us += between(50, 3000);
                push(line, false, at_us);
                at_us += between(50, 3000);
        }
        push(line, true, at_us);
        push(line, false, at_us + held_us);
}

static void set_temperature(void)
{
        FILE *file = fopen("thermal/thermal_zone0/temp", "we");

        if (!file)
                return;
        (void)fprintf(file, "%u\n", (unsigned)between(18000, 26000));
        (void)fclose(file);
}

/* ---- The config -------------------------------------------------------------------------------------------------- */

static uint64_t mask_of(const char *id, enum part part)
{
        uint64_t mask = 0;

        for (size_t i = 0; i < world->house.count; i++)
                if (id ? strcmp(world->house.outputs[i].id, id) == 0 : world->house.outputs[i].part == part)
                        mask |= 1ULL << i;
        return mask;
}

/* on_exit and max_on are taken over in place: no edge, but for one whose time is over by the new max_on. */
static void change_settings(struct house *house)
{
        size_t changed = chance(50) || house->is_counted ? 0 : 1; /* the kitchen, the porch */
        struct output *output = &house->outputs[changed];

        if (changed == 0)
                output->on_exit = (enum wish)below(3);
        else
                house_set_max_on(output, output->max_on_us > 0 ? 0 : between(500, 4 * HOUR_US / MS) * MS);
        laws_settings(changed);
}

static uint64_t change_config(struct house *house)
{
        switch (below(9)) {
        case 0:
                house->names++;
                return 0;
        case 1:
                house->has_guest = !house->has_guest && !house->is_counted;
                return 0;
        case 2:
                house->drives++;
                return mask_of("porch", PART_PLAIN);
        case 3:
                house->extra_dead_ms += 10;
                return mask_of(NULL, PART_MEMBER);
        case 4:
                house->is_broken = true;
                return 0;
        case 5: {
                struct sensor *last = &house->sensors[house->n_sensors - 1];
                last->has_history = !last->has_history;
                return 0;
        }
        case 6:
        case 7:
                change_settings(house);
                return 0;
        default:
                return 0;
        }
}

/* What the reload before it has written has been read by then. */
static void do_reload(void)
{
        if (!events_has_loop() || world->laws.context != CONTEXT_NONE || laws_is_reloading())
                return;
        uint64_t mask = change_config(&world->house);
        house_write(&world->house);
        if (world->house.is_broken) {
                world->house.is_broken = false;
                laws_reload(0);
                events_signal(SIGHUP);
                return;
        }
        laws_reload(mask);
        events_signal(SIGHUP);
}

/* ---- What goes wrong --------------------------------------------------------------------------------------------- */

static uint64_t any_while(void)
{
        return chance(50) ? between(1, 20) * USEC_PER_SEC : between(20, 5400) * USEC_PER_SEC;
}

static bool is_whole(void)
{
        return world->broker.is_up && world->broker.is_reachable && !world->broker.refuses;
}

static void do_broker_death(void)
{
        if (is_whole())
                broker_die(any_while());
}

static void do_cut(void)
{
        if (is_whole())
                broker_cut(any_while(), chance(50));
}

static void do_refusal(void)
{
        if (is_whole())
                broker_refuse(any_while());
}

static void do_stall(void)
{
        broker_stall(between(1, 25) * USEC_PER_SEC);
}

static void do_clock(void)
{
        int64_t by_us = (chance(50) ? 1 : -1) * (int64_t)between(1, 7200) * (int64_t)USEC_PER_SEC;

        trace("the clock is set by %" PRId64 " s", by_us / (int64_t)USEC_PER_SEC);
        machine_set_clock(by_us);
}

static void do_stop(void)
{
        if (!events_has_loop() || world->laws.context != CONTEXT_NONE)
                return;
        laws_stop();
        events_signal(SIGTERM);
}

static void do_restart_button(void)
{
        if (!events_has_loop() || world->laws.context != CONTEXT_NONE || !world->broker.is_connected)
                return;
        struct message *message = message_new("sconce/" NODE "/node/set/restart", "PRESS", 5);
        message->restarts = true;
        broker_command(message);
}

static void do_disk(void)
{
        uint64_t for_us = between(1, 900) * USEC_PER_SEC;

        laws_disk_bad(for_us);
        if (chance(30))
                world->disk.hangs_until_us = world->now_us + for_us / 30;
        else
                disk_break(chance(50) ? DISK_FULL : DISK_FAILS, for_us);
}

/* Within the next writes, at any of them. */
static void do_end_at_write(void)
{
        if (!events_has_loop())
                return;
        world->disk.countdown = (unsigned)between(1, 40);
        world->disk.countdown_is_power = chance(60);
}

static void do_kill(void)
{
        if (!events_has_loop())
                return;
        laws_died(false);
        _exit(LIFE_KILLED);
}

static void do_power_cut(void)
{
        laws_died(true);
        _exit(LIFE_CUT);
}

/* Troubles come together: the router has no power, then the node has none, and somebody starts it again. */
static bool do_trouble(void)
{
        bool is_alone = world->laws.lost_from_us > 0;

        if (!events_has_loop() || below(is_alone ? 60 : 500) > 0)
                return false;
        if (is_alone && chance(50))
                do_kill();
        do_power_cut();
        return true;
}

/* ---- The dice ---------------------------------------------------------------------------------------------------- */

static const struct {
        unsigned weight;
        void (*move)(void);
} moves[] = {
        { 400, do_command },      { 60, do_expiring }, { 60, do_repeat },       { 20, do_retained },
        { 20, do_rival },         { 5, do_burst },     { 20, do_get },          { 150, do_hand },
        { 40, set_temperature },  { 20, do_reload },   { 12, do_broker_death }, { 12, do_cut },
        { 4, do_refusal },        { 12, do_stall },    { 6, do_clock },         { 8, do_stop },
        { 4, do_kill },           { 4, do_disk },      { 5, do_end_at_write },  { 4, broker_take_over },
        { 3, do_restart_button },
};

/* Some things are done in a hurry, one on top of the other; then the house is left alone. */
static uint64_t pause_us(void)
{
        uint64_t kind = below(100);

        if (kind < 30)
                return between(0, 50) * MS;
        if (kind < 60)
                return between(50, 5000) * MS;
        return kind < 90 ? between(5, 300) * USEC_PER_SEC : between(300, 3600) * USEC_PER_SEC;
}

void moves_begin(void)
{
        (void)world_later(EVENT_MOVE, pause_us());
}

void moves_next(void)
{
        uint64_t total = 0, at;

        if (world->now_us >= world->end_us) {
                if (events_has_loop())
                        _exit(LIFE_OVER);
                return;
        }
        laws_settled();
        world->step++;
        (void)world_later(EVENT_MOVE, pause_us());
        for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
                total += moves[i].weight;
        if (do_trouble())
                return;
        at = below(total);
        for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
                if (at < moves[i].weight) {
                        moves[i].move();
                        return;
                }
                at -= moves[i].weight;
        }
}
