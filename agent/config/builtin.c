/* SPDX-License-Identifier: Apache-2.0 */
#include "config/builtin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/checks.h"
#include "config/dump.h"
#include "config/rule.h"
#include "util/file.h"

#define CERTS SCONCE_SYSCONFDIR "/sconce/certs/"

#define PASSWORD_FILE_MAX 4096

/* ---- Tables ---------------------------------------------------------------------------------- */

static const char *const clocks[] = { "auto", "trusted", NULL };

static const struct sconce_option node_rows[] = {
        SCONCE_OPTION_STRING(struct settings, node.name, "name", 0,
                             "The node's name in topics; by default the certificate's CN, else the host name"),
        SCONCE_OPTION_ENUM(struct settings, node.clock, "clock", 0,
                           "Whether the wall clock is right: auto waits until it has been synchronised or set",
                           .def = "auto", .choices = clocks),
        SCONCE_OPTION_SIZE(struct settings, node.max_payload_bytes, "max_payload", 0,
                           "Longest command that is read; longer ones are refused as too_large", .def = "64K",
                           .min = "256", .max = "1M"),
        SCONCE_OPTION_INT(struct settings, node.max_depth, "max_depth", 0,
                          "Deepest nesting of a JSON command; deeper ones are refused as depth", .def = "16",
                          .min = "1", .max = "128"),
        SCONCE_OPTION_DURATION(struct settings, node.save_after_us, "save_after", 0,
                               "How long what is commanded may wait until it is saved for the next start", .def = "2s",
                               .min = "10ms", .max = "1h"),
        { 0 },
};

static const char *const versions[] = { "auto", "5", "3.1.1", NULL };
static const char *const client_ids[] = { "private", "node", "random", NULL };

static const struct sconce_option broker_rows[] = {
        SCONCE_OPTION_LIST(struct settings, broker.urls, SCONCE_TYPE_STRING, "url", 0,
                           "mqtts://HOST[:PORT], mqtt://HOST[:PORT] or unix:///PATH; several are tried in order"),
        SCONCE_OPTION_ENUM(struct settings, broker.version, "version", 0,
                           "MQTT version; auto begins with 5 and falls back to 3.1.1", .def = "auto",
                           .choices = versions),
        SCONCE_OPTION_STRING(struct settings, broker.user, "user", 0, "User name, if the broker requires one"),
        SCONCE_OPTION_STRING(struct settings, broker.password, "password", SCONCE_SECRET,
                             "Its password; over mqtts it may stand in for the client certificate"),
        SCONCE_OPTION_PATH(struct settings, broker.password_file, "password_file", 0,
                           "File whose one line is the password; others must not be able to read it"),
        SCONCE_OPTION_ENUM(struct settings, broker.client_id, "client_id", 0,
                           "MQTT client id: the node's name and what only the private key gives, the name alone, or a "
                           "new one at each start",
                           .def = "private", .choices = client_ids),
        SCONCE_OPTION_STRING(struct settings, broker.base, "base", 0, "What every topic begins with", .def = "sconce"),
        SCONCE_OPTION_BOOL(struct settings, broker.envelope, "envelope", 0,
                           "Wrap each JSON message in header, content and footer", .def = "no"),
        SCONCE_OPTION_DURATION(struct settings, broker.offline_after_us, "offline_after", 0,
                               "How long the broker is away before outputs go to their on_offline", .def = "30s",
                               .min = "1s", .max = "7d"),
        SCONCE_OPTION_DURATION(
                struct settings, broker.keepalive_us, "keepalive", 0,
                "How soon a broker that falls silent counts as lost: half of it until a ping asks, half for the answer",
                .def = "30s", .min = "5s", .max = "18h"),
        SCONCE_OPTION_DURATION(struct settings, broker.connect_timeout_us, "connect_timeout", 0,
                               "How long one address may take to connect", .def = "10s", .min = "100ms", .max = "10m"),
        SCONCE_OPTION_DURATION(struct settings, broker.handshake_timeout_us, "handshake_timeout", 0,
                               "How long TLS and MQTT may then take to agree", .def = "15s", .min = "100ms",
                               .max = "10m"),
        { 0 },
};

static const char *const min_versions[] = { "1.2", "1.3", NULL };

