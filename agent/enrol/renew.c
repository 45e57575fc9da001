/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of it is on the loop. A new P-256 key and its signatures take less than a millisecond. A TPM makes one and signs twice here,
 * once in the life of its certificate, and as long as a few handshakes, each of which is on the loop as well. A thread would
 * speak with the TPM while a handshake on the loop does, over the one session of OpenSSL's provider, which is not made for
 * that.
 */
#include "enrol/renew.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "bus/client_id.h"
#include "enrol/join.h"
#include "enrol/own.h"
#include "enrol/pair.h"
#include "enrol/request.h"
#include "enrol/topics.h"
#include "enrol/trust.h"
#include "util/identity.h"
#include "util/log.h"
#include "util/url.h"

DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
#define CLEANUP_KEY CLEANUP(EVP_PKEY_freep)

#define PROOF_BACKOFF_US (500 * USEC_PER_MSEC)

enum phase {
        PHASE_SUBSCRIBING,
        PHASE_ASKING,
        PHASE_PROVING,
        PHASE_PROVEN, /* its connection is gone again */
        PHASE_ENDED,
};

struct renew {
        struct renew_setup setup;
        struct tls_options tls; /* of the session */
        enum phase phase;
        struct timer *timer; /* the limit, then the next step */
        struct pair *pair;
        struct own own;
        struct authorities authorities;
        struct join_key made; /* where a new one is made */
        EVP_PKEY *key;        /* the new one: that, or the present one */
        char *body, *request; /* what is asked, and as it is sent */
        struct answer answer;
        struct fault why; /* of the end; before: what came that was no answer */
        char request_topic[ENROL_TOPIC_MAX], answer_topic[ENROL_TOPIC_MAX];
        int subscribe_id, publish_id;

        struct session *proof;
        struct session_options proof_options;
        const char *proof_url;
        struct tls_options proof_tls;
        char proof_id[sizeof("sconce-proof-") + CLIENT_ID_SECRET_MAX];
        struct fault first, other; /* of its attempts: each address may have its own */
};

static void end(struct renew *renew)
{
        (void)!session_unsubscribe(renew->setup.session, renew->answer_topic);
        renew->phase = PHASE_ENDED;
        timer_arm(renew->timer, 0);
}

static void fail(struct renew *renew, const struct fault *why)
{
        if (renew->phase == PHASE_ENDED)
                return;
        renew->why = *why;
        end(renew);
}

/* ---- The proof --------------------------------------------------------------------------------------------------- */

static void on_proof_stopped(void *userdata)
{
        struct renew *renew = userdata;

        timer_arm(renew->timer, 0);
}

static void on_proof_connected(void *userdata)
{
        struct renew *renew = userdata;

        if (renew->phase != PHASE_PROVING)
                return;
        renew->phase = PHASE_PROVEN;
        timer_disarm(renew->timer);
        session_stop(renew->proof, USEC_PER_SEC, on_proof_stopped, renew);
}

static void on_proof_disconnected(void *userdata, const char *why)
{
        (void)userdata;
        log_debug("the proof's connection has ended: %s", why);
}

/* The same failure again: every address has been tried in between. */
static void on_proof_failed(void *userdata, const struct fault *fault)
{
        struct renew *renew = userdata;
        struct fault why = { 0 };

        if (renew->first.code == 0) {
                renew->first = *fault;
                return;
        }
        if (strcmp(renew->first.text, fault->text) != 0) {
                renew->other = *fault;
                return;
        }
        (void)fault_set(&why, -EACCES, "the new certificate does not get in: %s",
                        renew->other.code ? renew->other.text : fault->text);
        if (renew->phase == PHASE_PROVING)
                fail(renew, &why);
}

static void on_proof_message(void *userdata, const struct session_message *message)
{
        (void)userdata;
        (void)message;
}

static const struct session_handlers proof_handlers = {
        .connected = on_proof_connected,
        .disconnected = on_proof_disconnected,
        .message = on_proof_message,
        .attempt_failed = on_proof_failed,
};

static int name_proof(struct renew *renew)
{
        char chance[CLIENT_ID_SECRET_MAX];
        int r = client_id_random(chance);

        if (r == 0)
                (void)snprintf(renew->proof_id, sizeof(renew->proof_id), "sconce-proof-%s", chance);
        return r;
}

/* As the present connection, but for the pair, the id, and that nobody hears of it. Another broker of the list, over a plain
 * connection perhaps, would prove nothing. */
