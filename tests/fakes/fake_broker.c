/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/fake_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "util/macro.h"
#include "util/thread.h"

#define FAKE_SOON_US (20 * USEC_PER_SEC)

enum { CONNECT = 1, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 8, PINGREQ = 12, DISCONNECT = 14 };

struct peer {
        struct fake_broker *broker;
        const struct fake_step *step;
        unsigned number;
        int fd;
        SSL *ssl; /* NULL: plain */
        bool mqtt5;
};

struct packet {
        uint8_t type, flags;
        uint8_t body[4096];
        size_t size;
};

/* ---- Bytes --------------------------------------------------------------------------------------------- */

static bool read_bytes(struct peer *peer, void *bytes, size_t size)
{
        uint8_t *at = bytes;

        while (size > 0) {
                ssize_t n = peer->ssl ? SSL_read(peer->ssl, at, (int)size) : recv(peer->fd, at, size, 0);
                if (n <= 0)
                        return false;
                at += n;
                size -= (size_t)n;
        }
        return true;
}

static bool write_bytes(struct peer *peer, const void *bytes, size_t size)
{
        if (size == 0)
                return true;
        ssize_t n = peer->ssl ? SSL_write(peer->ssl, bytes, (int)size) : send(peer->fd, bytes, size, MSG_NOSIGNAL);
        return n == (ssize_t)size;
}

static bool read_packet(struct peer *peer, struct packet *packet)
{
        uint8_t byte;
        size_t size = 0;
        unsigned shift = 0;

        if (!read_bytes(peer, &byte, 1))
                return false;
        packet->type = byte >> 4;
        packet->flags = byte & 15U;
        do {
                if (!read_bytes(peer, &byte, 1))
                        return false;
                size |= (size_t)(byte & 127U) << shift;
                shift += 7;
        } while ((byte & 128U) && shift < 28);
        packet->size = size;
        return size <= sizeof(packet->body) && read_bytes(peer, packet->body, size);
}

/* ---- A small broker ------------------------------------------------------------------------------------ */

static bool send_connack(struct peer *peer)
{
        if (peer->step->answer)
                return write_bytes(peer, peer->step->answer, peer->step->answer_size);
        return peer->mqtt5 ? write_bytes(peer, "\x20\x03\x00\x00\x00", 5) : write_bytes(peer, "\x20\x02\x00\x00", 4);
}

static bool send_suback(struct peer *peer, const struct packet *packet)
{
        uint8_t granted = peer->step->granted ? peer->step->granted : 1;
        const uint8_t v5[] = { 0x90, 4, packet->body[0], packet->body[1], 0, granted };
        const uint8_t v311[] = { 0x90, 3, packet->body[0], packet->body[1], granted };

        return peer->mqtt5 ? write_bytes(peer, v5, sizeof(v5)) : write_bytes(peer, v311, sizeof(v311));
}

static size_t publish_id_at(const struct packet *packet)
{
        return 2 + ((size_t)packet->body[0] << 8 | packet->body[1]);
}

static size_t put_puback(const struct peer *peer, const struct packet *packet, const uint8_t *id, uint8_t *to)
{
        const struct fake_step *step = peer->step;
        bool is_refused = step->puback && peer->mqtt5 &&
                          (!step->refused ||
                           memmem(packet->body + 2, publish_id_at(packet) - 2, step->refused, strlen(step->refused)));
        const uint8_t puback[] = { 0x40, is_refused ? 3 : 2, id[0], id[1], step->puback };
        size_t size = is_refused ? 5 : 4;

        memcpy(to, puback, size);
        return size;
}

/* Acknowledged, and sent back as QoS 0: the same packet without its id. Both in one piece. */
static bool answer_publish(struct peer *peer, const struct packet *packet)
{
        size_t at = publish_id_at(packet);
        bool qos1 = (packet->flags & 6U) != 0;
        uint8_t back[4208];
        size_t size = packet->size - (qos1 ? 2 : 0);
        size_t n = qos1 ? put_puback(peer, packet, packet->body + at, back) : 0;

        back[n++] = 0x30;
        for (size_t rest = size, i = 0; i < 4; rest >>= 7, i++) {
                back[n++] = (uint8_t)((rest & 127U) | (rest > 127 ? 128U : 0U));
                if (rest <= 127)
                        break;
        }
        memcpy(back + n, packet->body, at);
        memcpy(back + n + at, packet->body + at + (qos1 ? 2 : 0), size - at);
        return write_bytes(peer, back, n + size);
}

