/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki serve: answers those who join and renew, and renews by itself what only the authority's machine can: the brokers'
 * certificates, the lists of revoked ones, and its own. It listens nowhere: it is a client of the broker like any other, with
 * a certificate that it issues to itself and that stands in no record.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "acl.h"
#include "bus/session.h"
#include "command.h"
#include "directory.h"
#include "enrol/message.h"
#include "enrol/topics.h"
#include "issue.h"
#include "outside.h"
#include "quota.h"
#include "service.h"
#include "signals.h"
#include "signer.h"
#include "trust_message.h"
#include "upkeep.h"
#include "util/log.h"
#include "util/text.h"

#define OWN_CERT  "private/signer.crt"
#define OWN_KEY   "private/signer.key"
#define UPKEEP_US (3600 * USEC_PER_SEC)
#define STOP_US   (2 * USEC_PER_SEC)

struct serve {
        const struct command_line *line;
        const char *url;
        char server_name[NAME_MAX_BYTES];
        char client_id[48];
        struct loop loop;
        struct signals signals;
        char requests[ENROL_TOPIC_MAX]; /* the filter */
        const char *subscriptions[1];
        struct tls_options tls;
        struct session_options options;
        struct session *session;
        struct timer *upkeep;
        struct service service;
        struct quota quota;
        uint64_t nobody_us; /* when a request of nobody's was logged last; 0: none was */
};

static int64_t now_s(void)
{
        return (int64_t)time(NULL);
}

/* ---- Its own certificate ----------------------------------------------------------------------------------------- */

static bool is_due(const char *path)
{
        CLEANUP_FILE FILE *in = fopen(path, "re");
        CLEANUP(X509_freep) X509 *certificate = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;

        return !certificate || upkeep_is_due(certificate, now_s());
}

static int write_own(const char *path, const struct bytes *bytes, struct fault *fault)
{
        const struct outside_file file = { path, FILE_OF_SIGNER, bytes->data, bytes->size };

        return outside_write(&file, fault);
}

static int issue_own(struct transaction *transaction, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes key_pem = { 0 }, certificate_pem = { 0 };
        int r = authority_make_pair(&transaction->authority, SIGNER_IDENTITY, UPKEEP_OWN_S, &key_pem, &certificate_pem,
                                    fault);

        if (r == 0)
                r = write_own(OWN_KEY, &key_pem, fault);
        return r < 0 ? r : write_own(OWN_CERT, &certificate_pem, fault);
}

