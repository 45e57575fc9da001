/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/text.h"

#define PAUSE_FIRST_US (5 * USEC_PER_SEC)
#define PAUSE_MAX_US   (300 * USEC_PER_SEC)

/* After each of what waited, while it makes way, and up to a millisecond more: in a stream without a gap what happens would
 * nearly always find the broker with one of them. */
#define GAP_US USEC_PER_MSEC

/* A state is published again at each connection, and is no new reading by that. */
struct seen {
        uint64_t device, content; /* hashes */
        uint64_t stamp_us;
};

/* More devices than a node has. */
enum { SEEN_MAX = 4096 };

struct history {
        struct history_options options;
        struct broker_link *link;
        struct outbox *outbox;
        struct outbox_list live;    /* sent as they happened, unacknowledged */
        struct outbox_list drained; /* of the outbox, sent, unacknowledged */
        size_t n_kept;              /* of `live`: in the outbox, too */
        struct timer *overdue;      /* the oldest of `live` is unacknowledged for too long */
        struct timer *pause;        /* the broker has had enough, or there was no memory */
        uint64_t pause_us;
        struct timer *gap; /* after what was acknowledged while it makes way */
        bool is_draining;  /* since a connection stands */
        bool is_stopped;
        struct seen *seen;
        size_t n_seen;
        struct json_text text;
};

/* ---- Keeping --------------------------------------------------------------------------------------------------- */

static struct outbox_entry *copy(const struct outbox_entry *entry)
{
        struct outbox_entry *ret = outbox_entry_new(entry->kind, entry->boot, entry->device, entry->content,
                                                    strlen(entry->content));

        if (ret)
                ret->stamp_us = entry->stamp_us;
        return ret;
}

/* What is on its way goes to the outbox before what comes later, so that the order stays. */
static void keep_live(struct history *history)
{
        for (struct outbox_entry *entry = history->live.first; entry; entry = entry->next) {
                if (entry->is_kept)
                        continue;
                struct outbox_entry *kept = copy(entry);
                if (!kept) {
                        outbox_lose(history->outbox, OUTBOX_LOSS_MEMORY, 1);
                        continue;
                }
                entry->seq = outbox_add(history->outbox, kept);
                entry->is_kept = true;
                history->n_kept++;
        }
}

static void keep(struct history *history, struct outbox_entry *entry)
{
        keep_live(history);
        (void)outbox_add(history->outbox, entry);
}

/* A quarter of `flush` is left to the disk: within twice `flush` it is there. */
static uint64_t overdue_us(const struct history *history)
{
        uint64_t flush_us = history->options.settings.flush_us;

        return 2 * flush_us - flush_us / 4;
}

static void arm_overdue(struct history *history)
{
        if (history->live.first && !timer_armed(history->overdue))
                timer_arm(history->overdue, overdue_us(history));
}

static void on_overdue(void *userdata)
{
        struct history *history = userdata;
        const struct outbox_entry *oldest = history->live.first;
        uint64_t now_us = loop_now_us(history->options.loop), after_us = overdue_us(history);

        if (!oldest)
                return;
        uint64_t age_us = now_us - MIN(oldest->time_us, now_us);
        if (age_us < after_us) {
                timer_arm(history->overdue, after_us - age_us);
                return;
        }
        keep_live(history);
        outbox_commit(history->outbox);
        arm_overdue(history);
}

/* ---- Taking ---------------------------------------------------------------------------------------------------- */

static struct seen *find_seen(struct history *history, uint64_t device)
{
        for (size_t i = 0; i < history->n_seen; i++)
                if (history->seen[i].device == device)
                        return &history->seen[i];
        struct seen *grown = history->n_seen < SEEN_MAX
                                     ? reallocarray(history->seen, history->n_seen + 1, sizeof(*grown))
                                     : NULL;
        if (!grown)
                return NULL;
        history->seen = grown;
        history->seen[history->n_seen] = (struct seen){ .device = device };
        return &history->seen[history->n_seen++];
}

