/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugin ABI 1 as it is frozen: where each field lies, what each name is worth, and what an older host
 * answers. Lines are added here when fields are; a line that has to be changed is another ABI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/plugin.h>

#include "util/macro.h"

/* ---- Layout -------------------------------------------------------------------------------------------- */

#if UINTPTR_MAX == UINT64_MAX

#define AT(type, field, offset)   _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " has moved")
#define SIZE_IS(type, size)       _Static_assert(sizeof(struct type) == (size), #type " has another size")
#define SIZE_AT_LEAST(type, size) _Static_assert(sizeof(struct type) >= (size), #type " has shrunk")

AT(sconce_option, key, 0);
AT(sconce_option, type, 8);
AT(sconce_option, flags, 12);
AT(sconce_option, offset, 16);
AT(sconce_option, help, 24);
AT(sconce_option, def, 32);
AT(sconce_option, min, 40);
AT(sconce_option, max, 48);
AT(sconce_option, choices, 56);
AT(sconce_option, unit, 64);
AT(sconce_option, debounce, 72);
AT(sconce_option, bias, 80);
SIZE_AT_LEAST(sconce_option, 88);

AT(sconce_channel, key, 0);
AT(sconce_channel, kind, 8);
AT(sconce_channel, flags, 12);
AT(sconce_channel, unit, 16);
AT(sconce_channel, device_class, 24);
AT(sconce_channel, min, 32);
AT(sconce_channel, max, 40);
AT(sconce_channel, step, 48);
AT(sconce_channel, choices, 56);
AT(sconce_channel, help, 64);
AT(sconce_channel, name, 72);
SIZE_AT_LEAST(sconce_channel, 80);

AT(sconce_plugin, name, 0);
AT(sconce_plugin, summary, 8);
AT(sconce_plugin, version, 16);
AT(sconce_plugin, flags, 24);
AT(sconce_plugin, instance_size, 32);
AT(sconce_plugin, options, 40);
AT(sconce_plugin, channels, 48);
AT(sconce_plugin, every, 56);
AT(sconce_plugin, deadline, 64);
AT(sconce_plugin, configure, 72);
AT(sconce_plugin, start, 80);
AT(sconce_plugin, stop, 88);
AT(sconce_plugin, command, 96);
AT(sconce_plugin, read, 104);
SIZE_AT_LEAST(sconce_plugin, 112);

AT(sconce_module, abi, 0);
AT(sconce_module, size, 4);
AT(sconce_module, plugin_size, 8);
AT(sconce_module, option_size, 16);
AT(sconce_module, channel_size, 24);
AT(sconce_module, plugin, 32);
SIZE_AT_LEAST(sconce_module, 40);

/* These never grow. */
AT(sconce_value, channel, 0);
AT(sconce_value, type, 8);
AT(sconce_value, on, 12);
AT(sconce_value, number, 16);
AT(sconce_value, text, 24);
SIZE_IS(sconce_value, 32);
AT(sconce_command, count, 0);
AT(sconce_command, values, 8);
AT(sconce_command, flags, 16);
SIZE_IS(sconce_command, 24);
AT(sconce_edge, line, 0);
AT(sconce_edge, active, 8);
AT(sconce_edge, lost, 12);
AT(sconce_edge, time_us, 16);
SIZE_IS(sconce_edge, 24);
AT(sconce_list, count, 0);
AT(sconce_list, items, 8);
SIZE_IS(sconce_list, 16);
AT(sconce_device, host, 0);

