/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What RabbitMQ gets is translated from mosquitto's list itself, so that the two cannot come to differ. What shapes this file:
 *
 * - A topic is a routing key there: '/' is '.', '+' is '*', and a dot is as good as a slash. A right is one regular expression
 *   for the whole key. Where a user has none for an exchange, everything is allowed: each user gets one.
 * - Reading is checked once, at the subscription, and what is checked is the filter. So a filter passes only where all that it can
 *   bring may be read: a '*' or '#' of the filter never stands for a word that the list names.
 * - There is no deny. mosquitto's list lets a client read the whole house, but denies it the others' answers; here a filter that
 *   could bring answers does not pass. Those by which programs look at all devices, sconce/+/+/WORD, are let through, and a
 *   node may not send an answer to where they would bring it. What a node may not write among the topics of others that it
 *   commands stands before the rest of its expression, as what must not match.
 */
#include "rabbitmq.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "enrol/code.h"
#include "util/cleanup.h"
#include "util/identity.h"
#include "util/text.h"

#define CLEANUP_JSON CLEANUP(json_decrefp)

#define VHOST    "/"
#define EXCHANGE "amq.topic" /* where MQTT's topics are */
/* What a client needs for its subscriptions, its will, and to publish; which topics, the topic permissions say. */
#define OWN_QUEUES "^mqtt-(?:subscription|will)-.*$"
#define MQTT_ALONE "^(?:amq\\.topic|mqtt-(?:subscription|will)-.*)$"

/* The last words of what a device publishes or takes, see docs/topics.md. */
#define DEVICE_WORDS "(?:state|status|error|event|result|history|set|get)"
#define ANY_WORD     "[^.#]*" /* of a topic, or a filter's wildcard for one */
#define LITERAL_WORD "[^.*#]*"
#define BELOW        "(?:\\..*)?"         /* the word itself, and all below it */
#define ANY_NODE     "(?!reply(?:\\.|$))" /* before a word: not where answers go */

struct expression {
        FILE *out;
        char *text;
        size_t size;
        unsigned count; /* of alternatives */
};

struct user {
        char identity[IDENTITY_MAX];
        struct expression read, write, denied; /* denied: of what may be written */
};

struct translation {
        json_t *users, *permissions, *topic_permissions;
        struct user user;
        bool is_in_user;
        struct fault *fault;
};

/* ---- Expressions ------------------------------------------------------------------------------------------------- */

/* Whole filters that mean something else here, see above. */
static const struct {
        const char *access, *filter, *expression;
} special[] = {
        { "read", "sconce/+/#",
          "sconce\\." ANY_NODE LITERAL_WORD BELOW "|sconce\\.\\*\\." LITERAL_WORD "|sconce\\.\\*\\." ANY_WORD
          "\\." DEVICE_WORDS },
        { "write", "sconce/reply/#", "sconce\\.reply\\.[^.]+\\.(?!" DEVICE_WORDS "$).+" },
};

static void put_words(FILE *out, const char *filter)
{
        static const char every_node[] = "sconce/+/";

        for (const char *at = filter; *at && strcmp(at, "/#") != 0; at++) {
                if (at == strchr(filter, '+') && strncmp(filter, every_node, strlen(every_node)) == 0)
                        (void)fputs(ANY_NODE, out);
                if (*at == '+')
                        (void)fputs(ANY_WORD, out);
                else if (*at == '/' || *at == '.')
                        (void)fputs("\\.", out);
                else
                        (void)fputc(*at, out);
        }
        if (strchr(filter, '#'))
                (void)fputs(BELOW, out);
}

static void put_filter(struct expression *expression, const char *access, const char *filter)
{
        (void)fputs(expression->count++ ? "|" : "", expression->out);
        for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
                if (strcmp(special[i].access, access) == 0 && strcmp(special[i].filter, filter) == 0) {
                        (void)fputs(special[i].expression, expression->out);
                        return;
                }
        }
        put_words(expression->out, filter);
}

static bool expression_end(struct expression *expression)
{
        bool is_short = !expression->out || ferror(expression->out) != 0;

        if (expression->out && fclose(expression->out) != 0)
                is_short = true;
        expression->out = NULL;
        return !is_short;
}