/* False: it is what was seen before. */
static bool is_new(struct history *history, const char *device, const struct publisher *publisher)
{
        uint64_t content = bytes_hash(HASH_BEGIN, publisher->text.data + publisher->after_time,
                                      publisher->text.size - publisher->after_time);
        struct seen *seen = find_seen(history, text_hash(HASH_BEGIN, device));

        if (!seen)
                return true;
        bool is_same = seen->stamp_us == publisher->stamp_us && seen->content == content;
        seen->stamp_us = publisher->stamp_us;
        seen->content = content;
        return !is_same;
}

/* Its content without the time: {"time":"…","state":"ON"} is kept as {"state":"ON"}. */
static struct outbox_entry *make_entry(const struct publisher *publisher, const char *device, enum device_topic topic)
{
        const char *rest = publisher->text.data + publisher->after_time;
        size_t size = publisher->text.size - publisher->after_time;
        struct outbox_entry *entry = outbox_entry_new(topic == DEVICE_EVENT ? OUTBOX_EVENT : OUTBOX_STATE,
                                                      clock_boot_id(), device, rest, size);

        if (!entry)
                return NULL;
        char *content = &entry->texts[entry->content - entry->texts];
        if (*content == ',')
                *content = '{';
        entry->stamp_us = publisher->stamp_us;
        return entry;
}

/* `seq` and `time_us` of what is on its way are ours: its number in the outbox, and when it went. */
static void track(struct history *history, struct outbox_entry *entry, int id)
{
        entry->id = id;
        entry->time_us = loop_now_us(history->options.loop);
        outbox_list_add(&history->live, entry);
        arm_overdue(history);
}

bool history_take(struct history *history, const struct publisher *publisher, const char *device,
                  enum device_topic topic)
{
        const struct json_text *text = &publisher->text;

        if ((topic != DEVICE_STATE && topic != DEVICE_EVENT) || publisher->stamp_us == 0 ||
            publisher->after_time + 1 >= text->size || !home_keeps_history(history->options.home, device) ||
            !broker_link_is_wanted(history->link))
                return false;
        if (topic == DEVICE_STATE && !is_new(history, device, publisher))
                return false;
        struct uplink *uplink = broker_link_connected(history->link);
        int id = uplink ? uplink_publish_kept(uplink, device, topic, text->data, text->size) : 0;
        if (id == -EMSGSIZE) {
                outbox_lose(history->outbox, OUTBOX_LOSS_OVERSIZE, 1);
                return true;
        }
        struct outbox_entry *entry = make_entry(publisher, device, topic);
        if (!entry)
                outbox_lose(history->outbox, OUTBOX_LOSS_MEMORY, 1);
        else if (id > 0)
                track(history, entry, id);
        else
                keep(history, entry);
        return true;
}

/* ---- Draining -------------------------------------------------------------------------------------------------- */

static bool is_live_number(const struct history *history, int64_t number)
{
        for (const struct outbox_entry *entry = history->live.first; entry; entry = entry->next)
                if (entry->is_kept && entry->seq == number)
                        return true;
        return false;
}

static void write_entry(struct history *history, const struct outbox_entry *entry)
{
        struct json_text *out = &history->text;
        char time[CLOCK_TEXT_MAX];
        uint64_t wall_us;

        json_text_reset(out);
        json_put_open(out, '{');
        json_put_key(out, "seq");
        json_put_integer(out, entry->seq);
        json_put_key(out, "boot");
        json_put_string(out, entry->boot);
        json_put_key(out, "time");
        if (outbox_time(history->outbox, entry, &wall_us)) {
                clock_format_wall(wall_us, time);
                json_put_string(out, time);
        } else {
                json_put_literal(out, "null");
        }
        json_put_key(out, entry->kind == OUTBOX_EVENT ? "event" : "state");
        json_put_raw(out, entry->content, strlen(entry->content));
        json_put_literal(out, "}");
}

/* One pause for all that is on its way by then. */
static void pause_drain(struct history *history)
{
        if (timer_armed(history->pause))
                return;
        history->pause_us = history->pause_us ? MIN(history->pause_us * 2, PAUSE_MAX_US) : PAUSE_FIRST_US;
        timer_arm(history->pause, history->pause_us);
}

