/* SPDX-License-Identifier: Apache-2.0 */
/* broker_identity: the node's name, client id and password, and what changes them. */
#include "broker_identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/pem.h"
#include "util/log.h"
#include "util/text.h"

static struct pem_dir pem;
static struct settings settings;
static struct broker_identity identity;
static struct broker_secret secret;
static struct store *store;
static struct fault fault;
static char logged[1024];

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)level;
        (void)about;
        (void)snprintf(logged, sizeof(logged), "%s", text);
}

static int setup(void **state)
{
        const struct store_options in_memory = { 0 };

        (void)state;
        settings = (struct settings){ 0 };
        identity = (struct broker_identity){ 0 };
        fault = (struct fault){ 0 };
        logged[0] = '\0';
        log_set_sink(on_log, NULL);
        return pem_dir_make(&pem) < 0 ? -1 : store_new(&in_memory, &store);
}

static int teardown(void **state)
{
        (void)state;
        log_set_sink(NULL, NULL);
        broker_identity_done(&identity);
        broker_secret_done(&secret);
        store_free(store);
        pem_dir_remove(&pem);
        return 0;
}

static void use_certificate(const char *name)
{
        char file[64];

        pem_pair(&pem, name, 30);
        (void)snprintf(file, sizeof(file), "%s.crt", name);
        settings.tls.ca = settings.tls.cert = pem_path(&pem, file);
        (void)snprintf(file, sizeof(file), "%s.key", name);
        settings.tls.key = pem_path(&pem, file);
}

static void assert_node(const char *expected)
{
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), 0);
        assert_string_equal(identity.node, expected);
        assert_string_equal(logged, "");
}

/* ---- The name ---------------------------------------------------------------------------------------------------- */

static void init__name_in_the_config__used(void **state)
{
        (void)state;
        use_certificate("cellar");
        settings.node.name = "hall";
        assert_node("hall");
}

static void init__certificate__its_name_as_a_host_has_it(void **state)
{
        (void)state;
        use_certificate("Hall.lan");
        assert_node("hall");
}

static void init__name_of_a_whole_house__used_with_a_warning(void **state)
{
        (void)state;
        use_certificate("Our house");
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), 0);
        assert_string_equal(identity.node, "our-house");
        assert_non_null(strstr(logged, "the node is called our-house, after its certificate's name \"Our house\""));
}

static void init__no_certificate__the_host_name(void **state)
{
        (void)state;
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), 0);
        assert_true(text_is_id(identity.node));
}

static void init__certificate_cannot_be_read__the_host_name(void **state)
{
        (void)state;
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), 0);
        char *host = identity.node;
        identity.node = NULL;
        settings.tls.ca = settings.tls.cert = pem_path(&pem, "none.crt");
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), 0);
        assert_string_equal(identity.node, host);
        free(host);
}

static void assert_likely_node(const char *expected)
{
        CLEANUP_FREE char *node = broker_identity_likely_node(&settings);

        assert_string_equal(node ? node : "", expected);
        assert_string_equal(logged, "");
}

/* Without a look at the key. */
static void likely_node__config_then_certificate__else_nothing(void **state)
{
        (void)state;
        assert_likely_node("");
        use_certificate("Hall.2");
        settings.tls.key = "/nowhere";
        assert_likely_node("hall");
        settings.tls.cert = "/nowhere";
        assert_likely_node("");
        settings.node.name = "attic";
        assert_likely_node("attic");
}

static void init__reserved_name__refused(void **state)
{
        (void)state;
        use_certificate("reply");
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), -EINVAL);
        assert_non_null(strstr(fault.text, "the name \"reply\""));
        assert_null(identity.node);
}

