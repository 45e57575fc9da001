/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bus/client_id.h"
#include "util/log.h"
#include "util/reserved.h"
#include "util/text.h"

#define NODE_NAME_MAX 64

/* The store's row of a client id that follows from no key. */
#define CLIENT_ID_MARK "client id"

#define DEFAULT_STATE_DIR   "/var/lib/sconce"
#define DEFAULT_RUNTIME_DIR "/run/sconce"

/* What is larger than [node] max_payload is refused with a result, so it must arrive; but there is an end to what a stranger can
 * make us hold. */
#define PACKET_ROOM_BYTES (4U * 1024 * 1024)

/* ---- The config ------------------------------------------------------------------------------------------------- */

static void log_all(int level, const struct problems *problems)
{
        for (size_t i = 0; i < problems->count; i++)
                log_write(level, NULL, "%s", problems->items[i]);
}

static int check_devices(const char *plugin_dir, const struct settings *settings, const struct config *config,
                         struct problems *problems)
{
        struct home_options options;

        setup_devices_options(settings, plugin_dir, &options);
        return home_check(&options, config, problems);
}

/* All problems at once: devices are checked even where the daemon's own sections are wrong, on their defaults. */
static int read_all(const char *plugin_dir, const struct config *config, struct problems *problems,
                    struct settings *ret)
{
        static const struct settings defaults;
        int r = settings_read(config, SETTINGS_DAEMON, problems, ret);

        if (r == -ENOMEM)
                return r;
        int devices = check_devices(plugin_dir, r < 0 ? &defaults : ret, config, problems);
        if (devices == -ENOMEM || problems->count > 0) {
                if (r >= 0)
                        settings_done(ret);
                return devices == -ENOMEM ? devices : SETUP_BAD_CONFIG;
        }
        return r < 0 ? SETUP_BAD_CONFIG : 0;
}

/* One device by accident, say when an example has been copied twice: what is meant for another one would be taken over. */
static void warn_of_shared_sections(const struct config *config, struct problems *warnings)
{
        char label[CONFIG_LABEL_MAX];

        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                for (size_t k = 1; section->id && k < section->n_opened; k++)
                        problems_add(warnings, section->opened[k].file, section->opened[k].line,
                                     "%s goes on with the section in %s:%u: they are one device, and what is written "
                                     "here holds",
                                     config_label(section, label), section->file, section->line);
        }
}

int setup_read(const char *config_path, const char *plugin_dir, struct config **ret_config,
               struct settings *ret_settings)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct problems problems = { 0 };
        struct settings settings = { 0 };
        int r = config_load(config_path, &problems, &config);

        if (r >= 0)
                r = read_all(plugin_dir, config, &problems, &settings);
        log_all(LOG_ERR, &problems);
        problems_done(&problems);
        if (r != 0)
                return r;
        warn_of_shared_sections(config, &settings.warnings);
        log_all(LOG_WARNING, &settings.warnings);
        *ret_config = TAKE_PTR(config);
        *ret_settings = settings;
        return 0;
}

int setup_read_gpio(const char *config_path, struct config **ret_config, struct settings *ret_settings)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct problems problems = { 0 };
        int r = config_load(config_path, &problems, &config);

        if (r >= 0)
                r = settings_read_gpio(config, &problems, ret_settings);
        if (r >= 0) {
                r = problems.count > 0;
                *ret_config = TAKE_PTR(config);
        }
        log_all(LOG_ERR, &problems);
        problems_done(&problems);
        return r;
}

static bool same_entry(const struct config_entry *a, const struct config_entry *b)
{
        if (!b || a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->values[i], b->values[i]) != 0)
                        return false;
        return true;
}

