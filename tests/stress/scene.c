/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves follow each other; each has ended when the next begins, so the record's rows of one kind do not overlap. Pauses are
 * the dice's: they pass in the pump. What a move waits for ends it; what does not come is in the record, and for the judge.
 */
#include "stress/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define ANSWER_MS  4000U /* for a result, under a flood too */
#define HOLD_MS    1000U /* a hand on a button that nobody answers */
#define PAUSE_MS   100U  /* longest, between moves */
#define SETTLED_MS 12000U
#define ONLINE_MS  75000U /* a node that takes broker deaths for another of its name waits for a minute */
/* A loss that is looked at: offline_after is kept to the second. */
#define OFFLINE_LATEST_MS 2300U

/* ---- Waiting ------------------------------------------------------------------------------------------------------- */

static bool is_due(void *userdata)
{
        return now_us() >= *(const uint64_t *)userdata;
}

static void pass(unsigned time_ms)
{
        uint64_t due_us = now_us() + time_ms * USEC_PER_MSEC;

        if (!pump_until(is_due, &due_us, time_ms + SOON_MS))
                give_up("time stands still");
}

static void on_sample(struct pump_source *source)
{
        noise_sample(&CONTAINER_OF(source, struct scene, sampler)->noise);
}

static void note(struct scene *scene, enum row_kind kind, uint64_t from_us)
{
        (void)record_add(&scene->record, &(struct row){ .kind = kind, .from_us = from_us, .to_us = now_us() });
}

/* Fresh, so that what it has heard does not pile up. It does not hear commands, floods least of all. */
static void new_tester(void)
{
        static const char *const topics[] = { "sconce/hall/+/state", "sconce/hall/+/result", "sconce/hall/status" };

        client_free(stage.tester);
        stage.tester = stage_client("tester", "tester");
        for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
                client_subscribe(stage.tester, topics[i]);
}

/* ---- The node ------------------------------------------------------------------------------------------------------ */

static const struct output *still_of(const struct scene *scene)
{
        return house_part(&scene->house, PART_STILL);
}

static char *devices_of(const struct scene *scene)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                give_up("out of memory");
        house_write(&scene->house, out);
        (void)fclose(out);
        return text;
}

static void write_config(const struct scene *scene)
{
        CLEANUP_FREE char *devices = devices_of(scene);
        daemon_write_config(scene->node, devices);
}

static const char *topic(const char *device, const char *rest)
{
        static char text[128];

        (void)snprintf(text, sizeof(text), "sconce/hall/%s%s%s", device, *device ? "/" : "", rest);
        return text;
}

static bool is_online(void *unused)
{
        const struct message *m = client_newest(stage.tester, "sconce/hall/status");

        (void)unused;
        return m && strcmp(m->payload, "online") == 0;
}

static void wait_online(void)
{
        if (!pump_until(is_online, NULL, ONLINE_MS))
                give_up("hall does not come online");
}

static void start(struct scene *scene)
{
        uint64_t from_us = now_us();

        client_forget(stage.tester);
        daemon_start(scene->node);
        noise_watch(&scene->noise, scene->node->process->pid);
        chip_wait(scene->node->lines, still_of(scene)->line, 1);
        note(scene, ROW_START, from_us);
        if (!scene->lost_us)
                wait_online();
}

static void stop(struct scene *scene)
{
        uint64_t from_us = now_us();

        daemon_stop(scene->node);
        noise_watch(&scene->noise, 0);
        note(scene, ROW_STOP, from_us);
}

static void make_safe(struct scene *scene)
{
        const char *const argv[] = { build_path("sconced"), "--config", scene->node->config, "--plugins",
                                     build_path("plugins"), "--outputs-safe", NULL };
        char entry[600];
        const char *const env[] = { entry, NULL };
        int status;
        uint64_t from_us = now_us();

        (void)snprintf(entry, sizeof(entry), "STATE_DIRECTORY=%s", scene->node->state_dir);
        process_free(process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env }, &status));
        note(scene, ROW_SAFE, from_us);
}

static void kill_and_make_safe(struct scene *scene)
{
        uint64_t from_us = now_us();

        daemon_kill(scene->node);
        noise_watch(&scene->noise, 0);
        make_safe(scene);
        note(scene, ROW_KILL, from_us);
}

