/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "util/cleanup.h"
#include "util/text.h"

#define BUSY_MS 30000

DEFINE_CLEANUP(struct registry, registry_close);
#define CLEANUP_REGISTRY CLEANUP(registry_closep)

static const char schema[] = "PRAGMA user_version = 1;"
                             "CREATE TABLE names("
                             " at INTEGER PRIMARY KEY,"
                             " name TEXT NOT NULL UNIQUE,"
                             " kind INTEGER NOT NULL,"
                             " revoked INTEGER NOT NULL,"
                             " generation INTEGER NOT NULL,"
                             " rights INTEGER NOT NULL,"
                             " words TEXT NOT NULL);" /* separated by blanks, of which none can hold one */
                             "CREATE TABLE certificates("
                             " serial TEXT PRIMARY KEY,"
                             " name TEXT NOT NULL,"
                             " generation INTEGER NOT NULL,"
                             " not_after INTEGER NOT NULL,"
                             " revoked_at INTEGER NOT NULL,"
                             " issuer TEXT NOT NULL,"
                             " proven INTEGER NOT NULL," /* a request was signed with its key: it is in use */
                             " der BLOB NOT NULL);"
                             "CREATE INDEX certificates_of ON certificates(name);"
                             "CREATE TABLE numbers(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
                             "CREATE TABLE invitations("
                             " identity TEXT PRIMARY KEY,"
                             " name TEXT NOT NULL,"
                             " psk TEXT NOT NULL,"
                             " mac BLOB NOT NULL,"
                             " url TEXT NOT NULL,"
                             " expires_at INTEGER NOT NULL,"
                             " tries INTEGER NOT NULL,"
                             " used_at INTEGER NOT NULL,"
                             " serial TEXT NOT NULL);"
                             "CREATE INDEX invitations_of ON invitations(name);"
                             "CREATE TABLE files(path TEXT PRIMARY KEY, use INTEGER NOT NULL, data BLOB NOT NULL);";

/* Each leads from its place in the list to the next version: a new registry goes through all of them. */
static const char *const versions[] = {
        schema,
        "PRAGMA user_version = 2;"
        "ALTER TABLE names ADD COLUMN commands TEXT NOT NULL DEFAULT '';", /* as words */
};

#define VERSION (int)ARRAY_SIZE(versions)

/* ---- SQLite ------------------------------------------------------------------------------------------------------ */

int registry_fail(struct registry *registry, int code, struct fault *fault)
{
        switch (code) {
        case SQLITE_FULL:
                return fault_set(fault, -ENOSPC, "%s: no space left on its disk", registry->path);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return fault_set(fault, -EBADMSG, "%s is damaged: bring it back from a backup", registry->path);
        case SQLITE_NOMEM:
                return fault_set(fault, -ENOMEM, "out of memory");
        case SQLITE_BUSY:
                return fault_set(fault, -EBUSY, "%s is in use by another program", registry->path);
        default:
                return fault_set(fault, -EIO, "%s: %s", registry->path, sqlite3_errmsg(registry->sqlite));
        }
}

int registry_check(struct registry *registry, bool is_one, const char *what, const char *text, struct fault *fault)
{
        char shown[TEXT_SHOWN_MAX];

        return is_one ? 0
                      : fault_set(fault, -EBADMSG, "%s: %s is not the %s: bring the file back from a backup",
                                  registry->path, text_show(text, shown), what);
}

static int run(struct registry *registry, const char *sql, struct fault *fault)
{
        int code = sqlite3_exec(registry->sqlite, sql, NULL, NULL, NULL);
        return code == SQLITE_OK ? 0 : registry_fail(registry, code, fault);
}

int registry_prepare(struct registry *registry, const char *sql, sqlite3_stmt **ret, struct fault *fault)
{
        int code = sqlite3_prepare_v2(registry->sqlite, sql, -1, ret, NULL);
        return code == SQLITE_OK ? 0 : registry_fail(registry, code, fault);
}

/* 1: a row, 0: the end. */
int registry_step(struct registry *registry, sqlite3_stmt *statement, struct fault *fault)
{
        int code = sqlite3_step(statement);
        return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : registry_fail(registry, code, fault);
}

