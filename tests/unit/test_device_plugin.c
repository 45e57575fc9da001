/* SPDX-License-Identifier: Apache-2.0 */
/* device/plugin: modules that are taken over, and everything that is refused, with its reason. */
#include "plugin/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct thing {
        int64_t number;
        struct sconce_line *line;
        struct sconce_list list;
};

static const char *const choices[] = { "a", "b", NULL };
static const struct sconce_option good_options[] = {
        SCONCE_OPTION_INT(struct thing, number, "number", 0, "A number", .def = "5", .max = "10"),
        SCONCE_OPTION_LINE(struct thing, line, "line", SCONCE_OUTPUT, "A line"),
        SCONCE_OPTION_LIST(struct thing, list, SCONCE_TYPE_STRING, "words", 0, "Words"),
        { .key = NULL },
};
static const struct sconce_channel good_channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "press", .kind = SCONCE_EVENT, .choices = choices },
        { .key = NULL },
};

static int start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static int command(struct sconce_device *dev, void *instance, const struct sconce_command *given)
{
        (void)dev;
        (void)instance;
        (void)given;
        return 0;
}

/* A module that is good until a test spoils it. */
struct sample {
        struct sconce_option options[4];
        struct sconce_channel channels[3];
        struct sconce_plugin plugin;
        struct sconce_module module;
};

static void sample_init(struct sample *sample)
{
        memset(sample, 0, sizeof(*sample));
        memcpy(sample->options, good_options, sizeof(good_options));
        memcpy(sample->channels, good_channels, sizeof(good_channels));
        sample->plugin = (struct sconce_plugin){
                .name = "thing",
                .summary = "A thing",
                .instance_size = sizeof(struct thing),
                .options = sample->options,
                .channels = sample->channels,
                .start = start,
                .command = command,
        };
        sample->module = (struct sconce_module){
                .abi = SCONCE_ABI,
                .size = sizeof(struct sconce_module),
                .plugin_size = sizeof(struct sconce_plugin),
                .option_size = sizeof(struct sconce_option),
                .channel_size = sizeof(struct sconce_channel),
                .plugin = &sample->plugin,
        };
}

static void plugin_new__good_module__copied(void **state)
{
        struct plugin *plugin = NULL;
        struct fault fault = { 0 };
        struct sample sample;

        (void)state;
        sample_init(&sample);
        assert_int_equal(plugin_new(&sample.module, &fault, &plugin), 0);
        memset(&sample, 0xff, sizeof(sample)); /* nobody looks at the original again */
        assert_string_equal(plugin->table.name, "thing");
        assert_int_equal(plugin->n_options, 3);
        assert_string_equal(plugin->table.options[0].def, "5");
        assert_null(plugin->table.options[3].key);
        assert_int_equal(plugin->n_channels, 2);
        assert_string_equal(plugin->table.channels[1].key, "press");
        assert_true(plugin->has_output);
        assert_int_equal(plugin->n_lines, 1);
        assert_string_equal(plugin->version, SCONCE_VERSION);
        plugin_free(plugin);
}

/* ---- Refusals ------------------------------------------------------------------------------------------ */

