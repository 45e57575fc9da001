/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libmosquitto would wait for without an end is done before it: the look-up of the name, on a thread that can be left
 * behind, and the TCP connection, which is tried first and closed again. It is then given a number that answers. From the
 * handshake on it never blocks, and one loop with the deadline drives it.
 */
#include "enrol/exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bus/mosquitto.h"
#include "bus/resolve.h"
#include "bus/tls.h"
#include "enrol/topics.h"
#include "util/cleanup.h"
#include "util/loop.h"
#include "util/text.h"
#include "util/url.h"

#define LOOP_MS      100
#define CONNECT_MS   5000 /* for each address of a name */
#define PROGRESS_MS  2000
#define AGAIN_MS     1000 /* between two tries to find a signer that listens */
#define REPEAT_MS    4000 /* where somebody has heard it: a signer that was started again gives its answer again */
#define REFUSED_MS   3000 /* in which a refused code is tried again, and how often */
#define UNKNOWN_MS   500
#define KEEPALIVE_S  30
#define MQTT_REFUSED 0x80 /* reason codes from here on are failures */

DEFINE_CLEANUP(struct mosquitto, mosquitto_destroy);

enum step { STEP_CONNECT, STEP_SUBSCRIBE, STEP_ASK, STEP_WAIT, STEP_OVER };

struct run {
        const struct exchange *exchange;
        struct code_keys keys;
        char peer[URL_TEXT_MAX]; /* HOST:PORT */
        char topic_request[ENROL_TOPIC_MAX], topic_answer[ENROL_TOPIC_MAX];
        char *body, *request; /* as asked, and sealed */
        uint64_t until_ms, progress_at_ms, ask_at_ms;
        enum step step;
        int result;          /* of STEP_OVER */
        struct fault *fault; /* the same */
        bool is_let_in;      /* the broker has accepted CONNECT */
        bool is_refused;     /* it does not know the code */
        bool is_told;        /* that it is tried again */
        struct fault bad;    /* of what came and was no answer to us */
        struct tls_handshake handshake;
        struct answer *answer;
};

static uint64_t now_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t left_ms(const struct run *run)
{
        uint64_t now = now_ms();
        return run->until_ms > now ? run->until_ms - now : 0;
}

/* ---- How it ends ------------------------------------------------------------------------------------------------- */

static void end(struct run *run, int result)
{
        run->step = STEP_OVER;
        run->result = result;
}

static int cannot_reach(struct run *run, const char *reason)
{
        return fault_set(run->fault, -EHOSTUNREACH, "cannot reach the broker at %s: %s", run->peer, reason);
}

static int no_memory(struct run *run)
{
        return fault_set(run->fault, -ENOMEM, "out of memory");
}

static int refused(struct run *run)
{
        run->is_refused = true;
        return fault_set(run->fault, -EACCES,
                         "the broker at %s refuses the code: it was used already, is out of time, or another one has "
                         "taken its place; make a new one with 'sconce-pki invite %s'",
                         run->peer, run->exchange->code->name);
}

static int not_authorized(struct run *run)
{
        return fault_set(run->fault, -EACCES,
                         "the broker at %s knows the code, but does not let it ask for a certificate: its access list "
                         "is an older one; 'sudo sconce-pki check' there writes it again",
                         run->peer);
}

static int nobody(struct run *run)
{
        unsigned wait_s = run->exchange->wait_s;

        if (run->bad.code)
                return fault_set(run->fault, -ETIMEDOUT, "what came as the signer's answer cannot be used: %s",
                                 run->bad.text);
        return fault_set(
                run->fault, -ETIMEDOUT,
                "no answer from the signer within %u s: is sconce-pki.service running on the broker's machine?",
                wait_s ? wait_s : EXCHANGE_WAIT_S);
}

/* The connection is gone before all was done: an alert is the broker's refusal, everything else a broken connection. */
static int lost(struct run *run)
{
        unsigned long error = run->handshake.error;

        if (!run->is_let_in && error && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET)
                return refused(run);
        if (!run->is_let_in)
                return cannot_reach(run, "it closes the connection: is this the port for invitations?");
        return cannot_reach(run, "the connection broke off; run this again");
}

static int timed_out(struct run *run)
{
        return run->is_let_in ? nobody(run) : cannot_reach(run, "it does not answer in time");
}

/* ---- Getting there ----------------------------------------------------------------------------------------------- */

