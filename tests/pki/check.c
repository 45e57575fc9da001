/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/check.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/acl.h"
#include "enrol/topics.h"
#include "pki/rights.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/macro.h"

enum { LINES_MAX = 64 * 1024 };

struct check {
        const struct model *model;
        const char *dir;
        int64_t now_s;
        char *why;
        char is[LINES_MAX], should[LINES_MAX]; /* texts at hand, to be compared */
};

static void wrong(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(struct check *check, const char *format, ...)
{
        va_list arguments;

        if (check->why[0])
                return;
        va_start(arguments, format);
        (void)vsnprintf(check->why, WHY_MAX, format, arguments);
        va_end(arguments);
}

static void add(char *lines, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(char *lines, const char *format, ...)
{
        size_t at = strlen(lines);
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(lines + at, LINES_MAX - at, format, arguments);
        va_end(arguments);
}

static void begin(struct check *check)
{
        check->is[0] = check->should[0] = '\0';
}

static void compare(struct check *check, const char *what)
{
        if (strcmp(check->is, check->should) != 0)
                wrong(check, "%s: there is\n%s\nand should be\n%s", what, check->is, check->should);
}

static void path_of(const struct check *check, const char *name, char ret[static 512])
{
        (void)snprintf(ret, 512, "%s/%s", check->dir, name);
}

static FILE *open_file(struct check *check, const char *name)
{
        char path[512];

        path_of(check, name, path);
        FILE *in = fopen(path, "re");
        if (!in)
                wrong(check, "%s is not there", name);
        return in;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each line of it once more, in order. */
static void sort_lines(char *lines)
{
        static char copy[LINES_MAX];
        const char *found[2048];
        size_t n = 0;
        char *rest = NULL;

        (void)strcpy(copy, lines);
        for (char *line = strtok_r(copy, "\n", &rest); line && n < ARRAY_SIZE(found);
             line = strtok_r(NULL, "\n", &rest))
                found[n++] = line;
        qsort(found, n, sizeof(*found), by_text);
        *lines = '\0';
        for (size_t i = 0; i < n; i++)
                add(lines, "%s\n", found[i]);
}

/* ---- The registry ------------------------------------------------------------------------------------------------ */

/* Each row's one text. */
static void read_rows(struct check *check, sqlite3 *registry, const char *sql)
{
        sqlite3_stmt *row = NULL;

        begin(check);
        if (sqlite3_prepare_v2(registry, sql, -1, &row, NULL) != SQLITE_OK)
                wrong(check, "the registry: %s", sqlite3_errmsg(registry));
        while (row && sqlite3_step(row) == SQLITE_ROW)
                add(check->is, "%s\n", (const char *)sqlite3_column_text(row, 0));
        (void)sqlite3_finalize(row);
}

static void check_names(struct check *check, sqlite3 *registry)
{
        const struct model *model = check->model;

        read_rows(check, registry,
                  "SELECT name || ' ' || kind || ' ' || (revoked <> 0) || ' ' || generation || ' ' || rights || "
                  "' ' || words || ';' || commands FROM names ORDER BY at");
        for (unsigned order = 0; order < model->known_count; order++)
                for (const struct holder *holder = model->holders; holder < model->holders + HOLDERS; holder++)
                        if (holder->is_known && holder->order == order)
                                add(check->should, "%s %d %d %u %d %s;%s\n", holder->name, (int)holder->kind,
                                    holder->is_revoked, holder->generation, (int)holder->rights, holder->words,
                                    holder->commands);
        compare(check, "names in the registry");
}

static void authority_of(const struct model *model, unsigned authority, char ret[static 64])
{
        *ret = '\0';
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(model->authorities[authority]), NID_commonName, ret, 64);
}

static void check_certificates(struct check *check, sqlite3 *registry)
{
        const struct model *model = check->model;
        char issuer[64];

        read_rows(check, registry,
                  "SELECT serial || ' ' || name || ' ' || generation || ' ' || not_after || ' ' || (revoked_at <> 0) "
                  "|| ' ' || issuer || ' ' || (proven <> 0) FROM certificates ORDER BY rowid");
        for (const struct paper *paper = model->papers; paper < model->papers + model->paper_count; paper++) {
                authority_of(model, paper->authority, issuer);
                add(check->should, "%s %s %u %lld %d %s %d\n", paper->serial, model->holders[paper->holder].name,
                    paper->generation, (long long)paper->until_s, paper->is_revoked, issuer, paper->is_proven);
        }
        compare(check, "certificates in the registry");
}

static void check_invitations(struct check *check, sqlite3 *registry)
{
        const struct model *model = check->model;

        read_rows(check, registry,
                  "SELECT identity || ' ' || name || ' ' || psk || ' ' || expires_at || ' ' || tries || ' ' || "
                  "used_at || ' ' || serial FROM invitations");
        for (const struct ticket *ticket = model->tickets; ticket < model->tickets + model->ticket_count; ticket++)
                if (!ticket->is_gone)
                        add(check->should, "%s %s %s %lld %u %lld %s\n", ticket->keys.identity,
                            model->holders[ticket->holder].name, ticket->keys.psk, (long long)ticket->expires_s,
                            ticket->tries, (long long)ticket->used_s, ticket->serial);
        sort_lines(check->is);
        sort_lines(check->should);
        compare(check, "invitations in the registry");
}

static void check_rest(struct check *check, sqlite3 *registry)
{
        read_rows(check, registry,
                  "SELECT 'list ' || value FROM numbers WHERE name = 'crl' UNION ALL "
                  "SELECT DISTINCT 'pending' || CASE path GLOB 'issued/*' WHEN 0 THEN ' ' || path ELSE '' END FROM "
                  "files");
        add(check->should, "list %lld\n%s", (long long)check->model->list_number,
            check->model->is_pending ? "pending\n" : "");
        compare(check, "numbers and files in the registry");
}

static void check_registry(struct check *check)
{
        sqlite3 *registry = NULL;
        char path[512];

        path_of(check, "private/registry.db", path);
        if (sqlite3_open_v2(path, &registry, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                wrong(check, "the registry cannot be opened");
        check_names(check, registry);
        check_certificates(check, registry);
        check_invitations(check, registry);
        check_rest(check, registry);
        (void)sqlite3_close(registry);
}

/* ---- Authorities, and their lists -------------------------------------------------------------------------------- */

/* The one in force first. */
static void check_authorities(struct check *check)
{
        const struct model *model = check->model;
        CLEANUP_FILE FILE *in = open_file(check, "ca.crt"), *key_in = open_file(check, "ca.key");
        EVP_PKEY *key = key_in ? PEM_read_PrivateKey(key_in, NULL, NULL, NULL) : NULL;
        const X509 *wanted[] = { model->authorities[model->authority_count - 1],
                                 model->predecessor == NONE ? NULL : model->authorities[model->predecessor] };
        unsigned n = 0;
        char path[512];

        for (X509 *one; in && (one = PEM_read_X509(in, NULL, NULL, NULL)); n++) {
                if (n >= ARRAY_SIZE(wanted) || !wanted[n] || X509_cmp(one, wanted[n]) != 0)
                        wrong(check, "ca.crt has another authority at place %u", n);
                X509_free(one);
        }
        if (n != 1U + !!wanted[1])
                wrong(check, "ca.crt has %u authorities", n);
        if (!key || X509_check_private_key(wanted[0], key) != 1)
                wrong(check, "ca.key is not that of the authority in force");
        path_of(check, "private/predecessor.key", path);
        if ((access(path, F_OK) == 0) != !!wanted[1])
                wrong(check, "the predecessor's key is %s", wanted[1] ? "gone" : "still there");
        EVP_PKEY_free(key);
}

static void add_serial(char *lines, const ASN1_INTEGER *serial)
{
        BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
        char *text = BN_bn2hex(number);

        add(lines, "%s\n", text);
        OPENSSL_free(text);
        BN_free(number);
}

static void check_list(struct check *check, X509_CRL *list, const X509 *authority)
{
        const struct model *model = check->model;
        STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(list);
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
        char issuer[64] = "";

        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(authority), NID_commonName, issuer, sizeof(issuer));
        begin(check);
        for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++)
                add_serial(check->is, X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)));
        for (unsigned i = 0; i < model->paper_count; i++)
                if (model->papers[i].is_revoked)
                        add(check->should, "%s\n", model->papers[i].serial);
        sort_lines(check->is);
        sort_lines(check->should);
        compare(check, issuer);
        if (X509_CRL_verify(list, X509_get0_pubkey(authority)) != 1)
                wrong(check, "crl.pem: no list by %s where it should be", issuer);
        if (!number || ASN1_INTEGER_get(number) != model->list_number)
                wrong(check, "crl.pem: the list of %s has another number", issuer);
        ASN1_INTEGER_free(number);
}

