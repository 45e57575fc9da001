/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/party.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/certs.h"
#include "system/workdir.h"

/* mqtt-io has its outputs on PREFIX/output/NAME: below sconce/ that reads as a node of that name. */
static const struct party parties[] = {
        { .name = "floor", .node = "floor", .state = "kitchen/state" },
        { .name = "sconce", .node = "hall", .state = "kitchen/state", .is_sconced = true },
        { .name = "shed", .node = "shed", .state = "kitchen/state", .is_sconced = true },
        { .name = "barn", .node = "barn", .state = "kitchen/state", .is_sconced = true },
        { .name = "paho-go", .node = "peer", .state = "kitchen/state", .program = "paho-go" },
        { .name = "paho-python", .node = "peer", .state = "kitchen/state", .program = "paho-python" },
        { .name = "mqttjs", .node = "peer", .state = "kitchen/state", .program = "mqttjs" },
        { .name = "node-red", .node = "peer", .state = "kitchen/state", .program = "node-red" },
        { .name = "mqtt-io", .node = "output", .state = "kitchen", .program = "mqtt-io" },
        { .name = "shell", .node = "peer", .state = "kitchen/state", .program = "shell" },
};

const struct party *party_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(parties); i++)
                if (strcmp(parties[i].name, name) == 0)
                        return &parties[i];
        (void)fprintf(stderr, "nobody is called %s\n", name);
        exit(2);
}

/* What a person has who was given a certificate. */
static const char *make_directory(const struct bench *bench, const char *node)
{
        static unsigned n;
        const char *directory = work_path("party%u", n++);
        const char *const files[][2] = {
                { format_text("%s.crt", pki_ca(bench->pki)), "ca.crt" },
                { format_text("%s.crt", pki_issued(bench->pki, node)), "node.crt" },
                { format_text("%s.key", pki_issued(bench->pki, node)), "node.key" },
        };

        make_dir(directory);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (symlink(files[i][0], format_text("%s/%s", directory, files[i][1])) < 0)
                        give_up("cannot link %s", files[i][0]);
        return directory;
}

/* Those of sconced that a benchmark has, and the sensors of tests/plugins. */
const char *party_plugins(void)
{
        static const char *const plugins[] = { "plugins/lamp",       "plugins/switch",      "plugins/contact",
                                               "plugins/button",     "tests/plugins/meter", "tests/plugins/slow",
                                               "tests/plugins/sloth" };
        const char *directory = work_path("plugins");

        if (access(directory, F_OK) == 0)
                return directory;
        make_dir(directory);
        for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
                if (symlink(build_path(format_text("%s.so", plugins[i])),
                            format_text("%s%s.so", directory, strrchr(plugins[i], '/'))) < 0)
                        give_up("cannot link %s", plugins[i]);
        return directory;
}

/* In the child. */
static int prepare(void *userdata)
{
        (void)userdata;
        bench_pin(0, CPU_MEASURED);
        return setpgid(0, 0);
}

void party_new(struct running *running, const struct bench *bench, const char *name, const char *devices,
               unsigned count)
{
        const struct party *party = party_find(name);

        *running = (struct running){
                .party = party,
                .set = format_text("sconce/%s/kitchen/set", party->node),
                .trigger = format_text("sconce/%s/trigger/set", party->node),
                .state = format_text("sconce/%s/%s", party->node, party->state),
                .status = format_text("sconce/%s/status", party->node),
                .count = format_text("%u", count),
        };
        if (party->is_sconced)
                running->daemon = daemon_new(&(struct daemon_options){ .name = party->node,
                                                                       .broker = bench->broker,
                                                                       .pki = bench->pki,
                                                                       .devices = devices,
                                                                       .log_level = "notice",
                                                                       .plugins = party_plugins(),
                                                                       .prepare = prepare });
        else
                running->directory = make_directory(bench, party->node);
}

void party_start(struct running *running, const struct bench *bench)
{
        const char *program = running->party->program;

        if (running->daemon) {
                daemon_start(running->daemon);
                running->process = running->daemon->process;
        } else {
                const char *const argv[] = { program ? source_path(format_text("tests/bench/peers/%s", program))
                                                     : build_path("tests/bench/echo"),
                                             "localhost",
                                             format_text("%u", bench->broker->port.number),
                                             running->directory,
                                             running->party->node,
                                             program ? NULL : running->count,
                                             NULL };
                const struct process_options options = { .name = running->party->name, .prepare = prepare };
                running->process = process_start(argv, &options);
        }
        running->group = running->process->pid;
}

void party_kill(struct running *running)
{
        (void)kill(-running->group, SIGKILL);
        (void)process_wait(running->process, SOON_MS);
        if (!running->daemon)
                process_free(running->process);
        running->process = NULL;
}
