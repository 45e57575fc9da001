/* SPDX-License-Identifier: Apache-2.0 */
/* What sconce-pki remembers: one kind a name, renewals, revocations; and that two runs, or a killed one, do no harm. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

static const char *pki;

static int setup(void **state)
{
        (void)state;
        pki = pki_open();
        return 0;
}

/* ---- One kind a name ----------------------------------------------------------------------------------------- */

static void name__of_another_kind__is_refused(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "hall");
        assert_pki_fails(pki, 1, WORDS("client", "hall"),
                         "hall is a node's name in %s, and a name serves one kind only: choose another name", pki);
        assert_pki_fails(pki, 1, WORDS("broker", "hall"),
                         "hall is a node's name in %s, and a name serves one kind only: choose another name", pki);
        assert_pki_fails(pki, 1, WORDS("node", "localhost"),
                         "localhost is a broker's name in %s, and a name serves one kind only: choose another name",
                         pki);
}

static void name__revoked__keeps_its_kind(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "kept");
        PKI_RUN(pki, "revoke", "kept");
        assert_pki_fails(pki, 1, WORDS("node", "kept"),
                         "kept is a client's name in %s, and a name serves one kind only: choose another name", pki);
}

static void name__issued_twice__points_to_renew(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "twice");
        assert_pki_fails(
                pki, 1, WORDS("client", "twice"),
                "twice has a certificate already (%s/issued/twice.crt): 'sconce-pki -d %s renew twice' issues it again,"
                " 'sconce-pki -d %s revoke twice' ends it",
                pki, pki, pki);
}

static void serials__of_all__are_random(void **state)
{
        static const char *const names[] = { "serial-a", "serial-b" };
        BIGNUM *serials[2];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                PKI_RUN(pki, "node", names[i]);
                X509 *cert = pki_cert(pki, names[i]);
                serials[i] = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
                /* 159 random bits: fewer than 120 would be a miracle. */
                assert_true(BN_num_bits(serials[i]) > 120);
                X509_free(cert);
        }
        assert_true(BN_sub(serials[0], serials[0], serials[1]) && BN_num_bits(serials[0]) > 64);
        BN_free(serials[0]);
        BN_free(serials[1]);
}

/* ---- renew --------------------------------------------------------------------------------------------------- */

static void renew__broker__has_the_same_hosts(void **state)
{
        (void)state;
        X509 *before = pki_cert(pki, "localhost");
        PKI_RUN(pki, "renew", "localhost");
        X509 *after = pki_cert(pki, "localhost");
        assert_int_not_equal(X509_cmp(before, after), 0);
        assert_string_equal(cert_extension(after, NID_subject_alt_name),
                            "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
        assert_string_equal(cert_extension(after, NID_ext_key_usage), "TLS Web Server Authentication");
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(before), X509_get0_pubkey(after)), 0);
        X509_free(before);
        X509_free(after);
}

static void renew__broker_with_hosts__has_them_too(void **state)
{
        (void)state;
        PKI_RUN(pki, "broker", "more.lan");
        PKI_RUN(pki, "renew", "more.lan", "192.0.2.7", "MORE.lan", "more.example");
        X509 *after = pki_cert(pki, "more.lan");
        assert_string_equal(cert_extension(after, NID_subject_alt_name),
                            "DNS:more.lan, IP Address:192.0.2.7, DNS:more.example");
        X509_free(after);
        assert_pki_fails(pki, 2, WORDS("renew", "more.lan", "*.lan"),
                         "'*.lan' is not a host: a DNS name (broker.lan) or an address (192.0.2.7, fd00::7), without "
                         "port, brackets "
                         "or wildcard");
        PKI_RUN(pki, "node", "hostless");
        assert_pki_fails(pki, 2, WORDS("renew", "hostless", "192.0.2.7"),
                         "only a broker has HOSTs, and hostless is a node");
}

static void renew__node__leaves_the_old_one_in_force(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "renewed");
        X509 *before = pki_cert(pki, "renewed");
        PKI_RUN(pki, "renew", "renewed");
        X509 *after = pki_cert(pki, "renewed");
        assert_int_not_equal(X509_cmp(before, after), 0);
        assert_false(pki_revoked(pki, before));
        assert_false(pki_revoked(pki, after));
        X509_free(before);
        X509_free(after);
}

