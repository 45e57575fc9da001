/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generated access list lets through, by a real mosquitto with the shipped config: who may write and who may
 * read every class of topic, and that a revocation reaches new connections as well as those that are open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define MQTT_NOT_AUTHORISED 135

/* Letters stand for names in the tables below: nodes small, clients large. */
static const struct user {
        char letter;
        const char *name;
        const char *own; /* a topic that it may read, to see that everything before has arrived */
} users[] = {
        { 'h', "hall", "sconce/hall/status" },
        { 'a', "attic", "sconce/attic/status" },
        { 'p', "porch", "sconce/porch/status" }, /* commands attic */
        { 'M', "me", "sconce/reply/me/fence" },
        { 'Y', "you", "sconce/reply/you/fence" },
        { 'D', "display", "sconce/reply/display/fence" }, /* read-only */
        { 'P', "phone", "sconce/reply/phone/fence" },     /* hall alone */
        { 'W', "wall", "sconce/reply/wall/fence" },       /* hall alone, read-only */
        { 'H', "ha", "sconce/reply/ha/fence" },           /* a Home Assistant */
        { 'G', "guest", "sconce/reply/guest/fence" },     /* one for hall alone */
};

static const struct rule {
        const char *topic, *readers, *writers;
} rules[] = {
        { "sconce/hall/status", "hMYDPWHG", "h" },
        { "sconce/hall/info", "MYDPWHG", "h" },
        { "sconce/hall/lamp/status", "hMYDPWHG", "h" },
        { "sconce/hall/lamp/error", "hMYDPWHG", "h" },
        { "sconce/hall/lamp/state", "MYDPWHG", "h" },
        { "sconce/hall/lamp/event", "MYDPWHG", "h" },
        { "sconce/hall/lamp/history", "MYDPWHG", "h" },
        { "sconce/hall/lamp/result", "MYDPWHG", "h" },
        { "sconce/hall/lamp/set", "hMYDPWHG", "hMYPHG" },
        { "sconce/hall/lamp/set/brightness", "hMYDPWHG", "hMYPHG" },
        { "sconce/hall/node/set/restart", "hMYDPWHG", "hMYPHG" },
        { "sconce/hall/lamp/set/a/b", "MYDPWHG", "h" },
        { "sconce/hall/lamp/get", "hMYDPWHG", "hMYPHG" },
        { "sconce/hall/get", "hMYDPWHG", "hMYPHG" },
        { "sconce/attic/status", "aMYDH", "a" },
        { "sconce/attic/lamp/status", "aMYDH", "a" },
        { "sconce/attic/lamp/state", "MYDH", "a" },
        { "sconce/attic/lamp/set", "aMYDH", "apMYH" },
        { "sconce/attic/lamp/set/brightness", "aMYDH", "apMYH" },
        { "sconce/attic/lamp/set/a/b", "MYDH", "a" },
        { "sconce/attic/lamp/get", "aMYDH", "aMYH" },
        { "sconce/attic/node/set", "aMYDH", "aMYH" },
        { "sconce/attic/node/set/restart", "aMYDH", "aMYH" },
        { "sconce/attic/set", "MYDH", "a" },
        { "sconce/attic/get", "aMYDH", "aMYH" },
        { "sconce/reply/me/1", "M", "hap" },
        { "sconce/reply/you/1", "Y", "hap" },
        { "sconce/reply/you/x/set", "Y", "hap" },
        { "sconce/reply/display/1", "D", "hap" },
        { "sconce/reply/phone/1", "P", "hap" },
        { "sconce/reply/wall/1", "W", "hap" },
        { "sconce/reply/ha/1", "H", "hap" },
        { "homeassistant/status", "hapH", "HG" },
        { "homeassistant/device/hall/lamp/config", "HG", "h" },
        { "homeassistant/device/attic/lamp/config", "H", "a" },
        { "homeassistant/light/hall/config", "H", "" },
        { "sconce/reply", "MYDH", "hap" },
        { "sconce", "", "" },
        { "elsewhere/x", "", "" },
};

static const char *pki;
static struct broker *broker;
static struct client *clients[ARRAY_SIZE(users)];
static struct client *probe; /* may do anything, to publish what a test wants to see read or not */

