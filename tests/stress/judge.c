/* SPDX-License-Identifier: Apache-2.0 */
/* The laws, one after the other, each over the lines' levels and the rows that concern it. */
#include "stress/judge.h"

#include <string.h>

#include "stress/court.h"

/* Debounce of a contact, and some. */
#define HAND_US (40 * USEC_PER_MSEC)
/* A command whose result never came may have been carried out so late. */
#define UNANSWERED_US (2 * USEC_PER_SEC)
/* Of a blink. */
#define DARK_MOMENT_US (600 * USEC_PER_MSEC)
#define LATE_END_US    (2 * USEC_PER_SEC)
/* Of a rest, after which max_on begins anew. */
#define REST_US (2 * USEC_PER_SEC)

static const char *const names[LAWS] = {
        [LAW_INTERLOCK] = "interlock", [LAW_COVER] = "cover",        [LAW_TIME] = "time",
        [LAW_SAFE] = "outputs-safe",   [LAW_OFFLINE] = "on_offline", [LAW_CAUSE] = "cause",
        [LAW_REST] = "rest",           [LAW_LOCAL] = "local",        [LAW_STATE] = "state",
};

const char *law_name(enum law law)
{
        return names[law];
}

static double ms(uint64_t us)
{
        return (double)us / USEC_PER_MSEC;
}

/* ---- Groups and covers ------------------------------------------------------------------------------------------- */

static void judge_pair(struct court *court, size_t a, size_t b)
{
        const struct output *one = &court->house->outputs[a], *other = &court->house->outputs[b];
        enum law law = one->part == PART_COVER ? LAW_COVER : LAW_INTERLOCK;

        for (size_t k = 0; k < court->n_spans[a]; k++) {
                const struct span *mine = &court->spans[a][k];
                const struct span *next = NULL;
                for (size_t n = 0; n < court->n_spans[b] && !next; n++)
                        if (court->spans[b][n].on_us >= mine->on_us)
                                next = &court->spans[b][n];
                if (!next)
                        continue;
                court->verdict->looked_at[law]++;
                if (next->on_us < mine->off_us)
                        court_accuse(court, law, next->on_us, "GPIO%u (%s) goes on while GPIO%u (%s) is on",
                                     other->line, other->id, one->line, one->id);
                else if (next->on_us + court_gap_slack(court, mine->off_us) < mine->off_us + one->dead_us)
                        court_accuse(court, law, next->on_us,
                                     "GPIO%u (%s) goes on %.1f ms after GPIO%u (%s), dead time %.1f ms", other->line,
                                     other->id, ms(next->on_us - mine->off_us), one->line, one->id, ms(one->dead_us));
        }
}

static void judge_groups(struct court *court)
{
        const struct house *house = court->house;

        for (size_t a = 0; a < house->count; a++)
                for (size_t b = 0; b < house->count; b++)
                        if (a != b && house->outputs[a].group && house->outputs[a].group == house->outputs[b].group)
                                judge_pair(court, a, b);
}

/* ---- Times that end ---------------------------------------------------------------------------------------------- */

/* On at `due_us` with its slack: too long, unless nobody was there to switch it off. */
static void judge_end(struct court *court, enum law law, size_t i, const struct span *span, uint64_t since_us,
                      uint64_t due_us, const char *what)
{
        const struct output *output = &court->house->outputs[i];
        uint64_t latest_us = court_with_slack(court, since_us, due_us);

        if (latest_us > court->end_us || court_is_upheaval(court, i, due_us) || court_is_upheaval(court, i, latest_us))
                return;
        court->verdict->looked_at[law]++;
        uint64_t off_us = MIN(span->off_us, court->end_us), allowed_us = latest_us - SLACK_US;
        if (off_us > allowed_us && off_us != court->end_us)
                court->verdict->worst_us[law] = MAX(court->verdict->worst_us[law], off_us - allowed_us);
        if (span->off_us > latest_us)
                court_accuse(court, law, latest_us, "GPIO%u (%s) is still on %.1f ms after its %s was over",
                             output->line, output->id, ms(MIN(span->off_us, court->end_us) - due_us), what);
}