void registry_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
        (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *registry_text(sqlite3_stmt *statement, int column)
{
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return text ? text : "";
}

int registry_run(struct registry *registry, const char *sql, const char *text, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, sql, &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, text);
        return registry_step(registry, row, fault);
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* SQLite would create it for everybody to read. */
static int create(const char *path, struct fault *fault)
{
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        return fd < 0 ? fault_set(fault, -errno, "%s: %s", path, strerror(errno)) : 0;
}

static int read_version(struct registry *registry, int *ret, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        int r = registry_prepare(registry, "PRAGMA user_version", &statement, fault);

        if (r == 0)
                r = registry_step(registry, statement, fault);
        if (r < 0)
                return r;
        *ret = sqlite3_column_int(statement, 0);
        return 0;
}

/* Another process may have done it meanwhile. */
static int bring_up(struct registry *registry, struct fault *fault)
{
        int version = 0;
        int r = run(registry, "BEGIN IMMEDIATE", fault);

        if (r == 0)
                r = read_version(registry, &version, fault);
        while (r == 0 && version < VERSION)
                r = run(registry, versions[version++], fault);
        return r < 0 ? r : run(registry, "COMMIT", fault);
}

static int take_version(struct registry *registry, bool is_new, struct fault *fault)
{
        int version = 0;
        int r = read_version(registry, &version, fault);

        if (r < 0 || version == VERSION)
                return r;
        if (version <= 0 && !is_new)
                return registry_fail(registry, SQLITE_CORRUPT, fault);
        if (version > VERSION)
                return fault_set(fault, -ENOTSUP, "%s was written by a newer sconce-pki", registry->path);
        return bring_up(registry, fault);
}

/*
 * Root opens a file that is the signer's to write, with whatever journal lies beside it. A journal may name another one, of
 * which it would be a part: SQLite deletes that when it has rolled back, and it could be any file. We never write such.
 */
static sqlite3_vfs *system_vfs;

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
        (void)vfs;
        file->pMethods = NULL;
        return flags & SQLITE_OPEN_SUPER_JOURNAL ? SQLITE_CANTOPEN
                                                 : system_vfs->xOpen(system_vfs, path, file, flags, ret_flags);
}

static const char *careful_vfs(void)
{
        static sqlite3_vfs careful;

        if (!system_vfs) {
                system_vfs = sqlite3_vfs_find(NULL);
                careful = *system_vfs;
                careful.zName = "careful";
                careful.xOpen = open_file;
                (void)sqlite3_vfs_register(&careful, 0);
        }
        return careful.zName;
}

