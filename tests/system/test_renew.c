/* SPDX-License-Identifier: Apache-2.0 */
/* A node renews its certificate by itself: from a signer of the test's own, over a real broker with the access list of
 * docs/topics.md. Two thirds of these certificates' lives are over at once. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "enrol/pair.h"
#include "system/crl.h"
#include "system/renewal_signer.h"
#include "system/sconce.h"
#include "system/stage.h"
#include "system/tpm.h"

#define LAMP     "[lamp cellar]\nline = GPIO5\n"
#define NEW_DAYS 90L

/* Who signs, and the other authority, which the broker trusts only where a test has it so. */
static struct client *signer;
static const char *successor;

/* ---- The stage --------------------------------------------------------------------------------------------------- */

static const char signer_rights[] = "\nuser sconce-pki.signer\ntopic read sconce-pki/+/request\n"
                                    "topic write sconce-pki/+/answer\ntopic write sconce-pki/trust\n";
#define RIGHTS(name)                                                                                                   \
        "user " name "\ntopic write sconce-pki/" name "/request\ntopic read sconce-pki/" name "/answer\n"              \
        "topic read sconce-pki/trust\n"

/* The node, when its name was revoked and issued again. */
static const char second_rights[] = RIGHTS("attic.2") "topic write sconce/attic/#\n";

static void add_rights(const char *pki)
{
        char *list = read_file(pki_file(pki, "sconce.acl"));

        write_file(pki_file(pki, "sconce.acl"), "%s%s%s%s%s", list, RIGHTS("attic"), RIGHTS("tester"), second_rights,
                   signer_rights);
        free(list);
}

static int open_stage(void **state)
{
        (void)state;
        workdir_make();
        stage.pki = pki_of_stage();
        add_rights(stage.pki);
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki });
        stage_rejoin();
        cert_make(
                &(struct cert){ .base = work_path("signer"), .issuer = pki_ca(stage.pki), .cn = "sconce-pki.signer" });
        successor = work_path("successor");
        cert_make(&(struct cert){ .base = successor,
                                  .cn = "Sconce CA the younger",
                                  .is_ca = true,
                                  .from_s = -1,
                                  .until_s = 3650 * DAY_S });
        return 0;
}

/* After the tidying of the test before. */
static int begin(void **state)
{
        (void)stage_forget(state);
        signer = client_new(&(struct client_options){ .id = "signer",
                                                      .port = stage.broker->port.number,
                                                      .ca = pki_ca(stage.pki),
                                                      .cert = work_path("signer") });
        client_subscribe(signer, "sconce-pki/+/request");
        return 0;
}

/* Whatever is retained is not the next test's. */
static int finish(void **state)
{
        client_publish(signer, &(struct request){ .topic = "sconce-pki/trust", .retain = true });
        return stage_tidy(state);
}

/* ---- The node ---------------------------------------------------------------------------------------------------- */

static const char *file_of(const char *name)
{
        return work_path("own/%s", name);
}

static void copy(const char *from, const char *to)
{
        char *text = read_file(from);

        assert_non_null(text);
        write_file(to, "%s", text);
        free(text);
}

/* A certificate of whose life most is over. */
static void make_own_of(const char *name, long left_s)
{
        (void)mkdir(work_path("own"), 0700);
        cert_make(&(struct cert){ .base = work_path("own/node"),
                                  .issuer = pki_ca(stage.pki),
                                  .cn = name,
                                  .from_s = -80 * DAY_S,
                                  .until_s = left_s });
        copy(pki_file(stage.pki, "ca.crt"), file_of("ca.crt"));
        copy(pki_file(stage.pki, "crl.pem"), file_of("crl.pem"));
}

static void make_own(long left_s)
{
        make_own_of("attic", left_s);
}

static struct daemon *new_node(const struct broker *broker)
{
        return daemon_new(&(struct daemon_options){ .name = "attic",
                                                    .broker = broker,
                                                    .tls = format_text("ca = %s\ncrl = %s\ncert = %s\nkey = %s\n",
                                                                       file_of("ca.crt"), file_of("crl.pem"),
                                                                       file_of("node.crt"), file_of("node.key")),
                                                    .devices = LAMP });
}

static struct daemon *started(void)
{
        struct daemon *daemon = new_node(stage.broker);

        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        return daemon;
}

