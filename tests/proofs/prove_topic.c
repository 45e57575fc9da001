/* SPDX-License-Identifier: Apache-2.0 */
/* bus/topics.c: a topic of any bytes is taken apart without touching what is not its own, and a command is found where
 * one was meant and nowhere else. */
#include <string.h>

#include "bus/topics.h"
#include "prove.h"

static bool is_word(const char *text)
{
        size_t length = strlen(text);
        return length > 0 && length <= TOPIC_LEVEL_MAX && !strchr(text, '/');
}

int main(void)
{
        char topic[LENGTH + 1];
        struct topic parsed;

        any_text(topic, LENGTH);
        if (topic_parse(topic, "s", "hall", &parsed) < 0)
                return 0;
        PROVE(strncmp(topic, "s/hall/", 7) == 0, "only topics of this node are taken");
        if (parsed.device)
                PROVE(is_word(parsed.device), "a device is one level, not empty");
        if (parsed.channel)
                PROVE(is_word(parsed.channel) && parsed.kind == TOPIC_SET, "a channel is one level of a command");
        if (parsed.kind == TOPIC_SET) {
                size_t length = strlen(parsed.device);
                PROVE(strncmp(topic + 7, parsed.device, length) == 0, "the device is the one of the topic");
                PROVE(strncmp(topic + 7 + length, "/set", 4) == 0, "a command's topic has set behind the device");
        }
        return 0;
}
