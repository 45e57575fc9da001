/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, revocation lists and passwords that become others: a reload reads them with the config, though that
 * holds the same, and touches no device. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/stage.h"

static const char lamp[] = "[lamp cellar]\nline = GPIO5\n";

/* Switched on, and what the chip has seen of it. */
static size_t light(const struct daemon *daemon)
{
        chip_needs_edges();
        client_send(stage.tester, "sconce/attic/cellar/set", "ON");
        chip_wait(daemon->lines, SPARE, 1);
        return chip_edges(daemon->lines, SPARE);
}

static void assert_untouched(const struct daemon *daemon, size_t edges)
{
        assert_int_equal(chip_value(daemon->lines, SPARE), 1);
        assert_int_equal(chip_edges(daemon->lines, SPARE), edges);
}

/* ---- Certificates ------------------------------------------------------------------------------------------------ */

static struct cert own(long days)
{
        return (struct cert){ .base = work_path("own"),
                              .issuer = pki_ca(stage.pki),
                              .cn = "attic",
                              .from_s = -DAY_S,
                              .until_s = days * DAY_S + DAY_S / 2 };
}

static struct daemon *daemon_with(const struct cert *cert)
{
        cert_make(cert);
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "attic", .broker = stage.broker, .pki = stage.pki, .cert = cert->base, .devices = lamp });
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        return daemon;
}

