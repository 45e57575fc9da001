/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/mock_host.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES_MAX 64
#define SAVED_MAX  16
#define ADDED_MAX  16
#define FIRST_MAX  8

struct sconce_timer {
        struct sconce_timer *next;
        sconce_timer_fn fn;
        void *userdata;
        bool is_armed;
        uint64_t due_us;
};

struct sconce_watch {
        struct sconce_watch *next;
        int fd;
        sconce_watch_fn fn;
        void *userdata;
};

struct known_value {
        struct sconce_value value;
        char text[512];
};

struct mock_host {
        struct sconce_device device; /* first: what the plugin holds */
        const struct sconce_module *module;
        const struct sconce_plugin *plugin;
        void *handle, *instance, *pristine;
        char **texts; /* that options point to */
        size_t n_texts;
        bool is_configured, is_running;
        uint64_t now_us;

        struct sconce_line *lines;
        struct sconce_dimmer *dimmers;
        struct sconce_timer *timers;
        struct sconce_watch *watches;
        struct sconce_value first[FIRST_MAX];
        size_t n_first;
        bool is_timed;

        struct known_value values[VALUES_MAX];
        size_t n_values;
        uint64_t value_time_us;
        unsigned n_reports, n_events;
        char event[128], event_log[1024], error[320];
        uint64_t event_time_us;
        struct sconce_channel added[ADDED_MAX];
        size_t n_added;
        int health;
        struct {
                char key[64], text[512];
        } saved[SAVED_MAX];
};

static struct mock_host *host_of(struct sconce_device *dev)
{
        return (struct mock_host *)(void *)dev;
}

/* ---- Reports ------------------------------------------------------------------------------------------- */

static const char *keep_text(struct mock_host *host, const char *text)
{
        char **texts = realloc(host->texts, (host->n_texts + 1) * sizeof(*texts));

        assert_non_null(texts);
        host->texts = texts;
        texts[host->n_texts] = strdup(text);
        assert_non_null(texts[host->n_texts]);
        return texts[host->n_texts++];
}

static struct known_value *find_value(struct mock_host *host, const char *channel)
{
        for (size_t i = 0; i < host->n_values; i++)
                if (strcmp(host->values[i].value.channel, channel) == 0)
                        return &host->values[i];
        return NULL;
}

static const char *mock_id(struct sconce_device *dev)
{
        (void)dev;
        return "mock";
}

static int mock_report(struct sconce_device *dev, uint64_t time_us, const struct sconce_value *values,
                       size_t count)
{
        struct mock_host *host = host_of(dev);

        for (size_t i = 0; i < count; i++) {
                struct known_value *known = find_value(host, values[i].channel);
                if (!known) {
                        assert_true(host->n_values < VALUES_MAX);
                        known = &host->values[host->n_values++];
                }
                known->value = values[i];
                if (values[i].type == SCONCE_VALUE_TEXT) {
                        (void)snprintf(known->text, sizeof(known->text), "%s", values[i].text);
                        known->value.text = known->text;
                }
        }
        host->value_time_us = time_us;
        host->n_reports++;
        return 0;
}

static int mock_raise(struct sconce_device *dev, uint64_t time_us, const char *channel,
                      const char *event_type)
{
        struct mock_host *host = host_of(dev);

        size_t used = strlen(host->event_log);

        assert_true(used + strlen(event_type) + 2 < sizeof(host->event_log));
        (void)snprintf(host->event_log + used, sizeof(host->event_log) - used, "%s%s", used ? " " : "",
                       event_type);
        (void)snprintf(host->event, sizeof(host->event), "%s %s", channel, event_type);
        host->event_time_us = time_us;
        host->n_events++;
        return 0;
}

static int mock_set_health(struct sconce_device *dev, int error, const char *reason)
{
        (void)reason;
        host_of(dev)->health = error;
        return 0;
}

static void __attribute__((format(printf, 2, 0)))
mock_say(struct sconce_device *dev, const char *format, va_list arguments)
{
        struct mock_host *host = host_of(dev);

        (void)vsnprintf(host->error, sizeof(host->error), format, arguments);
}

