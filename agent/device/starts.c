/* SPDX-License-Identifier: Apache-2.0 */
#include "device/starts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"
#include "util/thread.h"

#define MARKS   256
#define MAGIC   "sconced starts 1"
#define ID_SIZE 65 /* text_is_id() */

enum state {
        STATE_FREE,
        STATE_HELD,     /* earlier runs have died of it */
        STATE_STARTING, /* now */
        STATE_EXCUSED,  /* now, but for so long that it is seen to be harmless */
};

/* As it is in the file, for the same program on the same machine. */
struct start_mark {
        uint64_t section;
        char device[ID_SIZE];
        uint8_t is_on_loop; /* not bool: a damaged file may hold anything */
        uint16_t deaths;
        atomic_uint state;
        atomic_uint is_culprit; /* it died on the thread that runs this */
};

struct page {
        char magic[sizeof(MAGIC)];
        char boot[40];
        atomic_uint is_known; /* on which thread it died */
        struct start_mark marks[MARKS];
};

static const int fatal[] = { THREAD_FATAL_SIGNALS };

struct starts {
        char *path;
        struct page *page;
        struct sigaction before[ARRAY_SIZE(fatal)];
};

/* The watched one's, for the handlers. */
static struct page *_Atomic watched;
static _Thread_local struct start_mark *running;

/* ---- How it ends --------------------------------------------------------------------------------------- */

/* The first end counts: what another thread runs into while the process goes down is no more than what follows. */
static void note_end(void)
{
        struct page *page = atomic_load(&watched);

        if (!page || atomic_load(&page->is_known))
                return;
        if (running)
                atomic_store(&running->is_culprit, 1);
        atomic_store(&page->is_known, 1);
}

/* Once (SA_RESETHAND): a fault comes again when this returns, and what was sent is sent again. So the core is right. */
static void on_fatal(int signal, siginfo_t *info, void *context)
{
        (void)context;
        note_end();
        if (info->si_code <= 0)
                (void)raise(signal);
}

static void watch(struct starts *starts)
{
        static bool is_at_exit;
        struct sigaction action = { .sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_RESETHAND };

        (void)sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
                (void)sigaction(fatal[i], &action, &starts->before[i]);
        if (!is_at_exit) /* a plugin may call exit() */
                is_at_exit = atexit(note_end) == 0;
        atomic_store(&watched, starts->page);
}

