/* SPDX-License-Identifier: Apache-2.0 */
#include "home/spent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

#define KEYS 64

/* As it is in the file, for the same program on the same machine. 0 is no key. */
struct page {
        uint64_t keys[KEYS];
        uint32_t next;
};

struct spent {
        int fd;
        struct page page;
};

/* What is shorter, or damaged, knows less. */
static int take_over(struct spent *spent)
{
        struct page page = { 0 };
        struct stat st;

        if (fstat(spent->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (pread(spent->fd, &page, sizeof(page), 0) == (ssize_t)sizeof(page)) {
                spent->page = page;
                spent->page.next %= KEYS;
        }
        return 0;
}

int spent_new(const char *path, struct spent **ret)
{
        CLEANUP_FREE struct spent *spent = calloc(1, sizeof(*spent));

        if (!spent)
                return -ENOMEM;
        spent->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        if (spent->fd < 0)
                return -errno;
        int r = take_over(spent);
        if (r < 0) {
                (void)close(spent->fd);
                return r;
        }
        file_give_to_owner(spent->fd, path);
        *ret = TAKE_PTR(spent);
        return 0;
}

void spent_free(struct spent *spent)
{
        if (!spent)
                return;
        (void)close(spent->fd);
        free(spent);
}

int spent_add(struct spent *spent, uint64_t key)
{
        struct page *page = &spent->page;

        page->keys[page->next] = key;
        page->next = (page->next + 1) % KEYS;
        ssize_t n = pwrite(spent->fd, page, sizeof(*page), 0);
        return n < 0 ? -errno : n < (ssize_t)sizeof(*page) ? -ENOSPC : 0;
}

bool spent_has(const struct spent *spent, uint64_t key)
{
        for (size_t i = 0; i < KEYS; i++)
                if (spent->page.keys[i] == key)
                        return true;
        return false;
}