/* The last action on the output before `to_us` that began after `from_us`, and the end of its effect. */
static uint64_t last_begin(const struct court *court, size_t i, uint64_t from_us, uint64_t to_us)
{
        uint64_t begin_us = from_us;

        FOR_EACH_ROW(row, court)
        if (IS_ACTION & 1U << row->kind && row->outputs & 1ULL << i && row->to_us >= from_us && row->from_us <= to_us) {
                uint64_t effect_us = row->kind == ROW_TOUCH ? row->from_us + HAND_US
                                     : row->is_answered     ? row->to_us
                                                            : row->to_us + UNANSWERED_US;
                begin_us = MAX(begin_us, effect_us);
        }
        return begin_us;
}

static void judge_pulse(struct court *court, size_t i)
{
        const struct output *output = &court->house->outputs[i];

        for (size_t k = 0; k < court->n_spans[i]; k++) {
                const struct span *span = &court->spans[i][k];
                uint64_t begin_us = last_begin(court, i, span->on_us, MIN(span->off_us, court->end_us));
                judge_end(court, LAW_TIME, i, span, begin_us, begin_us + output->pulse_us, "pulse");
        }
}

static void judge_longest(struct court *court, size_t i, uint64_t longest_us, enum law law, const char *what)
{
        for (size_t k = 0; k < court->n_spans[i]; k++) {
                const struct span *span = &court->spans[i][k];
                judge_end(court, law, i, span, span->on_us, span->on_us + longest_us, what);
        }
}

/* Whether `span` goes on with the light that began with `first`: a blink after a short dark moment. A command that
 * switches off ends that, and one that comes after max_on was over begins a new one. */
static bool goes_on(const struct court *court, size_t i, const struct span *first, const struct span *span)
{
        const struct span *before = span - 1;
        uint64_t due_us = first->on_us + court->house->outputs[i].max_on_us;

        if (span->on_us - before->off_us > DARK_MOMENT_US || before->off_us + GAP_SLACK_US >= due_us ||
            court_is_upheaval(court, i, before->off_us) || court_is_upheaval(court, i, span->on_us))
                return false;
        FOR_EACH_ROW(row, court)
        {
                if (row->kind != ROW_COMMAND || !(row->outputs & 1ULL << i) || row->from_us > span->on_us)
                        continue;
                if (row->from_us > due_us || (row->word != WORD_FLASH && row->to_us >= before->on_us))
                        return false;
        }
        return true;
}

/* Blinking does not begin max_on again: it counts while one flash follows another. */
static void judge_blinking(struct court *court, size_t i)
{
        const struct span *first = court->spans[i];

        for (size_t k = 1; k < court->n_spans[i]; k++) {
                const struct span *span = &court->spans[i][k];
                uint64_t due_us = first->on_us + court->house->outputs[i].max_on_us;
                /* Over in a dark moment: what then lights up has to be off again at once. */
                if (goes_on(court, i, first, span))
                        judge_end(court, LAW_TIME, i, span, first->on_us, MAX(due_us, span->on_us),
                                  "max_on (flashing)");
                else
                        first = span;
        }
}

/* After a `for` that nothing followed. */
static void judge_for(struct court *court, size_t i)
{
        FOR_EACH_ROW(row, court)
        {
                if (row->kind != ROW_COMMAND || row->word != WORD_FOR || !(row->outputs & 1ULL << i) ||
                    !row->is_accepted)
                        continue;
                uint64_t due_us = row->to_us + row->length_us, latest_us = court_with_slack(court, row->to_us, due_us);
                if (court_row_within(court, IS_ACTION, i, row->from_us, latest_us))
                        continue;
                struct span span = { row->from_us, NEVER };
                for (size_t k = 0; k < court->n_spans[i]; k++)
                        if (court->spans[i][k].on_us <= due_us && due_us < court->spans[i][k].off_us)
                                span = court->spans[i][k];
                if (span.off_us == NEVER && !court_is_on(court, i, due_us))
                        span.off_us = due_us;
                judge_end(court, LAW_TIME, i, &span, row->to_us, due_us, "for");
        }
}

