/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "config/builtin.h"
#include "info.h"
#include "publish.h"
#include "service.h"
#include "setup.h"
#include "uplink.h"
#include "util/log.h"

#define UPLINK_RETRY_FIRST_US (1 * USEC_PER_SEC)
#define UPLINK_RETRY_MAX_US   (60 * USEC_PER_SEC)

/* More than a start with a hundred devices and all that can be wrong with them; then about what a person can read. */
#define LOG_LINES_AT_ONCE    500
#define LOG_LINES_PER_SECOND 20

struct agent {
        struct agent_options options;
        struct loop loop;
        struct config *config;
        struct config *first_config; /* from the start: what [gpio] and [node] were made from */
        struct settings settings;
        struct clock *clock;
        struct gpio *gpio;
        struct store *store;
        struct driven *driven;
        char *default_chip; /* the devices', for as long as they live */
        struct publisher publisher;
        struct home *devices;
        struct uplink *uplink; /* NULL: no broker is configured yet */
        struct broker_identity identity;
        struct settings *next_settings; /* a reload has changed the broker: the old uplink is saying goodbye */
        uint64_t started_us;

        struct timer *press; /* a button of the node's */
        bool restart_pressed;
        struct timer *uplink_retry; /* there is none yet for want of what it needs */
        uint64_t uplink_retry_us;
        struct fault no_uplink;
        struct timer *relink; /* the old uplink has ended, outside its own callbacks */
        struct timer *tell;   /* info has changed: told once, after the event that changed it */
        struct timer *status; /* and so has what is wrong */
        struct timer *time;   /* the clock may be right by now */
        struct service service;
        bool has_no_time; /* since the start: the clock is not trusted yet */
        bool stopping;
        enum agent_end end;
};

/* ---- Devices speak --------------------------------------------------------------------------------------------- */

static void publish_info(void *userdata)
{
        struct agent *agent = userdata;
        CLEANUP_JSON_TEXT struct json_text text = { 0 };

        if (!agent->uplink || !uplink_is_up(agent->uplink))
                return;
        info_write(&(struct info){ agent->clock, agent->started_us, agent->config->sha256, agent->devices }, &text);
        if (!text.failed)
                uplink_info(agent->uplink, text.data, text.size);
}

/* The sink's userdata is the publisher. */
static struct agent *agent_of(struct publisher *publisher)
{
        return CONTAINER_OF(publisher, struct agent, publisher);
}

static void info_changed(struct agent *agent)
{
        if (!timer_armed(agent->tell))
                timer_arm(agent->tell, 0);
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
        if (agent->uplink)
                uplink_publish(agent->uplink, device, topic, payload, size, meta);
}

static void publish_status(void *userdata)
{
        struct agent *agent = userdata;
        char wrong[768];

        if (agent->stopping)
                return;
        home_summary(agent->devices, wrong, sizeof(wrong));
        service_status(&agent->service,
                       agent->uplink && uplink_is_up(agent->uplink) ? session_peer(uplink_session(agent->uplink))
                                                                    : NULL,
                       wrong);
}

static void report_problem(struct agent *agent, const char *key, const char *text)
{
        home_problem(agent->devices, key, text);
        timer_arm(agent->status, 0);
}

static void on_ask_facts(void *userdata, struct node_facts *ret)
{
        struct agent *agent = userdata;

        if (agent->has_no_time) /* once a minute, when the node is read */
                timer_arm(agent->time, 0);
        if (!agent->uplink)
                return;
        const struct tls *tls = session_tls(uplink_session(agent->uplink));
        ret->has_certificate = tls && tls_certificate_days(tls, &ret->certificate_days);
        ret->queue = uplink_in_flight(agent->uplink);
        ret->dropped = uplink_dropped(agent->uplink);
}

static void end_with(struct agent *agent, enum agent_end end);
static void reload(struct agent *agent);

/* A button is pressed inside its device's callback: it acts when that has returned. */
static void on_restart_button(void *userdata)
{
        struct agent *agent = agent_of(userdata);

        agent->restart_pressed = true;
        timer_arm(agent->press, 0);
}