/* What lies there before, to compare. */
struct kept {
        char *cert, *key;
};

static struct kept keep_pair(void)
{
        return (struct kept){ read_file(file_of("node.crt")), read_file(file_of("node.key")) };
}

static void assert_same(struct kept *kept, bool is_same)
{
        struct kept now = keep_pair();

        assert_int_equal(strcmp(kept->cert, now.cert) == 0, is_same);
        assert_int_equal(strcmp(kept->key, now.key) == 0, is_same);
        assert_true(pair_matches(file_of("node.crt"), file_of("node.key")));
        assert_int_equal(access(file_of("node.crt.next"), F_OK), -1);
        assert_int_equal(access(file_of("node.key.next"), F_OK), -1);
        free(now.cert);
        free(now.key);
        free(kept->cert);
        free(kept->key);
}

static void switch_to(const struct daemon *daemon, int value)
{
        client_send(stage.tester, "sconce/attic/cellar/set", value ? "ON" : "OFF");
        chip_wait(daemon->lines, SPARE, value);
}

/* ---- The signer -------------------------------------------------------------------------------------------------- */

static struct signing honest(void)
{
        return (struct signing){ .asker = file_of("node"),
                                 .authority = pki_ca(stage.pki),
                                 .name = "attic",
                                 .ca = file_of("ca.crt"),
                                 .crl = file_of("crl.pem"),
                                 .days = NEW_DAYS };
}

static const struct message *next_request(void)
{
        return client_wait(signer, "sconce-pki/attic/request", NULL, NULL);
}

/* The same as `sconce` has it, which is tester's here. */
static void answer_tester(const struct signing *signing)
{
        const struct message *request = client_wait(signer, "sconce-pki/tester/request", NULL, NULL);

        client_send(signer, "sconce-pki/tester/answer",
                    renewal_signer_answer(request->payload, request->size, signing));
}

static void answer(const char *payload)
{
        client_send(signer, "sconce-pki/attic/answer", payload);
}

static void answer_next(const struct signing *signing)
{
        const struct message *request = next_request();

        answer(renewal_signer_answer(request->payload, request->size, signing));
}

static void wait_days(long days)
{
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "certificate_days", format_text("%ld", days));
}

/* Somebody has mended what was wrong. */
static void try_again(const struct daemon *daemon)
{
        process_signal(daemon->process, SIGHUP);
}

static void end(struct daemon *daemon)
{
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- In order ---------------------------------------------------------------------------------------------------- */

static void two_thirds_over__renews__lamp_stays_on(void **state)
{
        const struct signing signing = honest();

        (void)state;
        chip_needs_edges();
        make_own(10 * DAY_S);
        struct kept kept = keep_pair();
        struct daemon *daemon = started();
        const struct message *request = next_request();
        client_forget(stage.tester);
        switch_to(daemon, 1);
        size_t edges = chip_edges(daemon->lines, SPARE);
        answer(renewal_signer_answer(request->payload, request->size, &signing));
        wait_days(NEW_DAYS);
        assert_same(&kept, false);
        assert_int_equal(chip_value(daemon->lines, SPARE), 1);
        assert_int_equal(chip_edges(daemon->lines, SPARE), edges);
        switch_to(daemon, 0);
        /* It was the same connection all the time. */
        assert_int_equal(client_count(stage.tester, "sconce/attic/status"), 0);
        end(daemon);
        daemon = started();
        switch_to(daemon, 1);
        end(daemon);
}

static void name_issued_again__renews__too(void **state)
{
        struct signing signing = honest();

        (void)state;
        signing.name = "attic.2";
        make_own_of("attic.2", 10 * DAY_S);
        struct kept kept = keep_pair();
        struct daemon *daemon = started();
        const struct message *request = client_wait(signer, "sconce-pki/attic.2/request", NULL, NULL);
        client_send(signer, "sconce-pki/attic.2/answer",
                    renewal_signer_answer(request->payload, request->size, &signing));
        wait_days(NEW_DAYS);
        assert_same(&kept, false);
        end(daemon);
}

/* What the broker has logged so far is not looked at again. */
static void pass_log(void)
{
        static unsigned n;
        const char *id = format_text("marker%u", n++);

        client_free(client_new(&(struct client_options){
                .id = id, .port = stage.broker->port.number, .ca = pki_ca(stage.pki), .cert = work_path("signer") }));
        (void)process_wait_log(stage.broker->process, format_text("as %s", id), SOON_MS);
}

static void renewed__reload_with_another_broker_section__keeps_its_client_id(void **state)
{
        const struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S);
        pass_log();
        struct daemon *daemon = started();
        const char *line = process_wait_log(stage.broker->process, "as sconce-attic-", SOON_MS);
        const char *id = keep_text(strndup(strstr(line, "sconce-attic-"), strlen("sconce-attic-") + 16));
        answer_next(&signing);
        wait_days(NEW_DAYS);
        daemon->options.broker_keys = "keepalive = 50s\n";
        daemon_write_config(daemon, LAMP);
        try_again(daemon);
        line = process_wait_log(stage.broker->process, "as sconce-attic-", SOON_MS);
        assert_non_null(strstr(line, id));
        end(daemon);
}