/* False: no more for now. */
static bool send_entry(struct history *history, struct uplink *uplink, struct outbox_entry *entry, int64_t number)
{
        write_entry(history, entry);
        int id = history->text.failed ? 0
                                      : uplink_history(uplink, entry->device, history->text.data, history->text.size);
        if (id > 0) {
                entry->id = id;
                entry->seq = number;
                outbox_list_add(&history->drained, entry);
                return true;
        }
        free(entry);
        if (id == -EMSGSIZE) {
                outbox_remove(history->outbox, number);
                outbox_lose(history->outbox, OUTBOX_LOSS_OVERSIZE, 1);
                return true;
        }
        pause_drain(history); /* no memory, or no room: that may pass; at the end of the connection so does the pause */
        return false;
}

static bool may_drain(const struct history *history)
{
        return history->is_draining && !history->is_stopped && !timer_armed(history->pause) &&
               !timer_armed(history->gap) && outbox_count(history->outbox) > history->drained.count + history->n_kept &&
               clock_trusted(history->options.clock);
}

/* False: what is on its way has to arrive first. */
static bool turn_back(struct history *history)
{
        if (!outbox_is_ahead(history->outbox))
                return true;
        if (history->drained.first)
                return false;
        outbox_rewind(history->outbox);
        return true;
}

static void drain(struct history *history)
{
        struct uplink *uplink = may_drain(history) && turn_back(history) ? broker_link_connected(history->link) : NULL;
        struct outbox_entry *entry;
        int64_t number;

        while (uplink && uplink_has_history_room(uplink, history->drained.count) &&
               (entry = outbox_next(history->outbox, &number))) {
                if (is_live_number(history, number))
                        free(entry);
                else if (!send_entry(history, uplink, entry, number))
                        break;
        }
}

static void on_ready(void *userdata)
{
        drain(userdata);
}

/* From the oldest again, once nothing of it is on its way. */
static void on_pause_over(void *userdata)
{
        struct history *history = userdata;

        if (history->drained.first) {
                timer_arm(history->pause, PAUSE_FIRST_US);
                return;
        }
        outbox_rewind(history->outbox);
        drain(history);
}

/* ---- What becomes of it ---------------------------------------------------------------------------------------- */

static bool has_id(const struct outbox_entry *entry, int64_t id)
{
        return entry->id == id;
}

/* It need not be kept any more. */
static void settle(struct history *history, const struct outbox_entry *entry, bool is_in_outbox, int reason)
{
        if (is_in_outbox)
                outbox_remove(history->outbox, entry->seq);
        if (reason >= REASON_REFUSED)
                outbox_lose(history->outbox, OUTBOX_LOSS_REFUSED, 1);
}

static void live_acknowledged(struct history *history, struct outbox_entry *entry, int reason)
{
        history->n_kept -= entry->is_kept;
        if (reason != REASON_QUOTA) {
                settle(history, entry, entry->is_kept, reason);
                free(entry);
                return;
        }
        if (entry->is_kept) {
                free(entry);
        } else {
                entry->id = 0;
                entry->time_us = 0;
                (void)outbox_add(history->outbox, entry); /* alone: what is still on its way came later */
        }
        pause_drain(history);
}

/* What happens now may be taken while this is not: only this ends the back-off. */
static void drained_acknowledged(struct history *history, struct outbox_entry *entry, int reason)
{
        if (reason == REASON_QUOTA)
                pause_drain(history);
        else
                settle(history, entry, true, reason);
        if (reason < REASON_REFUSED)
                history->pause_us = 0;
        struct uplink *uplink = broker_link_connected(history->link);
        if (uplink && uplink_history_makes_way(uplink))
                timer_arm(history->gap, GAP_US);
        free(entry);
}

bool history_acknowledged(struct history *history, int id, int reason)
{
        struct outbox_entry *entry = outbox_list_find(&history->live, has_id, id);

        bool is_ours = entry != NULL;

        if (entry) {
                live_acknowledged(history, entry, reason);
        } else if ((entry = outbox_list_find(&history->drained, has_id, id))) {
                is_ours = true;
                drained_acknowledged(history, entry, reason);
                if (outbox_count(history->outbox) == 0)
                        home_get(history->options.home, "node"); /* its queue and oldest, a minute early */
        }
        drain(history); /* there may be room now */
        return is_ours && reason == REASON_QUOTA;
}

void history_connected(struct history *history)
{
        if (history->is_draining)
                return; /* all states were published once more */
        history->is_draining = true;
        outbox_rewind(history->outbox);
        drain(history);
}

