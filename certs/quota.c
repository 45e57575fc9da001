/* SPDX-License-Identifier: Apache-2.0 */
#include "quota.h"

#include <stdio.h>
#include <string.h>

#include "util/macro.h"

struct quota_slot *quota_find(struct quota *quota, const char *identity, uint64_t now_us)
{
        for (size_t i = 0; i < ARRAY_SIZE(quota->slots); i++) {
                struct quota_slot *slot = &quota->slots[i];
                if (strcmp(slot->identity, identity) == 0)
                        return now_us - slot->since_us < QUOTA_US ? slot : NULL;
        }
        return NULL;
}

struct quota_slot *quota_begin(struct quota *quota, const char *identity, uint64_t now_us)
{
        struct quota_slot *slot = &quota->slots[0];

        for (size_t i = 0; i < ARRAY_SIZE(quota->slots) && strcmp(slot->identity, identity) != 0; i++)
                if (strcmp(quota->slots[i].identity, identity) == 0 || quota->slots[i].since_us < slot->since_us)
                        slot = &quota->slots[i];
        *slot = (struct quota_slot){ .since_us = now_us };
        (void)snprintf(slot->identity, sizeof(slot->identity), "%s", identity);
        return slot;
}
