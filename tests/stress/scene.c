/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define ANSWER_MS  4000U /* for a result, under a flood too */
#define SETTLED_MS 12000U
#define ONLINE_MS  75000U /* a node that takes broker deaths for another of its name waits for a minute */

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

static bool is_due(void *userdata)
{
        return now_us() >= *(const uint64_t *)userdata;
}

void scene_pass(unsigned time_ms)
{
        uint64_t due_us = now_us() + time_ms * USEC_PER_MSEC;

        if (!pump_until(is_due, &due_us, time_ms + SOON_MS))
                give_up("time stands still");
}

static void on_sample(struct pump_source *source)
{
        noise_sample(&CONTAINER_OF(source, struct scene, sampler)->noise);
}

void scene_note(struct scene *scene, enum row_kind kind, uint64_t from_us)
{
        (void)record_add(&scene->record, &(struct row){ .kind = kind, .from_us = from_us, .to_us = now_us() });
}

/* Fresh, so that what it has heard does not pile up. It does not hear commands, floods least of all. */
void scene_new_tester(void)
{
        static const char *const topics[] = { "sconce/hall/+/state", "sconce/hall/+/result", "sconce/hall/status" };

        client_free(stage.tester);
        stage.tester = stage_client("tester", "tester");
        for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
                client_subscribe(stage.tester, topics[i]);
}

/* ---- The node ---------------------------------------------------------------------------------------------------- */

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

void scene_write_config(const struct scene *scene)
{
        CLEANUP_FREE char *devices = devices_of(scene);
        daemon_write_config(scene->node, devices);
}

const char *scene_topic(const char *device, const char *rest)
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

void scene_wait_online(void)
{
        if (!pump_until(is_online, NULL, ONLINE_MS))
                give_up("hall does not come online");
}

static bool has_arrived(void *userdata)
{
        const struct arrival *arrival = userdata;
        return chip_value(arrival->lines, arrival->line) == 1 &&
               chip_edges(arrival->lines, arrival->line) > arrival->before;
}

struct arrival scene_before_arrival(const struct scene *scene)
{
        const char *lines = scene->node->lines;
        unsigned line = still_of(scene)->line;

        /* The first start makes the chip. */
        return (struct arrival){ lines, line, chip_value(lines, line) < 0 ? 0 : chip_edges(lines, line) };
}

void scene_wait_arrival(struct arrival *arrival)
{
        if (!pump_until(has_arrived, arrival, SOON_MS))
                give_up("not all devices come back");
}

void scene_start(struct scene *scene)
{
        struct arrival arrival = scene_before_arrival(scene);
        uint64_t from_us = now_us();

        client_forget(stage.tester);
        daemon_start(scene->node);
        noise_watch(&scene->noise, scene->node->process->pid);
        scene_wait_arrival(&arrival);
        scene_note(scene, ROW_START, from_us);
        if (!scene->lost_us)
                scene_wait_online();
}

void scene_stop(struct scene *scene)
{
        uint64_t from_us = now_us();

        daemon_stop(scene->node);
        noise_watch(&scene->noise, 0);
        scene_note(scene, ROW_STOP, from_us);
}

static void make_safe(struct scene *scene)
{
        const char *const argv[] = {
                build_path("sconced"), "--config", scene->node->config, "--plugins", build_path("plugins"),
                "--outputs-safe",      NULL
        };
        char entry[600];
        const char *const env[] = { entry, scene->run_dir, NULL };
        int status;
        uint64_t from_us = now_us();

        (void)snprintf(entry, sizeof(entry), "STATE_DIRECTORY=%s", scene->node->state_dir);
        process_free(process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env }, &status));
        scene_note(scene, ROW_SAFE, from_us);
}

/* The file that --outputs-safe finds may be another one than the process had, or none. */
void scene_kill(struct scene *scene)
{
        bool is_edited = dice_chance(&scene->dice, 50), is_gone = dice_chance(&scene->dice, 10);
        uint64_t from_us;

        scene->house.has_moved = is_edited;
        scene_write_config(scene);
        if (is_gone)
                (void)unlink(scene->node->config);
        from_us = now_us();
        daemon_kill(scene->node);
        noise_watch(&scene->noise, 0);
        make_safe(scene);
        scene_note(scene, ROW_KILL, from_us);
        scene->house.has_moved = false;
        scene_write_config(scene);
}

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

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