static void foreign_abi(struct sample *s)
{
        s->module.abi = 2;
}
static void small_module(struct sample *s)
{
        s->module.size = 8;
}
static void no_plugin(struct sample *s)
{
        s->module.plugin = NULL;
}
static void small_plugin(struct sample *s)
{
        s->module.plugin_size = 24;
}
static void large_option(struct sample *s)
{
        s->module.option_size = 1000000;
}
static void small_channel(struct sample *s)
{
        s->module.channel_size = 16;
}
static void no_name(struct sample *s)
{
        s->plugin.name = NULL;
}
static void bad_name(struct sample *s)
{
        s->plugin.name = "Thing One";
}
static void no_summary(struct sample *s)
{
        s->plugin.summary = NULL;
}
static void no_start(struct sample *s)
{
        s->plugin.start = NULL;
}
static void no_command(struct sample *s)
{
        s->plugin.command = NULL;
}
static void no_read(struct sample *s)
{
        s->plugin.every = "30s";
}
static void new_flag(struct sample *s)
{
        s->plugin.flags = 1U << 30;
}
static void huge_instance(struct sample *s)
{
        s->plugin.instance_size = 2U << 20;
}
static void blocking_line(struct sample *s)
{
        s->plugin.flags = SCONCE_BLOCKING;
}
static void new_type(struct sample *s)
{
        s->options[0].type = (enum sconce_option_type)77;
}
static void blocking_led(struct sample *s)
{
        s->plugin.flags = SCONCE_BLOCKING;
        s->options[0].type = SCONCE_TYPE_LED;
        s->options[0].flags = SCONCE_OUTPUT;
}
static void dimmer_no_output(struct sample *s)
{
        s->options[0].type = SCONCE_TYPE_PWM;
}
static void new_option_flag(struct sample *s)
{
        s->options[0].flags = 1U << 20;
}
static void taken_key(struct sample *s)
{
        s->options[0].key = "rate";
}
static void taken_companion(struct sample *s)
{
        s->options[0].key = "active_low";
}
static void bad_key(struct sample *s)
{
        s->options[0].key = "Number";
}
static void twice_option(struct sample *s)
{
        s->options[2].key = "number";
}
static void no_help(struct sample *s)
{
        s->options[0].help = NULL;
}
static void bad_default(struct sample *s)
{
        s->options[0].def = "11";
}
static void outside(struct sample *s)
{
        s->options[0].offset = sizeof(struct thing) - 4;
}
static void unaligned(struct sample *s)
{
        s->options[0].offset = 1;
}
static void output_number(struct sample *s)
{
        s->options[0].flags = SCONCE_OUTPUT;
}
static void bad_debounce(struct sample *s)
{
        s->options[1].flags = 0;
        s->options[1].debounce = "20";
}
static void reserved_channel(struct sample *s)
{
        s->channels[0].key = "time";
}
static void bad_channel(struct sample *s)
{
        s->channels[0].key = "State";
}
static void twice_channel(struct sample *s)
{
        s->channels[0].key = "press";
}
static void new_kind(struct sample *s)
{
        s->channels[0].kind = (enum sconce_kind)99;
}
static void new_channel_flag(struct sample *s)
{
        s->channels[0].flags = 1U << 20;
}
static void no_choices(struct sample *s)
{
        s->channels[1].choices = NULL;
}
static void bad_range(struct sample *s)
{
        s->channels[0].min = 5;
}
static void endless(struct sample *s)
{
        static struct sconce_option many[300];
        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = good_options[0];
        s->plugin.options = many;
}