static const struct sconce_option tls_rows[] = {
        SCONCE_OPTION_STRING(struct settings, tls.ca, "ca", 0,
                             "File with the authorities that may vouch for the broker, or system for the machine's own",
                             .def = CERTS "ca.crt"),
        SCONCE_OPTION_PATH(struct settings, tls.cert, "cert", 0,
                           "Our certificate; not used when a password is given and neither cert nor key is",
                           .def = CERTS "node.crt"),
        SCONCE_OPTION_STRING(struct settings, tls.key, "key", 0,
                             "Its private key: a file, or a provider URI such as handle:0x81000001 (TPM)",
                             .def = CERTS "node.key"),
        SCONCE_OPTION_PATH(struct settings, tls.crl, "crl", 0,
                           "File with the authority's list of revoked certificates"),
        SCONCE_OPTION_ENUM(struct settings, tls.min_version, "min_version", 0, "Lowest TLS version", .def = "1.2",
                           .choices = min_versions),
        SCONCE_OPTION_STRING(struct settings, tls.server_name, "server_name", 0,
                             "Name that the broker's certificate must have, where it is not the URL's host"),
        SCONCE_OPTION_STRING(struct settings, tls.pin, "pin", 0,
                             "sha256//BASE64 of the broker's public key, instead of the check of its name"),
        SCONCE_OPTION_STRING(
                struct settings, tls.alpn, "alpn", 0,
                "Protocol that TLS asks for (ALPN), for brokers on port 443: x-amzn-mqtt-ca at AWS, mqtt elsewhere"),
        { 0 },
};

static const struct sconce_option gpio_rows[] = {
        SCONCE_OPTION_STRING(struct settings, gpio.chip, "chip", 0,
                             "Chip of lines that name none: a number, name, label or path; sim is the simulated one",
                             .def = "gpiochip0"),
        SCONCE_OPTION_PATH(struct settings, gpio.sim_dir, "sim_dir", 0, "Directory of the simulated chip",
                           .def = "/run/sconce/sim"),
        { 0 },
};

static const struct sconce_option homeassistant_rows[] = {
        SCONCE_OPTION_BOOL(
                struct settings, homeassistant.enabled, "enabled", 0,
                "Whether the devices are announced to Home Assistant, so that they appear there by themselves; "
                "not with an envelope, which it cannot read",
                .def = "yes"),
        SCONCE_OPTION_STRING(struct settings, homeassistant.prefix, "prefix", 0,
                             "What its discovery topics begin with, as its MQTT integration has it",
                             .def = "homeassistant"),
        SCONCE_OPTION_STRING(struct settings, homeassistant.birth_topic, "birth_topic", 0,
                             "Where it publishes that it has started", .def = "homeassistant/status"),
        SCONCE_OPTION_STRING(struct settings, homeassistant.birth_payload, "birth_payload", 0,
                             "What it publishes there then", .def = "online"),
        { 0 },
};

static const struct sconce_option history_rows[] = {
        SCONCE_OPTION_DURATION(struct settings, history.flush_us, "flush", 0,
                               "How long what is read while the broker is away may wait until it is on the disk",
                               .def = "5s", .min = "100ms", .max = "1h"),
        SCONCE_OPTION_INT(struct settings, history.max_count, "max_count", 0,
                          "How many readings and events are kept; then the oldest go", .def = "100000", .min = "1",
                          .max = "10000000"),
        SCONCE_OPTION_SIZE(struct settings, history.max_bytes, "max_bytes", 0,
                           "How large they may be together; then the oldest go", .def = "32M", .min = "4K",
                           .max = "4G"),
        SCONCE_OPTION_DURATION(struct settings, history.max_age_us, "max_age", 0, "How old they may become",
                               .def = "30d", .min = "1m", .max = "3650d"),
        { 0 },
};

enum { NODE, BROKER, TLS, GPIO, HOMEASSISTANT, HISTORY };

static const struct {
        const char *kind;
        const struct sconce_option *rows;
} sections[] = {
        [NODE] = { "node", node_rows },
        [BROKER] = { "broker", broker_rows },
        [TLS] = { "tls", tls_rows },
        [GPIO] = { "gpio", gpio_rows },
        [HOMEASSISTANT] = { "homeassistant", homeassistant_rows },
        [HISTORY] = { "history", history_rows },
};

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_section(const struct config *config, size_t index, struct settings *settings, struct problems *problems)
{
        const struct config_section *section = config_find(config, sections[index].kind, NULL);
        const struct option_target target = { sections[index].rows, settings };
        return options_read(section, &target, 1, NULL, &settings->store, problems);
}

int settings_read(const struct config *config, enum settings_for whom, struct problems *problems, struct settings *ret)
{
        CLEANUP(settings_done) struct settings settings = { 0 };
        bool good = headers_check(config, whom, problems);
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                int r = read_section(config, i, &settings, problems);
                if (r == -ENOMEM)
                        return r;
                good &= r == 0;
        }
        good &= settings_check(config, &settings, problems);
        if (problems->lost || settings.warnings.lost)
                return -ENOMEM;
        if (!good)
                return -EINVAL;
        *ret = settings;
        settings = (struct settings){ 0 };
        return 0;
}