static void on_reload_button(void *userdata)
{
        struct agent *agent = agent_of(userdata);

        timer_arm(agent->press, 0);
}

static void on_press_time(void *userdata)
{
        struct agent *agent = userdata;

        if (agent->restart_pressed)
                end_with(agent, AGENT_RESTART);
        else
                reload(agent);
}

/* Before there are devices: told again when there are. */
static void on_store_trouble(void *userdata, enum store_trouble trouble, const char *text)
{
        struct agent *agent = userdata;

        if (agent->devices && !agent->stopping)
                report_problem(agent, trouble == STORE_SET_ASIDE ? "damaged state" : "saved state", text);
}

/* Before there are devices, too: looked at again when there are. */
static void on_driven_trouble(void *userdata, const char *text)
{
        struct agent *agent = userdata;

        if (agent->devices && !agent->stopping)
                report_problem(agent, "runtime directory", text);
}

/* ---- The broker speaks ------------------------------------------------------------------------------------------ */

static void on_up(void *userdata)
{
        struct agent *agent = userdata;

        report_problem(agent, "broker", NULL);
        home_broker_back(agent->devices);
        publish_info(agent);
        home_publish_all(agent->devices);
}

static void on_down(void *userdata, const char *why)
{
        struct agent *agent = userdata;

        if (agent->stopping)
                return;
        report_problem(agent, "broker", why);
        home_broker_lost(agent->devices);
}

static void on_refused(void *userdata, const char *why)
{
        report_problem(userdata, "access", why);
}

static void on_command(void *userdata, const char *device, const char *channel, const struct session_message *message,
                       const struct command_meta *meta)
{
        struct agent *agent = userdata;

        home_command(agent->devices, device, channel, message->payload, message->size, meta);
}

static void on_get(void *userdata, const char *device)
{
        struct agent *agent = userdata;

        home_get(agent->devices, device);
}

static const struct uplink_handlers uplink_handlers = {
        .up = on_up,
        .down = on_down,
        .refused = on_refused,
        .command = on_command,
        .get = on_get,
};

static int make_uplink(struct agent *agent, struct fault *fault)
{
        struct uplink_options options;
        struct uplink_handlers handlers = uplink_handlers;
        int r = broker_identity_init(&agent->identity, &agent->settings, fault);

        if (r < 0)
                return r;
        r = broker_identity_choose_id(&agent->identity, &agent->settings, agent->store);
        if (r < 0) {
                broker_identity_done(&agent->identity);
                return fault_set(fault, r, "there is no client id to connect with: %s", strerror(-r));
        }
        setup_uplink_options(&agent->settings, &agent->identity, &options);
        options.loop = &agent->loop;
        options.clock = agent->clock;
        options.store = agent->store;
        handlers.userdata = agent;
        r = uplink_new(&options, &handlers, &agent->uplink);
        if (r >= 0)
                r = uplink_start(agent->uplink);
        if (r >= 0)
                return 0;
        uplink_free(TAKE_PTR(agent->uplink));
        broker_identity_done(&agent->identity);
        return fault_set(fault, r, "the broker cannot be connected to: %s", strerror(-r));
}

/* What a connection needs beside the config (the password's file) may come later than we, or be mended while lamps work. */
static void try_uplink_later(struct agent *agent, const struct fault *fault)
{
        if (strcmp(agent->no_uplink.text, fault->text) != 0)
                log_error("%s; it is tried again", fault->text);
        agent->no_uplink = *fault;
        report_problem(agent, "broker", fault->text);
        agent->uplink_retry_us = agent->uplink_retry_us ? MIN(agent->uplink_retry_us * 2, UPLINK_RETRY_MAX_US)
                                                        : UPLINK_RETRY_FIRST_US;
        timer_arm(agent->uplink_retry, agent->uplink_retry_us);
}

