/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to trust: what a message has to be to replace our files, and what is left when it is not. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "enrol/own.h"
#include "enrol/topics.h"
#include "enrol/trust.h"
#include "fakes/fake_authority.h"
#include "fakes/pem.h"
#include "util/file.h"

static struct pem_dir dir;
static char ca[PATH_MAX], crl[PATH_MAX];
static struct tls_options tls;
static struct fake_authority home, young, stranger;
static int64_t number;
static struct fault fault;

static void use(const char *ca_pem, const char *crl_pem)
{
        pem_write(&dir, "ca.crt", ca_pem, 0644);
        pem_write(&dir, "crl.pem", crl_pem, 0644);
}

static int setup(void **state)
{
        (void)state;
        if (pem_dir_make(&dir) < 0)
                return -1;
        (void)snprintf(ca, sizeof(ca), "%s", pem_path(&dir, "ca.crt"));
        (void)snprintf(crl, sizeof(crl), "%s", pem_path(&dir, "crl.pem"));
        tls = (struct tls_options){ .ca = ca, .crl = crl };
        fake_authority_make(&home, "home");
        fake_authority_make(&young, "young");
        fake_authority_make(&stranger, "home"); /* by the same name */
        number = 0;
        fault = (struct fault){ 0 };
        use(home.ca_pem, home.crl_pem);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        fake_authority_done(&home);
        fake_authority_done(&young);
        fake_authority_done(&stranger);
        pem_dir_remove(&dir);
        return 0;
}

/* One text of both; free() it. */
static char *both(const char *first, const char *second)
{
        char *text = NULL;

        assert_true(asprintf(&text, "%s%s", first, second) > 0);
        return text;
}

static char *message(const struct fake_authority *by, long its_number, const char *ca_pem, const char *crl_pem)
{
        json_t *body = json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "number", (json_int_t)its_number, "ca", ca_pem, "crl",
                                 crl_pem);
        char *text = json_dumps(body, JSON_COMPACT), *signed_text = NULL;

        assert_int_equal(message_sign(LABEL_TRUST, text, &by->key, 1, &signed_text, NULL), 0);
        json_decref(body);
        free(text);
        return signed_text;
}

static int take(const struct fake_authority *by, long its_number, const char *ca_pem, const char *crl_pem)
{
        char *payload = message(by, its_number, ca_pem, crl_pem);
        int r = trust_take(&tls, payload, strlen(payload), &number, &fault);

        free(payload);
        return r;
}

static void assert_files(const char *ca_pem, const char *crl_pem)
{
        const char *const expected[] = { ca_pem, crl_pem }, *const paths[] = { ca, crl };

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                struct file file = { 0 };
                assert_int_equal(file_read(paths[i], 65536, &file, NULL), 0);
                assert_string_equal(file.data, expected[i]);
                file_done(&file);
        }
}

/* ---- What is taken ----------------------------------------------------------------------------------------------- */

static void trust_take__new_list__replaces_it(void **state)
{
        char *newer = fake_authority_list(&home, 5);

        (void)state;
        assert_int_equal(take(&home, 5, home.ca_pem, newer), 1);
        assert_files(home.ca_pem, newer);
        assert_int_equal(number, 5);
        /* It is retained: it comes again at each connect. */
        assert_int_equal(take(&home, 5, home.ca_pem, newer), 0);
        free(newer);
}

static void trust_take__older_number__is_not_news(void **state)
{
        char *six = fake_authority_list(&home, 6), *five = fake_authority_list(&home, 5);

        (void)state;
        use(home.ca_pem, six);
        /* Known by the list alone, as after a start. */
        assert_int_equal(take(&home, 5, home.ca_pem, five), 0);
        assert_files(home.ca_pem, six);
        /* Or taken in this run, whatever number its lists have. */
        assert_int_equal(take(&home, 9, home.ca_pem, home.crl_pem), 1);
        assert_int_equal(take(&home, 8, home.ca_pem, five), 0);
        assert_files(home.ca_pem, home.crl_pem);
        free(six);
        free(five);
}

static void trust_take__crash_between_both_files__the_other_one_follows(void **state)
{
        char *lists = fake_authority_list(&home, 7), *authorities = both(home.ca_pem, young.ca_pem);

        (void)state;
        use(home.ca_pem, lists);
        assert_int_equal(take(&home, 7, authorities, lists), 1);
        assert_files(authorities, lists);
        free(lists);
        free(authorities);
}

static void trust_take__succession__old_then_both_then_young(void **state)
{
        char *old_list = fake_authority_list(&home, 7), *young_list = fake_authority_list(&young, 7);
        char *authorities = both(home.ca_pem, young.ca_pem), *lists = both(old_list, young_list);

        (void)state;
        assert_int_equal(take(&young, 7, authorities, lists), -EKEYREJECTED);
        assert_int_equal(take(&home, 7, authorities, lists), 1);
        assert_int_equal(take(&young, 8, young.ca_pem, young_list), 1);
        assert_files(young.ca_pem, young_list);
        assert_int_equal(take(&home, 9, authorities, lists), -EKEYREJECTED);
        free(old_list);
        free(young_list);
        free(authorities);
        free(lists);
}

