/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory that sconce-pki has kept while it was a shell script on `openssl ca`: the first command takes it over whole, or
 * refuses it whole with the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "system/broker.h"
#include "system/client.h"
#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define MQTT_NOT_AUTHORISED 135

static const char *made; /* as the script left it; each test has a copy */

static void shell(const char *script, const char *first, const char *second)
{
        int status;

        struct process *p = process_run(WORDS("sh", "-euc", script, first, second), NULL, &status);
        if (status != 0)
                give_up("a test's script failed: %s", script);
        process_free(p);
}

static int setup(void **state)
{
        (void)state;
        workdir_make();
        made = work_path("made");
        shell("\"$1\" \"$0\"", made, source_path("tests/system/make-old-pki"));
        return 0;
}

static const char *copy_of(const char *name)
{
        const char *at = work_path("%s", name);

        shell("cp -a \"$1\" \"$0\"", at, made);
        return at;
}

static long crl_number(const char *at)
{
        X509_CRL *crl = pki_crl(at);
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

        long n = ASN1_INTEGER_get(number);
        ASN1_INTEGER_free(number);
        X509_CRL_free(crl);
        return n;
}

static int count_revoked(const char *at)
{
        X509_CRL *crl = pki_crl(at);

        int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
        X509_CRL_free(crl);
        return n;
}

/* ---- Taken over ------------------------------------------------------------------------------------------------------ */

static const char rows[] =
        "NAME                     KIND    VALID UNTIL           DAYS  RIGHTS\n"
        "localhost                broker  DATE   730  serves as localhost 127.0.0.1 ::1\n"
        "hall                     node    DATE   730  its own topics (older certificates still good: 1)\n"
        "phone                    client  DATE    90  reads and commands every node\n"
        "lost                     client  revoked                  -  -\n"
        "back                     client  DATE    90  reads and commands hall\n";

static void assert_rows(const char *at)
{
        int status;

        struct process *p = process_run(WORDS("sh", "-c",
                                              "\"$0\" -d \"$1\" list | sed '1d; s/20..-..-.. ..:..:..Z/DATE/'",
                                              build_path("sconce-pki"), at),
                                        NULL, &status);
        assert_string_equal(p->out.text, rows);
        process_free(p);
}

static void list__old_directory__shows_what_was_issued(void **state)
{
        static const char *const books[] = { "names", "index.txt", "crlnumber" };
        const char *at = copy_of("listed");

        (void)state;
        assert_rows(at);
        assert_mode(pki_file(at, "private/registry.db"), 0600);
        /* The script cannot go on with its books. */
        for (size_t i = 0; i < ARRAY_SIZE(books); i++) {
                char book[64];
                (void)snprintf(book, sizeof(book), "private/%s", books[i]);
                assert_int_equal(access(pki_file(at, book), F_OK), -1);
                (void)snprintf(book, sizeof(book), "private/%s.taken-over", books[i]);
                assert_int_equal(access(pki_file(at, book), F_OK), 0);
        }
        assert_rows(at);
}

static void revoke__old_directory__keeps_the_old_entries(void **state)
{
        const char *at = copy_of("revoked");
        X509 *lost = pki_cert(at, "lost"), *hall = pki_cert(at, "hall");
        long number = crl_number(at);

        (void)state;
        assert_int_equal(count_revoked(at), 2);
        assert_non_null(strstr(pki_output(at, WORDS("revoke", "hall")), "crl.pem: 2; no rights left in "));
        assert_int_equal(crl_number(at), number + 1);
        assert_int_equal(count_revoked(at), 4);
        assert_true(pki_revoked(at, lost));
        assert_true(pki_revoked(at, hall));
        X509_free(lost);
        X509_free(hall);
}

/* The script issued a revoked name again as itself; the next time it gets a name of its own. */
static void issue__old_revoked_name__is_another_to_the_broker(void **state)
{
        const char *at = copy_of("again");

        (void)state;
        PKI_RUN(at, "client", "lost", "--node", "hall");
        X509 *lost = pki_cert(at, "lost");
        assert_string_equal(cert_subject(lost), "/CN=lost.2");
        X509_free(lost);
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser lost.2\n"));
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser back\n"));
}

static struct client *connect_as(const struct broker *broker, const char *at, const char *name)
{
        return client_new(&(struct client_options){ .id = name,
                                                    .port = broker->port.number,
                                                    .ca = pki_ca(at),
                                                    .cert = pki_issued(at, name),
                                                    .refused_is_fine = true });
}

static int publish(struct client *client, const char *topic)
{
        return client_publish_acked(client, &(struct request){ .topic = topic, .payload = "x" });
}

static void old_certificates__at_a_broker__are_good_until_they_are_revoked(void **state)
{
        const char *at = copy_of("served");
        char extra[512];

        (void)state;
        (void)snprintf(extra, sizeof(extra), "pid_file %s/broker.pid\n", at);
        struct broker *broker = broker_new(&(struct broker_options){ .pki = at, .extra = extra });
        PKI_RUN(at, "renew", "localhost"); /* it takes over */
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        struct client *hall = connect_as(broker, at, "hall"), *phone = connect_as(broker, at, "phone");
        assert_true(publish(hall, "sconce/hall/status") < MQTT_NOT_AUTHORISED);
        assert_true(publish(phone, "sconce/hall/lamp/set") < MQTT_NOT_AUTHORISED);
        PKI_RUN(at, "revoke", "phone");
        (void)process_wait_log(broker->process, "Reloading config.", SOON_MS);
        assert_int_equal(publish(phone, "sconce/hall/lamp/set"), MQTT_NOT_AUTHORISED);
        assert_true(publish(hall, "sconce/hall/status") < MQTT_NOT_AUTHORISED);
        client_free(phone);
        phone = connect_as(broker, at, "phone");
        assert_false(client_connected(phone));
        client_free(phone);
        client_free(hall);
        broker_free(broker);
}