/* ---- Keys in a TPM ------------------------------------------------------------------------------------------------ */

/* The TPM's own key in the place of the file's, and a certificate for that. */
static void move_into_tpm(const char *const env[])
{
        const struct process_options options = { .name = "openssl", .env = env };
        const char *csr = file_of("node.csr");
        struct signing signing = honest();
        int status;

        signing.age_days = 80;
        signing.days = 10;
        (void)process_run((const char *const[]){ "openssl", "genpkey", "-provider", "tpm2", "-provider", "default",
                                                 "-algorithm", "EC", "-pkeyopt", "group:P-256", "-out",
                                                 file_of("node.key"), NULL },
                          &options, &status);
        assert_int_equal(status, 0);
        assert_int_equal(chmod(file_of("node.key"), 0600), 0);
        (void)process_run((const char *const[]){ "openssl", "req", "-new", "-provider", "tpm2", "-provider", "default",
                                                 "-propquery", "?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes",
                                                 "-key", file_of("node.key"), "-subj", "/CN=attic", "-out", csr, NULL },
                          &options, &status);
        assert_int_equal(status, 0);
        renewal_signer_certify(csr, &signing, file_of("node.crt"));
}

static void key_in_a_tpm__is_followed_by_another_one(void **state)
{
        const char *const *env = tpm_start();
        const struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S);
        move_into_tpm(env);
        struct daemon *daemon = new_node(stage.broker);
        daemon->options.env = env;
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        char *before = read_file(file_of("node.key"));
        answer_next(&signing);
        wait_days(NEW_DAYS);
        char *after = read_file(file_of("node.key"));
        assert_has(after, "-----BEGIN TSS2 PRIVATE KEY-----\n");
        assert_string_not_equal(before, after);
        free(before);
        free(after);
        end(daemon);
        daemon = new_node(stage.broker);
        daemon->options.env = env;
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        end(daemon);
}

/* ---- What changes nothing ---------------------------------------------------------------------------------------- */

static void answers__forged_or_replayed__are_not_heard(void **state)
{
        const char *stranger = work_path("stranger");
        struct signing signing = honest(), forged = honest();

        (void)state;
        make_own(10 * DAY_S);
        cert_make(&(struct cert){ .base = stranger, .cn = "Sconce CA", .is_ca = true });
        struct kept kept = keep_pair();
        struct daemon *daemon = started();
        const struct message *request = next_request();
        const char *replayed = renewal_signer_answer(request->payload, request->size, &signing);
        /* Another run has another request. */
        daemon_kill(daemon);
        daemon_start(daemon);
        request = next_request();
        answer("{");
        answer(replayed);
        forged.signed_by = stranger;
        answer(renewal_signer_answer(request->payload, request->size, &forged));
        forged = signing;
        forged.authority = stranger;
        forged.signed_by = pki_ca(stage.pki);
        answer(renewal_signer_answer(request->payload, request->size, &forged));
        (void)process_wait_log(daemon->process, "not one that its authority lets pass", SOON_MS);
        assert_same(&kept, true);
        kept = keep_pair();
        answer(renewal_signer_answer(request->payload, request->size, &signing));
        wait_days(NEW_DAYS);
        assert_same(&kept, false);
        end(daemon);
}

