/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki issuing certificates: what is in them, who can read them, and what is refused in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

static const char *pki; /* one authority for most tests: each issues names of its own */

/* As a message has it: no line break of a bad word begins a line there. */
static const char *shown(const char *word)
{
        static char text[256];
        const char *feed = strchr(word, '\n');

        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)strcspn(word, "\n"), word, feed ? "\\x0a" : "",
                       feed ? feed + 1 : "");
        return text;
}

static int setup(void **state)
{
        (void)state;
        pki = pki_open();
        return 0;
}

/* ---- init ---------------------------------------------------------------------------------------------------- */

static void init__fresh__makes_an_authority(void **state)
{
        X509 *ca = cert_load(pki_file(pki, "ca.crt"));

        (void)state;
        assert_string_equal(cert_extension(ca, NID_basic_constraints), "critical CA:TRUE, pathlen:0");
        assert_string_equal(cert_extension(ca, NID_key_usage), "critical Certificate Sign, CRL Sign");
        assert_int_equal(days_until(X509_get0_notAfter(ca)), 3650);
        assert_int_equal(strlen(cert_subject(ca)), strlen("/CN=Sconce CA 01234567"));
        X509_free(ca);
}

static void init__fresh__has_an_empty_crl_for_ten_years(void **state)
{
        X509 *ca = cert_load(pki_file(pki, "ca.crt"));
        X509_CRL *crl = pki_crl(pki);

        (void)state;
        assert_null(X509_CRL_get_REVOKED(crl));
        assert_int_equal(days_until(X509_CRL_get0_nextUpdate(crl)), 3650);
        /* A broker whose clock is behind by less than an hour still takes it. */
        assert_true(X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) < 0);
        assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ca)), 1);
        X509_CRL_free(crl);
        X509_free(ca);
}

static void init__fresh__keeps_the_key_to_itself(void **state)
{
        CLEANUP_FILE FILE *file = fopen(pki_file(pki, "ca.key"), "re");
        char group[32] = "";

        (void)state;
        assert_non_null(file);
        EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
        assert_string_equal(group, "prime256v1");
        EVP_PKEY_free(key);
        assert_mode(pki_file(pki, "ca.key"), 0600);
        assert_mode(pki_file(pki, "private"), 0700);
        assert_mode(pki_file(pki, "issued"), 0711);
        assert_mode(pki_file(pki, "sconce.acl"), 0600);
        assert_mode(pki_file(pki, "ca.crt"), 0644);
        assert_mode(pki_file(pki, "crl.pem"), 0644);
}

static void init__again__is_refused(void **state)
{
        CLEANUP_FREE char *before = read_file(pki_file(pki, "ca.crt"));

        (void)state;
        assert_pki_fails(
                pki, 1, WORDS("init"),
                "%s: has a certificate authority already, and all that it issued depends on it; choose another with -d",
                pki);
        CLEANUP_FREE char *after = read_file(pki_file(pki, "ca.crt"));
        assert_string_equal(before, after);
}

static void init__interrupted__can_be_run_again(void **state)
{
        const char *at = work_path("interrupted");

        (void)state;
        PKI_RUN(at, "init");
        assert_int_equal(unlink(pki_file(at, "ca.crt")), 0);
        assert_pki_fails(at, 1, WORDS("node", "hall"),
                         "%s: there is no certificate authority here: run 'sconce-pki -d %s init' first", at, at);
        PKI_RUN(at, "init");
        PKI_RUN(at, "node", "hall");
}

/* The registry that a power cut has emptied is no registry of nobody: the list of revoked ones would begin again. */
static void any_command__registry_damaged__is_refused(void **state)
{
        static const char *const contents[] = { "", "no database, but as long as the header of one would have to be" };
        const char *at = work_path("damaged");

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "client", "phone");
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
                write_file(pki_file(at, "private/registry.db"), "%s", contents[i]);
                assert_pki_fails(at, 1, WORDS("revoke", "phone"),
                                 "%s: private/registry.db is damaged: bring it back from a backup; nothing was changed",
                                 at);
                assert_pki_fails(at, 1, WORDS("list"),
                                 "%s: private/registry.db is damaged: bring it back from a backup; nothing was changed",
                                 at);
        }
        assert_true(file_has(pki_file(at, "sconce.acl"), "\nuser phone\n"));
}

