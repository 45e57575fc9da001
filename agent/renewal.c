/* SPDX-License-Identifier: Apache-2.0 */
#include "renewal.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "enrol/own.h"
#include "enrol/pair.h"
#include "enrol/renew.h"
#include "enrol/topics.h"
#include "enrol/trust.h"
#include "util/log.h"

#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

#define TRY_US         MINUTE_US /* for an answer, and for its proof */
#define RETRY_FIRST_US MINUTE_US
#define RETRY_MAX_US   (6 * HOUR_US)
#define PAUSE_US       HOUR_US       /* however short the new one's life */
#define OLDER_PAUSE_US DAY_US        /* the new one is by the older authority all the same */
#define LOOK_US        (6 * HOUR_US) /* a clock may have been set, days have passed */
#define SPREAD_US      HOUR_US       /* so that a house does not ask all at once for its new authority */
/* A broker that closes the connection on our subscription to what is trusted is not asked again. */
#define TRUST_CLOSED_MAX 3

enum state {
        RENEWAL_AWAY,    /* no connection over TLS with a certificate */
        RENEWAL_WAITING, /* for its time, or to try again */
        RENEWAL_UNDER_WAY,
};

struct renewal {
        struct renewal_options options;
        enum state state;
        struct session *session; /* NULL: away */
        struct renew *renew;     /* under way */
        struct timer *look;
        uint64_t not_before_us; /* of the next try */
        uint64_t retry_us;      /* after the next failure; 0: the first */
        struct fault failure;   /* of the last try */
        uint64_t logged_us;     /* when it was; 0: never */
        bool has_problem;

        int64_t trust_number;   /* taken in this run */
        int trust_id;           /* of the subscription that is not answered yet */
        unsigned trust_closed;  /* in a row: connections that ended meanwhile */
        bool has_refused_trust; /* in this connection */
        bool has_successor;     /* a younger authority than ours is in force */
};

void renewal_recover(const struct tls_options *tls)
{
        struct fault fault = { 0 };

        if (tls->cert && tls->key && pair_recover(tls->cert, tls->key, &fault) < 0)
                log_warning("what a crash has left of a new certificate stays as it is: %s", fault.text);
}

static const struct tls_options *tls_of(const struct renewal *renewal)
{
        return session_options_of(renewal->session)->tls;
}

static bool read_own(const struct renewal *renewal, struct own *ret)
{
        return tls_of(renewal)->cert && own_read(tls_of(renewal)->cert, ret, NULL) == 0;
}

/* ---- What a person hears ----------------------------------------------------------------------------------------- */

static void set_problem(struct renewal *renewal, const char *text)
{
        if (text || renewal->has_problem)
                renewal->options.problem(renewal->options.userdata, "certificate", text);
        renewal->has_problem = text != NULL;
}

static void report(struct renewal *renewal, const struct own *own, int64_t now_s)
{
        uint64_t now_us = loop_now_us(renewal->options.loop);
        char text[OWN_PROBLEM_MAX];

        if (renewal->failure.code == 0 || own_days_left(own, now_s) >= OWN_WARN_DAYS) {
                set_problem(renewal, NULL);
                return;
        }
        own_problem(own, now_s, renewal->failure.text, text);
        set_problem(renewal, text);
        if (renewal->logged_us != 0 && now_us - renewal->logged_us < DAY_US)
                return;
        renewal->logged_us = now_us;
        log_warning("%s", text);
}

/* ---- One try ----------------------------------------------------------------------------------------------------- */

static void look(struct renewal *renewal);