static void renew__client__keeps_its_limits_and_gets_a_new_p12(void **state)
{
#define BLOCK                                                                                                          \
        "\nuser limited\ntopic read sconce/reply/limited/#\ntopic write sconce-pki/limited/request\n"                  \
        "topic read sconce-pki/limited/answer\ntopic read sconce-pki/trust\ntopic read sconce/limit/#\n"
        CLEANUP_FREE char *acl_before = NULL, *acl_after = NULL;

        (void)state;
        PKI_RUN(pki, "node", "limit");
        const char *first = pki_output(pki, WORDS("client", "limited", "--read-only", "--node", "limit"));
        acl_before = read_file(pki_file(pki, "sconce.acl"));
        const char *second = pki_output(pki, WORDS("renew", "limited"));
        acl_after = read_file(pki_file(pki, "sconce.acl"));
        assert_string_equal(acl_before, acl_after);
        const char *block = strstr(acl_after, "\nuser limited\n");
        assert_non_null(block);
        assert_memory_equal(block, BLOCK, strlen(BLOCK));
        assert_true(block[strlen(BLOCK)] == '\0' || block[strlen(BLOCK)] == '\n');
        const char *password = strstr(second, "Its password, shown only now: ");
        assert_non_null(password);
        assert_null(strstr(first, password));
}

static void renew__unknown_or_revoked__is_refused(void **state)
{
        (void)state;
        assert_pki_fails(pki, 1, WORDS("renew", "nobody"),
                         "nobody has never been issued in %s: 'sconce-pki -d %s list' shows the names", pki, pki);
        PKI_RUN(pki, "client", "ended");
        PKI_RUN(pki, "revoke", "ended");
        assert_pki_fails(pki, 1, WORDS("renew", "ended"),
                         "ended is revoked: 'sconce-pki -d %s client …' issues it again", pki);
}

/* ---- revoke -------------------------------------------------------------------------------------------------- */

static void revoke__renewed_name__takes_every_certificate(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "lost");
        X509 *first = pki_cert(pki, "lost");
        PKI_RUN(pki, "renew", "lost");
        X509 *second = pki_cert(pki, "lost");
        assert_true(file_has(pki_file(pki, "sconce.acl"), "\nuser lost\n"));
        PKI_RUN(pki, "revoke", "lost");
        assert_true(pki_revoked(pki, first));
        assert_true(pki_revoked(pki, second));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "user lost"));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "reply/lost/"));
        X509_free(first);
        X509_free(second);
}

static long crl_number(void)
{
        X509_CRL *crl = pki_crl(pki);
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

        long n = ASN1_INTEGER_get(number);
        ASN1_INTEGER_free(number);
        X509_CRL_free(crl);
        return n;
}

static void revoke__one__leaves_the_others(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "a");
        PKI_RUN(pki, "client", "aa");
        X509 *other = pki_cert(pki, "aa");
        long number = crl_number();
        PKI_RUN(pki, "revoke", "a");
        assert_int_equal(crl_number(), number + 1);
        assert_false(pki_revoked(pki, other));
        assert_true(file_has(pki_file(pki, "sconce.acl"), "\nuser aa\n"));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "\nuser a\n"));
        X509_free(other);
}

static void revoke__again__is_fine(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "again");
        PKI_RUN(pki, "revoke", "again");
        const char *output = pki_output(pki, WORDS("revoke", "again"));
        assert_non_null(strstr(output, "crl.pem: 0; no rights left in "));
}

static void revoke__issued_again__is_in_force(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "back");
        PKI_RUN(pki, "revoke", "back");
        X509 *old = pki_cert(pki, "back");
        PKI_RUN(pki, "client", "back");
        X509 *new = pki_cert(pki, "back");
        assert_true(pki_revoked(pki, old));
        assert_false(pki_revoked(pki, new));
        /* By the name that the broker sees the old one is nobody, wherever the list of revoked ones is not looked at. */
        assert_string_equal(cert_subject(old), "/CN=back");
        assert_string_equal(cert_subject(new), "/CN=back.2");
        assert_string_equal(cert_extension(new, NID_subject_alt_name), "DNS:back.2");
        assert_true(file_has(pki_file(pki, "sconce.acl"), "\nuser back.2\ntopic read sconce/reply/back.2/#\n"));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "\nuser back\n"));
        PKI_RUN(pki, "revoke", "back");
        assert_true(pki_revoked(pki, new));
        assert_false(file_has(pki_file(pki, "sconce.acl"), "\nuser back"));
        X509_free(old);
        X509_free(new);
}

