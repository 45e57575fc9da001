/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the one device: made, started, called, stopped, as the agent does it. */
#include "sdk/mock/host.h"

#include <dlfcn.h>
#include <time.h>

char *mock_keep_text(struct mock_host *host, const char *text)
{
        char **texts = realloc(host->texts, (host->n_texts + 1) * sizeof(*texts));

        assert_non_null(texts);
        host->texts = texts;
        texts[host->n_texts] = strdup(text);
        assert_non_null(texts[host->n_texts]);
        return texts[host->n_texts++];
}

/* ---- Made and freed ------------------------------------------------------------------------------------ */

static void *new_instance(const struct mock_host *host)
{
        const size_t size = host->plugin->instance_size;
        unsigned char *instance = malloc(size + MOCK_GUARD_SIZE);

        assert_non_null(instance);
        memset(instance, 0, size);
        memset(instance + size, MOCK_GUARD_BYTE, MOCK_GUARD_SIZE);
        return instance;
}

struct mock_host *mock_host_new(const struct sconce_module *module)
{
        struct mock_host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        assert_int_equal(module->abi, SCONCE_ABI);
        host->device.host = &mock_services;
        host->module = module;
        memcpy(&host->table, module->plugin,
               module->plugin_size < sizeof(host->table) ? module->plugin_size : sizeof(host->table));
        host->plugin = &host->table;
        host->now_us = 1000000000;
        host->deadline_us = host->plugin->flags & SCONCE_BLOCKING ? 5000000 : 0;
        host->instance = new_instance(host);
        host->pristine = new_instance(host);
        mock_channels_init(host);
        mock_fill_defaults(host);
        return host;
}

struct mock_host *mock_host_load(const char *path)
{
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

        if (!handle)
                fail_msg("%s", dlerror());
        const struct sconce_module *module = dlsym(handle, "sconce_module");
        if (!module)
                fail_msg("%s has no symbol sconce_module", path);
        struct mock_host *host = mock_host_new(module);
        host->handle = handle;
        return host;
}

static void free_hardware(struct mock_host *host)
{
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
}

void mock_host_free(struct mock_host *host)
{
        if (!host)
                return;
        mock_stop(host);
        free_hardware(host);
        while (host->saved)
                mock_save_text(host, host->saved->key, NULL);
        mock_channels_done(host);
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

bool mock_is_intact(const struct mock_host *host)
{
        const unsigned char *guard = (const unsigned char *)host->instance + host->plugin->instance_size;

        for (size_t i = 0; i < MOCK_GUARD_SIZE; i++)
                if (guard[i] != MOCK_GUARD_BYTE)
                        return false;
        return true;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static uint64_t real_now_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t mock_enter(struct mock_host *host)
{
        host->error[0] = '\0';
        return real_now_us();
}

int mock_leave(struct mock_host *host, uint64_t entered_us, int r)
{
        uint64_t took_us = real_now_us() - entered_us;

        if (took_us > host->longest_call_us)
                host->longest_call_us = took_us;
        return r;
}

int mock_configure(struct mock_host *host)
{
        int r = 0;

        if (host->is_configured)
                return 0;
        if (host->plugin->configure) {
                host->is_configuring = true;
                uint64_t entered_us = mock_enter(host);
                r = mock_leave(host, entered_us, host->plugin->configure(&host->device, host->instance));
                host->is_configuring = false;
        }
        if (r < 0)
                return r;
        memcpy(host->pristine, host->instance, host->plugin->instance_size);
        host->is_configured = true;
        return 0;
}

int mock_start(struct mock_host *host)
{
        int r = mock_configure(host);

        if (r < 0)
                return r;
        memcpy(host->instance, host->pristine, host->plugin->instance_size);
        host->health = 0;
        host->problem[0] = '\0';
        uint64_t entered_us = mock_enter(host);
        r = mock_leave(host, entered_us, host->plugin->start(&host->device, host->instance));
        host->is_running = r >= 0;
        if (r < 0)
                mock_close_all(host);
        return r;
}

void mock_stop(struct mock_host *host)
{
        if (host->is_running && host->plugin->stop) {
                uint64_t entered_us = mock_enter(host);
                (host->plugin->stop)(&host->device, host->instance); /* CMocka 2 has a macro of this name */
                (void)mock_leave(host, entered_us, 0);
        }
        host->is_running = false;
        mock_close_all(host);
}

int mock_read(struct mock_host *host)
{
        uint64_t entered_us = mock_enter(host);

        return mock_leave(host, entered_us, host->plugin->read(&host->device, host->instance));
}

int mock_carry_out(struct mock_host *host, const struct sconce_command *command)
{
        uint64_t entered_us = mock_enter(host);

        return mock_leave(host, entered_us, host->plugin->command(&host->device, host->instance, command));
}

int mock_commands(struct mock_host *host, const struct sconce_value *values, size_t count)
{
        return mock_carry_out(host, &(const struct sconce_command){ .count = count, .values = values });
}

int mock_command_now(struct mock_host *host, struct sconce_value value)
{
        return mock_carry_out(
                host, &(const struct sconce_command){ .count = 1, .values = &value, .flags = SCONCE_COMMAND_NOW });
}

int mock_command(struct mock_host *host, struct sconce_value value)
{
        return mock_commands(host, &value, 1);
}

uint64_t mock_longest_call_us(struct mock_host *host)
{
        uint64_t longest_us = host->longest_call_us;

        host->longest_call_us = 0;
        return longest_us;
}
