/* SPDX-License-Identifier: Apache-2.0 */
#include "device/doubles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 1024U

struct entry {
        struct entry *in_bucket;
        struct entry *younger;
        uint64_t hash, serial;
        uint64_t until_us;
        bool is_void; /* was not carried out after all: stays until its time is over, and is not found */
        enum result_code code; /* RESULT_DUPLICATE while it is being carried out */
        char *message;         /* NULL while ok */
        char kind;
        size_t sizes[DOUBLE_PARTS], size;
        unsigned char data[]; /* the parts, one behind the other */
};

struct doubles {
        struct entry *buckets[BUCKETS];
        struct entry *oldest, *youngest;
        size_t bytes;
        uint64_t next_serial;
        uint64_t seed; /* so that nobody can aim at one bucket */
};

struct doubles *doubles_new(void)
{
        struct doubles *doubles = calloc(1, sizeof(*doubles));

        if (doubles)
                (void)!getrandom(&doubles->seed, sizeof(doubles->seed), GRND_NONBLOCK);
        return doubles;
}

static void entry_free(struct entry *entry)
{
        free(entry->message);
        free(entry);
}

void doubles_free(struct doubles *doubles)
{
        if (!doubles)
                return;
        for (struct entry *entry = doubles->oldest, *next; entry; entry = next) {
                next = entry->younger;
                entry_free(entry);
        }
        free(doubles);
}

/* FNV-1a over the key's parts, started from the seed. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
        return hash;
}

static uint64_t hash_key(const struct doubles *doubles, const struct double_key *key)
{
        uint64_t hash = hash_bytes(doubles->seed ^ 0xcbf29ce484222325ULL, &key->kind, 1);

        for (size_t i = 0; i < DOUBLE_PARTS; i++) {
                hash = hash_bytes(hash, &key->parts[i].size, sizeof(key->parts[i].size));
                hash = hash_bytes(hash, key->parts[i].data, key->parts[i].size);
        }
        return hash;
}

static bool is_same(const struct entry *entry, const struct double_key *key)
{
        const unsigned char *at = entry->data;

        if (entry->kind != key->kind)
                return false;
        for (size_t i = 0; i < DOUBLE_PARTS; i++) {
                const struct double_part *part = &key->parts[i];
                if (entry->sizes[i] != part->size || (part->size > 0 && memcmp(at, part->data, part->size) != 0))
                        return false;
                at += part->size;
        }
        return true;
}

static struct entry *find(struct doubles *doubles, const struct double_key *key)
{
        uint64_t hash = hash_key(doubles, key);

        for (struct entry *entry = doubles->buckets[hash % BUCKETS]; entry; entry = entry->in_bucket)
                if (!entry->is_void && entry->hash == hash && is_same(entry, key))
                        return entry;
        return NULL;
}

static size_t entry_bytes(const struct entry *entry)
{
        return sizeof(*entry) + entry->size + (entry->message ? RESULT_MESSAGE_MAX : 0);
}

static void forget_oldest(struct doubles *doubles)
{
        struct entry *entry = doubles->oldest;
        struct entry **at = &doubles->buckets[entry->hash % BUCKETS];

        while (*at != entry)
                at = &(*at)->in_bucket;
        *at = entry->in_bucket;
        doubles->oldest = entry->younger;
        if (!doubles->oldest)
                doubles->youngest = NULL;
        doubles->bytes -= entry_bytes(entry);
        entry_free(entry);
}

bool doubles_find(struct doubles *doubles, const struct double_key *key, uint64_t now_us, struct result *ret)
{
        while (doubles->oldest && doubles->oldest->until_us <= now_us)
                forget_oldest(doubles);

        const struct entry *entry = find(doubles, key);
        if (!entry)
                return false;
        ret->code = entry->code;
        (void)snprintf(ret->message, sizeof(ret->message), "%s", entry->message ? entry->message : "");
        if (entry->code == RESULT_DUPLICATE)
                (void)refuse(ret, RESULT_DUPLICATE, "the same command is still being carried out");
        return true;
}

static struct entry *new_entry(const struct doubles *doubles, const struct double_key *key, uint64_t now_us)
{
        size_t size = 0;

        for (size_t i = 0; i < DOUBLE_PARTS; i++)
                size += key->parts[i].size;
        struct entry *entry = malloc(sizeof(*entry) + size);
        if (!entry)
                return NULL;
        *entry = (struct entry){
                .hash = hash_key(doubles, key),
                .until_us = now_us + DOUBLES_WINDOW_US,
                .code = RESULT_DUPLICATE,
                .kind = key->kind,
                .size = size,
        };
        unsigned char *at = entry->data;
        for (size_t i = 0; i < DOUBLE_PARTS; i++) {
                entry->sizes[i] = key->parts[i].size;
                if (key->parts[i].size > 0)
                        memcpy(at, key->parts[i].data, key->parts[i].size);
                at += key->parts[i].size;
        }
        return entry;
}

struct double_mark doubles_begin(struct doubles *doubles, const struct double_key *key, uint64_t now_us)
{
        struct entry *entry = new_entry(doubles, key, now_us);

        if (!entry)
                return (struct double_mark){ 0 };
        entry->serial = ++doubles->next_serial;
        struct entry **bucket = &doubles->buckets[entry->hash % BUCKETS];
        entry->in_bucket = *bucket;
        *bucket = entry;
        if (doubles->youngest)
                doubles->youngest->younger = entry;
        else
                doubles->oldest = entry;
        doubles->youngest = entry;
        doubles->bytes += entry_bytes(entry);
        while (doubles->bytes > DOUBLES_MAX_BYTES && doubles->oldest != entry)
                forget_oldest(doubles);
        return (struct double_mark){ entry->hash, entry->serial };
}

/* Refusals of the moment: the device has done nothing, and the next attempt may go well. */
static bool was_carried_out(enum result_code code)
{
        return code != RESULT_BUSY && code != RESULT_OFFLINE && code != RESULT_EXPIRED;
}

/* NULL: forgotten meanwhile. */
static struct entry *find_marked(struct doubles *doubles, const struct double_mark *mark)
{
        struct entry *entry = doubles->buckets[mark->hash % BUCKETS];

        while (entry && entry->serial != mark->serial)
                entry = entry->in_bucket;
        return entry;
}

void doubles_end(struct doubles *doubles, const struct double_mark *mark, const struct result *result)
{
        struct entry *entry = mark->serial > 0 ? find_marked(doubles, mark) : NULL;

        if (!entry || entry->code != RESULT_DUPLICATE)
                return;
        entry->is_void = !was_carried_out(result->code);
        doubles->bytes -= entry_bytes(entry);
        entry->code = result->code;
        if (result->code != RESULT_OK && !entry->is_void)
                entry->message = strdup(result->message);
        doubles->bytes += entry_bytes(entry);
}