static const struct {
        void (*spoil)(struct sample *sample);
        const char *text;
} refusals[] = {
        { foreign_abi, "it is built for plugin ABI 2, and this agent has ABI 1" },
        { small_module, "its module struct has 8 bytes, which no version of the header has" },
        { no_plugin, "its module names no plugin" },
        { small_plugin, "its plugin struct has 24 bytes, which no version of the header has" },
        { large_option, "its option struct has 1000000 bytes, which no version of the header has" },
        { small_channel, "its channel struct has 16 bytes, which no version of the header has" },
        { no_name, "its name \"\" is not one: [a-z][a-z0-9_-]*" },
        { bad_name, "its name \"Thing One\" is not one: [a-z][a-z0-9_-]*" },
        { no_summary, "it has no summary" },
        { no_start, "it has no start function" },
        { no_command, "channel \"state\" is written and there is no command function" },
        { no_read, "it wants to be read every 30s and has no read function" },
        { new_flag, "it has flags (0x40000000) that this version does not know" },
        { huge_instance, "its instance has 2097152 bytes; at most 1048576 are allowed" },
        { blocking_line, "option \"line\" is a line, which a blocking plugin cannot have" },
        { new_type, "option \"number\" has a type (77) that this version does not know" },
        { blocking_led, "option \"number\" is a dimmer, which a blocking plugin cannot have" },
        { dimmer_no_output, "option \"number\" is a dimmer and not marked as an output" },
        { new_option_flag, "option \"number\" has flags (0x100000) that this version does not know" },
        { taken_key, "option \"rate\" is one of the agent's own" },
        { taken_companion, "option \"active_low\" is one of the agent's own" },
        { twice_option, "option \"number\" is there twice" },
        { no_help, "option \"number\" has no help" },
        { outside, "option \"number\" has a field outside of the instance" },
        { unaligned, "option \"number\" has a field outside of the instance" },
        { output_number, "option \"number\" is no line or dimmer and cannot be an output" },
        { endless, "its table of options has no end" },
        { reserved_channel, "channel key \"time\" is reserved" },
        { bad_channel, "channel key \"State\" is not one: [a-z][a-z0-9_]*" },
        { twice_channel, "channel \"press\" is there twice" },
        { new_kind, "channel \"state\" has a kind (99) that this version does not know" },
        { new_channel_flag, "channel \"state\" has flags (0x100000) that this version does not know" },
        { no_choices, "channel \"press\" has no choices" },
        { bad_range, "channel \"state\" has a minimum above its maximum" },
};

static void plugin_new__spoilt_module__refused_with_reason(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                struct plugin *plugin = NULL;
                struct fault fault = { 0 };
                struct sample sample;
                sample_init(&sample);
                refusals[i].spoil(&sample);
                assert_true(plugin_new(&sample.module, &fault, &plugin) < 0);
                assert_string_equal(fault.text, refusals[i].text);
                assert_null(plugin);
        }
}

/* Faults that the option engine finds: its words, our refusal. */
static void plugin_new__bad_option_values__refused(void **state)
{
        static void (*const spoils[])(struct sample *) = { bad_key, bad_default, bad_debounce };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
                struct plugin *plugin = NULL;
                struct fault fault = { 0 };
                struct sample sample;
                sample_init(&sample);
                spoils[i](&sample);
                assert_true(plugin_new(&sample.module, &fault, &plugin) < 0);
                assert_true(strlen(fault.text) > 10);
        }
}

static void line_companions__other_key__prefixed(void **state)
{
        const struct sconce_option row = { .key = "up", .type = SCONCE_TYPE_LINE, .flags = SCONCE_OUTPUT };
        const struct sconce_option input = {
                .key = "line", .type = SCONCE_TYPE_LINE, .debounce = "20ms", .bias = "pull-up"
        };
        const struct sconce_option rows[] = { row, input, { .key = "pwm", .type = SCONCE_TYPE_PWM }, { .key = NULL } };
        const struct sconce_plugin table = { .options = rows };
        struct line_companions companions;

        (void)state;
        line_companions_init(&table, &row, &companions);
        assert_string_equal(companions.rows[0].key, "up_active_low");
        assert_string_equal(companions.rows[1].key, "up_bias");
        assert_string_equal(companions.rows[2].key, "up_drive");
        assert_string_equal(companions.rows[0].needs, "up");
        assert_null(companions.rows[3].key);
        line_companions_init(&table, &input, &companions);
        assert_string_equal(companions.rows[0].key, "active_low");
        assert_string_equal(companions.rows[1].def, "pull-up");
        assert_string_equal(companions.rows[2].key, "debounce");
        assert_string_equal(companions.rows[2].def, "20ms");
        assert_string_equal(companions.rows[0].needs, "line pwm"); /* a PWM channel can be inverted */
        assert_string_equal(companions.rows[1].needs, "line");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plugin_new__good_module__copied),
                cmocka_unit_test(plugin_new__spoilt_module__refused_with_reason),
                cmocka_unit_test(plugin_new__bad_option_values__refused),
                cmocka_unit_test(line_companions__other_key__prefixed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