/* (?!\n): a '$' alone would let a newline at the end pass. Nothing to choose from is nothing that matches. */
static json_t *expression_json(const struct expression *expression, const struct expression *denied)
{
        if (expression->count == 0)
                return json_string("^(?!)$");
        return denied->count == 0 ? json_sprintf("^(?:%s)$(?!\\n)", expression->text)
                                  : json_sprintf("^(?!(?:%s)(?:\\.|$))(?:%s)$(?!\\n)", denied->text, expression->text);
}

static void expression_done(struct expression *expression)
{
        if (expression->out)
                (void)fclose(expression->out);
        free(expression->text);
        *expression = (struct expression){ 0 };
}

static bool expression_init(struct expression *expression)
{
        *expression = (struct expression){ 0 };
        expression->out = open_memstream(&expression->text, &expression->size);
        return expression->out;
}

/* ---- Users ------------------------------------------------------------------------------------------------------- */

static void user_done(struct user *user)
{
        expression_done(&user->read);
        expression_done(&user->write);
        expression_done(&user->denied);
}

/* Without a password: nobody gets in but by a certificate. */
static bool append_user(struct translation *translation)
{
        struct user *user = &translation->user;
        static const struct expression nothing;
        bool is_whole = expression_end(&user->read) && expression_end(&user->write) && expression_end(&user->denied);
        CLEANUP_JSON json_t *read = is_whole ? expression_json(&user->read, &nothing) : NULL,
                            *write = is_whole ? expression_json(&user->write, &user->denied) : NULL;

        return read && write &&
               json_array_append_new(translation->users, json_pack("{s:s, s:s, s:[]}", "name", user->identity,
                                                                   "password_hash", "", "tags")) == 0 &&
               json_array_append_new(translation->permissions,
                                     json_pack("{s:s, s:s, s:s, s:s, s:s}", "user", user->identity, "vhost", VHOST,
                                               "configure", OWN_QUEUES, "write", MQTT_ALONE, "read", MQTT_ALONE)) ==
                       0 &&
               json_array_append_new(translation->topic_permissions,
                                     json_pack("{s:s, s:s, s:s, s:O, s:O}", "user", user->identity, "vhost", VHOST,
                                               "exchange", EXCHANGE, "write", write, "read", read)) == 0;
}

static int end_user(struct translation *translation)
{
        if (!translation->is_in_user)
                return 0;
        bool is_done = append_user(translation);
        user_done(&translation->user);
        translation->is_in_user = false;
        return is_done ? 0 : fault_set(translation->fault, -ENOMEM, "out of memory");
}

/* Of those who join, who have a key and no certificate: RabbitMQ has no listener for them. */
static bool is_invitation(const char *identity)
{
        const char *digits = code_identity_digits(identity);

        return digits && digits[strspn(digits, CODE_DIGITS)] == '\0';
}

static int begin_user(struct translation *translation, const char *identity)
{
        char name[IDENTITY_NAME_MAX];
        int r = end_user(translation);

        if (r < 0)
                return r;
        if (!text_is_id(identity_name(identity, name)) && strcmp(identity, SIGNER_IDENTITY) != 0)
                return is_invitation(identity) ? 0 : -EBADMSG;
        (void)snprintf(translation->user.identity, sizeof(translation->user.identity), "%s", identity);
        translation->is_in_user = true;
        return expression_init(&translation->user.read) && expression_init(&translation->user.write) &&
                               expression_init(&translation->user.denied)
                       ? 0
                       : fault_set(translation->fault, -ENOMEM, "out of memory");
}

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