struct look_up {
        struct loop loop;
        bool is_over;
        size_t count;
        int error;
        char addresses[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_MAX];
};

static void on_resolved(void *userdata, const struct resolve_answer *answer)
{
        struct look_up *look_up = userdata;

        look_up->is_over = true;
        look_up->error = answer->error;
        for (size_t i = 0; i < answer->count && i < RESOLVE_ADDRESSES_MAX; i++)
                memcpy(look_up->addresses[look_up->count++], answer->addresses[i], RESOLVE_ADDRESS_MAX);
}

static int ask_resolver(struct run *run, struct look_up *look_up)
{
        struct resolver *resolver = NULL;
        int r = resolver_new(&look_up->loop, on_resolved, look_up, &resolver);

        if (r == 0)
                r = resolver_ask(resolver, run->exchange->code->host);
        while (r >= 0 && !look_up->is_over && left_ms(run) > 0)
                r = sd_event_run(look_up->loop.event, left_ms(run) * USEC_PER_MSEC);
        resolver_free(resolver);
        return r < 0 ? r : 0;
}

static int look_up_name(struct run *run, struct look_up *look_up)
{
        int r = loop_init(&look_up->loop);

        if (r == 0) {
                r = ask_resolver(run, look_up);
                loop_done(&look_up->loop);
        }
        if (r < 0)
                return cannot_reach(run, strerror(-r));
        if (!look_up->is_over)
                return cannot_reach(run, "no name server answers in time");
        if (look_up->error)
                return cannot_reach(run, gai_strerror(look_up->error));
        return look_up->count > 0 ? 0 : cannot_reach(run, "the name has no address");
}

/* 0, or an errno. */
static int wait_connected(int fd, uint64_t within_ms)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
        int error = 0, n;
        socklen_t size = sizeof(error);

        do
                n = poll(&poll_fd, 1, (int)within_ms);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? errno : ETIMEDOUT;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

static int try_address(const struct run *run, const char *address)
{
        static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                               .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
        struct addrinfo *found = NULL;
        char port[8];

        (void)snprintf(port, sizeof(port), "%u", run->exchange->code->port);
        if (getaddrinfo(address, port, &hints, &found) != 0)
                return EADDRNOTAVAIL;
        CLEANUP_CLOSE int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int error = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ? errno : 0;
        freeaddrinfo(found);
        return error == EINPROGRESS ? wait_connected(fd, MIN(left_ms(run), (uint64_t)CONNECT_MS)) : error;
}

static int find_address(struct run *run, char ret[static RESOLVE_ADDRESS_MAX])
{
        struct look_up look_up = { 0 };
        int error = ETIMEDOUT, r = look_up_name(run, &look_up);

        if (r < 0)
                return r;
        for (size_t i = 0; i < look_up.count && left_ms(run) > 0; i++) {
                error = try_address(run, look_up.addresses[i]);
                if (error == 0) {
                        memcpy(ret, look_up.addresses[i], RESOLVE_ADDRESS_MAX);
                        return 0;
                }
        }
        return cannot_reach(run, strerror(error));
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

static void ask(struct mosquitto *mosquitto, struct run *run)
{
        int code = mosquitto_publish_v5(mosquitto, NULL, run->topic_request, (int)strlen(run->request), run->request, 1,
                                        false, NULL);

        run->step = STEP_ASK;
        run->ask_at_ms = UINT64_MAX;
        if (code != MOSQ_ERR_SUCCESS)
                end(run, lost(run));
}

static void on_connect(struct mosquitto *mosquitto, void *userdata, int reason, int flags,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)flags;
        (void)properties;
        if (reason != 0) {
                end(run, reason == MQTT_RC_NOT_AUTHORIZED || reason == MQTT_RC_BAD_USERNAME_OR_PASSWORD
                                 ? refused(run)
                                 : cannot_reach(run, mosquitto_reason_string(reason)));
                return;
        }
        run->is_let_in = true;
        run->step = STEP_SUBSCRIBE;
        if (mosquitto_subscribe_v5(mosquitto, NULL, run->topic_answer, 1, 0, NULL) != MOSQ_ERR_SUCCESS)
                end(run, lost(run));
}

static void on_subscribe(struct mosquitto *mosquitto, void *userdata, int id, int count, const int *granted,
                         const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)id;
        (void)properties;
        if (run->step != STEP_SUBSCRIBE)
                return;
        if (count < 1 || granted[0] >= MQTT_REFUSED) {
                end(run, not_authorized(run));
                return;
        }
        ask(mosquitto, run);
}