static void answer__not_what_was_asked_for__ends_the_try(void **state)
{
        struct signing wrong = honest();
        const struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S);
        struct kept kept = keep_pair();
        struct daemon *daemon = started();
        wrong.name = "hall";
        answer_next(&wrong);
        (void)process_wait_log(daemon->process, "certificate is for hall, not for attic", SOON_MS);
        try_again(daemon);
        wrong.error = "attic has been revoked";
        answer_next(&wrong);
        (void)process_wait_log(daemon->process, "the signer refuses: attic has been revoked", SOON_MS);
        assert_same(&kept, true);
        kept = keep_pair();
        try_again(daemon);
        answer_next(&signing);
        wait_days(NEW_DAYS);
        assert_same(&kept, false);
        end(daemon);
}

/* Both authorities, and the lists of both. */
static void make_both(long number)
{
        char *old = read_file(pki_file(stage.pki, "ca.crt")), *young = read_file(format_text("%s.crt", successor));

        write_file(file_of("both.crt"), "%s%s", old, young);
        free(old);
        free(young);
        crl_make_numbered(file_of("old.crl"), pki_ca(stage.pki), NULL, number);
        crl_make_numbered(file_of("young.crl"), successor, NULL, number);
        old = read_file(file_of("old.crl"));
        young = read_file(file_of("young.crl"));
        write_file(file_of("both.pem"), "%s%s", old, young);
        free(old);
        free(young);
}

/* Its authority is none of the broker's. The other broker of the list takes everybody, and proves nothing. */
static void new_certificate__refused_by_the_broker__old_one_stays(void **state)
{
        struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S);
        make_both(7);
        struct kept kept = keep_pair();
        struct broker *open = broker_new_plain(BROKER_OPEN);
        struct daemon *daemon = new_node(stage.broker);
        daemon->options.url = format_text("[\"mqtts://localhost:%u\", \"mqtt://127.0.0.1:%u\"]",
                                          stage.broker->port.number, open->port.number);
        daemon_write_config(daemon, LAMP);
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        signing.authority = successor;
        signing.signed_by = pki_ca(stage.pki);
        signing.ca = file_of("both.crt");
        signing.crl = file_of("both.pem");
        answer_next(&signing);
        (void)process_wait_log(daemon->process, "the new certificate does not get in", SOON_MS);
        assert_same(&kept, true);
        switch_to(daemon, 1);
        end(daemon);
        daemon = started();
        end(daemon);
}

/* ---- What a person hears ----------------------------------------------------------------------------------------- */

static bool has_text(const struct message *message, const void *text)
{
        return strstr(message->payload, text) != NULL;
}

static const struct message *wait_problem(const char *text)
{
        client_send(stage.tester, "sconce/attic/node/get", "");
        return client_wait(stage.tester, "sconce/attic/node/state", has_text, text);
}

static void cannot_be_replaced__days_left__decide_whether_it_is_a_problem(void **state)
{
        (void)state;
        make_own(10 * DAY_S + DAY_S / 2);
        assert_int_equal(rename(file_of("node.crt"), file_of("elsewhere.crt")), 0);
        assert_int_equal(symlink(file_of("elsewhere.crt"), file_of("node.crt")), 0);
        struct daemon *daemon = started();
        (void)process_wait_log(daemon->process, "is a link to a file that something else looks after", SOON_MS);
        (void)wait_problem("certificate: the certificate ends in 10 days, and renewing it does not work: ");
        end(daemon);
        /* With as much left, nobody has to hear of it. */
        assert_int_equal(unlink(file_of("node.crt")), 0);
        cert_make(&(struct cert){ .base = file_of("node"),
                                  .issuer = pki_ca(stage.pki),
                                  .cn = "attic",
                                  .from_s = -80 * DAY_S,
                                  .until_s = 20 * DAY_S });
        assert_int_equal(rename(file_of("node.crt"), file_of("elsewhere.crt")), 0);
        assert_int_equal(symlink(file_of("elsewhere.crt"), file_of("node.crt")), 0);
        client_forget(stage.tester);
        daemon_start(daemon = new_node(stage.broker));
        (void)process_wait_log(daemon->process, "the certificate is not renewed: ", SOON_MS);
        client_send(stage.tester, "sconce/attic/node/get", "");
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "problems", "[]");
        assert_int_equal(unlink(file_of("node.crt")), 0);
        end(daemon);
}

