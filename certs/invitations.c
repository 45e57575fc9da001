/* SPDX-License-Identifier: Apache-2.0 */
#include "invitations.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "host.h"
#include "registry_internal.h"
#include "util/macro.h"

#define COLUMNS "identity, name, psk, mac, url, expires_at, tries, used_at, serial"

enum invitation_state invitation_state(const struct invitation *invitation, int64_t now_s)
{
        if (invitation->used_s != 0)
                return INVITATION_USED;
        if (invitation->tries >= INVITATION_TRIES)
                return INVITATION_KILLED;
        return invitation->expires_s <= now_s ? INVITATION_EXPIRED : INVITATION_OPEN;
}

int invitations_remove(struct registry *registry, const char *name, struct fault *fault)
{
        return registry_run(registry, "DELETE FROM invitations WHERE name = ?1", name, fault);
}

/* A text of `count` of these characters, and nothing else. */
static bool is_of(const char *text, const char *characters, size_t count)
{
        return strlen(text) == count && strspn(text, characters) == count;
}

static bool is_identity(const char *text)
{
        const char *digits = code_identity_digits(text);

        return digits && is_of(digits, CODE_DIGITS, CODE_IDENTITY_MAX - 1 - strlen(CODE_IDENTITY_BEGIN));
}

static int check(struct registry *registry, const struct invitation *invitation, struct fault *fault)
{
        const struct {
                bool is_one;
                const char *what, *text;
        } parts[] = {
                { is_identity(invitation->identity), "identity of an invitation", invitation->identity },
                { name_is_one(invitation->name), "name of an invitation", invitation->name },
                { is_of(invitation->psk, "0123456789abcdef", CODE_PSK_MAX - 1), "key of an invitation",
                  "what is there" },
                { !*invitation->url || broker_url_is_one(invitation->url), "URL of a broker", invitation->url },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++)
                r = registry_check(registry, parts[i].is_one, parts[i].what, parts[i].text, fault);
        return r;
}

static int put(struct registry *registry, const struct invitation *invitation, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(
                registry, "INSERT OR REPLACE INTO invitations(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, invitation->identity);
        registry_bind_text(row, 2, invitation->name);
        registry_bind_text(row, 3, invitation->psk);
        (void)sqlite3_bind_blob(row, 4, invitation->mac, sizeof(invitation->mac), SQLITE_STATIC);
        registry_bind_text(row, 5, invitation->url);
        (void)sqlite3_bind_int64(row, 6, invitation->expires_s);
        (void)sqlite3_bind_int(row, 7, (int)invitation->tries);
        (void)sqlite3_bind_int64(row, 8, invitation->used_s);
        registry_bind_text(row, 9, invitation->serial);
        return registry_step(registry, row, fault);
}

int invitations_put(struct registry *registry, const struct invitation *invitation, struct fault *fault)
{
        int r = check(registry, invitation, fault);

        if (r == 0)
                r = invitations_remove(registry, invitation->name, fault);
        return r < 0 ? r : put(registry, invitation, fault);
}

static bool take_text(sqlite3_stmt *row, int column, char *ret, size_t size)
{
        if ((size_t)sqlite3_column_bytes(row, column) >= size)
                return false;
        (void)strcpy(ret, registry_text(row, column));
        return true;
}

static int read_row(struct registry *registry, sqlite3_stmt *row, struct invitation *ret, struct fault *fault)
{
        *ret = (struct invitation){ .expires_s = sqlite3_column_int64(row, 5),
                                    .tries = (unsigned)sqlite3_column_int(row, 6),
                                    .used_s = sqlite3_column_int64(row, 7) };
        if (!take_text(row, 0, ret->identity, sizeof(ret->identity)) ||
            !take_text(row, 1, ret->name, sizeof(ret->name)) || !take_text(row, 2, ret->psk, sizeof(ret->psk)) ||
            !take_text(row, 4, ret->url, sizeof(ret->url)) || !take_text(row, 8, ret->serial, sizeof(ret->serial)) ||
            sqlite3_column_bytes(row, 3) != (int)sizeof(ret->mac))
                return registry_fail(registry, SQLITE_CORRUPT, fault);
        memcpy(ret->mac, sqlite3_column_blob(row, 3), sizeof(ret->mac));
        return check(registry, ret, fault);
}

static int find(struct registry *registry, const char *sql, const char *word, struct invitation *ret,
                struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        int r = registry_prepare(registry, sql, &row, fault);

        if (r < 0)
                return r;
        registry_bind_text(row, 1, word);
        r = registry_step(registry, row, fault);
        if (r == 0)
                return -ENOENT;
        return r < 0 ? r : read_row(registry, row, ret, fault);
}

int invitations_find(struct registry *registry, const char *identity, struct invitation *ret, struct fault *fault)
{
        return find(registry, "SELECT " COLUMNS " FROM invitations WHERE identity = ?1", identity, ret, fault);
}

int invitations_of(struct registry *registry, const char *name, struct invitation *ret, struct fault *fault)
{
        return find(registry, "SELECT " COLUMNS " FROM invitations WHERE name = ?1", name, ret, fault);
}

int invitations_each(struct registry *registry, int (*each)(void *userdata, const struct invitation *invitation),
                     void *userdata, struct fault *fault)
{
        CLEANUP_STATEMENT sqlite3_stmt *row = NULL;
        struct invitation invitation;
        int r = registry_prepare(registry, "SELECT " COLUMNS " FROM invitations ORDER BY rowid", &row, fault);

        while (r == 0 && (r = registry_step(registry, row, fault)) > 0) {
                r = read_row(registry, row, &invitation, fault);
                if (r == 0)
                        r = each(userdata, &invitation);
        }
        OPENSSL_cleanse(&invitation, sizeof(invitation));
        return r;
}
