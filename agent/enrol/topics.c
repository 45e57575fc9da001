/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/topics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BASE "sconce-pki"

static const char *const words[] = {
        [ENROL_REQUEST] = "request",
        [ENROL_ANSWER] = "answer",
        [ENROL_TRUST] = "trust",
};

static bool has_identity(enum enrol_topic topic)
{
        return topic != ENROL_TRUST;
}

int enrol_topic(enum enrol_topic topic, const char *identity, char ret[static ENROL_TOPIC_MAX])
{
        bool is_level = identity && *identity && (strcmp(identity, ENROL_ANYONE) == 0 || !strpbrk(identity, "+#/"));

        if (!has_identity(topic)) {
                (void)snprintf(ret, ENROL_TOPIC_MAX, BASE "/%s", words[topic]);
                return 0;
        }
        if (!is_level)
                return -EINVAL;
        int length = snprintf(ret, ENROL_TOPIC_MAX, BASE "/%s/%s", identity, words[topic]);
        return length < ENROL_TOPIC_MAX ? 0 : -EINVAL;
}

int enrol_topic_identity(enum enrol_topic topic, const char *text, const char **ret_identity)
{
        const char *identity = text + sizeof(BASE);

        if (!has_identity(topic) || strncmp(text, BASE "/", sizeof(BASE)) != 0)
                return -EINVAL;
        size_t length = strcspn(identity, "/");
        if (length == 0 || identity[length] != '/' || strcmp(identity + length + 1, words[topic]) != 0)
                return -EINVAL;
        *ret_identity = identity;
        return (int)length;
}

bool enrol_topic_is_trust(const char *text)
{
        char own[ENROL_TOPIC_MAX];

        return enrol_topic(ENROL_TRUST, NULL, own) == 0 && strcmp(text, own) == 0;
}
