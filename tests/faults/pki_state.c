/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/pki_state.h"

#include <glob.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/macro.h"

enum { AUTHORITIES_MAX = 4 };

struct look {
        const char *dir;
        sqlite3 *registry;
        struct pki_state *state;
        X509 *authorities[AUTHORITIES_MAX];
        int authority_count;
};

static void wrong(struct look *look, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(struct look *look, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (!look->state->wrong[0])
                (void)vsnprintf(look->state->wrong, sizeof(look->state->wrong), format, arguments);
        va_end(arguments);
}

static void add_to_shape(struct look *look, const char *text)
{
        size_t at = strlen(look->state->shape);
        (void)snprintf(look->state->shape + at, sizeof(look->state->shape) - at, "%s\n", text);
}

static FILE *open_file(const struct look *look, const char *name)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", look->dir, name);
        return fopen(path, "re");
}

/* The statement gives one number; a text goes in as ?1. */
static long long count(struct look *look, const char *sql, const char *text)
{
        sqlite3_stmt *row = NULL;
        long long n = -1;

        if (sqlite3_prepare_v2(look->registry, sql, -1, &row, NULL) == SQLITE_OK) {
                if (text)
                        (void)sqlite3_bind_text(row, 1, text, -1, SQLITE_STATIC);
                if (sqlite3_step(row) == SQLITE_ROW)
                        n = sqlite3_column_int64(row, 0);
        }
        (void)sqlite3_finalize(row);
        if (n < 0)
                wrong(look, "the registry: %s", sqlite3_errmsg(look->registry));
        return n;
}

/* Each row's one text. */
static void each_text(struct look *look, const char *sql, void (*each)(struct look *look, const char *text))
{
        sqlite3_stmt *row = NULL;

        if (sqlite3_prepare_v2(look->registry, sql, -1, &row, NULL) != SQLITE_OK)
                wrong(look, "the registry: %s", sqlite3_errmsg(look->registry));
        while (row && sqlite3_step(row) == SQLITE_ROW)
                each(look, (const char *)sqlite3_column_text(row, 0));
        (void)sqlite3_finalize(row);
}

/* ---- Authorities and lists --------------------------------------------------------------------------------------- */

static void read_authorities(struct look *look)
{
        CLEANUP_FILE FILE *in = open_file(look, "ca.crt"), *key_in = open_file(look, "ca.key");
        EVP_PKEY *key = key_in ? PEM_read_PrivateKey(key_in, NULL, NULL, NULL) : NULL;
        X509 *one;

        while (in && look->authority_count < AUTHORITIES_MAX && (one = PEM_read_X509(in, NULL, NULL, NULL)))
                look->authorities[look->authority_count++] = one;
        if (look->authority_count == 0 || !key || X509_check_private_key(look->authorities[0], key) != 1)
                wrong(look, "ca.key is not that of ca.crt");
        EVP_PKEY_free(key);
}

static bool lists(X509_CRL *crl, const char *serial)
{
        X509_REVOKED *entry = NULL;
        BIGNUM *number = NULL;

        if (BN_hex2bn(&number, serial) == 0)
                return false;
        ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
        bool is_there = X509_CRL_get0_by_serial(crl, &entry, integer) == 1;
        ASN1_INTEGER_free(integer);
        BN_free(number);
        return is_there;
}

static X509_CRL *list_at_hand;

static void look_for_revoked(struct look *look, const char *serial)
{
        if (!lists(list_at_hand, serial))
                wrong(look, "%s is revoked and not on the list", serial);
}

static void check_list(struct look *look, X509_CRL *crl, X509 *authority)
{
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

        if (X509_CRL_verify(crl, X509_get0_pubkey(authority)) != 1)
                wrong(look, "a list is not by its authority");
        if (sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) >= 0 &&
            sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) !=
                    count(look, "SELECT count(*) FROM certificates WHERE revoked_at <> 0", NULL))
                wrong(look, "the list has another number of certificates than are revoked");
        if (!number || ASN1_INTEGER_get(number) != count(look, "SELECT value FROM numbers WHERE name = 'crl'", NULL))
                wrong(look, "the list's number is not the registry's");
        ASN1_INTEGER_free(number);
        list_at_hand = crl;
        each_text(look, "SELECT serial FROM certificates WHERE revoked_at <> 0", look_for_revoked);
}

static void check_lists(struct look *look)
{
        CLEANUP_FILE FILE *in = open_file(look, "crl.pem");
        X509_CRL *crl = NULL;
        int n = 0;

        for (; in && n < look->authority_count && (crl = PEM_read_X509_CRL(in, NULL, NULL, NULL)); n++) {
                check_list(look, crl, look->authorities[n]);
                X509_CRL_free(crl);
        }
        if (n == 0 || n != look->authority_count)
                wrong(look, "crl.pem has %d lists for %d authorities", n, look->authority_count);
}

/* ---- What the broker goes by ------------------------------------------------------------------------------------- */

static int count_lines(struct look *look, const char *name, const char *start)
{
        CLEANUP_FILE FILE *in = open_file(look, name);
        char line[1024];
        int n = 0;

        if (!in)
                wrong(look, "%s is not there", name);
        while (in && fgets(line, sizeof(line), in))
                n += strncmp(line, start, strlen(start)) == 0;
        return n;
}