static void judge_times(struct court *court)
{
        const struct house *house = court->house;

        for (size_t i = 0; i < house->count; i++) {
                const struct output *output = &house->outputs[i];
                if (output->pulse_us)
                        judge_pulse(court, i);
                if (output->max_on_us && !output->pulled_on)
                        judge_longest(court, i, output->max_on_us, LAW_TIME, "max_on");
                if (output->max_on_us && output->part == PART_HEATER)
                        judge_blinking(court, i);
                if (output->part == PART_PUMP)
                        judge_for(court, i);
                if (output->run_us)
                        judge_longest(court, i, output->run_us, LAW_COVER, "way");
        }
}

/* ---- Crashes ----------------------------------------------------------------------------------------------------- */

/* Was it on for a limited time when the process died, as far as the commands show? */
static bool was_limited(const struct court *court, size_t i, uint64_t at_us)
{
        const struct row *last = NULL;

        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_COMMAND && row->outputs & 1ULL << i && row->from_us <= at_us)
                last = row;
        return last && last->word == WORD_FOR && last->is_accepted;
}

/* The start after a crash: until somebody commands it. */
static void judge_next_start(struct court *court, size_t i, const struct row *kill)
{
        const struct output *output = &court->house->outputs[i];
        const struct row *start = NULL;

        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_START && row->from_us >= kill->to_us && !start)
                start = row;
        if (!start || output->pulled_on)
                return;
        court->verdict->looked_at[LAW_SAFE]++;
        for (size_t k = 0; k < court->n_spans[i]; k++) {
                uint64_t on_us = court->spans[i][k].on_us;
                if (on_us >= start->from_us && on_us <= start->to_us)
                        court_accuse(court, LAW_SAFE, on_us,
                                     "GPIO%u (%s) is timed, and the start after a SIGKILL switches it on", output->line,
                                     output->id);
        }
}

static const struct row *safe_within(const struct court *court, const struct row *kill)
{
        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_SAFE && row->from_us >= kill->from_us && row->to_us <= kill->to_us)
                return row;
        return NULL;
}

static void judge_crashes(struct court *court)
{
        const struct house *house = court->house;

        FOR_EACH_ROW(row, court)
        {
                if (row->kind != ROW_KILL)
                        continue;
                const struct row *safe = safe_within(court, row);
                for (size_t i = 0; i < house->count; i++) {
                        const struct output *output = &house->outputs[i];
                        bool limited = house_is_timed(output) || was_limited(court, i, row->from_us);
                        if (limited && court_is_on(court, i, row->from_us))
                                judge_next_start(court, i, row);
                        if (!safe || !limited || !court_is_on(court, i, safe->from_us))
                                continue;
                        court->verdict->looked_at[LAW_SAFE]++;
                        if (!court_has_edge(court, i, false, safe->from_us, safe->to_us))
                                court_accuse(court, LAW_SAFE, safe->to_us,
                                             "GPIO%u (%s) is timed, and --outputs-safe leaves it on", output->line,
                                             output->id);
                }
        }
}

/* ---- Without a broker -------------------------------------------------------------------------------------------- */

static bool is_touched_since(const struct court *court, size_t i, uint64_t from_us, uint64_t to_us)
{
        return court_row_within(court, 1U << ROW_TOUCH, i, from_us, to_us);
}

