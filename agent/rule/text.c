/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define BLANKS     " \t\r\n"
#define COMPARISON "=!<>"

/* What a device's or a channel's name ends at. */
#define NAME_ENDS BLANKS COMPARISON

static const struct {
        const char *text;
        enum rule_op op;
} comparisons[] = {
        { "=", RULE_EQUAL }, { "!=", RULE_UNEQUAL }, { "<", RULE_LESS },
        { ">", RULE_MORE },  { "<=", RULE_AT_MOST }, { ">=", RULE_AT_LEAST },
};

/* What a device or a channel may be, in one word. */
static const struct {
        const char *text;
        enum rule_op op;
        bool of_device, of_channel;
} states[] = {
        { "online", RULE_ONLINE, true, false }, { "offline", RULE_OFFLINE, true, false },
        { "fault", RULE_FAULT, true, true },    { "ok", RULE_OK, true, true },
        { "known", RULE_KNOWN, false, true },   { "unknown", RULE_NO_VALUE, false, true },
};

/* As other languages have them. */
static const struct {
        const char *text, *meant;
} habits[] = { { "==", "=" }, { "=>", ">=" }, { "=<", "<=" }, { "<>", "!=" }, { "===", "=" } };

/* ---- Commas -------------------------------------------------------------------------------------------- */

static size_t find_comma(const char *text)
{
        bool quoted = false;
        int depth = 0;
        size_t i;

        for (i = 0; text[i]; i++) {
                if (quoted && text[i] == '\\' && text[i + 1])
                        i++;
                else if (text[i] == '"')
                        quoted = !quoted;
                else if (!quoted && strchr("{[(", text[i]))
                        depth++;
                else if (!quoted && strchr("}])", text[i]))
                        depth--;
                else if (!quoted && depth <= 0 && text[i] == ',')
                        break;
        }
        return i;
}

bool rule_part_next(const char **rest, struct rule_part *ret)
{
        if (!*rest)
                return false;
        size_t length = find_comma(*rest);
        const char *text = *rest + strspn(*rest, BLANKS), *end = *rest + length;

        *rest = *end ? end + 1 : NULL;
        text = text < end ? text : end;
        while (end > text && strchr(BLANKS, end[-1]))
                end--;
        *ret = (struct rule_part){ text, (size_t)(end - text) };
        return true;
}

/* ---- Words --------------------------------------------------------------------------------------------- */

/* What follows DEVICE or DEVICE.CHANNEL, without blanks before it. The end of the names may have taken the
 * place of its first character: a.b>5. */
struct names {
        char *rest;
        char first;
};

static struct names cut_names(struct rule_words *words)
{
        char *device_end = words->names + strcspn(words->names, "." NAME_ENDS), *end = device_end;

        if (*device_end == '.') {
                words->channel = device_end + 1;
                end = device_end + 1 + strcspn(device_end + 1, NAME_ENDS);
        }
        char *rest = end + strspn(end, BLANKS);
        const struct names names = { rest, *rest };
        *device_end = *end = '\0';
        return names;
}

static int take(const struct rule_part *part, struct rule_words *words, struct fault *fault)
{
        *words = (struct rule_words){ .text = strndup(part->text, part->length),
                                      .names = strndup(part->text, part->length) };
        words->device = words->names;
        if (words->text && words->names)
                return 0;
        rule_words_done(words);
        return fault_set(fault, -ENOMEM, "out of memory");
}

static int check_names(const struct rule_words *words, const char *example, struct fault *fault)
{
        if (!*words->text)
                return fault_set(fault, -EINVAL, "nothing stands here: is there a comma too many? It is written %s",
                                 example);
        if (!*words->device || (words->channel && !*words->channel))
                return fault_set(fault, -EINVAL, "%s is missing; it is written %s",
                                 *words->device ? "the channel behind the point" : "the device", example);
        return 0;
}

void rule_words_done(struct rule_words *words)
{
        free(words->text);
        free(words->names);
        *words = (struct rule_words){ 0 };
}

/* ---- Conditions ---------------------------------------------------------------------------------------- */

static int unknown_comparison(const char *text, size_t length, struct fault *fault)
{
        for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
                if (strlen(habits[i].text) == length && strncmp(habits[i].text, text, length) == 0)
                        return fault_set(fault, -EINVAL, "\"%s\" is no comparison: = != < > <= >= are; did you mean %s",
                                         habits[i].text, habits[i].meant);
        return fault_set(fault, -EINVAL, "\"%.*s\" is no comparison: = != < > <= >= are", (int)length, text);
}

