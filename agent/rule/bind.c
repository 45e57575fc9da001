/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/bind.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "channel/convert.h"
#include "util/suggest.h"
#include "util/text.h"

/* The config is the owner's: the limits for commands from outside do not hold for it. */
static const struct command_limits limits = { .max_bytes = 64 * 1024, .max_depth = 16 };

/* What a cover reports; what it takes is less. */
static const char *const cover_states[] = { "open", "opening", "closed", "closing", "stopped", NULL };

/* ---- Values -------------------------------------------------------------------------------------------- */

/* With a text of its own. */
static int keep_value(struct rule_condition *condition, const struct sconce_value *value, struct fault *fault)
{
        char *text = NULL;

        if (value->type == SCONCE_VALUE_TEXT && !(text = strdup(value->text)))
                return fault_set(fault, -ENOMEM, "out of memory");
        free(condition->own_text);
        condition->own_text = text;
        condition->is = *value;
        condition->is.channel = condition->words.channel;
        condition->is.text = text;
        condition->is_bound = true;
        return 0;
}

static int take_choice(struct rule_condition *condition, const char *const *choices, struct fault *fault)
{
        struct suggestion near = { .wanted = condition->words.value };
        char list[160] = "", hint[SUGGESTION_MAX];

        const char *found = choice_find(choices, condition->words.value);
        if (found)
                return keep_value(condition, &SCONCE_STR(NULL, found), fault);
        for (const char *const *choice = choices; *choice; choice++) {
                suggestion_offer(&near, *choice);
                text_list_add(list, sizeof(list), *choice);
        }
        return fault_set(fault, -EINVAL, "\"%.60s\" is not one of: %s%s", condition->words.value, list,
                         suggestion_text(&near, hint));
}

/* Written as in a command for such a channel. */
static int take_typed(struct rule_condition *condition, const struct channel *channel, struct fault *fault)
{
        struct channel written = *channel;
        const struct channels one = { .items = &written, .count = 1 };
        CLEANUP_COMMAND struct command command;
        struct result result;

        written.row.flags = SCONCE_WRITABLE;
        int r = command_parse(&one, channel->row.key, condition->words.value, strlen(condition->words.value), &limits,
                              &command, &result);
        if (channel->kind->type == SCONCE_VALUE_BOOL && (r != 0 || command.toggles != 0))
                return fault_set(fault, -EINVAL, "\"%.60s\" is neither ON nor OFF", condition->words.value);
        if (r < 0)
                return fault_set(fault, -EINVAL, "%s", result.message);
        return keep_value(condition, &command.values[0], fault);
}

/* ---- Conditions ---------------------------------------------------------------------------------------- */

int rule_no_channel(const struct rule_words *words, const struct channels *channels, struct fault *fault)
{
        struct suggestion near = { .wanted = words->channel };
        char list[160] = "", hint[SUGGESTION_MAX];

        for (size_t i = 0; i < channels->count; i++) {
                suggestion_offer(&near, channels->items[i].row.key);
                text_list_add(list, sizeof(list), channels->items[i].row.key);
        }
        return fault_set(fault, -ENOENT, "%s has no channel %.64s%s%s%s", words->device, words->channel,
                         *list ? "; it has " : "", list, suggestion_text(&near, hint));
}

static int check_event(const struct rule_words *words, const struct channel *channel, struct fault *fault)
{
        if (channel->row.kind != SCONCE_EVENT)
                return fault_set(fault, -EINVAL, "%s.%s publishes no events: compare it, as in %s.%s = %.40s",
                                 words->device, words->channel, words->device, words->channel, words->value);
        return 0;
}

static int check_comparison(const struct rule_words *words, const struct channel *channel, struct fault *fault)
{
        const char *device = words->device, *key = words->channel;

        if (channel->row.kind == SCONCE_EVENT)
                return fault_set(fault, -EINVAL, "%s.%s publishes events, which cannot be compared: write %s.%s %.40s",
                                 device, key, device, key, words->value);
        if (!channel_has_state(channel))
                return fault_set(fault, -EINVAL, "%s.%s has no state that could be compared", device, key);
        if (channel->row.kind == SCONCE_TEXT_LIST)
                return fault_set(fault, -EINVAL, "%s.%s is a list, which cannot be compared", device, key);
        if (words->op > RULE_UNEQUAL && channel->kind->type != SCONCE_VALUE_NUMBER)
                return fault_set(fault, -EINVAL, "%s.%s is no number: only = and != compare it", device, key);
        return 0;
}

