/* SPDX-License-Identifier: Apache-2.0 */
#include "system/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/certs.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define MAX_DAEMONS 16

static struct daemon *daemons[MAX_DAEMONS];

static const char *or_empty(const char *text)
{
        return text ? text : "";
}

static void put_tls(FILE *out, const struct daemon_options *options)
{
        const char *cert = options->cert;

        if (!options->pki && !options->tls)
                return;
        (void)fprintf(out, "[tls]\n");
        if (options->pki) {
                cert = cert ? cert : pki_issued(options->pki, options->name);
                (void)fprintf(out, "ca = %s\n", pki_file(options->pki, "ca.crt"));
                (void)fprintf(out, "crl = %s\n", pki_file(options->pki, "crl.pem"));
                (void)fprintf(out, "cert = %s.crt\nkey = %s.key\n", cert, cert);
        }
        (void)fprintf(out, "%s\n", or_empty(options->tls));
}

void daemon_write_config(struct daemon *daemon, const char *devices)
{
        const struct daemon_options *o = &daemon->options;
        CLEANUP_FILE FILE *out = fopen(daemon->config, "we");

        if (!out)
                give_up("cannot write %s", daemon->config);
        (void)fprintf(out, "[node]\nname = %s\nclock = %s\n%s\n", o->name, o->clock ? o->clock : "trusted",
                      or_empty(o->node));
        if (o->no_broker)
                (void)fprintf(out, "[broker]\n");
        else if (o->url)
                (void)fprintf(out, "[broker]\nurl = %s\n", o->url);
        else
                (void)fprintf(out, "[broker]\nurl = mqtts://localhost:%u\n", o->broker->port.number);
        (void)fprintf(out, "%s\n", or_empty(o->broker_keys));
        put_tls(out, o);
        (void)fprintf(out, "[gpio]\n%s\n%s\n", chip_config(daemon->sim_dir), or_empty(devices));
}

struct daemon *daemon_new(const struct daemon_options *options)
{
        static unsigned n;
        size_t slot = 0;

        struct daemon *daemon = calloc(1, sizeof(*daemon));
        while (slot < MAX_DAEMONS && daemons[slot])
                slot++;
        if (!daemon || slot == MAX_DAEMONS)
                give_up("too many daemons");
        daemons[slot] = daemon;
        daemon->options = *options;
        daemon->name = options->name;
        const char *dir = work_path("node%u", n);
        make_dir(dir);
        daemon->config = work_path("node%u/sconce.conf", n);
        daemon->sim_dir = work_path("node%u/sim", n);
        daemon->lines = chip_lines(daemon->sim_dir);
        daemon->state_dir = work_path("node%u/state", n);
        make_dir(daemon->state_dir);
        n++;
        daemon_write_config(daemon, options->devices);
        return daemon;
}

void daemon_free(struct daemon *daemon)
{
        if (!daemon)
                return;
        for (size_t i = 0; i < MAX_DAEMONS; i++)
                if (daemons[i] == daemon)
                        daemons[i] = NULL;
        process_free(daemon->process);
        free(daemon);
}

void daemon_free_all_but(const struct daemon *kept)
{
        for (size_t i = 0; i < MAX_DAEMONS; i++)
                if (daemons[i] != kept)
                        daemon_free(daemons[i]);
}

static char *state_directory(const struct daemon *daemon)
{
        char *entry = NULL;

        if (asprintf(&entry, "STATE_DIRECTORY=%s", daemon->state_dir) < 0)
                give_up("out of memory");
        return entry;
}

void daemon_start(struct daemon *daemon)
{
        const char *plugins = daemon->options.plugins ? daemon->options.plugins : build_path("plugins");
        const char *level = daemon->options.log_level ? daemon->options.log_level : "debug";
        const char *const command[] = {
                build_path("sconced"), "--config", daemon->config, "--plugins", plugins, "--log-level", level, NULL
        };
        const char *argv[24];
        const char *env[16] = { keep_text(state_directory(daemon)) };
        const struct process_options options = { .name = daemon->name,
                                                 .env = env,
                                                 .give_fds = daemon->options.give_fds,
                                                 .prepare = daemon->options.prepare,
                                                 .userdata = daemon };

        size_t n = put_words(argv, daemon->options.words);
        (void)put_words(argv + n, command);
        for (size_t i = 0; daemon->options.env && daemon->options.env[i] && i + 2 < ARRAY_SIZE(env); i++)
                env[i + 1] = daemon->options.env[i];
        process_free(daemon->process);
        daemon->process = process_start(argv, &options);
}

void daemon_stop(struct daemon *daemon)
{
        process_signal(daemon->process, SIGTERM);
        int status = process_wait(daemon->process, SOON_MS);
        if (status != 0)
                give_up("%s ended with status %d after SIGTERM", daemon->name, status);
}

void daemon_kill(struct daemon *daemon)
{
        process_signal(daemon->process, SIGKILL);
        (void)process_wait(daemon->process, SOON_MS);
}

const char *daemon_topic(const struct daemon *daemon, const char *rest)
{
        char topic[512];
        (void)snprintf(topic, sizeof(topic), "sconce/%s/%s", daemon->name, rest);
        return keep_text(strdup(topic));
}

void daemon_wait_online(const struct daemon *daemon, struct client *client)
{
        (void)client_wait_text(client, daemon_topic(daemon, "status"), "online");
}

struct process *sconced_run(int *ret_status, const char *const arguments[])
{
        const char *argv[24] = { build_path("sconced") };

        for (size_t i = 0; arguments[i] && i + 2 < ARRAY_SIZE(argv); i++)
                argv[i + 1] = arguments[i];
        return process_run(argv, &(struct process_options){ .name = "sconced" }, ret_status);
}
