/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setup.h"
#include "util/log.h"

#define RETRY_FIRST_US (1 * USEC_PER_SEC)
#define RETRY_MAX_US   (60 * USEC_PER_SEC)

struct broker_link {
        struct broker_link_options options;
        struct settings settings; /* in use: identity and uplink borrow them */
        struct settings *next;    /* a reload has changed the broker: the old uplink is disconnecting */
        struct broker_identity identity;
        struct broker_secret secret; /* of the run: a reload after a renewal does not change the client id */
        struct uplink *uplink;       /* NULL: no broker is configured, or the link lacks what it needs */
        struct fault failure;        /* why there is none */
        struct timer *retry;
        uint64_t retry_us;
        struct timer *replace; /* the old uplink has ended, outside its own callbacks */
        size_t publish_at;     /* the next device whose state is published, until SIZE_MAX */
        bool is_frozen;
};

static void report(const struct broker_link *link, const char *key, const char *text)
{
        link->options.problem(link->options.userdata, key, text);
}

/* ---- The uplink reports ----------------------------------------------------------------------------------------- */

static void publish_states(struct broker_link *link)
{
        struct uplink *uplink = broker_link_connected(link);

        if (!uplink)
                return;
        while (link->publish_at != SIZE_MAX && uplink_has_room(uplink)) {
                if (home_publish_next(link->options.home, &link->publish_at))
                        continue;
                link->publish_at = SIZE_MAX;
                uplink_note_quiet(uplink);
                if (link->options.published)
                        link->options.published(link->options.userdata);
        }
}

void broker_link_publish_all(struct broker_link *link)
{
        link->publish_at = 0;
        publish_states(link);
}

static void on_begun(void *userdata)
{
        struct broker_link *link = userdata;

        link->options.begun(link->options.userdata);
}

static void on_up(void *userdata)
{
        struct broker_link *link = userdata;

        report(link, "broker", NULL);
        home_broker_back(link->options.home);
        link->options.connected(link->options.userdata);
        broker_link_publish_all(link);
}

static void on_room(void *userdata)
{
        struct broker_link *link = userdata;

        link->options.room(link->options.userdata);
        publish_states(link);
}

static void on_birth(void *userdata)
{
        struct broker_link *link = userdata;

        link->options.birth(link->options.userdata);
}

static void report_lost(const struct broker_link *link)
{
        if (link->options.lost)
                link->options.lost(link->options.userdata);
}

static bool on_acknowledged(void *userdata, int id, int reason)
{
        const struct broker_link *link = userdata;

        return link->options.acknowledged && link->options.acknowledged(link->options.userdata, id, reason);
}

static bool on_message(void *userdata, const struct session_message *message)
{
        const struct broker_link *link = userdata;

        return link->options.message && link->options.message(link->options.userdata, message);
}

static bool on_subscribed(void *userdata, int id, int reason)
{
        const struct broker_link *link = userdata;

        return link->options.subscribed && link->options.subscribed(link->options.userdata, id, reason);
}

static void on_down(void *userdata, const char *why)
{
        struct broker_link *link = userdata;

        report_lost(link);
        if (link->is_frozen)
                return;
        report(link, "broker", why);
        home_broker_lost(link->options.home);
}

static void on_refused(void *userdata, const char *why)
{
        report(userdata, "access", why);
}

/* ---- Making one ------------------------------------------------------------------------------------------------- */

static int connect_uplink(struct broker_link *link)
{
        const struct uplink_handlers handlers = {
                .begun = on_begun,
                .up = on_up,
                .room = on_room,
                .down = on_down,
                .refused = on_refused,
                .birth = on_birth,
                .acknowledged = on_acknowledged,
                .message = on_message,
                .subscribed = on_subscribed,
                .userdata = link,
        };
        struct uplink_options options;

        setup_uplink_options(&link->settings, &link->identity, &options);
        options.loop = link->options.loop;
        options.clock = link->options.clock;
        options.store = link->options.store;
        options.home = link->options.home;
        int r = uplink_new(&options, &handlers, &link->uplink);
        if (r >= 0)
                r = session_start(uplink_session(link->uplink));
        if (r < 0)
                uplink_free(TAKE_PTR(link->uplink));
        return r;
}

static int make_uplink(struct broker_link *link, struct fault *fault)
{
        int r = broker_identity_init(&link->identity, &link->settings, fault);

        if (r < 0)
                return r;
        r = broker_identity_choose_id(&link->identity, &link->settings, link->options.store, &link->secret);
        if (r < 0)
                (void)fault_set(fault, r, "there is no client id to connect with: %s", strerror(-r));
        else if ((r = connect_uplink(link)) < 0)
                (void)fault_set(fault, r, "the broker cannot be connected to: %s", strerror(-r));
        if (r < 0)
                broker_identity_done(&link->identity);
        return r;
}

