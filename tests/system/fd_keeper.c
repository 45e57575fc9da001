/* SPDX-License-Identifier: Apache-2.0 */
#include "system/fd_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/process.h"

#define FIRST_FD    3   /* SD_LISTEN_FDS_START */
#define OUT_OF_WAY  100 /* where fds are moved before they take their places */
#define MESSAGE_MAX 4096

static void drop(struct fd_keeper *keeper, size_t i)
{
        free(keeper->items[i].name);
        (void)close(keeper->items[i].fd);
        keeper->items[i] = keeper->items[--keeper->count];
}

static char *value_of(const char *text, const char *key)
{
        const char *at = strstr(text, key);

        at = at ? at + strlen(key) : NULL;
        return at ? strndup(at, strcspn(at, "\n")) : NULL;
}

static void store(struct fd_keeper *keeper, char *name, int fd)
{
        if (keeper->count == FD_KEEPER_MAX || !name || fd < 0)
                give_up("an fd that cannot be stored: \"%s\"", name ? name : "");
        keeper->items[keeper->count].name = name;
        keeper->items[keeper->count++].fd = fd;
}

static void serve(struct fd_keeper *keeper, const char *text, int fd)
{
        char *name = value_of(text, "FDNAME=");

        keeper->n_ready += strstr(text, "READY=1") != NULL;
        if (strstr(text, "FDSTORE=1")) {
                store(keeper, name, fd);
                return;
        }
        for (size_t i = keeper->count; strstr(text, "FDSTOREREMOVE=1") && name && i > 0; i--)
                if (strcmp(keeper->items[i - 1].name, name) == 0)
                        drop(keeper, i - 1);
        free(name);
        if (fd >= 0) /* the end of a barrier's pipe: closed when all before it is done */
                (void)close(fd);
}

static void take(struct pump_source *source, short revents)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        char text[MESSAGE_MAX];
        struct iovec part = { .iov_base = text, .iov_len = sizeof(text) - 1 };
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        int fd = -1;

        (void)revents;
        ssize_t size = recvmsg(source->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0)
                return;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        text[size] = '\0';
        serve(CONTAINER_OF(source, struct fd_keeper, source), text, fd);
}

void fd_keeper_open(struct fd_keeper *keeper, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        *keeper = (struct fd_keeper){ .source = { .fd = fd, .events = POLLIN, .ready = take } };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                give_up("cannot bind %s: %s", path, strerror(errno));
        pump_add(&keeper->source);
}

void fd_keeper_close(struct fd_keeper *keeper)
{
        pump_remove(&keeper->source);
        (void)close(keeper->source.fd);
        while (keeper->count > 0)
                drop(keeper, 0);
}

bool fd_keeper_has(const struct fd_keeper *keeper, const char *begin)
{
        for (size_t i = 0; i < keeper->count; i++)
                if (strncmp(keeper->items[i].name, begin, strlen(begin)) == 0)
                        return true;
        return false;
}

struct wish {
        const struct fd_keeper *keeper;
        const char *begin;
        bool is_there;
};

static bool is_granted(void *userdata)
{
        const struct wish *wish = userdata;

        return fd_keeper_has(wish->keeper, wish->begin) == wish->is_there;
}

void fd_keeper_wait(struct fd_keeper *keeper, const char *begin, bool is_there)
{
        struct wish wish = { keeper, begin, is_there };

        if (!pump_until(is_granted, &wish, SOON_MS))
                give_up("the fd store %s %s", is_there ? "was not given" : "was not rid of", begin);
}

static int put_env(const char *names, size_t count)
{
        char number[24];

        (void)snprintf(number, sizeof(number), "%zu", count);
        if (setenv("LISTEN_FDS", number, 1) < 0 || setenv("LISTEN_FDNAMES", names, 1) < 0)
                return -1;
        (void)snprintf(number, sizeof(number), "%d", (int)getpid());
        return setenv("LISTEN_PID", number, 1);
}

unsigned fd_keeper_give(const struct fd_keeper *keeper)
{
        char names[MESSAGE_MAX] = "";
        int fds[FD_KEEPER_MAX];
        size_t at = 0;

        for (size_t i = 0; i < keeper->count; i++) {
                fds[i] = fcntl(keeper->items[i].fd, F_DUPFD_CLOEXEC, OUT_OF_WAY);
                at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ":" : "", keeper->items[i].name);
        }
        for (size_t i = 0; i < keeper->count; i++)
                if (dup2(fds[i], FIRST_FD + (int)i) < 0)
                        _exit(127);
        if (keeper->count > 0 && put_env(names, keeper->count) < 0)
                _exit(127);
        return (unsigned)keeper->count;
}
