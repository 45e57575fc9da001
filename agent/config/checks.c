/* SPDX-License-Identifier: Apache-2.0 */
#include "config/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/reserved.h"
#include "util/text.h"
#include "util/url.h"

struct check {
        const struct config *config;
        struct settings *settings;
        struct problems *problems;
        bool good;
        bool mqtts;   /* some broker is reached by TLS */
        bool exposed; /* some broker is reached over the network without TLS */
};

static const struct config_entry *find_key(const struct check *check, const char *kind, const char *key)
{
        const struct config_section *section = config_find(check->config, kind, NULL);
        return section ? config_entry_find(section, key) : NULL;
}

static bool is_written(const struct check *check, const char *kind, const char *key)
{
        return find_key(check, kind, key) != NULL;
}

static void PRINTF_LIKE(5, 0) add(struct check *check, struct problems *list, const char *kind, const char *key,
                                  const char *format, va_list arguments)
{
        const struct config_entry *entry = find_key(check, kind, key);
        char prefix[64];
        (void)snprintf(prefix, sizeof(prefix), "[%s] %s: ", kind, key);
        problems_vadd(list, entry ? entry->file : NULL, entry ? entry->line : 0, prefix, format, arguments);
}

static void PRINTF_LIKE(4, 5) complain(struct check *check, const char *kind, const char *key, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        add(check, check->problems, kind, key, format, arguments);
        va_end(arguments);
        check->good = false;
}

static void PRINTF_LIKE(4, 5) warn(struct check *check, const char *kind, const char *key, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        add(check, &check->settings->warnings, kind, key, format, arguments);
        va_end(arguments);
}

/* ---- [node] ---------------------------------------------------------------------------------- */

static void check_name(struct check *check)
{
        const char *name = check->settings->node.name;
        char shown[TEXT_SHOWN_MAX];
        if (!name)
                return;
        if (!text_is_id(name))
                complain(check, "node", "name",
                         "%s: a node's name is made of a-z, 0-9, \"_\" and \"-\", begins with a letter or "
                         "digit, and has at most 64 characters",
                         text_show(name, shown));
        else if (word_is_reserved(name, RESERVED_NODE))
                complain(check, "node", "name", "%s: is reserved; take another name", name);
}

/* ---- [broker] -------------------------------------------------------------------------------- */

/* What stands before the "@" is not for others, wherever it was written. */
static const char *show_url(const char *text, char shown[static TEXT_SHOWN_MAX])
{
        const char *at = strrchr(text, '@'), *scheme = strstr(text, "://");
        char rest[TEXT_SHOWN_MAX];
        if (!at)
                return text_show(text, shown);
        (void)snprintf(shown, TEXT_SHOWN_MAX, "%.*s…@%s", scheme && scheme < at ? (int)MIN(scheme + 3 - text, 10) : 0,
                       text, text_show(at + 1, rest));
        return shown;
}

static void check_url(struct check *check, const char *text)
{
        struct url url;
        struct fault fault = { 0 };
        char shown[TEXT_SHOWN_MAX];
        if (url_parse(text, &url, &fault) < 0) {
                complain(check, "broker", "url", "%s: %s", show_url(text, shown), fault.text);
                return;
        }
        check->mqtts |= url.scheme == URL_MQTTS;
        if (url_is_private(&url))
                return;
        check->exposed = true;
        warn(check, "broker", "url",
             "%s: without TLS anyone on the way can read and change what is sent; mqtts:// prevents that",
             text_show(text, shown));
}

static void check_urls(struct check *check)
{
        const char *const *urls = check->settings->broker.urls.items;
        for (size_t i = 0; i < check->settings->broker.urls.count; i++)
                check_url(check, urls[i]);
}

/* A topic of one or more levels; `example` is a good one. */
static void check_topic(struct check *check, const char *kind, const char *key, const char *topic, const char *example)
{
        char shown[TEXT_SHOWN_MAX];
        size_t length = topic ? strlen(topic) : 0;
        if (!topic)
                return;
        if (length == 0 || length > 128 || strpbrk(topic, "+#\t\n\r ") || topic[0] == '$')
                complain(check, kind, key,
                         "%s: a topic of 1 to 128 bytes without blanks, \"+\", \"#\" and a \"$\" at its start",
                         text_show(topic, shown));
        else if (topic[0] == '/' || topic[length - 1] == '/' || strstr(topic, "//"))
                complain(check, kind, key, "%s: topic levels are not empty: no \"/\" at the start or the end, as in %s",
                         text_show(topic, shown), example);
}

/* The base is the first part of every topic. */
static void check_base(struct check *check)
{
        check_topic(check, "broker", "base", check->settings->broker.base, "sconce");
}

