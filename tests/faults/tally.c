/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/tally.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "system/process.h"
#include "system/workdir.h"

enum { ROW_BYTES = 32 };

/* An acknowledgement that was passed on is read by the node that long afterwards at most, where it lives; it has caught up that
 * long after the broker has. */
#define SOON_US (500 * USEC_PER_MSEC)

/* What a message of ours is: not a reading, one that `state` shows, one that is delivered. */
enum { MARK_NONE, MARK_SHOWN, MARK_SENT };

static const char *const topics[] = { [TALLY_STATE] = "state", [TALLY_HISTORY] = "history" };

uint64_t tally_now_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* ---- What was made ------------------------------------------------------------------------------------------------ */

const char *tally_file(unsigned device)
{
        static const char *files[TALLY_DEVICES];

        if (!files[device])
                files[device] = work_path("numbers%u", device);
        return files[device];
}

size_t tally_made(void)
{
        struct stat st;
        size_t n = 0;

        for (unsigned i = 0; i < TALLY_DEVICES; i++)
                n += stat(tally_file(i), &st) == 0 ? (size_t)st.st_size / ROW_BYTES : 0;
        return n;
}

static void read_made(struct tally *tally)
{
        for (unsigned i = 0; i < TALLY_DEVICES; i++) {
                unsigned number;
                uint64_t made_us;
                FILE *file = fopen(tally_file(i), "re");
                while (file && fscanf(file, "%u %" SCNu64, &number, &made_us) == 2)
                        if (number >= 1 && number <= TALLY_READINGS)
                                tally->readings[i][number].made_us = made_us;
                if (file)
                        (void)fclose(file);
        }
}

/* ---- What went to the broker -------------------------------------------------------------------------------------- */

static unsigned number_in(const char *payload)
{
        const char *at = strstr(payload, "\"number\":");
        unsigned long number = at ? strtoul(at + strlen("\"number\":"), NULL, 10) : 0;

        return number <= TALLY_READINGS ? (unsigned)number : 0;
}

/* False: it is not a reading's. The number is 0 before a device's first one. */
static bool parse(const struct proxy_message *message, unsigned *device, enum tally_topic *topic, unsigned *number)
{
        char word[16];

        if (sscanf(message->topic, "sconce/hall/n%u/%15s", device, word) != 2 || *device >= TALLY_DEVICES)
                return false;
        for (*topic = 0; *topic < TALLY_TOPICS; (*topic)++)
                if (strcmp(topics[*topic], word) == 0)
                        break;
        *number = number_in(message->payload);
        return *topic < TALLY_TOPICS;
}

/* By then all goes its way again: TCP waits up to as long as the link was down before it tries once more. */
static uint64_t over_us(const struct hang *hang)
{
        if (!hang->until_us)
                return UINT64_MAX;
        return hang->until_us + (hang->is_down ? hang->until_us - hang->from_us : 0) + SOON_US;
}

static bool hung_between(const struct tally *tally, uint64_t from_us, uint64_t until_us)
{
        for (size_t i = 0; i < tally->n_hangs; i++) {
                const struct hang *hang = &tally->hangs[i];
                if (hang->from_us <= until_us && over_us(hang) >= from_us)
                        return true;
        }
        return false;
}

static bool was_killed_between(const struct tally *tally, uint64_t from_us, uint64_t until_us)
{
        for (size_t i = 0; i < tally->counts.kills; i++)
                if (tally->killed_us[i] >= from_us && tally->killed_us[i] <= until_us)
                        return true;
        return false;
}

/* Its acknowledgement was passed on, and the node may not have read it. */
static bool may_be_unread(const struct tally *tally, const struct reading *reading)
{
        uint64_t ended_us = tally->ended_us[reading->sent_on], acked_us = reading->acked_us;

        if (ended_us && ended_us - acked_us < SOON_US)
                return true;
        for (size_t i = 0; i < tally->n_hangs; i++) {
                const struct hang *hang = &tally->hangs[i];
                if (hang->is_down && hang->from_us <= acked_us + SOON_US && over_us(hang) >= acked_us)
                        return true;
        }
        return false;
}

