/* SPDX-License-Identifier: Apache-2.0 */
#include "system/joining.h"

#include <string.h>

#include "system/pki.h"
#include "system/stage.h"

struct joining joining;

static unsigned n_places;

static const char *url_of(const struct broker *broker)
{
        return format_text("mqtts://localhost:%u", broker->port.number);
}

const char *joining_url(void)
{
        return url_of(stage.broker);
}

void joining_start_signer(const struct broker *broker)
{
        joining.signer = process_start(
                WORDS(build_path("sconce-pki"), "-d", stage.pki, "serve", "--broker", url_of(broker)),
                &(struct process_options){ .name = "serve" });
}

struct client *joining_tap(const char *id, const struct broker *broker, const char *topic)
{
        struct client *client = client_new(&(struct client_options){
                .id = id, .port = broker->port.number, .ca = pki_ca(stage.pki), .cert = work_path("tap") });

        client_subscribe(client, topic);
        return client;
}

int joining_open(void **state)
{
        (void)state;
        workdir_make();
        joining.door = port_reserve();
        stage.pki = pki_make("pki");
        PKI_RUN(stage.pki, "client", "tester");
        cert_make(&(struct cert){ .base = work_path("tap"), .issuer = pki_ca(stage.pki), .cn = "sconce-pki.signer" });
        stage.broker = broker_new(
                &(struct broker_options){ .pki = stage.pki,
                                          .join_port = joining.door.number,
                                          .extra = format_text("pid_file %s/broker.pid\n", stage.pki) });
        stage_rejoin();
        return 0;
}

int joining_begin_at(const struct broker *broker)
{
        joining.tap = joining_tap("tap", broker, "sconce-pki/+/request");
        joining_start_signer(broker);
        (void)process_wait_log(joining.signer, "connected to", SOON_MS);
        return 0;
}

int joining_begin(void **state)
{
        (void)state;
        return joining_begin_at(stage.broker);
}

int joining_finish(void **state)
{
        process_free(joining.signer);
        joining.signer = NULL;
        return stage_tidy(state);
}

/* The broker reads its lists a moment after the command has told it to. */
const char *joining_invite(const char *name, const char *first, const char *second)
{
        const char *port = format_text("%u", joining.door.number);
        struct process *broker = stage.broker->process;

        pump_once(0);
        broker->err.cursor = broker->err.size;
        char *code = strdup(pki_output(
                stage.pki, WORDS("invite", name, "--broker", joining_url(), "--join-port", port, first, second)));
        (void)process_wait_log(broker, "Reloading config", SOON_MS);
        code[strcspn(code, "\n")] = '\0';
        return keep_text(code);
}

const char *joining_place(void)
{
        const char *place = work_path("place%u", n_places++);

        make_dir(place);
        return place;
}

struct process *joining_node_start(const char *pi, const char *code)
{
        const char *const env[] = { format_text("SCONCE_ROOT=%s", pi), NULL };

        return process_start(WORDS(build_path("sconce-pki"), "join", code),
                             &(struct process_options){ .name = "sconce-pki", .env = env });
}

struct run joining_node(const char *pi, const char *code)
{
        return sconce_wait(joining_node_start(pi, code));
}

struct run joining_person(const char *home, const char *const words[])
{
        const char *argv[8] = { build_path("sconce") };
        const char *const env[] = { format_text("XDG_CONFIG_HOME=%s", home), NULL };

        (void)put_words(argv + 1, words);
        return sconce_wait(process_start(argv, &(struct process_options){ .name = "sconce", .env = env }));
}
