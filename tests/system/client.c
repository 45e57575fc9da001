/* SPDX-License-Identifier: Apache-2.0 */
#include "system/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/mosquitto.h"
#include "system/process.h"
#include "system/workdir.h"

struct client {
        struct mosquitto *mosq;
        struct pump_source source;
        const char *id;
        bool connected, refused, ended;
        int acked_mid, acked_reason, suback_mid;
        struct message **messages; /* each allocated: waits hand out pointers */
        size_t count, forgotten;
        struct client *next;
};

static struct client *clients;

/* ---- What libmosquitto reports ----------------------------------------------------------------------------------- */

static void on_connect(struct mosquitto *mosq, void *userdata, int reason, int flags,
                       const mosquitto_property *properties)
{
        struct client *client = userdata;

        (void)mosq;
        (void)flags;
        (void)properties;
        client->connected = reason == 0;
        client->refused = reason != 0;
}

static void on_disconnect(struct mosquitto *mosq, void *userdata, int reason, const mosquitto_property *properties)
{
        struct client *client = userdata;

        (void)mosq;
        (void)reason;
        (void)properties;
        client->connected = false;
        client->ended = true;
}

static void on_puback(struct mosquitto *mosq, void *userdata, int mid, int reason, const mosquitto_property *properties)
{
        struct client *client = userdata;

        (void)mosq;
        (void)properties;
        client->acked_mid = mid;
        client->acked_reason = reason;
}

static void on_suback(struct mosquitto *mosq, void *userdata, int mid, int n_granted, const int *granted,
                      const mosquitto_property *properties)
{
        struct client *client = userdata;

        (void)mosq;
        (void)properties;
        (void)n_granted;
        (void)granted;
        client->suback_mid = mid;
}

static char *copy(const void *bytes, size_t size)
{
        char *text = malloc(size + 1);
        if (!text)
                abort();
        if (size)
                memcpy(text, bytes, size);
        text[size] = '\0';
        return text;
}

static void on_message(struct mosquitto *mosq, void *userdata, const struct mosquitto_message *got,
                       const mosquitto_property *properties)
{
        struct client *client = userdata;
        void *correlation = NULL;
        uint16_t correlation_size = 0;
        char *name = NULL;

        (void)mosq;
        struct message *message = calloc(1, sizeof(*message));
        struct message **messages = realloc(client->messages, (client->count + 1) * sizeof(*messages));
        if (!message || !messages)
                abort();
        client->messages = messages;
        messages[client->count++] = message;
        message->topic = copy(got->topic, strlen(got->topic));
        message->payload = copy(got->payload, (size_t)got->payloadlen);
        message->size = (size_t)got->payloadlen;
        message->retain = got->retain;
        message->qos = got->qos;
        if (mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &correlation, &correlation_size,
                                           false)) {
                message->correlation = copy(correlation, correlation_size);
                message->correlation_size = correlation_size;
                free(correlation);
        }
        (void)mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC,
                                             (char **)(uintptr_t)&message->response_topic, false);
        (void)mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &message->expiry_s, false);
        (void)mosquitto_property_read_string_pair(properties, MQTT_PROP_USER_PROPERTY, &name,
                                                  (char **)(uintptr_t)&message->expires, false);
        free(name);
}

/* ---- The pump ---------------------------------------------------------------------------------------------------- */

static void client_prepare(struct pump_source *source)
{
        struct client *client = CONTAINER_OF(source, struct client, source);

        (void)mosquitto_loop_misc(client->mosq);
        source->fd = mosquitto_socket(client->mosq);
        source->events = mosquitto_want_write(client->mosq) ? POLLIN | POLLOUT : POLLIN;
}

