/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that issue and revoke. Each is one transaction; what it has done is said after it has happened. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "directory.h"
#include "host.h"
#include "invitations.h"
#include "issue.h"
#include "say.h"

struct transaction transaction_of(const struct command_line *line)
{
        struct transaction transaction = { .dir = line->dir, .me = line->me };

        transaction.services.is_system = line->is_default_dir;
        transaction.services.pid_file = line->pid_file;
        return transaction;
}

static void transaction_done(struct transaction *transaction)
{
        transaction_end(transaction);
}

#define CLEANUP_TRANSACTION CLEANUP(transaction_done)

/* ---- init -------------------------------------------------------------------------------------------------------- */

static int make_authority(struct transaction *transaction, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes certificate = { 0 }, key = { 0 };
        struct fault why = { 0 };
        int r = authority_new(&transaction->authority, &why);

        if (r == 0)
                r = certificate_to_pem(transaction->authority.certificate, &certificate, &why);
        if (r == 0)
                r = key_to_pem(transaction->authority.key, &key, &why);
        if (r == 0)
                r = transaction_put(transaction, FILE_OF_SIGNER, &key, &why, AUTHORITY_KEY);
        if (r == 0)
                r = transaction_list_revoked(transaction, &why);
        /* After what it needs: with it the authority is there. */
        if (r == 0)
                r = transaction_put(transaction, FILE_PUBLIC, &certificate, &why, AUTHORITY_CERT);
        return r < 0 ? transaction_failed(transaction, &why, fault) : transaction_commit(transaction, fault);
}

int command_init(const struct command_line *line)
{
        CLEANUP_TRANSACTION struct transaction transaction = transaction_of(line);
        struct fault fault = { 0 };
        bool is_made = false;

        if (line->count > 0)
                return misused("init takes no arguments");
        int r = transaction_begin_new(&transaction, &is_made, &fault);
        if (r == 0)
                r = make_authority(&transaction, &fault);
        if (r < 0) {
                transaction_end(&transaction);
                /* Its registry is what the next run goes on from. */
                if (is_made && !transaction.has_happened)
                        directory_unmake();
                return failed(&fault);
        }
        say("Made the certificate authority %s/" AUTHORITY_CERT ".", line->dir);
        say("Its key, %s/" AUTHORITY_KEY ", opens the house: back it up where no one else has access.", line->dir);
        say("Next: %s broker HOST…", line->me);
        return EXIT_DONE;
}

/* ---- What was issued --------------------------------------------------------------------------------------------- */

static void say_hosts(const struct name *name)
{
        CLEANUP_FREE char *hosts = words_text(name->words);

        say("Its names and addresses: %s", hosts ? hosts : "?");
}

static void report_broker(struct transaction *transaction, const struct name *name)
{
        char first[NAME_MAX_BYTES];

        say_hosts(name);
        if (first_broker(transaction->registry, first, NULL) == 0 && strcmp(first, name->name) != 0)
                say("The broker of this machine goes on serving %s; to add a name to that one: '%s renew %s HOST…'.",
                    first, transaction->me, first);
}

static void report_node(const struct transaction *transaction, const struct name *name, const struct issued *issued)
{
        say("For the Pi: copy %s/issued/%s.tar there (scp), then 'sudo sconce-pki install %s.tar'.", transaction->dir,
            name->name, name->name);
        if (!issued->url[0])
                say("The tar names no broker, because none exists yet: '%s broker HOST…', then '%s renew %s'.",
                    transaction->me, transaction->me, name->name);
}

static void report(struct transaction *transaction, const struct name *name, const struct issued *issued)
{
        char until[TIME_TEXT_MAX];

        time_text(issued->not_after_s, until);
        say("Issued %s %s, valid until %s: %s/issued/%s.crt and .key", name_kind_word(name->kind), name->name, until,
            transaction->dir, name->name);
        if (name->kind == NAME_BROKER)
                report_broker(transaction, name);
        if (name->kind == NAME_NODE)
                report_node(transaction, name, issued);
        if (name->kind == NAME_CLIENT) {
                say("For a phone or browser: %s/issued/%s.p12", transaction->dir, name->name);
                say("Its password, shown only now: %s", issued->password);
        }
}

/* Commits, has the programs read what there is now, and says so. */
static int finish(struct transaction *transaction, const struct name *name, const struct issued *issued,
                  bool is_renewal)
{
        struct fault fault = { 0 };

        if (transaction_commit(transaction, &fault) < 0)
                return failed(&fault);
        services_reload_broker(&transaction->services);
        if (name->kind == NAME_BROKER)
                services_reload_page(&transaction->services);
        report(transaction, name, issued);
        if (is_renewal)
                say("The old one stays valid until it expires; if it may have been stolen, revoke the name instead.");
        return services_report(&transaction->services, true, &fault) < 0 ? failed(&fault) : EXIT_DONE;
}

