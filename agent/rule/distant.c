/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/distant.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "util/reserved.h"
#include "util/text.h"

static int check_node(const struct rule_words *words, const char *own_node, struct fault *fault)
{
        if (!text_is_id(words->node))
                return fault_set(fault, -EINVAL,
                                 "\"%.64s\" is no name of a node: [a-z0-9_-], from a letter or digit on", words->node);
        if (word_is_reserved(words->node, RESERVED_NODE))
                return fault_set(fault, -EINVAL, "no node is called %s: that is reserved", words->node);
        if (own_node && strcmp(words->node, own_node) == 0)
                return fault_set(fault, -EINVAL, "%s is this node: write the device alone, %s%s%s %.40s", own_node,
                                 words->device, words->channel ? "." : "", words->channel ? words->channel : "",
                                 words->value);
        return 0;
}

static int check_device(const struct rule_words *words, struct fault *fault)
{
        if (!text_is_id(words->device))
                return fault_set(fault, -EINVAL,
                                 "\"%.64s\" is no name of a device: [a-z0-9_-], from a letter or digit on",
                                 words->device);
        if (word_is_reserved(words->device, RESERVED_DEVICE))
                return fault_set(fault, -EINVAL, "a rule cannot restart or reload another node");
        if (words->channel && !text_is_key(words->channel))
                return fault_set(fault, -EINVAL, "\"%.64s\" is no name of a channel: [a-z0-9_], from a letter on",
                                 words->channel);
        return 0;
}

static int check_json(const char *payload, struct fault *fault)
{
        json_error_t error;
        json_t *json = json_loads(payload, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

        if (!json)
                return fault_set(fault, -EINVAL, "%.40s is not JSON: %.100s", payload, error.text);
        json_decref(json);
        return 0;
}

/* A channel may take a text, of which nothing can be said. */
static int check_payload(const struct rule_words *words, struct fault *fault)
{
        if (strchr("{[\"", words->value[0]))
                return check_json(words->value, fault);
        if (!words->channel && strpbrk(words->value, " \t"))
                return fault_set(fault, -EINVAL,
                                 "\"%.40s\" is no command: send a word like ON, a number, or a JSON object",
                                 words->value);
        return 0;
}

int distant_check(const struct rule_words *words, const char *own_node, struct fault *fault)
{
        int r = check_node(words, own_node, fault);

        if (r == 0)
                r = check_device(words, fault);
        return r == 0 ? check_payload(words, fault) : r;
}
