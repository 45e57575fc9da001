/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's own sections: defaults, checks across keys and sections, and what is printed of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "config/builtin.h"
#include "fakes/config_text.h"
#include "util/macro.h"

#define CERTS SCONCE_SYSCONFDIR "/sconce/certs/"

struct fixture {
        void *place;
        struct config *config;
        struct problems problems;
        struct settings settings;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        *state = f;
        return f ? config_text_setup(&f->place) : -1;
}

static void forget(struct fixture *f)
{
        config_free(f->config);
        f->config = NULL;
        problems_done(&f->problems);
        settings_done(&f->settings);
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        forget(f);
        int r = config_text_teardown(&f->place);
        free(f);
        return r;
}

static int read_text(struct fixture *f, enum settings_for whom, const char *text)
{
        forget(f);
        f->config = config_text_load(text, &f->problems);
        assert_int_equal(f->problems.count, 0);
        assert_int_equal(chmod("a.conf", 0640), 0);
        return settings_read(f->config, whom, &f->problems, &f->settings);
}

static void check_good(struct fixture *f, const char *text)
{
        int r = read_text(f, SETTINGS_DAEMON, text);
        for (size_t i = 0; i < f->problems.count; i++)
                print_error("%s\n", f->problems.items[i]);
        assert_int_equal(r, 0);
        assert_int_equal(f->problems.count, 0);
}

static void check_problems(struct fixture *f, const char *text, const char *expected)
{
        assert_int_equal(read_text(f, SETTINGS_DAEMON, text), -EINVAL);
        char *rendered = config_text_render(NULL, &f->problems);
        if (strcmp(rendered, expected) != 0)
                print_error("for this text:\n%s\n", text);
        assert_string_equal(rendered, expected);
        free(rendered);
}

static void settings_read__empty_file__gives_safe_defaults(void **state)
{
        struct fixture *f = *state;
        check_good(f, "");
        assert_null(f->settings.node.name);
        assert_int_equal(f->settings.node.clock, 0);
        assert_int_equal(f->settings.node.max_payload_bytes, 65536);
        assert_int_equal(f->settings.node.max_depth, 16);
        assert_int_equal(f->settings.node.save_after_us, 2 * USEC_PER_SEC);
        assert_int_equal(f->settings.broker.urls.count, 0);
        assert_string_equal(f->settings.broker.base, "sconce");
        assert_int_equal(f->settings.broker.client_id, CLIENT_ID_PRIVATE);
        assert_false(f->settings.broker.envelope);
        assert_int_equal(f->settings.broker.offline_after_us, 30000000);
        assert_string_equal(f->settings.tls.ca, CERTS "ca.crt");
        assert_string_equal(f->settings.tls.cert, CERTS "node.crt");
        assert_string_equal(f->settings.tls.key, CERTS "node.key");
        assert_null(f->settings.tls.crl);
        assert_string_equal(f->settings.gpio.chip, "gpiochip0");
        assert_true(f->settings.homeassistant.enabled);
        assert_string_equal(f->settings.homeassistant.prefix, "homeassistant");
        assert_string_equal(f->settings.homeassistant.birth_topic, "homeassistant/status");
        assert_string_equal(f->settings.homeassistant.birth_payload, "online");
        assert_int_equal(f->settings.warnings.count, 0);
}

static void settings_read__envelope__ends_discovery(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[broker]\nenvelope = yes\n[homeassistant]\nprefix = ha\n");
        assert_false(f->settings.homeassistant.enabled);
        check_good(f, "[broker]\nenvelope = yes\n[homeassistant]\nenabled = no\n");
        check_good(f, "[homeassistant]\nenabled = yes\nprefix = a/b\nbirth_topic = a/birth\nbirth_payload = here\n");
        assert_true(f->settings.homeassistant.enabled);
        assert_string_equal(f->settings.homeassistant.prefix, "a/b");
        check_problems(
                f, "[broker]\nenvelope = yes\n[homeassistant]\nenabled = yes\n",
                "a.conf:4: [homeassistant] enabled: Home Assistant cannot read messages in an envelope: one of this "
                "and [broker] envelope\n");
        check_problems(
                f, "[homeassistant]\nprefix = a/#\nbirth_topic = /x\n",
                "a.conf:2: [homeassistant] prefix: \"a/#\": a topic of 1 to 128 bytes without blanks, \"+\", \"#\" "
                "and a \"$\" at its start\n"
                "a.conf:3: [homeassistant] birth_topic: /x: topic levels are not empty: no \"/\" at the start or the "
                "end, as in homeassistant/status\n");
}