void history_lost(struct history *history)
{
        keep_live(history);
        outbox_list_done(&history->live);
        outbox_list_done(&history->drained);
        history->n_kept = 0;
        history->is_draining = false;
        history->pause_us = 0;
        timer_disarm(history->pause);
        timer_disarm(history->gap);
        timer_disarm(history->overdue);
}

void history_time_is_known(struct history *history)
{
        outbox_time_is_known(history->outbox);
        drain(history);
}

/* ---- For the node ---------------------------------------------------------------------------------------------- */

/* What was refused or too large is among the uplink's dropped messages already. */
static bool is_counted_elsewhere(enum outbox_loss loss)
{
        return loss == OUTBOX_LOSS_REFUSED || loss == OUTBOX_LOSS_OVERSIZE;
}

void history_facts(const struct history *history, struct node_facts *ret)
{
        uint64_t waiting = outbox_count(history->outbox), sent = history->drained.count + history->n_kept, oldest_us;
        size_t used = 0;

        ret->queue += (unsigned)(waiting > sent ? waiting - sent : 0);
        for (int i = 0; i < OUTBOX_LOSSES; i++) {
                uint64_t count = outbox_lost(history->outbox, (enum outbox_loss)i);
                if (count == 0)
                        continue;
                ret->dropped += is_counted_elsewhere((enum outbox_loss)i) ? 0 : count;
                used += (size_t)snprintf(ret->dropped_by + used, sizeof(ret->dropped_by) - used, "%s%s: %llu",
                                         used ? "\n" : "", outbox_loss_name((enum outbox_loss)i),
                                         (unsigned long long)count);
        }
        ret->has_oldest = outbox_oldest_us(history->outbox, &oldest_us);
        if (ret->has_oldest)
                ret->oldest_s = (double)(oldest_us / USEC_PER_SEC);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static struct outbox_limits limits_of(const struct history_settings *settings)
{
        return (struct outbox_limits){ .max_count = (uint64_t)settings->max_count,
                                       .max_bytes = settings->max_bytes,
                                       .max_age_us = settings->max_age_us };
}

void history_configure(struct history *history, const struct history_settings *settings)
{
        const struct outbox_limits limits = limits_of(settings);

        history->options.settings = *settings;
        outbox_set_limits(history->outbox, settings->flush_us, &limits);
}

void history_set_link(struct history *history, struct broker_link *link)
{
        history->link = link;
}

static int make_timers(struct history *history)
{
        struct loop *loop = history->options.loop;
        int r = timer_new(loop, TIMER_EXACT_US, on_overdue, history, &history->overdue);

        if (r >= 0)
                r = timer_new(loop, TIMER_EXACT_US, on_ready, history, &history->gap);
        if (r >= 0)
                r = timer_new(loop, TIMER_LAZY_US, on_pause_over, history, &history->pause);
        if (r < 0)
                return r;
        timer_set_priority(history->overdue, LOOP_HOUSE);
        timer_set_priority(history->gap, LOOP_NETWORK);
        return 0;
}

int history_new(const struct history_options *options, struct history **ret)
{
        CLEANUP(history_freep) struct history *history = calloc(1, sizeof(*history));
        const struct outbox_options outbox = { .loop = options->loop,
                                               .clock = options->clock,
                                               .store = options->store,
                                               .boot = clock_boot_id(),
                                               .flush_us = options->settings.flush_us,
                                               .limits = limits_of(&options->settings),
                                               .ready = on_ready,
                                               .userdata = history };

        if (!history)
                return -ENOMEM;
        history->options = *options;
        int r = make_timers(history);
        if (r >= 0)
                r = outbox_new(&outbox, &history->outbox);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(history);
        return 0;
}

void history_stop(struct history *history)
{
        if (!history || history->is_stopped)
                return;
        history->is_stopped = true;
        keep_live(history);
        outbox_close(history->outbox);
}

void history_free(struct history *history)
{
        if (!history)
                return;
        outbox_free(history->outbox);
        timer_free(history->pause);
        timer_free(history->gap);
        timer_free(history->overdue);
        outbox_list_done(&history->live);
        outbox_list_done(&history->drained);
        json_text_done(&history->text);
        free(history->seen);
        free(history);
}
