/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/packets.h"

#include <string.h>

#include "util/macro.h"

/* ---- A session --------------------------------------------------------------------------------------------------- */

static void add(struct field *field, const void *bytes, size_t size)
{
        size = MIN(size, FIELD_MAX - field->size);
        if (size > 0)
                memcpy(field->bytes + field->size, bytes, size);
        field->size += size;
}

static void add_u8(struct field *field, unsigned number)
{
        add(field, &(uint8_t){ (uint8_t)number }, 1);
}

static void add_u16(struct field *field, size_t number)
{
        add_u8(field, (unsigned)(number >> 8) & 0xffU);
        add_u8(field, (unsigned)number & 0xffU);
}

static void add_text(struct field *field, const char *text)
{
        add_u16(field, strlen(text));
        add(field, text, strlen(text));
}

/* Properties of a PUBLISH. */
enum {
        REPLY = 1,
        CORRELATION = 2,
        EXPIRY = 4,
        EXPIRES = 8,
        CONTENT = 16,
        USER = 32,
        QOS1 = 64,
        QOS2 = 128,
        RETAINED = 256,
};

static void add_properties(struct field *field, unsigned which)
{
        if (which & EXPIRY)
                add(field, "\x02\x00\x00\x00\x3c", 5);
        if (which & CONTENT) {
                add(field, "\x01\x01\x03", 3);
                add_text(field, "application/json");
        }
        if (which & REPLY) {
                add_u8(field, 0x08);
                add_text(field, "sconce/reply/tester/1");
        }
        if (which & CORRELATION) {
                add_u8(field, 0x09);
                add_text(field, "asker-4711");
        }
        if (which & USER) {
                add_u8(field, 0x26);
                add_text(field, "origin");
                add_text(field, "a wall");
        }
        if (which & EXPIRES) {
                add_u8(field, 0x26);
                add_text(field, "expires");
                add_text(field, "2099-01-01T00:00:00Z");
        }
}

static const struct {
        const char *topic, *payload;
        unsigned which;
} publishes[] = {
        { "sconce/hall/kitchen/set", "ON", 0 },
        { "sconce/hall/kitchen/set", "TOGGLE", QOS1 },
        { "sconce/hall/kitchen/set", "{\"state\":\"ON\",\"id\":\"17\"}", QOS1 | REPLY | CORRELATION },
        { "sconce/hall/kitchen/set", "{\"state\":\"OFF\",\"id\":\"18\"}", EXPIRY | EXPIRES | CONTENT | USER },
        { "sconce/hall/pump/set", "{\"state\":\"ON\",\"for\":0.05}", QOS1 | CORRELATION | REPLY },
        { "sconce/hall/pump/set/state", "OFF", QOS1 },
        { "sconce/hall/shutter/set", "OPEN", REPLY },
        { "sconce/hall/shutter/set", "{\"position\":50}", QOS1 },
        { "sconce/hall/shutter/set", "STOP", 0 },
        { "sconce/hall/left/set", "ON", QOS1 },
        { "sconce/hall/right/set", "ON", QOS1 | REPLY },
        { "sconce/hall/kitchen/set", "ON", RETAINED | QOS1 },
        { "sconce/hall/nobody/set", "ON", REPLY | CORRELATION },
        { "sconce/hall/kitchen/get", "", 0 },
        { "sconce/hall/get", "", QOS1 },
        { "sconce/hall/kitchen/get", "{\"trend\":\"24h\"}", QOS1 | REPLY | CORRELATION },
        { "sconce/hall/get", "{\"trend\":\"7d\",\"channel\":\"state\"}", REPLY },
        { "sconce/hall/node/get", "{\"trend\":\"24h\",\"channel\":\"memory_kb\"}", REPLY | CORRELATION },
        { "sconce/hall/status", "offline", RETAINED },
        { "sconce/hall/status", "online", RETAINED | QOS1 },
        { "homeassistant/status", "online", 0 },
        { "sconce/hall/node/set/reload", "PRESS", QOS1 },
        { "sconce/hall/kitchen/set", "{\"state\":\"ON\"}", QOS2 },
        { "sconce/hall/+/set", "ON", 0 },
        { "sconce/hall/#", "ON", 0 },
        { "sconce/hall/kitchen/../../untouched/set", "ON", QOS1 },
        { "sconce/attic/untouched/set", "ON", 0 },
};

static struct draft publish_of(const char *topic, const char *payload, unsigned which)
{
        struct draft draft = { .first = PACKET_PUBLISH << 4 };

        if (which & (QOS1 | QOS2)) {
                draft.first |= which & QOS1 ? 2 : 4;
                draft.id = 77;
        }
        if (which & RETAINED)
                draft.first |= 1;
        add(&draft.topic, topic, strlen(topic));
        add_properties(&draft.properties, which);
        add(&draft.rest, payload, strlen(payload));
        return draft;
}

struct draft draft_publish(const char *topic, const char *payload)
{
        return publish_of(topic, payload, 0);
}

#define OTHER(literal)                                                                                                 \
        {                                                                                                              \
                literal, sizeof(literal) - 1                                                                           \
        }

