/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki invite: a code by which one machine or person gets the certificate of one name. The name has its rights at the
 * broker from now on, and nobody who can use them before the code is used. The code goes to stdout, all words to stderr.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "directory.h"
#include "host.h"
#include "invitations.h"
#include "issue.h"
#include "qr.h"
#include "util/file.h"
#include "util/url.h"

#define HOUR_S     3600
#define EXPIRY_MAX (30 * DAY_S)
#define LIST_MAX   (1U << 20)
#define NAMES_MAX  5000

struct invite {
        struct transaction transaction;
        struct name wanted; /* kind, rights, words; the name where one is given */
        const char *url, *list;
        struct file names; /* the list's */
        uint16_t port;
        int64_t expiry_s, now_s;
        bool has_rights; /* given on the command line */
        char **codes;    /* texts, in the order of the names */
        size_t count;
};

static void invite_done(struct invite *invite)
{
        transaction_end(&invite->transaction);
        name_done(&invite->wanted);
        file_done(&invite->names);
        for (size_t i = 0; i < invite->count; i++) {
                OPENSSL_cleanse(invite->codes[i], strlen(invite->codes[i]));
                free(invite->codes[i]);
        }
        free(invite->codes);
}

/* ---- The command line -------------------------------------------------------------------------------------------- */

static int take_expiry(const char *word, struct invite *invite)
{
        static const struct {
                char letter;
                int64_t seconds;
        } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', HOUR_S }, { 'd', DAY_S } };
        char *end = NULL;
        long number = word && *word >= '1' && *word <= '9' ? strtol(word, &end, 10) : 0;

        for (size_t i = 0; end && i < ARRAY_SIZE(units); i++)
                if (end[0] == units[i].letter && !end[1] && number <= EXPIRY_MAX / units[i].seconds) {
                        invite->expiry_s = number * units[i].seconds;
                        return 0;
                }
        return misused("--expires needs a time up to 30d, as in 30m, 1h or 2d");
}

static int take_port(const char *word, struct invite *invite)
{
        char *end = NULL;
        long number = word && *word >= '1' && *word <= '9' ? strtol(word, &end, 10) : 0;

        if (!end || *end || number > UINT16_MAX)
                return misused("--join-port needs a number from 1 to 65535");
        invite->port = (uint16_t)number;
        return 0;
}

static int take_broker(const char *word, struct invite *invite)
{
        invite->url = word;
        return check_broker_url(word);
}

static int take_client(const char *word, struct invite *invite)
{
        (void)word;
        invite->wanted.kind = NAME_CLIENT;
        return 0;
}

static int take_read_only(const char *word, struct invite *invite)
{
        (void)word;
        invite->has_rights = true;
        return take_rights("--read-only", &invite->wanted);
}

static int take_limit(const char *word, struct invite *invite)
{
        invite->has_rights = true;
        return take_node(word, &invite->wanted);
}

static int take_granted(const char *word, struct invite *invite)
{
        return take_commanded(word, &invite->wanted);
}

static int take_list(const char *word, struct invite *invite)
{
        if (!word)
                return misused("--list needs a file that has a NAME a line; - is the standard input");
        invite->list = word;
        return 0;
}

static int take_word(const char *word, struct invite *invite)
{
        if (invite->wanted.name[0])
                return misused("invite takes one NAME, and got '%s' and '%s'; --list FILE takes many",
                               invite->wanted.name, word);
        int status = check_word(word);
        if (status == 0)
                (void)strcpy(invite->wanted.name, word);
        return status;
}

static const struct {
        const char *name;
        bool has_word;
        int (*take)(const char *word, struct invite *invite);
} options[] = {
        { "--client", false, take_client }, { "--read-only", false, take_read_only },
        { "--node", true, take_limit },     { "--broker", true, take_broker },
        { "--expires", true, take_expiry }, { "--join-port", true, take_port },
        { "--list", true, take_list },      { "--commands", true, take_granted },
};

static int read_option(const struct command_line *line, int *at, struct invite *invite)
{
        const char *word = line->words[*at];

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (strcmp(word, options[i].name) == 0)
                        return options[i].take(options[i].has_word && ++*at < line->count ? line->words[*at] : NULL,
                                               invite);
        return misused("invite has no option '%s': there are --client, --read-only, --node NODE, --commands "
                       "OTHER, --broker URL, --expires TIME, --join-port PORT and --list FILE",
                       word);
}

static int read_words(const struct command_line *line, struct invite *invite)
{
        int status = 0;

        for (int i = 0; i < line->count && status == 0; i++)
                status = line->words[i][0] == '-' ? read_option(line, &i, invite) : take_word(line->words[i], invite);
        if (status != 0)
                return status;
        if (!invite->wanted.name[0] == !invite->list)
                return misused("invite needs a NAME, as in 'invite hall', or --list FILE");
        if (invite->has_rights && invite->wanted.kind != NAME_CLIENT)
                return misused("--read-only and --node are a client's: add --client");
        if (invite->wanted.commands && invite->wanted.kind == NAME_CLIENT)
                return misused("--commands is a node's: leave --client out, --node says what a client may command");
        return check_commanded(invite->wanted.name, &invite->wanted);
}