static void client_ready(struct pump_source *source, short revents)
{
        struct client *client = CONTAINER_OF(source, struct client, source);

        if (revents & (POLLIN | POLLERR | POLLHUP) && mosquitto_loop_read(client->mosq, 16) != MOSQ_ERR_SUCCESS)
                client->ended = true;
        if (revents & POLLOUT)
                (void)mosquitto_loop_write(client->mosq, 16);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* For a broker that does not speak MQTT 5: messages go out without properties. */
static bool is_311(void)
{
        const char *version = getenv("SCONCE_TEST_MQTT");

        return version && strcmp(version, "3.1.1") == 0;
}

static void set_up(struct client *client, const struct client_options *options)
{
        struct mosquitto *mosq = client->mosq;

        (void)mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, is_311() ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
        (void)mosquitto_int_option(mosq, MOSQ_OPT_RECEIVE_MAXIMUM, 1000);
        if (options->cert) {
                char ca[4096], crt[4096], key[4096];

                (void)snprintf(ca, sizeof(ca), "%s.crt", options->ca);
                (void)snprintf(crt, sizeof(crt), "%s.crt", options->cert);
                (void)snprintf(key, sizeof(key), "%s.key", options->cert);
                if (mosquitto_tls_set(mosq, ca, NULL, crt, key, NULL) != MOSQ_ERR_SUCCESS)
                        give_up("client %s: cannot use %s", options->id, crt);
        }
        if (options->psk && mosquitto_tls_psk_set(mosq, options->psk, options->psk_identity, NULL) != MOSQ_ERR_SUCCESS)
                give_up("client %s: cannot use its key", options->id);
        if (options->user)
                (void)mosquitto_username_pw_set(mosq, options->user, options->password);
        mosquitto_connect_v5_callback_set(mosq, on_connect);
        mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
        mosquitto_publish_v5_callback_set(mosq, on_puback);
        mosquitto_subscribe_v5_callback_set(mosq, on_suback);
        mosquitto_message_v5_callback_set(mosq, on_message);
}

static bool is_settled(void *userdata)
{
        const struct client *client = userdata;
        return client->connected || client->refused || client->ended;
}

struct client *client_new(const struct client_options *options)
{
        static bool ready;

        if (!ready) {
                (void)mosquitto_lib_init();
                (void)signal(SIGPIPE, SIG_IGN); /* libmosquitto 2.0.21 leaves that to us */
        }
        ready = true;
        struct client *client = calloc(1, sizeof(*client));
        if (!client || !(client->mosq = mosquitto_new(options->id, true, client)))
                give_up("out of memory");
        client->id = options->id;
        client->next = clients;
        clients = client;
        set_up(client, options);
        const char *host = options->unix_socket ? options->unix_socket : "127.0.0.1";
        int port = options->unix_socket ? 0 : (int)options->port;
        int r = mosquitto_connect_bind_v5(client->mosq, host, port, 60, NULL, NULL);
        client->ended = r != MOSQ_ERR_SUCCESS;
        client->source = (struct pump_source){ .prepare = client_prepare, .ready = client_ready };
        pump_add(&client->source);
        if ((!pump_until(is_settled, client, SOON_MS) || !client->connected) && !options->refused_is_fine)
                give_up("client %s cannot connect to %s:%d: %s", client->id, host, port, mosquitto_strerror(r));
        return client;
}

static void message_free(struct message *message)
{
        free((void *)(uintptr_t)message->topic);
        free((void *)(uintptr_t)message->payload);
        free((void *)(uintptr_t)message->correlation);
        free((void *)(uintptr_t)message->response_topic);
        free((void *)(uintptr_t)message->expires);
        free(message);
}

void client_free(struct client *client)
{
        if (!client)
                return;
        for (struct client **at = &clients; *at; at = &(*at)->next) {
                if (*at == client) {
                        *at = client->next;
                        break;
                }
        }
        pump_remove(&client->source);
        (void)mosquitto_disconnect(client->mosq);
        mosquitto_destroy(client->mosq);
        for (size_t i = 0; i < client->count; i++)
                message_free(client->messages[i]);
        free(client->messages);
        free(client);
}

void client_free_all(void)
{
        client_free_all_but(NULL);
}

void client_free_all_but(const struct client *kept)
{
        for (struct client *client = clients, *next; client; client = next) {
                next = client->next;
                if (client != kept)
                        client_free(client);
        }
}

bool client_connected(const struct client *client)
{
        return client->connected;
}

/* ---- Out --------------------------------------------------------------------------------------------------------- */

struct awaited {
        struct client *client;
        int mid;
};

static bool is_subscribed(void *userdata)
{
        const struct awaited *awaited = userdata;
        return awaited->client->suback_mid == awaited->mid || awaited->client->ended;
}

void client_subscribe(struct client *client, const char *topic)
{
        struct awaited awaited = { .client = client };

        if (mosquitto_subscribe(client->mosq, &awaited.mid, topic, 1) != MOSQ_ERR_SUCCESS ||
            !pump_until(is_subscribed, &awaited, SOON_MS) || client->ended)
                give_up("client %s cannot subscribe to %s", client->id, topic);
}

static int publish(struct client *client, const struct request *request)
{
        size_t size = request->size || !request->payload ? request->size : strlen(request->payload);
        mosquitto_property *properties = NULL;
        int mid = 0;

        if (request->response_topic)
                (void)mosquitto_property_add_string(&properties, MQTT_PROP_RESPONSE_TOPIC, request->response_topic);
        if (request->correlation)
                (void)mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA, request->correlation,
                                                    (uint16_t)strlen(request->correlation));
        if (request->expiry_s)
                (void)mosquitto_property_add_int32(&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, request->expiry_s);
        if (request->expires)
                (void)mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "expires",
                                                         request->expires);
        if (is_311())
                mosquitto_property_free_all(&properties);
        int r = mosquitto_publish_v5(client->mosq, &mid, request->topic, (int)size, request->payload, 1,
                                     request->retain, properties);
        mosquitto_property_free_all(&properties);
        if (r != MOSQ_ERR_SUCCESS)
                give_up("client %s cannot publish on %s: %s", client->id, request->topic, mosquitto_strerror(r));
        return mid;
}

