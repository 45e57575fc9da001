/* SPDX-License-Identifier: Apache-2.0 */
#include "announce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "discovery/discovery.h"
#include "util/log.h"
#include "util/text.h"

/* A birth is heard by all nodes of a house at once; and anyone who keeps publishing it is answered only so often. */
#define BIRTH_AFTER_US  (500 * USEC_PER_MSEC)
#define BIRTH_WITHIN_US (3 * USEC_PER_SEC)

/* How long Home Assistant has to take back what a message has removed, before the message without it. */
#define REMOVED_AFTER_US (2 * USEC_PER_SEC)

/* Devices come and go together. */
#define LOOK_AGAIN_AFTER_US (1 * USEC_PER_SEC)

struct announce {
        struct announce_options options;
        struct timer *birth, *removed, *again;
        struct announced {
                char *topic;
                uint64_t hash; /* of what was published in this connection; 0: nothing yet */
                bool has_gone; /* some of it only to be removed */
                bool is_here;  /* its device is there still */
        } * items;
        size_t n_items;
        size_t next;           /* where the next device's item most likely is: they are made in the home's order */
        struct json_text text; /* its memory is used again */
};

/* ---- What was announced ------------------------------------------------------------------------------------------ */

static void forget_all(struct announce *announce)
{
        for (size_t i = 0; i < announce->n_items; i++)
                free(announce->items[i].topic);
        free(announce->items);
        announce->items = NULL;
        announce->n_items = 0;
}

/* NULL without memory: it is tried again next time. */
static struct announced *item_of(struct announce *announce, const struct uplink *uplink, const char *device)
{
        char topic[TOPIC_MAX];

        if (uplink_announcement_topic(uplink, device, topic) < 0)
                return NULL;
        for (size_t n = announce->n_items; n > 0; n--) {
                struct announced *item = &announce->items[announce->next++ % announce->n_items];
                if (strcmp(item->topic, topic) == 0)
                        return item;
        }
        struct announced *items = realloc(announce->items, (announce->n_items + 1) * sizeof(*items));
        if (!items)
                return NULL;
        announce->items = items;
        char *copy = strdup(topic);
        if (!copy)
                return NULL;
        items[announce->n_items] = (struct announced){ .topic = copy };
        return &items[announce->n_items++];
}

static uint64_t hash_of(const struct json_text *text)
{
        uint64_t hash = bytes_hash(HASH_BEGIN, text->data, text->size);

        return hash ? hash : 1;
}

static const char *remembered(const struct announce *announce, const char *topic)
{
        return store_get(announce->options.store, STORE_PARTS, "", topic);
}

/* What it has now, and what it had before (NULL: nothing): that too is to be taken back one day. */
static void remember(struct announce *announce, const char *topic, const struct channels *channels, const char *before)
{
        CLEANUP_JSON_TEXT struct json_text keys = { 0 };

        discovery_keys(channels, before, &keys);
        json_put_raw(&keys, "", 1);
        if (!keys.failed)
                (void)!store_put(announce->options.store, STORE_PARTS, "", topic, keys.data);
}

/* ---- Announcing -------------------------------------------------------------------------------------------------- */

static struct discovery_device describe(const struct uplink *uplink, const struct home_device *device)
{
        return (struct discovery_device){
                .base = uplink_base(uplink),
                .node = uplink_node(uplink),
                .id = device->id,
                .plugin = device->plugin,
                .version = device->version,
                .name = device->name,
                .area = device->area,
                .channels = device->channels,
        };
}

static void publish(struct announce *announce, struct uplink *uplink, struct announced *item,
                    const struct channels *channels)
{
        uint64_t hash = hash_of(&announce->text);

        if (announce->text.failed)
                log_warning("%s is not published: out of memory", item->topic);
        if (announce->text.failed || item->hash == hash)
                return;
        remember(announce, item->topic, channels, remembered(announce, item->topic));
        uplink_claim(uplink, item->topic);
        uplink_announce(uplink, item->topic, announce->text.data, announce->text.size);
        item->hash = hash;
        if (item->has_gone)
                timer_arm(announce->removed, REMOVED_AFTER_US);
}

