/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki grant and ungrant: what they say and refuse, and what becomes of the right. At the broker: test_pki_rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system/pki.h"
#include "system/workdir.h"

#define NOT_FOUND                                                                                                      \
        "No running broker was found here: one that runs elsewhere needs the new ca.crt, crl.pem and sconce.acl, and " \
        "then 'systemctl reload mosquitto'.\n"
#define TO_COME(node) "Note: node " node " does not exist yet; the right to it counts once it is issued.\n"

static const char *pki;

static int open_house(void **state)
{
        (void)state;
        pki = pki_open();
        PKI_RUN(pki, "client", "me");
        PKI_RUN(pki, "node", "attic");
        PKI_RUN(pki, "node", "hall");
        return 0;
}

static void assert_says(const char *const words[], const char *wanted)
{
        assert_string_equal(pki_output(pki, words), wanted);
}

/* The row of `list`, from its rights on. */
static void assert_listed(const char *name, const char *rights)
{
        const char *row = strstr(pki_output(pki, WORDS("list")), name), *at = row ? strstr(row, rights) : NULL;

        assert_non_null(at);
        assert_true(at < strchr(row + 1, '\n'));
        assert_true(at[strlen(rights)] == '\n');
}

static bool acl_has(const char *line)
{
        return file_has(pki_file(pki, "sconce.acl"), line);
}

static void grant__nodes__are_said_listed_and_in_the_list(void **state)
{
        (void)state;
        assert_says(WORDS("grant", "hall"), "hall may command no other node's devices.\n");
        assert_says(WORDS("grant", "hall", "attic", "shed"),
                    TO_COME("shed") "hall may command the devices of: attic shed\n" NOT_FOUND);
        assert_says(WORDS("grant", "hall", "attic"), "hall may command the devices of: attic shed\n" NOT_FOUND);
        assert_says(WORDS("grant", "hall"), "hall may command the devices of: attic shed\n");
        assert_listed("\nhall ", "its own topics, commands attic shed");
        assert_true(acl_has("topic write sconce/attic/+/set\n") && acl_has("topic write sconce/shed/+/set/+\n") &&
                    acl_has("topic deny sconce/shed/node/#\n"));
        assert_says(WORDS("ungrant", "hall", "attic", "shed"), "hall may command no other node's devices.\n" NOT_FOUND);
        assert_listed("\nhall ", "its own topics");
        assert_false(acl_has("topic write sconce/attic/+/set") || acl_has("topic deny sconce/shed/"));
}

static void grant__renewed_and_issued_again__is_kept_and_is_not(void **state)
{
        (void)state;
        PKI_RUN(pki, "node", "porch", "--commands", "attic", "--broker", "mqtts://b.lan", "--commands", "shed");
        PKI_RUN(pki, "renew", "porch");
        assert_says(WORDS("grant", "porch"), "porch may command the devices of: attic shed\n");
        PKI_RUN(pki, "invite", "porch");
        assert_says(WORDS("grant", "porch"), "porch may command the devices of: attic shed\n");
        PKI_RUN(pki, "revoke", "porch");
        assert_pki_fails(pki, 1, WORDS("grant", "porch", "attic"),
                         "porch is revoked: 'sconce-pki -d %s node porch' issues it again", pki);
        PKI_RUN(pki, "node", "porch");
        assert_says(WORDS("grant", "porch"), "porch may command no other node's devices.\n");
}

static void invite__with_commands__has_them_before_it_joins(void **state)
{
        (void)state;
        PKI_RUN(pki, "invite", "gate", "--commands", "attic");
        assert_says(WORDS("grant", "gate"), "gate may command the devices of: attic\n");
        assert_pki_fails(
                pki, 1, WORDS("invite", "gate", "--commands", "hall"),
                "gate has its rights already: leave --commands out, 'sconce-pki -d %s grant gate OTHER' adds to "
                "them",
                pki);
        assert_pki_fails(pki, 2, WORDS("invite", "you", "--client", "--commands", "attic"),
                         "--commands is a node's: leave --client out, --node says what a client may command");
        assert_pki_fails(pki, 2, WORDS("invite", "den", "--commands", "den"),
                         "den commands its own devices anyway: name another node");
        write_file(work_path("names"), "den\nattic\n");
        assert_pki_fails(pki, 2, WORDS("invite", "--list", work_path("names"), "--commands", "attic"),
                         "attic commands its own devices anyway: name another node");
        assert_pki_fails(pki, 1, WORDS("grant", "den"),
                         "den has never been issued in %s: 'sconce-pki -d %s list' shows the names", pki, pki);
        PKI_RUN(pki, "revoke", "gate");
}

