/* SPDX-License-Identifier: Apache-2.0 */
#include "client/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/renewal.h"
#include "client/shown.h"
#include "config/config.h"
#include "util/cleanup.h"
#include "util/text.h"
#include "util/url.h"

/* A person waits: try again at once rather than politely. */
#define BACKOFF_FIRST_US (200 * USEC_PER_MSEC)
#define BACKOFF_MAX_US   (5 * USEC_PER_SEC)

/* ---- The file ------------------------------------------------------------------------------------------------ */

static char *path_of(const char *directory, const char *rest)
{
        char *path;
        return directory && asprintf(&path, "%s/%s", directory, rest) >= 0 ? path : NULL;
}

char *client_settings_find(void)
{
        CLEANUP_FREE char *own = NULL;
        const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        const char *machine = SCONCE_SYSCONFDIR "/sconce/client.conf";

        own = xdg && *xdg ? path_of(xdg, "sconce/client.conf") : path_of(home, ".config/sconce/client.conf");
        if (own && access(own, F_OK) == 0)
                return TAKE_PTR(own);
        if (access(machine, F_OK) == 0)
                return strdup(machine);
        shown_say("there is no config: write [broker] url and [tls] ca, cert, key into %s or %s (sconce --help)",
                  own ? own : "~/.config/sconce/client.conf", machine);
        return NULL;
}

static bool has_entry(const struct config *config, const char *kind, const char *key)
{
        const struct config_section *section = config_find(config, kind, NULL);
        return section && config_entry_find(section, key);
}

/* What a daemon may leave out, or has another default for. */
static void check_for_client(const struct config *config, const struct settings *settings, const char *path,
                             struct problems *problems)
{
        if (settings->broker.urls.count == 0)
                problems_add(problems, path, 0,
                             "[broker] url: is missing: the broker's address, as in mqtts://broker.lan:8883");
        if (!url_any_is_tls(settings->broker.urls.items, settings->broker.urls.count) ||
            has_entry(config, "broker", "password") || has_entry(config, "broker", "password_file"))
                return;
        if (!has_entry(config, "tls", "cert") || !has_entry(config, "tls", "key"))
                problems_add(
                        problems, path, 0,
                        "[tls] cert and key: are missing: your own certificate and its key (sconce-pki client NAME "
                        "makes them)");
}

static int report(const struct problems *problems)
{
        for (size_t i = 0; i < problems->count; i++)
                shown_say("%s", problems->items[i]);
        return problems_none(problems) ? 0 : -EINVAL;
}

static int read_config(const char *path, struct settings *ret)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG struct config *config = NULL;

        int r = config_load_file(path, &problems, &config);
        if (r == 0)
                r = settings_read(config, SETTINGS_CLIENT, &problems, ret);
        if (r == 0 && problems_none(&problems))
                check_for_client(config, ret, path, &problems);
        if (r == 0)
                for (size_t i = 0; i < ret->warnings.count; i++)
                        shown_say("%s", ret->warnings.items[i]);
        return r == -ENOMEM ? r : report(&problems);
}

/* ---- What the session wants ---------------------------------------------------------------------------------- */

/* Reads the certificate now rather than at the first attempt: a file that cannot be read is a fault of the config. */
static int read_name(struct client_settings *settings)
{
        CLEANUP_TLS struct tls *tls = NULL;
        struct fault fault = { 0 };
        const char *name = NULL;

        if (settings->session.tls) {
                client_renewal_recover(settings->session.tls);
                if (tls_new(settings->session.tls, &tls, &fault) < 0) {
                        shown_say("%s", fault.text);
                        return -EINVAL;
                }
                name = tls_certificate_name(tls);
        }
        if (!name)
                name = settings->session.user ? settings->session.user : "anonymous";
        if (strpbrk(name, "+#/")) {
                shown_say("the name \"%s\" of the certificate or user cannot be part of a topic: it must not contain + "
                          "# or /",
                          name);
                return -EINVAL;
        }
        settings->name = strdup(name);
        return settings->name ? 0 : -ENOMEM;
}

static int make_random(char *text, size_t size)
{
        unsigned char bytes[16];
        size_t count = (size - 1) / 2;

        if (getrandom(bytes, count, 0) != (ssize_t)count)
                return -EIO;
        text_hex(bytes, count, text);
        return 0;
}

static int make_id(struct client_settings *settings)
{
        if (make_random(settings->run, sizeof(settings->run)) < 0 ||
            make_random(settings->reply, sizeof(settings->reply)) < 0 ||
            make_random(settings->token, sizeof(settings->token)) < 0)
                return -EIO;
        if (asprintf(&settings->client_id, "sconce-%s-%s", settings->name, settings->run) < 0) {
                settings->client_id = NULL;
                return -ENOMEM;
        }
        settings->session.client_id = settings->client_id;
        return 0;
}

static void fill_options(struct client_settings *settings)
{
        const struct broker_settings *broker = &settings->config.broker;

        settings->session = (struct session_options){
                .urls = broker->urls.items,
                .n_urls = broker->urls.count,
                .user = broker->user,
                .password = settings->password,
                .version = broker->version,
                .keepalive_us = broker->keepalive_us,
                .connect_timeout_us = broker->connect_timeout_us,
                .handshake_timeout_us = broker->handshake_timeout_us,
                .backoff_first_us = BACKOFF_FIRST_US,
                .backoff_max_us = BACKOFF_MAX_US,
                .tls = url_any_is_tls(broker->urls.items, broker->urls.count) ? &settings->config.tls : NULL,
        };
}

int client_settings_fill(struct client_settings *settings, struct fault *fault)
{
        int r = settings_password(&settings->config, &settings->password, fault);

        if (r == 0)
                fill_options(settings);
        return r;
}

int client_settings_identify(struct client_settings *settings, const char *name)
{
        settings->name = strdup(name);
        return settings->name ? make_id(settings) : -ENOMEM;
}

int client_settings_read(const char *file, struct client_settings *ret)
{
        CLEANUP_FREE char *found = file ? strdup(file) : client_settings_find();
        struct fault fault = { 0 };

        if (!found)
                return -EINVAL;
        int r = read_config(found, &ret->config);
        if (r < 0)
                return r;
        r = client_settings_fill(ret, &fault);
        if (r < 0)
                shown_say("%s", fault.text);
        if (r == 0)
                r = read_name(ret);
        return r == 0 ? make_id(ret) : r;
}

void client_settings_done(struct client_settings *settings)
{
        if (settings->password)
                explicit_bzero(settings->password, strlen(settings->password));
        free(settings->password);
        free(settings->name);
        free(settings->client_id);
        settings_done(&settings->config);
        *settings = (struct client_settings){ 0 };
}