static void is_doubtful__names__only_what_no_node_has(void **state)
{
        static const char *const fine[] = { "hall", "HALL", "hall.lan", "a_b-c" }, *const doubtful[] = { "a b",
                                                                                                         "Küche" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
                assert_false(broker_identity_is_doubtful(fine[i], &fault));
        for (size_t i = 0; i < ARRAY_SIZE(doubtful); i++)
                assert_true(broker_identity_is_doubtful(doubtful[i], &fault));
        assert_int_equal(fault.code, -EEXIST);
}

static void has_new_name__certificate_of_another_node__true(void **state)
{
        struct tls *tls = NULL;

        (void)state;
        use_certificate("hall");
        assert_node("hall");
        use_certificate("cellar");
        assert_int_equal(tls_new(&settings.tls, &tls, &fault), 0);
        assert_true(broker_identity_has_new_name(&identity, &settings, tls));
        assert_false(broker_identity_has_new_name(&identity, &settings, NULL));
        settings.node.name = "hall";
        assert_false(broker_identity_has_new_name(&identity, &settings, tls));
        tls_free(tls);
}

/* ---- The client id ----------------------------------------------------------------------------------------------- */

/* free() it. */
static char *chosen(enum broker_client_id kind)
{
        settings.broker.client_id = kind;
        assert_int_equal(broker_identity_choose_id(&identity, &settings, store, &secret), 0);
        return strdup(identity.client_id);
}

static void assert_same(enum broker_client_id kind, bool same)
{
        char *first = chosen(kind), *second = chosen(kind);

        assert_int_equal(strcmp(first, second) == 0, same);
        free(first);
        free(second);
}

static void assert_chosen(enum broker_client_id kind, const char *begin, size_t length)
{
        char *id = chosen(kind);

        assert_memory_equal(id, begin, strlen(begin));
        assert_int_equal(strlen(id), length);
        free(id);
}

static void choose_id__node__its_name(void **state)
{
        (void)state;
        settings.node.name = "hall";
        assert_node("hall");
        assert_chosen(CLIENT_ID_NODE, "sconce-hall", strlen("sconce-hall"));
}

static void choose_id__random__another_each_time(void **state)
{
        (void)state;
        settings.node.name = "hall";
        assert_node("hall");
        assert_chosen(CLIENT_ID_RANDOM, "sconce-", strlen("sconce-") + 16);
        assert_same(CLIENT_ID_RANDOM, false);
}

static void choose_id__private_key__follows_from_it(void **state)
{
        (void)state;
        use_certificate("hall");
        assert_node("hall");
        assert_chosen(CLIENT_ID_PRIVATE, "sconce-hall-", strlen("sconce-hall-") + 16);
        assert_same(CLIENT_ID_PRIVATE, true);
        assert_int_equal(store_count(store, STORE_MARK, ""), 0);
}

static void choose_id__key_renewed__same_until_the_next_start(void **state)
{
        (void)state;
        use_certificate("hall");
        assert_node("hall");
        char *first = chosen(CLIENT_ID_PRIVATE);
        pem_pair(&pem, "hall", 30);
        char *renewed = chosen(CLIENT_ID_PRIVATE);
        assert_string_equal(first, renewed);
        broker_secret_done(&secret);
        char *restarted = chosen(CLIENT_ID_PRIVATE);
        assert_string_not_equal(first, restarted);
        free(first);
        free(renewed);
        free(restarted);
}

static void choose_id__no_key__drawn_once_and_kept(void **state)
{
        (void)state;
        settings.node.name = "hall";
        assert_node("hall");
        assert_chosen(CLIENT_ID_PRIVATE, "sconce-hall-", strlen("sconce-hall-") + 16);
        assert_same(CLIENT_ID_PRIVATE, true);
        assert_int_equal(store_count(store, STORE_MARK, ""), 1);
}

/* ---- The password ------------------------------------------------------------------------------------------------ */

static void has_new_password__file__when_another_is_in_it(void **state)
{
        (void)state;
        settings.node.name = "hall";
        settings.broker.password_file = pem_path(&pem, "password");
        pem_write(&pem, "password", "one\n", 0600);
        assert_node("hall");
        assert_string_equal(identity.password, "one");
        assert_false(broker_identity_has_new_password(&identity, &settings));
        pem_write(&pem, "password", "two\n", 0600);
        assert_true(broker_identity_has_new_password(&identity, &settings));
        assert_int_equal(unlink(settings.broker.password_file), 0);
        assert_false(broker_identity_has_new_password(&identity, &settings));
        assert_non_null(strstr(logged, "the previous version stays in use"));
}

static void init__no_password_file__fails_with_its_reason(void **state)
{
        (void)state;
        settings.broker.password_file = pem_path(&pem, "password");
        assert_int_equal(broker_identity_init(&identity, &settings, &fault), -ENOENT);
        assert_non_null(strstr(fault.text, "password: the password file cannot be read"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(init__name_in_the_config__used),
                TEST(init__certificate__its_name_as_a_host_has_it),
                TEST(init__name_of_a_whole_house__used_with_a_warning),
                TEST(init__no_certificate__the_host_name),
                TEST(init__certificate_cannot_be_read__the_host_name),
                TEST(init__reserved_name__refused),
                TEST(likely_node__config_then_certificate__else_nothing),
                TEST(is_doubtful__names__only_what_no_node_has),
                TEST(has_new_name__certificate_of_another_node__true),
                TEST(choose_id__node__its_name),
                TEST(choose_id__random__another_each_time),
                TEST(choose_id__private_key__follows_from_it),
                TEST(choose_id__key_renewed__same_until_the_next_start),
                TEST(choose_id__no_key__drawn_once_and_kept),
                TEST(has_new_password__file__when_another_is_in_it),
                TEST(init__no_password_file__fails_with_its_reason),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