static void look_offline(struct court *court, size_t i, const struct row *lost, uint64_t at_us)
{
        const struct output *output = &court->house->outputs[i];
        bool wanted = output->on_offline == WISH_ON;

        if (at_us >= lost->to_us || !court_is_up(court, at_us) || court_is_upheaval(court, i, at_us) ||
            is_touched_since(court, i, court_offline_from(lost) - HAND_US, at_us))
                return;
        court->verdict->looked_at[LAW_OFFLINE]++;
        if (court_is_on(court, i, at_us) != wanted)
                court_accuse(court, LAW_OFFLINE, at_us,
                             "GPIO%u (%s) is %s %.1f ms after the loss of the broker, on_offline = %s", output->line,
                             output->id, wanted ? "off" : "on", ms(at_us - lost->from_us), wanted ? "on" : "off");
}

/* At the time, after each start meanwhile, and just before the broker comes. */
static void judge_loss(struct court *court, size_t i, const struct row *lost)
{
        uint64_t due_us = court_offline_to(court, lost);

        look_offline(court, i, lost, due_us);
        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_START && row->to_us != NEVER && row->from_us > lost->from_us && row->to_us > due_us)
                look_offline(court, i, lost, court_with_slack(court, row->from_us, row->to_us));
        if (lost->to_us > due_us)
                look_offline(court, i, lost, lost->to_us - 1);
}

/* On when it is to be off: not for a moment, but where on_exit reports it. */
static void judge_moments(struct court *court, size_t i, const struct row *lost)
{
        const struct output *output = &court->house->outputs[i];
        uint64_t due_us = court_offline_to(court, lost);

        for (size_t k = 0; k < court->n_spans[i]; k++) {
                uint64_t on_us = court->spans[i][k].on_us;
                if (output->on_exit == WISH_ON && !court_is_up(court, on_us))
                        continue;
                if (on_us <= due_us || on_us >= lost->to_us ||
                    is_touched_since(court, i, court_offline_from(lost) - HAND_US, on_us))
                        continue;
                court_accuse(court, LAW_OFFLINE, on_us,
                             "GPIO%u (%s) goes on %.1f ms after the loss of the broker, on_offline = off", output->line,
                             output->id, ms(on_us - lost->from_us));
        }
}

static void judge_losses(struct court *court)
{
        FOR_EACH_ROW(row, court)
        for (size_t i = 0; row->kind == ROW_LOST && i < court->house->count; i++) {
                enum wish wish = court->house->outputs[i].on_offline;
                if (wish != WISH_KEEP)
                        judge_loss(court, i, row);
                if (wish == WISH_OFF)
                        judge_moments(court, i, row);
        }
}

/* ---- Causes ------------------------------------------------------------------------------------------------------ */

/* How long after its result a command may still move its output or one of its group. */
static uint64_t aftermath_us(const struct court *court, const struct output *output, const struct row *row)
{
        const struct house *house = court->house;
        uint64_t sum_us = output->pulse_us + output->min_on_us + output->min_off_us + row->length_us +
                          3 * output->run_us;

        for (size_t i = 0; output->group && i < house->count; i++)
                if (house->outputs[i].group == output->group)
                        sum_us += house->outputs[i].min_on_us + house->outputs[i].dead_us + 100 * USEC_PER_MSEC;
        if (sum_us > 0) /* what ends too late is not without a cause: LAW_TIME sees it */
                sum_us += LATE_END_US;
        if (!row->is_answered)
                sum_us += UNANSWERED_US;
        if (row->kind == ROW_TOUCH)
                sum_us += HAND_US;
        return sum_us;
}

static bool is_of_action(const struct court *court, size_t i, uint64_t at_us)
{
        const struct output *output = &court->house->outputs[i];
        uint64_t mask = 1ULL << i | house_group_mask(court->house, output->group);

        FOR_EACH_ROW(row, court)
        if (IS_ACTION & 1U << row->kind && row->outputs & mask && row->from_us <= at_us &&
            at_us <= court_with_slack(court, row->from_us, row->to_us + aftermath_us(court, output, row)))
                return true;
        return false;
}

