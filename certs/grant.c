/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki grant, ungrant: the right of a node to command other nodes' devices, as its rules do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "say.h"

int take_commanded(const char *word, struct name *name)
{
        int status = word ? check_word(word) : misused("--commands needs the NAME of a node");

        if (status != 0)
                return status;
        return words_add(&name->commands, word) ? 0 : failed(&(struct fault){ -ENOMEM, "out of memory" });
}

int check_commanded(const char *name, const struct name *wanted)
{
        for (char **other = wanted->commands; other && *other; other++)
                if (strcmp(*other, name) == 0)
                        return misused("%s commands its own devices anyway: name another node", name);
        return 0;
}

/* NODE OTHER…: the name and its commands. */
static int read_words(const struct command_line *line, struct name *wanted)
{
        int status = 0;

        for (int i = 0; i < line->count && status == 0; i++) {
                const char *word = line->words[i];
                if (word[0] == '-')
                        status = misused("%s has no option '%s'", line->command, word);
                else if (i > 0)
                        status = take_commanded(word, wanted);
                else if ((status = check_word(word)) == 0)
                        (void)strcpy(wanted->name, word);
        }
        return status != 0 ? status : check_commanded(wanted->name, wanted);
}

/* It may be one that is invited and has not joined yet. */
static int find_node(struct transaction *transaction, const char *word, struct name *ret, struct fault *fault)
{
        int r = find_issued(transaction, word, ret, fault);

        if (r < 0)
                return r;
        if (ret->kind != NAME_NODE)
                return fault_set(fault, -EINVAL, "%s is a %s, not a node: what a client may command it is issued with",
                                 word, name_kind_word(ret->kind));
        if (ret->is_revoked)
                return fault_set(fault, -EINVAL, "%s is revoked: '%s node %s' issues it again", word, transaction->me,
                                 word);
        return 0;
}

static int add(struct transaction *transaction, struct name *node, const struct name *wanted, struct fault *fault)
{
        int r = check_nodes(transaction, wanted, "grant", stdout, fault);

        if (r < 0)
                return r;
        return words_add_all(&node->commands, wanted->commands) ? 0 : fault_set(fault, -ENOMEM, "out of memory");
}

/* All of them or none: a name mistyped would otherwise look like a right that is gone. */
static int take_back(struct transaction *transaction, struct name *node, const struct name *wanted, struct fault *fault)
{
        (void)transaction;
        for (char **other = wanted->commands; *other; other++)
                if (!words_remove(node->commands, *other))
                        return fault_set(fault, -ENOENT, "%s has no right to command %s: nothing was changed",
                                         node->name, *other);
        return 0;
}

static void say_commands(const struct name *node)
{
        CLEANUP_FREE char *others = words_text(node->commands);

        if (others && *others)
                say("%s may command the devices of: %s", node->name, others);
        else
                say("%s may command no other node's devices.", node->name);
}

static int show(const struct command_line *line, const struct name *wanted)
{
        CLEANUP(transaction_end) struct transaction transaction = transaction_of(line);
        CLEANUP(name_done) struct name node = { 0 };
        struct fault fault = { 0 };

        if (transaction_begin_reading(&transaction, &fault) < 0 ||
            find_node(&transaction, wanted->name, &node, &fault) < 0)
                return failed(&fault);
        say_commands(&node);
        return EXIT_DONE;
}

static int put(struct transaction *transaction, const struct name *node, struct fault *fault)
{
        struct fault why = { 0 };

        return registry_put(transaction->registry, node, &why) < 0 ? transaction_failed(transaction, &why, fault)
                                                                   : transaction_commit(transaction, fault);
}

static int change(const struct command_line *line, const struct name *wanted,
                  int (*change_node)(struct transaction *transaction, struct name *node, const struct name *wanted,
                                     struct fault *fault))
{
        CLEANUP(transaction_end) struct transaction transaction = transaction_of(line);
        CLEANUP(name_done) struct name node = { 0 };
        struct fault fault = { 0 };

        if (transaction_begin(&transaction, &fault) < 0 || find_node(&transaction, wanted->name, &node, &fault) < 0 ||
            change_node(&transaction, &node, wanted, &fault) < 0 || put(&transaction, &node, &fault) < 0)
                return failed(&fault);
        services_reload_broker(&transaction.services);
        say_commands(&node);
        return services_report(&transaction.services, false, &fault) < 0 ? failed(&fault) : EXIT_DONE;
}

int command_grant(const struct command_line *line)
{
        CLEANUP(name_done) struct name wanted = { .kind = NAME_NODE };
        int status = read_words(line, &wanted);

        if (status == 0 && !wanted.name[0])
                status = misused("grant needs a NODE, and which others it may command, as in 'grant hall attic'");
        if (status != 0)
                return status;
        return wanted.commands ? change(line, &wanted, add) : show(line, &wanted);
}

int command_ungrant(const struct command_line *line)
{
        CLEANUP(name_done) struct name wanted = { .kind = NAME_NODE };
        int status = read_words(line, &wanted);

        if (status == 0 && !wanted.commands)
                status = misused("ungrant needs a NODE, and which others it may no longer command, as in 'ungrant "
                                 "hall attic'");
        return status != 0 ? status : change(line, &wanted, take_back);
}