static int open_sqlite(struct registry *registry, struct fault *fault)
{
        int code = sqlite3_open_v2(registry->path, &registry->sqlite,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, careful_vfs());

        if (code != SQLITE_OK)
                return registry_fail(registry, code, fault);
        (void)sqlite3_db_config(registry->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(registry->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_busy_timeout(registry->sqlite, BUSY_MS);
        /* Each commit is on the disk before it counts; a rollback journal leaves no second file beside. */
        return run(registry, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON",
                   fault);
}

int registry_open(const char *path, bool is_new, struct registry **ret, struct fault *fault)
{
        CLEANUP_REGISTRY struct registry *registry = calloc(1, sizeof(*registry));

        if (!registry || !(registry->path = strdup(path)))
                return fault_set(fault, -ENOMEM, "out of memory");
        int r = is_new ? create(path, fault) : 0;
        if (r == 0)
                r = open_sqlite(registry, fault);
        if (r == 0)
                r = take_version(registry, is_new, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(registry);
        return 0;
}

void registry_close(struct registry *registry)
{
        if (!registry)
                return;
        (void)sqlite3_close_v2(registry->sqlite);
        free(registry->path);
        free(registry);
}

int registry_begin(struct registry *registry, struct fault *fault)
{
        return run(registry, "BEGIN IMMEDIATE", fault);
}

/* Of those that only grow, by one with each call: 'run' with each commit, 'crl' with each list. */
static int next_number(struct registry *registry, const char *name, int64_t *ret, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry,
                                 "INSERT INTO numbers VALUES(?1, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 "
                                 "RETURNING value",
                                 &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, name);
        r = registry_step(registry, row, fault);
        if (r < 0)
                return r;
        *ret = sqlite3_column_int64(row, 0);
        return MIN(registry_step(registry, row, fault), 0);
}

/* SQLite removes its journal, and with that it has happened; what fails after that, the syncing of the directory, is reported as
 * if it had not. So it is looked for by eyes that know nothing of it. */
static bool has_happened(struct registry *registry, int64_t number)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;

        (void)sqlite3_close_v2(registry->sqlite);
        registry->sqlite = NULL;
        if (open_sqlite(registry, NULL) < 0 ||
            registry_prepare(registry, "SELECT value FROM numbers WHERE name = 'run'", &row, NULL) < 0)
                return false;
        return registry_step(registry, row, NULL) > 0 && sqlite3_column_int64(row, 0) == number;
}

int registry_commit(struct registry *registry, struct fault *fault)
{
        int64_t number = 0;
        int r = next_number(registry, "run", &number, fault);

        if (r == 0)
                r = run(registry, "COMMIT", fault);
        return r < 0 && number > 0 && has_happened(registry, number) ? 0 : r;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* What may name one of its kind, and what its words are. */
static const struct {
        bool (*is_name)(const char *text);
        bool (*is_word)(const char *text);
        const char *name, *word;
} sound[] = {
        [NAME_BROKER] = { host_is_one, host_is_one, "name of a broker", "name of a broker" },
        [NAME_NODE] = { name_is_one, broker_url_is_one, "name of a node", "URL of a broker" },
        [NAME_CLIENT] = { name_is_one, name_is_one, "name of a client", "name of a node" },
};

static int check_name(struct registry *registry, const struct name *name, struct fault *fault)
{
        int r = registry_check(registry, sound[name->kind].is_name(name->name), sound[name->kind].name, name->name,
                               fault);

        for (char **word = name->words; r == 0 && word && *word; word++)
                r = registry_check(registry, sound[name->kind].is_word(*word), sound[name->kind].word, *word, fault);
        for (char **node = name->commands; r == 0 && node && *node; node++)
                r = registry_check(registry, name->kind == NAME_NODE && name_is_one(*node), "name of a node", *node,
                                   fault);
        return r;
}

#define NAME_COLUMNS "name, kind, revoked, generation, rights, words, commands"

static int read_name(struct registry *registry, sqlite3_stmt *row, struct name *ret, struct fault *fault)
{
        CLEANUP(name_done)
        struct name name = {
                .kind = (enum name_kind)sqlite3_column_int(row, 1),
                .is_revoked = sqlite3_column_int(row, 2) != 0,
                .generation = (unsigned)sqlite3_column_int(row, 3),
                .rights = (enum name_rights)sqlite3_column_int(row, 4),
        };

        if ((size_t)name.kind >= ARRAY_SIZE(sound) || name.rights > RIGHTS_HOME_ASSISTANT ||
            (size_t)sqlite3_column_bytes(row, 0) >= sizeof(name.name))
                return registry_fail(registry, SQLITE_CORRUPT, fault);
        (void)strcpy(name.name, registry_text(row, 0));
        if (!words_split(registry_text(row, 5), &name.words) || !words_split(registry_text(row, 6), &name.commands))
                return fault_set(fault, -ENOMEM, "out of memory");
        int r = check_name(registry, &name, fault);
        if (r < 0)
                return r;
        *ret = name;
        name.words = name.commands = NULL;
        return 0;
}

int registry_find(struct registry *registry, const char *name, struct name *ret, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "SELECT " NAME_COLUMNS " FROM names WHERE name = ?1", &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, name);
        r = registry_step(registry, row, fault);
        if (r == 0)
                return -ENOENT;
        return r < 0 ? r : read_name(registry, row, ret, fault);
}

int registry_put(struct registry *registry, const struct name *name, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        CLEANUP_FREE char *words = words_text(name->words), *commands = words_text(name->commands);
        int r = check_name(registry, name, fault);

        if (r < 0)
                return r;
        r = registry_prepare(registry,
                             "INSERT INTO names(" NAME_COLUMNS
                             ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(name) DO UPDATE "
                             "SET kind = ?2, revoked = ?3, generation = ?4, rights = ?5, words = ?6, commands = ?7",
                             &row, fault);

        if (r < 0)
                return r;
        if (!words || !commands)
                return fault_set(fault, -ENOMEM, "out of memory");
        registry_bind_text(row, 1, name->name);
        (void)sqlite3_bind_int(row, 2, (int)name->kind);
        (void)sqlite3_bind_int(row, 3, name->is_revoked);
        (void)sqlite3_bind_int(row, 4, (int)name->generation);
        (void)sqlite3_bind_int(row, 5, (int)name->rights);
        registry_bind_text(row, 6, words);
        registry_bind_text(row, 7, commands);
        return registry_step(registry, row, fault);
}

/* A word is one between blanks, and there is one at each end of the list. */
int registry_end_commands(struct registry *registry, const char *node, char ***ret_names, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        CLEANUP(words_done) char **names = NULL;
        int r = registry_prepare(registry,
                                 "UPDATE names SET commands = trim(replace(' ' || commands || ' ', ' ' || ?1 || ' ', "
                                 "' ')) WHERE instr(' ' || commands || ' ', ' ' || ?1 || ' ') RETURNING name",
                                 &row, fault);

        if (r == 0)
                registry_bind_text(row, 1, node);
        while (r == 0 && (r = registry_step(registry, row, fault)) > 0)
                r = words_add(&names, registry_text(row, 0)) ? 0 : fault_set(fault, -ENOMEM, "out of memory");
        if (r == 0)
                *ret_names = TAKE_PTR(names);
        return r;
}

int registry_each(struct registry *registry, int (*each)(void *userdata, const struct name *name), void *userdata,
                  struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "SELECT " NAME_COLUMNS " FROM names ORDER BY at", &row, fault);

        while (r == 0 && (r = registry_step(registry, row, fault)) > 0) {
                CLEANUP(name_done) struct name name = { 0 };
                r = read_name(registry, row, &name, fault);
                if (r == 0)
                        r = each(userdata, &name);
        }
        return r;
}