static struct client *connect_as(const char *id, const char *cert)
{
        return client_new(&(struct client_options){
                .id = id,
                .port = broker->port.number,
                .ca = pki_ca(pki),
                .cert = cert,
                .refused_is_fine = true,
        });
}

/* A certificate of the authority, and a block that sconce-pki knows nothing of: its next run, in the tests of
 * revocation, writes the list without it. */
static void allow_probe(void)
{
        cert_make(&(struct cert){ .base = work_path("probe"), .cn = "probe", .issuer = pki_ca(pki) });
        CLEANUP_FILE FILE *acl = fopen(pki_file(pki, "sconce.acl"), "ae");
        assert_non_null(acl);
        (void)fputs("\nuser probe\ntopic readwrite #\n", acl);
}

static void start_broker(void)
{
        char extra[512];

        (void)snprintf(extra, sizeof(extra), "pid_file %s/broker.pid\n", pki);
        broker = broker_new(&(struct broker_options){ .pki = pki, .extra = extra });
        probe = connect_as("probe", work_path("probe"));
        assert_true(client_connected(probe));
}

static int setup(void **state)
{
        (void)state;
        workdir_make();
        pki = pki_make("pki");
        PKI_RUN(pki, "node", "hall");
        PKI_RUN(pki, "node", "attic");
        PKI_RUN(pki, "node", "porch", "--commands", "attic");
        PKI_RUN(pki, "client", "me");
        PKI_RUN(pki, "client", "you");
        PKI_RUN(pki, "client", "display", "--read-only");
        PKI_RUN(pki, "client", "phone", "--node", "hall");
        PKI_RUN(pki, "client", "wall", "--read-only", "--node", "hall");
        PKI_RUN(pki, "client", "ha", "--home-assistant");
        PKI_RUN(pki, "client", "guest", "--home-assistant", "--node", "hall");
        allow_probe();
        start_broker();
        for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                clients[i] = connect_as(users[i].name, pki_issued(pki, users[i].name));
                client_subscribe(clients[i], "#");
        }
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        client_free_all();
        broker_free(broker);
        process_free_all();
        workdir_remove();
        return 0;
}

static int reason(struct client *client, const char *topic)
{
        return client_publish_acked(client, &(struct request){ .topic = topic, .payload = "x" });
}

static void acl__every_topic__is_written_by_whom_it_should(void **state)
{
        (void)state;
        for (const struct rule *rule = rules; rule < rules + ARRAY_SIZE(rules); rule++) {
                for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                        bool may = strchr(rule->writers, users[i].letter);
                        if ((reason(clients[i], rule->topic) != MQTT_NOT_AUTHORISED) != may)
                                give_up("%s may%s write %s", users[i].name, may ? " not" : "", rule->topic);
                }
        }
}

static bool is_fence(const char *topic)
{
        for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                if (strcmp(users[i].own, topic) == 0)
                        return true;
        }
        return false;
}

static void acl__every_topic__is_read_by_whom_it_should(void **state)
{
        static unsigned round;
        char payload[32];

        (void)state;
        (void)snprintf(payload, sizeof(payload), "round %u", ++round);
        for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                client_send(probe, users[i].own, payload);
                (void)client_wait_text(clients[i], users[i].own, payload);
                client_forget(clients[i]);
        }
        for (const struct rule *rule = rules; rule < rules + ARRAY_SIZE(rules); rule++)
                client_send(probe, rule->topic, "x");
        for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                client_send(probe, users[i].own, "fence");
                (void)client_wait_text(clients[i], users[i].own, "fence");
        }
        for (const struct rule *rule = rules; rule < rules + ARRAY_SIZE(rules); rule++) {
                for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
                        bool may = strchr(rule->readers, users[i].letter);
                        size_t wanted = may ? 1 + is_fence(rule->topic) : 0;
                        if (client_count(clients[i], rule->topic) != wanted)
                                give_up("%s may%s read %s", users[i].name, may ? " not" : "", rule->topic);
                }
        }
}