static void init__certificate_lost__does_not_make_another(void **state)
{
        const char *at = work_path("careless");

        (void)state;
        PKI_RUN(at, "init");
        PKI_RUN(at, "node", "hall");
        CLEANUP_FREE char *before = read_file(pki_file(at, "ca.key"));
        assert_int_equal(unlink(pki_file(at, "ca.crt")), 0);
        assert_pki_fails(at, 1, WORDS("init"),
                         "%s: ca.crt is gone, but what it issued is in force: bring it back from a backup", at);
        CLEANUP_FREE char *after = read_file(pki_file(at, "ca.key"));
        assert_string_equal(before, after);
}

static void init__odd_directory_name__is_only_a_name(void **state)
{
        const char *odd = work_path("odd $(touch pwned) 'x' \"y\" #z \\");

        (void)state;
        PKI_RUN(odd, "init");
        PKI_RUN(odd, "node", "hall");
        assert_mode(pki_issued(odd, "hall.tar"), 0600);
        assert_int_equal(access("pwned", F_OK), -1);
        assert_int_equal(access(pki_file(odd, "pwned"), F_OK), -1);
}

static void init__directory_that_others_write__is_refused(void **state)
{
        const char *at = work_path("open");

        (void)state;
        make_dir(at);
        assert_int_equal(chmod(at, 0770), 0);
        assert_pki_fails(at, 1, WORDS("init"),
                         "%s: must belong to you (user id %u) and be writable by nobody else:"
                         " chown or chmod it, or choose another with -d",
                         at, geteuid());
}

static void init__planted_link__is_refused(void **state)
{
        const char *at = work_path("planted");

        (void)state;
        make_dir(at);
        assert_int_equal(symlink("/tmp", pki_file(at, "private")), 0);
        assert_pki_fails(at, 1, WORDS("init"), "%s/private: must be a plain directory; move it away", at);
}

static void any_command__no_authority__shows_what_is_first(void **state)
{
        const char *at = work_path("nothing");

        (void)state;
        assert_pki_fails(at, 1, WORDS("list"),
                         "%s: there is no certificate authority yet: run 'sconce-pki -d %s init' first", at, at);
}

/* ---- broker -------------------------------------------------------------------------------------------------- */

static void broker__hosts__become_alternative_names(void **state)
{
        (void)state;
        PKI_RUN(pki, "broker", "Broker.lan", "192.0.2.7", "fd00::7", "broker.lan", "b-2");
        X509 *cert = pki_cert(pki, "broker.lan");
        assert_string_equal(cert_subject(cert), "/CN=broker.lan");
        assert_string_equal(cert_extension(cert, NID_subject_alt_name),
                            "DNS:broker.lan, IP Address:192.0.2.7, IP Address:FD00:0:0:0:0:0:0:7, DNS:b-2");
        assert_string_equal(cert_extension(cert, NID_ext_key_usage), "TLS Web Server Authentication");
        assert_string_equal(cert_extension(cert, NID_key_usage), "critical Digital Signature");
        assert_string_equal(cert_extension(cert, NID_basic_constraints), "critical CA:FALSE");
        assert_int_equal(days_until(X509_get0_notAfter(cert)), 730);
        assert_mode(pki_issued(pki, "broker.lan.key"), 0600);
        X509_free(cert);
}

static void broker__second__leaves_the_drop_in_to_the_first(void **state)
{
        char target[256] = "";

        (void)state;
        PKI_RUN(pki, "broker", "second.lan");
        assert_true(readlink(pki_file(pki, "broker.crt"), target, sizeof(target) - 1) > 0);
        assert_string_equal(target, "issued/localhost.crt");
}