/* The host's functions, in this order for ever. */
#define NTH(member, n)                                                                                                 \
        _Static_assert(offsetof(struct sconce_host, member) == (n) * sizeof(void *), #member " has moved")
NTH(size, 0);
NTH(id, 1);
NTH(report, 2);
NTH(event, 3);
NTH(health, 4);
NTH(error, 5);
NTH(log, 6);
NTH(now_us, 7);
NTH(channel_add, 8);
NTH(first, 9);
NTH(timed, 10);
NTH(line_output, 11);
NTH(line_input, 12);
NTH(line_set, 13);
NTH(line_get, 14);
NTH(dimmer_open, 15);
NTH(dimmer_set, 16);
NTH(timer_new, 17);
NTH(timer_arm, 18);
NTH(timer_disarm, 19);
NTH(fd_watch, 20);
NTH(fd_unwatch, 21);
NTH(save, 22);
NTH(load, 23);
NTH(dimmer_get, 24);
NTH(deadline_us, 25);
NTH(problem, 26);

#endif

/* ---- Numbers ------------------------------------------------------------------------------------------- */

static void abi__every_number__as_frozen(void **state)
{
        static const struct {
                const char *name;
                long is, shall;
        } numbers[] = {
#define IS(name, shall) { #name, (long)(name), (shall) }
                IS(SCONCE_ABI, 1),           IS(SCONCE_TYPE_BOOL, 1),   IS(SCONCE_TYPE_INT, 2),
                IS(SCONCE_TYPE_FLOAT, 3),    IS(SCONCE_TYPE_STRING, 4), IS(SCONCE_TYPE_ENUM, 5),
                IS(SCONCE_TYPE_DURATION, 6), IS(SCONCE_TYPE_SIZE, 7),   IS(SCONCE_TYPE_PERCENT, 8),
                IS(SCONCE_TYPE_PATH, 9),     IS(SCONCE_TYPE_LINE, 10),  IS(SCONCE_TYPE_PWM, 11),
                IS(SCONCE_TYPE_LED, 12),     IS(SCONCE_REQUIRED, 1),    IS(SCONCE_SECRET, 2),
                IS(SCONCE_RELOADABLE, 4),    IS(SCONCE_LIST, 8),        IS(SCONCE_OUTPUT, 16),
                IS(SCONCE_TIMES_OUTPUT, 32), IS(SCONCE_LIGHT, 1),       IS(SCONCE_SWITCH, 2),
                IS(SCONCE_BINARY_SENSOR, 3), IS(SCONCE_SENSOR, 4),      IS(SCONCE_NUMBER, 5),
                IS(SCONCE_COVER, 6),         IS(SCONCE_BUTTON, 7),      IS(SCONCE_EVENT, 8),
                IS(SCONCE_SELECT, 9),        IS(SCONCE_TEXT, 10),       IS(SCONCE_TEXT_LIST, 11),
                IS(SCONCE_DURATION, 12),     IS(SCONCE_READ_ONLY, 1),   IS(SCONCE_WRITABLE, 2),
                IS(SCONCE_COMMAND_ONLY, 4),  IS(SCONCE_DIAGNOSTIC, 8),  IS(SCONCE_TOTAL, 16),
                IS(SCONCE_VALUE_NONE, 0),    IS(SCONCE_VALUE_BOOL, 1),  IS(SCONCE_VALUE_NUMBER, 2),
                IS(SCONCE_VALUE_TEXT, 3),    IS(SCONCE_COMMAND_NOW, 1), IS(SCONCE_COMMAND_TOGGLE, 2),
                IS(SCONCE_LINE_KEEP, -1),    IS(SCONCE_BLOCKING, 1),    IS(SCONCE_TIMED, 2),
                IS(SCONCE_LOG_ERROR, 3),     IS(SCONCE_LOG_WARNING, 4), IS(SCONCE_LOG_NOTICE, 5),
                IS(SCONCE_LOG_INFO, 6),      IS(SCONCE_LOG_DEBUG, 7),
#undef IS
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                if (numbers[i].is != numbers[i].shall)
                        fail_msg("%s is %ld, and was %ld", numbers[i].name, numbers[i].is, numbers[i].shall);
        assert_true(SCONCE_DIMMER_KEEP == -1.0);
}

/* ---- An older host ------------------------------------------------------------------------------------- */

static void on_edge(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        (void)dev, (void)instance, (void)edge;
}

static void on_timer(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)dev, (void)instance, (void)userdata;
}

static void on_ready(struct sconce_device *dev, void *instance, uint32_t events, void *userdata)
{
        (void)dev, (void)instance, (void)events, (void)userdata;
}

/* A host whose every function would crash, and which has `size` bytes of them: what lies behind is not
 * called. */
static struct sconce_host *poisoned_host(size_t size)
{
        static struct sconce_host host;

        memset(&host, 0x11, sizeof(host));
        host.size = size;
        return &host;
}

#define CALLS 26

/* Every wrapper that returns a result; 1 after the last. */
static int call(struct sconce_device *dev, size_t nth)
{
        const struct sconce_value value = SCONCE_BOOL("state", true);
        const struct sconce_channel row = { .key = "state", .kind = SCONCE_SENSOR };
        struct sconce_value first;
        struct sconce_timer *timer;
        struct sconce_watch *watch;
        char text[8];
        double level;
        bool active;

        switch (nth) {
        case 0:
                return sconce_report(dev, &value, 1);
        case 1:
                return sconce_event(dev, "press", "single");
        case 2:
                return sconce_health(dev, 0, NULL);
        case 3:
                return sconce_channel_add(dev, &row);
        case 4:
                return sconce_first(dev, "state", &first);
        case 5:
                return sconce_timed(dev, true);
        case 6:
                return sconce_line_output(dev, NULL, 0);
        case 7:
                return sconce_line_input(dev, NULL, on_edge);
        case 8:
                return sconce_line_set(dev, NULL, true);
        case 9:
                return sconce_line_get(dev, NULL, &active);
        case 10:
                return sconce_dimmer_open(dev, NULL, 0, 0);
        case 11:
                return sconce_dimmer_set(dev, NULL, 0);
        case 12:
                return sconce_timer_new(dev, on_timer, NULL, &timer);
        case 13:
                return sconce_timer_arm(dev, NULL, 0);
        case 14:
                return sconce_timer_disarm(dev, NULL);
        case 15:
                return sconce_fd_watch(dev, 0, 0, on_ready, NULL, &watch);
        case 16:
                return sconce_fd_unwatch(dev, NULL);
        case 17:
                return sconce_save(dev, "key", "text");
        case 18:
                return sconce_load(dev, "key", text, sizeof(text));
        case 19:
                return sconce_report_at(dev, 1, &value, 1);
        case 20:
                return sconce_report_bool(dev, "state", true);
        case 21:
                return sconce_report_number(dev, "state", 1);
        case 22:
                return sconce_report_text(dev, "state", "x");
        case 23:
                return sconce_event_at(dev, 1, "press", "single");
        case 24:
                return sconce_dimmer_get(dev, NULL, &level);
        case 25:
                return sconce_problem(dev, 0, NULL);
        default:
                return 1;
        }
}

static void wrapper__host_without_it__enosys(void **state)
{
        struct sconce_device dev = { .host = poisoned_host(sizeof(size_t)) };
        size_t count = 0;

        (void)state;
        for (int r; (r = call(&dev, count)) != 1; count++)
                assert_int_equal(r, -ENOSYS);
        assert_int_equal(count, CALLS);
        assert_string_equal(sconce_id(&dev), "");
        assert_int_equal(sconce_now_us(&dev), 0);
        assert_int_equal(sconce_deadline_us(&dev), 0);
        assert_int_equal(sconce_first_level(&dev, "state"), 0);
        sconce_error(&dev, "nobody hears %s", "this");
        sconce_log(&dev, SCONCE_LOG_INFO, "nobody hears %s", "this");
}

/* A struct that ends within a pointer has not got that function. */
static void wrapper__host_ends_within_it__enosys(void **state)
{
        struct sconce_device dev = { .host = poisoned_host(offsetof(struct sconce_host, save) + sizeof(void *) / 2) };

        (void)state;
        assert_int_equal(sconce_save(&dev, "key", "text"), -ENOSYS);
        dev.host = poisoned_host(offsetof(struct sconce_host, load));
        assert_int_equal(call(&dev, 18), -ENOSYS);
}

/* A host that has the place, and nothing in it. */
static void wrapper__empty_place__enosys(void **state)
{
        static const struct sconce_host empty = { .size = sizeof(empty) };
        struct sconce_device dev = { .host = &empty };

        (void)state;
        for (size_t i = 0; i < CALLS; i++)
                assert_int_equal(call(&dev, i), -ENOSYS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(abi__every_number__as_frozen),
                cmocka_unit_test(wrapper__host_without_it__enosys),
                cmocka_unit_test(wrapper__host_ends_within_it__enosys),
                cmocka_unit_test(wrapper__empty_place__enosys),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