/* A device that does not work may have channels to come: nothing is taken back yet. */
static void look_at(struct announce *announce, struct uplink *uplink, struct announced *item,
                    const struct home_device *device)
{
        const struct discovery_device described = describe(uplink, device);

        if (item->has_gone && device->is_online && !timer_armed(announce->removed))
                remember(announce, item->topic, device->channels, NULL);
        const char *before = device->is_online ? remembered(announce, item->topic) : NULL;
        json_text_reset(&announce->text);
        enum discovery what = discovery_write(&described, before, &announce->text);
        item->has_gone = what == DISCOVERY_REMOVES;
        if (what != DISCOVERY_EMPTY)
                publish(announce, uplink, item, device->channels);
}

/* Those of devices that are not there any more. */
static void take_back(struct announce *announce, struct uplink *uplink)
{
        for (size_t i = 0; i < announce->n_items;) {
                struct announced gone = announce->items[i];
                if (gone.is_here) {
                        i++;
                        continue;
                }
                announce->items[i] = announce->items[--announce->n_items];
                uplink_release(uplink, gone.topic);
                free(gone.topic);
        }
}

static void mark(struct announce *announce, struct uplink *uplink)
{
        struct home_device device;

        announce->next = 0;
        for (size_t i = 0; i < announce->n_items; i++)
                announce->items[i].is_here = false;
        for (size_t at = 0; home_next_device(announce->options.home, &at, &device);) {
                struct announced *item = item_of(announce, uplink, device.id);
                if (!item)
                        continue;
                item->is_here = true;
                if (remembered(announce, item->topic))
                        uplink_claim(uplink, item->topic);
        }
}

void announce_go_on(struct announce *announce)
{
        struct uplink *uplink = broker_link_connected(announce->options.link);
        struct home_device device;

        if (!uplink || !uplink_may_announce(uplink))
                return;
        mark(announce, uplink);
        take_back(announce, uplink);
        announce->next = 0;
        for (size_t at = 0; home_next_device(announce->options.home, &at, &device);) {
                struct announced *item = item_of(announce, uplink, device.id);
                if (!uplink_has_room(uplink))
                        return;
                if (item)
                        look_at(announce, uplink, item, &device);
        }
}

void announce_begin(struct announce *announce)
{
        struct uplink *uplink = broker_link_connected(announce->options.link);

        forget_all(announce);
        if (uplink)
                mark(announce, uplink);
}

void announce_status(struct announce *announce)
{
        if (!timer_armed(announce->again))
                timer_arm(announce->again, LOOK_AGAIN_AFTER_US);
}

/* ---- Home Assistant has started ---------------------------------------------------------------------------------- */

static void on_birth(void *userdata)
{
        struct announce *announce = userdata;

        for (size_t i = 0; i < announce->n_items; i++)
                announce->items[i].hash = 0;
        announce_go_on(announce);
        broker_link_publish_all(announce->options.link);
}

void announce_birth(struct announce *announce)
{
        uint32_t random = 0;

        if (timer_armed(announce->birth))
                return;
        (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
        timer_arm(announce->birth, BIRTH_AFTER_US + random % (BIRTH_WITHIN_US - BIRTH_AFTER_US));
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void on_time(void *userdata)
{
        announce_go_on(userdata);
}

int announce_new(const struct announce_options *options, struct announce **ret)
{
        CLEANUP(announce_freep) struct announce *announce = calloc(1, sizeof(*announce));
        int r;

        if (!announce)
                return -ENOMEM;
        announce->options = *options;
        if ((r = timer_new(options->loop, TIMER_LAZY_US, on_birth, announce, &announce->birth)) < 0 ||
            (r = timer_new(options->loop, TIMER_LAZY_US, on_time, announce, &announce->removed)) < 0 ||
            (r = timer_new(options->loop, TIMER_LAZY_US, on_time, announce, &announce->again)) < 0)
                return r;
        *ret = TAKE_PTR(announce);
        return 0;
}

void announce_free(struct announce *announce)
{
        if (!announce)
                return;
        timer_free(announce->again);
        timer_free(announce->removed);
        timer_free(announce->birth);
        forget_all(announce);
        json_text_done(&announce->text);
        free(announce);
}