/* ---- A fresh name of one kind ------------------------------------------------------------------------------------ */

/* A name that was revoked comes back as one that its old certificates are nobody's. */
static int claim(struct transaction *transaction, struct name *name, struct fault *fault)
{
        CLEANUP(name_done) struct name before = { 0 };
        int r = registry_find(transaction->registry, name->name, &before, fault);

        name->generation = 1;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (before.kind != name->kind)
                return fault_set(fault, -EEXIST,
                                 "%s is a %s's name in %s, and a name serves one kind only: choose another name",
                                 name->name, name_kind_word(before.kind), transaction->dir);
        if (!before.is_revoked)
                return fault_set(fault, -EEXIST,
                                 "%s has a certificate already (%s/issued/%s.crt): '%s renew %s' issues it again, '%s "
                                 "revoke %s' "
                                 "ends it",
                                 name->name, transaction->dir, name->name, transaction->me, name->name, transaction->me,
                                 name->name);
        name->generation = before.generation + (name->kind != NAME_BROKER);
        return 0;
}

static int check_node(struct transaction *transaction, const char *node, const char *what, FILE *notes,
                      struct fault *fault)
{
        CLEANUP(name_done) struct name there = { 0 };
        int r = registry_find(transaction->registry, node, &there, fault);

        if (r < 0 && r != -ENOENT)
                return r;
        if (r == 0 && there.kind != NAME_NODE)
                return fault_set(fault, -EINVAL,
                                 "%s is a %s, not a node: %s takes a node's name ('%s list' shows them)", node,
                                 name_kind_word(there.kind), what, transaction->me);
        if (r < 0 || there.is_revoked)
                (void)fprintf(notes, "Note: node %s %s; the right to it counts once it is issued.\n", node,
                              r < 0 ? "does not exist yet" : "is revoked");
        return 0;
}

int check_nodes(struct transaction *transaction, const struct name *name, const char *what, FILE *notes,
                struct fault *fault)
{
        char **node = name->kind == NAME_CLIENT ? name->words : name->commands;
        int r = 0;

        for (; r == 0 && node && *node; node++)
                r = check_node(transaction, *node, what, notes, fault);
        return r;
}

static int issue_new(const struct command_line *line, struct name *name)
{
        CLEANUP_TRANSACTION struct transaction transaction = transaction_of(line);
        struct issued issued = { 0 };
        struct fault fault = { 0 };
        int r = transaction_begin(&transaction, &fault);

        if (r == 0 && name->kind != NAME_BROKER)
                r = check_nodes(&transaction, name, name->kind == NAME_CLIENT ? "--node" : "--commands", stdout,
                                &fault);
        if (r == 0)
                r = claim(&transaction, name, &fault);
        if (r == 0)
                r = issue(&transaction, name, &issued, &fault);
        return r < 0 ? failed(&fault) : finish(&transaction, name, &issued, false);
}

/* 0, or the status to end with. */
static int add_hosts(struct name *name, int count, char **words)
{
        for (int i = 0; i < count; i++) {
                char host[HOST_MAX];
                if (!host_take(words[i], host))
                        return misused("'%s' is not a host: a DNS name (broker.lan) or an address (192.0.2.7, "
                                       "fd00::7), without "
                                       "port, brackets or wildcard",
                                       words[i]);
                if (!words_add(&name->words, host))
                        return failed(&(struct fault){ -ENOMEM, "out of memory" });
        }
        return 0;
}

#define NAME_LENGTH_MAX 64

int command_broker(const struct command_line *line)
{
        CLEANUP(name_done) struct name name = { .kind = NAME_BROKER };

        if (line->count == 0)
                return misused("broker needs its names and addresses, as in 'broker broker.lan 192.168.1.10'");
        int status = add_hosts(&name, line->count, line->words);
        if (status != 0)
                return status;
        if (strlen(name.words[0]) > NAME_LENGTH_MAX)
                return misused("'%s' is too long to name a certificate (64 characters): put a shorter HOST first",
                               name.words[0]);
        (void)strcpy(name.name, name.words[0]);
        return issue_new(line, &name);
}