bool setup_same_section(const struct config *a, const struct config *b, const char *kind)
{
        const struct config_section *in_a = config_find(a, kind, NULL), *in_b = config_find(b, kind, NULL);
        size_t count_a = in_a ? in_a->count : 0, count_b = in_b ? in_b->count : 0;

        if (count_a != count_b)
                return false;
        for (size_t i = 0; i < count_a; i++)
                if (!same_entry(&in_a->entries[i], config_entry_find(in_b, in_a->entries[i].key)))
                        return false;
        return true;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------ */

int setup_gpio(struct loop *loop, const struct settings *settings, struct gpio **ret)
{
        const struct gpio_options options = {
                .chip = settings->gpio.chip,
                .sim_dir = settings->gpio.sim_dir,
                .consumer = "sconced",
        };
        return gpio_new(loop, &options, ret);
}

void setup_devices_options(const struct settings *settings, const char *plugin_dir, struct home_options *ret)
{
        *ret = (struct home_options){
                .plugin_dir = plugin_dir,
                .max_payload_bytes = (size_t)settings->node.max_payload_bytes,
                .max_depth = (unsigned)settings->node.max_depth,
                .default_chip = settings->gpio.chip,
                .offline_after_us = settings->broker.offline_after_us,
        };
}

/* ---- Who we are ------------------------------------------------------------------------------------------------- */

/* Makes a node name of any text: lower case, and a dash for what names cannot hold; a host name ends at its first dot. */
static char *make_node_name(const char *text)
{
        char name[NODE_NAME_MAX + 1];
        size_t length = 0;

        for (const char *c = text; *c && *c != '.' && length < NODE_NAME_MAX; c++) {
                char lower = (char)tolower((unsigned char)*c);
                bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '_' ||
                            lower == '-';
                if (fits && (length > 0 || isalnum((unsigned char)lower)))
                        name[length++] = lower;
                else if (length > 0)
                        name[length++] = '-';
        }
        name[length] = '\0';
        return length > 0 ? strdup(name) : strdup("sconce");
}

/* What a cloud calls every certificate is no name of one node; nor, most likely, is anything that cannot be one. */
bool setup_name_is_doubtful(const char *cn, struct fault *fault)
{
        CLEANUP_FREE char *name = make_node_name(cn);

        if (!name || strcasecmp(cn, name) == 0 || strchr(cn, '.'))
                return false;
        (void)fault_set(fault, -EEXIST,
                        "the node is called %s, after its certificate's name \"%s\": where other nodes' certificates "
                        "have the same one, they use the same topics, and each obeys the commands for all; write name "
                        "= … under "
                        "[node]",
                        name, cn);
        return true;
}

static char *name_from_certificate(const struct tls_options *options)
{
        struct fault doubt = { 0 };
        struct tls *tls = NULL;
        char *name = NULL;

        /* What is wrong with the files is told by each attempt to connect. */
        if (options->cert && tls_new(options, &tls, NULL) == 0 && tls_certificate_name(tls)) {
                name = make_node_name(tls_certificate_name(tls));
                if (setup_name_is_doubtful(tls_certificate_name(tls), &doubt))
                        log_warning("%s", doubt.text);
        }
        tls_free(tls);
        return name;
}

static char *find_node_name(const struct settings *settings, const struct tls_options *tls)
{
        char host[256] = "";
        char *name;

        if (settings->node.name)
                return strdup(settings->node.name);
        name = name_from_certificate(tls);
        if (name)
                return name;
        (void)gethostname(host, sizeof(host) - 1);
        return make_node_name(host);
}

static int random_client_id(const struct broker_identity *identity, struct store *store, char **ret)
{
        char secret[CLIENT_ID_SECRET_MAX];

        (void)identity;
        (void)store;
        int r = client_id_random(secret);
        return r < 0 ? r : asprintf(ret, "sconce-%s", secret) < 0 ? -ENOMEM : 0;
}

/* Where there is no key, or none that can be read: what was drawn once. */
static int stored_secret(struct store *store, char secret[static CLIENT_ID_SECRET_MAX])
{
        const char *kept = store_get(store, STORE_MARK, "", CLIENT_ID_MARK);

        if (kept && strlen(kept) == CLIENT_ID_SECRET_MAX - 1) {
                memcpy(secret, kept, CLIENT_ID_SECRET_MAX);
                return 0;
        }
        int r = client_id_random(secret);
        return r < 0 ? r : store_put(store, STORE_MARK, "", CLIENT_ID_MARK, secret);
}

static int private_client_id(const struct broker_identity *identity, struct store *store, char **ret)
{
        char secret[CLIENT_ID_SECRET_MAX];

        int r = identity->tls.key ? client_id_from_key(identity->tls.key, secret) : -ENOENT;
        if (r < 0)
                r = stored_secret(store, secret);
        return r < 0 ? r : asprintf(ret, "sconce-%s-%s", identity->node, secret) < 0 ? -ENOMEM : 0;
}

int broker_identity_choose_id(struct broker_identity *identity, const struct settings *settings, struct store *store)
{
        static int (*const makers[])(const struct broker_identity *identity, struct store *store, char **ret) = {
                [CLIENT_ID_PRIVATE] = private_client_id,
                [CLIENT_ID_NODE] = NULL,
                [CLIENT_ID_RANDOM] = random_client_id,
        };
        char *id = NULL;

        int r = makers[settings->broker.client_id] ? makers[settings->broker.client_id](identity, store, &id) : 0;
        if (r < 0)
                return r;
        free(identity->client_id);
        identity->client_id = id;
        return 0;
}

int broker_identity_init(struct broker_identity *identity, const struct settings *settings, struct fault *fault)
{
        const struct tls_settings *tls = &settings->tls;

        *identity = (struct broker_identity){
                .tls = { .ca = tls->ca,
                         .cert = tls->cert,
                         .key = tls->key,
                         .crl = tls->crl,
                         .min_version = tls->min_version,
                         .server_name = tls->server_name,
                         .pin = tls->pin,
                         .alpn = tls->alpn },
        };
        int r = settings_password(settings, &identity->password, fault);
        if (r < 0)
                return r;
        identity->node = find_node_name(settings, &identity->tls);
        if (identity->node && word_is_reserved(identity->node, RESERVED_NODE)) {
                (void)fault_set(
                        fault, -EINVAL,
                        "the name \"%s\", which is the certificate's or the host's, is reserved: set [node] name",
                        identity->node);
                broker_identity_done(identity);
                return -EINVAL;
        }
        if (!identity->node) {
                broker_identity_done(identity);
                return fault_set(fault, -ENOMEM, "out of memory");
        }
        return 0;
}

static void free_password(char *password)
{
        if (password)
                explicit_bzero(password, strlen(password));
        free(password);
}

bool broker_identity_has_new_password(const struct broker_identity *identity, const struct settings *settings)
{
        struct fault fault = { 0 };
        char *password = NULL;

        if (settings_password(settings, &password, &fault) < 0) {
                log_warning("%s; what was read before stays in use", fault.text);
                return false;
        }
        bool same = password && identity->password ? strcmp(password, identity->password) == 0
                                                   : password == identity->password;
        free_password(password);
        return !same;
}

bool broker_identity_has_new_name(const struct broker_identity *identity, const struct settings *settings,
                                  const struct tls *tls)
{
        const char *cn = tls && !settings->node.name ? tls_certificate_name(tls) : NULL;
        CLEANUP_FREE char *name = cn ? make_node_name(cn) : NULL;

        /* A reserved one is told at the next start, and the node stays what it is. */
        return name && !word_is_reserved(name, RESERVED_NODE) && strcmp(name, identity->node) != 0;
}

void broker_identity_done(struct broker_identity *identity)
{
        free(identity->node);
        free(identity->client_id);
        free_password(identity->password);
        *identity = (struct broker_identity){ 0 };
}

void setup_uplink_options(const struct settings *settings, const struct broker_identity *identity,
                          struct uplink_options *ret)
{
        const struct broker_settings *broker = &settings->broker;

        *ret = (struct uplink_options){
                .base = broker->base,
                .node = identity->node,
                .envelope = broker->envelope,
                .client_id = identity->client_id,
                .session = {
                        .urls = broker->urls.items,
                        .n_urls = broker->urls.count,
                        .user = broker->user,
                        .password = identity->password,
                        .version = broker->version,
                        .keepalive_us = broker->keepalive_us,
                        .connect_timeout_us = broker->connect_timeout_us,
                        .handshake_timeout_us = broker->handshake_timeout_us,
                        .client_id_is_secret = broker->client_id == CLIENT_ID_PRIVATE,
                        /* A client that throws us out again and again must not send outputs to their on_offline. */
                        .pause_max_us = broker->offline_after_us / 2,
                        .max_packet_bytes = (size_t)settings->node.max_payload_bytes + PACKET_ROOM_BYTES,
                        .tls = &identity->tls,
                },
        };
}

char *setup_state_dir(void)
{
        const char *dirs = getenv("STATE_DIRECTORY");

        /* systemd gives one path for each name of StateDirectory=, with colons between. */
        return dirs && *dirs ? strndup(dirs, strcspn(dirs, ":")) : strdup(DEFAULT_STATE_DIR);
}

/* ---- What is driven --------------------------------------------------------------------------------------------- */

/* The config's path without a look at the file, which may be gone by then: one name, one record. */
static uint64_t path_hash(const char *config_path)
{
        char directory[PATH_MAX] = "";
        uint64_t hash = 0xcbf29ce484222325;

        if (config_path[0] != '/' && !getcwd(directory, sizeof(directory)))
                directory[0] = '\0';
        for (const char *c = directory; *c; c++)
                hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
        if (directory[0])
                hash = (hash ^ '/') * 0x100000001b3;
        for (const char *c = config_path; *c; c++)
                hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
        return hash;
}

/* The usual one is found by people; nodes that are run by hand do not get into each other's way. */
static char *driven_in(const char *dir, size_t length, const char *config_path)
{
        char *path = NULL;
        int n = strcmp(config_path, SCONCE_SYSCONFDIR "/sconce/sconce.conf") == 0
                        ? asprintf(&path, "%.*s/driven.json", (int)length, dir)
                        : asprintf(&path, "%.*s/driven-%016" PRIx64 ".json", (int)length, dir, path_hash(config_path));
        return n < 0 ? NULL : path;
}

static char *driven_in_runtime_dir(const char *config_path)
{
        const char *dirs = getenv("RUNTIME_DIRECTORY");
        const char *dir = dirs && *dirs ? dirs : DEFAULT_RUNTIME_DIR;

        return driven_in(dir, strcspn(dir, ":"), config_path);
}

static char *driven_in_state_dir(const char *config_path)
{
        CLEANUP_FREE char *dir = setup_state_dir();

        return dir ? driven_in(dir, strlen(dir), config_path) : NULL;
}

static bool is_place(const char *path)
{
        CLEANUP_FREE char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

        return dir && (mkdir(dir, 0755) == 0 || errno == EEXIST) && access(dir, W_OK | X_OK) == 0;
}

char *setup_driven_path(const char *config_path)
{
        char *path = driven_in_runtime_dir(config_path);

        if (!path || is_place(path) || getenv("RUNTIME_DIRECTORY"))
                return path;
        free(path);
        path = driven_in_state_dir(config_path);
        if (path && !is_place(path)) {
                free(path);
                return NULL;
        }
        return path;
}

int setup_driven_read(const char *config_path, struct driven **ret, struct fault *fault)
{
        CLEANUP_FREE char *path = driven_in_runtime_dir(config_path), *other = driven_in_state_dir(config_path);
        int r = path ? driven_read(path, ret, fault) : -ENOMEM;

        return r == -ENOENT && other ? driven_read(other, ret, fault) : r;
}

uint64_t setup_monotonic_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}
