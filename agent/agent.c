/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announce.h"
#include "broker_link.h"
#include "channel/result.h"
#include "config/builtin.h"
#include "config/helper.h"
#include "history.h"
#include "info.h"
#include "publish.h"
#include "renewal.h"
#include "service.h"
#include "service_fds.h"
#include "service_job.h"
#include "setup.h"
#include "signals.h"
#include "util/log.h"

/* More than a start with a hundred devices and all that can be wrong with them; then about what a person can read. */
#define LOG_LINES_AT_ONCE    500
#define LOG_LINES_PER_SECOND 20

struct agent {
        struct agent_options options;
        struct loop loop;
        struct config *config;
        struct config *first_config; /* from the start: what [gpio] and [node] were made from */
        struct clock *clock;
        struct gpio *gpio;
        struct store *store;
        struct driven *driven;
        struct starts *starts; /* NULL: there is no place for it */
        struct spent *spent;   /* the same */
        char *default_chip;    /* the devices', for as long as they live */
        struct publisher publisher;
        struct home *devices;
        struct broker_link *link;
        struct history *history;
        struct announce *announce;
        struct renewal *renewal;
        struct signals signals;
        uint64_t started_us;

        struct timer *press; /* a button of the node's */
        bool restart_pressed;
        struct timer *info;   /* it has changed: published once, after the event that changed it */
        struct timer *status; /* and so has what is wrong */
        struct timer *time;   /* the clock may be right by now */
        struct service service;
        bool has_no_time; /* since the start: the clock is not trusted yet */
        bool stopping;
        enum agent_end end;
};

/* ---- What devices report ---------------------------------------------------------------------------------------- */

static void publish_info(void *userdata)
{
        struct agent *agent = userdata;
        CLEANUP_JSON_TEXT struct json_text text = { 0 };

        struct uplink *uplink = broker_link_connected(agent->link);
        if (!uplink)
                return;
        info_write(&(struct info){ agent->clock, agent->started_us, agent->config->sha256, agent->devices }, &text);
        if (text.failed)
                log_warning("info is not published: out of memory");
        else
                uplink_info(uplink, text.data, text.size);
}

static void on_info(void *userdata)
{
        struct agent *agent = userdata;

        publish_info(agent);
        announce_go_on(agent->announce);
}

static void on_begun(void *userdata)
{
        struct agent *agent = userdata;

        announce_begin(agent->announce);
        renewal_connected(agent->renewal, uplink_session(broker_link_uplink(agent->link)));
}

static void on_room(void *userdata)
{
        struct agent *agent = userdata;

        announce_go_on(agent->announce);
}

static void on_published(void *userdata)
{
        struct agent *agent = userdata;

        history_connected(agent->history);
}

static void on_lost(void *userdata)
{
        struct agent *agent = userdata;

        if (agent->renewal)
                renewal_lost(agent->renewal);
        if (agent->history)
                history_lost(agent->history);
}

static bool on_acknowledged(void *userdata, int id, int reason)
{
        struct agent *agent = userdata;

        return history_acknowledged(agent->history, id, reason) || renewal_acknowledged(agent->renewal, id, reason);
}

static bool on_foreign_message(void *userdata, const struct session_message *message)
{
        struct agent *agent = userdata;

        return renewal_received(agent->renewal, message);
}

static bool on_subscribed(void *userdata, int id, int reason)
{
        struct agent *agent = userdata;

        return renewal_subscribed(agent->renewal, id, reason);
}

static void on_birth(void *userdata)
{
        struct agent *agent = userdata;

        announce_birth(agent->announce);
}

/* The sink's userdata is the publisher. */
static struct agent *agent_of(struct publisher *publisher)
{
        return CONTAINER_OF(publisher, struct agent, publisher);
}

static void info_changed(struct agent *agent)
{
        if (!timer_armed(agent->info))
                timer_arm(agent->info, 0);
}

static void on_info_changed(void *userdata)
{
        info_changed(agent_of(userdata));
}