static int begin_proof(struct renew *renew)
{
        const struct session_options *options = session_options_of(renew->setup.session);

        renew->proof_url = session_url(renew->setup.session);
        renew->proof_tls = renew->tls;
        renew->proof_tls.cert = pair_next_cert(renew->pair);
        renew->proof_tls.key = pair_next_key(renew->pair);
        renew->proof_options = *options;
        renew->proof_options.urls = &renew->proof_url;
        renew->proof_options.n_urls = 1;
        renew->proof_options.tls = &renew->proof_tls;
        renew->proof_options.client_id = renew->proof_id;
        renew->proof_options.is_trial = true;
        renew->proof_options.will_topic = renew->proof_options.will_payload = NULL;
        renew->proof_options.subscriptions = NULL;
        renew->proof_options.n_subscriptions = 0;
        renew->proof_options.backoff_first_us = renew->proof_options.backoff_max_us = PROOF_BACKOFF_US;
        int r = name_proof(renew);
        if (r == 0)
                r = session_new(renew->setup.loop, &renew->proof_options, &proof_handlers, renew, &renew->proof);
        return r == 0 ? session_start(renew->proof) : r;
}

static void prove(struct renew *renew)
{
        struct fault why = { 0 };
        int r = pair_write(renew->pair, renew->answer.certificate_pem, renew->made.pem, &why);

        if (r == 0 && (r = begin_proof(renew)) < 0)
                (void)fault_set(&why, r, "the new certificate cannot be tried: %s", strerror(-r));
        if (r < 0) {
                fail(renew, &why);
                return;
        }
        renew->phase = PHASE_PROVING;
        timer_arm(renew->timer, renew->setup.limit_us);
}