static void broker__address_first__is_its_name(void **state)
{
        (void)state;
        PKI_RUN(pki, "broker", "2001:db8::1");
        X509 *cert = pki_cert(pki, "2001:db8::1");
        assert_string_equal(cert_subject(cert), "/CN=2001:db8::1");
        assert_string_equal(cert_extension(cert, NID_subject_alt_name), "IP Address:2001:DB8:0:0:0:0:0:1");
        X509_free(cert);
}

static void broker__bad_host__is_refused(void **state)
{
        static const char *const hosts[] = {
                "",
                "-x",
                "x-",
                "a_b",
                "..",
                ".",
                "a..b",
                "a.",
                "*.lan",
                "broker.lan:8883",
                "[fd00::7]",
                "1.2.3",
                "256.1.1.1",
                "1.2.3.04",
                "fd00::7::1",
                ":::",
                "fd00:7",
                "1:2:3:4:5:6:7:8:9",
                "12345::",
                "fe80::1%eth0",
                "a b",
                "$(touch pwned)",
                "a;touch pwned",
                "`id`",
                "a\nb",
                "a/b",
                "../x",
                "x,DNS:y",
                "DNS:x",
                "h\xc3\xa4lle",
                "a'b",
                "a\"b",
                "a\\b",
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.lan",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
                assert_pki_fails(pki, 2, WORDS("broker", "good.lan", hosts[i]),
                                 "'%s' is not a host: a DNS name (broker.lan) or an address (192.0.2.7, fd00::7),"
                                 " without port, brackets or wildcard",
                                 shown(hosts[i]));
        assert_int_equal(access(pki_issued(pki, "good.lan.crt"), F_OK), -1);
        assert_int_equal(access("pwned", F_OK), -1);
}

static void broker__long_name__may_not_come_first(void **state)
{
#define LONG_HOST "abcdefghijklmnopqrstuvwxyzabcdefghij.abcdefghijklmnopqrstuvwxyz.x"
        (void)state;
        assert_pki_fails(pki, 2, WORDS("broker", LONG_HOST),
                         "'" LONG_HOST "' is too long to name a certificate (64 characters): put a shorter HOST first");
        PKI_RUN(pki, "broker", "short.lan", LONG_HOST);
        X509 *cert = pki_cert(pki, "short.lan");
        assert_string_equal(cert_extension(cert, NID_subject_alt_name), "DNS:short.lan, DNS:" LONG_HOST);
        X509_free(cert);
}

/* ---- node ---------------------------------------------------------------------------------------------------- */

static void node__fresh__is_a_client_by_its_own_name(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "hall");
        X509 *cert = pki_cert(pki, "hall");
        assert_string_equal(cert_subject(cert), "/CN=hall");
        assert_string_equal(cert_extension(cert, NID_subject_alt_name), "DNS:hall");
        assert_string_equal(cert_extension(cert, NID_ext_key_usage), "TLS Web Client Authentication");
        assert_string_equal(cert_extension(cert, NID_key_usage), "critical Digital Signature");
        assert_int_equal(days_until(X509_get0_notAfter(cert)), 730);
        assert_mode(pki_issued(pki, "hall.key"), 0600);
        assert_mode(pki_issued(pki, "hall.tar"), 0600);
        X509_free(cert);
}

static void assert_url_in_tar(const char *tar_name, const char *url)
{
        int status;

        struct process *tar = process_run(WORDS("tar", "-xOf", pki_issued(pki, tar_name), "broker.url"), NULL, &status);
        assert_string_equal(tar->out.text, url);
        process_free(tar);
}

static void node__no_url__gets_the_first_broker(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "near");
        assert_url_in_tar("near.tar", "mqtts://localhost:8883\n");
}

static void node__url__outlives_a_renewal(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "far", "--broker", "mqtts://[fd00::7]:18883");
        PKI_RUN(pki, "renew", "far");
        assert_url_in_tar("far.tar", "mqtts://[fd00::7]:18883\n");
}