static void check_lists(struct check *check)
{
        const struct model *model = check->model;
        CLEANUP_FILE FILE *in = open_file(check, "crl.pem");
        unsigned n = 0, wanted = 1 + (model->predecessor != NONE);

        for (X509_CRL *list; in && (list = PEM_read_X509_CRL(in, NULL, NULL, NULL)); n++) {
                if (n < wanted)
                        check_list(check, list, model->authorities[model->authority_count - 1 - n]);
                X509_CRL_free(list);
        }
        if (n != wanted)
                wrong(check, "crl.pem has %u lists, and should have %u", n, wanted);
}

/* As a broker does: with the authorities and the lists of the files. */
static X509_STORE *open_store(struct check *check)
{
        X509_STORE *store = X509_STORE_new();
        char ca[512], crl[512];

        path_of(check, "ca.crt", ca);
        path_of(check, "crl.pem", crl);
        X509_LOOKUP *files = store ? X509_STORE_add_lookup(store, X509_LOOKUP_file()) : NULL;
        if (!files || X509_load_cert_file(files, ca, X509_FILETYPE_PEM) <= 0 ||
            X509_load_crl_file(files, crl, X509_FILETYPE_PEM) <= 0)
                wrong(check, "ca.crt and crl.pem cannot be used");
        (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
        return store;
}

static void check_papers(struct check *check)
{
        const struct model *model = check->model;
        X509_STORE *store = open_store(check);
        X509_STORE_CTX *context = X509_STORE_CTX_new();

        for (const struct paper *paper = model->papers; paper < model->papers + model->paper_count; paper++) {
                bool is_good = X509_STORE_CTX_init(context, store, paper->certificate, NULL) == 1 &&
                               X509_verify_cert(context) == 1;
                if (is_good != model_is_good(model, paper, check->now_s))
                        wrong(check, "a broker %s %s of %s, generation %u (%s)", is_good ? "takes" : "refuses",
                              paper->serial, model->holders[paper->holder].name, paper->generation,
                              X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
                X509_STORE_CTX_cleanup(context);
        }
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
}

/* ---- What the broker goes by ------------------------------------------------------------------------------------- */

static void check_keys_of_invited(struct check *check)
{
        const struct model *model = check->model;
        char path[512];

        path_of(check, "join.psk", path);
        CLEANUP(file_done) struct file file = { 0 };
        begin(check);
        add(check->is, "%s", file_read(path, LINES_MAX, &file, NULL) < 0 ? "no file" : file.data);
        for (unsigned i = 0; i < model->ticket_count; i++)
                if (model->tickets[i].is_listed)
                        add(check->should, "%s:%s\n", model->tickets[i].keys.identity, model->tickets[i].keys.psk);
        sort_lines(check->is);
        sort_lines(check->should);
        compare(check, "join.psk");
}

static void check_users(struct check *check, const struct rights *rights)
{
        const struct model *model = check->model;
        char identity[IDENTITY_MAX];

        begin(check);
        for (size_t i = 0; i < rights->user_count; i++)
                add(check->is, "%s\n", rights->users[i]);
        for (unsigned i = 0; i < HOLDERS; i++)
                if (model_in_force(&model->holders[i]) && model->holders[i].kind != NAME_BROKER) {
                        model_identity(model, i, model->holders[i].generation, identity);
                        add(check->should, "%s\n", identity);
                }
        for (unsigned i = 0; i < model->ticket_count; i++)
                if (model->tickets[i].is_listed)
                        add(check->should, "%s\n", model->tickets[i].keys.identity);
        add(check->should, "%s\n", SIGNER_IDENTITY);
        sort_lines(check->is);
        sort_lines(check->should);
        compare(check, "blocks of sconce.acl");
}

static const struct {
        enum topic_class class;
        const char *before, *after; /* a name between them */
} topics[] = {
        { STATE, "sconce/", "/lamp/state" },
        { STATUS, "sconce/", "/status" },
        { STATUS, "sconce/", "/lamp/error" },
        { SET, "sconce/", "/lamp/set" },
        { SET, "sconce/", "/lamp/set/state" },
        { NODE_SET, "sconce/", "/node/set" },
        { NODE_SET, "sconce/", "/node/set/restart" },
        { GET, "sconce/", "/get" },
        { DISCOVERY, "homeassistant/device/", "/lamp/config" },
        { REPLY, "sconce/reply/", "/1" },
        { REQUEST, "sconce-pki/", "/request" },
        { ANSWER, "sconce-pki/", "/answer" },
        { TRUST, "sconce-pki/trust", "" },
        { BIRTH, "homeassistant/status", "" },
};

struct user {
        const char *identity;
        const struct holder *holder; /* whose identity it is now; NULL: nobody's */
        const struct ticket *ticket; /* NULL: it is none's */
};

static bool should_allow(const struct check *check, const struct user *user, enum topic_class class, const char *level,
                         bool is_write)
{
        if (user->holder)
                return model_allows(check->model, user->holder, class, level, is_write);
        return user->ticket && user->ticket->is_listed && strcmp(level, user->identity) == 0 &&
               (is_write ? class == REQUEST : class == ANSWER);
}

static void check_topics(struct check *check, const struct rights *rights, const struct user *user, const char *level,
                         bool is_identity)
{
        char topic[ENROL_TOPIC_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
                bool has_level = topics[i].after[0];
                if ((has_level && is_identity != (topics[i].class >= REPLY)) || (!has_level && level[0]) ||
                    (has_level && !level[0]))
                        continue;
                (void)snprintf(topic, sizeof(topic), "%s%s%s", topics[i].before, level, topics[i].after);
                for (int is_write = 0; is_write < 2; is_write++) {
                        bool may = rights_allow(rights, user->identity, topic, is_write);
                        if (may != should_allow(check, user, topics[i].class, level, is_write))
                                wrong(check, "sconce.acl: %s may%s %s %s", user->identity, may ? "" : " not",
                                      is_write ? "write" : "read", topic);
                }
        }
}

/* Their topics, and everybody's. */
static void check_user(struct check *check, const struct rights *rights, const struct user *user)
{
        const struct model *model = check->model;
        char identity[IDENTITY_MAX];

        check_topics(check, rights, user, "", false);
        check_topics(check, rights, user, user->identity, true);
        for (unsigned i = 0; i < HOLDERS; i++) {
                if (!model->holders[i].is_host)
                        check_topics(check, rights, user, model->holders[i].name, false);
                if (!model_in_force(&model->holders[i]) || model->holders[i].kind != NAME_CLIENT)
                        continue;
                model_identity(model, i, model->holders[i].generation, identity);
                check_topics(check, rights, user, identity, true);
        }
}

static void check_rights(struct check *check)
{
        const struct model *model = check->model;
        struct rights rights;
        char path[512], identity[IDENTITY_MAX];

        path_of(check, "sconce.acl", path);
        if (!rights_read(path, &rights))
                wrong(check, "sconce.acl is not to be understood");
        check_users(check, &rights);
        for (unsigned i = 0; i < HOLDERS; i++)
                for (unsigned generation = 1; generation <= MAX(model->holders[i].generation, 1U); generation++) {
                        bool is_now = model_in_force(&model->holders[i]) && generation == model->holders[i].generation;
                        model_identity(model, i, generation, identity);
                        check_user(check, &rights,
                                   &(struct user){ identity, is_now ? &model->holders[i] : NULL, NULL });
                }
        for (unsigned i = 0; i < model->ticket_count; i++)
                check_user(check, &rights, &(struct user){ model->tickets[i].keys.identity, NULL, &model->tickets[i] });
        rights_done(&rights);
}

/* ---- What was issued --------------------------------------------------------------------------------------------- */

static void check_listing(struct check *check, const char *name)
{
        char path[512];

        path_of(check, name, path);
        DIR *at = opendir(path);
        for (struct dirent *entry; at && (entry = readdir(at));)
                if (entry->d_name[0] != '.')
                        add(check->is, "%s\n", entry->d_name);
        if (at)
                (void)closedir(at);
        sort_lines(check->is);
        sort_lines(check->should);
        compare(check, *name ? name : "DIR");
}

static void check_pair(struct check *check, const char *name, const struct paper *paper)
{
        char path[300];

        (void)snprintf(path, sizeof(path), "issued/%s.crt", name);
        CLEANUP_FILE FILE *in = open_file(check, path);
        X509 *certificate = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
        if (!certificate || X509_cmp(certificate, paper->certificate) != 0)
                wrong(check, "%s is not the newest", path);
        X509_free(certificate);
        if (!paper->is_packed)
                return;
        (void)snprintf(path, sizeof(path), "issued/%s.key", name);
        CLEANUP_FILE FILE *key_in = open_file(check, path);
        EVP_PKEY *key = key_in ? PEM_read_PrivateKey(key_in, NULL, NULL, NULL) : NULL;
        if (!key || X509_check_private_key(paper->certificate, key) != 1)
                wrong(check, "%s is not the certificate's", path);
        EVP_PKEY_free(key);
}

static void check_issued(struct check *check)
{
        static const char *const packed[] = { [NAME_BROKER] = NULL, [NAME_NODE] = "tar", [NAME_CLIENT] = "p12" };
        const struct model *model = check->model;

        begin(check);
        for (unsigned i = 0; i < HOLDERS; i++) {
                const char *name = model->holders[i].name, *end = packed[model->holders[i].kind];
                int newest = model_newest(model, i);
                if (newest == NONE)
                        continue;
                check_pair(check, name, &model->papers[newest]);
                add(check->should, "%s.crt\n", name);
                if (model->papers[newest].is_packed)
                        add(check->should, "%s.key\n", name);
                if (model->papers[newest].is_packed && end)
                        add(check->should, "%s.%s\n", name, end);
        }
        check_listing(check, "issued");
}

static void check_links(struct check *check)
{
        static const char *const ends[] = { "crt", "key" };
        const struct model *model = check->model;

        begin(check);
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                char name[16], path[512], target[256] = "";
                (void)snprintf(name, sizeof(name), "broker.%s", ends[i]);
                path_of(check, name, path);
                if (readlink(path, target, sizeof(target) - 1) > 0)
                        add(check->is, "%s %s\n", name, target);
                if (model->linked != NONE)
                        add(check->should, "%s issued/%s.%s\n", name, model->holders[model->linked].name, ends[i]);
        }
        compare(check, "the broker's links");
}

static void check_leftovers(struct check *check)
{
        begin(check);
        add(check->should, "ca.crt\nca.key\ncrl.pem\nissued\njoin.psk\nprivate\nsconce.acl\n%s",
            check->model->linked == NONE ? "" : "broker.crt\nbroker.key\n");
        check_listing(check, "");
        begin(check);
        add(check->should, "lock\nregistry.db\n%s%s",
            check->model->predecessor == NONE ? "" : "predecessor.crt\npredecessor.key\n",
            check->model->has_asked ? "publish\n" : "");
        check_listing(check, "private");
}

void check_all(const struct model *model, const char *dir, int64_t now_s, char why[static WHY_MAX])
{
        static struct check check;

        why[0] = '\0';
        check.model = model;
        check.dir = dir;
        check.now_s = now_s;
        check.why = why;
        if (model->authority_count == 0) {
                if (access(dir, F_OK) == 0)
                        wrong(&check, "there is a DIR before there is an authority");
                return;
        }
        check_registry(&check);
        check_authorities(&check);
        check_lists(&check);
        check_papers(&check);
        check_keys_of_invited(&check);
        check_rights(&check);
        if (!model->is_pending)
                check_issued(&check);
        check_links(&check);
        check_leftovers(&check);
}
