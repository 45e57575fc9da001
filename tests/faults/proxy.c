/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/process.h"
#include "system/pump.h"

#define BYTES_PER_S 20000U
#define WINDOW      65536U /* message ids */

enum { UP, DOWN };
enum { MQTT_PUBLISH = 3, MQTT_PUBACK = 4 };

/* What was passed on and is no whole packet yet. */
struct stream_of {
        unsigned char *bytes;
        size_t size;
};

struct link;

struct end {
        struct pump_source source;
        int fd;
        struct link *link;
        unsigned char buffer[8192]; /* read here, to be passed to the other end */
        size_t size, done;
        uint64_t filled_us; /* when the last bytes passed: a slow link's allowance */
};

struct link {
        struct proxy *proxy;
        uint64_t number;
        struct end ends[2]; /* UP: the node's; DOWN: the broker's */
        struct stream_of streams[2];
        struct proxy_message sent[WINDOW]; /* by message id */
        struct link *next;
};

struct proxy {
        struct pump_source listener;
        unsigned port, target_port;
        enum proxy_mode mode;
        struct proxy_handlers handlers;
        uint64_t n_links;
        struct link *links;
};

/* ---- MQTT --------------------------------------------------------------------------------------------------------- */

static void message_done(struct proxy_message *message)
{
        free((void *)(uintptr_t)message->topic);
        free((void *)(uintptr_t)message->payload);
        *message = (struct proxy_message){ 0 };
}

static char *text_of(const unsigned char *bytes, size_t size)
{
        char *text = strndup((const char *)bytes, size);

        if (!text)
                give_up("out of memory");
        return text;
}

static size_t number_of(const unsigned char *bytes)
{
        return (size_t)bytes[0] << 8 | bytes[1];
}

/* A variable byte integer (MQTT 5, 1.5.5): its length, 0 where it is not whole. */
static size_t take_length(const unsigned char *bytes, size_t size, size_t *ret)
{
        size_t value = 0;

        for (size_t i = 0; i < size && i < 4; i++) {
                value |= (size_t)(bytes[i] & 0x7f) << 7 * i;
                if (!(bytes[i] & 0x80)) {
                        *ret = value;
                        return i + 1;
                }
        }
        return 0;
}

static void on_publish(struct link *link, unsigned flags, const unsigned char *bytes, size_t size)
{
        const struct proxy_handlers *handlers = &link->proxy->handlers;
        size_t topic = number_of(bytes), at = 2 + topic, id = 0, properties = 0;

        if (flags & 6) {
                id = number_of(bytes + at);
                at += 2;
        }
        at += take_length(bytes + at, size - at, &properties);
        at += properties;
        if (at > size)
                give_up("the node has sent a PUBLISH that is none");
        struct proxy_message *message = &link->sent[id]; /* 0: QoS 0, nobody acknowledges it */
        message_done(message);
        *message = (struct proxy_message){ .topic = text_of(bytes + 2, topic),
                                           .payload = text_of(bytes + at, size - at),
                                           .connection = link->number };
        handlers->sent(message, handlers->userdata);
}

static void on_puback(struct link *link, const unsigned char *bytes, size_t size)
{
        const struct proxy_handlers *handlers = &link->proxy->handlers;
        struct proxy_message *message = &link->sent[number_of(bytes)];

        if (!message->topic)
                return;
        message->reason = size > 2 ? bytes[2] : 0;
        handlers->acknowledged(message, handlers->userdata);
        message_done(message);
}

static void on_packet(struct link *link, int way, unsigned first, const unsigned char *bytes, size_t size)
{
        if (way == UP && first >> 4 == MQTT_PUBLISH && size >= 4)
                on_publish(link, first & 0xf, bytes, size);
        else if (way == DOWN && first >> 4 == MQTT_PUBACK && size >= 2)
                on_puback(link, bytes, size);
}

static void look(struct link *link, int way, const unsigned char *bytes, size_t size)
{
        struct stream_of *stream = &link->streams[way];
        size_t at = 0, length = 0, n;

        unsigned char *all = realloc(stream->bytes, stream->size + size);
        if (!all)
                give_up("out of memory");
        memcpy(all + stream->size, bytes, size);
        stream->bytes = all;
        stream->size += size;
        while (stream->size > at + 1 && (n = take_length(all + at + 1, stream->size - at - 1, &length)) > 0 &&
               stream->size - at - 1 - n >= length) {
                on_packet(link, way, all[at], all + at + 1 + n, length);
                at += 1 + n + length;
        }
        stream->size -= at;
        memmove(all, all + at, stream->size);
}

/* ---- Passing on --------------------------------------------------------------------------------------------------- */

static void link_free(struct link *link)
{
        struct proxy *proxy = link->proxy;

        for (struct link **at = &proxy->links; *at; at = &(*at)->next) {
                if (*at == link) {
                        *at = link->next;
                        break;
                }
        }
        for (int way = UP; way <= DOWN; way++) {
                pump_remove(&link->ends[way].source);
                if (link->ends[way].fd >= 0)
                        (void)close(link->ends[way].fd);
                free(link->streams[way].bytes);
        }
        for (size_t i = 0; i < WINDOW; i++)
                message_done(&link->sent[i]);
        proxy->handlers.ended(link->number, proxy->handlers.userdata);
        free(link);
}