void client_publish(struct client *client, const struct request *request)
{
        (void)publish(client, request);
}

void client_send(struct client *client, const char *topic, const char *payload)
{
        client_publish(client, &(struct request){ .topic = topic, .payload = payload });
}

static bool is_acked(void *userdata)
{
        const struct awaited *awaited = userdata;
        return awaited->client->acked_mid == awaited->mid || awaited->client->ended;
}

int client_publish_acked(struct client *client, const struct request *request)
{
        struct awaited awaited = { .client = client, .mid = publish(client, request) };

        if (!pump_until(is_acked, &awaited, SOON_MS) || client->ended)
                give_up("client %s got no PUBACK for %s", client->id, request->topic);
        return client->acked_reason;
}

/* ---- In ---------------------------------------------------------------------------------------------------------- */

static bool topic_is(const char *topic, const char *wanted)
{
        size_t length = strlen(wanted);

        if (length && wanted[length - 1] == '#')
                return strncmp(topic, wanted, length - 1) == 0;
        return strcmp(topic, wanted) == 0;
}

struct search {
        struct client *client;
        const char *topic;
        match_fn matches;
        const void *userdata;
        struct message *found;
};

static bool has_arrived(void *userdata)
{
        struct search *search = userdata;
        struct client *client = search->client;

        for (size_t i = client->forgotten; i < client->count; i++) {
                struct message *m = client->messages[i];
                if (m->seen || !topic_is(m->topic, search->topic))
                        continue;
                /* Passed over means seen: a later wait looks at later messages of this topic only. */
                m->seen = true;
                if (!search->matches || search->matches(m, search->userdata)) {
                        search->found = m;
                        return true;
                }
        }
        return false;
}

static void show_received(const struct client *client)
{
        for (size_t i = client->forgotten; i < client->count; i++) {
                const struct message *m = client->messages[i];
                (void)fprintf(stderr, "  %s %s%.200s\n", m->topic, m->retain ? "(retained) " : "", m->payload);
        }
}

const struct message *client_wait(struct client *client, const char *topic, match_fn matches, const void *userdata)
{
        struct search search = { .client = client, .topic = topic, .matches = matches, .userdata = userdata };

        if (pump_until(has_arrived, &search, SOON_MS))
                return search.found;
        (void)fprintf(stderr, "---- client %s received:\n", client->id);
        show_received(client);
        give_up("client %s waited for %s in vain", client->id, topic);
}

static bool is_text(const struct message *message, const void *userdata)
{
        return strcmp(message->payload, userdata) == 0;
}

const struct message *client_wait_text(struct client *client, const char *topic, const char *payload)
{
        return client_wait(client, topic, is_text, payload);
}

struct member {
        const char *key, *value;
};

static bool has_member(const struct message *message, const void *userdata)
{
        const struct member *member = userdata;
        const char *value = json_member(message, member->key);

        return value && strcmp(value, member->value) == 0;
}

const struct message *client_wait_json(struct client *client, const char *topic, const char *key, const char *value)
{
        const struct member member = { key, value };
        return client_wait(client, topic, has_member, &member);
}

const struct message *client_look(struct client *client, const char *topic)
{
        struct search search = { .client = client, .topic = topic };
        return has_arrived(&search) ? search.found : NULL;
}

const struct message *client_newest(const struct client *client, const char *topic)
{
        for (size_t i = client->count; i > client->forgotten; i--)
                if (topic_is(client->messages[i - 1]->topic, topic))
                        return client->messages[i - 1];
        return NULL;
}

void client_forget(struct client *client)
{
        pump_once(0);
        client->forgotten = client->count;
}

size_t client_count(const struct client *client, const char *topic)
{
        size_t n = 0;

        for (size_t i = client->forgotten; i < client->count; i++)
                n += topic_is(client->messages[i]->topic, topic);
        return n;
}

const char *json_member(const struct message *message, const char *key)
{
        json_t *root = json_loadb(message->payload, message->size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *at = root;
        char *path = strdup(key), *rest = path, *word;
        char *text = NULL;

        while (at && (word = strsep(&rest, ".")))
                at = json_object_get(at, word);
        if (json_is_string(at))
                text = strdup(json_string_value(at));
        else if (at)
                text = json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        json_decref(root);
        free(path);
        return text ? keep_text(text) : NULL;
}
