/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a rule: a line "when" or "then", then conditions or actions with commas between them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/devices.h"
#include "fuzz/fuzz.h"
#include "rule/bind.h"

static const char *const ops[] = {
        [RULE_ONLINE] = "online", [RULE_OFFLINE] = "offline",  [RULE_FAULT] = "fault", [RULE_OK] = "ok",
        [RULE_KNOWN] = "known",   [RULE_NO_VALUE] = "unknown", [RULE_EQUAL] = "=",     [RULE_UNEQUAL] = "!=",
        [RULE_LESS] = "<",        [RULE_MORE] = ">",           [RULE_AT_MOST] = "<=",  [RULE_AT_LEAST] = ">=",
        [RULE_EVENT] = "",
};

static void check_words(const struct rule_part *part, const struct rule_words *words)
{
        must(strlen(words->text) == strnlen(part->text, part->length));
        must(words->device[0] != '\0' && !strpbrk(words->device, " \t\r\n=!<>."));
        must(!words->channel || (words->channel[0] != '\0' && !strpbrk(words->channel, " \t\r\n=!<>")));
        must(words->op <= RULE_AT_LEAST);
}

/* Written from its parts it is read as the same. */
static void check_again(const struct rule_words *words, bool is_action)
{
        bool needs_word = !is_action && (words->op >= RULE_EQUAL || !words->channel);
        struct rule_words again;
        char *text = NULL;

        must(asprintf(&text, "%s%s%s %s %s", words->device, words->channel ? "." : "",
                      words->channel ? words->channel : "", needs_word ? ops[words->op] : "",
                      words->value ? words->value : "") > 0);
        const struct rule_part part = { text, strlen(text) - (words->value ? 0 : 1) };
        must((is_action ? rule_action_parse : rule_condition_parse)(&part, &again, NULL) == 0);
        must(same_text(again.device, words->device) && same_text(again.channel, words->channel));
        must(same_text(again.value, words->value) && again.op == words->op);
        rule_words_done(&again);
        free(text);
}

/* What a channel is compared with is equal to itself, and to nothing else at the same time. */
static void check_truth(const struct rule_condition *condition)
{
        static const enum rule_truth wanted[] = {
                [RULE_EQUAL] = RULE_TRUE, [RULE_UNEQUAL] = RULE_FALSE, [RULE_LESS] = RULE_FALSE,
                [RULE_MORE] = RULE_FALSE, [RULE_AT_MOST] = RULE_TRUE,  [RULE_AT_LEAST] = RULE_TRUE,
        };
        const struct sconce_value nothing = { .type = SCONCE_VALUE_NONE };

        if (condition->words.op >= RULE_EQUAL && condition->words.channel) {
                must(rule_truth_of(condition, &condition->is) == wanted[condition->words.op]);
                must(rule_truth_of(condition, &nothing) == RULE_UNKNOWN);
        }
}

static void check_condition(const struct rule_words *words, const struct channels *channels)
{
        struct rule_condition condition = { .role = RULE_IF, .words = *words };
        struct fault fault = { 0 };
        int r = rule_bind(&condition, channels, &fault);

        must(r == 0 || r == -EINVAL || r == -ENOENT);
        must(condition.is_bound == (r == 0));
        must((r == -ENOENT) == (words->channel && !channels_find(channels, words->channel)));
        must(r == 0 || is_sentence(fault.text, sizeof(fault.text)));
        if (r == 0)
                check_truth(&condition);
        free(condition.own_text);
}

static void check_action(const struct rule_words *words, const struct channels *channels)
{
        const struct rule_action action = { .words = *words };
        struct command command;
        struct result result;

        int r = rule_action_command(&action, channels, &command, &result);
        check_command(channels, r, &command, &result);
        command_done(&command);
}

static void check_part(const struct rule_part *part, bool is_action)
{
        struct rule_words words = { .text = NULL };
        struct fault fault = { 0 };
        int r = (is_action ? rule_action_parse : rule_condition_parse)(part, &words, &fault);

        must(r == 0 || r == -EINVAL);
        if (r < 0) {
                must(is_sentence(fault.text, sizeof(fault.text)) && !words.text);
                return;
        }
        check_words(part, &words);
        check_again(&words, is_action);
        for (size_t i = 0; i < n_devices; i++)
                (is_action ? check_action : check_condition)(&words, device_channels(i));
        rule_words_done(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "when", "then" };
        struct input input = input_of(data, size);
        char *key = input_line(&input), *text = input_rest(&input);
        bool is_action = input_choice(key, keys, ARRAY_SIZE(keys)) == 1;
        const char *rest = text;
        struct rule_part part;

        while (rule_part_next(&rest, &part)) {
                must(part.text >= text && part.text + part.length <= text + strlen(text));
                check_part(&part, is_action);
        }
        must(!rest);
        free(key);
        free(text);
        return 0;
}