/* The end of a span that had lasted for max_on, or of one whose time goes on over the agent's restart: that counts from
 * before it where the output was dark for less than two seconds (docs/saved.md). */
static bool is_end_of_max_on(const struct court *court, size_t i, size_t k)
{
        const struct span *spans = court->spans[i];
        uint64_t max_on_us = court->house->outputs[i].max_on_us, off_us = spans[k].off_us;

        if (off_us + GAP_SLACK_US >= spans[k].on_us + max_on_us)
                return true;
        for (; k > 0 && spans[k].on_us - spans[k - 1].off_us < REST_US; k--) {
                if (!court_is_upheaval(court, i, spans[k - 1].off_us))
                        return false;
                uint64_t due_us = spans[k - 1].on_us + max_on_us;
                if (off_us + GAP_SLACK_US >= due_us && off_us <= court_with_slack(court, spans[k - 1].on_us, due_us))
                        return true;
        }
        return false;
}

/* How long the agent has it on does not show where it is on when let go. */
static bool is_of_max_on(const struct court *court, size_t i, uint64_t at_us)
{
        const struct output *output = &court->house->outputs[i];

        if (output->max_on_us && output->pulled_on)
                return true;
        for (size_t k = 0; output->max_on_us && k < court->n_spans[i]; k++)
                if (court->spans[i][k].off_us == at_us && is_end_of_max_on(court, i, k))
                        return true;
        return false;
}

/* A cover or a member goes on with what waited when its devices came back. */
static bool is_of_group_start(const struct court *court, size_t i, uint64_t at_us)
{
        const struct output *output = &court->house->outputs[i];
        uint64_t after_us = output->dead_us * 2 + output->max_on_us + output->min_on_us + output->min_off_us + SLACK_US;

        if (!output->group && output->part != PART_FRIDGE)
                return false;
        after_us += noise_between(court->noise, at_us - MIN(after_us, at_us), at_us);
        if (court_row_at(court, 1U << ROW_START, at_us, after_us) ||
            court_row_at(court, 1U << ROW_CHIP, at_us, after_us + CHIP_BACK_US))
                return true;
        FOR_EACH_ROW(row, court)
        if (row->kind == ROW_RELOAD && row->outputs & (1ULL << i) && row_covers(row, at_us, after_us))
                return true;
        return false;
}

static void judge_edge(struct court *court, size_t i, bool on, uint64_t at_us)
{
        const struct output *output = &court->house->outputs[i];

        court->verdict->looked_at[LAW_CAUSE]++;
        if (court_is_upheaval(court, i, at_us) || is_of_action(court, i, at_us) || is_of_group_start(court, i, at_us) ||
            (!on && is_of_max_on(court, i, at_us)) ||
            (output->on_offline != WISH_KEEP && court_is_offline_time(court, at_us)))
                return;
        court_accuse(court, LAW_CAUSE, at_us, "GPIO%u (%s) goes %s without a cause%s", output->line, output->id,
                     on ? "on" : "off",
                     court_row_at(court, 1U << ROW_RELOAD, at_us, SLACK_US) ? ", in a reload that does not touch it"
                                                                            : "");
}

static void judge_causes(struct court *court)
{
        for (size_t i = 0; i < court->house->count; i++) {
                enum part part = court->house->outputs[i].part;
                for (size_t k = 0; part != PART_VICTIM && part != PART_GUEST && k < court->n_spans[i]; k++) {
                        judge_edge(court, i, true, court->spans[i][k].on_us);
                        if (court->spans[i][k].off_us != NEVER)
                                judge_edge(court, i, false, court->spans[i][k].off_us);
                }
        }
}

/* ---- Compressors ------------------------------------------------------------------------------------------------- */