static bool serve_packet(struct peer *peer, const struct packet *packet)
{
        const struct fake_step *step = peer->step;

        switch (packet->type) {
        case SUBSCRIBE:
                if (!send_suback(peer, packet) || !write_bytes(peer, step->greeting, step->greeting_size))
                        return false;
                if (!step->farewell)
                        return true;
                (void)write_bytes(peer, step->farewell, step->farewell_size);
                return false;
        case PUBLISH:
                if (step->act == FAKE_CLOSE_ON_PUBLISH || (step->max_publish > 0 && packet->size > step->max_publish))
                        return false;
                return step->act == FAKE_DEAF || answer_publish(peer, packet);
        case PINGREQ:
                return step->act == FAKE_DEAF || write_bytes(peer, "\xd0\x00", 2);
        default:
                return packet->type != DISCONNECT;
        }
}

static void copy_text(char *to, size_t size, const uint8_t *from, size_t length)
{
        (void)snprintf(to, size, "%.*s", (int)MIN(length, size - 1), (const char *)from);
}

static void keep_publish(struct fake_broker *broker, const struct packet *packet, bool mqtt5)
{
        size_t at = publish_id_at(packet);
        struct fake_publish *kept = &broker->publishes[broker->n_kept];

        if (broker->n_kept == FAKE_PUBLISHES_MAX)
                return;
        broker->n_kept++;
        *kept = (struct fake_publish){ .retain = packet->flags & 1U };
        copy_text(kept->topic, sizeof(kept->topic), packet->body + 2, at - 2);
        if (packet->flags & 6U) {
                kept->id = (uint16_t)(packet->body[at] << 8 | packet->body[at + 1]);
                at += 2;
        }
        if (mqtt5) {
                kept->properties_size = packet->body[at++] & 127U;
                memcpy(kept->properties, packet->body + at, kept->properties_size);
                at += kept->properties_size;
        }
        copy_text(kept->payload, sizeof(kept->payload), packet->body + at, packet->size - at);
}

static void count_packet(struct fake_broker *broker, const struct packet *packet, bool mqtt5)
{
        (void)pthread_mutex_lock(&broker->lock);
        if (packet->type == PUBLISH)
                keep_publish(broker, packet, mqtt5);
        broker->n_publishes += packet->type == PUBLISH;
        broker->n_disconnects += packet->type == DISCONNECT;
        broker->n_pings += packet->type == PINGREQ;
        (void)pthread_cond_broadcast(&broker->news);
        (void)pthread_mutex_unlock(&broker->lock);
}

static void serve(struct peer *peer)
{
        struct packet packet;

        if (!send_connack(peer))
                return;
        while (read_packet(peer, &packet)) {
                count_packet(peer->broker, &packet, peer->mqtt5);
                if (!serve_packet(peer, &packet))
                        return;
        }
}

/* ---- Connections --------------------------------------------------------------------------------------- */

static bool read_connect(struct peer *peer)
{
        struct fake_broker *broker = peer->broker;
        struct packet packet;

        if (!read_packet(peer, &packet) || packet.type != CONNECT || packet.size < 8)
                return false;
        (void)pthread_mutex_lock(&broker->lock);
        broker->versions[MIN(peer->number, FAKE_CONNECTIONS_MAX - 1U)] = packet.body[6];
        broker->connect_size = MIN(packet.size, sizeof(broker->connect));
        memcpy(broker->connect, packet.body, broker->connect_size);
        (void)pthread_mutex_unlock(&broker->lock);
        peer->mqtt5 = packet.body[6] == 5;
        return true;
}

static int on_server_name(SSL *ssl, int *alert, void *userdata)
{
        struct fake_broker *broker = userdata;
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

        (void)alert;
        (void)pthread_mutex_lock(&broker->lock);
        (void)snprintf(broker->sni, sizeof(broker->sni), "%s", name ? name : "");
        (void)pthread_mutex_unlock(&broker->lock);
        return SSL_TLSEXT_ERR_OK;
}

static void wait_for_end(struct peer *peer)
{
        char byte;

        while (recv(peer->fd, &byte, 1, 0) > 0)
                ;
}

static void talk(struct peer *peer)
{
        const struct fake_step *step = peer->step;

        if (step->act == FAKE_SILENT) {
                wait_for_end(peer);
                return;
        }
        if (peer->broker->tls) {
                peer->ssl = SSL_new(peer->broker->tls);
                if (!peer->ssl || SSL_set_fd(peer->ssl, peer->fd) != 1 || SSL_accept(peer->ssl) != 1)
                        return;
        }
        if (!read_connect(peer) || step->act == FAKE_CLOSE)
                return;
        if (step->only_311 && peer->mqtt5) {
                (void)write_bytes(peer, step->refusal, step->refusal_size);
                return;
        }
        if (step->act == FAKE_ANSWER)
                (void)write_bytes(peer, step->answer, step->answer_size);
        else
                serve(peer);
}