static void refused__soon_over__is_a_problem_until_it_works(void **state)
{
        struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S + DAY_S / 2);
        struct daemon *daemon = started();
        signing.error = "attic is not known here";
        answer_next(&signing);
        (void)process_wait_log(daemon->process, "the certificate ends in 10 days", SOON_MS);
        (void)wait_problem("renewing it does not work: the signer refuses: attic is not known here");
        try_again(daemon);
        signing.error = NULL;
        answer_next(&signing);
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "problems", "[]");
        end(daemon);
}

/* ---- After a crash ----------------------------------------------------------------------------------------------- */

static void start__between_both_renames__has_the_key_follow(void **state)
{
        (void)state;
        make_own(10 * DAY_S);
        copy(file_of("node.key"), file_of("node.key.old"));
        make_own(90 * DAY_S);
        assert_int_equal(rename(file_of("node.key"), file_of("node.key.next")), 0);
        assert_int_equal(rename(file_of("node.key.old"), file_of("node.key")), 0);
        struct daemon *daemon = started();
        assert_true(pair_matches(file_of("node.crt"), file_of("node.key")));
        assert_int_equal(access(file_of("node.key.next"), F_OK), -1);
        end(daemon);
}

/* ---- Whom to trust ----------------------------------------------------------------------------------------------- */

static void publish_trust(const char *payload)
{
        client_publish(signer, &(struct request){ .topic = "sconce-pki/trust", .payload = payload, .retain = true });
}

static void assert_files(const char *ca, const char *crl)
{
        char *texts[] = { read_file(file_of("ca.crt")), read_file(file_of("crl.pem")), read_file(ca), read_file(crl) };

        assert_string_equal(texts[0], texts[2]);
        assert_string_equal(texts[1], texts[3]);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                free(texts[i]);
}

static void trust__newer__replaces_both_files(void **state)
{
        (void)state;
        make_own(90 * DAY_S);
        make_both(7);
        copy(file_of("both.pem"), file_of("seven.pem"));
        struct daemon *daemon = started();
        /* One after the other: the node may subscribe after it is online, and is then given the newest alone. */
        publish_trust(renewal_signer_trust(successor, 9, file_of("both.crt"), file_of("both.pem")));
        (void)process_wait_log(daemon->process, "is not taken: the message was changed on its way", SOON_MS);
        publish_trust(renewal_signer_trust(pki_ca(stage.pki), 7, file_of("both.crt"), file_of("both.pem")));
        (void)process_wait_log(daemon->process, "they count from the next connect on", SOON_MS);
        assert_files(file_of("both.crt"), file_of("seven.pem"));
        /* An older one, by whom it may; then one more that is newer. */
        crl_make_numbered(file_of("five.pem"), pki_ca(stage.pki), NULL, 5);
        publish_trust(renewal_signer_trust(successor, 5, file_of("both.crt"), file_of("five.pem")));
        make_both(8);
        publish_trust(renewal_signer_trust(successor, 8, file_of("both.crt"), file_of("both.pem")));
        (void)process_wait_log(daemon->process, "they count from the next connect on", SOON_MS);
        assert_files(file_of("both.crt"), file_of("both.pem"));
        end(daemon);
}

static void trust__nothing_to_do_with_ours__is_refused(void **state)
{
        (void)state;
        make_own(90 * DAY_S);
        make_both(7);
        copy(file_of("ca.crt"), file_of("before.crt"));
        copy(file_of("crl.pem"), file_of("before.pem"));
        struct daemon *daemon = started();
        publish_trust(
                renewal_signer_trust(pki_ca(stage.pki), 7, format_text("%s.crt", successor), file_of("young.crl")));
        (void)process_wait_log(daemon->process, "the new authorities have nothing to do with those in use", SOON_MS);
        publish_trust(renewal_signer_trust(pki_ca(stage.pki), 7, file_of("both.crt"), file_of("both.crt")));
        (void)process_wait_log(daemon->process, "there is no revocation list in it", SOON_MS);
        assert_files(file_of("before.crt"), file_of("before.pem"));
        end(daemon);
}

/* The broker's other half of a succession: it takes certificates of both, and shows one of the younger authority. */
static struct broker *younger_broker(void)
{
        const char *cert = work_path("young-broker");

