/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/reason.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "bus/mosquitto.h"
#include "bus/tls.h"

struct code_text {
        int code;
        int error; /* positive errno */
        const char *text;
};

static const struct code_text os_errors[] = {
        { ECONNREFUSED, ECONNREFUSED, "connection refused: is the broker running there, on that port?" },
        { ENETUNREACH, ENETUNREACH, "network unreachable: is this machine connected to the network?" },
        { EHOSTUNREACH, EHOSTUNREACH, "host unreachable: is it switched on and in the same network?" },
        { ETIMEDOUT, ETIMEDOUT, "no answer: is it switched on, and is a firewall in between?" },
        { ENOENT, ENOENT, "no such socket: is the broker running?" },
        { EACCES, EACCES, "permission denied: may this user use the broker's socket?" },
        { EADDRNOTAVAIL, EADDRNOTAVAIL, "this machine has no address to connect from" },
        { EPROTO, EPROTO, "the broker sent a property that libmosquitto does not know: try `version = 3.1.1`" },
};

static const struct code_text connack_311[] = {
        { 1, EPROTONOSUPPORT, "the broker does not speak MQTT 3.1.1" },
        { 2, EINVAL, "the broker does not accept the client id" },
        { 3, EAGAIN, "the broker is not available" },
        { 4, EACCES, "the broker does not accept user and password" },
        { 5, EACCES, "the broker reports that this client is not authorized" },
};

/* Codes of MQTT 5 in CONNACK and DISCONNECT that the user can do something about; the others get their own names. */
static const struct code_text codes_5[] = {
        { 0x81, EPROTO, "the broker reports a malformed packet" },
        { 0x82, EPROTO, "the broker reports a protocol error" },
        { 0x84, EPROTONOSUPPORT, "the broker does not speak MQTT 5" },
        { 0x85, EINVAL, "the broker does not accept the client id" },
        { 0x86, EACCES, "the broker does not accept user and password" },
        { 0x87, EACCES, "the broker reports that this client is not authorized" },
        { 0x88, EAGAIN, "the broker is not available" },
        { 0x89, EAGAIN, "the broker is busy" },
        { 0x8a, EACCES, "the broker has banned this client" },
        { 0x8b, ESHUTDOWN, "the broker is shutting down" },
        { 0x8c, EACCES, "the broker does not accept this authentication method" },
        { 0x8d, ETIMEDOUT, "the broker received nothing from us for too long" },
        { 0x93, EPROTO, "the broker reports too many messages in flight" },
        { 0x95, EMSGSIZE, "the broker reports that a message was too large (message_size_limit, max_packet_size)" },
        { 0x96, EAGAIN, "the broker reports that messages come too fast" },
        { 0x97, EDQUOT, "the broker reports that a quota is used up" },
        { 0x98, ECONNABORTED, "the broker's administrator closed the connection" },
        { 0x9a, EINVAL, "the broker does not keep retained messages, which Sconce needs" },
        { 0x9b, EINVAL, "the broker does not support QoS 1, which Sconce needs" },
        { 0x9c, EAGAIN, "the broker redirects to another server" },
        { 0x9d, EAGAIN, "the broker has moved to another server" },
        { 0x9f, EAGAIN, "the broker reports that connections come too fast" },
        { 0xa0, EAGAIN, "the broker allows connections for a limited time only" },
};

static const struct code_text lookups[] = {
        { EAI_NONAME, ENOENT, "no such name: is it spelled correctly, and does the local name server know it?" },
        { EAI_AGAIN, EAGAIN, "no name server answers: is this machine connected to the network?" },
        { EAI_FAIL, EIO, "the name server reports an error" },
        { EAI_MEMORY, ENOMEM, "there is not enough memory" },
#ifdef EAI_NODATA
        { EAI_NODATA, ENOENT, "the name exists but has no address" },
#endif
};

static const struct code_text *find(const struct code_text *table, size_t count, int code)
{
        for (size_t i = 0; i < count; i++)
                if (table[i].code == code)
                        return &table[i];
        return NULL;
}
#define FIND(table, code) find(table, ARRAY_SIZE(table), code)