static bool begin_connection(struct fake_broker *broker, struct peer *peer)
{
        (void)pthread_mutex_lock(&broker->lock);
        bool stop = broker->stop;
        broker->connection = peer->fd;
        peer->number = broker->n_connections++;
        broker->sni[0] = '\0';
        (void)pthread_cond_broadcast(&broker->news);
        (void)pthread_mutex_unlock(&broker->lock);
        peer->step = &broker->steps[MIN((size_t)peer->number, broker->n_steps - 1)];
        return !stop;
}

static void end_connection(struct fake_broker *broker, struct peer *peer)
{
        (void)pthread_mutex_lock(&broker->lock);
        broker->connection = -1;
        (void)pthread_mutex_unlock(&broker->lock);
        SSL_free(peer->ssl);
        (void)close(peer->fd);
        ERR_clear_error();
}

static void *run(void *userdata)
{
        struct fake_broker *broker = userdata;

        for (;;) {
                struct peer peer = { .broker = broker, .fd = accept(broker->listener, NULL, NULL) };
                if (peer.fd < 0)
                        return NULL;
                if (begin_connection(broker, &peer))
                        talk(&peer);
                end_connection(broker, &peer);
        }
}

/* ---- For the tests ------------------------------------------------------------------------------------- */

static int listen_here(int backlog, uint16_t *ret_port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, backlog) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
                perror("fake broker");
                abort();
        }
        *ret_port = ntohs(address.sin_port);
        return fd;
}