/* The first byte, then what stands behind the length. */
static const struct {
        const char *bytes;
        size_t size;
} others[] = {
        OTHER("\x40\x00\x03"),                             /* PUBACK */
        OTHER("\x40\x00\x04\x87\x00"),                     /* not authorized */
        OTHER("\x40\x00\x05\x97\x0a\x1f\x00\x07too much"), /* quota */
        OTHER("\x40\x00\x06\x10"),                         /* nobody listens */
        OTHER("\x50\x00\x07"),                             /* PUBREC */
        OTHER("\x62\x00\x4d"),                             /* PUBREL */
        OTHER("\x70\x00\x08"),                             /* PUBCOMP */
        OTHER("\x90\x00\x01\x00\x01\x01\x01\x01\x01"),     /* SUBACK */
        OTHER("\x90\x00\x01\x00\x87\x80\x01\x02\x00"),     /* partly refused */
        OTHER("\x90\x00\x02\x00\x87"),                     /* the birth's */
        OTHER("\xb0\x00\x09\x00\x00"),                     /* UNSUBACK */
        OTHER("\xd0"),                                     /* PINGRESP */
        OTHER("\xe0\x8e\x00"),                             /* taken over */
        OTHER("\xe0\x95\x00"),                             /* too large */
        OTHER("\xe0\x98\x0e\x1f\x00\x0bmaintenance"),      /* DISCONNECT */
        OTHER("\xf0\x18\x0a\x15\x00\x07"
              "anybody"),          /* AUTH */
        OTHER("\x20\x00\x00\x00"), /* a second CONNACK */
        OTHER("\x20\x00\x88\x00"),
        OTHER("\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01x"), /* a client's */
        OTHER("\x82\x00\x0a\x00\x00\x01#\x01"),
};

struct draft draft_any(struct dice *dice)
{
        struct draft draft = { 0 };

        if (dice_chance(dice, 85)) {
                size_t which = (size_t)dice_below(dice, ARRAY_SIZE(publishes));
                return publish_of(publishes[which].topic, publishes[which].payload, publishes[which].which);
        }
        size_t which = (size_t)dice_below(dice, ARRAY_SIZE(others));
        draft.first = (uint8_t)others[which].bytes[0];
        add(&draft.rest, others[which].bytes + 1, others[which].size - 1);
        return draft;
}

struct draft draft_connack(struct dice *dice)
{
        static const struct {
                const char *bytes;
                size_t size;
        } variants[] = {
                OTHER("\x00"), OTHER("\x03\x21\x00\x14"),                  /* receive maximum 20 */
                OTHER("\x0b\x22\x00\x0a\x13\x00\x3c\x27\x00\x00\x40\x00"), /* aliases, keep alive, packet size */
                OTHER("\x10\x12\x00\x05given\x1f\x00\x05hello"),           /* a client id, a reason */
        };
        struct draft draft = { .first = PACKET_CONNACK << 4 };
        size_t which = (size_t)dice_below(dice, ARRAY_SIZE(variants));

        add(&draft.rest, "\x00\x00", 2);
        add(&draft.rest, variants[which].bytes, variants[which].size);
        return draft;
}

struct draft draft_acknowledgement(uint8_t type, uint16_t id)
{
        struct draft draft = { .first = (uint8_t)(type << 4) };