/* Who is called so next is somebody else. */
static void revoke__commanded_node__ends_the_right_and_says_whose(void **state)
{
        char wanted[512];

        (void)state;
        PKI_RUN(pki, "node", "cellar");
        PKI_RUN(pki, "grant", "hall", "cellar", "attic");
        PKI_RUN(pki, "grant", "attic", "cellar");
        (void)snprintf(
                wanted, sizeof(wanted),
                "\nIts devices may no longer be commanded by: attic hall. When cellar is issued again, 'sconce-pki "
                "-d %s grant NODE cellar' lets them.\n",
                pki);
        assert_non_null(strstr(pki_output(pki, WORDS("revoke", "cellar")), wanted));
        assert_false(acl_has("sconce/cellar/"));
        assert_says(WORDS("grant", "hall"), "hall may command the devices of: attic\n");
        assert_says(WORDS("grant", "attic"), "attic may command no other node's devices.\n");
        assert_null(strstr(pki_output(pki, WORDS("revoke", "cellar")), "commanded by"));
        assert_says(WORDS("grant", "attic", "cellar"),
                    "Note: node cellar is revoked; the right to it counts once it is issued.\n"
                    "attic may command the devices of: cellar\n" NOT_FOUND);
        PKI_RUN(pki, "ungrant", "hall", "attic");
}

static void grant__what_is_no_node__is_refused(void **state)
{
        (void)state;
        assert_pki_fails(pki, 1, WORDS("grant", "hall", "attic", "me"),
                         "me is a client, not a node: grant takes a node's name ('sconce-pki -d %s list' shows them)",
                         pki);
        assert_pki_fails(
                pki, 1, WORDS("node", "loft", "--commands", "me"),
                "me is a client, not a node: --commands takes a node's name ('sconce-pki -d %s list' shows them)", pki);
        assert_pki_fails(pki, 1, WORDS("grant", "hall", "localhost"),
                         "localhost is a broker, not a node: grant takes a node's name ('sconce-pki -d %s list' shows "
                         "them)",
                         pki);
        assert_pki_fails(pki, 1, WORDS("grant", "me", "hall"),
                         "me is a client, not a node: what a client may command it is issued with");
        assert_pki_fails(pki, 1, WORDS("grant", "nobody", "hall"),
                         "nobody has never been issued in %s: 'sconce-pki -d %s list' shows the names", pki, pki);
        assert_says(WORDS("grant", "hall"), "hall may command no other node's devices.\n");
}

static void ungrant__right_that_is_not_there__takes_none(void **state)
{
        (void)state;
        PKI_RUN(pki, "grant", "hall", "shed");
        assert_pki_fails(pki, 1, WORDS("ungrant", "hall", "shed", "attic"),
                         "hall has no right to command attic: nothing was changed");
        assert_says(WORDS("grant", "hall"), "hall may command the devices of: shed\n");
        PKI_RUN(pki, "ungrant", "hall", "shed");
        assert_pki_fails(pki, 1, WORDS("ungrant", "hall", "shed"),
                         "hall has no right to command shed: nothing was changed");
}

static void command_line__wrong__is_refused(void **state)
{
        static const char needs[] = "grant needs a NODE, and which others it may command, as in 'grant hall attic'",
                          needs_other[] = "ungrant needs a NODE, and which others it may no longer command, as in "
                                          "'ungrant hall attic'";

        (void)state;
        assert_pki_fails(pki, 2, WORDS("grant"), "%s", needs);
        assert_pki_fails(pki, 2, WORDS("ungrant"), "%s", needs_other);
        assert_pki_fails(pki, 2, WORDS("ungrant", "hall"), "%s", needs_other);
        assert_pki_fails(pki, 2, WORDS("grant", "hall", "--to", "attic"), "grant has no option '--to'");
        assert_pki_fails(pki, 2, WORDS("grant", "hall", "attic", "hall"),
                         "hall commands its own devices anyway: name another node");
        assert_pki_fails(pki, 2, WORDS("node", "den", "--commands", "den"),
                         "den commands its own devices anyway: name another node");
        assert_pki_fails(pki, 2, WORDS("node", "den", "--commands"), "--commands needs the NAME of a node");
        assert_pki_fails(pki, 2, WORDS("grant", "hall", "all"),
                         "'all' is reserved (sconce/all has a meaning of its own): choose another name");
        assert_pki_fails(pki, 2, WORDS("grant", "hall", "+"),
                         "'+' is not a name: a-z, 0-9, _ and -, first a letter or digit, at most 64 characters");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(grant__nodes__are_said_listed_and_in_the_list),
                cmocka_unit_test(grant__renewed_and_issued_again__is_kept_and_is_not),
                cmocka_unit_test(invite__with_commands__has_them_before_it_joins),
                cmocka_unit_test(revoke__commanded_node__ends_the_right_and_says_whose),
                cmocka_unit_test(grant__what_is_no_node__is_refused),
                cmocka_unit_test(ungrant__right_that_is_not_there__takes_none),
                cmocka_unit_test(command_line__wrong__is_refused),
        };
        return cmocka_run_group_tests(tests, open_house, pki_close);
}