/* Anyone who can read the file has the secret. */
static void warn_of_readers(struct check *check, const char *key)
{
        const struct config_entry *entry = find_key(check, "broker", key);
        struct stat status;
        if (entry && !entry->broken && stat(entry->file, &status) == 0 && (status.st_mode & S_IROTH))
                warn(check, "broker", key,
                     "every user of this machine can read the file that holds it: chmod o-r, or use password_file");
}

static void check_password(struct check *check)
{
        const struct broker_settings *broker = &check->settings->broker;
        const char *key = broker->password ? "password" : "password_file";
        if (!broker->password && !broker->password_file)
                return;
        if (broker->password && broker->password_file)
                complain(check, "broker", "password_file", "password is there too: one of them");
        if (!broker->user && !is_written(check, "broker", "user"))
                complain(check, "broker", key, "needs a user: user = NAME");
        if (check->exposed)
                complain(check, "broker", key, "a password goes over mqtts:// only, or to a broker on this machine");
        if (broker->password)
                warn_of_readers(check, "password");
}

/* ---- [tls] ----------------------------------------------------------------------------------- */

/* A certificate and its key belong together; without both a password may stand in for them. */
static void check_certificate(struct check *check)
{
        struct tls_options *tls = &check->settings->tls;
        bool cert = is_written(check, "tls", "cert"), key = is_written(check, "tls", "key");
        if (cert && !key)
                complain(check, "tls", "cert",
                         "needs its key: key = FILE, or a provider URI such as handle:0x81000001");
        if (key && !cert)
                complain(check, "tls", "key", "needs its certificate: cert = FILE");
        if (!cert && !key && settings_uses_password(check->config))
                tls->cert = tls->key = NULL;
}

static bool has_scheme(const char *text)
{
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
        return length > 1 && text[length] == ':' && text[length + 1] != '\0';
}

static void check_key_and_ca(struct check *check)
{
        const struct tls_options *tls = &check->settings->tls;
        char shown[TEXT_SHOWN_MAX];
        if (tls->key && tls->key[0] != '/' && !has_scheme(tls->key))
                complain(check, "tls", "key",
                         "%s: a path that begins with \"/\", or a provider URI such as handle:0x81000001 or "
                         "pkcs11:…",
                         text_show(tls->key, shown));
        if (tls->ca && tls->ca[0] != '/' && strcmp(tls->ca, "system") != 0)
                complain(check, "tls", "ca", "%s: a path that begins with \"/\", or system", text_show(tls->ca, shown));
}

static void check_server_name(struct check *check)
{
        const char *name = check->settings->tls.server_name;
        char shown[TEXT_SHOWN_MAX];
        if (name && !url_is_host(name))
                complain(check, "tls", "server_name", "%s: a host name or an IP address", text_show(name, shown));
}

/* sha256// and 32 bytes in base64. */
static void check_pin(struct check *check)
{
        static const char prefix[] = "sha256//";
        static const size_t digits = 43;
        const char *pin = check->settings->tls.pin;
        char shown[TEXT_SHOWN_MAX];
        if (!pin)
                return;
        const char *text = strncmp(pin, prefix, strlen(prefix)) == 0 ? pin + strlen(prefix) : "";
        size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
        if (length != digits || strcmp(text + length, "=") != 0)
                complain(check, "tls", "pin",
                         "%s: sha256// and the SHA-256 of the broker's public key in base64, 44 characters",
                         text_show(pin, shown));
}

/* ---- [homeassistant] -------------------------------------------------------------------------- */

static void check_homeassistant(struct check *check)
{
        struct homeassistant_settings *settings = &check->settings->homeassistant;

        check_topic(check, "homeassistant", "prefix", settings->prefix, "homeassistant");
        check_topic(check, "homeassistant", "birth_topic", settings->birth_topic, "homeassistant/status");
        if (!check->settings->broker.envelope)
                return;
        if (settings->enabled && is_written(check, "homeassistant", "enabled"))
                complain(check, "homeassistant", "enabled",
                         "Home Assistant cannot read messages in an envelope: one of this and [broker] envelope");
        settings->enabled = false;
}

/* ---- All ------------------------------------------------------------------------------------- */

static void check_chip(struct check *check)
{
        const char *chip = check->settings->gpio.chip;
        if (chip && *chip == '\0')
                complain(check, "gpio", "chip", "\"\": a chip's number, name, label or path, or sim");
}

bool settings_check(const struct config *config, struct settings *settings, struct problems *problems)
{
        static void (*const checks[])(struct check * check) = {
                check_name,       check_urls,        check_base, check_password, check_certificate,
                check_key_and_ca, check_server_name, check_pin,  check_chip,     check_homeassistant,
        };
        struct check check = { .config = config, .settings = settings, .problems = problems, .good = true };
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                checks[i](&check);
        return check.good;
}