/* ---- One name ---------------------------------------------------------------------------------------------------- */

/* What the name is to be: as recorded where it is in force, a new generation where it was revoked. */
static int prepare_name(struct invite *invite, const char *word, struct name *ret, struct fault *fault)
{
        CLEANUP(name_done) struct name before = { 0 };
        int r = registry_find(invite->transaction.registry, word, &before, fault);

        if (r < 0 && r != -ENOENT)
                return r;
        bool is_known = r == 0;
        if (is_known && before.kind != invite->wanted.kind)
                return fault_set(fault, -EEXIST,
                                 "%s is a %s's name in %s, and a name serves one kind only: choose another name%s",
                                 word, name_kind_word(before.kind), invite->transaction.dir,
                                 before.kind == NAME_CLIENT ? ", or add --client" : "");
        bool is_in_force = is_known && !before.is_revoked;
        if (is_in_force && invite->has_rights)
                return fault_set(fault, -EEXIST,
                                 "%s has its rights already: leave --read-only and --node out, or revoke it first",
                                 word);
        if (is_in_force && invite->wanted.commands)
                return fault_set(fault, -EEXIST,
                                 "%s has its rights already: leave --commands out, '%s grant %s OTHER' adds to them",
                                 word, invite->transaction.me, word);
        const struct name *like = is_in_force ? &before : &invite->wanted;
        *ret = (struct name){ .kind = like->kind,
                              .rights = like->rights,
                              .generation = is_known ? before.generation : 1 };
        ret->generation += is_known && before.is_revoked;
        (void)strcpy(ret->name, word);
        bool has_url = ret->kind == NAME_NODE && invite->url;
        bool is_full = has_url ? words_add(&ret->words, invite->url) : words_add_all(&ret->words, like->words);
        if (is_full && words_add_all(&ret->commands, like->commands))
                return 0;
        return fault_set(fault, -ENOMEM, "out of memory");
}

static int choose_broker(struct invite *invite, const struct name *name, struct invitation *invitation,
                         struct code *code, struct fault *fault)
{
        const char *own = name->kind == NAME_NODE && name->words ? name->words[0] : invite->url;
        char broker[NAME_MAX_BYTES];
        struct url url;

        if (own)
                (void)snprintf(invitation->url, sizeof(invitation->url), "%s", own);
        else {
                int r = first_broker(invite->transaction.registry, broker, fault);
                if (r == -ENOENT)
                        return fault_set(fault, r, "there is no broker yet: '%s broker HOST…' makes its certificate",
                                         invite->transaction.me);
                if (r < 0)
                        return r;
                broker_url_of(broker, invitation->url);
        }
        int r = url_parse(invitation->url, &url, fault);
        if (r < 0)
                return r;
        (void)snprintf(code->host, sizeof(code->host), "%s", url.host);
        code->port = invite->port;
        return 0;
}

static int keep_code(struct invite *invite, const struct code *code, struct fault *fault)
{
        char text[CODE_TEXT_MAX];
        char **codes = reallocarray(invite->codes, invite->count + 1, sizeof(*codes));

        if (codes)
                invite->codes = codes;
        code_text(code, text);
        char *copy = codes ? strdup(text) : NULL;
        OPENSSL_cleanse(text, sizeof(text));
        if (!copy)
                return fault_set(fault, -ENOMEM, "out of memory");
        codes[invite->count++] = copy;
        return 0;
}

static int draw(struct invite *invite, const struct name *name, struct code *code, struct code_keys *keys,
                struct fault *fault)
{
        struct invitation invitation = { .expires_s = invite->now_s + invite->expiry_s };
        int r = choose_broker(invite, name, &invitation, code, fault);

        (void)strcpy(code->name, name->name);
        if (r == 0)
                r = code_draw(code, fault);
        if (r == 0)
                r = code_derive(code->secret, keys, fault);
        if (r < 0)
                return r;
        (void)strcpy(invitation.name, name->name);
        (void)strcpy(invitation.identity, keys->identity);
        (void)strcpy(invitation.psk, keys->psk);
        memcpy(invitation.mac, keys->mac, sizeof(invitation.mac));
        r = invitations_put(invite->transaction.registry, &invitation, fault);
        OPENSSL_cleanse(&invitation, sizeof(invitation));
        return r < 0 ? r : keep_code(invite, code, fault);
}

