/* SPDX-License-Identifier: Apache-2.0 */
/* An access list as mosquitto 2 reads it: who may do what. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct right {
        const char *user, *filter;
        bool may_read, may_write; /* neither: denied */
};

struct rights {
        char *text;
        const char **users; /* of each block, in the list's order */
        size_t user_count;
        struct right *rows;
        size_t count;
};

/* False: it cannot be read, or has a line that is none of these: `user`, `topic`, a comment. */
bool rights_read(const char *path, struct rights *ret);
void rights_done(struct rights *rights);
bool rights_allow(const struct rights *rights, const char *user, const char *topic, bool is_write);