static void revoke__first_broker__leaves_the_drop_in_to_the_next(void **state)
{
        const char *at = work_path("brokers");
        char target[256] = "";

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "broker", "one.lan");
        PKI_RUN(at, "broker", "two.lan");
        const char *output = pki_output(at, WORDS("revoke", "one.lan"));
        assert_non_null(strstr(output, "Each node uses its own crl.pem: "));
        assert_true(readlink(pki_file(at, "broker.key"), target, sizeof(target) - 1) > 0);
        assert_string_equal(target, "issued/two.lan.key");
}

static void revoke__unknown__is_refused(void **state)
{
        (void)state;
        assert_pki_fails(pki, 1, WORDS("revoke", "nobody"),
                         "nobody has never been issued in %s: 'sconce-pki -d %s list' shows the names", pki, pki);
        assert_pki_fails(pki, 2, WORDS("revoke", "../x"),
                         "'../x' is not a name that could have been issued ('list' shows those that were)");
}

/* ---- list ---------------------------------------------------------------------------------------------------- */

static void list__all_kinds__one_line_each(void **state)
{
        const char *at = work_path("listed");

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "broker", "b.lan", "192.0.2.7");
        PKI_RUN(at, "node", "hall");
        PKI_RUN(at, "client", "phone", "--node", "hall");
        PKI_RUN(at, "client", "tv", "--read-only");
        PKI_RUN(at, "client", "ha", "--home-assistant");
        PKI_RUN(at, "renew", "hall");
        PKI_RUN(at, "renew", "ha");
        PKI_RUN(at, "client", "gone");
        PKI_RUN(at, "revoke", "gone");
        int status;
        struct process *p = process_run(WORDS("sh", "-c", "\"$0\" -d \"$1\" list | sed 's/20..-..-.. ..:..:..Z/DATE/'",
                                              build_path("sconce-pki"), at),
                                        NULL, &status);
        const char *rows = strstr(p->out.text, "\n") + 1;
        assert_string_equal(
                rows, "NAME                     KIND    VALID UNTIL           DAYS  RIGHTS\n"
                      "b.lan                    broker  DATE   730  serves as b.lan 192.0.2.7\n"
                      "hall                     node    DATE   730  its own topics (older certificates still good: 1)\n"
                      "phone                    client  DATE    90  reads and commands hall\n"
                      "tv                       client  DATE    90  reads every node\n"
                      "ha                       client  DATE   730  reads and commands every node, for Home Assistant "
                      "(older certificates still good: 1)\n"
                      "gone                     client  revoked                  -  -\n");
        process_free(p);
}

/* ---- Two at once, and half a run ----------------------------------------------------------------------------- */

static void runs__at_once__all_come_out_whole(void **state)
{
        static const char *const names[] = { "p1", "p2", "p3", "p4" };
        struct process *processes[ARRAY_SIZE(names)];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                processes[i] = process_start(WORDS(build_path("sconce-pki"), "-d", pki, "client", names[i]), NULL);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char user[32];

                (void)snprintf(user, sizeof(user), "\nuser %s\n", names[i]);
                assert_int_equal(process_wait(processes[i], SOON_MS), 0);
                process_free(processes[i]);
                X509_free(pki_cert(pki, names[i]));
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char user[32];

                (void)snprintf(user, sizeof(user), "\nuser %s\n", names[i]);
                assert_true(file_has(pki_file(pki, "sconce.acl"), user));
        }
}

