/* SPDX-License-Identifier: Apache-2.0 */
#include "owned.h"

#include <stdlib.h>
#include <string.h>

static void forget_clearing(struct owned *owned)
{
        for (size_t i = 0; i < owned->n_clearing; i++)
                free(owned->clearing[i].topic);
        free(owned->clearing);
        owned->clearing = NULL;
        owned->n_clearing = 0;
}

void owned_done(struct owned *owned)
{
        forget_clearing(owned);
        rows_done(&owned->claimed);
}

void owned_begin(struct owned *owned)
{
        forget_clearing(owned);
        rows_done(&owned->claimed);
}

static bool is_claimed(const struct owned *owned, const char *topic)
{
        return rows_find(&owned->claimed, STORE_TOPIC, "", topic);
}

static bool is_clearing(const struct owned *owned, const char *topic)
{
        for (size_t i = 0; i < owned->n_clearing; i++)
                if (strcmp(owned->clearing[i].topic, topic) == 0)
                        return true;
        return false;
}

/* What cannot be remembered for want of memory is published all the same. */
void owned_claim(struct owned *owned, const char *topic)
{
        if (is_claimed(owned, topic))
                return;
        (void)!rows_set(&owned->claimed, STORE_TOPIC, "", topic, "");
        (void)!store_put(owned->store, STORE_TOPIC, "", topic, "");
}

void owned_clearing(struct owned *owned, const char *topic, int id)
{
        struct clearing *items = realloc(owned->clearing, (owned->n_clearing + 1) * sizeof(*items));
        char *copy = strdup(topic);

        if (items)
                owned->clearing = items;
        if (items && copy)
                items[owned->n_clearing++] = (struct clearing){ id, TAKE_PTR(copy) };
        free(copy);
        (void)!rows_set(&owned->claimed, STORE_TOPIC, "", topic, NULL);
        rows_settle(&owned->claimed);
}

bool owned_acknowledged(struct owned *owned, int id)
{
        for (size_t i = 0; i < owned->n_clearing; i++) {
                struct clearing done = owned->clearing[i];
                if (done.id != id)
                        continue;
                owned->clearing[i] = owned->clearing[--owned->n_clearing];
                /* Something may have been published there since. */
                if (!is_claimed(owned, done.topic))
                        (void)!store_put(owned->store, STORE_TOPIC, "", done.topic, NULL);
                free(done.topic);
                return true;
        }
        return false;
}

const char *owned_stranger(const struct owned *owned)
{
        const char *topic = store_next(owned->store, STORE_TOPIC, "", NULL);

        while (topic && (is_claimed(owned, topic) || is_clearing(owned, topic)))
                topic = store_next(owned->store, STORE_TOPIC, "", topic);
        return topic;
}