static void settings_read__whole_config__is_taken(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[node]\nname = hall\nclock = trusted\nmax_payload = 4K\nmax_depth = 4\n"
                      "[broker]\nurl = [\"mqtts://[::1]:8883\", \"unix:///run/m.sock\"]\nversion = "
                      "3.1.1\nbase = home/sconce\n"
                      "client_id = random\nenvelope = yes\nkeepalive = 1m\n"
                      "[tls]\nca = system\ncert = /c\nkey = handle:0x81000001\nmin_version = "
                      "1.3\nserver_name = broker.lan\n"
                      "pin = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                      "[gpio]\nchip = sim\nsim_dir = /tmp/sim\n[lamp kitchen]\nline = 1\n");
        assert_string_equal(f->settings.node.name, "hall");
        assert_int_equal(f->settings.node.clock, 1);
        assert_int_equal(f->settings.broker.urls.count, 2);
        assert_string_equal(((const char *const *)f->settings.broker.urls.items)[1], "unix:///run/m.sock");
        assert_int_equal(f->settings.broker.version, 2);
        assert_int_equal(f->settings.broker.client_id, CLIENT_ID_RANDOM);
        assert_true(f->settings.broker.envelope);
        assert_int_equal(f->settings.broker.keepalive_us, 60000000);
        assert_string_equal(f->settings.tls.key, "handle:0x81000001");
        assert_int_equal(f->settings.tls.min_version, 1);
        assert_string_equal(f->settings.gpio.sim_dir, "/tmp/sim");
        assert_int_equal(f->settings.warnings.count, 0);
}

static void settings_read__password_without_certificate__drops_the_default_certificate(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[broker]\nurl = mqtts://b\nuser = u\npassword = a#b;c\n");
        assert_string_equal(f->settings.broker.password, "a#b;c");
        assert_null(f->settings.tls.cert);
        assert_null(f->settings.tls.key);
        check_good(f, "[broker]\nurl = mqtts://b\nuser = u\npassword = p\n[tls]\ncert = /c\nkey = /k\n");
        assert_string_equal(f->settings.tls.cert, "/c");
}