static void __attribute__((format(printf, 3, 0)))
mock_log(struct sconce_device *dev, int level, const char *format, va_list arguments)
{
        (void)dev;
        (void)printf("<%d>", level);
        (void)vprintf(format, arguments);
        (void)printf("\n");
}

static uint64_t mock_now_us(struct sconce_device *dev)
{
        return host_of(dev)->now_us;
}

static int mock_channel_add(struct sconce_device *dev, const struct sconce_channel *channel,
                            size_t channel_size)
{
        struct mock_host *host = host_of(dev);
        size_t at = 0;

        if (!channel->key)
                return -EINVAL;
        while (at < host->n_added && strcmp(host->added[at].key, channel->key) != 0)
                at++;
        assert_true(at < ADDED_MAX);
        assert_true(channel_size <= sizeof(host->added[at]));
        memcpy(&host->added[at], channel, channel_size);
        struct sconce_channel *row = &host->added[at];
        const char **const texts[] = { &row->key, &row->unit, &row->device_class, &row->help, &row->name };
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (*texts[i])
                        *texts[i] = keep_text(host, *texts[i]);
        host->n_added += at == host->n_added;
        return 0;
}

static size_t find_first(const struct mock_host *host, const char *channel)
{
        size_t at = 0;

        while (at < host->n_first && strcmp(host->first[at].channel, channel) != 0)
                at++;
        return at;
}

static int mock_get_first(struct sconce_device *dev, const char *channel, struct sconce_value *ret_value)
{
        const struct mock_host *host = host_of(dev);
        size_t at = find_first(host, channel);

        if (at == host->n_first)
                return -ENODATA;
        *ret_value = host->first[at];
        return 0;
}

static int mock_timed(struct sconce_device *dev, bool timed)
{
        host_of(dev)->is_timed = timed;
        return 0;
}

/* ---- Lines --------------------------------------------------------------------------------------------- */

static int mock_line_open(struct sconce_line *line, bool output)
{
        if (line->error)
                return line->error;
        if (line->is_open)
                return -EBUSY;
        line->is_open = true;
        line->is_output = output;
        line->sets = 0;
        return 0;
}

static int mock_line_output(struct sconce_device *dev, struct sconce_line *line, int first_value)
{
        (void)dev;
        int r = mock_line_open(line, true);
        if (r < 0)
                return r;
        line->first_value = first_value;
        if (first_value != SCONCE_LINE_KEEP)
                line->active = first_value != 0;
        return 0;
}

static int mock_line_input(struct sconce_device *dev, struct sconce_line *line, sconce_line_fn fn)
{
        (void)dev;
        int r = mock_line_open(line, false);
        if (r == 0)
                line->fn = fn;
        return r;
}

static int mock_line_set(struct sconce_device *dev, struct sconce_line *line, bool active)
{
        (void)dev;
        if (line->error)
                return line->error;
        if (!line->is_open || !line->is_output)
                return -ENODEV;
        line->active = active;
        line->sets++;
        return 0;
}

static int mock_line_get(struct sconce_device *dev, struct sconce_line *line, bool *ret_active)
{
        (void)dev;
        if (line->error)
                return line->error;
        if (!line->is_open)
                return -ENODEV;
        *ret_active = line->active;
        return 0;
}

/* ---- Dimmers ------------------------------------------------------------------------------------------- */

static int mock_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                            double first_level)
{
        (void)dev;
        if (dimmer->error)
                return dimmer->error;
        if (dimmer->is_open)
                return -EBUSY;
        dimmer->is_open = true;
        dimmer->sets = 0;
        dimmer->period_ns = period_ns;
        dimmer->first_level = first_level;
        if (first_level != SCONCE_DIMMER_KEEP)
                dimmer->level = first_level;
        return 0;
}

static int mock_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        (void)dev;
        if (dimmer->error)
                return dimmer->error;
        if (!dimmer->is_open)
                return -ENODEV;
        if (!(level >= 0 && level <= 1))
                return -ERANGE;
        dimmer->level = level;
        dimmer->sets++;
        return 0;
}