static void node__bad_url__is_refused(void **state)
{
        static const char *const urls[] = {
                "",
                "broker.lan",
                "mqtt://broker.lan",
                "mqtts://",
                "mqtts://broker.lan:",
                "mqtts://broker.lan:0",
                "mqtts://broker.lan:65536",
                "mqtts://broker.lan:123456",
                "mqtts://fd00::7",
                "mqtts://[broker.lan]",
                "mqtts://[fd00::7",
                "mqtts://[fd00::7]x",
                "mqtts://[fd00::7]]",
                "mqtts://a b",
                "mqtts://a\nurl = x",
                "mqtts://a/b",
                "mqtts://a:1\n2",
                "mqtts://u@h",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
                assert_pki_fails(pki, 2, WORDS("node", "urls", "--broker", urls[i]),
                                 "'%s' is not a broker's URL: mqtts://HOST[:PORT], an IPv6 address in brackets",
                                 shown(urls[i]));
}

static void name__bad__is_refused(void **state)
{
        static const char *const names[] = {
                "",    "Hall",         "_x",      "a.b",
                "a b", "../x",         "a/b",     "$(id)",
                "a;b", "a\nb",         "a*",      "+",
                "#",   "h\xc3\xa4lle", "a,DNS:b", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm",
        };
#define BAD_NAME "'%s' is not a name: a-z, 0-9, _ and -, first a letter or digit, at most 64 characters"

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_pki_fails(pki, 2, WORDS("node", names[i]), BAD_NAME, shown(names[i]));
        assert_pki_fails(pki, 2, WORDS("client", "a.b"), BAD_NAME, "a.b");
        assert_pki_fails(pki, 2, WORDS("client", "x", "--node", "+"), BAD_NAME, "+");
}

static void name__reserved__is_refused(void **state)
{
        (void)state;
        assert_pki_fails(pki, 2, WORDS("node", "reply"),
                         "'reply' is reserved (sconce/reply has a meaning of its own): choose another name");
        assert_pki_fails(pki, 2, WORDS("client", "all"),
                         "'all' is reserved (sconce/all has a meaning of its own): choose another name");
}

static void name__longest__is_issued(void **state)
{
#define LONGEST "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij_-"
        (void)state;
        PKI_RUN(pki, "node", LONGEST);
        X509 *cert = pki_cert(pki, LONGEST);
        assert_string_equal(cert_subject(cert), "/CN=" LONGEST);
        X509_free(cert);
}

/* ---- client -------------------------------------------------------------------------------------------------- */

static void client__fresh__lives_ninety_days(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "tablet");
        X509 *cert = pki_cert(pki, "tablet");
        assert_string_equal(cert_subject(cert), "/CN=tablet");
        assert_string_equal(cert_extension(cert, NID_subject_alt_name), "DNS:tablet");
        assert_string_equal(cert_extension(cert, NID_ext_key_usage), "TLS Web Client Authentication");
        assert_int_equal(days_until(X509_get0_notAfter(cert)), 90);
        assert_mode(pki_issued(pki, "tablet.key"), 0600);
        assert_mode(pki_issued(pki, "tablet.p12"), 0600);
        X509_free(cert);
}

static void password_of(const char *name, const char *const words[], char password[static 32])
{
        const char *line = strstr(pki_output(pki, words), "Its password, shown only now: ");

        if (!line || sscanf(line, "Its password, shown only now: %31[0-9a-f]\n", password) != 1)
                give_up("no password for %s", name);
}

static void client__p12__opens_with_the_password_shown_once(void **state)
{
        char password[32] = "";
        EVP_PKEY *key = NULL;
        X509 *cert = NULL;
        STACK_OF(X509) *chain = NULL;
        int status;

        (void)state;
        password_of("phone", WORDS("client", "phone"), password);
        assert_int_equal(strlen(password), 20);
        CLEANUP_FILE FILE *file = fopen(pki_issued(pki, "phone.p12"), "re");
        assert_non_null(file);
        PKCS12 *p12 = d2i_PKCS12_fp(file, NULL);
        assert_int_equal(PKCS12_parse(p12, "", &key, &cert, &chain), 0);
        assert_int_equal(PKCS12_parse(p12, password, &key, &cert, &chain), 1);
        X509 *same = pki_cert(pki, "phone");
        assert_int_equal(X509_cmp(cert, same), 0);
        assert_int_equal(X509_check_private_key(cert, key), 1);
        assert_int_equal(sk_X509_num(chain), 1);
        struct process *grep = process_run(WORDS("grep", "-rlF", password, pki), NULL, &status);
        assert_int_equal(status, 1);
        process_free(grep);
        X509_free(same);
        sk_X509_pop_free(chain, X509_free);
        X509_free(cert);
        EVP_PKEY_free(key);
        PKCS12_free(p12);
}