static void start_uplink(struct agent *agent)
{
        struct fault fault = { 0 };

        if (agent->settings.broker.urls.count == 0) {
                log_warning("no broker is configured: write `url = mqtts://HOST` under [broker] in %s, or run "
                            "`sconce-pki install NAME.tar` with "
                            "what `sconce-pki node NAME` wrote; then reload",
                            agent->options.config_path);
                report_problem(agent, "broker",
                               "none is configured: write [broker] url, or run sconce-pki install; then reload");
                return;
        }
        if (make_uplink(agent, &fault) < 0) {
                try_uplink_later(agent, &fault);
                return;
        }
        agent->no_uplink = (struct fault){ 0 };
        agent->uplink_retry_us = 0;
}

static void on_uplink_retry(void *userdata)
{
        struct agent *agent = userdata;

        if (agent->uplink || agent->next_settings || agent->stopping)
                return;
        start_uplink(agent);
        home_get(agent->devices, "node");
}

/* ---- Stopping --------------------------------------------------------------------------------------------------- */

static void on_uplink_stopped(void *userdata)
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
        timer_disarm(agent->relink);
        timer_disarm(agent->uplink_retry);
        /* First the hardware, while the broker can still be told of it. */
        home_stop(agent->devices);
        store_flush(agent->store);
        if (agent->uplink)
                uplink_stop(agent->uplink, on_uplink_stopped, agent);
        else
                on_uplink_stopped(agent);
}

/* ---- Reloading -------------------------------------------------------------------------------------------------- */

/* The old uplink has said goodbye and borrows nothing any more. */
static void on_relink_time(void *userdata)
{
        struct agent *agent = userdata;

        uplink_free(agent->uplink);
        agent->uplink = NULL;
        broker_identity_done(&agent->identity);
        settings_done(&agent->settings);
        agent->settings = *agent->next_settings;
        free(agent->next_settings);
        agent->next_settings = NULL;
        home_broker_lost(agent->devices);
        home_set_offline_after(agent->devices, agent->settings.broker.offline_after_us);
        agent->uplink_retry_us = 0;
        start_uplink(agent);
        home_get(agent->devices, "node"); /* whose certificate may be another */
}

static void on_old_uplink_stopped(void *userdata)
{
        struct agent *agent = userdata;

        timer_arm(agent->relink, 0);
}

static int replace_uplink(struct agent *agent, const struct settings *settings)
{
        bool under_way = agent->next_settings != NULL;

        if (under_way)
                settings_done(agent->next_settings);
        else
                agent->next_settings = malloc(sizeof(*agent->next_settings));
        if (!agent->next_settings)
                return -ENOMEM;
        *agent->next_settings = *settings;
        if (under_way)
                return 0;
        if (agent->uplink)
                uplink_stop(agent->uplink, on_old_uplink_stopped, agent);
        else
                on_old_uplink_stopped(agent);
        return 0;
}

/* Against what the parts were made from: a change that was taken back needs none. */
static void report_what_needs_a_restart(struct agent *agent, const struct config *config)
{
        static const char *const sections[] = { "node", "gpio" };
        char text[128] = "";

        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                if (setup_same_section(agent->first_config, config, sections[i]))
                        continue;
                log_warning("[%s] has changed: that takes effect when sconced is restarted", sections[i]);
                size_t used = strlen(text);
                (void)snprintf(text + used, sizeof(text) - used, "%s[%s]", used ? " and " : "", sections[i]);
        }
        if (*text)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
                               " changed: that needs a restart of sconced");
        report_problem(agent, "restart", *text ? text : NULL);
}

/* What the config only names may be new though the config is not. A connection that stands is made anew: whoever reloads wants
 * to see now whether the new certificate works, not when the network next fails. */
static bool has_new_credentials(struct agent *agent, const struct settings *settings)
{
        struct session *session = agent->uplink ? uplink_session(agent->uplink) : NULL;

        return session && (session_certificates_changed(session) ||
                           broker_identity_has_new_name(&agent->identity, settings, session_tls(session)) ||
                           broker_identity_has_new_password(&agent->identity, settings));
}