static int way_of(const struct end *end)
{
        return end == &end->link->ends[UP] ? UP : DOWN;
}

static struct end *other(struct end *end)
{
        return &end->link->ends[!way_of(end)];
}

/* How many bytes may go from this end to the other now. */
static size_t allowance(const struct end *end)
{
        uint64_t age_us = now_us() - end->filled_us;

        switch (end->link->proxy->mode) {
        case PROXY_STALLS:
                return 0;
        case PROXY_ONE_WAY:
                return way_of(end) == UP ? sizeof(end->buffer) : 0;
        case PROXY_BYTES:
                return 1;
        case PROXY_SLOW:
                return MIN((size_t)(age_us * BYTES_PER_S / USEC_PER_SEC), sizeof(end->buffer));
        default:
                return sizeof(end->buffer);
        }
}

static void end_prepare(struct pump_source *source)
{
        struct end *end = CONTAINER_OF(source, struct end, source);
        struct end *from = other(end);
        short events = 0;

        if (end->size == end->done && allowance(end) > 0)
                events |= POLLIN;
        if (from->size > from->done && allowance(from) > 0)
                events |= POLLOUT;
        source->events = events;
        source->fd = events ? end->fd : -1; /* a hang-up would come again and again */
}

/* False: the link is gone. */
static bool end_write(struct end *from)
{
        size_t size = MIN(from->size - from->done, allowance(from));

        if (size == 0)
                return true;
        ssize_t sent = send(other(from)->fd, from->buffer + from->done, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
                return true;
        if (sent < 0) {
                link_free(from->link);
                return false;
        }
        look(from->link, way_of(from), from->buffer + from->done, (size_t)sent);
        from->done += (size_t)sent;
        from->filled_us = now_us();
        return true;
}

static void end_ready(struct pump_source *source, short revents)
{
        struct end *end = CONTAINER_OF(source, struct end, source);

        if (revents & POLLOUT && !end_write(other(end)))
                return;
        if (!(revents & (POLLIN | POLLHUP | POLLERR)) || end->size > end->done)
                return;
        ssize_t got = recv(end->fd, end->buffer, sizeof(end->buffer), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
                return;
        if (got <= 0) {
                link_free(end->link);
                return;
        }
        end->size = (size_t)got;
        end->done = 0;
        (void)end_write(end);
}

static void end_open(struct end *end, struct link *link, int fd)
{
        int yes = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        end->fd = fd;
        end->link = link;
        end->source = (struct pump_source){ .fd = -1, .prepare = end_prepare, .ready = end_ready };
        pump_add(&end->source);
}

static void listener_ready(struct pump_source *source, short revents)
{
        struct proxy *proxy = CONTAINER_OF(source, struct proxy, listener);
        struct sockaddr_in target = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)proxy->target_port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        (void)revents;
        int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return;
        int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (proxy->mode == PROXY_CUTS || connect(out, (struct sockaddr *)&target, sizeof(target)) < 0) {
                (void)close(fd);
                (void)close(out);
                return;
        }
        struct link *link = calloc(1, sizeof(*link));
        if (!link)
                give_up("out of memory");
        link->proxy = proxy;
        link->number = ++proxy->n_links;
        link->next = proxy->links;
        proxy->links = link;
        end_open(&link->ends[UP], link, fd);
        end_open(&link->ends[DOWN], link, out);
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

struct proxy *proxy_new(const char *on, unsigned target_port, const struct proxy_handlers *handlers)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        struct proxy *proxy = calloc(1, sizeof(*proxy));
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (!proxy || inet_pton(AF_INET, on, &address.sin_addr) != 1 ||
            bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                give_up("cannot listen: %s", strerror(errno));
        proxy->handlers = *handlers;
        proxy->port = ntohs(address.sin_port);
        proxy->target_port = target_port;
        proxy->listener = (struct pump_source){ .fd = fd, .events = POLLIN, .ready = listener_ready };
        pump_add(&proxy->listener);
        return proxy;
}

void proxy_cut(struct proxy *proxy)
{
        while (proxy->links)
                link_free(proxy->links);
}

void proxy_free(struct proxy *proxy)
{
        if (!proxy)
                return;
        proxy_cut(proxy);
        pump_remove(&proxy->listener);
        (void)close(proxy->listener.fd);
        free(proxy);
}

unsigned proxy_port(const struct proxy *proxy)
{
        return proxy->port;
}

uint64_t proxy_connections(const struct proxy *proxy)
{
        return proxy->n_links;
}

void proxy_set(struct proxy *proxy, enum proxy_mode mode)
{
        proxy->mode = mode;
        if (mode == PROXY_CUTS)
                proxy_cut(proxy);
}