/* Old phones know nothing newer than 3DES; current OpenSSL opens nothing older without its legacy provider. */
static void client__p12__is_3des_with_sha1(void **state)
{
        char password[32] = "", pass[64];
        int status;

        (void)state;
        password_of("old-phone", WORDS("client", "old-phone"), password);
        (void)snprintf(pass, sizeof(pass), "pass:%s", password);
        struct process *openssl = process_run(
                WORDS("openssl", "pkcs12", "-in", pki_issued(pki, "old-phone.p12"), "-noout", "-info", "-passin", pass),
                NULL, &status);
        assert_int_equal(status, 0);
        assert_non_null(strstr(openssl->err.text, "MAC: sha1, Iteration"));
        assert_non_null(strstr(openssl->err.text, "PKCS7 Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC"));
        assert_non_null(strstr(openssl->err.text, "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC"));
        process_free(openssl);
}

static void client__limited_to_a_client__is_refused(void **state)
{
        (void)state;
        PKI_RUN(pki, "client", "notanode");
        assert_pki_fails(
                pki, 1, WORDS("client", "limited", "--node", "notanode"),
                "notanode is a client, not a node: --node takes a node's name ('sconce-pki -d %s list' shows them)",
                pki);
}

static void client__limited_to_a_node_to_come__is_noted(void **state)
{
        (void)state;
        const char *output = pki_output(pki, WORDS("client", "early", "--node", "tomorrow"));
        assert_non_null(
                strstr(output, "Note: node tomorrow does not exist yet; the right to it counts once it is issued.\n"));
}

/* ---- Everywhere ---------------------------------------------------------------------------------------------- */

static int open_umask(void *userdata)
{
        (void)userdata;
        (void)umask(0);
        return 0;
}

static void keys__open_umask__are_still_private(void **state)
{
        const char *at = work_path("umask");
        const char *const commands[][2] = { { "init", NULL }, { "broker", "b" }, { "node", "n" }, { "client", "c" } };
        int status;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                struct process *p = process_run(
                        WORDS(build_path("sconce-pki"), "-d", at, commands[i][0], commands[i][1]),
                        &(struct process_options){ .prepare = open_umask }, &status);
                assert_int_equal(status, 0);
                process_free(p);
        }
        struct process *find = process_run(
                WORDS("find", at, "-type", "f", "-perm", "/077", "!", "-name", "*.crt", "!", "-name", "crl.pem"), NULL,
                &status);
        assert_string_equal(find->out.text ? find->out.text : "", "");
        process_free(find);
        struct process *dirs = process_run(WORDS("find", at, "-perm", "/022", "!", "-type", "l"), NULL, &status);
        assert_string_equal(dirs->out.text ? dirs->out.text : "", "");
        process_free(dirs);
}