/* In SUBACK and PUBACK. */
static const struct refusal {
        int code;
        const char *text, *advice; /* NULL: the access list decides it */
} refusals[] = {
        { 0x10, "no matching subscribers", NULL },
        { 0x80, "unspecified error", NULL },
        { 0x83, "implementation specific error", NULL },
        { 0x87, "not authorized", NULL },
        { 0x8f, "topic filter invalid", NULL },
        { 0x90, "topic name invalid", "it does not accept topics of this name" },
        { 0x91, "packet identifier in use", NULL },
        { 0x95, "packet too large", "it accepts no message of this size (message_size_limit, max_packet_size)" },
        { 0x96, "message rate too high", "it accepts no more messages at once" },
        { 0x97, "quota exceeded", "its quota for messages is used up" },
        { 0x99, "payload format invalid", NULL },
        { 0x9e, "shared subscriptions not supported", NULL },
        { 0xa2, "wildcard subscriptions not supported", NULL },
};

static const struct refusal *find_refusal(int code)
{
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
                if (refusals[i].code == code)
                        return &refusals[i];
        return NULL;
}

const char *reason_code_text(int code)
{
        const struct refusal *refusal = find_refusal(code);

        return refusal ? refusal->text : code < 0x80 ? "success" : "refused";
}

const char *reason_code_advice(int code)
{
        const struct refusal *refusal = find_refusal(code);

        return refusal ? refusal->advice : NULL;
}

static void describe_code(const struct code_text *found, int code, struct fault *fault)
{
        if (found)
                (void)fault_set(fault, -found->error, "%s", found->text);
        else
                (void)fault_set(fault, -EPROTO, "the broker closes with reason code 0x%02x", (unsigned)code);
}

static void describe_os(int error, struct fault *fault)
{
        const struct code_text *found = FIND(os_errors, error);

        (void)fault_set(fault, -error, "%s", found ? found->text : strerror(error));
}

static void describe_takeover(const struct transport_end *end, struct fault *fault)
{
        if (end->client_id)
                (void)fault_set(fault, -EADDRINUSE,
                                "another client uses the client id \"%s\": are there two nodes of one name?",
                                end->client_id);
        else
                (void)fault_set(fault, -EADDRINUSE,
                                "another client uses our client id, which follows from our private key: are there two "
                                "nodes of one name, with one key?");
}

void reason_describe(const struct transport_end *end, struct fault *fault)
{
        if (reason_is_taken_over(end))
                describe_takeover(end, fault);
        else if (end->connack > 0)
                describe_code(end->mqtt5 ? FIND(codes_5, end->connack) : FIND(connack_311, end->connack), end->connack,
                              fault);
        else if (end->disconnect > 0)
                describe_code(FIND(codes_5, end->disconnect), end->disconnect, fault);
        else if (end->tls && tls_reason(end->tls, fault))
                return;
        else if (end->silent)
                (void)fault_set(fault, -ETIMEDOUT, "the broker no longer answers");
        else if (reason_is_hang_up(end))
                (void)fault_set(fault, -ECONNRESET, "the broker closed the connection");
        else if (end->os_error && end->os_error != ECONNRESET && end->os_error != EPIPE)
                describe_os(end->os_error, fault);
        else if (end->tls && end->tls->done)
                (void)fault_set(
                        fault, -ECONNRESET,
                        "the other side accepted TLS and closed the connection before it answered CONNECT: is it "
                        "a proxy whose broker is down, a broker that refuses our certificate without a word, or no "
                        "MQTT broker?");
        else
                (void)fault_set(
                        fault, -ECONNRESET,
                        "the broker closed the connection without an answer: does it want TLS (mqtts://), or is "
                        "this no MQTT broker?");
}

void reason_lookup(const char *host, int error, int errno_value, struct fault *fault)
{
        const struct code_text *found = FIND(lookups, error);
        const char *other = error == EAI_SYSTEM ? strerror(errno_value) : gai_strerror(error);

        (void)fault_set(fault, found ? -found->error : -EIO, "the name %s could not be looked up: %s", host,
                        found ? found->text : other);
}

bool reason_wants_311(const struct transport_end *end, bool *ret_certain)
{
        *ret_certain = end->connack == CONNACK_REFUSED_PROTOCOL_VERSION ||
                       end->connack == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION;
        if (!end->mqtt5 || *ret_certain)
                return end->mqtt5;
        return end->connected && end->connack < 0 && (!end->tls || (end->tls->done && end->tls->alert_received < 0));
}

bool reason_is_hang_up(const struct transport_end *end)
{
        return end->connack == 0 && end->disconnect < 0 && !end->silent &&
               (!end->tls || end->tls->alert_received < 0) &&
               (end->os_error == 0 || end->os_error == ECONNRESET || end->os_error == EPIPE);
}

bool reason_is_taken_over(const struct transport_end *end)
{
        return end->disconnect == MQTT_RC_SESSION_TAKEN_OVER;
}