int check_word(const char *word)
{
        if (!name_is_one(word))
                return misused("'%s' is not a name: a-z, 0-9, _ and -, first a letter or digit, at most 64 characters",
                               word);
        if (name_is_reserved(word))
                return misused("'%s' is reserved (sconce/%s has a meaning of its own): choose another name", word,
                               word);
        return 0;
}

static int take_name(const char *word, struct name *name)
{
        if (name->name[0])
                return misused("%s takes one NAME, and got '%s' and '%s'", name_kind_word(name->kind), name->name,
                               word);
        int status = check_word(word);
        if (status == 0)
                (void)strcpy(name->name, word);
        return status;
}

int check_broker_url(const char *word)
{
        if (!word)
                return misused("--broker needs a URL: mqtts://HOST[:PORT]");
        if (!broker_url_is_one(word))
                return misused("'%s' is not a broker's URL: mqtts://HOST[:PORT], an IPv6 address in brackets", word);
        return 0;
}

int take_url(const char *word, struct name *name)
{
        int status = check_broker_url(word);

        if (status != 0)
                return status;
        words_done(&name->words);
        return words_add(&name->words, word) ? 0 : failed(&(struct fault){ -ENOMEM, "out of memory" });
}

int command_node(const struct command_line *line)
{
        CLEANUP(name_done) struct name name = { .kind = NAME_NODE };
        int status = 0;

        for (int i = 0; i < line->count && status == 0; i++) {
                const char *word = line->words[i];
                if (strcmp(word, "--broker") == 0)
                        status = take_url(++i < line->count ? line->words[i] : NULL, &name);
                else if (strcmp(word, "--commands") == 0)
                        status = take_commanded(++i < line->count ? line->words[i] : NULL, &name);
                else if (word[0] == '-')
                        status = misused("node has no option '%s': there are --broker URL and --commands OTHER", word);
                else
                        status = take_name(word, &name);
        }
        if (status == 0 && !name.name[0])
                status = misused("node needs a NAME, as in 'node hall'");
        if (status == 0)
                status = check_commanded(name.name, &name);
        return status != 0 ? status : issue_new(line, &name);
}

int take_rights(const char *word, struct name *name)
{
        if (name->rights != RIGHTS_ALL)
                return misused("--read-only and --home-assistant exclude each other");
        name->rights = strcmp(word, "--read-only") == 0 ? RIGHTS_READ_ONLY : RIGHTS_HOME_ASSISTANT;
        return 0;
}

int take_node(const char *word, struct name *name)
{
        int status = word ? check_word(word) : misused("--node needs the NAME of a node");
        if (status != 0)
                return status;
        return words_add(&name->words, word) ? 0 : failed(&(struct fault){ -ENOMEM, "out of memory" });
}

int command_client(const struct command_line *line)
{
        CLEANUP(name_done) struct name name = { .kind = NAME_CLIENT, .rights = RIGHTS_ALL };
        int status = 0;

        for (int i = 0; i < line->count && status == 0; i++) {
                const char *word = line->words[i];
                if (strcmp(word, "--read-only") == 0 || strcmp(word, "--home-assistant") == 0)
                        status = take_rights(word, &name);
                else if (strcmp(word, "--node") == 0)
                        status = take_node(++i < line->count ? line->words[i] : NULL, &name);
                else if (word[0] == '-')
                        status = misused(
                                "client has no option '%s': there are --read-only, --home-assistant and --node NODE",
                                word);
                else
                        status = take_name(word, &name);
        }
        if (status == 0 && !name.name[0])
                status = misused("client needs a NAME, as in 'client phone'");
        return status != 0 ? status : issue_new(line, &name);
}

/* ---- A name that was issued -------------------------------------------------------------------------------------- */

int take_old_name(const char *word, char ret[static NAME_MAX_BYTES])
{
        char name[NAME_MAX_BYTES] = "";

        for (size_t i = 0; word[i] && i + 1 < sizeof(name); i++)
                name[i] = (char)tolower((unsigned char)word[i]);
        if (strlen(word) >= sizeof(name) || (!name_is_one(name) && host_kind(name) == HOST_NONE))
                return misused("'%s' is not a name that could have been issued ('list' shows those that were)", word);
        (void)strcpy(ret, name);
        return 0;
}

int find_issued(struct transaction *transaction, const char *name, struct name *ret, struct fault *fault)
{
        int r = registry_find(transaction->registry, name, ret, fault);
        if (r == -ENOENT)
                return fault_set(fault, -ENOENT, "%s has never been issued in %s: '%s list' shows the names", name,
                                 transaction->dir, transaction->me);
        return r;
}

