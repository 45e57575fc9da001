/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki list: a line for each name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "directory.h"
#include "invitations.h"
#include "issue.h"
#include "roll.h"
#include "say.h"

#define ROW "%-24s %-7s %-20s %5s  %s"

struct listing {
        struct transaction *transaction;
        int64_t now_s;
        struct fault *fault;
};

struct sum {
        const struct name *name;
        int64_t now_s, until_s; /* until_s: of the newest */
        unsigned good;          /* those that are in force and not over */
};

static int add_up(void *userdata, const struct certificate *certificate)
{
        struct sum *sum = userdata;

        if (certificate->revoked_s != 0 || certificate->generation != sum->name->generation)
                return 0;
        sum->until_s = certificate->not_after_s;
        sum->good += certificate->not_after_s > sum->now_s;
        return 0;
}

/* What a name may do, in words. */
static void describe(const struct name *name, char *ret, size_t size)
{
        static const char *const may[] = { [RIGHTS_ALL] = "reads and commands",
                                           [RIGHTS_READ_ONLY] = "reads",
                                           [RIGHTS_HOME_ASSISTANT] = "reads and commands" };
        size_t at = 0;

        if (name->kind == NAME_NODE) {
                at += (size_t)snprintf(ret, size, "its own topics%s", name->commands ? ", commands" : "");
                for (char **other = name->commands; other && *other && at < size; other++)
                        at += (size_t)snprintf(ret + at, size - at, " %s", *other);
                return;
        }
        at += (size_t)snprintf(ret, size, "%s", name->kind == NAME_BROKER ? "serves as" : may[name->rights]);
        for (char **word = name->words; word && *word && at < size; word++)
                at += (size_t)snprintf(ret + at, size - at, " %s", *word);
        if (name->kind == NAME_CLIENT && !name->words && at < size)
                at += (size_t)snprintf(ret + at, size - at, " every node");
        if (name->rights == RIGHTS_HOME_ASSISTANT && at < size)
                (void)snprintf(ret + at, size - at, ", for Home Assistant");
}

/* What became of the newest invitation. */
static int add_invitation(const struct listing *listing, const struct name *name, char *tail, size_t size)
{
        static const char *const words[] = { [INVITATION_OPEN] = "invited until",
                                             [INVITATION_USED] = "joined by invitation at",
                                             [INVITATION_KILLED] = "invitation ended by wrong tries; it was good until",
                                             [INVITATION_EXPIRED] = "invitation not used; it was good until" };
        struct invitation invitation;
        char when[TIME_TEXT_MAX];
        int r = invitations_of(listing->transaction->registry, name->name, &invitation, listing->fault);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        enum invitation_state state = invitation_state(&invitation, listing->now_s);
        time_text(state == INVITATION_USED ? invitation.used_s : invitation.expires_s, when);
        size_t at = strlen(tail);
        (void)snprintf(tail + at, size - at, " (%s %s)", words[state], when);
        return 0;
}

static int list_one(void *userdata, const struct name *name)
{
        const struct listing *listing = userdata;
        struct sum sum = { .name = name, .now_s = listing->now_s };
        char rights[1024] = "-", until[TIME_TEXT_MAX] = "revoked", days[24] = "-", tail[160] = "";

        if (!name->is_revoked) {
                int r = registry_each_certificate(listing->transaction->registry, name->name, add_up, &sum,
                                                  listing->fault);
                if (r < 0)
                        return r;
                describe(name, rights, sizeof(rights));
                (void)strcpy(until, "not joined yet");
                if (sum.until_s != 0) {
                        time_text(sum.until_s, until);
                        (void)snprintf(days, sizeof(days), "%lld",
                                       (long long)((sum.until_s - listing->now_s + DAY_S / 2) / DAY_S));
                }
        }
        if (sum.good > 1)
                (void)snprintf(tail, sizeof(tail), " (older certificates still good: %u)", sum.good - 1);
        int r = add_invitation(listing, name, tail, sizeof(tail));
        if (r < 0)
                return r;
        say(ROW "%s", name->name, name_kind_word(name->kind), until, days, rights, tail);
        return 0;
}

static void print_roll(struct transaction *transaction, int64_t now_s)
{
        struct roll_state state;

        if (!roll_is_on(transaction) || roll_look(transaction, now_s, &state, NULL) < 0)
                return;
        (void)printf("The authority before it is trusted too: certificates by it in force: %u", state.left);
        (void)printf(state.waiting > 0 ? "; waiting for %u: %s.\n" : ".\n", state.waiting, state.names);
}

int command_list(const struct command_line *line)
{
        struct transaction transaction = transaction_of(line);
        struct fault fault = { 0 };
        char until[TIME_TEXT_MAX];

        if (line->count > 0)
                return misused("list takes no arguments");
        int r = transaction_begin_reading(&transaction, &fault);
        if (r == 0) {
                const struct listing listing = { &transaction, (int64_t)time(NULL), &fault };
                time_text(time_of(X509_get0_notAfter(transaction.authority.certificate)), until);
                say("The authority %s/" AUTHORITY_CERT " is valid until %s.", line->dir, until);
                print_roll(&transaction, listing.now_s);
                say(ROW, "NAME", "KIND", "VALID UNTIL", "DAYS", "RIGHTS");
                r = registry_each(transaction.registry, list_one, (void *)(uintptr_t)&listing, &fault);
        }
        transaction_end(&transaction);
        return r < 0 ? failed(&fault) : EXIT_DONE;
}