/* Why it went out before; NULL: for no reason. */
static uint64_t *reason_of(struct tally *tally, const struct reading *reading, enum tally_topic topic,
                           uint64_t connection)
{
        bool is_again = reading->sent_on != connection;

        if (is_again && !reading->acked_us)
                return &tally->counts.in_flight;
        if (is_again && may_be_unread(tally, reading))
                return &tally->counts.unread;
        if (is_again && was_killed_between(tally, reading->acked_us, reading->acked_us + tally->flush_us + SOON_US))
                return &tally->counts.unremoved;
        if ((topic == TALLY_STATE || reading->topic == TALLY_STATE) &&
            hung_between(tally, reading->made_us, reading->made_us))
                return &tally->counts.shown;
        return NULL;
}

static void sent_again(struct tally *tally, unsigned device, unsigned number, enum tally_topic topic,
                       uint64_t connection)
{
        const struct reading *reading = &tally->readings[device][number];

        if (!reading->made_us)
                read_made(tally);
        uint64_t *reason = reason_of(tally, reading, topic, connection);
        if (reason) {
                ++*reason;
                return;
        }
        tally->counts.inexplicable++;
        printf("twice without a reason: n%u %u: on %s by connection %d, now on %s by %d\n", device, number,
               topics[reading->topic], (int)reading->sent_on, topics[topic], (int)connection);
}

/* True: it is the device's first on that connection. */
static bool follow(struct tally *tally, unsigned device, enum tally_topic topic, uint64_t connection, unsigned number)
{
        struct course *course = &tally->courses[device][topic];
        bool is_first = connection > course->connection;
        unsigned least = topic == TALLY_HISTORY ? course->number + 1 : course->number;

        if (connection < course->connection)
                return false; /* what was left of an old one */
        if (!is_first && number < least) {
                tally->counts.unordered++;
                printf("out of order: n%u %u after %u on %s\n", device, number, course->number, topics[topic]);
        }
        *course = (struct course){ connection, number };
        return is_first;
}

void tally_sent(struct proxy_message *message, void *userdata)
{
        struct tally *tally = userdata;
        unsigned device, number;
        enum tally_topic topic;

        if (!parse(message, &device, &topic, &number))
                return;
        bool is_first = follow(tally, device, topic, message->connection, number);
        if (number == 0)
                return;
        message->mark = is_first && topic == TALLY_STATE ? MARK_SHOWN : MARK_SENT;
        struct reading *reading = &tally->readings[device][number];
        if (message->mark == MARK_SHOWN) {
                tally->counts.shown++;
                return;
        }
        if (reading->sent_on)
                sent_again(tally, device, number, topic, message->connection);
        reading->sent_on = message->connection;
        reading->acked_us = 0;
        reading->topic = topic;
}

/* ---- What was delivered ------------------------------------------------------------------------------------------- */

static void deliver(struct tally *tally, unsigned device, enum tally_topic topic, unsigned number)
{
        unsigned *newest = &tally->delivered[device][topic];

        if (number < *newest) {
                tally->counts.unordered++;
                printf("delivered out of order: n%u %u after %u on %s\n", device, number, *newest, topics[topic]);
        }
        *newest = number > *newest ? number : *newest;
        tally->readings[device][number].is_delivered = true;
}

void tally_acknowledged(const struct proxy_message *message, void *userdata)
{
        struct tally *tally = userdata;
        unsigned device, number;
        enum tally_topic topic;

        if (message->mark != MARK_SENT || message->reason >= 0x80 || !parse(message, &device, &topic, &number))
                return;
        struct reading *reading = &tally->readings[device][number];
        if (!reading->is_delivered)
                deliver(tally, device, topic, number);
        if (reading->sent_on == message->connection)
                reading->acked_us = tally_now_us();
}

void tally_ended(uint64_t connection, void *userdata)
{
        struct tally *tally = userdata;

        if (connection >= ARRAY_SIZE(tally->ended_us))
                give_up("too many connections");
        tally->ended_us[connection] = tally_now_us();
        tally->counts.connections++;
}

/* ---- What was promised -------------------------------------------------------------------------------------------- */

void tally_hangs(struct tally *tally, bool is_down)
{
        if (tally->n_hangs == TALLY_SPANS_MAX)
                give_up("too many faults");
        tally->hangs[tally->n_hangs++] = (struct hang){ .from_us = tally_now_us(), .is_down = is_down };
}

void tally_works(struct tally *tally)
{
        tally->hangs[tally->n_hangs - 1].until_us = tally_now_us();
}