/* ---- What is not ------------------------------------------------------------------------------------------------- */

static void trust_take__not_by_ours_or_not_whole__changes_nothing(void **state)
{
        static const struct {
                int code;
                const char *text;
        } refusals[] = {
                { -EKEYREJECTED, "the message was changed on its way, or is by someone else" },
                { -EKEYREJECTED, "the new authorities have nothing to do with those in use" },
                { -EBADMSG, "there is no certificate in it" },
                { -EBADMSG, "there is no revocation list in it" },
                { -EKEYREJECTED, "a revocation list in it is by an unknown authority" },
        };
        const struct {
                const struct fake_authority *by;
                const char *ca_pem, *crl_pem;
        } messages[ARRAY_SIZE(refusals)] = {
                { &stranger, home.ca_pem, home.crl_pem },  { &home, stranger.ca_pem, stranger.crl_pem },
                { &home, "no certificate", home.crl_pem }, { &home, home.ca_pem, "" },
                { &home, home.ca_pem, stranger.crl_pem },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                assert_int_equal(take(messages[i].by, 5, messages[i].ca_pem, messages[i].crl_pem), refusals[i].code);
                assert_string_equal(fault.text, refusals[i].text);
                assert_files(home.ca_pem, home.crl_pem);
                assert_int_equal(number, 0);
        }
        assert_int_equal(trust_take(&tls, "{}", 2, &number, &fault), -EBADMSG);
        char *other = NULL;
        assert_int_equal(message_sign(LABEL_TRUST, "{\"v\":1,\"number\":\"5\"}", &home.key, 1, &other, NULL), 0);
        assert_int_equal(trust_take(&tls, other, strlen(other), &number, &fault), -EBADMSG);
        assert_string_equal(fault.text, "this is no message of whom to trust");
        free(other);
}

static void trust_take__files_are_not_ours__says_why(void **state)
{
        char *newer = fake_authority_list(&home, 5);

        (void)state;
        assert_int_equal(rename(crl, pem_path(&dir, "elsewhere.pem")), 0);
        assert_int_equal(symlink("elsewhere.pem", crl), 0);
        assert_int_equal(take(&home, 5, home.ca_pem, newer), -ELOOP);
        assert_non_null(strstr(fault.text, "is a link to a file that something else looks after"));
        assert_files(home.ca_pem, home.crl_pem);
        tls.ca = "system";
        assert_int_equal(take(&home, 5, home.ca_pem, newer), -ENOTSUP);
        tls.ca = ca;
        tls.crl = NULL;
        assert_int_equal(take(&home, 5, home.ca_pem, newer), -ENOTSUP);
        tls.crl = crl;
        free(newer);
}

static void trust_install__of_an_answer__only_what_is_not_older(void **state)
{
        char *six = fake_authority_list(&home, 6), *five = fake_authority_list(&home, 5);

        (void)state;
        assert_int_equal(trust_install(&tls, home.ca_pem, six, &fault), 1);
        assert_int_equal(trust_install(&tls, home.ca_pem, six, &fault), 0);
        assert_int_equal(trust_install(&tls, home.ca_pem, five, &fault), 0);
        assert_files(home.ca_pem, six);
        free(six);
        free(five);
}

/* ---- Who signs next ---------------------------------------------------------------------------------------------- */

static void authorities_have_successor__younger_one__unless_it_has_signed(void **state)
{
        struct authorities authorities = { 0 };
        struct own own = { 0 };
        EVP_PKEY *key = NULL;

        (void)state;
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(young.certificate), 0));
        assert_int_equal(enrol_key_new(NULL, &key, NULL), 0);
        char *by_home = fake_authority_issue(&home, key, "hall", 7);
        pem_write(&dir, "hall.crt", by_home, 0644);
        assert_int_equal(own_read(pem_path(&dir, "hall.crt"), &own, NULL), 0);
        authorities = (struct authorities){ .certificates = { home.certificate }, .count = 1 };
        assert_false(authorities_have_successor(&authorities, own.certificate));
        authorities = (struct authorities){ .certificates = { young.certificate, home.certificate }, .count = 2 };
        assert_true(authorities_have_successor(&authorities, own.certificate));
        own_done(&own);
        char *by_young = fake_authority_issue(&young, key, "hall", 8);
        pem_write(&dir, "hall.crt", by_young, 0644);
        assert_int_equal(own_read(pem_path(&dir, "hall.crt"), &own, NULL), 0);
        assert_false(authorities_have_successor(&authorities, own.certificate));
        own_done(&own);
        free(by_home);
        free(by_young);
        EVP_PKEY_free(key);
}

