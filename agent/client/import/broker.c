/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/broker.h"

#include <string.h>

#include "util/text.h"
#include "util/url.h"

static const struct import_key mqtt_keys[] = {
        { .name = "host" },
        { .name = "port" },
        { .name = "user" },
        { .name = "keepalive" },
        { .name = "ha_discovery" },
        { .name = "tls" },
        { .name = "discovery" }, /* of pi-mqtt-gpio; on by default here */
        { .name = "discovery_prefix", .usual = "homeassistant", .lost = "write it as [homeassistant] prefix" },
        { .name = "discovery_name", .lost = "a device in Home Assistant has the name of its section" },
        { .name = "password",
          .usual = "",
          .lost = "is not copied: put it into a file that [broker] password_file names" },
        { .name = "client_id", .usual = "", .lost = "Sconce has one that nobody can guess ([broker] client_id)" },
        { .name = "topic_prefix", .usual = "", .lost = "topics are sconce/NODE/DEVICE/...: docs/topics.md" },
        { .name = "status_topic", .lost = "the status is at sconce/NODE/status" },
        { .name = "status_payload_running", .lost = "the status is online or offline" },
        { .name = "status_payload_stopped", .lost = "the status is online or offline" },
        { .name = "status_payload_dead", .lost = "the status is online or offline" },
        { .name = "clean_session" }, /* always clean */
        { .name = "protocol" },      /* 5, or 3.1.1 where the broker has no other */
        { .name = "client_module" },
        { .name = "reconnect_delay" },
        { .name = "reconnect_count", .usual = "-1", .lost = "it tries for ever" },
        { 0 },
};

static const struct import_key tls_keys[] = {
        { .name = "enabled" },
        { .name = "ca_certs" },
        { .name = "certfile" },
        { .name = "keyfile" },
        { .name = "cert_reqs", .usual = "CERT_REQUIRED", .lost = "the broker's certificate is always verified" },
        { .name = "insecure", .usual = "no", .lost = "the broker's name is always verified ([tls] server_name, pin)" },
        { .name = "tls_version", .lost = "TLS 1.2 and above ([tls] min_version)" },
        { .name = "ciphers", .lost = "OpenSSL's choice holds" },
        { 0 },
};

static const struct import_key discovery_keys[] = {
        { .name = "enabled" },
        { .name = "prefix" },
        { .name = "name", .lost = "a device in Home Assistant has the name of its section" },
        { 0 },
};

struct broker {
        struct draft draft; /* only its values are used */
        const struct tree_node *mqtt, *tls;
        char url[320];
        bool encrypted;
};

/* mqtt:// is written out for a broker on this machine alone. */
static void put_url(struct broker *broker)
{
        struct import *import = broker->draft.import;
        unsigned line = tree_get(broker->mqtt, "host")->line;
        struct url url;

        if (url_parse(broker->url, &url, NULL) < 0) {
                import_note(import, line, "host: is not a broker's address: write [broker] url yourself");
                return;
        }
        if (broker->encrypted || url_is_private(&url)) {
                fprintf(import->out, "url = %s\n", broker->url);
                return;
        }
        import_note(import, line,
                    "host: this connection was not encrypted: sconce-pki makes the certificates that mqtts:// "
                    "needs (docs/install.md), then write the url in");
        fprintf(import->out,
                "# Needs certificates: `sudo sconce-pki install NODE.tar` puts them and this address in place.\n"
                "# url = mqtts://%s:8883\n",
                url.host);
}

static void put_broker(struct broker *broker)
{
        struct draft *draft = &broker->draft;
        const char *host = draft_text(draft, broker->mqtt, "host");
        const char *user = draft_text(draft, broker->mqtt, "user");
        double port = broker->encrypted ? 8883 : 1883, keepalive;

        fputs("\n[broker]\n", draft->import->out);
        (void)draft_number(draft, broker->mqtt, "port", 65535, &port);
        if (host && strlen(host) < 256 && !draft->bad) {
                bool bare6 = strchr(host, ':') && host[0] != '[';
                (void)snprintf(broker->url, sizeof(broker->url), "mqtt%s://%s%s%s:%.0f", broker->encrypted ? "s" : "",
                               bare6 ? "[" : "", host, bare6 ? "]" : "", port);
                put_url(broker);
        }
        if (user && *user) {
                fputs("user = ", draft->import->out);
                import_put_quoted(draft->import->out, user);
                fputs("\n# password_file = /etc/sconce/password\n", draft->import->out);
        }
        if (draft_number(draft, broker->mqtt, "keepalive", 3600, &keepalive) && keepalive >= 5)
                fprintf(draft->import->out, "keepalive = %.0fs\n", keepalive);
}

static void put_file(struct broker *broker, const char *from, const char *key)
{
        FILE *out = broker->draft.import->out;
        const char *path = draft_text(&broker->draft, broker->tls, from);

        if (!path || !*path)
                return;
        if (*path != '/') {
                import_note(broker->draft.import, tree_get(broker->tls, from)->line,
                            "%s: a path that does not begin with /: write [tls] %s yourself", from, key);
                return;
        }
        fprintf(out, "%s = ", key);
        import_put_quoted(out, path);
        fputc('\n', out);
}

static void put_tls(struct broker *broker)
{
        static const char *const files[][2] = { { "ca_certs", "ca" }, { "certfile", "cert" }, { "keyfile", "key" } };

        if (!broker->tls || broker->tls->kind != TREE_MAP)
                return;
        import_keys(broker->draft.import, broker->tls, tls_keys);
        if (!broker->encrypted)
                return;
        fputs("\n[tls]\n", broker->draft.import->out);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                put_file(broker, files[i][0], files[i][1]);
}

/* As sconced takes one. */
static bool is_topic(const char *text)
{
        size_t length = strlen(text);

        return length > 0 && length <= 128 && text[0] != '/' && text[length - 1] != '/' && !strstr(text, "//") &&
               strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") == length;
}

static void put_homeassistant(struct broker *broker)
{
        const struct tree_node *map = tree_get(broker->mqtt, "ha_discovery");
        struct draft *draft = &broker->draft;
        FILE *out = draft->import->out;

        if (!map || map->kind != TREE_MAP)
                return;
        import_keys(draft->import, map, discovery_keys);
        fprintf(out, "\n[homeassistant]\nenabled = %s\n", draft_bool(draft, map, "enabled", true) ? "yes" : "no");
        const char *prefix = draft_text(draft, map, "prefix");
        if (prefix && !is_topic(prefix)) {
                import_note(draft->import, tree_get(map, "prefix")->line, "prefix: is not a topic: left out");
        } else if (prefix && strcmp(prefix, "homeassistant") != 0) {
                fputs("prefix = ", out);
                import_put_quoted(out, prefix);
                fputc('\n', out);
        }
}

void broker_import(struct import *import, const struct tree_node *mqtt)
{
        struct broker broker = { .draft = { .import = import }, .mqtt = mqtt, .tls = tree_get(mqtt, "tls") };

        if (tree_is_null(mqtt))
                return;
        if (mqtt->kind != TREE_MAP) {
                import_note(import, mqtt->line, "mqtt: must be a map with the broker's host: left out");
                return;
        }
        import_keys(import, mqtt, mqtt_keys);
        broker.encrypted = draft_bool(&broker.draft, broker.tls, "enabled", false);
        put_broker(&broker);
        put_tls(&broker);
        put_homeassistant(&broker);
}
