/* SPDX-License-Identifier: Apache-2.0 */
#include "acl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrol/topics.h"
#include "invitations.h"
#include "util/cleanup.h"

struct clients {
        struct name *items;
        size_t count;
};

struct list {
        FILE *out;
        struct clients clients;
        struct fault *fault;
};

static void clients_done(struct clients *clients)
{
        while (clients->count > 0)
                name_done(&clients->items[--clients->count]);
        free(clients->items);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

struct right {
        const char *access, *before, *after; /* the topic is before NAME after */
};

static void allow(FILE *out, const struct right *rights, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                (void)fprintf(out, "topic %s %s%s%s\n", rights[i].access, rights[i].before, name, rights[i].after);
}

/* Of those by which certificates are asked for; no identity has what cannot be in a topic. */
static void allow_enrolment(FILE *out, const char *access, enum enrol_topic which, const char *identity)
{
        char topic[ENROL_TOPIC_MAX];

        if (enrol_topic(which, identity, topic) == 0)
                (void)fprintf(out, "topic %s %s\n", access, topic);
}

static void allow_asking(FILE *out, const char *identity)
{
        allow_enrolment(out, "write", ENROL_REQUEST, identity);
        allow_enrolment(out, "read", ENROL_ANSWER, identity);
}

/* By which it renews its certificate, and learns which authorities and lists are in force. */
static void allow_renewal(FILE *out, const char *identity)
{
        allow_asking(out, identity);
        allow_enrolment(out, "read", ENROL_TRUST, NULL);
}

/* What its rules command is the devices: not what restarts and reloads a node. mosquitto 2 looks at deny lines first. */
static void allow_rules(FILE *out, const struct name *node)
{
        for (char **other = node->commands; other && *other; other++) {
                (void)fprintf(out, "topic write sconce/%s/+/set\n", *other);
                (void)fprintf(out, "topic write sconce/%s/+/set/+\n", *other);
                (void)fprintf(out, "topic deny sconce/%s/node/#\n", *other);
        }
}

static void write_node(FILE *out, const struct name *node)
{
        static const struct right own[] = {
                { "read", "sconce/", "/+/set" },   { "read", "sconce/", "/+/set/+" },
                { "read", "sconce/", "/+/get" },   { "read", "sconce/", "/get" },
                { "read", "sconce/", "/status" },  { "read", "sconce/", "/+/status" },
                { "read", "sconce/", "/+/error" },
        };

        char identity[IDENTITY_MAX];

        name_identity(node, identity);
        (void)fprintf(out, "\nuser %s\n", identity);
        (void)fprintf(out, "topic write sconce/%s/#\n", node->name);
        (void)fprintf(out, "topic write sconce/reply/#\n");
        (void)fprintf(out, "topic write homeassistant/device/%s/#\n", node->name);
        allow(out, own, ARRAY_SIZE(own), node->name);
        (void)fprintf(out, "topic read homeassistant/status\n");
        allow_rules(out, node);
        allow_renewal(out, identity);
}

/* What answers joins and renewals ('sconce-pki serve'). */
static void write_signer(FILE *out)
{
        (void)fprintf(out, "\nuser %s\n", SIGNER_IDENTITY);
        allow_enrolment(out, "read", ENROL_REQUEST, ENROL_ANYONE);
        allow_enrolment(out, "write", ENROL_ANSWER, ENROL_ANYONE);
        allow_enrolment(out, "readwrite", ENROL_TRUST, NULL);
}

/* One who has a code, on the listener for joining: a request and its answer. */
static int write_invitation(void *userdata, const struct invitation *invitation)
{
        FILE *out = userdata;

        if (invitation_state(invitation, (int64_t)time(NULL)) != INVITATION_OPEN)
                return 0;
        (void)fprintf(out, "\nuser %s\n", invitation->identity);
        allow_asking(out, invitation->identity);
        return 0;
}

static void allow_commands(FILE *out, const char *node)
{
        static const struct right commands[] = {
                { "write", "sconce/", "/+/set" },
                { "write", "sconce/", "/+/set/+" },
                { "write", "sconce/", "/+/get" },
                { "write", "sconce/", "/get" },
        };

        allow(out, commands, ARRAY_SIZE(commands), node);
}

static void write_limited(FILE *out, const struct name *client)
{
        for (char **node = client->words; *node; node++) {
                (void)fprintf(out, "topic read sconce/%s/#\n", *node);
                if (client->rights != RIGHTS_READ_ONLY)
                        allow_commands(out, *node);
                if (client->rights == RIGHTS_HOME_ASSISTANT)
                        (void)fprintf(out, "topic read homeassistant/device/%s/#\n", *node);
        }
        if (client->rights == RIGHTS_HOME_ASSISTANT)
                (void)fprintf(out, "topic write homeassistant/status\n");
}

/* mosquitto 2 looks at deny lines first, wherever they stand, and a deny forbids writing too. A client gets replies only
 * once it has a block to command with, and with that come the others' denials of its replies. */
static void write_unlimited(FILE *out, const struct name *client, const struct clients *clients)
{
        if (client->rights == RIGHTS_HOME_ASSISTANT)
                (void)fprintf(out, "topic write homeassistant/status\n");
        (void)fprintf(out, "topic read sconce/+/#\n");
        if (client->rights != RIGHTS_READ_ONLY)
                allow_commands(out, "+");
        if (client->rights == RIGHTS_HOME_ASSISTANT)
                (void)fprintf(out, "topic read homeassistant/#\n");
        for (size_t i = 0; i < clients->count; i++) {
                char other[IDENTITY_MAX];
                name_identity(&clients->items[i], other);
                if (strcmp(clients->items[i].name, client->name) != 0)
                        (void)fprintf(out, "topic deny sconce/reply/%s/#\n", other);
        }
}

static void write_client(FILE *out, const struct name *client, const struct clients *clients)
{
        char identity[IDENTITY_MAX];

        name_identity(client, identity);
        (void)fprintf(out, "\nuser %s\ntopic read sconce/reply/%s/#\n", identity, identity);
        allow_renewal(out, identity);
        if (client->words)
                write_limited(out, client);
        else
                write_unlimited(out, client, clients);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */

static int keep_client(struct clients *clients, const struct name *name)
{
        struct name *items = reallocarray(clients->items, clients->count + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        clients->items = items;
        struct name *copy = &items[clients->count];
        *copy = *name;
        copy->words = copy->commands = NULL;
        clients->count++;
        return words_add_all(&copy->words, name->words) ? 0 : -ENOMEM;
}

static int take_name(void *userdata, const struct name *name)
{
        struct list *list = userdata;

        if (name->is_revoked)
                return 0;
        if (name->kind == NAME_NODE)
                write_node(list->out, name);
        if (name->kind == NAME_CLIENT && keep_client(&list->clients, name) < 0)
                return fault_set(list->fault, -ENOMEM, "out of memory");
        return 0;
}

static int write_list(struct list *list, struct registry *registry, const char *loan)
{
        (void)fprintf(list->out, "# Written by sconce-pki: a block for each name in force, nothing for any other.\n"
                                 "# Changes made by hand are lost when it next runs.\n");
        int r = registry_each(registry, take_name, list, list->fault);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list->clients.count; i++)
                write_client(list->out, &list->clients.items[i], &list->clients);
        write_signer(list->out);
        r = invitations_each(registry, write_invitation, list->out, list->fault);
        if (r < 0)
                return r;
        if (loan)
                (void)fputs(loan, list->out);
        (void)fprintf(list->out, "\n# End of the list.\n");
        return 0;
}

int acl_text(struct registry *registry, const char *loan, char **ret, struct fault *fault)
{
        CLEANUP_FREE char *text = NULL;
        size_t size = 0;
        struct list list = { .out = open_memstream(&text, &size), .fault = fault };

        if (!list.out)
                return fault_set(fault, -ENOMEM, "out of memory");
        int r = write_list(&list, registry, loan);
        clients_done(&list.clients);
        bool is_short = ferror(list.out) != 0;
        if ((fclose(list.out) != 0 || is_short) && r == 0)
                r = fault_set(fault, -ENOMEM, "out of memory");
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* ---- The keys of those who join ---------------------------------------------------------------------------------- */

static int write_psk(void *userdata, const struct invitation *invitation)
{
        FILE *out = userdata;

        if (invitation_state(invitation, (int64_t)time(NULL)) == INVITATION_OPEN)
                (void)fprintf(out, "%s:%s\n", invitation->identity, invitation->psk);
        return 0;
}

int psk_text(struct registry *registry, char **ret, struct fault *fault)
{
        CLEANUP_FREE char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        int r = out ? invitations_each(registry, write_psk, out, fault) : fault_set(fault, -ENOMEM, "out of memory");

        if (out && fclose(out) != 0 && r == 0)
                r = fault_set(fault, -ENOMEM, "out of memory");
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
}