/* What a connection needs beside the config may come later, or be mended while lamps work. */
static void try_later(struct broker_link *link, const struct fault *fault)
{
        if (strcmp(link->failure.text, fault->text) != 0)
                log_error("%s; it is tried again", fault->text);
        link->failure = *fault;
        report(link, "broker", fault->text);
        link->retry_us = link->retry_us ? MIN(link->retry_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
        timer_arm(link->retry, link->retry_us);
}

void broker_link_start(struct broker_link *link)
{
        struct fault fault = { 0 };

        if (link->settings.broker.urls.count == 0) {
                log_warning("no broker is configured: write `url = mqtts://HOST` under [broker] in %s, or run "
                            "`sconce-pki install NAME.tar` with what `sconce-pki node NAME` wrote; then reload",
                            link->options.config_path);
                report(link, "broker",
                       "none is configured: write [broker] url, or run sconce-pki install; then reload");
                return;
        }
        if (make_uplink(link, &fault) < 0) {
                try_later(link, &fault);
                return;
        }
        link->failure = (struct fault){ 0 };
        link->retry_us = 0;
}

static void on_retry(void *userdata)
{
        struct broker_link *link = userdata;

        if (link->uplink || link->next || link->is_frozen)
                return;
        broker_link_start(link);
        home_get(link->options.home, "node");
}

/* ---- Replacing it ----------------------------------------------------------------------------------------------- */

/* The old uplink has disconnected and borrows nothing any more. */
static void on_replace(void *userdata)
{
        struct broker_link *link = userdata;

        uplink_free(TAKE_PTR(link->uplink));
        report_lost(link);
        broker_identity_done(&link->identity);
        settings_done(&link->settings);
        link->settings = *link->next;
        free(TAKE_PTR(link->next));
        home_broker_lost(link->options.home);
        home_set_offline_after(link->options.home, link->settings.broker.offline_after_us);
        link->retry_us = 0;
        broker_link_start(link);
        home_get(link->options.home, "node"); /* whose certificate may be another */
}

static void on_old_stopped(void *userdata)
{
        struct broker_link *link = userdata;

        timer_arm(link->replace, 0);
}

static int replace_uplink(struct broker_link *link, const struct settings *settings)
{
        bool is_under_way = link->next != NULL;

        if (is_under_way)
                settings_done(link->next);
        else
                link->next = malloc(sizeof(*link->next));
        if (!link->next)
                return -ENOMEM;
        *link->next = *settings;
        if (is_under_way)
                return 0;
        if (link->uplink)
                uplink_stop(link->uplink, on_old_stopped, link);
        else
                on_old_stopped(link);
        return 0;
}

/* The files that the config names may be new. A connection that stands is replaced too: a reload shows now whether the
 * new certificate works, not when the network next fails. */
static bool has_new_credentials(const struct broker_link *link, const struct settings *settings)
{
        struct session *session = link->uplink ? uplink_session(link->uplink) : NULL;

        return session && (session_certificates_changed(session) ||
                           broker_identity_has_new_name(&link->identity, settings, session_tls(session)) ||
                           broker_identity_has_new_password(&link->identity, settings));
}

void broker_link_reload(struct broker_link *link, struct settings *settings, bool is_changed)
{
        /* Without an uplink the last attempt to make one failed, for want of the password's file perhaps. */
        bool is_wanted = !link->uplink && settings->broker.urls.count > 0;

        if ((is_changed || is_wanted || has_new_credentials(link, settings)) && replace_uplink(link, settings) == 0)
                return;
        settings_done(settings);
        broker_link_retry_now(link);
}

void broker_link_retry_now(struct broker_link *link)
{
        if (link->uplink)
                session_retry_now(uplink_session(link->uplink));
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

int broker_link_new(const struct broker_link_options *options, struct settings *settings, struct broker_link **ret)
{
        CLEANUP(broker_link_freep) struct broker_link *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;
        link->options = *options;
        if ((r = timer_new(options->loop, TIMER_LAZY_US, on_retry, link, &link->retry)) < 0 ||
            (r = timer_new(options->loop, TIMER_EXACT_US, on_replace, link, &link->replace)) < 0)
                return r;
        timer_set_priority(link->replace, LOOP_HOUSE);
        link->settings = *settings;
        *settings = (struct settings){ 0 };
        *ret = TAKE_PTR(link);
        return 0;
}

void broker_link_freeze(struct broker_link *link)
{
        link->is_frozen = true;
        timer_disarm(link->replace);
        timer_disarm(link->retry);
}

void broker_link_stop(struct broker_link *link, void (*done)(void *userdata), void *userdata)
{
        if (link->uplink)
                uplink_stop(link->uplink, done, userdata);
        else
                done(userdata);
}

void broker_link_free(struct broker_link *link)
{
        if (!link)
                return;
        uplink_free(link->uplink);
        timer_free(link->replace);
        timer_free(link->retry);
        broker_identity_done(&link->identity);
        broker_secret_done(&link->secret);
        if (link->next)
                settings_done(link->next);
        free(link->next);
        settings_done(&link->settings);
        free(link);
}

bool broker_link_is_wanted(const struct broker_link *link)
{
        return link && link->settings.broker.urls.count > 0;
}

struct uplink *broker_link_uplink(const struct broker_link *link)
{
        return link ? link->uplink : NULL;
}

struct uplink *broker_link_connected(const struct broker_link *link)
{
        struct uplink *uplink = broker_link_uplink(link);

        return uplink && session_is_connected(uplink_session(uplink)) ? uplink : NULL;
}
