/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/trend_save.h"

#include <errno.h>
#include <string.h>

#define TREND_MAGIC   'T'
#define TREND_VERSION 1

enum { FLAG_SHARE = 1, FLAG_WALL = 2, FLAGS_KNOWN = FLAG_SHARE | FLAG_WALL };
enum { BOOT_BYTES = 36, HEAD_BYTES = 4 + BOOT_BYTES + 8, SPAN_BYTES = 8 + 2, BUCKET_BYTES = 8 };
_Static_assert(HEAD_BYTES + TREND_SPANS * SPAN_BYTES + (TREND_DAY_BUCKETS + TREND_WEEK_BUCKETS) * BUCKET_BYTES <=
                       TREND_SAVED_MAX,
               "it must fit");

/* ---- Bytes ----------------------------------------------------------------------------------------------- */

static unsigned char *put(unsigned char *at, uint64_t number, size_t bytes)
{
        for (size_t i = 0; i < bytes; i++)
                *at++ = (unsigned char)(number >> (8 * i));
        return at;
}

static const unsigned char *take(const unsigned char *at, size_t bytes, uint64_t *ret)
{
        *ret = 0;
        for (size_t i = 0; i < bytes; i++)
                *ret |= (uint64_t)*at++ << (8 * i);
        return at;
}

static uint64_t bits_of(float number)
{
        uint32_t bits;

        memcpy(&bits, &number, sizeof(bits));
        return bits;
}

static float float_of(uint64_t bits)
{
        uint32_t low = (uint32_t)bits;
        float number;

        memcpy(&number, &low, sizeof(number));
        return number;
}

static uint64_t pack(bool is_share, const union trend_bucket *bucket)
{
        const struct trend_number_bucket *number = &bucket->number;

        if (is_share)
                return bits_of(bucket->share.on_s) | bits_of(bucket->share.known_s) << 32;
        return bits_of(number->min) | (uint64_t)number->spread << 32 | (uint64_t)number->mean << 48 |
               (uint64_t)number->count << 56;
}

static union trend_bucket unpack(bool is_share, uint64_t bits)
{
        if (is_share)
                return (union trend_bucket){ .share = { float_of(bits), float_of(bits >> 32) } };
        return (union trend_bucket){ .number = { .min = float_of(bits),
                                                 .spread = (uint16_t)(bits >> 32),
                                                 .mean = (uint8_t)(bits >> 48),
                                                 .count = (uint8_t)(bits >> 56) } };
}

static void boot_bytes(const struct trend_clock *clock, unsigned char bytes[static BOOT_BYTES])
{
        memset(bytes, 0, BOOT_BYTES);
        memcpy(bytes, clock->boot, strnlen(clock->boot, BOOT_BYTES));
}

/* ---- Saving ---------------------------------------------------------------------------------------------- */

static union trend_bucket bucket_at(const struct trend *trend, enum trend_span span, uint32_t back)
{
        const struct trend_course *course = &trend->courses[span];

        if (back == 0)
                return trend_bucket_close(trend->is_share, &course->open);
        const union trend_bucket *bucket = trend_place(trend, span, course->number - back);
        return bucket ? *bucket : (union trend_bucket){ 0 };
}

/* How many of the newest there are, without the empty ones before the first. */
static uint32_t known_buckets(const struct trend *trend, enum trend_span span)
{
        for (uint32_t count = trend_forms[span].count; count > 0; count--) {
                const union trend_bucket bucket = bucket_at(trend, span, count - 1);
                if (trend_bucket_is_known(trend->is_share, &bucket))
                        return count;
        }
        return 0;
}

static unsigned char *put_span(const struct trend *trend, enum trend_span span, unsigned char *at)
{
        uint32_t count = known_buckets(trend, span);

        at = put(at, (uint64_t)trend->courses[span].number, 8);
        at = put(at, count, 2);
        while (count-- > 0) {
                const union trend_bucket bucket = bucket_at(trend, span, count);
                at = put(at, pack(trend->is_share, &bucket), BUCKET_BYTES);
        }
        return at;
}

size_t trend_save(struct trend *trend, const struct trend_clock *clock, uint64_t now_us,
                  unsigned char bytes[static TREND_SAVED_MAX])
{
        unsigned char *at = bytes;

        trend_catch_up(trend, clock, now_us);
        if (known_buckets(trend, TREND_WEEK) == 0)
                return 0;
        at = put(at, TREND_MAGIC, 1);
        at = put(at, TREND_VERSION, 1);
        at = put(at, (trend->is_share ? FLAG_SHARE : 0U) | (trend->has_wall ? FLAG_WALL : 0U), 2);
        boot_bytes(clock, at);
        at = put(at + BOOT_BYTES, (uint64_t)trend->offset_us, 8);
        for (size_t span = 0; span < TREND_SPANS; span++)
                at = put_span(trend, (enum trend_span)span, at);
        return (size_t)(at - bytes);
}

/* ---- Restoring ------------------------------------------------------------------------------------------- */

struct saved {
        bool is_share, has_wall, is_same_boot;
        int64_t offset_us;
        struct saved_span {
                int64_t number; /* of the newest */
                uint32_t count;
                const unsigned char *buckets;
        } spans[TREND_SPANS];
};