/* ---- Timers, descriptors, saved state ------------------------------------------------------------------ */

static int mock_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata,
                          struct sconce_timer **ret)
{
        struct mock_host *host = host_of(dev);
        struct sconce_timer *timer = calloc(1, sizeof(*timer));

        assert_non_null(timer);
        timer->fn = fn;
        timer->userdata = userdata;
        timer->next = host->timers;
        host->timers = timer;
        *ret = timer;
        return 0;
}

static int mock_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us)
{
        timer->is_armed = true;
        timer->due_us = host_of(dev)->now_us + delay_us;
        return 0;
}

static int mock_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer)
{
        (void)dev;
        timer->is_armed = false;
        return 0;
}

static int mock_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn,
                         void *userdata, struct sconce_watch **ret)
{
        struct mock_host *host = host_of(dev);
        struct sconce_watch *watch = calloc(1, sizeof(*watch));

        (void)events;
        assert_non_null(watch);
        *watch = (struct sconce_watch){ .next = host->watches, .fd = fd, .fn = fn, .userdata = userdata };
        host->watches = watch;
        *ret = watch;
        return 0;
}

static int mock_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        struct mock_host *host = host_of(dev);

        for (struct sconce_watch **at = &host->watches; *at; at = &(*at)->next) {
                if (*at != watch)
                        continue;
                *at = watch->next;
                free(watch);
                return 0;
        }
        return -EINVAL;
}

static int mock_save(struct sconce_device *dev, const char *key, const char *text)
{
        struct mock_host *host = host_of(dev);
        size_t free_at = SAVED_MAX;

        for (size_t i = SAVED_MAX; i > 0; i--) {
                if (strcmp(host->saved[i - 1].key, key) == 0)
                        host->saved[i - 1].key[0] = '\0';
                if (!host->saved[i - 1].key[0])
                        free_at = i - 1;
        }
        if (!text)
                return 0;
        assert_true(free_at < SAVED_MAX);
        (void)snprintf(host->saved[free_at].key, sizeof(host->saved[free_at].key), "%s", key);
        (void)snprintf(host->saved[free_at].text, sizeof(host->saved[free_at].text), "%s", text);
        return 0;
}

const char *mock_saved(const struct mock_host *host, const char *key)
{
        for (size_t i = 0; i < SAVED_MAX; i++)
                if (strcmp(host->saved[i].key, key) == 0)
                        return host->saved[i].text;
        return NULL;
}

void mock_save_text(struct mock_host *host, const char *key, const char *text)
{
        (void)mock_save(&host->device, key, text);
}

static int mock_load(struct sconce_device *dev, const char *key, char *text, size_t size)
{
        const char *saved = mock_saved(host_of(dev), key);

        if (!saved)
                return -ENODATA;
        if (strlen(saved) >= size)
                return -ENOSPC;
        memcpy(text, saved, strlen(saved) + 1);
        return (int)strlen(saved);
}

static const struct sconce_host mock_table = {
        .size = sizeof(struct sconce_host),
        .id = mock_id,
        .report = mock_report,
        .event = mock_raise,
        .health = mock_set_health,
        .error = mock_say,
        .log = mock_log,
        .now_us = mock_now_us,
        .channel_add = mock_channel_add,
        .first = mock_get_first,
        .timed = mock_timed,
        .line_output = mock_line_output,
        .line_input = mock_line_input,
        .line_set = mock_line_set,
        .line_get = mock_line_get,
        .dimmer_open = mock_dimmer_open,
        .dimmer_set = mock_dimmer_set,
        .timer_new = mock_timer_new,
        .timer_arm = mock_timer_arm,
        .timer_disarm = mock_timer_disarm,
        .fd_watch = mock_fd_watch,
        .fd_unwatch = mock_fd_unwatch,
        .save = mock_save,
        .load = mock_load,
};

/* ---- Options ------------------------------------------------------------------------------------------- */

static struct sconce_line *add_line(struct mock_host *host, const char *name)
{
        struct sconce_line *line = calloc(1, sizeof(*line));

        assert_non_null(line);
        (void)snprintf(line->name, sizeof(line->name), "%s", name);
        line->next = host->lines;
        host->lines = line;
        return line;
}

