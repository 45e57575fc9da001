/* SPDX-License-Identifier: Apache-2.0 */
/* Trends from outside: the first line chooses. "ask": the rest is the payload of a `get`. "number" or "share": the rest is
 * what the database has of such a channel; "here" behind it: saved in this boot, "early": while the time is not known. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "channel/trend_request.h"
#include "channel/trend_save.h"
#include "fuzz/devices.h"
#include "fuzz/fuzz.h"
#include "util/text.h"

#define NOW_US    (UINT64_C(30) * 24 * 3600 * 1000000)
#define OFFSET_US (INT64_C(1790000000) * 1000000)

/* ---- A request ------------------------------------------------------------------------------------------- */

static void ask(const char *payload, size_t size)
{
        const struct command_limits limits = { .max_bytes = 65536, .max_depth = 8 };
        struct trend_request request = { 0 };
        struct result result;

        (void)trend_is_request(payload, size);
        int r = trend_request_parse(payload, size, &limits, &request, &result);
        must(r == 0 || (r == -EINVAL && is_sentence(result.message, sizeof(result.message))));
        must(strnlen(request.id, sizeof(request.id)) < sizeof(request.id));
        if (r < 0)
                return;
        must(trend_is_request(payload, size));
        must(request.span < TREND_SPANS && strnlen(request.channel, sizeof(request.channel)) < sizeof(request.channel));
        for (size_t i = 0; i < n_devices; i++) {
                const struct channels *channels = device_channels(i);
                size_t wanted = 0;
                for (size_t j = 0; j < channels->count; j++)
                        wanted += trend_request_wants(&request, &channels->items[j]);
                r = trend_request_check(&request, channels, &result);
                must(r == 0 ? wanted > 0 : is_sentence(result.message, sizeof(result.message)));
        }
}

/* ---- What was saved -------------------------------------------------------------------------------------- */

static void check_points(const struct trend *trend)
{
        for (enum trend_span span = 0; span < TREND_SPANS; span++)
                for (uint32_t i = 0; i < trend_forms[span].count; i++) {
                        struct trend_point point = trend_get(trend, span, i);
                        must(!point.is_known || (isfinite(point.mean) && isfinite(point.min) && isfinite(point.max)));
                }
}

static void check_same_points(const struct trend *a, const struct trend *b)
{
        for (enum trend_span span = 0; span < TREND_SPANS; span++)
                for (uint32_t i = 0; i + 1 < trend_forms[span].count; i++)
                        must(trend_get(a, span, i).is_known == trend_get(b, span, i).is_known);
}

/* What is restored can be saved, and restored from that. */
static void save_and_restore(struct trend *trend, const struct trend_clock *clock)
{
        CLEANUP_TREND struct trend *again = NULL;
        unsigned char bytes[TREND_SAVED_MAX];

        size_t size = trend_save(trend, clock, NOW_US, bytes);
        must(size <= sizeof(bytes) && trend_new(trend->is_share, &again) == 0);
        if (size == 0)
                return;
        must(trend_restore(again, clock, NOW_US, bytes, size) == 0);
        check_same_points(trend, again);
}

static void restore(const char *words, const void *bytes, size_t size)
{
        const struct trend_clock clock = { .offset_us = OFFSET_US,
                                           .is_known = !strstr(words, "early"),
                                           .boot = strstr(words, "here") ? "5a1c7a64-1111-4222-8333-444444444444"
                                                                         : "00000000-1111-4222-8333-444444444444",
                                           .now_us = NOW_US };
        CLEANUP_TREND struct trend *trend = NULL, *before = NULL;

        must(trend_new(strstr(words, "share") != NULL, &trend) == 0 && trend_new(trend->is_share, &before) == 0);
        int r = trend_restore(trend, &clock, NOW_US, bytes, size);
        must(r == 0 || r == -EBADMSG || r == -EAGAIN);
        if (r == -EBADMSG)
                must(memcmp(trend, before, sizeof(*trend)) == 0);
        check_points(trend);
        if (trend->is_share)
                trend_on_off(trend, &clock, NOW_US, true);
        else
                trend_number(trend, &clock, NOW_US, 17);
        trend_catch_up(trend, &clock, NOW_US);
        check_points(trend);
        save_and_restore(trend, &clock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        char *words = input_line(&input);

        if (words && strncmp(words, "ask", 3) == 0)
                ask(input.at, input.left);
        else if (words)
                restore(words, input.at, input.left);
        free(words);
        return 0;
}
