/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of one process of a test, through a page that it shares with the test (tests/faults/memory_page.h): counts its
 * allocations, lets one of them fail, and states what is in use when it is asked to, whenever its loop begins to wait. The
 * page is in the file that SCONCE_TEST_MEMORY names; without it nothing is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../faults/memory_page.h"

#define EXPORT __attribute__((visibility("default")))

/* The C library's own, under the names that it keeps for those who stand before them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static struct memory_page *page;

__attribute__((constructor)) static void open_page(void)
{
        const char *path = getenv("SCONCE_TEST_MEMORY");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *at = fd >= 0 ? mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (fd >= 0)
                (void)close(fd);
        if (at != MAP_FAILED)
                page = at;
}

static int fails(void)
{
        if (!page)
                return 0;
        uint64_t number = atomic_fetch_add(&page->count, 1) + 1;
        if (number != atomic_load(&page->fail_at))
                return 0;
        atomic_store(&page->failed, 1);
        errno = ENOMEM;
        return 1;
}

EXPORT void *malloc(size_t size)
{
        return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
        return fails() ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
        return fails() ? NULL : __libc_realloc(old, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
        return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
        void *at = fails() ? NULL : __libc_memalign(alignment, size);

        if (!at)
                return ENOMEM;
        *ret = at;
        return 0;
}

static void answer(void)
{
        if (page && atomic_exchange(&page->asked, 0)) {
                page->in_use = mallinfo2().uordblks;
                atomic_fetch_add(&page->answered, 1);
        }
}

/* What libsystemd's loop waits with: the one or the other. */
EXPORT int epoll_wait(int fd, struct epoll_event *events, int room, int timeout_ms)
{
        answer();
        return (int)syscall(SYS_epoll_pwait, fd, events, room, timeout_ms, NULL, 0);
}

EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int room, const struct timespec *timeout,
                        const sigset_t *signals)
{
        answer();
        return (int)syscall(SYS_epoll_pwait2, fd, events, room, timeout, signals, (size_t)(_NSIG / 8));
}