void fake_broker_start(struct fake_broker *broker, const struct fake_step *steps, size_t n_steps, SSL_CTX *tls)
{
        memset(broker, 0, sizeof(*broker));
        (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
        broker->steps = steps;
        broker->n_steps = n_steps;
        broker->tls = tls;
        broker->connection = -1;
        if (tls) {
                (void)SSL_CTX_set_tlsext_servername_callback(tls, on_server_name);
                (void)SSL_CTX_set_tlsext_servername_arg(tls, broker);
        }
        broker->publishes = calloc(FAKE_PUBLISHES_MAX, sizeof(*broker->publishes));
        if (!broker->publishes)
                abort();
        broker->listener = listen_here(16, &broker->port);
        (void)pthread_mutex_init(&broker->lock, NULL);
        thread_cond_init(&broker->news);
        if (pthread_create(&broker->thread, NULL, run, broker) != 0)
                abort();
}

void fake_broker_send_bytes(struct fake_broker *broker, const char *bytes, size_t size)
{
        (void)pthread_mutex_lock(&broker->lock);
        if (broker->connection < 0 || send(broker->connection, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
                abort();
        (void)pthread_mutex_unlock(&broker->lock);
}

static bool is_of(const struct fake_publish *publish, const char *topic, const char *part)
{
        return strcmp(publish->topic, topic) == 0 && (!part || strstr(publish->payload, part));
}

static unsigned count_publishes(const struct fake_broker *broker, const char *topic, const char *part)
{
        unsigned count = 0;

        for (size_t i = 0; i < broker->n_kept; i++)
                count += is_of(&broker->publishes[i], topic, part);
        return count;
}

unsigned fake_broker_got(struct fake_broker *broker, const char *topic, const char *part)
{
        (void)pthread_mutex_lock(&broker->lock);
        unsigned count = count_publishes(broker, topic, part);
        (void)pthread_mutex_unlock(&broker->lock);
        return count;
}

bool fake_broker_wait(struct fake_broker *broker, const char *topic, const char *part, unsigned n)
{
        const struct timespec until = thread_deadline(FAKE_SOON_US);
        bool has_come = false;
        int r = 0;

        (void)pthread_mutex_lock(&broker->lock);
        while (!(has_come = (topic ? count_publishes(broker, topic, part) : broker->n_connections) >= n) && r == 0)
                r = pthread_cond_timedwait(&broker->news, &broker->lock, &until);
        (void)pthread_mutex_unlock(&broker->lock);
        return has_come;
}

struct fake_publish fake_broker_last(struct fake_broker *broker, const char *topic)
{
        struct fake_publish last = { 0 };

        (void)pthread_mutex_lock(&broker->lock);
        for (size_t i = 0; i < broker->n_kept; i++)
                if (strcmp(broker->publishes[i].topic, topic) == 0)
                        last = broker->publishes[i];
        (void)pthread_mutex_unlock(&broker->lock);
        return last;
}

size_t fake_broker_place(struct fake_broker *broker, const char *topic, const char *part)
{
        size_t place = SIZE_MAX;

        (void)pthread_mutex_lock(&broker->lock);
        for (size_t i = 0; i < broker->n_kept; i++)
                if (is_of(&broker->publishes[i], topic, part))
                        place = i;
        (void)pthread_mutex_unlock(&broker->lock);
        return place;
}

unsigned fake_broker_answer(struct fake_broker *broker, const char *topic, const char *part, uint8_t reason)
{
        unsigned count = 0;

        (void)pthread_mutex_lock(&broker->lock);
        for (size_t i = 0; i < broker->n_kept; i++) {
                struct fake_publish *publish = &broker->publishes[i];
                const uint8_t ack[] = { 0x40, reason ? 3 : 2, (uint8_t)(publish->id >> 8), (uint8_t)publish->id,
                                        reason };
                if (publish->id == 0 || (topic && !is_of(publish, topic, part)))
                        continue;
                if (broker->connection >= 0)
                        (void)!send(broker->connection, ack, reason ? 5 : 4, MSG_NOSIGNAL);
                publish->id = 0;
                count++;
        }
        (void)pthread_mutex_unlock(&broker->lock);
        return count;
}

void fake_broker_acknowledge(struct fake_broker *broker)
{
        (void)fake_broker_answer(broker, NULL, NULL, 0);
}

void fake_broker_send(struct fake_broker *broker, const char *topic, const char *payload, bool retain,
                      const char *properties, size_t properties_size)
{
        char packet[1024];
        size_t length = strlen(topic), size = strlen(payload), rest = 2 + length + 1 + properties_size + size, n = 0;

        packet[n++] = (char)(0x30 | retain);
        if (rest > 127)
                packet[n++] = (char)((rest & 127U) | 128U);
        packet[n++] = (char)(rest > 127 ? rest >> 7 : rest);
        packet[n++] = (char)(length >> 8);
        packet[n++] = (char)length;
        memcpy(packet + n, topic, length);
        n += length;
        packet[n++] = (char)properties_size;
        if (properties_size > 0)
                memcpy(packet + n, properties, properties_size);
        memcpy(packet + n + properties_size, payload, size);
        fake_broker_send_bytes(broker, packet, n + properties_size + size);
}

void fake_broker_hang_up(struct fake_broker *broker)
{
        (void)pthread_mutex_lock(&broker->lock);
        if (broker->connection >= 0)
                (void)shutdown(broker->connection, SHUT_RDWR);
        (void)pthread_mutex_unlock(&broker->lock);
}

void fake_broker_stop(struct fake_broker *broker)
{
        if (!broker->steps)
                return;
        (void)pthread_mutex_lock(&broker->lock);
        broker->stop = true;
        (void)pthread_mutex_unlock(&broker->lock);
        (void)shutdown(broker->listener, SHUT_RDWR);
        fake_broker_hang_up(broker);
        (void)pthread_join(broker->thread, NULL);
        (void)pthread_mutex_destroy(&broker->lock);
        (void)pthread_cond_destroy(&broker->news);
        (void)close(broker->listener);
        free(broker->publishes);
        broker->steps = NULL;
}

static unsigned look(struct fake_broker *broker, const unsigned *counter)
{
        (void)pthread_mutex_lock(&broker->lock);
        unsigned value = *counter;
        (void)pthread_mutex_unlock(&broker->lock);
        return value;
}

unsigned fake_broker_connections(struct fake_broker *broker)
{
        return look(broker, &broker->n_connections);
}

unsigned fake_broker_publishes(struct fake_broker *broker)
{
        return look(broker, &broker->n_publishes);
}

unsigned fake_broker_disconnects(struct fake_broker *broker)
{
        return look(broker, &broker->n_disconnects);
}

unsigned fake_broker_pings(struct fake_broker *broker)
{
        return look(broker, &broker->n_pings);
}

uint8_t fake_broker_version(struct fake_broker *broker, unsigned connection)
{
        (void)pthread_mutex_lock(&broker->lock);
        uint8_t version = broker->versions[MIN(connection, FAKE_CONNECTIONS_MAX - 1U)];
        (void)pthread_mutex_unlock(&broker->lock);
        return version;
}

bool fake_broker_connect_holds(struct fake_broker *broker, const void *bytes, size_t size)
{
        (void)pthread_mutex_lock(&broker->lock);
        bool holds = memmem(broker->connect, broker->connect_size, bytes, size) != NULL;
        (void)pthread_mutex_unlock(&broker->lock);
        return holds;
}

void black_hole_open(struct black_hole *hole)
{
        hole->fds[0] = listen_here(0, &hole->port);
        /* A backlog of 0 still takes one or two; what comes then is dropped without an answer. */
        for (size_t i = 1; i < ARRAY_SIZE(hole->fds); i++) {
                struct sockaddr_in address = { .sin_family = AF_INET,
                                               .sin_port = htons(hole->port),
                                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                hole->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                (void)!connect(hole->fds[i], (struct sockaddr *)&address, sizeof(address));
        }
}

void black_hole_close(struct black_hole *hole)
{
        for (size_t i = 0; i < ARRAY_SIZE(hole->fds); i++)
                (void)close(hole->fds[i]);
}