void scene_command(struct scene *scene, const char *device, struct row row, const char *values)
{
        static unsigned n;
        struct answer answer = { .has_come = false };
        char payload[160];

        (void)snprintf(answer.id, sizeof(answer.id), "c%u", n++);
        (void)snprintf(answer.topic, sizeof(answer.topic), "%s", scene_topic(device, "result"));
        (void)snprintf(payload, sizeof(payload), "{%s,\"id\":\"%s\"}", values, answer.id);
        row.kind = ROW_COMMAND;
        row.outputs = house_mask(&scene->house, device);
        row.from_us = now_us();
        client_forget(stage.tester);
        client_send(stage.tester, scene_topic(device, "set"), payload);
        row.is_answered = pump_until(has_answer, &answer, ANSWER_MS);
        row.is_accepted = answer.is_ok;
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

/* A plain word has no id, so its answer is the state; the command after it is answered after it. */
static void send_plain(struct scene *scene, const char *device, enum word word, const char *text)
{
        struct row row = {
                .kind = ROW_COMMAND, .outputs = house_mask(&scene->house, device), .from_us = now_us(), .word = word
        };

        client_send(stage.tester, scene_topic(device, "set"), text);
        scene_command(scene, "victim", (struct row){ .word = WORD_ON }, "\"state\":\"ON\"");
        row.is_answered = row.is_accepted = scene->record.rows[scene->record.n_rows - 1].is_answered;
        row.to_us = now_us();
        (void)record_add(&scene->record, &row);
}

void scene_send_state(struct scene *scene, const char *device, enum word word)
{
        char values[64];

        (void)snprintf(values, sizeof(values), "\"state\":\"%s\"", word_name(word));
        if (dice_chance(&scene->dice, 30))
                send_plain(scene, device, word, word_name(word));
        else
                scene_command(scene, device, (struct row){ .word = word }, values);
}

void scene_send_length(struct scene *scene, const char *device, enum word word, uint64_t length_ms)
{
        char values[64];

        (void)snprintf(values, sizeof(values), "\"%s\":%u.%03u", word_name(word), (unsigned)(length_ms / 1000),
                       (unsigned)(length_ms % 1000));
        scene_command(scene, device, (struct row){ .word = word, .length_us = length_ms * USEC_PER_MSEC }, values);
}

/* ---- The broker -------------------------------------------------------------------------------------------------- */

void scene_lose_broker(struct scene *scene)
{
        scene->lost_us = now_us();
        broker_kill(stage.broker);
}

void scene_bring_broker(struct scene *scene)
{
        struct row lost = { .kind = ROW_LOST, .from_us = scene->lost_us, .to_us = now_us() };

        (void)record_add(&scene->record, &lost);
        broker_start(stage.broker);
        scene->lost_us = 0;
        scene_new_tester();
        scene_wait_online();
        scene_note(scene, ROW_BACK, lost.to_us);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

/* Each node's record of what it drives is its own. */
static void prepare_environment(struct scene *scene)
{
        static unsigned n;
        const char *dir = work_path("run%u", n++);

        make_dir(dir);
        (void)snprintf(scene->run_dir, sizeof(scene->run_dir), "RUNTIME_DIRECTORY=%s", dir);
        scene->env[0] = scene->run_dir;
}

void scene_open(struct scene *scene, uint64_t seed, bool is_long)
{
        *scene = (struct scene){ .dice = dice_of(seed), .is_long = is_long };
        scene->sampler = (struct pump_source){ .fd = -1, .prepare = on_sample };
        scene->house = house_build(&scene->dice);
        CLEANUP_FREE char *devices = devices_of(scene);
        prepare_environment(scene);
        scene->node = daemon_new(&(struct daemon_options){ .name = "hall",
                                                           .broker = stage.broker,
                                                           .pki = stage.pki,
                                                           .node = "save_after = 50ms\n",
                                                           .broker_keys = "offline_after = 1s\nkeepalive = 5s\n",
                                                           .devices = devices,
                                                           .env = scene->env,
                                                           .log_level = "info" });
        pump_add(&scene->sampler);
        scene_new_tester();
        scene_start(scene);
}

struct shown {
        struct scene *scene;
        size_t i;
        bool published, line;
};

static bool state_of(const struct output *output, bool is_down, bool *ret)
{
        const struct message *m = client_newest(stage.tester, scene_topic(output->id, "state"));

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
                if (!state_of(output, is_down, &shown->published) || shown->published != shown->line)
                        return false;
        }
        return true;
}

static void compare_states(struct scene *scene)
{
        struct shown shown = { .scene = scene };

        client_forget(stage.tester);
        client_send(stage.tester, scene_topic("", "get"), "");
        bool same = pump_until(has_settled, &shown, SETTLED_MS);
        (void)record_add(&scene->record, &(struct row){ .kind = ROW_STATE,
                                                        .from_us = now_us(),
                                                        .to_us = now_us(),
                                                        .outputs = same ? 0 : 1ULL << shown.i,
                                                        .on = shown.published,
                                                        .line = same ? shown.published : !shown.published });
}

void scene_end(struct scene *scene)
{
        char path[600];

        if (scene->lost_us)
                scene_bring_broker(scene);
        compare_states(scene);
        scene_stop(scene);
        scene_pass(20); /* for the noise of the last moments */
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
