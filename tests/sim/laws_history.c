/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/laws_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/law.h"
#include "sim/laws.h"
#include "sim/session.h"

/* What waits is out by then: some thousands, in windows that are read from a slow card. */
#define DRAIN_US (120 * USEC_PER_SEC)

#define NO_NUMBER UINT32_MAX

static struct history_laws *laws_of(void)
{
        return &world->laws.history;
}

static struct series *series_at(size_t at)
{
        return &laws_of()->series[at];
}

static struct reading *item(struct series *series, unsigned number)
{
        return &series->items[number % READINGS_KEPT];
}

/* NULL: there is none, or it is long forgotten. */
static struct reading *find(struct series *series, unsigned number)
{
        struct reading *reading = item(series, number);

        return number > 0 && reading->number == number ? reading : NULL;
}

static const char *name_of(size_t at)
{
        static char name[40];

        (void)snprintf(name, sizeof(name), "%s of %s", at % 2 ? "event" : "reading", world->house.sensors[at / 2].id);
        return name;
}

/* ---- What is made ------------------------------------------------------------------------------------------------ */

static unsigned make(size_t at)
{
        struct series *series = series_at(at);
        struct reading *reading = item(series, ++series->made);
        const struct laws *laws = &world->laws;
        uint64_t since_us;

        if (reading->is_promised && !reading->was_delivered)
                violated("simulator", "more waits than is noted: %s %u", name_of(at), reading->number);
        *reading = (struct reading){
                .at_us = world->now_us,
                .connection = laws_of()->connection,
                .number = series->made,
                .boot = laws_of()->boot,
                .is_wanted = world->house.sensors[at / 2].has_history,
                .was_away = !session_stands(&since_us),
        };
        /* What is read during a stop or a reload may be too late for it, or too early. */
        reading->is_either = laws->context == CONTEXT_STOP || laws_is_reloading();
        reading->is_promised = reading->is_wanted && !reading->is_either;
        trace("%s: %u", name_of(at), series->made);
        return series->made;
}

unsigned history_law_reading(unsigned sensor)
{
        return make((size_t)sensor * 2);
}