static int prepare(struct serve *serve, struct fault *fault)
{
        struct transaction transaction = transaction_of(serve->line);
        int r = transaction_begin(&transaction, fault);

        if (r == 0)
                r = first_broker(transaction.registry, serve->server_name, fault);
        if (r == -ENOENT)
                r = fault_set(fault, r, "there is no broker yet: '%s broker HOST…' makes its certificate",
                              serve->line->me);
        if (r == 0 && (is_due(OWN_CERT) || access(OWN_KEY, R_OK) < 0))
                r = issue_own(&transaction, fault);
        transaction_end(&transaction);
        return r;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static bool identity_of(const char *topic, char ret[static QUOTA_IDENTITY_MAX])
{
        const char *identity;
        int length = enrol_topic_identity(ENROL_REQUEST, topic, &identity);

        if (length <= 0 || length >= QUOTA_IDENTITY_MAX)
                return false;
        memcpy(ret, identity, (size_t)length);
        ret[length] = '\0';
        return true;
}

/* Where the broker goes by the access list, this is an old code. */
static void tell_nobody(struct serve *serve, const char *identity)
{
        uint64_t now_us = loop_now_us(&serve->loop);
        char shown[TEXT_SHOWN_MAX];

        if (serve->nobody_us && now_us - serve->nobody_us < QUOTA_US)
                return;
        log_warning("%s asks for a certificate and is nobody's identity; no other one is logged for a minute",
                    text_show(identity, shown));
        serve->nobody_us = now_us;
}

static bool is_too_often(struct quota_slot *slot)
{
        char shown[TEXT_SHOWN_MAX];

        if (++slot->count <= QUOTA_REQUESTS)
                return false;
        if (!slot->is_told)
                log_warning("%s sends more than %d requests a minute: the rest is left out",
                            text_show(slot->identity, shown), QUOTA_REQUESTS);
        slot->is_told = true;
        return true;
}

/* Identities that nobody has are without number: they have no quota, and must cost next to nothing. */
static bool is_let_in(struct serve *serve, const char *identity)
{
        uint64_t now_us = loop_now_us(&serve->loop);
        struct quota_slot *slot = quota_find(&serve->quota, identity, now_us);

        if (!slot && !signer_knows(identity)) {
                tell_nobody(serve, identity);
                return false;
        }
        if (!slot)
                slot = quota_begin(&serve->quota, identity, now_us);
        return !is_too_often(slot);
}

static void publish(struct serve *serve, const char *topic, const char *payload, bool retain)
{
        const struct session_message message = {
                .topic = topic, .payload = payload, .size = strlen(payload), .qos = 1, .retain = retain
        };
        int r = session_publish(serve->session, &message, NULL);

        if (r < 0)
                log_warning("%s: an answer could not be sent: %s", topic, strerror(-r));
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct serve *serve = userdata;
        struct transaction transaction = transaction_of(serve->line);
        struct signer_reply reply;
        char identity[QUOTA_IDENTITY_MAX], topic[ENROL_TOPIC_MAX];

        if (message->retain || !identity_of(message->topic, identity) || !is_let_in(serve, identity))
                return;
        signer_answer(&transaction, identity, message->payload, message->size, now_s(), &reply);
        if (reply.note[0])
                log_write(reply.is_refused ? LOG_WARNING : LOG_NOTICE, NULL, "%s", reply.note);
        if (reply.payload && enrol_topic(ENROL_ANSWER, identity, topic) == 0)
                publish(serve, topic, reply.payload, false);
        free(reply.payload);
}

/* ---- What is in force -------------------------------------------------------------------------------------------- */

static void publish_trust(struct serve *serve)
{
        struct transaction transaction = transaction_of(serve->line);
        CLEANUP_FREE char *payload = NULL;
        char topic[ENROL_TOPIC_MAX];
        struct fault fault = { 0 };

        if (!session_is_connected(serve->session))
                return;
        int r = transaction_begin(&transaction, &fault);
        if (r == 0)
                r = trust_message(&transaction, &payload, &fault);
        transaction_end(&transaction);
        if (r < 0)
                log_warning("which authorities are in force could not be published: %s", fault.text);
        else if (enrol_topic(ENROL_TRUST, NULL, topic) == 0)
                publish(serve, topic, payload, true);
}

static void on_upkeep(void *userdata)
{
        struct serve *serve = userdata;
        struct transaction transaction = transaction_of(serve->line);
        struct fault fault = { 0 };

        timer_arm(serve->upkeep, UPKEEP_US);
        if (upkeep(&transaction, now_s(), &fault) < 0)
                log_error("%s", fault.text);
        if (prepare(serve, &fault) < 0)
                log_error("%s", fault.text);
        (void)session_certificates_changed(serve->session);
}

/* A command of root's, or ours, has put another list or another authority in place. */
static int on_file(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        (void)source;
        if (event->len > 0 && (strcmp(event->name, CRL_FILE) == 0 || strcmp(event->name, AUTHORITY_CERT) == 0)) {
                struct serve *serve = userdata;
                (void)session_certificates_changed(serve->session);
                publish_trust(serve);
        }
        return 0;
}

/* ---- The connection ---------------------------------------------------------------------------------------------- */

static void on_connected(void *userdata)
{
        struct serve *serve = userdata;

        service_status(&serve->service, session_peer(serve->session), "");
        publish_trust(serve);
}

static void on_disconnected(void *userdata, const char *why)
{
        struct serve *serve = userdata;

        service_status(&serve->service, NULL, why);
}

static int connect_to_broker(struct serve *serve, struct fault *fault)
{
        static const struct session_handlers handlers = { .connected = on_connected,
                                                          .disconnected = on_disconnected,
                                                          .message = on_message };
        int r = enrol_topic(ENROL_REQUEST, ENROL_ANYONE, serve->requests);

        serve->subscriptions[0] = serve->requests;
        serve->tls = (struct tls_options){ .ca = AUTHORITY_CERT,
                                           .cert = OWN_CERT,
                                           .key = OWN_KEY,
                                           .crl = CRL_FILE,
                                           .server_name = serve->server_name };
        serve->options = (struct session_options){
                .urls = &serve->url,
                .n_urls = 1,
                .client_id = serve->client_id,
                .version = SESSION_VERSION_5,
                .keepalive_us = 60 * USEC_PER_SEC,
                .connect_timeout_us = 10 * USEC_PER_SEC,
                .handshake_timeout_us = 10 * USEC_PER_SEC,
                .max_packet_bytes = MESSAGE_MAX,
                .tls = &serve->tls,
                .subscriptions = serve->subscriptions,
                .n_subscriptions = ARRAY_SIZE(serve->subscriptions),
        };
        if (r == 0)
                r = session_new(&serve->loop, &serve->options, &handlers, serve, &serve->session);
        if (r == 0)
                r = session_start(serve->session);
        return r < 0 ? fault_set(fault, r, "the broker cannot be connected to: %s", strerror(-r)) : 0;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void on_stopped(void *userdata)
{
        struct serve *serve = userdata;

        (void)sd_event_exit(serve->loop.event, 0);
}

static void on_signal(void *userdata, int number)
{
        struct serve *serve = userdata;

        if (number == SIGHUP) {
                timer_arm(serve->upkeep, 0);
                return;
        }
        if (number != SIGTERM && number != SIGINT)
                return;
        service_stopping();
        session_stop(serve->session, STOP_US, on_stopped, serve);
}

static int draw_client_id(struct serve *serve, struct fault *fault)
{
        unsigned char random[12];

        if (RAND_bytes(random, sizeof(random)) != 1)
                return fault_set(fault, -EIO, "no random numbers");
        int n = snprintf(serve->client_id, sizeof(serve->client_id), "sconce-pki-");
        text_hex(random, sizeof(random), serve->client_id + n);
        return 0;
}

static int watch_files(struct serve *serve, struct fault *fault)
{
        int r = sd_event_add_inotify(serve->loop.event, NULL, ".", IN_MOVED_TO, on_file, serve);

        return r < 0 ? fault_set(fault, r, "%s: cannot be watched: %s%s", serve->line->dir, strerror(-r),
                                 r == -EACCES ? "; who signs must be able to read it: chmod 755 it" : "")
                     : 0;
}

static int begin(struct serve *serve, struct fault *fault)
{
        int r = loop_init(&serve->loop);

        if (r == 0)
                r = signals_catch(&serve->loop, &serve->signals);
        if (r == 0)
                r = timer_new(&serve->loop, TIMER_LAZY_US, on_upkeep, serve, &serve->upkeep);
        if (r >= 0)
                r = sd_event_set_watchdog(serve->loop.event, true);
        return r < 0 ? fault_set(fault, r, "the event loop cannot be set up: %s", strerror(-r))
                     : watch_files(serve, fault);
}

static int run(struct serve *serve, struct fault *fault)
{
        int r = draw_client_id(serve, fault);

        if (r == 0)
                r = prepare(serve, fault);
        if (r == 0)
                r = begin(serve, fault);
        if (r < 0)
                return r;
        r = connect_to_broker(serve, fault);
        if (r < 0)
                return r;
        timer_arm(serve->upkeep, 0);
        service_ready();
        r = sd_event_loop(serve->loop.event);
        return r < 0 ? fault_set(fault, r, "the event loop failed: %s", strerror(-r)) : 0;
}

static int read_words(const struct command_line *line, const char **ret_url)
{
        *ret_url = LOCAL_BROKER_URL;
        for (int i = 0; i < line->count; i++) {
                if (strcmp(line->words[i], "--broker") != 0)
                        return misused("serve takes nothing but --broker URL");
                *ret_url = ++i < line->count ? line->words[i] : NULL;
                int status = check_broker_url(*ret_url);
                if (status != 0)
                        return status;
        }
        return 0;
}

int command_serve(const struct command_line *line)
{
        struct serve *serve = calloc(1, sizeof(*serve));
        struct fault fault = { 0 };

        if (!serve)
                return failed(&(struct fault){ -ENOMEM, "out of memory" });
        serve->line = line;
        serve->signals = (struct signals){ on_signal, serve };
        int status = read_words(line, &serve->url);
        if (status == 0) {
                log_open();
                signals_hold();
                status = run(serve, &fault) < 0 ? failed(&fault) : EXIT_DONE;
        }
        session_free(serve->session);
        timer_free(serve->upkeep);
        loop_done(&serve->loop);
        free(serve);
        return status;
}

/* ---- publish ----------------------------------------------------------------------------------------------------- */

int command_publish(const struct command_line *line)
{
        struct transaction transaction = transaction_of(line);
        struct fault fault = { 0 };

        if (line->count > 0)
                return misused("publish takes no arguments");
        int r = transaction_begin(&transaction, &fault);
        /* With the lists, whose form a newer version may have changed. */
        if (r == 0)
                r = transaction_commit(&transaction, &fault);
        if (r == 0 && transaction.has_told_less) {
                services_reload_broker(&transaction.services);
                services_reload_page(&transaction.services);
                r = services_report(&transaction.services, true, &fault);
        }
        transaction_end(&transaction);
        return r < 0 ? failed(&fault) : EXIT_DONE;
}