static void take_over(struct agent *agent, struct config *config, struct settings *settings)
{
        bool same_broker = setup_same_section(agent->config, config, "broker") &&
                           setup_same_section(agent->config, config, "tls") && !has_new_credentials(agent, settings);

        report_what_needs_a_restart(agent, config);
        if (agent->config != agent->first_config)
                config_free(agent->config);
        agent->config = config;
        int r = home_apply(agent->devices, config);
        if (r < 0)
                log_error("the devices could not be reloaded: %s", strerror(-r));
        info_changed(agent);
        /* Without an uplink the last attempt to make one failed, say for want of the password file: it may be there now. */
        bool wants_uplink = !agent->uplink && settings->broker.urls.count > 0;
        if ((!same_broker || wants_uplink) && replace_uplink(agent, settings) == 0)
                return;
        settings_done(settings);
        /* Whoever reloads may have mended the network or the broker. */
        if (agent->uplink && !uplink_is_up(agent->uplink))
                session_retry_now(uplink_session(agent->uplink));
}

static void reload(struct agent *agent)
{
        struct config *config = NULL;
        struct settings settings;

        if (agent->stopping)
                return;
        service_reloading();
        int r = setup_read(agent->options.config_path, agent->options.plugin_dir, &config, &settings);
        if (r != 0) {
                log_error("the config is not reloaded; what runs goes on as it was");
                report_problem(agent, "config", "the config on disk is wrong: see the log, or run sconced --check");
        } else {
                report_problem(agent, "config", NULL);
                take_over(agent, config, &settings);
                log_notice("reloaded %s", agent->options.config_path);
        }
        service_ready();
}

/* ---- Signals ---------------------------------------------------------------------------------------------------- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct agent *agent = userdata;

        (void)source;
        switch (info->ssi_signo) {
        case SIGHUP:
                reload(agent);
                break;
        case SIGUSR1:
                log_set_level(log_level() == LOG_DEBUG ? MIN(agent->options.log_level, LOG_INFO) : LOG_DEBUG);
                log_notice("debug messages are %s", log_level() == LOG_DEBUG ? "on" : "off");
                break;
        default:
                log_info("stopping: %s", strsignal((int)info->ssi_signo));
                end_with(agent, AGENT_STOP);
        }
        return 0;
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

void agent_hold_signals(void)
{
        sigset_t mask;

        (void)sigemptyset(&mask);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                (void)sigaddset(&mask, signals[i]);
        (void)sigprocmask(SIG_BLOCK, &mask, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        /* Ignored by whoever started us, the end of a plugin's program could not be waited for, and its number be another's. */
        (void)signal(SIGCHLD, SIG_DFL);
}