int settings_read_gpio(const struct config *config, struct problems *problems, struct settings *ret)
{
        *ret = (struct settings){ 0 };
        int r = read_section(config, GPIO, ret, problems);
        if (r != -ENOMEM)
                return 0;
        settings_done(ret);
        return r;
}

void settings_done(struct settings *settings)
{
        problems_done(&settings->warnings);
        option_store_done(&settings->store);
        *settings = (struct settings){ 0 };
}

/* ---- The password ---------------------------------------------------------------------------- */

/* One line, with or without its end. */
static int take_password(const char *path, const struct file *file, char **ret, struct fault *fault)
{
        size_t length = file->size;
        if (file->status.st_mode & S_IROTH)
                return fault_set(fault, -EACCES, "%s: others can read the password file: chmod o-r %s", path, path);
        length -= length > 0 && file->data[length - 1] == '\n';
        length -= length > 0 && file->data[length - 1] == '\r';
        if (length == 0 || strlen(file->data) != file->size || memchr(file->data, '\n', length))
                return fault_set(fault, -EINVAL, "%s: a password file is one line of text", path);
        char *password = strndup(file->data, length);
        if (!password)
                return fault_set(fault, -ENOMEM, "no memory");
        *ret = password;
        return 0;
}

int settings_password(const struct settings *settings, char **ret, struct fault *fault)
{
        const struct broker_settings *broker = &settings->broker;
        if (!broker->password_file) {
                char *copy = broker->password ? strdup(broker->password) : NULL;
                if (broker->password && !copy)
                        return fault_set(fault, -ENOMEM, "no memory");
                *ret = copy;
                return 0;
        }
        CLEANUP(file_done) struct file file = { 0 };
        struct fault why = { 0 };
        int r = file_read(broker->password_file, PASSWORD_FILE_MAX, &file, &why);
        if (r < 0)
                return fault_set(fault, r, "%s: the password file %s", broker->password_file, why.text);
        return take_password(broker->password_file, &file, ret, fault);
}

/* ---- For people ------------------------------------------------------------------------------ */

static void describe_section(FILE *out, const char *kind, const struct sconce_option *rows, enum describe_form form)
{
        char heading[40];

        (void)snprintf(heading, sizeof(heading), "[%s]", kind);
        describe_heading(out, heading, form);
        options_describe_head(out, form);
        options_describe(out, rows, form);
}

void settings_describe(FILE *out, enum describe_form form)
{
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                describe_section(out, sections[i].kind, sections[i].rows, form);
                if (form != DESCRIBE_ROFF)
                        (void)fputc('\n', out);
        }
        describe_section(out, "rule NAME", rule_rows, form);
}

bool settings_describe_one(FILE *out, const char *kind, enum describe_form form)
{
        if (strcmp(kind, "rule") == 0) {
                describe_section(out, "rule NAME", rule_rows, form);
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                if (strcmp(sections[i].kind, kind) != 0)
                        continue;
                describe_section(out, kind, sections[i].rows, form);
                return true;
        }
        return false;
}

bool settings_uses_password(const struct config *config)
{
        const struct config_section *broker = config_find(config, "broker", NULL);
        return broker && (config_entry_find(broker, "password") || config_entry_find(broker, "password_file"));
}

/* The [tls] rows as they count: with a password and neither cert nor key, these two have no default. */
static void dump_tls(FILE *out, const struct config *config, const struct config_section *section)
{
        struct sconce_option rows[ARRAY_SIZE(tls_rows)];
        memcpy(rows, tls_rows, sizeof(rows));
        bool written = section && (config_entry_find(section, "cert") || config_entry_find(section, "key"));
        for (struct sconce_option *row = rows; row->key; row++) {
                if (!written && settings_uses_password(config) &&
                    (strcmp(row->key, "cert") == 0 || strcmp(row->key, "key") == 0))
                        row->def = NULL;
        }
        const struct option_target target = { rows, NULL };
        options_dump(out, "tls", section, &target, 1);
}

void settings_dump(FILE *out, const struct config *config)
{
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                const struct config_section *section = config_find(config, sections[i].kind, NULL);
                const struct option_target target = { sections[i].rows, NULL };
                if (sections[i].rows == tls_rows)
                        dump_tls(out, config, section);
                else
                        options_dump(out, sections[i].kind, section, &target, 1);
        }
}