static void settings_read__wrong_sections__are_refused(void **state)
{
        static const struct {
                const char *text, *problems;
        } samples[] = {
                { "[lamp Kitchen]\nline = 1\n",
                  "a.conf:1: [lamp Kitchen]: a device's id is made of a-z, 0-9, \"_\" and \"-\", begins with "
                  "a letter or digit, and has at most 64 characters; did you mean [lamp kitchen]\n" },
                { "[lamp küche]\n", "a.conf:1: [lamp küche]: a device's id is made of a-z, 0-9, \"_\" and "
                                    "\"-\", begins with a letter or digit, and has at most 64 characters\n" },
                { "[lamp x]\n[switch x]\n", "a.conf:2: [switch x]: a device's id is used once, and this one "
                                            "is taken by [lamp x] at a.conf:1\n" },
                { "[lamp node]\n", "a.conf:1: [lamp node]: the id \"node\" is the agent's own: take another\n" },
                { "[node hall]\n", "a.conf:1: [node hall]: [node] takes no second word\n" },
                { "[log x]\n", "a.conf:1: [log x]: \"log\" is reserved and names no plugin\n" },
                { "[Lamp x]\n", "a.conf:1: [Lamp x]: a plugin's name is made of a-z, 0-9, \"_\" and \"-\", "
                                "begins with a letter or digit, and has at most 64 characters\n" },
                { "[brocker]\nurl = x\n",
                  "a.conf:1: [brocker]: unknown section; known are [node], [broker], [tls], [gpio], "
                  "[homeassistant] and [history], and a device is [PLUGIN ID]; did you mean [broker]\n" },
                { "[kitchen]\n", "a.conf:1: [kitchen]: unknown section; known are [node], [broker], [tls], "
                                 "[gpio], [homeassistant] and [history], and a device is [PLUGIN ID]\n" },
                { "[history x]\n", "a.conf:1: [history x]: [history] takes no second word\n" },
                { "[rule]\n[rule Hall]\n[rule x]\n[lamp x]\n",
                  "a.conf:1: [rule]: a rule has a name: [rule NAME]\n"
                  "a.conf:2: [rule Hall]: a rule's name is made of a-z, 0-9, \"_\" and \"-\", begins with a "
                  "letter or digit, and has at most 64 characters; did you mean [rule hall]\n" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                check_problems(*state, samples[i].text, samples[i].problems);
}

static void settings_read__wrong_values__are_refused(void **state)
{
        static const struct {
                const char *text, *problems;
        } samples[] = {
                { "[node]\nname = Hall\n",
                  "a.conf:2: [node] name: Hall: a node's name is made of a-z, 0-9, \"_\" and \"-\", begins "
                  "with a letter or digit, and has at most 64 characters\n" },
                { "[node]\nname = all\n", "a.conf:2: [node] name: all: is reserved; take another name\n" },
                { "[node]\nsave_after = 0s\n", "a.conf:2: [node] save_after: 0s: out of range: from 10ms to 1h\n" },
                { "[node]\nmax_payload = 2M\n", "a.conf:2: [node] max_payload: 2M: out of range: from 256 to 1M\n" },
                { "[broker]\nurl = broker.lan\n",
                  "a.conf:2: [broker] url: broker.lan: not a broker's address: write mqtts://HOST[:PORT], "
                  "mqtt://HOST[:PORT] or unix:///PATH\n" },
                { "[broker]\nurl = mqtts://::1:8883\n", "a.conf:2: [broker] url: mqtts://::1:8883: an IPv6 "
                                                        "address is written in brackets: [::1]:8883\n" },
                { "[broker]\nurl = mqtts://b:99999\n", "a.conf:2: [broker] url: mqtts://b:99999: \"99999\" "
                                                       "is not a port: a number from 1 to 65535\n" },
                { "[broker]\nversion = 4\nkeepalive = 8\n",
                  "a.conf:2: [broker] version: 4: must be auto, 5 or 3.1.1\n"
                  "a.conf:3: [broker] keepalive: 8: a duration needs a unit: ms, s, m, h or d, as in 8s\n" },
                { "[broker]\nbase = sconce/\n", "a.conf:2: [broker] base: sconce/: topic levels are not "
                                                "empty: no \"/\" at the start or the end, as in sconce\n" },
                { "[broker]\nbase = a/+/b\n", "a.conf:2: [broker] base: a/+/b: a topic of 1 to 128 bytes "
                                              "without blanks, \"+\", \"#\" and a \"$\" at its start\n" },
                { "[broker]\nurl = mqtt://b\nuser = u\npassword = p\n",
                  "a.conf:4: [broker] password: a password goes over mqtts:// only, or to a broker on this "
                  "machine\n" },
                { "[broker]\nurl = mqtts://b\nuser = u\npassword = p\npassword_file = /p\n",
                  "a.conf:5: [broker] password_file: password is there too: one of them\n" },
                { "[broker]\nurl = mqtts://b\npassword_file = /p\n",
                  "a.conf:3: [broker] password_file: needs a user: user = NAME\n" },
                { "[broker]\nurl = mqtts://b\nuser = u\npassword = p # q\n",
                  "a.conf:4: [broker] password: white space and \"#\" or \";\" begin a comment: quote the "
                  "secret, as in password = \"…\"\n" },
                { "[broker]\nurls = mqtts://b\n", "a.conf:2: [broker] urls: unknown key; did you mean url\n" },
                { "[tls]\ncert = /c\n", "a.conf:2: [tls] cert: needs its key: key = FILE, or a provider URI "
                                        "such as handle:0x81000001\n" },
                { "[tls]\nkey = /k\n", "a.conf:2: [tls] key: needs its certificate: cert = FILE\n" },
                { "[tls]\nca = ca.crt\n", "a.conf:2: [tls] ca: ca.crt: a path that begins with \"/\", or system\n" },
                { "[tls]\ncert = /c\nkey = node.key\n",
                  "a.conf:3: [tls] key: node.key: a path that begins with \"/\", or a provider URI such as "
                  "handle:0x81000001 or pkcs11:…\n" },
                { "[tls]\npin = AAAA\n", "a.conf:2: [tls] pin: AAAA: sha256// and the SHA-256 of the "
                                         "broker's public key in base64, 44 characters\n" },
                { "[tls]\nserver_name = \"a b\"\n",
                  "a.conf:2: [tls] server_name: \"a b\": a host name or an IP address\n" },
                { "[tls]\nserver_name = .lan\n", "a.conf:2: [tls] server_name: .lan: a host name or an IP address\n" },
                { "[tls]\nserver_name = *.lan\n",
                  "a.conf:2: [tls] server_name: \"*.lan\": a host name or an IP address\n" },
                { "[tls]\nserver_name = a..lan\n",
                  "a.conf:2: [tls] server_name: a..lan: a host name or an IP address\n" },
                { "[tls]\nserver_name = broker.lan:8883\n",
                  "a.conf:2: [tls] server_name: broker.lan:8883: a host name or an IP address\n" },
                { "[broker]\nurl = mqtts://.lan\n", "a.conf:2: [broker] url: mqtts://.lan: \".lan\" is not a host "
                                                    "name: write mqtts://HOST[:PORT], mqtt://HOST[:PORT] "
                                                    "or unix:///PATH\n" },
                { "[broker]\nurl = mqtts://me:S3CRET@broker.lan\n",
                  "a.conf:2: [broker] url: mqtts://…@broker.lan: user and password are keys of their own: user = ..., "
                  "password "
                  "= ...\n" },
                { "[node]\nname = all\n", "a.conf:2: [node] name: all: is reserved; take another name\n" },
                { "[gpio]\nchip = \"\"\n",
                  "a.conf:2: [gpio] chip: \"\": a chip's number, name, label or path, or sim\n" },
                { "[gpio]\nsim_dir = sim\n", "a.conf:2: [gpio] sim_dir: sim: a path begins with \"/\"\n" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                check_problems(*state, samples[i].text, samples[i].problems);
}

static void settings_read__plain_mqtt__is_warned_of_unless_local(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[broker]\nurl = mqtt://broker.lan\n");
        assert_int_equal(f->settings.warnings.count, 1);
        assert_string_equal(f->settings.warnings.items[0],
                            "a.conf:2: [broker] url: mqtt://broker.lan: without TLS anyone on the way can "
                            "read and change what is sent; mqtts:// prevents that");
        check_good(f, "[broker]\nurl = [\"mqtt://localhost\", \"mqtt://127.0.0.1:1883\", \"mqtt://[::1]\", "
                      "\"unix:///run/m\"]\n");
        assert_int_equal(f->settings.warnings.count, 0);
}

static void settings_read__password_that_others_can_read__is_warned_of(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[broker]\nurl = mqtts://b\nuser = u\npassword = p\n");
        assert_int_equal(f->settings.warnings.count, 0);
        settings_done(&f->settings);
        assert_int_equal(chmod("a.conf", 0644), 0);
        assert_int_equal(settings_read(f->config, SETTINGS_DAEMON, &f->problems, &f->settings), 0);
        assert_int_equal(f->settings.warnings.count, 1);
        assert_string_equal(f->settings.warnings.items[0],
                            "a.conf:4: [broker] password: every user of this machine can read the file that "
                            "holds it: chmod o-r, or use password_file");
}

static void settings_read__client__knows_two_sections(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(read_text(f, SETTINGS_CLIENT, "[broker]\nurl = mqtts://b\n[tls]\nca = system\n"), 0);
        assert_int_equal(read_text(f, SETTINGS_CLIENT, "[lamp x]\nline = 1\n"), -EINVAL);
        assert_string_equal(f->problems.items[0],
                            "a.conf:1: [lamp x]: the client's config has the sections [broker] and [tls] only");
}

static void settings_password__file__is_one_line(void **state)
{
        struct fixture *f = *state;
        struct fault fault = { 0 };
        char *password = NULL;
        static const struct {
                const char *content;
                int result;
                const char *password;
        } samples[] = {
                { "secret\n", 0, "secret" }, { "secret", 0, "secret" },       { " s \r\n", 0, " s " },
                { "", -EINVAL, NULL },       { "one\ntwo\n", -EINVAL, NULL }, { "\n", -EINVAL, NULL },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                config_text_file("p", samples[i].content, strlen(samples[i].content));
                assert_int_equal(chmod("p", 0640), 0);
                f->settings.broker.password_file = "p";
                assert_int_equal(settings_password(&f->settings, &password, &fault), samples[i].result);
                if (samples[i].password)
                        assert_string_equal(password, samples[i].password);
                free(password);
                password = NULL;
        }
        assert_int_equal(chmod("p", 0644), 0);
        assert_int_equal(settings_password(&f->settings, &password, &fault), -EACCES);
        assert_string_equal(fault.text, "p: others can read the password file: chmod o-r p");
        f->settings.broker.password_file = "none";
        assert_int_equal(settings_password(&f->settings, &password, &fault), -ENOENT);
        assert_string_equal(fault.text, "none: the password file cannot be read: No such file or directory");
        f->settings.broker.password_file = NULL;
        assert_int_equal(settings_password(&f->settings, &password, &fault), 0);
        assert_null(password);
}

/* What --dump-config prints, to be freed. */
static char *dump(const struct fixture *f)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        settings_dump(out, f->config);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void settings_dump__values__show_their_origin_and_no_secret(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[node]\nname = hall\n[broker]\nurl = [mqtts://b, \"unix:///a # b\"]\nuser = \"two "
                      "\\\"words\\\" # x\"\n"
                      "password = hunter2\n");
        char *text = dump(f);
        static const char *const lines[] = {
                "[node]\nname = hall  # a.conf:2\nclock = auto  # default\n",
                "\nurl = [\"mqtts://b\", \"unix:///a # b\"]  # a.conf:4\n",
                "\nuser = \"two \\\"words\\\" # x\"  # a.conf:5\n",
                "\n# password = ********  # a.conf:6\n",
                "\n# cert is not set\n# key is not set\n",
                "\n[gpio]\nchip = gpiochip0  # default\n",
        };
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_non_null(strstr(text, lines[i]));
        assert_null(strstr(text, "hunter2"));
        free(text);
}

static void settings_dump__read_back__means_the_same(void **state)
{
        struct fixture *f = *state;
        check_good(f, "[node]\nname = hall\nmax_payload = 4K\n[broker]\nurl = (\"mqtts://[::1]:1\", "
                      "\"unix:///a # \\\\b\")\n"
                      "user = \"tab\\tand # \\\"quotes\\\"\"\nbase = home\n[tls]\nca = system\n");
        char *once = dump(f);
        char *again = strdup(once);
        check_good(f, again);
        assert_string_equal(f->settings.node.name, "hall");
        assert_int_equal(f->settings.node.max_payload_bytes, 4096);
        assert_int_equal(f->settings.broker.urls.count, 2);
        assert_string_equal(((const char *const *)f->settings.broker.urls.items)[1], "unix:///a # \\b");
        assert_string_equal(f->settings.broker.user, "tab\tand # \"quotes\"");
        free(once);
        free(again);
}

static void settings_describe__text__names_type_default_and_help(void **state)
{
        (void)state;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        settings_describe(out, DESCRIBE_TEXT);
        assert_int_equal(fclose(out), 0);
        static const char *const pieces[] = {
                "[broker]\n  url = list of strings\n      mqtts://HOST",
                "  version = auto | 5 | 3.1.1  (default auto)\n      MQTT version",
                "  password = string  [secret]\n",
                "  keepalive = duration, from 5s to 18h  (default 30s)\n",
        };
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
                assert_non_null(strstr(text, pieces[i]));
        free(text);
}

static void settings_describe_one__section__its_keys_alone(void **state)
{
        (void)state;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_true(settings_describe_one(out, "gpio", DESCRIBE_TEXT));
        assert_true(settings_describe_one(out, "rule", DESCRIBE_TEXT));
        assert_false(settings_describe_one(out, "lamp", DESCRIBE_TEXT));
        assert_int_equal(fclose(out), 0);
        assert_int_equal(strncmp(text, "[gpio]\n  chip = string", strlen("[gpio]\n  chip = string")), 0);
        assert_non_null(strstr(text, "\n[rule NAME]\n  when = list of strings  [required]\n"));
        assert_null(strstr(text, "[broker]"));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(settings_read__empty_file__gives_safe_defaults),
                TEST(settings_read__envelope__ends_discovery),
                TEST(settings_read__whole_config__is_taken),
                TEST(settings_read__password_without_certificate__drops_the_default_certificate),
                TEST(settings_read__wrong_sections__are_refused),
                TEST(settings_read__wrong_values__are_refused),
                TEST(settings_read__plain_mqtt__is_warned_of_unless_local),
                TEST(settings_read__password_that_others_can_read__is_warned_of),
                TEST(settings_read__client__knows_two_sections),
                TEST(settings_password__file__is_one_line),
                TEST(settings_dump__values__show_their_origin_and_no_secret),
                TEST(settings_dump__read_back__means_the_same),
                TEST(settings_describe__text__names_type_default_and_help),
                TEST(settings_describe_one__section__its_keys_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