/* No word that means anything in an expression: letters, digits, - and _, a dot, and wildcards where they are whole levels. */
static bool is_filter(const char *text)
{
        if (*text == '\0' || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-./+#")])
                return false;
        for (const char *at = text; (at = strpbrk(at, "+#")); at++) {
                bool is_level = at > text && at[-1] == '/' && (at[1] == '/' || at[1] == '\0');
                if (!is_level || (*at == '#' && at[1]))
                        return false;
        }
        return true;
}

/* What is denied are answers, which no wildcard brings here, and writing to the device `node` of a node: the filter's end is cut
 * off, and goes with the expression. */
static bool take_denied(struct expression *denied, const char *filter)
{
        static const char base[] = "sconce/", answers[] = "sconce/reply/", end[] = "/#";
        char above[NAME_MAX_BYTES + sizeof("sconce//node")];
        const char *name = filter + strlen(base);
        size_t length = strlen(filter);

        if (strncmp(filter, answers, strlen(answers)) == 0)
                return true;
        if (strncmp(filter, base, strlen(base)) != 0 || *name == '+' || *name == '/' ||
            strcmp(name + strcspn(name, "/"), "/node/#") != 0 || length >= sizeof(above))
                return false;
        (void)snprintf(above, sizeof(above), "%.*s", (int)(length - strlen(end)), filter);
        put_filter(denied, "deny", above);
        return true;
}

static int take_topic(struct translation *translation, const char *access, const char *filter)
{
        bool is_both = strcmp(access, "readwrite") == 0, reads = is_both || strcmp(access, "read") == 0,
             writes = is_both || strcmp(access, "write") == 0;

        if (!is_filter(filter))
                return -EBADMSG;
        if (!translation->is_in_user) /* of an invitation */
                return 0;
        if (reads)
                put_filter(&translation->user.read, "read", filter);
        if (writes)
                put_filter(&translation->user.write, "write", filter);
        bool is_denied = strcmp(access, "deny") == 0 && take_denied(&translation->user.denied, filter);
        return reads || writes || is_denied ? 0 : -EBADMSG;
}

static int take_line(struct translation *translation, char *line)
{
        static const char user[] = "user ", topic[] = "topic ";

        if (*line == '\0' || *line == '#')
                return 0;
        if (strncmp(line, user, strlen(user)) == 0)
                return begin_user(translation, line + strlen(user));
        char *access = strncmp(line, topic, strlen(topic)) == 0 ? line + strlen(topic) : NULL;
        char *blank = access ? strchr(access, ' ') : NULL;
        if (!blank)
                return -EBADMSG;
        *blank = '\0';
        return take_topic(translation, access, blank + 1);
}

static int take_lines(struct translation *translation, char *text)
{
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                char shown[TEXT_SHOWN_MAX];
                CLEANUP_FREE char *copy = strdup(line);
                int r = copy ? take_line(translation, line) : fault_set(translation->fault, -ENOMEM, "out of memory");
                if (r == -EBADMSG)
                        return fault_set(translation->fault, r, "the registry gives a right that none has: %s",
                                         text_show(copy, shown));
                if (r < 0)
                        return r;
        }
        return end_user(translation);
}

static char *dump(const struct translation *translation)
{
        CLEANUP_JSON json_t *all = json_pack("{s:[{s:s}], s:O, s:O, s:O}", "vhosts", "name", VHOST, "users",
                                             translation->users, "permissions", translation->permissions,
                                             "topic_permissions", translation->topic_permissions);

        return all ? json_dumps(all, JSON_INDENT(2)) : NULL;
}

int rabbitmq_translate(const char *list, char **ret, struct fault *fault)
{
        struct translation translation = { json_array(), json_array(), json_array(), .fault = fault };
        CLEANUP_FREE char *text = strdup(list), *json = NULL;
        int r = text ? take_lines(&translation, text) : -ENOMEM;

        if (r == 0 && !(json = dump(&translation)))
                r = fault_set(fault, -ENOMEM, "out of memory");
        user_done(&translation.user);
        json_decref(translation.users);
        json_decref(translation.permissions);
        json_decref(translation.topic_permissions);
        if (r == 0)
                *ret = TAKE_PTR(json);
        return r;
}

int rabbitmq_definitions(struct registry *registry, char **ret, struct fault *fault)
{
        CLEANUP_FREE char *list = NULL;
        int r = acl_text(registry, NULL, &list, fault);

        return r < 0 ? r : rabbitmq_translate(list, ret, fault);
}