static int catch_signals(struct agent *agent)
{
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                int r = sd_event_add_signal(agent->loop.event, NULL, signals[i], on_signal, agent);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

static void on_clock_jump(void *userdata)
{
        struct agent *agent = userdata;

        /* "Certificate not yet valid" may have been our clock. */
        if (agent->uplink && !uplink_is_up(agent->uplink))
                session_retry_now(uplink_session(agent->uplink));
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
        home_get(agent->devices, "node"); /* a problem less */
        info_changed(agent);
        if (agent->uplink && uplink_is_up(agent->uplink))
                home_publish_all(agent->devices); /* with their times */
}

static int open_store(struct agent *agent)
{
        CLEANUP_FREE char *dir = setup_state_dir();

        if (!dir)
                return -ENOMEM;
        const struct store_options options = {
                .loop = &agent->loop,
                .dir = dir,
                .save_after_us = agent->settings.node.save_after_us,
                .run = clock_boot_id(),
                .trouble = on_store_trouble,
                .userdata = agent,
        };
        int r = store_new(&options, &agent->store);
        const char *boot = r >= 0 ? store_cut_off(agent->store) : NULL;
        if (boot)
                log_notice("the run before did not end in order: %s",
                           strcmp(boot, clock_boot_id()) == 0 ? "it crashed or was killed"
                                                              : "it crashed, or the machine lost power");
        return r;
}

static int open_driven(struct agent *agent)
{
        CLEANUP_FREE char *path = setup_driven_path(agent->options.config_path);
        const struct driven_options options = {
                .path = path,
                .chip = agent->settings.gpio.chip,
                .sim_dir = agent->settings.gpio.sim_dir,
                .trouble = on_driven_trouble,
                .userdata = agent,
        };
        return driven_new(&options, &agent->driven);
}

/* Exact, but not urgent: they only tell. */
static void put_behind_outputs(const struct agent *agent)
{
        struct timer *const timers[] = { agent->press, agent->relink, agent->tell, agent->status };

        for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
                timer_set_priority(timers[i], LOOP_HOUSE);
}

static int build_parts(struct agent *agent)
{
        struct home_sink sink = publisher_sink(&agent->publisher);
        struct home_options devices;
        int r;

        if ((r = clock_new(&agent->loop, (enum clock_mode)agent->settings.node.clock, &agent->clock)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_EXACT_US, on_press_time, agent, &agent->press)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_EXACT_US, on_relink_time, agent, &agent->relink)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_LAZY_US, on_uplink_retry, agent, &agent->uplink_retry)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_EXACT_US, publish_info, agent, &agent->tell)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_EXACT_US, publish_status, agent, &agent->status)) < 0 ||
            (r = timer_new(&agent->loop, TIMER_EXACT_US, look_at_time, agent, &agent->time)) < 0 ||
            (r = setup_gpio(&agent->loop, &agent->settings, &agent->gpio)) < 0 || (r = open_store(agent)) < 0 ||
            (r = open_driven(agent)) < 0)
                return r;
        put_behind_outputs(agent);
        clock_on_jump(agent->clock, on_clock_jump, agent);
        setup_devices_options(&agent->settings, agent->options.plugin_dir, &devices);
        agent->default_chip = strdup(agent->settings.gpio.chip);
        if (!agent->default_chip)
                return -ENOMEM;
        devices.default_chip = agent->default_chip;
        devices.loop = &agent->loop;
        devices.clock = agent->clock;
        devices.gpio = agent->gpio;
        devices.store = agent->store;
        devices.driven = agent->driven;
        agent->publisher = (struct publisher){ .clock = agent->clock, .send = on_send };
        sink.info_changed = on_info_changed;
        sink.restart = on_restart_button;
        sink.reload = on_reload_button;
        r = home_new(&devices, &sink, &agent->devices);
        if (r < 0)
                return r;
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
        if (r >= 0)
                start_uplink(agent);
        /* Now it can tell how long its certificate is good for. */
        home_get(agent->devices, "node");
        return r;
}

int agent_new(const struct agent_options *options, struct agent **ret)
{
        struct agent *agent = calloc(1, sizeof(*agent));
        int r;

        if (!agent)
                return -ENOMEM;
        agent->options = *options;
        r = loop_init(&agent->loop);
        if (r >= 0)
                r = catch_signals(agent);
        if (r < 0) {
                agent_free(agent);
                return r;
        }
        agent->started_us = loop_now_us(&agent->loop);
        *ret = agent;
        return 0;
}

int agent_run(struct agent *agent, enum agent_end *ret_end)
{
        int r = setup_read(agent->options.config_path, agent->options.plugin_dir, &agent->config, &agent->settings);

        if (r == SETUP_BAD_CONFIG) {
                *ret_end = AGENT_BAD_CONFIG;
                return 0;
        }
        if (r < 0)
                return r;
        agent->first_config = agent->config;
        r = build_parts(agent);
        if (r < 0)
                return r;
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
        store_close(agent->store);
        uplink_free(TAKE_PTR(agent->uplink));
        home_free(agent->devices);
        publisher_done(&agent->publisher);
        store_free(agent->store);
        driven_free(agent->driven);
        gpio_free(agent->gpio);
        timer_free(agent->time);
        timer_free(agent->status);
        timer_free(agent->tell);
        timer_free(agent->relink);
        timer_free(agent->uplink_retry);
        timer_free(agent->press);
        clock_free(agent->clock);
        broker_identity_done(&agent->identity);
        free(agent->default_chip);
        if (agent->next_settings)
                settings_done(agent->next_settings);
        free(agent->next_settings);
        settings_done(&agent->settings);
        if (agent->config != agent->first_config)
                config_free(agent->config);
        config_free(agent->first_config);
        loop_done(&agent->loop);
        free(agent);
}