/* ---- Certificates ------------------------------------------------------------------------------------------------ */

/* The common name of who signed it. */
static bool read_issuer(const void *der, size_t size, char *ret, size_t ret_size)
{
        const unsigned char *at = der;
        X509 *certificate = d2i_X509(NULL, &at, (long)size);
        bool has = certificate &&
                   X509_NAME_get_text_by_NID(X509_get_issuer_name(certificate), NID_commonName, ret, (int)ret_size) > 0;

        X509_free(certificate);
        return has;
}

static int check_certificate(struct registry *registry, const struct certificate *certificate, struct fault *fault)
{
        const char *name = certificate->name, *serial = certificate->serial;
        int r = registry_check(registry, name_is_one(name) || host_is_one(name), "name of a certificate", name, fault);

        if (r < 0)
                return r;
        return registry_check(registry, *serial && strspn(serial, "0123456789ABCDEF") == strlen(serial),
                              "number of a certificate", serial, fault);
}

int registry_put_certificate(struct registry *registry, const struct certificate *certificate, const void *der,
                             size_t size, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        char issuer[65];
        int r = check_certificate(registry, certificate, fault);

        if (r < 0)
                return r;
        r = registry_prepare(registry, "INSERT INTO certificates VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)", &row, fault);

        if (r < 0)
                return r;
        if (!read_issuer(der, size, issuer, sizeof(issuer)))
                return fault_set(fault, -EBADMSG, "%s: a certificate of its is damaged", certificate->name);
        registry_bind_text(row, 1, certificate->serial);
        registry_bind_text(row, 2, certificate->name);
        (void)sqlite3_bind_int(row, 3, (int)certificate->generation);
        (void)sqlite3_bind_int64(row, 4, certificate->not_after_s);
        (void)sqlite3_bind_int64(row, 5, certificate->revoked_s);
        registry_bind_text(row, 6, issuer);
        (void)sqlite3_bind_blob64(row, 7, der, size, SQLITE_STATIC);
        return registry_step(registry, row, fault);
}

int registry_revoke(struct registry *registry, const char *name, int64_t now_s, unsigned *ret_count,
                    struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "UPDATE certificates SET revoked_at = ?2 WHERE name = ?1 AND revoked_at = 0",
                                 &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, name);
        (void)sqlite3_bind_int64(row, 2, now_s);
        r = registry_step(registry, row, fault);
        if (r < 0)
                return r;
        *ret_count = (unsigned)sqlite3_changes(registry->sqlite);
        return 0;
}

