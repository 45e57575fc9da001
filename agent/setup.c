/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/rule.h"
#include "util/log.h"
#include "util/text.h"

#define DEFAULT_STATE_DIR   "/var/lib/sconce"
#define DEFAULT_RUNTIME_DIR "/run/sconce"

/* What is larger than [node] max_payload is refused with a result, so it must arrive; but it is bounded. */
#define PACKET_ROOM_BYTES (4U * 1024 * 1024)

/* ---- The config ------------------------------------------------------------------------------------------------- */

static void log_all(int level, const struct problems *problems)
{
        for (size_t i = 0; i < problems->count; i++)
                log_write(level, NULL, "%s", problems->items[i]);
}

static bool has_rules(const struct config *config)
{
        for (size_t i = 0; i < config->count; i++)
                if (section_is_rule(&config->sections[i]))
                        return true;
        return false;
}

static int check_devices(const char *plugin_dir, struct starts *starts, const struct settings *settings,
                         const struct config *config, struct problems *problems)
{
        struct home_options options;

        setup_devices_options(settings, plugin_dir, &options);
        CLEANUP_FREE char *node = has_rules(config) ? broker_identity_likely_node(settings) : NULL;
        options.starts = starts;
        options.node = node;
        return home_check(&options, config, problems);
}

/* All problems at once: devices are checked even where the daemon's own sections are wrong, on their defaults. */
static int read_all(const char *plugin_dir, struct starts *starts, const struct config *config,
                    struct problems *problems, struct settings *ret)
{
        static const struct settings defaults;
        int r = settings_read(config, SETTINGS_DAEMON, problems, ret);

        if (r == -ENOMEM)
                return r;
        int devices = check_devices(plugin_dir, starts, r < 0 ? &defaults : ret, config, problems);
        if (devices == -ENOMEM || problems->count > 0) {
                if (r >= 0)
                        settings_done(ret);
                return devices == -ENOMEM ? devices : SETUP_BAD_CONFIG;
        }
        return r < 0 ? SETUP_BAD_CONFIG : 0;
}

/* One device by accident, say when an example was copied twice: the second's keys would apply to the first. */
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

int setup_read(const char *config_path, const char *plugin_dir, struct starts *starts, struct config **ret_config,
               struct settings *ret_settings)
{
        CLEANUP_CONFIG struct config *config = NULL;
        struct problems problems = { 0 };
        struct settings settings = { 0 };
        int r = config_load(config_path, &problems, &config);

        if (r >= 0)
                r = read_all(plugin_dir, starts, config, &problems, &settings);
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

void setup_restart_reason(const struct config *running, const struct config *config, char text[static SETUP_REASON_MAX])
{
        static const char *const sections[] = { "node", "gpio" };
        size_t used = 0;

        *text = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
                if (setup_same_section(running, config, sections[i]))
                        continue;
                log_warning("[%s] has changed: that takes effect when sconced is restarted", sections[i]);
                used += (size_t)snprintf(text + used, SETUP_REASON_MAX - used, "%s[%s]", used ? " and " : "",
                                         sections[i]);
        }
        if (used)
                (void)snprintf(text + used, SETUP_REASON_MAX - used, " changed: that needs a restart of sconced");
}

/* ---- Parts ------------------------------------------------------------------------------------------------------ */