static int check_state(struct rule_condition *condition, const struct channel *channel, struct fault *fault)
{
        const struct rule_words *words = &condition->words;

        if (!channel_has_state(channel))
                return fault_set(fault, -EINVAL, "%s.%s has no state that could be %s", words->device, words->channel,
                                 words->value);
        condition->is_bound = true;
        return 0;
}

/* As the state has it, or as other languages do. */
static bool means_no_value(const char *text)
{
        static const char *const texts[] = { "null", "none", "unknown", "nan", "unavailable" };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (strcasecmp(texts[i], text) == 0)
                        return true;
        return false;
}

static int refuse_no_value(const struct rule_words *words, struct fault *fault)
{
        return fault_set(fault, -EINVAL, "a channel without a value equals nothing: write %s.%s %s", words->device,
                         words->channel, words->op == RULE_UNEQUAL ? "known" : "unknown");
}

int rule_bind(struct rule_condition *condition, const struct channels *channels, struct fault *fault)
{
        const struct rule_words *words = &condition->words;

        if (!words->channel) {
                condition->is_bound = true;
                return 0;
        }
        const struct channel *channel = channels_find(channels, words->channel);
        if (!channel)
                return rule_no_channel(words, channels, fault);
        if (rule_op_is_state(words->op) && channel->row.kind == SCONCE_EVENT) /* an event of that name */
                condition->words.op = RULE_EVENT;
        if (rule_op_is_state(words->op))
                return check_state(condition, channel, fault);
        int r = words->op == RULE_EVENT ? check_event(words, channel, fault) : check_comparison(words, channel, fault);
        if (r < 0)
                return r;
        if (channel->row.kind == SCONCE_COVER)
                return take_choice(condition, cover_states, fault);
        if (channel->kind->has_choices)
                return take_choice(condition, channel->row.choices, fault);
        r = take_typed(condition, channel, fault);
        return r == -EINVAL && means_no_value(words->value) ? refuse_no_value(words, fault) : r;
}

/* ---- Truth --------------------------------------------------------------------------------------------- */

/* Below 0, 0 or above 0: for texts and switches only whether it is 0 counts. */
static int compare(const struct sconce_value *a, const struct sconce_value *b)
{
        if (a->type == SCONCE_VALUE_TEXT)
                return strcmp(a->text, b->text);
        if (a->type == SCONCE_VALUE_BOOL)
                return a->on - b->on;
        return (a->number > b->number) - (a->number < b->number);
}

enum rule_truth rule_truth_of(const struct rule_condition *condition, const struct sconce_value *value)
{
        static const struct {
                bool less, equal, more;
        } holds[] = {
                [RULE_EQUAL] = { .equal = true },
                [RULE_UNEQUAL] = { .less = true, .more = true },
                [RULE_LESS] = { .less = true },
                [RULE_MORE] = { .more = true },
                [RULE_AT_MOST] = { .less = true, .equal = true },
                [RULE_AT_LEAST] = { .equal = true, .more = true },
        };
        enum rule_op op = condition->words.op;

        if (!condition->is_bound || value->type != condition->is.type || op < RULE_EQUAL)
                return RULE_UNKNOWN;
        int order = compare(value, &condition->is);
        bool is_so = order < 0 ? holds[op].less : order > 0 ? holds[op].more : holds[op].equal;
        return is_so ? RULE_TRUE : RULE_FALSE;
}

enum rule_truth rule_truth_now(const struct rule_condition *condition, const struct channel *channel)
{
        const struct sconce_value now = value_view(channel->row.key, &channel->now);

        return rule_truth_of(condition, &now);
}

/* ---- Actions ------------------------------------------------------------------------------------------- */

int rule_action_command(const struct rule_action *action, const struct channels *channels, struct command *ret,
                        struct result *result)
{
        const struct rule_words *words = &action->words;

        return command_parse(channels, words->channel, words->value, strlen(words->value), &limits, ret, result);
}
