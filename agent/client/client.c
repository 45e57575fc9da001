/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/shown.h"
#include "util/log.h"

#define GOODBYE_US (1 * USEC_PER_SEC)

/* ---- The end ------------------------------------------------------------------------------------------------- */

static void on_stopped(void *userdata)
{
        struct client *client = userdata;
        (void)sd_event_exit(client->loop.event, 0);
}

static void stop_session(struct client *client)
{
        /* When it gives up, what has not gone out by now must not go out any more. */
        session_stop(client->session, client->abandons ? 0 : GOODBYE_US, on_stopped, client);
}

static void on_renewal_done(void *userdata)
{
        stop_session(userdata);
}

/* Everything is said by then: its readers have it. */
static bool begins_renewal(struct client *client)
{
        if (client->abandons || client->is_interrupted || !session_is_connected(client->session) ||
            fflush(client->out) != 0)
                return false;
        client->renewal = client_renewal_begin(&client->loop, client->session, on_renewal_done, client);
        return client->renewal != NULL;
}

void client_end(struct client *client, int exit_code)
{
        if (client->ending)
                return;
        client->ending = true;
        client->exit_code = exit_code;
        timer_disarm(client->deadline);
        timer_disarm(client->grace);
        if (!begins_renewal(client))
                stop_session(client);
}

void client_fail(struct client *client, int exit_code, const char *format, ...)
{
        CLEANUP_FREE char *sentence = NULL;
        va_list arguments;

        if (client->ending)
                return;
        va_start(arguments, format);
        if (vasprintf(&sentence, format, arguments) < 0)
                sentence = NULL;
        va_end(arguments);
        shown_say("%s", sentence ? sentence : "out of memory");
        client_end(client, exit_code);
}

void client_cannot_write(struct client *client, int error)
{
        if (shown_is_unread(client->out))
                client_end(client, 0);
        else
                client_fail(client, EXIT_REFUSED, "cannot write: %s", strerror(error));
}

static void fail_without_broker(struct client *client)
{
        const struct fault *fault = session_last_fault(client->session);

        if (fault->code)
                client_fail(client, EXIT_NO_ANSWER, "no broker: %s", fault->text);
        else
                client_fail(client, EXIT_NO_ANSWER, "no broker: %s did not answer in time",
                            client->settings.session.urls[0]);
}

/* ---- Waiting ------------------------------------------------------------------------------------------------- */

void client_wait(struct client *client, client_step late)
{
        client->on_late = late;
        timer_arm(client->deadline, client->arguments->timeout_us);
}

static void on_deadline(void *userdata)
{
        struct client *client = userdata;
        client_step late = client->on_late;

        if (late)
                late(client);
}

/* ---- Asking the broker --------------------------------------------------------------------------------------- */

bool client_is_topic(const struct client *client, const char *topic, const char *suffix)
{
        size_t base = strlen(client->home.base);
        return strncmp(topic, client->home.base, base) == 0 && topic[base] == '/' &&
               strcmp(topic + base + 1, suffix) == 0;
}

char *client_topic(const struct client *client, const char *suffix)
{
        char *topic;
        return asprintf(&topic, "%s/%s", client->home.base, suffix) < 0 ? NULL : topic;
}

void client_subscribe(struct client *client, const char *suffix, int qos, int *ret_id)
{
        CLEANUP_FREE char *filter = client_topic(client, suffix);
        int r = filter ? session_subscribe(client->session, filter, qos, ret_id) : -ENOMEM;

        if (r < 0)
                client_fail(client, EXIT_NO_ANSWER, "cannot subscribe to %s: %s", suffix, strerror(-r));
}

void client_publish(struct client *client, struct session_message *message, const char *suffix, int *ret_id)
{
        CLEANUP_FREE char *topic = client_topic(client, suffix);

        message->topic = topic;
        int r = topic ? session_publish(client->session, message, ret_id) : -ENOMEM;
        message->topic = NULL;
        if (r < 0)
                client_fail(client, EXIT_NO_ANSWER, "cannot publish to %s: %s", suffix, strerror(-r));
}

/* ---- The session's events ------------------------------------------------------------------------------------ */

static void on_connected(void *userdata)
{
        struct client *client = userdata;

        client->has_connected = true;
        if (client->ending)
                return;
        timer_disarm(client->deadline);
        client->arguments->command->connected(client);
}

/* Until Ctrl-C, and over lost connections. */
static bool goes_on(const struct client *client)
{
        return client->arguments->command->endless || client->arguments->follow;
}