static void acl__shared_subscription__is_no_way_round(void **state)
{
        struct client *hall = connect_as("hall-2", pki_issued(pki, "hall"));

        (void)state;
        client_subscribe(hall, "$share/group/sconce/attic/+/set");
        client_subscribe(hall, "sconce/hall/status");
        client_send(probe, "sconce/attic/lamp/set", "ON");
        client_send(probe, "sconce/hall/status", "fence");
        (void)client_wait_text(hall, "sconce/hall/status", "fence");
        assert_int_equal(client_count(hall, "sconce/attic/lamp/set"), 0);
        client_free(hall);
}

static void acl__retained_command_of_another_node__is_not_replayed(void **state)
{
        (void)state;
        assert_int_not_equal(
                client_publish_acked(
                        probe, &(struct request){ .topic = "sconce/attic/kept/set", .payload = "ON", .retain = true }),
                MQTT_NOT_AUTHORISED);
        client_publish(probe, &(struct request){ .topic = "sconce/hall/status", .payload = "kept", .retain = true });
        struct client *hall = connect_as("hall-3", pki_issued(pki, "hall"));
        client_subscribe(hall, "#");
        (void)client_wait_text(hall, "sconce/hall/status", "kept");
        assert_int_equal(client_count(hall, "sconce/attic/kept/set"), 0);
        client_free(hall);
}

static void broker__its_own_certificate__is_no_clients(void **state)
{
        struct client *client = connect_as("fake", pki_issued(pki, "localhost"));

        (void)state;
        assert_false(client_connected(client));
        (void)process_wait_log(broker->process, "certificate verify failed", SOON_MS);
        client_free(client);
}

/* ---- Revocation, live ---------------------------------------------------------------------------------------- */

static void revoke__connected_client__can_do_nothing_more(void **state)
{
        char reloaded[128];

        (void)state;
        PKI_RUN(pki, "client", "lost");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *lost = connect_as("lost", pki_issued(pki, "lost"));
        client_subscribe(lost, "sconce/#");
        assert_int_not_equal(reason(lost, "sconce/hall/lamp/set"), MQTT_NOT_AUTHORISED);

        (void)snprintf(reloaded, sizeof(reloaded),
                       "The running broker (process %d) was asked to read its files again.\n",
                       (int)broker->process->pid);
        assert_non_null(strstr(pki_output(pki, WORDS("revoke", "lost")), reloaded));
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);

        client_forget(lost);
        struct client *hall = connect_as("hall-4", pki_issued(pki, "hall"));
        assert_int_not_equal(reason(hall, "sconce/hall/lamp/state"), MQTT_NOT_AUTHORISED);
        /* Its own refusal comes after whatever it could have been sent before. */
        assert_int_equal(reason(lost, "sconce/hall/lamp/set"), MQTT_NOT_AUTHORISED);
        assert_int_equal(client_count(lost, "#"), 0);
        client_free(lost);
        client_free(hall);
}

static void revoke__reconnecting_client__is_turned_away(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "stolen");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *before = connect_as("stolen", pki_issued(pki, "stolen"));
        assert_true(client_connected(before));
        client_free(before);

        PKI_RUN(pki, "revoke", "stolen");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *after = connect_as("stolen", pki_issued(pki, "stolen"));
        assert_false(client_connected(after));
        (void)process_wait_log(broker->process, "certificate verify failed", SOON_MS);
        client_free(after);

        struct client *other = connect_as("me-2", pki_issued(pki, "me"));
        assert_true(client_connected(other));
        client_free(other);
}

static void revoke__nobody_listens_to_it__still_notifies_the_broker(void **state)
{
        int status;

        (void)state;
        PKI_RUN(pki, "client", "unheard");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct process *p = process_run(
                WORDS("sh", "-c", "exec \"$0\" -d \"$1\" revoke unheard >&-", build_path("sconce-pki"), pki), NULL,
                &status);
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        process_free(p);
}

static void issue__broker_runs__knows_the_new_name_at_once(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "newcomer");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *client = connect_as("newcomer", pki_issued(pki, "newcomer"));
        assert_int_not_equal(reason(client, "sconce/hall/lamp/set"), MQTT_NOT_AUTHORISED);
        client_free(client);
}