static void wait_longer(struct renewal *renewal, const struct fault *why)
{
        log_debug("the certificate is not renewed: %s", why->text);
        renewal->failure = *why;
        renewal->retry_us = renewal->retry_us ? MIN(renewal->retry_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
        renewal->not_before_us = loop_now_us(renewal->options.loop) + renewal->retry_us;
}

static bool has_successor(const struct renewal *renewal)
{
        struct own own = { 0 };

        bool has = read_own(renewal, &own) && trust_has_successor(tls_of(renewal)->ca, own.certificate);
        own_done(&own);
        return has;
}

static void use_new_pair(struct renewal *renewal)
{
        struct own own = { 0 };

        renewal->failure = (struct fault){ 0 };
        renewal->retry_us = renewal->logged_us = 0;
        renewal->has_successor = has_successor(renewal);
        renewal->not_before_us = loop_now_us(renewal->options.loop) +
                                 (renewal->has_successor ? OLDER_PAUSE_US : PAUSE_US);
        /* For the next connect: this connection has no need of it. */
        (void)session_certificates_changed(renewal->session);
        if (read_own(renewal, &own))
                log_notice("the certificate of %s is renewed: the new one is good for %ld days", own.name,
                           own_days_left(&own, time(NULL)));
        own_done(&own);
        renewal->options.renewed(renewal->options.userdata);
}

static void on_ended(void *userdata, const struct fault *why)
{
        struct renewal *renewal = userdata;

        const struct fault failure = why ? *why : (struct fault){ 0 };

        renew_free(TAKE_PTR(renewal->renew));
        if (failure.code)
                wait_longer(renewal, &failure);
        else
                use_new_pair(renewal);
        renewal->state = RENEWAL_WAITING;
        look(renewal);
}

static void begin(struct renewal *renewal)
{
        const struct renew_setup setup = {
                .loop = renewal->options.loop,
                .session = renewal->session,
                .limit_us = TRY_US,
                .ended = on_ended,
                .userdata = renewal,
        };
        struct fault why = { 0 };

        if (renew_new(&setup, &renewal->renew, &why) < 0)
                wait_longer(renewal, &why);
        else
                renewal->state = RENEWAL_UNDER_WAY;
}

/* ---- When it is time --------------------------------------------------------------------------------------------- */

static bool is_time(const struct renewal *renewal, const struct own *own, int64_t now_s)
{
        return now_s >= own_renew_at_s(own) || renewal->has_successor;
}

static uint64_t until_due_us(const struct renewal *renewal, const struct own *own, int64_t now_s)
{
        uint64_t now_us = loop_now_us(renewal->options.loop);

        if (is_time(renewal, own, now_s))
                return renewal->not_before_us > now_us ? renewal->not_before_us - now_us : 0;
        return (uint64_t)(own_renew_at_s(own) - now_s) * USEC_PER_SEC;
}

static void look_at(struct renewal *renewal, const struct own *own, int64_t now_s)
{
        if (!is_time(renewal, own, now_s))
                renewal->failure = (struct fault){ 0 };
        else if (until_due_us(renewal, own, now_s) == 0)
                begin(renewal);
        report(renewal, own, now_s);
        if (renewal->state == RENEWAL_WAITING)
                timer_arm(renewal->look, MIN(until_due_us(renewal, own, now_s), LOOK_US));
}

/* A wrong clock would make a certificate look old. */
static void look(struct renewal *renewal)
{
        int64_t offset_us = 0;
        struct own own = { 0 };

        timer_arm(renewal->look, LOOK_US);
        if (renewal->state != RENEWAL_WAITING || !read_own(renewal, &own))
                return;
        if (clock_offset(renewal->options.clock, &offset_us))
                look_at(renewal, &own,
                        ((int64_t)loop_now_us(renewal->options.loop) + offset_us) / (int64_t)USEC_PER_SEC);
        own_done(&own);
}

static void on_look(void *userdata)
{
        look(userdata);
}

void renewal_look_now(struct renewal *renewal)
{
        renewal->retry_us = renewal->not_before_us = 0;
        timer_arm(renewal->look, 0);
}

/* ---- What is trusted --------------------------------------------------------------------------------------------- */

static void subscribe_trust(struct renewal *renewal)
{
        char topic[ENROL_TOPIC_MAX];

        renewal->trust_id = 0;
        if (renewal->trust_closed < TRUST_CLOSED_MAX && enrol_topic(ENROL_TRUST, NULL, topic) == 0)
                (void)!session_subscribe(renewal->session, topic, 1, &renewal->trust_id);
}

static uint64_t draw_spread_us(void)
{
        uint32_t chance = 0;

        (void)!RAND_bytes((unsigned char *)&chance, sizeof(chance));
        return (uint64_t)((double)SPREAD_US * chance / UINT32_MAX);
}

static void look_for_successor(struct renewal *renewal)
{
        bool had = renewal->has_successor;

        renewal->has_successor = has_successor(renewal);
        if (!renewal->has_successor || had)
                return;
        log_info("a younger authority is in force: it is asked for a certificate within an hour");
        renewal->not_before_us = MAX(renewal->not_before_us, loop_now_us(renewal->options.loop) + draw_spread_us());
        look(renewal);
}

static void take_trust(struct renewal *renewal, const struct session_message *message)
{
        struct fault fault = { 0 };
        int r = trust_take(tls_of(renewal), message->payload, message->size, &renewal->trust_number, &fault);

        if (r < 0) {
                /* Anyone who may write there could fill the log. */
                log_write(renewal->has_refused_trust ? LOG_DEBUG : LOG_INFO, NULL, "%s is not taken: %s",
                          message->topic, fault.text);
                renewal->has_refused_trust = true;
                return;
        }
        if (r > 0) {
                log_notice("other authorities or revocation lists are in force: they count from the next connect on");
                (void)session_certificates_changed(renewal->session);
        }
        look_for_successor(renewal);
}

/* ---- The session ------------------------------------------------------------------------------------------------- */

void renewal_connected(struct renewal *renewal, struct session *session)
{
        struct own own = { 0 };

        renewal_lost(renewal);
        renewal->session = session;
        if (!renew_may_begin(session) || !read_own(renewal, &own)) {
                renewal->session = NULL;
                return;
        }
        own_done(&own);
        renewal->state = RENEWAL_WAITING;
        subscribe_trust(renewal);
        timer_arm(renewal->look, 0);
}

void renewal_lost(struct renewal *renewal)
{
        renew_free(TAKE_PTR(renewal->renew));
        if (renewal->session && renewal->trust_id != 0)
                renewal->trust_closed++;
        renewal->trust_id = 0;
        renewal->has_refused_trust = false;
        renewal->session = NULL;
        renewal->state = RENEWAL_AWAY;
}

bool renewal_subscribed(struct renewal *renewal, int id, int reason)
{
        if (renewal->session && renewal->trust_id != 0 && id == renewal->trust_id) {
                /* Without it, all but news of the authority works. */
                if (reason >= REASON_REFUSED)
                        log_debug("the broker does not let us read whom to trust");
                renewal->trust_id = 0;
                renewal->trust_closed = 0;
                return true;
        }
        return renewal->renew && renew_subscribed(renewal->renew, id, reason);
}

bool renewal_acknowledged(struct renewal *renewal, int id, int reason)
{
        return renewal->renew && renew_acknowledged(renewal->renew, id, reason);
}

bool renewal_received(struct renewal *renewal, const struct session_message *message)
{
        if (!renewal->session)
                return false;
        if (enrol_topic_is_trust(message->topic)) {
                if (message->size > 0) /* empty: somebody has cleared it */
                        take_trust(renewal, message);
                return true;
        }
        return renewal->renew && renew_received(renewal->renew, message);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

int renewal_new(const struct renewal_options *options, struct renewal **ret)
{
        CLEANUP(renewal_freep) struct renewal *renewal = calloc(1, sizeof(*renewal));

        if (!renewal)
                return -ENOMEM;
        renewal->options = *options;
        int r = timer_new(options->loop, TIMER_LAZY_US, on_look, renewal, &renewal->look);
        if (r < 0)
                return r;
        timer_set_priority(renewal->look, LOOP_NETWORK);
        *ret = TAKE_PTR(renewal);
        return 0;
}

void renewal_free(struct renewal *renewal)
{
        if (!renewal)
                return;
        renew_free(renewal->renew);
        timer_free(renewal->look);
        free(renewal);
}
