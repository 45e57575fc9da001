/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/duplicates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/text.h"

#define BUCKETS 256U

struct entry {
        struct entry *in_bucket;
        struct entry *younger;
        uint64_t hash, serial;
        uint64_t until_us;
        bool is_void;          /* was not carried out after all: stays until its time is over, and is not found */
        enum result_code code; /* RESULT_DUPLICATE while it is being carried out */
        char *message;         /* NULL while ok */
        char kind;
        size_t sizes[DUPLICATE_PARTS], size;
        unsigned char data[]; /* the parts, one behind the other */
};

struct duplicates {
        struct entry *buckets[BUCKETS];
        struct entry *oldest, *youngest;
        size_t bytes;
        uint64_t next_serial;
        uint64_t seed; /* so that nobody can aim at one bucket */
};

struct duplicates *duplicates_new(void)
{
        struct duplicates *duplicates = calloc(1, sizeof(*duplicates));

        if (duplicates)
                (void)!getrandom(&duplicates->seed, sizeof(duplicates->seed), GRND_NONBLOCK);
        return duplicates;
}

static void entry_free(struct entry *entry)
{
        free(entry->message);
        free(entry);
}

void duplicates_free(struct duplicates *duplicates)
{
        if (!duplicates)
                return;
        for (struct entry *entry = duplicates->oldest, *next; entry; entry = next) {
                next = entry->younger;
                entry_free(entry);
        }
        free(duplicates);
}

/* Over the key's parts, started from the seed. */
static uint64_t hash_key(const struct duplicates *duplicates, const struct duplicate_key *key)
{
        uint64_t hash = bytes_hash(duplicates->seed ^ HASH_BEGIN, &key->kind, 1);

        for (size_t i = 0; i < DUPLICATE_PARTS; i++) {
                hash = bytes_hash(hash, &key->parts[i].size, sizeof(key->parts[i].size));
                hash = bytes_hash(hash, key->parts[i].data, key->parts[i].size);
        }
        return hash;
}

static bool is_same(const struct entry *entry, const struct duplicate_key *key)
{
        const unsigned char *at = entry->data;

        if (entry->kind != key->kind)
                return false;
        for (size_t i = 0; i < DUPLICATE_PARTS; i++) {
                const struct duplicate_part *part = &key->parts[i];
                if (entry->sizes[i] != part->size || (part->size > 0 && memcmp(at, part->data, part->size) != 0))
                        return false;
                at += part->size;
        }
        return true;
}

static struct entry *find(struct duplicates *duplicates, const struct duplicate_key *key)
{
        uint64_t hash = hash_key(duplicates, key);

        for (struct entry *entry = duplicates->buckets[hash % BUCKETS]; entry; entry = entry->in_bucket)
                if (!entry->is_void && entry->hash == hash && is_same(entry, key))
                        return entry;
        return NULL;
}

static size_t entry_bytes(const struct entry *entry)
{
        return sizeof(*entry) + entry->size + (entry->message ? RESULT_MESSAGE_MAX : 0);
}

static void forget_oldest(struct duplicates *duplicates)
{
        struct entry *entry = duplicates->oldest;
        struct entry **at = &duplicates->buckets[entry->hash % BUCKETS];

        while (*at != entry)
                at = &(*at)->in_bucket;
        *at = entry->in_bucket;
        duplicates->oldest = entry->younger;
        if (!duplicates->oldest)
                duplicates->youngest = NULL;
        duplicates->bytes -= entry_bytes(entry);
        entry_free(entry);
}

bool duplicates_find(struct duplicates *duplicates, const struct duplicate_key *key, uint64_t now_us,
                     struct result *ret)
{
        while (duplicates->oldest && duplicates->oldest->until_us <= now_us)
                forget_oldest(duplicates);

        const struct entry *entry = find(duplicates, key);
        if (!entry)
                return false;
        ret->code = entry->code;
        (void)snprintf(ret->message, sizeof(ret->message), "%s", entry->message ? entry->message : "");
        if (entry->code == RESULT_DUPLICATE)
                (void)refuse(ret, RESULT_DUPLICATE, "the same command is still being carried out");
        return true;
}

static struct entry *new_entry(const struct duplicates *duplicates, const struct duplicate_key *key, uint64_t now_us)
{
        size_t size = 0;

        for (size_t i = 0; i < DUPLICATE_PARTS; i++)
                size += key->parts[i].size;
        struct entry *entry = malloc(sizeof(*entry) + size);
        if (!entry)
                return NULL;
        *entry = (struct entry){
                .hash = hash_key(duplicates, key),
                .until_us = now_us + DUPLICATES_WINDOW_US,
                .code = RESULT_DUPLICATE,
                .kind = key->kind,
                .size = size,
        };
        unsigned char *at = entry->data;
        for (size_t i = 0; i < DUPLICATE_PARTS; i++) {
                entry->sizes[i] = key->parts[i].size;
                if (key->parts[i].size > 0)
                        memcpy(at, key->parts[i].data, key->parts[i].size);
                at += key->parts[i].size;
        }
        return entry;
}

struct duplicate_mark duplicates_begin(struct duplicates *duplicates, const struct duplicate_key *key, uint64_t now_us)
{
        struct entry *entry = new_entry(duplicates, key, now_us);

        if (!entry)
                return (struct duplicate_mark){ 0 };
        entry->serial = ++duplicates->next_serial;
        struct entry **bucket = &duplicates->buckets[entry->hash % BUCKETS];
        entry->in_bucket = *bucket;
        *bucket = entry;
        if (duplicates->youngest)
                duplicates->youngest->younger = entry;
        else
                duplicates->oldest = entry;
        duplicates->youngest = entry;
        duplicates->bytes += entry_bytes(entry);
        while (duplicates->bytes > DUPLICATES_MAX_BYTES && duplicates->oldest != entry)
                forget_oldest(duplicates);
        return (struct duplicate_mark){ entry->hash, entry->serial };
}

/* Refusals of the moment: the device has done nothing, and the next attempt may go well. */
static bool was_carried_out(enum result_code code)
{
        return code != RESULT_BUSY && code != RESULT_OFFLINE && code != RESULT_EXPIRED;
}

/* NULL: forgotten meanwhile. */
static struct entry *find_marked(struct duplicates *duplicates, const struct duplicate_mark *mark)
{
        struct entry *entry = duplicates->buckets[mark->hash % BUCKETS];

        while (entry && entry->serial != mark->serial)
                entry = entry->in_bucket;
        return entry;
}

void duplicates_end(struct duplicates *duplicates, const struct duplicate_mark *mark, const struct result *result)
{
        struct entry *entry = mark->serial > 0 ? find_marked(duplicates, mark) : NULL;

        if (!entry || entry->code != RESULT_DUPLICATE)
                return;
        entry->is_void = !was_carried_out(result->code);
        duplicates->bytes -= entry_bytes(entry);
        entry->code = result->code;
        if (result->code != RESULT_OK && !entry->is_void)
                entry->message = strdup(result->message);
        duplicates->bytes += entry_bytes(entry);
}