static void on_send(struct publisher *publisher, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta)
{
        struct agent *agent = agent_of(publisher);

        if (topic == DEVICE_ERROR)
                timer_arm(agent->status, 0);
        if (topic == DEVICE_STATUS && agent->announce)
                announce_status(agent->announce);
        if (agent->history && history_take(agent->history, publisher, device, topic))
                return;
        struct uplink *uplink = broker_link_uplink(agent->link);
        if (uplink)
                uplink_publish(uplink, device, topic, payload, size, meta);
}

static int on_command_other(void *userdata, const struct distant_command *command, struct result *result)
{
        const struct agent *agent = agent_of(userdata);
        struct uplink *uplink = broker_link_uplink(agent->link);

        return uplink ? uplink_command_other(uplink, command, result)
                      : refuse(result, RESULT_OFFLINE, "there is no connection to a broker");
}

static bool on_reaches_others(void *userdata)
{
        const struct agent *agent = agent_of(userdata);
        const struct uplink *uplink = broker_link_uplink(agent->link);

        return uplink && uplink_reaches_others(uplink);
}

static void publish_status(void *userdata)
{
        struct agent *agent = userdata;
        char wrong[768];

        if (agent->stopping)
                return;
        struct uplink *uplink = broker_link_connected(agent->link);
        home_summary(agent->devices, wrong, sizeof(wrong));
        service_status(&agent->service, uplink ? session_peer(uplink_session(uplink)) : NULL, wrong);
}

/* Before there are devices it is dropped: the store and the record of what is driven report again when there are. */
static void report_problem(void *userdata, const char *key, const char *text)
{
        struct agent *agent = userdata;

        if (!agent->devices || agent->stopping)
                return;
        home_problem(agent->devices, key, text);
        timer_arm(agent->status, 0);
}

static void on_ask_facts(void *userdata, struct node_facts *ret)
{
        struct agent *agent = userdata;

        if (agent->has_no_time) /* once a minute, when the node is read */
                timer_arm(agent->time, 0);
        struct uplink *uplink = broker_link_uplink(agent->link);
        if (uplink) {
                ret->queue = session_in_flight(uplink_session(uplink));
                ret->dropped = uplink_dropped(uplink);
        }
        history_facts(agent->history, ret);
        if (!uplink)
                return;
        const struct tls *tls = session_tls(uplink_session(uplink));
        ret->has_certificate = tls && tls_certificate_days(tls, &ret->certificate_days);
}

static void on_store_fault(void *userdata, enum store_fault fault, const char *text)
{
        report_problem(userdata, fault == STORE_SET_ASIDE ? "damaged state" : "saved state", text);
}

static void on_driven_trouble(void *userdata, const char *text)
{
        report_problem(userdata, "runtime directory", text);
}

/* ---- Stopping --------------------------------------------------------------------------------------------------- */

static void on_link_stopped(void *userdata)
{
        struct agent *agent = userdata;

        (void)sd_event_exit(agent->loop.event, 0);
}

static void end_with(struct agent *agent, enum agent_end end)
{
        if (agent->stopping)
                return;
        agent->stopping = true;
        agent->end = end;
        /* A stop would be waited for and then enforced; a restart is over when the next run is ready. */
        if (end == AGENT_RESTART)
                service_reloading();
        else
                service_stopping();
        /* What a reload has begun is not gone on with: it would make a new uplink that nobody stops. */
        broker_link_freeze(agent->link);
        /* First the hardware, while its last states can still be published. An answer may take two seconds: what need not wait
         * for it does not. */
        bool is_more = home_begin_stop(agent->devices);
        if (end == AGENT_RESTART || (is_more && service_is_restarting()))
                home_will_restart(agent->devices);
        home_stop(agent->devices);
        store_flush(agent->store);
        broker_link_stop(agent->link, on_link_stopped, agent);
}

/* ---- Reloading -------------------------------------------------------------------------------------------------- */