static void unwatch(const struct starts *starts)
{
        if (atomic_load(&watched) != starts->page)
                return;
        atomic_store(&watched, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
                (void)sigaction(fatal[i], &starts->before[i], NULL);
}

struct start_mark *start_mark_enter(struct start_mark *mark)
{
        struct start_mark *before = running;

        running = mark;
        return before;
}

/* ---- Marks --------------------------------------------------------------------------------------------- */

static struct start_mark *find(const struct starts *starts, const char *device)
{
        struct start_mark *marks = starts->page->marks;

        for (size_t i = 0; i < MARKS; i++)
                if (atomic_load(&marks[i].state) != STATE_FREE && strcmp(marks[i].device, device) == 0)
                        return &marks[i];
        return NULL;
}

static struct start_mark *take(const struct starts *starts, const char *device)
{
        struct start_mark *marks = starts->page->marks;

        for (size_t i = 0; i < MARKS; i++) {
                if (atomic_load(&marks[i].state) != STATE_FREE)
                        continue;
                marks[i] = (struct start_mark){ 0 };
                (void)snprintf(marks[i].device, sizeof(marks[i].device), "%s", device);
                return &marks[i];
        }
        return NULL;
}

bool starts_leaves_out(const struct starts *starts, const char *device, uint64_t section)
{
        const struct start_mark *mark = starts ? find(starts, device) : NULL;

        return mark && atomic_load(&mark->state) == STATE_HELD && mark->deaths >= STARTS_DEATHS_MAX &&
               mark->section == section;
}

static void give_another_try(struct start_mark *mark)
{
        mark->deaths = MIN(mark->deaths, STARTS_DEATHS_MAX - 1);
}

struct start_mark *starts_begin(struct starts *starts, const char *device, uint64_t section, bool is_on_loop)
{
        struct start_mark *mark = starts ? find(starts, device) : NULL;

        if (!starts || (mark && atomic_load(&mark->state) != STATE_HELD))
                return NULL;
        if (!mark)
                mark = take(starts, device);
        if (!mark)
                return NULL;
        if (mark->section != section)
                give_another_try(mark);
        mark->section = section;
        mark->is_on_loop = is_on_loop;
        atomic_store(&mark->is_culprit, 0);
        atomic_store(&mark->state, STATE_STARTING); /* the last: the rest is right by now */
        return mark;
}

/* What it has been through stays known. */
static void rest(struct start_mark *mark)
{
        atomic_store(&mark->state, mark->deaths > 0 ? STATE_HELD : STATE_FREE);
}

void start_mark_end(struct start_mark *mark, bool has_started)
{
        if (!mark)
                return;
        if (has_started)
                mark->deaths = 0;
        rest(mark);
}

void start_mark_excuse(struct start_mark *mark)
{
        unsigned starting = STATE_STARTING;

        if (mark)
                (void)atomic_compare_exchange_strong(&mark->state, &starting, STATE_EXCUSED);
}

/* ---- An earlier run ------------------------------------------------------------------------------------ */

static bool is_whole(const struct start_mark *mark)
{
        return atomic_load(&mark->state) <= STATE_EXCUSED && memchr(mark->device, '\0', sizeof(mark->device)) &&
               text_is_id(mark->device);
}

static bool is_of_this_boot(const struct page *page)
{
        return memcmp(page->magic, MAGIC, sizeof(MAGIC)) == 0 && memchr(page->boot, '\0', sizeof(page->boot)) &&
               strcmp(page->boot, clock_boot_id()) == 0;
}

static bool was_starting_on_loop(const struct page *page)
{
        for (size_t i = 0; i < MARKS; i++)
                if (page->marks[i].is_on_loop && atomic_load(&page->marks[i].state) == STATE_STARTING)
                        return true;
        return false;
}

static bool died_of(const struct page *page, const struct start_mark *mark, bool is_loop_at_fault)
{
        if (atomic_load(&page->is_known))
                return atomic_load(&mark->is_culprit);
        return atomic_load(&mark->state) == STATE_STARTING && (mark->is_on_loop || !is_loop_at_fault);
}

static void count_death(struct page *page, struct start_mark *mark, bool is_loop_at_fault)
{
        if (atomic_load(&mark->state) < STATE_STARTING)
                return;
        if (died_of(page, mark, is_loop_at_fault)) {
                mark->deaths = MIN(mark->deaths + 1, STARTS_DEATHS_MAX);
                log_write(LOG_WARNING, &(const struct log_about){ .device = mark->device },
                          "the run before ended while this device was starting: %u of %d times in a row", mark->deaths,
                          STARTS_DEATHS_MAX);
        }
        rest(mark);
}

static void take_over(struct page *page)
{
        bool is_loop_at_fault = was_starting_on_loop(page);

        for (size_t i = 0; i < MARKS; i++)
                if (atomic_load(&page->marks[i].state) == STATE_FREE || !is_whole(&page->marks[i]))
                        page->marks[i] = (struct start_mark){ 0 };
                else
                        count_death(page, &page->marks[i], is_loop_at_fault);
        atomic_store(&page->is_known, 0);
}

static void begin_boot(struct page *page)
{
        *page = (struct page){ .magic = MAGIC };
        (void)snprintf(page->boot, sizeof(page->boot), "%s", clock_boot_id());
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

/* With its blocks: a store to memory that the file system has no room for would be a fault. */
static int map(const char *path, struct page **ret)
{
        CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        file_give_to_owner(fd, path);
        if (ftruncate(fd, sizeof(struct page)) < 0)
                return -errno;
        int r = posix_fallocate(fd, 0, sizeof(struct page));
        if (r != 0)
                return -r;
        void *page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        *ret = page;
        return 0;
}

int starts_new(const char *path, struct starts **ret)
{
        CLEANUP_FREE struct starts *starts = calloc(1, sizeof(*starts));
        CLEANUP_FREE char *copy = strdup(path);
        int r = starts && copy ? map(path, &starts->page) : -ENOMEM;

        if (r < 0)
                return r;
        starts->path = TAKE_PTR(copy);
        if (is_of_this_boot(starts->page))
                take_over(starts->page);
        else
                begin_boot(starts->page);
        watch(starts);
        *ret = TAKE_PTR(starts);
        return 0;
}

/* What an orderly end leaves: of one mark, and whether its start hangs still. */
static bool end_in_order(struct start_mark *mark)
{
        bool hangs = atomic_load(&mark->state) >= STATE_STARTING;

        give_another_try(mark);
        rest(mark);
        return hangs;
}

void starts_free(struct starts *starts)
{
        bool hangs = false, is_empty = true;

        if (!starts)
                return;
        unwatch(starts);
        for (size_t i = 0; i < MARKS; i++) {
                hangs |= end_in_order(&starts->page->marks[i]);
                is_empty &= atomic_load(&starts->page->marks[i].state) == STATE_FREE;
        }
        if (is_empty)
                (void)unlink(starts->path);
        if (!hangs) /* else the memory goes with the process */
                (void)munmap(starts->page, sizeof(*starts->page));
        free(starts->path);
        free(starts);
}