/* The script's one rename had come about, and not those after it. */
static void any_command__script_was_cut_short__has_happened(void **state)
{
        const char *at = copy_of("cut");

        (void)state;
        shell("mkdir -p \"$0/private/commit/private\" \"$0/private/commit/issued\"\n"
              "mv \"$0/private/names\" \"$0/private/index.txt\" \"$0/private/commit/private\"\n"
              "echo old >\"$0/private/names\"; mv \"$0/issued/phone.crt\" \"$0/private/commit/issued\"",
              at, "");
        assert_rows(at);
        X509_free(pki_cert(at, "phone"));
        assert_int_equal(access(pki_file(at, "private/commit"), F_OK), -1);
}

/* The registry is in place, and the books have their old names still. */
static void any_command__takeover_was_cut_short__ends_it(void **state)
{
        const char *at = copy_of("halfway");

        (void)state;
        assert_rows(at);
        shell("for book in names index.txt crlnumber; do mv \"$0/private/$book.taken-over\" \"$0/private/$book\"; done",
              at, "");
        assert_rows(at);
        assert_int_equal(access(pki_file(at, "private/names"), F_OK), -1);
}

/* ---- Refused --------------------------------------------------------------------------------------------------------- */

static void any_command__books_do_not_agree__are_refused_whole(void **state)
{
        static const struct {
                const char *name, *script, *reason;
        } cases[] = {
                { "nameless", "sed -i '/^phone /d' private/names",
                  "private/index.txt: line 5: is of a name that is not in private/names" },
                { "issued-nowhere", "sed -i '/CN=phone$/d' private/index.txt",
                  "private/names: phone is in force, and private/index.txt has no certificate of it" },
                { "half-revoked", "sed -i 's/^phone client valid/phone client revoked/' private/names",
                  "private/index.txt: line 5: is in force, and its name is revoked in private/names" },
                { "cut-names", "truncate -s -3 private/names", "private/names: is cut short" },
                { "cut-index", "truncate -s -3 private/index.txt", "private/index.txt: is cut short" },
                { "odd-kind", "sed -i 's/^hall node/hall lamp/' private/names",
                  "private/names: line 2: is not NAME KIND STATE" },
                { "odd-rights", "sed -i 's/^phone client valid rw/phone client valid xx/' private/names",
                  "private/names: line 3: does not hold what belongs to its kind" },
                { "odd-index", "sed -i '2s/^V/X/' private/index.txt",
                  "private/index.txt: line 2: is not one of openssl's" },
                { "no-number", ": >private/crlnumber", "private/crlnumber: line 1: is no number" },
                { "no-index", "rm private/index.txt", "private/index.txt: cannot be read: No such file or directory" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *at = copy_of(cases[i].name), *before = work_path("%s.before", cases[i].name);
                char script[512];
                (void)snprintf(script, sizeof(script), "cd \"$0\"; %s; cp -a . \"$1\"", cases[i].script);
                shell(script, at, before);
                assert_pki_fails(at, 1, WORDS("list"),
                                 "%s: %s: the registry of an older version was not taken over; nothing was changed", at,
                                 cases[i].reason);
                assert_pki_fails(at, 1, WORDS("revoke", "hall"),
                                 "%s: %s: the registry of an older version was not taken over; nothing was changed", at,
                                 cases[i].reason);
                shell("diff -r --no-dereference \"$0\" \"$1\"", before, at);
        }
}

static void any_command__issued_certificate_is_gone__is_refused_whole(void **state)
{
        const char *at = copy_of("gone");

        (void)state;
        shell("rm \"$0\"/private/certs/*", at, "");
        int status;
        struct process *p = pki_try(at, &status, WORDS("list"));
        assert_int_equal(status, 1);
        assert_non_null(strstr(
                p->err.text, ".pem: cannot be read, and is in private/index.txt: the registry of an older version was "
                             "not taken over; nothing was changed\n"));
        process_free(p);
        assert_int_equal(access(pki_file(at, "private/registry.db"), F_OK), -1);
        assert_int_equal(access(pki_file(at, "private/names"), F_OK), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(list__old_directory__shows_what_was_issued),
                cmocka_unit_test(revoke__old_directory__keeps_the_old_entries),
                cmocka_unit_test(issue__old_revoked_name__is_another_to_the_broker),
                cmocka_unit_test(old_certificates__at_a_broker__are_good_until_they_are_revoked),
                cmocka_unit_test(any_command__script_was_cut_short__has_happened),
                cmocka_unit_test(any_command__takeover_was_cut_short__ends_it),
                cmocka_unit_test(any_command__books_do_not_agree__are_refused_whole),
                cmocka_unit_test(any_command__issued_certificate_is_gone__is_refused_whole),
        };
        return cmocka_run_group_tests(tests, setup, pki_close);
}