static struct sconce_dimmer *add_dimmer(struct mock_host *host, const char *name)
{
        struct sconce_dimmer *dimmer = calloc(1, sizeof(*dimmer));

        assert_non_null(dimmer);
        (void)snprintf(dimmer->name, sizeof(dimmer->name), "%s", name);
        dimmer->next = host->dimmers;
        host->dimmers = dimmer;
        return dimmer;
}

/* "1.5h" in microseconds. */
static uint64_t duration_us(const char *text)
{
        static const struct {
                const char *unit;
                double us;
        } units[] = { { "ms", 1e3 }, { "s", 1e6 }, { "m", 60e6 }, { "h", 3600e6 }, { "d", 86400e6 } };
        char *unit;
        double number = strtod(text, &unit);

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (strcmp(units[i].unit, unit) == 0)
                        return (uint64_t)(number * units[i].us);
        fail_msg("\"%s\" is no duration", text);
        return 0;
}

static int choice(const struct sconce_option *row, const char *text)
{
        for (int i = 0; row->choices[i]; i++)
                if (strcmp(row->choices[i], text) == 0)
                        return i;
        fail_msg("\"%s\" is no choice of %s", text, row->key);
        return -1;
}

static bool truth(const char *text)
{
        return strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 || strcmp(text, "true") == 0;
}

/* Puts one value into a field, or into the item of a list. */
static void fill(struct mock_host *host, const struct sconce_option *row, const char *text, void *field)
{
        switch (row->type) {
        case SCONCE_TYPE_BOOL:
                *(bool *)field = truth(text);
                break;
        case SCONCE_TYPE_INT:
                *(int64_t *)field = strtoll(text, NULL, 10);
                break;
        case SCONCE_TYPE_FLOAT:
        case SCONCE_TYPE_PERCENT:
                *(double *)field = strtod(text, NULL);
                break;
        case SCONCE_TYPE_STRING:
        case SCONCE_TYPE_PATH:
                *(const char **)field = keep_text(host, text);
                break;
        case SCONCE_TYPE_ENUM:
                *(int *)field = choice(row, text);
                break;
        case SCONCE_TYPE_DURATION:
                *(uint64_t *)field = duration_us(text);
                break;
        case SCONCE_TYPE_SIZE:
                *(uint64_t *)field = strtoull(text, NULL, 10);
                break;
        case SCONCE_TYPE_LINE:
                *(struct sconce_line **)field = add_line(host, text);
                break;
        case SCONCE_TYPE_PWM:
        case SCONCE_TYPE_LED:
                *(struct sconce_dimmer **)field = add_dimmer(host, text);
                break;
        }
}

static void fill_row(struct mock_host *host, const struct sconce_option *row, const char *text)
{
        void *field = (char *)host->instance + row->offset;

        if (row->flags & SCONCE_LIST) {
                /* Room for one item of any type. */
                void *item = (void *)(uintptr_t)keep_text(host, "                ");
                fill(host, row, text, item);
                *(struct sconce_list *)field = (struct sconce_list){ .count = 1, .items = item };
        } else {
                fill(host, row, text, field);
        }
}

static const struct sconce_option *row_at(const struct mock_host *host, size_t index)
{
        return (const void *)((const char *)host->plugin->options + index * host->module->option_size);
}

void mock_option(struct mock_host *host, const char *key, const char *text)
{
        for (size_t i = 0; host->plugin->options && row_at(host, i)->key; i++) {
                if (strcmp(row_at(host, i)->key, key) == 0) {
                        fill_row(host, row_at(host, i), text);
                        return;
                }
        }
        fail_msg("there is no option %s", key);
}

