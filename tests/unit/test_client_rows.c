/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce list` and `sconce nodes`: rows from a house, as a table and as JSON. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/rows.h"
#include "client/table.h"

static const struct {
        const char *topic, *payload;
} messages[] = {
        { "sconce/hall/status", "online" },
        { "sconce/hall/info",
          "{\"version\":\"0.1.0\",\"started\":\"2026-11-22T19:30:00Z\",\"devices\":{"
          "\"node\":{\"plugin\":\"node\"},"
          "\"kitchen\":{\"plugin\":\"lamp\",\"name\":\"Kitchen \\u001b[31mceiling\",\"area\":\"K\xc3\xbc"
          "che\",\"channels\":{\"state\":{\"kind\":\"light\"},\"brightness\":{\"kind\":\"number\"}}},"
          "\"cellar\":{\"plugin\":\"w1\",\"channels\":{\"temperature\":{\"kind\":\"sensor\",\"unit\":\"\xc2\xb0"
          "C\"}}}}}" },
        { "sconce/hall/kitchen/status", "online" },
        { "sconce/hall/kitchen/state", "{\"time\":null,\"state\":\"ON\",\"brightness\":128}" },
        { "sconce/hall/cellar/status", "offline" },
        { "sconce/hall/cellar/state", "{\"time\":\"2026-11-22T19:30:00Z\",\"temperature\":21.3}" },
        { "sconce/hall/node/state", "{\"problems\":[\"cellar: no sensor\",\"clock\"]}" },
        { "sconce/attic/status", "offline" },
        { "sconce/attic/info", "{\"devices\":{\"fan\":{\"plugin\":\"switch\"}}}" },
        { "sconce/attic/fan/status", "online" },
        { "sconce/attic/fan/state", "{\"state\":null}" },
};

static const struct table_column columns[] = {
        { "NODE", "node", .right = false }, { "DEVICE", "device", .right = false },
        { "NAME", "name", .right = false }, { "STATUS", "status", .right = false },
        { "STATE", "state", .cut = true },  { NULL, NULL, .cut = false },
};

static int set_up(void **state)
{
        struct view *home = calloc(1, sizeof(*home));
        *state = home;
        if (!home || view_init(home, "sconce") < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
                view_take(home, messages[i].topic, messages[i].payload, strlen(messages[i].payload));
        return 0;
}

static int tear_down(void **state)
{
        struct view *home = *state;
        view_done(home);
        free(home);
        return 0;
}

static char *printed(json_t *rows, const struct table_column *table, bool as_json)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(table_print(out, rows, table, as_json), 0);
        (void)fclose(out);
        json_decref(rows);
        return text;
}

static void rows_of_devices__for_people__are_texts(void **state)
{
        json_t *rows = rows_of_devices(*state, false);

        assert_int_equal(json_array_size(rows), 3);
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "status")), "offline");
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "state")), "?");
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "state")),
                            "temperature 21.3 \xc2\xb0"
                            "C");
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 2), "state")), "ON, brightness 128");
        json_decref(rows);
}

static void table_print__rows_of_devices__shows_a_table_without_escape_sequences(void **state)
{
        char *text = printed(rows_of_devices(*state, false), columns, false);

        assert_string_equal(text, "NODE  DEVICE  NAME                    STATUS  STATE\n"
                                  "attic fan                             offline ?\n"
                                  "hall  cellar                          offline temperature 21.3 \xc2\xb0"
                                  "C\n"
                                  "hall  kitchen Kitchen \\x1b[31mceiling online  ON, brightness 128\n");
        free(text);
}

static void table_print__rows_of_devices_as_json__is_valid_and_whole(void **state)
{
        char *text = printed(rows_of_devices(*state, true), columns, true);
        json_t *rows = json_loads(text, 0, NULL);

        assert_int_equal(json_array_size(rows), 3);
        const json_t *row = json_array_get(rows, 2);
        assert_string_equal(json_string_value(json_object_get(row, "name")), "Kitchen \x1b[31mceiling");
        assert_string_equal(json_string_value(json_object_get(row, "area")), "K\xc3\xbc"
                                                                             "che");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "state"), "brightness")), 128);
        assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "name")));
        assert_non_null(strstr(text, "21.3\n"));
        json_decref(rows);
        free(text);
}

static void rows_of_nodes__of_a_house__count_devices_and_join_problems(void **state)
{
        json_t *rows = rows_of_nodes(*state, false);
        json_t *attic = json_array_get(rows, 0), *hall = json_array_get(rows, 1);

        assert_int_equal(json_array_size(rows), 2);
        assert_string_equal(json_string_value(json_object_get(attic, "status")), "offline");
        assert_string_equal(json_string_value(json_object_get(attic, "problems")), "");
        assert_string_equal(json_string_value(json_object_get(hall, "version")), "0.1.0");
        assert_int_equal(json_integer_value(json_object_get(hall, "devices")), 2);
        assert_string_equal(json_string_value(json_object_get(hall, "problems")), "cellar: no sensor; clock");
        json_decref(rows);
}

static void rows_of_nodes__as_json__keep_the_list_of_problems(void **state)
{
        json_t *rows = rows_of_nodes(*state, true);

        assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "problems")));
        assert_int_equal(json_array_size(json_object_get(json_array_get(rows, 1), "problems")), 2);
        json_decref(rows);
}

static void table_print__no_rows_as_json__is_an_empty_list(void **state)
{
        (void)state;
        char *text = printed(json_array(), columns, true);

        assert_string_equal(text, "[]\n");
        free(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(rows_of_devices__for_people__are_texts),
                TEST(table_print__rows_of_devices__shows_a_table_without_escape_sequences),
                TEST(table_print__rows_of_devices_as_json__is_valid_and_whole),
                TEST(rows_of_nodes__of_a_house__count_devices_and_join_problems),
                TEST(rows_of_nodes__as_json__keep_the_list_of_problems),
                cmocka_unit_test(table_print__no_rows_as_json__is_an_empty_list),
        };
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