static void renew__broker_runs__shows_the_new_certificate(void **state)
{
        char address[64];
        int status;

        (void)state;
        PKI_RUN(pki, "renew", "localhost");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        (void)snprintf(address, sizeof(address), "127.0.0.1:%u", broker->port.number);
        struct process *shown = process_run(
                WORDS("sh", "-c",
                      "openssl s_client -connect \"$0\" </dev/null 2>/dev/null |"
                      " openssl x509 -noout -serial; openssl x509 -noout -serial -in \"$1\"",
                      address, pki_issued(pki, "localhost.crt")),
                NULL, &status);
        size_t half = shown->out.size / 2;
        assert_true(half > 20);
        assert_memory_equal(shown->out.text, shown->out.text + half, half);
        process_free(shown);
}

/* ---- A node that may command another, live ----------------------------------------------------------------------- */

static void change(const char *const words[])
{
        (void)pki_output(pki, words);
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
}

/* What was sent has come where it may, and a second thing that may come shows that there is no more to come. */
static void assert_comes(struct client *shed, struct client *barn, bool may)
{
        client_forget(shed);
        assert_int_equal(reason(barn, "sconce/shed/lamp/set") != MQTT_NOT_AUTHORISED, may);
        assert_int_equal(reason(barn, "sconce/shed/lamp/set/brightness") != MQTT_NOT_AUTHORISED, may);
        assert_int_equal(reason(barn, "sconce/shed/node/set/restart"), MQTT_NOT_AUTHORISED);
        assert_int_equal(reason(barn, "sconce/shed/lamp/get"), MQTT_NOT_AUTHORISED);
        client_send(shed, "sconce/shed/status", "fence");
        (void)client_wait_text(shed, "sconce/shed/status", "fence");
        assert_int_equal(client_count(shed, "sconce/shed/lamp/set"), may);
        assert_int_equal(client_count(shed, "sconce/shed/lamp/set/brightness"), may);
        assert_int_equal(client_count(shed, "#"), may ? 3 : 1);
}

/* On connections that stay open all the time: a rule's button does not connect again. */
static void grant__open_connections__counts_from_then_on_and_until_it_is_taken_back(void **state)
{
        (void)state;
        change(WORDS("node", "barn"));
        change(WORDS("node", "shed"));
        struct client *barn = connect_as("barn", pki_issued(pki, "barn")),
                      *shed = connect_as("shed", pki_issued(pki, "shed"));
        client_subscribe(shed, "#");
        assert_comes(shed, barn, false);

        change(WORDS("grant", "barn", "shed"));
        assert_comes(shed, barn, true);
        change(WORDS("renew", "barn"));
        assert_comes(shed, barn, true);
        change(WORDS("ungrant", "barn", "shed"));
        assert_comes(shed, barn, false);

        change(WORDS("grant", "barn", "shed"));
        assert_comes(shed, barn, true);
        assert_int_equal(reason(shed, "sconce/barn/lamp/set"), MQTT_NOT_AUTHORISED); /* it goes one way */
        client_free(barn);
        client_free(shed);
}

/* Whoever comes under the name is somebody else: neither has it the right, nor is it the one that was to be commanded. */
static void grant__either_issued_again__is_over(void **state)
{
        (void)state;
        change(WORDS("node", "gate"));
        change(WORDS("node", "yard", "--commands", "gate"));
        change(WORDS("revoke", "gate"));
        change(WORDS("node", "gate"));
        struct client *yard = connect_as("yard", pki_issued(pki, "yard"));
        assert_int_not_equal(reason(yard, "sconce/yard/status"), MQTT_NOT_AUTHORISED);
        assert_int_equal(reason(yard, "sconce/gate/lamp/set"), MQTT_NOT_AUTHORISED);
        change(WORDS("grant", "yard", "gate"));
        assert_int_not_equal(reason(yard, "sconce/gate/lamp/set"), MQTT_NOT_AUTHORISED);
        client_free(yard);

        change(WORDS("revoke", "yard"));
        change(WORDS("node", "yard"));
        yard = connect_as("yard-2", pki_issued(pki, "yard"));
        assert_int_not_equal(reason(yard, "sconce/yard/status"), MQTT_NOT_AUTHORISED);
        assert_int_equal(reason(yard, "sconce/gate/lamp/set"), MQTT_NOT_AUTHORISED);
        client_free(yard);
}