static void fill_defaults(struct mock_host *host)
{
        for (size_t i = 0; host->plugin->options && row_at(host, i)->key; i++) {
                const struct sconce_option *row = row_at(host, i);
                if (row->def)
                        fill_row(host, row, row->def);
                else if (row->type == SCONCE_TYPE_ENUM)
                        *(int *)(void *)((char *)host->instance + row->offset) = -1;
        }
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

struct mock_host *mock_host_new(const struct sconce_module *module)
{
        struct mock_host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        assert_int_equal(module->abi, SCONCE_ABI);
        host->device.host = &mock_table;
        host->module = module;
        host->plugin = module->plugin;
        host->now_us = 1000000000;
        host->instance = calloc(1, host->plugin->instance_size + 1);
        host->pristine = calloc(1, host->plugin->instance_size + 1);
        assert_non_null(host->instance);
        assert_non_null(host->pristine);
        fill_defaults(host);
        return host;
}

struct mock_host *mock_host_load(const char *path)
{
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

        if (!handle)
                fail_msg("%s", dlerror());
        const struct sconce_module *module = dlsym(handle, "sconce_module");
        assert_non_null(module);
        struct mock_host *host = mock_host_new(module);
        host->handle = handle;
        return host;
}

static void close_all(struct mock_host *host)
{
        for (struct sconce_line *line = host->lines; line; line = line->next)
                line->is_open = false;
        for (struct sconce_dimmer *dimmer = host->dimmers; dimmer; dimmer = dimmer->next)
                dimmer->is_open = false;
        while (host->timers) {
                struct sconce_timer *timer = host->timers;
                host->timers = timer->next;
                free(timer);
        }
        while (host->watches)
                (void)mock_fd_unwatch(&host->device, host->watches);
}

void mock_host_free(struct mock_host *host)
{
        if (!host)
                return;
        mock_stop(host);
        while (host->lines) {
                struct sconce_line *line = host->lines;
                host->lines = line->next;
                free(line);
        }
        while (host->dimmers) {
                struct sconce_dimmer *dimmer = host->dimmers;
                host->dimmers = dimmer->next;
                free(dimmer);
        }
        for (size_t i = 0; i < host->n_texts; i++)
                free(host->texts[i]);
        free(host->texts);
        free(host->instance);
        free(host->pristine);
        if (host->handle)
                (void)dlclose(host->handle);
        free(host);
}

const struct sconce_plugin *mock_plugin(const struct mock_host *host)
{
        return host->plugin;
}

void *mock_instance(const struct mock_host *host)
{
        return host->instance;
}

void mock_first(struct mock_host *host, struct sconce_value value)
{
        size_t at = find_first(host, value.channel);

        assert_true(at < FIRST_MAX);
        host->first[at] = value;
        host->n_first += at == host->n_first;
}

int mock_start(struct mock_host *host)
{
        int r = 0;

        host->error[0] = '\0';
        if (!host->is_configured) {
                if (host->plugin->configure)
                        r = host->plugin->configure(&host->device, host->instance);
                if (r < 0)
                        return r;
                memcpy(host->pristine, host->instance, host->plugin->instance_size);
                host->is_configured = true;
        }
        memcpy(host->instance, host->pristine, host->plugin->instance_size);
        r = host->plugin->start(&host->device, host->instance);
        host->is_running = r >= 0;
        if (r < 0)
                close_all(host);
        return r;
}

void mock_stop(struct mock_host *host)
{
        if (host->is_running && host->plugin->stop)
                host->plugin->stop(&host->device, host->instance);
        host->is_running = false;
        close_all(host);
}

int mock_read(struct mock_host *host)
{
        host->error[0] = '\0';
        return host->plugin->read(&host->device, host->instance);
}

static int give(struct mock_host *host, const struct sconce_command *command)
{
        host->error[0] = '\0';
        return host->plugin->command(&host->device, host->instance, command);
}

int mock_commands(struct mock_host *host, const struct sconce_value *values, size_t count)
{
        return give(host, &(const struct sconce_command){ .count = count, .values = values });
}

int mock_command_now(struct mock_host *host, struct sconce_value value)
{
        return give(host, &(const struct sconce_command){
                                  .count = 1, .values = &value, .flags = SCONCE_COMMAND_NOW });
}

int mock_command(struct mock_host *host, struct sconce_value value)
{
        return mock_commands(host, &value, 1);
}

/* ---- What happens to it -------------------------------------------------------------------------------- */

static struct sconce_timer *next_due(struct mock_host *host, uint64_t until_us)
{
        struct sconce_timer *due = NULL;

        for (struct sconce_timer *timer = host->timers; timer; timer = timer->next)
                if (timer->is_armed && timer->due_us <= until_us && (!due || timer->due_us < due->due_us))
                        due = timer;
        return due;
}

void mock_advance_us(struct mock_host *host, uint64_t by_us)
{
        uint64_t until_us = host->now_us + by_us;

        for (struct sconce_timer *timer; (timer = next_due(host, until_us));) {
                if (timer->due_us > host->now_us)
                        host->now_us = timer->due_us;
                timer->is_armed = false;
                timer->fn(&host->device, host->instance, timer->userdata);
        }
        host->now_us = until_us;
}

void mock_stall_us(struct mock_host *host, uint64_t by_us)
{
        host->now_us += by_us;
}

uint64_t mock_now(const struct mock_host *host)
{
        return host->now_us;
}

unsigned mock_timers_armed(const struct mock_host *host)
{
        unsigned count = 0;

        for (const struct sconce_timer *timer = host->timers; timer; timer = timer->next)
                count += timer->is_armed;
        return count;
}

struct sconce_line *mock_line(struct mock_host *host, const char *name)
{
        for (struct sconce_line *line = host->lines; line; line = line->next)
                if (strcmp(line->name, name) == 0)
                        return line;
        fail_msg("no option names a line %s", name);
        abort();
}

struct sconce_dimmer *mock_dimmer(struct mock_host *host, const char *name)
{
        for (struct sconce_dimmer *dimmer = host->dimmers; dimmer; dimmer = dimmer->next)
                if (strcmp(dimmer->name, name) == 0)
                        return dimmer;
        fail_msg("no option names a dimmer %s", name);
        abort();
}

void mock_edge(struct mock_host *host, const char *name, bool active)
{
        mock_edge_at(host, name, active, host->now_us, 0);
}

void mock_edge_at(struct mock_host *host, const char *name, bool active, uint64_t time_us, uint32_t lost)
{
        struct sconce_line *line = mock_line(host, name);
        const struct sconce_edge edge = { .line = line, .active = active, .lost = lost, .time_us = time_us };

        line->active = active;
        if (line->is_open && line->fn)
                line->fn(&host->device, host->instance, &edge);
}

bool mock_ready(struct mock_host *host, int fd, uint32_t events)
{
        for (struct sconce_watch *watch = host->watches; watch; watch = watch->next) {
                if (watch->fd == fd) {
                        watch->fn(&host->device, host->instance, events, watch->userdata);
                        return true;
                }
        }
        return false;
}

/* ---- What it has said ---------------------------------------------------------------------------------- */

const struct sconce_value *mock_value(const struct mock_host *host, const char *channel)
{
        for (size_t i = 0; i < host->n_values; i++)
                if (strcmp(host->values[i].value.channel, channel) == 0)
                        return &host->values[i].value;
        return NULL;
}

uint64_t mock_value_time_us(const struct mock_host *host)
{
        return host->value_time_us;
}

unsigned mock_reports(const struct mock_host *host)
{
        return host->n_reports;
}

const char *mock_event(const struct mock_host *host)
{
        return host->event;
}

unsigned mock_events(const struct mock_host *host)
{
        return host->n_events;
}

uint64_t mock_event_time_us(const struct mock_host *host)
{
        return host->event_time_us;
}

const char *mock_event_log(const struct mock_host *host)
{
        return host->event_log;
}

void mock_event_log_empty(struct mock_host *host)
{
        host->event_log[0] = '\0';
}

const struct sconce_channel *mock_channel(const struct mock_host *host, const char *key)
{
        for (size_t i = 0; i < host->n_added; i++)
                if (strcmp(host->added[i].key, key) == 0)
                        return &host->added[i];
        return NULL;
}

bool mock_is_timed(const struct mock_host *host)
{
        return host->is_timed;
}

int mock_health(const struct mock_host *host)
{
        return host->health;
}

const char *mock_error(const struct mock_host *host)
{
        return host->error;
}