static void command_line__wrong__lists_what_there_is(void **state)
{
#define COMMANDS                                                                                                       \
        "init, broker, node, client, renew, revoke, forget, check, list, install, join, "                              \
        "invite, serve, roll, publish, export, grant, ungrant"
        (void)state;
        assert_pki_fails(pki, 2, WORDS("frobnicate"), "there is no command 'frobnicate': " COMMANDS);
        assert_pki_fails(pki, 2, WORDS("ndoe"), "there is no command 'ndoe': " COMMANDS "; did you mean node");
        assert_pki_fails(pki, 2, WORDS("revok"), "there is no command 'revok': " COMMANDS "; did you mean revoke");
        assert_pki_fails(pki, 2, WORDS(NULL), "a command is missing: " COMMANDS);
        assert_pki_fails(pki, 2, WORDS("-x"),
                         "there is no option '-x' before the command: there are -d DIR and --help");
        assert_pki_fails(pki, 2, WORDS("-d"), "-d needs a directory");
        assert_pki_fails(pki, 2, WORDS("init", "x"), "init takes no arguments");
        assert_pki_fails(pki, 2, WORDS("broker"),
                         "broker needs its names and addresses, as in 'broker broker.lan 192.168.1.10'");
        assert_pki_fails(pki, 2, WORDS("node"), "node needs a NAME, as in 'node hall'");
        assert_pki_fails(pki, 2, WORDS("node", "a", "b"), "node takes one NAME, and got 'a' and 'b'");
        assert_pki_fails(pki, 2, WORDS("node", "a", "--x"),
                         "node has no option '--x': there are --broker URL and --commands OTHER");
        assert_pki_fails(pki, 2, WORDS("client", "a", "--x"),
                         "client has no option '--x': there are --read-only, --home-assistant and --node NODE");
        assert_pki_fails(pki, 2, WORDS("client", "a", "--read-only", "--home-assistant"),
                         "--read-only and --home-assistant exclude each other");
        assert_pki_fails(pki, 2, WORDS("client", "a", "--node"), "--node needs the NAME of a node");
        assert_pki_fails(pki, 2, WORDS("revoke"), "revoke takes one NAME ('list' shows them)");
        assert_pki_fails(pki, 2, WORDS("install"), "install takes one file, as in 'install hall.tar'");
}

static void help__anywhere__shows_examples(void **state)
{
        (void)state;
        const char *help = pki_output(pki, WORDS("--help"));
        assert_non_null(strstr(help, "\nexamples:\n  sudo sconce-pki init\n"));
        assert_string_equal(pki_output(pki, WORDS("client", "--help")), help);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(init__fresh__makes_an_authority),
                cmocka_unit_test(init__fresh__has_an_empty_crl_for_ten_years),
                cmocka_unit_test(init__fresh__keeps_the_key_to_itself),
                cmocka_unit_test(init__again__is_refused),
                cmocka_unit_test(init__interrupted__can_be_run_again),
                cmocka_unit_test(any_command__registry_damaged__is_refused),
                cmocka_unit_test(init__certificate_lost__does_not_make_another),
                cmocka_unit_test(init__odd_directory_name__is_only_a_name),
                cmocka_unit_test(init__directory_that_others_write__is_refused),
                cmocka_unit_test(init__planted_link__is_refused),
                cmocka_unit_test(any_command__no_authority__shows_what_is_first),
                cmocka_unit_test(broker__hosts__become_alternative_names),
                cmocka_unit_test(broker__second__leaves_the_drop_in_to_the_first),
                cmocka_unit_test(broker__address_first__is_its_name),
                cmocka_unit_test(broker__bad_host__is_refused),
                cmocka_unit_test(broker__long_name__may_not_come_first),
                cmocka_unit_test(node__fresh__is_a_client_by_its_own_name),
                cmocka_unit_test(node__no_url__gets_the_first_broker),
                cmocka_unit_test(node__url__outlives_a_renewal),
                cmocka_unit_test(node__bad_url__is_refused),
                cmocka_unit_test(name__bad__is_refused),
                cmocka_unit_test(name__reserved__is_refused),
                cmocka_unit_test(name__longest__is_issued),
                cmocka_unit_test(client__fresh__lives_ninety_days),
                cmocka_unit_test(client__p12__opens_with_the_password_shown_once),
                cmocka_unit_test(client__p12__is_3des_with_sha1),
                cmocka_unit_test(client__limited_to_a_client__is_refused),
                cmocka_unit_test(client__limited_to_a_node_to_come__is_noted),
                cmocka_unit_test(keys__open_umask__are_still_private),
                cmocka_unit_test(command_line__wrong__lists_what_there_is),
                cmocka_unit_test(help__anywhere__shows_examples),
        };
        return cmocka_run_group_tests(tests, setup, pki_close);
}