static void restart_move(struct scene *scene)
{
        bool in_order = dice_chance(&scene->dice, 40);
        unsigned away_ms = (unsigned)dice_below(&scene->dice, 400);

        if (in_order)
                stop(scene);
        else
                kill_and_make_safe(scene);
        pass(away_ms);
        start(scene);
}

/* ---- Commands ------------------------------------------------------------------------------------------------------ */

struct answer {
        char id[32], topic[128];
        bool is_ok, has_come;
};

static bool has_answer(void *userdata)
{
        struct answer *answer = userdata;
        const struct message *m = client_look(stage.tester, answer->topic);

        for (; m && !answer->has_come; m = client_look(stage.tester, answer->topic)) {
                const char *id = json_member(m, "id"), *ok = json_member(m, "ok");
                answer->has_come = id && strcmp(id, answer->id) == 0;
                answer->is_ok = ok && strcmp(ok, "true") == 0;
        }
        return answer->has_come;
}

static void command(struct scene *scene, const char *device, struct row row, const char *values)
{
        static unsigned n;
        struct answer answer = { .has_come = false };
        char payload[160];

        (void)snprintf(answer.id, sizeof(answer.id), "c%u", n++);
        (void)snprintf(answer.topic, sizeof(answer.topic), "%s", topic(device, "result"));
        (void)snprintf(payload, sizeof(payload), "{%s,\"id\":\"%s\"}", values, answer.id);
        row.kind = ROW_COMMAND;
        row.outputs = house_mask(&scene->house, device);
        row.from_us = now_us();
        client_forget(stage.tester);
        client_say(stage.tester, topic(device, "set"), payload);
        row.is_answered = pump_until(has_answer, &answer, ANSWER_MS);
        row.is_accepted = answer.is_ok;
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

/* A plain word has no id, so its answer is the state; the command after it is answered after it. */
static void say_plain(struct scene *scene, const char *device, enum word word, const char *text)
{
        struct row row = { .kind = ROW_COMMAND, .outputs = house_mask(&scene->house, device), .from_us = now_us(), .word = word };

        client_say(stage.tester, topic(device, "set"), text);
        command(scene, "victim", (struct row){ .word = WORD_ON }, "\"state\":\"ON\"");
        row.is_answered = row.is_accepted = scene->record.rows[scene->record.n_rows - 1].is_answered;
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

static void say_state(struct scene *scene, const char *device, enum word word)
{
        char values[64];

        (void)snprintf(values, sizeof(values), "\"state\":\"%s\"", word_name(word));
        if (dice_chance(&scene->dice, 30))
                say_plain(scene, device, word, word_name(word));
        else
                command(scene, device, (struct row){ .word = word }, values);
}

static void say_length(struct scene *scene, const char *device, enum word word, uint64_t length_ms)
{
        char values[64];

        (void)snprintf(values, sizeof(values), "\"%s\":%u.%03u", word_name(word), (unsigned)(length_ms / 1000),
                       (unsigned)(length_ms % 1000));
        command(scene, device, (struct row){ .word = word, .length_us = length_ms * USEC_PER_MSEC }, values);
}

static void move_cover(struct scene *scene, const char *device)
{
        static const char *const values[] = { "\"state\":\"OPEN\"", "\"state\":\"CLOSE\"", "\"state\":\"STOP\"" };
        char position[32];
        size_t which = dice_below(&scene->dice, 5);

        (void)snprintf(position, sizeof(position), "\"position\":%u", (unsigned)dice_below(&scene->dice, 101));
        command(scene, device, (struct row){ .word = which == 2 ? WORD_STOP : WORD_MOVE },
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
                say_length(scene, output->id, WORD_FOR, dice_between(&scene->dice, 50, 1500));
        else if (output->part == PART_HEATER && dice_chance(&scene->dice, 40))
                say_length(scene, output->id, WORD_FLASH, 1000);
        else
                say_state(scene, output->id, word);
}

/* One flash after another, longer than max_on. */
static void flash_move(struct scene *scene)
{
        const struct output *heater = house_part(&scene->house, PART_HEATER);
        uint64_t until_us = now_us() + heater->max_on_us + 800 * USEC_PER_MSEC;

        say_state(scene, heater->id, WORD_OFF);
        do {
                say_length(scene, heater->id, WORD_FLASH, 2000);
                pass(150);
        } while (now_us() < until_us);
}

/* ---- Hands --------------------------------------------------------------------------------------------------------- */

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
        pass(60); /* what is let go must be so for the debounce before it counts again */
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
        pass(40);
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

/* ---- Reloads ------------------------------------------------------------------------------------------------------- */

static void reload(struct scene *scene, uint64_t touched, const char *log)
{
        uint64_t from_us = now_us();

        write_config(scene);
        process_signal(scene->node->process, SIGHUP);
        (void)process_wait_log(scene->node->process, log, SOON_MS);
        (void)record_add(&scene->record, &(struct row){
                .kind = ROW_RELOAD, .from_us = from_us, .to_us = now_us(), .outputs = touched });
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

/* ---- Broker and chip ----------------------------------------------------------------------------------------------- */

static void broker_goes(struct scene *scene)
{
        scene->lost_us = now_us();
        broker_kill(stage.broker);
}

static void broker_comes(struct scene *scene)
{
        struct row lost = { .kind = ROW_LOST, .from_us = scene->lost_us, .to_us = now_us() };

        (void)record_add(&scene->record, &lost);
        broker_start(stage.broker);
        scene->lost_us = 0;
        new_tester();
        wait_online();
        note(scene, ROW_BACK, lost.to_us);
}

static void broker_move(struct scene *scene)
{
        if (!scene->lost_us) {
                broker_goes(scene);
                return;
        }
        if (dice_chance(&scene->dice, 50)) { /* long enough for on_offline */
                uint64_t due_us = scene->lost_us + OFFLINE_LATEST_MS * USEC_PER_MSEC;
                if (now_us() < due_us)
                        pass((unsigned)((due_us - now_us()) / USEC_PER_MSEC));
        }
        broker_comes(scene);
}

/* Garbage, large and small, from somebody else's connection; and small valid ones. */
static void flood_move(struct scene *scene)
{
        unsigned count = (unsigned)dice_between(&scene->dice, 20, 300);
        size_t size = dice_chance(&scene->dice, 50) ? 60000 : 100;
        CLEANUP_FREE char *text = malloc(size + 64);
        struct client *guest = stage_client("tester", "guest");

        if (!text)
                give_up("out of memory");
        int n = sprintf(text, "{\"nothing\":\"");
        memset(text + n, 'x', size);
        (void)strcpy(text + n + size, "\"}");
        for (unsigned i = 0; i < count; i++)
                client_say(guest, topic("victim", "set"), i % 4 ? text : "TOGGLE");
        for (size_t i = dice_between(&scene->dice, 1, 3); i > 0; i--)
                touch(scene, house_find(&scene->house, "hall"));
        client_free(guest);
}

static void chip_move(struct scene *scene)
{
        CLEANUP_FREE char *away = NULL;
        uint64_t from_us = now_us();
        unsigned away_ms = (unsigned)dice_below(&scene->dice, 800);

        if (asprintf(&away, "%s.away", scene->node->lines) < 0 || rename(scene->node->lines, away) < 0)
                give_up("cannot unplug the chip");
        pass(away_ms);
        if (rename(away, scene->node->lines) < 0)
                give_up("cannot plug in the chip");
        chip_wait(scene->node->lines, still_of(scene)->line, 1);
        note(scene, ROW_CHIP, from_us);
}

/* ---- All of it ----------------------------------------------------------------------------------------------------- */

static const struct move {
        void (*make)(struct scene *scene);
        unsigned weight;
        bool needs_broker;
} moves[] = {
        { command_move, 60, true }, { flash_move, 1, true },    { flood_move, 2, true },   { touch_move, 12, false },
        { reload_move, 6, false },  { restart_move, 4, false }, { broker_move, 4, false }, { chip_move, 1, false },
        { end_stop_move, 3, false },
};

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

        if (move->needs_broker && scene->lost_us)
                touch_move(scene);
        else
                move->make(scene);
        scene->made |= 1U << (move - moves);
        pass(pause_ms);
}

void scene_move(struct scene *scene)
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

        say_state(scene, output->id, on ? WORD_ON : WORD_OFF);
        (void)!pump_until(is_switched, &hand, HOLD_MS + (unsigned)((output->min_on_us + output->min_off_us) / USEC_PER_MSEC));
}

/* What is on for a limited time when the process dies. */
static void crash_while_on(struct scene *scene)
{
        switch_and_wait(scene, house_part(&scene->house, PART_ALARM), true);
        say_length(scene, house_part(&scene->house, PART_PUMP)->id, WORD_FOR, 20000);
        say_state(scene, "bell", WORD_ON);
        kill_and_make_safe(scene);
        start(scene);
}

/* What the dice have left out, so that each law has something to look at. */
static void make_the_rest(struct scene *scene)
{
        for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
                if (!(scene->made & 1U << i))
                        make(scene, &moves[i]);
        if (scene->lost_us)
                broker_comes(scene);
        for (unsigned i = 0; i < 3; i++)
                switch_and_wait(scene, house_part(&scene->house, PART_FRIDGE), i % 2 == 0);
        touch(scene, house_find(&scene->house, "hall"));
        crash_while_on(scene);
        say_state(scene, "bell", WORD_ON);
        command(scene, "shutter", (struct row){ .word = WORD_MOVE }, "\"state\":\"CLOSE\"");
        say_state(scene, "left", WORD_ON);
        say_state(scene, "right", WORD_ON);
        broker_goes(scene);
        pass(OFFLINE_LATEST_MS);
}

static void prepare_chip(struct scene *scene)
{
        const char *const arguments[] = { "--config", scene->node->config, "--lines", NULL };
        int status;

        process_free(sconced_run(&status, arguments));
        for (size_t i = 0; i < scene->house.count; i++)
                if (scene->house.outputs[i].active_low && !scene->house.outputs[i].pulled_on)
                        chip_pull(scene->node->lines, scene->house.outputs[i].line, true);
}

void scene_open(struct scene *scene, uint64_t seed, bool is_long)
{
        *scene = (struct scene){ .dice = dice_of(seed), .is_long = is_long };
        scene->sampler = (struct pump_source){ .fd = -1, .prepare = on_sample };
        scene->house = house_build(&scene->dice);
        CLEANUP_FREE char *devices = devices_of(scene);
        scene->node = daemon_new(&(struct daemon_options){ .name = "hall",
                                                           .broker = stage.broker,
                                                           .pki = stage.pki,
                                                           .node = "save_after = 50ms\n",
                                                           .broker_keys = "offline_after = 1s\nkeepalive = 5s\n",
                                                           .devices = devices,
                                                           .log_level = "info" });
        pump_add(&scene->sampler);
        new_tester();
        prepare_chip(scene);
        start(scene);
}

struct shown {
        struct scene *scene;
        size_t i;
        bool said, line;
};

static bool state_of(const struct output *output, bool is_down, bool *ret)
{
        const struct message *m = client_newest(stage.tester, topic(output->id, "state"));

        if (!m || !strstr(m->payload, "\"state\":\""))
                return false;
        *ret = strstr(m->payload, "\"state\":\"ON\"") || strstr(m->payload, is_down ? "\"closing\"" : "\"opening\"");
        return true;
}

static bool has_settled(void *userdata)
{
        struct shown *shown = userdata;
        const struct house *house = &shown->scene->house;

        for (shown->i = 0; shown->i < house->count; shown->i++) {
                const struct output *output = &house->outputs[shown->i];
                bool is_down = output->part == PART_COVER && shown->i > 0 && output[-1].group == output->group;
                if (output->part == PART_GUEST)
                        continue;
                shown->line = (chip_value(shown->scene->node->lines, output->line) == 1) != output->active_low;
                if (!state_of(output, is_down, &shown->said) || shown->said != shown->line)
                        return false;
        }
        return true;
}

static void compare_states(struct scene *scene)
{
        struct shown shown = { .scene = scene };

        client_forget(stage.tester);
        client_say(stage.tester, topic("", "get"), "");
        bool same = pump_until(has_settled, &shown, SETTLED_MS);
        (void)record_add(&scene->record, &(struct row){ .kind = ROW_STATE,
                                                        .from_us = now_us(),
                                                        .to_us = now_us(),
                                                        .outputs = same ? 0 : 1ULL << shown.i,
                                                        .on = shown.said,
                                                        .line = same ? shown.said : !shown.said });
}

void scene_end(struct scene *scene)
{
        char path[600];

        make_the_rest(scene);
        if (scene->lost_us)
                broker_comes(scene);
        compare_states(scene);
        stop(scene);
        pass(20); /* for the noise of the last moments */
        (void)snprintf(path, sizeof(path), "%s/edges", scene->node->lines);
        if (record_read_edges(&scene->record, path) < 0)
                give_up("cannot read %s", path);
}

void scene_close(struct scene *scene)
{
        pump_remove(&scene->sampler);
        daemon_free(scene->node);
        noise_done(&scene->noise);
        record_done(&scene->record);
}
