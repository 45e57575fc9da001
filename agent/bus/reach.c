/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/reach.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"

static int try_connect(const struct sockaddr *address, socklen_t size)
{
        CLEANUP_CLOSE int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return errno;
        return connect(fd, address, size) == 0 || errno == EINPROGRESS ? EIO : errno;
}

static int try_unix(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= sizeof(address.sun_path))
                return ENAMETOOLONG;
        return try_connect((const struct sockaddr *)&address, sizeof(address));
}

static int try_tcp(const char *host, int port)
{
        const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        char service[16];
        int error = EIO;

        (void)snprintf(service, sizeof(service), "%d", port);
        if (getaddrinfo(host, service, &hints, &found) != 0)
                return EIO;
        for (const struct addrinfo *at = found; at; at = at->ai_next) {
                error = try_connect(at->ai_addr, at->ai_addrlen);
                if (error == EIO)
                        break;
        }
        freeaddrinfo(found);
        return error;
}

int reach_errno(const char *host, int port)
{
        if (errno != EBADF)
                return errno;
        return port == 0 ? try_unix(host) : try_tcp(host, port);
}