static void look_for_block(struct look *look, const char *identity)
{
        char line[300];

        (void)snprintf(line, sizeof(line), "user %s\n", identity);
        if (count_lines(look, "sconce.acl", line) != 1)
                wrong(look, "%s is in force and has no block of its own", identity);
}

static void look_for_psk(struct look *look, const char *identity)
{
        char line[300];

        look_for_block(look, identity);
        (void)snprintf(line, sizeof(line), "%s:", identity);
        if (count_lines(look, "join.psk", line) != 1)
                wrong(look, "%s is open and has no key", identity);
}

#define OPEN_INVITATIONS " FROM invitations WHERE used_at = 0 AND tries < 5 AND expires_at > unixepoch()"
#define IN_FORCE         " FROM names WHERE revoked = 0 AND kind <> 0"

/* With the blocks counted there is none beside those that are looked for. */
static void check_rights(struct look *look)
{
        long long names = count(look, "SELECT count(*)" IN_FORCE, NULL),
                  open = count(look, "SELECT count(*)" OPEN_INVITATIONS, NULL);

        each_text(look, "SELECT name || CASE WHEN generation > 1 THEN '.' || generation ELSE '' END" IN_FORCE,
                  look_for_block);
        each_text(look, "SELECT identity" OPEN_INVITATIONS, look_for_psk);
        if (names + open > 0 && count_lines(look, "sconce.acl", "user ") != names + open + 1)
                wrong(look, "the access list has a block too many");
        if (count_lines(look, "join.psk", "join.") != open)
                wrong(look, "join.psk has a key too many");
}

/* ---- What was issued --------------------------------------------------------------------------------------------- */

static void look_at_issued(struct look *look, const char *name)
{
        char path[300];

        (void)snprintf(path, sizeof(path), "issued/%s.crt", name);
        CLEANUP_FILE FILE *in = open_file(look, path);
        X509 *certificate = in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
        (void)snprintf(path, sizeof(path), "issued/%s.key", name);
        CLEANUP_FILE FILE *key_in = open_file(look, path);
        EVP_PKEY *key = key_in ? PEM_read_PrivateKey(key_in, NULL, NULL, NULL) : NULL;
        BIGNUM *number = certificate ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL) : NULL;
        char *serial = number ? BN_bn2hex(number) : NULL;

        if (!serial ||
            count(look,
                  "SELECT count(*) FROM certificates c WHERE ltrim(serial, '0') = ltrim(?1, '0') AND rowid = "
                  "(SELECT max(rowid) FROM certificates d WHERE d.name = c.name)",
                  serial) != 1)
                wrong(look, "issued/%s.crt is not the newest of the registry", name);
        if (certificate && key_in && (!key || X509_check_private_key(certificate, key) != 1))
                wrong(look, "issued/%s.key is not that of its certificate", name);
        OPENSSL_free(serial);
        BN_free(number);
        EVP_PKEY_free(key);
        X509_free(certificate);
}

static void check_no_leftovers(struct look *look)
{
        /* A journal may be: it is the next writer's, and read by nobody where it was not complete. */
        static const char *const patterns[] = { "*.new", "private/*.new", "issued/*.new", "private/tmp.*" };

        for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
                char pattern[512];
                glob_t found = { 0 };
                (void)snprintf(pattern, sizeof(pattern), "%s/%s", look->dir, patterns[i]);
                if (glob(pattern, 0, NULL, &found) == 0)
                        wrong(look, "%s is left", found.gl_pathv[0]);
                globfree(&found);
        }
        if (count(look, "SELECT count(*) FROM files", NULL) != 0)
                wrong(look, "files are left to be put in place");
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void read_shape(struct look *look)
{
        char text[64];

        each_text(look,
                  "SELECT n.name || ' ' || kind || ' ' || revoked || ' ' || generation || ' ' || rights || ' ' || "
                  "words || ' ' || commands || ' ' || (SELECT count(*) FROM certificates c WHERE c.name = n.name) || ' "
                  "' || "
                  "(SELECT count(*) FROM certificates c WHERE c.name = n.name AND revoked_at <> 0) || ' ' || "
                  "(SELECT count(*) FROM invitations i WHERE i.name = n.name) FROM names n ORDER BY at",
                  add_to_shape);
        (void)snprintf(text, sizeof(text), "%d authorities", look->authority_count);
        add_to_shape(look, text);
}

static void check_registry(struct look *look)
{
        if (count(look, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'", NULL) != 1)
                wrong(look, "the registry is damaged");
        each_text(look, "SELECT DISTINCT name FROM certificates", look_at_issued);
        check_rights(look);
}

void pki_state_read(const char *dir, struct pki_state *ret)
{
        struct look look = { .dir = dir, .state = ret };
        char path[512];

        *ret = (struct pki_state){ 0 };
        (void)snprintf(path, sizeof(path), "%s/ca.crt", dir);
        if (access(path, F_OK) < 0) {
                add_to_shape(&look, "no authority");
                return;
        }
        (void)snprintf(path, sizeof(path), "%s/private/registry.db", dir);
        if (sqlite3_open_v2(path, &look.registry, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                wrong(&look, "the registry cannot be opened");
        read_authorities(&look);
        check_lists(&look);
        check_registry(&look);
        check_no_leftovers(&look);
        read_shape(&look);
        (void)sqlite3_close(look.registry);
        while (look.authority_count > 0)
                X509_free(look.authorities[--look.authority_count]);
}