int setup_gpio(struct loop *loop, const struct gpio_settings *settings, const struct fd_store *store, struct gpio **ret)
{
        const struct gpio_options options = {
                .chip = settings->chip,
                .sim_dir = settings->sim_dir,
                .consumer = "sconced",
                .fd_store = store,
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

void setup_uplink_options(const struct settings *settings, const struct broker_identity *identity,
                          struct uplink_options *ret)
{
        const struct broker_settings *broker = &settings->broker;

        *ret = (struct uplink_options){
                .base = broker->base,
                .node = identity->node,
                .envelope = broker->envelope,
                .announcements = {
                        .prefix = settings->homeassistant.enabled ? settings->homeassistant.prefix : NULL,
                        .birth_topic = settings->homeassistant.birth_topic,
                        .birth_payload = settings->homeassistant.birth_payload,
                },
                .session = {
                        .client_id = identity->client_id,
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
                        .tls = &settings->tls,
                },
        };
}

int setup_store(const struct settings *settings, const struct store_options *parts, struct store **ret)
{
        CLEANUP_FREE char *dir = setup_state_dir();
        struct store_options options = *parts;

        if (!dir)
                return -ENOMEM;
        options.dir = dir;
        options.save_after_us = settings->node.save_after_us;
        options.run = clock_boot_id();
        int r = store_new(&options, ret);
        const char *boot = r >= 0 ? store_cut_off(*ret) : NULL;
        if (boot)
                log_notice("the run before did not end in order: %s",
                           strcmp(boot, clock_boot_id()) == 0 ? "it crashed or was killed"
                                                              : "it crashed, or the machine lost power");
        return r;
}

char *setup_state_dir(void)
{
        const char *dirs = getenv("STATE_DIRECTORY");

        /* systemd gives one path for each name of StateDirectory=, with colons between. */
        return dirs && *dirs ? strndup(dirs, strcspn(dirs, ":")) : strdup(DEFAULT_STATE_DIR);
}

/* ---- What is driven, and what starts --------------------------------------------------------------------------- */

/* A file of the runtime directory: NAME + SUFFIX. */
struct record {
        const char *name, *suffix;
};
static const struct record driven_record = { "driven", ".json" }, starts_record = { "starts", "" },
                           spent_record = { "waits", "" };

/* The config's path without a look at the file, which may be gone by then: one name, one record. */
static uint64_t path_hash(const char *config_path)
{
        char directory[PATH_MAX] = "";

        if (config_path[0] != '/' && !getcwd(directory, sizeof(directory)))
                directory[0] = '\0';
        uint64_t hash = text_hash(text_hash(HASH_BEGIN, directory), directory[0] ? "/" : "");
        return text_hash(hash, config_path);
}

/* The usual one is found by people; nodes that are run by hand do not get into each other's way. */
static char *record_in(const char *dir, size_t length, const char *config_path, const struct record *record)
{
        char *path = NULL;
        int n = strcmp(config_path, SCONCE_SYSCONFDIR "/sconce/sconce.conf") == 0
                        ? asprintf(&path, "%.*s/%s%s", (int)length, dir, record->name, record->suffix)
                        : asprintf(&path, "%.*s/%s-%016" PRIx64 "%s", (int)length, dir, record->name,
                                   path_hash(config_path), record->suffix);
        return n < 0 ? NULL : path;
}

static char *record_in_runtime_dir(const char *config_path, const struct record *record)
{
        const char *dirs = getenv("RUNTIME_DIRECTORY");
        const char *dir = dirs && *dirs ? dirs : DEFAULT_RUNTIME_DIR;

        return record_in(dir, strcspn(dir, ":"), config_path, record);
}

static char *record_in_state_dir(const char *config_path, const struct record *record)
{
        CLEANUP_FREE char *dir = setup_state_dir();

        return dir ? record_in(dir, strlen(dir), config_path, record) : NULL;
}

static bool is_place(const char *path)
{
        CLEANUP_FREE char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

        return dir && (mkdir(dir, 0755) == 0 || errno == EEXIST) && access(dir, W_OK | X_OK) == 0;
}

static char *record_path(const char *config_path, const struct record *record)
{
        char *path = record_in_runtime_dir(config_path, record);

        if (!path || is_place(path) || getenv("RUNTIME_DIRECTORY"))
                return path;
        free(path);
        path = record_in_state_dir(config_path, record);
        if (path && !is_place(path)) {
                free(path);
                return NULL;
        }
        return path;
}

int setup_driven(const char *config_path, const struct settings *settings, const struct driven_options *parts,
                 struct driven **ret)
{
        CLEANUP_FREE char *path = record_path(config_path, &driven_record);
        struct driven_options options = *parts;

        options.path = path;
        options.chip = settings->gpio.chip;
        options.sim_dir = settings->gpio.sim_dir;
        return driven_new(&options, ret);
}

int setup_driven_read(const char *config_path, struct driven **ret, struct fault *fault)
{
        CLEANUP_FREE char *path = record_in_runtime_dir(config_path, &driven_record);
        CLEANUP_FREE char *other = record_in_state_dir(config_path, &driven_record);
        int r = path ? driven_read(path, ret, fault) : -ENOMEM;

        return r == -ENOENT && other ? driven_read(other, ret, fault) : r;
}

/* The agent does without it. */
static void warn_of_record(const char *path, int r, const char *consequence)
{
        if (r < 0)
                log_warning("%s: %s: %s", path ? path : "no runtime directory", strerror(-r), consequence);
}

struct starts *setup_starts(const char *config_path)
{
        CLEANUP_FREE char *path = record_path(config_path, &starts_record);
        struct starts *starts = NULL;
        int r = path ? starts_new(path, &starts) : -ENOENT;

        warn_of_record(path, r, "a device of which the agent dies at its start will not be left out");
        return starts;
}

struct spent *setup_spent(const char *config_path)
{
        CLEANUP_FREE char *path = record_path(config_path, &spent_record);
        struct spent *spent = NULL;
        int r = path ? spent_new(path, &spent) : -ENOENT;

        warn_of_record(path, r, "what a rule has waited for may be done twice where the agent dies of it");
        return spent;
}