/* The rows of the outbox; -1: it cannot be read just now. */
static int read_outbox(const char *database, void (*row)(struct tally *tally, unsigned device, unsigned number),
                       struct tally *tally)
{
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        int r = -1, n = 0;

        if (sqlite3_open_v2(database, &sqlite, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, "SELECT device, content FROM outbox", -1, &statement, NULL) == SQLITE_OK) {
                for (unsigned device; (r = sqlite3_step(statement)) == SQLITE_ROW; n++)
                        if (row && sscanf((const char *)sqlite3_column_text(statement, 0), "n%u", &device) == 1 &&
                            device < TALLY_DEVICES)
                                row(tally, device, number_in((const char *)sqlite3_column_text(statement, 1)));
        }
        if (r != SQLITE_DONE && row)
                give_up("%s: %s", database, sqlite3_errmsg(sqlite));
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return r == SQLITE_DONE ? n : -1;
}

static void promise(struct tally *tally, unsigned device, unsigned number)
{
        struct reading *reading = &tally->readings[device][number];

        tally->counts.promised += !reading->is_promised;
        reading->is_promised = true;
}

void tally_killed(struct tally *tally, uint64_t at_us, const char *database)
{
        if (tally->counts.kills == TALLY_SPANS_MAX)
                give_up("too many kills");
        tally->killed_us[tally->counts.kills++] = at_us;
        (void)read_outbox(database, promise, tally);
}

/* How old it was at the first kill after it was made; UINT64_MAX: there was none. */
static uint64_t age_at_kill(const struct tally *tally, const struct reading *reading)
{
        for (size_t i = 0; i < tally->counts.kills; i++)
                if (tally->killed_us[i] >= reading->made_us)
                        return tally->killed_us[i] - reading->made_us;
        return UINT64_MAX;
}

static bool has_hung(const struct tally *tally, const struct reading *reading)
{
        return hung_between(tally, reading->made_us, reading->made_us + age_at_kill(tally, reading));
}

static bool may_be_lost(const struct tally *tally, const struct reading *reading)
{
        uint64_t age_us = age_at_kill(tally, reading);

        return !reading->is_promised && age_us != UINT64_MAX &&
               age_us <= tally->flush_us * (has_hung(tally, reading) ? 2 : 1);
}

bool tally_is_settled(struct tally *tally, const char *database)
{
        static uint64_t looked_us;

        if (tally_made() < TALLY_ALL || tally_now_us() - looked_us < SOON_US / 5)
                return false;
        looked_us = tally_now_us();
        read_made(tally);
        for (unsigned i = 0; i < TALLY_DEVICES; i++)
                for (unsigned n = 1; n <= TALLY_READINGS; n++)
                        if (!tally->readings[i][n].is_delivered && !may_be_lost(tally, &tally->readings[i][n]))
                                return false;
        return read_outbox(database, NULL, NULL) == 0;
}

/* ---- The end ------------------------------------------------------------------------------------------------------ */

static void count_lost(struct tally *tally, unsigned device, unsigned number)
{
        const struct reading *reading = &tally->readings[device][number];
        uint64_t age_us = age_at_kill(tally, reading);
        uint64_t *oldest_us = has_hung(tally, reading) ? &tally->counts.oldest_hung_us : &tally->counts.oldest_us;

        tally->counts.lost++;
        if (age_us != UINT64_MAX)
                *oldest_us = MAX(*oldest_us, age_us);
        if (may_be_lost(tally, reading))
                return;
        tally->counts.broken++;
        printf("lost: n%u %u, %spromised, %" PRId64 " ms old\n", device, number, reading->is_promised ? "" : "not ",
               age_us == UINT64_MAX ? -1 : (int64_t)(age_us / 1000));
}

void tally_close(struct tally *tally, const char *database)
{
        read_made(tally);
        tally->counts.made = tally_made();
        tally->counts.left = (uint64_t)read_outbox(database, NULL, NULL);
        for (unsigned i = 0; i < TALLY_DEVICES; i++) {
                for (unsigned n = 1; n <= TALLY_READINGS; n++) {
                        const struct reading *reading = &tally->readings[i][n];
                        tally->counts.kept += reading->is_promised && reading->is_delivered;
                        if (!reading->is_delivered)
                                count_lost(tally, i, n);
                }
        }
}