static void judge_rest(struct court *court, size_t i)
{
        const struct output *output = &court->house->outputs[i];

        for (size_t k = 0; k < court->n_spans[i]; k++) {
                const struct span *span = &court->spans[i][k];
                bool by_agent = span->off_us == NEVER || court_is_upheaval(court, i, span->off_us) ||
                                court_is_offline_time(court, span->off_us) || is_of_max_on(court, i, span->off_us);
                if (output->min_on_us && !by_agent) {
                        court->verdict->looked_at[LAW_REST]++;
                        if (span->off_us + court_gap_slack(court, span->on_us) < span->on_us + output->min_on_us)
                                court_accuse(court, LAW_REST, span->off_us,
                                             "GPIO%u (%s) goes off after %.1f ms, min_on %.1f ms", output->line,
                                             output->id, ms(span->off_us - span->on_us), ms(output->min_on_us));
                }
                if (!output->min_off_us || k == 0) /* it rests over starts and reloads, too */
                        continue;
                court->verdict->looked_at[LAW_REST]++;
                if (span->on_us + court_gap_slack(court, span[-1].off_us) < span[-1].off_us + output->min_off_us)
                        court_accuse(court, LAW_REST, span->on_us, "GPIO%u (%s) goes on after %.1f ms, min_off %.1f ms",
                                     output->line, output->id, ms(span->on_us - span[-1].off_us),
                                     ms(output->min_off_us));
        }
}

/* ---- Hands, states ----------------------------------------------------------------------------------------------- */

/* A plain lamp's toggle shows at once; what a member or a pulse does depends on others. A button that is down before its
 * first level has settled was down when the agent came: that is no press. */
static void judge_touch(struct court *court, const struct row *row)
{
        for (size_t i = 0; i < court->house->count; i++) {
                const struct output *output = &court->house->outputs[i];
                if (!(row->outputs & 1ULL << i) || output->part != PART_PLAIN || output->on_offline != WISH_KEEP ||
                    !court_is_up(court, row->from_us) || court_is_upheaval(court, i, row->from_us) ||
                    court_row_at(court, 1U << ROW_START, row->from_us, HAND_US))
                        continue;
                uint64_t at_us = row->from_us + HAND_US, latest_us = court_with_slack(court, row->from_us, at_us);
                court->verdict->looked_at[LAW_LOCAL]++;
                if (court_has_edge(court, i, true, row->from_us, latest_us) ||
                    court_has_edge(court, i, false, row->from_us, latest_us))
                        continue;
                court_accuse(court, LAW_LOCAL, row->from_us, "GPIO%u (%s) does not answer its button within %.1f ms",
                             output->line, output->id, ms(latest_us - row->from_us));
        }
}

static void judge_state(struct court *court, const struct row *row)
{
        court->verdict->looked_at[LAW_STATE]++;
        for (size_t i = 0; row->on != row->line && i < court->house->count; i++)
                if (row->outputs & 1ULL << i)
                        court_accuse(court, LAW_STATE, row->from_us, "GPIO%u (%s) is %s, and its state is %s",
                                     court->house->outputs[i].line, court->house->outputs[i].id,
                                     row->line ? "on" : "off", row->on ? "on" : "off");
}

void judge(const struct house *house, const struct record *record, const struct noise *noise, struct verdict *ret)
{
        struct court court = { .house = house, .record = record, .noise = noise, .verdict = ret };

        memset(ret, 0, sizeof(*ret));
        court_open(&court);
        judge_groups(&court);
        judge_times(&court);
        judge_crashes(&court);
        judge_losses(&court);
        judge_causes(&court);
        for (size_t i = 0; i < house->count; i++)
                if (house->outputs[i].min_on_us || house->outputs[i].min_off_us)
                        judge_rest(&court, i);
        FOR_EACH_ROW(row, &court)
        {
                if (row->kind == ROW_TOUCH)
                        judge_touch(&court, row);
                if (row->kind == ROW_STATE)
                        judge_state(&court, row);
        }
        court_close(&court);
}