/* Anyone who holds the lock holds everybody else up: the run gets on only when the lock is given back. */
static void run__while_another_is_at_work__waits(void **state)
{
        CLEANUP_CLOSE int lock = open(pki_file(pki, "private/lock"), O_RDWR | O_CLOEXEC);

        (void)state;
        assert_int_equal(flock(lock, LOCK_EX), 0);
        struct process *waiting = process_start(WORDS(build_path("sconce-pki"), "-d", pki, "client", "patient"), NULL);
        /* One that needs no lock overtakes it. */
        (void)pki_output(pki, WORDS("list"));
        (void)pki_output(pki, WORDS("list"));
        assert_true(process_running(waiting));
        assert_int_equal(access(pki_issued(pki, "patient.crt"), F_OK), -1);
        assert_int_equal(flock(lock, LOCK_UN), 0);
        assert_int_equal(process_wait(waiting, SOON_MS), 0);
        process_free(waiting);
}

static void run__after_a_killed_one__sweeps_up(void **state)
{
        const char *left = pki_file(pki, "tmp.killed");

        (void)state;
        make_dir(left);
        make_dir(work_path("pki/tmp.killed/to"));
        write_file(work_path("pki/tmp.killed/to/key"), "secret");
        write_file(pki_issued(pki, "killed.key.new"), "secret");
        PKI_RUN(pki, "node", "sweeper");
        assert_int_equal(access(left, F_OK), -1);
        assert_int_equal(access(pki_issued(pki, "killed.key.new"), F_OK), -1);
}

static void run__authority_damaged__gives_no_rights(void **state)
{
        const char *at = work_path("broken");
        int status;

        (void)state;
        PKI_RUN(at, "init");
        CLEANUP_FREE char *acl = read_file(pki_file(at, "sconce.acl"));
        CLEANUP_FREE char *key = read_file(pki_file(at, "ca.key"));
        write_file(pki_file(at, "ca.key"), "no key");
        struct process *p = pki_try(at, &status, WORDS("client", "phone"));
        assert_int_equal(status, 1);
        char wanted[512];
        (void)snprintf(wanted, sizeof(wanted), "sconce-pki: %s: ca.key: ", at);
        assert_memory_equal(p->err.text, wanted, strlen(wanted));
        assert_non_null(strstr(p->err.text, "; nothing was changed\n"));
        process_free(p);
        CLEANUP_FREE char *after = read_file(pki_file(at, "sconce.acl"));
        assert_string_equal(acl, after);
        assert_int_equal(access(pki_issued(at, "phone.key"), F_OK), -1);
        struct process *find = process_run(WORDS("find", at, "-name", "tmp.*", "-o", "-name", "*.new"), NULL, &status);
        assert_string_equal(find->out.text ? find->out.text : "", "");
        process_free(find);

        /* All is as it was: the name is still anybody's. */
        write_file(pki_file(at, "ca.key"), "%s", key);
        PKI_RUN(at, "node", "phone");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(name__of_another_kind__is_refused),
                cmocka_unit_test(name__revoked__keeps_its_kind),
                cmocka_unit_test(name__issued_twice__points_to_renew),
                cmocka_unit_test(serials__of_all__are_random),
                cmocka_unit_test(renew__broker__has_the_same_hosts),
                cmocka_unit_test(renew__broker_with_hosts__has_them_too),
                cmocka_unit_test(renew__node__leaves_the_old_one_in_force),
                cmocka_unit_test(renew__client__keeps_its_limits_and_gets_a_new_p12),
                cmocka_unit_test(renew__unknown_or_revoked__is_refused),
                cmocka_unit_test(revoke__renewed_name__takes_every_certificate),
                cmocka_unit_test(revoke__one__leaves_the_others),
                cmocka_unit_test(revoke__again__is_fine),
                cmocka_unit_test(revoke__issued_again__is_in_force),
                cmocka_unit_test(revoke__first_broker__leaves_the_drop_in_to_the_next),
                cmocka_unit_test(revoke__unknown__is_refused),
                cmocka_unit_test(list__all_kinds__one_line_each),
                cmocka_unit_test(runs__at_once__all_come_out_whole),
                cmocka_unit_test(run__while_another_is_at_work__waits),
                cmocka_unit_test(run__after_a_killed_one__sweeps_up),
                cmocka_unit_test(run__authority_damaged__gives_no_rights),
        };
        return cmocka_run_group_tests(tests, setup, pki_close);
}