        cert_make(&(struct cert){ .base = cert,
                                  .issuer = successor,
                                  .cn = "localhost",
                                  .sans = "DNS:localhost,IP:127.0.0.1",
                                  .from_s = -DAY_S,
                                  .until_s = 30 * DAY_S });
        return broker_new_plain(format_text("listener PORT 127.0.0.1\nallow_anonymous false\nrequire_certificate true\n"
                                            "use_identity_as_username true\nacl_file %s\ncafile %s\n"
                                            "certfile %s.crt\nkeyfile %s.key\n",
                                            pki_file(stage.pki, "sconce.acl"), file_of("both.crt"), cert, cert));
}

static void put_lists(const char *old, const char *young)
{
        char *texts[] = { read_file(old), read_file(young) };

        write_file(file_of("crl.pem"), "%s%s", texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
}

/* An outdated list of the other authority is nothing to warn of; the last list of the file counts as the first one does. */
static void lists_of_both__each_counts_for_its_own_authority(void **state)
{
        (void)state;
        make_own(60 * DAY_S);
        make_both(7);
        struct broker *broker = younger_broker();
        copy(file_of("both.crt"), file_of("ca.crt"));
        crl_make(file_of("outdated.crl"), pki_ca(stage.pki), NULL, -DAY_S);
        put_lists(file_of("outdated.crl"), file_of("young.crl"));
        struct daemon *daemon = new_node(broker);
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        assert_false(process_logged(daemon->process, "out of date"));
        crl_make_numbered(file_of("young.crl"), successor, work_path("young-broker"), 8);
        put_lists(file_of("old.crl"), file_of("young.crl"));
        try_again(daemon);
        (void)process_wait_log(daemon->process, "is revoked according to", SOON_MS);
        end(daemon);
}

static struct client *at_younger(const struct broker *broker, const char *id, const char *cert, const char *topic)
{
        struct client *client = client_new(
                &(struct client_options){ .id = id, .port = broker->port.number, .ca = successor, .cert = cert });

        client_subscribe(client, topic);
        return client;
}

/* Within an hour, or when the node is told to look again: at a broker that only the new file knows, besides. */
static void successor__in_force__signs_the_next_certificate(void **state)
{
        struct signing signing = honest();
        struct client *const old_tester = stage.tester, *const old_signer = signer;

        (void)state;
        make_own(60 * DAY_S);
        make_both(7);
        struct broker *broker = younger_broker();
        struct daemon *daemon = started();
        struct kept kept = keep_pair();
        publish_trust(renewal_signer_trust(pki_ca(stage.pki), 7, file_of("both.crt"), file_of("both.pem")));
        (void)process_wait_log(daemon->process, "a younger authority is in force", SOON_MS);
        assert_same(&kept, true);
        kept = keep_pair();
        stage.tester = at_younger(broker, "tester2", pki_issued(stage.pki, "tester"), "sconce/#");
        signer = at_younger(broker, "signer2", work_path("signer"), "sconce-pki/+/request");
        daemon->options.broker = broker;
        daemon_write_config(daemon, LAMP);
        try_again(daemon);
        signing.authority = successor;
        answer_next(&signing);
        wait_days(NEW_DAYS);
        assert_same(&kept, false);
        end(daemon);
        client_free(stage.tester);
        stage.tester = old_tester;
        signer = old_signer;
}

/* What was asked before the roll may be answered by the older authority after it. */
static void signed_by_the_older_one__asks_again(void **state)
{
        const struct signing signing = honest();

        (void)state;
        make_own(10 * DAY_S);
        make_both(7);
        struct daemon *daemon = started();
        const struct message *request = next_request();
        publish_trust(renewal_signer_trust(pki_ca(stage.pki), 7, file_of("both.crt"), file_of("both.pem")));
        (void)process_wait_log(daemon->process, "a younger authority is in force", SOON_MS);
        answer(renewal_signer_answer(request->payload, request->size, &signing));
        wait_days(NEW_DAYS);
        try_again(daemon);
        (void)next_request();
        end(daemon);
}

/* ---- The command sconce ------------------------------------------------------------------------------------------ */

static const char *own_conf(void)
{
        const char *path = work_path("own/client.conf");

        write_file(path, "[broker]\nurl = mqtts://localhost:%u\n[tls]\nca = %s\ncrl = %s\ncert = %s\nkey = %s\n",
                   stage.broker->port.number, file_of("ca.crt"), file_of("crl.pem"), file_of("node.crt"),
                   file_of("node.key"));
        return path;
}

static void forget_last_try(void)
{
        const struct timespec times[] = { { .tv_sec = time(NULL) - 2 * DAY_S }, { .tv_sec = time(NULL) - 2 * DAY_S } };

        assert_int_equal(utimensat(AT_FDCWD, file_of("node.crt.renewal"), times, 0), 0);
}

static void sconce__last_third__renews_when_its_work_is_done(void **state)
{
        struct signing signing = honest();

        (void)state;
        make_own_of("tester", 10 * DAY_S);
        signing.name = "tester";
        struct kept kept = keep_pair();
        const struct run before = RUN("tester", "nodes");
        struct process *process = SCONCE_START(own_conf(), "nodes");
        answer_tester(&signing);
        assert_run(sconce_wait(process), before.status, before.out, before.err);
        assert_same(&kept, false);
        assert_run(SCONCE_RUN(own_conf(), "nodes"), before.status, before.out, before.err);
}

static void sconce__refused__a_line_from_14_days_on_and_one_try_a_day(void **state)
{
        struct signing signing = honest();

        (void)state;
        make_own_of("tester", 10 * DAY_S + DAY_S / 2);
        (void)unlink(file_of("node.crt.renewal"));
        signing.error = "tester is not known here";
        const struct run before = RUN("tester", "nodes");
        struct process *process = SCONCE_START(own_conf(), "nodes");
        answer_tester(&signing);
        assert_run(sconce_wait(process), before.status, before.out,
                   "sconce: the certificate ends in 10 days, and renewing it does not work: the signer refuses: tester "
                   "is not known here\n");
        client_forget(signer);
        assert_run(SCONCE_RUN(own_conf(), "nodes"), before.status, before.out, before.err);
        forget_last_try();
        /* Nobody was asked meanwhile: this is the first request. */
        process = SCONCE_START(own_conf(), "nodes");
        answer_tester(&signing);
        assert_int_equal(sconce_wait(process).status, before.status);
        assert_int_equal(client_count(signer, "sconce-pki/tester/request"), 1);
        /* With 20 days left nobody has to hear of it. */
        make_own_of("tester", 20 * DAY_S);
        forget_last_try();
        process = SCONCE_START(own_conf(), "nodes");
        answer_tester(&signing);
        assert_run(sconce_wait(process), before.status, before.out, before.err);
}

static void sconce__trust__is_taken_once_a_day(void **state)
{
        (void)state;
        make_own_of("tester", 90 * DAY_S);
        (void)unlink(file_of("node.crt.renewal"));
        make_both(7);
        publish_trust(renewal_signer_trust(pki_ca(stage.pki), 7, file_of("both.crt"), file_of("both.pem")));
        const struct run before = RUN("tester", "nodes");
        struct signing signing = honest();
        signing.authority = successor;
        signing.signed_by = pki_ca(stage.pki);
        signing.name = "tester";
        signing.error = "not yet";
        struct process *process = SCONCE_START(own_conf(), "nodes");
        answer_tester(&signing); /* a younger authority is in force */
        assert_run(sconce_wait(process), before.status, before.out, before.err);
        assert_files(file_of("both.crt"), file_of("both.pem"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

static const struct CMUnitTest tests[] = {
        TEST(two_thirds_over__renews__lamp_stays_on),
        TEST(name_issued_again__renews__too),
        TEST(renewed__reload_with_another_broker_section__keeps_its_client_id),
        TEST(key_in_a_tpm__is_followed_by_another_one),
        TEST(answers__forged_or_replayed__are_not_heard),
        TEST(answer__not_what_was_asked_for__ends_the_try),
        TEST(new_certificate__refused_by_the_broker__old_one_stays),
        TEST(cannot_be_replaced__days_left__decide_whether_it_is_a_problem),
        TEST(refused__soon_over__is_a_problem_until_it_works),
        TEST(start__between_both_renames__has_the_key_follow),
        TEST(trust__newer__replaces_both_files),
        TEST(trust__nothing_to_do_with_ours__is_refused),
        TEST(lists_of_both__each_counts_for_its_own_authority),
        TEST(successor__in_force__signs_the_next_certificate),
        TEST(signed_by_the_older_one__asks_again),
        TEST(sconce__last_third__renews_when_its_work_is_done),
        TEST(sconce__refused__a_line_from_14_days_on_and_one_try_a_day),
        TEST(sconce__trust__is_taken_once_a_day),
};

STAGE_MAIN(tests, open_stage)
