/* SPDX-License-Identifier: Apache-2.0 */
#include "retained.h"

#include <stdlib.h>
#include <string.h>

void retained_reset(struct retained *retained)
{
        for (size_t i = 0; i < retained->n_clearing; i++)
                free(retained->clearing[i].topic);
        free(retained->clearing);
        rows_done(&retained->claimed);
        *retained = (struct retained){ .store = retained->store };
}

static bool is_claimed(const struct retained *retained, const char *topic)
{
        return rows_find(&retained->claimed, STORE_TOPIC, "", topic);
}

static bool is_clearing(const struct retained *retained, const char *topic)
{
        for (size_t i = 0; i < retained->n_clearing; i++)
                if (strcmp(retained->clearing[i].topic, topic) == 0)
                        return true;
        return false;
}

/* What cannot be remembered for want of memory is published all the same. */
void retained_claim(struct retained *retained, const char *topic)
{
        if (is_claimed(retained, topic))
                return;
        (void)!rows_set(&retained->claimed, STORE_TOPIC, "", topic, "");
        (void)!store_put(retained->store, STORE_TOPIC, "", topic, "");
}

void retained_release(struct retained *retained, const char *topic)
{
        (void)!rows_set(&retained->claimed, STORE_TOPIC, "", topic, NULL);
        rows_settle(&retained->claimed);
}

void retained_clearing(struct retained *retained, const char *topic, int id)
{
        struct clearing *items = realloc(retained->clearing, (retained->n_clearing + 1) * sizeof(*items));
        char *copy = strdup(topic);

        if (items)
                retained->clearing = items;
        if (items && copy)
                items[retained->n_clearing++] = (struct clearing){ id, TAKE_PTR(copy) };
        free(copy);
        retained_release(retained, topic);
}

bool retained_acknowledged(struct retained *retained, int id)
{
        for (size_t i = 0; i < retained->n_clearing; i++) {
                struct clearing done = retained->clearing[i];
                if (done.id != id)
                        continue;
                retained->clearing[i] = retained->clearing[--retained->n_clearing];
                /* Something may have been published there since. */
                if (!is_claimed(retained, done.topic)) {
                        (void)!store_put(retained->store, STORE_TOPIC, "", done.topic, NULL);
                        (void)!store_put(retained->store, STORE_PARTS, "", done.topic, NULL);
                }
                free(done.topic);
                return true;
        }
        return false;
}

static const char *next_stale(const struct retained *retained, enum store_what what)
{
        const char *topic = store_next(retained->store, what, "", NULL);

        while (topic && (is_claimed(retained, topic) || is_clearing(retained, topic)))
                topic = store_next(retained->store, what, "", topic);
        return topic;
}

const char *retained_stale(const struct retained *retained)
{
        return next_stale(retained, STORE_TOPIC);
}

const char *retained_stale_announcement(const struct retained *retained)
{
        return next_stale(retained, STORE_PARTS);
}
