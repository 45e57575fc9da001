/* SPDX-License-Identifier: Apache-2.0 */
#include "tar.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 512U

/* POSIX.1-1988, ustar: numbers are octal digits, ended by a NUL or a blank. */
struct header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6],
                version[2];
        char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static size_t padded(size_t size)
{
        return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static unsigned checksum_of(const struct header *header)
{
        const unsigned char *bytes = (const unsigned char *)header;
        unsigned sum = 0;

        for (size_t i = 0; i < BLOCK; i++)
                sum += i >= offsetof(struct header, checksum) && i < offsetof(struct header, type) ? ' ' : bytes[i];
        return sum;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_header(struct header *header, const struct tar_member *member)
{
        *header = (struct header){ .type = '0', .magic = "ustar", .version = { '0', '0' } };
        (void)snprintf(header->name, sizeof(header->name), "%s", member->name);
        (void)snprintf(header->mode, sizeof(header->mode), "%07o", 0600U);
        (void)snprintf(header->uid, sizeof(header->uid), "%07o", 0U);
        (void)snprintf(header->gid, sizeof(header->gid), "%07o", 0U);
        (void)snprintf(header->size, sizeof(header->size), "%011zo", member->size);
        (void)snprintf(header->mtime, sizeof(header->mtime), "%011llo",
                       (unsigned long long)time(NULL) & 077777777777ULL);
        (void)snprintf(header->checksum, sizeof(header->checksum), "%06o", checksum_of(header));
        header->checksum[7] = ' ';
}

int tar_pack(const struct tar_member *members, size_t count, void **ret, size_t *ret_size, struct fault *fault)
{
        size_t size = (size_t)2 * BLOCK, at = 0;

        for (size_t i = 0; i < count; i++)
                size += BLOCK + padded(members[i].size);
        char *data = calloc(1, size);
        if (!data)
                return fault_set(fault, -ENOMEM, "out of memory");
        for (size_t i = 0; i < count; i++) {
                struct header header;
                put_header(&header, &members[i]);
                memcpy(data + at, &header, BLOCK);
                memcpy(data + at + BLOCK, members[i].data, members[i].size);
                at += BLOCK + padded(members[i].size);
        }
        *ret = data;
        *ret_size = size;
        return 0;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool read_number(const char *field, size_t width, uint64_t *ret)
{
        uint64_t number = 0;
        size_t i = 0;

        for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
                number = number * 8 + (uint64_t)(field[i] - '0');
        if (i == 0 || i > 11 || (i < width && field[i] != '\0' && field[i] != ' '))
                return false;
        *ret = number;
        return true;
}

static bool is_end(const char *block)
{
        for (size_t i = 0; i < BLOCK; i++)
                if (block[i])
                        return false;
        return true;
}

static struct tar_member *find(struct tar_member *members, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(members[i].name, name) == 0)
                        return &members[i];
        return NULL;
}

static int wrong(struct fault *fault)
{
        return fault_set(fault, -EINVAL, "is not such a tar");
}

/* The member that the header is of, and how much it has. NULL: it is of no such member. */
static struct tar_member *read_header(const struct header *header, struct tar_member *members, size_t count,
                                      size_t *ret_size)
{
        char name[sizeof(header->name) + 1] = { 0 };
        uint64_t sum = 0, size = 0;

        memcpy(name, header->name, sizeof(header->name));
        if (!read_number(header->checksum, sizeof(header->checksum), &sum) || sum != checksum_of(header) ||
            !read_number(header->size, sizeof(header->size), &size) || header->prefix[0] != '\0')
                return NULL;
        *ret_size = (size_t)size;
        return find(members, count, name);
}

int tar_read(const void *data, size_t size, struct tar_member *members, size_t count, struct fault *fault)
{
        const char *at = data, *end = at + size;
        size_t found = 0;
        bool is_plain = true;

        for (size_t i = 0; i < count; i++)
                members[i].data = NULL;
        while (end - at >= (ptrdiff_t)BLOCK && !is_end(at)) {
                struct header header;
                size_t length = 0;
                memcpy(&header, at, BLOCK);
                struct tar_member *member = read_header(&header, members, count, &length);
                at += BLOCK;
                if (!member || member->data || length > (size_t)(end - at))
                        return wrong(fault);
                member->data = at;
                member->size = length;
                is_plain &= header.type == '0' || header.type == '\0';
                found++;
                at += padded(length) < (size_t)(end - at) ? padded(length) : (size_t)(end - at);
        }
        if (found != count)
                return wrong(fault);
        return is_plain ? 0 : fault_set(fault, -ENOTSUP, "holds something that is not a plain file");
}