/* The old certificate is not revoked: a node must be able to connect until its new tar is installed. */
static int renew(struct transaction *transaction, const struct command_line *line, struct name *name,
                 struct issued *ret)
{
        struct fault fault = { 0 };

        if (name->is_revoked)
                return fault_set(&fault, -EINVAL, "%s is revoked: '%s %s …' issues it again", name->name,
                                 transaction->me, name_kind_word(name->kind)),
                       failed(&fault);
        if (line->count > 1 && name->kind != NAME_BROKER)
                return misused("only a broker has HOSTs, and %s is a %s", name->name, name_kind_word(name->kind));
        int status = add_hosts(name, line->count - 1, line->words + 1);
        if (status != 0)
                return status;
        return issue(transaction, name, ret, &fault) < 0 ? failed(&fault) : EXIT_DONE;
}

int command_renew(const struct command_line *line)
{
        CLEANUP_TRANSACTION struct transaction transaction = transaction_of(line);
        CLEANUP(name_done) struct name name = { 0 };
        struct issued issued = { 0 };
        struct fault fault = { 0 };
        char word[NAME_MAX_BYTES];

        if (line->count == 0)
                return misused("renew needs a NAME ('list' shows them)");
        int status = take_old_name(line->words[0], word);
        if (status != 0)
                return status;
        if (transaction_begin(&transaction, &fault) < 0 || find_issued(&transaction, word, &name, &fault) < 0)
                return failed(&fault);
        status = renew(&transaction, line, &name, &issued);
        return status != 0 ? status : finish(&transaction, &name, &issued, true);
}

static void report_revoked(const struct transaction *transaction, const struct name *name, unsigned count,
                           char *const *losers)
{
        CLEANUP_FREE char *names = words_text(losers);

        say("Revoked %s %s: certificates added to %s/" CRL_FILE ": %u; no rights left in %s/" ACL_FILE ".",
            name_kind_word(name->kind), name->name, transaction->dir, count, transaction->dir);
        if (name->kind == NAME_BROKER)
                say("Each node uses its own crl.pem: put the new one into /etc/sconce/certs on each; it takes effect "
                    "when "
                    "they next connect.");
        if (name->kind == NAME_NODE)
                say("'%s forget %s' clears what it has left at the broker (states, Home Assistant's devices).",
                    transaction->me, name->name);
        if (names && *names)
                say("Its devices may no longer be commanded by: %s. When %s is issued again, '%s grant NODE %s' lets "
                    "them.",
                    names, name->name, transaction->me, name->name);
}

/* Who comes under that name is somebody else, whose devices are others. */
static int end_commands(struct transaction *transaction, struct name *name, char ***ret_losers, struct fault *fault)
{
        words_done(&name->commands);
        return registry_end_commands(transaction->registry, name->name, ret_losers, fault);
}

/* Rights go first: they also reach connections that are open, which a CRL does not. */
static int shut_out(struct transaction *transaction, struct name *name, unsigned *ret_count, char ***ret_losers,
                    struct fault *fault)
{
        struct fault why = { 0 };

        name->is_revoked = true;
        int r = end_commands(transaction, name, ret_losers, &why);
        if (r == 0)
                r = registry_put(transaction->registry, name, &why);
        if (r == 0)
                r = invitations_remove(transaction->registry, name->name, &why);
        if (r == 0)
                r = registry_revoke(transaction->registry, name->name, (int64_t)time(NULL), ret_count, &why);
        if (r == 0)
                r = transaction_list_revoked(transaction, &why);
        if (r == 0 && name->kind == NAME_BROKER)
                r = link_broker(transaction, &why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : transaction_commit(transaction, fault);
}

int command_revoke(const struct command_line *line)
{
        CLEANUP_TRANSACTION struct transaction transaction = transaction_of(line);
        CLEANUP(name_done) struct name name = { 0 };
        struct fault fault = { 0 };
        CLEANUP(words_done) char **losers = NULL;
        char word[NAME_MAX_BYTES];
        unsigned count = 0;

        if (line->count != 1)
                return misused("revoke takes one NAME ('list' shows them)");
        int status = take_old_name(line->words[0], word);
        if (status != 0)
                return status;
        if (transaction_begin(&transaction, &fault) < 0 || find_issued(&transaction, word, &name, &fault) < 0 ||
            shut_out(&transaction, &name, &count, &losers, &fault) < 0)
                return failed(&fault);
        services_reload_broker(&transaction.services);
        services_reload_page(&transaction.services);
        report_revoked(&transaction, &name, count, losers);
        return services_report(&transaction.services, false, &fault) < 0 ? failed(&fault) : EXIT_DONE;
}
