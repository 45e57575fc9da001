/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine that has joined finds in its directories, and that a failure changes nothing there. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrol/pair.h"
#include "enrol/place_client.h"
#include "enrol/place_node.h"
#include "fakes/tree.h"
#include "util/file.h"

static char root[200];
static const struct place_material material = { .name = "hall",
                                                .url = "mqtts://broker.lan:8883",
                                                .certificate_pem = "certificate\n",
                                                .ca_pem = "ca\n",
                                                .crl_pem = "crl\n" };

static int setup(void **state)
{
        (void)state;
        (void)snprintf(root, sizeof(root), "%s/sconce-place-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
        (void)state;
        tree_remove(root, "");
        return 0;
}

static const char *at(const char *path)
{
        static char whole[PATH_MAX];

        (void)snprintf(whole, sizeof(whole), "%s/%s", root, path);
        return whole;
}

static void assert_file(const char *path, const char *text, mode_t mode)
{
        struct file file;
        struct fault fault = { 0 };

        if (file_read(at(path), 10000, &file, &fault) < 0)
                fail_msg("%s: %s", path, fault.text);
        assert_string_equal(file.data, text);
        assert_int_equal(file.status.st_mode & 07777, mode);
        file_done(&file);
}

static void assert_no_file(const char *path)
{
        if (access(at(path), F_OK) == 0)
                fail_msg("%s is there", path);
}

static void put(const char *path, const char *text)
{
        FILE *out = fopen(at(path), "we");

        assert_non_null(out);
        assert_true(fputs(text, out) >= 0);
        assert_int_equal(fclose(out), 0);
}

static void make_etc(void)
{
        assert_int_equal(mkdir(at("etc"), 0755), 0);
        assert_int_equal(mkdir(at("etc/sconce"), 0755), 0);
        assert_int_equal(mkdir(at("etc/sconce/conf.d"), 0755), 0);
}

/* Places all of it; what it reports. */
static const char *place(const struct place_material *what)
{
        static char report[2000];
        struct place_node node;
        struct fault fault = { 0 };
        FILE *out = fmemopen(report, sizeof(report), "w");

        int r = place_node_begin(&node, root, "key\n", &fault);
        if (r == 0)
                r = place_node_all(&node, what, &fault);
        if (r < 0)
                fail_msg("%s", fault.text);
        node.has_user = true; /* this machine may have no user sconce */
        place_node_report(&node, what, out);
        assert_int_equal(place_node_start(&node, out, &fault), 0);
        assert_int_equal(fclose(out), 0);
        place_node_done(&node);
        return report;
}

static void assert_report(const char *report, const char *middle)
{
        char text[4000];

        (void)snprintf(text, sizeof(text),
                       "Installed node hall's certificate and key in %s/etc/sconce/certs.\n%s"
                       "systemd does not run here: start sconced by hand.\n",
                       root, middle);
        assert_string_equal(report, text);
}

#define CONFIG                                                                                                         \
        "# Node hall; sconce.conf(5) explains every key. Devices come below, or in conf.d/*.conf.\n\n"                 \
        "[broker]\nurl = mqtts://broker.lan:8883\n\n[tls]\nca   = /etc/sconce/certs/ca.crt\n"                          \
        "cert = /etc/sconce/certs/node.crt\nkey  = /etc/sconce/certs/node.key\ncrl  = /etc/sconce/certs/crl.pem\n"

static void place_node__nothing_there__writes_all(void **state)
{
        char wrote[500];

        (void)state;
        (void)snprintf(wrote, sizeof(wrote),
                       "Wrote %s/etc/sconce/sconce.conf for the broker mqtts://broker.lan:8883.\n", root);
        assert_report(place(&material), wrote);
        assert_file("etc/sconce/certs/ca.crt", "ca\n", 0644);
        assert_file("etc/sconce/certs/crl.pem", "crl\n", 0644);
        assert_file("etc/sconce/certs/node.crt", "certificate\n", 0644);
        struct stat st;
        assert_int_equal(stat(at("etc/sconce/certs/node.key"), &st), 0);
        assert_int_equal(st.st_mode & (S_IRWXO | S_IWGRP), 0);
        assert_file("etc/sconce/sconce.conf", CONFIG, 0644);
        assert_no_file("etc/sconce/certs/.new.node.key");
}

static void place_node__config_without_broker__gets_one_beside(void **state)
{
        char wrote[1000];

        (void)state;
        make_etc();
        put("etc/sconce/sconce.conf", "[lamp kitchen]\n# url = no\nline = 1\n");
        (void)snprintf(wrote, sizeof(wrote),
                       "Kept %s/etc/sconce/sconce.conf as it is.\n"
                       "Wrote %s/etc/sconce/conf.d/broker.conf for the broker mqtts://broker.lan:8883.\n",
                       root, root);
        assert_report(place(&material), wrote);
        assert_file("etc/sconce/conf.d/broker.conf", CONFIG, 0644);
}

static void place_node__config_names_another_broker__is_kept(void **state)
{
        char kept[1000];

        (void)state;
        make_etc();
        put("etc/sconce/sconce.conf", "[lamp kitchen]\nline = 1\n");
        put("etc/sconce/conf.d/mine.conf", "[broker]\n\turl\t= mqtts://other\n");
        (void)snprintf(kept, sizeof(kept),
                       "Kept %s/etc/sconce/sconce.conf as it is.\n"
                       "Note that it does not name the broker mqtts://broker.lan:8883.\n",
                       root);
        assert_report(place(&material), kept);
        assert_no_file("etc/sconce/conf.d/broker.conf");

        put("etc/sconce/conf.d/mine.conf", "[broker]\nurl = mqtts://broker.lan:8883\n");
        (void)snprintf(kept, sizeof(kept), "Kept %s/etc/sconce/sconce.conf as it is.\n", root);
        assert_report(place(&material), kept);
}

static void place_node__no_broker_known__writes_no_config(void **state)
{
        struct place_material unknown = material;
        char text[1000];

        (void)state;
        unknown.url = NULL;
        (void)snprintf(
                text, sizeof(text),
                "Wrote no %s/etc/sconce/sconce.conf, as the tar names no broker: write one, with 'url = …' under "
                "[broker].\n",
                root);
        assert_report(place(&unknown), text);
        assert_no_file("etc/sconce/sconce.conf");
}

/* What lies under our name is another's: it is neither followed nor written through. */
static void place_node__links_in_the_way__are_replaced(void **state)
{
        (void)state;
        make_etc();
        assert_int_equal(mkdir(at("etc/sconce/certs"), 0755), 0);
        put("victim", "untouched");
        char victim[300];
        (void)snprintf(victim, sizeof(victim), "%s/victim", root);
        assert_int_equal(symlink(victim, at("etc/sconce/certs/.new.node.key")), 0);
        assert_int_equal(symlink(victim, at("etc/sconce/certs/node.key")), 0);
        (void)place(&material);
        assert_file("victim", "untouched", 0644);
        struct stat st;
        assert_int_equal(lstat(at("etc/sconce/certs/node.key"), &st), 0);
        assert_true(S_ISREG(st.st_mode));
}

/* The certificate cannot be prepared: the key, which could, is not in use. */
static void place_node__one_file_fails__changes_nothing(void **state)
{
        struct place_node node;
        struct fault fault = { 0 };
        char wanted[1000];

        (void)state;
        (void)place(&material);
        put("etc/sconce/certs/node.key", "the key of before\n");
        assert_int_equal(mkdir(at("etc/sconce/certs/.new.node.crt"), 0755), 0);
        assert_int_equal(place_node_begin(&node, root, "another key\n", &fault), 0);
        assert_int_equal(place_node_all(&node, &material, &fault), -EIO);
        (void)snprintf(wanted, sizeof(wanted),
                       "%s/etc/sconce/certs/node.crt: cannot be written: is the disk full? Nothing was installed",
                       root);
        assert_string_equal(fault.text, wanted);
        place_node_done(&node);
        struct file file;
        assert_int_equal(file_read(at("etc/sconce/certs/node.key"), 1000, &file, NULL), 0);
        assert_string_equal(file.data, "the key of before\n");
        file_done(&file);
        assert_no_file("etc/sconce/certs/.new.node.key");
        assert_no_file("etc/sconce/certs/.new.ca.crt");
}

/* Held as the agent does while it renews. */
static void place_node__agent_is_renewing__nothing_is_begun(void **state)
{
        struct place_node node;
        struct fault fault = { 0 };
        struct pair *pair = NULL;
        char cert[300], key[300];

        (void)state;
        (void)place(&material);
        (void)snprintf(cert, sizeof(cert), "%s/etc/sconce/certs/node.crt", root);
        (void)snprintf(key, sizeof(key), "%s/etc/sconce/certs/node.key", root);
        assert_int_equal(pair_new(cert, key, &pair, &fault), 0);
        assert_int_equal(place_node_begin(&node, root, "another key\n", &fault), -EBUSY);
        assert_non_null(strstr(fault.text, "a certificate is being renewed there just now"));
        place_node_done(&node);
        assert_no_file("etc/sconce/certs/.new.node.key");
        pair_free(pair);
        assert_int_equal(place_node_begin(&node, root, "another key\n", &fault), 0);
        assert_int_equal(pair_new(cert, key, &pair, &fault), -EBUSY);
        place_node_done(&node);
}

/* ---- Clients ----------------------------------------------------------------------------------------------------- */

static void place_client__no_config_home__is_below_home(void **state)
{
        struct place_client client;
        struct fault fault = { 0 };
        const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        char *xdg_before = xdg ? strdup(xdg) : NULL, *home_before = home ? strdup(home) : NULL;

        (void)state;
        (void)unsetenv("XDG_CONFIG_HOME");
        (void)setenv("HOME", root, 1);
        assert_int_equal(place_client_begin(&client, "key\n", &fault), 0);
        assert_int_equal(place_client_all(&client, &material, &fault), 0);
        place_client_done(&client);
        assert_file(".config/sconce/client.key", "key\n", 0600);
        assert_file(".config/sconce/crl.pem", "crl\n", 0644);
        (void)unsetenv("HOME");
        assert_int_equal(place_client_begin(&client, "key\n", &fault), -ENOENT);
        (void)setenv("XDG_CONFIG_HOME", "relative", 1);
        assert_int_equal(place_client_begin(&client, "key\n", &fault), -ENAMETOOLONG);
        xdg_before ? setenv("XDG_CONFIG_HOME", xdg_before, 1) : unsetenv("XDG_CONFIG_HOME");
        if (home_before)
                (void)setenv("HOME", home_before, 1);
        free(xdg_before);
        free(home_before);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(place_node__nothing_there__writes_all, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__config_without_broker__gets_one_beside, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__config_names_another_broker__is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__no_broker_known__writes_no_config, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__links_in_the_way__are_replaced, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__one_file_fails__changes_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(place_node__agent_is_renewing__nothing_is_begun, setup, teardown),
                cmocka_unit_test_setup_teardown(place_client__no_config_home__is_below_home, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
