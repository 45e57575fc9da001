/* SPDX-License-Identifier: Apache-2.0 */
#include "client/renewal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/shown.h"
#include "enrol/own.h"
#include "enrol/pair.h"
#include "enrol/renew.h"
#include "enrol/topics.h"
#include "enrol/trust.h"
#include "util/log.h"

#define DAY_S 86400
/* A person, or a script, waits for the end. */
#define TRUST_US (300 * USEC_PER_MSEC)
#define TRY_US   (5 * USEC_PER_SEC)

struct renewal {
        struct loop *loop;
        struct session *session; /* NULL: lost */
        void (*done)(void *userdata);
        void *userdata;
        struct timer *timer; /* what is trusted has not come; then: the end */
        bool has_ended;
        int trust_id; /* of its subscription, until there is an answer */
        int64_t trust_number;
        bool has_asked; /* for a certificate */
        struct renew *renew;
        struct own own;
};

void client_renewal_recover(const struct tls_options *tls)
{
        struct fault fault = { 0 };

        if (tls->cert && tls->key && pair_recover(tls->cert, tls->key, &fault) < 0)
                log_debug("what is left of a new certificate stays as it is: %s", fault.text);
}

static const struct tls_options *tls_of(const struct renewal *renewal)
{
        return session_options_of(renewal->session)->tls;
}

static void end(struct renewal *renewal)
{
        renewal->has_ended = true;
        timer_arm(renewal->timer, 0);
}

/* ---- Once a day -------------------------------------------------------------------------------------------------- */

/* The mark's time is that of the last try. False: it was today, or there can be no mark: then there is no try either. */
static bool is_first_today(const char *cert)
{
        CLEANUP_FREE char *mark = NULL;
        struct stat st;

        if (asprintf(&mark, "%s.renewal", cert) < 0) {
                mark = NULL;
                return false;
        }
        time_t now = time(NULL);
        if (lstat(mark, &st) == 0 && st.st_mtime <= now && now - st.st_mtime < DAY_S)
                return false;
        (void)unlink(mark);
        CLEANUP_CLOSE int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd >= 0;
}

static bool is_time(const struct own *own)
{
        return time(NULL) >= own_renew_at_s(own);
}

/* Not where the authority is somebody else's, or where there are no lists. */
static bool may_take_trust(const struct tls_options *tls)
{
        return tls->crl && tls->ca && strcmp(tls->ca, "system") != 0 && pair_may_replace(tls->crl, NULL) == 0;
}

/* ---- A certificate ----------------------------------------------------------------------------------------------- */

static void say(const struct renewal *renewal, const struct fault *why)
{
        char text[OWN_PROBLEM_MAX];

        log_debug("the certificate is not renewed: %s", why->text);
        if (own_days_left(&renewal->own, time(NULL)) >= OWN_WARN_DAYS)
                return;
        own_problem(&renewal->own, time(NULL), why->text, text);
        shown_say("%s", text);
}

static void on_renewed(void *userdata, const struct fault *why)
{
        struct renewal *renewal = userdata;

        if (why)
                say(renewal, why);
        end(renewal);
}

static void ask(struct renewal *renewal)
{
        const struct renew_setup setup = {
                .loop = renewal->loop,
                .session = renewal->session,
                .limit_us = TRY_US,
                .ended = on_renewed,
                .userdata = renewal,
        };
        struct fault why = { 0 };

        renewal->has_asked = true;
        if (renew_new(&setup, &renewal->renew, &why) < 0) {
                say(renewal, &why);
                end(renewal);
        }
}

/* ---- Whom to trust ----------------------------------------------------------------------------------------------- */

/* Afterwards: with what was found, or without. */
static void go_on(struct renewal *renewal, bool is_genuine)
{
        if (renewal->has_asked || renewal->has_ended)
                return;
        timer_disarm(renewal->timer);
        if (is_time(&renewal->own) ||
            (is_genuine && trust_has_successor(tls_of(renewal)->ca, renewal->own.certificate)))
                ask(renewal);
        else
                end(renewal);
}

static bool ask_for_trust(struct renewal *renewal)
{
        char topic[ENROL_TOPIC_MAX];

        if (!may_take_trust(tls_of(renewal)) || enrol_topic(ENROL_TRUST, NULL, topic) < 0 ||
            session_subscribe(renewal->session, topic, 1, &renewal->trust_id) < 0)
                return false;
        timer_arm(renewal->timer, TRUST_US);
        return true;
}

static void take_trust(struct renewal *renewal, const struct session_message *message)
{
        struct fault fault = { 0 };
        int r = trust_take(tls_of(renewal), message->payload, message->size, &renewal->trust_number, &fault);

        if (r < 0)
                log_debug("%s is not taken: %s", message->topic, fault.text);
        go_on(renewal, r >= 0);
}

static void on_timer(void *userdata)
{
        struct renewal *renewal = userdata;
        void (*done)(void *userdata) = renewal->done;

        if (!renewal->has_ended) {
                go_on(renewal, false);
                return;
        }
        renewal->done = NULL;
        if (done)
                done(renewal->userdata);
}

/* ---- The session ------------------------------------------------------------------------------------------------- */

void client_renewal_subscribed(struct renewal *renewal, int id, int reason)
{
        if (renewal->trust_id != 0 && id == renewal->trust_id) {
                renewal->trust_id = 0;
                if (reason >= REASON_REFUSED)
                        go_on(renewal, false);
        } else if (renewal->renew) {
                (void)renew_subscribed(renewal->renew, id, reason);
        }
}

void client_renewal_acknowledged(struct renewal *renewal, int id, int reason)
{
        if (renewal->renew)
                (void)renew_acknowledged(renewal->renew, id, reason);
}

void client_renewal_received(struct renewal *renewal, const struct session_message *message)
{
        if (enrol_topic_is_trust(message->topic))
                take_trust(renewal, message);
        else if (renewal->renew)
                (void)renew_received(renewal->renew, message);
}

void client_renewal_lost(struct renewal *renewal)
{
        renew_free(TAKE_PTR(renewal->renew));
        end(renewal);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* What there is to do, over a connection with a certificate. */
static bool is_wanted(struct renewal *renewal)
{
        const struct tls_options *tls = tls_of(renewal);

        return renew_may_begin(renewal->session) && tls->cert && own_read(tls->cert, &renewal->own, NULL) == 0 &&
               (is_time(&renewal->own) || may_take_trust(tls)) && is_first_today(tls->cert);
}

struct renewal *client_renewal_begin(struct loop *loop, struct session *session, void (*done)(void *userdata),
                                     void *userdata)
{
        struct renewal *renewal = calloc(1, sizeof(*renewal));

        if (!renewal)
                return NULL;
        *renewal = (struct renewal){ .loop = loop, .session = session, .done = done, .userdata = userdata };
        if (!is_wanted(renewal) || timer_new(loop, TIMER_EXACT_US, on_timer, renewal, &renewal->timer) < 0) {
                client_renewal_free(renewal);
                return NULL;
        }
        if (!ask_for_trust(renewal))
                go_on(renewal, false);
        return renewal;
}

void client_renewal_free(struct renewal *renewal)
{
        if (!renewal)
                return;
        renew_free(renewal->renew);
        timer_free(renewal->timer);
        own_done(&renewal->own);
        free(renewal);
}
