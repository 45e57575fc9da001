/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves follow each other; each has ended when the next begins, so the record's rows of one kind do not overlap. Pauses
 * are the dice's: they pass in the pump. What a move waits for ends it; what does not come is in the record, and for
 * the judge.
 */
#include "stress/moves.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define HOLD_MS  1000U /* a hand on a button that nobody answers */
#define PAUSE_MS 100U  /* longest, between moves */
/* A loss that is looked at: offline_after is kept to the second. */
#define OFFLINE_LATEST_MS 2300U

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

static void move_cover(struct scene *scene, const char *device)
{
        static const char *const values[] = { "\"state\":\"OPEN\"", "\"state\":\"CLOSE\"", "\"state\":\"STOP\"" };
        char position[32];
        size_t which = dice_below(&scene->dice, 5);

        (void)snprintf(position, sizeof(position), "\"position\":%u", (unsigned)dice_below(&scene->dice, 101));
        scene_command(scene, device, (struct row){ .word = which == 2 ? WORD_STOP : WORD_MOVE },
                      which < ARRAY_SIZE(values) ? values[which] : position);
}

static void command_move(struct scene *scene)
{
        const struct house *house = &scene->house;
        const struct output *output = &house->outputs[dice_below(&scene->dice, house->count)];
        enum word word = (enum word)dice_below(&scene->dice, 3);

        if (output->part == PART_STILL || output->part == PART_GUEST)
                output = house_part(house, PART_MEMBER);
        if (output->part == PART_COVER)
                move_cover(scene, output->id);
        else if (output->part == PART_PUMP && dice_chance(&scene->dice, 70))
                scene_send_length(scene, output->id, WORD_FOR, dice_between(&scene->dice, 50, 1500));
        else if (output->part == PART_HEATER && dice_chance(&scene->dice, 40))
                scene_send_length(scene, output->id, WORD_FLASH, 1000);
        else
                scene_send_state(scene, output->id, word);
}

/* One flash after another, longer than max_on. */
static void flash_move(struct scene *scene)
{
        const struct output *heater = house_part(&scene->house, PART_HEATER);
        uint64_t until_us = now_us() + heater->max_on_us + 800 * USEC_PER_MSEC;

        scene_send_state(scene, heater->id, WORD_OFF);
        do {
                scene_send_length(scene, heater->id, WORD_FLASH, 2000);
                scene_pass(150);
        } while (now_us() < until_us);
}

/* ---- Hands ------------------------------------------------------------------------------------------------------- */

struct hand {
        const char *lines;
        unsigned line;
        int before;
};

static bool is_answered(void *userdata)
{
        const struct hand *hand = userdata;
        return chip_value(hand->lines, hand->line) != hand->before;
}

static void touch(struct scene *scene, const struct output *output)
{
        struct hand hand = { scene->node->lines, output->line, chip_value(scene->node->lines, output->line) };
        struct row row = { .kind = ROW_TOUCH, .outputs = house_mask(&scene->house, output->id), .from_us = now_us() };

        chip_pull(hand.lines, output->touch_line, true);
        row.is_answered = pump_until(is_answered, &hand, output->part == PART_PLAIN ? HOLD_MS : 100);
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
        chip_pull(hand.lines, output->touch_line, false);
        scene_pass(60); /* what is let go must be so for the debounce before it counts again */
}

static void touch_move(struct scene *scene)
{
        const struct house *house = &scene->house;
        size_t at = dice_below(&scene->dice, house->count);

        while (!house->outputs[at].touch_id)
                at = (at + 1) % house->count;
        touch(scene, &house->outputs[at]);
}