static int read_certificate(struct registry *registry, sqlite3_stmt *row, struct certificate *ret, struct fault *fault)
{
        if ((size_t)sqlite3_column_bytes(row, 0) >= sizeof(ret->serial) ||
            (size_t)sqlite3_column_bytes(row, 1) >= sizeof(ret->name))
                return registry_fail(registry, SQLITE_CORRUPT, fault);
        *ret = (struct certificate){ .generation = (unsigned)sqlite3_column_int(row, 2),
                                     .not_after_s = sqlite3_column_int64(row, 3),
                                     .revoked_s = sqlite3_column_int64(row, 4) };
        (void)strcpy(ret->serial, registry_text(row, 0));
        (void)strcpy(ret->name, registry_text(row, 1));
        return check_certificate(registry, ret, fault);
}

int registry_each_certificate(struct registry *registry, const char *name,
                              int (*each)(void *userdata, const struct certificate *certificate), void *userdata,
                              struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        struct certificate certificate;
        int r = registry_prepare(registry,
                                 "SELECT serial, name, generation, not_after, revoked_at FROM certificates "
                                 "WHERE ?1 IS NULL OR name = ?1 ORDER BY rowid",
                                 &row, fault);

        if (r == 0 && name)
                registry_bind_text(row, 1, name);
        while (r == 0 && (r = registry_step(registry, row, fault)) > 0) {
                r = read_certificate(registry, row, &certificate, fault);
                if (r == 0)
                        r = each(userdata, &certificate);
        }
        return r;
}

int registry_next_crl_number(struct registry *registry, int64_t *ret, struct fault *fault)
{
        return next_number(registry, "crl", ret, fault);
}

int registry_set_crl_number(struct registry *registry, int64_t number, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "INSERT OR REPLACE INTO numbers VALUES('crl', ?1)", &row, fault);

        if (r < 0)
                return r;
        (void)sqlite3_bind_int64(row, 1, number);
        return registry_step(registry, row, fault);
}

int registry_find_certificate(struct registry *registry, const char *serial, struct certificate *ret, X509 **ret_x509,
                              struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(
                registry,
                "SELECT serial, name, generation, not_after, revoked_at, der FROM certificates WHERE serial = ?1", &row,
                fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, serial);
        r = registry_step(registry, row, fault);
        if (r == 0)
                return -ENOENT;
        if (r > 0)
                r = read_certificate(registry, row, ret, fault);
        if (r < 0)
                return r;
        const unsigned char *der = sqlite3_column_blob(row, 5);
        *ret_x509 = d2i_X509(NULL, &der, sqlite3_column_bytes(row, 5));
        return *ret_x509 ? 0 : registry_fail(registry, SQLITE_CORRUPT, fault);
}

int registry_set_proven(struct registry *registry, const char *serial, struct fault *fault)
{
        return registry_run(registry, "UPDATE certificates SET proven = 1 WHERE serial = ?1", serial, fault);
}

int registry_count_in_force(struct registry *registry, const char *name, unsigned *ret, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "SELECT count(*) FROM certificates WHERE name = ?1 AND revoked_at = 0", &row,
                                 fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, name);
        r = registry_step(registry, row, fault);
        if (r < 0)
                return r;
        *ret = (unsigned)sqlite3_column_int(row, 0);
        return 0;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

int registry_put_file(struct registry *registry, const struct outside_file *file, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "INSERT OR REPLACE INTO files VALUES(?1, ?2, ?3)", &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, file->path);
        (void)sqlite3_bind_int(row, 2, (int)file->use);
        (void)sqlite3_bind_blob64(row, 3, file->size > 0 ? file->data : "", file->size, SQLITE_STATIC);
        return registry_step(registry, row, fault);
}

int registry_each_file(struct registry *registry, int (*each)(void *userdata, const struct outside_file *file),
                       void *userdata, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "SELECT path, use, data FROM files ORDER BY rowid", &row, fault);

        while (r == 0 && (r = registry_step(registry, row, fault)) > 0) {
                const struct outside_file file = { .path = registry_text(row, 0),
                                                   .use = (enum file_use)sqlite3_column_int(row, 1),
                                                   .data = sqlite3_column_blob(row, 2),
                                                   .size = (size_t)sqlite3_column_bytes(row, 2) };
                r = each(userdata, &file);
        }
        return r;
}

int registry_has_files(struct registry *registry, bool *ret, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, "SELECT 1 FROM files LIMIT 1", &row, fault);

        if (r == 0)
                r = registry_step(registry, row, fault);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 0;
}

int registry_forget_files(struct registry *registry, struct fault *fault)
{
        return run(registry, "DELETE FROM files", fault);
}