static int invite_one(struct invite *invite, const char *word, struct fault *fault)
{
        CLEANUP(name_done) struct name name = { 0 };
        struct code code = { 0 };
        struct code_keys keys = { 0 };
        unsigned in_force = 0;
        int r = prepare_name(invite, word, &name, fault);

        if (r == 0)
                r = registry_count_in_force(invite->transaction.registry, word, &in_force, fault);
        if (r == 0)
                r = registry_put(invite->transaction.registry, &name, fault);
        if (r == 0)
                r = draw(invite, &name, &code, &keys, fault);
        code_forget(&code, &keys);
        if (r == 0 && in_force > 0)
                (void)fprintf(stderr,
                              "Note: %s has a certificate already, which stays valid until it expires: where it may be "
                              "in other hands, "
                              "revoke the name first.\n",
                              word);
        return r;
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static int read_list(const char *path, struct file *ret, struct fault *fault)
{
        struct fault why = { 0 };

        if (strcmp(path, "-") == 0)
                path = "/dev/stdin";
        FILE *in = fopen(path, "re");
        ret->data = calloc(1, LIST_MAX + 1);
        ret->size = in && ret->data ? fread(ret->data, 1, LIST_MAX, in) : 0;
        if (!in || !ret->data || ferror(in))
                (void)fault_set(&why, -errno, "%s: cannot be read: %s", path, strerror(errno));
        if (in)
                (void)fclose(in);
        return why.code ? fault_set(fault, why.code, "%s", why.text) : 0;
}

/* Empty lines, and comments after a #, are left out. Returns the status to end with. */
static int invite_listed(struct invite *invite, char *text, struct fault *fault)
{
        char *rest = NULL;

        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *word = line + strspn(line, " \t\r");
                word[strcspn(word, " \t\r#")] = '\0';
                if (!*word)
                        continue;
                int status = check_word(word);
                if (status == 0)
                        status = check_commanded(word, &invite->wanted);
                if (status != 0)
                        return status;
                if (invite->count >= NAMES_MAX)
                        return misused("a list has at most %d names", NAMES_MAX);
                int r = invite_one(invite, word, fault);
                if (r < 0)
                        return failed(fault);
        }
        return invite->count > 0 ? EXIT_DONE : misused("%s: there is no name in it", invite->list);
}

static int invite_all(struct invite *invite, struct fault *fault)
{
        if (invite->list)
                return invite_listed(invite, invite->names.data, fault);
        return invite_one(invite, invite->wanted.name, fault) < 0 ? failed(fault) : EXIT_DONE;
}

static void report(const struct invite *invite)
{
        char until[TIME_TEXT_MAX], line[CODE_TEXT_MAX + 32];
        const char *join = invite->wanted.kind == NAME_NODE ? "sudo sconce-pki join" : "sconce join";

        time_text(invite->now_s + invite->expiry_s, until);
        for (size_t i = 0; i < invite->count; i++)
                (void)printf("%s\n", invite->codes[i]);
        (void)fflush(stdout);
        if (invite->count == 1) {
                (void)snprintf(line, sizeof(line), "%s %s", join, invite->codes[0]);
                (void)fprintf(stderr, "Good once, until %s. %s:\n  %s\n", until,
                              invite->wanted.kind == NAME_NODE ? "On the Pi"
                                                               : "On the machine of the one who is invited",
                              line);
                if (isatty(STDOUT_FILENO))
                        (void)qr_print(invite->codes[0], stdout);
                OPENSSL_cleanse(line, sizeof(line));
        } else
                (void)fprintf(stderr, "%zu codes, good once each, until %s: '%s CODE', each on its machine.\n",
                              invite->count, until, join);
}

static int finish(struct invite *invite, struct fault *fault)
{
        struct services *services = &invite->transaction.services;

        if (transaction_commit(&invite->transaction, fault) < 0)
                return failed(fault);
        services_reload_broker(services);
        report(invite);
        if (services->broker_failed[0]) {
                (void)fault_set(fault, -EPERM, "the broker does not know the code yet: %s", services->broker_failed);
                return failed(fault);
        }
        (void)fprintf(stderr, "%s\n",
                      services->broker[0] ? services->broker
                                          : "No running broker was found here: it must run to be joined.");
        return EXIT_DONE;
}

int command_invite(const struct command_line *line)
{
        CLEANUP(invite_done)
        struct invite invite = { .transaction = transaction_of(line),
                                 .wanted = { .kind = NAME_NODE },
                                 .port = CODE_PORT,
                                 .expiry_s = HOUR_S,
                                 .now_s = (int64_t)time(NULL) };
        struct fault fault = { 0 };
        int status;

        invite.wanted.rights = RIGHTS_ALL;
        status = read_words(line, &invite);
        if (status != 0)
                return status;
        bool is_node = invite.wanted.kind == NAME_NODE;
        if (is_node)
                invite.wanted.rights = RIGHTS_NONE;
        /* Before DIR is entered: its path is relative to where the command was given. */
        if (invite.list && read_list(invite.list, &invite.names, &fault) < 0)
                return failed(&fault);
        if (transaction_begin(&invite.transaction, &fault) < 0 ||
            check_nodes(&invite.transaction, &invite.wanted, is_node ? "--commands" : "--node", stderr, &fault) < 0)
                return failed(&fault);
        status = invite_all(&invite, &fault);
        return status != EXIT_DONE ? status : finish(&invite, &fault);
}