static void take_over(struct agent *agent, struct config *config, struct settings *settings)
{
        bool is_broker_changed = !setup_same_section(agent->config, config, "broker") ||
                                 !setup_same_section(agent->config, config, "tls") ||
                                 !setup_same_section(agent->config, config, "homeassistant");
        char reason[SETUP_REASON_MAX];

        /* Against what the parts were made from: a change that was taken back needs none. */
        setup_restart_reason(agent->first_config, config, reason);
        report_problem(agent, "restart", *reason ? reason : NULL);
        if (agent->config != agent->first_config)
                config_free(agent->config);
        agent->config = config;
        int r = home_apply(agent->devices, config);
        if (r < 0)
                log_error("the devices could not be reloaded: %s", strerror(-r));
        info_changed(agent);
        history_configure(agent->history, &settings->history);
        broker_link_reload(agent->link, settings, is_broker_changed);
        renewal_look_now(agent->renewal);
}

static void keep_config(struct agent *agent, int r)
{
        if (r == SETUP_BAD_CONFIG) {
                log_error("the config is not reloaded; what runs goes on as it was");
                report_problem(agent, "config", "the config on disk is wrong: see the log, or run sconced --check");
        } else {
                log_error("the config is not reloaded: %s; what runs goes on as it was", strerror(-r));
                report_problem(agent, "config", "the config could not be read: reload it again");
        }
}

static void reload(struct agent *agent)
{
        struct config *config = NULL;
        struct settings settings;

        if (agent->stopping)
                return;
        service_reloading();
        int r = setup_read(agent->options.config_path, agent->options.plugin_dir, agent->starts, &config, &settings);
        if (r != 0) {
                keep_config(agent, r);
        } else {
                report_problem(agent, "config", NULL);
                take_over(agent, config, &settings);
                log_notice("reloaded %s", agent->options.config_path);
        }
        helper_end();
        service_ready();
}

static void on_signal(void *userdata, int signal)
{
        struct agent *agent = userdata;

        switch (signal) {
        case SIGHUP:
                reload(agent);
                break;
        case SIGUSR1:
                log_set_level(log_level() == LOG_DEBUG ? MIN(agent->options.log_level, LOG_INFO) : LOG_DEBUG);
                log_notice("debug messages are %s", log_level() == LOG_DEBUG ? "on" : "off");
                break;
        default:
                log_info("stopping: %s", strsignal(signal));
                end_with(agent, AGENT_STOP);
        }
}

/* A button is pressed inside its device's callback: it acts when that has returned. */
static void on_restart_button(void *userdata)
{
        struct agent *agent = agent_of(userdata);

        agent->restart_pressed = true;
        timer_arm(agent->press, 0);
}

static void on_reload_button(void *userdata)
{
        timer_arm(agent_of(userdata)->press, 0);
}

static void on_press(void *userdata)
{
        struct agent *agent = userdata;

        if (agent->restart_pressed)
                end_with(agent, AGENT_RESTART);
        else
                reload(agent);
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

static void on_clock_jump(void *userdata)
{
        struct agent *agent = userdata;

        /* "Certificate not yet valid" may have been our clock. */
        broker_link_retry_now(agent->link);
        home_clock_set(agent->devices);
        renewal_look_now(agent->renewal);
        timer_arm(agent->time, 0);
}

/* Also without a jump: a clock that was about right is steered, and one day called synchronised. */
static void look_at_time(void *userdata)
{
        struct agent *agent = userdata;

        if (agent->stopping || !agent->has_no_time || !clock_trusted(agent->clock))
                return;
        agent->has_no_time = false;
        log_notice("the clock is right: messages have their times from now on");
        home_clock_set(agent->devices);
        home_get(agent->devices, "node"); /* a problem less */
        history_time_is_known(agent->history);
        renewal_look_now(agent->renewal);
        info_changed(agent);
        if (broker_link_connected(agent->link))
                broker_link_publish_all(agent->link); /* with their times */
}

/* Exact, but behind the outputs'. */
static int make_timers(struct agent *agent)
{
        const struct {
                timer_fn fn;
                struct timer **timer;
        } timers[] = {
                { on_press, &agent->press },
                { on_info, &agent->info },
                { publish_status, &agent->status },
                { look_at_time, &agent->time },
        };

        for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
                int r = timer_new(&agent->loop, TIMER_EXACT_US, timers[i].fn, agent, timers[i].timer);
                if (r < 0)
                        return r;
                timer_set_priority(*timers[i].timer, LOOP_HOUSE);
        }
        return 0;
}

