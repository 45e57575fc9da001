/* SPDX-License-Identifier: Apache-2.0 */
#include "system/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/process.h"
#include "system/workdir.h"

#define MAX_CONNECTIONS 64

struct side {
        struct pump_source source;
        struct wire *wire;
        struct side *other; /* NULL where nothing is passed on */
};

struct wire {
        struct pump_source listener;
        unsigned port, target_port;
        struct side sides[2 * MAX_CONNECTIONS];
        unsigned connections;
        bool stalled;
        const char *hold_from; /* NULL: nothing is held */
        struct side *held;     /* whose bytes are */
        unsigned char *kept;   /* they */
        size_t kept_size;
        bool kept_end, was_reset;
        bool hides_wildcards;
        unsigned char *bytes;
        size_t size;
        struct wire *next;
};

static struct wire *wires;

/* ---- Sockets ----------------------------------------------------------------------------------------------------- */

static socklen_t make_address(const char *text, unsigned port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t)port);
                return sizeof(*v6);
        }
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
                give_up("%s is no address", text);
        return sizeof(*v4);
}

static int tcp_socket(int family)
{
        int yes = 1;
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                give_up("cannot make a socket: %s", strerror(errno));
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        return fd;
}

static struct wire *wire_new(const char *text, unsigned port, int backlog)
{
        struct sockaddr_storage address;
        socklen_t size = make_address(text, port, &address);

        struct wire *wire = calloc(1, sizeof(*wire));
        if (!wire)
                give_up("out of memory");
        wire->listener.fd = tcp_socket(address.ss_family);
        for (size_t i = 0; i < ARRAY_SIZE(wire->sides); i++)
                wire->sides[i].source.fd = -1;
        wire->next = wires;
        wires = wire;
        if (bind(wire->listener.fd, (struct sockaddr *)&address, size) < 0 || listen(wire->listener.fd, backlog) < 0 ||
            getsockname(wire->listener.fd, (struct sockaddr *)&address, &size) < 0)
                give_up("cannot listen on %s: %s", text, strerror(errno));
        wire->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
        return wire;
}

/* ---- Passing on -------------------------------------------------------------------------------------------------- */

static void record(struct wire *wire, const void *bytes, size_t size)
{
        unsigned char *all = realloc(wire->bytes, wire->size + size);
        if (!all)
                abort();
        memcpy(all + wire->size, bytes, size);
        wire->bytes = all;
        wire->size += size;
}

static void side_close(struct side *side)
{
        pump_remove(&side->source);
        if (side->source.fd >= 0)
                (void)close(side->source.fd);
        side->source.fd = -1;
}

/* Takes what came into custody; false: it is to be passed on. */
static bool hold(struct side *side, const void *bytes, size_t size)
{
        struct wire *wire = side->wire;

        if (!wire->held && wire->hold_from && size > 0 && memmem(bytes, size, wire->hold_from, strlen(wire->hold_from)))
                wire->held = side;
        if (wire->held != side)
                return false;
        if (size == 0) {
                side->source.events = 0;
                wire->kept_end = true;
                return true;
        }
        unsigned char *all = realloc(wire->kept, wire->kept_size + size);
        if (!all)
                abort();
        memcpy(all + wire->kept_size, bytes, size);
        wire->kept = all;
        wire->kept_size += size;
        return true;
}

static void hide_wildcards(char *bytes, size_t size)
{
        for (size_t i = 1; i < size; i++)
                if ((bytes[i] == '+' || bytes[i] == '#') && bytes[i - 1] == '/')
                        bytes[i] = 'x';
}