static union trend_bucket saved_bucket(const struct saved *saved, enum trend_span span, uint32_t index)
{
        uint64_t bits;

        (void)take(saved->spans[span].buckets + (size_t)index * BUCKET_BYTES, BUCKET_BYTES, &bits);
        return unpack(saved->is_share, bits);
}

static bool is_sound(const struct saved *saved, enum trend_span span)
{
        for (uint32_t i = 0; i < saved->spans[span].count; i++) {
                const union trend_bucket bucket = saved_bucket(saved, span, i);
                if (!trend_bucket_is_sound(saved->is_share, &bucket))
                        return false;
        }
        return true;
}

/* Farther from 1970 than this no number of a bucket is: what is added to it cannot overflow. */
#define NUMBER_MAX ((int64_t)1 << 40)
#define OFFSET_MAX ((int64_t)1 << 60)

static bool read_span(struct saved *saved, enum trend_span span, const unsigned char **at, const unsigned char *end)
{
        struct saved_span *ret = &saved->spans[span];
        uint64_t number, count;

        if (end - *at < SPAN_BYTES)
                return false;
        *at = take(take(*at, 8, &number), 2, &count);
        ret->number = (int64_t)number;
        ret->count = (uint32_t)count;
        ret->buckets = *at;
        if (ret->number > NUMBER_MAX || ret->number < -NUMBER_MAX || ret->count > trend_forms[span].count ||
            end - *at < (ptrdiff_t)ret->count * BUCKET_BYTES)
                return false;
        *at += (size_t)ret->count * BUCKET_BYTES;
        return is_sound(saved, span);
}

static bool read_saved(const struct trend_clock *clock, const unsigned char *at, size_t size, struct saved *ret)
{
        const unsigned char *end = at + size;
        unsigned char boot[BOOT_BYTES];
        uint64_t flags, offset;

        if (size < HEAD_BYTES || at[0] != TREND_MAGIC || at[1] != TREND_VERSION)
                return false;
        at = take(at + 2, 2, &flags);
        if (flags & ~(uint64_t)FLAGS_KNOWN)
                return false;
        boot_bytes(clock, boot);
        ret->is_same_boot = memcmp(at, boot, BOOT_BYTES) == 0;
        at = take(at + BOOT_BYTES, 8, &offset);
        ret->is_share = flags & FLAG_SHARE;
        ret->has_wall = flags & FLAG_WALL;
        ret->offset_us = (int64_t)offset;
        for (size_t span = 0; span < TREND_SPANS; span++)
                if (!read_span(ret, (enum trend_span)span, &at, end))
                        return false;
        return at == end && ret->offset_us < OFFSET_MAX && ret->offset_us > -OFFSET_MAX;
}

static void add(struct trend *trend, enum trend_span span, int64_t number, const union trend_bucket *bucket)
{
        struct trend_course *course = &trend->courses[span];
        union trend_bucket *place = trend_place(trend, span, number);
        union trend_open both = { 0 };

        if (number == course->number)
                trend_bucket_reopen(trend->is_share, bucket, &course->open);
        if (!place)
                return;
        if (trend_bucket_is_known(trend->is_share, place)) {
                trend_bucket_reopen(trend->is_share, place, &both);
                trend_bucket_reopen(trend->is_share, bucket, &both);
                *place = trend_bucket_close(trend->is_share, &both);
        } else {
                *place = *bucket;
        }
}

/* The number of the bucket `index` of what was saved, by the clock of now. */
static int64_t number_of(const struct trend *trend, enum trend_span span, const struct saved *saved, uint32_t index)
{
        const struct saved_span *from = &saved->spans[span];
        int64_t moved = saved->is_same_boot ? trend_steps_between(span, saved->offset_us, trend->offset_us) : 0;

        return from->number + moved - ((int64_t)from->count - 1 - index);
}

static int make_room(struct trend *trend, const struct saved *saved)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < TREND_SPANS; i++) {
                enum trend_span span = (enum trend_span)i;
                uint32_t count = saved->spans[span].count;
                if (count > 0)
                        r = trend_reach(trend, span, number_of(trend, span, saved, 0),
                                        number_of(trend, span, saved, count - 1));
        }
        return r;
}

static void add_span(struct trend *trend, enum trend_span span, const struct saved *saved)
{
        for (uint32_t i = 0; i < saved->spans[span].count; i++) {
                const union trend_bucket bucket = saved_bucket(saved, span, i);
                add(trend, span, number_of(trend, span, saved, i), &bucket);
        }
}

int trend_restore(struct trend *trend, const struct trend_clock *clock, uint64_t now_us, const void *bytes, size_t size)
{
        struct saved saved;

        if (!read_saved(clock, bytes, size, &saved) || saved.is_share != trend->is_share)
                return -EBADMSG;
        if (!saved.is_same_boot && !saved.has_wall)
                return 0; /* nobody knows when that was */
        trend_catch_up(trend, clock, now_us);
        if (!trend->has_wall && !saved.is_same_boot)
                return -EAGAIN;
        if (make_room(trend, &saved) < 0)
                return -ENOMEM;
        for (size_t span = 0; span < TREND_SPANS; span++)
                add_span(trend, (enum trend_span)span, &saved);
        return 0;
}
