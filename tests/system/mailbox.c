/* SPDX-License-Identifier: Apache-2.0 */
#include "system/mailbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/process.h"

#define MESSAGE_MAX 65536

static struct mailbox *boxes;

static void take(struct pump_source *source, short revents)
{
        struct mailbox *box = CONTAINER_OF(source, struct mailbox, source);
        char text[MESSAGE_MAX];

        (void)revents;
        ssize_t size = recv(source->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        if (size < 0)
                return;
        char **more = realloc(box->items, (box->count + 1) * sizeof(*more));
        char *copy = strndup(text, (size_t)size);
        if (!more || !copy)
                abort();
        box->items = more;
        box->items[box->count++] = copy;
}

struct mailbox *mailbox_new(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct mailbox *box = calloc(1, sizeof(*box));
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (!box || fd < 0 || strlen(path) >= sizeof(address.sun_path))
                give_up("cannot make the socket %s", path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                give_up("cannot bind %s: %s", path, strerror(errno));
        box->source = (struct pump_source){ .fd = fd, .events = POLLIN, .ready = take };
        pump_add(&box->source);
        box->next = boxes;
        boxes = box;
        return box;
}

void mailbox_free_all(void)
{
        for (struct mailbox *box; (box = boxes);) {
                boxes = box->next;
                pump_remove(&box->source);
                (void)close(box->source.fd);
                for (size_t i = 0; i < box->count; i++)
                        free(box->items[i]);
                free(box->items);
                free(box);
        }
}

struct search {
        struct mailbox *box;
        const char *text;
        const char *found;
};

static bool has_come(void *userdata)
{
        struct search *search = userdata;
        struct mailbox *box = search->box;

        while (!search->found && box->cursor < box->count)
                if (strstr(box->items[box->cursor++], search->text))
                        search->found = box->items[box->cursor - 1];
        return search->found;
}

const char *mailbox_wait(struct mailbox *box, const char *text)
{
        struct search search = { box, text, NULL };

        if (!pump_until(has_come, &search, SOON_MS)) {
                for (size_t i = 0; i < box->count; i++)
                        (void)fprintf(stderr, "---- message %zu:\n%s\n", i, box->items[i]);
                give_up("\"%s\" did not come", text);
        }
        return search.found;
}

size_t mailbox_count(const struct mailbox *box, const char *text)
{
        size_t count = 0;

        for (size_t i = 0; i < box->count; i++)
                count += strstr(box->items[i], text) != NULL;
        return count;
}