/* ---- A list that an older version wrote -------------------------------------------------------------------------- */

static const char *url(void)
{
        char *text = NULL;
        if (asprintf(&text, "mqtts://localhost:%u", broker->port.number) < 0)
                text = NULL;
        return keep_text(text);
}

/* As it is after a restore from a backup, or a careless chmod: mosquitto 2.1 would end at the reload. */
static void check__list_that_the_broker_cannot_read__is_written_again_and_in_force(void **state)
{
        const char *list = pki_file(pki, "sconce.acl");
        struct stat before, after;

        (void)state;
        PKI_RUN(pki, "client", "unreadable");
        assert_int_equal(stat(list, &before), 0);
        assert_int_equal(chmod(list, 0), 0);
        assert_int_equal(chown(list, geteuid(), getegid()), 0);
        const char *output = pki_output(pki, WORDS("check", "--broker", url()));
        assert_non_null(strstr(output, "sconce.acl was not as this version writes it: it is written again."));
        assert_non_null(strstr(output, " keeps to the list"));
        assert_int_equal(stat(list, &after), 0);
        assert_int_equal(after.st_mode, before.st_mode);
        assert_int_equal(after.st_uid, before.st_uid);
        assert_int_equal(after.st_gid, before.st_gid);
        client_free(connect_as("hall-6", pki_issued(pki, "hall")));
}

static void check__older_list__is_written_again_and_in_force(void **state)
{
        const char *list = pki_file(pki, "sconce.acl"), *older = work_path("older.acl");
        CLEANUP_FREE char *now = NULL;
        int status;

        (void)state;
        PKI_RUN(pki, "client", "recent"); /* without the probe's block */
        now = read_file(list);
        assert_non_null(strstr(now, "topic read sconce/hall/+/status\n"));
        process_free(process_run(
                WORDS("sh", "-c", "sed '\\!/+/status$!d' \"$0\" >\"$1\" && cat \"$1\" >\"$0\"", list, older), NULL,
                &status));
        assert_int_equal(status, 0);
        assert_false(file_has(list, "topic read sconce/hall/+/status\n"));
        const char *output = pki_output(pki, WORDS("check", "--broker", url()));
        assert_non_null(strstr(output, "sconce.acl was not as this version writes it: it is written again."));
        assert_non_null(strstr(output, " keeps to the list"));
        CLEANUP_FREE char *again = read_file(list);
        assert_string_equal(again, now);
        struct client *hall = connect_as("hall-5", pki_issued(pki, "hall"));
        client_subscribe(hall, "sconce/hall/+/status");
        client_send(hall, "sconce/hall/lamp/status", "online");
        (void)client_wait_text(hall, "sconce/hall/lamp/status", "online");
        client_free(hall);
        assert_null(strstr(pki_output(pki, WORDS("check", "--broker", url())), "written again"));
}

/* ---- A node that is gone -------------------------------------------------------------------------------------- */

static void keep(struct client *client, const char *topic, const char *payload)
{
        assert_int_not_equal(
                client_publish_acked(client, &(struct request){ .topic = topic, .payload = payload, .retain = true }),
                MQTT_NOT_AUTHORISED);
}