static void reload__certificate_renewed__comes_into_use(void **state)
{
        struct cert old = own(10), renewed = own(100);
        struct daemon *daemon = daemon_with(&old);

        (void)state;
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "certificate_days", "10");
        size_t edges = light(daemon);
        cert_make(&renewed);
        process_signal(daemon->process, SIGHUP);
        (void)client_wait_json(stage.tester, "sconce/attic/node/state", "certificate_days", "100");
        assert_untouched(daemon, edges);
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void reload__certificate_half_written__keeps_what_works(void **state)
{
        struct cert cert = own(10);
        struct daemon *daemon = daemon_with(&cert);

        (void)state;
        client_forget(stage.tester);
        write_file(work_path("own.crt"), "half a certif");
        process_signal(daemon->process, SIGHUP);
        (void)process_wait_log(daemon->process, "the previous version stays in use", SOON_MS);
        (void)process_wait_log(daemon->process, "reloaded", SOON_MS);
        (void)light(daemon);
        assert_int_equal(client_count(stage.tester, "sconce/attic/status"), 0);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* As the config is mostly: the node is called what its certificate is called. */
static void leave_name_out(const struct daemon *daemon)
{
        char *text = read_file(daemon->config), *name = strstr(text, "name = attic\n");

        assert_non_null(name);
        memset(name, '#', strlen("name = attic"));
        write_file(daemon->config, "%s", text);
        free(text);
}

static void reload__certificate_of_another_name__node_is_called_so(void **state)
{
        struct cert cert = own(10), other = own(10);
        struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki });

        (void)state;
        cert_make(&cert);
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "attic", .broker = broker, .pki = stage.pki, .cert = cert.base, .devices = lamp });
        leave_name_out(daemon);
        daemon_start(daemon);
        (void)process_wait_log(broker->process, "as sconce-attic", SOON_MS);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        other.cn = "hall";
        cert_make(&other);
        /* Comes into use by a reconnect, before anybody reloads. */
        broker_kill(broker);
        broker_start(broker);
        (void)process_wait_log(broker->process, "as sconce-attic", SOON_MS);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        process_signal(daemon->process, SIGHUP);
        (void)process_wait_log(broker->process, "as sconce-hall", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static void reload__broker_revoked_meanwhile__is_left(void **state)
{
        (void)state;
        PKI_RUN(stage.pki, "broker", "old.lan", "localhost");
        struct broker *broker = broker_new(
                &(struct broker_options){ .pki = stage.pki, .cert = pki_issued(stage.pki, "old.lan") });
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic", .broker = broker, .pki = stage.pki, .devices = lamp });
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        PKI_RUN(stage.pki, "revoke", "old.lan");
        process_signal(daemon->process, SIGHUP);
        (void)process_wait_log(daemon->process, "revoked", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

/* ---- Passwords --------------------------------------------------------------------------------------------------- */

static struct broker *broker_with_password(void)
{
        const char *file = work_path("passwords");
        char config[2048];
        int status;

        write_file(file, "attic:let me in\n");
        process_free(process_run((const char *const[]){ "mosquitto_passwd", "-U", file, NULL }, NULL, &status));
        assert_int_equal(status, 0);
        (void)snprintf(config, sizeof(config),
                       "listener PORT 127.0.0.1\nallow_anonymous false\npassword_file %s\n"
                       "cafile %s\ncertfile %s.crt\nkeyfile %s.key\n",
                       file, pki_file(stage.pki, "ca.crt"), pki_issued(stage.pki, "localhost"),
                       pki_issued(stage.pki, "localhost"));
        return broker_new_plain(config);
}

static struct daemon *daemon_with_password(const struct broker *broker, const char *password)
{
        char tls[512], keys[512];

        write_file(work_path("password"), "%s\n", password);
        (void)snprintf(tls, sizeof(tls), "ca = %s\n", pki_file(stage.pki, "ca.crt"));
        (void)snprintf(keys, sizeof(keys), "user = attic\npassword_file = %s\n", work_path("password"));
        return daemon_new(&(struct daemon_options){ .name = "attic",
                                                    .broker = broker,
                                                    .tls = keep_text(strdup(tls)),
                                                    .broker_keys = keep_text(strdup(keys)),
                                                    .devices = lamp });
}

static void password_file__right__stands_in_for_the_certificate(void **state)
{
        struct broker *broker = broker_with_password();
        struct daemon *daemon = daemon_with_password(broker, "let me in");

        (void)state;
        daemon_start(daemon);
        (void)process_wait_log(broker->process, "u'attic'", SOON_MS);
        assert_false(process_logged(daemon->process, "let me in"));
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static void password_file__wrong__is_refused_with_its_reason(void **state)
{
        struct broker *broker = broker_with_password();
        struct daemon *daemon = daemon_with_password(broker, "open sesame");

        (void)state;
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "not authorized", SOON_MS);
        (void)process_wait_log(daemon->process, "not authorized", SOON_MS);
        assert_false(process_logged(daemon->process, "open sesame"));
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static void reload__password_file_changed__is_read_again(void **state)
{
        struct broker *broker = broker_with_password();
        struct daemon *daemon = daemon_with_password(broker, "open sesame");

        (void)state;
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "not authorized", SOON_MS);
        write_file(work_path("password"), "let me in\n");
        process_signal(daemon->process, SIGHUP);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static void reload__password_file_gone__keeps_what_was_read(void **state)
{
        struct broker *broker = broker_with_password();
        struct daemon *daemon = daemon_with_password(broker, "let me in");

        (void)state;
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        assert_int_equal(unlink(work_path("password")), 0);
        process_signal(daemon->process, SIGHUP);
        (void)process_wait_log(daemon->process, "the previous version stays in use", SOON_MS);
        (void)process_wait_log(daemon->process, "reloaded", SOON_MS);
        broker_kill(broker);
        broker_start(broker);
        (void)process_wait_log(daemon->process, "connected to", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        broker_free(broker);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(reload__certificate_renewed__comes_into_use, stage_forget),
        STAGE_TEST(reload__certificate_half_written__keeps_what_works, stage_forget),
        STAGE_TEST(reload__certificate_of_another_name__node_is_called_so, stage_forget),
        STAGE_TEST(reload__broker_revoked_meanwhile__is_left, stage_forget),
        STAGE_TEST(password_file__right__stands_in_for_the_certificate, stage_forget),
        STAGE_TEST(password_file__wrong__is_refused_with_its_reason, stage_forget),
        STAGE_TEST(reload__password_file_changed__is_read_again, stage_forget),
        STAGE_TEST(reload__password_file_gone__keeps_what_was_read, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
