/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconce-dashboard-setup` on a machine that is a directory, with a real nginx and a real mosquitto: who sees the page
 * and who may do what by its listener, that nothing of a user's is written over, and that what does not work is not left.
 */
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

#include "system/broker.h"
#include "system/machine.h"
#include "system/pki.h"
#include "system/web.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define NAME    "sconce-dashboard.conf"
#define SITE    "root/etc/nginx/conf.d/" NAME
#define DROP_IN MACHINE_CONF_D NAME
#define PAGE    "root/usr/share/sconce/dashboard"
#define CONFIG  "root/etc/sconce/dashboard/config.json"

/* Reason codes of MQTT 5. */
#define FAILURE        128U
#define NOT_AUTHORIZED 135U

static struct port broker_port, socket_port, page_port, join_port;

static const char *port_text(const struct port *port)
{
        return format_text("%u", port->number);
}

/* ---- The machine ------------------------------------------------------------------------------------------------- */

static void copy_to_root(const char *from, const char *to)
{
        int status;

        process_free(process_run(WORDS("cp", "-a", from, work_path("%s", to)), NULL, &status));
        assert_int_equal(status, 0);
}

static void write_page(void)
{
        static const char *const dirs[] = { "usr", "usr/share", "usr/share/sconce", "usr/share/sconce/dashboard" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                make_dir(work_path("root/%s", dirs[i]));
        write_file(work_path(PAGE "/index.html"), "<!doctype html><title>Home</title>%01000d\n", 0);
        write_file(work_path(PAGE "/app.js"), "/* %01000d */\n", 0);
        write_file(work_path(PAGE "/app.js.gz"), "as it was shipped");
        write_file(work_path(PAGE "/app.webmanifest"), "{}\n");
}

/* sconce-broker-setup has run there; its broker listens on a port of the test's. */
static int setup(void **state)
{
        (void)state;
        machine_make();
        machine_systemctl(machine_real_systemctl);
        make_dir(work_path("root/etc/sconce"));
        copy_to_root(work_path("pki"), "root/etc/sconce/pki");
        write_page();
        broker_port = port_reserve();
        socket_port = port_reserve();
        page_port = port_reserve();
        join_port = port_reserve();
        CLEANUP_FREE char *shipped = read_file(source_path("etc/mosquitto/sconce.conf"));
        char *at = strstr(shipped, "\nlistener 8883\n");
        write_file(work_path(MACHINE_CONF_D "sconce.conf"), "%.*s\nlistener %u\n%s", (int)(at - shipped), shipped,
                   broker_port.number, at + strlen("\nlistener 8883\n"));
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        machine_remove();
        port_release(&broker_port);
        port_release(&socket_port);
        port_release(&page_port);
        port_release(&join_port);
        return 0;
}

static int group_setup(void **state)
{
        (void)state;
        workdir_make();
        machine_tools();
        (void)machine_nginx();
        const char *pki = pki_make("pki");
        PKI_RUN(pki, "client", "me");
        PKI_RUN(pki, "client", "display", "--read-only");
        PKI_RUN(pki, "node", "hall");
        return 0;
}

static struct process *run_words(int expected, const char *const words[])
{
        return machine_run("sconce-dashboard-setup", expected, words);
}

static struct process *run(int expected)
{
        return run_words(expected, WORDS("--port", port_text(&socket_port), "--web-port", port_text(&page_port),
                                         "localhost", "127.0.0.1"));
}

static void assert_says(const struct stream *stream, const char *text)
{
        if (!stream->text || !strstr(stream->text, text))
                give_up("it does not print \"%s\"", text);
}

static void assert_nothing_left(void)
{
        assert_false(machine_has(SITE));
        assert_false(machine_has(DROP_IN));
        assert_false(machine_has("root/etc/sconce/dashboard"));
        assert_false(machine_has(SITE ".new"));
        assert_false(machine_has(DROP_IN ".new"));
}

/* ---- The page ---------------------------------------------------------------------------------------------------- */

static const char *get(const char *cert, const char *path, const char *headers)
{
        return web_get(&(struct web_options){ .port = page_port.number, .pki = work_path(MACHINE_PKI), .cert = cert },
                       path, headers, NULL);
}

static void assert_has(const char *answer, const char *text)
{
        if (!strstr(answer, text))
                give_up("there is no \"%s\" in: %s", text, answer);
}

static void page__without_a_certificate__is_not_shown(void **state)
{
        (void)state;
        assert_says(&run(0)->out, format_text("The page is at https://localhost:%u/", page_port.number));
        const char *answer = get(NULL, "/", NULL);
        assert_has(answer, "HTTP/1.1 400 ");
        assert_has(answer, "sudo sconce-pki client NAME");
        assert_null(strstr(answer, "Home"));
        assert_has(get(NULL, "/config.json", NULL), "HTTP/1.1 400 ");
        assert_has(get(NULL, "/app.js", NULL), "\r\nContent-Type: text/plain\r\n");
        /* A server's certificate is no client's. */
        assert_has(get("localhost", "/", NULL), "HTTP/1.1 400 ");
}

static void page__with_a_certificate__is_shown_under_its_policy(void **state)
{
        (void)state;
        (void)run(0);
        const char *answer = get("me", "/", NULL);
        assert_has(answer, "HTTP/1.1 200 ");
        assert_has(answer, "<title>Home</title>");
        assert_has(answer, format_text("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src "
                                       "'self'; img-src 'self' data:; connect-src 'self' https://localhost:%u "
                                       "wss://localhost:%u; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
                                       "form-action 'none'; frame-ancestors 'none'\r\n",
                                       socket_port.number, socket_port.number));
        assert_has(answer, "\r\nSconce-Client: me\r\n");
        assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
        assert_has(answer, "\r\nReferrer-Policy: no-referrer\r\n");
        assert_has(answer, "\r\nCache-Control: no-cache\r\n");
        answer = get("me", "/app.webmanifest", NULL);
        assert_has(answer, "\r\nContent-Type: application/manifest+json\r\n");
        assert_has(answer, "\r\nContent-Security-Policy: default-src 'none'; ");
        assert_has(get("me", "/none", NULL), "HTTP/1.1 404 ");
}

static void page__compressed__made_or_as_shipped(void **state)
{
        (void)state;
        (void)run(0);
        const char *answer = get("me", "/", "Accept-Encoding: gzip\r\n");
        assert_has(answer, "\r\nContent-Encoding: gzip\r\n");
        assert_has(answer, "\r\nVary: Accept-Encoding\r\n");
        answer = get("me", "/app.js", "Accept-Encoding: gzip\r\n");
        assert_has(answer, "\r\nContent-Encoding: gzip\r\n");
        assert_has(answer, "\r\n\r\nas it was shipped");
}

static void config__by_each_name_of_the_page__names_the_listener_there(void **state)
{
        (void)state;
        (void)run(0);
        struct web_options options = { .port = page_port.number, .pki = work_path(MACHINE_PKI), .cert = "me" };
        static const char *const hosts[][2] = { { "localhost", "localhost" },
                                                { "127.0.0.1", "127.0.0.1" },
                                                { "elsewhere", "localhost" } };
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
                options.host = hosts[i][0];
                const char *answer = web_get(&options, "/config.json", NULL, NULL);
                assert_has(answer, "\r\nContent-Type: application/json\r\n");
                assert_has(answer, "\r\nCache-Control: no-cache\r\n");
                assert_has(answer, format_text("\"broker\": \"wss://%s:%u\"", hosts[i][1], socket_port.number));
                assert_has(answer, format_text(" wss://%s:%u; manifest-src", hosts[i][1], socket_port.number));
        }
}

/* nginx takes a reload into use some time after it was asked. */
static bool names_itself(void *host)
{
        const struct web_options options = {
                .port = page_port.number, .pki = work_path(MACHINE_PKI), .cert = "me", .host = host
        };
        const char *answer = web_get(&options, "/config.json", NULL, NULL);

        return answer &&
               strstr(answer, format_text("\"broker\": \"wss://%s:%u\"", (const char *)host, socket_port.number));
}

/* The shipped file has broker.lan in it. */
static void config__of_names_like_the_shipped_one__names_each_as_it_is(void **state)
{
        static const char *const hosts[] = { "127.0.0.1", "broker.lan", "mybroker.lan" };

        (void)state;
        PKI_RUN(work_path(MACHINE_PKI), "renew", "localhost", "broker.lan", "mybroker.lan");
        for (size_t first = 0; first < ARRAY_SIZE(hosts); first += 2) {
                (void)run_words(0, WORDS("--port", port_text(&socket_port), "--web-port", port_text(&page_port),
                                         hosts[first], hosts[1], hosts[2 - first]));
                for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
                        assert_true(pump_until(names_itself, (void *)(uintptr_t)hosts[i], SOON_MS));
        }
}

/* ---- Its listener ------------------------------------------------------------------------------------------------ */

static struct web_socket *socket_of(const char *cert)
{
        return web_socket_new(
                &(struct web_options){ .port = socket_port.number, .pki = work_path(MACHINE_PKI), .cert = cert });
}

/* A node's reading, by the other listener; returns when the broker has it. */
static void publish_reading(void)
{
        int status;

        struct process *p = process_run(
                WORDS("mosquitto_pub", "-h", "localhost", "-p", port_text(&broker_port), "-q", "1", "--cafile",
                      work_path(MACHINE_PKI "ca.crt"), "--cert", work_path(MACHINE_PKI "issued/hall.crt"), "--key",
                      work_path(MACHINE_PKI "issued/hall.key"), "-t", "sconce/hall/door/state", "-m", "{}"),
                NULL, &status);
        assert_int_equal(status, 0);
        process_free(p);
}

static void listener__certificates__go_by_the_list(void **state)
{
        (void)state;
        (void)run(0);
        assert_null(socket_of(NULL));
        struct web_socket *me = socket_of("me"), *display = socket_of("display");
        assert_non_null(me);
        assert_non_null(display);
        web_socket_subscribe(me, "sconce/+/#");
        web_socket_subscribe(display, "sconce/+/#");
        assert_true(web_socket_publish(me, "sconce/hall/lamp/set", "ON") < FAILURE);
        assert_int_equal(web_socket_publish(me, "sconce/hall/status", "online"), NOT_AUTHORIZED);
        assert_int_equal(web_socket_publish(display, "sconce/hall/lamp/set", "ON"), NOT_AUTHORIZED);
        publish_reading();
        assert_true(web_socket_was_sent(me, "sconce/hall/door/state"));
        assert_true(web_socket_was_sent(display, "sconce/hall/door/state"));
        web_socket_free(me);
        web_socket_free(display);
}

static bool is_turned_away(void *cert)
{
        return strncmp(get(cert, "/", NULL), "HTTP/1.1 400 ", 13) == 0;
}

/* Not let in, or nothing comes and nothing goes. */
static void assert_powerless(struct web_socket *socket)
{
        if (!socket)
                return;
        web_socket_subscribe(socket, "sconce/#");
        publish_reading();
        assert_false(web_socket_was_sent(socket, "sconce/hall/door/state"));
        assert_int_equal(web_socket_publish(socket, "sconce/hall/lamp/set", "ON"), NOT_AUTHORIZED);
        web_socket_free(socket);
}

/* On a websockets listener mosquitto 2.0 looks at the CRL from a reload on, and no longer after its next start; the list
 * is what shuts a name out there. */
static void revoke__of_who_had_the_page__neither_page_nor_messages(void **state)
{
        (void)state;
        (void)run(0);
        struct web_socket *before = socket_of("me");
        assert_true(web_socket_publish(before, "sconce/hall/lamp/set", "ON") < FAILURE);
        const char *text = pki_output(work_path(MACHINE_PKI), WORDS("revoke", "me"));
        assert_has(text, "The page's nginx (process ");
        assert_has(text, " It serves browsers: restart it soon");
        assert_null(strstr(text, "For browsers"));
        assert_true(pump_until(is_turned_away, (void *)(uintptr_t) "me", SOON_MS));
        assert_powerless(before);
        assert_powerless(socket_of("me"));
        (void)machine_run("sconce-broker-setup", 0, WORDS("--join-port", port_text(&join_port), "localhost"));
        assert_powerless(socket_of("me"));
        /* The others go on. */
        assert_has(get("display", "/", NULL), "HTTP/1.1 200 ");
        struct web_socket *display = socket_of("display");
        assert_non_null(display);
        web_socket_free(display);
}

static bool serves_another(void *serial)
{
        const char *now = web_serial(
                &(struct web_options){ .port = page_port.number, .pki = work_path(MACHINE_PKI), .cert = "me" });

        return *now && strcmp(now, serial) != 0;
}

static void renew__of_the_broker__is_served_by_nginx_at_once(void **state)
{
        (void)state;
        (void)run(0);
        const char *before = web_serial(
                &(struct web_options){ .port = page_port.number, .pki = work_path(MACHINE_PKI), .cert = "me" });
        const char *text = pki_output(work_path(MACHINE_PKI), WORDS("renew", "localhost"));
        assert_has(text, "For browsers the broker's new certificate counts when mosquitto has started again.");
        assert_true(pump_until(serves_another, (void *)(uintptr_t)before, SOON_MS));
        assert_null(strstr(pki_output(work_path(MACHINE_PKI), WORDS("renew", "me")), "nginx"));
}

/* ---- Other files of mosquitto's ---------------------------------------------------------------------------------- */

static void per_listener_settings__the_list_stands_at_the_listener_too(void **state)
{
        (void)state;
        write_file(work_path(MACHINE_CONF_D "00-all.conf"), "per_listener_settings true\n");
        (void)run(0);
        assert_true(file_has(work_path(DROP_IN), "\nacl_file /etc/sconce/pki/sconce.acl\n"));
        struct web_socket *display = socket_of("display");
        assert_int_equal(web_socket_publish(display, "sconce/hall/lamp/set", "ON"), NOT_AUTHORIZED);
        web_socket_free(display);
}

/* The broker's own set-up knows the page's listener for what it is, and finds when it has no list. */
static void broker_setup__beside_the_page__proves_its_listener_too(void **state)
{
        (void)state;
        (void)run(0);
        struct process *p = machine_run("sconce-broker-setup", 0,
                                        WORDS("--join-port", port_text(&join_port), "localhost"));
        assert_null(strstr(p->out.text, "Shut out"));
        write_file(work_path(MACHINE_CONF_D "00-all.conf"), "per_listener_settings true\n");
        p = machine_run("sconce-broker-setup", 1, WORDS("--join-port", port_text(&join_port), "localhost"));
        assert_says(&p->err, NAME " has no acl_file of its own");
        (void)run(0);
        (void)machine_run("sconce-broker-setup", 0, WORDS("--join-port", port_text(&join_port), "localhost"));
}

/* ---- Again ------------------------------------------------------------------------------------------------------- */

static void again__all_is_kept_and_mosquitto_left_alone(void **state)
{
        (void)state;
        (void)run(0);
        CLEANUP_FREE char *site = read_file(work_path(SITE)), *drop_in = read_file(work_path(DROP_IN));
        CLEANUP_FREE char *config = read_file(work_path(CONFIG));
        write_file(work_path("called"), "%s", "");
        struct process *p = run(0);
        assert_says(&p->out, "/etc/nginx/conf.d/" NAME " as it is.\n");
        CLEANUP_FREE char *site_now = read_file(work_path(SITE)), *drop_in_now = read_file(work_path(DROP_IN));
        CLEANUP_FREE char *config_now = read_file(work_path(CONFIG));
        assert_string_equal(site_now, site);
        assert_string_equal(drop_in_now, drop_in);
        assert_string_equal(config_now, config);
        assert_calls("systemctl --quiet is-active nginx\nsystemctl reload nginx\n");
        assert_has(get("me", "/", NULL), "HTTP/1.1 200 ");
}

static void again__with_another_port__is_made_again(void **state)
{
        (void)state;
        (void)run_words(0, WORDS("--port", port_text(&socket_port), "--web-port", port_text(&page_port), "localhost"));
        struct port other = port_reserve();
        (void)run_words(0, WORDS("--port", port_text(&other), "--web-port", port_text(&page_port), "127.0.0.1"));
        assert_null(socket_of("me"));
        port_release(&socket_port);
        socket_port = other;
        struct web_socket *socket = socket_of("me");
        assert_non_null(socket);
        web_socket_free(socket);
        assert_true(file_has(work_path(CONFIG), format_text("\"wss://127.0.0.1:%u\"", other.number)));
}

static void config__with_more_in_it__is_kept(void **state)
{
        (void)state;
        (void)run(0);
        CLEANUP_FREE char *wanted = strdup(
                format_text("{\"broker\": \"wss://localhost:%u\", \"more\": 1}\n", socket_port.number));
        write_file(work_path(CONFIG), "%s", wanted);
        (void)run(0);
        CLEANUP_FREE char *config = read_file(work_path(CONFIG));
        assert_string_equal(config, wanted);
        struct process *p = run_words(
                1, WORDS("--port", port_text(&broker_port), "--web-port", port_text(&page_port), "localhost"));
        assert_says(&p->err,
                    format_text("config.json was edited by hand, and does not name wss://localhost:%u: move it "
                                "away, and run this again; nothing was changed",
                                broker_port.number));
}

/* ---- What is in the way ------------------------------------------------------------------------------------------ */

static const struct in_the_way {
        const char *name, *script, *wrong; /* the script has the file as $0 */
} in_the_way[] = {
        { SITE, "echo '# mine' >\"$0\"", NAME " is there, and not by this command: move it away" },
        { DROP_IN, "echo '# mine' >\"$0\"", NAME " is there, and not by this command: move it away" },
        { SITE, "mkdir \"$0\"", NAME " is there and not a plain file: move it away" },
        { DROP_IN, "ln -s /nowhere \"$0\"", NAME " is there and not a plain file: move it away" },
        { CONFIG, "mkdir -p \"${0%/*}\"; echo '{}' >\"$0\"", "config.json was edited by hand, and does not name wss:" },
};

static void file__that_is_not_ours__is_left_and_nothing_done(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(in_the_way); i++) {
                const struct in_the_way *row = &in_the_way[i];
                int status;

                process_free(process_run(WORDS("sh", "-c", row->script, work_path("%s", row->name)), NULL, &status));
                assert_says(&run(1)->err, row->wrong);
                assert_calls("");
                process_free(process_run(WORDS("sh", "-c", "rm -r \"$0\"; rmdir \"$1\" 2>&1 || true",
                                               work_path("%s", row->name), work_path("root/etc/sconce/dashboard")),
                                         NULL, &status));
                assert_int_equal(status, 0);
                assert_nothing_left();
        }
}

static void file__edited__is_left_and_nothing_done(void **state)
{
        static const char *const names[] = { SITE, DROP_IN };

        (void)state;
        (void)run(0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                CLEANUP_FREE char *was = read_file(work_path("%s", names[i]));
                write_file(work_path("%s", names[i]), "%s# mine\n", was);
                write_file(work_path("called"), "%s", "");
                assert_says(&run(1)->err, NAME " was edited by hand: move it away, and run this again");
                assert_calls("");
                CLEANUP_FREE char *now = read_file(work_path("%s", names[i]));
                assert_string_equal(now, format_text("%s# mine\n", was));
                write_file(work_path("%s", names[i]), "%s", was);
        }
        (void)run(0);
}

/* ---- What does not work ------------------------------------------------------------------------------------------ */

static void nginx__broken_before__nothing_is_changed(void **state)
{
        (void)state;
        write_file(work_path("root/etc/nginx/conf.d/zz.conf"), "nonsense;\n");
        struct process *p = run(1);
        assert_says(&p->err, "unknown directive \"nonsense\"");
        assert_says(&p->err,
                    "nginx does not take its own files as they are, for the reason above: nothing was changed");
        assert_nothing_left();
        assert_calls("");
}

static void nginx__does_not_take_the_site__all_is_taken_back(void **state)
{
        (void)state;
        (void)unlink(work_path(MACHINE_PKI "broker.key"));
        write_file(work_path(MACHINE_PKI "broker.key"), "no key\n");
        struct process *p = run(1);
        assert_says(&p->err, "nginx does not take ");
        assert_says(&p->err, "All is as it was before\n");
        assert_nothing_left();
}

static void nginx__another_has_its_port__all_is_taken_back(void **state)
{
        (void)state;
        struct process *p = run_words(
                1, WORDS("--port", port_text(&socket_port), "--web-port", port_text(&broker_port), "localhost"));
        assert_says(&p->err,
                    format_text("nginx does not serve the page on port %u for localhost: ", broker_port.number));
        assert_nothing_left();
        /* mosquitto is as it was, too. */
        assert_null(socket_of("me"));
        publish_reading();
}

/* An address gets the first site of the port, which does not ask for certificates. */
static void nginx__another_site_has_the_address__all_is_taken_back(void **state)
{
        (void)state;
        write_file(work_path("root/etc/nginx/conf.d/mine.conf"),
                   "server { listen %u ssl; server_name mine; ssl_certificate /etc/sconce/pki/broker.crt;\n"
                   "ssl_certificate_key /etc/sconce/pki/broker.key; }\n",
                   page_port.number);
        struct process *p = run(1);
        assert_says(&p->err, format_text("nginx does not serve the page on port %u for 127.0.0.1: ", page_port.number));
        assert_nothing_left();
        (void)run_words(0, WORDS("--port", port_text(&socket_port), "--web-port", port_text(&page_port), "localhost"));
        assert_has(get("me", "/", NULL), "HTTP/1.1 200 ");
}

static void mosquitto__does_not_start__all_is_taken_back(void **state)
{
        (void)state;
        machine_systemctl("[ ! -e \"$SCONCE_ROOT/etc/mosquitto/conf.d/" NAME "\" ]");
        struct process *p = run(1);
        assert_says(&p->err, "mosquitto does not start with ");
        assert_nothing_left();
        assert_calls("systemctl restart mosquitto\nsystemctl restart mosquitto\nsystemctl --quiet is-active nginx\n"
                     "systemctl reload nginx\n");
}

static void replaced__and_does_not_work__old_one_is_back(void **state)
{
        (void)state;
        (void)run(0);
        CLEANUP_FREE char *was = read_file(work_path(SITE));
        (void)run_words(1, WORDS("--port", port_text(&broker_port), "--web-port", port_text(&page_port), "localhost"));
        CLEANUP_FREE char *now = read_file(work_path(SITE));
        assert_string_equal(now, was);
        assert_has(get("me", "/", NULL), "HTTP/1.1 200 ");
        struct web_socket *socket = socket_of("me");
        assert_non_null(socket);
        web_socket_free(socket);
}

/* ---- Removing ---------------------------------------------------------------------------------------------------- */

static bool is_away(void *unused)
{
        (void)unused;
        return !*get("me", "/", NULL);
}

static void remove__takes_its_own_and_nothing_else(void **state)
{
        (void)state;
        write_file(work_path("root/etc/nginx/conf.d/mine.conf"), "# mine\n");
        (void)run(0);
        (void)run_words(0, WORDS("--remove"));
        assert_nothing_left();
        assert_true(machine_has("root/etc/nginx/conf.d/mine.conf"));
        assert_true(machine_has(MACHINE_CONF_D "sconce.conf"));
        assert_true(pump_until(is_away, NULL, SOON_MS));
        assert_null(socket_of("me"));
        publish_reading();
        assert_says(&run_words(0, WORDS("--remove"))->out, "There is nothing to remove.\n");
}

static void remove__of_what_is_not_ours__is_left_and_named(void **state)
{
        (void)state;
        write_file(work_path(SITE), "# mine\n");
        struct process *p = run_words(0, WORDS("--remove"));
        assert_says(&p->out, NAME ": it is not by this command.\n");
        assert_true(machine_has(SITE));
        assert_calls("");
}

static void remove__of_a_config_that_was_edited__leaves_that(void **state)
{
        (void)state;
        (void)run(0);
        write_file(work_path(CONFIG), "{\"broker\": \"wss://localhost:%u\", \"more\": 1}\n", socket_port.number);
        assert_says(&run_words(0, WORDS("--remove"))->out, "config.json: it was edited by hand.\n");
        assert_true(machine_has(CONFIG));
        assert_false(machine_has(SITE));
}

/* ---- The command line -------------------------------------------------------------------------------------------- */

static void host__odd__is_refused(void **state)
{
        static const char *const hosts[] = { "a b",  "$(id)", "x;y",   "../x",  "x/y", "-x",
                                             "x\ny", "*.lan", "a'b\"", "x:443", "::1", "x{" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
                struct process *p = run_words(2, WORDS("localhost", hosts[i]));
                assert_says(&p->err, "--help explains it");
        }
        assert_nothing_left();
}

static void host__not_in_the_certificate__is_refused_with_those_that_are(void **state)
{
        (void)state;
        struct process *p = run_words(1, WORDS("broker.lan"));
        assert_says(&p->err, "the broker's certificate is not for broker.lan but for localhost 127.0.0.1 "
                             "0:0:0:0:0:0:0:1: use one of these, or 'sconce-pki renew localhost broker.lan' first\n");
        assert_nothing_left();
        assert_calls("");
}

static void words__wrong__are_answered(void **state)
{
        static const struct {
                const char *words[4], *wrong;
        } rows[] = {
                { { NULL }, "a HOST is missing" },
                { { "--port", "0", "localhost" }, "--port needs a number from 1 to 65535" },
                { { "--web-port", "x", "localhost" }, "--web-port needs a number from 1 to 65535" },
                { { "--port", "443", "localhost" }, "--port and --web-port must differ" },
                { { "--remvoe" },
                  "there is no option '--remvoe': there are --port PORT, --web-port PORT and --remove" },
                { { "--remove", "localhost" }, "--remove takes no HOST" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_says(&run_words(2, rows[i].words)->err, rows[i].wrong);
        assert_nothing_left();
}

static void broker__not_set_up__is_asked_for(void **state)
{
        (void)state;
        (void)unlink(work_path(MACHINE_CONF_D "sconce.conf"));
        assert_says(&run(1)->err, "sconce.conf is not there: run 'sconce-broker-setup HOST…' first\n");
        assert_nothing_left();
}

static void page__not_installed__is_asked_for(void **state)
{
        (void)state;
        (void)unlink(work_path(PAGE "/index.html"));
        assert_says(&run(1)->err, "/usr/share/sconce/dashboard/index.html is not there: install the package "
                                  "sconce-dashboard (or 'make dashboard', then 'make install')\n");
        assert_nothing_left();
}

static void needs_nginx(void **state)
{
        (void)state;
        print_message("skipped: there is no nginx (apt-get install nginx-light)\n");
        skip();
}

int main(void)
{
        struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(page__without_a_certificate__is_not_shown),
                TEST(page__with_a_certificate__is_shown_under_its_policy),
                TEST(page__compressed__made_or_as_shipped),
                TEST(config__by_each_name_of_the_page__names_the_listener_there),
                TEST(config__of_names_like_the_shipped_one__names_each_as_it_is),
                TEST(listener__certificates__go_by_the_list),
                TEST(revoke__of_who_had_the_page__neither_page_nor_messages),
                TEST(renew__of_the_broker__is_served_by_nginx_at_once),
                TEST(per_listener_settings__the_list_stands_at_the_listener_too),
                TEST(broker_setup__beside_the_page__proves_its_listener_too),
                TEST(again__all_is_kept_and_mosquitto_left_alone),
                TEST(again__with_another_port__is_made_again),
                TEST(config__with_more_in_it__is_kept),
                TEST(file__that_is_not_ours__is_left_and_nothing_done),
                TEST(file__edited__is_left_and_nothing_done),
                TEST(nginx__broken_before__nothing_is_changed),
                TEST(nginx__does_not_take_the_site__all_is_taken_back),
                TEST(nginx__another_has_its_port__all_is_taken_back),
                TEST(nginx__another_site_has_the_address__all_is_taken_back),
                TEST(mosquitto__does_not_start__all_is_taken_back),
                TEST(replaced__and_does_not_work__old_one_is_back),
                TEST(remove__takes_its_own_and_nothing_else),
                TEST(remove__of_what_is_not_ours__is_left_and_named),
                TEST(remove__of_a_config_that_was_edited__leaves_that),
                TEST(host__odd__is_refused),
                TEST(host__not_in_the_certificate__is_refused_with_those_that_are),
                TEST(words__wrong__are_answered),
                TEST(broker__not_set_up__is_asked_for),
                TEST(page__not_installed__is_asked_for),
        };
        workdir_make();
        machine_tools();
        bool there = machine_nginx();
        workdir_remove();
        for (size_t i = 0; !there && i < ARRAY_SIZE(tests); i++)
                tests[i] = (struct CMUnitTest)cmocka_unit_test(needs_nginx);
        return cmocka_run_group_tests(tests, there ? group_setup : NULL, there ? pki_close : NULL);
}
