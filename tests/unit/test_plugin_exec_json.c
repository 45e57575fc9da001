/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of plugins/exec against Jansson: on objects that are made by chance, whole and damaged, both
 * take the same ones and see the same in them.
 */
#include "../../plugins/exec.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>

#define ROUNDS 200000

static uint64_t seed = 42;

static unsigned chance(unsigned below)
{
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned)(seed >> 33) % below;
}

/* ---- Objects by chance --------------------------------------------------------------------------------- */

static const char *pick(const char *const *from, unsigned count)
{
        return from[chance(count)];
}
#define PICK(...)                                                                                                      \
        pick((const char *const[]){ __VA_ARGS__ },                                                                     \
             (unsigned)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)))

static void put_string(FILE *out)
{
        (void)fputc('"', out);
        for (unsigned i = chance(6); i > 0; i--)
                (void)fputs(PICK("a", "ü", "€", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00",
                                 "\\u20AC", " ", "\\b", "{", "\\ud83d", "\\x", "\t", "\\u12g4", "\x7f"),
                            out);
        (void)fputc('"', out);
}

static void put_value(FILE *out)
{
        switch (chance(3)) {
        case 0:
                put_string(out);
                break;
        case 1:
                (void)fprintf(out, "%s%u%s%s", PICK("", "-"), chance(4) ? chance(1000) : 0,
                              PICK("", ".5", ".07", ".", "0"), PICK("", "", "e3", "E-2", "e+1", "e", "e999"));
                break;
        default:
                (void)fputs(
                        PICK("true", "false", "null", "tru", "nulll", "[]", "{}", "+1", "NaN", "0x1", "01", "-", ""),
                        out);
        }
}

static char *make_object(void)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        (void)fputs(PICK("{", " { ", "\n{\t"), out);
        for (unsigned i = 0, count = chance(4); i < count; i++)
                (void)fprintf(out, "%s\"k%u\"%s", i ? PICK(",", " , ") : "", i, PICK(":", " : ")), put_value(out);
        (void)fputs(PICK("}", " }\n", "}", "}", ",}", "", "}}"), out);
        assert_int_equal(fclose(out), 0);
        return text;
}

/* A byte changed, cut out or doubled. Never to or past the end. */
static void damage(char *text)
{
        size_t length = strlen(text), at = length ? chance((unsigned)length) : 0;

        if (length == 0)
                return;
        switch (chance(3)) {
        case 0:
                text[at] = (char)(1 + chance(255));
                break;
        case 1:
                memmove(text + at, text + at + 1, length - at);
                break;
        default:
                text[at] = text[chance((unsigned)length)];
        }
}

/* ---- What both see ------------------------------------------------------------------------------------- */

struct seen {
        json_t *object;
        char keys[8][TEXT_SIZE];
        size_t count;
};

static int compare(void *userdata, const char *key, const struct token *token)
{
        struct seen *seen = userdata;
        const json_t *value = json_object_get(seen->object, key);

        for (size_t i = 0; i < seen->count; i++)
                if (strcmp(seen->keys[i], key) == 0)
                        return -EBADMSG;
        assert_true(seen->count < 8);
        memcpy(seen->keys[seen->count++], key, strlen(key) + 1);
        if (!seen->object) /* Jansson refused it: so must we, in the end */
                return 0;
        assert_non_null(value);
        switch (token->type) {
        case TOKEN_NULL:
                assert_true(json_is_null(value));
                break;
        case TOKEN_BOOL:
                assert_true(json_is_boolean(value) && json_is_true(value) == token->on);
                break;
        case TOKEN_NUMBER:
                assert_true(json_is_number(value) && json_number_value(value) == token->number);
                break;
        case TOKEN_TEXT:
                assert_true(json_is_string(value));
                assert_string_equal(json_string_value(value), token->text);
        }
        return 0;
}

static bool is_flat(const json_t *object)
{
        const char *key;
        json_t *value;

        if (!json_is_object(object))
                return false;
        json_object_foreach((json_t *)(uintptr_t)object, key,
                            value) if (json_is_object(value) || json_is_array(value)) return false;
        return true;
}

static void check(const char *text, unsigned *n_taken)
{
        struct seen seen = { .object = json_loads(text, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, NULL) };
        bool takes = is_flat(seen.object);

        int r = parse_object(&(struct cursor){ .at = text }, compare, &seen);
        if (takes != (r == 0))
                fail_msg("%s takes it: %s", takes ? "Jansson alone" : "exec alone", text);
        if (takes)
                assert_int_equal(seen.count, json_object_size(seen.object));
        *n_taken += takes;
        json_decref(seen.object);
}

static void parse_object__by_chance__as_jansson(void **state)
{
        unsigned n_taken = 0;

        (void)state;
        for (unsigned i = 0; i < ROUNDS; i++) {
                char *text = make_object();
                for (unsigned hits = chance(3); hits > 0; hits--)
                        damage(text);
                check(text, &n_taken);
                free(text);
        }
        print_message("%u of %u taken\n", n_taken, ROUNDS);
        assert_true(n_taken > ROUNDS / 20 && n_taken < ROUNDS / 2);
}

/* Every text cut at every place is in a buffer of its own: a sanitizer sees what is read behind its end. */
static void parse_object__cut_anywhere__refused_and_not_read_past_the_end(void **state)
{
        static const char whole[] =
                " {\"a\":-1.5e+3 , \"b\" : \"\\ud83d\\ude00ü\\n\",\"c\":true,\"d\":null,\"e\":false}";
        struct seen seen = { 0 };

        (void)state;
        for (size_t length = 0; length < strlen(whole); length++) {
                char *text = malloc(length + 1);
                assert_non_null(text);
                memcpy(text, whole, length);
                text[length] = '\0';
                seen.count = 0;
                assert_int_equal(parse_object(&(struct cursor){ .at = text }, compare, &seen), -EBADMSG);
                free(text);
        }
        seen.count = 0;
        assert_int_equal(parse_object(&(struct cursor){ .at = whole }, compare, &seen), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_object__by_chance__as_jansson),
                cmocka_unit_test(parse_object__cut_anywhere__refused_and_not_read_past_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