static int take_comparison(struct rule_words *words, const char *text, struct fault *fault)
{
        size_t length = strspn(text, COMPARISON);

        for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
                if (strlen(comparisons[i].text) != length || strncmp(comparisons[i].text, text, length) != 0)
                        continue;
                words->op = comparisons[i].op;
                words->value = text + length + strspn(text + length, BLANKS);
                if (!*words->value)
                        return fault_set(fault, -EINVAL, "there is no value after \"%s\"", comparisons[i].text);
                return 0;
        }
        return unknown_comparison(text, length, fault);
}

static bool take_state(struct rule_words *words, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                if (!(words->channel ? states[i].of_channel : states[i].of_device) ||
                    strcasecmp(states[i].text, word) != 0)
                        continue;
                words->op = states[i].op;
                return true;
        }
        return false;
}

static int take_status(struct rule_words *words, const char *word, struct fault *fault)
{
        if (!take_state(words, word))
                return fault_set(fault, -EINVAL,
                                 "what of it? Write %s.CHANNEL EVENT, %s.CHANNEL = VALUE, %s online or %s offline",
                                 words->device, words->device, words->device, words->device);
        return 0;
}

static int take_event(struct rule_words *words, const char *word, struct fault *fault)
{
        words->op = RULE_EVENT;
        words->value = word;
        if (take_state(words, word)) /* unless it is an event: rule_bind() */
                return 0;
        if (!*word)
                return fault_set(fault, -EINVAL, "what of it? Write %s.%s EVENT or %s.%s = VALUE", words->device,
                                 words->channel, words->device, words->channel);
        if (word[strcspn(word, BLANKS)])
                return fault_set(fault, -EINVAL, "one event at a time: \"%s\" is more than a word", word);
        return 0;
}

static int parse_condition(struct rule_words *words, struct fault *fault)
{
        static const char example[] = "DEVICE.CHANNEL EVENT, DEVICE.CHANNEL = VALUE, DEVICE online or DEVICE offline";
        const struct names names = cut_names(words);
        const char *rest = names.rest;

        int r = check_names(words, example, fault);
        if (r < 0)
                return r;
        if (strchr(words->device, '/'))
                return fault_set(fault, -EINVAL,
                                 "a rule looks at devices of its own node alone: it belongs on the node where that "
                                 "happens, and commands others, as in then = NODE/DEVICE VALUE");
        if (names.first && strchr(COMPARISON, names.first)) {
                *names.rest = names.first;
                r = take_comparison(words, rest, fault);
                *names.rest = '\0'; /* the channel's end again */
                if (r == 0 && !words->channel)
                        return fault_set(fault, -EINVAL, "which channel? Write %s.CHANNEL = VALUE", words->device);
                return r;
        }
        return words->channel ? take_event(words, rest, fault) : take_status(words, rest, fault);
}

/* ---- Actions ------------------------------------------------------------------------------------------- */

/* NODE/DEVICE: what stands before the first slash. */
static void cut_node(struct rule_words *words)
{
        char *slash = strchr(words->names, '/');

        if (!slash)
                return;
        *slash = '\0';
        words->node = words->names;
        words->device = slash + 1;
}

static int parse_action(struct rule_words *words, struct fault *fault)
{
        const struct names names = cut_names(words);

        cut_node(words);

        int r = check_names(words, "DEVICE VALUE or DEVICE.CHANNEL VALUE", fault);
        if (r < 0)
                return r;
        words->value = names.rest;
        if (!names.first)
                return fault_set(fault, -EINVAL, "what shall it do? Write %s ON, or another value", words->text);
        if (strchr(COMPARISON, names.first))
                return fault_set(fault, -EINVAL, "an action has no \"%c\": write %s%s%s%s%s VALUE", names.first,
                                 words->node ? words->node : "", words->node ? "/" : "", words->device,
                                 words->channel ? "." : "", words->channel ? words->channel : "");
        return 0;
}

/* ---- Either -------------------------------------------------------------------------------------------- */

static int parse(const struct rule_part *part, int (*parse_words)(struct rule_words *, struct fault *),
                 struct rule_words *ret, struct fault *fault)
{
        struct rule_words words;

        int r = take(part, &words, fault);
        if (r < 0)
                return r;
        r = parse_words(&words, fault);
        if (r < 0)
                rule_words_done(&words);
        else
                *ret = words;
        return r;
}

int rule_condition_parse(const struct rule_part *part, struct rule_words *ret, struct fault *fault)
{
        return parse(part, parse_condition, ret, fault);
}

int rule_action_parse(const struct rule_part *part, struct rule_words *ret, struct fault *fault)
{
        return parse(part, parse_action, ret, fault);
}
