/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/network.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bus/reason.h"
#include "bus/resolve.h"
#include "bus/session.h"
#include "util/identity.h"
#include "util/url.h"

/* ---- Its name ------------------------------------------------------------------------------------------------ */

static void add_peer(struct checkup *checkup, const struct url *url, const char *address)
{
        struct peer *peer = &checkup->peers[checkup->n_peers];

        if (checkup->n_peers == PEERS_MAX)
                return;
        checkup->n_peers++;
        *peer = (struct peer){ .port = url->port };
        (void)snprintf(peer->host, sizeof(peer->host), "%s", url->host);
        (void)snprintf(peer->address, sizeof(peer->address), "%.*s", (int)sizeof(peer->address) - 1, address);
}

struct lookup {
        struct checkup *checkup;
        const struct url *url;
        bool answered;
        int error, errno_;
};

static void on_answer(void *userdata, const struct resolve_answer *answer)
{
        struct lookup *lookup = userdata;

        lookup->answered = true;
        lookup->error = answer->error;
        lookup->errno_ = answer->errno_;
        for (size_t i = 0; i < answer->count; i++)
                add_peer(lookup->checkup, lookup->url, answer->addresses[i]);
}

/* The look-up itself knows no time-out. */
static int look_up(struct checkup *checkup, const struct url *url, struct fault *fault)
{
        struct lookup lookup = { .checkup = checkup, .url = url };
        struct resolver *resolver = NULL;
        uint64_t now_us = loop_now_us(&checkup->loop), end_us = now_us + checkup->arguments->timeout_us;

        int r = resolver_new(&checkup->loop, on_answer, &lookup, &resolver);
        if (r >= 0)
                r = resolver_ask(resolver, url->host);
        while (r >= 0 && !lookup.answered && now_us < end_us) {
                r = sd_event_run(checkup->loop.event, end_us - now_us);
                now_us = loop_now_us(&checkup->loop);
        }
        resolver_free(resolver);
        if (r < 0)
                return fault_set(fault, r, "cannot look up %s: %s", url->host, strerror(-r));
        if (!lookup.answered)
                return fault_set(fault, -ETIMEDOUT, "cannot look up %s: no name server answers in time", url->host);
        if (lookup.error)
                reason_lookup(url->host, lookup.error, lookup.errno_, fault);
        return fault->code;
}

/* One broker of several is enough to go on. */
void doctor_name(struct checkup *checkup, struct verdict *verdict)
{
        const struct sconce_list *urls = &checkup->settings.config.broker.urls;
        const char *const *texts = urls->items;
        struct fault fault = { 0 };
        struct url url;

        verdict_ok(verdict, "nothing to look up");
        if (urls->count == 0) {
                verdict_skip(verdict, "the config names no broker: [broker] url");
                verdict->blocks = true;
                return;
        }
        for (size_t i = 0; i < urls->count; i++) {
                if (url_parse(texts[i], &url, &fault) < 0)
                        continue;
                if (url.scheme == URL_UNIX || url.numeric) {
                        add_peer(checkup, &url, url.scheme == URL_UNIX ? "" : url.host);
                } else if (look_up(checkup, &url, &fault) < 0) {
                        verdict_wrong(verdict, "%s", fault.text);
                        verdict_mend(verdict, "echo 'ADDRESS %s' | sudo tee -a /etc/hosts", url.host);
                } else if (verdict->status == VERDICT_OK) {
                        verdict_ok(verdict, "%s is %s", url.host, checkup->peers[checkup->n_peers - 1].address);
                }
        }
        verdict->blocks = checkup->n_peers == 0;
}

/* ---- Its port ------------------------------------------------------------------------------------------------ */