/* The gate's end stops, with or without the gate. */
static void end_stop_move(struct scene *scene)
{
        unsigned line = dice_chance(&scene->dice, 50) ? 40 : 41;
        bool up = dice_chance(&scene->dice, 50);
        struct row row = { .kind = ROW_TOUCH, .outputs = house_mask(&scene->house, "gate"), .from_us = now_us() };

        chip_pull(scene->node->lines, line, up);
        scene_pass(40);
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

/* ---- Reloads ----------------------------------------------------------------------------------------------------- */

static void reload(struct scene *scene, uint64_t touched, const char *log)
{
        uint64_t from_us = now_us();

        scene_write_config(scene);
        process_signal(scene->node->process, SIGHUP);
        (void)process_wait_log(scene->node->process, log, SOON_MS);
        (void)record_add(
                &scene->record,
                &(struct row){ .kind = ROW_RELOAD, .from_us = from_us, .to_us = now_us(), .outputs = touched });
}

static void reload_move(struct scene *scene)
{
        struct house *house = &scene->house;
        uint64_t touched = 0;

        switch (dice_below(&scene->dice, 6)) {
        case 0:
                house->has_guest = !house->has_guest;
                touched = house_mask(house, "guest");
                break;
        case 1:
                house->names++;
                break;
        case 2:
                house->drives++;
                touched = house_mask(house, "porch");
                break;
        case 3:
                house->extra_dead_ms = house->extra_dead_ms ? 0 : 50;
                touched = house_group_mask(house, house_part(house, PART_MEMBER)->group);
                break;
        case 4:
                house->guest_is_broken = true;
                reload(scene, 0, "lien");
                house->guest_is_broken = false;
                break;
        default:
                break;
        }
        reload(scene, touched, "reloaded");
}

/* ---- Node, broker and chip --------------------------------------------------------------------------------------- */

static void restart_move(struct scene *scene)
{
        bool in_order = dice_chance(&scene->dice, 40);
        unsigned away_ms = (unsigned)dice_below(&scene->dice, 400);

        if (in_order)
                scene_stop(scene);
        else
                scene_kill(scene);
        scene_pass(away_ms);
        scene_start(scene);
}

static void broker_move(struct scene *scene)
{
        if (!scene->lost_us) {
                scene_lose_broker(scene);
                return;
        }
        if (dice_chance(&scene->dice, 50)) { /* long enough for on_offline */
                uint64_t due_us = scene->lost_us + OFFLINE_LATEST_MS * USEC_PER_MSEC;
                if (now_us() < due_us)
                        scene_pass((unsigned)((due_us - now_us()) / USEC_PER_MSEC));
        }
        scene_bring_broker(scene);
}

/* A broker that stands still closes nothing: only the keepalive notices. */
static void stall_move(struct scene *scene)
{
        struct row lost = { .kind = ROW_LOST, .is_silent = true, .from_us = now_us() };
        uint64_t until_us = lost.from_us + dice_between(&scene->dice, 1, 20) * USEC_PER_SEC;

        process_signal(stage.broker->process, SIGSTOP);
        scene->lost_us = lost.from_us;
        while (now_us() < until_us) {
                touch_move(scene);
                scene_pass((unsigned)dice_below(&scene->dice, 1500));
        }
        lost.to_us = now_us();
        (void)record_add(&scene->record, &lost);
        process_signal(stage.broker->process, SIGCONT);
        scene->lost_us = 0;
        scene_new_tester();
        scene_wait_online();
        scene_note(scene, ROW_BACK, lost.to_us);
}

/* Garbage, large and small, from somebody else's connection; small valid ones, and questions. */
static void flood_move(struct scene *scene)
{
        unsigned count = (unsigned)dice_between(&scene->dice, 20, 300);
        size_t size = dice_chance(&scene->dice, 50) ? 60000 : 100;
        bool asks = dice_chance(&scene->dice, 20);
        CLEANUP_FREE char *text = malloc(size + 64);
        struct client *guest = stage_client("tester", "guest");

        if (!text)
                give_up("out of memory");
        int n = sprintf(text, "{\"nothing\":\"");
        memset(text + n, 'x', size);
        (void)strcpy(text + n + size, "\"}");
        for (unsigned i = 0; i < count; i++)
                client_send(guest, asks ? scene_topic("", "get") : scene_topic("victim", "set"),
                            i % 4 ? text : "TOGGLE");
        for (size_t i = dice_between(&scene->dice, 1, 3); i > 0; i--)
                touch(scene, house_find(&scene->house, "hall"));
        client_free(guest);
}

static void chip_move(struct scene *scene)
{
        CLEANUP_FREE char *away = NULL;
        struct arrival arrival = scene_before_arrival(scene);
        uint64_t from_us = now_us();
        unsigned away_ms = (unsigned)dice_below(&scene->dice, 800);

        if (asprintf(&away, "%s.away", scene->node->lines) < 0 || rename(scene->node->lines, away) < 0)
                give_up("cannot unplug the chip");
        scene_pass(away_ms);
        if (rename(away, scene->node->lines) < 0)
                give_up("cannot plug in the chip");
        scene_wait_arrival(&arrival);
        scene_note(scene, ROW_CHIP, from_us);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

enum { NEEDS_BROKER = 1, IS_SLOW = 2 };

static const struct move {
        void (*make)(struct scene *scene);
        unsigned weight, flags;
} moves[] = {
        { command_move, 60, NEEDS_BROKER },
        { flash_move, 1, NEEDS_BROKER },
        { flood_move, 2, NEEDS_BROKER },
        { touch_move, 12, 0 },
        { reload_move, 6, 0 },
        { restart_move, 4, 0 },
        { broker_move, 4, 0 },
        { chip_move, 1, 0 },
        { end_stop_move, 3, 0 },
        { stall_move, 3, NEEDS_BROKER | IS_SLOW },
};

static bool is_possible(const struct scene *scene, const struct move *move)
{
        return !(move->flags & NEEDS_BROKER && scene->lost_us) && !(move->flags & IS_SLOW && !scene->is_long);
}

static const struct move *any_move(struct dice *dice)
{
        size_t all = 0, i = 0;

        for (size_t k = 0; k < ARRAY_SIZE(moves); k++)
                all += moves[k].weight;
        size_t at = dice_below(dice, all);
        while (at >= moves[i].weight)
                at -= moves[i++].weight;
        return &moves[i];
}

static void make(struct scene *scene, const struct move *move)
{
        unsigned pause_ms = (unsigned)dice_below(&scene->dice, PAUSE_MS);

        if (is_possible(scene, move))
                move->make(scene);
        else
                touch_move(scene);
        scene->made |= 1U << (move - moves);
        scene_pass(pause_ms);
}

void moves_make(struct scene *scene)
{
        make(scene, any_move(&scene->dice));
}

static bool is_switched(void *userdata)
{
        const struct hand *hand = userdata;
        return chip_value(hand->lines, hand->line) == !hand->before;
}

/* After min_on and min_off. */
static void switch_and_wait(struct scene *scene, const struct output *output, bool on)
{
        struct hand hand = { scene->node->lines, output->line, !on };

        scene_send_state(scene, output->id, on ? WORD_ON : WORD_OFF);
        (void)!pump_until(is_switched, &hand,
                          HOLD_MS + (unsigned)((output->min_on_us + output->min_off_us) / USEC_PER_MSEC));
}

/* What is on for a limited time when the process dies. */
static void crash_while_on(struct scene *scene)
{
        switch_and_wait(scene, house_part(&scene->house, PART_ALARM), true);
        scene_send_length(scene, "pump", WORD_FOR, 20000);
        scene_send_state(scene, "bell", WORD_ON);
        scene_send_length(scene, "siren", WORD_FOR, 20000);
        scene_kill(scene);
        scene_start(scene);
}

/* What the dice have left out, so that each law has something to look at. */
void moves_make_the_rest(struct scene *scene)
{
        if (scene->lost_us)
                scene_bring_broker(scene);
        for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
                if (!(scene->made & 1U << i) && !(moves[i].flags & IS_SLOW) && moves[i].make != broker_move)
                        make(scene, &moves[i]);
        for (unsigned i = 0; i < 3; i++)
                switch_and_wait(scene, house_part(&scene->house, PART_FRIDGE), i % 2 == 0);
        touch(scene, house_find(&scene->house, "hall"));
        crash_while_on(scene);
        scene_send_state(scene, "bell", WORD_ON);
        scene_command(scene, "shutter", (struct row){ .word = WORD_MOVE }, "\"state\":\"CLOSE\"");
        scene_send_state(scene, "left", WORD_ON);
        scene_send_state(scene, "right", WORD_ON);
        scene_lose_broker(scene);
        scene_pass(OFFLINE_LATEST_MS);
}
