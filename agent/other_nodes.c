/* SPDX-License-Identifier: Apache-2.0 */
#include "other_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/reason.h"
#include "bus/topics.h"
#include "channel/cause.h"
#include "channel/result.h"
#include "util/identity.h"

/* ---- Out ----------------------------------------------------------------------------------------------------- */

bool other_nodes_are_reached(const struct other_nodes *others)
{
        return sender_is_up(others->sender) && session_version(others->sender->session) == SESSION_VERSION_5;
}

/* MQTT 3.1.1 carries neither until when a command is wanted nor which chain of rules it belongs to. */
static int check(const struct other_nodes *others, const struct distant_command *command, struct result *result)
{
        struct sender *sender = others->sender;

        if (!sender_is_up(sender))
                return refuse(result, RESULT_OFFLINE, "no broker is connected, and it is not sent later");
        if (strcmp(command->node, sender->node) == 0)
                return refuse(result, RESULT_UNKNOWN_DEVICE, "%s is this node: write the device alone", sender->node);
        if (session_version(sender->session) != SESSION_VERSION_5)
                return refuse(result, RESULT_OFFLINE, "that takes MQTT 5, and this connection is MQTT 3.1.1");
        if (others->count == OTHER_NODES_MAX || sender_is_full(sender))
                return refuse(result, RESULT_BUSY,
                              "the broker is too slow: it has not acknowledged what was sent before");
        return 0;
}

static int build_topic(const struct other_nodes *others, const struct distant_command *command,
                       char topic[static TOPIC_MAX])
{
        char word[TOPIC_LEVEL_MAX + sizeof("set/")];

        (void)snprintf(word, sizeof(word), "set%s%s", command->channel ? "/" : "",
                       command->channel ? command->channel : "");
        return topic_build(topic, others->base, command->node, command->device, word);
}

/* With a QoS of 1 it would wait in line where the broker's window is full, and come late: then it goes without an answer. */
static int qos_of(const struct other_nodes *others)
{
        const struct session *session = others->sender->session;

        return session_in_flight(session) < session_receive_maximum(session) ? 1 : 0;
}

static int publish(struct other_nodes *others, const struct distant_command *command, int *ret_id)
{
        struct sender *sender = others->sender;
        uint64_t until_us = loop_now_us(sender->loop) + OTHER_NODES_EXPIRY_S * USEC_PER_SEC;
        char topic[TOPIC_MAX], chain[16], expires[CLOCK_TEXT_MAX];
        struct session_message message = { .topic = topic,
                                           .payload = command->payload,
                                           .size = strlen(command->payload),
                                           .qos = qos_of(others),
                                           .expiry_s = OTHER_NODES_EXPIRY_S,
                                           .chain = chain };

        (void)snprintf(chain, sizeof(chain), "%u", command->cause->depth);
        /* The broker's expiry does not count in a connection that hangs. */
        if (clock_format(sender->clock, until_us, expires))
                message.expires = expires;
        sender_note_live(sender);
        int r = build_topic(others, command, topic);
        if (r == 0)
                r = session_publish(sender->session, &message, ret_id);
        return r < 0 ? r : message.qos;
}

static void remember(struct other_nodes *others, const struct distant_command *command, int id)
{
        struct sent_command *sent = &others->sent[others->count++];

        *sent = (struct sent_command){ .id = id, .action = command->cause->action };
        (void)snprintf(sent->rule, sizeof(sent->rule), "%s", command->cause->rule);
        (void)snprintf(sent->node, sizeof(sent->node), "%s", command->node);
}

int other_nodes_command(struct other_nodes *others, const struct distant_command *command, struct result *result)
{
        int id = 0, r = check(others, command, result);

        if (r < 0)
                return r;
        if (!others->sent && !(others->sent = calloc(OTHER_NODES_MAX, sizeof(*others->sent))))
                return refuse(result, RESULT_FAILED, "out of memory");
        r = publish(others, command, &id);
        if (r < 0)
                return refuse(result, RESULT_FAILED, "it cannot be published: %s", strerror(-r));
        if (r == 0)
                return 1;
        remember(others, command, id);
        return 0;
}

/* ---- What becomes of it -------------------------------------------------------------------------------------- */

static void report(struct other_nodes *others, struct sent_command *sent, const struct result *result)
{
        const struct command_cause cause = { .rule = sent->rule, .action = sent->action };

        home_command_over(others->home, &cause, result);
}

/* The broker knows us by our certificate's name. */
static const char *own_name(const struct other_nodes *others, char named[static IDENTITY_NAME_MAX])
{
        const struct tls *tls = session_tls(others->sender->session);
        const char *name = tls ? tls_certificate_name(tls) : NULL;

        return name ? identity_name(name, named) : others->sender->node;
}

static void judge(const struct other_nodes *others, const char *node, int reason, struct result *ret)
{
        char named[IDENTITY_NAME_MAX];

        if (reason == REASON_NOT_AUTHORIZED)
                (void)refuse(ret, RESULT_FAILED,
                             "the broker does not let this node command %s: sudo sconce-pki grant %.64s %s, on the "
                             "broker's machine",
                             node, own_name(others, named), node);
        else if (reason >= REASON_REFUSED)
                (void)refuse(ret, RESULT_FAILED, "the broker refuses it (%s)", reason_code_text(reason));
        else if (reason == REASON_NOBODY_LISTENS)
                (void)refuse(ret, RESULT_OFFLINE, "no node %s is there: does it run, and is it called so?", node);
        else
                ret->code = RESULT_OK;
}

bool other_nodes_acknowledged(struct other_nodes *others, int id, int reason)
{
        for (size_t i = 0; i < others->count; i++) {
                if (others->sent[i].id != id)
                        continue;
                struct sent_command sent = others->sent[i];
                struct result result = { 0 };
                others->sent[i] = others->sent[--others->count];
                judge(others, sent.node, reason, &result);
                report(others, &sent, &result);
                return true;
        }
        return false;
}

void other_nodes_lost(struct other_nodes *others)
{
        struct result result = { 0 };

        (void)refuse(&result, RESULT_FAILED, "the connection ended before the broker had acknowledged it");
        while (others->count > 0)
                report(others, &others->sent[--others->count], &result);
}

void other_nodes_done(struct other_nodes *others)
{
        free(others->sent);
        *others = (struct other_nodes){ 0 };
}