static int connect_within(int fd, const struct sockaddr *address, socklen_t size, uint64_t within_us)
{
        struct pollfd waiting = { .fd = fd, .events = POLLOUT };
        socklen_t length = sizeof(int);
        int error = 0;

        if (connect(fd, address, size) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -errno;
        int r = poll(&waiting, 1, (int)(within_us / USEC_PER_MSEC));
        if (r == 0)
                return -ETIMEDOUT;
        if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
                return -errno;
        return -error;
}

static int connect_unix(const struct peer *peer, uint64_t within_us)
{
        CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (fd < 0)
                return -errno;
        if (strlen(peer->host) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, peer->host, strlen(peer->host) + 1);
        return connect_within(fd, (const struct sockaddr *)&address, sizeof(address), within_us);
}

static int connect_ip(const struct peer *peer, uint64_t within_us)
{
        const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        char port[8];

        (void)snprintf(port, sizeof(port), "%u", peer->port);
        if (getaddrinfo(peer->address, port, &hints, &found) != 0)
                return -EINVAL;
        CLEANUP_CLOSE int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r = fd < 0 ? -errno : connect_within(fd, found->ai_addr, found->ai_addrlen, within_us);
        freeaddrinfo(found);
        return r;
}

static int connect_to(const struct peer *peer, uint64_t within_us)
{
        return peer->port == 0 ? connect_unix(peer, within_us) : connect_ip(peer, within_us);
}

/* A name often has an address of each family, of which the broker listens at one: one that answers is enough. */
void doctor_tcp(struct checkup *checkup, struct verdict *verdict)
{
        char peer_text[URL_TEXT_MAX];
        int first = 0;

        for (size_t i = 0; i < checkup->n_peers; i++) {
                const struct peer *peer = &checkup->peers[i];
                int r = connect_to(peer, checkup->arguments->timeout_us);

                url_peer_text(peer->port ? peer->address : peer->host, peer->port, peer_text);
                if (r == 0) {
                        verdict_ok(verdict, "%s answers", peer_text);
                        return;
                }
                if (first == 0) {
                        struct fault fault = { 0 };
                        first = r;
                        reason_describe(&(struct transport_end){ .os_error = -r, .connack = -1, .disconnect = -1 },
                                        &fault);
                        verdict_wrong(verdict, "%s: %s", peer_text, fault.text);
                        verdict_mend(verdict, "sudo systemctl restart mosquitto");
                }
        }
}

/* ---- The session --------------------------------------------------------------------------------------------- */

static void on_connected(void *userdata)
{
        struct checkup *checkup = userdata;
        checkup->connected = true;
}

static void on_disconnected(void *userdata, const char *why)
{
        struct checkup *checkup = userdata;

        checkup->failed = true;
        (void)fault_set(&checkup->refusal, -ECONNRESET, "%s", why);
}

/* The same failure again: every address of every broker has been tried in between. */
static void on_attempt_failed(void *userdata, const struct fault *fault)
{
        struct checkup *checkup = userdata;

        if (strcmp(checkup->refusal.text, fault->text) == 0)
                checkup->failed = true;
        else if (checkup->refusal.code == 0)
                checkup->refusal = *fault;
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct checkup *checkup = userdata;
        view_take(&checkup->home, message->topic, message->payload, message->size);
}

static void on_answered(void *userdata, int id, int reason)
{
        struct checkup *checkup = userdata;

        if (id != checkup->waits_for)
                return;
        checkup->waits_for = 0;
        checkup->reason = reason;
}

static const struct session_handlers handlers = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
        .acknowledged = on_answered,
        .attempt_failed = on_attempt_failed,
        .subscribed = on_answered,
};

static bool is_decided(const struct checkup *checkup)
{
        return checkup->connected || checkup->failed;
}

static void try_to_connect(struct checkup *checkup)
{
        struct client_settings *settings = &checkup->settings;
        int r = client_settings_fill(settings, &checkup->refusal);

        /* An id of its own: the node's would end the node's own connection. */
        if (r == 0)
                r = client_settings_identify(settings, "doctor");
        if (r == 0)
                r = session_new(&checkup->loop, &settings->session, &handlers, checkup, &checkup->session);
        if (r >= 0)
                r = session_start(checkup->session);
        if (r < 0 && checkup->refusal.code == 0)
                (void)fault_set(&checkup->refusal, r, "cannot connect: %s", strerror(-r));
        if (r < 0 || checkup_wait(checkup, is_decided, checkup->arguments->timeout_us))
                return;
        if (checkup->refusal.code == 0)
                (void)fault_set(&checkup->refusal, -ETIMEDOUT, "the broker did not answer in time");
}