int history_law_event(unsigned sensor)
{
        return noise_chance(30) ? (int)make((size_t)sensor * 2 + 1) : -1;
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

void history_law_clock(void)
{
        struct history_laws *laws = laws_of();

        if (world->is_synchronised || laws->is_set)
                laws->trusted_us = laws->trusted_us ? laws->trusted_us : world->now_us;
        laws->offsets[laws->n_offsets++ % OFFSETS_KEPT] = (struct offset){ .from_us = world->now_us,
                                                                           .wall_us = world->wall_us,
                                                                           .is_trusted = laws->trusted_us > 0 };
}

/* Whether the clock was right enough at some moment since then, and showed this time for it. */
static bool may_have_time(const struct reading *reading, int64_t wall_us)
{
        const struct history_laws *laws = laws_of();
        unsigned oldest = laws->n_offsets > OFFSETS_KEPT ? laws->n_offsets - OFFSETS_KEPT : 0;

        for (unsigned i = laws->n_offsets; i-- > oldest;) {
                const struct offset *offset = &laws->offsets[i % OFFSETS_KEPT];
                int64_t error_us = wall_us - offset->wall_us - (int64_t)reading->at_us;
                if (offset->is_trusted && llabs(error_us) <= (int64_t)SLACK_US)
                        return true;
                if (offset->from_us < reading->at_us)
                        return false;
        }
        return oldest > 0;
}

/* Surely: not in the moment of a change. */
static bool was_trusted_at(uint64_t at_us)
{
        const struct history_laws *laws = laws_of();
        unsigned oldest = laws->n_offsets > OFFSETS_KEPT ? laws->n_offsets - OFFSETS_KEPT : 0;

        for (unsigned i = laws->n_offsets; i-- > oldest;) {
                const struct offset *offset = &laws->offsets[i % OFFSETS_KEPT];
                if (offset->from_us <= at_us + SLACK_US)
                        return offset->is_trusted && offset->from_us + SLACK_US <= at_us;
        }
        return false;
}

static int digits(const char *text, size_t at, size_t n)
{
        int number = 0;

        for (size_t i = 0; i < n; i++)
                number = number * 10 + (text[at + i] - '0');
        return number;
}

/* Microseconds since 1970; 0: null. It is there for each message, and sscanf() would be a tenth of what the day costs. */
static int64_t time_in(const char *payload)
{
        static const char key[] = "\"time\":\"", shape[] = "yyyy-mm-ddThh:mm:ss.fffZ\"";
        const char *text = strstr(payload, key);

        if (!text || strlen(text) < strlen(key) + strlen(shape))
                return 0;
        text += strlen(key);
        struct tm utc = { .tm_year = digits(text, 0, 4) - 1900,
                          .tm_mon = digits(text, 5, 2) - 1,
                          .tm_mday = digits(text, 8, 2),
                          .tm_hour = digits(text, 11, 2),
                          .tm_min = digits(text, 14, 2),
                          .tm_sec = digits(text, 17, 2) };
        return (int64_t)timegm(&utc) * (int64_t)USEC_PER_SEC + digits(text, 20, 3) * (int64_t)MS;
}

static void judge_time(size_t at, const struct reading *reading, int64_t wall_us, bool is_kept)
{
        bool may_be_null = is_kept ? reading->boot != laws_of()->boot && !reading->is_timed
                                   : !was_trusted_at(reading->at_us);

        if (wall_us == 0 && !may_be_null)
                violated("own time", "%s %u comes without its time", name_of(at), reading->number);
        if (wall_us != 0 && !may_have_time(reading, wall_us))
                violated("own time", "%s %u, of %.3f s after the beginning, has another time", name_of(at),
                         reading->number, law_seconds(reading->at_us));
}

/* ---- What arrives ------------------------------------------------------------------------------------------------ */

static bool has_boot(const struct reading *reading, const struct message *message)
{
        return strstr(message->payload, laws_of()->boots[reading->boot % BOOTS_KEPT]);
}

/* "number":17 or "event_type":"7" */
static unsigned number_in(const char *payload, const char *key)
{
        const char *at = strstr(payload, key);

        return at && (unsigned)(at[strlen(key)] - '0') < 10 ? (unsigned)strtoul(at + strlen(key), NULL, 10) : NO_NUMBER;
}

static bool may_be(const struct reading *reading, const struct message *message, int64_t wall_us, bool is_kept)
{
        if (wall_us != 0 && !may_have_time(reading, wall_us))
                return false;
        return is_kept ? has_boot(reading, message) : reading->connection == laws_of()->connection;
}

/* An event has its last digit alone: it is the oldest one that is awaited, and whose boot and time fit. */
static unsigned event_number(struct series *series, const struct message *message, int64_t wall_us, bool is_kept)
{
        unsigned first = series->made > READINGS_KEPT ? series->made - READINGS_KEPT : 0, found = NO_NUMBER;
        unsigned digit = number_in(message->payload, "\"event_type\":\"");

        for (unsigned number = (is_kept ? first : MAX(first, series->live)) + 1; number <= series->made; number++) {
                const struct reading *reading = item(series, number);
                if (number % 10 != digit || !may_be(reading, message, wall_us, is_kept))
                        continue;
                if (!reading->was_delivered)
                        return number;
                found = number;
        }
        return found;
}

static void deliver(size_t at, struct reading *reading, int id)
{
        struct history_laws *laws = laws_of();

        laws->n_delivered += !reading->was_delivered;
        laws->n_again += reading->was_delivered;
        reading->was_delivered = true;
        laws->under_way[(uint16_t)id] = (uint32_t)at << 24 | (reading->number & 0xffffff);
}

static void arrived_live(size_t at, unsigned number, int64_t wall_us, int id)
{
        struct series *series = series_at(at);
        struct reading *reading = find(series, number);

        if (!reading)
                violated("history", "%s %u was never made", name_of(at), number);
        if (number < series->live)
                violated("order", "%s %u comes after %u", name_of(at), number, series->live);
        if (number == series->live && at % 2 == 0) /* a state is published again now and then */
                return;
        series->live = number;
        judge_time(at, reading, wall_us, false);
        deliver(at, reading, id);
        /* All states are published at a connection: what was read before it comes on `history`, too. */
        if (reading->connection != laws_of()->connection)
                laws_of()->under_way[(uint16_t)id] = 0;
}

/* Where the card failed, what was in memory meanwhile went first. */
static bool may_be_late(const struct reading *reading)
{
        return world->laws.is_disk_bad || reading->at_us <= laws_of()->disk_well_us;
}

static void judge_place(size_t at, const struct reading *reading, const struct message *message)
{
        struct history_laws *laws = laws_of();
        const char *seq_at = strstr(message->payload, "\"seq\":");
        uint64_t seq = seq_at ? strtoull(seq_at + strlen("\"seq\":"), NULL, 10) : 0;

        if (seq <= laws->seq && !may_be_late(reading))
                violated("order", "seq %" PRIu64 " comes after %" PRIu64, seq, laws->seq);
        laws->seq = seq;
        if (reading->seq != 0 && reading->seq != seq)
                violated("history", "%s %u has seq %" PRIu64 ", and had %" PRIu64, name_of(at), reading->number, seq,
                         reading->seq);
        if (reading->seq == 0 && seq <= laws->top_seq && !may_be_late(reading))
                violated("order", "%s %u has seq %" PRIu64 " after %" PRIu64 " of another", name_of(at),
                         reading->number, seq, laws->top_seq);
        if (!world->laws.is_disk_bad) /* a number that no file has is given again */
                laws->top_seq = MAX(laws->top_seq, seq);
        if (!has_boot(reading, message))
                violated("history", "%s %u has another boot's id", name_of(at), reading->number);
}

/* Since a reload its device keeps a history: what it shows counts from then on. */
static bool is_shown_since(size_t at, const struct reading *reading)
{
        return at % 2 == 0 && world->house.sensors[at / 2].has_history && reading->number == series_at(at)->made;
}

static void arrived_kept(size_t at, unsigned number, int64_t wall_us, const struct message *message, int id)
{
        struct series *series = series_at(at);
        struct reading *reading = find(series, number);

        if (!reading)
                violated("history", "%s %u was never made", name_of(at), number);
        judge_place(at, reading, message);
        if (!reading->is_wanted && !reading->is_either) {
                if (!is_shown_since(at, reading))
                        violated("history", "%s %u is kept against history = no", name_of(at), number);
                judge_time(at, reading, wall_us, true);
                return;
        }
        if (!reading->was_delivered && number < series->kept && !may_be_late(reading))
                violated("order", "%s %u comes for the first time after %u", name_of(at), number, series->kept);
        if (reading->acked_us && !reading->may_repeat)
                violated("twice", "%s %u comes again %.3f s after its acknowledgement", name_of(at), number,
                         law_seconds(world->now_us - reading->acked_us));
        judge_time(at, reading, wall_us, true);
        series->kept = MAX(series->kept, number);
        reading->seq = laws_of()->seq;
        deliver(at, reading, id);
}

static int sensor_of(const char *topic, const char **ret_rest)
{
        const char *device = topic + strlen("sconce/" NODE "/");

        if (strncmp(topic, "sconce/" NODE "/meter", strlen("sconce/" NODE "/meter")) != 0)
                return -1;
        for (size_t i = 0; i < world->house.n_sensors; i++) {
                size_t length = strlen(world->house.sensors[i].id);
                if (strncmp(device, world->house.sensors[i].id, length) != 0 || device[length] != '/')
                        continue;
                *ret_rest = device + length + 1;
                return (int)i;
        }
        return -1;
}

static void arrived_event(size_t at, const struct message *message, bool is_kept, int id)
{
        struct series *series = series_at(at);
        int64_t wall_us = time_in(message->payload);
        unsigned number = event_number(series, message, wall_us, is_kept);

        if (number == NO_NUMBER)
                violated("history", "%s: none fits %s", name_of(at), message->payload);
        if (is_kept)
                arrived_kept(at, number, wall_us, message, id);
        else
                arrived_live(at, number, wall_us, id);
}

void history_law_arrived(const struct message *message, int id)
{
        const char *rest;
        int sensor = sensor_of(message->topic, &rest);

        laws_of()->under_way[(uint16_t)id] = 0;
        if (sensor < 0 || message->size == 0)
                return;
        size_t at = (size_t)sensor * 2;
        bool is_kept = strcmp(rest, "history") == 0;
        unsigned number = number_in(message->payload, "\"number\":");
        if (strcmp(rest, "event") == 0 || (is_kept && number == NO_NUMBER))
                arrived_event(at + 1, message, is_kept, id);
        else if (is_kept)
                arrived_kept(at, number, time_in(message->payload), message, id);
        else if (strcmp(rest, "state") == 0 && number != NO_NUMBER)
                arrived_live(at, number, time_in(message->payload), id);
}

void history_law_acknowledged(int id)
{
        uint32_t under_way = laws_of()->under_way[(uint16_t)id];
        struct reading *reading = find(series_at(under_way >> 24), under_way & 0xffffff);

        laws_of()->under_way[(uint16_t)id] = 0;
        if (!reading || under_way == 0)
                return;
        reading->acked_us = world->now_us;
        reading->may_repeat = false;
}

/* ---- What has to have arrived ------------------------------------------------------------------------------------ */

static bool has_had_time(void)
{
        const struct history_laws *laws = laws_of();
        uint64_t since_us, quiet_us = world->now_us - MIN(world->now_us, DRAIN_US);

        return world->laws.context == CONTEXT_NONE && session_stands(&since_us) && since_us < quiet_us &&
               world->broker.is_connected && world->broker.stalled_until_us < quiet_us && laws->trusted_us > 0 &&
               laws->trusted_us < quiet_us && world->laws.started_us < quiet_us && !world->laws.is_disk_bad;
}

void history_law_settled(void)
{
        if (!has_had_time())
                return;
        for (size_t at = 0; at < 2 * world->house.n_sensors; at++) {
                struct series *series = series_at(at);
                for (; series->first < series->made; series->first++) {
                        const struct reading *reading = item(series, series->first + 1);
                        if (reading->at_us + DRAIN_US > world->now_us)
                                break;
                        if (reading->is_promised && !reading->was_delivered)
                                violated("promised", "%s %u, made %.3f s ago, is not delivered", name_of(at),
                                         reading->number, law_seconds(world->now_us - reading->at_us));
                }
        }
}

/* ---- Lives ------------------------------------------------------------------------------------------------------- */

/* A house whose sensors are silent would keep each of these laws. */
void history_law_over(void)
{
        for (size_t i = 0; i < world->house.n_sensors; i++)
                if (series_at(2 * i)->made == 0)
                        violated("simulator", "%s has read nothing", world->house.sensors[i].id);
}

void history_law_boot(void)
{
        struct history_laws *laws = laws_of();

        laws->boot++;
        memcpy(laws->boots[laws->boot % BOOTS_KEPT], world->boot_id, sizeof(laws->boots[0]));
}

void history_law_begin(void)
{
        laws_of()->began_us = world->now_us;
        laws_of()->trusted_us = 0;
        laws_of()->is_set = false;
        history_law_clock();
}

void history_law_connected(void)
{
        laws_of()->seq = 0;
        laws_of()->connection++;
        for (size_t at = 0; at < 2 * world->house.n_sensors; at++)
                for (unsigned number = series_at(at)->first + 1; number <= series_at(at)->made; number++)
                        item(series_at(at), number)->was_away = false;
}

/* It is in the file after this end of the process. */
static bool is_in_file(uint64_t since_us, uint64_t within_us, bool is_clean)
{
        uint64_t until_us = since_us + within_us + DISK_US;

        if (is_clean)
                return !world->laws.is_disk_bad;
        return until_us <= (world->laws.is_disk_bad ? laws_of()->disk_bad_us : world->now_us);
}

static void end_of(struct reading *reading, bool is_clean)
{
        const struct history_laws *laws = laws_of();
        uint64_t flush_us = world->house.flush_us;

        if (reading->acked_us && !is_in_file(reading->acked_us, flush_us, is_clean))
                reading->may_repeat = true;
        if (reading->was_delivered && reading->acked_us)
                return;
        if (laws->trusted_us > 0 && reading->boot == laws->boot)
                reading->is_timed |= is_in_file(MAX(reading->at_us, laws->trusted_us), 2 * flush_us, is_clean);
        if (reading->at_us >= laws->began_us)
                reading->is_promised &= is_in_file(reading->at_us, reading->was_away ? flush_us : 2 * flush_us,
                                                   is_clean);
}

void history_law_end(bool is_clean)
{
        for (size_t at = 0; at < 2 * world->house.n_sensors; at++)
                for (size_t i = 0; i < MIN(series_at(at)->made + 1, (size_t)READINGS_KEPT); i++)
                        end_of(&series_at(at)->items[i], is_clean);
}
