/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct ring ring;

int ring_open(void **state)
{
        (void)state;
        workdir_make();
        ring.broker = broker_new_plain(BROKER_OPEN);
        ring.tester = client_new(&(struct client_options){ .id = "tester", .port = ring.broker->port.number });
        client_subscribe(ring.tester, "sconce/#");
        return 0;
}

int ring_close(void **state)
{
        (void)state;
        client_free_all();
        broker_free_all_but(NULL);
        process_free_all();
        workdir_remove();
        return 0;
}

int ring_plug(void **state)
{
        static const struct gpiosim_hog hog = { .offset = 4, .consumer = "hog", .direction = "output-high" };
        const struct gpiosim_layout bank = {
                .label = "ring-bank", .line_count = 54, .name_prefix = "PIN", .hogs = &hog, .hog_count = 1
        };
        const struct gpiosim_layout expander = { .label = "ring-expander", .line_count = 8, .name_prefix = "EXP" };

        (void)state;
        client_forget(ring.tester);
        assert_int_equal(gpiosim_create("ring-bank", &bank, &ring.bank), 0);
        assert_int_equal(gpiosim_create("ring-expander", &expander, &ring.expander), 0);
        /* For chip.h: its number may change when it is plugged in again, its label does not. */
        (void)setenv("SCONCE_TEST_CHIP", bank.label, 1);
        (void)setenv("SCONCE_TEST_LINES", ring.bank.lines_dir, 1);
        return 0;
}

int ring_unplug(void **state)
{
        (void)state;
        daemon_free_all_but(NULL);
        client_free_all_but(ring.tester);
        assert_int_equal(gpiosim_remove("ring-bank"), 0);
        assert_int_equal(gpiosim_remove("ring-expander"), 0);
        return 0;
}

struct daemon *ring_daemon_with(struct daemon_options options)
{
        char url[64];

        (void)snprintf(url, sizeof(url), "mqtt://127.0.0.1:%u", ring.broker->port.number);
        options.name = "hall";
        options.url = keep_text(strdup(url));
        return daemon_new(&options);
}

struct daemon *ring_daemon(const char *devices)
{
        return ring_daemon_with((struct daemon_options){ .devices = devices });
}

static const char *topic_of(const char *rest)
{
        char topic[256];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s", rest);
        return keep_text(strdup(topic));
}

void ring_wait(const char *rest, const char *text)
{
        (void)client_wait_text(ring.tester, topic_of(rest), text);
}

void ring_wait_json(const char *rest, const char *key, const char *value)
{
        (void)client_wait_json(ring.tester, topic_of(rest), key, value);
}

void ring_send(const char *rest, const char *payload)
{
        client_send(ring.tester, topic_of(rest), payload);
}

struct wanted_error {
        const char *code, *words;
};

static bool is_wanted(const struct message *message, const void *userdata)
{
        const struct wanted_error *wanted = userdata;
        const char *code = json_member(message, "code"), *text = json_member(message, "message");

        return code && text && strcmp(code, wanted->code) == 0 && strstr(text, wanted->words);
}

void ring_wait_error(const char *device, const char *code, const char *words)
{
        const struct wanted_error wanted = { code, words };
        char rest[128];

        (void)snprintf(rest, sizeof(rest), "%s/error", device);
        (void)client_wait(ring.tester, topic_of(rest), is_wanted, &wanted);
}