static void forget__revoked_node__clears_what_it_left(void **state)
{
        static const char *const left[] = { "sconce/old/status", "sconce/old/info", "sconce/old/lamp/state",
                                            "homeassistant/device/old/lamp/config" };

        (void)state;
        PKI_RUN(pki, "node", "old");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *old = connect_as("old", pki_issued(pki, "old"));
        for (size_t i = 0; i < ARRAY_SIZE(left); i++)
                keep(old, left[i], i == 0 ? "offline" : "{}");
        client_free(old);
        assert_pki_fails(
                pki, 1, WORDS("forget", "old", "--broker", url()),
                "old is in force, and would only publish again what is cleared: 'sconce-pki -d %s revoke old' first",
                pki);
        PKI_RUN(pki, "revoke", "old");
        const char *output = pki_output(pki, WORDS("forget", "old", "--broker", url()));
        assert_non_null(strstr(output, "old: forgotten, 3 topics cleared\n"));
        assert_non_null(strstr(output, "cleared homeassistant/device/old/lamp/config\n"));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "FORGET-"));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "user old\n"));

        /* mosquitto would also hide what was retained by one who is revoked: with its name in force again nothing is
         * left. */
        PKI_RUN(pki, "node", "old");
        struct client *again = connect_as("old-2", pki_issued(pki, "old")),
                      *me = connect_as("me-3", pki_issued(pki, "me"));
        keep(again, "sconce/old/fence", "here");
        client_subscribe(me, "#");
        (void)client_wait_text(me, "sconce/old/fence", "here");
        assert_int_equal(client_count(me, "sconce/old/#"), 1);

        /* Also what it left under the identity that it has had since. */
        PKI_RUN(pki, "revoke", "old");
        assert_non_null(strstr(pki_output(pki, WORDS("forget", "old", "--broker", url())),
                               "old: forgotten, 1 topics cleared\n"));
        client_free(again);
        client_free(me);
}

/* ---- Issued again ---------------------------------------------------------------------------------------------------- */

/* As the config is mostly: the node is called what its certificate is called. */
static void leave_name_out(const struct daemon *daemon)
{
        char *text = read_file(daemon->config), *name = strstr(text, "name = back\n");

        assert_non_null(name);
        memset(name, '#', strlen("name = back"));
        write_file(daemon->config, "%s", text);
        free(text);
}

static void assert_can_do_nothing(const char *cert)
{
        struct client *client = connect_as("back-old", cert);

        assert_true(client_connected(client));
        assert_int_equal(
                client_publish_acked(client, &(struct request){ .topic = "sconce/back/status", .payload = "x" }),
                MQTT_NOT_AUTHORISED);
        client_free(client);
}

/* A revoked node is issued again and installed: it works as the node that it was, and its old certificate can do nothing, also
 * where the broker does not look at the list of revoked ones. */
static void node__issued_again__works_and_its_old_certificate_does_not(void **state)
{
        static const char lamp[] = "[lamp cellar]\nline = GPIO5\n";
        struct client *me = connect_as("me-back", pki_issued(pki, "me"));
        const char *root = work_path("installed");
        char root_env[512];
        const char *const env[] = { root_env, NULL };
        int status;

        (void)state;
        PKI_RUN(pki, "node", "back");
        process_free(process_run(WORDS("sh", "-euc", "cp \"$0.crt\" \"$1.crt\"; cp \"$0.key\" \"$1.key\"",
                                       pki_issued(pki, "back"), work_path("old-back")),
                                 NULL, &status));
        PKI_RUN(pki, "revoke", "back");
        PKI_RUN(pki, "node", "back");
        make_dir(root);
        (void)snprintf(root_env, sizeof(root_env), "SCONCE_ROOT=%s", root);
        process_free(process_run(WORDS(build_path("sconce-pki"), "install", work_path("pki/issued/back.tar")),
                                 &(struct process_options){ .name = "install", .env = env }, &status));
        assert_int_equal(status, 0);
        struct daemon *back = daemon_new(&(struct daemon_options){ .name = "back",
                                                                   .broker = broker,
                                                                   .pki = pki,
                                                                   .cert = work_path("installed/etc/sconce/certs/node"),
                                                                   .devices = lamp });
        leave_name_out(back);
        client_subscribe(me, "sconce/back/#");
        daemon_start(back);
        (void)client_wait_text(me, "sconce/back/status", "online");
        client_send(me, "sconce/back/cellar/set", "ON");
        (void)client_wait_json(me, "sconce/back/cellar/state", "state", "ON");

        struct client *old = connect_as("back-old", work_path("old-back"));
        assert_false(client_connected(old));
        client_free(old);
        cert_make(&(struct cert){ .base = work_path("unlisted"), .cn = "back", .issuer = pki_ca(pki) });
        assert_can_do_nothing(work_path("unlisted"));
        daemon_stop(back);
        daemon_free(back);
        client_free(me);
}