static void side_ready(struct pump_source *source, short revents)
{
        struct side *side = CONTAINER_OF(source, struct side, source);
        char buffer[16384];

        (void)revents;
        if (side->wire->stalled) {
                side->source.events = 0;
                return;
        }
        ssize_t got = recv(source->fd, buffer, sizeof(buffer), 0);
        bool was_reset = got < 0 && errno == ECONNRESET;
        if (hold(side, buffer, got > 0 ? (size_t)got : 0)) {
                side->wire->was_reset |= was_reset;
                return;
        }
        if (got <= 0) {
                if (side->other)
                        side_close(side->other);
                side_close(side);
                return;
        }
        if (side->wire->hides_wildcards)
                hide_wildcards(buffer, (size_t)got);
        record(side->wire, buffer, (size_t)got);
        if (side->other && send(side->other->source.fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
                side_close(side);
}

static void side_open(struct wire *wire, struct side *side, int fd)
{
        side->wire = wire;
        side->source = (struct pump_source){ .fd = fd, .events = POLLIN, .ready = side_ready };
        pump_add(&side->source);
}

static void listener_ready(struct pump_source *source, short revents)
{
        struct wire *wire = CONTAINER_OF(source, struct wire, listener);
        struct sockaddr_storage target;

        (void)revents;
        int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return;
        if (wire->connections == MAX_CONNECTIONS) {
                (void)close(fd);
                return;
        }
        struct side *side = &wire->sides[2 * wire->connections++];
        side_open(wire, side, fd);
        if (!wire->target_port)
                return;
        socklen_t size = make_address("127.0.0.1", wire->target_port, &target);
        int out = tcp_socket(AF_INET);
        if (connect(out, (struct sockaddr *)&target, size) < 0) {
                (void)close(out);
                side_close(side);
                return;
        }
        side_open(wire, side + 1, out);
        side[0].other = &side[1];
        side[1].other = &side[0];
}

/* ---- Kinds ------------------------------------------------------------------------------------------------------- */

struct wire *wire_relay(const char *address, unsigned target_port)
{
        struct wire *wire = wire_new(address, 0, 16);

        wire->target_port = target_port;
        wire->listener.events = POLLIN;
        wire->listener.ready = listener_ready;
        pump_add(&wire->listener);
        return wire;
}

struct wire *wire_silent(const char *address)
{
        return wire_relay(address, 0);
}

struct wire *wire_black_hole(const char *address, unsigned port)
{
        /* Nobody accepts; once the queue is full, the kernel drops every further SYN. */
        struct wire *wire = wire_new(address, port, 0);
        struct sockaddr_storage here;
        socklen_t size = make_address(address, wire->port, &here);

        for (size_t i = 0; i < 4; i++) {
                struct side *side = &wire->sides[i];
                side->source.fd = tcp_socket(here.ss_family);
                (void)fcntl(side->source.fd, F_SETFL, O_NONBLOCK);
                (void)!connect(side->source.fd, (struct sockaddr *)&here, size);
        }
        return wire;
}

void wire_cut(struct wire *wire)
{
        for (size_t i = 0; i < ARRAY_SIZE(wire->sides); i++)
                side_close(&wire->sides[i]);
}

void wire_free(struct wire *wire)
{
        if (!wire)
                return;
        for (struct wire **at = &wires; *at; at = &(*at)->next) {
                if (*at == wire) {
                        *at = wire->next;
                        break;
                }
        }
        pump_remove(&wire->listener);
        (void)close(wire->listener.fd);
        wire_cut(wire);
        free(wire->bytes);
        free(wire->kept);
        free(wire);
}

void wire_free_all(void)
{
        while (wires)
                wire_free(wires);
}

/* ---- What is known ----------------------------------------------------------------------------------------------- */

unsigned wire_port(const struct wire *wire)
{
        return wire->port;
}

unsigned wire_connections(const struct wire *wire)
{
        return wire->connections;
}

struct wanted {
        struct wire *wire;
        unsigned n;
        const char *text;
};

static bool has_connections(void *userdata)
{
        const struct wanted *wanted = userdata;
        return wanted->wire->connections >= wanted->n;
}

void wire_wait_connections(struct wire *wire, unsigned n)
{
        struct wanted wanted = { .wire = wire, .n = n };

        if (!pump_until(has_connections, &wanted, SOON_MS))
                give_up("%u connections came, not %u", wire->connections, n);
}

void wire_stall(struct wire *wire)
{
        wire->stalled = true;
}

void wire_hide_wildcards(struct wire *wire)
{
        wire->hides_wildcards = true;
}

void wire_hold_from(struct wire *wire, const char *text)
{
        wire->hold_from = text;
}

static bool has_held(void *userdata)
{
        const struct wire *wire = userdata;
        return wire->held;
}

void wire_wait_held(struct wire *wire)
{
        if (!pump_until(has_held, wire, SOON_MS))
                give_up("\"%s\" did not come", wire->hold_from);
}

static bool has_reset(void *userdata)
{
        const struct wire *wire = userdata;
        return wire->was_reset;
}

void wire_wait_reset(struct wire *wire)
{
        if (!pump_until(has_reset, wire, SOON_MS))
                give_up("the connection was %s", wire->kept_end ? "closed, not reset" : "not ended");
}

void wire_release(struct wire *wire)
{
        struct side *side = wire->held;

        wire->hold_from = NULL;
        wire->held = NULL;
        if (!side)
                return;
        if (side->other && send(side->other->source.fd, wire->kept, wire->kept_size, MSG_NOSIGNAL) < 0)
                give_up("cannot pass on what was held: %s", strerror(errno));
        wire->kept_size = 0;
        if (!wire->kept_end)
                return;
        if (side->other)
                side_close(side->other);
        side_close(side);
}

bool wire_saw(const struct wire *wire, const char *text)
{
        return wire->size && memmem(wire->bytes, wire->size, text, strlen(text));
}

static bool has_seen(void *userdata)
{
        const struct wanted *wanted = userdata;
        return wire_saw(wanted->wire, wanted->text);
}

void wire_wait_saw(struct wire *wire, const char *text)
{
        struct wanted wanted = { .wire = wire, .text = text };

        if (!pump_until(has_seen, &wanted, SOON_MS))
                give_up("\"%s\" did not go over the wire (%zu bytes did)", text, wire->size);
}

/* ---- ClientHello (RFC 8446, 4.1.2) ------------------------------------------------------------------------------- */

struct cursor {
        const unsigned char *at, *end;
};

static size_t take(struct cursor *cursor, size_t n_bytes)
{
        size_t value = 0;

        for (; n_bytes; n_bytes--)
                value = value << 8 | (cursor->at < cursor->end ? *cursor->at++ : 0U);
        return value;
}

static void skip_bytes(struct cursor *cursor, size_t n)
{
        cursor->at += MIN(n, (size_t)(cursor->end - cursor->at));
}

static bool has_hello(void *userdata)
{
        const struct wire *wire = userdata;
        struct cursor cursor = { wire->bytes, wire->bytes + wire->size };

        skip_bytes(&cursor, 3);
        return wire->size > 5 && wire->size >= 5 + take(&cursor, 2);
}

const char *wire_wait_sni(struct wire *wire)
{
        if (!pump_until(has_hello, wire, SOON_MS))
                give_up("no ClientHello came (%zu bytes did)", wire->size);
        struct cursor cursor = { wire->bytes, wire->bytes + wire->size };
        skip_bytes(&cursor, 5 + 4 + 2 + 32);   /* record, handshake, version, random */
        skip_bytes(&cursor, take(&cursor, 1)); /* session */
        skip_bytes(&cursor, take(&cursor, 2)); /* cipher suites */
        skip_bytes(&cursor, take(&cursor, 1)); /* compression */
        (void)take(&cursor, 2);
        while (cursor.at < cursor.end) {
                size_t type = take(&cursor, 2), length = take(&cursor, 2);
                if (type != 0) {
                        skip_bytes(&cursor, length);
                        continue;
                }
                (void)take(&cursor, 3); /* list length, host_name */
                int size = (int)take(&cursor, 2);
                char *name = NULL;
                if (asprintf(&name, "%.*s", size, (const char *)cursor.at) < 0)
                        name = NULL;
                return keep_text(name);
        }
        return NULL;
}
