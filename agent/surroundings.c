/* SPDX-License-Identifier: Apache-2.0 */
#include "surroundings.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker_identity.h"
#include "util/file.h"
#include "util/url.h"

#define SERVICE_USER "sconce"

/* ---- Rights ---------------------------------------------------------------------------------------------------- */

static bool is_member(const struct reader_rights *rights, gid_t group)
{
        for (int i = 0; i < rights->n_groups; i++)
                if (rights->groups[i] == group)
                        return true;
        return false;
}

/* `wanted` as for others: S_IROTH, S_IXOTH. */
static bool may(const struct stat *st, mode_t wanted, const struct reader_rights *rights)
{
        if (rights->user == 0)
                return true;
        if (st->st_uid == rights->user)
                return st->st_mode & (wanted << 6);
        return st->st_mode & (is_member(rights, st->st_gid) ? wanted << 3 : wanted);
}

int surroundings_readable(const char *path, const struct reader_rights *rights, struct fault *fault)
{
        CLEANUP_FREE char *real = realpath(path, NULL);
        struct stat st;

        for (char *slash = real ? strchr(real, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
                char *end = slash == real ? slash + 1 : slash, kept = *end;
                *end = '\0';
                bool in_the_way = stat(real, &st) == 0 && !may(&st, S_IXOTH, rights);
                if (in_the_way)
                        return fault_set(fault, -EACCES, "the directory %s is closed to it", real);
                *end = kept;
        }
        if (real && stat(real, &st) == 0 && !may(&st, S_IROTH, rights))
                return fault_set(fault, -EACCES, "mode %04o", (unsigned)st.st_mode & 07777U);
        return 0;
}

static bool find_service(struct reader_rights *ret)
{
        const struct passwd *user = getpwnam(SERVICE_USER);

        if (!user)
                return false;
        ret->user = user->pw_uid;
        ret->n_groups = (int)ARRAY_SIZE(ret->groups);
        return getgrouplist(SERVICE_USER, user->pw_gid, ret->groups, &ret->n_groups) >= 0;
}

/* ---- Files ----------------------------------------------------------------------------------------------------- */

struct look {
        const struct config *config;
        struct problems *warnings;
        struct reader_rights service;
        bool has_service;
        bool is_missing; /* one of the files */
};

static void warn_of_rights(const struct look *look, const char *path, const char *file, unsigned line,
                           const char *label)
{
        struct fault fault = { 0 };

        if (look->has_service && surroundings_readable(path, &look->service, &fault) < 0)
                problems_add(look->warnings, file, line, "%s%s the service's user " SERVICE_USER " cannot read it (%s)",
                             label, *label ? " " : "", fault.text);
}

static void look_at(struct look *look, const char *kind, const char *key, const char *path)
{
        const struct config_section *section = config_find(look->config, kind, NULL);
        const struct config_entry *entry = section ? config_entry_find(section, key) : NULL;
        struct fault fault = { 0 };
        char label[PATH_MAX + 64];

        if (!path)
                return;
        (void)snprintf(label, sizeof(label), "[%s] %s: %s:", kind, key, path);
        if (file_check(path, &fault) == 0) {
                warn_of_rights(look, path, entry ? entry->file : NULL, entry ? entry->line : 0, label);
                return;
        }
        look->is_missing = true;
        problems_add(look->warnings, entry ? entry->file : NULL, entry ? entry->line : 0, "%s %s", label, fault.text);
}

/* Whether they fit together; not with a key in a chip, which is hardware. */
static void look_at_contents(const struct look *look, const struct settings *settings)
{
        CLEANUP_TLS struct tls *tls = NULL;
        struct fault fault = { 0 };

        if (tls_new(&settings->tls, &tls, &fault) < 0) {
                problems_add(look->warnings, NULL, 0, "[tls] %s", fault.text);
                return;
        }
        const char *cn = tls_certificate_name(tls);
        if (!settings->node.name && cn && broker_identity_is_doubtful(cn, &fault))
                problems_add(look->warnings, NULL, 0, "[node] name: %s", fault.text);
}

static void look_at_tls(struct look *look, const struct settings *settings)
{
        const struct tls_options *tls = &settings->tls;
        bool key_is_file = tls->key && !tls_key_is_uri(tls->key);

        look_at(look, "tls", "ca", tls->ca && strcmp(tls->ca, "system") != 0 ? tls->ca : NULL);
        look_at(look, "tls", "cert", tls->cert);
        look_at(look, "tls", "key", key_is_file ? tls->key : NULL);
        look_at(look, "tls", "crl", tls->crl);
        if (!look->is_missing && (key_is_file || !tls->key))
                look_at_contents(look, settings);
}

void surroundings_check(const struct config *config, const struct settings *settings, struct problems *warnings)
{
        struct look look = { .config = config, .warnings = warnings };

        look.has_service = find_service(&look.service);
        for (size_t i = 0; i < config->n_files; i++)
                warn_of_rights(&look, config->files[i], config->files[i], 0, "");
        look_at(&look, "broker", "password_file", settings->broker.password_file);
        look.is_missing = false;
        if (url_any_is_tls(settings->broker.urls.items, settings->broker.urls.count))
                look_at_tls(&look, settings);
}
