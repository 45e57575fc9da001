/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/rule_home.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "rule/check.h"
#include "util/log.h"

static void append(char *text, size_t size, const char *line)
{
        size_t used = strlen(text);

        assert_true(used + strlen(line) + 2 <= size);
        (void)snprintf(text + used, size - used, "%s\n", line);
}

/* ---- The ops -------------------------------------------------------------------------------------------- */

static struct fake_device *look_up(struct fake_rule_home *home, const char *id)
{
        for (size_t i = 0; i < home->count; i++)
                if (strcmp(home->devices[i].id, id) == 0)
                        return &home->devices[i];
        return NULL;
}

struct fake_device *fake_device_find(struct fake_rule_home *home, const char *id)
{
        struct fake_device *device = look_up(home, id);

        if (!device)
                fail_msg("the fake home has no device %s", id);
        return device ? device : &home->devices[0];
}

static bool find(void *userdata, const char *id, struct rule_device *ret)
{
        const struct fake_device *device = look_up(userdata, id);

        if (!device || device->is_hidden)
                return false;
        *ret = device->now;
        ret->channels = &device->channels;
        return true;
}

static const char *id_at(void *userdata, size_t index)
{
        const struct fake_rule_home *home = userdata;

        return index < home->count ? home->devices[index].id : NULL;
}

static void watch(void *userdata, const char *id, struct rule_condition *conditions)
{
        fake_device_find(userdata, id)->now.conditions = conditions;
}

/* ON, OFF and TOGGLE are carried out, where there is a channel "state". */
static void carry_out(struct fake_rule_home *home, const struct fake_device *device, const char *payload)
{
        const struct channel *state = channels_find(&device->channels, "state");
        bool toggles = strcmp(payload, "TOGGLE") == 0;

        if (state)
                fake_report(home, device->id,
                            SCONCE_BOOL("state", toggles ? !state->now.on : strcmp(payload, "ON") == 0));
}

static int command(void *userdata, const char *id, const char *channel, const char *payload,
                   const struct command_cause *cause)
{
        struct fake_rule_home *home = userdata;
        const struct fake_device *device = look_up(home, id);
        struct result result = { .code = RESULT_OK };
        char line[128];

        if (!device)
                return -ENODEV;
        (void)snprintf(line, sizeof(line), "%s%s%s %s", id, channel ? "." : "", channel ? channel : "", payload);
        append(home->commands, sizeof(home->commands), line);
        if (home->refusal)
                (void)refuse(&result, RESULT_BUSY, "%s", home->refusal);
        else
                carry_out(home, device, payload);
        rules_result(home->rules, cause, &result);
        return 0;
}

static void command_other(void *userdata, const struct distant_command *command)
{
        struct fake_rule_home *home = userdata;
        struct result result = { .code = RESULT_OK };
        char line[128];

        (void)snprintf(line, sizeof(line), "%u %s/%s%s%s %s", command->cause->depth, command->node, command->device,
                       command->channel ? "." : "", command->channel ? command->channel : "", command->payload);
        append(home->commands, sizeof(home->commands), line);
        if (home->refusal)
                (void)refuse(&result, RESULT_OFFLINE, "%s", home->refusal);
        rules_result(home->rules, command->cause, &result);
}

static bool reaches_others(void *userdata)
{
        const struct fake_rule_home *home = userdata;

        return !home->is_alone;
}

static void problem(void *userdata, const char *text)
{
        struct fake_rule_home *home = userdata;

        (void)snprintf(home->problem, sizeof(home->problem), "%s", text ? text : "");
}

/* ---- What happens --------------------------------------------------------------------------------------- */

struct fake_device *fake_device_add(struct fake_rule_home *home, const char *id, const struct sconce_channel *row)
{
        struct fake_device *device = &home->devices[home->count];

        assert_true(home->count < FAKE_DEVICES);
        home->count++;
        *device = (struct fake_device){ .id = id };
        device->now.is_configured = device->now.is_running = device->now.has_status = device->now.published_online =
                true;
        if (row)
                assert_int_equal(channels_append(&device->channels, row), 0);
        return device;
}

static struct rule_device seen(struct fake_rule_home *home, const char *id)
{
        struct rule_device now;

        assert_true(find(home, id, &now));
        if (home->inside == 0)
                rules_moment_over(home->rules);
        return now;
}

void fake_report(struct fake_rule_home *home, const char *id, struct sconce_value value)
{
        struct fake_device *device = fake_device_find(home, id);
        struct fault fault;
        bool changed;

        assert_int_equal(channels_report(&device->channels, loop_now_us(&home->loop), &value, 1, &changed, &fault), 0);
        device->now.has_reported = true;
        const struct rule_device now = seen(home, id);
        rules_reported(home->rules, &now, 0, &value, 1);
}

void fake_event(struct fake_rule_home *home, const char *id, const char *channel, const char *event_type,
                uint64_t time_us)
{
        const struct rule_device now = seen(home, id);

        rules_event(home->rules, &now, time_us, channel, event_type);
}

void fake_status(struct fake_rule_home *home, const char *id)
{
        const struct rule_device now = seen(home, id);

        rules_status(home->rules, &now);
}

void fake_moment_begin(struct fake_rule_home *home)
{
        home->inside++;
}

void fake_moment_end(struct fake_rule_home *home)
{
        if (--home->inside == 0)
                rules_moment_over(home->rules);
}

void fake_pass(struct fake_rule_home *home, uint64_t time_us)
{
        loop_advance(&home->loop, time_us);
}

void assert_commands(struct fake_rule_home *home, const char *expected)
{
        assert_string_equal(home->commands, expected);
        home->commands[0] = '\0';
}

/* ---- Configs -------------------------------------------------------------------------------------------- */

void fake_rules_apply(struct fake_rule_home *home, const char *text)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG struct config *config = config_text_load(text, &problems);

        assert_int_equal(problems.count, 0);
        assert_int_equal(rules_apply(home->rules, config), 0);
}

char *fake_rules_check(struct fake_rule_home *home, const char *text)
{
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG struct config *config = config_text_load(text, &problems);

        assert_int_equal(rules_check(&home->ops, config, &problems), 0);
        return config_text_render(NULL, &problems);
}

/* ---- Life ----------------------------------------------------------------------------------------------- */

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        struct fake_rule_home *home = userdata;

        (void)about;
        if (level <= LOG_NOTICE)
                append(home->log, sizeof(home->log), text);
}

int fake_rule_home_setup(void **state)
{
        struct fake_rule_home *home = calloc(1, sizeof(*home));

        if (!home || config_text_setup(&home->place) < 0 || loop_init_fake(&home->loop) < 0)
                return -1;
        *state = home;
        loop_advance(&home->loop, USEC_PER_SEC); /* 0 is no time */
        log_set_sink(on_log, home);
        home->ops = (struct rule_home){ .loop = &home->loop,
                                        .find = find,
                                        .id = id_at,
                                        .watch = watch,
                                        .command = command,
                                        .command_other = command_other,
                                        .reaches_others = reaches_others,
                                        .problem = problem,
                                        .userdata = home };
        return rules_new(&home->ops, &home->rules);
}

int fake_rule_home_teardown(void **state)
{
        struct fake_rule_home *home = *state;

        rules_free(home->rules);
        log_set_sink(NULL, NULL);
        for (size_t i = 0; i < home->count; i++)
                channels_done(&home->devices[i].channels);
        loop_done(&home->loop);
        int r = config_text_teardown(&home->place);
        free(home);
        return r;
}