/* ---- Our own ----------------------------------------------------------------------------------------------------- */

static void own_read__certificate__its_name_number_and_time(void **state)
{
        struct own own = { 0 };
        EVP_PKEY *key = NULL;
        char text[OWN_PROBLEM_MAX];
        const int64_t day_s = 86400;

        (void)state;
        assert_int_equal(enrol_key_new(NULL, &key, NULL), 0);
        char *pem = fake_authority_issue(&home, key, "hall.2", 0xabc);
        pem_write(&dir, "hall.crt", pem, 0644);
        assert_int_equal(own_read(pem_path(&dir, "hall.crt"), &own, NULL), 0);
        assert_string_equal(own.name, "hall.2");
        assert_string_equal(own.serial, "0ABC");
        assert_int_equal(own.until_s - own.from_s, 31 * day_s);
        own.from_s = 0;
        own.until_s = 90 * day_s;
        assert_int_equal(own_renew_at_s(&own), 60 * day_s);
        assert_int_equal(own_days_left(&own, 89 * day_s + 1), 0);
        assert_int_equal(own_days_left(&own, 90 * day_s + 1), -1);
        own_problem(&own, 81 * day_s, "no answer came", text);
        assert_string_equal(text, "the certificate ends in 9 days, and renewing it does not work: no answer came");
        own_problem(&own, 89 * day_s, "no answer came", text);
        assert_string_equal(text, "the certificate ends in 1 day, and renewing it does not work: no answer came");
        own_problem(&own, 89 * day_s + 1, "no answer came", text);
        assert_string_equal(text, "the certificate ends within a day, and renewing it does not work: no answer came");
        own_problem(&own, 91 * day_s, "no answer came", text);
        assert_string_equal(text, "the certificate has ended, and renewing it does not work: no answer came");
        own_done(&own);
        assert_int_equal(own_read(pem_path(&dir, "none"), &own, &fault), -ENOENT);
        assert_int_equal(own_read(crl, &own, &fault), -EBADMSG);
        free(pem);
        EVP_PKEY_free(key);
}

/* ---- Topics ------------------------------------------------------------------------------------------------------ */

static void enrol_topic__names__as_the_access_list_has_them(void **state)
{
        char topic[ENROL_TOPIC_MAX];
        const char *identity = NULL;

        (void)state;
        assert_int_equal(enrol_topic(ENROL_REQUEST, "hall.2", topic), 0);
        assert_string_equal(topic, "sconce-pki/hall.2/request");
        assert_int_equal(enrol_topic_identity(ENROL_REQUEST, topic, &identity), strlen("hall.2"));
        assert_memory_equal(identity, "hall.2/", strlen("hall.2/"));
        assert_int_equal(enrol_topic_identity(ENROL_ANSWER, topic, &identity), -EINVAL);
        assert_int_equal(enrol_topic(ENROL_ANSWER, ENROL_ANYONE, topic), 0);
        assert_string_equal(topic, "sconce-pki/+/answer");
        assert_int_equal(enrol_topic(ENROL_TRUST, NULL, topic), 0);
        assert_string_equal(topic, "sconce-pki/trust");
        assert_true(enrol_topic_is_trust(topic));
        assert_false(enrol_topic_is_trust("sconce-pki/hall/trust"));
        assert_int_equal(enrol_topic_identity(ENROL_TRUST, topic, &identity), -EINVAL);
        assert_int_equal(enrol_topic_identity(ENROL_REQUEST, "sconce/hall/request", &identity), -EINVAL);
        assert_int_equal(enrol_topic_identity(ENROL_REQUEST, "sconce-pki//request", &identity), -EINVAL);
        assert_int_equal(enrol_topic_identity(ENROL_REQUEST, "sconce-pki/hall", &identity), -EINVAL);
        static const char *const no_levels[] = { "", "a/b", "a+", "#", NULL };
        for (size_t i = 0; i < ARRAY_SIZE(no_levels); i++)
                assert_int_equal(enrol_topic(ENROL_REQUEST, no_levels[i], topic), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TEST(trust_take__new_list__replaces_it),
                TEST(trust_take__older_number__is_not_news),
                TEST(trust_take__crash_between_both_files__the_other_one_follows),
                TEST(trust_take__succession__old_then_both_then_young),
                TEST(trust_take__not_by_ours_or_not_whole__changes_nothing),
                TEST(trust_take__files_are_not_ours__says_why),
                TEST(trust_install__of_an_answer__only_what_is_not_older),
                TEST(authorities_have_successor__younger_one__unless_it_has_signed),
                TEST(own_read__certificate__its_name_number_and_time),
                TEST(enrol_topic__names__as_the_access_list_has_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