/* Where nobody has subscribed, the request is lost: the signer may be starting just now. */
static void on_publish(struct mosquitto *mosquitto, void *userdata, int id, int reason,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)id;
        (void)properties;
        if (run->step != STEP_ASK)
                return;
        if (reason >= MQTT_REFUSED) {
                end(run, not_authorized(run));
        } else if (reason == MQTT_RC_NO_MATCHING_SUBSCRIBERS) {
                run->ask_at_ms = now_ms() + AGAIN_MS;
        } else {
                run->step = STEP_WAIT;
                run->ask_at_ms = now_ms() + REPEAT_MS;
        }
}

static void on_disconnect(struct mosquitto *mosquitto, void *userdata, int reason, const mosquitto_property *properties)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)properties;
        if (run->step != STEP_OVER)
                end(run, reason == MQTT_RC_NOT_AUTHORIZED ? not_authorized(run) : lost(run));
}

static void on_log(struct mosquitto *mosquitto, void *userdata, int level, const char *line)
{
        struct run *run = userdata;

        (void)mosquitto;
        (void)level;
        tls_note_log(&run->handshake, line);
}

/* ---- What is answered -------------------------------------------------------------------------------------------- */

static const struct kind {
        const char *name, *whose, *command;
} kinds[] = {
        { "node", "a node's", "sudo sconce-pki join CODE" },
        { "client", "a client's", "sconce join CODE" },
};

static const struct kind *find_kind(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return &kinds[i];
        return NULL;
}

static int check_whose(struct run *run)
{
        const struct answer *answer = run->answer;
        const struct kind *kind = find_kind(answer->kind);
        const char *name = run->exchange->code->name;

        if (strcmp(answer->name, name) != 0)
                return fault_set(run->fault, -EKEYREJECTED,
                                 "the code is %s's, and the signer's answer is for another name: nothing was changed",
                                 name);
        if (strcmp(answer->kind, run->exchange->kind) == 0)
                return 0;
        return kind ? fault_set(run->fault, -EKEYREJECTED, "%s is %s name: run: %s", name, kind->whose, kind->command)
                    : fault_set(run->fault, -EKEYREJECTED,
                                "the signer's answer is for neither a node nor a client: nothing was changed");
}

static int check_answer(struct run *run)
{
        if (!run->answer->error)
                return check_whose(run);
        text_defang(run->answer->error);
        return fault_set(run->fault, -EREMOTEIO, "the signer refuses: %s", run->answer->error);
}

/* Whatever is not by the signer, or to another request, is passed over: the right one may follow. */
static void on_message(struct mosquitto *mosquitto, void *userdata, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
        struct run *run = userdata;
        CLEANUP_FREE char *body = NULL;

        (void)mosquitto;
        (void)properties;
        if (run->step == STEP_OVER || strcmp(message->topic, run->topic_answer) != 0)
                return;
        if (message_open_sealed(LABEL_JOIN_ANSWER, message->payload, (size_t)message->payloadlen, run->keys.mac, &body,
                                &run->bad) < 0 ||
            answer_read(body, run->body, run->exchange->key, run->answer, &run->bad) < 0)
                return;
        end(run, check_answer(run));
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static int prepare(struct run *run)
{
        const struct exchange *exchange = run->exchange;
        int r = code_derive(exchange->code->secret, &run->keys, run->fault);

        if (r == 0)
                r = request_body(exchange->key, exchange->kind, NULL, NULL, 0, &run->body, run->fault);
        if (r == 0)
                r = message_seal(LABEL_JOIN_REQUEST, run->body, run->keys.mac, &run->request, run->fault);
        if (r == 0)
                r = enrol_topic(ENROL_REQUEST, run->keys.identity, run->topic_request);
        if (r == 0)
                r = enrol_topic(ENROL_ANSWER, run->keys.identity, run->topic_answer);
        url_peer_text(exchange->code->host, exchange->code->port, run->peer);
        return r;
}

static struct mosquitto *make_client(struct run *run)
{
        CLEANUP(mosquitto_destroyp) struct mosquitto *mosquitto = mosquitto_new(NULL, true, run);

        if (!mosquitto ||
            mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) != MOSQ_ERR_SUCCESS ||
            mosquitto_tls_psk_set(mosquitto, run->keys.psk, run->keys.identity, NULL) != MOSQ_ERR_SUCCESS)
                return NULL;
        mosquitto_connect_v5_callback_set(mosquitto, on_connect);
        mosquitto_subscribe_v5_callback_set(mosquitto, on_subscribe);
        mosquitto_publish_v5_callback_set(mosquitto, on_publish);
        mosquitto_message_v5_callback_set(mosquitto, on_message);
        mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
        mosquitto_log_callback_set(mosquitto, on_log);
        return TAKE_PTR(mosquitto);
}

