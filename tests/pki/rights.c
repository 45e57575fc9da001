/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/rights.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/macro.h"

enum { LIST_MAX = 1 << 20 };

static const struct {
        const char *word;
        bool may_read, may_write;
} accesses[] = {
        { "topic read ", true, false },
        { "topic write ", false, true },
        { "topic readwrite ", true, true },
        { "topic deny ", false, false },
};

static void *grown(void *rows, size_t count, size_t size)
{
        rows = reallocarray(rows, count + 1, size);
        if (!rows)
                abort();
        return rows;
}

static bool take_topic(const char *line, struct rights *rights)
{
        for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
                size_t n = strlen(accesses[i].word);
                if (strncmp(line, accesses[i].word, n) != 0 || rights->user_count == 0)
                        continue;
                rights->rows = grown(rights->rows, rights->count, sizeof(*rights->rows));
                rights->rows[rights->count++] = (struct right){ .user = rights->users[rights->user_count - 1],
                                                                .filter = line + n,
                                                                .may_read = accesses[i].may_read,
                                                                .may_write = accesses[i].may_write };
                return true;
        }
        return false;
}

static bool take_line(const char *line, struct rights *rights)
{
        if (*line == '#' || !*line)
                return true;
        if (strncmp(line, "user ", 5) != 0)
                return take_topic(line, rights);
        rights->users = grown(rights->users, rights->user_count, sizeof(*rights->users));
        rights->users[rights->user_count++] = line + 5;
        return true;
}

bool rights_read(const char *path, struct rights *ret)
{
        char *rest = NULL;
        struct file file = { 0 };

        *ret = (struct rights){ 0 };
        if (file_read(path, LIST_MAX, &file, NULL) < 0)
                return false;
        ret->text = file.data;
        for (char *line = strtok_r(ret->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (!take_line(line, ret))
                        return false;
        return true;
}

void rights_done(struct rights *rights)
{
        free(rights->text);
        free(rights->users);
        free(rights->rows);
        *rights = (struct rights){ 0 };
}

static bool matches(const char *filter, const char *topic)
{
        for (;;) {
                size_t n = strcspn(filter, "/"), m = strcspn(topic, "/");
                if (n == 1 && *filter == '#')
                        return true;
                if (!(n == 1 && *filter == '+') && (n != m || strncmp(filter, topic, n) != 0))
                        return false;
                filter += n;
                topic += m;
                if (!*filter || !*topic)
                        return *filter == *topic || strcmp(filter, "/#") == 0;
                filter++;
                topic++;
        }
}

/* What is denied is denied wherever it stands, and for both. */
bool rights_allow(const struct rights *rights, const char *user, const char *topic, bool is_write)
{
        bool may = false;

        for (size_t i = 0; i < rights->count; i++) {
                const struct right *row = &rights->rows[i];
                if (strcmp(row->user, user) != 0 || !matches(row->filter, topic))
                        continue;
                if (!row->may_read && !row->may_write)
                        return false;
                may = may || (is_write ? row->may_write : row->may_read);
        }
        return may;
}