        add_u16(&draft.rest, id);
        if (type == PACKET_SUBACK)
                add(&draft.rest, "\x00\x01\x01\x01\x01\x01", 6);
        return draft;
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

static void put(struct packet_bytes *to, const void *bytes, size_t size)
{
        if (size > 0)
                memcpy(to->bytes + to->size, bytes, size);
        to->size += size;
}

static void put_length(struct packet_bytes *to, size_t length)
{
        do {
                uint8_t byte = (uint8_t)((length & 127U) | (length > 127 ? 128U : 0U));
                put(to, &byte, 1);
                length >>= 7;
        } while (length > 0);
}

void draft_encode(const struct draft *draft, struct packet_bytes *ret)
{
        struct packet_bytes inner = { .size = 0 };
        bool is_publish = draft->first >> 4 == PACKET_PUBLISH;

        if (is_publish) {
                put(&inner, (const uint8_t[]){ (uint8_t)(draft->topic.size >> 8), (uint8_t)draft->topic.size }, 2);
                put(&inner, draft->topic.bytes, draft->topic.size);
                if (draft->first & 6U)
                        put(&inner, (const uint8_t[]){ (uint8_t)(draft->id >> 8), (uint8_t)draft->id }, 2);
                put_length(&inner, draft->properties.size);
                put(&inner, draft->properties.bytes, draft->properties.size);
        }
        put(&inner, draft->rest.bytes, draft->rest.size);
        ret->size = 0;
        put(ret, &draft->first, 1);
        put_length(ret, inner.size);
        put(ret, inner.bytes, inner.size);
}

/* ---- Mutations --------------------------------------------------------------------------------------------------- */

/* What tries to get out of a topic, a file name, a format, a terminal, a JSON text, a number. */
static const struct {
        const char *bytes;
        size_t size;
} escapes[] = {
        OTHER("../../../etc/passwd"),
        OTHER("/../"),
        OTHER("%s%s%n%x"),
        OTHER("%999999d"),
        OTHER("\x1b[31m\x1b[2J"),
        OTHER("\x1b]0;owned\x07"),
        OTHER("\xc2\x9b"
              "31m"),
        OTHER("\n<0>forged"),
        OTHER("+"),
        OTHER("#"),
        OTHER("/#"),
        OTHER("$SYS/"),
        OTHER("\0"),
        OTHER("\xff\xfe"),
        OTHER("\xed\xa0\x80"),
        OTHER("\xe2\x80\xae"),
        OTHER("\xef\xbf\xbf"),
        OTHER("{\"state\":{\"state\":"),
        OTHER("[[[[[[[[[[[[[[[[[[[["),
        OTHER("1e999"),
        OTHER("-0"),
        OTHER("18446744073709551616"),
        OTHER("\\u0000\\ud800"),
        OTHER("\"id\":\"\\u001b[31m\""),
        OTHER("';DROP TABLE saved;--"),
        OTHER("$(reboot)"),
        OTHER("`reboot`"),
        OTHER(","),
        OTHER("\""),
        OTHER("set"),
        OTHER("node"),
};

static void insert(struct field *field, size_t at, const void *bytes, size_t size)
{
        size = MIN(size, FIELD_MAX - field->size);
        memmove(field->bytes + at + size, field->bytes + at, field->size - at);
        memcpy(field->bytes + at, bytes, size);
        field->size += size;
}

static void remove_bytes(struct field *field, size_t at, size_t size)
{
        size = MIN(size, field->size - at);
        memmove(field->bytes + at, field->bytes + at + size, field->size - at - size);
        field->size -= size;
}

static void insert_escape(struct field *field, struct dice *dice)
{
        size_t which = (size_t)dice_below(dice, ARRAY_SIZE(escapes));

        insert(field, (size_t)dice_below(dice, field->size + 1), escapes[which].bytes, escapes[which].size);
}

static void insert_long(struct field *field, struct dice *dice)
{
        uint8_t run[FIELD_MAX];
        size_t size = (size_t)dice_between(dice, 1, dice_chance(dice, 20) ? FIELD_MAX : 100);

        memset(run, dice_chance(dice, 50) ? 'A' : (int)dice_below(dice, 256), size);
        insert(field, (size_t)dice_below(dice, field->size + 1), run, size);
}

static void change_field(struct field *field, struct dice *dice)
{
        static const uint8_t special[] = { 0, 1, 0x7f, 0x80, 0xff, '/', '+', '#', '"', '{', '%', 0x1b };
        size_t at = field->size > 0 ? (size_t)dice_below(dice, field->size) : 0;
        uint64_t way = dice_below(dice, field->size > 0 ? 7 : 2);

        if (way == 0)
                insert_escape(field, dice);
        else if (way == 1)
                insert_long(field, dice);
        else if (way == 2)
                field->bytes[at] ^= (uint8_t)(1U << dice_below(dice, 8));
        else if (way == 3)
                field->bytes[at] = special[dice_below(dice, ARRAY_SIZE(special))];
        else if (way == 4)
                remove_bytes(field, at, (size_t)dice_between(dice, 1, 8));
        else if (way == 5)
                insert(field, at, field->bytes + at, MIN(field->size - at, 16));
        else
                field->bytes[at] = (uint8_t)dice_below(dice, 256);
}

static void change_draft(struct draft *draft, struct dice *dice)
{
        struct field *fields[] = { &draft->rest, &draft->rest,  &draft->rest,      &draft->rest,
                                   &draft->rest, &draft->topic, &draft->properties };
        bool is_publish = draft->first >> 4 == PACKET_PUBLISH;

        if (dice_chance(dice, 3))
                draft->first ^= (uint8_t)(1U << dice_below(dice, 4));
        else if (dice_chance(dice, 3))
                draft->id = (uint16_t)dice_below(dice, 65536);
        else
                change_field(fields[is_publish ? dice_below(dice, ARRAY_SIZE(fields)) : 0], dice);
}

static void mutate(const struct draft *draft, struct dice *dice, struct packet_bytes *ret)
{
        uint64_t changes = dice_chance(dice, 70) ? 1 : dice_between(dice, 2, 3);
        struct draft changed = *draft;

        if (dice_chance(dice, 95)) {
                while (changes-- > 0)
                        change_draft(&changed, dice);
                draft_encode(&changed, ret);
                return;
        }
        /* Wherever it is: type, length, anything. */
        struct field whole = { .size = 0 };
        draft_encode(draft, ret);
        add(&whole, ret->bytes, ret->size);
        while (changes-- > 0)
                change_field(&whole, dice);
        ret->size = 0;
        put(ret, whole.bytes, whole.size);
}

void draft_mutate(const struct draft *draft, struct dice *dice, struct packet_bytes *ret)
{
        struct packet_bytes before;

        draft_encode(draft, &before);
        do
                mutate(draft, dice, ret);
        while (ret->size == before.size && memcmp(ret->bytes, before.bytes, before.size) == 0);
}