static void show_progress(struct run *run)
{
        char sentence[URL_TEXT_MAX + 64];

        if (now_ms() < run->progress_at_ms)
                return;
        run->progress_at_ms = UINT64_MAX;
        if (run->is_let_in)
                (void)snprintf(sentence, sizeof(sentence), "waiting for the signer's answer");
        else
                (void)snprintf(sentence, sizeof(sentence), "connecting to the broker at %s", run->peer);
        if (run->exchange->progress)
                run->exchange->progress(run->exchange->userdata, sentence);
}

static void drive(struct mosquitto *mosquitto, struct run *run)
{
        int code = MOSQ_ERR_SUCCESS;

        while (run->step != STEP_OVER && code == MOSQ_ERR_SUCCESS && left_ms(run) > 0) {
                code = mosquitto_loop(mosquitto, LOOP_MS, 1);
                if (run->step != STEP_OVER && now_ms() >= run->ask_at_ms)
                        ask(mosquitto, run);
                show_progress(run);
        }
        if (run->step != STEP_OVER)
                end(run, code == MOSQ_ERR_SUCCESS ? timed_out(run) : lost(run));
}

static int connect_once(struct run *run, const char *address)
{
        CLEANUP(mosquitto_destroyp) struct mosquitto *mosquitto = make_client(run);

        if (!mosquitto)
                return no_memory(run);
        int code = mosquitto_connect_bind_v5(mosquitto, address, run->exchange->code->port, KEEPALIVE_S, NULL, NULL);
        if (code != MOSQ_ERR_SUCCESS)
                return lost(run);
        drive(mosquitto, run);
        (void)mosquitto_disconnect_v5(mosquitto, 0, NULL);
        (void)mosquitto_loop(mosquitto, 0, 1);
        return run->result;
}

/* False: there is no time left. */
static bool wait_for_broker(struct run *run, uint64_t until_ms)
{
        char sentence[URL_TEXT_MAX + 64];

        if (now_ms() + UNKNOWN_MS > MIN(until_ms, run->until_ms))
                return false;
        (void)snprintf(sentence, sizeof(sentence), "the broker at %s does not know the code yet, trying again",
                       run->peer);
        if (run->exchange->progress && !run->is_told)
                run->exchange->progress(run->exchange->userdata, sentence);
        run->is_told = true;
        (void)poll(NULL, 0, UNKNOWN_MS);
        run->progress_at_ms = now_ms() + PROGRESS_MS;
        return true;
}

/* A code may be younger than what the broker has read: it reads its files some time after it was asked to. */
static int converse(struct run *run)
{
        char address[RESOLVE_ADDRESS_MAX];
        int r = find_address(run, address);
        uint64_t until_ms = now_ms() + REFUSED_MS;

        if (r < 0)
                return r;
        while ((r = connect_once(run, address)) < 0 && run->is_refused && wait_for_broker(run, until_ms)) {
                *run->fault = (struct fault){ 0 };
                run->handshake = (struct tls_handshake){ 0 };
                run->step = STEP_CONNECT;
                run->is_refused = false;
        }
        return r;
}

int exchange_join(const struct exchange *exchange, struct answer *ret, struct fault *fault)
{
        struct fault own = { 0 };
        struct run run = { .exchange = exchange, .fault = fault ? fault : &own, .answer = ret };

        *ret = (struct answer){ 0 };
        run.until_ms = now_ms() + 1000ULL * (exchange->wait_s ? exchange->wait_s : EXCHANGE_WAIT_S);
        run.progress_at_ms = now_ms() + PROGRESS_MS;
        run.ask_at_ms = UINT64_MAX;
        (void)mosquitto_lib_init();
        int r = prepare(&run);
        if (r == 0)
                r = converse(&run);
        (void)mosquitto_lib_cleanup();
        ERR_clear_error();
        if (r < 0)
                answer_done(ret);
        free(run.body);
        free(run.request);
        code_forget(NULL, &run.keys);
        return r;
}