static int open_parts(struct agent *agent, const struct settings *settings)
{
        const struct store_options store = { .loop = &agent->loop, .fault = on_store_fault, .userdata = agent };
        const struct driven_options driven = { .problem = on_driven_trouble, .userdata = agent };
        int r;

        if ((r = clock_new(&agent->loop, (enum clock_mode)settings->node.clock, &agent->clock)) < 0 ||
            (r = setup_gpio(&agent->loop, &settings->gpio, service_fd_store(), &agent->gpio)) < 0 ||
            (r = setup_store(settings, &store, &agent->store)) < 0 ||
            (r = setup_driven(agent->options.config_path, settings, &driven, &agent->driven)) < 0)
                return r;
        agent->spent = setup_spent(agent->options.config_path);
        service_take_fds(agent->gpio);
        clock_on_jump(agent->clock, on_clock_jump, agent);
        agent->default_chip = strdup(settings->gpio.chip);
        return agent->default_chip ? 0 : -ENOMEM;
}

static int make_home(struct agent *agent, const struct settings *settings)
{
        struct home_sink sink = publisher_sink(&agent->publisher);
        struct home_options options;

        setup_devices_options(settings, agent->options.plugin_dir, &options);
        options.default_chip = agent->default_chip;
        options.loop = &agent->loop;
        options.clock = agent->clock;
        options.gpio = agent->gpio;
        options.store = agent->store;
        options.driven = agent->driven;
        options.starts = agent->starts;
        options.spent = agent->spent;
        agent->publisher = (struct publisher){ .clock = agent->clock, .send = on_send };
        sink.info_changed = on_info_changed;
        sink.command_other = on_command_other;
        sink.reaches_others = on_reaches_others;
        sink.restart = on_restart_button;
        sink.reload = on_reload_button;
        return home_new(&options, &sink, &agent->devices);
}

static int make_link(struct agent *agent, struct settings *settings)
{
        const struct broker_link_options options = {
                .loop = &agent->loop,
                .clock = agent->clock,
                .store = agent->store,
                .home = agent->devices,
                .config_path = agent->options.config_path,
                .problem = report_problem,
                .begun = on_begun,
                .connected = on_info,
                .room = on_room,
                .birth = on_birth,
                .published = on_published,
                .lost = on_lost,
                .acknowledged = on_acknowledged,
                .message = on_foreign_message,
                .subscribed = on_subscribed,
                .userdata = agent,
        };
        return broker_link_new(&options, settings, &agent->link);
}

/* Before the link, which takes over the settings. */
static int make_history(struct agent *agent, const struct settings *settings)
{
        const struct history_options options = { .loop = &agent->loop,
                                                 .clock = agent->clock,
                                                 .store = agent->store,
                                                 .home = agent->devices,
                                                 .settings = settings->history };
        return history_new(&options, &agent->history);
}

static int make_announce(struct agent *agent)
{
        const struct announce_options options = {
                .loop = &agent->loop, .store = agent->store, .home = agent->devices, .link = agent->link
        };
        return announce_new(&options, &agent->announce);
}

static void on_renewed(void *userdata)
{
        struct agent *agent = userdata;

        home_get(agent->devices, "node"); /* whose days are more now */
}

static int make_renewal(struct agent *agent)
{
        const struct renewal_options options = { .loop = &agent->loop,
                                                 .clock = agent->clock,
                                                 .problem = report_problem,
                                                 .renewed = on_renewed,
                                                 .userdata = agent };
        return renewal_new(&options, &agent->renewal);
}