static void on_disconnected(void *userdata, const char *why)
{
        struct client *client = userdata;

        if (client->renewal)
                client_renewal_lost(client->renewal);
        if (client->ending)
                return;
        if (goes_on(client))
                shown_say("the broker is gone: %s; trying again", why);
        else
                client_fail(client, EXIT_NO_ANSWER, "the connection to the broker ended: %s", why);
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct client *client = userdata;

        if (client->renewal)
                client_renewal_received(client->renewal, message);
        if (client->ending)
                return;
        view_take(&client->home, message->topic, message->payload, message->size);
        if (client->on_message)
                client->on_message(client, message);
        look_check(client);
}

static void on_subscribed(void *userdata, int id, int reason)
{
        struct client *client = userdata;

        if (client->renewal)
                client_renewal_subscribed(client->renewal, id, reason);
        if (client->ending)
                return;
        if (reason < REASON_REFUSED)
                look_subscribed(client, id);
        else if (id != client->optional_id)
                client_fail(client, EXIT_REFUSED, "the broker does not let %s read %s", client->settings.name,
                            look_filter(client, id));
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        struct client *client = userdata;

        if (client->renewal)
                client_renewal_acknowledged(client->renewal, id, reason);
        if (!client->ending && client->on_acknowledged)
                client->on_acknowledged(client, id, reason);
}

/* The same failure again, with the same address: every address of every broker has been tried in between. */
static void on_attempt_failed(void *userdata, const struct fault *fault)
{
        struct client *client = userdata;

        if (client->has_connected)
                return;
        if (strcmp(client->first_fault, fault->text) == 0)
                client_fail(client, EXIT_NO_ANSWER, "no broker: %s", fault->text);
        else if (!client->first_fault[0])
                memcpy(client->first_fault, fault->text, sizeof(client->first_fault));
}

static const struct session_handlers handlers = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
        .acknowledged = on_acknowledged,
        .attempt_failed = on_attempt_failed,
        .subscribed = on_subscribed,
};

/* ---- The run ------------------------------------------------------------------------------------------------- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct client *client = userdata;

        (void)source;
        (void)info;
        client->is_interrupted = true;
        client_end(client, 0);
        return 0;
}

/* An endless command is ended by Ctrl-C and that is its success; the others may be killed at any time. */
static int catch_signals(struct client *client)
{
        const int signals[] = { SIGINT, SIGTERM };
        sigset_t set;
        int r = 0;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++)
                r = sd_event_add_signal(client->loop.event, NULL, signals[i], on_signal, client);
        return MIN(r, 0);
}

static int on_reader_gone(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct client *client = userdata;

        (void)source;
        (void)fd;
        (void)events;
        client->is_interrupted = true;
        client_end(client, 0);
        return 0;
}

/* `sconce watch | head`: a pipe shows when its reader is gone; files and terminals do not. */
static void notice_reader(struct client *client)
{
        struct stat status;
        int fd = fileno(client->out);

        if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
                (void)sd_event_add_io(client->loop.event, NULL, fd, 0, on_reader_gone, client);
}

static int set_up(struct client *client)
{
        const struct client_settings *settings = &client->settings;
        int r = view_init(&client->home, settings->config.broker.base);

        if (r == 0 &&
            asprintf(&client->reply_topic, "%s/reply/%s/%s", client->home.base, settings->name, settings->reply) < 0) {
                client->reply_topic = NULL;
                r = -ENOMEM;
        }
        if (r == 0)
                r = loop_init(&client->loop);
        if (r >= 0)
                r = timer_new(&client->loop, TIMER_EXACT_US, on_deadline, client, &client->deadline);
        if (r >= 0)
                r = timer_new(&client->loop, TIMER_EXACT_US, look_finish, client, &client->grace);
        if (r >= 0 && goes_on(client)) {
                notice_reader(client);
                r = catch_signals(client);
        }
        if (r >= 0)
                r = session_new(&client->loop, &settings->session, &handlers, client, &client->session);
        return r >= 0 ? session_start(client->session) : r;
}

static void tear_down(struct client *client)
{
        look_clear(&client->look);
        client_renewal_free(client->renewal);
        session_free(client->session);
        timer_free(client->deadline);
        timer_free(client->grace);
        loop_done(&client->loop);
        json_decref(client->errand.id);
        json_decref(client->errand.refusal);
        json_decref(client->forget.topics);
        json_decref(client->forget.announcements);
        view_done(&client->home);
        free(client->reply_topic);
        client_settings_done(&client->settings);
}

int client_run(const struct arguments *arguments, FILE *out)
{
        struct client client = { .arguments = arguments, .out = out, .exit_code = EXIT_REFUSED };
        int r;

        if (client_settings_read(arguments->config, &client.settings) < 0) {
                client.exit_code = EXIT_BAD_CONFIG;
        } else if ((r = set_up(&client)) < 0) {
                shown_say("cannot start: %s", strerror(-r));
        } else {
                client_wait(&client, fail_without_broker);
                (void)sd_event_loop(client.loop.event);
        }
        tear_down(&client);
        return client.exit_code;
}
