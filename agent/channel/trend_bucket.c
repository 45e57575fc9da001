/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/trend_bucket.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "util/macro.h"

/* ---- Small floating-point numbers ----------------------------------------------------------------------- */

/* Without a sign: up to twice 2^mantissa every integer, above with `mantissa` bits behind the leading one. */
struct small {
        unsigned mantissa, exponent; /* bits */
};
static const struct small spread_form = { 10, 6 }, count_form = { 4, 4 };

#define SPREAD_UNIT_EXPONENT (-32) /* what a spread of 1 stands for, as a power of 2 */
#define MEAN_STEPS           255.0
#define FLOAT_DIGITS         7
#define SHOWN_STEPS          100 /* of a spread, at least */
#define SHARE_STEPS          1e4

static unsigned small_pack(double value, struct small form)
{
        unsigned largest = (1U << (form.mantissa + form.exponent)) - 1;
        int exponent = 0;

        if (!(value > 0))
                return 0;
        (void)frexp(value, &exponent);
        int shift = MAX(exponent - 1 - (int)form.mantissa, 0);
        double code = ldexp((double)shift, (int)form.mantissa) + round(ldexp(value, -shift));
        return code < largest ? (unsigned)code : largest;
}

static double small_unpack(unsigned code, struct small form)
{
        unsigned exponent = code >> form.mantissa, rest = code & ((1U << form.mantissa) - 1);

        if (exponent == 0)
                return rest;
        return ldexp((double)((1U << form.mantissa) + rest), (int)exponent - 1);
}

union trend_bucket *trend_buckets_new(uint32_t count)
{
        return calloc(count, sizeof(union trend_bucket));
}

/* ---- Closing --------------------------------------------------------------------------------------------- */

static struct trend_number_bucket close_number(const struct trend_number_open *open)
{
        if (open->count == 0)
                return (struct trend_number_bucket){ 0 };
        double spread = open->max - open->min, above = open->sum / open->count - open->min;
        double mean = spread > 0 ? round(above / spread * MEAN_STEPS) : 0;

        return (struct trend_number_bucket){
                .min = (float)open->min,
                .spread = (uint16_t)small_pack(ldexp(spread, -SPREAD_UNIT_EXPONENT), spread_form),
                .mean = (uint8_t)MIN(MAX(mean, 0), MEAN_STEPS),
                .count = (uint8_t)small_pack(open->count, count_form),
        };
}

union trend_bucket trend_bucket_close(bool is_share, const union trend_open *open)
{
        union trend_bucket bucket;

        if (is_share)
                bucket.share = (struct trend_share_bucket){ (float)(open->share.on_us / 1e6),
                                                            (float)(open->share.known_us / 1e6) };
        else
                bucket.number = close_number(&open->number);
        return bucket;
}

void trend_open_add(union trend_open *open, double value)
{
        struct trend_number_open *number = &open->number;
        double at = MIN(MAX(value, -(double)FLT_MAX), (double)FLT_MAX);

        number->min = number->count > 0 ? MIN(number->min, at) : at;
        number->max = number->count > 0 ? MAX(number->max, at) : at;
        number->sum += at;
        number->count++;
}

/* ---- Opening --------------------------------------------------------------------------------------------- */

struct exact {
        double min, mean, max;
        uint32_t count;
};

static struct exact open_number(const struct trend_number_bucket *bucket)
{
        double spread = ldexp(small_unpack(bucket->spread, spread_form), SPREAD_UNIT_EXPONENT);

        return (struct exact){ .min = bucket->min,
                               .mean = bucket->min + spread * bucket->mean / MEAN_STEPS,
                               .max = bucket->min + spread,
                               .count = (uint32_t)small_unpack(bucket->count, count_form) };
}

static void reopen_number(const struct trend_number_bucket *bucket, struct trend_number_open *open)
{
        const struct exact exact = open_number(bucket);

        if (exact.count == 0)
                return;
        open->min = open->count > 0 ? MIN(open->min, exact.min) : exact.min;
        open->max = open->count > 0 ? MAX(open->max, exact.max) : exact.max;
        open->sum += exact.mean * exact.count;
        open->count += exact.count;
}

void trend_bucket_reopen(bool is_share, const union trend_bucket *bucket, union trend_open *open)
{
        if (is_share) {
                open->share.on_us += (double)bucket->share.on_s * 1e6;
                open->share.known_us += (double)bucket->share.known_s * 1e6;
        } else {
                reopen_number(&bucket->number, &open->number);
        }
}

bool trend_bucket_is_known(bool is_share, const union trend_bucket *bucket)
{
        return is_share ? bucket->share.known_s > 0 : bucket->number.count > 0;
}

bool trend_bucket_is_sound(bool is_share, const union trend_bucket *bucket)
{
        if (!is_share)
                return isfinite(bucket->number.min);
        return isfinite(bucket->share.known_s) && bucket->share.on_s >= 0 &&
               bucket->share.on_s <= bucket->share.known_s;
}

/* ---- For people ------------------------------------------------------------------------------------------ */

/* The power of ten of a number's leading digit. */
static int magnitude(double number)
{
        return (int)floor(log10(number));
}

/* How many digits behind the point are worth showing; negative: in front of it. */
static int decimals_of(double largest, double step)
{
        int decimals = largest > 0 ? FLOAT_DIGITS - 1 - magnitude(largest) : 0;

        return step > 0 ? MIN(decimals, -magnitude(step)) : decimals;
}

/* Divided, never multiplied by 0.1: 213 / 10 is the double that 21.3 is. */
static double rounded(double number, int decimals)
{
        double power = pow(10, abs(decimals));

        return decimals >= 0 ? round(number * power) / power : round(number / power) * power;
}

static struct trend_point number_point(const struct trend_number_bucket *bucket)
{
        const struct exact exact = open_number(bucket);
        double spread = exact.max - exact.min;
        int of_min = decimals_of(fabs(exact.min), 0);
        int of_rest = decimals_of(MAX(fabs(exact.min), fabs(exact.max)), spread / SHOWN_STEPS);

        double min = rounded(exact.min, of_min);
        double max = spread > 0 ? rounded(exact.max, of_rest) : min;
        double mean = spread > 0 ? rounded(exact.mean, of_rest) : min;

        return (struct trend_point){
                .is_known = true, .min = min, .mean = MIN(MAX(mean, min), max), .max = max, .count = exact.count
        };
}

struct trend_point trend_bucket_point(bool is_share, const union trend_bucket *bucket)
{
        if (!trend_bucket_is_known(is_share, bucket))
                return (struct trend_point){ 0 };
        if (!is_share)
                return number_point(&bucket->number);
        double on = (double)bucket->share.on_s / (double)bucket->share.known_s;
        return (struct trend_point){ .is_known = true,
                                     .on = round(on * SHARE_STEPS) / SHARE_STEPS,
                                     .known_s = ceil((double)bucket->share.known_s) };
}