/* Takes over the settings unless it fails. */
static int build_parts(struct agent *agent, struct settings *settings)
{
        int r;

        if ((r = make_timers(agent)) < 0 || (r = open_parts(agent, settings)) < 0 ||
            (r = make_home(agent, settings)) < 0 || (r = make_history(agent, settings)) < 0 ||
            (r = make_renewal(agent)) < 0 || (r = make_link(agent, settings)) < 0 || (r = make_announce(agent)) < 0)
                return r;
        history_set_link(agent->history, agent->link);
        home_set_facts(agent->devices, on_ask_facts, agent);
        store_report(agent->store);
        driven_report(agent->driven);
        return 0;
}

static int start_parts(struct agent *agent)
{
        /* Until a connection stands the broker is not there: outputs start as that wants them. */
        home_broker_lost(agent->devices);
        int r = home_apply(agent->devices, agent->config);
        helper_end();
        (void)driven_settle_left(agent->driven, agent->gpio);
        if (r >= 0)
                broker_link_start(agent->link);
        /* The days that its certificate has left are known now. */
        home_get(agent->devices, "node");
        return r;
}

int agent_new(const struct agent_options *options, struct agent **ret)
{
        CLEANUP(agent_freep) struct agent *agent = calloc(1, sizeof(*agent));
        int r;

        if (!agent)
                return -ENOMEM;
        agent->options = *options;
        agent->signals = (struct signals){ .handler = on_signal, .userdata = agent };
        if ((r = loop_init(&agent->loop)) < 0 || (r = signals_catch(&agent->loop, &agent->signals)) < 0)
                return r;
        agent->started_us = loop_now_us(&agent->loop);
        *ret = TAKE_PTR(agent);
        return 0;
}

int agent_run(struct agent *agent, enum agent_end *ret_end)
{
        struct settings settings;

        agent->starts = setup_starts(agent->options.config_path);
        int r = setup_read(agent->options.config_path, agent->options.plugin_dir, agent->starts, &agent->config,
                           &settings);

        if (r == SETUP_BAD_CONFIG) {
                *ret_end = AGENT_BAD_CONFIG;
                return 0;
        }
        if (r < 0)
                return r;
        agent->first_config = agent->config;
        renewal_recover(&settings.tls);
        r = build_parts(agent, &settings);
        if (r < 0) {
                settings_done(&settings);
                return r;
        }
        /* Fed by the loop: when the loop hangs, systemd ends us and ExecStopPost makes the outputs safe. */
        (void)sd_event_set_watchdog(agent->loop.event, true);
        log_limit(LOG_LINES_PER_SECOND, LOG_LINES_AT_ONCE);
        log_notice("sconced " SCONCE_VERSION " starts with %s", agent->options.config_path);
        agent->has_no_time = !clock_trusted(agent->clock);
        if (agent->has_no_time)
                log_notice("the clock is not synchronised yet: times are null until it is, or until [node] says "
                           "clock = trusted");
        r = start_parts(agent);
        if (r < 0)
                return r;
        publish_status(agent);
        service_ready();
        r = sd_event_loop(agent->loop.event);
        if (r < 0)
                return r;
        *ret_end = agent->end;
        return 0;
}

void agent_free(struct agent *agent)
{
        if (!agent)
                return;
        if (agent->devices) /* a wrong config ends before there are any */
                home_stop(agent->devices);
        history_stop(agent->history);
        if (store_close(agent->store) && agent->driven)
                driven_saved(agent->driven);
        announce_free(agent->announce);
        renewal_free(TAKE_PTR(agent->renewal)); /* borrows what the link has */
        broker_link_free(TAKE_PTR(agent->link));
        home_free(agent->devices);
        json_text_done(&agent->publisher.text);
        store_free(agent->store);
        history_free(agent->history);
        driven_free(agent->driven);
        starts_free(agent->starts);
        spent_free(agent->spent);
        if (agent->gpio && agent->end == AGENT_RESTART)
                service_hand_over_fds(agent->gpio);
        gpio_free(agent->gpio);
        timer_free(agent->time);
        timer_free(agent->status);
        timer_free(agent->info);
        timer_free(agent->press);
        clock_free(agent->clock);
        free(agent->default_chip);
        if (agent->config != agent->first_config)
                config_free(agent->config);
        config_free(agent->first_config);
        loop_done(&agent->loop);
        free(agent);
}