/* What the answer brings along is as good as a trust message; where its files cannot be replaced, the pair is new anyway. */
static void swap(struct renew *renew)
{
        struct fault fault = { 0 };

        session_free(TAKE_PTR(renew->proof));
        if (pair_swap(renew->pair, &renew->why) == 0) {
                renew->why = (struct fault){ 0 };
                if (trust_install(&renew->tls, renew->answer.ca_pem, renew->answer.crl_pem, &fault) < 0)
                        log_debug("the authorities that came with the certificate are not taken: %s", fault.text);
        }
        end(renew);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static void on_timer(void *userdata)
{
        struct renew *renew = userdata;
        struct fault late = { 0 };

        switch (renew->phase) {
        case PHASE_PROVEN:
                swap(renew);
                return;
        case PHASE_ENDED:
                renew->setup.ended(renew->setup.userdata, renew->why.code ? &renew->why : NULL);
                return;
        case PHASE_PROVING:
                (void)fault_set(&late, -ETIMEDOUT, "the new certificate does not get in: %s",
                                renew->first.code ? renew->first.text : "the broker does not answer");
                break;
        default:
                if (renew->why.code)
                        (void)fault_set(&late, -ETIMEDOUT, "no answer came that is good: %s", renew->why.text);
                else
                        (void)fault_set(&late, -ETIMEDOUT, "no answer came on %s: does `sconce-pki serve` run?",
                                        renew->answer_topic);
        }
        fail(renew, &late);
}

static int refused(struct renew *renew, const char *what, const char *topic)
{
        struct fault why = { 0 };

        (void)fault_set(&why, -EACCES, "the broker does not let %s %s %s", renew->own.name, what, topic);
        fail(renew, &why);
        return why.code;
}

bool renew_subscribed(struct renew *renew, int id, int reason)
{
        const struct session_message message = {
                .topic = renew->request_topic, .payload = renew->request, .size = strlen(renew->request), .qos = 1
        };
        struct fault why = { 0 };

        if (renew->phase != PHASE_SUBSCRIBING || id != renew->subscribe_id)
                return false;
        if (reason >= REASON_REFUSED) {
                (void)refused(renew, "read", renew->answer_topic);
                return true;
        }
        renew->phase = PHASE_ASKING;
        int r = session_publish(renew->setup.session, &message, &renew->publish_id);
        if (r < 0) {
                (void)fault_set(&why, r, "the request cannot be sent: %s", strerror(-r));
                fail(renew, &why);
        }
        return true;
}

bool renew_acknowledged(struct renew *renew, int id, int reason)
{
        if (renew->publish_id == 0 || id != renew->publish_id)
                return false;
        renew->publish_id = 0;
        if (renew->phase == PHASE_ASKING && reason >= REASON_REFUSED)
                (void)refused(renew, "write", renew->request_topic);
        return true;
}

/* Of the signer's answer. -EBADMSG and the like: it is none to this request, as anyone may have sent it. */
static int read_answer(struct renew *renew, const struct session_message *message, struct fault *fault)
{
        CLEANUP_FREE char *body = NULL;

        int r = message_open_signed(LABEL_RENEW_ANSWER, message->payload, message->size, renew->authorities.keys,
                                    renew->authorities.count, &body, fault);
        return r == 0 ? answer_read(body, renew->body, renew->key, &renew->answer, fault) : r;
}

static bool is_wanted(const struct renew *renew, struct fault *why)
{
        const struct answer *answer = &renew->answer;
        char named[IDENTITY_NAME_MAX];

        if (answer->error)
                (void)fault_set(why, -EACCES, "the signer refuses: %.200s", answer->error);
        else if (strcmp(answer->name, identity_name(renew->own.name, named)) != 0)
                (void)fault_set(why, -EBADMSG, "the signer's certificate is for %.64s, not for %.64s", answer->name,
                                renew->own.name);
        return why->code == 0;
}

bool renew_received(struct renew *renew, const struct session_message *message)
{
        struct fault why = { 0 };

        if (strcmp(message->topic, renew->answer_topic) != 0)
                return false;
        if (renew->phase != PHASE_ASKING)
                return true;
        if (read_answer(renew, message, &why) < 0) {
                log_debug("%s: %s", message->topic, why.text);
                renew->why = why;
        } else if (is_wanted(renew, &why)) {
                renew->why = (struct fault){ 0 };
                prove(renew);
        } else {
                fail(renew, &why);
        }
        return true;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* Of the same kind: a file that only a TPM can use has a successor of the TPM's. */
static int make_key(struct renew *renew, EVP_PKEY *present, struct fault *fault)
{
        int r = 0;

        if (!pair_keeps_key(renew->pair))
                r = join_key_new(tls_key_properties(renew->tls.key) != NULL, &renew->made, fault);
        if (r < 0)
                return r;
        EVP_PKEY *key = renew->made.key ? renew->made.key : present;
        if (EVP_PKEY_up_ref(key) == 1)
                renew->key = key;
        return renew->key ? 0 : fault_set(fault, -ENOMEM, "out of memory");
}

static int make_request(struct renew *renew, struct fault *fault)
{
        CLEANUP_KEY EVP_PKEY *present = NULL;
        int r = tls_key_load(renew->tls.key, &present, fault);

        if (r == 0)
                r = make_key(renew, present, fault);
        if (r == 0)
                r = request_body(renew->key, NULL, renew->own.serial, renew->authorities.certificates,
                                 renew->authorities.count, &renew->body, fault);
        return r == 0 ? message_sign(LABEL_RENEW_REQUEST, renew->body, &present, 1, &renew->request, fault) : r;
}

static int name_topics(struct renew *renew, struct fault *fault)
{
        if (enrol_topic(ENROL_REQUEST, renew->own.name, renew->request_topic) < 0 ||
            enrol_topic(ENROL_ANSWER, renew->own.name, renew->answer_topic) < 0)
                return fault_set(fault, -EINVAL, "the certificate's name \"%.64s\" cannot be part of a topic",
                                 renew->own.name);
        return 0;
}

static int read_files(struct renew *renew, struct fault *fault)
{
        const struct tls_options *tls = &renew->tls;

        if (!tls->cert || !tls->key)
                return fault_set(fault, -ENOENT, "there is no certificate");
        int r = own_read(tls->cert, &renew->own, fault);
        if (r == 0)
                r = name_topics(renew, fault);
        if (r == 0)
                r = authorities_read(tls->ca, &renew->authorities, fault);
        return r == 0 ? pair_new(tls->cert, tls->key, &renew->pair, fault) : r;
}

static int ask(struct renew *renew, struct fault *fault)
{
        int r = timer_new(renew->setup.loop, TIMER_EXACT_US, on_timer, renew, &renew->timer);

        if (r >= 0)
                r = session_subscribe(renew->setup.session, renew->answer_topic, 1, &renew->subscribe_id);
        if (r < 0)
                return fault_set(fault, r, "the signer cannot be asked: %s", strerror(-r));
        timer_set_priority(renew->timer, LOOP_NETWORK);
        timer_arm(renew->timer, renew->setup.limit_us);
        return 0;
}

bool renew_may_begin(const struct session *session)
{
        const char *url = session_url(session);

        return session_tls(session) && url_any_is_tls(&url, 1);
}

int renew_new(const struct renew_setup *setup, struct renew **ret, struct fault *fault)
{
        CLEANUP(renew_freep) struct renew *renew = calloc(1, sizeof(*renew));

        if (!renew)
                return fault_set(fault, -ENOMEM, "out of memory");
        renew->setup = *setup;
        renew->tls = *session_options_of(setup->session)->tls;
        int r = read_files(renew, fault);
        if (r == 0)
                r = make_request(renew, fault);
        if (r == 0)
                r = ask(renew, fault);
        if (r == 0)
                *ret = TAKE_PTR(renew);
        return r;
}

void renew_free(struct renew *renew)
{
        if (!renew)
                return;
        session_free(renew->proof);
        timer_free(renew->timer);
        pair_free(renew->pair);
        own_done(&renew->own);
        authorities_done(&renew->authorities);
        answer_done(&renew->answer);
        EVP_PKEY_free(renew->key);
        join_key_done(&renew->made);
        free(renew->body);
        free(renew->request);
        free(renew);
}