static void forget__what_is_no_node__is_refused(void **state)
{
        (void)state;
        assert_pki_fails(pki, 1, WORDS("forget", "me"),
                         "me is a client, and only a node leaves anything at the broker");
        assert_pki_fails(pki, 2, WORDS("forget"), "forget needs a NAME ('list' shows them)");
        assert_pki_fails(pki, 2, WORDS("forget", "hall", "--broker", "mqtt://x"),
                         "'mqtt://x' is not a broker's URL: mqtts://HOST[:PORT], an IPv6 address in brackets");
}

/* ---- Finding the broker -------------------------------------------------------------------------------------- */

#define NOT_FOUND                                                                                                      \
        "No running broker was found here: one that runs elsewhere needs the new ca.crt, crl.pem and sconce.acl,"      \
        " and then 'systemctl reload mosquitto'.\n"

static void reload__file_of_another_program__leaves_that_alone(void **state)
{
        const char *at = work_path("stale"), *file = work_path("stale/broker.pid");
        struct process *other = process_start(WORDS("cat", "/dev/stderr"), NULL);

        (void)state;
        PKI_RUN(at, "init");
        write_file(file, "%d\n", (int)other->pid);
        assert_non_null(strstr(pki_output(at, WORDS("client", "phone")), NOT_FOUND));
        assert_true(process_running(other));
        process_free(other);
}

static void reload__file_without_a_number__signals_nobody(void **state)
{
        /* To the process group 0 this test belongs, and -1 is everybody. */
        static const char *const contents[] = { "", "0", "-1\n", "1 2\n", "x\n", "999999999\n" };
        const char *at = work_path("odd"), *file = work_path("odd/broker.pid");

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "client", "phone");
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
                write_file(file, "%s", contents[i]);
                assert_non_null(strstr(pki_output(at, WORDS("revoke", "phone")), NOT_FOUND));
        }
}

static void reload__pid_file_named__is_used(void **state)
{
        const char *at = work_path("named");
        const char *const env[] = { "SCONCE_BROKER_PIDFILE=pki/broker.pid", NULL };
        int status;

        (void)state;
        PKI_RUN(at, "init");
        /* A relative path is one from where the command was typed. */
        struct process *p = process_run(WORDS("sh", "-c", "cd \"$1\" && exec \"$0\" -d named client phone",
                                              build_path("sconce-pki"), work_path(".")),
                                        &(struct process_options){ .env = env }, &status);
        assert_int_equal(status, 0);
        assert_non_null(strstr(p->out.text, "was asked to read its files again.\n"));
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        process_free(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(acl__every_topic__is_written_by_whom_it_should),
                cmocka_unit_test(acl__every_topic__is_read_by_whom_it_should),
                cmocka_unit_test(acl__shared_subscription__is_no_way_round),
                cmocka_unit_test(acl__retained_command_of_another_node__is_not_replayed),
                cmocka_unit_test(broker__its_own_certificate__is_no_clients),
                cmocka_unit_test(revoke__connected_client__can_do_nothing_more),
                cmocka_unit_test(revoke__reconnecting_client__is_turned_away),
                cmocka_unit_test(revoke__nobody_listens_to_it__still_notifies_the_broker),
                cmocka_unit_test(issue__broker_runs__knows_the_new_name_at_once),
                cmocka_unit_test(renew__broker_runs__shows_the_new_certificate),
                cmocka_unit_test(grant__open_connections__counts_from_then_on_and_until_it_is_taken_back),
                cmocka_unit_test(grant__either_issued_again__is_over),
                cmocka_unit_test(check__list_that_the_broker_cannot_read__is_written_again_and_in_force),
                cmocka_unit_test(check__older_list__is_written_again_and_in_force),
                cmocka_unit_test(forget__revoked_node__clears_what_it_left),
                cmocka_unit_test(node__issued_again__works_and_its_old_certificate_does_not),
                cmocka_unit_test(forget__what_is_no_node__is_refused),
                cmocka_unit_test(reload__file_of_another_program__leaves_that_alone),
                cmocka_unit_test(reload__file_without_a_number__signals_nobody),
                cmocka_unit_test(reload__pid_file_named__is_used),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