/* ---- TLS ----------------------------------------------------------------------------------------------------- */

static bool is_of_tls(const struct fault *fault)
{
        static const int codes[] = { -EKEYEXPIRED, -EKEYREJECTED, -EKEYREVOKED, -EPROTO, -ECONNRESET };

        for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
                if (codes[i] == fault->code)
                        return true;
        return false;
}

/* By a piece of the sentence (bus/tls_reason.c). %1$s is the broker's host, %2$s our certificate's name. */
static const struct {
        const char *piece, *command;
} mends[] = {
        { "our certificate was refused by the broker: it is revoked", "sudo sconce-pki node %2$s" },
        { "our certificate", "sudo sconce-pki renew %2$s" },
        { "is not for", "sudo sconce-pki broker %1$s" },
        { "the broker's certificate expired", "sudo sconce-pki renew %1$s" },
        { "no subjectAltName", "sudo sconce-pki broker %1$s" },
        { "self-signed", "sudo sconce-pki broker %1$s" },
        { "not issued for a server", "sudo sconce-pki broker %1$s" },
        { "unknown CA", "sudo sconce-pki install %2$s.tar" },
        { "revocation list", "sudo sconce-pki install %2$s.tar" },
        { "revoked according to", "sudo sconce-pki broker %1$s" },
        { "does not speak TLS", "sudo sconce-broker-setup %1$s" },
        { "closed the connection during", "sudo sconce-broker-setup %1$s" },
};

/* The one sentence that ends in its command: it knows the certificate's own name. That comes from the other side, and what a
 * shell would take for more than a word is not handed to anyone who copies it. */
#define ADD_NAME    "add the name with "
#define PLAIN_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_- "

static void mend_tls(const struct checkup *checkup, struct verdict *verdict)
{
        const char *named = strstr(verdict->text, ADD_NAME);
        char name_of[IDENTITY_NAME_MAX];
        const char *name = checkup->tls ? identity_name(tls_certificate_name(checkup->tls), name_of) : NULL;
        const char *host = checkup->peers[0].host;

        if (named && !named[strspn(named, PLAIN_CHARS)]) {
                verdict_mend(verdict, "sudo %s", named + strlen(ADD_NAME));
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(mends); i++) {
                const char *command = mends[i].command, *at = strchr(command, '%');
                if (!strstr(verdict->text, mends[i].piece))
                        continue;
                verdict_mend(verdict, "%.*s%s%s", (int)(at - command), command,
                             at[1] == '1' ? host : (name ? name : "NAME"), at + 4);
                return;
        }
}

void doctor_tls(struct checkup *checkup, struct verdict *verdict)
{
        const struct sconce_list *urls = &checkup->settings.config.broker.urls;

        try_to_connect(checkup);
        if (!url_any_is_tls(urls->items, urls->count)) {
                verdict_skip(verdict, "the broker's address is without TLS");
        } else if (checkup->connected || !is_of_tls(&checkup->refusal)) {
                verdict_ok(verdict, "%s", checkup->connected ? session_peer(checkup->session) : "the broker is known");
        } else {
                verdict_wrong(verdict, "%s", checkup->refusal.text);
                mend_tls(checkup, verdict);
        }
}

void doctor_login(struct checkup *checkup, struct verdict *verdict)
{
        if (checkup->connected) {
                verdict_ok(verdict, "the broker lets us in");
                return;
        }
        verdict_wrong(verdict, "%s", checkup->refusal.text);
        verdict_mend(verdict, "sudo journalctl -u mosquitto -n 20");
}
